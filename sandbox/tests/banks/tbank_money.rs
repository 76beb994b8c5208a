use sandbox::driver::MoneyState;
use serde_json::{Value, json};

use crate::{TERMINAL, World, merge};

fn receipt(amount: i64, patch: Value) -> Value {
    let mut item = json!({
        "Name": "Курс", "Price": amount, "Quantity": 1, "Amount": amount, "Tax": "none",
        "PaymentMethod": "full_prepayment", "PaymentObject": "service",
    });
    merge(&mut item, patch);
    json!({"Email": "student@example.ru", "Taxation": "usn_income", "Items": [item]})
}

#[tokio::test]
async fn two_stages_are_confirmed_in_full_or_in_part() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bank = world.sandbox.tbank();
    let id = world.t_payment(json!({"PayType": "T"})).await?;
    assert_eq!(world.t_code("Confirm", json!({"PaymentId": id})).await?, "4");
    assert_eq!(bank.pay(&id).await?.state, MoneyState::Held);
    assert_eq!(
        world
            .t_code("Confirm", json!({"PaymentId": id, "Amount": 499_001}))
            .await?,
        "330"
    );
    let confirmed = world
        .t_ok("Confirm", json!({"PaymentId": id, "Amount": 100_000}))
        .await?;
    assert_eq!(confirmed["Status"], "CONFIRMED");
    assert_eq!(bank.payment(&id).await?.paid_minor, 100_000);
    assert_eq!(world.t_code("Confirm", json!({"PaymentId": id})).await?, "4");
    Ok(())
}

#[tokio::test]
async fn cancel_means_something_else_in_each_state() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bank = world.sandbox.tbank();
    let id = world.t_payment(json!({})).await?;
    let canceled = world.t_ok("Cancel", json!({"PaymentId": id, "Amount": 5})).await?;
    assert_eq!(
        (&canceled["Status"], &canceled["NewAmount"]),
        (&json!("CANCELED"), &json!(0))
    );
    assert_eq!(world.t_code("Cancel", json!({"PaymentId": id})).await?, "4");

    let id = world.t_payment(json!({"PayType": "T"})).await?;
    bank.pay(&id).await?;
    let part = world.t_ok("Cancel", json!({"PaymentId": id, "Amount": 99_000})).await?;
    assert_eq!(
        (&part["Status"], &part["OriginalAmount"], &part["NewAmount"]),
        (&json!("PARTIAL_REVERSED"), &json!(499_000), &json!(400_000))
    );
    assert_eq!(
        world.t_ok("Cancel", json!({"PaymentId": id})).await?["Status"],
        "REVERSED"
    );

    let id = world.t_payment(json!({})).await?;
    bank.pay(&id).await?;
    let part = world
        .t_ok("Cancel", json!({"PaymentId": id, "Amount": 100_000}))
        .await?;
    assert_eq!(
        (&part["Status"], &part["NewAmount"]),
        (&json!("PARTIAL_REFUNDED"), &json!(399_000))
    );
    assert_eq!(
        world
            .t_code("Cancel", json!({"PaymentId": id, "Amount": 399_001}))
            .await?,
        "330"
    );
    let rest = world.t_ok("Cancel", json!({"PaymentId": id})).await?;
    assert_eq!((&rest["Status"], &rest["NewAmount"]), (&json!("REFUNDED"), &json!(0)));
    assert_eq!(world.t_code("Cancel", json!({"PaymentId": id})).await?, "4");
    assert_eq!(bank.totals().await?.refunded_minor, 499_000);
    Ok(())
}

#[tokio::test]
async fn only_an_external_id_makes_a_refund_repeatable() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bank = world.sandbox.tbank();
    let id = world.t_payment(json!({})).await?;
    bank.pay(&id).await?;
    let refund = json!({"PaymentId": id, "Amount": 100_000, "ExternalRequestId": "rf_7"});
    let first = world.t_ok("Cancel", refund.clone()).await?;
    assert_eq!(first["ExternalRequestId"], "rf_7");
    assert_eq!(world.t_ok("Cancel", refund).await?, first);
    let plain = json!({"PaymentId": id, "Amount": 100_000});
    world.t_ok("Cancel", plain.clone()).await?;
    world.t_ok("Cancel", plain).await?;
    assert_eq!(bank.payment(&id).await?.refunded_minor, 300_000);
    Ok(())
}

