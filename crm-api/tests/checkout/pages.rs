use domain::ids::Id;
use domain::order::OrderStatus;
use domain::payment::PaymentStatus;

use crate::common::Backend;
use crate::shop::Shop;

const BOT: &str = "href=\"https://t.me/voronka_test_bot\"";

macro_rules! in_a_shop {
    ($($behaviour:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour(super::Shop::open(super::Backend::Sqlite).await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour(super::Shop::open(super::Backend::Postgres).await).await;
            })+
        }
    };
}

async fn a_programme_is_paid_and_handed_over(shop: &Shop, provider: &str) {
    let client = shop.a_reader().await;
    let order = shop.order(&client, "program_12w").await;
    let path = format!("/checkout/{}", order.id);
    let page = shop.get(&path).await;
    assert_eq!(page.status, 200);
    assert!(page.has("Оплатить 4 990 ₽"), "{}", page.text);
    assert!(page.has("ЮKassa") && page.has("Т-Банк"), "{}", page.text);
    assert!(!page.has("Анна") && !page.has("anna101"), "nothing of the client");
    assert!(!page.has("<script") && !page.has(" checked>\n<span>Принимаю"));
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-robots-tag", "noindex, nofollow"),
    ] {
        assert_eq!(page.headers[name], value);
    }
    assert!(shop.get(&format!("{path}?lang=en")).await.has("Pay ₽4,990"));

    let form = [("provider", provider), ("offer", &page.offer())];
    let sent = shop.post(&format!("{path}/pay?lang=ru"), &form).await;
    let elsewhere = sent.location();
    assert!(elsewhere.starts_with(&shop.bank.url("/")), "{elsewhere}");
    assert_eq!(shop.get_elsewhere(&elsewhere).await, 200, "the bank's own page");
    let accepted = shop.find(&order).await;
    assert_eq!(accepted.offer_hash, Some(page.offer()));
    assert!(accepted.offer_accepted_at.is_some());

    let waiting = shop.get(&path).await;
    assert!(waiting.has("Ждём оплату"), "{}", waiting.text);
    assert!(
        waiting.has("<noscript><meta http-equiv=\"refresh\""),
        "it follows without script, too"
    );
    let policy = waiting.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.contains("script-src 'sha256-") && policy.contains("connect-src 'self'"),
        "{policy}"
    );
    let payments = shop.payments(&order).await;
    assert_eq!(payments.len(), 1);
    shop.bank_pays(&payments[0]).await;
    let paid = shop.wait_for(&path, "Оплачено, спасибо!").await;
    assert!(paid.has("Собираем вашу программу"), "{}", paid.text);
    shop.world.run_due_jobs().await;

    let ready = shop.get(&path).await;
    assert!(!ready.has("http-equiv=\"refresh\""), "there is nothing to wait for");
    let link = ready.between("class=\"go\" href=\"", "\"").unwrap();
    let document = shop.get(&link).await;
    assert_eq!(document.status, 200);
    assert_eq!(document.headers["content-type"], "application/pdf");
    assert!(document.text.starts_with("%PDF"));
    let forged = link.replace("signature=", "signature=A");
    assert_eq!(shop.get(&forged).await.status, 404);
    let longer = link.replace("until=1", "until=2");
    assert_eq!(shop.get(&longer).await.status, 404);
    shop.advance_minutes(8 * 24 * 60).await;
    let late = shop.get(&link).await;
    assert_eq!(late.status, 404);
    assert!(late.has("Ссылка устарела"));
    let fresh = shop.get(&path).await.between("class=\"go\" href=\"", "\"").unwrap();
    assert_eq!(shop.get(&fresh).await.status, 200);
}

async fn paid_through_yookassa(shop: Shop) {
    a_programme_is_paid_and_handed_over(&shop, "yookassa").await;
    shop.bank.shutdown().await;
}

