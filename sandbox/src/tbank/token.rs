//! The signature of requests and notifications: values of the root's scalars, sorted by name, hashed with the password.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Code-unit order, as the bank's own sample sorts; nested values and nulls don't count.
pub fn sign(fields: &Map<String, Value>, password: &str) -> String {
    let mut values: BTreeMap<&str, String> = BTreeMap::from([("Password", password.to_owned())]);
    for (name, value) in fields {
        let spelled = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => continue,
        };
        if name != "Token" {
            values.insert(name, spelled);
        }
    }
    let joined: String = values.into_values().collect();
    HEXLOWER.encode(&Sha256::digest(joined.as_bytes()))
}

pub fn is_right(fields: &Map<String, Value>, password: &str) -> bool {
    let expected = sign(fields, password);
    fields.get("Token").and_then(Value::as_str) == Some(expected.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token(body: &Value, password: &str) -> String {
        sign(body.as_object().unwrap(), password)
    }

    #[test]
    fn published_vectors_come_out() {
        let init = json!({
            "TerminalKey": "MerchantTerminalKey", "Amount": 19200, "OrderId": "21090",
            "Description": "Подарочная карта на 1000 рублей",
            "DATA": {"Phone": "+71234567890"}, "Receipt": {"Email": "a@test.ru"}, "Token": "whatever",
        });
        assert_eq!(
            token(&init, "usaf8fw8fsw21g"),
            "0024a00af7c350a3a67ca168ce06502aa72772456662e38696d48b56ee9c97d9"
        );
        let notification = json!({
            "TerminalKey": "1321054611234DEMO", "OrderId": "201709", "Success": true, "Status": "AUTHORIZED",
            "PaymentId": 8742591, "ErrorCode": "0", "Amount": 9855, "CardId": 322264, "Pan": "430000******0777",
            "ExpDate": "1122", "RebillId": 101709,
        });
        assert_eq!(
            token(&notification, "Dfsfh56dgKl"),
            "b906d28e76c6428e37b25fcf86c0adc52c63d503013fdd632e300593d165766b"
        );
    }

    #[test]
    fn capital_letters_sort_before_small_ones_and_booleans_are_small() {
        let charge = json!({
            "TerminalKey": "1699999999999DEMO", "PaymentId": "4455667799", "RebillId": "1720000001",
            "IP": "203.0.113.7", "SendEmail": true, "InfoEmail": "student@example.ru",
        });
        assert_eq!(
            token(&charge, "TestPassw0rd_1"),
            "73f4146d0f90215d3c6bf4994d718e67a97bf7d50ca69ac6260d10ba13289da1"
        );
        let rejected = json!({
            "TerminalKey": "1699999999999DEMO", "OrderId": "inv_000042", "Success": false, "Status": "REJECTED",
            "PaymentId": 4_455_667_788_i64, "ErrorCode": "1051", "Amount": 499_000, "CardId": 900_001,
            "Pan": "220138******0831", "ExpDate": "1230", "Data": {"Source": "cards"},
        });
        assert_eq!(
            token(&rejected, "TestPassw0rd_1"),
            "3d54f1a912b9d7d8a5f166dd3dd393e8c3cdcaa6b99345e6ebf6a8aecde976cf"
        );
    }
}
