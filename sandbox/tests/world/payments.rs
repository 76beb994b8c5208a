//! Paying inside Telegram, as a bot sees it.

use std::time::Duration;

use sandbox::driver::Checkout;
use serde_json::{Value, json};

use crate::{ANNA, JOHN, World, bad_request};

const TOKEN: &str = "401643678:TEST:sandbox-bank";
const SOON: Duration = Duration::from_secs(5);

fn stars() -> Value {
    json!({
        "chat_id": ANNA, "title": "Программа", "description": "На 12 недель", "payload": "pm_1", "currency": "XTR",
        "provider_token": "", "prices": [{"label": "Программа", "amount": 2773}], "start_parameter": "bill",
    })
}

fn card() -> Value {
    with(
        &with(&stars(), "currency", json!("RUB")),
        "provider_token",
        json!(TOKEN),
    )
    .as_object()
    .map(|fields| {
        let mut fields = fields.clone();
        fields.insert("prices".into(), json!([{"label": "Программа", "amount": 499_000}]));
        Value::Object(fields)
    })
    .unwrap_or_default()
}

fn with(call: &Value, name: &str, value: Value) -> Value {
    let mut call = call.clone();
    call[name] = value;
    call
}

/// The question Telegram has asked last.
async fn question(world: &World) -> anyhow::Result<Value> {
    let updates = world.updates(0).await?;
    let queries: Vec<&Value> = updates
        .iter()
        .map(|update| &update["pre_checkout_query"])
        .filter(|query| !query.is_null())
        .collect();
    Ok((*queries.last().unwrap()).clone())
}

async fn paid(world: &World, bill: &Value) -> anyhow::Result<Value> {
    let sent = world.ok("sendInvoice", bill.clone()).await?;
    let id = world
        .sandbox
        .press_pay(ANNA, sent["message_id"].as_i64().unwrap())
        .await?;
    assert_eq!(world.sandbox.checkout(&id).await?, Checkout::Asked);
    let query = question(world).await?;
    assert_eq!(query["id"], id.as_str());
    world
        .ok(
            "answerPreCheckoutQuery",
            json!({"pre_checkout_query_id": id, "ok": true}),
        )
        .await?;
    let decided = world.sandbox.wait_for_checkout(&id, SOON).await?;
    assert!(matches!(decided, Checkout::Paid { .. }), "{decided:?}");
    let updates = world.updates(0).await?;
    Ok(updates.last().unwrap()["message"].clone())
}

#[tokio::test]
async fn stars_are_asked_for_taken_and_given_back_once() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    let message = paid(&world, &stars()).await?;
    let payment = &message["successful_payment"];
    assert_eq!(message["from"]["id"], ANNA);
    assert_eq!(
        (&payment["currency"], &payment["total_amount"]),
        (&json!("XTR"), &json!(2773))
    );
    assert_eq!(payment["invoice_payload"], "pm_1");
    assert_eq!(payment["provider_payment_charge_id"], "");
    assert_eq!(world.sandbox.chat(ANNA).await?.stars, 100_000 - 2_773);
    let bill = world
        .sandbox
        .messages(ANNA)
        .await?
        .into_iter()
        .find_map(|message| message.invoice);
    assert!(bill.unwrap().paid);
    assert_eq!(world.ok("getMyStarBalance", json!({})).await?["amount"], 2773);

    let charge = payment["telegram_payment_charge_id"].as_str().unwrap();
    let back = |user: i64, charge: &str| json!({"user_id": user, "telegram_payment_charge_id": charge});
    let refused = |call| world.refused("refundStarPayment", call);
    assert_eq!(refused(back(JOHN, charge)).await?, bad_request("CHARGE_NOT_FOUND"));
    assert_eq!(refused(back(ANNA, "")).await?, bad_request("CHARGE_ID_EMPTY"));
    assert_eq!(refused(back(1, charge)).await?, bad_request("USER_ID_INVALID"));
    world.ok("refundStarPayment", back(ANNA, charge)).await?;
    assert_eq!(
        refused(back(ANNA, charge)).await?,
        bad_request("CHARGE_ALREADY_REFUNDED")
    );
    let updates = world.updates(0).await?;
    let told = &updates.last().unwrap()["message"]["refunded_payment"];
    assert_eq!(told["telegram_payment_charge_id"], charge);
    assert!(told.get("provider_payment_charge_id").is_none());
    assert_eq!(world.sandbox.chat(ANNA).await?.stars, 100_000);
    let listed = world.ok("getStarTransactions", json!({"limit": 10})).await?;
    let lines = listed["transactions"].as_array().unwrap();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["source"]["invoice_payload"], "pm_1");
    assert_eq!(lines[1]["receiver"]["user"]["id"], ANNA);
    Ok(())
}