#[tokio::test]
async fn a_refund_can_take_its_time_or_fail() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bank = world.sandbox.tbank();
    let id = world.t_payment(json!({})).await?;
    bank.pay(&id).await?;
    bank.set_faults(&json!({"fail_refund": {"next": 1}})).await?;
    assert_eq!(world.t_code("Cancel", json!({"PaymentId": id})).await?, "3002");
    bank.set_faults(&json!({"pending_refund": {"percent": 100}})).await?;
    let waiting = world
        .t_ok("Cancel", json!({"PaymentId": id, "Amount": 100_000}))
        .await?;
    assert_eq!(waiting["Status"], "ASYNC_REFUNDING");
    let refund = bank.refunds().await?.remove(0);
    assert_eq!(bank.settle_refund(&refund.id, false).await?.status, "canceled");
    assert_eq!(bank.payment(&id).await?.status, "CONFIRMED");
    world
        .t_ok("Cancel", json!({"PaymentId": id, "Amount": 100_000}))
        .await?;
    let refund = bank.refunds().await?.remove(1);
    bank.settle_refund(&refund.id, true).await?;
    assert_eq!(bank.payment(&id).await?.status, "PARTIAL_REFUNDED");
    assert!(bank.settle_refund(&refund.id, true).await.is_err());
    Ok(())
}

#[tokio::test]
async fn a_terminal_with_a_register_wants_a_right_receipt() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bank = world.sandbox.tbank();
    bank.set_account(TERMINAL, &json!({"cash_register": true})).await?;
    let init = |receipt: Value| json!({"Amount": 499_000, "OrderId": crate::fresh_key(), "Receipt": receipt});
    assert_eq!(world.t_code("Init", init(Value::Null)).await?, "309");
    let mut nobody = receipt(499_000, json!({}));
    merge(&mut nobody, json!({"Email": null}));
    let mut paid_elsewhere = receipt(499_000, json!({}));
    merge(&mut paid_elsewhere, json!({"Payments": {"Electronic": 1}}));
    let mut envd = receipt(499_000, json!({}));
    merge(&mut envd, json!({"Taxation": "envd"}));
    for (receipt, code) in [
        (nobody, "329"),
        (envd, "211"),
        (paid_elsewhere, "308"),
        (receipt(498_999, json!({})), "334"),
        (receipt(499_000, json!({"Quantity": 2})), "308"),
        (receipt(499_000, json!({"Quantity": 1.0001})), "310"),
        (receipt(499_000, json!({"Tax": "vat99"})), "211"),
        (receipt(499_000, json!({"PaymentMethod": "partial_prepayment"})), "211"),
        (receipt(499_000, json!({"PaymentObject": "magic"})), "211"),
        (receipt(499_000, json!({"Name": "к".repeat(129)})), "211"),
    ] {
        assert_eq!(world.t_code("Init", init(receipt.clone())).await?, code, "{receipt}");
    }
    let id = world
        .t_payment(json!({"Receipt": receipt(499_000, json!({"Tax": "vat22"}))}))
        .await?;
    bank.pay(&id).await?;
    // Half of a unit, as the bank's own pages do when money comes back and no unit.
    assert_eq!(
        world
            .t_code("Cancel", json!({"PaymentId": id, "Amount": 249_500}))
            .await?,
        "309"
    );
    let half = receipt(499_000, json!({"Quantity": 0.5, "Amount": 249_500}));
    world
        .t_ok("Cancel", json!({"PaymentId": id, "Amount": 249_500, "Receipt": half}))
        .await?;

    let closing = receipt(499_000, json!({"PaymentMethod": "full_payment"}));
    world
        .t_ok("SendClosingReceipt", json!({"PaymentId": id, "Receipt": closing}))
        .await?;
    assert_eq!(
        world.t_code("SendClosingReceipt", json!({"PaymentId": id})).await?,
        "309"
    );
    let all = bank.receipts().await?;
    let kinds: Vec<_> = all
        .iter()
        .map(|one| (one["kind"].as_str(), one["closing"] == true))
        .collect();
    assert_eq!(
        kinds,
        [
            (Some("payment"), false),
            (Some("refund"), false),
            (Some("payment"), true)
        ]
    );

    let url = world.sandbox.url("/tbank/cashbox/SendClosingReceipt");
    let body = crate::signed(
        json!({"PaymentId": id, "Receipt": receipt(499_000, json!({}))}),
        crate::PASSWORD,
    );
    let answer: Value = world.http.post(url).json(&body).send().await?.json().await?;
    assert_eq!(answer["Success"], true, "its own address outside the versioned base");
    Ok(())
}
