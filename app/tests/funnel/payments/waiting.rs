//! Whoever has pressed "pay" hears something: a link, or why there is none.

use std::collections::HashSet;
use std::time::Duration;

use app::pay::expire;
use app::settings::payments::{PAYMENTS, PaymentSettings, ReceiptMode};
use app::settings::wording::Provider;
use domain::content::Press;
use domain::work::JobState;
use store::PaymentFilter;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::wording;

/// A world that stands still for less than this is only slow.
const PATIENCE: Duration = Duration::from_secs(15);

fn links(phone: &Phone<'_>) -> HashSet<String> {
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

async fn payments(shop: &Shop) -> Vec<Payment> {
    let mut tx = shop.world.read().await;
    tx.list_payments(&PaymentFilter::default(), &ALL).await.unwrap().items
}

/// To the choice between the banks.
async fn at_the_till<'a>(shop: &'a Shop, address: &str) -> Phone<'a> {
    let mut anna = Phone::new(&shop.world, address, "Анна", "ru");
    anna.start(None).await;
    anna.press("Тарифы").await;
    anna.press("Купить: План питания").await;
    anna.press("Оплатить").await;
    anna
}

/// The answer of the bank is lost, and its link runs out before it is asked again: nobody has seen that link, so the next
/// one comes by itself.
async fn a_link_that_ran_out_unseen_is_made_anew(shop: &Shop, bank: &sandbox::driver::BankDriver<'_>, label: &str) {
    let mut anna = at_the_till(shop, "101").await;
    bank.set_faults(&json!({ "error_after_effect": { "next": 1 }, "expire_link": { "next": 1 } }))
        .await
        .unwrap();
    anna.press(label).await;
    shop.world.run_jobs().await;
    anna.refresh().await;
    assert_eq!((anna.count("Банк отвечает медленно"), links(&anna).len()), (1, 0));
    let until = Instant::now() + PATIENCE;
    while bank.payments().await.unwrap()[0].state == MoneyState::Pending {
        assert!(Instant::now() < until, "the bank ends what has run out");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    shop.advance_minutes(1).await;
    shop.world.run_jobs().await;
    anna.refresh().await;
    let made = payments(shop).await;
    let statuses: Vec<_> = made.iter().map(|payment| payment.status).collect();
    assert_eq!(statuses, [PaymentStatus::Pending, PaymentStatus::Expired]);
    assert_eq!(links(&anna), HashSet::from([made[0].pay_url.clone().unwrap()]));
    shop.bank_pays(&made[0]).await;
    assert_eq!(shop.look(&made[0]).await, PaymentStatus::Completed);
    shop.check_books().await;
}

async fn a_link_of_yookassa_that_ran_out_unseen_is_made_anew(shop: &Shop) {
    a_link_that_ran_out_unseen_is_made_anew(shop, &shop.bank.yookassa(), "ЮKassa").await;
}

async fn a_link_of_tbank_that_ran_out_unseen_is_made_anew(shop: &Shop) {
    a_link_that_ran_out_unseen_is_made_anew(shop, &shop.bank.tbank(), "Т-Банк").await;
}

/// Whatever kills the workers, whoever waits for a link is told that none comes, and may try again.
async fn a_link_whose_workers_die_each_time_is_not_waited_for_in_silence(shop: &Shop) {
    let mut anna = at_the_till(shop, "101").await;
    anna.press("ЮKassa").await;
    for number in 0.. {
        let (now, process_now) = (shop.world.app.now(), shop.world.app.process_now());
        let until = process_now.plus_millis(20_000);
        let mut tx = shop.world.app.store().system().await.unwrap();
        let owner = format!("a worker that dies, {number}");
        let claimed = tx.claim_jobs(&owner, 100, now, process_now, until).await.unwrap();
        tx.commit().await.unwrap();
        let job = claimed.iter().find(|job| job.kind == "checkout_link").unwrap();
        shop.world.app.clock().advance_ms(20_001);
        if job.attempts >= job.max_attempts + app::work::MORE_AFTER_DEATHS {
            break;
        }
    }
    shop.world.run_jobs().await;
    anna.refresh().await;
    assert_eq!((anna.count("Не получилось открыть оплату"), links(&anna).len()), (1, 0));
    anna.press("Открыть оплату").await;
    anna.press("ЮKassa").await;
    shop.world.run_jobs().await;
    anna.refresh().await;
    assert_eq!(links(&anna).len(), 1);
}

/// However often it was away before, a bank that is back gives its link within a minute or two.
async fn a_link_comes_soon_after_a_bank_is_back(shop: &Shop) {
    let mut anna = at_the_till(shop, "101").await;
    let bank = shop.bank.yookassa();
    bank.set_faults(&json!({ "server_error": { "percent": 100 } }))
        .await
        .unwrap();
    anna.press("ЮKassa").await;
    for _ in 0..12 {
        shop.world.run_jobs().await;
        shop.advance_minutes(1).await;
    }
    anna.refresh().await;
    assert_eq!((anna.count("Банк отвечает медленно"), links(&anna).len()), (1, 0));
    bank.set_faults(&json!({ "server_error": { "percent": 0 } }))
        .await
        .unwrap();
    shop.world.run_jobs().await;
    anna.refresh().await;
    assert_eq!((anna.count("Банк отвечает медленно"), links(&anna).len()), (1, 1));
    assert_eq!(payments(shop).await.len(), 1);
}

/// The client's own change and somebody else's at the same moment: both stand, and the typed words are answered.
async fn an_address_typed_while_the_client_is_changed_is_not_lost(shop: &Shop) {
    let settings = PaymentSettings {
        receipts: ReceiptMode::Provider,
        ..PaymentSettings::default()
    };
    let settings = serde_json::to_string(&settings).unwrap();
    let mut tx = shop.world.write().await;
    tx.save_setting(PAYMENTS, &settings, 0, NOW).await.unwrap();
    tx.commit().await.unwrap();
    let mut anna = at_the_till(shop, "101").await;
    assert_eq!(anna.count("Куда прислать чек"), 1);
    let client = shop.only_client().await;
    let mut tx = shop.world.write().await;
    tx.set_client_flags(&client, Some(true), None, NOW).await.unwrap();
    {
        let saying = anna.say("anna@example.com");
        tokio::pin!(saying);
        let is_waiting = tokio::time::timeout(Duration::from_millis(300), &mut saying)
            .await
            .is_err();
        assert!(is_waiting, "the other change is not committed yet");
        tx.commit().await.unwrap();
        tokio::time::timeout(PATIENCE, saying).await.unwrap();
    }
    assert_eq!(anna.count("Чек придёт на anna@example.com"), 1);
    let mut tx = shop.world.read().await;
    let client = tx.find_client(&client).await.unwrap().unwrap();
    assert!(client.needs_trainer && client.email.as_deref() == Some("anna@example.com"));
}

/// What tells of money stays in the chat: what its button asks comes below it.
async fn the_news_of_the_payment_stays_when_its_button_is_pressed(shop: &Shop) {
    let client = a_visitor(shop).await;
    let order = shop.order(&client, "program_12w", None).await.order;
    let payment = shop.start_payment(&order, "yookassa").await;
    shop.bank_pays(&payment).await;
    shop.look(&payment).await;
    let mut anna = Phone::new(&shop.world, "101", "Анна", "ru");
    anna.refresh().await;
    assert_eq!(anna.count("оплата прошла"), 1);
    anna.press("Ответить на вопросы").await;
    assert_eq!(anna.count("оплата прошла"), 1);
    anna.press("Согласен").await;
    assert_eq!(anna.count("оплата прошла"), 1);
}

/// Each holds a connection while it is called off: if each asked for one more, all would wait for each other.
async fn many_orders_called_off_at_once_do_not_wait_for_each_other(shop: &Shop) {
    const AT_ONCE: usize = 24;
    let client = a_visitor(shop).await;
    let mut orders = Vec::new();
    for _ in 0..AT_ONCE {
        orders.push(shop.order(&client, "nutrition", None).await.order);
    }
    let app = &shop.world.app;
    app::settings::forget(app, shop.world.tenant());
    let mut cancels = JoinSet::new();
    for order in &orders {
        let (app, caller, order) = (app.clone(), shop.client_caller(), order.id.clone());
        cancels.spawn(async move { expire::cancel(&app, &caller, &order).await });
    }
    let outcomes = tokio::time::timeout(PATIENCE, cancels.join_all()).await.unwrap();
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    for order in &orders {
        assert_eq!(shop.find_order(order).await.status, OrderStatus::Canceled);
    }
}

async fn programmes_in_work(shop: &Shop) -> usize {
    let mut tx = shop.world.read().await;
    let jobs = tx.list_jobs(Some(JobState::Running), &ALL).await.unwrap().items;
    jobs.iter().filter(|job| job.kind == "generate_program").count()
}

/// Programmes wait for a model that says nothing; the link doesn't wait for them.
async fn a_link_comes_while_programmes_wait_for_a_silent_model(shop: &Shop) {
    const READERS: u32 = 6;
    wording::choose(&shop.world, wording::wanted(&shop.bank, Provider::Openai)).await;
    shop.bank
        .set_faults(&json!({ "llm": { "mode": "stall" } }))
        .await
        .unwrap();
    for number in 0..READERS {
        let mut reader = Phone::new(&shop.world, &format!("20{number}"), "Анна", "ru");
        reader.walk_to_summary("Нет, всё в порядке").await;
        reader.press("Всё верно").await;
    }
    let mut anna = at_the_till(shop, "101").await;
    let working = tokio::spawn(app::work::run(shop.world.app.clone(), CancellationToken::new()));
    let until = Instant::now() + PATIENCE;
    while programmes_in_work(shop).await < 4 {
        assert!(Instant::now() < until, "programmes are begun");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    anna.press("ЮKassa").await;
    while links(&anna).is_empty() {
        assert!(Instant::now() < until, "the link waits for a model: {:?}", anna.texts());
        tokio::time::sleep(Duration::from_millis(10)).await;
        anna.refresh().await;
    }
    working.abort();
}

on_both!(in crate::payments::Shop;
    a_link_of_yookassa_that_ran_out_unseen_is_made_anew,
    a_link_of_tbank_that_ran_out_unseen_is_made_anew,
    a_link_whose_workers_die_each_time_is_not_waited_for_in_silence,
    a_link_comes_soon_after_a_bank_is_back,
    an_address_typed_while_the_client_is_changed_is_not_lost,
    the_news_of_the_payment_stays_when_its_button_is_pressed,
    many_orders_called_off_at_once_do_not_wait_for_each_other,
    a_link_comes_while_programmes_wait_for_a_silent_model,
);
