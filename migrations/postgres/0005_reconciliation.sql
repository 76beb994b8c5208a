-- The books against the banks: comparisons, refunds made elsewhere, holds that are taken in part.

-- `here`, or `provider` for one that was made in the provider's own cabinet.
ALTER TABLE refunds ADD COLUMN origin TEXT COLLATE "C" NOT NULL DEFAULT 'here';
-- What a provider calls one refund is booked once.
CREATE UNIQUE INDEX refunds_of_provider ON refunds (tenant_id, payment_id, provider_refund_id)
    WHERE provider_refund_id IS NOT NULL AND status <> 'failed';
CREATE INDEX refunds_by_end ON refunds (tenant_id, finished_at_ms) WHERE finished_at_ms IS NOT NULL;

-- How much of a hold is taken, once somebody has decided for a part.
ALTER TABLE payments ADD COLUMN capture_minor BIGINT CHECK (capture_minor > 0);
-- When it was last compared with its provider.
ALTER TABLE payments ADD COLUMN reconciled_at_ms BIGINT;

-- A comparison of the payments since `since_ms` with one provider. It goes on at `stage` and `place`.
CREATE TABLE reconciliations (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    provider TEXT COLLATE "C" NOT NULL,
    -- running, done or failed.
    status TEXT COLLATE "C" NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    since_ms BIGINT NOT NULL,
    stage TEXT COLLATE "C" NOT NULL,
    place TEXT COLLATE "C",
    step BIGINT NOT NULL,
    failure TEXT COLLATE "C",
    created_at_ms BIGINT NOT NULL,
    finished_at_ms BIGINT
);
CREATE INDEX reconciliations_by_id ON reconciliations (tenant_id, id);
CREATE INDEX reconciliations_by_provider ON reconciliations (tenant_id, provider, id);
CREATE UNIQUE INDEX reconciliations_running ON reconciliations (tenant_id, provider) WHERE finished_at_ms IS NULL;

-- What was compared of a day (in the tenant's time zone), and what the provider has of other systems.
CREATE TABLE reconciliation_days (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    reconciliation_id TEXT COLLATE "C" NOT NULL REFERENCES reconciliations (id),
    day TEXT COLLATE "C" NOT NULL,
    checked BIGINT NOT NULL CHECK (checked >= 0),
    others BIGINT NOT NULL CHECK (others >= 0),
    PRIMARY KEY (tenant_id, reconciliation_id, day)
);

CREATE TABLE reconciliation_differences (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    reconciliation_id TEXT COLLATE "C" NOT NULL REFERENCES reconciliations (id),
    day TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    -- A step that is repeated finds the same once.
    dedupe_key TEXT COLLATE "C" NOT NULL,
    -- mended or task.
    outcome TEXT COLLATE "C" NOT NULL,
    payment_id TEXT COLLATE "C" REFERENCES payments (id),
    provider_payment_id TEXT COLLATE "C",
    -- What both sides say: JSON.
    facts TEXT COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL,
    UNIQUE (tenant_id, reconciliation_id, dedupe_key)
);
CREATE INDEX reconciliation_differences_by_run ON reconciliation_differences (tenant_id, reconciliation_id, id);

-- A task that may come back leaves its key free once it is done.
UPDATE tasks SET dedupe_key = dedupe_key || ':' || id WHERE status = 'done' AND kind = 'misconfigured';
