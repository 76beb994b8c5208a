-- Times are UTC milliseconds, money is minor units, *_sealed columns hold an authenticated cipher text,
-- *_index columns hold keyed hashes for exact look-up.

CREATE TABLE tenants (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    time_zone TEXT COLLATE "C" NOT NULL,
    created_at_ms BIGINT NOT NULL
);

CREATE TABLE users (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    name TEXT COLLATE "C" NOT NULL,
    email_sealed BYTEA NOT NULL,
    email_index TEXT COLLATE "C" NOT NULL UNIQUE,
    password_hash TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    created_at_ms BIGINT NOT NULL,
    disabled_at_ms BIGINT
);
CREATE INDEX users_by_tenant ON users (tenant_id, id);

CREATE TABLE sessions (
    token_hash TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id),
    csrf_token TEXT COLLATE "C" NOT NULL,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);
CREATE INDEX sessions_by_expiry ON sessions (expires_at_ms);

CREATE TABLE api_keys (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    name TEXT COLLATE "C" NOT NULL,
    token_hash TEXT COLLATE "C" NOT NULL UNIQUE,
    role TEXT COLLATE "C" NOT NULL,
    created_at_ms BIGINT NOT NULL,
    revoked_at_ms BIGINT
);
CREATE INDEX api_keys_by_tenant ON api_keys (tenant_id, id);

-- Failed guesses of a password, by who is guessed and from where.
CREATE TABLE sign_in_failures (
    subject TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    failures BIGINT NOT NULL,
    last_failed_at_ms BIGINT NOT NULL
);