#[tokio::test]
async fn a_card_has_the_banks_id_and_cannot_be_given_back_here() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    let message = paid(&world, &card()).await?;
    let payment = &message["successful_payment"];
    assert!(payment["provider_payment_charge_id"].as_str().unwrap().len() > 20);
    let call = json!({"user_id": ANNA, "telegram_payment_charge_id": payment["telegram_payment_charge_id"]});
    let refused = world.refused("refundStarPayment", call).await?;
    assert_eq!(refused, bad_request("CHARGE_NOT_FOUND"));
    Ok(())
}

#[tokio::test]
async fn a_no_of_the_bot_or_the_bank_takes_nothing() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    let sent = world.ok("sendInvoice", card()).await?;
    let message_id = sent["message_id"].as_i64().unwrap();
    let id = world.sandbox.press_pay(ANNA, message_id).await?;
    let no = json!({"pre_checkout_query_id": id, "ok": false, "error_message": "Счёт закрыт"});
    let mute = json!({"pre_checkout_query_id": id, "ok": false});
    let refused = world.refused("answerPreCheckoutQuery", mute).await?;
    assert_eq!(refused, bad_request("ERROR_TEXT_EMPTY"));
    world.ok("answerPreCheckoutQuery", no.clone()).await?;
    let told = world.sandbox.wait_for_checkout(&id, SOON).await?;
    let reason = "Счёт закрыт".to_owned();
    assert_eq!(told, Checkout::Refused { reason });
    let late = bad_request("query is too old and response timeout expired or query ID is invalid");
    assert_eq!(world.refused("answerPreCheckoutQuery", no).await?, late);

    let declined = json!({"message_id": message_id, "choice": "decline"});
    let id = world.sandbox.press_pay_with(ANNA, &declined).await?;
    world
        .ok(
            "answerPreCheckoutQuery",
            json!({"pre_checkout_query_id": id, "ok": true}),
        )
        .await?;
    assert_eq!(world.sandbox.wait_for_checkout(&id, SOON).await?, Checkout::Declined);
    assert!(world.sandbox.charges().await?.is_empty());
    let updates = world.updates(0).await?;
    assert!(
        updates.iter().all(|update| update.get("message").is_none()),
        "{updates:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_question_nobody_answers_ends_after_ten_seconds() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    let sent = world.ok("sendInvoice", stars()).await?;
    let id = world
        .sandbox
        .press_pay(ANNA, sent["message_id"].as_i64().unwrap())
        .await?;
    let told = world.sandbox.wait_for_checkout(&id, Duration::from_secs(15)).await?;
    assert_eq!(told, Checkout::TimedOut);
    let yes = json!({"pre_checkout_query_id": id, "ok": true});
    let late = bad_request("query is too old and response timeout expired or query ID is invalid");
    assert_eq!(world.refused("answerPreCheckoutQuery", yes).await?, late);
    assert_eq!(world.sandbox.chat(ANNA).await?.stars, 100_000);
    Ok(())
}

#[tokio::test]
async fn wrong_bills_are_refused_by_name() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    let two = json!([{"label": "a", "amount": 1}, {"label": "b", "amount": 1}]);
    let nothing = json!([{"label": "a", "amount": 0}]);
    let keyboard = json!({"inline_keyboard": [[{"text": "Отмена", "callback_data": "x"}]]});
    for (call, error) in [
        (
            with(&stars(), "provider_token", json!(TOKEN)),
            "PAYMENT_PROVIDER_INVALID",
        ),
        (
            with(&card(), "provider_token", json!("401643678:TEST:another")),
            "PAYMENT_PROVIDER_INVALID",
        ),
        (with(&card(), "provider_token", json!("")), "PAYMENT_PROVIDER_INVALID"),
        (with(&stars(), "prices", two), "STARS_INVOICE_INVALID"),
        (
            with(&stars(), "prices", nothing.clone()),
            "CURRENCY_TOTAL_AMOUNT_INVALID",
        ),
        (with(&card(), "prices", nothing), "CURRENCY_TOTAL_AMOUNT_INVALID"),
        (
            with(&stars(), "payload", json!("x".repeat(129))),
            "INVOICE_PAYLOAD_INVALID",
        ),
        (with(&stars(), "reply_markup", keyboard), "REPLY_MARKUP_BUY_EMPTY"),
        (with(&stars(), "title", json!("")), "parameter \"title\" is required"),
    ] {
        assert_eq!(world.refused("sendInvoice", call).await?, bad_request(error));
    }
    Ok(())
}

#[tokio::test]
async fn somebody_with_too_few_stars_asks_nobody() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    world.sandbox.set_stars(ANNA, 10).await?;
    let sent = world.ok("sendInvoice", stars()).await?;
    let pressed = world
        .sandbox
        .press_pay(ANNA, sent["message_id"].as_i64().unwrap())
        .await;
    assert!(pressed.is_err());
    assert!(world.updates(0).await?.is_empty());
    Ok(())
}
