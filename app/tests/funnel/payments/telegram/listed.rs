//! The books beside Telegram's own list of Stars. The sandbox is asked over the wire, as the bot asks it.

use std::sync::Mutex;

use app::converse::Body;
use app::deliver::{Fate, Outgoing};
use app::pay::reconcile::{self, Report};
use app::pay::telegram::{Direction, STARS, StarTransaction};
use domain::content::{Invoice, ListStars};
use domain::reconciliation::{Gap, Outcome, RunStatus};
use domain::refund::RefundOrigin;
use domain::time::Timestamp;
use sandbox::driver::Checkout;
use serde_json::Value;
use store::RefundFilter;

use super::super::*;
use super::till::{balance, billed, charge, orders, payments, settle, switch};

const TOKEN: &str = "42:listed-by-a-test";
/// The sandbox's Anna, whoever she is in the conversation.
const PAYER: i64 = 100_001;
/// Shorter pages than were asked for, as Telegram may send: the list goes on behind them.
const SHORT: u64 = 2;
const SOON: std::time::Duration = std::time::Duration::from_secs(5);

/// Telegram, and the bot that speaks with it.
struct Bot<'a> {
    shop: &'a Shop,
    http: reqwest::Client,
    /// What it said in any chat.
    said: Mutex<Vec<String>>,
}

impl<'a> Bot<'a> {
    async fn start(shop: &'a Shop) -> Self {
        switch(shop, true, false).await;
        let limits = json!({ "telegram": { "limits": false } });
        shop.bank.driver().set_faults(&limits).await.unwrap();
        shop.bank.driver().send_text(PAYER, "/start").await.unwrap();
        Self {
            shop,
            http: providers::http_client(&[]).unwrap(),
            said: Mutex::default(),
        }
    }

    async fn call(&self, method: &str, params: Value) -> Value {
        let url = self.shop.bank.url(&format!("/bot{TOKEN}/{method}"));
        let answer: Value = self
            .http
            .post(url)
            .json(&params)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(answer["ok"], true, "{method} {params}: {answer}");
        answer["result"].clone()
    }

    /// Somebody pays a bill, and Telegram takes their Stars. Returns the charge; the books have not heard of it.
    async fn pay(&self, title: &str, payload: &str, amount: i64) -> String {
        let bill = json!({
            "chat_id": PAYER, "title": title, "description": title, "payload": payload, "currency": "XTR",
            "provider_token": "", "prices": [{ "label": title, "amount": amount }],
        });
        let message = self.call("sendInvoice", bill).await;
        let driver = self.shop.bank.driver();
        let question = driver
            .press_pay(PAYER, message["message_id"].as_i64().unwrap())
            .await
            .unwrap();
        let yes = json!({ "pre_checkout_query_id": question, "ok": true });
        self.call("answerPreCheckoutQuery", yes).await;
        match driver.wait_for_checkout(&question, SOON).await.unwrap() {
            Checkout::Paid { charge } => charge,
            other => panic!("{other:?}"),
        }
    }

    async fn takes(&self, bill: &Invoice) -> String {
        self.pay(&bill.title, &bill.payload, bill.amount.minor).await
    }

    /// Gives Stars back past the books.
    async fn gives_back(&self, charge: &str) {
        let params = json!({ "user_id": PAYER, "telegram_payment_charge_id": charge });
        self.call("refundStarPayment", params).await;
    }

    async fn read(&self, list: ListStars) -> Fate {
        let limit = u64::from(list.limit).min(SHORT);
        let page = self
            .call("getStarTransactions", json!({ "offset": list.offset, "limit": limit }))
            .await;
        let lines = page["transactions"].as_array().unwrap();
        Fate::StarsListed {
            transactions: lines.iter().map(line).collect(),
        }
    }

    /// Does what is queued: reads the list, gives Stars back, says the rest to nobody.
    async fn works(&self) {
        loop {
            let claimed: Vec<Outgoing> = self.shop.world.claim("bot-9").await;
            if claimed.is_empty() {
                return;
            }
            for one in &claimed {
                let fate = match (one.content.list_stars, &one.content.give_back) {
                    (Some(list), _) => self.read(list).await,
                    (None, Some(back)) => {
                        self.gives_back(&back.charge).await;
                        sent(&back.charge)
                    }
                    (None, None) => {
                        let text = one.content.text.iter().map(|span| span.text.as_str()).collect();
                        self.said.lock().unwrap().push(text);
                        sent(&self.shop.world.number().to_string())
                    }
                };
                // Told twice it is one word.
                self.shop.world.report("bot-9", one, fate.clone()).await;
                self.shop.world.report("bot-9", one, fate).await;
            }
        }
    }

