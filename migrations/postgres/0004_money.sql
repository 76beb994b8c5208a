-- Catalogue, orders, payments, refunds, receipts and the books.

ALTER TABLE products ADD COLUMN delivery_ru TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE products ADD COLUMN delivery_en TEXT COLLATE "C" NOT NULL DEFAULT '';
-- What it gives, as codes with commas between them.
ALTER TABLE products ADD COLUMN grants TEXT COLLATE "C" NOT NULL DEFAULT 'by_hand';
ALTER TABLE products ADD COLUMN is_addon BIGINT NOT NULL DEFAULT 0;
ALTER TABLE products ADD COLUMN is_monthly BIGINT NOT NULL DEFAULT 0;
ALTER TABLE products ADD COLUMN vat TEXT COLLATE "C" NOT NULL DEFAULT 'none';
ALTER TABLE products ADD COLUMN payment_subject TEXT COLLATE "C" NOT NULL DEFAULT 'service';
ALTER TABLE products ADD COLUMN payment_mode TEXT COLLATE "C" NOT NULL DEFAULT 'full_payment';
ALTER TABLE products ADD COLUMN active_from_ms BIGINT;
ALTER TABLE products ADD COLUMN active_to_ms BIGINT;
ALTER TABLE products ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
CREATE INDEX products_by_tenant ON products (tenant_id, id);

-- Several months at once, with their discount.
CREATE TABLE product_packages (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    product_id TEXT COLLATE "C" NOT NULL REFERENCES products (id),
    months BIGINT NOT NULL CHECK (months BETWEEN 1 AND 120),
    basis_points BIGINT NOT NULL CHECK (basis_points BETWEEN 0 AND 10000),
    PRIMARY KEY (tenant_id, product_id, months)
);

CREATE TABLE client_discounts (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    client_id TEXT COLLATE "C" NOT NULL REFERENCES clients (id),
    basis_points BIGINT NOT NULL CHECK (basis_points BETWEEN 0 AND 10000),
    note_sealed BYTEA,
    ends_at_ms BIGINT,
    updated_at_ms BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, client_id)
);

-- `code` is compared, `label` is shown. A use is counted from the order that reserves it.
CREATE TABLE promo_codes (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    code TEXT COLLATE "C" NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    batch TEXT COLLATE "C",
    basis_points BIGINT CHECK (basis_points BETWEEN 0 AND 10000),
    amount_minor BIGINT CHECK (amount_minor >= 0),
    currency TEXT COLLATE "C",
    starts_at_ms BIGINT,
    ends_at_ms BIGINT,
    total_limit BIGINT,
    per_client_limit BIGINT,
    is_first_order_only BIGINT NOT NULL,
    products TEXT COLLATE "C" NOT NULL,
    clients TEXT COLLATE "C" NOT NULL,
    minimum_minor BIGINT,
    minimum_currency TEXT COLLATE "C",
    note TEXT COLLATE "C" NOT NULL,
    is_active BIGINT NOT NULL,
    uses BIGINT NOT NULL CHECK (uses >= 0),
    created_at_ms BIGINT NOT NULL,
    version BIGINT NOT NULL,
    UNIQUE (tenant_id, code),
    CHECK ((basis_points IS NULL) <> (amount_minor IS NULL)),
    CHECK ((amount_minor IS NULL) = (currency IS NULL))
);
CREATE INDEX promo_codes_by_id ON promo_codes (tenant_id, id);
CREATE INDEX promo_codes_by_batch ON promo_codes (tenant_id, batch, id) WHERE batch IS NOT NULL;

