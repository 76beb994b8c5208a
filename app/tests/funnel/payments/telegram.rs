//! Paying inside Telegram: Stars and cards, from the bill to the refund. Telegram is played by its events.

mod listed;
mod till;

use app::converse::Body;
use app::crm::tasks;
use app::deliver::{Fate, Outgoing};
use app::pay::telegram::{CARD, PaidBill, Question, STARS};
use domain::ids::PaymentId;

use self::till::{TOKEN, ask, balance, billed, bills, charge, orders, payments, says, settle, stars, switch};
use super::*;

async fn nothing_is_offered_until_it_is_switched_on(shop: &Shop) {
    let mut anna = Phone::new(&shop.world, "101", "Анна", "ru");
    anna.start(None).await;
    let client = shop.only_client().await;
    let order = shop.order(&client, "nutrition", None).await.order;
    let link = format!("bl:{}", order.id);
    let labels = |phone: &Phone<'_>| -> Vec<String> {
        let buttons = phone.last().buttons.iter().flatten();
        buttons.map(|button| button.label.clone()).collect()
    };
    let ask = |action: String| Body::Action {
        action,
        message_ref: None,
    };
    anna.act(ask(link.clone())).await;
    assert!(
        !labels(&anna).iter().any(|label| label.contains("Telegram")),
        "{:?}",
        labels(&anna)
    );
    switch(shop, true, true).await;
    anna.act(ask(link)).await;
    assert!(
        labels(&anna).contains(&"Звёздами Telegram · 1\u{a0}612\u{a0}⭐".to_owned()),
        "{:?}",
        labels(&anna)
    );
    assert!(labels(&anna).contains(&"💳 Картой прямо в Telegram".to_owned()));
    switch(shop, false, false).await;
    anna.act(ask(format!("bv:{}:{STARS}", order.id))).await;
    assert!(bills(&anna).is_empty(), "a button of before it was switched off");
}

async fn bought_with_stars(shop: &Shop) {
    switch(shop, true, false).await;
    let (mut anna, client) = a_reader(shop).await;
    anna.act(Body::Command { name: "menu".into() }).await;
    anna.press("Тарифы").await;
    anna.press("Купить: Программа на 12 недель").await;
    anna.press("Нет, только это").await;
    anna.press("Оплатить").await;
    anna.press("Звёздами").await;
    let bill = bills(&anna).remove(0);
    assert_eq!(bill.amount, stars(2_773), "4 990 ₽ at 1.80 ₽ a Star, rounded up");
    assert!(
        bill.description.contains("4\u{a0}990") && bill.description.contains("2\u{a0}773"),
        "{bill:?}"
    );
    assert_eq!(shop.stage(&client).await, StageKind::Deciding);
    let payment = payments(shop).await.remove(0);
    assert_eq!(
        (payment.status, payment.id.to_string()),
        (PaymentStatus::Pending, bill.payload.clone())
    );
    assert_eq!(ask(shop, |_| {}, &bill).await, None);
    anna.act(Body::Paid(charge(&bill, "stx-1"))).await;
    settle(shop, &mut anna).await;
    assert_eq!((anna.count("оплата прошла"), anna.documents()), (1, 2));
    assert_eq!(anna.count("2\u{a0}773\u{a0}⭐. Спасибо"), 1, "{:?}", anna.texts());
    let order = orders(shop).await.remove(0);
    assert_eq!((order.status, order.total), (OrderStatus::Fulfilled, rub(499_000)));
    assert_eq!(shop.stage(&client).await, StageKind::Active);
    let payment = shop.find_payment(&payment).await;
    assert_eq!(payment.provider_payment.as_deref(), Some("stx-1"));
    assert_eq!(
        balance(shop, Account::provider_clearing(STARS, Currency::Xtr)).await,
        2_773
    );
    assert_eq!(balance(shop, Account::wallet(&client, Currency::Xtr)).await, 0);
    let mut tx = shop.world.read().await;
    let revenue = tx.balances(AccountKind::Revenue, &ALL).await.unwrap().items;
    assert_eq!(
        (revenue.len(), revenue[0].balance),
        (1, stars(-2_773)),
        "no rouble came in"
    );
    drop(tx);
    says(ask(shop, |_| {}, &bill).await, "уже оплачен");
    shop.check_books().await;
}

