//! Payments, notifications, refunds and held money, with both banks.

use serde_json::json;

use crate::at_both_tills;
use crate::common::{BOT_TOKEN, Backend, expect_problem};
use crate::desk::{body, text};
use crate::till::{Till, YOOKASSA, rub, succeeded};

at_both_tills!(
    a_success_told_seven_times_is_settled_once,
    an_order_has_one_live_payment_whoever_asks,
    what_is_forged_or_unknown_changes_nothing,
    two_refunds_never_give_back_more_than_came,
    held_money_is_taken_or_let_go,
    cash_is_entered_with_a_note,
);

const WEBHOOK: &str = "/api/payments/webhook/yookassa";

async fn a_success_told_seven_times_is_settled_once(till: Till) {
    let order = till.an_order().await;
    let payment = till.start(&order, "yookassa").await;
    assert_eq!(
        (text(&payment["status"]), payment["amount"].clone()),
        ("pending", rub(100_000))
    );
    assert!(payment["pay_url"].is_string());
    let id = text(&payment["provider_payment_id"]);
    till.bank.yookassa().pay(id).await.unwrap();
    for _ in 0..7 {
        let told = till
            .tell(WEBHOOK, YOOKASSA, &succeeded(&payment["provider_payment_id"]))
            .await;
        assert_eq!((told.status().as_u16(), told.text().await.unwrap().as_str()), (200, ""));
        till.run_jobs().await;
    }
    let seen = till.read(&format!("/api/payments/{}", text(&payment["id"]))).await;
    assert_eq!(text(&seen["status"]), "completed");
    assert!(seen["pay_url"].is_null(), "a paid link leads nowhere");
    let settled = seen["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["decision"] == "settle");
    assert_eq!(settled.count(), 1, "{}", seen["events"]);
    let order = till.read(&format!("/api/orders/{}", text(&order["id"]))).await;
    assert!(["paid", "fulfilled"].contains(&text(&order["status"])));
    assert_eq!(order["payments"][0]["id"], payment["id"]);
    let statement = till
        .read(&format!("/api/clients/{}/statement", text(&order["client_id"])))
        .await;
    assert_eq!(statement["items"].as_array().unwrap().len(), 2, "paid, and charged");
}

async fn an_order_has_one_live_payment_whoever_asks(till: Till) {
    let order = till.an_order().await;
    let wanted = json!({ "order_id": order["id"], "provider": "tbank" });
    let (one, two, three) = tokio::join!(
        till.post_as(&till.token, "/api/payments/create", "tab-1", &wanted),
        till.post_as(&till.token, "/api/payments/create", "tab-2", &wanted),
        till.post_as(BOT_TOKEN, "/api/payments/create", "bot", &wanted),
    );
    let (one, two, three) = (body(one, 200).await, body(two, 200).await, body(three, 200).await);
    assert!(one["id"] == two["id"] && two["id"] == three["id"]);
    let listed = till.read(&format!("/api/payments?order={}", text(&order["id"]))).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);

    let payment = till.read(&format!("/api/payments/{}", text(&one["id"]))).await;
    till.bank
        .tbank()
        .pay(text(&payment["provider_payment_id"]))
        .await
        .unwrap();
    let checked = body(
        till.post(&format!("/api/payments/{}/check", text(&one["id"])), &json!({}))
            .await,
        200,
    )
    .await;
    assert_eq!(text(&checked["status"]), "completed");
    expect_problem(
        till.post("/api/payments/create", &wanted).await,
        409,
        "order_not_payable",
    )
    .await;
    let stranger = till
        .post_as(BOT_TOKEN, "/api/payments/manual", "bot-2", &json!({}))
        .await;
    expect_problem(stranger, 403, "forbidden").await;
    let nothing = json!({ "order_id": "or_01JD4Z5V8N3C7W9XK2M4P6Q8RT" });
    expect_problem(
        till.post("/api/payments/create", &nothing).await,
        422,
        "validation_failed",
    )
    .await;
    let unnamed = till
        .world
        .post("/api/payments/create", BOT_TOKEN, &wanted)
        .send()
        .await
        .unwrap();
    expect_problem(unnamed, 400, "idempotency_key_required").await;
}

