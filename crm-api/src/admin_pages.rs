//! Pages for a person, drawn here and readable without script: what the templates give to whom, and the door to them.

use api_types::crm::{TemplateReportQuery, TryOutQuery};
use app::access::Authenticated;
use app::crm::templates::reports::{self, Which};
use app::{Caller, Role};
use axum::Extension;
use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum_extra::extract::CookieJar;
use data_encoding::BASE64;
use domain::ids::RequestId;
use domain::language::Language;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::auth::{SESSION_COOKIE, session_cookie};
use crate::client_address::ClientAddress;
use crate::problem::{ApiError, ApiResult};
use crate::speech;
use crate::state::ApiState;

const COVERAGE: &str = "/admin/templates/coverage";
const TRY_OUT: &str = "/admin/templates/try-out";
const SIGN_IN: &str = "/admin/sign-in";
const SIGN_OUT: &str = "/admin/sign-out";

/// Ties the sign-in form to the browser it was drawn for: another site can neither read nor set it.
const FORM_COOKIE: &str = "voronka_form";
const FORM_LIFE_S: i64 = 3600;
const DEFAULT_CLIENTS: u32 = 200;

const PAGE_STYLE: &str = include_str!("../assets/page.css");
const STYLE: &str = include_str!("../assets/admin.css");

pub(crate) fn router() -> Router<ApiState> {
    Router::new()
        .route(COVERAGE, get(coverage))
        .route(TRY_OUT, get(try_out))
        .route(SIGN_IN, get(sign_in_form).post(sign_in))
        .route(SIGN_OUT, post(sign_out))
}

async fn coverage(
    State(state): State<ApiState>,
    Extension(request_id): Extension<RequestId>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let asked = Asked::of(&uri, &headers);
    let who = match admitted(&state, &headers, request_id).await {
        Ok(who) => who,
        Err(problem) => return asked.turn_away(problem, &uri),
    };
    let drawn = async {
        let query = TemplateReportQuery {
            version: asked.value("version"),
        };
        let which = Which::parse(query.version.as_deref())?;
        let (version, coverage) = reports::coverage(&state.app, &who.caller, &which).await?;
        let title = asked.say("Что получат клиенты", "What clients will get");
        let page = drawing(move || programs::report::coverage_page(&coverage, title, asked.language)).await?;
        let frame = Frame::around(
            &state,
            &who,
            &which,
            version.map(|version| version.number),
            COVERAGE,
            &asked,
        )
        .await?;
        Ok(frame.put(&page))
    };
    asked.show(drawn.await)
}

async fn try_out(
    State(state): State<ApiState>,
    Extension(request_id): Extension<RequestId>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let asked = Asked::of(&uri, &headers);
    let who = match admitted(&state, &headers, request_id).await {
        Ok(who) => who,
        Err(problem) => return asked.turn_away(problem, &uri),
    };
    let drawn = async {
        let query = TryOutQuery {
            version: asked.value("version"),
            clients: asked.number("clients")?,
            seed: asked.number("seed")?,
        };
        let which = Which::parse(query.version.as_deref())?;
        let clients = usize::try_from(query.clients.unwrap_or(DEFAULT_CLIENTS)).unwrap_or(usize::MAX);
        let seed = u64::from(query.seed.unwrap_or(1));
        let (version, tried) = reports::try_out(&state.app, &who.caller, &which, clients, seed).await?;
        let title = asked.say("Проба на выдуманных клиентах", "A try-out with invented clients");
        let page = drawing(move || programs::report::try_out_page(&tried, title, asked.language)).await?;
        let frame = Frame::around(
            &state,
            &who,
            &which,
            version.map(|version| version.number),
            TRY_OUT,
            &asked,
        )
        .await?;
        Ok(frame.put(&page))
    };
    asked.show(drawn.await)
}

/// Off the async threads: a page of hundreds of rows.
async fn drawing(draw: impl FnOnce() -> String + Send + 'static) -> Result<String, app::Error> {
    tokio::task::spawn_blocking(draw)
        .await
        .map_err(|_| app::Error::internal("drawing a page broke off"))
}

/// The administrator behind the session cookie. Errors: `Unauthenticated`, or the database is away.
async fn admitted(state: &ApiState, headers: &HeaderMap, request_id: RequestId) -> Result<Authenticated, app::Error> {
    let jar = CookieJar::from_headers(headers);
    let cookie = jar.get(SESSION_COOKIE).ok_or(app::Error::Unauthenticated)?;
    let who = app::access::authenticate_session(&state.app, cookie.value(), request_id).await?;
    if who.caller.role == Role::Admin {
        Ok(who)
    } else {
        Err(app::Error::Unauthenticated)
    }
}

