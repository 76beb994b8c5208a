//! One tenant's token on another tenant's ids, for every route of the description: 404 (case 20).

use std::collections::BTreeMap;

use app::Role;
use domain::ids::Id;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::common::{BOT_TOKEN, Chat, TestWorld};
use crate::on_both_databases;

on_both_databases!(no_route_shows_or_changes_what_belongs_to_another_tenant);

/// Deep enough for every request of ours.
const MAX_DEPTH: usize = 6;

async fn no_route_shows_or_changes_what_belongs_to_another_tenant(world: TestWorld) {
    Chat::new("8001").walk_to_the_end(&world).await;
    world.run_due_jobs().await;
    let owner = world.admin_token().await;
    sell(&world, &owner).await;
    let other = world.another_tenant().await;
    let (stranger, strange_bot) = (
        world.token_of(&other, Role::Admin).await,
        world.token_of(&other, Role::Bot).await,
    );
    let ids = owned_ids(&world, &owner).await;
    let before = everything(&world, &owner).await;
    let (document, operations) = world.operations().await;
    // A body may name a stage: one of the stranger's own, so that the path alone is wrong.
    let (_, _, make_stage) = operations
        .iter()
        .find(|(method, path, _)| *method == Method::POST && path == "/api/pipeline/stages")
        .unwrap();
    let stage = sample(
        &document,
        &make_stage["requestBody"]["content"]["application/json"]["schema"],
        0,
    );
    let stage = world
        .post("/api/pipeline/stages", &stranger, &stage)
        .send()
        .await
        .unwrap();
    assert_eq!(stage.status(), 201, "{}", stage.text().await.unwrap());
    let own_stage = stage.json::<Value>().await.unwrap()["id"].clone();
    let mut tried = 0;
    for (method, path, operation) in operations.iter().filter(|(_, path, _)| path.contains("{id}")) {
        let concrete = format!("{}{}", fill(path, &ids), needed_query(operation));
        if *method == Method::GET {
            let own = world.get(&concrete, &owner).send().await.unwrap().status();
            assert!(
                own.is_success(),
                "{path} must work for its owner, or this test proves nothing: {own}"
            );
        }
        let body = operation
            .pointer("/requestBody/content/application~1json/schema")
            .map(|schema| {
                let mut body = sample(&document, schema, 0);
                if let Some(stage) = body.get_mut("stage_id") {
                    *stage = own_stage.clone();
                }
                body
            });
        for token in [&stranger, &strange_bot] {
            let mut request = world
                .request(method.clone(), &concrete)
                .bearer_auth(token)
                .header("if-match", "\"1\"");
            if method == Method::POST {
                request = request.header("idempotency-key", format!("stranger-{tried}-{}", *token == strange_bot));
            }
            if let Some(body) = &body {
                request = request.json(body);
            }
            let response = request.send().await.unwrap();
            let status = response.status().as_u16();
            let may_be_forbidden = *token == strange_bot;
            assert!(
                status == 404 || (status == 403 && may_be_forbidden),
                "{method} {concrete} {body:?}: {status} {}",
                response.text().await.unwrap()
            );
        }
        tried += 1;
    }
    assert!(tried > 15, "only {tried} routes have an id");
    assert_eq!(everything(&world, &owner).await, before, "something was changed");
    for (path, list) in everything(&world, &stranger).await {
        let strange = list.to_string();
        for id in ids.values() {
            assert!(!strange.contains(id.as_str()), "{path} shows {id} to a stranger");
        }
    }
}

