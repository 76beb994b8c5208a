//! A programme from answers, to look at.

use api_types::crm::{PreviewFormat, PreviewPage, PreviewPages, PreviewProfile, PreviewRequest, PreviewWording};
use api_types::problem::Problem;
use app::crm::preview::{self, Format, Preview, Wanted};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use data_encoding::BASE64;
use domain::profile::Profile;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::clients::read_language;
use super::wording::{read_scope, show_record};
use crate::auth::Admin;
use crate::disposition;
use crate::extract::Json;
use crate::problem::{ApiError, ApiResult};
use crate::refusals::Invalid;
use crate::state::ApiState;

const USUAL_PAGES: u32 = 6;
const USUAL_WIDTH_PX: u32 = 800;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(make))
}

/// Preview a programme
///
/// Answers in, a document out: a PDF, or its first pages as pictures in JSON. Nothing about anybody is stored. Two are
/// drawn at a time; whoever comes then gets 429 and comes again.
#[utoipa::path(
    post,
    path = "/api/programs/preview",
    tag = "programs",
    request_body(content = PreviewRequest, example = json!({
        "profile": {
            "sex": "female", "age_years": 31, "level": "beginner", "goal": "fat_loss", "height_cm": 168,
            "weight_decikg": 725, "lifestyle": "sedentary", "place": "home", "equipment": "basic", "days_per_week": 3,
            "spared_areas": ["knees"]
        },
        "name": "Анна", "language": "ru", "scope": "full", "format": "pdf"
    })),
    responses(
        (status = 200, description = "A PDF (`pdf`, `phone`) or pictures (`pages`, `phone_pages`)", content(
            (Vec<u8> = "application/pdf"),
            (PreviewPages = "application/json")
        )),
        (status = 409, description = "`no_programme`: nothing fits these answers; `wording_off`: no model is chosen", body = Problem, content_type = "application/problem+json"),
        Invalid
    )
)]
async fn make(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Json(wanted): Json<PreviewRequest>,
) -> ApiResult<Response> {
    let pages = |is_phone| Format::Pages {
        is_phone,
        max_pages: wanted.max_pages.unwrap_or(USUAL_PAGES),
        width_px: wanted.width_px.unwrap_or(USUAL_WIDTH_PX),
    };
    let format = match wanted.format {
        PreviewFormat::Pdf => Format::Pdf,
        PreviewFormat::Phone => Format::Phone,
        PreviewFormat::Pages => pages(false),
        PreviewFormat::PhonePages => pages(true),
    };
    let wanted = Wanted {
        profile: read_profile(&wanted.profile)?,
        name: wanted.name,
        language: read_language(wanted.language.unwrap_or_default()),
        scope: read_scope(wanted.scope),
        format,
        is_worded_by_model: wanted.wording == PreviewWording::Model,
    };
    let preview = preview::make(&state.app, &caller, wanted).await?;
    Ok(match format {
        Format::Pdf | Format::Phone => pdf(preview),
        Format::Pages { .. } => Json(pictures(preview)).into_response(),
    })
}

/// The same codes on both sides.
fn read_profile(profile: &PreviewProfile) -> ApiResult<Profile> {
    serde_json::to_value(profile)
        .and_then(serde_json::from_value)
        .map_err(|error| ApiError::internal().with_cause(error))
}

fn pdf(preview: Preview) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/pdf"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(name) = disposition::inline(&preview.file_name) {
        headers.insert(CONTENT_DISPOSITION, name);
    }
    (headers, preview.pdf).into_response()
}

fn pictures(preview: Preview) -> PreviewPages {
    PreviewPages {
        file_name: preview.file_name,
        page_count: preview.page_count,
        pages: preview
            .pages
            .iter()
            .enumerate()
            .map(|(index, png)| PreviewPage {
                number: index + 1,
                mime_type: "image/png".into(),
                data_base64: BASE64.encode(png),
            })
            .collect(),
        explanation: preview.explanation,
        wording: show_record(preview.record),
    }
}
