-- Catalogue, orders, payments, refunds, receipts and the books.

ALTER TABLE products ADD COLUMN delivery_ru TEXT NOT NULL DEFAULT '';
ALTER TABLE products ADD COLUMN delivery_en TEXT NOT NULL DEFAULT '';
-- What it gives, as codes with commas between them.
ALTER TABLE products ADD COLUMN grants TEXT NOT NULL DEFAULT 'by_hand';
ALTER TABLE products ADD COLUMN is_addon INTEGER NOT NULL DEFAULT 0;
ALTER TABLE products ADD COLUMN is_monthly INTEGER NOT NULL DEFAULT 0;
ALTER TABLE products ADD COLUMN vat TEXT NOT NULL DEFAULT 'none';
ALTER TABLE products ADD COLUMN payment_subject TEXT NOT NULL DEFAULT 'service';
ALTER TABLE products ADD COLUMN payment_mode TEXT NOT NULL DEFAULT 'full_payment';
ALTER TABLE products ADD COLUMN active_from_ms INTEGER;
ALTER TABLE products ADD COLUMN active_to_ms INTEGER;
ALTER TABLE products ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
CREATE INDEX products_by_tenant ON products (tenant_id, id);

-- Several months at once, with their discount.
CREATE TABLE product_packages (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    product_id TEXT NOT NULL REFERENCES products (id),
    months INTEGER NOT NULL CHECK (months BETWEEN 1 AND 120),
    basis_points INTEGER NOT NULL CHECK (basis_points BETWEEN 0 AND 10000),
    PRIMARY KEY (tenant_id, product_id, months)
) STRICT;

CREATE TABLE client_discounts (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    client_id TEXT NOT NULL REFERENCES clients (id),
    basis_points INTEGER NOT NULL CHECK (basis_points BETWEEN 0 AND 10000),
    note_sealed BLOB,
    ends_at_ms INTEGER,
    updated_at_ms INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, client_id)
) STRICT;

-- `code` is compared, `label` is shown. A use is counted from the order that reserves it.
CREATE TABLE promo_codes (
    id TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    code TEXT NOT NULL,
    label TEXT NOT NULL,
    batch TEXT,
    basis_points INTEGER CHECK (basis_points BETWEEN 0 AND 10000),
    amount_minor INTEGER CHECK (amount_minor >= 0),
    currency TEXT,
    starts_at_ms INTEGER,
    ends_at_ms INTEGER,
    total_limit INTEGER,
    per_client_limit INTEGER,
    is_first_order_only INTEGER NOT NULL,
    products TEXT NOT NULL,
    clients TEXT NOT NULL,
    minimum_minor INTEGER,
    minimum_currency TEXT,
    note TEXT NOT NULL,
    is_active INTEGER NOT NULL,
    uses INTEGER NOT NULL CHECK (uses >= 0),
    created_at_ms INTEGER NOT NULL,
    version INTEGER NOT NULL,
    UNIQUE (tenant_id, code),
    CHECK ((basis_points IS NULL) <> (amount_minor IS NULL)),
    CHECK ((amount_minor IS NULL) = (currency IS NULL))
) STRICT;
CREATE INDEX promo_codes_by_id ON promo_codes (tenant_id, id);
CREATE INDEX promo_codes_by_batch ON promo_codes (tenant_id, batch, id) WHERE batch IS NOT NULL;