/// Something is sold, paid in cash, and given back in part, so that there is one of everything.
async fn sell(world: &TestWorld, owner: &str) {
    let settings = json!({
        "order_minutes": 60, "refund_window_minutes": 60, "capture": "at_once", "stacking": "best_one",
        "receipts": "self_employed", "providers": [],
    });
    let saved = world.request(Method::PUT, "/api/settings/payments").bearer_auth(owner);
    let saved = saved.header("if-match", "\"0\"").json(&settings).send().await.unwrap();
    assert_eq!(saved.status(), 200, "{}", saved.text().await.unwrap());
    let post = async |path: &str, body: Value| -> Value {
        let request = world.post(path, owner, &body).header("idempotency-key", path);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 201, "{path}: {}", response.text().await.unwrap());
        response.json().await.unwrap()
    };
    let terms = json!({ "discount": { "type": "percent", "basis_points": 500 } });
    post("/api/promocodes", json!({ "code": "OWN", "terms": terms })).await;
    let product = json!({
        "code": "review", "title": { "ru": "Разбор" }, "delivery": { "ru": "За день" }, "grants": ["by_hand"],
        "price": { "amount_minor": 100_000, "currency": "RUB" },
    });
    let product = post("/api/products", product).await;
    let clients: Value = world
        .get("/api/clients", owner)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let client = &clients["items"][0]["id"];
    let order = json!({ "client_id": client, "items": [{ "product_id": product["id"] }], "promo_code": "OWN" });
    let order = post("/api/orders", order).await;
    let payment = post(
        "/api/payments/manual",
        json!({ "order_id": order["id"], "note": "наличными" }),
    )
    .await;
    let costs = format!("/api/orders/{}/costs", order["id"].as_str().unwrap());
    let amount = json!({ "amount_minor": 500, "currency": "RUB" });
    post(&costs, json!({ "amount": amount, "note": "аренда" })).await;
    keep_a_card(world, &payment).await;
    let refund = format!("/api/payments/{}/refund", payment["id"].as_str().unwrap());
    let amount = json!({ "amount_minor": 100, "currency": "RUB" });
    post(&refund, json!({ "amount": amount, "reason": "сдача" })).await;
    world.run_due_jobs().await;
}

/// As a bank's answer would.
async fn keep_a_card(world: &TestWorld, payment: &Value) {
    let id = |name: &str| payment[name].as_str().unwrap();
    let method = store::NewSavedMethod {
        id: world.app.new_id(),
        client: Id::parse(id("client_id")).unwrap(),
        provider: "yookassa".to_owned(),
        token: "pm-1".to_owned(),
        title: "•••• 4477".to_owned(),
        payment: Id::parse(id("id")).unwrap(),
        now: world.app.now(),
    };
    let mut tx = world.app.tenant(&world.tenant).write().await.unwrap();
    assert!(tx.insert_saved_method(&method).await.unwrap());
    tx.commit().await.unwrap();
}

/// What the collections show to this token. API keys are left out: using one changes nothing, making one does.
async fn everything(world: &TestWorld, token: &str) -> BTreeMap<String, Value> {
    let (_, operations) = world.operations().await;
    let mut lists = BTreeMap::new();
    for (method, path, _) in operations {
        let is_collection = method == Method::GET && !path.contains('{');
        if !is_collection || path.starts_with("/api/bot/") || path.starts_with("/api/auth/") || path == "/api/api-keys"
        {
            continue;
        }
        let response = world.get(&path, token).send().await.unwrap();
        assert!(
            response.status().is_success(),
            "{path}: {}",
            response.text().await.unwrap()
        );
        let text = response.text().await.unwrap();
        // Tables are compared as they are.
        let list = serde_json::from_str(&text).unwrap_or(Value::String(text));
        lists.insert(path, list);
    }
    lists
}

/// An id of the owner's for every first segment under `/api/`.
async fn owned_ids(world: &TestWorld, owner: &str) -> BTreeMap<&'static str, String> {
    let sources = [
        ("clients", "/api/clients", "/items/0/id"),
        ("leads", "/api/leads", "/items/0/id"),
        ("programs", "/api/programs", "/items/0/id"),
        ("questionnaires", "/api/questionnaires", "/items/0/id"),
        ("jobs", "/api/jobs", "/items/0/id"),
        ("api-keys", "/api/api-keys", "/items/0/id"),
        ("pipeline", "/api/pipeline/stages", "/items/0/id"),
        ("templates", "/api/templates", "/items/0/id"),
        ("products", "/api/products", "/items/0/id"),
        ("promocodes", "/api/promocodes", "/items/0/id"),
        ("orders", "/api/orders", "/items/0/id"),
        ("payments", "/api/payments", "/items/0/id"),
        ("refunds", "/api/refunds", "/items/0/id"),
        ("receipts", "/api/receipts", "/items/0/id"),
        ("incomes", "/api/incomes", "/items/0/id"),
        ("tasks", "/api/tasks", "/items/0/id"),
        ("ledger", "/api/ledger/accounts?kind=revenue", "/items/0/id"),
    ];
    let mut ids = BTreeMap::new();
    for (name, path, pointer) in sources {
        let list: Value = world.get(path, owner).send().await.unwrap().json().await.unwrap();
        let id = list
            .pointer(pointer)
            .or_else(|| list.pointer("/0/id"))
            .and_then(Value::as_str);
        ids.insert(
            name,
            id.unwrap_or_else(|| panic!("{path} has no {pointer}: {list}"))
                .to_owned(),
        );
    }
    for (name, list) in [
        ("order-costs", format!("/api/orders/{}/costs", ids["orders"])),
        (
            "payment-methods",
            format!("/api/clients/{}/payment-methods", ids["clients"]),
        ),
    ] {
        let list: Value = world.get(&list, owner).send().await.unwrap().json().await.unwrap();
        ids.insert(name, list["items"][0]["id"].as_str().unwrap().to_owned());
    }
    let batch = store::ProgramBatch {
        id: world.app.new_id(),
        exercise: "squat".to_owned(),
        total: 1,
        started_by: "system".to_owned(),
        created_at: world.app.now(),
        ordered_at: None,
    };
    let mut tx = world.app.tenant(&world.tenant).write().await.unwrap();
    tx.insert_program_batch(&batch).await.unwrap();
    let comparison = store::NewReconciliation {
        id: world.app.new_id(),
        provider: "yookassa".to_owned(),
        actor: "system".to_owned(),
        since: world.app.now(),
        stage: domain::reconciliation::Stage::Payments,
        now: world.app.now(),
    };
    assert!(tx.insert_reconciliation(&comparison).await.unwrap());
    tx.commit().await.unwrap();
    ids.insert("programs/regenerations", batch.id.to_string());
    ids.insert("payments/reconciliations", comparison.id.to_string());
    // The finished programme waits for the bot; its file and the delivery itself are the owner's too.
    let claim = json!({ "replica": "test", "limit": 100, "wait_ms": 0 });
    let claimed: Value = world
        .post("/api/bot/deliveries/claim", BOT_TOKEN, &claim)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let delivery = claimed["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .find(|delivery| delivery["content"]["file"].is_object());
    let delivery = delivery.unwrap_or_else(|| panic!("no file is on its way: {claimed}"));
    ids.insert("files", delivery["content"]["file"]["id"].as_str().unwrap().to_owned());
    ids.insert("deliveries", delivery["id"].as_str().unwrap().to_owned());
    ids
}