async fn paid_through_tbank(shop: Shop) {
    a_programme_is_paid_and_handed_over(&shop, "tbank").await;
    shop.bank.shutdown().await;
}

async fn a_buyer_without_answers_is_led_into_the_questionnaire(shop: Shop) {
    let client = shop.a_visitor().await;
    let order = shop.order(&client, "program_12w").await;
    let path = format!("/checkout/{}", order.id);
    let form = [("provider", "yookassa"), ("offer", &shop.get(&path).await.offer())];
    shop.post(&format!("{path}/pay"), &form).await.location();
    shop.bank_pays(&shop.payments(&order).await[0]).await;
    let paid = shop.wait_for(&path, "Оплачено, спасибо!").await;
    assert!(
        paid.has("нужны ответы на несколько вопросов") && paid.has(BOT),
        "{}",
        paid.text
    );
    assert!(!paid.has("пару минут") && !paid.has("пара минут"), "{}", paid.text);
    shop.bank.shutdown().await;
}

async fn a_decline_is_explained_and_the_second_try_is_elsewhere(shop: Shop) {
    let client = shop.a_visitor().await;
    let order = shop.order(&client, "nutrition").await;
    let path = format!("/checkout/{}", order.id);
    let offer = shop.get(&path).await.offer();
    let form = [("provider", "yookassa"), ("offer", offer.as_str())];
    shop.post(&format!("{path}/pay"), &form).await.location();
    let first = shop.payments(&order).await.remove(0);
    shop.bank
        .yookassa()
        .decline(first.provider_payment.as_ref().unwrap(), "insufficient_funds")
        .await
        .unwrap();
    let declined = shop.wait_for(&path, "Оплата не прошла").await;
    assert!(declined.has("не хватило денег"), "{}", declined.text);
    assert!(!declined.has("name=\"offer\""), "accepted once is accepted");
    let second = shop.post(&format!("{path}/pay"), &[("provider", "tbank")]).await;
    assert!(second.location().starts_with(&shop.bank.url("/")));
    let payments = shop.payments(&order).await;
    assert_eq!((payments.len(), payments[0].provider.as_str()), (2, "tbank"));
    shop.bank_pays(&payments[0]).await;
    shop.wait_for(&path, "Оплачено, спасибо!").await;
    shop.bank.shutdown().await;
}

async fn two_submits_are_one_payment(shop: Shop) {
    let client = shop.a_visitor().await;
    let order = shop.order(&client, "nutrition").await;
    let path = format!("/checkout/{}/pay", order.id);
    let offer = shop.get(&format!("/checkout/{}", order.id)).await.offer();
    let form = [("provider", "yookassa"), ("offer", offer.as_str())];
    let (one, other) = tokio::join!(shop.post(&path, &form), shop.post(&path, &form));
    assert_eq!((one.status, other.status), (303, 303));
    let third = shop.post(&path, &form).await.location();
    assert!(third.starts_with(&shop.bank.url("/")));
    assert_eq!(shop.payments(&order).await.len(), 1);
    assert_eq!(shop.bank.yookassa().payments().await.unwrap().len(), 1);
    shop.bank.shutdown().await;
}

