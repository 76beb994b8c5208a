//! How money is taken; the setting `payments`.

use domain::pricing::Stacking;
use providers::payments::Capture;
use serde::{Deserialize, Serialize};
use store::Tx;

use super::read;
use crate::error::Result;

pub const PAYMENTS: &str = "payments";

/// Who gives the tax receipt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptMode {
    /// Nobody through us: the owner has another cash register.
    #[default]
    Off,
    /// The provider, with each payment and refund (54-FZ).
    Provider,
    /// The owner is self-employed: incomes are listed for registering in «Мой налог».
    SelfEmployed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentSettings {
    /// How long an order waits for its payment.
    pub order_minutes: u32,
    /// How long a client may take their money back without asking.
    pub refund_window_minutes: u32,
    pub capture: Capture,
    pub stacking: Stacking,
    pub receipts: ReceiptMode,
    /// Codes of providers in the order in which they are offered; empty: all that are configured.
    pub providers: Vec<String>,
    /// Whether a payer may have their method kept for later charges.
    #[serde(default, skip_serializing_if = "is_off")]
    pub save_methods: bool,
    /// How many days back the books are compared with the providers each night.
    #[serde(default = "three", skip_serializing_if = "is_three")]
    pub reconcile_days: u32,
}

const fn three() -> u32 {
    3
}

const fn is_three(days: &u32) -> bool {
    *days == three()
}

/// A replica of the release before refuses fields it does not know, so one that says nothing is left out.
const fn is_off(switch: &bool) -> bool {
    !*switch
}

impl Default for PaymentSettings {
    fn default() -> Self {
        Self {
            order_minutes: 24 * 60,
            refund_window_minutes: 60,
            capture: Capture::AtOnce,
            stacking: Stacking::BestOne,
            receipts: ReceiptMode::Off,
            providers: Vec::new(),
            reconcile_days: three(),
            save_methods: false,
        }
    }
}

impl PaymentSettings {
    pub async fn load(tx: &mut Tx) -> Result<Self> {
        Ok(read(tx, PAYMENTS).await?.unwrap_or_default())
    }

    pub const fn refund_window_ms(&self) -> i64 {
        self.refund_window_minutes as i64 * 60_000
    }

    /// Whether a payer has to leave an e-mail address or a phone number.
    pub fn needs_contact(&self) -> bool {
        self.receipts == ReceiptMode::Provider
    }
}
