-- Times are UTC milliseconds, money is minor units, *_sealed columns hold an authenticated cipher text,
-- *_index columns hold keyed hashes for exact look-up.

CREATE TABLE tenants (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
    id TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    email_sealed BLOB NOT NULL,
    email_index TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    disabled_at_ms INTEGER
) STRICT;
CREATE INDEX users_by_tenant ON users (tenant_id, id);

CREATE TABLE sessions (
    token_hash TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    csrf_token TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_expiry ON sessions (expires_at_ms);

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    revoked_at_ms INTEGER
) STRICT;
CREATE INDEX api_keys_by_tenant ON api_keys (tenant_id, id);

-- Failed guesses of a password, by who is guessed and from where.
CREATE TABLE sign_in_failures (
    subject TEXT PRIMARY KEY NOT NULL,
    failures INTEGER NOT NULL,
    last_failed_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE audit_log (
    id TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    object_id TEXT NOT NULL,
    details TEXT NOT NULL,
    request_id TEXT NOT NULL,
    at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX audit_log_by_object ON audit_log (tenant_id, object_id, id);

CREATE TABLE idempotency_keys (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    principal TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    status INTEGER,
    content_type TEXT,
    body BLOB,
    started_at_ms INTEGER NOT NULL,
    lease_until_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, principal, idempotency_key)
) STRICT;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (started_at_ms);

CREATE TABLE settings (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    value_sealed BLOB NOT NULL,
    version INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, name)
) STRICT;

-- The owner's own words in place of the shipped ones.
CREATE TABLE message_templates (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    language TEXT NOT NULL,
    body TEXT NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, name, language)
) STRICT;

CREATE TABLE pipeline_stages (
    id TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    kind TEXT NOT NULL,
    title_ru TEXT NOT NULL,
    title_en TEXT NOT NULL,
    position INTEGER NOT NULL,
    version INTEGER NOT NULL,
    archived_at_ms INTEGER
) STRICT;
CREATE INDEX pipeline_stages_by_tenant ON pipeline_stages (tenant_id, position);

-- How many clients stand in a stage, in shards so that two new clients don't wait for one row.
CREATE TABLE stage_counts (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    stage_id TEXT NOT NULL REFERENCES pipeline_stages (id),
    shard INTEGER NOT NULL,
    clients INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, stage_id, shard)
) STRICT;