async fn told_twice_in_two_ways_it_is_one_payment(shop: &Shop) {
    switch(shop, true, false).await;
    let (mut anna, bill) = billed(shop, "Звёздами").await;
    let event = anna.event(Body::Paid(charge(&bill, "stx-1")));
    assert!(!anna.receive(&event).await.duplicate);
    assert!(anna.receive(&event).await.duplicate);
    anna.act(Body::Paid(charge(&bill, "stx-1"))).await;
    settle(shop, &mut anna).await;
    assert_eq!((anna.count("оплата прошла"), payments(shop).await.len()), (1, 1));
    assert_eq!(
        balance(shop, Account::provider_clearing(STARS, Currency::Xtr)).await,
        1_612
    );
    let trouble = shop.tasks().await;
    assert_eq!(trouble, ["give_by_hand"], "the plan itself is a person's work");
    shop.check_books().await;
}

async fn two_charges_for_one_bill_are_two_payments_and_the_second_goes_back(shop: &Shop) {
    switch(shop, true, false).await;
    let (mut anna, bill) = billed(shop, "Звёздами").await;
    let client = shop.only_client().await;
    anna.act(Body::Paid(charge(&bill, "stx-1"))).await;
    anna.act(Body::Paid(charge(&bill, "stx-2"))).await;
    settle(shop, &mut anna).await;
    let all = payments(shop).await;
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|payment| payment.status == PaymentStatus::Completed));
    assert_eq!(
        balance(shop, Account::wallet(&client, Currency::Xtr)).await,
        -1_612,
        "owed to the client"
    );
    assert!(shop.tasks().await.contains(&"paid_twice".to_owned()));
    let second = all
        .iter()
        .find(|payment| payment.provider_payment.as_deref() == Some("stx-2"))
        .unwrap();
    refund::request(&shop.world.app, &shop.admin(), &second.id, None, "оплачено дважды")
        .await
        .unwrap();
    settle(shop, &mut anna).await;
    assert_eq!(shop.find_payment(second).await.status, PaymentStatus::Refunded);
    assert_eq!(
        orders(shop).await[0].status,
        OrderStatus::Fulfilled,
        "the first one stands"
    );
    assert_eq!(balance(shop, Account::wallet(&client, Currency::Xtr)).await, 0);
    assert_eq!(
        balance(shop, Account::provider_clearing(STARS, Currency::Xtr)).await,
        1_612
    );
    shop.check_books().await;
}

async fn money_may_overtake_the_report_of_its_bill(shop: &Shop) {
    switch(shop, true, false).await;
    let mut anna = Phone::new(&shop.world, "101", "Анна", "ru");
    anna.start(None).await;
    let client = shop.only_client().await;
    let order = shop.order(&client, "nutrition", None).await.order;
    let event = anna.event(Body::Action {
        action: format!("bv:{}:{STARS}", order.id),
        message_ref: None,
    });
    let answer = anna.receive(&event).await;
    let payment = payments(shop).await.remove(0);
    let paid = PaidBill {
        currency: "XTR".into(),
        amount_minor: 1_612,
        payload: payment.id.to_string(),
        charge: "stx-1".into(),
        provider_charge: String::new(),
    };
    anna.receive(&anna.event(Body::Paid(paid))).await;
    assert_eq!(shop.find_payment(&payment).await.status, PaymentStatus::Completed);
    let mut tx = shop.world.read().await;
    let known = tx.telegram_invoice(&payment.id).await.unwrap().unwrap();
    assert_eq!((known.message_ref, known.payer.as_deref()), (None, Some("101")));
    drop(tx);
    for one in &answer.deliveries {
        anna.show(one).await;
    }
    settle(shop, &mut anna).await;
    let mut tx = shop.world.read().await;
    assert!(
        tx.telegram_invoice(&payment.id)
            .await
            .unwrap()
            .unwrap()
            .message_ref
            .is_some()
    );
    drop(tx);
    assert_eq!(anna.count("оплата прошла"), 1);
    shop.check_books().await;
}

