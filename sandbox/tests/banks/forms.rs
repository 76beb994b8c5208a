//! The hosted pages as the payer's browser uses them.

use serde_json::{Value, json};

use crate::{TERMINAL, World, ears::Ears};

async fn page(world: &World, bank: &str, id: &str) -> anyhow::Result<Value> {
    let url = world.sandbox.url(&format!("/sandbox/pay/{bank}/{id}"));
    Ok(world.http.get(url).send().await?.json().await?)
}

async fn act(world: &World, bank: &str, id: &str, act: Value) -> anyhow::Result<(u16, Value)> {
    let url = world.sandbox.url(&format!("/sandbox/pay/{bank}/{id}"));
    let response = world.http.post(url).json(&act).send().await?;
    Ok((response.status().as_u16(), response.json().await?))
}

fn card(number: &str) -> Value {
    json!({"number": number, "expiry": "12/30", "csc": "123"})
}

#[tokio::test]
async fn the_page_says_what_is_paid_and_offers_each_ending() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = world.yoo_payment(json!({})).await?;
    let html = world
        .http
        .get(world.sandbox.url(&format!("/yookassa/checkout?orderId={id}")))
        .send()
        .await?;
    assert_eq!(html.status(), 200);
    let shown = page(&world, "yookassa", &id).await?;
    assert_eq!(
        (&shown["amount_minor"], &shown["state"]),
        (&json!(499_000), &json!("form"))
    );
    assert_eq!(shown["description"], "Курс «Старт», заказ 42");
    assert_eq!(shown["return_url"], "https://school.example/return/42");
    let outcomes = shown["outcomes"].as_array().cloned().unwrap_or_default();
    assert!(outcomes.len() > 15);
    assert!(
        outcomes
            .iter()
            .all(|one| one["ru"].is_string() && one["en"].is_string())
    );
    let missing = world
        .http
        .get(world.sandbox.url("/sandbox/pay/yookassa/nothing"))
        .send()
        .await?;
    assert_eq!(missing.status(), 404);
    Ok(())
}

