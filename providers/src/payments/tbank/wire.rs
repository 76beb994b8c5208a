//! What goes over the wire to T-Bank and back, and what it means in our words.

use std::collections::BTreeMap;

use domain::money::{Currency, Money};
use domain::order::Vat;
use domain::payment::{Decline, DeclineAdvice, Observation};
use domain::time::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::CODE;
use crate::payments::{Contact, Error, Receipt, SavedMethod, Seen};

const MAX_ITEM: usize = 128;

/// What most methods answer (EACQ OpenAPI v1.80). Ids are strings here and numbers in notifications; both are read.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Answer {
    #[serde(deserialize_with = "loose_bool")]
    pub success: bool,
    #[serde(deserialize_with = "loose_text")]
    pub error_code: String,
    pub status: Option<String>,
    #[serde(deserialize_with = "loose_text")]
    pub payment_id: String,
    #[serde(deserialize_with = "loose_text")]
    pub order_id: String,
    pub amount: Option<i64>,
    /// `Cancel`: what was left of the sum before it.
    pub original_amount: Option<i64>,
    #[serde(rename = "PaymentURL")]
    pub payment_url: Option<Url>,
    #[serde(deserialize_with = "loose_text")]
    pub rebill_id: String,
    pub pan: Option<String>,
    /// `GetState` tells some things as pairs.
    pub params: Vec<Param>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Param {
    pub key: String,
    #[serde(deserialize_with = "loose_text")]
    pub value: String,
}

/// `CheckOrder`: an order may own several payments.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct OrderAnswer {
    #[serde(deserialize_with = "loose_bool")]
    pub success: bool,
    #[serde(deserialize_with = "loose_text")]
    pub error_code: String,
    pub payments: Vec<Answer>,
}

fn loose_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(spelled(&Value::deserialize(deserializer)?).unwrap_or_default())
}

fn loose_bool<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(spelled(&Value::deserialize(deserializer)?).is_some_and(|text| text.eq_ignore_ascii_case("true")))
}

