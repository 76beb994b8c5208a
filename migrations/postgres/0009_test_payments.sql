-- What was paid with a provider's test keys is no income, and what a cash register has written down is kept.

-- `self_employed_test`: as self_employed, of a payment made with test keys. Nobody registers it.
UPDATE receipts SET regime = 'self_employed_test'
    WHERE regime = 'self_employed' AND payment_id IN (SELECT id FROM payments WHERE is_test = 1);
-- The three numbers by which a receipt is found at the tax office.
ALTER TABLE receipts ADD COLUMN fiscal_storage_number TEXT COLLATE "C";
ALTER TABLE receipts ADD COLUMN fiscal_document_number TEXT COLLATE "C";
ALTER TABLE receipts ADD COLUMN fiscal_attribute TEXT COLLATE "C";