#[tokio::test]
async fn test_cards_do_what_their_tables_say() -> anyhow::Result<()> {
    let world = World::start().await?;
    for (number, state, reason) in [
        ("5555 5555 5555 4444", "succeeded", None),
        ("4793128161644804", "three_ds", None),
        ("2200000000000053", "failed", Some("insufficient_funds")),
        ("5555555555554543", "failed", Some("card_expired")),
        ("4969751510013864", "failed", Some("country_forbidden")),
        ("4000000000000002", "failed", Some("invalid_card_number")),
    ] {
        let id = world.yoo_payment(json!({})).await?;
        let (status, shown) = act(&world, "yookassa", &id, json!({"action": "pay", "card": card(number)})).await?;
        assert_eq!(
            (status, &shown["state"], shown["reason"].as_str()),
            (200, &json!(state), reason),
            "{number}"
        );
    }
    for (number, state, reason) in [
        ("2200770239097761", "succeeded", None),
        ("2201382000000047", "three_ds", None),
        ("2201382000000831", "form", Some("1051")),
    ] {
        let id = world.t_payment(json!({})).await?;
        let (status, shown) = act(&world, "tbank", &id, json!({"action": "pay", "card": card(number)})).await?;
        assert_eq!(
            (status, &shown["state"], shown["reason"].as_str()),
            (200, &json!(state), reason),
            "{number}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_slip_of_the_fingers_is_shown_at_its_field_and_is_no_try() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = world.yoo_payment(json!({})).await?;
    for (card, field) in [
        (
            json!({"number": "4111111111111112", "expiry": "12/30", "csc": "123"}),
            "card_number",
        ),
        (json!({}), "card_number"),
        (
            json!({"number": "4111", "expiry": "12/30", "csc": "123"}),
            "card_number",
        ),
        (
            json!({"number": "4111111111111111", "expiry": "13/30", "csc": "123"}),
            "card_expiry",
        ),
        (
            json!({"number": "4111111111111111", "expiry": "", "csc": "123"}),
            "card_expiry",
        ),
        (
            json!({"number": "4111111111111111", "expiry": "12/30", "csc": "12"}),
            "card_csc",
        ),
    ] {
        let (status, refused) = act(&world, "yookassa", &id, json!({"action": "pay", "card": card})).await?;
        assert_eq!((status, &refused["field"]), (422, &json!(field)));
    }
    assert_eq!(page(&world, "yookassa", &id).await?["state"], "form");
    Ok(())
}

#[tokio::test]
async fn the_code_page_can_be_passed_failed_and_left() -> anyhow::Result<()> {
    let world = World::start().await?;
    let challenged = async |bank: &str, id: &str| {
        let (_, shown) = act(&world, bank, id, json!({"action": "pay", "outcome": "three_ds"})).await?;
        assert_eq!(shown["state"], "three_ds");
        anyhow::Ok(())
    };
    let id = world.yoo_payment(json!({})).await?;
    challenged("yookassa", &id).await?;
    assert_eq!(world.yoo_get(&format!("payments/{id}")).await?["status"], "pending");
    assert_eq!(
        act(&world, "yookassa", &id, json!({"action": "confirm", "code": " "}))
            .await?
            .0,
        422
    );
    let (_, shown) = act(&world, "yookassa", &id, json!({"action": "confirm", "code": "any"})).await?;
    assert_eq!(shown["state"], "succeeded");
    let paid = world.yoo_get(&format!("payments/{id}")).await?;
    assert_eq!(paid["authorization_details"]["three_d_secure"]["applied"], true);

    let id = world.yoo_payment(json!({})).await?;
    challenged("yookassa", &id).await?;
    let (_, shown) = act(&world, "yookassa", &id, json!({"action": "fail_confirm"})).await?;
    assert_eq!(
        (&shown["state"], &shown["reason"]),
        (&json!("failed"), &json!("3d_secure_failed"))
    );

    let id = world.t_payment(json!({})).await?;
    challenged("tbank", &id).await?;
    assert_eq!(
        world.t_ok("GetState", json!({"PaymentId": id})).await?["Status"],
        "3DS_CHECKING"
    );
    let (_, shown) = act(&world, "tbank", &id, json!({"action": "confirm", "code": "wrong"})).await?;
    assert_eq!(
        (&shown["state"], &shown["reason"], &shown["tries_left"]),
        (&json!("form"), &json!("101"), &json!(2))
    );
    challenged("tbank", &id).await?;
    let (_, shown) = act(&world, "tbank", &id, json!({"action": "confirm", "code": "1qwezxc"})).await?;
    assert_eq!(shown["state"], "succeeded");
    Ok(())
}

#[tokio::test]
async fn a_returning_payer_finds_the_saved_card() -> anyhow::Result<()> {
    let world = World::start().await?;
    let asked = json!({"merchant_customer_id": "tg-9", "save_payment_method": true});
    let id = world.yoo_payment(asked.clone()).await?;
    assert_eq!(page(&world, "yookassa", &id).await?["saved"], json!([]));
    world.sandbox.yookassa().pay(&id).await?;
    let next = world.yoo_payment(asked).await?;
    assert_eq!(
        page(&world, "yookassa", &next).await?["saved"],
        json!([{"id": id, "title": "Visa *1111"}])
    );
    let (_, shown) = act(&world, "yookassa", &next, json!({"action": "pay", "method": id})).await?;
    assert_eq!(shown["state"], "succeeded");
    assert_eq!(
        world.yoo_get(&format!("payments/{next}")).await?["payment_method"]["id"],
        id.as_str()
    );
    // Nobody pays with a stranger's card.
    let other = world.yoo_payment(json!({"merchant_customer_id": "tg-10"})).await?;
    assert_eq!(
        act(&world, "yookassa", &other, json!({"action": "pay", "method": id}))
            .await?
            .0,
        404
    );
    Ok(())
}

#[tokio::test]
async fn an_ended_payment_can_only_be_looked_at() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = world.yoo_payment(json!({})).await?;
    let (_, shown) = act(&world, "yookassa", &id, json!({"action": "expire"})).await?;
    assert_eq!(shown["state"], "expired");
    assert_eq!(
        act(&world, "yookassa", &id, json!({"action": "pay", "outcome": "success"}))
            .await?
            .0,
        409
    );
    let id = world.t_payment(json!({})).await?;
    act(&world, "tbank", &id, json!({"action": "expire"})).await?;
    assert_eq!(
        world.t_ok("GetState", json!({"PaymentId": id})).await?["Status"],
        "DEADLINE_EXPIRED"
    );
    assert_eq!(
        act(&world, "tbank", &id, json!({"action": "pay", "outcome": "success"}))
            .await?
            .0,
        409
    );
    Ok(())
}

#[tokio::test]
async fn tbank_tells_the_shop_before_the_payer_comes_back() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut ears = Ears::open(&[]).await?;
    world
        .sandbox
        .tbank()
        .set_account(TERMINAL, &json!({"notification_url": ears.url}))
        .await?;
    let success = "https://shop.example/ok?o=${OrderId}&s=${Success}";
    let fail = "https://shop.example/fail?c=${ErrorCode}";
    let id = world
        .t_payment(json!({"OrderId": "ord 1", "SuccessURL": success, "FailURL": fail}))
        .await?;
    let (_, shown) = act(&world, "tbank", &id, json!({"action": "pay", "outcome": "success"})).await?;
    assert_eq!(ears.drain().len(), 2, "both were told when the page answered");
    assert_eq!(shown["return_url"], "https://shop.example/ok?o=ord+1&s=true");
    let id = world.t_payment(json!({"FailURL": fail})).await?;
    for _ in 0..3 {
        act(&world, "tbank", &id, json!({"action": "pay", "outcome": "1051"})).await?;
    }
    assert_eq!(
        page(&world, "tbank", &id).await?["return_url"],
        "https://shop.example/fail?c=1051"
    );
    Ok(())
}

#[tokio::test]
async fn links_are_made_for_the_address_a_browser_knows() -> anyhow::Result<()> {
    let config = sandbox::Config {
        public_url: Some("https://sandbox.example/".to_owned()),
        ..sandbox::Config::default()
    };
    let world = World::with(config).await?;
    let made = world.yoo_ok("payments", &crate::payment(json!({}))).await?;
    let url = made["confirmation"]["confirmation_url"].as_str().unwrap_or_default();
    assert!(url.starts_with("https://sandbox.example/yookassa/checkout?orderId="));
    Ok(())
}
