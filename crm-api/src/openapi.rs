//! The description of the API, generated from the handlers.
//!
//! What holds for every route (who may come in, which problems can happen, the idempotency key) is added here once,
//! so that no handler has to repeat it.

use serde_json::{Map, Value, json};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::routes;
use crate::state::ApiState;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Voronka CRM API",
        description = "Clients, leads, the pipeline, questionnaires and programmes of one installation.\n\n\
            Times are RFC 3339 in UTC. Lists are keyset pages: pass `next_cursor` back as `cursor`. Errors are RFC 9457 \
            problems with a stable `code`. Edits name the version they are based on with `If-Match`.",
        license(name = "AGPL-3.0-only", identifier = "AGPL-3.0-only")
    ),
    components(schemas(api_types::problem::Problem))
)]
struct Base;

/// Who may call a group of routes.
#[derive(Clone, Copy)]
enum Access {
    Admin,
    Bot,
    AdminOrBot,
    Anybody,
}

/// The document as pretty JSON with a final line feed: the same text as `docs/openapi.json`.
pub fn document_json() -> String {
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
}

pub fn document() -> Value {
    let mut whole = serde_json::to_value(Base::openapi()).unwrap_or_default();
    let groups = [
        (routes::admin(), Access::Admin),
        (routes::bot(), Access::Bot),
        (routes::shared(), Access::AdminOrBot),
        (routes::public(), Access::Anybody),
        (routes::webhooks(), Access::Anybody),
    ];
    for (router, access) in groups {
        merge(&mut whole, described(router, access));
    }
    if let Some(document) = whole.as_object_mut() {
        let components = document.entry("components").or_insert_with(|| json!({}));
        if let Some(components) = components.as_object_mut() {
            components.insert("securitySchemes".into(), security_schemes());
            components.insert("responses".into(), common_responses());
        }
    }
    whole
}

fn described(router: OpenApiRouter<ApiState>, access: Access) -> Value {
    let mut part = serde_json::to_value(router.into_openapi()).unwrap_or_default();
    if let Some(paths) = part.get_mut("paths").and_then(Value::as_object_mut) {
        for (path, item) in paths.iter_mut() {
            for method in METHODS {
                if let Some(operation) = item.get_mut(method).and_then(Value::as_object_mut) {
                    describe(operation, method, path, access);
                }
            }
        }
    }
    part
}

fn describe(operation: &mut Map<String, Value>, method: &str, path: &str, access: Access) {
    operation.insert("operationId".into(), Value::String(operation_id(method, path)));
    operation.insert("security".into(), security(access));
    let has_body = operation.contains_key("requestBody");
    let has_id = path.contains('{');
    let Some(responses) = operation
        .entry("responses")
        .or_insert_with(|| json!({}))
        .as_object_mut()
    else {
        return;
    };
    let mut add = |status: &str, name: &str| {
        responses
            .entry(status)
            .or_insert_with(|| json!({ "$ref": format!("#/components/responses/{name}") }));
    };
    if !matches!(access, Access::Anybody) {
        add("401", "Unauthenticated");
        add("403", "Forbidden");
    }
    if has_id {
        add("404", "NotFound");
    }
    if has_body {
        add("400", "Malformed");
        add("413", "PayloadTooLarge");
        add("415", "UnsupportedMediaType");
        add("422", "Invalid");
    }
    if !matches!(access, Access::Bot) {
        add("429", "TooManyRequests");
    }
    add("default", "Problem");
    if method == "post" && matches!(access, Access::Admin | Access::AdminOrBot) {
        add_idempotency_key(operation);
    }
}

fn add_idempotency_key(operation: &mut Map<String, Value>) {
    let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
    if let Some(parameters) = parameters.as_array_mut() {
        // Where money can move it is needed, and the handler says so itself.
        if parameters
            .iter()
            .any(|parameter| parameter["name"] == "Idempotency-Key")
        {
            return;
        }
        parameters.push(json!({
            "name": "Idempotency-Key",
            "in": "header",
            "required": false,
            "description": "1 to 255 visible ASCII characters. The same key with the same request gets the first answer again \
                (for a day at least), with another request 422 `idempotency_key_reused`.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255 }
        }));
    }
}

/// `GET /api/clients/{id}/timeline` → `getClientsByIdTimeline`: unique, and stable while the path is.
fn operation_id(method: &str, path: &str) -> String {
    let mut id = method.to_owned();
    for segment in path
        .trim_start_matches("/api")
        .split('/')
        .filter(|segment| !segment.is_empty())
    {
        let (prefix, name) = match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(parameter) => ("By", parameter),
            None => ("", segment),
        };
        id.push_str(prefix);
        for word in name.split(['-', '_']) {
            let mut characters = word.chars();
            id.extend(characters.next().map(|first| first.to_ascii_uppercase()));
            id.push_str(characters.as_str());
        }
    }
    id
}

fn security(access: Access) -> Value {
    match access {
        Access::Admin => json!([{ "session": [] }, { "token": [] }]),
        Access::Bot => json!([{ "token": [] }]),
        Access::AdminOrBot => json!([{ "session": [] }, { "token": [] }]),
        Access::Anybody => json!([]),
    }
}

fn security_schemes() -> Value {
    json!({
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": crate::auth::SESSION_COOKIE,
            "description": "Set by POST /api/auth/sign-in. Everything but GET also needs the header X-CSRF-Token."
        },
        "token": { "type": "http", "scheme": "bearer", "description": "An API key." }
    })
}

fn common_responses() -> Value {
    let problem = |description: &str| {
        json!({
            "description": description,
            "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } }
        })
    };
    json!({
        "Unauthenticated": problem("No valid session or token."),
        "Forbidden": problem("Signed in, but not allowed, or the CSRF token is missing."),
        "NotFound": problem("There is nothing under this id."),
        "Malformed": problem("The request can't be read."),
        "PayloadTooLarge": problem("The body is larger than 1 MiB."),
        "UnsupportedMediaType": problem("The body must be JSON in UTF-8."),
        "Invalid": problem("Some fields are wrong; `errors` names them."),
        "TooManyRequests": problem("Too many requests; `Retry-After` says when to come back."),
        "Problem": problem("Anything else that went wrong."),
    })
}

/// Moves the paths and schemas of a group into the whole.
fn merge(whole: &mut Value, mut part: Value) {
    for pointer in ["/paths", "/components/schemas"] {
        let Some(Value::Object(from)) = part.pointer_mut(pointer).map(Value::take) else {
            continue;
        };
        if let Some(into) = whole.pointer_mut(pointer).and_then(Value::as_object_mut) {
            into.extend(from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_a_name_of_its_own_and_its_guards() {
        let document = document();
        let mut names = std::collections::BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let name = operation["operationId"].as_str().unwrap();
                assert!(names.insert(name.to_owned()), "{method} {path}: {name} is taken");
                assert!(operation["security"].is_array(), "{method} {path}");
                assert!(operation["responses"]["default"].is_object(), "{method} {path}");
            }
        }
        assert!(names.len() > 10, "{names:?}");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let mut stack = vec![&document];
        while let Some(value) = stack.pop() {
            if let Some(target) = value.get("$ref").and_then(Value::as_str) {
                assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target}");
            }
            stack.extend(value.as_object().into_iter().flat_map(Map::values));
            stack.extend(value.as_array().into_iter().flatten());
        }
    }
}