/// A scalar as it stands in the JSON; objects, arrays and nulls are none.
pub(super) fn spelled(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The signature of a request or a notification: values of the root scalars and the password, sorted by key in code-unit
/// order, joined and hashed. `Token`, objects, arrays and nulls don't count.
pub(super) fn token(root: &Map<String, Value>, password: &str) -> String {
    let mut values: BTreeMap<&str, String> = root
        .iter()
        .filter(|(key, _)| key.as_str() != "Token")
        .filter_map(|(key, value)| Some((key.as_str(), spelled(value)?)))
        .collect();
    values.insert("Password", password.to_owned());
    let joined: String = values.into_values().collect();
    data_encoding::HEXLOWER.encode(&Sha256::digest(joined.as_bytes()))
}

pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

pub(super) fn shortened(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

pub(super) const fn rub(minor: i64) -> Money {
    Money::new(minor, Currency::Rub)
}

/// Errors: it takes roubles only.
pub(super) fn kopecks(money: Money) -> Result<i64, Error> {
    if money.currency == Currency::Rub {
        Ok(money.minor)
    } else {
        Err(Error::Refused {
            provider: CODE,
            code: "currency".into(),
        })
    }
}

/// What a code means for a call that failed. By the number only: the same one carries different messages.
pub(super) fn failure(code: &str) -> Error {
    match code {
        "99" | "120" | "123" | "125" | "402" | "1030" | "1034" | "1089" | "1091" | "1096" | "3040" | "7999"
        | "9001" | "9999" | "119" | "603" | "1075" | "3029" | "3030" | "3031" => Error::Transient {
            provider: CODE,
            retry_after: None,
        },
        "10" | "53" | "191" | "202" | "204" | "205" | "210" | "309" | "311" | "312" | "313" | "314" | "501" | "648"
        | "1099" | "3001" | "3002" | "3019" => Error::Misconfigured {
            provider: CODE,
            code: code.to_owned(),
        },
        "255" => Error::NotFound { provider: CODE },
        _ => Error::Refused {
            provider: CODE,
            code: code.to_owned(),
        },
    }
}

fn advice(code: &str) -> DeclineAdvice {
    match code {
        "103" | "116" | "1051" | "119" | "403" | "404" | "405" | "603" | "632" | "1013" | "1019" | "1061" | "1065"
        | "1075" | "1202" | "1203" | "1204" => DeclineAdvice::TryLater,
        "101" | "106" | "511" | "252" | "508" | "642" | "1014" | "1015" | "1033" | "1054" | "1064" | "1071"
        | "1080" | "1082" | "107" => DeclineAdvice::CheckCard,
        "99" | "120" | "123" | "125" | "402" | "1030" | "1034" | "1089" | "1091" | "1096" | "3040" | "7999"
        | "9001" | "9999" => DeclineAdvice::TryAgain,
        _ => DeclineAdvice::OtherMethod,
    }
}

/// How much a payment of an order tells: money before a link before an end.
pub(super) fn weight(status: &str) -> u8 {
    match status {
        "AUTHORIZED" | "PARTIAL_REVERSED" | "CONFIRMING" | "CONFIRM_CHECKING" | "CONFIRMED" | "REFUNDING"
        | "ASYNC_REFUNDING" | "PARTIAL_REFUNDED" | "REFUNDED" => 2,
        status if is_open(status) => 1,
        _ => 0,
    }
}

/// Whether the payer has not paid yet and still may. A failed try leads back to the form.
pub(super) fn is_open(status: &str) -> bool {
    matches!(
        status,
        "NEW"
            | "FORM_SHOWED"
            | "AUTHORIZING"
            | "3DS_CHECKING"
            | "3DS_CHECKED"
            | "PREAUTHORIZING"
            | "PAY_CHECKING"
            | "AUTH_FAIL"
    )
}

/// Whether money is going back that has not arrived.
pub(super) fn is_on_its_way_back(status: &str) -> bool {
    matches!(status, "REFUNDING" | "ASYNC_REFUNDING" | "REVERSING")
}

impl Answer {
    pub fn has_failed(&self) -> bool {
        !self.success && self.error_code != "0"
    }

    /// `None` for a status we have never heard of.
    fn observation(&self, amount: Money) -> Option<Observation> {
        Some(match self.status.as_deref()? {
            status if is_open(status) => Observation::Pending,
            "CONFIRMING" | "CONFIRM_CHECKING" | "REVERSING" => Observation::Pending,
            "AUTHORIZED" | "PARTIAL_REVERSED" => Observation::Held { amount },
            "CONFIRMED" | "REFUNDING" | "ASYNC_REFUNDING" | "PARTIAL_REFUNDED" | "REFUNDED" => {
                Observation::Succeeded { amount, fee: None }
            }
            "DEADLINE_EXPIRED" | "ATTEMPTS_EXPIRED" => Observation::Expired,
            "CANCELED" | "REVERSED" => Observation::Canceled {
                decline: Decline {
                    code: "canceled".into(),
                    advice: DeclineAdvice::CalledOff,
                },
            },
            "REJECTED" => Observation::Canceled {
                decline: Decline {
                    advice: advice(&self.error_code),
                    code: self.error_code.clone(),
                },
            },
            _ => return None,
        })
    }

    /// Shapes: `agreed` is the sum where we know it better than the answer.
    /// Errors: [`Error::Unknown`] when id, sum or status can't be read.
    pub fn seen(self, agreed: Option<Money>, is_test: bool) -> Result<Seen, Error> {
        let unreadable = || Error::Unknown { provider: CODE };
        let amount = agreed.or(self.amount.map(rub)).ok_or_else(unreadable)?;
        let observation = self.observation(amount).ok_or_else(unreadable)?;
        if self.payment_id.is_empty() {
            return Err(unreadable());
        }
        let is_open = observation == Observation::Pending;
        let refunded = match self.status.as_deref() {
            Some("CONFIRMED") => Some(rub(0)),
            Some("REFUNDED") => Some(amount),
            _ => None,
        };
        let told = |name: &str| {
            let pair = self.params.iter().find(|pair| pair.key == name);
            pair.map(|pair| pair.value.clone()).filter(|value| !value.is_empty())
        };
        let rebill_id = Some(self.rebill_id.clone())
            .filter(|id| !id.is_empty())
            .or_else(|| told("RebillId"));
        let saved_method = rebill_id.map(|token| SavedMethod {
            token,
            title: self.pan.clone().or_else(|| told("Pan")).unwrap_or_default(),
        });
        Ok(Seen {
            observation,
            pay_url: self.payment_url.filter(|_| is_open),
            reference: Some(self.order_id).filter(|id| !id.is_empty()),
            amount,
            refunded,
            is_test,
            saved_method,
            id: self.payment_id,
        })
    }
}

/// `2026-11-30T23:59:00+03:00`: no fraction, a numeric offset.
pub(super) fn due_date(at: Timestamp) -> String {
    at.to_utc().format("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// Errors: [`Error::Refused`] for another currency.
pub(super) fn receipt(receipt: &Receipt, taxation: &str) -> Result<Value, Error> {
    let items = receipt
        .lines
        .iter()
        .map(|line| {
            let amount = kopecks(line.amount)?;
            Ok(json!({
                "Name": shortened(&line.title, MAX_ITEM),
                "Price": amount,
                "Quantity": 1,
                "Amount": amount,
                "Tax": tax(line.tax.vat),
                "PaymentMethod": line.tax.mode.code(),
                "PaymentObject": line.tax.subject.code(),
            }))
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let mut body = object(json!({ "Taxation": taxation, "Items": items }));
    match &receipt.contact {
        Contact::Email(email) => body.insert("Email".into(), json!(email)),
        Contact::Phone(phone) => {
            let digits = phone.trim_start_matches('+');
            body.insert("Phone".into(), json!(format!("+{digits}")))
        }
    };
    Ok(Value::Object(body))
}

const fn tax(vat: Vat) -> &'static str {
    match vat {
        Vat::None => "none",
        Vat::Zero => "vat0",
        Vat::Five => "vat5",
        Vat::Seven => "vat7",
        Vat::Ten => "vat10",
        Vat::Twenty => "vat20",
        Vat::TwentyTwo => "vat22",
        Vat::FiveOf105 => "vat105",
        Vat::SevenOf107 => "vat107",
        Vat::TenOf110 => "vat110",
        Vat::TwentyOf120 => "vat120",
        Vat::TwentyTwoOf122 => "vat122",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(root: Value, password: &str) -> String {
        token(&object(root), password)
    }

    /// Vectors of the bank's documentation, and our own computed apart from this code.
    #[test]
    fn tokens_are_the_banks() {
        let published = json!({ "TerminalKey": "MerchantTerminalKey", "Amount": 19200, "OrderId": "21090",
            "Description": "Подарочная карта на 1000 рублей", "DATA": { "Phone": "+71234567890" }, "Receipt": {} });
        assert_eq!(
            signed(published, "usaf8fw8fsw21g"),
            "0024a00af7c350a3a67ca168ce06502aa72772456662e38696d48b56ee9c97d9"
        );
        let notification = json!({ "TerminalKey": "1321054611234DEMO", "OrderId": "201709", "Success": true,
            "Status": "AUTHORIZED", "PaymentId": 8_742_591, "ErrorCode": "0", "Amount": 9855, "CardId": 322_264,
            "Pan": "430000******0777", "ExpDate": "1122", "RebillId": 101_709, "Token": "not counted" });
        assert_eq!(
            signed(notification, "Dfsfh56dgKl"),
            "b906d28e76c6428e37b25fcf86c0adc52c63d503013fdd632e300593d165766b"
        );
        let charge = json!({ "TerminalKey": "1699999999999DEMO", "PaymentId": "4455667799", "RebillId": "1720000001",
            "IP": "203.0.113.7", "SendEmail": true, "InfoEmail": "student@example.ru" });
        assert_eq!(
            signed(charge, "TestPassw0rd_1"),
            "73f4146d0f90215d3c6bf4994d718e67a97bf7d50ca69ac6260d10ba13289da1"
        );
        let rejected = json!({ "TerminalKey": "1699999999999DEMO", "OrderId": "inv_000042", "Success": false,
            "Status": "REJECTED", "PaymentId": 4_455_667_788_i64, "ErrorCode": "1051", "Amount": 499_000, "CardId": 900_001,
            "Pan": "220138******0831", "ExpDate": "1230", "Data": { "Source": "cards" } });
        assert_eq!(
            signed(rejected, "TestPassw0rd_1"),
            "3d54f1a912b9d7d8a5f166dd3dd393e8c3cdcaa6b99345e6ebf6a8aecde976cf"
        );
        let cancel = json!({ "TerminalKey": "1699999999999DEMO", "PaymentId": "4455667788", "Amount": 100_000,
            "ExternalRequestId": "rf_7" });
        assert_eq!(
            signed(cancel, "TestPassw0rd_1"),
            "5c2d0f5fa2b767666689448c31f60e75106b58d6d480274afb6b6ced83ec1871"
        );
    }

    #[test]
    fn a_due_date_has_no_fraction_and_a_numeric_offset() {
        assert_eq!(
            due_date(Timestamp::from_millis(1_795_000_000_123)),
            "2026-11-18T11:06:40+00:00"
        );
    }
}
