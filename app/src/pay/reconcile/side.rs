//! Who keeps the other books.

use std::sync::Arc;

use domain::ids::TenantId;
use domain::time::Timestamp;
use providers::payments::PaymentProvider;

use super::super::keys;
use super::super::telegram::STARS;
use crate::context::App;
use crate::error::Result;
use crate::settings::telegram::TelegramPayments;

/// Whom the books are compared with.
pub(super) enum Side {
    Bank(Arc<dyn PaymentProvider>),
    /// Telegram, by way of its bot.
    Stars,
}

impl Side {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Bank(provider) => provider.code(),
            Self::Stars => STARS,
        }
    }

    pub(super) fn lists(&self) -> bool {
        match self {
            Self::Bank(provider) => provider.capabilities().lists,
            Self::Stars => true,
        }
    }
}

/// Every provider that has keys, and Telegram where Stars are taken or ever were.
pub(super) async fn sides(app: &App, tenant: &TenantId) -> Result<Vec<Side>> {
    let providers = keys::providers(app, tenant).await?;
    let mut sides: Vec<Side> = providers.all().iter().cloned().map(Side::Bank).collect();
    let mut tx = app.tenant(tenant).read().await?;
    let takes_stars = TelegramPayments::load(&mut tx).await?.stars;
    let (first, last) = (Timestamp::from_millis(0), Timestamp::from_millis(i64::MAX));
    if takes_stars || !tx.payments_to_reconcile(STARS, first, last, None, 1).await?.is_empty() {
        sides.push(Side::Stars);
    }
    Ok(sides)
}
