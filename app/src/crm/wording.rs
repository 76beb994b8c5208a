//! Who words programmes, what they said and what it cost.

use std::time::Duration;

use chrono::Datelike as _;
use domain::ids::ProgramId;
use domain::language::Language;
use domain::money::Currency;
use domain::profile::{Equipment, Goal, Level, Lifestyle, Place, Profile, Sex};
use domain::time::local_date;
use programs::matching;
use programs::programme::Scope;
use programs::wording::Wording;
use serde_json::{Value, json};
use store::WordingTotal;

use super::contact::Checks;
use crate::access::audit;
use crate::settings::edit::Edit;
use crate::settings::wording::{ApiKey, LimitField, Price, Provider, WordingSetting};
use crate::settings::{self, WORDING};
use crate::word_program::record::Record;
use crate::word_program::{ask, keep_cost};
use crate::{App, Caller, Error, Result, refresh_templates};

const MAX_URL_CHARS: usize = 500;
const MAX_MODEL_CHARS: usize = 200;
const MAX_KEY_CHARS: usize = 500;
const MAX_FOLDER_CHARS: usize = 64;
/// A page of wishes; it is paid for with every programme.
const MAX_EXTRA_PROMPT_CHARS: usize = 1_500;
const DEADLINES: std::ops::RangeInclusive<u16> = 5..=180;
const ANSWER_TOKENS: std::ops::RangeInclusive<u32> = 500..=64_000;
/// A million units for a thousand tokens.
const MAX_PRICE_MICROS: i64 = 1_000_000_000_000;
/// A request of the API is answered within thirty seconds, and drawing wants some of them.
pub(super) const WITHIN_A_REQUEST: Duration = Duration::from_secs(24);
const MAX_MONTHS: u32 = 36;

/// What an owner may say. What is absent is the provider's usual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedWording {
    pub provider: Provider,
    pub base_url: Option<String>,
    pub model: Option<String>,
    /// `None` stays, `Some(None)` is taken away.
    pub api_key: Option<Option<String>>,
    pub folder_id: String,
    pub temperature_millis: Option<u16>,
    pub extra_prompt: String,
    pub deadline_seconds: u16,
    pub token_limit_field: LimitField,
    pub answer_tokens: u32,
    pub price: Price,
}

/// What a trial brought.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    pub record: Record,
    pub wording: Wording,
}

/// The setting and its version; 0 as long as nothing was saved.
pub async fn find(app: &App, caller: &Caller) -> Result<(WordingSetting, i64)> {
    let (saved, version) = settings::find(app, caller, WORDING).await?;
    Ok((saved.unwrap_or_default(), version))
}

/// Saves the setting, if `version` is still current. The next programme is worded by it, on every replica.
///
/// Errors: `VersionConflict`; `Invalid` with every wrong field.
pub async fn save(app: &App, caller: &Caller, version: i64, wanted: WantedWording) -> Result<(WordingSetting, i64)> {
    let mut edit = Edit::open(app, caller, WORDING, version, "wording").await?;
    let known = settings::read(&mut edit.tx, WORDING).await?.unwrap_or_default();
    let key_changes = wanted.api_key.is_some();
    let wanted = checked(&known, wanted)?;
    let details = json!({
        "provider": wanted.provider,
        "address": wanted.address(),
        "model": wanted.model_name(),
        "key_changed": key_changes,
    });
    edit.save(&wanted, details).await?;
    Ok((wanted, edit.commit().await?))
}

/// Words one invented client's programme, with `wanted` in place of what is saved if it is given. Only the cost is kept.
///
/// Errors: `Invalid`; a conflict `wording_off` when nobody would be asked; `TooManyAttempts` while others try.
pub async fn try_out(
    app: &App,
    caller: &Caller,
    wanted: Option<WantedWording>,
    language: Language,
    scope: Scope,
) -> Result<Trial> {
    let (known, _) = find(app, caller).await?;
    let setting = match wanted {
        Some(wanted) => checked(&known, wanted)?,
        None => known,
    };
    if setting.provider == Provider::Off || app.llm().is_none() {
        return Err(Error::conflict(
            "wording_off",
            "no language model is chosen: programmes go out in the plain wording",
        ));
    }
    let _place = app.previews().try_acquire().map_err(|_| busy())?;
    let templates = refresh_templates::current(app, &caller.tenant).await?;
    let profile = somebody();
    let programme = matching::find(&templates, &profile, scope)
        .map_err(|reason| Error::internal(format!("no programme fits the invented client: {reason:?}")))?;
    let within = setting.deadline().min(WITHIN_A_REQUEST);
    let (wording, record) = ask(app, &setting, within, &programme, &profile, language).await;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    keep_cost(app, &mut tx, &setting, None, "try", &record).await?;
    let details = json!({ "model": record.model, "verdict": record.verdict, "error": record.error.as_ref().map(|error| &error.code) });
    tx.record_audit(&audit(app, caller, "wording.tried", WORDING, details))
        .await?;
    tx.commit().await?;
    Ok(Trial { record, wording })
}