async fn a_bill_that_ran_out_is_refused_and_its_money_is_money_all_the_same(shop: &Shop) {
    switch(shop, true, false).await;
    let (mut anna, bill) = billed(shop, "Звёздами").await;
    shop.advance_minutes(25 * 60).await;
    says(ask(shop, |_| {}, &bill).await, "уже закрыт");
    expire::tick(&shop.world.app).await.unwrap();
    settle(shop, &mut anna).await;
    assert_eq!(orders(shop).await[0].status, OrderStatus::Expired);
    says(ask(shop, |_| {}, &bill).await, "уже закрыт");
    anna.act(Body::Paid(charge(&bill, "stx-1"))).await;
    settle(shop, &mut anna).await;
    assert_eq!(orders(shop).await[0].status, OrderStatus::Fulfilled);
    assert!(shop.tasks().await.contains(&"paid_after_closing".to_owned()));
    shop.check_books().await;
}

async fn what_was_not_agreed_is_not_let_through(shop: &Shop) {
    switch(shop, true, false).await;
    let (mut anna, bill) = billed(shop, "Звёздами").await;
    let forged: PaymentId = shop.world.app.new_id();
    says(
        ask(shop, |question| question.payload = forged.to_string(), &bill).await,
        "Не нахожу",
    );
    says(
        ask(shop, |question| question.payload = "py_x'; --".into(), &bill).await,
        "Не нахожу",
    );
    says(
        ask(shop, |question| question.payer = "102".into(), &bill).await,
        "другому человеку",
    );
    says(
        ask(shop, |question| question.amount_minor = 1, &bill).await,
        "изменилась",
    );
    says(
        ask(shop, |question| question.currency = "RUB".into(), &bill).await,
        "изменилась",
    );
    says(
        ask(shop, |question| question.currency = "ABC".into(), &bill).await,
        "изменилась",
    );
    let english = |question: &mut Question| {
        question.payer = "102".into();
        question.language_code = Some("en".into());
    };
    says(ask(shop, english, &bill).await, "You were not charged");
    // A card's payment of a bank is no bill.
    let client = shop.only_client().await;
    let other = shop.order(&client, "program_12w", None).await.order;
    let linked = shop.start_payment(&other, "yookassa").await;
    says(
        ask(shop, |question| question.payload = linked.id.to_string(), &bill).await,
        "Не нахожу",
    );
    assert_eq!(ask(shop, |_| {}, &bill).await, None, "and the bill itself is good");

    for payload in [forged.to_string(), linked.id.to_string(), String::new()] {
        let stranger = PaidBill {
            payload: payload.clone(),
            ..charge(&bill, &format!("stx-{payload}"))
        };
        anna.act(Body::Paid(stranger)).await;
    }
    assert_eq!(shop.tasks().await, ["unknown_payment"; 3]);
    assert_eq!(balance(shop, Account::provider_clearing(STARS, Currency::Xtr)).await, 0);
    assert_eq!(shop.find_payment(&linked).await.status, PaymentStatus::Pending);
    shop.check_books().await;
}

async fn another_sum_is_kept_and_told(shop: &Shop) {
    switch(shop, true, false).await;
    let (mut anna, bill) = billed(shop, "Звёздами").await;
    let less = PaidBill {
        amount_minor: 1_000,
        ..charge(&bill, "stx-1")
    };
    anna.act(Body::Paid(less)).await;
    settle(shop, &mut anna).await;
    assert_eq!(orders(shop).await[0].status, OrderStatus::AwaitingPayment);
    assert_eq!(shop.tasks().await, ["other_amount"]);
    let client = shop.only_client().await;
    assert_eq!(balance(shop, Account::wallet(&client, Currency::Xtr)).await, -1_000);
    shop.check_books().await;
}

