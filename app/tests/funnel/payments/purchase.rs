//! Buying in the conversation, from the price list to the refund, through both banks.

use app::converse::Body;
use app::settings::payments::{PAYMENTS, PaymentSettings, ReceiptMode};
use domain::content::Press;
use store::{OrderFilter, PaymentFilter};

use super::*;

/// Everything the provider has to be asked for is done, and what came of it is read.
pub(super) async fn settle(shop: &Shop, phone: &mut Phone<'_>) {
    shop.world.run_jobs().await;
    phone.refresh().await;
}

pub(super) async fn orders(shop: &Shop) -> Vec<Order> {
    let mut tx = shop.world.read().await;
    tx.list_orders(&OrderFilter::default(), &ALL).await.unwrap().items
}

pub(super) async fn payments(shop: &Shop) -> Vec<Payment> {
    let mut tx = shop.world.read().await;
    tx.list_payments(&PaymentFilter::default(), &ALL).await.unwrap().items
}

pub(super) fn links(phone: &Phone<'_>) -> Vec<String> {
    phone
        .screen
        .iter()
        .flat_map(|(_, content)| content.buttons.iter().flatten())
        .filter_map(|button| match &button.press {
            Press::Url { url } => Some(url.clone()),
            Press::Action { .. } => None,
        })
        .collect()
}

pub(super) async fn press_again(phone: &mut Phone<'_>, (message_ref, action): (String, String)) {
    phone
        .act(Body::Action {
            action,
            message_ref: Some(message_ref),
        })
        .await;
}

pub(super) async fn to_card(phone: &mut Phone<'_>, title: &str) {
    phone.act(Body::Command { name: "menu".into() }).await;
    phone.press("Тарифы").await;
    phone.press(&format!("Купить: {title}")).await;
}

pub(super) async fn to_purchases(phone: &mut Phone<'_>) {
    phone.act(Body::Command { name: "menu".into() }).await;
    phone.press("Мои покупки").await;
}

async fn promo(shop: &Shop, code: &str, percent: u16, limit: Option<u32>) {
    let promo = StoredPromoCode {
        code: PromoCode {
            id: shop.world.app.new_id(),
            code: code.into(),
            discount: Discount::Percent {
                basis_points: BasisPoints::new(percent * 100).unwrap(),
            },
            starts_at: None,
            ends_at: None,
            total_limit: limit,
            per_client_limit: None,
            is_first_order_only: false,
            products: Vec::new(),
            clients: Vec::new(),
            minimum: None,
            is_active: true,
        },
        label: code.into(),
        batch: None,
        note: String::new(),
        uses: 0,
        created_at: NOW,
        version: 1,
    };
    let mut tx = shop.world.write().await;
    assert!(tx.insert_promo_code(&promo).await.unwrap());
    tx.commit().await.unwrap();
}

async fn bought_with_a_promo_code_by_two_taps(shop: &Shop) {
    let (mut anna, client) = a_reader(shop).await;
    promo(shop, "SPORT20", 20, Some(1)).await;
    to_card(&mut anna, "Программа на 12 недель").await;
    anna.press("Нет, только это").await;
    assert_eq!(anna.count("Ваш заказ"), 1);
    anna.press("У меня есть промокод").await;
    anna.say("ЛЕТО").await;
    assert_eq!(anna.count("Такого промокода нет"), 1);
    anna.say(" sport 20 ").await;
    assert_eq!(anna.count("Промокод принят"), 1);
    assert_eq!(anna.count("Скидка по промокоду 20"), 1);
    assert_eq!(orders(shop).await.len(), 0, "nothing is ordered before it is agreed");
    let pay = anna.button("Оплатить");
    press_again(&mut anna, pay.clone()).await;
    press_again(&mut anna, pay).await;
    let way = anna.button("ЮKassa");
    press_again(&mut anna, way.clone()).await;
    press_again(&mut anna, way).await;
    settle(shop, &mut anna).await;
    let (orders, opened) = (orders(shop).await, payments(shop).await);
    assert_eq!((orders.len(), opened.len()), (1, 1), "two taps are one payment");
    assert_eq!(orders[0].total, rub(399_200));
    assert!(orders[0].offer_hash.is_some() && orders[0].offer_accepted_at.is_some());
    assert_eq!(links(&anna), [opened[0].pay_url.clone().unwrap()]);

    anna.press("Я оплатил").await;
    settle(shop, &mut anna).await;
    assert!(anna.toasts.iter().any(|toast| toast.contains("Проверяю")));
    assert_eq!(anna.count("Пока оплаты не вижу"), 1);
    shop.bank_pays(&opened[0]).await;
    shop.advance_minutes(1).await;
    let check = anna.button("Я оплатил");
    press_again(&mut anna, check.clone()).await;
    settle(shop, &mut anna).await;
    assert_eq!((anna.count("оплата прошла"), anna.documents()), (1, 2));
    assert_eq!(shop.find_order(&orders[0]).await.status, OrderStatus::Fulfilled);
    assert_eq!(shop.stage(&client).await, StageKind::Active);
    shop.advance_minutes(1).await;
    press_again(&mut anna, check).await;
    settle(shop, &mut anna).await;
    assert_eq!((anna.count("оплата прошла"), anna.count("оплата на месте")), (1, 1));
    shop.check_books().await;
}