pub(super) const fn busy() -> Error {
    Error::TooManyAttempts { after_s: 2 }
}

/// Everybody's first programme: the one most clients get.
const fn somebody() -> Profile {
    Profile {
        sex: Sex::Female,
        age_years: 31,
        level: Level::Beginner,
        goal: Goal::FatLoss,
        height_cm: 168,
        weight_decikg: 700,
        lifestyle: Lifestyle::Sedentary,
        place: Place::Home,
        equipment: Equipment::Basic,
        days_per_week: 3,
        spared_areas: Vec::new(),
    }
}

/// How the words of a version came about.
///
/// Errors: `NotFound`; a conflict `program_not_ready`.
pub async fn record(app: &App, caller: &Caller, id: &ProgramId) -> Result<Record> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    if tx.find_program(id).await?.is_none() {
        return Err(Error::NotFound { what: "programme" });
    }
    let Some((_, report)) = tx.program_details(id).await? else {
        return Err(Error::conflict("program_not_ready", "this version has no words yet"));
    };
    let report: Value = serde_json::from_str(&report)
        .map_err(|error| Error::internal(format!("the report of {id} can't be read: {error}")))?;
    serde_json::from_value(report)
        .map_err(|error| Error::internal(format!("the report of {id} can't be read: {error}")))
}

/// What `months` calendar months cost, this one included, newest first; months without a question are absent.
///
/// Errors: `Invalid` names `months`.
pub async fn costs(app: &App, caller: &Caller, months: u32) -> Result<Vec<WordingTotal>> {
    if !(1..=MAX_MONTHS).contains(&months) {
        return Err(Error::invalid("months", "out_of_range", format!("1 to {MAX_MONTHS}")));
    }
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let zone: chrono_tz::Tz = tx.time_zone().await?.parse().unwrap_or(chrono_tz::Europe::Moscow);
    let today = local_date(app.now(), zone);
    let since = today
        .with_day(1)
        .and_then(|first| first.checked_sub_months(chrono::Months::new(months - 1)))
        .unwrap_or(today);
    Ok(tx.wording_totals(&since.format("%Y-%m").to_string()).await?)
}

fn checked(known: &WordingSetting, wanted: WantedWording) -> Result<WordingSetting> {
    let mut checks = Checks::default();
    let empty_is_none = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let mut setting = WordingSetting {
        provider: wanted.provider,
        base_url: empty_is_none(wanted.base_url).map(|url| url.trim_end_matches('/').to_owned()),
        model: empty_is_none(wanted.model),
        api_key: known.api_key.clone(),
        key_origin: known.key_origin(),
        folder_id: wanted.folder_id.trim().to_owned(),
        temperature_millis: wanted.temperature_millis,
        extra_prompt: wanted.extra_prompt.trim().to_owned(),
        deadline_seconds: wanted.deadline_seconds,
        token_limit_field: wanted.token_limit_field,
        answer_tokens: wanted.answer_tokens,
        price: wanted.price,
    };
    if let Some(url) = &setting.base_url
        && !is_base_url(url)
    {
        checks.add(
            "base_url",
            "invalid",
            "an address such as https://api.example.com/v1, without a name, a question or an anchor",
        );
    }
    if setting
        .model
        .as_ref()
        .is_some_and(|model| model.len() > MAX_MODEL_CHARS || !model.bytes().all(|byte| byte.is_ascii_graphic()))
    {
        checks.add(
            "model",
            "invalid",
            format!("a model's name, {MAX_MODEL_CHARS} characters at most"),
        );
    }
    take_key(&mut setting, wanted.api_key, &mut checks);
    let dialect = setting.provider.dialect();
    let is_folder = setting.folder_id.len() <= MAX_FOLDER_CHARS
        && setting
            .folder_id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !is_folder {
        checks.add("folder_id", "invalid", "the folder's id as the console shows it");
    } else if setting.folder_id.is_empty() && dialect.is_some_and(|dialect| dialect.needs_folder()) {
        checks.add("folder_id", "required", "Yandex needs the folder's id");
    }
    let hottest = if dialect.is_some_and(|dialect| dialect.needs_folder()) {
        1_000
    } else {
        2_000
    };
    if setting.temperature_millis.is_some_and(|millis| millis > hottest) {
        checks.add("temperature_millis", "out_of_range", format!("0 to {hottest}"));
    }
    if setting.extra_prompt.chars().count() > MAX_EXTRA_PROMPT_CHARS {
        checks.add(
            "extra_prompt",
            "length",
            format!("{MAX_EXTRA_PROMPT_CHARS} characters at most"),
        );
    } else if setting
        .extra_prompt
        .chars()
        .any(|letter| letter.is_control() && letter != '\n')
    {
        checks.add(
            "extra_prompt",
            "invalid_character",
            "must have no control characters but line ends",
        );
    }
    if !DEADLINES.contains(&setting.deadline_seconds) {
        let (least, most) = (DEADLINES.start(), DEADLINES.end());
        checks.add("deadline_seconds", "out_of_range", format!("{least} to {most} seconds"));
    }
    if !ANSWER_TOKENS.contains(&setting.answer_tokens) {
        let (least, most) = (ANSWER_TOKENS.start(), ANSWER_TOKENS.end());
        checks.add("answer_tokens", "out_of_range", format!("{least} to {most}"));
    }
    if Currency::parse(&setting.price.currency).is_none() {
        checks.add("price/currency", "invalid", "a currency such as RUB");
    }
    for (field, price) in [
        ("price/prompt_micros_per_1000", setting.price.prompt_micros_per_1000),
        ("price/answer_micros_per_1000", setting.price.answer_micros_per_1000),
    ] {
        if !(0..=MAX_PRICE_MICROS).contains(&price) {
            checks.add(field, "out_of_range", format!("0 to {MAX_PRICE_MICROS} millionths"));
        }
    }
    checks.done()?;
    Ok(setting)
}

