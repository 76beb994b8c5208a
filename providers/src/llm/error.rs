//! Why there are no words from a model.

use domain::language::Language;

/// Texts carry no key, nothing of the prompt and nothing a server wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the model did not answer in time")]
    Timeout,
    #[error("the model could not be reached")]
    Unreachable,
    #[error("the model is busy (HTTP {status})")]
    Busy { status: u16 },
    /// Retrying won't help, the owner has to pay.
    #[error("the account of the model has no money left")]
    NoMoney,
    #[error("the key of the model is not accepted (HTTP {status})")]
    Denied { status: u16 },
    #[error("there is no such model, or the key may not use it")]
    NoModel,
    /// A setting the server does not take.
    #[error("the server did not take the request (HTTP {status}, {parameter})")]
    BadRequest { status: u16, parameter: String },
    #[error("the question is longer than the model takes")]
    TooLong,
    #[error("the model declined to answer")]
    Refused,
    #[error("a filter of the provider held the answer back")]
    Filtered,
    #[error("the answer was cut off at the limit of tokens")]
    CutOff,
    #[error("the answer could not be read, even after it was asked for once more")]
    Unreadable,
    #[error("the server answered with something unexpected (HTTP {status})")]
    Unexpected { status: u16 },
}

impl Error {
    /// Stable, for records and the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Busy { .. } => "busy",
            Self::NoMoney => "no_money",
            Self::Denied { .. } => "denied",
            Self::NoModel => "no_model",
            Self::BadRequest { .. } => "bad_request",
            Self::TooLong => "too_long",
            Self::Refused => "refused",
            Self::Filtered => "filtered",
            Self::CutOff => "cut_off",
            Self::Unreadable => "unreadable",
            Self::Unexpected { .. } => "unexpected",
        }
    }

    /// Only the owner can mend it; until then every programme goes out in the plain wording.
    pub const fn is_for_the_owner(&self) -> bool {
        matches!(
            self,
            Self::NoMoney | Self::Denied { .. } | Self::NoModel | Self::BadRequest { .. }
        )
    }

    /// The same request may succeed in a moment.
    pub(super) const fn may_pass(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Unreachable)
    }

    /// A sentence for the trainer.
    pub fn text(&self, language: Language) -> String {
        if language == Language::En {
            let mut text = self.to_string();
            if let Some(first) = text.get(..1).map(str::to_uppercase) {
                text.replace_range(..1, &first);
            }
            text.push('.');
            return text;
        }
        match self {
            Self::Timeout => "Модель не ответила вовремя.".to_owned(),
            Self::Unreachable => "До модели не достучаться.".to_owned(),
            Self::Busy { status } => format!("Модель занята (HTTP {status})."),
            Self::NoMoney => "На счёте модели закончились деньги.".to_owned(),
            Self::Denied { status } => format!("Ключ модели не подошёл (HTTP {status})."),
            Self::NoModel => "Такой модели нет, или она недоступна этому ключу.".to_owned(),
            Self::BadRequest { status, parameter } => {
                format!("Сервер не принял запрос (HTTP {status}, {parameter}).")
            }
            Self::TooLong => "Вопрос длиннее, чем принимает модель.".to_owned(),
            Self::Refused => "Модель отказалась отвечать.".to_owned(),
            Self::Filtered => "Ответ задержал фильтр провайдера.".to_owned(),
            Self::CutOff => "Ответ оборвался на пределе токенов.".to_owned(),
            Self::Unreadable => "Ответ не разобрать, даже после повторной просьбы.".to_owned(),
            Self::Unexpected { status } => format!("Сервер ответил непонятно (HTTP {status})."),
        }
    }
}

/// The meaning of a status that is not success, when the body says nothing better.
pub(super) fn by_status(status: u16) -> Error {
    match status {
        400 | 422 => Error::BadRequest {
            status,
            parameter: "?".into(),
        },
        402 => Error::NoMoney,
        401 | 403 => Error::Denied { status },
        404 => Error::NoModel,
        408 | 409 | 429 | 500..=599 => Error::Busy { status },
        _ => Error::Unexpected { status },
    }
}
