//! Payment methods that clients have agreed to keep.

use api_types::crm::{SavedMethod, SavedMethodList};
use app::pay::saved;
use axum::extract::State;
use domain::ids::{ClientId, SavedMethodId};
use domain::time::Timestamp;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Admin;
use crate::extract::{Json, PathId};
use crate::problem::ApiResult;
use crate::refusals::NotFound;
use crate::state::ApiState;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(forget))
}

/// List a client's payment methods
///
/// Those the client has agreed to keep, newest first, and those that were forgotten, as a proof. A token is never shown.
#[utoipa::path(
    get,
    path = "/api/clients/{id}/payment-methods",
    tag = "payments",
    params(("id" = String, Path, description = "The client")),
    responses((status = 200, body = SavedMethodList), NotFound)
)]
async fn list(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ClientId>,
) -> ApiResult<Json<SavedMethodList>> {
    let found = saved::list(&state.app, &caller, &id).await?;
    Ok(Json(SavedMethodList {
        items: found.into_iter().map(show).collect(),
    }))
}

/// Forget a payment method
///
/// Its token is erased; nothing can be charged any more. Saying it again changes nothing.
#[utoipa::path(
    delete,
    path = "/api/payment-methods/{id}",
    tag = "payments",
    params(("id" = String, Path, description = "The method")),
    responses((status = 200, body = SavedMethod), NotFound)
)]
async fn forget(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<SavedMethodId>,
) -> ApiResult<Json<SavedMethod>> {
    Ok(Json(show(saved::forget(&state.app, &caller, &id).await?)))
}

fn show(method: store::SavedMethod) -> SavedMethod {
    SavedMethod {
        id: method.id.to_string(),
        client_id: method.client.to_string(),
        provider: method.provider,
        title: method.title,
        payment_id: method.payment.to_string(),
        created_at: method.created_at.to_utc(),
        forgotten_at: method.forgotten_at.map(Timestamp::to_utc),
        forgotten_by: method.forgotten_by,
    }
}