async fn switched_off_no_open_bill_is_let_through(shop: &Shop) {
    switch(shop, true, true).await;
    let (mut anna, bill) = billed(shop, "Звёздами").await;
    switch(shop, false, true).await;
    says(ask(shop, |_| {}, &bill).await, "сейчас не работает");
    // Telegram had asked just before.
    anna.act(Body::Paid(charge(&bill, "stx-1"))).await;
    settle(shop, &mut anna).await;
    assert_eq!(anna.count("оплата прошла"), 1);
    shop.check_books().await;
}

async fn choosing_another_way_closes_the_bill(shop: &Shop) {
    switch(shop, true, false).await;
    let (mut anna, bill) = billed(shop, "Звёздами").await;
    anna.press("Другой способ").await;
    anna.press("ЮKassa").await;
    settle(shop, &mut anna).await;
    let all = payments(shop).await;
    let by_bill = |payment: &&Payment| payment.id.to_string() == bill.payload;
    assert_eq!(all.iter().find(by_bill).unwrap().status, PaymentStatus::Canceled);
    says(ask(shop, |_| {}, &bill).await, "уже закрыт");
    // Paid at the very moment all the same: then the bank's link must not take the money again.
    anna.act(Body::Paid(charge(&bill, "stx-1"))).await;
    settle(shop, &mut anna).await;
    let all = payments(shop).await;
    assert_eq!(all.iter().find(by_bill).unwrap().status, PaymentStatus::Completed);
    let linked = all.iter().find(|payment| payment.provider == "yookassa").unwrap();
    assert_eq!(linked.status, PaymentStatus::Canceled);
    shop.check_books().await;
}

async fn two_taps_are_one_bill(shop: &Shop) {
    switch(shop, true, false).await;
    let mut anna = Phone::new(&shop.world, "101", "Анна", "ru");
    anna.start(None).await;
    anna.act(Body::Command { name: "menu".into() }).await;
    anna.press("Тарифы").await;
    anna.press("Купить: План питания").await;
    anna.press("Оплатить").await;
    let (message_ref, action) = anna.button("Звёздами");
    for _ in 0..2 {
        anna.act(Body::Action {
            action: action.clone(),
            message_ref: Some(message_ref.clone()),
        })
        .await;
    }
    assert_eq!((bills(&anna).len(), payments(shop).await.len()), (1, 1));
}

async fn stars_go_back_within_the_window_once(shop: &Shop) {
    switch(shop, true, false).await;
    let (mut anna, bill) = billed(shop, "Звёздами").await;
    anna.act(Body::Paid(charge(&bill, "stx-1"))).await;
    settle(shop, &mut anna).await;
    let payment = payments(shop).await.remove(0);
    let partly = refund::request(&shop.world.app, &shop.admin(), &payment.id, Some(stars(1)), "часть").await;
    let code = |result: Result<store::Refund, Error>| match result {
        Err(Error::Conflict { code, .. }) => code,
        other => panic!("{other:?}"),
    };
    assert_eq!(code(partly), "refund_whole_only");
    anna.act(Body::Command { name: "menu".into() }).await;
    anna.press("Мои покупки").await;
    anna.press("План питания").await;
    anna.press("Вернуть").await;
    assert_eq!(
        anna.count("1\u{a0}612\u{a0}⭐"),
        2,
        "asked about what was paid: {:?}",
        anna.texts()
    );
    let (message_ref, action) = anna.button("Да, вернуть");
    for _ in 0..2 {
        anna.act(Body::Action {
            action: action.clone(),
            message_ref: Some(message_ref.clone()),
        })
        .await;
    }
    shop.world.run_jobs().await;
    let asked: Vec<Outgoing> = shop.world.claim("bot-9").await;
    let backs: Vec<_> = asked.iter().filter_map(|one| one.content.give_back.clone()).collect();
    assert_eq!(backs.len(), 1);
    assert_eq!((backs[0].payer.as_str(), backs[0].charge.as_str()), ("101", "stx-1"));
    // The bot dies before it reports; what it had in hand goes out again, and Telegram says "refunded already": sent.
    for one in &asked {
        let fate = Fate::Sent {
            message_ref: "stx-1".into(),
            external_file_id: None,
            album_file_ids: Vec::new(),
        };
        shop.world.report("bot-9", one, fate.clone()).await;
        shop.world.report("bot-9", one, fate).await;
    }
    anna.act(Body::GivenBack { charge: "stx-1".into() }).await;
    settle(shop, &mut anna).await;
    assert_eq!(shop.find_payment(&payment).await.status, PaymentStatus::Refunded);
    assert_eq!(orders(shop).await[0].status, OrderStatus::Refunded);
    assert_eq!(balance(shop, Account::provider_clearing(STARS, Currency::Xtr)).await, 0);
    let mut tx = shop.world.read().await;
    assert!(
        tx.trial_balance()
            .await
            .unwrap()
            .iter()
            .all(|(_, money)| money.is_zero())
    );
    drop(tx);
    assert!(!shop.tasks().await.contains(&"difference".to_owned()), "it was ours");
    shop.check_books().await;
}

