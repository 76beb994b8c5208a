//! All routes, by who may reach them.
//!
//! A resource module gives `pub fn router() -> OpenApiRouter<ApiState>` with full paths (`/api/clients/{id}`), its
//! handlers described by `#[utoipa::path(…)]`. What every route can answer (401, 403, 429, …) is added in
//! `openapi.rs`; authentication, CSRF, rate limit, deadline and idempotency stand before the handlers, here.

mod api_keys;
mod approvals;
mod bot;
mod clients;
mod costs;
mod faq;
mod files;
mod form;
mod incomes;
mod leads;
mod ledger;
mod links;
mod logo;
mod methods;
mod money;
mod operations;
mod orders;
mod payment_settings;
mod payments;
mod pipeline;
mod preview;
mod products;
mod programs;
mod promo_codes;
mod questionnaires;
mod reconciliations;
mod refunds;
mod session;
mod settings;
mod tasks;
mod telegram_payments;
mod templates;
mod timeline;
mod webhooks;
mod wording;

use utoipa_axum::router::OpenApiRouter;

use crate::state::ApiState;

/// For administrators: people with a session and keys of that role.
pub(crate) fn admin() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .merge(session::router())
        .merge(api_keys::router())
        .merge(approvals::router())
        .merge(clients::router())
        .merge(costs::router())
        .merge(faq::router())
        .merge(incomes::router())
        .merge(leads::router())
        .merge(ledger::router())
        .merge(links::router())
        .merge(logo::router())
        .merge(methods::router())
        .merge(operations::router())
        .merge(orders::router())
        .merge(payment_settings::router())
        .merge(payments::router())
        .merge(pipeline::router())
        .merge(preview::router())
        .merge(products::router())
        .merge(programs::router())
        .merge(promo_codes::router())
        .merge(questionnaires::router())
        .merge(reconciliations::router())
        .merge(refunds::router())
        .merge(settings::router())
        .merge(tasks::router())
        .merge(telegram_payments::router())
        .merge(templates::router())
        .merge(timeline::router())
        .merge(wording::router())
}

/// For the bot's service token.
pub(crate) fn bot() -> OpenApiRouter<ApiState> {
    bot::router()
}

/// For both of them.
pub(crate) fn shared() -> OpenApiRouter<ApiState> {
    files::router().merge(payments::shared_router())
}

/// For everybody.
pub(crate) fn public() -> OpenApiRouter<ApiState> {
    session::public_router()
}

/// For payment providers, each of which has a check of its own.
pub(crate) fn webhooks() -> OpenApiRouter<ApiState> {
    webhooks::router()
}
