use serde_json::{Value, json};

use crate::{SHOP, World, merge, payment};

fn item(patch: Value) -> Value {
    let mut item = json!({
        "description": "Доступ к курсу «Старт»", "quantity": 1, "amount": {"value": "4990.00", "currency": "RUB"},
        "vat_code": 1, "payment_subject": "service", "payment_mode": "full_prepayment", "measure": "piece",
    });
    merge(&mut item, patch);
    item
}

fn receipt(items: impl Into<Value>) -> Value {
    json!({"customer": {"email": "anna@example.ru"}, "items": items.into()})
}

#[tokio::test]
async fn a_shop_with_receipts_takes_no_payment_without_one() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bank = world.sandbox.yookassa();
    assert_eq!(world.yoo_post("payments", &payment(json!({}))).await?.0, 200);
    bank.set_account(SHOP, &json!({"fiscalization": true})).await?;
    assert_eq!(world.yoo_get("me").await?["fiscalization"]["enabled"], true);
    let (status, refused) = world.yoo_post("payments", &payment(json!({}))).await?;
    assert_eq!((status, &refused["parameter"]), (400, &json!("receipt")));

    let id = world
        .yoo_payment(json!({"receipt": receipt(json!([item(json!({}))]))}))
        .await?;
    assert_eq!(
        world.yoo_get(&format!("payments/{id}")).await?["receipt_registration"],
        "pending"
    );
    bank.pay(&id).await?;
    assert_eq!(
        world.yoo_get(&format!("payments/{id}")).await?["receipt_registration"],
        "succeeded"
    );
    let list = world.yoo_get(&format!("receipts?payment_id={id}")).await?;
    let registered = &list["items"][0];
    assert_eq!(
        (&registered["type"], &registered["status"]),
        (&json!("payment"), &json!("succeeded"))
    );
    assert!(registered["fiscal_document_number"].is_string());
    let receipt_id = registered["id"].as_str().unwrap_or_default();
    assert!(receipt_id.starts_with("rt-") && receipt_id.len() <= 39);
    assert_eq!(world.yoo_get(&format!("receipts/{receipt_id}")).await?, *registered);
    Ok(())
}

#[tokio::test]
async fn lines_must_add_up_and_speak_the_law() -> anyhow::Result<()> {
    let world = World::start().await?;
    let two = |count: usize| {
        json!(vec![
            item(json!({"amount": {"value": "0.01", "currency": "RUB"}}));
            count
        ])
    };
    for (receipt, parameter) in [
        (
            receipt(json!([item(
                json!({"amount": {"value": "4989.99", "currency": "RUB"}})
            )])),
            "receipt.items",
        ),
        (receipt(json!([])), "receipt.items"),
        (receipt(two(81)), "receipt.items"),
        (
            receipt(json!([item(json!({"vat_code": 13}))])),
            "receipt.items[0].vat_code",
        ),
        (
            receipt(json!([item(json!({"vat_code": null}))])),
            "receipt.items[0].vat_code",
        ),
        (
            receipt(json!([item(json!({"quantity": 0}))])),
            "receipt.items[0].quantity",
        ),
        (
            receipt(json!([item(json!({"quantity": 1.0001}))])),
            "receipt.items[0].quantity",
        ),
        (
            receipt(json!([item(json!({"payment_subject": "magic"}))])),
            "receipt.items[0].payment_subject",
        ),
        (
            receipt(json!([item(json!({"payment_mode": "later"}))])),
            "receipt.items[0].payment_mode",
        ),
        (
            receipt(json!([item(json!({"measure": "heap"}))])),
            "receipt.items[0].measure",
        ),
        (
            receipt(json!([item(json!({"description": "д".repeat(129)}))])),
            "receipt.items[0].description",
        ),
        (json!({"customer": {}, "items": [item(json!({}))]}), "receipt.customer"),
        (
            json!({"customer": {"phone": "+79000000000"}, "items": [item(json!({}))]}),
            "receipt.customer.phone",
        ),
        (
            json!({"customer": {"email": "anna"}, "items": [item(json!({}))]}),
            "receipt.customer.email",
        ),
        (
            json!({"customer": {"email": "a@b.ru"}, "tax_system_code": 7, "items": [item(json!({}))]}),
            "receipt.tax_system_code",
        ),
    ] {
        let (status, refused) = world
            .yoo_post("payments", &payment(json!({"receipt": receipt})))
            .await?;
        assert_eq!((status, &refused["parameter"]), (400, &json!(parameter)), "{refused}");
    }
    // Spellings of the reference's own examples, and a price that is rounded to the kopeck.
    let spelled = json!([item(json!({"quantity": "1.00", "vat_code": "11"}))]);
    world.yoo_payment(json!({"receipt": receipt(spelled)})).await?;
    let thirds = json!([item(
        json!({"quantity": 1.5, "amount": {"value": "3326.67", "currency": "RUB"}})
    )]);
    let amount = json!({"value": "4990.01", "currency": "RUB"});
    world
        .yoo_payment(json!({"amount": amount, "receipt": receipt(thirds)}))
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_full_refund_copies_the_receipt_and_a_partial_one_must_list_its_lines() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bank = world.sandbox.yookassa();
    let id = world
        .yoo_payment(json!({"receipt": receipt(json!([item(json!({}))]))}))
        .await?;
    bank.pay(&id).await?;
    let part = json!({"value": "1000.00", "currency": "RUB"});
    let bare = json!({"payment_id": id, "amount": part});
    assert_eq!(world.yoo_post("refunds", &bare).await?.1["parameter"], "receipt");
    let listed = json!({"payment_id": id, "amount": part, "receipt": receipt(json!([item(json!({"amount": part}))]))});
    let made = world.yoo_ok("refunds", &listed).await?;
    assert_eq!(made["receipt_registration"], "succeeded");
    let refund_id = made["id"].as_str().unwrap_or_default();
    let list = world.yoo_get(&format!("receipts?refund_id={refund_id}")).await?;
    assert_eq!(list["items"][0]["type"], "refund");

    let id = world
        .yoo_payment(json!({"receipt": receipt(json!([item(json!({}))]))}))
        .await?;
    bank.pay(&id).await?;
    let full = json!({"payment_id": id, "amount": {"value": "4990.00", "currency": "RUB"}});
    assert_eq!(
        world.yoo_ok("refunds", &full).await?["receipt_registration"],
        "succeeded"
    );
    Ok(())
}

