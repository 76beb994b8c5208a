use std::time::Duration;

use sandbox::driver::MoneyState;
use serde_json::{Value, json};

use crate::{PASSWORD, TERMINAL, World, fresh_key, merge, signed, token};

#[tokio::test]
async fn the_token_rule_is_the_published_one() {
    let body = json!({
        "TerminalKey": "MerchantTerminalKey", "Amount": 19200, "OrderId": "21090",
        "Description": "Подарочная карта на 1000 рублей", "DATA": {"Phone": "+7"}, "Receipt": {"Items": []},
    });
    let published = "0024a00af7c350a3a67ca168ce06502aa72772456662e38696d48b56ee9c97d9";
    assert_eq!(token(&body, "usaf8fw8fsw21g"), published);
}

#[tokio::test]
async fn a_one_stage_payment_from_init_to_confirmed() -> anyhow::Result<()> {
    let world = World::start().await?;
    let order = fresh_key();
    let body = json!({
        "Amount": 499_000, "OrderId": order, "Description": "Курс «Старт», месяц 1", "PayType": "O",
        "SuccessURL": "https://pay.example.ru/ok?order=${OrderId}&ok=${Success}", "Language": "ru",
        "DATA": {"Email": "student@example.ru"},
    });
    let made = world.t_ok("Init", body).await?;
    assert_eq!((&made["Status"], &made["Amount"]), (&json!("NEW"), &json!(499_000)));
    let id = made["PaymentId"].as_str().unwrap_or_default();
    assert_eq!(made["PaymentURL"], world.sandbox.url(&format!("/tbank/new/{id}")));
    assert_eq!(
        (&made["OrderId"], &made["TerminalKey"]),
        (&json!(order), &json!(TERMINAL))
    );

    let bank = world.sandbox.tbank();
    bank.act(id, &json!({"action": "open"})).await?;
    let state = world.t_ok("GetState", json!({"PaymentId": id})).await?;
    assert_eq!(state["Status"], "FORM_SHOWED");
    assert_eq!(bank.pay(id).await?.state, MoneyState::Paid);
    let state = world.t_ok("GetState", json!({"PaymentId": id})).await?;
    assert_eq!(
        (&state["Status"], &state["Amount"], &state["PaymentId"]),
        (&json!("CONFIRMED"), &json!(499_000), &json!(id))
    );
    let order = world.t_ok("CheckOrder", json!({"OrderId": order})).await?;
    assert_eq!(order["Payments"][0]["Status"], "CONFIRMED");
    // In the list the code is a number and success a text.
    assert_eq!(
        (&order["Payments"][0]["ErrorCode"], &order["Payments"][0]["Success"]),
        (&json!(0), &json!("true"))
    );
    assert_eq!(
        world.t_code("CheckOrder", json!({"OrderId": "never-heard"})).await?,
        "255"
    );
    Ok(())
}

