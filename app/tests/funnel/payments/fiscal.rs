//! What a cash register behind T-Bank makes of receipts, told by notifications alone.

use app::pay::notify::{self, Received};
use app::settings::payments::PaymentSettings;
use bytes::Bytes;
use domain::fiscal::FiscalNumbers;
use serde_json::Value;
use store::{Backend, Receipt};

use super::receipts::{agreed, bought, deliver, gives_back, one, receipts_of, set, with_receipts};
use super::*;

on_both!(in crate::payments::Shop;
    a_registers_word_is_written_on_each_receipt,
    a_receipt_that_is_told_first_settles_the_payment,
    a_lost_answer_is_made_good_by_the_registers_word,
    a_register_that_fails_is_told_to_a_person,
    a_refund_of_the_cabinet_brings_its_receipt,
    receipts_of_nobody_are_acknowledged_and_left,
);

const TBANK_ADDRESS: &str = "91.194.226.1";
const TERMINAL: &str = "1699999999999DEMO";

async fn with_a_register(shop: &Shop, code: &str) {
    with_receipts(shop, code).await;
    let told = json!({ "notify_receipts": true });
    shop.bank.tbank().set_account(TERMINAL, &told).await.unwrap();
}

/// The bodies of what the bank has sent about a payment's receipts so far.
async fn letters(shop: &Shop, payment: &Payment) -> Vec<Value> {
    let id = payment.provider_payment.as_deref();
    let sent = shop.bank.notifications(id).await.unwrap();
    sent.into_iter()
        .map(|letter| letter["body"].clone())
        .filter(|body| body["Status"] == "RECEIPT")
        .collect()
}

async fn tell(shop: &Shop, letter: &Value) {
    let (app, caller) = (&shop.world.app, &shop.world.caller);
    let body = Bytes::from(letter.to_string());
    let peer = TBANK_ADDRESS.parse().unwrap();
    let received = notify::receive(app, &caller.tenant, "tbank", &body, peer, &caller.request_id)
        .await
        .unwrap();
    assert!(matches!(received, Received::Kept(_)), "{received:?}");
    shop.world.run_jobs().await;
}

async fn tell_all(shop: &Shop, payment: &Payment) {
    for letter in letters(shop, payment).await {
        tell(shop, &letter).await;
    }
}

fn numbers(letter: &Value) -> FiscalNumbers {
    let text = |name: &str| letter[name].to_string().trim_matches('"').to_owned();
    let (storage, document) = (text("FnNumber"), text("FiscalDocumentNumber"));
    FiscalNumbers::new(&storage, &document, &text("FiscalDocumentAttribute")).unwrap()
}

fn registered(receipt: &Receipt, letter: &Value) {
    assert_eq!(receipt.status, "registered", "{receipt:?}");
    assert_eq!(receipt.fiscal, Some(numbers(letter)));
    assert_eq!(receipt.link.as_deref(), letter["Url"].as_str());
}

async fn a_registers_word_is_written_on_each_receipt(shop: &Shop) {
    with_a_register(shop, "program_12w").await;
    let (mut anna, client) = a_reader(shop).await;
    let (order, payment) = bought(shop, &client, "program_12w", "tbank").await;
    assert_eq!(one(shop, &order, "payment").await.status, "with_payment");
    tell_all(shop, &payment).await;
    let first = letters(shop, &payment).await.remove(0);
    registered(&one(shop, &order, "payment").await, &first);
    assert!(one(shop, &order, "payment").await.is_test, "a terminal for trying");

    // The closing one has the same sum and the same kind: what is on it tells which is which.
    deliver(shop, &mut anna, &order).await;
    shop.world.run_jobs().await;
    assert_eq!(one(shop, &order, "closing").await.status, "sent");
    tell_all(shop, &payment).await;
    let closing = letters(shop, &payment).await.remove(1);
    registered(&one(shop, &order, "closing").await, &closing);

    gives_back(shop, &payment, 99_000).await;
    tell_all(shop, &payment).await;
    let back = letters(shop, &payment).await.remove(2);
    registered(&one(shop, &order, "refund").await, &back);
    let told = receipts_of(shop, &order).await;
    // Told again, with a mark of a second delivery: another body of the same document.
    for mut letter in letters(shop, &payment).await {
        letter["Receipt"]["again"] = json!(true);
        tell(shop, &letter).await;
    }
    assert_eq!(receipts_of(shop, &order).await, told, "once");
    assert_eq!(shop.tasks().await, Vec::<String>::new());
    shop.check_books().await;
}