async fn a_refund_telegram_refuses_becomes_a_persons_work(shop: &Shop) {
    switch(shop, true, false).await;
    let (mut anna, bill) = billed(shop, "Звёздами").await;
    anna.act(Body::Paid(charge(&bill, "stx-1"))).await;
    settle(shop, &mut anna).await;
    let payment = payments(shop).await.remove(0);
    refund::request(&shop.world.app, &shop.admin(), &payment.id, None, "передумала")
        .await
        .unwrap();
    shop.world.run_jobs().await;
    for one in shop.world.claim("bot-9").await {
        let reason = "Telegram refuses: 400 Bad Request: CHARGE_NOT_FOUND".to_owned();
        shop.world.report("bot-9", &one, Fate::Rejected { reason }).await;
    }
    shop.world.run_jobs().await;
    assert!(shop.tasks().await.contains(&"refund_failed".to_owned()));
    let after = shop.find_payment(&payment).await;
    assert_eq!((after.status, after.reserved), (PaymentStatus::Completed, stars(0)));
    // Given back past us: it is booked as one of a bank's cabinet is.
    anna.act(Body::GivenBack { charge: "stx-1".into() }).await;
    settle(shop, &mut anna).await;
    assert_eq!(shop.find_payment(&payment).await.status, PaymentStatus::Refunded);
    assert_eq!(orders(shop).await[0].status, OrderStatus::Refunded);
    assert_eq!(balance(shop, Account::provider_clearing(STARS, Currency::Xtr)).await, 0);
    shop.check_books().await;
}