async fn what_is_forged_or_unknown_changes_nothing(till: Till) {
    let order = till.an_order().await;
    let payment = till.start(&order, "yookassa").await;
    let told = succeeded(&payment["provider_payment_id"]);
    let forged = expect_problem(
        till.tell(WEBHOOK, "203.0.113.9", &told).await,
        403,
        "notification_rejected",
    )
    .await;
    let unreadable = till
        .world
        .request(reqwest::Method::POST, WEBHOOK)
        .header("x-forwarded-for", YOOKASSA)
        .body("{");
    let unreadable = expect_problem(unreadable.send().await.unwrap(), 403, "notification_rejected").await;
    let shape = |problem: &serde_json::Value| problem.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(shape(&forged), shape(&unreadable), "the answer tells nothing");
    let bad_token = json!({ "TerminalKey": "1699999999999DEMO", "PaymentId": "1", "Token": "00" });
    let tinkoff = till.tell("/api/payments/webhook/tinkoff", YOOKASSA, &bad_token).await;
    expect_problem(tinkoff, 403, "notification_rejected").await;
    expect_problem(
        till.tell("/api/payments/webhook/nobody", YOOKASSA, &told).await,
        404,
        "not_found",
    )
    .await;
    let secret = format!("{WEBHOOK}/anything");
    expect_problem(till.tell(&secret, YOOKASSA, &told).await, 404, "not_found").await;
    let large = till
        .world
        .request(reqwest::Method::POST, WEBHOOK)
        .body(vec![b' '; 2 * 1024 * 1024]);
    expect_problem(large.send().await.unwrap(), 413, "payload_too_large").await;

    // Genuine, but nobody has paid: the provider is asked, and believed.
    assert_eq!(till.tell(WEBHOOK, YOOKASSA, &told).await.status(), 200);
    // The provider knows it, we don't: kept, and a person is told.
    let strange = till.bank.yookassa().create_payment(777, &json!({})).await.unwrap();
    let strange = serde_json::to_value(&strange.id).unwrap();
    assert_eq!(till.tell(WEBHOOK, YOOKASSA, &succeeded(&strange)).await.status(), 200);
    till.run_jobs().await;
    assert_eq!(till.status_of("payments", &payment).await, "pending");
    assert_eq!(till.status_of("orders", &order).await, "awaiting_payment");
    let tasks = till.read("/api/tasks?status=open").await;
    assert_eq!(text(&tasks["items"][0]["kind"]), "unknown_payment", "{tasks}");
    assert!(!text(&tasks["items"][0]["words"]["ru"]).is_empty());
}

#[tokio::test]
async fn with_a_secret_only_the_secret_address_answers() {
    let till = Till::open_with(Backend::Sqlite, Some("s3cret-part")).await;
    let payment = till.start(&till.an_order().await, "yookassa").await;
    till.bank
        .yookassa()
        .pay(text(&payment["provider_payment_id"]))
        .await
        .unwrap();
    let told = succeeded(&payment["provider_payment_id"]);
    for path in [WEBHOOK.to_owned(), format!("{WEBHOOK}/guess")] {
        expect_problem(till.tell(&path, YOOKASSA, &told).await, 404, "not_found").await;
    }
    let told = till.tell(&format!("{WEBHOOK}/s3cret-part"), YOOKASSA, &told).await;
    assert_eq!(told.status(), 200);
    till.run_jobs().await;
    assert_eq!(till.status_of("payments", &payment).await, "completed");
}

