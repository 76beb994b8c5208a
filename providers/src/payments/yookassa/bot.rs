//! Receipts of payments that go to YooKassa through a Telegram bot: the bill carries them as `provider_data`
//! (YooKassa, "Telegram", 2026-07).

use serde_json::{Map, Value, json};

use super::wire;
use crate::payments::Receipt;

/// What a bill's `provider_data` says. Where the receipt goes is not in it: Telegram asks the payer and tells YooKassa.
pub fn bot_receipt(receipt: &Receipt, tax_system: Option<u8>) -> Value {
    let known = wire::receipt_of(receipt);
    let mut fields = Map::new();
    if let Some(items) = known.get("items") {
        fields.insert("items".into(), items.clone());
    }
    if let Some(code) = tax_system {
        fields.insert("tax_system_code".into(), json!(code));
    }
    json!({ "receipt": fields })
}

#[cfg(test)]
mod tests {
    use domain::money::{Currency, Money};
    use domain::order::{PaymentMode, PaymentSubject, TaxTreatment, Vat};

    use super::*;
    use crate::payments::{Contact, ReceiptLine};

    #[test]
    fn a_bill_carries_its_receipt_without_the_payers_address() {
        let receipt = Receipt {
            contact: Contact::Email("anna@example.com".into()),
            lines: vec![ReceiptLine {
                title: "План питания".into(),
                amount: Money::new(299_000, Currency::Rub),
                tax: TaxTreatment {
                    vat: Vat::None,
                    subject: PaymentSubject::Service,
                    mode: PaymentMode::FullPayment,
                },
            }],
        };
        let told = bot_receipt(&receipt, Some(2));
        let item = told.pointer("/receipt/items/0").unwrap();
        assert_eq!(
            item.pointer("/amount"),
            Some(&json!({ "value": "2990.00", "currency": "RUB" }))
        );
        assert_eq!(item.pointer("/vat_code"), Some(&json!(1)));
        assert_eq!(told.pointer("/receipt/tax_system_code"), Some(&json!(2)));
        assert!(!told.to_string().contains("anna@"), "{told}");
    }
}
