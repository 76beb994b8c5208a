//! Messages that ask for money, once that is over: they say how it ended, and nothing on them can be paid any more.

use app::pay::hold;
use app::settings::programs::{DeliveryRule, PROGRAMS, ProgramSettings};
use domain::content::Press;
use domain::dialogue::paying;
use domain::payment::Observation;
use providers::payments::Seen;

use super::parts::hold_money;
use super::purchase::{links, orders, payments, press_again, settle, to_card, to_purchases};
use super::*;

/// Somebody with the link to pay for a nutrition plan on the screen.
async fn at_the_link<'a>(shop: &'a Shop, address: &str, way: &str) -> (Phone<'a>, Payment) {
    let mut anna = Phone::new(&shop.world, address, "Анна", "ru");
    anna.start(None).await;
    to_card(&mut anna, "План питания").await;
    anna.press("Оплатить").await;
    anna.press(way).await;
    settle(shop, &mut anna).await;
    let payment = payments(shop).await.remove(0);
    assert_eq!(links(&anna), [payment.pay_url.clone().unwrap()]);
    (anna, payment)
}

/// The messages that ask for money.
fn asking(phone: &Phone<'_>) -> Vec<String> {
    let pays = |content: &domain::content::Content| {
        let mut buttons = content.buttons.iter().flatten();
        paying::asks_for(content).is_some() || buttons.any(|button| matches!(button.press, Press::Url { .. }))
    };
    let asking = phone.screen.iter().filter(|(_, content)| pays(content));
    asking.map(|(_, content)| content.plain_text()).collect()
}

async fn the_bank_declines(shop: &Shop, payment: &Payment, reason: &str) {
    let id = payment.provider_payment.as_ref().unwrap();
    shop.bank.yookassa().decline(id, reason).await.unwrap();
    shop.look(payment).await;
}

async fn whoever_tells_of_the_money_nothing_asks_for_it_any_more(shop: &Shop) {
    for (number, teller) in ["poll", "notification", "person"].into_iter().enumerate() {
        let (mut anna, payment) = at_the_link(shop, &format!("10{number}"), "ЮKassa").await;
        anna.press("Я оплатил").await;
        settle(shop, &mut anna).await;
        assert_eq!(asking(&anna).len(), 2, "{teller}: the link, and that nothing came yet");
        let (check, open_it) = (anna.button("Я оплатил"), anna.button("Открыть оплату"));
        match teller {
            "person" => {
                let admin = shop.admin();
                open::enter_by_hand(&shop.world.app, &admin, &payment.order, None, "наличными")
                    .await
                    .unwrap();
            }
            _ => shop.bank_pays(&payment).await,
        }
        match teller {
            "poll" => {
                shop.look(&payment).await;
            }
            "notification" => {
                cases::told(shop, &payment).await;
            }
            _ => {}
        }
        settle(shop, &mut anna).await;
        assert_eq!(asking(&anna), Vec::<String>::new(), "{teller}");
        assert_eq!(
            (anna.count("Заказ оплачен"), anna.count("К оплате")),
            (1, 0),
            "{teller}"
        );
        assert_eq!(anna.count("Пока оплаты не вижу"), 1, "{teller}: words stay");

        // Taps that were on their way explain themselves.
        shop.advance_minutes(1).await;
        press_again(&mut anna, check).await;
        settle(shop, &mut anna).await;
        assert_eq!(anna.count("оплата на месте"), 1, "{teller}");
        press_again(&mut anna, open_it).await;
        settle(shop, &mut anna).await;
        assert_eq!(anna.count("оплата на месте"), 2, "{teller}");
        assert_eq!(links(&anna), Vec::<String>::new(), "{teller}");
    }
    shop.check_books().await;
}

async fn a_declined_link_gives_way_to_the_next_one(shop: &Shop) {
    let (mut anna, first) = at_the_link(shop, "101", "ЮKassa").await;
    the_bank_declines(shop, &first, "insufficient_funds").await;
    settle(shop, &mut anna).await;
    assert_eq!(anna.count("больше не действует"), 1);
    assert_eq!(
        asking(&anna).len(),
        1,
        "the decline has the way on: {:?}",
        asking(&anna)
    );
    anna.press("Оплатить ещё раз").await;
    anna.press("Т-Банк").await;
    settle(shop, &mut anna).await;
    let second = payments(shop).await.remove(0);
    assert_eq!(links(&anna), [second.pay_url.clone().unwrap()]);
    shop.bank_pays(&second).await;
    shop.look(&second).await;
    settle(shop, &mut anna).await;
    assert_eq!(asking(&anna), Vec::<String>::new());
    assert_eq!((anna.count("Заказ оплачен"), anna.count("больше не действует")), (2, 0));
    shop.check_books().await;
}