/// What an address asks for.
#[derive(Clone)]
struct Asked {
    language: Language,
    query: Vec<(String, String)>,
}

impl Asked {
    fn of(uri: &Uri, headers: &HeaderMap) -> Self {
        let query: Vec<(String, String)> = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
        let lang = query
            .iter()
            .find(|(name, _)| name == "lang")
            .map(|(_, value)| value.as_str());
        Self {
            language: speech::of_page(lang, headers),
            query,
        }
    }

    fn value(&self, name: &str) -> Option<String> {
        self.query
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
    }

    fn number(&self, name: &'static str) -> Result<Option<u32>, app::Error> {
        self.value(name)
            .filter(|text| !text.is_empty())
            .map(|text| {
                text.parse()
                    .map_err(|_| app::Error::invalid(name, "invalid", "not a number"))
            })
            .transpose()
    }

    const fn say(&self, ru: &'static str, en: &'static str) -> &'static str {
        match self.language {
            Language::Ru => ru,
            Language::En => en,
        }
    }

    /// The same address with some parameters changed; `None` leaves one out.
    fn address(&self, path: &str, changes: &[(&str, Option<&str>)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.query {
            if !changes.iter().any(|(changed, _)| changed == name) && !value.contains('\0') {
                query.append_pair(name, value);
            }
        }
        for (name, value) in changes {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        let query = query.finish();
        if query.is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{query}")
        }
    }

    fn show(&self, drawn: Result<String, app::Error>) -> Response {
        match drawn {
            Ok(page) => html(StatusCode::OK, &page),
            Err(error) => self.explain(error),
        }
    }

    /// To the door, and back here afterwards.
    fn turn_away(&self, problem: app::Error, uri: &Uri) -> Response {
        if !matches!(problem, app::Error::Unauthenticated) {
            return self.explain(problem);
        }
        let next = uri.path_and_query().map_or(COVERAGE, |target| target.as_str());
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("next", next)
            .append_pair("lang", self.language.code());
        see_other(&format!("{SIGN_IN}?{}", query.finish()))
    }

    fn explain(&self, error: app::Error) -> Response {
        let (status, words) = match &error {
            app::Error::NotFound { .. } => (
                StatusCode::NOT_FOUND,
                self.say(
                    "Такой версии нет, или ни одно изменение не ждёт решения.",
                    "There is no such version, or no change waits for a decision.",
                ),
            ),
            app::Error::Invalid(_) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                self.say(
                    "В адресе страницы что-то не так: клиентов может быть от 1 до 1000.",
                    "Something in the page's address is wrong: there may be 1 to 1000 clients.",
                ),
            ),
            app::Error::Conflict { .. } => (
                StatusCode::CONFLICT,
                self.say(
                    "Эта версия сделана для более старой программы и больше не читается.",
                    "This version was made for an older program and can't be read any more.",
                ),
            ),
            // Logged as every other failure.
            _ => {
                let status = ApiError::from(error).into_response().status();
                let words = self.say(
                    "Страница сейчас не получилась. Попробуйте ещё раз через минуту.",
                    "The page did not work out just now. Try again in a minute.",
                );
                (status, words)
            }
        };
        let back = self.say("К тому, что служит сейчас", "To what serves now");
        let body = format!(
            "<main class=\"note\"><h1>{words}</h1><p><a href=\"{}\">{back}</a></p></main>",
            escape(&self.address(COVERAGE, &[("version", None), ("clients", None), ("seed", None)]))
        );
        html(status, &plain_page(words, &body, self.language))
    }
}

/// What stands around a report: where one is, which version it is about, the other language, the way out.
struct Frame(String);