CREATE TABLE orders (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    client_id TEXT COLLATE "C" NOT NULL REFERENCES clients (id),
    status TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    language TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    list_minor BIGINT NOT NULL CHECK (list_minor >= 0),
    discount_minor BIGINT NOT NULL CHECK (discount_minor >= 0),
    total_minor BIGINT NOT NULL CHECK (total_minor = list_minor - discount_minor),
    -- The price as it was agreed, with every discount that was looked at.
    breakdown TEXT COLLATE "C" NOT NULL,
    promo_code_id TEXT COLLATE "C" REFERENCES promo_codes (id),
    contact_sealed BYTEA,
    offer_hash TEXT COLLATE "C",
    offer_accepted_at_ms BIGINT,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    paid_at_ms BIGINT,
    fulfilled_at_ms BIGINT,
    closed_at_ms BIGINT,
    version BIGINT NOT NULL
);
CREATE INDEX orders_by_id ON orders (tenant_id, id);
CREATE INDEX orders_by_client ON orders (tenant_id, client_id, id);
CREATE INDEX orders_by_status ON orders (tenant_id, status, id);
CREATE INDEX orders_expiring ON orders (expires_at_ms) WHERE status = 'awaiting_payment';

CREATE TABLE order_lines (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    order_id TEXT COLLATE "C" NOT NULL REFERENCES orders (id),
    position BIGINT NOT NULL,
    product_id TEXT COLLATE "C" NOT NULL REFERENCES products (id),
    title_ru TEXT COLLATE "C" NOT NULL,
    title_en TEXT COLLATE "C" NOT NULL,
    delivery_ru TEXT COLLATE "C" NOT NULL,
    delivery_en TEXT COLLATE "C" NOT NULL,
    grants TEXT COLLATE "C" NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    is_monthly BIGINT NOT NULL,
    unit_price_minor BIGINT NOT NULL CHECK (unit_price_minor >= 0),
    list_minor BIGINT NOT NULL,
    discount_minor BIGINT NOT NULL CHECK (discount_minor >= 0),
    total_minor BIGINT NOT NULL CHECK (total_minor = list_minor - discount_minor AND total_minor >= 0),
    refunded_minor BIGINT NOT NULL CHECK (refunded_minor BETWEEN 0 AND total_minor),
    vat TEXT COLLATE "C" NOT NULL,
    payment_subject TEXT COLLATE "C" NOT NULL,
    payment_mode TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, order_id, position)
);
CREATE INDEX order_lines_by_product ON order_lines (tenant_id, product_id, order_id);

-- A programme that was paid for.
ALTER TABLE training_programs ADD COLUMN order_id TEXT COLLATE "C" REFERENCES orders (id);
CREATE INDEX training_programs_by_order ON training_programs (tenant_id, order_id) WHERE order_id IS NOT NULL;

CREATE TABLE promo_code_usages (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    order_id TEXT COLLATE "C" NOT NULL REFERENCES orders (id),
    promo_code_id TEXT COLLATE "C" NOT NULL REFERENCES promo_codes (id),
    client_id TEXT COLLATE "C" NOT NULL REFERENCES clients (id),
    -- reserved, used or released.
    state TEXT COLLATE "C" NOT NULL,
    discount_minor BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, order_id)
);
CREATE INDEX promo_code_usages_by_code ON promo_code_usages (tenant_id, promo_code_id, client_id);