async fn a_link_that_ran_out_leads_to_a_new_one(shop: &Shop) {
    let (mut anna, first) = at_the_link(shop, "101", "ЮKassa").await;
    the_bank_declines(shop, &first, "expired_on_confirmation").await;
    settle(shop, &mut anna).await;
    assert_eq!((anna.count("больше не действует"), links(&anna).len()), (1, 0));
    anna.press("Открыть оплату").await;
    anna.press("ЮKassa").await;
    settle(shop, &mut anna).await;
    let second = payments(shop).await.remove(0);
    assert_ne!(second.id, first.id);
    assert_eq!(links(&anna), [second.pay_url.clone().unwrap()]);
    shop.bank_pays(&second).await;
    shop.look(&second).await;
    settle(shop, &mut anna).await;
    assert_eq!(asking(&anna), Vec::<String>::new());
    shop.check_books().await;
}

async fn another_bank_takes_the_place_of_the_first_ones_link(shop: &Shop) {
    let (mut anna, first) = at_the_link(shop, "101", "ЮKassa").await;
    to_purchases(&mut anna).await;
    anna.press("План питания").await;
    anna.press("Оплатить").await;
    anna.press("Т-Банк").await;
    settle(shop, &mut anna).await;
    let second = payments(shop).await.remove(0);
    assert_eq!(shop.find_payment(&first).await.status, PaymentStatus::Canceled);
    assert_eq!(
        links(&anna),
        [second.pay_url.clone().unwrap()],
        "the first one's is gone"
    );
    assert_eq!(anna.count("больше не действует"), 1);
    shop.check_books().await;
}

async fn an_order_that_ends_asks_for_nothing_until_late_money_pays_it(shop: &Shop) {
    let (mut anna, payment) = at_the_link(shop, "101", "ЮKassa").await;
    to_purchases(&mut anna).await;
    anna.press("План питания").await;
    assert_eq!(asking(&anna).len(), 2, "the link, and the order with its buttons");
    shop.advance_minutes(25 * 60).await;
    expire::tick(&shop.world.app).await.unwrap();
    settle(shop, &mut anna).await;
    assert_eq!(orders(shop).await.remove(0).status, OrderStatus::Expired);
    assert_eq!(asking(&anna), Vec::<String>::new());
    assert_eq!((anna.count("Этот заказ уже закрыт"), anna.count("К оплате")), (1, 0));
    let late = Seen {
        id: payment.provider_payment.clone().unwrap(),
        observation: Observation::Succeeded {
            amount: payment.amount,
            fee: None,
        },
        pay_url: None,
        reference: None,
        amount: payment.amount,
        refunded: None,
        is_test: true,
        saved_method: None,
    };
    let (app, caller) = (&shop.world.app, &shop.world.caller);
    let source = Source::Notification;
    observe::apply(app, &caller.tenant, &payment.id, &late, source, &caller.request_id)
        .await
        .unwrap();
    settle(shop, &mut anna).await;
    assert_eq!(orders(shop).await.remove(0).status, OrderStatus::Fulfilled);
    assert_eq!(
        (anna.count("Заказ оплачен"), anna.count("Этот заказ уже закрыт")),
        (1, 0)
    );
}

async fn what_is_called_off_asks_for_nothing(shop: &Shop) {
    let (mut anna, payment) = at_the_link(shop, "101", "ЮKassa").await;
    shop.advance_minutes(1).await;
    to_purchases(&mut anna).await;
    anna.press("План питания").await;
    anna.press("Оплатить").await;
    anna.press("ЮKassa").await;
    settle(shop, &mut anna).await;
    assert_eq!(payments(shop).await.len(), 1);
    assert_eq!(links(&anna).len(), 2, "asked for twice, it is one link in two messages");
    anna.press("Отменить заказ").await;
    settle(shop, &mut anna).await;
    assert_eq!(orders(shop).await.remove(0).status, OrderStatus::Canceled);
    assert_eq!(asking(&anna), Vec::<String>::new());
    assert_eq!(
        (anna.count("Заказ отменён"), anna.count("Этот заказ уже закрыт")),
        (1, 1),
        "where it was called off, and the other one: {:?}",
        anna.texts()
    );
    // A person calls an order off.
    let (mut boris, second) = at_the_link(shop, "102", "Т-Банк").await;
    assert_ne!(second.order, payment.order);
    expire::cancel(&shop.world.app, &shop.admin(), &second.order)
        .await
        .unwrap();
    settle(shop, &mut boris).await;
    assert_eq!(asking(&boris), Vec::<String>::new());
    assert_eq!(boris.count("Этот заказ уже закрыт"), 1);
    shop.check_books().await;
}

