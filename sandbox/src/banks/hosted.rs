//! The pages a payer sees: where the bank sends them, what they show and what they can do.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::{
    Bank, courier,
    view::{Act, ActError},
};
use crate::{
    pages, tbank,
    world::{Sandbox, Shared, World},
    yookassa,
};

/// How a browser reaches this sandbox: as configured, or as the product reaches it.
pub fn base_url(sandbox: &Sandbox, headers: &HeaderMap) -> String {
    let configured = sandbox.world().banks.public_url.clone();
    configured.map_or_else(
        || {
            let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
            format!("http://{}", host.unwrap_or("127.0.0.1:8090"))
        },
        |url| url.trim_end_matches('/').to_owned(),
    )
}

impl IntoResponse for ActError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::NotFound | Self::NoMethod => StatusCode::NOT_FOUND,
            Self::Closed => StatusCode::CONFLICT,
            Self::Field(_) | Self::Code | Self::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let field = match &self {
            Self::Field(field) => Some(field.to_string()),
            Self::Code => Some("code".to_owned()),
            _ => None,
        };
        (status, Json(json!({"error": self.to_string(), "field": field}))).into_response()
    }
}

pub fn page(world: &World, bank: Bank, id: &str) -> Result<Value, ActError> {
    match bank {
        Bank::YooKassa => yookassa::payer::page(world, id),
        Bank::TBank => tbank::payer::page(world, id),
    }
    .ok_or(ActError::NotFound)
}

pub fn act(world: &mut World, bank: Bank, id: &str, act: &Act) -> Result<(), ActError> {
    match bank {
        Bank::YooKassa => yookassa::payer::act(world, id, act),
        Bank::TBank => tbank::payer::act(world, id, act),
    }
}

async fn show(State(sandbox): State<Shared>, Path((bank, id)): Path<(Bank, String)>) -> Result<Json<Value>, ActError> {
    let mut world = sandbox.world();
    super::tick(&mut world);
    page(&world, bank, &id).map(Json)
}

async fn do_it(
    State(sandbox): State<Shared>,
    Path((bank, id)): Path<(Bank, String)>,
    Json(asked): Json<Act>,
) -> Result<Json<Value>, ActError> {
    {
        let mut world = sandbox.world();
        super::tick(&mut world);
        act(&mut world, bank, &id, &asked)?;
    }
    if bank == Bank::TBank && !matches!(asked, Act::Open) {
        courier::wait_for_first_tries(&sandbox, bank, &id).await;
    }
    page(&sandbox.world(), bank, &id).map(Json)
}

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/yookassa/checkout", get(async || pages::asset("pay.html")))
        .route("/tbank/new/{id}", get(async || pages::asset("pay.html")))
        .route("/sandbox/pay/{bank}/{id}", get(show).post(do_it))
}