/// A key goes only where it was meant to go: whoever changes the address gives the key again.
fn take_key(setting: &mut WordingSetting, wanted: Option<Option<String>>, checks: &mut Checks) {
    let origin = setting.origin();
    match wanted {
        Some(Some(key)) => {
            let key = key.trim();
            if key.is_empty() || key.len() > MAX_KEY_CHARS || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
                checks.add(
                    "api_key",
                    "invalid",
                    format!("1 to {MAX_KEY_CHARS} visible ASCII characters; null takes it away"),
                );
                return;
            }
            setting.api_key = ApiKey::new(key);
            setting.key_origin = origin;
        }
        Some(None) => {
            setting.api_key = ApiKey::default();
            setting.key_origin = None;
        }
        None => {}
    }
    if setting.provider == Provider::Off {
        return;
    }
    if !setting.api_key.is_set() {
        checks.add("api_key", "required", "the service asks for a key");
    } else if setting.key_origin != setting.origin() {
        checks.add(
            "api_key",
            "required",
            "the key belongs to another address: give it again",
        );
    }
}

fn is_base_url(text: &str) -> bool {
    text.len() <= MAX_URL_CHARS
        && url::Url::parse(text).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> WantedWording {
        let usual = WordingSetting::default();
        WantedWording {
            provider: Provider::Openai,
            base_url: None,
            model: None,
            api_key: Some(Some("sk-0123456789abcdef".into())),
            folder_id: String::new(),
            temperature_millis: usual.temperature_millis,
            extra_prompt: String::new(),
            deadline_seconds: usual.deadline_seconds,
            token_limit_field: usual.token_limit_field,
            answer_tokens: usual.answer_tokens,
            price: Price::default(),
        }
    }

    fn fields(result: Result<WordingSetting>) -> Vec<String> {
        match result {
            Err(Error::Invalid(fields)) => fields.into_iter().map(|field| field.field).collect(),
            other => panic!("it must be refused: {other:?}"),
        }
    }

    #[test]
    fn a_key_stays_with_the_address_it_was_given_for() {
        let saved = checked(&WordingSetting::default(), wanted()).unwrap();
        let without = |change: fn(&mut WantedWording)| {
            let mut again = WantedWording {
                api_key: None,
                ..wanted()
            };
            change(&mut again);
            again
        };
        assert_eq!(checked(&saved, without(|_| ())).unwrap().api_key, saved.api_key);
        let elsewhere = without(|wanted| wanted.base_url = Some("https://evil.example/v1".into()));
        assert_eq!(fields(checked(&saved, elsewhere)), ["api_key"]);
        let other = without(|wanted| wanted.provider = Provider::Proxyapi);
        assert_eq!(fields(checked(&saved, other)), ["api_key"]);
        // Off for a while, and on again: the key is still there.
        let off = checked(&saved, without(|wanted| wanted.provider = Provider::Off)).unwrap();
        assert_eq!(checked(&off, without(|_| ())).unwrap().api_key, saved.api_key);
        let away = WantedWording {
            provider: Provider::Off,
            api_key: Some(None),
            ..wanted()
        };
        let off = checked(&saved, away).unwrap();
        assert!(!off.api_key.is_set());
        assert_eq!(fields(checked(&off, without(|_| ()))), ["api_key"]);
    }

    #[test]
    fn every_wrong_field_is_told_at_once() {
        let wrong = WantedWording {
            provider: Provider::Yandex,
            base_url: Some("https://me:secret@example.com".into()),
            model: Some("a model".into()),
            api_key: Some(Some("ключ".into())),
            folder_id: String::new(),
            temperature_millis: Some(1_500),
            extra_prompt: "я".repeat(1_501),
            deadline_seconds: 1,
            answer_tokens: 1,
            price: Price {
                currency: "рубль".into(),
                prompt_micros_per_1000: -1,
                answer_micros_per_1000: i64::MAX,
            },
            ..wanted()
        };
        assert_eq!(
            fields(checked(&WordingSetting::default(), wrong)),
            [
                "base_url",
                "model",
                "api_key",
                "folder_id",
                "temperature_millis",
                "extra_prompt",
                "deadline_seconds",
                "answer_tokens",
                "price/currency",
                "price/prompt_micros_per_1000",
                "price/answer_micros_per_1000"
            ]
        );
    }
}
