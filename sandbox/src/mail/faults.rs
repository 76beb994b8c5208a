//! How a mail server misbehaves.

use serde::{Deserialize, Serialize};

use crate::banks::switches::{Chance, fires};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MailFaults {
    /// Every answer of the server waits for so long.
    pub slow_ms: u64,
    /// The server greets with 421 and closes.
    pub busy: Chance,
    /// AUTH answers 535.
    pub refuse_auth: Chance,
    /// A recipient is refused for good (550).
    pub refuse: Chance,
    /// A recipient is put off (451).
    pub defer: Chance,
    /// The connection breaks in the middle of the mail; nothing is kept.
    pub drop_mail: Chance,
    /// The mail is kept and the connection breaks before the answer.
    pub drop_response: Chance,
    pub seed: u64,
    pub draws: u64,
}

impl Default for MailFaults {
    fn default() -> Self {
        Self {
            slow_ms: 0,
            busy: Chance::default(),
            refuse_auth: Chance::default(),
            refuse: Chance::default(),
            defer: Chance::default(),
            drop_mail: Chance::default(),
            drop_response: Chance::default(),
            seed: 1,
            draws: 0,
        }
    }
}

impl MailFaults {
    pub fn fires(&mut self, pick: fn(&mut Self) -> &mut Chance) -> bool {
        let (seed, mut draws) = (self.seed, self.draws);
        let fired = fires(pick(self), seed, &mut draws);
        self.draws = draws;
        fired
    }
}