impl Frame {
    async fn around(
        state: &ApiState,
        who: &Authenticated,
        which: &Which,
        number: Option<i64>,
        here: &str,
        asked: &Asked,
    ) -> Result<Self, app::Error> {
        let pending = pending_number(state, &who.caller).await?;
        let mut bar = String::from("<nav class=\"bar\"><div class=\"bar-inner\">");
        for (path, title) in [
            (COVERAGE, asked.say("Покрытие", "Coverage")),
            (TRY_OUT, asked.say("Проба", "Try-out")),
        ] {
            let current = if path == here { " aria-current=\"page\"" } else { "" };
            let address = asked.address(path, &[("clients", None), ("seed", None)]);
            bar.push_str(&format!("<a href=\"{}\"{current}>{title}</a>", escape(&address)));
        }
        if here == TRY_OUT {
            let seed = asked.number("seed")?.unwrap_or(1).wrapping_add(1).to_string();
            let others = asked.address(here, &[("seed", Some(&seed))]);
            let title = asked.say("Другие клиенты", "Other clients");
            bar.push_str(&format!("<a href=\"{}\">{title}</a>", escape(&others)));
        }
        bar.push_str("<div class=\"side\">");
        let (other, code) = match asked.language {
            Language::Ru => ("English", "en"),
            Language::En => ("Русский", "ru"),
        };
        let address = asked.address(here, &[("lang", Some(code))]);
        bar.push_str(&format!(
            "<a href=\"{}\" lang=\"{code}\" hreflang=\"{code}\">{other}</a>",
            escape(&address)
        ));
        if let Some(session) = &who.session {
            bar.push_str(&format!(
                "<form method=\"post\" action=\"{SIGN_OUT}\"><input type=\"hidden\" name=\"csrf_token\" value=\"{}\"><button>{}</button></form>",
                escape(&session.csrf_token),
                asked.say("Выйти", "Sign out")
            ));
        }
        bar.push_str("</div></div></nav>\n");
        bar.push_str(&versions(asked, here, which, number, pending));
        Ok(Self(bar))
    }

    /// Puts the bar and its style into a report's own page.
    fn put(&self, page: &str) -> String {
        page.replacen("</head>", &format!("<style>\n{STYLE}</style>\n</head>"), 1)
            .replacen("<body>", &format!("<body>\n{}", self.0), 1)
    }
}

async fn pending_number(state: &ApiState, caller: &Caller) -> Result<Option<i64>, app::Error> {
    let mut tx = state.app.tenant(&caller.tenant).read().await?;
    Ok(tx.pending_snapshot().await?.map(|version| version.number))
}

fn versions(asked: &Asked, here: &str, which: &Which, number: Option<i64>, pending: Option<i64>) -> String {
    let mut list = format!(
        "<ul class=\"which\" aria-label=\"{}\">",
        asked.say("Какая версия таблиц", "Which version of the tables")
    );
    let mut item = |text: String, parameter: Option<&str>, is_current: bool| {
        let current = if is_current { " aria-current=\"true\"" } else { "" };
        let address = asked.address(here, &[("version", parameter)]);
        list.push_str(&format!(
            "<li><a href=\"{}\"{current}>{text}</a></li>",
            escape(&address)
        ));
    };
    let numbered = |text: &str, number: Option<i64>| match number {
        Some(number) => format!("{text} · {number}"),
        None => text.to_owned(),
    };
    let serving = asked.say("Служит сейчас", "Serves now");
    let own = |is_it: bool| number.filter(|_| is_it);
    item(
        numbered(serving, own(*which == Which::InForce)),
        None,
        *which == Which::InForce,
    );
    if let Some(pending) = pending {
        let waiting = asked.say("Ждёт решения", "Waits for a decision");
        item(
            numbered(waiting, Some(pending)),
            Some("pending"),
            *which == Which::Pending,
        );
    }
    if let Which::Version(id) = which {
        let text = numbered(asked.say("Версия", "Version"), number);
        item(text, Some(id.as_ref()), true);
    }
    list.push_str("</ul>\n");
    list
}

async fn sign_in_form(State(state): State<ApiState>, uri: Uri, headers: HeaderMap) -> Response {
    let asked = Asked::of(&uri, &headers);
    let next = safe_next(asked.value("next").as_deref());
    door(&state, &asked, StatusCode::OK, &next, "", None)
}

#[derive(Deserialize)]
struct SignIn {
    email: String,
    password: String,
    form_token: String,
    #[serde(default)]
    next: String,
}

