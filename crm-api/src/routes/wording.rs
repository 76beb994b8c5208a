//! Who words programmes, what was said and what it cost.

use api_types::crm::{
    Localized, ProgramScope, ReplacedText, ShownWordingSettings, TokenLimitField, WordingAttempt, WordingCostQuery,
    WordingCosts, WordingError, WordingMonth, WordingPart, WordingPrice, WordingProvider, WordingRecord,
    WordingSettings, WordingShares, WordingTrial, WordingTrialRequest,
};
use api_types::problem::Problem;
use app::crm::wording::{self, WantedWording};
use app::settings::wording::{LimitField, Price, Provider, WordingSetting};
use app::word_program::record;
use axum::extract::State;
use domain::ids::ProgramId;
use programs::programme::Scope;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::clients::{read_language, show_text};
use crate::auth::Admin;
use crate::extract::{IfMatch, Json, PathId, Query, Versioned};
use crate::problem::{ApiError, ApiResult};
use crate::refusals::{Invalid, NotFound};
use crate::state::ApiState;

const USUAL_MONTHS: u32 = 12;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(find, save))
        .routes(routes!(try_out))
        .routes(routes!(costs))
        .routes(routes!(of_program))
}

/// Get who words programmes
///
/// The key is never shown, only whether there is one and its last four characters.
#[utoipa::path(
    get,
    path = "/api/settings/wording",
    tag = "settings",
    responses((status = 200, body = ShownWordingSettings, headers(("ETag" = String, description = "The version, for `If-Match`"))))
)]
async fn find(State(state): State<ApiState>, Admin(caller): Admin) -> ApiResult<Versioned<ShownWordingSettings>> {
    let (found, version) = wording::find(&state.app, &caller).await?;
    Ok(show(found, version))
}

/// Choose who words programmes
///
/// The next programme is worded by it, without a restart. The key may be left out as long as the address stays.
#[utoipa::path(
    put,
    path = "/api/settings/wording",
    tag = "settings",
    params(IfMatch),
    request_body = WordingSettings,
    responses(
        (status = 200, body = ShownWordingSettings),
        Invalid,
        IfMatch
    )
)]
async fn save(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    IfMatch(version): IfMatch,
    Json(wanted): Json<WordingSettings>,
) -> ApiResult<Versioned<ShownWordingSettings>> {
    let (saved, version) = wording::save(&state.app, &caller, version, read(wanted)).await?;
    Ok(show(saved, version))
}

/// Try a model out
///
/// Words the programme of an invented client, with the given settings or the saved ones, and shows what came of it. It is
/// paid for like any other wording, and answers within 25 seconds.
#[utoipa::path(
    post,
    path = "/api/settings/wording/try",
    tag = "settings",
    request_body(content = WordingTrialRequest, example = json!({ "language": "ru", "scope": "free" })),
    responses(
        (status = 200, body = WordingTrial),
        (status = 409, description = "`wording_off`: no model is chosen", body = Problem, content_type = "application/problem+json"),
        Invalid
    )
)]
async fn try_out(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Json(wanted): Json<WordingTrialRequest>,
) -> ApiResult<Json<WordingTrial>> {
    let language = read_language(wanted.language.unwrap_or_default());
    let scope = read_scope(wanted.scope);
    let settings = wanted.settings.map(read);
    let trial = wording::try_out(&state.app, &caller, settings, language, scope).await?;
    Ok(Json(WordingTrial {
        record: show_record(trial.record),
        wording: serde_json::to_value(trial.wording).map_err(|error| ApiError::internal().with_cause(error))?,
    }))
}

/// See what wording cost
///
/// By calendar month of the installation's time zone; previews and trials count as well.
#[utoipa::path(
    get,
    path = "/api/wording/costs",
    tag = "programs",
    params(WordingCostQuery),
    responses((status = 200, body = WordingCosts), Invalid)
)]
async fn costs(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Query(query): Query<WordingCostQuery>,
) -> ApiResult<Json<WordingCosts>> {
    let totals = wording::costs(&state.app, &caller, query.months.unwrap_or(USUAL_MONTHS)).await?;
    Ok(Json(WordingCosts {
        as_of: state.app.now().to_utc(),
        months: months(totals),
    }))
}

/// See how a programme got its words
///
/// What was sent, what came back, what the checker changed and why, what it cost.
#[utoipa::path(
    get,
    path = "/api/programs/{id}/wording",
    tag = "programs",
    params(("id" = String, Path, description = "The version")),
    responses(
        (status = 200, body = WordingRecord),
        NotFound,
        (status = 409, description = "`program_not_ready`", body = Problem, content_type = "application/problem+json")
    )
)]
async fn of_program(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ProgramId>,
) -> ApiResult<Json<WordingRecord>> {
    let found = wording::record(&state.app, &caller, &id).await?;
    Ok(Json(show_record(found)))
}