CREATE TABLE orders (
    id TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    client_id TEXT NOT NULL REFERENCES clients (id),
    status TEXT NOT NULL,
    channel TEXT NOT NULL,
    language TEXT NOT NULL,
    currency TEXT NOT NULL,
    list_minor INTEGER NOT NULL CHECK (list_minor >= 0),
    discount_minor INTEGER NOT NULL CHECK (discount_minor >= 0),
    total_minor INTEGER NOT NULL CHECK (total_minor = list_minor - discount_minor),
    -- The price as it was agreed, with every discount that was looked at.
    breakdown TEXT NOT NULL,
    promo_code_id TEXT REFERENCES promo_codes (id),
    contact_sealed BLOB,
    offer_hash TEXT,
    offer_accepted_at_ms INTEGER,
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    paid_at_ms INTEGER,
    fulfilled_at_ms INTEGER,
    closed_at_ms INTEGER,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX orders_by_id ON orders (tenant_id, id);
CREATE INDEX orders_by_client ON orders (tenant_id, client_id, id);
CREATE INDEX orders_by_status ON orders (tenant_id, status, id);
CREATE INDEX orders_expiring ON orders (expires_at_ms) WHERE status = 'awaiting_payment';

CREATE TABLE order_lines (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    order_id TEXT NOT NULL REFERENCES orders (id),
    position INTEGER NOT NULL,
    product_id TEXT NOT NULL REFERENCES products (id),
    title_ru TEXT NOT NULL,
    title_en TEXT NOT NULL,
    delivery_ru TEXT NOT NULL,
    delivery_en TEXT NOT NULL,
    grants TEXT NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    is_monthly INTEGER NOT NULL,
    unit_price_minor INTEGER NOT NULL CHECK (unit_price_minor >= 0),
    list_minor INTEGER NOT NULL,
    discount_minor INTEGER NOT NULL CHECK (discount_minor >= 0),
    total_minor INTEGER NOT NULL CHECK (total_minor = list_minor - discount_minor AND total_minor >= 0),
    refunded_minor INTEGER NOT NULL CHECK (refunded_minor BETWEEN 0 AND total_minor),
    vat TEXT NOT NULL,
    payment_subject TEXT NOT NULL,
    payment_mode TEXT NOT NULL,
    PRIMARY KEY (tenant_id, order_id, position)
) STRICT;
CREATE INDEX order_lines_by_product ON order_lines (tenant_id, product_id, order_id);

-- A programme that was paid for.
ALTER TABLE training_programs ADD COLUMN order_id TEXT REFERENCES orders (id);
CREATE INDEX training_programs_by_order ON training_programs (tenant_id, order_id) WHERE order_id IS NOT NULL;

CREATE TABLE promo_code_usages (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    order_id TEXT NOT NULL REFERENCES orders (id),
    promo_code_id TEXT NOT NULL REFERENCES promo_codes (id),
    client_id TEXT NOT NULL REFERENCES clients (id),
    -- reserved, used or released.
    state TEXT NOT NULL,
    discount_minor INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, order_id)
) STRICT;
CREATE INDEX promo_code_usages_by_code ON promo_code_usages (tenant_id, promo_code_id, client_id);

CREATE TABLE payments (
    id TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    order_id TEXT NOT NULL REFERENCES orders (id),
    client_id TEXT NOT NULL REFERENCES clients (id),
    provider TEXT NOT NULL,
    status TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    -- Given back, and promised to refunds under way.
    refunded_minor INTEGER NOT NULL CHECK (refunded_minor >= 0),
    reserved_minor INTEGER NOT NULL CHECK (reserved_minor >= 0),
    fee_minor INTEGER CHECK (fee_minor >= 0),
    provider_payment_id TEXT,
    pay_url TEXT,
    is_test INTEGER NOT NULL,
    decline_code TEXT,
    decline_advice TEXT,
    concern TEXT,
    note_sealed BLOB,
    actor TEXT NOT NULL,
    polls INTEGER NOT NULL,
    next_poll_at_ms INTEGER,
    link_expires_at_ms INTEGER,
    created_at_ms INTEGER NOT NULL,
    paid_at_ms INTEGER,
    closed_at_ms INTEGER,
    version INTEGER NOT NULL,
    CHECK (refunded_minor + reserved_minor <= amount_minor)
) STRICT;
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
    id TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    payment_id TEXT NOT NULL REFERENCES payments (id),
    source TEXT NOT NULL,
    seen TEXT NOT NULL,
    decision TEXT NOT NULL,
    request_id TEXT NOT NULL,
    at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX payment_events_by_payment ON payment_events (tenant_id, payment_id, id);

