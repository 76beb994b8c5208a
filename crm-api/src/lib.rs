//! The CRM API over HTTP: routes, sign-in, validation, problem+json, OpenAPI. It holds no business rule.

mod admin_pages;
mod auth;
mod bot;
mod checkout;
mod client_address;
pub mod config;
mod csv;
mod disposition;
mod docs_page;
pub mod doctor;
mod extract;
mod health;
mod idempotent;
mod metrics;
mod observe;
pub mod openapi;
mod paging;
mod problem;
mod rate_limit;
mod refusals;
mod request_id;
pub mod rotate_keys;
mod routes;
pub mod serve;
mod slot;
mod speech;
mod state;
pub mod telemetry;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate as _, SizeAbove};

pub use client_address::TrustedProxies;
pub use rate_limit::DEFAULT_PER_MINUTE;
pub use state::{ApiState, HttpOptions};

use crate::problem::ApiError;

/// Bytes; what fits into three packets goes as it is.
const PACKED_FROM: u64 = 4096;

/// The whole API. Serve it with `into_make_service_with_connect_info::<SocketAddr>()`: limits count by address.
pub fn router(state: ApiState) -> Router {
    // The layer named last is the outermost.
    let inner = CatchPanicLayer::custom(observe::on_panic as fn(_) -> _);
    let (admin, _) = routes::admin()
        .route_layer(inner)
        .route_layer(from_fn(observe::deadline))
        .route_layer(from_fn_with_state(state.clone(), idempotent::idempotent))
        .route_layer(from_fn_with_state(state.clone(), auth::only_admin))
        .split_for_parts();
    let (bot, _) = routes::bot()
        .route_layer(from_fn(observe::deadline))
        .route_layer(from_fn_with_state(state.clone(), auth::only_bot))
        .split_for_parts();
    let (shared, _) = routes::shared()
        .route_layer(from_fn(observe::deadline))
        .route_layer(from_fn_with_state(state.clone(), idempotent::idempotent))
        .route_layer(from_fn_with_state(state.clone(), auth::admin_or_bot))
        .split_for_parts();
    let (webhooks, _) = routes::webhooks()
        .route_layer(from_fn(observe::deadline))
        .split_for_parts();
    let (public, _) = routes::public().split_for_parts();
    let public = public
        .merge(docs_page::router())
        .merge(admin_pages::router())
        .merge(checkout::router())
        .route_layer(from_fn(observe::deadline))
        .route_layer(from_fn_with_state(state.clone(), auth::anybody));
    let probes = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics));
    // Documents are packed already, and a short answer arrives no sooner packed. Packing is most of what a page of a list
    // costs beside its query: the quickest level makes it a tenth as long at a third of the work.
    let worth_packing = DefaultPredicate::new()
        .and(NotForContentType::new("application/pdf"))
        .and(SizeAbove::new(PACKED_FROM));
    Router::new()
        .merge(admin)
        .merge(bot)
        .merge(shared)
        .merge(public)
        .merge(webhooks)
        .merge(probes)
        .fallback(async || ApiError::not_found())
        .method_not_allowed_fallback(async || {
            ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "This address does not know that method",
            )
        })
        .layer(DefaultBodyLimit::max(extract::BODY_LIMIT))
        .layer(inner)
        .layer(from_fn_with_state(state.clone(), observe::safe_headers))
        .layer(
            CompressionLayer::new()
                .quality(CompressionLevel::Fastest)
                .compress_when(worth_packing),
        )
        .layer(from_fn_with_state(state.clone(), observe::observe))
        .with_state(state)
}