async fn a_decline_leads_to_a_second_try_elsewhere(shop: &Shop) {
    let mut anna = Phone::new(&shop.world, "101", "Анна", "ru");
    anna.start(None).await;
    to_card(&mut anna, "План питания").await;
    anna.press("Оплатить").await;
    anna.press("ЮKassa").await;
    settle(shop, &mut anna).await;
    let first = payments(shop).await.remove(0);
    shop.bank
        .yookassa()
        .decline(first.provider_payment.as_ref().unwrap(), "insufficient_funds")
        .await
        .unwrap();
    anna.press("Я оплатил").await;
    settle(shop, &mut anna).await;
    assert_eq!(anna.count("оплата не прошла"), 1);
    anna.press("Оплатить ещё раз").await;
    anna.press("Т-Банк").await;
    settle(shop, &mut anna).await;
    let second = payments(shop).await.remove(0);
    assert_eq!(second.provider, "tbank");
    shop.bank_pays(&second).await;
    shop.advance_minutes(1).await;
    anna.press("Я оплатил").await;
    settle(shop, &mut anna).await;
    assert_eq!(anna.count("оплата прошла"), 1);
    assert_eq!((orders(shop).await.len(), payments(shop).await.len()), (1, 2));
    shop.check_books().await;
}

async fn a_link_that_ran_out_is_made_anew(shop: &Shop) {
    let mut anna = Phone::new(&shop.world, "101", "Анна", "ru");
    anna.start(None).await;
    to_card(&mut anna, "План питания").await;
    anna.press("Оплатить").await;
    anna.press("ЮKassa").await;
    settle(shop, &mut anna).await;
    let first = payments(shop).await.remove(0);
    shop.bank
        .yookassa()
        .decline(first.provider_payment.as_ref().unwrap(), "expired_on_confirmation")
        .await
        .unwrap();
    anna.press("Я оплатил").await;
    settle(shop, &mut anna).await;
    let second = payments(shop).await.remove(0);
    assert_ne!(second.id, first.id);
    assert_eq!(anna.count("оплата не прошла"), 0);
    assert_eq!(links(&anna).last(), second.pay_url.as_ref());
    shop.bank_pays(&second).await;
    shop.look(&second).await;
    settle(shop, &mut anna).await;
    assert_eq!(anna.count("оплата прошла"), 1);
    shop.check_books().await;
}

async fn money_goes_back_within_the_window_once_and_to_nobody_else(shop: &Shop) {
    let (mut anna, _) = a_reader(shop).await;
    for _ in 0..2 {
        to_card(&mut anna, "План питания").await;
        anna.press("Оплатить").await;
        anna.press("Т-Банк").await;
        settle(shop, &mut anna).await;
        let payment = payments(shop).await.remove(0);
        shop.bank_pays(&payment).await;
        shop.look(&payment).await;
        settle(shop, &mut anna).await;
        shop.advance_minutes(61).await;
    }
    let mut orders = orders(shop).await;
    assert_eq!(orders.len(), 2, "what is paid is not taken for what waits");
    let late = orders.remove(0);
    to_purchases(&mut anna).await;
    anna.press("План питания").await;
    let last = anna.last();
    assert!(
        last.buttons
            .iter()
            .flatten()
            .all(|button| button.label != "Вернуть деньги")
    );
    to_card(&mut anna, "План питания").await;
    anna.press("Оплатить").await;
    anna.press("ЮKassa").await;
    settle(shop, &mut anna).await;
    let payment = payments(shop).await.remove(0);
    shop.bank_pays(&payment).await;
    shop.look(&payment).await;
    settle(shop, &mut anna).await;

    let mut boris = Phone::new(&shop.world, "102", "Борис", "ru");
    boris.start(None).await;
    for action in [
        format!("br:{}:yes", payment.order),
        format!("bx:{}", payment.order),
        format!("bi:{}", payment.order),
    ] {
        press_again(&mut boris, ("1".into(), action)).await;
        assert_eq!(
            boris.toasts.last().map(String::as_str),
            Some("Эта кнопка уже не действует — вот где мы сейчас")
        );
    }
    assert_eq!(boris.count("План питания"), 0);

    to_purchases(&mut anna).await;
    anna.press("План питания").await;
    anna.press("Вернуть деньги").await;
    let yes = anna.button("Да, вернуть");
    press_again(&mut anna, yes.clone()).await;
    press_again(&mut anna, yes).await;
    settle(shop, &mut anna).await;
    assert_eq!(anna.count("отправлен"), 1);
    let back = shop
        .world
        .read()
        .await
        .find_order(&payment.order)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(back.status, OrderStatus::Refunded);
    assert_eq!(shop.find_order(&late).await.status, OrderStatus::Fulfilled);
    shop.check_books().await;
}