CREATE TABLE refunds (
    id TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    payment_id TEXT NOT NULL REFERENCES payments (id),
    order_id TEXT NOT NULL REFERENCES orders (id),
    client_id TEXT NOT NULL REFERENCES clients (id),
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    status TEXT NOT NULL,
    -- What each line of the order gives up: positions and minor units, as JSON.
    parts TEXT NOT NULL,
    reason_sealed BLOB NOT NULL,
    actor TEXT NOT NULL,
    provider_refund_id TEXT,
    failure TEXT,
    created_at_ms INTEGER NOT NULL,
    finished_at_ms INTEGER,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX refunds_by_id ON refunds (tenant_id, id);
CREATE INDEX refunds_by_payment ON refunds (tenant_id, payment_id, id);
CREATE INDEX refunds_by_order ON refunds (tenant_id, order_id, id);
CREATE INDEX refunds_by_status ON refunds (tenant_id, status, id);

-- Tax receipts, and incomes a self-employed seller has to register.
CREATE TABLE receipts (
    id TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    order_id TEXT NOT NULL REFERENCES orders (id),
    payment_id TEXT REFERENCES payments (id),
    refund_id TEXT REFERENCES refunds (id),
    -- payment, refund, closing or income.
    kind TEXT NOT NULL,
    -- queued, with_payment, registered, failed or by_hand.
    status TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    currency TEXT NOT NULL,
    body_sealed BLOB NOT NULL,
    provider_receipt_id TEXT,
    failure TEXT,
    created_at_ms INTEGER NOT NULL,
    finished_at_ms INTEGER
) STRICT;
CREATE INDEX receipts_by_id ON receipts (tenant_id, id);
CREATE INDEX receipts_by_order ON receipts (tenant_id, order_id, id);
CREATE INDEX receipts_by_status ON receipts (tenant_id, status, id);
CREATE UNIQUE INDEX receipts_of_payment ON receipts (tenant_id, payment_id, kind) WHERE refund_id IS NULL;
CREATE UNIQUE INDEX receipts_of_refund ON receipts (tenant_id, refund_id, kind) WHERE refund_id IS NOT NULL;

-- What a person has to do, with the facts on it.
CREATE TABLE tasks (
    id TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    dedupe_key TEXT NOT NULL,
    client_id TEXT REFERENCES clients (id),
    order_id TEXT REFERENCES orders (id),
    payment_id TEXT REFERENCES payments (id),
    refund_id TEXT REFERENCES refunds (id),
    facts_sealed BLOB NOT NULL,
    done_by TEXT,
    created_at_ms INTEGER NOT NULL,
    done_at_ms INTEGER,
    UNIQUE (tenant_id, dedupe_key)
) STRICT;
CREATE INDEX tasks_by_id ON tasks (tenant_id, id);
CREATE INDEX tasks_by_status ON tasks (tenant_id, status, id);
CREATE INDEX tasks_by_client ON tasks (tenant_id, client_id, id);

-- `id` names kind, owner and currency, so that an account is found without a look-up.
CREATE TABLE ledger_accounts (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    owner TEXT NOT NULL,
    currency TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, id, currency)
) STRICT;
CREATE INDEX ledger_accounts_by_kind ON ledger_accounts (tenant_id, kind, id);

-- Debits minus credits. A bounded account has one row, which the schema checks; the others are spread over shards.
CREATE TABLE ledger_balances (
    tenant_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    shard INTEGER NOT NULL,
    balance_minor INTEGER NOT NULL,
    highest_minor INTEGER,
    PRIMARY KEY (tenant_id, account_id, shard),
    FOREIGN KEY (tenant_id, account_id) REFERENCES ledger_accounts (tenant_id, id),
    CHECK (highest_minor IS NULL OR balance_minor <= highest_minor)
) STRICT;

-- The key says what is booked and because of what: nothing is booked twice.
CREATE TABLE ledger_transfers (
    id TEXT PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    kind TEXT NOT NULL,
    transfer_key TEXT NOT NULL,
    client_id TEXT REFERENCES clients (id),
    request_id TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    UNIQUE (tenant_id, transfer_key)
) STRICT;
CREATE INDEX ledger_transfers_by_client ON ledger_transfers (tenant_id, client_id, id);
CREATE INDEX ledger_transfers_by_id ON ledger_transfers (tenant_id, id);

-- Both sides in one row: nothing unbalanced can be written. One currency for the row and both of its accounts.
CREATE TABLE ledger_postings (
    seq INTEGER PRIMARY KEY NOT NULL,
    tenant_id TEXT NOT NULL,
    transfer_id TEXT NOT NULL REFERENCES ledger_transfers (id),
    position INTEGER NOT NULL,
    debit_account_id TEXT NOT NULL,
    credit_account_id TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    UNIQUE (transfer_id, position),
    CHECK (debit_account_id <> credit_account_id),
    FOREIGN KEY (tenant_id, debit_account_id, currency) REFERENCES ledger_accounts (tenant_id, id, currency),
    FOREIGN KEY (tenant_id, credit_account_id, currency) REFERENCES ledger_accounts (tenant_id, id, currency)
) STRICT;
-- With the amount, so that sums read the index alone.
CREATE INDEX ledger_postings_by_debit ON ledger_postings (tenant_id, debit_account_id, seq, amount_minor);
CREATE INDEX ledger_postings_by_credit ON ledger_postings (tenant_id, credit_account_id, seq, amount_minor);

CREATE TRIGGER ledger_postings_stay BEFORE UPDATE ON ledger_postings BEGIN
    SELECT RAISE (ABORT, 'postings are never changed');
END;
CREATE TRIGGER ledger_postings_remain BEFORE DELETE ON ledger_postings BEGIN
    SELECT RAISE (ABORT, 'postings are never deleted');
END;
CREATE TRIGGER ledger_transfers_stay BEFORE UPDATE ON ledger_transfers BEGIN
    SELECT RAISE (ABORT, 'transfers are never changed');
END;
CREATE TRIGGER ledger_transfers_remain BEFORE DELETE ON ledger_transfers BEGIN
    SELECT RAISE (ABORT, 'transfers are never deleted');
END;
