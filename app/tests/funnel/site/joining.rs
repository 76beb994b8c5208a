//! The link of an order leads its buyer into the bot: once, and nobody else.

use app::pay::refund;
use domain::ids::{Id, PaymentId};
use domain::ledger::{self, Account};
use domain::money::{Currency, Money};
use domain::order::OrderStatus;
use domain::pipeline::StageKind;
use store::{NewTransfer, PaymentFilter};

use super::{ALL, Site, answer_everything};
use crate::phone::Phone;
use crate::world::{TRAINER, on_both};

async fn stage(site: &Site, client: &domain::ids::ClientId) -> StageKind {
    let mut tx = site.world.read().await;
    let client = tx.find_client(client).await.unwrap().unwrap();
    tx.find_stage(&client.stage).await.unwrap().unwrap().kind
}

async fn check_books(site: &Site) {
    assert_eq!(site.world.read().await.check_books().await.unwrap(), []);
    let now = site.world.app.now();
    assert_eq!(site.world.read().await.doctor(now).await.unwrap(), []);
}

async fn a_buyer_of_the_site_answers_in_the_bot_and_gets_the_programme(site: &Site) {
    let mut trainer = Phone::new(&site.world, TRAINER, "Ольга", "ru");
    trainer.start(None).await;
    let buyer = site.buyer("Анна Петрова").await;
    let order = site.paid(&buyer, "program_12w").await;
    let token = site.token(&order).await;
    assert_eq!(site.token(&order).await, token, "shown again, it is the same one");

    let mut anna = Phone::new(&site.world, "201", "Anya 💪", "en");
    anna.start(Some(&token)).await;
    assert_eq!(site.clients().await, 1, "nobody new");
    assert_eq!(anna.count("теперь и здесь"), 1, "{:#?}", anna.texts());
    assert!(
        anna.texts()[0].starts_with("Анна, "),
        "by the name the site knows: {:?}",
        anna.texts()
    );
    assert_eq!(anna.count("Согласен"), 1, "consent comes first: {:#?}", anna.texts());
    answer_everything(&mut anna).await;
    site.world.run_jobs().await;
    anna.refresh().await;
    assert_eq!(anna.documents(), 1, "{:#?}", anna.texts());
    assert!(site.is_fulfilled(&order).await);
    assert_eq!(stage(site, &buyer).await, StageKind::Active);

    // The same chat may press the same link again; the page shows the plain address by now.
    let before = anna.screen.len();
    anna.start(Some(&token)).await;
    assert!(anna.screen.len() > before && anna.count("теперь и здесь") == 2);
    assert_eq!(site.bot_address(&order).await, "https://t.me/voronka_test_bot");
    trainer.refresh().await;
    let mut tx = site.world.read().await;
    let touches = tx.list_touches(&buyer, &ALL).await.unwrap().items;
    assert!(
        touches.iter().all(|touch| touch.origin.payload.is_none()),
        "the token is written nowhere: {touches:?}"
    );
    let actions = tx.list_actions(&buyer, &ALL).await.unwrap().items;
    assert_eq!(
        actions.iter().filter(|action| action.kind == "client.joined").count(),
        1
    );
    drop(tx);
    check_books(site).await;
}

