//! Keys of payment providers, entered by the owner.

use std::time::Duration;

use app::{App, Clock, Parts};
use serde_json::{Value, json};

use crate::common::{Backend, START_MS, expect_problem};
use crate::desk::{body, text};
use crate::till::{Till, addresses};

mod sqlite {
    #[tokio::test]
    async fn keys_are_tried_kept_and_never_shown() {
        super::keys_are_tried_kept_and_never_shown(super::Backend::Sqlite).await;
    }
}
mod postgres {
    #[tokio::test]
    async fn keys_are_tried_kept_and_never_shown() {
        super::keys_are_tried_kept_and_never_shown(super::Backend::Postgres).await;
    }
}

const PATH: &str = "/api/settings/payments";

fn wanted(keys: &Value) -> Value {
    json!({
        "order_minutes": 60, "refund_window_minutes": 60, "capture": "at_once", "stacking": "best_one",
        "receipts": "off", "providers": [], "keys": keys,
    })
}

fn of<'a>(settings: &'a Value, code: &str) -> &'a Value {
    let all = settings["configured_providers"].as_array().unwrap();
    all.iter().find(|provider| provider["code"] == code).unwrap()
}

async fn keys_are_tried_kept_and_never_shown(backend: Backend) {
    let till = Till::open_without_keys(backend).await;
    let empty = till.read(PATH).await;
    assert_eq!(
        (&of(&empty, "tbank")["is_ready"], &of(&empty, "tbank")["keys_from"]),
        (&json!(false), &json!("none"))
    );
    let fields: Vec<&str> = of(&empty, "yookassa")["key_fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| text(&field["name"]))
        .collect();
    assert_eq!(fields, ["shop_id", "secret_key"]);

    for (keys, field) in [
        (
            json!({ "yookassa": { "shop_id": "100500" } }),
            "keys/yookassa/secret_key",
        ),
        (
            json!({ "yookassa": { "shop_id": "моя", "secret_key": "test_x" } }),
            "keys/yookassa/shop_id",
        ),
        (json!({ "nobody": { "a": "b" } }), "keys/nobody"),
        (
            json!({ "tbank": { "terminal_key": "1", "password": "x", "iban": "y" } }),
            "keys/tbank/iban",
        ),
        // The form is right, but the bank knows better.
        (
            json!({ "yookassa": { "shop_id": "100500", "secret_key": "test_of-somebody-else" } }),
            "keys/yookassa",
        ),
        (
            json!({ "tbank": { "terminal_key": "1699999999999DEMO", "password": "of-somebody-else" } }),
            "keys/tbank",
        ),
    ] {
        let problem = expect_problem(till.put(PATH, 0, &wanted(&keys)).await, 422, "validation_failed").await;
        let told = problem.to_string();
        assert!(told.contains(field), "{told}");
        assert!(!told.contains("somebody-else"), "{told}");
    }
    assert_eq!(till.read(PATH).await["version"], 0, "nothing was kept");

    let secret = "test_SANDBOX-demo-secret";
    let keys = json!({ "yookassa": { "shop_id": "100500", "secret_key": secret } });
    let saved = body(till.put(PATH, 0, &wanted(&keys)).await, 200).await;
    let shown = of(&saved, "yookassa");
    assert_eq!(
        (&shown["is_ready"], &shown["keys_from"]),
        (&json!(true), &json!("settings"))
    );
    assert_eq!(shown["key_fields"][0]["shown"], "100500");
    assert_eq!(shown["key_fields"][1]["shown"], "••••cret");
    assert_eq!(saved["keys"], Value::Null, "keys are written, never read");
    for answer in [saved.clone(), till.read(PATH).await] {
        assert!(!answer.to_string().contains("SANDBOX"), "{answer}");
    }
    let mut tx = till.world.app.tenant(&till.world.tenant).read().await.unwrap();
    let audit = tx.audit_of("payment_keys", 9).await.unwrap();
    assert_eq!(audit.len(), 1);
    let details = audit[0].details.to_string();
    assert!(details.contains("yookassa") && !details.contains("100500") && !details.contains("SANDBOX"));
    drop(tx);

    // In force without a restart, here at once and elsewhere within seconds.
    let order = till.an_order().await;
    assert_eq!(text(&till.start(&order, "yookassa").await["status"]), "pending");
    let replica = App::new(Parts {
        store: till.world.app.store().clone(),
        clock: Clock::frozen_at(domain::time::Timestamp::from_millis(START_MS)),
        files: till.world.app.files().clone(),
        llm: None,
        sheets: None,
        payments: app::pay::Providers::new(Vec::new())
            .with_makers(addresses(&till.bank).makers(&providers::http_client(&[]).unwrap())),
        mail: None,
        public_url: "http://127.0.0.1:8080".parse().unwrap(),
    });
    let codes = async |app: &App| -> Vec<&'static str> {
        let found = app::pay::keys::providers(app, &till.world.tenant).await.unwrap();
        found.all().iter().map(|provider| provider.code()).collect()
    };
    assert_eq!(codes(&replica).await, ["yookassa"]);
    let keys = json!({ "tbank": { "terminal_key": "1699999999999DEMO", "password": "SANDBOX-demo-password" } });
    body(till.put(PATH, 1, &wanted(&keys)).await, 200).await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while codes(&replica).await != ["yookassa", "tbank"] {
        assert!(
            tokio::time::Instant::now() < deadline,
            "the other replica has not heard of it"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    // The bank is away: nothing is kept, and nothing is lost.
    till.bank
        .yookassa()
        .set_faults(&json!({ "server_error": { "next": 1 }, "only_calls": ["me"] }))
        .await
        .unwrap();
    let keys = json!({ "yookassa": { "shop_id": "100500", "secret_key": secret } });
    expect_problem(till.put(PATH, 2, &wanted(&keys)).await, 503, "unavailable").await;
    let kept = till.read(PATH).await;
    assert_eq!(
        (&kept["version"], &of(&kept, "yookassa")["is_ready"]),
        (&json!(2), &json!(true))
    );

    // Taken away again: the environment has none.
    let saved = body(till.put(PATH, 2, &wanted(&json!({ "yookassa": null }))).await, 200).await;
    assert_eq!(of(&saved, "yookassa")["is_ready"], false);
    assert_eq!(of(&saved, "tbank")["is_ready"], true);
    let offered = till.an_order().await;
    let missing = json!({ "order_id": offered["id"], "provider": "yookassa" });
    expect_problem(
        till.post("/api/payments/create", &missing).await,
        409,
        "provider_missing",
    )
    .await;
}