pub(super) const fn read_scope(scope: Option<ProgramScope>) -> Scope {
    match scope {
        Some(ProgramScope::Full) => Scope::AllTwelveWeeks,
        Some(ProgramScope::Free) | None => Scope::FirstTwoWeeks,
    }
}

fn read(wanted: WordingSettings) -> WantedWording {
    WantedWording {
        provider: match wanted.provider {
            WordingProvider::Off => Provider::Off,
            WordingProvider::Openai => Provider::Openai,
            WordingProvider::Proxyapi => Provider::Proxyapi,
            WordingProvider::Yandex => Provider::Yandex,
            WordingProvider::YandexOpenai => Provider::YandexOpenai,
        },
        base_url: wanted.base_url,
        model: wanted.model,
        api_key: wanted.api_key,
        folder_id: wanted.folder_id,
        temperature_millis: wanted.temperature_millis,
        extra_prompt: wanted.extra_prompt,
        deadline_seconds: wanted.deadline_seconds,
        token_limit_field: match wanted.token_limit_field {
            TokenLimitField::MaxTokens => LimitField::MaxTokens,
            TokenLimitField::MaxCompletionTokens => LimitField::MaxCompletionTokens,
        },
        answer_tokens: wanted.answer_tokens,
        price: Price {
            currency: wanted.price.currency,
            prompt_micros_per_1000: wanted.price.prompt_micros_per_1000,
            answer_micros_per_1000: wanted.price.answer_micros_per_1000,
        },
    }
}

fn show(setting: WordingSetting, version: i64) -> Versioned<ShownWordingSettings> {
    let body = ShownWordingSettings {
        version,
        provider: match setting.provider {
            Provider::Off => WordingProvider::Off,
            Provider::Openai => WordingProvider::Openai,
            Provider::Proxyapi => WordingProvider::Proxyapi,
            Provider::Yandex => WordingProvider::Yandex,
            Provider::YandexOpenai => WordingProvider::YandexOpenai,
        },
        address: setting.address().to_owned(),
        model_in_force: setting.model_name().to_owned(),
        has_api_key: setting.api_key.is_set(),
        api_key_last4: setting.api_key.last_four(),
        base_url: setting.base_url,
        model: setting.model,
        folder_id: setting.folder_id,
        temperature_millis: setting.temperature_millis,
        extra_prompt: setting.extra_prompt,
        deadline_seconds: setting.deadline_seconds,
        token_limit_field: match setting.token_limit_field {
            LimitField::MaxTokens => TokenLimitField::MaxTokens,
            LimitField::MaxCompletionTokens => TokenLimitField::MaxCompletionTokens,
        },
        answer_tokens: setting.answer_tokens,
        price: WordingPrice {
            currency: setting.price.currency,
            prompt_micros_per_1000: setting.price.prompt_micros_per_1000,
            answer_micros_per_1000: setting.price.answer_micros_per_1000,
        },
    };
    Versioned { version, body }
}

pub(super) fn show_record(found: record::Record) -> WordingRecord {
    let requests = found
        .parts
        .iter()
        .map(|part| u64::try_from(part.attempts.len()).unwrap_or_default())
        .sum();
    let mut parts: Vec<WordingPart> = found
        .parts
        .into_iter()
        .map(|part| WordingPart {
            weeks: part.weeks,
            system: part.request.system,
            request: part.request.user,
            answer: part.answer,
            error: part.error.map(show_error),
            attempts: part
                .attempts
                .into_iter()
                .map(|attempt| WordingAttempt {
                    reason: attempt.reason,
                    form: attempt.form,
                    error: attempt.error,
                    prompt_tokens: attempt.prompt_tokens,
                    answer_tokens: attempt.answer_tokens,
                    duration_ms: attempt.duration_ms,
                })
                .collect(),
        })
        .collect();
    // As earlier releases kept it.
    if let Some(request) = found.request {
        parts.push(WordingPart {
            weeks: Vec::new(),
            system: String::new(),
            request,
            answer: found.answer,
            error: None,
            attempts: Vec::new(),
        });
    }
    let mut replaced: Vec<ReplacedText> = found
        .replaced
        .into_iter()
        .map(|text| ReplacedText {
            place: text.place,
            week: text.week,
            day: text.day,
            row_id: text.id,
            model_text: text.model_text,
            shown_text: text.shown_text,
            reason: show_text(text.reason),
        })
        .collect();
    if replaced.is_empty() && found.error.is_none() {
        replaced = found.reasons.into_iter().map(only_a_reason).collect();
    }
    WordingRecord {
        verdict: found.verdict,
        model: found.model,
        answered_by: found.answered_by,
        parts,
        replaced,
        error: found.error.map(show_error),
        prompt_tokens: found.prompt_tokens,
        answer_tokens: found.answer_tokens,
        cost_micros: found.cost_micros,
        currency: found.currency,
        duration_ms: found.duration_ms,
        requests,
    }
}