async fn a_card_in_telegram_is_given_back_by_hand(shop: &Shop) {
    switch(shop, false, true).await;
    let mut anna = Phone::new(&shop.world, "101", "Анна", "ru");
    anna.start(None).await;
    let client = shop.only_client().await;
    let order = shop.order(&client, "nutrition", None).await.order;
    let event = anna.event(Body::Action {
        action: format!("bv:{}:{CARD}", order.id),
        message_ref: None,
    });
    for one in &anna.receive(&event).await.deliveries {
        anna.show(one).await;
    }
    let claimed = shop.world.claim("bot-1").await;
    let out = claimed.iter().find(|one| one.content.invoice.is_some()).unwrap();
    assert_eq!(out.provider_token.as_deref(), Some(TOKEN));
    assert!(
        !serde_json::to_string(&out.content).unwrap().contains("sandbox-bank"),
        "the queue holds no token"
    );
    let bill = out.content.invoice.clone().unwrap();
    assert_eq!(bill.amount, rub(290_000));
    for one in &claimed {
        anna.show(one).await;
    }
    assert_eq!(ask(shop, |_| {}, &bill).await, None);
    anna.act(Body::Paid(charge(&bill, "tg-1"))).await;
    settle(shop, &mut anna).await;
    let payment = payments(shop).await.remove(0);
    assert_eq!((payment.status, payment.is_test), (PaymentStatus::Completed, true));
    assert_eq!(
        balance(shop, Account::provider_clearing(CARD, Currency::Rub)).await,
        290_000
    );
    refund::request(&shop.world.app, &shop.client_caller(), &payment.id, None, "")
        .await
        .unwrap();
    settle(shop, &mut anna).await;
    let open = shop
        .world
        .read()
        .await
        .list_tasks(Some(false), &ALL)
        .await
        .unwrap()
        .items;
    let task = open.iter().find(|task| task.kind == "give_back_at_bank").unwrap();
    assert!(
        task.facts.contains("bank-tg-1") && task.facts.contains("tg-1"),
        "{}",
        task.facts
    );
    assert_eq!(
        shop.find_payment(&payment).await.status,
        PaymentStatus::Completed,
        "not yet"
    );
    tasks::done(&shop.world.app, &shop.admin(), &task.id).await.unwrap();
    tasks::done(&shop.world.app, &shop.admin(), &task.id).await.unwrap();
    settle(shop, &mut anna).await;
    assert_eq!(shop.find_payment(&payment).await.status, PaymentStatus::Refunded);
    assert_eq!(shop.find_order(&order).await.status, OrderStatus::Refunded);
    assert_eq!(balance(shop, Account::provider_clearing(CARD, Currency::Rub)).await, 0);
    shop.check_books().await;
}

async fn a_bill_telegram_does_not_take_is_explained_to_both(shop: &Shop) {
    switch(shop, false, true).await;
    let mut anna = Phone::new(&shop.world, "101", "Анна", "ru");
    anna.start(None).await;
    let client = shop.only_client().await;
    let order = shop.order(&client, "nutrition", None).await.order;
    let event = anna.event(Body::Action {
        action: format!("bv:{}:{CARD}", order.id),
        message_ref: None,
    });
    for one in &anna.receive(&event).await.deliveries {
        anna.show(one).await;
    }
    for one in shop.world.claim("bot-9").await {
        let reason = "Telegram refuses: 400 Bad Request: PAYMENT_PROVIDER_INVALID".to_owned();
        let fate = if one.content.invoice.is_some() {
            Fate::Rejected { reason }
        } else {
            Fate::Sent {
                message_ref: "1".into(),
                external_file_id: None,
                album_file_ids: Vec::new(),
            }
        };
        shop.world.report("bot-9", &one, fate).await;
    }
    settle(shop, &mut anna).await;
    assert_eq!(payments(shop).await[0].status, PaymentStatus::Canceled);
    assert_eq!(anna.count("Не получилось открыть оплату"), 1);
    assert_eq!(shop.tasks().await, ["misconfigured"]);
    assert_eq!(shop.find_order(&order).await.status, OrderStatus::AwaitingPayment);
}

on_both!(in crate::payments::Shop;
    nothing_is_offered_until_it_is_switched_on,
    bought_with_stars,
    told_twice_in_two_ways_it_is_one_payment,
    two_charges_for_one_bill_are_two_payments_and_the_second_goes_back,
    money_may_overtake_the_report_of_its_bill,
    a_bill_that_ran_out_is_refused_and_its_money_is_money_all_the_same,
    what_was_not_agreed_is_not_let_through,
    another_sum_is_kept_and_told,
    switched_off_no_open_bill_is_let_through,
    choosing_another_way_closes_the_bill,
    two_taps_are_one_bill,
    stars_go_back_within_the_window_once,
    a_refund_telegram_refuses_becomes_a_persons_work,
    a_card_in_telegram_is_given_back_by_hand,
    a_bill_telegram_does_not_take_is_explained_to_both,
);
