//! What T-Bank tells by itself: whether it is the bank, and what it is about.

use domain::fiscal::FiscalNumbers;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use url::Url;

use super::Config;
use super::wire::{rub, shortened, spelled, token};
use crate::payments::{About, RawNotification, ReceiptFate, Rejected, ToldReceipt, Verified};

const MAX_CODE: usize = 32;

pub(super) fn verify(raw: RawNotification<'_>, config: &Config) -> Result<Verified, Rejected> {
    let Ok(Value::Object(root)) = serde_json::from_slice::<Value>(raw.body) else {
        return Err(Rejected::Unreadable);
    };
    let text = |key: &str| root.get(key).and_then(spelled).unwrap_or_default();
    let expected = token(&root, &config.password);
    if !bool::from(text("Token").to_lowercase().as_bytes().ct_eq(expected.as_bytes())) {
        return Err(Rejected::BadSignature);
    }
    if text("TerminalKey") != config.terminal_key {
        return Err(Rejected::OtherShop);
    }
    let (payment, status) = (text("PaymentId"), text("Status"));
    // Bindings of a card or an account are no payments.
    if payment.is_empty() && (root.contains_key("RequestKey") || root.contains_key("NotificationType")) {
        return Ok(Verified {
            dedupe_key: format!("binding:{expected}"),
            about: About::Nothing,
        });
    }
    let is_number = !payment.is_empty() && payment.len() <= 20 && payment.bytes().all(|b| b.is_ascii_digit());
    let of_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if !is_number || status.len() > 32 || !status.bytes().all(of_name) {
        return Err(Rejected::Unreadable);
    }
    let about = match status.as_str() {
        "RECEIPT" => match told_receipt(&root) {
            Some(told) => About::Receipt {
                provider_payment: payment.clone(),
                told,
            },
            None => About::Nothing,
        },
        "" => About::Nothing,
        "REFUNDED" | "PARTIAL_REFUNDED" | "REVERSED" | "PARTIAL_REVERSED" => About::Refund {
            provider_payment: payment.clone(),
            provider_refund: None,
        },
        _ => About::Payment {
            provider_payment: payment.clone(),
        },
    };
    // There is no delivery id. Two equal partial refunds come with the same words and can't be told from one that is
    // delivered twice; the jobs of our own refunds ask by themselves, so nothing waits for the second.
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(raw.body));
    Ok(Verified {
        dedupe_key: format!("{payment}:{status}:{}", shortened(&digest, 16)),
        about,
    })
}

