//! Money inside Telegram: bills, the question before a payment, the payment itself and Stars that go back.

use std::time::Duration;

use api_types::conversation::{
    Content, Delivery, EventBody, GiveBack, Invoice, ListStars, Outcome, StarDirection, StarTransaction,
};
use sandbox::driver::Checkout;
use serde_json::json;

use crate::support::{ANNA, Answer, Bot, World, delivery, text, with_buttons, world};

const TOKEN: &str = "401643678:TEST:sandbox-bank";
/// Telegram's own patience, and a little more for the way.
const PATIENCE: Duration = Duration::from_secs(13);

fn invoice(currency: &str, amount_minor: i64) -> Invoice {
    Invoice {
        title: "План питания".to_owned(),
        description: "Заказ на 2 990 ₽".to_owned(),
        payload: "py_1".to_owned(),
        currency: currency.to_owned(),
        amount_minor,
        button: "Оплатить".to_owned(),
        provider_token: (currency != "XTR").then(|| TOKEN.to_owned()),
        provider_data: None,
        needs_email: false,
    }
}

fn bill(id: &str, invoice: Invoice) -> Delivery {
    let content = Content {
        invoice: Some(invoice),
        ..Content::default()
    };
    delivery(
        id,
        ANNA,
        with_buttons(content, &[("Другой способ", "bl:1"), ("Отменить", "bx:1")]),
    )
}

/// Anna has this bill in her chat; the message's id.
async fn billed(w: &World, invoice: Invoice) -> i64 {
    w.crm.enqueue([bill("bill", invoice)]);
    w.crm.until_sent("bill").await.parse().unwrap()
}

async fn pay(w: &World, message_id: i64) -> Checkout {
    let id = w.telegram.press_pay(ANNA, message_id).await.unwrap();
    w.telegram.wait_for_checkout(&id, PATIENCE).await.unwrap()
}

async fn paid_event(w: &World) -> EventBody {
    w.crm
        .until("a payment", |seen| {
            let body = |event: &api_types::conversation::Event| event.body.clone();
            seen.events
                .iter()
                .map(body)
                .find(|body| matches!(body, EventBody::Paid { .. }))
        })
        .await
}

#[tokio::test]
async fn a_bill_in_stars_is_shown_asked_about_and_paid() {
    let w = world().await.acquainted().await;
    let message = billed(&w, invoice("XTR", 1_662)).await;
    let shown = w.bot_messages(ANNA).await.pop().unwrap();
    let labels: Vec<&str> = shown.buttons().map(|button| button.text.as_str()).collect();
    assert_eq!(labels, ["Оплатить", "Другой способ", "Отменить"]);
    let seen = shown.invoice.unwrap();
    assert_eq!((seen.currency.as_str(), seen.total_amount), ("XTR", 1_662));
    assert_eq!(seen.start_parameter, "bill", "forwarded, it can't be paid by strangers");

    let Checkout::Paid { charge } = pay(&w, message).await else {
        panic!("not paid")
    };
    assert_eq!(
        paid_event(&w).await,
        EventBody::Paid {
            currency: "XTR".to_owned(),
            amount_minor: 1_662,
            payload: "py_1".to_owned(),
            charge,
            provider_charge: String::new(),
        }
    );
    let questions = w.crm.seen().questions.clone();
    let [question] = &questions[..] else {
        panic!("{questions:?}")
    };
    assert_eq!((question.payer.as_str(), question.amount_minor), ("100001", 1_662));
    assert_eq!(question.language_code.as_deref(), Some("ru"));
}

#[tokio::test]
async fn a_bill_by_card_carries_the_banks_token_and_the_receipt() {
    let w = world().await.acquainted().await;
    let data = json!({"receipt": {"items": []}}).to_string();
    let card = Invoice {
        provider_data: Some(data.clone()),
        needs_email: true,
        ..invoice("RUB", 299_000)
    };
    let message = billed(&w, card).await;
    let calls = w.telegram.requests().await.unwrap();
    let call = calls.iter().find(|call| call.method == "sendInvoice").unwrap();
    assert_eq!(call.params["provider_token"], TOKEN);
    assert_eq!(call.params["provider_data"], data);
    assert_eq!(
        (&call.params["need_email"], &call.params["send_email_to_provider"]),
        (&json!(true), &json!(true))
    );
    assert!(matches!(pay(&w, message).await, Checkout::Paid { .. }));
    let EventBody::Paid { provider_charge, .. } = paid_event(&w).await else {
        panic!()
    };
    assert!(!provider_charge.is_empty());
}

