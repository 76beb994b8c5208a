//! Less came than an order of the site costs: its buyer reads what is left, and where to pay it.

use app::pay::{expire, open};
use domain::language::Language;
use domain::money::{Currency, Money};
use serde_json::Value;
use store::Order;

use super::{ALL, Site};
use crate::world::on_both;

fn rub(minor: i64) -> Money {
    Money::new(minor, Currency::Rub)
}

/// A part of the money, as a person enters it.
async fn came(site: &Site, order: &Order, minor: i64) {
    open::enter_by_hand(&site.world.app, &site.admin(), &order.id, Some(rub(minor)), "перевод")
        .await
        .unwrap();
}

fn told<'a>(letters: &'a [Value], part: &str) -> Vec<&'a str> {
    letters.iter().map(|letter| letter[part].as_str().unwrap()).collect()
}

async fn what_is_missing_is_told_by_letter_each_time(site: &Site) {
    let buyer = site.buyer("Анна Петрова").await;
    let order = site.order(&buyer, "nutrition").await;
    came(site, &order, 100_000).await;
    assert_eq!(site.send_letters().await, 1);
    assert_eq!(site.send_letters().await, 0, "once");
    let letters = site.letters().await;
    assert_eq!(letters[0]["envelope_to"][0], "anna@example.com");
    assert_eq!(told(&letters, "subject"), ["Осталось доплатить 1\u{a0}900\u{a0}₽"]);
    let words = told(&letters, "text")[0];
    assert!(words.contains("Здравствуйте, Анна!"), "{words}");
    assert!(
        words.contains("Мы получили 1\u{a0}000\u{a0}₽ за «План питания»")
            && words.contains("осталось 1\u{a0}900\u{a0}₽"),
        "{words}"
    );
    assert!(
        words.contains("Доплатить") && words.contains(&format!("/checkout/{}?lang=ru", order.id)),
        "{words}"
    );
    assert!(told(&letters, "html")[0].contains(&format!("/checkout/{}?lang=ru", order.id)));

    came(site, &order, 90_000).await;
    assert_eq!(site.send_letters().await, 1);
    let letters = site.letters().await;
    let words = told(&letters, "text")[1];
    assert!(
        words.contains("900\u{a0}₽") && words.contains("осталось 1\u{a0}000\u{a0}₽"),
        "{words}"
    );

    came(site, &order, 100_000).await;
    site.world.run_jobs().await;
    assert!(site.is_fulfilled(&order).await);
    assert_eq!(site.send_letters().await, 1);
    let letters = site.letters().await;
    assert_eq!(told(&letters, "subject")[2], "Оплата получена: План питания");
}

async fn it_is_told_in_the_language_of_the_order(site: &Site) {
    let buyer = site.buyer("Anna").await;
    let order = site.order_in(&buyer, "nutrition", Language::En).await;
    came(site, &order, 100_000).await;
    site.send_letters().await;
    let letters = site.letters().await;
    assert_eq!(told(&letters, "subject"), ["₽1,900 is left to pay"]);
    let words = told(&letters, "text")[0];
    assert!(words.contains("We received ₽1,000 for “Nutrition plan”"), "{words}");
    assert!(words.contains(&format!("/checkout/{}?lang=en", order.id)), "{words}");
}

async fn nobody_is_asked_for_what_is_not_missing_any_more(site: &Site) {
    let buyer = site.buyer("Анна").await;
    let paid = site.order(&buyer, "nutrition").await;
    came(site, &paid, 100_000).await;
    came(site, &paid, 190_000).await;
    let closed = site.order(&buyer, "nutrition").await;
    came(site, &closed, 100_000).await;
    expire::cancel(&site.world.app, &site.admin(), &closed.id)
        .await
        .unwrap();
    site.world.run_jobs().await;
    while site.send_letters().await > 0 {}
    let letters = site.letters().await;
    assert_eq!(told(&letters, "subject"), ["Оплата получена: План питания"]);
    assert_eq!(
        site.world
            .read()
            .await
            .stuck_deliveries(99, &ALL)
            .await
            .unwrap()
            .items
            .len(),
        2,
        "both were put aside with their reason"
    );
    assert!(site.tasks().await.iter().all(|task| task.kind != "letter_failed"));
}

on_both!(in crate::site::Site;
    what_is_missing_is_told_by_letter_each_time,
    it_is_told_in_the_language_of_the_order,
    nobody_is_asked_for_what_is_not_missing_any_more,
);
