//! How a bank misbehaves. Each switch fires for the next calls, by chance with a seed, or both.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// `{"next": 2}` fires twice and is spent; `{"percent": 30}` fires in three of ten cases, drawn from the seed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Chance {
    pub next: u32,
    pub percent: u8,
}

/// What a forged notification gets wrong. All have the right shape.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forgery {
    /// True in every word, from an address outside the bank's networks.
    #[default]
    Sender,
    /// T-Bank: a token of another password. YooKassa signs nothing: an invented `Signature` header from a stranger.
    Token,
    /// Says "paid" of what isn't.
    State,
    /// Another sum.
    Amount,
    /// Of another shop or terminal.
    Shop,
    /// Of a payment nobody has ever heard of.
    Unknown,
}

/// Counters count calls that change something (T-Bank: all but `GetState`, `CheckOrder`, `GetCardList`, `GetCustomer`),
/// unless `only_calls` names the calls they are for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BankFaults {
    /// Every call waits for so long, reads too.
    pub slow_ms: u64,
    /// Credentials that are suddenly wrong: YooKassa 401, T-Bank 204.
    pub refuse: Chance,
    pub too_many_requests: Chance,
    /// 500 with nothing done.
    pub server_error: Chance,
    /// The connection is cut before anything is done.
    pub drop_request: Chance,
    /// YooKassa: done, but answers 202. T-Bank has no such answer: error 9999 with nothing done.
    pub processing: Chance,
    /// Done, then 500.
    pub error_after_effect: Chance,
    /// Done, then the connection is cut.
    pub drop_response: Chance,
    /// Done, then silence for `hang_ms`, then the connection is cut.
    pub hang: Chance,
    pub hang_ms: u64,
    /// Narrows the switches above: `create_payment`, `capture`, … or names of T-Bank's methods.
    pub only_calls: Vec<String>,

    /// The link of a new payment has run out when the payer opens it.
    pub expire_link: Chance,
    /// A charge of a saved method is declined with `decline_reason`.
    pub decline_charge: Chance,
    /// A reason of YooKassa or a code of T-Bank; empty: not enough money.
    pub decline_reason: String,
    /// A refund waits until it is settled from the page or through the driver.
    pub pending_refund: Chance,
    /// A refund fails (YooKassa: `canceled` with `insufficient_funds`; T-Bank: 3002).
    pub fail_refund: Chance,
    /// The receipt of a payment or refund is not registered.
    pub fail_receipt: Chance,

    /// A notification is sent twice at the same moment.
    pub duplicate: Chance,
    /// A notification waits until a later one has been tried, or for `hold_ms`.
    pub reorder: Chance,
    pub hold_ms: i64,
    /// A notification sets out `delay_ms` late by the sandbox's clock.
    pub delay: Chance,
    pub delay_ms: i64,
    /// A notification is never sent.
    pub lose: Chance,
    /// A forgery goes out before the true one.
    pub forge: Chance,
    pub forge_as: Forgery,

    pub seed: u64,
    /// How many times chance was asked; with the seed it says what comes next.
    pub draws: u64,
}

impl Default for BankFaults {
    fn default() -> Self {
        Self {
            slow_ms: 0,
            refuse: Chance::default(),
            too_many_requests: Chance::default(),
            server_error: Chance::default(),
            drop_request: Chance::default(),
            processing: Chance::default(),
            error_after_effect: Chance::default(),
            drop_response: Chance::default(),
            hang: Chance::default(),
            hang_ms: 60_000,
            only_calls: Vec::new(),
            expire_link: Chance::default(),
            decline_charge: Chance::default(),
            decline_reason: String::new(),
            pending_refund: Chance::default(),
            fail_refund: Chance::default(),
            fail_receipt: Chance::default(),
            duplicate: Chance::default(),
            reorder: Chance::default(),
            hold_ms: 3_000,
            delay: Chance::default(),
            delay_ms: 60_000,
            lose: Chance::default(),
            forge: Chance::default(),
            forge_as: Forgery::default(),
            seed: 1,
            draws: 0,
        }
    }
}

/// SplitMix64: the n-th number of a seed without keeping any state.
fn drawn(seed: u64, n: u64) -> u64 {
    let mut z = seed.wrapping_add(n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Whether `chance` fires now; spends a counter or a draw.
pub fn fires(chance: &mut Chance, seed: u64, draws: &mut u64) -> bool {
    if chance.next > 0 {
        chance.next -= 1;
        return true;
    }
    if chance.percent == 0 {
        return false;
    }
    *draws += 1;
    drawn(seed, *draws) % 100 < u64::from(chance.percent)
}

/// Which of the switches is asked.
type Pick = fn(&mut BankFaults) -> &mut Chance;

impl BankFaults {
    pub fn fires(&mut self, pick: Pick) -> bool {
        let (seed, mut draws) = (self.seed, self.draws);
        let fired = fires(pick(self), seed, &mut draws);
        self.draws = draws;
        fired
    }
}

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    DropRequest,
    Refuse,
    TooManyRequests,
    ServerError,
    Processing,
    ErrorAfterEffect,
    DropResponse,
    Hang(Duration),
}

impl Mishap {
    pub fn name(self) -> &'static str {
        match self {
            Self::DropRequest => "drop_request",
            Self::Refuse => "refuse",
            Self::TooManyRequests => "too_many_requests",
            Self::ServerError => "server_error",
            Self::Processing => "processing",
            Self::ErrorAfterEffect => "error_after_effect",
            Self::DropResponse => "drop_response",
            Self::Hang(_) => "hang",
        }
    }
}

impl BankFaults {
    /// The pause before the call and what else befalls it. `changes`: whether the call writes something.
    pub fn meet(&mut self, call: &str, changes: bool) -> (Duration, Option<Mishap>) {
        let pause = Duration::from_millis(self.slow_ms);
        let counted = if self.only_calls.is_empty() {
            changes
        } else {
            self.only_calls.iter().any(|name| name.eq_ignore_ascii_case(call))
        };
        if !counted {
            return (pause, None);
        }
        let hang = Mishap::Hang(Duration::from_millis(self.hang_ms));
        let switches: [(Pick, Mishap); 8] = [
            (|all| &mut all.drop_request, Mishap::DropRequest),
            (|all| &mut all.refuse, Mishap::Refuse),
            (|all| &mut all.too_many_requests, Mishap::TooManyRequests),
            (|all| &mut all.server_error, Mishap::ServerError),
            (|all| &mut all.processing, Mishap::Processing),
            (|all| &mut all.error_after_effect, Mishap::ErrorAfterEffect),
            (|all| &mut all.drop_response, Mishap::DropResponse),
            (|all| &mut all.hang, hang),
        ];
        for (pick, mishap) in switches {
            if self.fires(pick) {
                return (pause, Some(mishap));
            }
        }
        (pause, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seed: u64) -> Vec<bool> {
        let mut faults = BankFaults {
            seed,
            lose: Chance { next: 1, percent: 30 },
            ..BankFaults::default()
        };
        (0..200).map(|_| faults.fires(|all| &mut all.lose)).collect()
    }

    #[test]
    fn a_seed_repeats_itself_and_keeps_its_share() {
        let first = run(7);
        assert_eq!(first, run(7));
        assert_ne!(first, run(8));
        assert!(first[0], "a counter comes before chance");
        let fired = first.iter().filter(|fired| **fired).count();
        assert!((35..=90).contains(&fired), "{fired} of 200 at 30 %");
    }
}