async fn a_link_on_its_way_while_the_money_comes_is_seen_to_when_it_arrives(shop: &Shop) {
    let mut anna = Phone::new(&shop.world, "101", "Анна", "ru");
    anna.start(None).await;
    to_card(&mut anna, "План питания").await;
    anna.press("Оплатить").await;
    anna.press("ЮKassa").await;
    shop.world.run_jobs().await;
    let in_hand = shop.world.claim("bot-1").await;
    assert_eq!(in_hand.len(), 1);
    let payment = payments(shop).await.remove(0);
    shop.bank_pays(&payment).await;
    shop.look(&payment).await;
    for outgoing in &in_hand {
        anna.show(outgoing).await;
    }
    assert_eq!(asking(&anna).len(), 1, "it arrives as it was written");
    settle(shop, &mut anna).await;
    assert_eq!(asking(&anna), Vec::<String>::new());
    assert_eq!((anna.count("Заказ оплачен"), anna.count("оплата прошла")), (1, 1));
    // Looked at again and again, it is said once.
    let before = anna.screen.clone();
    shop.look(&payment).await;
    settle(shop, &mut anna).await;
    assert_eq!(anna.screen, before);
    shop.check_books().await;
}

async fn a_question_that_stands_in_the_place_of_a_link_gives_way_too(shop: &Shop) {
    let (mut anna, payment) = at_the_link(shop, "101", "ЮKassa").await;
    anna.press("Другой способ").await;
    let other = anna.button("Т-Банк");
    shop.bank_pays(&payment).await;
    shop.look(&payment).await;
    settle(shop, &mut anna).await;
    assert_eq!(asking(&anna), Vec::<String>::new());
    assert_eq!(
        (anna.count("Заказ оплачен"), anna.count("Как удобнее оплатить")),
        (1, 0)
    );
    press_again(&mut anna, other).await;
    settle(shop, &mut anna).await;
    assert_eq!((anna.count("оплата на месте"), payments(shop).await.len()), (1, 1));
    shop.check_books().await;
}

async fn held_money_is_not_asked_for_again_until_it_is_let_go(shop: &Shop) {
    hold_money(shop).await;
    for (address, takes) in [("101", true), ("102", false)] {
        let (mut anna, payment) = at_the_link(shop, address, "ЮKassa").await;
        let id = payment.provider_payment.as_ref().unwrap();
        shop.bank.yookassa().pay(id).await.unwrap();
        assert_eq!(shop.look(&payment).await, PaymentStatus::WaitingForCapture);
        settle(shop, &mut anna).await;
        assert_eq!(asking(&anna), Vec::<String>::new());
        assert_eq!(anna.count("ждёт подтверждения"), 1);
        let (app, admin) = (&shop.world.app, shop.admin());
        if takes {
            hold::capture(app, &admin, &payment.id, None).await.unwrap();
            settle(shop, &mut anna).await;
            assert_eq!(anna.count("Заказ оплачен"), 1);
            assert_eq!(asking(&anna), Vec::<String>::new());
        } else {
            hold::release(app, &admin, &payment.id).await.unwrap();
            settle(shop, &mut anna).await;
            assert_eq!(anna.count("больше не действует"), 1);
            assert_eq!(asking(&anna).len(), 1, "it may be paid again");
        }
        assert_eq!(anna.count("ждёт подтверждения"), 0);
    }
    shop.check_books().await;
}

