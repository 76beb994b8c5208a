//! Letters about an order: what they say, and what happens when the mail server has a bad day.

use app::mail::Again;
use app::pay::{checkout, refund};
use domain::language::Language;
use serde_json::{Value, json};
use store::{Order, PaymentFilter};

use super::{ALL, Site, answer_everything, header};
use crate::phone::Phone;
use crate::world::{TRAINER, on_both};

fn text(letter: &Value) -> &str {
    letter["text"].as_str().unwrap()
}

fn subjects(letters: &[Value]) -> Vec<&str> {
    letters
        .iter()
        .map(|letter| letter["subject"].as_str().unwrap())
        .collect()
}

async fn stuck(site: &Site) -> Vec<store::StuckDelivery> {
    site.world.read().await.stuck_deliveries(99, &ALL).await.unwrap().items
}

async fn a_paid_order(site: &Site) -> Order {
    let buyer = site.buyer("Анна <b>Петрова</b>").await;
    site.paid(&buyer, "program_12w").await
}

async fn the_letters_of_an_order_from_payment_to_refund(site: &Site) {
    let order = a_paid_order(site).await;
    assert_eq!(site.send_letters().await, 1);
    assert_eq!(site.send_letters().await, 0, "once");
    let letters = site.letters().await;
    let paid = &letters[0];
    assert_eq!(paid["envelope_to"], json!(["anna@example.com"]));
    assert_eq!(paid["envelope_from"], "no-reply@voronka.example");
    assert_eq!(header(paid, "from"), "Студия <no-reply@voronka.example>");
    assert_eq!(header(paid, "auto-submitted"), "auto-generated");
    assert!(header(paid, "message-id").ends_with("@voronka.example>"));
    assert!(header(paid, "date").contains("2026"), "{}", header(paid, "date"));
    assert!(
        subjects(&letters)[0].starts_with("Оплата получена: "),
        "{:?}",
        subjects(&letters)
    );
    let token = site.token(&order).await;
    let words = text(paid);
    assert!(words.contains("4\u{a0}990\u{a0}₽"), "{words}");
    assert!(
        words.contains(&format!("https://t.me/voronka_test_bot?start={token}")),
        "{words}"
    );
    assert!(words.contains(&format!("/checkout/{}?lang=ru", order.id)), "{words}");
    assert!(words.contains("Здравствуйте, Анна!"), "{words}");
    let html = paid["html"].as_str().unwrap();
    assert!(
        html.contains(&token) && !html.contains("<b>") && !html.contains("<img"),
        "{html}"
    );
    assert!(html.contains("prefers-color-scheme: dark"));

    let mut anna = Phone::new(&site.world, "201", "Анна", "ru");
    anna.start(Some(&token)).await;
    answer_everything(&mut anna).await;
    site.world.run_jobs().await;
    assert_eq!(site.send_letters().await, 1);
    let letters = site.letters().await;
    let ready = &letters[1];
    assert_eq!(ready["subject"], "Ваша программа готова");
    assert_eq!(ready["attachments"][0]["mime"], "application/pdf");
    assert!(
        ready["attachments"][0]["name"].as_str().unwrap().ends_with(".pdf"),
        "{ready}"
    );
    assert!(text(ready).contains("/program?lang=ru&until="), "{}", text(ready));
    assert!(
        !text(ready).contains("start=o_"),
        "the buyer is in the bot by now: {}",
        text(ready)
    );
    assert!(site.is_fulfilled(&order).await, "handed over with the letter");
    anna.refresh().await;
    assert_eq!(anna.documents(), 1, "and in Telegram as well");
    let actions = site
        .world
        .read()
        .await
        .list_actions(&site.find(&order).await.client, &ALL)
        .await
        .unwrap()
        .items;
    assert_eq!(
        actions
            .iter()
            .filter(|action| action.kind == "program.delivered")
            .count(),
        1
    );
    assert_eq!(
        actions.iter().filter(|action| action.kind == "order.fulfilled").count(),
        1
    );

    let of_order = PaymentFilter {
        order: Some(order.id.clone()),
        ..PaymentFilter::default()
    };
    let payments = site
        .world
        .read()
        .await
        .list_payments(&of_order, &ALL)
        .await
        .unwrap()
        .items;
    refund::request(&site.world.app, &site.admin(), &payments[0].id, None, "передумала")
        .await
        .unwrap();
    site.world.run_jobs().await;
    assert_eq!(site.send_letters().await, 1);
    let letters = site.letters().await;
    assert_eq!(subjects(&letters)[2], "Возврат 4\u{a0}990\u{a0}₽");
    assert_eq!(letters.len(), 3);
}

