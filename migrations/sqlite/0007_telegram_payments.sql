-- Bills that are paid inside Telegram. The charge id of a paid one stands in `payments.provider_payment_id`.

CREATE TABLE telegram_invoices (
    payment_id TEXT PRIMARY KEY NOT NULL REFERENCES payments (id),
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    -- The chat the bill was sent to, and its message there once it is known.
    address TEXT NOT NULL,
    message_ref TEXT,
    -- Who paid, and the id under which the bank behind Telegram knows the payment.
    payer TEXT,
    provider_charge_id TEXT,
    created_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX telegram_invoices_by_tenant ON telegram_invoices (tenant_id, payment_id);
