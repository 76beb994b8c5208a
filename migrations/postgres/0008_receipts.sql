-- Receipts to their end, methods a payer agreed to keep, and costs of an order.

-- `fiscal`: a cash register gives it; `self_employed`: a person registers it in «Мой налог». Kinds besides those of before:
-- income_refund. Statuses besides: sending (asked for, answer unknown), sent (taken by the provider), canceled (not needed).
ALTER TABLE receipts ADD COLUMN regime TEXT COLLATE "C" NOT NULL DEFAULT 'fiscal';
-- Where the client sees it.
ALTER TABLE receipts ADD COLUMN link TEXT COLLATE "C";
-- How often a provider was asked to give it.
ALTER TABLE receipts ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0;
UPDATE receipts SET regime = 'self_employed' WHERE kind = 'income';
UPDATE receipts SET regime = 'self_employed', kind = 'income_refund' WHERE kind = 'refund' AND status IN ('by_hand', 'registered');
CREATE INDEX receipts_by_regime ON receipts (tenant_id, regime, id);
CREATE INDEX receipts_by_regime_status ON receipts (tenant_id, regime, status, id);
-- A prepayment is closed once an order.
CREATE UNIQUE INDEX receipts_closing ON receipts (tenant_id, order_id) WHERE kind = 'closing';

-- The token is erased when the method is forgotten; the row stays as the proof of it.
CREATE TABLE saved_methods (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    client_id TEXT COLLATE "C" NOT NULL REFERENCES clients (id),
    provider TEXT COLLATE "C" NOT NULL,
    token_sealed BYTEA,
    title TEXT COLLATE "C" NOT NULL,
    -- The payment with which the payer agreed.
    payment_id TEXT COLLATE "C" NOT NULL REFERENCES payments (id),
    created_at_ms BIGINT NOT NULL,
    forgotten_at_ms BIGINT,
    forgotten_by TEXT COLLATE "C"
);
CREATE INDEX saved_methods_by_client ON saved_methods (tenant_id, client_id, id);
CREATE UNIQUE INDEX saved_methods_of_payment ON saved_methods (tenant_id, payment_id);

-- The payer's own wish, ticked before the payment.
ALTER TABLE orders ADD COLUMN wants_saved_method BIGINT NOT NULL DEFAULT 0;
-- A charge without the payer.
ALTER TABLE payments ADD COLUMN saved_method_id TEXT COLLATE "C" REFERENCES saved_methods (id);

-- What was spent on an order, for the day it is given back.
CREATE TABLE order_costs (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    order_id TEXT COLLATE "C" NOT NULL REFERENCES orders (id),
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    currency TEXT COLLATE "C" NOT NULL,
    note_sealed BYTEA NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX order_costs_by_order ON order_costs (tenant_id, order_id, id);