async fn a_server_that_is_away_or_busy_gets_the_letter_later(site: &Site) {
    a_paid_order(site).await;
    site.mail_faults(&json!({ "busy": { "next": 1 }, "defer": { "next": 1 }, "drop_mail": { "next": 1 } }))
        .await;
    for minutes in [1, 2, 4] {
        assert_eq!(site.send_letters().await, 1);
        assert_eq!(site.send_letters().await, 0, "not before its time");
        assert!(site.letters().await.is_empty());
        site.advance_minutes(minutes).await;
    }
    assert_eq!(site.send_letters().await, 1);
    assert_eq!(site.letters().await.len(), 1);
    assert!(stuck(site).await.is_empty() && site.tasks().await.is_empty());
}

async fn a_letter_refused_for_good_is_put_aside_and_a_person_hears_of_it(site: &Site) {
    let mut trainer = Phone::new(&site.world, TRAINER, "Ольга", "ru");
    trainer.start(None).await;
    let order = a_paid_order(site).await;
    site.mail_faults(&json!({ "refuse": { "next": 1 } })).await;
    site.send_letters().await;
    site.advance_minutes(60).await;
    assert_eq!(site.send_letters().await, 0, "it is not tried again by itself");
    let put_aside = stuck(site).await;
    assert_eq!((put_aside.len(), put_aside[0].kind.as_str()), (1, "letter_paid"));
    let reason = put_aside[0].last_error.clone().unwrap();
    assert!(reason.contains("550") && !reason.contains('@'), "{reason}");
    let tasks = site.tasks().await;
    assert_eq!((tasks.len(), tasks[0].kind.as_str()), (1, "letter_failed"));
    assert_eq!(tasks[0].order.as_ref(), Some(&order.id));
    assert!(
        tasks[0].facts.contains("550") && !tasks[0].facts.contains('@'),
        "{}",
        tasks[0].facts
    );
    trainer.refresh().await;
    assert_eq!(trainer.count("Письмо о заказе не дошло"), 1, "{:#?}", trainer.texts());
    // Mended: the same letter goes out.
    app::operate::replay_delivery(&site.world.app, &site.admin(), &put_aside[0].id)
        .await
        .unwrap();
    assert_eq!(site.send_letters().await, 1);
    assert_eq!(site.letters().await.len(), 1);
}

async fn a_letter_whose_answer_got_lost_comes_twice_as_one_and_the_same(site: &Site) {
    a_paid_order(site).await;
    site.mail_faults(&json!({ "drop_response": { "next": 1 } })).await;
    site.send_letters().await;
    site.advance_minutes(1).await;
    site.send_letters().await;
    site.advance_minutes(60).await;
    assert_eq!(site.send_letters().await, 0);
    let letters = site.letters().await;
    assert_eq!(letters.len(), 2);
    for name in ["message-id", "date"] {
        assert_eq!(header(&letters[0], name), header(&letters[1], name));
    }
}

