//! How money is taken, and with whose keys.

use std::collections::BTreeMap;

use providers::payments::Error as ProviderError;
use serde_json::json;

use super::contact::Checks;
use crate::access::audit;
use crate::pay::keys::{self, Field, Maker, PAYMENT_KEYS, PaymentKeys, Values};
use crate::settings;
use crate::settings::edit::Edit;
use crate::settings::payments::{PAYMENTS, PaymentSettings};
use crate::{App, Caller, Error, Result};

/// Ten minutes to pay are few enough, a month is more than anybody needs.
const ORDER_MINUTES: std::ops::RangeInclusive<u32> = 10..=30 * 24 * 60;
const MAX_WINDOW_MINUTES: u32 = 30 * 24 * 60;
const MAX_KEY_CHARS: usize = 200;

/// Keys as they come: absent stays, `None` is taken away.
pub type WantedKeys = BTreeMap<String, Option<BTreeMap<String, String>>>;

/// Whose keys serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    None,
    Environment,
    Settings,
}

/// A field, and what may be shown of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownField {
    pub field: Field,
    pub shown: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownKeys {
    pub source: Source,
    pub fields: Vec<ShownField>,
}

/// The setting and its version; 0 as long as nothing was saved.
pub async fn find(app: &App, caller: &Caller) -> Result<(PaymentSettings, i64)> {
    let (saved, version) = settings::find(app, caller, PAYMENTS).await?;
    Ok((saved.unwrap_or_default(), version))
}

/// What may be shown of the keys, with the provider's code, in the order in which they are offered. Never a secret.
pub async fn shown_keys(app: &App, caller: &Caller) -> Result<Vec<(&'static str, ShownKeys)>> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let saved: PaymentKeys = settings::read(&mut tx, PAYMENT_KEYS).await?.unwrap_or_default();
    let environment = app.payment_providers();
    let mut shown: Vec<(&'static str, ShownKeys)> = environment
        .all()
        .iter()
        .map(|provider| {
            let keys = ShownKeys {
                source: Source::Environment,
                fields: Vec::new(),
            };
            (provider.code(), keys)
        })
        .collect();
    for maker in environment.makers() {
        let values = saved.0.get(maker.code());
        let source = match values {
            Some(_) => Source::Settings,
            None if environment.find(maker.code()).is_some() => Source::Environment,
            None => Source::None,
        };
        let fields = maker
            .fields()
            .iter()
            .map(|field| ShownField {
                field: *field,
                shown: values.and_then(|values| values.get(field.name)).map(|value| {
                    if field.is_secret {
                        masked(value)
                    } else {
                        value.to_owned()
                    }
                }),
            })
            .collect();
        let keys = ShownKeys { source, fields };
        match shown.iter_mut().find(|(code, _)| *code == maker.code()) {
            Some((_, known)) => *known = keys,
            None => shown.push((maker.code(), keys)),
        }
    }
    Ok(shown)
}

/// Enough to tell two keys apart; a short one would be half given away.
fn masked(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    let last: String = if letters.len() >= 12 {
        letters.iter().skip(letters.len() - 4).collect()
    } else {
        String::new()
    };
    format!("••••{last}")
}

/// Saves it, if `version` is still current. Orders that are placed keep their price and their time. New keys are tried at
/// their provider before they are kept, and are in force on every replica within seconds.
///
/// Errors: `VersionConflict`; `Invalid` with every wrong field; `Unavailable` when a provider could not be asked.
pub async fn save(
    app: &App,
    caller: &Caller,
    version: i64,
    wanted: PaymentSettings,
    wanted_keys: &WantedKeys,
) -> Result<(PaymentSettings, i64)> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let known: PaymentKeys = settings::read(&mut tx, PAYMENT_KEYS).await?.unwrap_or_default();
    drop(tx);
    let keys = changed(app, &known, wanted_keys)?;
    check(app, &keys, &wanted)?;
    for code in wanted_keys.keys() {
        if let Some(values) = keys.0.get(code) {
            try_out(app, code, values).await?;
        }
    }
    let mut edit = Edit::open(app, caller, PAYMENTS, version, "payments").await?;
    edit.save(&wanted, json!({ "settings": wanted })).await?;
    if !wanted_keys.is_empty() {
        let of_keys = settings::version_of(&mut edit.tx, PAYMENT_KEYS).await?;
        let text = serde_json::to_string(&keys)
            .map_err(|error| Error::internal(format!("the keys can't be written: {error}")))?;
        edit.tx.save_setting(PAYMENT_KEYS, &text, of_keys, app.now()).await?;
        // Names only: neither keys nor parts of them.
        let (set, taken): (Vec<&String>, Vec<&String>) =
            wanted_keys.keys().partition(|code| keys.0.contains_key(*code));
        let details = json!({ "set": set, "taken_away": taken });
        let entry = audit(app, caller, "payment_keys.saved", PAYMENT_KEYS, details);
        edit.tx.record_audit(&entry).await?;
    }
    let version = edit.commit().await?;
    keys::forget(app, &caller.tenant);
    Ok((wanted, version))
}