fn only_a_reason(reason: String) -> ReplacedText {
    ReplacedText {
        place: "none".into(),
        week: None,
        day: None,
        row_id: None,
        model_text: None,
        shown_text: None,
        reason: Localized {
            ru: reason,
            en: String::new(),
        },
    }
}

fn show_error(failure: record::Failure) -> WordingError {
    WordingError {
        code: failure.code,
        message: show_text(failure.message),
    }
}

/// One row for each month and currency.
fn months(totals: Vec<store::WordingTotal>) -> Vec<WordingMonth> {
    let mut months: Vec<WordingMonth> = Vec::new();
    for total in totals {
        let known = months
            .iter()
            .position(|month| month.month == total.month && month.currency == total.currency);
        let index = known.unwrap_or_else(|| {
            months.push(WordingMonth {
                month: total.month.clone(),
                currency: total.currency.clone(),
                count: 0,
                prompt_tokens: 0,
                answer_tokens: 0,
                cost_micros: 0,
                accepted: 0,
                partly_replaced: 0,
                rejected: 0,
                plain: 0,
                share_basis_points: WordingShares {
                    accepted: 0,
                    partly_replaced: 0,
                    rejected: 0,
                    plain: 0,
                },
            });
            months.len() - 1
        });
        let Some(month) = months.get_mut(index) else {
            continue;
        };
        month.count = month.count.saturating_add(total.count);
        month.prompt_tokens = month.prompt_tokens.saturating_add(total.prompt_tokens);
        month.answer_tokens = month.answer_tokens.saturating_add(total.answer_tokens);
        month.cost_micros = month.cost_micros.saturating_add(total.cost_micros);
        let verdict = match total.verdict.as_str() {
            "accepted" => &mut month.accepted,
            "partly_replaced" => &mut month.partly_replaced,
            "rejected" => &mut month.rejected,
            _ => &mut month.plain,
        };
        *verdict = verdict.saturating_add(total.count);
    }
    for month in &mut months {
        month.share_basis_points = shares(month);
    }
    months
}

/// Rounded down, and what is left goes to the largest, so that nothing is lost.
fn shares(month: &WordingMonth) -> WordingShares {
    let counts = [month.accepted, month.partly_replaced, month.rejected, month.plain];
    let whole: i64 = counts.iter().sum();
    let mut parts = counts.map(|count| (count.saturating_mul(10_000)).checked_div(whole).unwrap_or_default());
    let rest = 10_000 - parts.iter().sum::<i64>();
    if whole > 0
        && let Some(largest) = parts.iter_mut().max_by_key(|part| **part)
    {
        *largest += rest;
    }
    let [accepted, partly_replaced, rejected, plain] = parts;
    WordingShares {
        accepted,
        partly_replaced,
        rejected,
        plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(month: &str, verdict: &str, currency: &str, count: i64) -> store::WordingTotal {
        store::WordingTotal {
            month: month.into(),
            verdict: verdict.into(),
            currency: currency.into(),
            count,
            prompt_tokens: 10 * count,
            answer_tokens: count,
            cost_micros: 7 * count,
        }
    }

    #[test]
    fn a_month_adds_up_and_so_do_its_shares() {
        let months = months(vec![
            total("2026-11", "accepted", "RUB", 1),
            total("2026-11", "partly_replaced", "RUB", 1),
            total("2026-11", "rejected", "RUB", 1),
            total("2026-11", "plain", "USD", 2),
            total("2026-10", "plain", "RUB", 4),
        ]);
        assert_eq!(months.len(), 3);
        let first = &months[0];
        assert_eq!((first.count, first.prompt_tokens, first.cost_micros), (3, 30, 21));
        let shares = first.share_basis_points;
        assert_eq!(
            shares.accepted + shares.partly_replaced + shares.rejected + shares.plain,
            10_000
        );
        assert!(
            [shares.accepted, shares.partly_replaced, shares.rejected]
                .iter()
                .all(|share| (3333..=3334).contains(share))
        );
        assert_eq!(months[2].share_basis_points.plain, 10_000);
    }
}