async fn two_refunds_never_give_back_more_than_came(till: Till) {
    let order = till.an_order().await;
    let payment = till.start(&order, "yookassa").await;
    let path = format!("/api/payments/{}", text(&payment["id"]));
    let early = till.post(&format!("{path}/refund"), &json!({ "reason": "рано" })).await;
    expect_problem(early, 409, "refund_not_paid").await;
    till.bank
        .yookassa()
        .pay(text(&payment["provider_payment_id"]))
        .await
        .unwrap();
    body(till.post(&format!("{path}/check"), &json!({})).await, 200).await;
    // A day later only an administrator may.
    till.world.clock.advance_ms(24 * 3_600_000);
    let proposal = till
        .read(&format!(
            "{path}/refund-proposal?delivered_basis_points=2500&costs_minor=5000"
        ))
        .await;
    assert_eq!(proposal, json!({ "left": rub(100_000), "proposed": rub(70_000) }));
    let (seventy, refund) = (
        json!({ "amount": rub(70_000), "reason": "переезд" }),
        format!("{path}/refund"),
    );
    let (one, two) = tokio::join!(till.post(&refund, &seventy), till.post(&refund, &seventy));
    let (passed, refused) = if one.status() == 201 { (one, two) } else { (two, one) };
    let passed = body(passed, 201).await;
    expect_problem(refused, 409, "refund_too_much").await;
    expect_problem(
        till.post(&refund, &json!({ "reason": " " })).await,
        422,
        "validation_failed",
    )
    .await;
    let rest = json!({ "amount": rub(30_000), "reason": "остаток" });
    expect_problem(till.post(&refund, &rest).await, 409, "refund_under_way").await;
    till.run_jobs().await;
    assert_eq!(till.status_of("refunds", &passed).await, "succeeded");
    body(till.post(&refund, &rest).await, 201).await;
    till.run_jobs().await;
    let seen = till.read(&path).await;
    assert_eq!(
        (text(&seen["status"]), seen["refunded"].clone()),
        ("refunded", rub(100_000))
    );
    assert_eq!(till.status_of("orders", &order).await, "refunded");
    expect_problem(
        till.post(&refund, &json!({ "reason": "ещё" })).await,
        409,
        "refund_nothing_left",
    )
    .await;
    let listed = till
        .read(&format!("/api/refunds?order={}&status=succeeded", text(&order["id"])))
        .await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    assert_eq!(till.read("/api/ledger/trial-balance").await["is_balanced"], true);
}

async fn held_money_is_taken_or_let_go(till: Till) {
    let settings = till.read("/api/settings/payments").await;
    let codes: Vec<&str> = settings["configured_providers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| text(&one["code"]))
        .collect();
    assert_eq!(codes, ["yookassa", "tbank"]);
    let mut later = json!({
        "order_minutes": 60, "refund_window_minutes": 60, "capture": "later", "stacking": "best_one", "receipts": "off",
        "providers": ["nobody"],
    });
    expect_problem(
        till.put("/api/settings/payments", 0, &later).await,
        422,
        "validation_failed",
    )
    .await;
    later["providers"] = json!([]);
    body(till.put("/api/settings/payments", 0, &later).await, 200).await;
    for (provider, act, status) in [
        ("yookassa", "capture", "completed"),
        ("tbank", "capture", "completed"),
        ("yookassa", "release", "canceled"),
        ("tbank", "release", "canceled"),
    ] {
        let payment = till.start(&till.an_order().await, provider).await;
        let path = format!("/api/payments/{}", text(&payment["id"]));
        let too_early = till.post(&format!("{path}/{act}"), &json!({})).await;
        expect_problem(too_early, 409, "payment_not_held").await;
        let id = text(&payment["provider_payment_id"]);
        if provider == "tbank" {
            till.bank.tbank().pay(id).await.unwrap();
        } else {
            till.bank.yookassa().pay(id).await.unwrap();
        }
        let held = body(till.post(&format!("{path}/check"), &json!({})).await, 200).await;
        assert_eq!(text(&held["status"]), "waiting_for_capture", "{provider}");
        let done = body(till.post(&format!("{path}/{act}"), &json!({})).await, 200).await;
        assert_eq!(text(&done["status"]), status, "{provider} {act}");
        till.run_jobs().await;
        assert_eq!(till.status_of("payments", &payment).await, status, "{provider} {act}");
    }
}

async fn cash_is_entered_with_a_note(till: Till) {
    let order = till.an_order().await;
    let live = till.start(&order, "yookassa").await;
    let wanted = json!({ "order_id": order["id"], "note": " " });
    expect_problem(
        till.post("/api/payments/manual", &wanted).await,
        422,
        "validation_failed",
    )
    .await;
    let payment = till.take_cash(&order).await;
    assert_eq!(
        (text(&payment["status"]), text(&payment["provider"])),
        ("completed", "manual")
    );
    assert_eq!(text(&payment["note"]), "наличными");
    assert_eq!(till.status_of("payments", &live).await, "canceled", "nobody pays twice");
    let again = json!({ "order_id": order["id"], "note": "ещё раз" });
    expect_problem(
        till.post("/api/payments/manual", &again).await,
        409,
        "order_not_payable",
    )
    .await;
}
