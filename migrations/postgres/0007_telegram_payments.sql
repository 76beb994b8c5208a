-- Bills that are paid inside Telegram. The charge id of a paid one stands in `payments.provider_payment_id`.

CREATE TABLE telegram_invoices (
    payment_id TEXT COLLATE "C" PRIMARY KEY NOT NULL REFERENCES payments (id),
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    -- The chat the bill was sent to, and its message there once it is known.
    address TEXT COLLATE "C" NOT NULL,
    message_ref TEXT COLLATE "C",
    -- Who paid, and the id under which the bank behind Telegram knows the payment.
    payer TEXT COLLATE "C",
    provider_charge_id TEXT COLLATE "C",
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX telegram_invoices_by_tenant ON telegram_invoices (tenant_id, payment_id);
