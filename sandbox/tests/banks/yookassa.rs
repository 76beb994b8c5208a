use std::time::Duration;

use reqwest::Method;
use sandbox::driver::MoneyState;
use serde_json::{Value, json};

use crate::{SECRET, SHOP, World, fresh_key, payment};

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn a_one_stage_payment_from_creation_to_success() -> anyhow::Result<()> {
    let world = World::start().await?;
    let made = world.yoo_ok("payments", &payment(json!({}))).await?;
    let id = made["id"].as_str().unwrap_or_default();
    assert_eq!(id.len(), 36);
    assert_eq!(made["status"], "pending");
    assert_eq!(made["paid"], false);
    assert_eq!(made["test"], true);
    assert_eq!(made["refundable"], false);
    assert_eq!(made["amount"], json!({"value": "4990.00", "currency": "RUB"}));
    assert_eq!(made["recipient"]["account_id"], SHOP);
    assert_eq!(made["metadata"], json!({"order_id": "42"}));
    assert_eq!(made["confirmation"]["return_url"], "https://school.example/return/42");
    let url = made["confirmation"]["confirmation_url"].as_str().unwrap_or_default();
    assert_eq!(url, world.sandbox.url(&format!("/yookassa/checkout?orderId={id}")));
    for absent in ["expires_at", "captured_at", "cancellation_details", "payment_method"] {
        assert!(made.get(absent).is_none(), "{absent}");
    }

    assert_eq!(world.sandbox.yookassa().pay(id).await?.state, MoneyState::Paid);
    let paid = world.yoo_get(&format!("payments/{id}")).await?;
    assert_eq!(
        (&paid["status"], &paid["paid"], &paid["refundable"]),
        (&json!("succeeded"), &json!(true), &json!(true))
    );
    assert_eq!(paid["income_amount"]["value"], "4815.35");
    assert_eq!(paid["payment_method"]["saved"], false);
    assert_eq!(paid["payment_method"]["card"]["last4"], "1111");
    assert_eq!(paid["authorization_details"]["three_d_secure"]["applied"], false);
    assert!(paid["captured_at"].is_string());
    assert!(paid.get("confirmation").is_none());
    Ok(())
}

#[tokio::test]
async fn two_stages_hold_then_take_all_or_a_part_or_nothing() -> anyhow::Result<()> {
    let world = World::start().await?;
    let held = async |world: &World| {
        // Left out, `capture` means two stages.
        let id = world.yoo_payment(json!({"capture": null})).await?;
        world.sandbox.yookassa().pay(&id).await?;
        anyhow::Ok(id)
    };
    let id = held(&world).await?;
    let waiting = world.yoo_get(&format!("payments/{id}")).await?;
    assert_eq!(
        (&waiting["status"], &waiting["paid"]),
        (&json!("waiting_for_capture"), &json!(true))
    );
    assert!(waiting["expires_at"].is_string());
    let too_much = json!({"amount": {"value": "4990.01", "currency": "RUB"}});
    let (status, refused) = world.yoo_post(&format!("payments/{id}/capture"), &too_much).await?;
    assert_eq!(
        (status, &refused["description"]),
        (400, &json!("Illegal amount for capture"))
    );
    let part = json!({"amount": {"value": "1000.00", "currency": "RUB"}});
    let taken = world.yoo_ok(&format!("payments/{id}/capture"), &part).await?;
    assert_eq!(
        (&taken["status"], &taken["amount"]["value"]),
        (&json!("succeeded"), &json!("1000.00"))
    );
    let (_, again) = world.yoo_post(&format!("payments/{id}/capture"), &json!({})).await?;
    assert_eq!(again["description"], "Payment can not be captured in current status.");

    let id = held(&world).await?;
    let (status, canceled) = world
        .yoo(Method::POST, &format!("payments/{id}/cancel"), &fresh_key(), None)
        .await?;
    assert_eq!((status, &canceled["status"]), (200, &json!("canceled")));
    let details = json!({"party": "merchant", "reason": "canceled_by_merchant"});
    assert_eq!(canceled["cancellation_details"], details);
    assert_eq!(canceled["paid"], false);

    let id = held(&world).await?;
    world.sandbox.advance_clock(7 * 24 * HOUR + HOUR).await?;
    let expired = world.yoo_get(&format!("payments/{id}")).await?;
    assert_eq!(
        expired["cancellation_details"],
        json!({"party": "yoo_money", "reason": "expired_on_capture"})
    );
    Ok(())
}

