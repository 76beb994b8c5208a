-- What a running installation needs besides its first tables.

-- Since when a bot has been heard without a gap: only such a one may take others for dead.
ALTER TABLE bot_replicas ADD COLUMN heard_since_ms INTEGER NOT NULL DEFAULT 0;

-- Whose lease it is, so that a restarted process need not wait for its own.
ALTER TABLE idempotency_keys ADD COLUMN lease_owner TEXT;
CREATE INDEX idempotency_keys_under_way ON idempotency_keys (lease_owner) WHERE body IS NULL;

-- A running job is found by its due time, which is zero; nothing asks this one any more.
DROP INDEX jobs_running;
UPDATE jobs SET due_at_ms = 0 WHERE state = 'running';

-- Notices for a trainer while no trainer's chat is linked. They wait here for the first one.
CREATE TABLE held_notices (
    id TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    about_client_id TEXT REFERENCES clients (id),
    kind TEXT NOT NULL,
    body_sealed BLOB NOT NULL,
    created_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX held_notices_by_tenant ON held_notices (tenant_id, id);
CREATE INDEX held_notices_by_age ON held_notices (created_at_ms);

-- Claims walk in the order in which they take and stop when they have enough, however long the queue is.
DROP INDEX jobs_due;
CREATE INDEX jobs_due ON jobs (due_at_ms, id) WHERE state IN ('queued', 'running');
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (tenant_id, channel, due_at_ms, seq) WHERE state IN ('queued', 'sending');

-- Lists of everything and of what did not arrive, newest first.
CREATE INDEX jobs_by_id ON jobs (tenant_id, id);
CREATE INDEX outbox_refused ON outbox (tenant_id, id) WHERE state IN ('rejected', 'unreachable');

-- Old ones are forgotten in small bites.
CREATE INDEX sign_in_failures_by_age ON sign_in_failures (last_failed_at_ms);
