-- The books against the banks: comparisons, refunds made elsewhere, holds that are taken in part.

-- `here`, or `provider` for one that was made in the provider's own cabinet.
ALTER TABLE refunds ADD COLUMN origin TEXT NOT NULL DEFAULT 'here';
-- What a provider calls one refund is booked once.
CREATE UNIQUE INDEX refunds_of_provider ON refunds (tenant_id, payment_id, provider_refund_id)
    WHERE provider_refund_id IS NOT NULL AND status <> 'failed';
CREATE INDEX refunds_by_end ON refunds (tenant_id, finished_at_ms) WHERE finished_at_ms IS NOT NULL;

-- How much of a hold is taken, once somebody has decided for a part.
ALTER TABLE payments ADD COLUMN capture_minor INTEGER CHECK (capture_minor > 0);
-- When it was last compared with its provider.
ALTER TABLE payments ADD COLUMN reconciled_at_ms INTEGER;

-- A comparison of the payments since `since_ms` with one provider. It goes on at `stage` and `place`.
CREATE TABLE reconciliations (
    id TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    provider TEXT NOT NULL,
    -- running, done or failed.
    status TEXT NOT NULL,
    actor TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    stage TEXT NOT NULL,
    place TEXT,
    step INTEGER NOT NULL,
    failure TEXT,
    created_at_ms INTEGER NOT NULL,
    finished_at_ms INTEGER
) STRICT;
CREATE INDEX reconciliations_by_id ON reconciliations (tenant_id, id);
CREATE INDEX reconciliations_by_provider ON reconciliations (tenant_id, provider, id);
CREATE UNIQUE INDEX reconciliations_running ON reconciliations (tenant_id, provider) WHERE finished_at_ms IS NULL;

-- What was compared of a day (in the tenant's time zone), and what the provider has of other systems.
CREATE TABLE reconciliation_days (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    reconciliation_id TEXT NOT NULL REFERENCES reconciliations (id),
    day TEXT NOT NULL,
    checked INTEGER NOT NULL CHECK (checked >= 0),
    others INTEGER NOT NULL CHECK (others >= 0),
    PRIMARY KEY (tenant_id, reconciliation_id, day)
) STRICT;

CREATE TABLE reconciliation_differences (
    id TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    reconciliation_id TEXT NOT NULL REFERENCES reconciliations (id),
    day TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- A step that is repeated finds the same once.
    dedupe_key TEXT NOT NULL,
    -- mended or task.
    outcome TEXT NOT NULL,
    payment_id TEXT REFERENCES payments (id),
    provider_payment_id TEXT,
    -- What both sides say: JSON.
    facts TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    UNIQUE (tenant_id, reconciliation_id, dedupe_key)
) STRICT;
CREATE INDEX reconciliation_differences_by_run ON reconciliation_differences (tenant_id, reconciliation_id, id);

-- A task that may come back leaves its key free once it is done.
UPDATE tasks SET dedupe_key = dedupe_key || ':' || id WHERE status = 'done' AND kind = 'misconfigured';