fn fill(path: &str, ids: &BTreeMap<&'static str, String>) -> String {
    let name = path.trim_start_matches("/api/");
    let nested = name.split("/{").next().unwrap();
    let name = if ids.contains_key(nested) {
        nested
    } else {
        name.split('/').next().unwrap()
    };
    let id = ids
        .get(name)
        .unwrap_or_else(|| panic!("{path}: add an id of the owner's for it"))
        .as_str();
    let mut segments = Vec::new();
    let mut is_first = true;
    for segment in path.split('/') {
        segments.push(if segment.starts_with('{') {
            if std::mem::take(&mut is_first) { id } else { "1" }
        } else {
            segment
        });
    }
    segments.join("/")
}

/// What a route can't be asked without, all of it text.
fn needed_query(operation: &Value) -> String {
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let needed: Vec<String> = parameters
        .iter()
        .filter(|parameter| parameter["in"] == "query" && parameter["required"] == true)
        .map(|parameter| format!("{}=x", parameter["name"].as_str().unwrap()))
        .collect();
    if needed.is_empty() {
        String::new()
    } else {
        format!("?{}", needed.join("&"))
    }
}

/// A body that fits its schema, so that nothing but the id can be refused.
fn sample(document: &Value, schema: &Value, depth: usize) -> Value {
    if depth > MAX_DEPTH {
        return Value::Null;
    }
    if let Some(reference) = schema["$ref"].as_str() {
        return sample(
            document,
            document.pointer(reference.trim_start_matches('#')).unwrap(),
            depth + 1,
        );
    }
    if let Some(known) = schema
        .get("example")
        .or_else(|| schema.pointer("/examples/0"))
        .or_else(|| schema.pointer("/enum/0"))
    {
        return known.clone();
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[choice].as_array() {
            return choices
                .iter()
                .find(|choice| choice["type"] != "null")
                .map_or(Value::Null, |choice| sample(document, choice, depth + 1));
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let fields = parts
            .iter()
            .filter_map(|part| sample(document, part, depth + 1).as_object().cloned())
            .flatten();
        return Value::Object(fields.collect());
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    match types.iter().find(|name| **name != "null") {
        Some(&"string") => match schema["format"].as_str() {
            Some("date-time") => json!("2026-11-20T09:00:00Z"),
            Some("date") => json!("2026-11-20"),
            _ => json!("text"),
        },
        Some(&"integer" | &"number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some(&"boolean") => json!(true),
        Some(&"array") => json!([]),
        _ => {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let fields = required.iter().filter_map(Value::as_str).map(|name| {
                (
                    name.to_owned(),
                    sample(document, &schema["properties"][name], depth + 1),
                )
            });
            Value::Object(fields.collect::<Map<_, _>>())
        }
    }
}