    /// Compares to the end, a minute later.
    async fn night(&self) -> Report {
        let (app, admin) = (&self.shop.world.app, self.shop.admin());
        self.shop.advance_minutes(1).await;
        let begun = reconcile::start(app, &admin, Some(STARS), None)
            .await
            .unwrap()
            .remove(0);
        for _ in 0..50 {
            self.works().await;
            self.shop.world.run_jobs().await;
            let report = reconcile::find(app, &admin, &begun.id).await.unwrap();
            if report.run.status != RunStatus::Running {
                assert_eq!(report.run.status, RunStatus::Done, "{report:?}");
                return report;
            }
        }
        panic!("it does not end");
    }

    /// The books have as many Stars as Telegram says the bot has.
    async fn agree(&self) {
        let there = self.call("getMyStarBalance", json!({})).await;
        let here = balance(self.shop, Account::provider_clearing(STARS, Currency::Xtr)).await;
        assert_eq!(Some(here), there["amount"].as_i64());
        self.shop.check_books().await;
    }
}

fn sent(message_ref: &str) -> Fate {
    Fate::Sent {
        message_ref: message_ref.to_owned(),
        external_file_id: None,
        album_file_ids: Vec::new(),
    }
}

fn line(line: &Value) -> StarTransaction {
    let (direction, partner) = match line.get("source") {
        Some(partner) => (Direction::In, partner),
        None => (Direction::Out, &line["receiver"]),
    };
    StarTransaction {
        charge: line["id"].as_str().unwrap().to_owned(),
        direction,
        amount: line["amount"].as_i64().unwrap(),
        at: Timestamp::from_millis(line["date"].as_i64().unwrap() * 1_000),
        payer: partner["user"]["id"].as_i64().map(|id| id.to_string()),
        payload: partner["invoice_payload"].as_str().map(str::to_owned),
    }
}

fn found(report: &Report) -> Vec<(Gap, Outcome)> {
    report.differences.iter().map(|one| (one.gap, one.outcome)).collect()
}

fn checked(report: &Report) -> u64 {
    report.days.iter().map(|day| day.checked).sum()
}

async fn what_agrees_is_counted_and_nothing_else(shop: &Shop) {
    let bot = Bot::start(shop).await;
    let (mut anna, bill) = billed(shop, "Звёздами").await;
    let taken = bot.takes(&bill).await;
    anna.act(Body::Paid(charge(&bill, &taken))).await;
    settle(shop, &mut anna).await;
    let before = shop.tasks().await;
    let report = bot.night().await;
    assert_eq!((found(&report), checked(&report)), (vec![], 1));
    // Given back by us, it agrees as well.
    let payment = payments(shop).await.remove(0);
    refund::request(&shop.world.app, &shop.admin(), &payment.id, None, "передумала")
        .await
        .unwrap();
    shop.world.run_jobs().await;
    bot.works().await;
    shop.world.run_jobs().await;
    assert_eq!(shop.find_payment(&payment).await.status, PaymentStatus::Refunded);
    let report = bot.night().await;
    assert_eq!((found(&report), checked(&report)), (vec![], 1));
    assert_eq!(shop.tasks().await, before);
    bot.agree().await;
}

async fn stars_whose_word_was_lost_are_settled_by_the_night(shop: &Shop) {
    let bot = Bot::start(shop).await;
    let (mut anna, bill) = billed(shop, "Звёздами").await;
    let taken = bot.takes(&bill).await;
    shop.advance_minutes(60).await;
    let report = bot.night().await;
    assert_eq!(found(&report), [(Gap::BehindHere, Outcome::Mended)]);
    assert_eq!(checked(&report), 1);
    settle(shop, &mut anna).await;
    assert_eq!(orders(shop).await[0].status, OrderStatus::Fulfilled);
    assert_eq!(shop.tasks().await, ["give_by_hand"], "as after any payment of it");
    let payment = payments(shop).await.remove(0);
    assert_eq!(payment.provider_payment.as_deref(), Some(taken.as_str()));
    let mut tx = shop.world.read().await;
    let invoice = tx.telegram_invoice(&payment.id).await.unwrap().unwrap();
    assert_eq!(invoice.payer, Some(PAYER.to_string()), "so that it can be given back");
    drop(tx);
    // The word comes after all.
    anna.act(Body::Paid(charge(&bill, &taken))).await;
    settle(shop, &mut anna).await;
    assert_eq!(payments(shop).await.len(), 1);
    assert_eq!(found(&bot.night().await), []);
    bot.agree().await;
}

