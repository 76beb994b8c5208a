//! Refusals of EACQ v2: status 200, `Success: false` and a code.

use serde_json::{Value, json};

/// One code with a message; the same code can carry different details.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code} {message} {details}")]
pub struct Refusal {
    pub code: &'static str,
    pub message: &'static str,
    pub details: String,
}

impl Refusal {
    pub fn new(code: &'static str, details: impl Into<String>) -> Self {
        Self {
            code,
            message: message_of(code),
            details: details.into(),
        }
    }

    pub fn token() -> Self {
        Self::new("204", "Неверный токен. Проверьте пару TerminalKey/SecretKey.")
    }

    pub fn state() -> Self {
        Self::new("4", "Запрос не соответствует статусу платежа.")
    }

    pub fn no_payment() -> Self {
        Self::new("255", "Платеж не найден.")
    }

    pub fn empty(field: &str) -> Self {
        Self::new("201", format!("Поле {field} не должно быть пустым."))
    }

    pub fn format(field: &str) -> Self {
        Self::new("211", format!("Неверный формат поля {field}."))
    }

    pub fn body(&self) -> Value {
        json!({
            "Success": false, "ErrorCode": self.code, "Message": self.message, "Details": self.details,
        })
    }
}

/// What the payer's bank or the terminal said, by code.
pub struct Decline {
    pub code: &'static str,
    pub ru: &'static str,
    pub en: &'static str,
    pub card: Option<&'static str>,
}

const fn decline(code: &'static str, ru: &'static str, en: &'static str, card: Option<&'static str>) -> Decline {
    Decline { code, ru, en, card }
}

/// The declines the page offers; the API takes any number.
pub const DECLINES: [Decline; 22] = [
    decline(
        "1051",
        "Недостаточно средств на карте",
        "Not enough money",
        Some("2201382000000831"),
    ),
    decline("116", "Недостаточно средств", "Not enough money (116)", None),
    decline(
        "103",
        "Недостаточно средств на счёте",
        "Not enough money on the account",
        None,
    ),
    decline(
        "1005",
        "Платёж отклонён банком",
        "Declined by the bank",
        Some("2201382000000021"),
    ),
    decline("100", "Повторите попытку позже", "Declined, try again later", None),
    decline(
        "101",
        "Не пройдена проверка 3-D Secure",
        "3-D Secure failed",
        Some("2201382000000005"),
    ),
    decline(
        "104",
        "Ошибка рекуррентного платежа",
        "The repeated charge failed",
        None,
    ),
    decline("1054", "Карта просрочена", "The card has expired", None),
    decline("1041", "Карта утеряна", "The card is lost", None),
    decline("1043", "Карта украдена", "The card is stolen", None),
    decline("1057", "Клиент запретил операцию", "The customer forbade it", None),
    decline("1059", "Подозрение в мошенничестве", "Fraud suspected", None),
    decline("1014", "Неверный номер карты", "Wrong card number", None),
    decline("1082", "Неверный CVV", "Wrong security code", None),
    decline("1061", "Превышен лимит по карте", "The card's limit is reached", None),
    decline("1075", "Слишком много попыток", "Too many attempts", None),
    decline("1091", "Банк не отвечает", "The bank is not available", None),
    decline("99", "Попробуйте позже", "Try again later", None),
    decline("9999", "Внутренняя ошибка", "Internal error", None),
    decline("76", "Иностранная карта", "Foreign card", None),
    decline(
        "600",
        "Карта в чёрном списке магазина",
        "The shop has black-listed the card",
        None,
    ),
    decline("7777", "Код, которого ещё нет", "A code not invented yet", None),
];

pub fn find(code: &str) -> Option<&'static Decline> {
    DECLINES.iter().find(|decline| decline.code == code)
}

/// What a test card does: `success`, `three_ds` or a code. Other cards just pay.
pub fn outcome_of(number: &str) -> &'static str {
    match number {
        "2201382000000047" => "three_ds",
        number => DECLINES
            .iter()
            .find(|decline| decline.card == Some(number))
            .map_or("success", |decline| decline.code),
    }
}

fn message_of(code: &str) -> &'static str {
    match code {
        "4" | "8" => "Неверный статус транзакции.",
        "7" => "Неверный статус покупателя.",
        "10" => "Метод Charge заблокирован для данного терминала.",
        "20" => "Повторный order id.",
        "623" => "Заказ уже оплачен.",
        "255" => "Платеж не найден.",
        "308" | "309" | "310" | "329" | "334" => "Неверные данные чека.",
        "330" => "Сумма больше исходной.",
        "501" => "Терминал не найден.",
        "3002" => "Недостаточно средств на счёте магазина.",
        "9999" => "Внутренняя ошибка системы.",
        code => match find(code) {
            Some(known) => known.ru,
            None => "Неверные параметры.",
        },
    }
}

/// The sentence a decline carries.
pub fn decline_message(code: &str) -> &'static str {
    message_of(code)
}
