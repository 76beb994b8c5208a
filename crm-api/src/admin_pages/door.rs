//! The door: a sign-in form that works without script, and the way out.

use app::access;
use axum::Extension;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use domain::ids::RequestId;
use domain::language::Language;
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::page::{escape, html, plain_page, see_other};
use super::{Asked, COVERAGE, SIGN_IN, admitted};
use crate::auth::session_cookie;
use crate::client_address::ClientAddress;
use crate::problem::{ApiError, ApiResult};
use crate::state::ApiState;

/// Ties the sign-in form to the browser it was drawn for: another site can neither read nor set it.
const FORM_COOKIE: &str = "voronka_form";
const FORM_LIFE_S: i64 = 3600;

pub(super) async fn sign_in_form(State(state): State<ApiState>, uri: Uri, headers: HeaderMap) -> Response {
    let asked = Asked::of(&uri, &headers);
    let next = safe_next(asked.value("next").as_deref());
    door(&state, &asked, StatusCode::OK, &next, "", None)
}

#[derive(Deserialize)]
pub(super) struct SignIn {
    email: String,
    password: String,
    form_token: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn sign_in(
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
    let signed_in = match access::sign_in(&state.app, &form.email, &form.password, peer.bucket(), request_id).await {
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
pub(super) struct SignOut {
    csrf_token: String,
}

pub(super) async fn sign_out(
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
        if let Err(error) = access::sign_out(&state.app, &who).await {
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
}