fn maker<'a>(app: &'a App, code: &str) -> Option<&'a std::sync::Arc<dyn Maker>> {
    app.payment_providers()
        .makers()
        .iter()
        .find(|maker| maker.code() == code)
}

/// What will be saved. Errors: `Invalid` with every wrong field, as `keys/yookassa/secret_key`.
fn changed(app: &App, known: &PaymentKeys, wanted: &WantedKeys) -> Result<PaymentKeys> {
    let mut checks = Checks::default();
    let mut keys = known.clone();
    for (code, values) in wanted {
        let Some(maker) = maker(app, code) else {
            checks.add(&format!("keys/{code}"), "not_found", "there is no such provider here");
            continue;
        };
        let Some(values) = values else {
            keys.0.remove(code);
            continue;
        };
        let values = Values(
            values
                .iter()
                .map(|(name, value)| (name.clone(), value.trim().to_owned()))
                .filter(|(_, value)| !value.is_empty())
                .collect(),
        );
        let before = checks.count();
        for name in values.0.keys() {
            if !maker.fields().iter().any(|field| field.name == name) {
                checks.add(
                    &format!("keys/{code}/{name}"),
                    "unknown",
                    "this provider has no such key",
                );
            }
        }
        for field in maker.fields() {
            let name = format!("keys/{code}/{}", field.name);
            match values.get(field.name) {
                None if field.is_required => checks.add(&name, "required", "the provider needs it"),
                Some(value) if value.chars().count() > MAX_KEY_CHARS => {
                    checks.add(&name, "length", format!("{MAX_KEY_CHARS} characters at most"));
                }
                _ => {}
            }
        }
        if checks.count() == before
            && let Err(wrong) = maker.make(&values)
        {
            for (field, sentence) in wrong {
                checks.add(&format!("keys/{code}/{field}"), "invalid", sentence);
            }
        }
        keys.0.insert(code.clone(), values);
    }
    checks.done()?;
    Ok(keys)
}

/// Asks the provider for something that changes nothing.
async fn try_out(app: &App, code: &str, values: &Values) -> Result<()> {
    let Some(Ok(provider)) = maker(app, code).map(|maker| maker.make(values)) else {
        return Err(Error::internal(format!(
            "keys of {code} were checked and can't be used"
        )));
    };
    match provider.probe().await {
        Ok(()) => Ok(()),
        Err(ProviderError::Misconfigured { code: reason, .. } | ProviderError::Refused { code: reason, .. }) => {
            let title = provider.title(domain::language::Language::En);
            let sentence =
                format!("{title} does not accept these keys ({reason}): copy both once more from your account there");
            Err(Error::invalid(&format!("keys/{code}"), "not_accepted", sentence))
        }
        Err(error) => Err(Error::Unavailable {
            what: "the payment provider whose keys were to be tried",
            source: Box::new(error),
        }),
    }
}

fn check(app: &App, keys: &PaymentKeys, wanted: &PaymentSettings) -> Result<()> {
    let mut checks = Checks::default();
    if !ORDER_MINUTES.contains(&wanted.order_minutes) {
        let sentence = format!("{} to {} minutes", ORDER_MINUTES.start(), ORDER_MINUTES.end());
        checks.add("order_minutes", "out_of_range", sentence);
    }
    if wanted.refund_window_minutes > MAX_WINDOW_MINUTES {
        let sentence = format!("0 to {MAX_WINDOW_MINUTES} minutes");
        checks.add("refund_window_minutes", "out_of_range", sentence);
    }
    let has_keys = |code: &str| keys.0.contains_key(code) || app.payment_providers().find(code).is_some();
    for (place, code) in wanted.providers.iter().enumerate() {
        let field = format!("providers/{place}");
        if !has_keys(code) {
            checks.add(&field, "not_found", "no keys are configured for this provider");
        } else if wanted.providers.iter().take(place).any(|other| other == code) {
            checks.add(&field, "duplicate", "this provider is in the list already");
        }
    }
    checks.done()
}
