//! What the order's page does for a buyer of the site afterwards: the programme, the bot, another letter.

use domain::ids::Id;
use domain::order::OrderStatus;
use store::{Order, PageRequest};

use crate::common::Backend;
use crate::shop::Shop;

macro_rules! in_a_shop {
    ($($open:ident: $behaviour:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour(super::Shop::$open(super::Backend::Sqlite).await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour(super::Shop::$open(super::Backend::Postgres).await).await;
            })+
        }
    };
}

/// Fills in the page's form and pays at the bank. Returns the page's path.
async fn paid(shop: &Shop, order: &Order, contact: &str) -> String {
    let path = format!("/checkout/{}", order.id);
    let offer = shop.get(&path).await.offer();
    let form = [
        ("provider", "yookassa"),
        ("offer", offer.as_str()),
        ("contact", contact),
    ];
    shop.post(&format!("{path}/pay"), &form).await.location();
    shop.bank_pays(&shop.payments(order).await[0]).await;
    shop.wait_for(&path, "Оплачено, спасибо!").await;
    shop.world.run_due_jobs().await;
    path
}

async fn how_often(shop: &Shop, order: &Order, kind: &str) -> usize {
    let all = PageRequest {
        limit: 100,
        after: None,
    };
    let mut tx = shop.world.app.tenant(&shop.world.tenant).read().await.unwrap();
    let actions = tx.list_actions(&order.client, &all).await.unwrap().items;
    actions.iter().filter(|action| action.kind == kind).count()
}

async fn a_programme_that_was_downloaded_is_handed_over_once(shop: Shop) {
    let client = shop.a_reader().await;
    let order = shop.order(&client, "program_12w").await;
    let path = paid(&shop, &order, "").await;
    let link = shop.get(&path).await.between("class=\"go\" href=\"", "\"").unwrap();
    for tampered in [
        link.replace("signature=", "signature=A"),
        link.replace("until=1", "until=2"),
        link.replace(order.id.as_str(), "or_01KB3SK7ZQ4T9XW2M5N8R6V0YD"),
        link.split('&').next().unwrap().to_owned(),
    ] {
        assert_eq!(shop.get(&tampered).await.status, 404, "{tampered}");
    }
    assert_eq!(shop.head(&link).await, 200);
    assert_eq!(
        shop.find(&order).await.status,
        OrderStatus::Paid,
        "a look is no download"
    );
    let (one, other) = tokio::join!(shop.get(&link), shop.get(&link));
    assert_eq!((one.status, other.status), (200, 200));
    assert_eq!(shop.find(&order).await.status, OrderStatus::Fulfilled);
    assert_eq!(shop.get(&link).await.status, 200, "it may be taken again");
    assert_eq!(how_often(&shop, &order, "program.delivered").await, 1);
    assert_eq!(how_often(&shop, &order, "order.fulfilled").await, 1);
    shop.bank.shutdown().await;
}

async fn the_page_and_the_letter_lead_a_stranger_into_the_bot(shop: Shop) {
    let client = shop.a_stranger().await;
    let order = shop.order(&client, "program_12w").await;
    let path = format!("/checkout/{}", order.id);
    let page = shop.get(&path).await;
    assert!(page.has("Почта (необязательно)"), "{}", page.text);
    assert!(!page.has("start=o_"), "nothing to be had before it is paid");
    let form = [("provider", "yookassa"), ("offer", &page.offer()), ("contact", "anna@")];
    let refused = shop.post(&format!("{path}/pay"), &form).await;
    assert_eq!(refused.status, 422);
    assert!(refused.has("не похоже на почту"), "{}", refused.text);
    paid(&shop, &order, "anna@example.com").await;
    let page = shop.get(&path).await;
    assert!(
        !page.has("anna@example.com"),
        "what was typed is not shown to the next one who looks"
    );
    assert!(page.has("Письмо с этими же ссылками"), "{}", page.text);
    let way = page.between("class=\"go\" href=\"", "\"").unwrap();
    assert!(way.starts_with("https://t.me/voronka_test_bot?start=o_"), "{way}");
    let letters = shop.letters().await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0]["envelope_to"][0], "anna@example.com");
    assert!(
        letters[0]["text"].as_str().unwrap().contains(&way),
        "{}",
        letters[0]["text"]
    );
    shop.bank.shutdown().await;
}

async fn a_dead_link_offers_another_letter_to_the_same_address(shop: Shop) {
    let client = shop.a_reader().await;
    let order = shop.order(&client, "program_12w").await;
    let path = paid(&shop, &order, "anna@example.com").await;
    assert_eq!(shop.letters().await.len(), 2, "paid, and ready");
    shop.advance_minutes(8 * 24 * 60).await;
    let dead = shop.get(&format!("{path}/program?until=1&signature=AAAA")).await;
    assert_eq!(dead.status, 404);
    assert!(
        dead.has("Ссылка устарела") && dead.has("Прислать письмо ещё раз"),
        "{}",
        dead.text
    );
    let letter = format!("{path}/letter?lang=ru");
    let foreign = shop.post_from("cross-site", "https://evil.example", &letter, &[]).await;
    assert_eq!(foreign.status, 403);
    let sent = shop.post(&letter, &[]).await;
    assert_eq!(sent.status, 200);
    assert!(
        sent.has("Письмо отправлено") && !sent.has("anna@example.com"),
        "{}",
        sent.text
    );
    let again = shop.post(&letter, &[]).await;
    assert_eq!(again.status, 429);
    assert!(again.has("Письмо уже отправляли"), "{}", again.text);
    let letters = shop.letters().await;
    assert_eq!(letters.len(), 3);
    assert_eq!(letters[2]["subject"], "Ваша программа готова");
    assert_eq!(letters[2]["envelope_to"][0], "anna@example.com");
    let words = letters[2]["text"].as_str().unwrap();
    let link = words
        .split_whitespace()
        .find(|word| word.contains("/program?"))
        .unwrap();
    let link = link.trim_start_matches(shop.world.app.public_url().as_str().trim_end_matches('/'));
    assert_eq!(shop.get(link).await.status, 200, "the new one works");
    shop.bank.shutdown().await;
}

async fn without_a_mail_server_no_letter_is_promised(shop: Shop) {
    let client = shop.a_stranger().await;
    let order = shop.order(&client, "program_12w").await;
    let path = format!("/checkout/{}", order.id);
    assert!(!shop.get(&path).await.has("необязательно"));
    paid(&shop, &order, "anna@example.com").await;
    assert_eq!(shop.find(&order).await.contact, None, "nobody asked for it");
    let page = shop.get(&path).await;
    assert!(
        !page.has("исьмо") && page.has("t.me/voronka_test_bot?start=o_"),
        "{}",
        page.text
    );
    let asked = shop.post(&format!("{path}/letter"), &[]).await;
    assert_eq!(asked.status, 409);
    assert!(asked.has("Письмо отправить некуда"), "{}", asked.text);
    assert_eq!(app::mail::send_due(&shop.world.app).await, 0);
    shop.bank.shutdown().await;
}

in_a_shop!(
    open_writing: a_programme_that_was_downloaded_is_handed_over_once,
    open_writing: the_page_and_the_letter_lead_a_stranger_into_the_bot,
    open_writing: a_dead_link_offers_another_letter_to_the_same_address,
    open: without_a_mail_server_no_letter_is_promised,
);
