//! What an owner may change: the brand and the words the product says.

use api_types::crm::{Brand, ShownText, TextList, TextOverride, VersionedBrand};
use app::crm::texts::TextView;
use app::crm::{brand, texts};
use app::settings;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::clients::{read_text, show_text};
use crate::auth::Admin;
use crate::extract::{IfMatch, Json, PathParts, Versioned};
use crate::problem::ApiResult;
use crate::refusals::{Invalid, NotFound};
use crate::state::ApiState;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(find_brand, save_brand))
        .routes(routes!(list_texts))
        .routes(routes!(find_text, save_text))
}

/// Get the brand
#[utoipa::path(
    get,
    path = "/api/settings/brand",
    tag = "settings",
    responses((status = 200, body = VersionedBrand, headers(("ETag" = String, description = "The version, for `If-Match`"))))
)]
async fn find_brand(State(state): State<ApiState>, Admin(caller): Admin) -> ApiResult<Versioned<VersionedBrand>> {
    let (found, version) = brand::find(&state.app, &caller).await?;
    Ok(show_brand(found, version))
}

/// Save the brand
#[utoipa::path(
    put,
    path = "/api/settings/brand",
    tag = "settings",
    params(IfMatch),
    request_body = Brand,
    responses(
        (status = 200, body = VersionedBrand),
        Invalid,
        IfMatch
    )
)]
async fn save_brand(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    IfMatch(version): IfMatch,
    Json(wanted): Json<Brand>,
) -> ApiResult<Versioned<VersionedBrand>> {
    let wanted = settings::Brand {
        name: wanted.name,
        trainer: wanted.trainer,
        contacts: read_text(wanted.contacts),
        privacy_url: wanted.privacy_url,
        terms_url: wanted.terms_url,
        reply_hours: wanted.reply_hours,
        accent: wanted.accent,
        telegram_bot_username: wanted.telegram_bot_username,
        closing: read_text(wanted.closing),
        document_title: read_text(wanted.document_title),
    };
    let (saved, version) = brand::save(&state.app, &caller, version, wanted).await?;
    Ok(show_brand(saved, version))
}

/// List the texts
///
/// Every text the product says: what is shipped and the owner's own.
#[utoipa::path(get, path = "/api/texts", tag = "settings", responses((status = 200, body = TextList)))]
async fn list_texts(State(state): State<ApiState>, Admin(caller): Admin) -> ApiResult<Json<TextList>> {
    let items = texts::list(&state.app, &caller)
        .await?
        .into_iter()
        .map(show_text_view)
        .collect();
    Ok(Json(TextList { items }))
}

/// Get a text
#[utoipa::path(
    get,
    path = "/api/texts/{key}",
    tag = "settings",
    params(("key" = String, Path, description = "The text", example = "greeting")),
    responses(
        (status = 200, body = ShownText, headers(("ETag" = String, description = "The version, for `If-Match`"))),
        NotFound
    )
)]
async fn find_text(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathParts(key): PathParts<String>,
) -> ApiResult<Versioned<ShownText>> {
    Ok(versioned(texts::find(&state.app, &caller, &key).await?))
}

/// Say it in your own words
///
/// A language that is absent stays, `null` brings the shipped text back. A text may use the `{placeholders}` the shipped
/// one has. The next message says it.
#[utoipa::path(
    put,
    path = "/api/texts/{key}",
    tag = "settings",
    params(("key" = String, Path, description = "The text", example = "greeting"), IfMatch),
    request_body(content = TextOverride, example = json!({ "ru": "Привет, {name}!", "en": null })),
    responses(
        (status = 200, body = ShownText),
        NotFound,
        Invalid,
        IfMatch
    )
)]
async fn save_text(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathParts(key): PathParts<String>,
    IfMatch(version): IfMatch,
    Json(wanted): Json<TextOverride>,
) -> ApiResult<Versioned<ShownText>> {
    Ok(versioned(
        texts::save(&state.app, &caller, &key, version, wanted.ru, wanted.en).await?,
    ))
}

fn show_brand(brand: settings::Brand, version: i64) -> Versioned<VersionedBrand> {
    let brand = Brand {
        name: brand.name,
        trainer: brand.trainer,
        contacts: show_text(brand.contacts),
        privacy_url: brand.privacy_url,
        terms_url: brand.terms_url,
        reply_hours: brand.reply_hours,
        accent: brand.accent,
        telegram_bot_username: brand.telegram_bot_username,
        closing: show_text(brand.closing),
        document_title: show_text(brand.document_title),
    };
    Versioned {
        version,
        body: VersionedBrand { version, brand },
    }
}

fn versioned(view: TextView) -> Versioned<ShownText> {
    Versioned {
        version: view.version(),
        body: show_text_view(view),
    }
}

fn show_text_view(view: TextView) -> ShownText {
    ShownText {
        key: view.key.to_owned(),
        version: view.version(),
        default: show_text(view.shipped),
        own: TextOverride {
            ru: view.own_ru.map(Some),
            en: view.own_en.map(Some),
        },
    }
}
