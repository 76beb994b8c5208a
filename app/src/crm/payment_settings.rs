//! How money is taken.

use serde_json::json;

use super::contact::Checks;
use crate::access::audit;
use crate::settings;
use crate::settings::payments::{PAYMENTS, PaymentSettings};
use crate::{App, Caller, Error, Result};

/// Ten minutes to pay are few enough, a month is more than anybody needs.
const ORDER_MINUTES: std::ops::RangeInclusive<u32> = 10..=30 * 24 * 60;
const MAX_WINDOW_MINUTES: u32 = 30 * 24 * 60;

/// The setting and its version; 0 as long as nothing was saved.
pub async fn find(app: &App, caller: &Caller) -> Result<(PaymentSettings, i64)> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let version = tx.find_setting(PAYMENTS).await?.map_or(0, |setting| setting.version);
    Ok((PaymentSettings::load(&mut tx).await?, version))
}

/// Saves it, if `version` is still current. Orders that are placed keep their price and their time.
///
/// Errors: `VersionConflict`; `Invalid` with every wrong field.
pub async fn save(app: &App, caller: &Caller, version: i64, wanted: PaymentSettings) -> Result<(PaymentSettings, i64)> {
    check(app, &wanted)?;
    let value = serde_json::to_string(&wanted)
        .map_err(|error| Error::internal(format!("the setting can't be written: {error}")))?;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let before = tx.find_setting(PAYMENTS).await?.map_or(0, |setting| setting.version);
    if before != version {
        return Err(Error::VersionConflict { what: "payments" });
    }
    tx.save_setting(PAYMENTS, &value, version, app.now()).await?;
    let details = json!({ "version": version + 1, "settings": wanted });
    tx.record_audit(&audit(app, caller, "settings.saved", PAYMENTS, details))
        .await?;
    tx.commit().await?;
    settings::forget(app, &caller.tenant);
    Ok((wanted, version + 1))
}

fn check(app: &App, wanted: &PaymentSettings) -> Result<()> {
    let mut checks = Checks::default();
    if !ORDER_MINUTES.contains(&wanted.order_minutes) {
        let sentence = format!("{} to {} minutes", ORDER_MINUTES.start(), ORDER_MINUTES.end());
        checks.add("order_minutes", "out_of_range", sentence);
    }
    if wanted.refund_window_minutes > MAX_WINDOW_MINUTES {
        let sentence = format!("0 to {MAX_WINDOW_MINUTES} minutes");
        checks.add("refund_window_minutes", "out_of_range", sentence);
    }
    for (place, code) in wanted.providers.iter().enumerate() {
        let field = format!("providers/{place}");
        if app.payment_providers().find(code).is_none() {
            checks.add(&field, "not_found", "no keys are configured for this provider");
        } else if wanted.providers.iter().take(place).any(|other| other == code) {
            checks.add(&field, "duplicate", "this provider is in the list already");
        }
    }
    checks.done()
}