async fn one_message_after_the_payment_says_what_comes_next(shop: &Shop) {
    let mut anna = Phone::new(&shop.world, "101", "Анна", "ru");
    anna.start(None).await;
    let before = anna.screen.len();
    let client = shop.only_client().await;
    let order = shop.order(&client, "program_12w", None).await.order;
    let payment = shop.start_payment(&order, "yookassa").await;
    shop.bank_pays(&payment).await;
    shop.look(&payment).await;
    settle(shop, &mut anna).await;
    let said = &anna.texts()[before..];
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains("оплата прошла") && said[0].contains("нужны ответы") && !said[0].contains("пару минут"),
        "{said:?}"
    );
    anna.press("Ответить на вопросы").await;
    assert_eq!(anna.count("Согласен"), 1, "{:?}", anna.texts());

    // Whoever has answered is promised the programme, and nothing else.
    let mut boris = Phone::new(&shop.world, "102", "Борис", "ru");
    boris.walk_to_summary("Нет, всё в порядке").await;
    boris.press("Всё верно").await;
    settle(shop, &mut boris).await;
    buys_a_programme(shop, &mut boris).await;
    assert_eq!(
        (boris.count("обычно за пару минут"), boris.count("нужны ответы")),
        (1, 0)
    );

    // Nor is anybody whom the trainer has to talk with first.
    let mut vera = Phone::new(&shop.world, "103", "Вера", "ru");
    vera.walk_to_summary("Да, есть").await;
    vera.press("Всё верно").await;
    settle(shop, &mut vera).await;
    buys_a_programme(shop, &mut vera).await;
    let paid = the_news(&vera);
    assert!(paid.contains("напишет вам здесь") && !paid.contains("минут"), "{paid}");

    // The trainer's look before sending takes longer than minutes.
    let settings = ProgramSettings {
        delivery: DeliveryRule::AfterApproval,
        ..ProgramSettings::default()
    };
    let mut tx = shop.world.write().await;
    let text = serde_json::to_string(&settings).unwrap();
    tx.save_setting(PROGRAMS, &text, 0, NOW).await.unwrap();
    tx.commit().await.unwrap();
    let mut galina = Phone::new(&shop.world, "104", "Галина", "ru");
    galina.walk_to_summary("Нет, всё в порядке").await;
    galina.press("Всё верно").await;
    settle(shop, &mut galina).await;
    buys_a_programme(shop, &mut galina).await;
    let paid = the_news(&galina);
    assert!(
        paid.contains("посмотрит её перед отправкой") && !paid.contains("минут"),
        "{paid}"
    );
    shop.check_books().await;
}

fn the_news(phone: &Phone<'_>) -> String {
    let mut texts = phone.texts().into_iter();
    texts.find(|text| text.contains("оплата прошла")).unwrap()
}

async fn buys_a_programme(shop: &Shop, phone: &mut Phone<'_>) {
    to_card(phone, "Программа на 12 недель").await;
    phone.press("Нет, только это").await;
    phone.press("Оплатить").await;
    phone.press("ЮKassa").await;
    settle(shop, phone).await;
    let payment = payments(shop).await.remove(0);
    shop.bank_pays(&payment).await;
    shop.look(&payment).await;
    settle(shop, phone).await;
}

async fn an_addition_is_sold_on_its_own_and_with_something_else(shop: &Shop) {
    let mut anna = Phone::new(&shop.world, "101", "Анна", "ru");
    anna.start(None).await;
    anna.act(app::converse::Body::Command { name: "menu".into() }).await;
    anna.press("Тарифы").await;
    let prices = anna.last().plain_text();
    let (_, card) = prices.split_once("План питания — ").unwrap();
    assert!(
        card.contains("взять отдельно или добавить к другому заказу"),
        "{prices}"
    );
    assert_eq!(prices.matches("добавить к другому заказу").count(), 1, "{prices}");
    anna.press("Купить: План питания").await;
    assert_eq!(anna.count("Добавим к заказу"), 0, "to an addition nothing is added");
    assert!(anna.last().plain_text().contains("2\u{a0}900"), "{:?}", anna.last());
    to_card(&mut anna, "Программа на 12 недель").await;
    assert_eq!(anna.count("Добавим к заказу"), 1);
    anna.press("+ План питания").await;
    assert!(anna.last().plain_text().contains("7\u{a0}890"), "{:?}", anna.last());
    // Nothing else becomes an addition by accident.
    to_card(&mut anna, "Три месяца с тренером").await;
    let offered: Vec<&str> = anna
        .last()
        .buttons
        .iter()
        .flatten()
        .map(|button| button.label.as_str())
        .collect();
    assert_eq!(
        offered.iter().filter(|label| label.starts_with('+')).count(),
        1,
        "{offered:?}"
    );
}

on_both!(in crate::payments::Shop;
    whoever_tells_of_the_money_nothing_asks_for_it_any_more,
    a_declined_link_gives_way_to_the_next_one,
    a_link_that_ran_out_leads_to_a_new_one,
    another_bank_takes_the_place_of_the_first_ones_link,
    an_order_that_ends_asks_for_nothing_until_late_money_pays_it,
    what_is_called_off_asks_for_nothing,
    a_link_on_its_way_while_the_money_comes_is_seen_to_when_it_arrives,
    a_question_that_stands_in_the_place_of_a_link_gives_way_too,
    held_money_is_not_asked_for_again_until_it_is_let_go,
    one_message_after_the_payment_says_what_comes_next,
    an_addition_is_sold_on_its_own_and_with_something_else,
);