async fn sign_in(
    State(state): State<ApiState>,
    Extension(request_id): Extension<RequestId>,
    Extension(peer): Extension<ClientAddress>,
    uri: Uri,
    headers: HeaderMap,
    form: Result<Form<SignIn>, FormRejection>,
) -> Response {
    let asked = Asked::of(&uri, &headers);
    let Ok(Form(form)) = form else {
        let again = asked.say(
            "Форма не дошла целиком. Попробуйте ещё раз.",
            "The form did not arrive whole. Try again.",
        );
        return door(
            &state,
            &asked,
            StatusCode::BAD_REQUEST,
            COVERAGE,
            "",
            Some(again.to_owned()),
        );
    };
    let next = safe_next(Some(&form.next));
    let jar = CookieJar::from_headers(&headers);
    let token = jar
        .get(FORM_COOKIE)
        .map(|cookie| cookie.value().to_owned())
        .unwrap_or_default();
    let is_ours = !token.is_empty() && bool::from(token.as_bytes().ct_eq(form.form_token.as_bytes()));
    if !is_ours {
        let again = asked.say(
            "Страница устарела. Войдите ещё раз.",
            "The page was too old. Sign in once more.",
        );
        return door(
            &state,
            &asked,
            StatusCode::FORBIDDEN,
            &next,
            &form.email,
            Some(again.to_owned()),
        );
    }
    let signed_in = match app::access::sign_in(&state.app, &form.email, &form.password, peer.bucket(), request_id).await
    {
        Ok(signed_in) => signed_in,
        Err(app::Error::Unauthenticated) => {
            let wrong = asked.say("Почта или пароль не подходят.", "The e-mail or the password is wrong.");
            return door(
                &state,
                &asked,
                StatusCode::UNAUTHORIZED,
                &next,
                &form.email,
                Some(wrong.to_owned()),
            );
        }
        Err(app::Error::TooManyAttempts { after_s }) => {
            let wait = match asked.language {
                Language::Ru => format!("Слишком много попыток. Подождите {after_s} с и попробуйте снова."),
                Language::En => format!("Too many attempts. Wait {after_s} s and try again."),
            };
            return door(
                &state,
                &asked,
                StatusCode::TOO_MANY_REQUESTS,
                &next,
                &form.email,
                Some(wait),
            );
        }
        Err(error) => return asked.explain(error),
    };
    let max_age_s = signed_in.ends_at.millis_since(state.app.now()) / 1000;
    match (
        session_cookie(&state, &signed_in.token, max_age_s),
        form_cookie(&state, "", 0),
    ) {
        (Ok(session), Ok(form)) => {
            let mut response = see_other(&next);
            response.headers_mut().append(SET_COOKIE, session);
            response.headers_mut().append(SET_COOKIE, form);
            response
        }
        (Err(problem), _) | (_, Err(problem)) => problem.into_response(),
    }
}

#[derive(Deserialize)]
struct SignOut {
    csrf_token: String,
}

async fn sign_out(
    State(state): State<ApiState>,
    Extension(request_id): Extension<RequestId>,
    uri: Uri,
    headers: HeaderMap,
    form: Result<Form<SignOut>, FormRejection>,
) -> Response {
    let asked = Asked::of(&uri, &headers);
    if let (Ok(who), Ok(Form(form))) = (admitted(&state, &headers, request_id).await, form) {
        let is_ours = who
            .session
            .as_ref()
            .is_some_and(|session| session.csrf_token.as_bytes().ct_eq(form.csrf_token.as_bytes()).into());
        if !is_ours {
            return ApiError::forbidden().into_response();
        }
        if let Err(error) = app::access::sign_out(&state.app, &who).await {
            return asked.explain(error);
        }
    }
    let mut response = see_other(SIGN_IN);
    match session_cookie(&state, "", 0) {
        Ok(cookie) => {
            response.headers_mut().append(SET_COOKIE, cookie);
            response
        }
        Err(problem) => problem.into_response(),
    }
}