async fn a_promo_code_makes_a_new_order_and_a_refusal_has_its_own_words(shop: Shop) {
    let client = shop.a_visitor().await;
    shop.promo_code("SPRING", true).await;
    shop.promo_code("WINTER", false).await;
    let order = shop.order(&client, "program_12w").await;
    let path = format!("/checkout/{}", order.id);
    let promo = format!("{path}/promo?lang=ru");
    let unknown = shop.post(&promo, &[("code", "<b>nope")]).await;
    assert_eq!(unknown.status, 422);
    assert!(
        unknown.has("Такого промокода нет") && unknown.has("&lt;b&gt;nope"),
        "{}",
        unknown.text
    );
    let over = shop.post(&promo, &[("code", "winter")]).await;
    assert!(over.has("больше не действует"), "{}", over.text);

    let next = shop.post(&promo, &[("code", " spring ")]).await.location();
    assert_ne!(next, format!("{path}?lang=ru"));
    let page = shop.get(&next).await;
    assert!(
        page.has("Оплатить 4 491 ₽") && page.has("Промокод SPRING"),
        "{}",
        page.text
    );
    assert!(page.has("−499 ₽"), "{}", page.text);
    assert_eq!(shop.find(&order).await.status, OrderStatus::Canceled);
    let old = shop.get(&path).await;
    assert!(
        old.has("заменён новым") && old.has(&next.replace('&', "&amp;")),
        "{}",
        old.text
    );
    let (new_path, _) = next.split_once('?').unwrap();
    let twice = shop.post(&format!("{new_path}/promo"), &[("code", "SPRING")]).await;
    assert!(twice.location().starts_with(new_path), "it has the discount already");
    shop.bank.shutdown().await;
}

async fn a_receipt_needs_a_contact_and_a_wrong_one_is_refused_with_a_sentence(shop: Shop) {
    shop.give_receipts().await;
    let client = shop.a_visitor().await;
    let order = shop.order(&client, "nutrition").await;
    let path = format!("/checkout/{}", order.id);
    let page = shop.get(&path).await;
    assert!(page.has("Почта или телефон"), "{}", page.text);
    let offer = page.offer();
    let pay = format!("{path}/pay");
    for (typed, sentence) in [
        ("", "Оставьте почту"),
        ("anna\"@", "не похоже ни на почту"),
        ("12", "не похоже"),
    ] {
        let form = [("provider", "yookassa"), ("offer", offer.as_str()), ("contact", typed)];
        let refused = shop.post(&pay, &form).await;
        assert_eq!(refused.status, 422, "{typed}");
        assert!(refused.has(sentence) && !refused.has("anna\"@"), "{}", refused.text);
    }
    let both = shop.post(&pay, &[("provider", "yookassa"), ("contact", "12")]).await;
    for link in ["<a href=\"#contact\">", "<a href=\"#offer\">"] {
        assert!(both.has(link), "two mistakes are told at once: {}", both.text);
    }
    let form = [("provider", "yookassa"), ("contact", "anna@example.com")];
    let unticked = shop.post(&pay, &form).await;
    assert_eq!(unticked.status, 422);
    assert!(unticked.has("нужно принять условия") && unticked.has("anna@example.com"));
    let form = [
        ("provider", "yookassa"),
        ("contact", "anna@example.com"),
        ("offer", "0000"),
    ];
    assert!(shop.post(&pay, &form).await.has("условия изменились"));
    assert!(shop.payments(&order).await.is_empty());
    let form = [
        ("provider", "yookassa"),
        ("offer", offer.as_str()),
        ("contact", "8 912 345-67-89"),
    ];
    shop.post(&pay, &form).await.location();
    assert_eq!(shop.find(&order).await.contact.as_deref(), Some("+79123456789"));
    assert!(
        !shop.get(&path).await.has("912"),
        "what was typed is not shown to the next one who looks"
    );
    shop.bank.shutdown().await;
}

async fn a_form_of_another_site_does_nothing(shop: Shop) {
    let client = shop.a_visitor().await;
    let order = shop.order(&client, "nutrition").await;
    let path = format!("/checkout/{}", order.id);
    let offer = shop.get(&path).await.offer();
    let form = [("provider", "yookassa"), ("offer", offer.as_str()), ("code", "X")];
    for (site, origin) in [("cross-site", "https://evil.example"), ("same-site", "null")] {
        for action in ["pay", "promo", "again"] {
            let answer = shop.post_from(site, origin, &format!("{path}/{action}"), &form).await;
            assert_eq!(answer.status, 403, "{action}");
            assert!(answer.has("с другого сайта"));
        }
    }
    assert!(shop.payments(&order).await.is_empty());
    assert_eq!(shop.find(&order).await.offer_hash, None);
    shop.bank.shutdown().await;
}