async fn the_receipts_address_is_asked_once(shop: &Shop) {
    let settings = PaymentSettings {
        receipts: ReceiptMode::Provider,
        providers: vec!["yookassa".into()],
        ..PaymentSettings::default()
    };
    let mut tx = shop.world.write().await;
    tx.save_setting(PAYMENTS, &serde_json::to_string(&settings).unwrap(), 0, NOW)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let mut anna = Phone::new(&shop.world, "101", "Анна", "ru");
    anna.start(None).await;
    to_card(&mut anna, "План питания").await;
    anna.press("Оплатить").await;
    assert_eq!(anna.count("Куда прислать чек"), 1);
    anna.say("да куда угодно").await;
    assert_eq!(anna.count("Не похоже ни на почту"), 1);
    anna.say("Anna@Example.com").await;
    assert_eq!(anna.count("Чек придёт на anna@example.com"), 1);
    anna.press("Оплатить").await;
    settle(shop, &mut anna).await;
    assert_eq!(links(&anna).len(), 1, "with one provider there is nothing to choose");
    let first = orders(shop).await.remove(0);
    assert_eq!(first.contact.as_deref(), Some("anna@example.com"));
    anna.press("Отменить заказ").await;
    assert_eq!(shop.find_order(&first).await.status, OrderStatus::Canceled);
    to_card(&mut anna, "Программа на 12 недель").await;
    anna.press("+ План питания").await;
    assert_eq!(anna.count("Чек придёт на anna@example.com"), 1);
    anna.press("Оплатить 7").await;
    settle(shop, &mut anna).await;
    let second = orders(shop).await.remove(0);
    assert_eq!(
        (second.total, second.contact.as_deref()),
        (rub(789_000), Some("anna@example.com"))
    );
    shop.check_books().await;
}

async fn months_have_packages_and_a_changed_price_is_shown_again(shop: &Shop) {
    let mut coaching = shop.product("coaching_3m").await;
    coaching.is_monthly = true;
    coaching.price = rub(600_000);
    coaching.packages = vec![(3, BasisPoints::new(1_000).unwrap())];
    let mut tx = shop.world.write().await;
    assert!(tx.save_product(&coaching).await.unwrap());
    tx.commit().await.unwrap();
    app::settings::forget(&shop.world.app, shop.world.tenant());
    let mut anna = Phone::new(&shop.world, "101", "Анна", "ru");
    anna.start(None).await;
    to_card(&mut anna, "Три месяца с тренером").await;
    anna.press("3 месяца").await;
    anna.press("Нет, только это").await;
    assert_eq!(anna.count("Скидка за несколько месяцев 10"), 1);
    coaching.price = rub(700_000);
    coaching.version += 1;
    let mut tx = shop.world.write().await;
    assert!(tx.save_product(&coaching).await.unwrap());
    tx.commit().await.unwrap();
    anna.press("Оплатить").await;
    assert_eq!(anna.count("Цена с прошлого раза изменилась"), 1);
    assert_eq!(orders(shop).await.len(), 0);
    anna.press("Оплатить").await;
    assert_eq!(orders(shop).await.remove(0).total, rub(1_890_000));
    shop.check_books().await;
}

async fn a_whole_discount_is_taken_without_a_bank(shop: &Shop) {
    promo(shop, "GIFT", 100, None).await;
    let (mut anna, _) = a_reader(shop).await;
    to_card(&mut anna, "Программа на 12 недель").await;
    anna.press("Нет, только это").await;
    anna.press("У меня есть промокод").await;
    anna.say("gift").await;
    anna.press("Получить бесплатно").await;
    settle(shop, &mut anna).await;
    assert_eq!((anna.count("Платить ничего не нужно"), anna.documents()), (1, 2));
    assert_eq!(payments(shop).await.len(), 0);
    shop.check_books().await;
}

async fn a_slow_bank_is_explained_and_the_link_follows(shop: &Shop) {
    let mut anna = Phone::new(&shop.world, "101", "Анна", "ru");
    anna.start(None).await;
    to_card(&mut anna, "План питания").await;
    anna.press("Оплатить").await;
    shop.bank
        .yookassa()
        .set_faults(&json!({ "server_error": { "next": 1 } }))
        .await
        .unwrap();
    anna.press("ЮKassa").await;
    settle(shop, &mut anna).await;
    assert_eq!((anna.count("Банк отвечает медленно"), links(&anna).len()), (1, 0));
    shop.advance_minutes(1).await;
    settle(shop, &mut anna).await;
    assert_eq!((anna.count("Банк отвечает медленно"), links(&anna).len()), (1, 1));
    assert_eq!(payments(shop).await.len(), 1);
    shop.check_books().await;
}

on_both!(in crate::payments::Shop;
    bought_with_a_promo_code_by_two_taps,
    a_decline_leads_to_a_second_try_elsewhere,
    a_link_that_ran_out_is_made_anew,
    money_goes_back_within_the_window_once_and_to_nobody_else,
    the_receipts_address_is_asked_once,
    months_have_packages_and_a_changed_price_is_shown_again,
    a_whole_discount_is_taken_without_a_bank,
    a_slow_bank_is_explained_and_the_link_follows,
);