CREATE TABLE payments (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    order_id TEXT COLLATE "C" NOT NULL REFERENCES orders (id),
    client_id TEXT COLLATE "C" NOT NULL REFERENCES clients (id),
    provider TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    currency TEXT COLLATE "C" NOT NULL,
    -- Given back, and promised to refunds under way.
    refunded_minor BIGINT NOT NULL CHECK (refunded_minor >= 0),
    reserved_minor BIGINT NOT NULL CHECK (reserved_minor >= 0),
    fee_minor BIGINT CHECK (fee_minor >= 0),
    provider_payment_id TEXT COLLATE "C",
    pay_url TEXT COLLATE "C",
    is_test BIGINT NOT NULL,
    decline_code TEXT COLLATE "C",
    decline_advice TEXT COLLATE "C",
    concern TEXT COLLATE "C",
    note_sealed BYTEA,
    actor TEXT COLLATE "C" NOT NULL,
    polls BIGINT NOT NULL,
    next_poll_at_ms BIGINT,
    link_expires_at_ms BIGINT,
    created_at_ms BIGINT NOT NULL,
    paid_at_ms BIGINT,
    closed_at_ms BIGINT,
    version BIGINT NOT NULL,
    CHECK (refunded_minor + reserved_minor <= amount_minor)
);
CREATE INDEX payments_by_id ON payments (tenant_id, id);
CREATE INDEX payments_by_client ON payments (tenant_id, client_id, id);
CREATE INDEX payments_by_order ON payments (tenant_id, order_id, id);
CREATE INDEX payments_by_status ON payments (tenant_id, status, id);
CREATE INDEX payments_to_poll ON payments (next_poll_at_ms) WHERE next_poll_at_ms IS NOT NULL;
CREATE UNIQUE INDEX payments_of_provider ON payments (tenant_id, provider, provider_payment_id) WHERE provider_payment_id IS NOT NULL;
-- One live payment an order: neither paid nor closed.
CREATE UNIQUE INDEX payments_live ON payments (tenant_id, order_id) WHERE paid_at_ms IS NULL AND closed_at_ms IS NULL;

-- Everything that was ever seen of a payment, also what changed nothing.
CREATE TABLE payment_events (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    payment_id TEXT COLLATE "C" NOT NULL REFERENCES payments (id),
    source TEXT COLLATE "C" NOT NULL,
    seen TEXT COLLATE "C" NOT NULL,
    decision TEXT COLLATE "C" NOT NULL,
    request_id TEXT COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX payment_events_by_payment ON payment_events (tenant_id, payment_id, id);

CREATE TABLE refunds (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    payment_id TEXT COLLATE "C" NOT NULL REFERENCES payments (id),
    order_id TEXT COLLATE "C" NOT NULL REFERENCES orders (id),
    client_id TEXT COLLATE "C" NOT NULL REFERENCES clients (id),
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    currency TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    -- What each line of the order gives up: positions and minor units, as JSON.
    parts TEXT COLLATE "C" NOT NULL,
    reason_sealed BYTEA NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    provider_refund_id TEXT COLLATE "C",
    failure TEXT COLLATE "C",
    created_at_ms BIGINT NOT NULL,
    finished_at_ms BIGINT,
    version BIGINT NOT NULL
);
CREATE INDEX refunds_by_id ON refunds (tenant_id, id);
CREATE INDEX refunds_by_payment ON refunds (tenant_id, payment_id, id);
CREATE INDEX refunds_by_order ON refunds (tenant_id, order_id, id);
CREATE INDEX refunds_by_status ON refunds (tenant_id, status, id);

-- Tax receipts, and incomes a self-employed seller has to register.
CREATE TABLE receipts (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    order_id TEXT COLLATE "C" NOT NULL REFERENCES orders (id),
    payment_id TEXT COLLATE "C" REFERENCES payments (id),
    refund_id TEXT COLLATE "C" REFERENCES refunds (id),
    -- payment, refund, closing or income.
    kind TEXT COLLATE "C" NOT NULL,
    -- queued, with_payment, registered, failed or by_hand.
    status TEXT COLLATE "C" NOT NULL,
    amount_minor BIGINT NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    body_sealed BYTEA NOT NULL,
    provider_receipt_id TEXT COLLATE "C",
    failure TEXT COLLATE "C",
    created_at_ms BIGINT NOT NULL,
    finished_at_ms BIGINT
);
CREATE INDEX receipts_by_id ON receipts (tenant_id, id);
CREATE INDEX receipts_by_order ON receipts (tenant_id, order_id, id);
CREATE INDEX receipts_by_status ON receipts (tenant_id, status, id);
CREATE UNIQUE INDEX receipts_of_payment ON receipts (tenant_id, payment_id, kind) WHERE refund_id IS NULL;
CREATE UNIQUE INDEX receipts_of_refund ON receipts (tenant_id, refund_id, kind) WHERE refund_id IS NOT NULL;

-- What a person has to do, with the facts on it.
CREATE TABLE tasks (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    kind TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    dedupe_key TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C" REFERENCES clients (id),
    order_id TEXT COLLATE "C" REFERENCES orders (id),
    payment_id TEXT COLLATE "C" REFERENCES payments (id),
    refund_id TEXT COLLATE "C" REFERENCES refunds (id),
    facts_sealed BYTEA NOT NULL,
    done_by TEXT COLLATE "C",
    created_at_ms BIGINT NOT NULL,
    done_at_ms BIGINT,
    UNIQUE (tenant_id, dedupe_key)
);
CREATE INDEX tasks_by_id ON tasks (tenant_id, id);
CREATE INDEX tasks_by_status ON tasks (tenant_id, status, id);
CREATE INDEX tasks_by_client ON tasks (tenant_id, client_id, id);

-- `id` names kind, owner and currency, so that an account is found without a look-up.
CREATE TABLE ledger_accounts (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, id, currency)
);
CREATE INDEX ledger_accounts_by_kind ON ledger_accounts (tenant_id, kind, id);

