//! Where an order is paid and followed: `/checkout/{order_id}`, drawn here, without need of script.
//!
//! There is no session: knowing an order's id is what lets somebody pay for it. So a form of another site could do no
//! more than its author could do alone; it is refused all the same.

mod page;
mod words;

use std::time::Duration;

use app::mail::Again;
use app::pay::checkout::{self, ProgramLink, ProgramState, Repriced, View};
use app::pay::{follow, open, saved};
use app::settings::{self, Brand};
use app::{Caller, Error};
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, FromRequestParts, Path};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, ORIGIN, REFERRER_POLICY};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use domain::ids::{Id, OrderId, RequestId};
use domain::language::Language;
use domain::time::Timestamp;
use serde::Deserialize;
use tracing::Instrument;

use self::page::{Drawing, Notes, address};
use self::words::say;
use crate::admin_pages::page::{html_with, see_other};
use crate::problem::ApiError;
use crate::rate_limit::Counted;
use crate::speech;
use crate::state::ApiState;

/// A payer waits no longer than this for what a provider has to say; the page follows it anyway.
const ASK_PATIENCE: Duration = Duration::from_secs(4);

pub(crate) fn router() -> Router<ApiState> {
    Router::new()
        .route("/checkout/{order_id}", get(show))
        .route("/checkout/{order_id}/pay", post(pay).get(back))
        .route("/checkout/{order_id}/promo", post(promo).get(back))
        .route("/checkout/{order_id}/again", post(again).get(back))
        .route("/checkout/{order_id}/letter", post(letter).get(back))
        .route("/checkout/{order_id}/program", get(program))
}

/// Somebody at an order's page. Refused with the page that says why there is nothing to see.
struct Visit {
    state: ApiState,
    caller: Caller,
    view: View,
    language: Language,
    query: Vec<(String, String)>,
}

/// Somebody who sent a form of that page. A form of another site is refused.
struct Sender(Visit);

impl FromRequestParts<ApiState> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Response> {
        let Extension(request_id) = Extension::<RequestId>::from_request_parts(parts, state)
            .await
            .map_err(IntoResponse::into_response)?;
        let path = Path::<String>::from_request_parts(parts, state).await;
        let query: Vec<(String, String)> =
            url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect();
        let wanted = query
            .iter()
            .find(|(name, _)| name == "lang")
            .and_then(|(_, value)| Language::parse(value));
        let language = wanted.unwrap_or_else(|| speech::of_page(None, &parts.headers));
        let id = path.ok().and_then(|Path(text)| OrderId::parse(&text));
        let found = async {
            let Some(id) = id else { return Ok(None) };
            let Some(caller) = checkout::payer(&state.app, &id, request_id).await? else {
                return Ok(None);
            };
            let view = checkout::view(&state.app, &caller, &id).await?;
            Ok::<_, Error>(Some((caller, view)))
        };
        match found.await {
            Ok(Some((caller, view))) => Ok(Self {
                language: wanted.unwrap_or(view.order.language),
                state: state.clone(),
                caller,
                view,
                query,
            }),
            Ok(None) => Err(nowhere(state, language).await),
            Err(error) => Err(broken(state, None, language, error).await),
        }
    }
}

impl FromRequestParts<ApiState> for Sender {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Response> {
        let visit = Visit::from_request_parts(parts, state).await?;
        if is_same_origin(&parts.headers, state.app.public_url()) {
            return Ok(Self(visit));
        }
        let home = address(visit.id(), "", visit.language);
        let page = page::note(
            &visit.view.guide.brand,
            visit.language,
            visit.say("Форма пришла с другого сайта", "This form came from another site"),
            visit.say(
                "Мы ничего не сделали. Если это были вы, продолжите на странице заказа.",
                "Nothing was done. If it was you, go on at the order's page.",
            ),
            Some((&home, visit.say("К заказу", "To the order"))),
        );
        Err(html(state, StatusCode::FORBIDDEN, &page))
    }
}

impl Visit {
    fn value(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    fn say(&self, ru: &'static str, en: &'static str) -> &'static str {
        say(self.language, ru, en)
    }

    fn id(&self) -> &OrderId {
        &self.view.order.id
    }