CREATE TABLE audit_log (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    actor TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    object_id TEXT COLLATE "C" NOT NULL,
    details TEXT COLLATE "C" NOT NULL,
    request_id TEXT COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX audit_log_by_object ON audit_log (tenant_id, object_id, id);

CREATE TABLE idempotency_keys (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    principal TEXT COLLATE "C" NOT NULL,
    idempotency_key TEXT COLLATE "C" NOT NULL,
    request_hash TEXT COLLATE "C" NOT NULL,
    status BIGINT,
    content_type TEXT COLLATE "C",
    body BYTEA,
    started_at_ms BIGINT NOT NULL,
    lease_until_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, principal, idempotency_key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (started_at_ms);

CREATE TABLE settings (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    name TEXT COLLATE "C" NOT NULL,
    value_sealed BYTEA NOT NULL,
    version BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

-- The owner's own words in place of the shipped ones.
CREATE TABLE message_templates (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    name TEXT COLLATE "C" NOT NULL,
    language TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, name, language)
);

CREATE TABLE pipeline_stages (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    kind TEXT COLLATE "C" NOT NULL,
    title_ru TEXT COLLATE "C" NOT NULL,
    title_en TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    version BIGINT NOT NULL,
    archived_at_ms BIGINT
);
CREATE INDEX pipeline_stages_by_tenant ON pipeline_stages (tenant_id, position);

-- How many clients stand in a stage, in shards so that two new clients don't wait for one row.
CREATE TABLE stage_counts (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    stage_id TEXT COLLATE "C" NOT NULL REFERENCES pipeline_stages (id),
    shard BIGINT NOT NULL,
    clients BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, stage_id, shard)
);

CREATE TABLE clients (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    stage_id TEXT COLLATE "C" NOT NULL REFERENCES pipeline_stages (id),
    display_name TEXT COLLATE "C" NOT NULL,
    username TEXT COLLATE "C",
    search_text TEXT COLLATE "C" NOT NULL,
    language TEXT COLLATE "C" NOT NULL,
    phone_sealed BYTEA,
    phone_index TEXT COLLATE "C",
    email_sealed BYTEA,
    email_index TEXT COLLATE "C",
    notes_sealed BYTEA,
    source TEXT COLLATE "C" NOT NULL,
    campaign TEXT COLLATE "C",
    utm TEXT COLLATE "C" NOT NULL,
    referrer TEXT COLLATE "C",
    start_payload TEXT COLLATE "C",
    needs_trainer BIGINT NOT NULL,
    is_reachable BIGINT NOT NULL,
    owner_id TEXT COLLATE "C" REFERENCES users (id),
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX clients_by_id ON clients (tenant_id, id);
CREATE INDEX clients_by_stage ON clients (tenant_id, stage_id, id);
CREATE INDEX clients_by_source ON clients (tenant_id, source, id);
CREATE INDEX clients_by_stage_and_source ON clients (tenant_id, stage_id, source, id);
CREATE INDEX clients_by_phone ON clients (tenant_id, phone_index) WHERE phone_index IS NOT NULL;
CREATE INDEX clients_by_email ON clients (tenant_id, email_index) WHERE email_index IS NOT NULL;

CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE INDEX clients_by_search_text ON clients USING gin (search_text gin_trgm_ops);

CREATE TABLE client_tags (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    tag TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL REFERENCES clients (id),
    PRIMARY KEY (tenant_id, tag, client_id)
);
CREATE INDEX client_tags_by_client ON client_tags (tenant_id, client_id);

CREATE TABLE client_pipelines (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    client_id TEXT COLLATE "C" NOT NULL REFERENCES clients (id),
    from_stage_id TEXT COLLATE "C" REFERENCES pipeline_stages (id),
    to_stage_id TEXT COLLATE "C" NOT NULL REFERENCES pipeline_stages (id),
    actor TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX client_pipelines_by_client ON client_pipelines (tenant_id, client_id, id);

-- The timeline.
CREATE TABLE client_actions (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    client_id TEXT COLLATE "C" NOT NULL REFERENCES clients (id),
    kind TEXT COLLATE "C" NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    details_sealed BYTEA NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX client_actions_by_client ON client_actions (tenant_id, client_id, id);

CREATE TABLE leads (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    client_id TEXT COLLATE "C" NOT NULL REFERENCES clients (id),
    status TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    taken_by TEXT COLLATE "C",
    created_at_ms BIGINT NOT NULL,
    qualified_at_ms BIGINT,
    closed_at_ms BIGINT,
    version BIGINT NOT NULL
);
CREATE INDEX leads_by_id ON leads (tenant_id, id);
CREATE INDEX leads_by_status ON leads (tenant_id, status, id);
CREATE INDEX leads_by_client ON leads (tenant_id, client_id, id);
-- One open lead a client.
CREATE UNIQUE INDEX leads_open ON leads (tenant_id, client_id) WHERE closed_at_ms IS NULL;

CREATE TABLE deep_links (
    token TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    purpose TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    campaign TEXT COLLATE "C",
    utm TEXT COLLATE "C" NOT NULL,
    referrer TEXT COLLATE "C",
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT,
    used_at_ms BIGINT
);
CREATE INDEX deep_links_by_tenant ON deep_links (tenant_id, created_at_ms);

CREATE TABLE touches (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    client_id TEXT COLLATE "C" NOT NULL REFERENCES clients (id),
    channel TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    campaign TEXT COLLATE "C",
    utm TEXT COLLATE "C" NOT NULL,
    referrer TEXT COLLATE "C",
    payload TEXT COLLATE "C",
    at_ms BIGINT NOT NULL
);
CREATE INDEX touches_by_client ON touches (tenant_id, client_id, id);

CREATE TABLE consents (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    client_id TEXT COLLATE "C" NOT NULL REFERENCES clients (id),
    kind TEXT COLLATE "C" NOT NULL,
    is_granted BIGINT NOT NULL,
    text_hash TEXT COLLATE "C" NOT NULL,
    text_language TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX consents_by_client ON consents (tenant_id, client_id, kind, seq);

-- Where somebody is reached and where their dialogue stands. A conversation belongs to a client or to the trainer.
CREATE TABLE conversations (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    channel TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C" REFERENCES clients (id),
    is_trainer BIGINT NOT NULL,
    language TEXT COLLATE "C" NOT NULL,
    scene_sealed BYTEA,
    -- Name and username as the messenger last told them: an administrator's edit of the client is not undone by it.
    known_as TEXT COLLATE "C" NOT NULL,
    step_ref TEXT COLLATE "C",
    quiet_until_ms BIGINT NOT NULL,
    blocked_at_ms BIGINT,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, channel, address)
);
CREATE INDEX conversations_by_client ON conversations (tenant_id, client_id);
CREATE INDEX conversations_of_trainers ON conversations (tenant_id, channel) WHERE is_trainer = 1;

CREATE TABLE messages (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    client_id TEXT COLLATE "C" NOT NULL REFERENCES clients (id),
    channel TEXT COLLATE "C" NOT NULL,
    direction TEXT COLLATE "C" NOT NULL,
    author TEXT COLLATE "C" NOT NULL,
    body_sealed BYTEA NOT NULL,
    outbox_id TEXT COLLATE "C",
    external_ref TEXT COLLATE "C",
    at_ms BIGINT NOT NULL
);
CREATE INDEX messages_by_client ON messages (tenant_id, client_id, id);

CREATE TABLE questionnaire_forms (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    version BIGINT NOT NULL,
    definition TEXT COLLATE "C" NOT NULL,
    author TEXT COLLATE "C" NOT NULL,
    created_at_ms BIGINT NOT NULL,
    UNIQUE (tenant_id, version)
);

CREATE TABLE questionnaires (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    client_id TEXT COLLATE "C" NOT NULL REFERENCES clients (id),
    status TEXT COLLATE "C" NOT NULL,
    form_version BIGINT NOT NULL,
    needs_trainer BIGINT NOT NULL,
    started_at_ms BIGINT NOT NULL,
    completed_at_ms BIGINT
);
CREATE INDEX questionnaires_by_id ON questionnaires (tenant_id, id);
CREATE INDEX questionnaires_by_client ON questionnaires (tenant_id, client_id, seq);
CREATE INDEX questionnaires_by_status ON questionnaires (tenant_id, status, id);
-- One open run a client.
CREATE UNIQUE INDEX questionnaires_open ON questionnaires (tenant_id, client_id) WHERE status = 'in_progress';

-- A row appears when its question is asked; without an answer it is where somebody dropped off.
CREATE TABLE questionnaire_answers (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    questionnaire_id TEXT COLLATE "C" NOT NULL REFERENCES questionnaires (id),
    question_id TEXT COLLATE "C" NOT NULL,
    value_sealed BYTEA,
    asked_at_ms BIGINT NOT NULL,
    answered_at_ms BIGINT,
    spent_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, questionnaire_id, question_id)
);
CREATE INDEX questionnaire_answers_by_question ON questionnaire_answers (tenant_id, question_id, asked_at_ms);

CREATE TABLE template_snapshots (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    source TEXT COLLATE "C" NOT NULL,
    content_hash TEXT COLLATE "C" NOT NULL,
    men_csv BYTEA NOT NULL,
    women_csv BYTEA NOT NULL,
    exercises_csv BYTEA NOT NULL,
    taken_at_ms BIGINT NOT NULL,
    UNIQUE (tenant_id, content_hash)
);
CREATE INDEX template_snapshots_by_time ON template_snapshots (tenant_id, taken_at_ms);

CREATE TABLE files (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    name TEXT COLLATE "C" NOT NULL,
    mime_type TEXT COLLATE "C" NOT NULL,
    size BIGINT NOT NULL,
    sha256 TEXT COLLATE "C" NOT NULL,
    storage_key TEXT COLLATE "C" NOT NULL,
    external_ids TEXT COLLATE "C" NOT NULL,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX files_by_tenant ON files (tenant_id, id);

CREATE TABLE training_programs (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    client_id TEXT COLLATE "C" NOT NULL REFERENCES clients (id),
    questionnaire_id TEXT COLLATE "C" NOT NULL REFERENCES questionnaires (id),
    version BIGINT NOT NULL,
    scope TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    language TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    template_hash TEXT COLLATE "C",
    wording TEXT COLLATE "C",
    program_sealed BYTEA,
    report_sealed BYTEA,
    file_id TEXT COLLATE "C" REFERENCES files (id),
    error TEXT COLLATE "C",
    created_at_ms BIGINT NOT NULL,
    ready_at_ms BIGINT,
    delivered_at_ms BIGINT,
    UNIQUE (tenant_id, client_id, version)
);
CREATE INDEX training_programs_by_id ON training_programs (tenant_id, id);
CREATE INDEX training_programs_by_client ON training_programs (tenant_id, client_id, id);
CREATE INDEX training_programs_by_status ON training_programs (tenant_id, status, id);

CREATE TABLE products (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    code TEXT COLLATE "C" NOT NULL,
    title_ru TEXT COLLATE "C" NOT NULL,
    title_en TEXT COLLATE "C" NOT NULL,
    description_ru TEXT COLLATE "C" NOT NULL,
    description_en TEXT COLLATE "C" NOT NULL,
    price_minor BIGINT NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    archived_at_ms BIGINT,
    UNIQUE (tenant_id, code)
);

-- What came from outside, once under its sender's own key.
CREATE TABLE inbox (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    source TEXT COLLATE "C" NOT NULL,
    dedupe_key TEXT COLLATE "C" NOT NULL,
    body_sealed BYTEA NOT NULL,
    request_id TEXT COLLATE "C" NOT NULL,
    received_at_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, source, dedupe_key)
);
CREATE INDEX inbox_by_age ON inbox (received_at_ms);

-- What must reach somebody outside, in order for each address.
CREATE TABLE outbox (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    channel TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C" REFERENCES clients (id),
    about_client_id TEXT COLLATE "C" REFERENCES clients (id),
    program_id TEXT COLLATE "C" REFERENCES training_programs (id),
    kind TEXT COLLATE "C" NOT NULL,
    dedupe_key TEXT COLLATE "C",
    content_sealed BYTEA NOT NULL,
    is_step BIGINT NOT NULL,
    edit_ref TEXT COLLATE "C",
    retire_ref TEXT COLLATE "C",
    state TEXT COLLATE "C" NOT NULL,
    due_at_ms BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    lease_owner TEXT COLLATE "C",
    lease_until_ms BIGINT,
    external_ref TEXT COLLATE "C",
    last_error TEXT COLLATE "C",
    request_id TEXT COLLATE "C" NOT NULL,
    created_at_ms BIGINT NOT NULL,
    finished_at_ms BIGINT,
    UNIQUE (tenant_id, dedupe_key)
);
CREATE INDEX outbox_due ON outbox (tenant_id, channel, due_at_ms) WHERE state IN ('queued', 'sending');
CREATE INDEX outbox_waiting ON outbox (tenant_id, channel, address, seq) WHERE state IN ('queued', 'sending');
CREATE INDEX outbox_by_ref ON outbox (tenant_id, channel, address, external_ref) WHERE external_ref IS NOT NULL;
CREATE INDEX outbox_by_age ON outbox (finished_at_ms) WHERE finished_at_ms IS NOT NULL;

-- Bots that claimed lately: they share one rate limit.
CREATE TABLE bot_replicas (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    channel TEXT COLLATE "C" NOT NULL,
    replica TEXT COLLATE "C" NOT NULL,
    seen_at_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, channel, replica)
);

CREATE TABLE jobs (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    kind TEXT COLLATE "C" NOT NULL,
    unique_key TEXT COLLATE "C",
    payload TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    due_at_ms BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    max_attempts BIGINT NOT NULL,
    lease_owner TEXT COLLATE "C",
    lease_until_ms BIGINT,
    last_error TEXT COLLATE "C",
    request_id TEXT COLLATE "C" NOT NULL,
    created_at_ms BIGINT NOT NULL,
    finished_at_ms BIGINT,
    UNIQUE (tenant_id, unique_key)
);
CREATE INDEX jobs_due ON jobs (due_at_ms) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_running ON jobs (lease_until_ms) WHERE state = 'running';
CREATE INDEX jobs_by_state ON jobs (tenant_id, state, id);
CREATE INDEX jobs_by_age ON jobs (finished_at_ms) WHERE finished_at_ms IS NOT NULL;
