//! What the stories of paying inside Telegram share: the switches, the bills on the screen, what Telegram tells of them.

use app::converse::Body;
use app::crm::telegram_payments;
use app::pay::telegram::{PaidBill, Question, pre_checkout};
use app::settings::telegram::Bank;
use domain::content::Invoice;
use store::{OrderFilter, PaymentFilter};

use super::super::*;

pub const TOKEN: &str = "401643678:TEST:sandbox-bank";

pub const fn stars(count: i64) -> Money {
    Money::new(count, Currency::Xtr)
}

pub async fn switch(shop: &Shop, stars: bool, cards: bool) {
    let (app, admin) = (&shop.world.app, shop.admin());
    let (_, version) = telegram_payments::find(app, &admin).await.unwrap();
    let wanted = telegram_payments::Wanted {
        stars,
        // 1.80 ₽ for one.
        hundred_stars: rub(18_000),
        cards,
        provider_token: cards.then(|| Some(TOKEN.to_owned())),
        bank: Bank::Yookassa,
        tax_system: Some(2),
    };
    telegram_payments::save(app, &admin, version, wanted).await.unwrap();
}

pub async fn orders(shop: &Shop) -> Vec<Order> {
    let mut tx = shop.world.read().await;
    tx.list_orders(&OrderFilter::default(), &ALL).await.unwrap().items
}

/// Newest first.
pub async fn payments(shop: &Shop) -> Vec<Payment> {
    let mut tx = shop.world.read().await;
    tx.list_payments(&PaymentFilter::default(), &ALL).await.unwrap().items
}

pub async fn balance(shop: &Shop, account: Account) -> i64 {
    shop.world.read().await.balance(&account).await.unwrap().minor
}

pub async fn settle(shop: &Shop, phone: &mut Phone<'_>) {
    shop.world.run_jobs().await;
    phone.refresh().await;
    shop.world.run_jobs().await;
    phone.refresh().await;
}

pub fn bills(phone: &Phone<'_>) -> Vec<Invoice> {
    let found = phone.screen.iter().filter_map(|(_, content)| content.invoice.clone());
    found.collect()
}

pub fn charge(bill: &Invoice, id: &str) -> PaidBill {
    PaidBill {
        currency: bill.amount.currency.code().to_owned(),
        amount_minor: bill.amount.minor,
        payload: bill.payload.clone(),
        charge: id.to_owned(),
        provider_charge: if bill.amount.currency == Currency::Xtr {
            String::new()
        } else {
            format!("bank-{id}")
        },
    }
}

pub async fn ask(shop: &Shop, change: impl FnOnce(&mut Question), bill: &Invoice) -> Option<String> {
    let mut question = Question {
        payer: "101".into(),
        language_code: Some("ru".into()),
        payload: bill.payload.clone(),
        currency: bill.amount.currency.code().to_owned(),
        amount_minor: bill.amount.minor,
    };
    change(&mut question);
    pre_checkout(&shop.world.app, &shop.world.caller, &question)
        .await
        .unwrap()
}

pub fn says(answer: Option<String>, words: &str) {
    let answer = answer.unwrap_or_default();
    assert!(answer.contains(words), "«{answer}» does not say «{words}»");
}

/// Somebody with the bill for a nutrition plan (2 900 ₽) on the screen.
pub async fn billed<'a>(shop: &'a Shop, way: &str) -> (Phone<'a>, Invoice) {
    let mut anna = Phone::new(&shop.world, "101", "Анна", "ru");
    anna.start(None).await;
    anna.act(Body::Command { name: "menu".into() }).await;
    anna.press("Тарифы").await;
    anna.press("Купить: План питания").await;
    anna.press("Оплатить").await;
    anna.press(way).await;
    let bill = bills(&anna).remove(0);
    (anna, bill)
}