async fn a_letter_in_the_hands_of_a_dead_process_goes_out_once_its_lease_is_over(site: &Site) {
    a_paid_order(site).await;
    let now = site.world.app.process_now();
    let mut tx = site.world.write().await;
    let claimed = tx
        .claim_deliveries("email", "dead", 9, site.world.app.now(), now, now.plus_millis(120_000))
        .await
        .unwrap();
    assert_eq!(claimed.len(), 1);
    tx.commit().await.unwrap();
    assert_eq!(site.send_letters().await, 0, "somebody has it in hand");
    // The lease is counted in the machine's time; it ends where the clock of the test can't go.
    let mut tx = site.world.write().await;
    tx.extend_delivery(&claimed[0].id, now.plus_millis(-1)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(site.send_letters().await, 1);
    assert_eq!(site.letters().await.len(), 1);
}

async fn a_server_that_does_not_accept_us_keeps_the_letters_and_is_told_of_once(site: &Site) {
    let first = a_paid_order(site).await;
    site.mail_faults(&json!({ "refuse_auth": { "next": 6 } })).await;
    let second = site.paid(&first.client, "nutrition").await;
    assert_ne!(first.id, second.id);
    for _ in 0..3 {
        assert_eq!(site.send_letters().await, 2);
        site.advance_minutes(10).await;
    }
    let kinds: Vec<String> = site.tasks().await.into_iter().map(|task| task.kind).collect();
    assert_eq!(
        kinds.iter().filter(|kind| *kind == "letter_failed").count(),
        1,
        "one cause, one task: {kinds:?}"
    );
    assert!(stuck(site).await.is_empty(), "nothing is lost");
    assert_eq!(site.send_letters().await, 2);
    assert_eq!(site.letters().await.len(), 2);
}

async fn a_letter_that_is_not_true_any_more_is_not_sent(site: &Site) {
    let order = a_paid_order(site).await;
    let of_order = PaymentFilter {
        order: Some(order.id.clone()),
        ..PaymentFilter::default()
    };
    let payments = site
        .world
        .read()
        .await
        .list_payments(&of_order, &ALL)
        .await
        .unwrap()
        .items;
    refund::request(&site.world.app, &site.payer(), &payments[0].id, None, "")
        .await
        .unwrap();
    site.world.run_jobs().await;
    while site.send_letters().await > 0 {}
    let letters = site.letters().await;
    assert_eq!(letters.len(), 1, "{:?}", subjects(&letters));
    assert!(subjects(&letters)[0].starts_with("Возврат"), "{:?}", subjects(&letters));
    assert!(site.tasks().await.is_empty());
}

async fn what_needs_a_person_is_told_by_letter(site: &Site) {
    let mut anna = Phone::new(&site.world, "101", "Анна", "ru");
    anna.walk_to_summary("Да, есть").await;
    anna.press("Всё верно").await;
    site.world.run_jobs().await;
    let client = {
        let mut tx = site.world.read().await;
        tx.lock_conversation("telegram", "101")
            .await
            .unwrap()
            .unwrap()
            .client
            .unwrap()
    };
    site.paid(&client, "program_12w").await;
    while site.send_letters().await > 0 {}
    let letters = site.letters().await;
    assert!(
        subjects(&letters).contains(&"Вашим заказом занимается человек"),
        "{:?}",
        subjects(&letters)
    );
}

async fn another_letter_goes_to_the_same_address_and_not_too_often(site: &Site) {
    let order = a_paid_order(site).await;
    site.send_letters().await;
    let again = async || {
        let view = checkout::view(&site.world.app, &site.payer(), &order.id).await.unwrap();
        app::mail::again(&site.world.app, &site.payer(), &view).await.unwrap()
    };
    assert_eq!(again().await, Again::TooSoon);
    for _ in 0..5 {
        site.advance_minutes(11).await;
        assert_eq!(again().await, Again::Queued);
        assert_eq!(again().await, Again::TooSoon);
        assert_eq!(site.send_letters().await, 1);
    }
    site.advance_minutes(11).await;
    assert_eq!(again().await, Again::TooSoon, "enough for a day");
    site.advance_minutes(24 * 60).await;
    assert_eq!(again().await, Again::Queued);
    let letters = site.letters().await;
    assert!(
        letters
            .iter()
            .all(|letter| letter["envelope_to"] == json!(["anna@example.com"]))
    );
    assert_eq!(letters.len(), 6);
}

async fn a_phone_number_and_a_refused_order_get_no_letters(site: &Site) {
    let buyer = site.buyer("Анна").await;
    let order = site.order(&buyer, "nutrition").await;
    let mut tx = site.world.write().await;
    tx.accept_offer(&order.id, Some("+79123456789"), "hash", site.world.app.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    site.pay(&order).await;
    assert_eq!(site.send_letters().await, 0);
    let view = checkout::view(&site.world.app, &site.payer(), &order.id).await.unwrap();
    assert!(!view.gets_letters && view.writes_letters);
    assert_eq!(
        app::mail::again(&site.world.app, &site.payer(), &view).await.unwrap(),
        Again::Never
    );
    assert_eq!(view.order.language, Language::Ru);
}

on_both!(in crate::site::Site;
    the_letters_of_an_order_from_payment_to_refund,
    a_server_that_is_away_or_busy_gets_the_letter_later,
    a_letter_refused_for_good_is_put_aside_and_a_person_hears_of_it,
    a_letter_whose_answer_got_lost_comes_twice_as_one_and_the_same,
    a_letter_in_the_hands_of_a_dead_process_goes_out_once_its_lease_is_over,
    a_server_that_does_not_accept_us_keeps_the_letters_and_is_told_of_once,
    a_letter_that_is_not_true_any_more_is_not_sent,
    what_needs_a_person_is_told_by_letter,
    another_letter_goes_to_the_same_address_and_not_too_often,
    a_phone_number_and_a_refused_order_get_no_letters,
);