CREATE TABLE clients (
    seq INTEGER PRIMARY KEY NOT NULL,
    id TEXT NOT NULL UNIQUE,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    stage_id TEXT NOT NULL REFERENCES pipeline_stages (id),
    display_name TEXT NOT NULL,
    username TEXT,
    search_text TEXT NOT NULL,
    language TEXT NOT NULL,
    phone_sealed BLOB,
    phone_index TEXT,
    email_sealed BLOB,
    email_index TEXT,
    notes_sealed BLOB,
    source TEXT NOT NULL,
    campaign TEXT,
    utm TEXT NOT NULL,
    referrer TEXT,
    start_payload TEXT,
    needs_trainer INTEGER NOT NULL,
    is_reachable INTEGER NOT NULL,
    owner_id TEXT REFERENCES users (id),
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX clients_by_id ON clients (tenant_id, id);
CREATE INDEX clients_by_stage ON clients (tenant_id, stage_id, id);
CREATE INDEX clients_by_source ON clients (tenant_id, source, id);
CREATE INDEX clients_by_stage_and_source ON clients (tenant_id, stage_id, source, id);
CREATE INDEX clients_by_phone ON clients (tenant_id, phone_index) WHERE phone_index IS NOT NULL;
CREATE INDEX clients_by_email ON clients (tenant_id, email_index) WHERE email_index IS NOT NULL;

CREATE VIRTUAL TABLE clients_search USING fts5 (
    search_text, content = 'clients', content_rowid = 'seq', tokenize = 'trigram', detail = 'full'
);
CREATE TRIGGER clients_search_insert AFTER INSERT ON clients BEGIN
    INSERT INTO clients_search (rowid, search_text) VALUES (new.seq, new.search_text);
END;
CREATE TRIGGER clients_search_update AFTER UPDATE OF search_text ON clients WHEN old.search_text <> new.search_text BEGIN
    INSERT INTO clients_search (clients_search, rowid, search_text) VALUES ('delete', old.seq, old.search_text);
    INSERT INTO clients_search (rowid, search_text) VALUES (new.seq, new.search_text);
END;
CREATE TRIGGER clients_search_delete AFTER DELETE ON clients BEGIN
    INSERT INTO clients_search (clients_search, rowid, search_text) VALUES ('delete', old.seq, old.search_text);
END;

CREATE TABLE client_tags (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    tag TEXT NOT NULL,
    client_id TEXT NOT NULL REFERENCES clients (id),
    PRIMARY KEY (tenant_id, tag, client_id)
) STRICT;
CREATE INDEX client_tags_by_client ON client_tags (tenant_id, client_id);

CREATE TABLE client_pipelines (
    id TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    client_id TEXT NOT NULL REFERENCES clients (id),
    from_stage_id TEXT REFERENCES pipeline_stages (id),
    to_stage_id TEXT NOT NULL REFERENCES pipeline_stages (id),
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX client_pipelines_by_client ON client_pipelines (tenant_id, client_id, id);

-- The timeline.
CREATE TABLE client_actions (
    id TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    client_id TEXT NOT NULL REFERENCES clients (id),
    kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    details_sealed BLOB NOT NULL,
    at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX client_actions_by_client ON client_actions (tenant_id, client_id, id);

CREATE TABLE leads (
    id TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    client_id TEXT NOT NULL REFERENCES clients (id),
    status TEXT NOT NULL,
    source TEXT NOT NULL,
    taken_by TEXT,
    created_at_ms INTEGER NOT NULL,
    qualified_at_ms INTEGER,
    closed_at_ms INTEGER,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX leads_by_id ON leads (tenant_id, id);
CREATE INDEX leads_by_status ON leads (tenant_id, status, id);
CREATE INDEX leads_by_client ON leads (tenant_id, client_id, id);
-- One open lead a client.
CREATE UNIQUE INDEX leads_open ON leads (tenant_id, client_id) WHERE closed_at_ms IS NULL;

CREATE TABLE deep_links (
    token TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    purpose TEXT NOT NULL,
    source TEXT NOT NULL,
    campaign TEXT,
    utm TEXT NOT NULL,
    referrer TEXT,
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER,
    used_at_ms INTEGER
) STRICT;
CREATE INDEX deep_links_by_tenant ON deep_links (tenant_id, created_at_ms);

CREATE TABLE touches (
    id TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    client_id TEXT NOT NULL REFERENCES clients (id),
    channel TEXT NOT NULL,
    source TEXT NOT NULL,
    campaign TEXT,
    utm TEXT NOT NULL,
    referrer TEXT,
    payload TEXT,
    at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX touches_by_client ON touches (tenant_id, client_id, id);

CREATE TABLE consents (
    seq INTEGER PRIMARY KEY NOT NULL,
    id TEXT NOT NULL UNIQUE,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    client_id TEXT NOT NULL REFERENCES clients (id),
    kind TEXT NOT NULL,
    is_granted INTEGER NOT NULL,
    text_hash TEXT NOT NULL,
    text_language TEXT NOT NULL,
    channel TEXT NOT NULL,
    at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX consents_by_client ON consents (tenant_id, client_id, kind, seq);

-- Where somebody is reached and where their dialogue stands. A conversation belongs to a client or to the trainer.
CREATE TABLE conversations (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    channel TEXT NOT NULL,
    address TEXT NOT NULL,
    client_id TEXT REFERENCES clients (id),
    is_trainer INTEGER NOT NULL,
    language TEXT NOT NULL,
    scene_sealed BLOB,
    -- Name and username as the messenger last told them: an administrator's edit of the client is not undone by it.
    known_as TEXT NOT NULL,
    step_ref TEXT,
    quiet_until_ms INTEGER NOT NULL,
    blocked_at_ms INTEGER,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, channel, address)
) STRICT;
CREATE INDEX conversations_by_client ON conversations (tenant_id, client_id);
CREATE INDEX conversations_of_trainers ON conversations (tenant_id, channel) WHERE is_trainer = 1;

CREATE TABLE messages (
    id TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    client_id TEXT NOT NULL REFERENCES clients (id),
    channel TEXT NOT NULL,
    direction TEXT NOT NULL,
    author TEXT NOT NULL,
    body_sealed BLOB NOT NULL,
    outbox_id TEXT,
    external_ref TEXT,
    at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX messages_by_client ON messages (tenant_id, client_id, id);

CREATE TABLE questionnaire_forms (
    id TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    version INTEGER NOT NULL,
    definition TEXT NOT NULL,
    author TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    UNIQUE (tenant_id, version)
) STRICT;

CREATE TABLE questionnaires (
    seq INTEGER PRIMARY KEY NOT NULL,
    id TEXT NOT NULL UNIQUE,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    client_id TEXT NOT NULL REFERENCES clients (id),
    status TEXT NOT NULL,
    form_version INTEGER NOT NULL,
    needs_trainer INTEGER NOT NULL,
    started_at_ms INTEGER NOT NULL,
    completed_at_ms INTEGER
) STRICT;
CREATE INDEX questionnaires_by_id ON questionnaires (tenant_id, id);
CREATE INDEX questionnaires_by_client ON questionnaires (tenant_id, client_id, seq);
CREATE INDEX questionnaires_by_status ON questionnaires (tenant_id, status, id);
-- One open run a client.
CREATE UNIQUE INDEX questionnaires_open ON questionnaires (tenant_id, client_id) WHERE status = 'in_progress';

-- A row appears when its question is asked; without an answer it is where somebody dropped off.
CREATE TABLE questionnaire_answers (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    questionnaire_id TEXT NOT NULL REFERENCES questionnaires (id),
    question_id TEXT NOT NULL,
    value_sealed BLOB,
    asked_at_ms INTEGER NOT NULL,
    answered_at_ms INTEGER,
    spent_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, questionnaire_id, question_id)
) STRICT;
CREATE INDEX questionnaire_answers_by_question ON questionnaire_answers (tenant_id, question_id, asked_at_ms);

CREATE TABLE template_snapshots (
    id TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    source TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    men_csv BLOB NOT NULL,
    women_csv BLOB NOT NULL,
    exercises_csv BLOB NOT NULL,
    taken_at_ms INTEGER NOT NULL,
    UNIQUE (tenant_id, content_hash)
) STRICT;
CREATE INDEX template_snapshots_by_time ON template_snapshots (tenant_id, taken_at_ms);

CREATE TABLE files (
    id TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    mime_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    storage_key TEXT NOT NULL,
    external_ids TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX files_by_tenant ON files (tenant_id, id);

CREATE TABLE training_programs (
    id TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    client_id TEXT NOT NULL REFERENCES clients (id),
    questionnaire_id TEXT NOT NULL REFERENCES questionnaires (id),
    version INTEGER NOT NULL,
    scope TEXT NOT NULL,
    status TEXT NOT NULL,
    language TEXT NOT NULL,
    reason TEXT NOT NULL,
    template_hash TEXT,
    wording TEXT,
    program_sealed BLOB,
    report_sealed BLOB,
    file_id TEXT REFERENCES files (id),
    error TEXT,
    created_at_ms INTEGER NOT NULL,
    ready_at_ms INTEGER,
    delivered_at_ms INTEGER,
    UNIQUE (tenant_id, client_id, version)
) STRICT;
CREATE INDEX training_programs_by_id ON training_programs (tenant_id, id);
CREATE INDEX training_programs_by_client ON training_programs (tenant_id, client_id, id);
CREATE INDEX training_programs_by_status ON training_programs (tenant_id, status, id);

CREATE TABLE products (
    id TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    code TEXT NOT NULL,
    title_ru TEXT NOT NULL,
    title_en TEXT NOT NULL,
    description_ru TEXT NOT NULL,
    description_en TEXT NOT NULL,
    price_minor INTEGER NOT NULL,
    currency TEXT NOT NULL,
    position INTEGER NOT NULL,
    archived_at_ms INTEGER,
    UNIQUE (tenant_id, code)
) STRICT;

-- What came from outside, once under its sender's own key.
CREATE TABLE inbox (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    source TEXT NOT NULL,
    dedupe_key TEXT NOT NULL,
    body_sealed BLOB NOT NULL,
    request_id TEXT NOT NULL,
    received_at_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, source, dedupe_key)
) STRICT;
CREATE INDEX inbox_by_age ON inbox (received_at_ms);

-- What must reach somebody outside, in order for each address.
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY NOT NULL,
    id TEXT NOT NULL UNIQUE,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    channel TEXT NOT NULL,
    address TEXT NOT NULL,
    client_id TEXT REFERENCES clients (id),
    about_client_id TEXT REFERENCES clients (id),
    program_id TEXT REFERENCES training_programs (id),
    kind TEXT NOT NULL,
    dedupe_key TEXT,
    content_sealed BLOB NOT NULL,
    is_step INTEGER NOT NULL,
    edit_ref TEXT,
    retire_ref TEXT,
    state TEXT NOT NULL,
    due_at_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    lease_owner TEXT,
    lease_until_ms INTEGER,
    external_ref TEXT,
    last_error TEXT,
    request_id TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    finished_at_ms INTEGER,
    UNIQUE (tenant_id, dedupe_key)
) STRICT;
CREATE INDEX outbox_due ON outbox (tenant_id, channel, due_at_ms) WHERE state IN ('queued', 'sending');
CREATE INDEX outbox_waiting ON outbox (tenant_id, channel, address, seq) WHERE state IN ('queued', 'sending');
CREATE INDEX outbox_by_ref ON outbox (tenant_id, channel, address, external_ref) WHERE external_ref IS NOT NULL;
CREATE INDEX outbox_by_age ON outbox (finished_at_ms) WHERE finished_at_ms IS NOT NULL;

-- Bots that claimed lately: they share one rate limit.
CREATE TABLE bot_replicas (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    channel TEXT NOT NULL,
    replica TEXT NOT NULL,
    seen_at_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, channel, replica)
) STRICT;

CREATE TABLE jobs (
    id TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    kind TEXT NOT NULL,
    unique_key TEXT,
    payload TEXT NOT NULL,
    state TEXT NOT NULL,
    due_at_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    lease_owner TEXT,
    lease_until_ms INTEGER,
    last_error TEXT,
    request_id TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    finished_at_ms INTEGER,
    UNIQUE (tenant_id, unique_key)
) STRICT;
CREATE INDEX jobs_due ON jobs (due_at_ms) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_running ON jobs (lease_until_ms) WHERE state = 'running';
CREATE INDEX jobs_by_state ON jobs (tenant_id, state, id);
CREATE INDEX jobs_by_age ON jobs (finished_at_ms) WHERE finished_at_ms IS NOT NULL;