    /// To the page itself.
    fn home(&self) -> Response {
        see_other(&address(self.id(), "", self.language))
    }

    /// Hears what the provider knows by now, if a payment is open: not too often, and not for too long.
    async fn follow(&mut self) -> Result<(), Error> {
        let Some(live) = &self.view.live else { return Ok(()) };
        if self
            .state
            .http
            .payment_asks
            .check(&Counted::Principal(self.id().to_string()))
            .is_err()
        {
            return Ok(());
        }
        let (app, caller, payment) = (self.state.app.clone(), self.caller.clone(), live.id.clone());
        // Whatever it hears is kept, also when nobody waits for it any more.
        let asking = tokio::spawn(
            async move {
                if let Err(error) = follow::ask_now(&app, &caller, &payment).await {
                    tracing::warn!(%error, %payment, "a payment could not be asked about; polling goes on");
                }
            }
            .in_current_span(),
        );
        let _ = tokio::time::timeout(ASK_PATIENCE, asking).await;
        self.view = checkout::view(&self.state.app, &self.caller, &self.view.order.id).await?;
        Ok(())
    }

    fn draw(&self, status: StatusCode, notes: Notes) -> Response {
        let link = matches!(self.view.program, ProgramState::Ready(_))
            .then(|| checkout::program_link(&self.state.app, &self.caller, self.id()));
        let drawing = Drawing {
            view: &self.view,
            language: self.language,
            is_changing: status.is_client_error() || self.value("change").is_some(),
            refreshes: self.value("n").and_then(|text| text.parse().ok()).unwrap_or_default(),
            notes,
            link,
        };
        html(&self.state, status, &drawing.draw())
    }

    async fn fail(&self, error: Error) -> Response {
        broken(&self.state, Some(&self.view.guide.brand), self.language, error).await
    }
}

async fn show(mut visit: Visit) -> Response {
    match visit.follow().await {
        Ok(()) => visit.draw(StatusCode::OK, Notes::default()),
        Err(error) => visit.fail(error).await,
    }
}

/// An address that only forms know, typed or reloaded.
async fn back(visit: Visit) -> Response {
    visit.home()
}

#[derive(Deserialize)]
struct PayForm {
    #[serde(default)]
    provider: String,
    #[serde(default)]
    contact: String,
    /// The hash of the text that was accepted.
    offer: Option<String>,
    /// Ticked: keep the card.
    save: Option<String>,
}

async fn pay(Sender(mut visit): Sender, form: Result<Form<PayForm>, FormRejection>) -> Response {
    let Ok(Form(form)) = form else { return visit.home() };
    // A link that died at the provider is found out here, and a new payment begun.
    if let Err(error) = visit.follow().await {
        return visit.fail(error).await;
    }
    if !visit.view.is_payable() {
        return visit.home();
    }
    let provider = visit
        .view
        .providers
        .iter()
        .copied()
        .find(|code| *code == form.provider)
        .or_else(|| visit.view.providers.first().copied());
    let Some(provider) = provider else { return visit.home() };
    let notes = |alert: Option<String>| Notes {
        alert,
        contact: form.contact.clone(),
        is_offer_ticked: form.offer.is_some(),
        wants_saved_method: form.save.is_some(),
        provider: Some(provider.to_owned()),
        ..Notes::default()
    };
    let app = &visit.state.app;
    let agreed = checkout::agree(
        app,
        &visit.caller,
        &visit.view,
        &form.contact,
        form.offer.as_deref(),
        visit.language,
    );
    match agreed.await {
        Ok(()) => {}
        Err(Error::Invalid(fields)) => {
            let mut notes = notes(None);
            for field in fields {
                let sentence = words::problem(&field.field, field.code, visit.language);
                if field.field == "contact" {
                    notes.contact_wrong = Some(sentence);
                } else {
                    notes.offer_wrong = Some(sentence);
                    notes.is_offer_ticked = false;
                }
            }
            return visit.draw(StatusCode::UNPROCESSABLE_ENTITY, notes);
        }
        Err(error) => return visit.fail(error).await,
    }
    if visit.view.settings.save_methods
        && let Err(error) = saved::wish(app, &visit.caller, visit.id(), form.save.is_some()).await
    {
        return visit.fail(error).await;
    }
    match open::start(app, &visit.caller, visit.id(), provider).await {
        Ok(payment) => match payment.pay_url.filter(|_| payment.status.is_live()) {
            Some(elsewhere) => see_other(&elsewhere),
            None => visit.home(),
        },
        // The owner has been told; the payer may go elsewhere.
        Err(Error::Conflict { code, detail }) if matches!(code, "provider_refused" | "provider_missing") => {
            tracing::warn!(code, detail, provider, "a payer could not be sent to the provider");
            let alert = visit
                .say(
                    "Этот способ оплаты сейчас не работает, деньги не списаны. Выберите другой или напишите нам: мы \
                     уже знаем.",
                    "This way to pay does not work right now, nothing was charged. Choose another or write to us: we \
                     know already.",
                )
                .to_owned();
            visit.draw(StatusCode::CONFLICT, notes(Some(alert)))
        }
        Err(Error::Conflict { .. }) => visit.home(),
        Err(error) => visit.fail(error).await,
    }
}