/// The sign-in page. `wrong`: what went wrong the last time.
fn door(
    state: &ApiState,
    asked: &Asked,
    status: StatusCode,
    next: &str,
    email: &str,
    wrong: Option<String>,
) -> Response {
    let token: RequestId = state.app.new_id();
    let title = asked.say("Вход для тренера", "Sign in");
    let (other, code) = match asked.language {
        Language::Ru => ("English", "en"),
        Language::En => ("Русский", "ru"),
    };
    let wrong = wrong
        .map(|words| format!("<p class=\"wrong\" role=\"alert\">{}</p>", escape(&words)))
        .unwrap_or_default();
    let body = format!(
        "<main class=\"door\"><h1>{title}</h1>\n<form method=\"post\" action=\"{action}\">{wrong}\
         <input type=\"hidden\" name=\"form_token\" value=\"{token}\"><input type=\"hidden\" name=\"next\" value=\"{next}\">\
         <label>{mail}<input type=\"email\" name=\"email\" value=\"{email}\" autocomplete=\"username\" required maxlength=\"254\"></label>\
         <label>{password}<input type=\"password\" name=\"password\" autocomplete=\"current-password\" required maxlength=\"1024\"></label>\
         <button class=\"go\">{go}</button></form>\n<p class=\"other\"><a href=\"{elsewhere}\" lang=\"{code}\" hreflang=\"{code}\">{other}</a></p></main>",
        action = escape(&format!("{SIGN_IN}?lang={}", asked.language.code())),
        token = escape(token.as_ref()),
        next = escape(next),
        mail = asked.say("Электронная почта", "E-mail"),
        email = escape(email),
        password = asked.say("Пароль", "Password"),
        go = asked.say("Войти", "Sign in"),
        elsewhere = escape(&language_link(next, code)),
    );
    let mut response = html(status, &plain_page(title, &body, asked.language));
    match form_cookie(state, token.as_ref(), FORM_LIFE_S) {
        Ok(cookie) => {
            response.headers_mut().append(SET_COOKIE, cookie);
            response
        }
        Err(problem) => problem.into_response(),
    }
}

/// The door in the other language; what is behind it speaks that, too.
fn language_link(next: &str, code: &str) -> String {
    let (path, query) = next.split_once('?').unwrap_or((next, ""));
    let mut inner = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if name != "lang" {
            inner.append_pair(&name, &value);
        }
    }
    inner.append_pair("lang", code);
    let mut outer = url::form_urlencoded::Serializer::new(String::new());
    outer
        .append_pair("next", &format!("{path}?{}", inner.finish()))
        .append_pair("lang", code);
    format!("{SIGN_IN}?{}", outer.finish())
}

fn form_cookie(state: &ApiState, token: &str, max_age_s: i64) -> ApiResult<HeaderValue> {
    let secure = if state.http.is_secure { "; Secure" } else { "" };
    let text = format!("{FORM_COOKIE}={token}; Path=/admin; HttpOnly; SameSite=Strict; Max-Age={max_age_s}{secure}");
    HeaderValue::try_from(text).map_err(|error| ApiError::internal().with_cause(error))
}

/// Only to a page of our own: an address in a link must not lead elsewhere after a sign-in.
fn safe_next(next: Option<&str>) -> String {
    next.filter(|next| {
        next.starts_with("/admin/")
            && !next.starts_with(SIGN_IN)
            && !next.contains("..")
            && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    })
    .unwrap_or(COVERAGE)
    .to_owned()
}

fn see_other(address: &str) -> Response {
    match HeaderValue::try_from(address) {
        Ok(location) => (
            StatusCode::SEE_OTHER,
            [
                (LOCATION, location),
                (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            ],
        )
            .into_response(),
        Err(error) => ApiError::internal().with_cause(error).into_response(),
    }
}

fn plain_page(title: &str, body: &str, language: Language) -> String {
    format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex\">\n\
         <title>{}</title>\n<style>\n{PAGE_STYLE}{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n",
        language.code(),
        escape(title)
    )
}

/// A page whose only styles are the ones drawn into it; nothing else is loaded or run.
fn html(status: StatusCode, page: &str) -> Response {
    let mut policy = String::from("default-src 'none'; style-src");
    for style in page
        .split("<style>")
        .skip(1)
        .filter_map(|rest| rest.split("</style>").next())
    {
        policy.push_str(&format!(
            " 'sha256-{}'",
            BASE64.encode(&Sha256::digest(style.as_bytes()))
        ));
    }
    policy.push_str("; base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
    let mut response = (
        status,
        [
            (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ],
        page.to_owned(),
    )
        .into_response();
    if let Ok(policy) = HeaderValue::try_from(policy) {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_leads_to_our_own_pages_only() {
        for next in [
            "https://evil.example/",
            "//evil.example/admin/",
            "/admin/../api/x",
            "/admin/\\evil.example",
            "/admin/sign-in?next=/admin/sign-in",
            "/api/clients",
            "/admin/x\r\nSet-Cookie: a=b",
        ] {
            assert_eq!(safe_next(Some(next)), COVERAGE, "{next}");
        }
        let good = "/admin/templates/try-out?clients=5&lang=en";
        assert_eq!(safe_next(Some(good)), good);
        assert_eq!(safe_next(None), COVERAGE);
    }

    #[test]
    fn what_somebody_typed_never_becomes_a_page() {
        assert_eq!(escape("<a href=\"'&"), "&lt;a href=&quot;&#39;&amp;");
    }
}