/// `NotificationFiscalization` (developer.tbank.ru/eacq/intro/developer/notification and OpenAPI v1.80, read 2026-11-21).
/// `Amount` is the receipt's own sum in every example; the pages don't say so.
///
/// The token covers the root alone: what stands in `Receipt` is used for nothing but telling two receipts of one sum apart.
/// `None`: a register that is set up but not attached tells what would have been on it, without numbers.
fn told_receipt(root: &Map<String, Value>) -> Option<ToldReceipt> {
    let text = |key: &str| root.get(key).and_then(spelled).unwrap_or_default();
    let is_refund = match text("Type").as_str() {
        "Income" => false,
        "IncomeReturn" => true,
        _ => return None,
    };
    let amount = rub(text("Amount").parse().ok().filter(|minor| *minor > 0)?);
    let (code, success) = (text("ErrorCode"), text("Success"));
    let fate = if (code.is_empty() || code == "0") && !success.eq_ignore_ascii_case("false") {
        let (storage, document) = (text("FnNumber"), text("FiscalDocumentNumber"));
        ReceiptFate::Registered {
            numbers: FiscalNumbers::new(&storage, &document, &text("FiscalDocumentAttribute"))?,
            link: Url::parse(&text("Url")).ok().filter(|url| url.scheme() == "https"),
        }
    } else {
        let of_code = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let is_code = code != "0" && (1..=MAX_CODE).contains(&code.len()) && code.bytes().all(of_code);
        ReceiptFate::Failed {
            code: if is_code { code } else { "not_registered".to_owned() },
        }
    };
    let items = root.get("Receipt").and_then(|receipt| receipt.get("Items"));
    let is_prepaid = items.and_then(Value::as_array).map(|items| {
        let mut methods = items.iter().filter_map(|item| item.get("PaymentMethod")?.as_str());
        methods.any(|method| method == "full_prepayment")
    });
    Some(ToldReceipt {
        is_refund,
        amount,
        is_prepaid,
        fate,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// As a shop of 2018 has published one, with its numbers; names and contacts are made up.
    fn published() -> Value {
        json!({
            "OrderId": "636", "Status": "RECEIPT", "Type": "IncomeReturn", "FiscalDocumentAttribute": 173_423_614,
            "Success": true, "ReceiptDatetime": "2018-06-18T12:27:00+03:00", "FiscalNumber": 2,
            "Receipt": {
                "Items": [{ "Tax": "vat10", "Price": 4000, "Amount": 4000, "Name": "Parking", "Quantity": 1 }],
                "Taxation": "osn", "Email": "anna@example.com",
            },
            "FiscalDocumentNumber": 118, "FnNumber": "8710000101855975", "ErrorCode": "0", "Amount": 4000,
            "TerminalKey": "1516954410942", "PaymentId": 23_735_099, "EcrRegNumber": "0001785103056432", "ShiftNumber": 56,
        })
    }

    fn told(changes: &[(&str, Value)]) -> Option<ToldReceipt> {
        let Value::Object(mut root) = published() else {
            return None;
        };
        for (field, value) in changes {
            root.insert((*field).to_owned(), value.clone());
        }
        told_receipt(&root)
    }

    #[test]
    fn a_published_receipt_is_read() {
        let expected = ToldReceipt {
            is_refund: true,
            amount: rub(4000),
            is_prepaid: Some(false),
            fate: ReceiptFate::Registered {
                numbers: FiscalNumbers {
                    storage: "8710000101855975".into(),
                    document: "118".into(),
                    attribute: "173423614".into(),
                },
                link: None,
            },
        };
        assert_eq!(told(&[]), Some(expected.clone()));
        // The reference writes ids and numbers as texts here and there.
        let spelled = told(&[("Amount", json!("4000")), ("FiscalDocumentNumber", json!("118"))]);
        assert_eq!(spelled, Some(expected));
    }

    #[test]
    fn only_an_address_a_browser_may_open_is_a_link() {
        for (address, is_link) in [
            ("https://check.example/1", true),
            ("http://check.example/1", false),
            ("javascript:alert(1)", false),
            ("string", false),
        ] {
            let fate = told(&[("Url", json!(address))]).map(|told| told.fate);
            let linked = matches!(fate, Some(ReceiptFate::Registered { link: Some(_), .. }));
            assert_eq!(linked, is_link, "{address}");
        }
    }

    #[test]
    fn a_register_that_is_not_attached_tells_of_no_receipt() {
        for (field, value) in [
            ("FnNumber", Value::Null),
            ("FiscalDocumentNumber", Value::Null),
            ("FiscalDocumentAttribute", json!("")),
            ("Type", Value::Null),
            ("Type", json!("Expense")),
            ("Amount", json!(0)),
            ("Amount", json!("40.00")),
        ] {
            assert_eq!(told(&[(field, value.clone())]), None, "{field}: {value}");
        }
    }

    #[test]
    fn a_failure_has_a_code_whatever_comes() {
        for (code, success, kept) in [
            (json!("311"), json!(false), "311"),
            (json!(9999), json!(true), "9999"),
            (json!("0"), json!(false), "not_registered"),
            (json!("a b <i>"), json!(false), "not_registered"),
        ] {
            let fate = told(&[("ErrorCode", code.clone()), ("Success", success)]).map(|told| told.fate);
            assert_eq!(fate, Some(ReceiptFate::Failed { code: kept.into() }), "{code}");
        }
    }
}