async fn an_order_that_ran_out_can_be_placed_once_more(shop: Shop) {
    let client = shop.a_visitor().await;
    let order = shop.order(&client, "nutrition").await;
    let path = format!("/checkout/{}", order.id);
    let offer = shop.get(&path).await.offer();
    shop.advance_minutes(25 * 60).await;
    assert!(shop.get(&path).await.has("Время на оплату вышло"));
    let form = [("provider", "yookassa"), ("offer", offer.as_str())];
    let late = shop.post(&format!("{path}/pay?lang=ru"), &form).await;
    assert_eq!(late.location(), format!("{path}?lang=ru"));
    assert!(shop.payments(&order).await.is_empty());
    app::pay::expire::tick(&shop.world.app).await.unwrap();
    shop.world.run_due_jobs().await;
    assert_eq!(shop.find(&order).await.status, OrderStatus::Expired);
    let again = shop.post(&format!("{path}/again?lang=ru"), &[]).await.location();
    assert_ne!(again, format!("{path}?lang=ru"));
    assert!(shop.get(&again).await.has("Оплата заказа"));
    let twice = shop.post(&format!("{path}/again?lang=ru"), &[]).await.location();
    assert_eq!(twice, again, "asked twice, it is one order");
    shop.bank.shutdown().await;
}

async fn a_bank_that_does_not_answer_loses_nothing(shop: Shop) {
    let client = shop.a_visitor().await;
    let order = shop.order(&client, "nutrition").await;
    let path = format!("/checkout/{}", order.id);
    let offer = shop.get(&path).await.offer();
    shop.bank
        .yookassa()
        .set_faults(&serde_json::json!({ "drop_response": { "next": 1 } }))
        .await
        .unwrap();
    let form = [("provider", "yookassa"), ("offer", offer.as_str())];
    let sent = shop.post(&format!("{path}/pay?lang=ru"), &form).await;
    assert_eq!(sent.location(), format!("{path}?lang=ru"));
    assert_eq!(shop.payments(&order).await[0].status, PaymentStatus::Creating);
    shop.wait_for(&path, "Ждём оплату").await;
    assert_eq!(
        shop.bank.yookassa().payments().await.unwrap().len(),
        1,
        "one payment, not two"
    );
    shop.bank.shutdown().await;
}

async fn what_is_no_order_is_a_friendly_page(shop: Shop) {
    let unknown: domain::ids::OrderId = shop.world.app.new_id();
    for id in [unknown.as_str(), "or_1", "%FF%FE", "<script>", "..%2Fadmin"] {
        for path in [
            format!("/checkout/{id}"),
            format!("/checkout/{id}/program?until=9&signature=AAAA"),
        ] {
            let page = shop.get(&path).await;
            assert_eq!(page.status, 404, "{path}");
            assert!(
                page.has("Такого заказа нет") && page.has(BOT) && !page.has("<script"),
                "{}",
                page.text
            );
            assert_eq!(page.headers["cache-control"], "no-store");
        }
    }
    let page = shop
        .post(&format!("/checkout/{unknown}/pay"), &[("provider", "yookassa")])
        .await;
    assert_eq!(page.status, 404);
    shop.bank.shutdown().await;
}

in_a_shop!(
    paid_through_yookassa,
    paid_through_tbank,
    a_buyer_without_answers_is_led_into_the_questionnaire,
    a_decline_is_explained_and_the_second_try_is_elsewhere,
    two_submits_are_one_payment,
    a_promo_code_makes_a_new_order_and_a_refusal_has_its_own_words,
    a_receipt_needs_a_contact_and_a_wrong_one_is_refused_with_a_sentence,
    a_form_of_another_site_does_nothing,
    an_order_that_ran_out_can_be_placed_once_more,
    a_bank_that_does_not_answer_loses_nothing,
    what_is_no_order_is_a_friendly_page,
);