async fn a_receipt_that_is_told_first_settles_the_payment(shop: &Shop) {
    with_a_register(shop, "program_12w").await;
    let (_anna, client) = a_reader(shop).await;
    let order = shop.order(&client, "program_12w", None).await.order;
    agreed(shop, &order).await;
    let payment = shop.start_payment(&order, "tbank").await;
    shop.bank_pays(&payment).await;
    // Nobody has looked yet, and the notification of the payment itself is late.
    tell_all(shop, &payment).await;
    assert_eq!(shop.find_payment(&payment).await.status, PaymentStatus::Completed);
    let letter = letters(shop, &payment).await.remove(0);
    registered(&one(shop, &order, "payment").await, &letter);
    shop.check_books().await;
}

async fn a_lost_answer_is_made_good_by_the_registers_word(shop: &Shop) {
    with_a_register(shop, "program_12w").await;
    let (mut anna, client) = a_reader(shop).await;
    let (order, payment) = bought(shop, &client, "program_12w", "tbank").await;
    let lost = json!({ "drop_response": { "next": 1 }, "only_calls": ["SendClosingReceipt"] });
    shop.bank.tbank().set_faults(&lost).await.unwrap();
    deliver(shop, &mut anna, &order).await;
    shop.world.run_jobs().await;
    let closing = one(shop, &order, "closing").await;
    assert_eq!(
        (closing.status.as_str(), closing.failure.as_deref()),
        ("failed", Some("unknown"))
    );
    let open = async || {
        let tasks = shop.world.read().await.list_tasks(Some(false), &ALL).await.unwrap();
        tasks.items.into_iter().map(|task| task.kind).collect::<Vec<_>>()
    };
    assert_eq!(open().await, ["receipt_failed"]);
    tell_all(shop, &payment).await;
    let letter = letters(shop, &payment).await.remove(1);
    registered(&one(shop, &order, "closing").await, &letter);
    assert_eq!(open().await, Vec::<String>::new(), "nobody has to look any more");
}

async fn a_register_that_fails_is_told_to_a_person(shop: &Shop) {
    with_a_register(shop, "program_12w").await;
    let (_anna, client) = a_reader(shop).await;
    shop.bank
        .tbank()
        .set_faults(&json!({ "fail_receipt": { "next": 1 } }))
        .await
        .unwrap();
    let (order, payment) = bought(shop, &client, "program_12w", "tbank").await;
    tell_all(shop, &payment).await;
    let receipt = one(shop, &order, "payment").await;
    assert_eq!(
        (receipt.status.as_str(), receipt.failure.as_deref()),
        ("failed", Some("311"))
    );
    assert!(shop.tasks().await.contains(&"receipt_failed".to_owned()));
    assert_eq!(
        shop.find_payment(&payment).await.status,
        PaymentStatus::Completed,
        "money is money"
    );
}

async fn a_refund_of_the_cabinet_brings_its_receipt(shop: &Shop) {
    with_a_register(shop, "nutrition").await;
    let client = a_visitor(shop).await;
    let (order, payment) = bought(shop, &client, "nutrition", "tbank").await;
    shop.world.run_jobs().await;
    tell_all(shop, &payment).await;
    let id = payment.provider_payment.as_ref().unwrap();
    shop.bank.tbank().refund(id, None).await.unwrap();
    // The receipt is the first to tell of it.
    tell_all(shop, &payment).await;
    assert_eq!(shop.find_payment(&payment).await.status, PaymentStatus::Refunded);
    let letter = letters(shop, &payment).await.remove(1);
    registered(&one(shop, &order, "refund").await, &letter);
    shop.check_books().await;
}

async fn receipts_of_nobody_are_acknowledged_and_left(shop: &Shop) {
    with_a_register(shop, "nutrition").await;
    let client = a_visitor(shop).await;
    let (_, payment) = bought(shop, &client, "nutrition", "tbank").await;
    let letter = letters(shop, &payment).await.remove(0);
    // A terminal that two installations share: the second one's bank knows no such payment.
    let stranger = Shop::start(Backend::Sqlite).await;
    tell(&stranger, &letter).await;
    assert_eq!(stranger.tasks().await, Vec::<String>::new());
    stranger.stop().await;

    // Receipts were switched off while somebody paid: no row waits for what the register says.
    let order = shop.order(&client, "nutrition", None).await.order;
    agreed(shop, &order).await;
    let payment = shop.start_payment(&order, "tbank").await;
    set(shop, &PaymentSettings::default()).await;
    shop.bank_pays(&payment).await;
    tell_all(shop, &payment).await;
    assert_eq!(letters(shop, &payment).await.len(), 1);
    assert_eq!(receipts_of(shop, &order).await, []);
    assert_eq!(shop.find_payment(&payment).await.status, PaymentStatus::Completed);
    assert!(!shop.tasks().await.contains(&"unknown_payment".to_owned()));
}
