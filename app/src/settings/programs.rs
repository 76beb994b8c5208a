//! How a programme reaches its client; the setting `programs`.

use serde::{Deserialize, Serialize};
use store::Tx;

use super::read;
use crate::error::Result;

pub const PROGRAMS: &str = "programs";
/// Two hours: a client who has just finished the questions still remembers them.
pub const USUAL_WAIT_MINUTES: u32 = 120;
/// A day: whoever waits longer has gone elsewhere.
pub const MAX_WAIT_MINUTES: u32 = 24 * 60;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryRule {
    #[default]
    AtOnce,
    /// The trainer looks first; after the wait it goes out by itself.
    AfterApproval,
}

/// What is done with the version drawn for a phone's screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhoneVersion {
    /// It is not made.
    Off,
    /// A button under the document brings it: one message, and nobody wonders which file is the right one.
    #[default]
    Button,
    /// Both files are sent.
    Sent,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgramSettings {
    pub delivery: DeliveryRule,
    /// Which programmes the rule is for: `free`, `full`. Others go at once.
    pub scopes: Vec<String>,
    pub wait_minutes: u32,
    pub phone: PhoneVersion,
}

impl Default for ProgramSettings {
    fn default() -> Self {
        Self {
            delivery: DeliveryRule::AtOnce,
            scopes: vec!["free".into(), "full".into()],
            wait_minutes: USUAL_WAIT_MINUTES,
            phone: PhoneVersion::Button,
        }
    }
}

impl ProgramSettings {
    pub async fn load(tx: &mut Tx) -> Result<Self> {
        Ok(read(tx, PROGRAMS).await?.unwrap_or_default())
    }

    pub fn needs_approval(&self, scope: &str) -> bool {
        self.delivery == DeliveryRule::AfterApproval && self.scopes.iter().any(|one| one == scope)
    }
}