#[derive(Deserialize)]
struct PromoForm {
    #[serde(default)]
    code: String,
}

async fn promo(Sender(visit): Sender, form: Result<Form<PromoForm>, FormRejection>) -> Response {
    let Ok(Form(form)) = form else { return visit.home() };
    if !visit.view.is_payable() {
        return visit.home();
    }
    let repriced = match checkout::reprice(&visit.state.app, &visit.caller, &visit.view, &form.code).await {
        Ok(repriced) => repriced,
        Err(error) => return visit.fail(error).await,
    };
    let sentence = match repriced {
        Repriced::Placed(order) => return see_other(&address(&order, "", visit.language)),
        Repriced::HasIt | Repriced::NotWaiting => return visit.home(),
        Repriced::Refused(refusal) => words::refusal(&visit.view, &refusal, visit.language),
        Repriced::NotBetter => visit
            .say(
                "С этим промокодом дешевле не станет: ваша цена уже не хуже.",
                "This promo code would not make it cheaper: your price is as good already.",
            )
            .to_owned(),
        Repriced::NotOnSale => visit
            .say(
                "Этого больше нет в продаже, промокод не применить. Ваш заказ и его цена остаются в силе.",
                "This is not sold any more, so the code can't be used. Your order stands at its price.",
            )
            .to_owned(),
    };
    let notes = Notes {
        promo: form.code.chars().take(64).collect(),
        promo_wrong: Some(sentence),
        ..Notes::default()
    };
    visit.draw(StatusCode::UNPROCESSABLE_ENTITY, notes)
}

async fn again(Sender(visit): Sender) -> Response {
    match checkout::again(&visit.state.app, &visit.caller, &visit.view).await {
        Ok(order) => see_other(&address(&order, "", visit.language)),
        Err(Error::Conflict { .. }) => visit.home(),
        Err(Error::Invalid(_)) => {
            let alert = visit.say(
                "Этого больше нет в продаже. Загляните в бот: там всё, что есть сейчас.",
                "This is not sold any more. Have a look at the bot: everything there is now is there.",
            );
            let notes = Notes {
                alert: Some(alert.to_owned()),
                ..Notes::default()
            };
            visit.draw(StatusCode::CONFLICT, notes)
        }
        Err(error) => visit.fail(error).await,
    }
}

/// The newest letter once more, to the address the buyer gave.
async fn letter(Sender(visit): Sender) -> Response {
    match app::mail::again(&visit.state.app, &visit.caller, &visit.view).await {
        Ok(again) => {
            let status = match again {
                Again::Queued => StatusCode::OK,
                Again::TooSoon => StatusCode::TOO_MANY_REQUESTS,
                Again::Never => StatusCode::CONFLICT,
            };
            html(&visit.state, status, &page::asked(&visit.view, visit.language, again))
        }
        Err(error) => visit.fail(error).await,
    }
}