async fn somebody_the_bot_knows_gets_the_purchase_and_loses_nothing(site: &Site) {
    let mut trainer = Phone::new(&site.world, TRAINER, "Ольга", "ru");
    trainer.start(None).await;
    let mut anna = Phone::new(&site.world, "101", "Анна", "ru");
    anna.walk_to_summary("Нет, всё в порядке").await;
    anna.press("Всё верно").await;
    site.world.run_jobs().await;
    anna.refresh().await;
    assert_eq!(anna.documents(), 1);
    let known = {
        let mut tx = site.world.read().await;
        let chat = tx.lock_conversation("telegram", "101").await.unwrap().unwrap();
        chat.client.unwrap()
    };
    let buyer = site.buyer("Анна Петрова").await;
    let order = site.paid(&buyer, "program_12w").await;
    let token = site.token(&order).await;
    anna.start(Some(&token)).await;
    assert_eq!(anna.count("Ответы у меня уже есть"), 1, "{:#?}", anna.texts());
    site.world.run_jobs().await;
    anna.refresh().await;
    assert_eq!(
        anna.documents(),
        2,
        "the free one, and now the whole one: {:#?}",
        anna.texts()
    );
    assert!(site.is_fulfilled(&order).await);
    assert_eq!(site.find(&order).await.client, known);

    let mut tx = site.world.read().await;
    let of_order = PaymentFilter {
        order: Some(order.id.clone()),
        ..PaymentFilter::default()
    };
    let payments = tx.list_payments(&of_order, &ALL).await.unwrap().items;
    assert!(payments.iter().all(|payment| payment.client == known));
    assert_eq!(tx.merged_into(&buyer).await.unwrap(), Some(known.clone()));
    let kinds: Vec<String> = tx
        .list_actions(&known, &ALL)
        .await
        .unwrap()
        .items
        .into_iter()
        .map(|action| action.kind)
        .collect();
    for kind in [
        "order.placed",
        "order.paid",
        "client.merged",
        "client.joined",
        "questionnaire.completed",
    ] {
        assert!(kinds.iter().any(|known| known == kind), "{kind} in {kinds:?}");
    }
    let found = tx.find_client(&known).await.unwrap().unwrap();
    assert_eq!(found.email.as_deref(), Some("anna@example.com"), "contacts come along");
    assert_eq!(tx.tags_of(&buyer).await.unwrap(), ["merged"]);
    assert!(!tx.audit_of(known.as_ref(), 9).await.unwrap().is_empty());
    drop(tx);
    assert_eq!(stage(site, &known).await, StageKind::Active);
    assert_eq!(stage(site, &buyer).await, StageKind::Inactive);
    check_books(site).await;

    // The trainer answers a notice from before: the words go to whom the buyer turned out to be.
    app::converse::send_to_client(&site.world.app, &site.admin(), &buyer, "Поздравляю!")
        .await
        .unwrap();
    anna.refresh().await;
    assert_eq!(anna.count("Поздравляю!"), 1);
    // Money goes back the way it came, and the books stay right.
    refund::request(&site.world.app, &site.admin(), &payments[0].id, None, "передумала")
        .await
        .unwrap();
    site.world.run_jobs().await;
    anna.refresh().await;
    assert_eq!(anna.count("возврат"), 1, "{:#?}", anna.texts());
    assert_eq!(site.find(&order).await.status, OrderStatus::Refunded);
    check_books(site).await;
}

async fn a_used_link_is_worth_nothing_to_others(site: &Site) {
    let buyer = site.buyer("Анна Петрова").await;
    let order = site.paid(&buyer, "program_12w").await;
    let token = site.token(&order).await;
    Phone::new(&site.world, "201", "Анна", "ru").start(Some(&token)).await;
    let mut stranger = Phone::new(&site.world, "202", "Мария", "ru");
    stranger.start(Some(&token)).await;
    assert_eq!(
        stranger.count("уже вошли из другого чата"),
        1,
        "{:#?}",
        stranger.texts()
    );
    assert_eq!(stranger.count("Программа на все недели") + stranger.documents(), 0);
    assert_eq!(site.find(&order).await.client, buyer);
    assert_eq!(site.clients().await, 2, "the stranger is a newcomer like any other");
    let mut tx = site.world.read().await;
    let theirs = tx
        .lock_conversation("telegram", "202")
        .await
        .unwrap()
        .unwrap()
        .client
        .unwrap();
    assert_ne!(theirs, buyer);
    assert_eq!(tx.merged_into(&buyer).await.unwrap(), None);
}

async fn a_link_that_ran_out_or_was_made_up_changes_nothing(site: &Site) {
    let buyer = site.buyer("Анна Петрова").await;
    let order = site.paid(&buyer, "program_12w").await;
    let token = site.token(&order).await;
    site.advance_minutes(31 * 24 * 60).await;
    let mut anna = Phone::new(&site.world, "201", "Анна", "ru");
    anna.start(Some(&token)).await;
    assert_eq!(anna.count("ссылка устарела"), 1, "{:#?}", anna.texts());
    let made_up = format!("o_{}", "A".repeat(43));
    anna.start(Some(&made_up)).await;
    assert_eq!(anna.count("Такой ссылки я не знаю"), 1, "{:#?}", anna.texts());
    for garbage in ["o_", "o_short", "instagram", &"x".repeat(64)] {
        anna.start(Some(garbage)).await;
    }
    assert_eq!(site.find(&order).await.client, buyer);
    let fresh = site.token(&order).await;
    assert_ne!(fresh, token, "the page has a new one");
    anna.start(Some(&fresh)).await;
    assert_eq!(anna.count("теперь и здесь"), 1, "{:#?}", anna.texts());
    let mut tx = site.world.read().await;
    let mine = tx
        .lock_conversation("telegram", "201")
        .await
        .unwrap()
        .unwrap()
        .client
        .unwrap();
    assert_eq!(tx.merged_into(&buyer).await.unwrap(), Some(mine.clone()));
    drop(tx);
    assert_eq!(site.find(&order).await.client, mine);
}