async fn a_second_charge_nobody_told_of_is_money_of_its_own(shop: &Shop) {
    let bot = Bot::start(shop).await;
    let (mut anna, bill) = billed(shop, "Звёздами").await;
    let first = bot.takes(&bill).await;
    bot.takes(&bill).await;
    anna.act(Body::Paid(charge(&bill, &first))).await;
    settle(shop, &mut anna).await;
    let report = bot.night().await;
    assert_eq!(found(&report), [(Gap::PaidTwice, Outcome::Task)]);
    assert_eq!(checked(&report), 2);
    assert!(shop.tasks().await.contains(&"paid_twice".to_owned()));
    assert_eq!(payments(shop).await.len(), 2);
    assert_eq!(found(&bot.night().await), []);
    bot.agree().await;
}

async fn stars_for_nothing_of_ours_are_asked_about_once(shop: &Shop) {
    let bot = Bot::start(shop).await;
    bot.pay("Чужой счёт", "another-program-1", 50).await;
    let task = [(Gap::MissingHere, Outcome::Task)];
    assert_eq!(found(&bot.night().await), task);
    assert_eq!(found(&bot.night().await), task);
    assert_eq!(shop.tasks().await, ["unknown_payment"]);
    assert_eq!(balance(shop, Account::provider_clearing(STARS, Currency::Xtr)).await, 0);
}

async fn what_telegram_does_not_have_a_person_looks_into(shop: &Shop) {
    let bot = Bot::start(shop).await;
    let (mut anna, bill) = billed(shop, "Звёздами").await;
    anna.act(Body::Paid(charge(&bill, "stx-nowhere"))).await;
    settle(shop, &mut anna).await;
    let report = bot.night().await;
    assert_eq!(found(&report), [(Gap::NotPaidThere, Outcome::Task)]);
    assert_eq!(checked(&report), 1);
    bot.night().await;
    let mut tasks = shop.tasks().await;
    tasks.sort();
    assert_eq!(tasks, ["difference", "give_by_hand"]);
    let payment = payments(shop).await.remove(0);
    assert_eq!(
        payment.status,
        PaymentStatus::Completed,
        "nothing is taken back by itself"
    );
}

async fn stars_given_back_elsewhere_are_booked_however_old_the_payment_is(shop: &Shop) {
    let bot = Bot::start(shop).await;
    let (mut anna, bill) = billed(shop, "Звёздами").await;
    let taken = bot.takes(&bill).await;
    anna.act(Body::Paid(charge(&bill, &taken))).await;
    settle(shop, &mut anna).await;
    shop.advance_minutes(20 * 24 * 60).await;
    bot.gives_back(&taken).await;
    let report = bot.night().await;
    assert_eq!(found(&report), [(Gap::RefundMissingHere, Outcome::Mended)]);
    let order = orders(shop).await.remove(0);
    assert_eq!(order.status, OrderStatus::Refunded);
    let filter = RefundFilter {
        order: Some(order.id),
        status: None,
    };
    let refunds = shop.world.read().await.list_refunds(&filter, &ALL).await.unwrap().items;
    let made: Vec<_> = refunds
        .iter()
        .map(|refund| (refund.origin, refund.amount.minor))
        .collect();
    assert_eq!(made, [(RefundOrigin::Provider, 1_612)]);
    bot.works().await;
    let said = bot.said.lock().unwrap().clone();
    let told = said
        .iter()
        .filter(|text| text.contains("звёзды снова на вашем балансе"));
    assert_eq!(told.count(), 1, "{said:?}");
    // Telegram's own word of it comes last.
    anna.act(Body::GivenBack { charge: taken }).await;
    assert_eq!(found(&bot.night().await), []);
    bot.agree().await;
}