#[tokio::test]
async fn a_wrong_token_is_refused_whatever_is_wrong_with_it() -> anyhow::Result<()> {
    let world = World::start().await?;
    let good = || json!({"TerminalKey": TERMINAL, "Amount": 1000, "OrderId": fresh_key(), "IP": "203.0.113.7", "InfoEmail": "a@b.ru"});
    let with = |mut body: Value, token: &str| {
        merge(&mut body, json!({"Token": token}));
        body
    };
    let body = good();
    let right = token(&body, PASSWORD);
    let mut changed = body.clone();
    merge(&mut changed, json!({"Amount": 1001}));
    for (body, code) in [
        (with(body.clone(), &token(&body, "other")), "204"),
        (with(body.clone(), &right.to_uppercase()), "204"),
        (with(changed, &right), "204"),
        (body.clone(), "204"),
        (json!({"TerminalKey": "Nobody", "Token": right}), "205"),
        (json!({}), "201"),
    ] {
        let (status, answer) = world.t_raw("Init", &body).await?;
        assert_eq!(
            (status, &answer["Success"], &answer["ErrorCode"]),
            (200, &json!(false), &json!(code)),
            "{answer}"
        );
    }
    assert_eq!(world.t_raw("Init", &with(body, &right)).await?.1["Success"], true);
    assert_eq!(
        world.t_raw("init", &json!({})).await?.0,
        404,
        "names are case-sensitive"
    );
    assert_eq!(world.sandbox.tbank().payments().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn bad_inits_have_their_codes() -> anyhow::Result<()> {
    let world = World::start().await?;
    let long = |count| "я".repeat(count);
    let data = |pairs: usize| {
        (0..pairs)
            .map(|n| (format!("k{n}"), json!("v")))
            .collect::<serde_json::Map<_, _>>()
    };
    for (patch, code) in [
        (json!({"Amount": 99}), "251"),
        (json!({"Amount": 10.5}), "211"),
        (json!({"Amount": null}), "201"),
        (json!({"OrderId": null}), "201"),
        (json!({"OrderId": long(37)}), "212"),
        (json!({"Description": long(251)}), "213"),
        (json!({"CustomerKey": long(37)}), "216"),
        (json!({"Recurrent": "Y"}), "201"),
        (json!({"PayType": "X"}), "211"),
        (json!({"Language": "fr"}), "211"),
        (json!({"SuccessURL": "nowhere"}), "211"),
        (json!({"DATA": data(21)}), "207"),
        (json!({"DATA": {(long(21)): "v"}}), "208"),
        (json!({"DATA": {"k": long(101)}}), "209"),
        (json!({"DATA": {"OperationInitiatorType": "Z"}}), "1125"),
        (json!({"DATA": {"OperationInitiatorType": "1"}}), "1126"),
        (
            json!({"DATA": {"OperationInitiatorType": "R"}, "Recurrent": "Y", "CustomerKey": "c"}),
            "1126",
        ),
        (json!({"RedirectDueDate": "2026-11-30"}), "12"),
        (json!({"RedirectDueDate": "2026-11-30T23:59:00.000+03:00"}), "12"),
        (json!({"RedirectDueDate": "2020-01-01T00:00:00+03:00"}), "3017"),
        (json!({"RedirectDueDate": "2099-01-01T00:00:00+03:00"}), "3017"),
    ] {
        let mut fields = json!({"Amount": 1000, "OrderId": fresh_key()});
        merge(&mut fields, patch.clone());
        assert_eq!(world.t_code("Init", fields).await?, code, "{patch}");
    }
    assert!(world.sandbox.tbank().payments().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn an_order_id_is_for_one_payment() -> anyhow::Result<()> {
    let world = World::start().await?;
    let fields = json!({"Amount": 1000, "OrderId": "inv_1"});
    let first = world.t_ok("Init", fields.clone()).await?;
    assert_eq!(world.t_code("Init", fields.clone()).await?, "20");
    world
        .sandbox
        .tbank()
        .set_account(TERMINAL, &json!({"repeat_orders": true}))
        .await?;
    world.t_ok("Init", fields.clone()).await?;
    let order = world.t_ok("CheckOrder", json!({"OrderId": "inv_1"})).await?;
    assert_eq!(order["Payments"].as_array().map(Vec::len), Some(2));
    world
        .sandbox
        .tbank()
        .pay(first["PaymentId"].as_str().unwrap_or_default())
        .await?;
    assert_eq!(world.t_code("Init", fields).await?, "623");
    Ok(())
}

#[tokio::test]
async fn another_terminals_payment_is_not_found() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = world.t_payment(json!({})).await?;
    world
        .sandbox
        .tbank()
        .set_account("OtherDEMO", &json!({"password": "p"}))
        .await?;
    for method in ["GetState", "Cancel", "Confirm"] {
        let mut body = json!({"TerminalKey": "OtherDEMO", "PaymentId": id});
        let token = token(&body, "p");
        merge(&mut body, json!({"Token": token}));
        assert_eq!(world.t_raw(method, &body).await?.1["ErrorCode"], "255");
    }
    assert_eq!(world.t_code("GetState", json!({"PaymentId": "1"})).await?, "255");
    assert_eq!(world.t_code("GetState", json!({"PaymentId": "x"})).await?, "211");
    assert_eq!(world.t_code("GetState", json!({})).await?, "201");
    Ok(())
}

#[tokio::test]
async fn a_failed_try_is_not_the_end_and_the_third_is() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bank = world.sandbox.tbank();
    let id = world.t_payment(json!({})).await?;
    let first = bank.decline(&id, "1051").await?;
    assert_eq!(
        (first.status.as_str(), first.reason.as_deref()),
        ("FORM_SHOWED", Some("1051"))
    );
    assert_eq!(bank.pay(&id).await?.status, "CONFIRMED");

    let id = world.t_payment(json!({})).await?;
    for _ in 0..2 {
        assert_eq!(bank.decline(&id, "1005").await?.state, MoneyState::Pending);
    }
    assert_eq!(bank.decline(&id, "1054").await?.status, "REJECTED");
    assert!(bank.pay(&id).await.is_err());
    let state = world.t_ok("GetState", json!({"PaymentId": id})).await?;
    assert_eq!(state["Status"], "REJECTED");
    Ok(())
}

#[tokio::test]
async fn links_expire_by_the_clock() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = world.t_payment(json!({})).await?;
    world.sandbox.advance_clock(Duration::from_secs(24 * 3_600 + 1)).await?;
    assert_eq!(
        world.t_ok("GetState", json!({"PaymentId": id})).await?["Status"],
        "DEADLINE_EXPIRED"
    );
    world
        .sandbox
        .tbank()
        .set_faults(&json!({"expire_link": {"next": 1}}))
        .await?;
    let id = world.t_payment(json!({})).await?;
    assert_eq!(world.sandbox.tbank().payment(&id).await?.state, MoneyState::Expired);
    Ok(())
}

#[tokio::test]
async fn a_card_is_saved_charged_listed_and_removed() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bank = world.sandbox.tbank();
    let parent = world
        .t_payment(json!({"Recurrent": "Y", "CustomerKey": "tg_1", "DATA": {"OperationInitiatorType": "1"}}))
        .await?;
    assert_eq!(world.t_code("GetCardList", json!({"CustomerKey": "tg_1"})).await?, "7");
    let rebill = bank.pay(&parent).await?.saved_method.unwrap_or_default();
    let cards = world.t("GetCardList", json!({"CustomerKey": "tg_1"})).await?;
    assert_eq!(
        (&cards[0]["RebillId"], &cards[0]["Status"]),
        (&json!(rebill), &json!("A"))
    );
    let card_id = cards[0]["CardId"].as_str().unwrap_or_default().to_owned();

    let charge = async |rebill: &str| {
        let id = world
            .t_payment(json!({"DATA": {"OperationInitiatorType": "R"}}))
            .await?;
        world
            .t(
                "Charge",
                json!({"PaymentId": id, "RebillId": rebill, "IP": "203.0.113.7"}),
            )
            .await
    };
    let charged = charge(&rebill).await?;
    assert_eq!(
        (&charged["Success"], &charged["Status"]),
        (&json!(true), &json!("CONFIRMED"))
    );
    bank.set_faults(&json!({"decline_charge": {"next": 1}, "decline_reason": "1054"}))
        .await?;
    let declined = charge(&rebill).await?;
    assert_eq!(
        (&declined["Success"], &declined["Status"], &declined["ErrorCode"]),
        (&json!(false), &json!("REJECTED"), &json!("1054"))
    );
    bank.set_method_declines(&rebill, Some("1041")).await?;
    assert_eq!(charge(&rebill).await?["ErrorCode"], "1041");
    bank.set_method_declines(&rebill, None).await?;
    assert_eq!(charge("12345").await?["ErrorCode"], "104");

    // The parent's kind of Init can't be charged; nor can a paid one.
    let wrong = world
        .t_payment(json!({"Recurrent": "Y", "CustomerKey": "tg_1"}))
        .await?;
    assert_eq!(
        world
            .t_code("Charge", json!({"PaymentId": wrong, "RebillId": rebill}))
            .await?,
        "1126"
    );
    assert_eq!(
        world
            .t_code("Charge", json!({"PaymentId": parent, "RebillId": rebill}))
            .await?,
        "4"
    );

    let removed = world
        .t_ok("RemoveCard", json!({"CustomerKey": "tg_1", "CardId": card_id}))
        .await?;
    assert_eq!(removed["Status"], "D");
    assert_eq!(charge(&rebill).await?["ErrorCode"], "104");
    assert_eq!(
        world
            .t_code("RemoveCard", json!({"CustomerKey": "tg_1", "CardId": "1"}))
            .await?,
        "107"
    );
    bank.set_account(TERMINAL, &json!({"charge_enabled": false})).await?;
    assert_eq!(charge(&rebill).await?["ErrorCode"], "10");
    Ok(())
}

#[tokio::test]
async fn customers_come_and_go() -> anyhow::Result<()> {
    let world = World::start().await?;
    let key = json!({"CustomerKey": "tg_7"});
    assert_eq!(world.t_code("GetCustomer", key.clone()).await?, "7");
    world
        .t_ok("AddCustomer", json!({"CustomerKey": "tg_7", "Email": "a@b.ru"}))
        .await?;
    assert_eq!(world.t_ok("GetCustomer", key.clone()).await?["Email"], "a@b.ru");
    assert_eq!(world.t("GetCardList", key.clone()).await?, json!([]));
    world.t_ok("RemoveCustomer", key.clone()).await?;
    assert_eq!(world.t_code("RemoveCustomer", key).await?, "7");
    Ok(())
}

#[tokio::test]
async fn numbers_and_texts_are_the_same_to_the_bank() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id: u64 = world.t_payment(json!({"Amount": "499000"})).await?.parse()?;
    let body = signed(json!({"PaymentId": id}), PASSWORD);
    assert_eq!(world.t_raw("GetState", &body).await?.1["Success"], true);
    Ok(())
}
