//! Switches that make the outside world misbehave. All are off at the start.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    banks::{Bank, switches::BankFaults},
    mail::faults::MailFaults,
};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Faults {
    pub telegram: TelegramFaults,
    pub sheets: SheetsFaults,
    pub llm: LlmFaults,
    pub yookassa: BankFaults,
    pub tbank: BankFaults,
    pub mail: MailFaults,
}

impl Faults {
    pub fn bank(&mut self, bank: Bank) -> &mut BankFaults {
        match bank {
            Bank::YooKassa => &mut self.yookassa,
            Bank::TBank => &mut self.tbank,
        }
    }
}

/// Counters count calls that write into a chat (`send…`, `edit…`, `delete…`, `copy…`, `forward…`, but not
/// `sendChatAction`), so that a poll running beside the test doesn't eat them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TelegramFaults {
    pub too_many_requests_next: u32,
    pub retry_after_s: u64,
    pub server_error_next: u32,
    /// The thing is done, then 500 is answered.
    pub error_after_effect_next: u32,
    /// The thing is done, then the socket closes without an answer.
    pub drop_response_next: u32,
    pub slow_ms: u64,
    pub duplicate_updates: bool,
    /// Real per-chat and overall rate limits.
    pub limits: bool,
    /// Narrows the counters to these methods; empty means every writing method.
    pub only_methods: Vec<String>,
}

impl Default for TelegramFaults {
    fn default() -> Self {
        Self {
            too_many_requests_next: 0,
            retry_after_s: 3,
            server_error_next: 0,
            error_after_effect_next: 0,
            drop_response_next: 0,
            slow_ms: 0,
            duplicate_updates: false,
            limits: true,
            only_methods: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SheetsMode {
    #[default]
    Ok,
    Html,
    Slow,
    Gone,
    Error,
    Private,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SheetsFaults {
    pub mode: SheetsMode,
    pub slow_ms: u64,
}

impl Default for SheetsFaults {
    fn default() -> Self {
        Self {
            mode: SheetsMode::Ok,
            slow_ms: 8000,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LlmMode {
    #[default]
    Ok,
    WrongNumbers,
    MissingExercise,
    InventedExercise,
    English,
    BrokenJson,
    Stall,
    Refuse,
    Error,
    RateLimited,
    NoMoney,
    /// Good numbers, and words that promise a result by a date.
    Promises,
    /// Good numbers, and words that belong to a doctor.
    MedicalAdvice,
    /// The provider's filter holds the answer back.
    Filter,
    /// The limit of tokens was reached in the middle.
    CutOff,
    /// The key is not known.
    BadKey,
    /// No such model.
    NoModel,
    /// A page instead of JSON, with status 200.
    Html,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LlmFaults {
    pub mode: LlmMode,
    pub slow_ms: u64,
    /// How many calls `mode` spoils before all is well again; 0 means every call.
    pub mode_next: u32,
    /// `Retry-After` of a busy answer, in seconds.
    pub retry_after_s: u64,
    /// How structured output is understood: `full`, `bare` (the schema without its envelope), `json_object` or `none`; what
    /// is not understood is answered with 400.
    pub structured: String,
    /// The only name of the token limit that is taken; empty: any.
    pub token_limit_field: String,
}

impl Default for LlmFaults {
    fn default() -> Self {
        Self {
            mode: LlmMode::Ok,
            slow_ms: 0,
            mode_next: 0,
            retry_after_s: 2,
            structured: "full".to_owned(),
            token_limit_field: String::new(),
        }
    }
}

/// Why a change of the switches was refused.
#[derive(Debug, thiserror::Error)]
pub enum FaultsError {
    #[error("there is no switch named {0}")]
    Unknown(String),
    #[error("a switch has a value of the wrong kind: {0}")]
    Invalid(#[from] serde_json::Error),
}

impl Faults {
    /// Merges `patch` over the present state; `{"reset": true}` first puts everything back.
    pub fn merged(&self, patch: &Value) -> Result<Self, FaultsError> {
        let base = if patch.get("reset").and_then(Value::as_bool) == Some(true) {
            Self::default()
        } else {
            self.clone()
        };
        let mut state = serde_json::to_value(&base)?;
        merge(&mut state, patch, "")?;
        Ok(serde_json::from_value(state)?)
    }
}

/// A misspelt switch would silently test nothing, so unknown keys are refused.
fn merge(state: &mut Value, patch: &Value, path: &str) -> Result<(), FaultsError> {
    match (state, patch) {
        (Value::Object(state), Value::Object(patch)) => {
            for (key, value) in patch {
                if path.is_empty() && key == "reset" {
                    continue;
                }
                let name = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                let slot = state.get_mut(key).ok_or_else(|| FaultsError::Unknown(name.clone()))?;
                merge(slot, value, &name)?;
            }
        }
        (slot, value) => *slot = value.clone(),
    }
    Ok(())
}