#[tokio::test]
async fn a_receipt_of_its_own_closes_a_prepayment() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bank = world.sandbox.yookassa();
    let id = world
        .yoo_payment(json!({"receipt": receipt(json!([item(json!({}))]))}))
        .await?;
    let closing = |patch: Value| {
        let mut body = json!({
            "type": "payment", "payment_id": id, "customer": {"email": "anna@example.ru"}, "send": true,
            "items": [item(json!({"payment_mode": "full_payment"}))],
            "settlements": [{"type": "prepayment", "amount": {"value": "4990.00", "currency": "RUB"}}],
        });
        merge(&mut body, patch);
        body
    };
    assert_eq!(
        world.yoo_post("receipts", &closing(json!({}))).await?.1["parameter"],
        "payment_id"
    );
    bank.pay(&id).await?;
    for (patch, parameter) in [
        (json!({"type": "gift"}), "type"),
        (json!({"customer": null}), "customer"),
        (json!({"send": null}), "send"),
        (json!({"settlements": []}), "settlements"),
        (
            json!({"settlements": [{"type": "prepayment", "amount": {"value": "1.00", "currency": "RUB"}}]}),
            "settlements",
        ),
        (
            json!({"settlements": [{"type": "barter", "amount": {"value": "4990.00", "currency": "RUB"}}]}),
            "settlements[0].type",
        ),
    ] {
        let (status, refused) = world.yoo_post("receipts", &closing(patch)).await?;
        assert_eq!((status, &refused["parameter"]), (400, &json!(parameter)), "{refused}");
    }
    let closed = world.yoo_ok("receipts", &closing(json!({}))).await?;
    assert_eq!(
        (&closed["status"], &closed["payment_id"]),
        (&json!("succeeded"), &json!(id))
    );
    assert_eq!(closed["settlements"][0]["type"], "prepayment");
    let all = bank.receipts().await?;
    assert_eq!(
        all.iter().map(|one| one["closing"] == true).collect::<Vec<_>>(),
        [false, true]
    );
    Ok(())
}

#[tokio::test]
async fn a_register_can_fail() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bank = world.sandbox.yookassa();
    bank.set_faults(&json!({"fail_receipt": {"next": 1}})).await?;
    let id = world
        .yoo_payment(json!({"receipt": receipt(json!([item(json!({}))]))}))
        .await?;
    bank.pay(&id).await?;
    let paid = world.yoo_get(&format!("payments/{id}")).await?;
    assert_eq!(
        (&paid["status"], &paid["receipt_registration"]),
        (&json!("succeeded"), &json!("canceled"))
    );
    let list = world.yoo_get("receipts?status=canceled").await?;
    assert!(list["items"][0].get("fiscal_document_number").is_none());
    Ok(())
}