-- Debits minus credits. A bounded account has one row, which the schema checks; the others are spread over shards.
CREATE TABLE ledger_balances (
    tenant_id TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    shard BIGINT NOT NULL,
    balance_minor BIGINT NOT NULL,
    highest_minor BIGINT,
    PRIMARY KEY (tenant_id, account_id, shard),
    FOREIGN KEY (tenant_id, account_id) REFERENCES ledger_accounts (tenant_id, id),
    CHECK (highest_minor IS NULL OR balance_minor <= highest_minor)
);

-- The key says what is booked and because of what: nothing is booked twice.
CREATE TABLE ledger_transfers (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    kind TEXT COLLATE "C" NOT NULL,
    transfer_key TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C" REFERENCES clients (id),
    request_id TEXT COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL,
    UNIQUE (tenant_id, transfer_key)
);
CREATE INDEX ledger_transfers_by_client ON ledger_transfers (tenant_id, client_id, id);
CREATE INDEX ledger_transfers_by_id ON ledger_transfers (tenant_id, id);

-- Both sides in one row: nothing unbalanced can be written. One currency for the row and both of its accounts.
CREATE TABLE ledger_postings (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL,
    transfer_id TEXT COLLATE "C" NOT NULL REFERENCES ledger_transfers (id),
    position BIGINT NOT NULL,
    debit_account_id TEXT COLLATE "C" NOT NULL,
    credit_account_id TEXT COLLATE "C" NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    currency TEXT COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL,
    UNIQUE (transfer_id, position),
    CHECK (debit_account_id <> credit_account_id),
    FOREIGN KEY (tenant_id, debit_account_id, currency) REFERENCES ledger_accounts (tenant_id, id, currency),
    FOREIGN KEY (tenant_id, credit_account_id, currency) REFERENCES ledger_accounts (tenant_id, id, currency)
);
-- With the amount, so that sums read the index alone.
CREATE INDEX ledger_postings_by_debit ON ledger_postings (tenant_id, debit_account_id, seq, amount_minor);
CREATE INDEX ledger_postings_by_credit ON ledger_postings (tenant_id, credit_account_id, seq, amount_minor);

CREATE FUNCTION ledger_stays () RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'postings and transfers are never changed or deleted';
END
$$;
CREATE TRIGGER ledger_postings_stay BEFORE UPDATE OR DELETE ON ledger_postings
    FOR EACH ROW EXECUTE FUNCTION ledger_stays ();
CREATE TRIGGER ledger_transfers_stay BEFORE UPDATE OR DELETE ON ledger_transfers
    FOR EACH ROW EXECUTE FUNCTION ledger_stays ();
-- TRUNCATE passes by the triggers of rows.
CREATE TRIGGER ledger_postings_remain BEFORE TRUNCATE ON ledger_postings
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_stays ();
CREATE TRIGGER ledger_transfers_remain BEFORE TRUNCATE ON ledger_transfers
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_stays ();