async fn a_buyer_who_is_in_telegram_is_given_to_no_other_chat(site: &Site) {
    let buyer = site.buyer("Анна Петрова").await;
    let first = site.paid(&buyer, "program_12w").await;
    let second = site.paid(&buyer, "nutrition").await;
    let (one, other) = (site.token(&first).await, site.token(&second).await);
    Phone::new(&site.world, "201", "Анна", "ru").start(Some(&one)).await;
    let mut stranger = Phone::new(&site.world, "202", "Мария", "ru");
    stranger.start(Some(&other)).await;
    assert_eq!(
        stranger.count("уже вошли из другого чата"),
        1,
        "{:#?}",
        stranger.texts()
    );
    assert_eq!(site.find(&second).await.client, buyer);
    // Its own chat may use it.
    let mut anna = Phone::new(&site.world, "201", "Анна", "ru");
    anna.start(Some(&other)).await;
    assert_eq!(anna.count("теперь и здесь"), 1, "{:#?}", anna.texts());
}

async fn a_trainer_who_tries_a_buyers_link_stays_a_trainer(site: &Site) {
    let mut trainer = Phone::new(&site.world, TRAINER, "Ольга", "ru");
    trainer.start(None).await;
    let buyer = site.buyer("Анна Петрова").await;
    let order = site.paid(&buyer, "program_12w").await;
    let token = site.token(&order).await;
    trainer.start(Some(&token)).await;
    assert_eq!(trainer.count("теперь и здесь"), 0);
    let mut anna = Phone::new(&site.world, "201", "Анна", "ru");
    anna.start(Some(&token)).await;
    assert_eq!(anna.count("теперь и здесь"), 1, "{:#?}", anna.texts());
}

async fn two_chats_with_one_link_at_once_are_one_buyer_and_one_stranger(site: &Site) {
    let buyer = site.buyer("Анна Петрова").await;
    let order = site.paid(&buyer, "program_12w").await;
    let token = site.token(&order).await;
    let mut one = Phone::new(&site.world, "201", "Анна", "ru");
    let mut other = Phone::new(&site.world, "202", "Мария", "ru");
    tokio::join!(one.start(Some(&token)), other.start(Some(&token)));
    one.refresh().await;
    other.refresh().await;
    let joined = one.count("теперь и здесь") + other.count("теперь и здесь");
    let refused = one.count("уже вошли из другого чата") + other.count("уже вошли из другого чата");
    assert_eq!((joined, refused), (1, 1), "{:#?} {:#?}", one.texts(), other.texts());
}

async fn what_is_left_in_the_wallet_goes_along(site: &Site) {
    let mut anna = Phone::new(&site.world, "101", "Анна", "ru");
    anna.start(None).await;
    let buyer = site.buyer("Анна Петрова").await;
    let order = site.paid(&buyer, "nutrition").await;
    let left = Money::new(70_000, Currency::Rub);
    let payment = PaymentId::from_parts(1, [9; 10]);
    let mut tx = site.world.write().await;
    tx.post(&[NewTransfer {
        id: site.world.app.new_id(),
        transfer: ledger::payment_succeeded(&payment, "manual", &buyer, left).unwrap(),
        client: buyer.clone(),
        request_id: site.world.caller.request_id.clone(),
        now: site.world.app.now(),
    }])
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let token = site.token(&order).await;
    anna.start(Some(&token)).await;
    let client = site.find(&order).await.client;
    assert_ne!(client, buyer);
    let mut tx = site.world.read().await;
    let wallet = |client| Account::wallet(client, Currency::Rub);
    assert_eq!(tx.balance(&wallet(&buyer)).await.unwrap().minor, 0);
    assert_eq!(tx.balance(&wallet(&client)).await.unwrap().minor, -left.minor);
    drop(tx);
    check_books(site).await;
}

async fn an_order_placed_for_the_row_that_stayed_finds_its_buyer(site: &Site) {
    let mut anna = Phone::new(&site.world, "101", "Анна", "ru");
    anna.start(None).await;
    let buyer = site.buyer("Анна Петрова").await;
    let first = site.paid(&buyer, "nutrition").await;
    anna.start(Some(&site.token(&first).await)).await;
    let client = site.find(&first).await.client;
    // The site still knows the buyer by the old row.
    let second = site.paid(&buyer, "nutrition").await;
    assert_eq!(second.client, client);
    assert_eq!(site.bot_address(&second).await, "https://t.me/voronka_test_bot");
    anna.refresh().await;
    assert_eq!(
        anna.count("оплата прошла"),
        1,
        "they are told in their chat: {:#?}",
        anna.texts()
    );
    check_books(site).await;
}

on_both!(in crate::site::Site;
    a_buyer_of_the_site_answers_in_the_bot_and_gets_the_programme,
    somebody_the_bot_knows_gets_the_purchase_and_loses_nothing,
    a_used_link_is_worth_nothing_to_others,
    a_link_that_ran_out_or_was_made_up_changes_nothing,
    a_buyer_who_is_in_telegram_is_given_to_no_other_chat,
    a_trainer_who_tries_a_buyers_link_stays_a_trainer,
    two_chats_with_one_link_at_once_are_one_buyer_and_one_stranger,
    what_is_left_in_the_wallet_goes_along,
    an_order_placed_for_the_row_that_stayed_finds_its_buyer,
);