#[tokio::test]
async fn what_the_api_refuses_to_do_with_a_payment() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = world.yoo_payment(json!({})).await?;
    for (call, description) in [
        ("capture", "You can not capture payment with autocapture"),
        ("cancel", "Payment can not be canceled in current status"),
    ] {
        let (status, refused) = world.yoo_post(&format!("payments/{id}/{call}"), &json!({})).await?;
        assert_eq!((status, &refused["description"]), (400, &json!(description)));
        assert_eq!(
            (&refused["type"], &refused["code"]),
            (&json!("error"), &json!("invalid_request"))
        );
        assert_eq!(refused["id"].as_str().map(str::len), Some(36));
    }
    let (status, missing) = world
        .yoo(Method::GET, "payments/2f0a1b2c-000f-5000-9000-1d2e3f4a5b6c", "", None)
        .await?;
    assert_eq!((status, &missing["code"]), (404, &json!("not_found")));
    Ok(())
}

#[tokio::test]
async fn a_payment_nobody_pays_is_canceled_after_an_hour() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = world.yoo_payment(json!({})).await?;
    world.sandbox.advance_clock(HOUR + Duration::from_secs(1)).await?;
    let expired = world.yoo_get(&format!("payments/{id}")).await?;
    assert_eq!(expired["status"], "canceled");
    assert_eq!(
        expired["cancellation_details"],
        json!({"party": "yoo_money", "reason": "expired_on_confirmation"})
    );
    assert!(world.sandbox.yookassa().pay(&id).await.is_err());
    Ok(())
}

#[tokio::test]
async fn each_reason_of_a_decline_has_its_party() -> anyhow::Result<()> {
    let world = World::start().await?;
    for (reason, party) in [
        ("insufficient_funds", "payment_network"),
        ("3d_secure_failed", "payment_network"),
        ("fraud_suspected", "payment_network"),
        ("country_forbidden", "yoo_money"),
        ("permission_revoked", "yoo_money"),
        ("something_new", "yoo_money"),
    ] {
        let id = world.yoo_payment(json!({})).await?;
        assert_eq!(
            world.sandbox.yookassa().decline(&id, reason).await?.state,
            MoneyState::Canceled
        );
        let canceled = world.yoo_get(&format!("payments/{id}")).await?;
        assert_eq!(
            canceled["cancellation_details"],
            json!({"party": party, "reason": reason})
        );
        assert_eq!(canceled["paid"], false);
    }
    Ok(())
}

