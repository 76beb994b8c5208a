//! Pages for a person, drawn here and readable without script: what the templates give to whom, and the door to them.

mod door;
pub(crate) mod page;

use api_types::crm::{TemplateReportQuery, TryOutQuery};
use app::access::Authenticated;
use app::crm::templates::reports::{self, Which};
use app::{Caller, Role};
use axum::Extension;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum_extra::extract::CookieJar;
use domain::ids::RequestId;
use domain::language::Language;

use self::door::{sign_in, sign_in_form, sign_out};
use self::page::{STYLE, escape, html, plain_page, see_other};
use crate::auth::SESSION_COOKIE;
use crate::problem::ApiError;
use crate::speech;
use crate::state::ApiState;

const COVERAGE: &str = "/admin/templates/coverage";
const TRY_OUT: &str = "/admin/templates/try-out";
const SIGN_IN: &str = "/admin/sign-in";
const SIGN_OUT: &str = "/admin/sign-out";

const DEFAULT_CLIENTS: u32 = 200;

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