async fn a_refund_that_telegram_does_not_have_a_person_looks_into(shop: &Shop) {
    let bot = Bot::start(shop).await;
    let (mut anna, bill) = billed(shop, "Звёздами").await;
    let taken = bot.takes(&bill).await;
    anna.act(Body::Paid(charge(&bill, &taken))).await;
    settle(shop, &mut anna).await;
    let payment = payments(shop).await.remove(0);
    refund::request(&shop.world.app, &shop.admin(), &payment.id, None, "передумала")
        .await
        .unwrap();
    // The phone plays a bot that says "done" to everything.
    settle(shop, &mut anna).await;
    assert_eq!(shop.find_payment(&payment).await.status, PaymentStatus::Refunded);
    let task = [(Gap::RefundMissingThere, Outcome::Task)];
    assert_eq!(found(&bot.night().await), task);
    assert_eq!(found(&bot.night().await), task);
    let tasks = shop.tasks().await;
    assert_eq!(tasks.iter().filter(|kind| *kind == "difference").count(), 1);
}

async fn a_list_that_can_not_be_read_is_told_and_made_up_for(shop: &Shop) {
    let bot = Bot::start(shop).await;
    let (app, admin) = (&shop.world.app, shop.admin());
    let (mut anna, bill) = billed(shop, "Звёздами").await;
    bot.takes(&bill).await;
    let begun = reconcile::start(app, &admin, Some(STARS), None)
        .await
        .unwrap()
        .remove(0);
    let again = reconcile::start(app, &admin, Some(STARS), None).await;
    assert!(matches!(
        again,
        Err(Error::Conflict {
            code: "reconciliation_under_way",
            ..
        })
    ));
    for one in shop.world.claim("bot-9").await {
        let reason = "Telegram refuses: 400 Bad Request: NOT_NOW".to_owned();
        shop.world.report("bot-9", &one, Fate::Rejected { reason }).await;
    }
    shop.world.run_jobs().await;
    let failed = reconcile::find(app, &admin, &begun.id).await.unwrap().run;
    assert_eq!(failed.status, RunStatus::Failed);
    assert!(failed.failure.is_some_and(|reason| reason.contains("NOT_NOW")));
    assert_eq!(shop.tasks().await, ["unreconciled"]);
    let (standing, _) = reconcile::standing(app, shop.world.tenant()).await.unwrap();
    let stars = standing.iter().find(|one| one.provider == STARS).unwrap();
    assert!(stars.failure.is_some());
    shop.advance_minutes(5 * 24 * 60).await;
    let report = bot.night().await;
    assert_eq!(
        report.run.since, failed.since,
        "the time of the failed one is made up for"
    );
    assert_eq!(found(&report), [(Gap::BehindHere, Outcome::Mended)]);
    settle(shop, &mut anna).await;
    bot.agree().await;
}

async fn stars_are_compared_by_themselves_where_they_are_or_were_taken(shop: &Shop) {
    let (app, admin) = (&shop.world.app, shop.admin());
    let codes = async || -> Vec<&'static str> {
        let (all, _) = reconcile::standing(app, shop.world.tenant()).await.unwrap();
        all.into_iter().map(|one| one.provider).collect()
    };
    assert!(!codes().await.contains(&STARS), "nobody here takes any");
    assert!(matches!(
        reconcile::start(app, &admin, Some(STARS), None).await,
        Err(Error::Invalid(_))
    ));
    let bot = Bot::start(shop).await;
    let (mut anna, bill) = billed(shop, "Звёздами").await;
    let taken = bot.takes(&bill).await;
    anna.act(Body::Paid(charge(&bill, &taken))).await;
    settle(shop, &mut anna).await;
    switch(shop, false, false).await;
    assert!(codes().await.contains(&STARS), "they may still go back");
    reconcile::tick(app).await.unwrap();
    for _ in 0..20 {
        shop.world.run_jobs().await;
        bot.works().await;
        shop.advance_minutes(1).await;
    }
    let runs = reconcile::list(app, &admin, Some(STARS), &ALL).await.unwrap().items;
    let [report] = &runs[..] else { panic!("{runs:?}") };
    assert_eq!((report.run.status, checked(report)), (RunStatus::Done, 1));
    assert_eq!(report.run.actor, "system");
}

on_both!(in crate::payments::Shop;
    what_agrees_is_counted_and_nothing_else,
    stars_whose_word_was_lost_are_settled_by_the_night,
    a_second_charge_nobody_told_of_is_money_of_its_own,
    stars_for_nothing_of_ours_are_asked_about_once,
    what_telegram_does_not_have_a_person_looks_into,
    stars_given_back_elsewhere_are_booked_however_old_the_payment_is,
    a_refund_that_telegram_does_not_have_a_person_looks_into,
    a_list_that_can_not_be_read_is_told_and_made_up_for,
    stars_are_compared_by_themselves_where_they_are_or_were_taken,
);