#[tokio::test]
async fn a_no_of_the_crm_reaches_the_payer_in_its_words() {
    let w = world().await.acquainted().await;
    w.crm
        .change(|seen| seen.may_not_pay = Some("Этот счёт уже закрыт.".to_owned()));
    let message = billed(&w, invoice("XTR", 1_662)).await;
    let reason = "Этот счёт уже закрыт.".to_owned();
    assert_eq!(pay(&w, message).await, Checkout::Refused { reason });
    assert!(w.telegram.charges().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_crm_that_hangs_once_is_asked_again_and_one_that_is_away_refuses_in_time() {
    let w = world().await.acquainted().await;
    let message = billed(&w, invoice("XTR", 1_662)).await;
    w.crm.change(|seen| seen.hanging_questions = 1);
    assert!(matches!(pay(&w, message).await, Checkout::Paid { .. }));
    assert_eq!(w.crm.seen().questions.len(), 2);

    w.crm.change(|seen| seen.away = Some(503));
    let again = json!({"message_id": message, "force": true});
    let id = w.telegram.press_pay_with(ANNA, &again).await.unwrap();
    let told = w.telegram.wait_for_checkout(&id, PATIENCE).await.unwrap();
    let Checkout::Refused { reason } = told else {
        panic!("{told:?}")
    };
    assert!(reason.contains("Деньги не списаны"), "{reason}");
    assert_eq!(w.telegram.charges().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_busy_chat_does_not_hold_up_its_payment() {
    let w = world().await.acquainted().await;
    let message = billed(&w, invoice("XTR", 1_662)).await;
    w.crm.change(|seen| seen.slow = Duration::from_secs(6));
    for number in 0..3 {
        w.telegram.send_text(ANNA, &number.to_string()).await.unwrap();
    }
    w.crm
        .until("a slow event", |seen| (!seen.events.is_empty()).then_some(()))
        .await;
    assert!(matches!(pay(&w, message).await, Checkout::Paid { .. }));
    w.crm.change(|seen| seen.slow = Duration::ZERO);
}

#[tokio::test]
async fn an_answer_telegram_did_not_hear_is_given_again() {
    let w = world().await.acquainted().await;
    let message = billed(&w, invoice("XTR", 1_662)).await;
    let fault = json!({"telegram": {"server_error_next": 2, "only_methods": ["answerPreCheckoutQuery"]}});
    w.telegram.set_faults(&fault).await.unwrap();
    assert!(matches!(pay(&w, message).await, Checkout::Paid { .. }));
}

#[tokio::test]
async fn a_payment_told_twice_has_one_key() {
    let w = world().await.acquainted().await;
    let message = billed(&w, invoice("XTR", 1_662)).await;
    assert!(matches!(pay(&w, message).await, Checkout::Paid { .. }));
    paid_event(&w).await;
    w.telegram.repeat_last_update(1).await.unwrap();
    let keys = w
        .crm
        .until("the repetition", |seen| {
            let paid = seen
                .events
                .iter()
                .filter(|event| matches!(event.body, EventBody::Paid { .. }));
            let keys: Vec<String> = paid.map(|event| event.key.clone()).collect();
            (keys.len() >= 2).then_some(keys)
        })
        .await;
    assert!(keys.iter().all(|key| Some(key) == keys.first()), "{keys:?}");
}

#[tokio::test]
async fn money_a_dying_bot_could_not_bring_home_comes_with_the_next_one() {
    let mut w = world().await.acquainted().await;
    let message = billed(&w, invoice("XTR", 1_662)).await;
    w.crm.on_event(|_| Answer::Status(503));
    let Checkout::Paid { charge } = pay(&w, message).await else {
        panic!("not paid")
    };
    paid_event(&w).await;
    w.bot.shutdown().await;
    w.crm.on_event(|_| Vec::new());
    w.crm.change(|seen| seen.events.clear());
    w.bot = Bot::start(&w.telegram, &w.crm, |_| {}).await;
    let EventBody::Paid { charge: told, .. } = paid_event(&w).await else {
        panic!()
    };
    assert_eq!(told, charge);
}

#[tokio::test]
async fn stars_go_back_once_however_often_they_are_asked_for() {
    let w = world().await.acquainted().await;
    let message = billed(&w, invoice("XTR", 1_662)).await;
    let Checkout::Paid { charge } = pay(&w, message).await else {
        panic!("not paid")
    };
    let back = |id: &str, charge: &str| Delivery {
        address: "stars:rf_1".to_owned(),
        ..delivery(
            id,
            0,
            Content {
                give_back: Some(GiveBack {
                    payer: ANNA.to_string(),
                    charge: charge.to_owned(),
                }),
                ..Content::default()
            },
        )
    };
    // The answer gets lost: it is asked for again and finds it done.
    let fault = json!({"telegram": {"drop_response_next": 1, "only_methods": ["refundStarPayment"]}});
    w.telegram.set_faults(&fault).await.unwrap();
    w.crm.enqueue([back("back-1", &charge)]);
    assert_eq!(w.crm.until_sent("back-1").await, charge);
    w.crm.enqueue([back("back-2", &charge), back("back-3", "stx-unknown")]);
    assert_eq!(w.crm.until_sent("back-2").await, charge);
    let reason = w
        .crm
        .until("a refusal", |seen| {
            seen.outcomes("back-3").into_iter().find_map(|outcome| match outcome {
                Outcome::Rejected { reason } => Some(reason.clone()),
                _ => None,
            })
        })
        .await;
    assert!(reason.contains("CHARGE_NOT_FOUND"), "{reason}");
    assert_eq!(w.telegram.chat(ANNA).await.unwrap().stars, 100_000);
    w.crm
        .until("the word of Telegram", |seen| {
            let told = |event: &api_types::conversation::Event| {
                matches!(&event.body, EventBody::GivenBack { charge: told } if *told == charge)
                    && event.person.first_name == "Анна"
            };
            seen.events.iter().any(told).then_some(())
        })
        .await;
}

fn list(id: &str, offset: u32, limit: u8) -> Delivery {
    let content = Content {
        list_stars: Some(ListStars { offset, limit }),
        ..Content::default()
    };
    Delivery {
        address: format!("stars-list:rc_1:{id}"),
        ..delivery(id, 0, content)
    }
}

async fn lines(w: &World, id: &str) -> Vec<StarTransaction> {
    w.crm
        .until("a page of Stars", |seen| {
            seen.outcomes(id).into_iter().find_map(|outcome| match outcome {
                Outcome::StarsListed { transactions } => Some(transactions.clone()),
                _ => None,
            })
        })
        .await
}

#[tokio::test]
async fn the_list_of_stars_is_read_page_by_page() {
    let w = world().await.acquainted().await;
    let message = billed(&w, invoice("XTR", 1_662)).await;
    let Checkout::Paid { charge } = pay(&w, message).await else {
        panic!("not paid")
    };
    let back = Content {
        give_back: Some(GiveBack {
            payer: ANNA.to_string(),
            charge: charge.clone(),
        }),
        ..Content::default()
    };
    w.crm.enqueue([Delivery {
        address: "stars:rf_1".to_owned(),
        ..delivery("back", 0, back)
    }]);
    w.crm.until_sent("back").await;
    // Telegram is busy at first: the page is asked for again.
    let fault = json!({"telegram": {"server_error_next": 1, "only_methods": ["getStarTransactions"]}});
    w.telegram.set_faults(&fault).await.unwrap();
    w.crm.enqueue([
        list("all", 0, 100),
        list("second", 1, 1),
        list("behind", 2, 100),
        list("wrong", 0, 0),
    ]);
    let all = lines(&w, "all").await;
    let shape = |line: &StarTransaction| (line.charge.clone(), line.direction, line.amount, line.payer.clone());
    let anna = Some(ANNA.to_string());
    assert_eq!(
        all.iter().map(shape).collect::<Vec<_>>(),
        [
            (charge.clone(), StarDirection::In, 1_662, anna.clone()),
            (charge, StarDirection::Out, 1_662, anna)
        ]
    );
    assert_eq!(all[0].payload.as_deref(), Some("py_1"));
    assert_eq!(lines(&w, "second").await, all[1..]);
    assert_eq!(lines(&w, "behind").await, []);
    let reason = w
        .crm
        .until("a refusal", |seen| {
            seen.outcomes("wrong").into_iter().find_map(|outcome| match outcome {
                Outcome::Rejected { reason } => Some(reason.clone()),
                _ => None,
            })
        })
        .await;
    assert!(reason.contains("invalid offset or limit"), "{reason}");
}

#[tokio::test]
async fn a_bill_telegram_refuses_is_told_and_holds_up_nothing() {
    let w = world().await.acquainted().await;
    let wrong = Invoice {
        provider_token: Some("1:TEST:revoked".to_owned()),
        ..invoice("RUB", 299_000)
    };
    w.crm.enqueue([bill("bill", wrong), text("after", ANNA, "дальше")]);
    w.crm.until_sent("after").await;
    let seen = w.crm.seen();
    let outcomes = seen.outcomes("bill");
    assert!(
        matches!(outcomes[..], [Outcome::Rejected { reason }] if reason.contains("PAYMENT_PROVIDER_INVALID")),
        "{outcomes:?}"
    );
}
