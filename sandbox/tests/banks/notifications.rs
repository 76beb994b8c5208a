use std::{collections::BTreeSet, time::Duration};

use sandbox::driver::{ClockAction, Forgery};
use serde_json::{Value, json};

use crate::{PASSWORD, SHOP, TERMINAL, World, ears::Ears, ears::SOON, token};

async fn yookassa(answers: &[(u16, &'static str)]) -> anyhow::Result<(World, Ears)> {
    let world = World::start().await?;
    let ears = Ears::open(answers).await?;
    world
        .sandbox
        .yookassa()
        .set_account(SHOP, &json!({"notification_url": ears.url}))
        .await?;
    Ok((world, ears))
}

async fn tbank(answers: &[(u16, &'static str)]) -> anyhow::Result<(World, Ears)> {
    let world = World::start().await?;
    let ears = Ears::open(answers).await?;
    world
        .sandbox
        .tbank()
        .set_account(TERMINAL, &json!({"notification_url": ears.url}))
        .await?;
    Ok((world, ears))
}

fn statuses(heard: &[crate::ears::Heard]) -> BTreeSet<String> {
    heard
        .iter()
        .map(|one| one.body["Status"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test]
async fn yookassa_tells_of_success_refund_and_cancellation_from_its_own_address() -> anyhow::Result<()> {
    let (world, mut ears) = yookassa(&[]).await?;
    let bank = world.sandbox.yookassa();
    let id = world.yoo_payment(json!({})).await?;
    bank.pay(&id).await?;
    let heard = ears.next().await?;
    assert_eq!(heard.sender, "185.71.76.10");
    assert!(heard.headers.get("signature").is_none(), "YooKassa signs nothing");
    assert_eq!(
        (&heard.body["type"], &heard.body["event"]),
        (&json!("notification"), &json!("payment.succeeded"))
    );
    assert_eq!(heard.body["object"], world.yoo_get(&format!("payments/{id}")).await?);

    bank.refund(&id, Some(100)).await?;
    let heard = ears.next().await?;
    assert_eq!(
        (&heard.body["event"], &heard.body["object"]["payment_id"]),
        (&json!("refund.succeeded"), &json!(id))
    );

    let id = world.yoo_payment(json!({"capture": false})).await?;
    bank.pay(&id).await?;
    assert_eq!(ears.next().await?.body["event"], "payment.waiting_for_capture");
    world.yoo_ok(&format!("payments/{id}/cancel"), &json!({})).await?;
    assert_eq!(ears.next().await?.body["event"], "payment.canceled");

    // Nothing is said of a failed refund.
    let id = world.yoo_payment(json!({})).await?;
    bank.pay(&id).await?;
    ears.next().await?;
    bank.set_faults(&json!({"fail_refund": {"next": 1}})).await?;
    bank.refund(&id, None).await?;
    world.sandbox.wait_until_quiet(SOON).await?;
    assert!(ears.drain().is_empty());
    Ok(())
}

#[tokio::test]
async fn an_expired_payment_is_told_of_by_itself() -> anyhow::Result<()> {
    let (world, mut ears) = yookassa(&[]).await?;
    world.yoo_payment(json!({})).await?;
    world.sandbox.advance_clock(Duration::from_secs(3_601)).await?;
    let heard = ears.next().await?;
    assert_eq!(heard.body["event"], "payment.canceled");
    assert_eq!(
        heard.body["object"]["cancellation_details"]["reason"],
        "expired_on_confirmation"
    );
    Ok(())
}

#[tokio::test]
async fn yookassa_repeats_on_its_schedule_until_200() -> anyhow::Result<()> {
    let (world, mut ears) = yookassa(&[(500, ""), (204, ""), (201, "")]).await?;
    world.sandbox.move_clock(&ClockAction::Freeze).await?;
    let id = world.yoo_payment(json!({})).await?;
    world.sandbox.yookassa().pay(&id).await?;
    let first = ears.next().await?;
    world.sandbox.wait_until_quiet(SOON).await?;
    assert!(ears.drain().is_empty(), "time stands still");
    for seconds in [10, 42, 84] {
        world.sandbox.advance_clock(Duration::from_secs(seconds - 1)).await?;
        world.sandbox.wait_until_quiet(SOON).await?;
        assert!(ears.drain().is_empty(), "{seconds} s");
        world.sandbox.advance_clock(Duration::from_secs(1)).await?;
        assert_eq!(ears.next().await?.body, first.body);
        world.sandbox.wait_until_quiet(SOON).await?;
    }
    let log = world.sandbox.notifications(Some(&id)).await?;
    assert_eq!(log[0]["fate"], "delivered");
    let answers: Vec<_> = log[0]["attempts"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| one["status"].as_u64())
        .collect();
    assert_eq!(answers, [Some(500), Some(204), Some(201), Some(200)]);
    Ok(())
}

#[tokio::test]
async fn yookassa_gives_up_after_a_day() -> anyhow::Result<()> {
    let (world, mut ears) = yookassa(&[(500, ""); 20]).await?;
    world.sandbox.move_clock(&ClockAction::Freeze).await?;
    let id = world.yoo_payment(json!({})).await?;
    world.sandbox.yookassa().pay(&id).await?;
    for _ in 0..30 {
        world.sandbox.wait_until_quiet(SOON).await?;
        world.sandbox.advance_clock(Duration::from_secs(3_600)).await?;
    }
    world.sandbox.wait_until_quiet(SOON).await?;
    let log = world.sandbox.notifications(Some(&id)).await?;
    assert_eq!(log[0]["fate"], "given_up");
    assert_eq!(ears.drain().len(), log[0]["attempts"].as_array().map_or(0, Vec::len));
    let last = &log[0]["attempts"]
        .as_array()
        .and_then(|all| all.last())
        .map(|one| one["at_ms"].as_i64());
    assert!(last.flatten().unwrap_or_default() - log[0]["made_at_ms"].as_i64().unwrap_or_default() <= 25 * 3_600_000);
    Ok(())
}

#[tokio::test]
async fn tbank_signs_what_it_tells_and_wants_ok() -> anyhow::Result<()> {
    let (world, mut ears) = tbank(&[]).await?;
    let id = world.t_payment(json!({"DATA": {"Source": "cards"}})).await?;
    world.sandbox.tbank().pay(&id).await?;
    let heard = [ears.next().await?, ears.next().await?];
    assert_eq!(
        statuses(&heard),
        BTreeSet::from(["AUTHORIZED".to_owned(), "CONFIRMED".to_owned()])
    );
    for one in &heard {
        assert_eq!(one.sender, "91.194.226.10");
        assert_eq!(one.body["Token"], token(&one.body, PASSWORD).as_str());
        assert_eq!(
            (&one.body["Success"], &one.body["ErrorCode"]),
            (&json!(true), &json!("0"))
        );
        assert_eq!(
            one.body["PaymentId"],
            json!(id.parse::<u64>()?),
            "a number here, a text in Init"
        );
        assert_eq!(one.body["Data"]["Source"], "cards");
        assert_eq!(one.body["ExpDate"], "1230");
    }
    world.t_ok("Cancel", json!({"PaymentId": id, "Amount": 100})).await?;
    let refunded = ears.next().await?;
    assert_eq!(
        (&refunded.body["Status"], &refunded.body["Amount"]),
        (&json!("PARTIAL_REFUNDED"), &json!(100))
    );
    Ok(())
}

#[tokio::test]
async fn tbank_repeats_hourly_until_the_two_letters() -> anyhow::Result<()> {
    let (world, mut ears) = tbank(&[(200, "ok"), (200, "{\"ok\":true}"), (500, "OK"), (200, "\"OK\"")]).await?;
    world.sandbox.move_clock(&ClockAction::Freeze).await?;
    let id = world.t_payment(json!({})).await?;
    world.t_ok("Cancel", json!({"PaymentId": id})).await?;
    for _ in 0..4 {
        assert_eq!(ears.next().await?.body["Status"], "CANCELED");
        world.sandbox.wait_until_quiet(SOON).await?;
        world.sandbox.advance_clock(Duration::from_secs(3_599)).await?;
        world.sandbox.wait_until_quiet(SOON).await?;
        assert!(ears.drain().is_empty());
        world.sandbox.advance_clock(Duration::from_secs(1)).await?;
    }
    ears.next().await?;
    world.sandbox.wait_until_quiet(SOON).await?;
    assert_eq!(world.sandbox.notifications(Some(&id)).await?[0]["fate"], "delivered");
    Ok(())
}

#[tokio::test]
async fn an_address_of_the_payment_comes_before_the_terminals() -> anyhow::Result<()> {
    let (world, mut ears) = tbank(&[]).await?;
    let mut own = Ears::open(&[]).await?;
    let id = world.t_payment(json!({"NotificationURL": own.url})).await?;
    world.t_ok("Cancel", json!({"PaymentId": id})).await?;
    assert_eq!(own.next().await?.body["Status"], "CANCELED");
    world.sandbox.wait_until_quiet(SOON).await?;
    assert!(ears.drain().is_empty());
    Ok(())
}

#[tokio::test]
async fn failed_tries_are_told_when_the_terminal_says_so() -> anyhow::Result<()> {
    let (world, mut ears) = tbank(&[]).await?;
    let bank = world.sandbox.tbank();
    let id = world.t_payment(json!({})).await?;
    bank.decline(&id, "1051").await?;
    world.sandbox.wait_until_quiet(SOON).await?;
    assert!(ears.drain().is_empty());
    bank.set_account(TERMINAL, &json!({"notify_failed_tries": true}))
        .await?;
    bank.decline(&id, "1051").await?;
    let rejected = ears.next().await?.body;
    assert_eq!(
        (&rejected["Status"], &rejected["Success"], &rejected["ErrorCode"]),
        (&json!("REJECTED"), &json!(false), &json!("1051"))
    );
    assert_eq!(rejected["Token"], token(&rejected, PASSWORD).as_str());
    Ok(())
}

/// `NotificationFiscalization`, by developer.tbank.ru/eacq/intro/developer/notification.
#[tokio::test]
async fn what_a_register_did_is_told_to_the_terminals_own_address() -> anyhow::Result<()> {
    let (world, mut ears) = tbank(&[]).await?;
    let own = Ears::open(&[]).await?;
    let bank = world.sandbox.tbank();
    bank.set_account(TERMINAL, &json!({"notify_receipts": true})).await?;
    let item = json!({"Name": "Курс", "Price": 499_000, "Quantity": 1, "Amount": 499_000, "Tax": "none"});
    let receipt = json!({"Email": "a@b.ru", "Taxation": "osn", "Items": [item]});
    let id = world
        .t_payment(json!({"Receipt": receipt, "NotificationURL": own.url}))
        .await?;
    bank.pay(&id).await?;
    let fiscal = ears.next().await?.body;
    assert_eq!(fiscal["Token"], token(&fiscal, PASSWORD).as_str());
    for (field, value) in [
        ("Status", json!("RECEIPT")),
        ("Type", json!("Income")),
        ("Success", json!(true)),
        ("ErrorCode", json!("0")),
        ("Amount", json!(499_000)),
        ("Receipt", receipt.clone()),
    ] {
        assert_eq!(fiscal[field], value, "{field}");
    }
    for number in [
        "PaymentId",
        "FiscalNumber",
        "ShiftNumber",
        "FiscalDocumentNumber",
        "FiscalDocumentAttribute",
    ] {
        assert!(fiscal[number].is_number(), "{number}: {fiscal}");
    }
    for text in [
        "TerminalKey",
        "OrderId",
        "FnNumber",
        "EcrRegNumber",
        "Ofd",
        "Url",
        "QrCodeUrl",
    ] {
        assert!(fiscal[text].is_string(), "{text}: {fiscal}");
    }
    let moment = fiscal["ReceiptDatetime"].as_str().unwrap_or_default();
    assert!(moment.len() == 25 && moment.ends_with("+03:00"), "{moment}");

    bank.set_faults(&json!({"fail_receipt": {"next": 1}})).await?;
    world.t_ok("Cancel", json!({"PaymentId": id})).await?;
    let failed = ears.next().await?.body;
    assert_eq!(failed["Token"], token(&failed, PASSWORD).as_str());
    assert_eq!(
        (&failed["Status"], &failed["Type"], &failed["Success"]),
        (&json!("RECEIPT"), &json!("IncomeReturn"), &json!(false))
    );
    assert!(
        failed["ErrorMessage"].is_string() && failed["FnNumber"].is_null(),
        "{failed}"
    );
    Ok(())
}

#[tokio::test]
async fn the_post_duplicates_loses_delays_and_reorders() -> anyhow::Result<()> {
    let (world, mut ears) = yookassa(&[]).await?;
    let bank = world.sandbox.yookassa();
    world.sandbox.move_clock(&ClockAction::Freeze).await?;
    let paid = async || {
        let id = world.yoo_payment(json!({})).await?;
        bank.pay(&id).await?;
        anyhow::Ok(id)
    };
    bank.set_faults(&json!({"duplicate": {"next": 1}})).await?;
    paid().await?;
    assert_eq!(ears.next().await?.body, ears.next().await?.body);

    bank.set_faults(&json!({"lose": {"next": 1}})).await?;
    let lost = paid().await?;
    world.sandbox.wait_until_quiet(SOON).await?;
    assert!(ears.drain().is_empty());
    assert_eq!(world.sandbox.notifications(Some(&lost)).await?[0]["fate"], "lost");
    assert_eq!(world.yoo_get(&format!("payments/{lost}")).await?["status"], "succeeded");

    bank.set_faults(&json!({"delay": {"next": 1}, "delay_ms": 600_000}))
        .await?;
    let late = paid().await?;
    world.sandbox.wait_until_quiet(SOON).await?;
    assert!(ears.drain().is_empty());
    world.sandbox.advance_clock(Duration::from_secs(600)).await?;
    assert_eq!(ears.next().await?.body["object"]["id"], late.as_str());

    bank.set_faults(&json!({"reorder": {"next": 1}})).await?;
    let first = paid().await?;
    world.sandbox.wait_until_quiet(SOON).await?;
    assert!(ears.drain().is_empty());
    let second = paid().await?;
    assert_eq!(ears.next().await?.body["object"]["id"], second.as_str());
    assert_eq!(ears.next().await?.body["object"]["id"], first.as_str());
    Ok(())
}

#[tokio::test]
async fn a_notification_can_be_sent_again_by_hand() -> anyhow::Result<()> {
    let (world, mut ears) = yookassa(&[]).await?;
    let id = world.yoo_payment(json!({})).await?;
    assert!(
        world.sandbox.yookassa().notify(&id).await.is_err(),
        "there is no event of a pending payment"
    );
    world.sandbox.yookassa().pay(&id).await?;
    let first = ears.next().await?;
    let number = world.sandbox.notifications(Some(&id)).await?[0]["id"]
        .as_u64()
        .unwrap_or_default();
    world.sandbox.repeat_notification(number).await?;
    assert_eq!(ears.next().await?.body, first.body);
    world.sandbox.yookassa().notify(&id).await?;
    assert_eq!(ears.next().await?.body["event"], "payment.succeeded");
    Ok(())
}

#[tokio::test]
async fn forgeries_of_yookassa_have_the_right_shape_and_one_thing_wrong() -> anyhow::Result<()> {
    let (world, mut ears) = yookassa(&[]).await?;
    let bank = world.sandbox.yookassa();
    let id = world.yoo_payment(json!({})).await?;
    let mut forge = async |kind| {
        bank.forge(&id, kind).await?;
        ears.next().await
    };
    let stranger = forge(Forgery::Sender).await?;
    assert_eq!(stranger.sender, "203.0.113.66");
    let signed = forge(Forgery::Token).await?;
    assert!(signed.headers.get("signature").is_some());
    let state = forge(Forgery::State).await?;
    assert_eq!(
        (&state.body["object"]["status"], state.sender.as_str()),
        (&json!("succeeded"), "185.71.76.10")
    );
    assert_eq!(state.body["object"]["id"], id.as_str());
    assert_eq!(
        forge(Forgery::Amount).await?.body["object"]["amount"]["value"],
        "499000.00"
    );
    let other = forge(Forgery::Shop).await?.body;
    assert_ne!(other["object"]["recipient"]["account_id"], SHOP);
    let unknown = forge(Forgery::Unknown).await?.body["object"]["id"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert_eq!(
        world
            .yoo(reqwest::Method::GET, &format!("payments/{unknown}"), "", None)
            .await?
            .0,
        404
    );
    // The bank itself knows nothing of all that.
    assert_eq!(world.yoo_get(&format!("payments/{id}")).await?["status"], "pending");
    let log = world.sandbox.notifications(Some(&id)).await?;
    assert!(log.iter().all(|one| one["forged"].is_string()));
    Ok(())
}

#[tokio::test]
async fn forgeries_of_tbank_fail_their_token_or_name_what_is_not_there() -> anyhow::Result<()> {
    let (world, mut ears) = tbank(&[]).await?;
    let bank = world.sandbox.tbank();
    let id = world.t_payment(json!({})).await?;
    for kind in [Forgery::Token, Forgery::State, Forgery::Amount, Forgery::Shop] {
        bank.forge(&id, kind).await?;
        let body = ears.next().await?.body;
        assert_eq!(body["Status"], "CONFIRMED");
        assert_ne!(body["Token"], token(&body, PASSWORD).as_str(), "{kind:?}");
    }
    bank.forge(&id, Forgery::Unknown).await?;
    let body = ears.next().await?.body;
    assert_eq!(body["Token"], token(&body, PASSWORD).as_str());
    assert_eq!(
        world
            .t_code("GetState", json!({"PaymentId": body["PaymentId"]}))
            .await?,
        "255"
    );
    bank.forge(&id, Forgery::Sender).await?;
    assert_eq!(ears.next().await?.sender, "203.0.113.66");
    // By chance, before the true one.
    bank.set_faults(&json!({"forge": {"next": 1}, "forge_as": "token"}))
        .await?;
    world.t_ok("Cancel", json!({"PaymentId": id})).await?;
    world.sandbox.wait_until_quiet(SOON).await?;
    assert_eq!(ears.drain().len(), 2);
    Ok(())
}

#[tokio::test]
async fn without_an_address_nothing_is_sent_and_the_log_says_so() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = world.yoo_payment(json!({})).await?;
    world.sandbox.yookassa().pay(&id).await?;
    let log = world.sandbox.notifications(None).await?;
    assert_eq!((&log[0]["fate"], &log[0]["url"]), (&json!("no_address"), &Value::Null));
    Ok(())
}