async fn program(visit: Visit, method: Method) -> Response {
    let link = ProgramLink {
        until: Timestamp::from_millis(
            visit
                .value("until")
                .and_then(|text| text.parse().ok())
                .unwrap_or_default(),
        ),
        signature: visit.value("signature").unwrap_or_default().to_owned(),
    };
    // Whoever only asks for the headers has not taken anything.
    let takes = method == Method::GET;
    match checkout::program(&visit.state.app, &visit.caller, visit.id(), &link, takes).await {
        Ok((file, bytes)) => {
            let mut answer = HeaderMap::new();
            if let Ok(kind) = HeaderValue::try_from(file.mime_type) {
                answer.insert(CONTENT_TYPE, kind);
            }
            if let Some(name) = crate::disposition::attachment(&file.name) {
                answer.insert(CONTENT_DISPOSITION, name);
            }
            answer.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
            private((answer, bytes).into_response())
        }
        Err(Error::NotFound { .. }) => {
            let page = page::dead_link(&visit.view, visit.language);
            html(&visit.state, StatusCode::NOT_FOUND, &page)
        }
        Err(error) => visit.fail(error).await,
    }
}

/// Browsers of today say where a form stood (`Sec-Fetch-Site`). Our pages send no referrer, and then `Origin` is `null`
/// for our own forms, too: it accuses only when it names somebody else.
fn is_same_origin(headers: &HeaderMap, own: &url::Url) -> bool {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    match text(&HeaderName::from_static("sec-fetch-site")) {
        Some(site) => matches!(site, "same-origin" | "none"),
        None => text(&ORIGIN).is_none_or(|origin| origin == "null" || origin == own.origin().ascii_serialization()),
    }
}

fn html(state: &ApiState, status: StatusCode, page: &str) -> Response {
    // A form's answer leads on to the provider's page, and browsers check `form-action` along the whole way, also where the
    // provider sends the payer next. Its hosts are the provider's own business; its scheme is not.
    let form_action = if state.http.is_secure {
        "'self' https:"
    } else {
        "'self' http: https:"
    };
    private(html_with(status, page, form_action, &[page::FOLLOW_SCRIPT]))
}

/// For nobody else: not for referrers, not for search engines.
fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        HeaderName::from_static("x-robots-tag"),
        HeaderValue::from_static("noindex, nofollow"),
    );
    response
}

async fn nowhere(state: &ApiState, language: Language) -> Response {
    let page = page::note(
        &host_brand(state).await,
        language,
        say(language, "Такого заказа нет", "There is no such order"),
        say(
            language,
            "Возможно, ссылка скопировалась не целиком. Все ваши заказы есть в боте.",
            "Perhaps the link was not copied whole. All your orders are in the bot.",
        ),
        None,
    );
    html(state, StatusCode::NOT_FOUND, &page)
}

async fn broken(state: &ApiState, brand: Option<&Brand>, language: Language, error: Error) -> Response {
    // Logged as every other failure.
    let status = ApiError::from(error).into_response().status();
    let brand = match brand {
        Some(brand) => brand.clone(),
        None => host_brand(state).await,
    };
    let page = page::note(
        &brand,
        language,
        say(language, "Сейчас не получилось", "That did not work just now"),
        say(
            language,
            "Деньги в безопасности: платёж не повторится и не потеряется. Обновите страницу через минуту.",
            "Your money is safe: a payment is neither repeated nor lost. Reload this page in a minute.",
        ),
        None,
    );
    html(state, status, &page)
}

async fn host_brand(state: &ApiState) -> Brand {
    let Ok(Some(tenant)) = checkout::host(&state.app).await else {
        return Brand::default();
    };
    settings::guide(&state.app, &tenant)
        .await
        .map(|guide| guide.brand.clone())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_of_another_site_is_told_from_ours() {
        let own: url::Url = "https://voronka.example/base".parse().unwrap();
        let of = |pairs: &[(&'static str, &'static str)]| {
            let headers = pairs
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                .collect();
            is_same_origin(&headers, &own)
        };
        assert!(of(&[("sec-fetch-site", "same-origin"), ("origin", "null")]));
        assert!(of(&[("origin", "https://voronka.example")]));
        assert!(of(&[("origin", "null")]) && of(&[]), "browsers of yesterday");
        assert!(!of(&[("sec-fetch-site", "cross-site"), ("origin", "null")]));
        assert!(!of(&[("sec-fetch-site", "same-site")]));
        assert!(!of(&[("origin", "https://evil.example")]));
        assert!(!of(&[("origin", "http://voronka.example")]));
    }
}