#[tokio::test]
async fn bad_requests_name_their_field() -> anyhow::Result<()> {
    let world = World::start().await?;
    let long = |count| "ы".repeat(count);
    let many: Value = (0..17)
        .map(|n| (format!("k{n}"), json!("v")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    for (patch, parameter) in [
        (json!({"amount": null}), "amount"),
        (json!({"amount": {"value": 4990, "currency": "RUB"}}), "amount.value"),
        (
            json!({"amount": {"value": "4990.001", "currency": "RUB"}}),
            "amount.value",
        ),
        (json!({"amount": {"value": "0.00", "currency": "RUB"}}), "amount.value"),
        (
            json!({"amount": {"value": "1.00", "currency": "XXX"}}),
            "amount.currency",
        ),
        (json!({"description": long(129)}), "description"),
        (json!({"metadata": many}), "metadata"),
        (json!({"metadata": {"a": 1}}), "metadata.a"),
        (json!({"metadata": {"a": long(513)}}), "metadata.a"),
        (json!({"confirmation": {"type": "redirect"}}), "confirmation.return_url"),
        (json!({"confirmation": {"type": "telepathy"}}), "confirmation.type"),
        (
            json!({"payment_method_data": {"type": "gold"}}),
            "payment_method_data.type",
        ),
        (
            json!({"payment_method_data": {"type": "sbp"}}),
            "payment_method_data.type",
        ),
        (json!({"capture": "yes"}), "capture"),
        (json!({"payment_method_id": "x"}), "confirmation"),
        (
            json!({"payment_method_id": "x", "confirmation": null}),
            "payment_method_id",
        ),
        (json!({"merchant_customer_id": long(201)}), "merchant_customer_id"),
    ] {
        let (status, refused) = world.yoo_post("payments", &payment(patch.clone())).await?;
        assert_eq!(
            (status, &refused["parameter"]),
            (400, &json!(parameter)),
            "{patch} {refused}"
        );
    }
    let two = json!({"payment_method_id": "x", "payment_token": "y", "confirmation": null});
    let (_, refused) = world.yoo_post("payments", &payment(two)).await?;
    assert!(
        refused["description"]
            .as_str()
            .is_some_and(|text| text.starts_with("Request should contain only one of"))
    );
    let card = json!({"payment_method_data": {"type": "bank_card", "card": {"number": "4111111111111111"}}});
    assert_eq!(world.yoo_post("payments", &payment(card)).await?.0, 403);
    assert_eq!(
        world
            .yoo_post("payments", &payment(json!({"description": long(128)})))
            .await?
            .0,
        200
    );
    assert_eq!(world.sandbox.yookassa().payments().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn only_the_shop_itself_comes_in() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = world.yoo_payment(json!({})).await?;
    let url = world.sandbox.url(&format!("/yookassa/v3/payments/{id}"));
    for (shop, secret) in [(SHOP, "wrong"), ("nobody", SECRET), ("", "")] {
        let response = world.http.get(&url).basic_auth(shop, Some(secret)).send().await?;
        assert_eq!(response.status(), 401);
        let body: Value = response.json().await?;
        assert_eq!(body["code"], "invalid_credentials");
    }
    assert_eq!(world.http.get(&url).send().await?.status(), 401);
    // Another shop doesn't see it.
    world
        .sandbox
        .yookassa()
        .set_account("200600", &json!({"secret": "live_other", "test": false}))
        .await?;
    let response = world
        .http
        .get(&url)
        .basic_auth("200600", Some("live_other"))
        .send()
        .await?;
    assert_eq!(response.status(), 404);
    // Paths and methods there aren't.
    assert_eq!(world.yoo(Method::GET, "nonsense", "", None).await?.0, 404);
    assert_eq!(
        world.yoo(Method::DELETE, "payments", "", None).await?,
        (405, Value::Null)
    );
    assert_eq!(world.yoo_post("webhooks", &json!({})).await?.0, 403);
    let me = world.yoo_get("me").await?;
    assert_eq!(
        (&me["account_id"], &me["test"], &me["status"]),
        (&json!(SHOP), &json!(true), &json!("enabled"))
    );
    Ok(())
}

#[tokio::test]
async fn a_key_repeats_its_answer_for_a_day_and_refuses_another_body() -> anyhow::Result<()> {
    let world = World::start().await?;
    let key = fresh_key();
    let body = payment(json!({}));
    let (status, first) = world.yoo(Method::POST, "payments", &key, Some(&body)).await?;
    assert_eq!(status, 200);
    assert_eq!(world.yoo(Method::POST, "payments", &key, Some(&body)).await?.1, first);
    // The same key shows the payment as it is by now.
    world
        .sandbox
        .yookassa()
        .pay(first["id"].as_str().unwrap_or_default())
        .await?;
    let (_, later) = world.yoo(Method::POST, "payments", &key, Some(&body)).await?;
    assert_eq!((&later["id"], &later["status"]), (&first["id"], &json!("succeeded")));

    let other = payment(json!({"amount": {"value": "1.00", "currency": "RUB"}}));
    let (status, refused) = world.yoo(Method::POST, "payments", &key, Some(&other)).await?;
    assert_eq!(
        (status, &refused["description"]),
        (400, &json!("Duplicate idempotence key"))
    );
    let (status, _) = world.yoo(Method::POST, "refunds", &key, Some(&body)).await?;
    assert_eq!(status, 400);

    world.sandbox.advance_clock(24 * HOUR - Duration::from_secs(60)).await?;
    assert_eq!(
        world.yoo(Method::POST, "payments", &key, Some(&body)).await?.1["id"],
        first["id"]
    );
    world.sandbox.advance_clock(Duration::from_secs(61)).await?;
    let (_, second) = world.yoo(Method::POST, "payments", &key, Some(&body)).await?;
    assert_ne!(second["id"], first["id"], "a day later the key makes a second payment");
    Ok(())
}

#[tokio::test]
async fn an_error_sticks_to_its_key() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = world.yoo_payment(json!({})).await?;
    let key = fresh_key();
    let refund = json!({"payment_id": id, "amount": {"value": "1.00", "currency": "RUB"}});
    let (status, refused) = world.yoo(Method::POST, "refunds", &key, Some(&refund)).await?;
    assert_eq!(
        (status, &refused["description"]),
        (400, &json!("Payment can not be refunded in current status."))
    );
    world.sandbox.yookassa().pay(&id).await?;
    let same = world.yoo(Method::POST, "refunds", &key, Some(&refund)).await?;
    assert_eq!(same, (400, refused));
    assert_eq!(world.yoo_post("refunds", &refund).await?.0, 200);
    Ok(())
}

#[tokio::test]
async fn keys_are_required_and_have_a_shape() -> anyhow::Result<()> {
    let world = World::start().await?;
    let url = world.sandbox.url("/yookassa/v3/payments");
    let post = || world.http.post(&url).basic_auth(SHOP, Some(SECRET));
    let response = post().json(&payment(json!({}))).send().await?;
    assert_eq!(response.status(), 400);
    assert_eq!(
        response.json::<Value>().await?["description"],
        "Idempotence key is empty"
    );
    for key in ["a".repeat(65), "a b".to_owned()] {
        let response = post()
            .header("Idempotence-Key", key)
            .json(&payment(json!({})))
            .send()
            .await?;
        assert_eq!(response.status(), 400);
    }
    let broken = post()
        .header("Idempotence-Key", "k")
        .header("content-type", "application/json")
        .body("{")
        .send()
        .await?;
    assert_eq!(
        broken.json::<Value>().await?["description"],
        "Failed to parse request body"
    );
    let form = post().header("Idempotence-Key", "k2").body("a=b").send().await?;
    assert_eq!((form.status().as_u16(), form.text().await?), (415, String::new()));
    assert!(world.sandbox.yookassa().payments().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn many_at_once_with_one_key_make_one_payment() -> anyhow::Result<()> {
    let world = World::start().await?;
    let key = fresh_key();
    let body = payment(json!({}));
    let calls = (0..20).map(|_| world.yoo(Method::POST, "payments", &key, Some(&body)));
    let answers = futures::future::try_join_all(calls).await?;
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(world.sandbox.yookassa().payments().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_saved_method_is_charged_without_the_payer() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bank = world.sandbox.yookassa();
    let asked = json!({"save_payment_method": true, "merchant_customer_id": "tg-1"});
    let id = world.yoo_payment(asked).await?;
    bank.pay(&id).await?;
    let paid = world.yoo_get(&format!("payments/{id}")).await?;
    assert_eq!(paid["payment_method"]["saved"], true);
    let method = paid["payment_method"]["id"].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        world.yoo_get(&format!("payment_methods/{method}")).await?["status"],
        "active"
    );

    let charge = payment(json!({"confirmation": null, "payment_method_id": method}));
    let charged = world.yoo_ok("payments", &charge).await?;
    assert_eq!(charged["status"], "succeeded");
    assert_eq!(charged["payment_method"]["id"], method.as_str());

    // A decline of a charge is no error of HTTP.
    bank.set_faults(&json!({"decline_charge": {"next": 1}, "decline_reason": "card_expired"}))
        .await?;
    let declined = world.yoo_ok("payments", &charge).await?;
    assert_eq!(
        (&declined["status"], &declined["cancellation_details"]["reason"]),
        (&json!("canceled"), &json!("card_expired"))
    );
    bank.set_method_declines(&method, Some("permission_revoked")).await?;
    assert_eq!(
        world.yoo_ok("payments", &charge).await?["cancellation_details"]["reason"],
        "permission_revoked"
    );
    bank.set_method_declines(&method, None).await?;
    assert_eq!(world.yoo_ok("payments", &charge).await?["status"], "succeeded");

    // One that was not saved, one that isn't there, and a shop without permission.
    let plain = world.yoo_payment(json!({})).await?;
    bank.pay(&plain).await?;
    for (id, description) in [
        (plain.as_str(), "Payment method is not saved"),
        ("nothing", "Payment method is not found"),
    ] {
        let charge = payment(json!({"confirmation": null, "payment_method_id": id}));
        assert_eq!(world.yoo_post("payments", &charge).await?.1["description"], description);
    }
    bank.set_account(SHOP, &json!({"save_methods": false})).await?;
    let (status, refused) = world.yoo_post("payments", &charge).await?;
    assert_eq!(
        (status, &refused["description"]),
        (403, &json!("Forbidden to use saved payment method"))
    );
    let (status, refused) = world
        .yoo_post("payments", &payment(json!({"save_payment_method": true})))
        .await?;
    assert_eq!(
        (status, &refused["description"]),
        (403, &json!("Forbidden to save payment method"))
    );
    Ok(())
}

#[tokio::test]
async fn a_method_is_bound_without_charging() -> anyhow::Result<()> {
    let world = World::start().await?;
    let body = json!({"type": "bank_card", "confirmation": {"type": "redirect", "return_url": "https://school.example/cards"}});
    let made = world.yoo_ok("payment_methods", &body).await?;
    assert_eq!((&made["status"], &made["saved"]), (&json!("pending"), &json!(false)));
    let id = made["id"].as_str().unwrap_or_default();
    let pay = world.sandbox.url(&format!("/sandbox/pay/yookassa/{id}"));
    let page: Value = world
        .http
        .post(pay)
        .json(&json!({"action": "pay", "outcome": "success"}))
        .send()
        .await?
        .json()
        .await?;
    assert_eq!(page["state"], "succeeded");
    let bound = world.yoo_get(&format!("payment_methods/{id}")).await?;
    assert_eq!((&bound["status"], &bound["saved"]), (&json!("active"), &json!(true)));
    let charge = payment(json!({"confirmation": null, "payment_method_id": id}));
    assert_eq!(world.yoo_ok("payments", &charge).await?["status"], "succeeded");
    Ok(())
}

#[tokio::test]
async fn refunds_in_parts_until_nothing_is_left() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bank = world.sandbox.yookassa();
    let id = world
        .yoo_payment(json!({"amount": {"value": "1000.00", "currency": "RUB"}}))
        .await?;
    bank.pay(&id).await?;
    let refund = |value: &str| json!({"payment_id": id, "amount": {"value": value, "currency": "RUB"}});
    // Two at once of 700 out of 1000: one passes.
    let (first, second) = (refund("700.00"), refund("700.00"));
    let (a, b) = tokio::join!(world.yoo_post("refunds", &first), world.yoo_post("refunds", &second));
    let mut statuses = [a?.0, b?.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    let (_, refused) = world.yoo_post("refunds", &refund("300.01")).await?;
    assert_eq!(refused["description"], "Refund sum exceeded");
    let wrong = json!({"payment_id": id, "amount": {"value": "1.00", "currency": "USD"}});
    assert_eq!(
        world.yoo_post("refunds", &wrong).await?.1["description"],
        "Currencies do not match"
    );

    let made = world.yoo_ok("refunds", &refund("300.00")).await?;
    assert_eq!(
        (&made["status"], &made["payment_id"]),
        (&json!("succeeded"), &json!(id))
    );
    let refunded = world.yoo_get(&format!("payments/{id}")).await?;
    assert_eq!(
        (&refunded["status"], &refunded["refundable"]),
        (&json!("succeeded"), &json!(false))
    );
    assert_eq!(refunded["refunded_amount"]["value"], "1000.00");
    let (_, refused) = world.yoo_post("refunds", &refund("1.00")).await?;
    assert_eq!(refused["description"], "Payment is already completely refunded");
    assert_eq!(bank.payment(&id).await?.state, MoneyState::Refunded);
    let totals = bank.totals().await?;
    assert_eq!((totals.paid_minor, totals.refunded_minor), (100_000, 100_000));
    Ok(())
}

#[tokio::test]
async fn a_refund_can_wait_and_fail() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bank = world.sandbox.yookassa();
    let id = world.yoo_payment(json!({})).await?;
    bank.pay(&id).await?;
    let refund = json!({"payment_id": id, "amount": {"value": "4990.00", "currency": "RUB"}});
    bank.set_faults(&json!({"pending_refund": {"next": 1}})).await?;
    let made = world.yoo_ok("refunds", &refund).await?;
    assert_eq!(made["status"], "pending");
    let refund_id = made["id"].as_str().unwrap_or_default();
    // What is promised can't be promised twice.
    assert_eq!(world.yoo_post("refunds", &refund).await?.0, 400);
    bank.settle_refund(refund_id, false).await?;
    let failed = world.yoo_get(&format!("refunds/{refund_id}")).await?;
    assert_eq!(
        failed["cancellation_details"],
        json!({"party": "refund_network", "reason": "general_decline"})
    );

    bank.set_faults(&json!({"fail_refund": {"next": 1}})).await?;
    let failed = world.yoo_ok("refunds", &refund).await?;
    assert_eq!(
        failed["cancellation_details"],
        json!({"party": "yoo_money", "reason": "insufficient_funds"})
    );

    world.sandbox.advance_clock(16 * 30 * 24 * HOUR).await?;
    let late = world.yoo_ok("refunds", &refund).await?;
    assert_eq!(
        late["cancellation_details"],
        json!({"party": "refund_network", "reason": "payment_expired"})
    );
    assert_eq!(bank.payment(&id).await?.refunded_minor, 0);
    Ok(())
}
