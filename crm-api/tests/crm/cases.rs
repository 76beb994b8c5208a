//! Hard cases of money at the door: forged notifications, banks that can't be asked, two currencies, bodies nobody should
//! send. docs/cases.md says which test proves which case.

use reqwest::Method;
use sandbox::driver::{Bank, Forgery};
use serde_json::{Value, json};
use std::time::Duration;

use crate::at_both_tills;
use crate::common::expect_problem;
use crate::desk::{body, text, wrong_fields};
use crate::till::{Till, YOOKASSA, a_product, rub, succeeded};

at_both_tills!(
    no_forgery_changes_anything,
    a_bank_that_cannot_be_asked_is_asked_again,
    two_currencies_never_meet,
    bad_bodies_of_notifications_are_refused,
);

const PATIENCE: Duration = Duration::from_secs(20);
const BANKS: [(Bank, &str, &str); 2] = [
    (Bank::YooKassa, "yookassa", "/api/payments/webhook/yookassa"),
    (Bank::TBank, "tbank", "/api/payments/webhook/tinkoff"),
];

/// Carries the banks' post to this till, letter by letter: T-Bank's own goes where a payment says, and that address is
/// nobody's here. Answers what became of the last one.
struct Postman(usize);

impl Postman {
    async fn carry(&mut self, till: &Till) -> u16 {
        // The bank's own tries fail at once.
        till.bank.wait_until_quiet(PATIENCE).await.unwrap();
        let letters = till.bank.notifications(None).await.unwrap();
        let mut status = 0;
        for letter in letters.iter().skip(self.0) {
            let (.., path) = BANKS.into_iter().find(|(_, name, _)| letter["bank"] == *name).unwrap();
            let sender = letter["sender"].as_str().unwrap();
            status = till.tell(path, sender, &letter["body"]).await.status().as_u16();
        }
        self.0 = letters.len();
        till.run_jobs().await;
        status
    }
}

/// A counter of `/metrics`, whatever its labels.
async fn counted(till: &Till, name: &str) -> u64 {
    let metrics = till.world.request(Method::GET, "/metrics").send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    metrics
        .lines()
        .filter(|line| line.starts_with(name))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

/// Cases 14 and 15: each forgery has the right shape and something wrong: the sender, the token, the state, the sum, the
/// shop, the payment. Nothing changes; what nobody signed or sent is refused and counted, what is only untrue is kept, and
/// the bank is asked.
async fn no_forgery_changes_anything(till: Till) {
    let mut postman = Postman(0);
    for (bank, provider, ..) in BANKS {
        let order = till.an_order().await;
        let payment = till.start(&order, provider).await;
        let id = text(&payment["provider_payment_id"]);
        let rejected = counted(&till, "voronka_notifications_rejected_total").await;
        let mut refused = 0;
        for kind in [
            Forgery::Sender,
            Forgery::Token,
            Forgery::State,
            Forgery::Amount,
            Forgery::Shop,
            Forgery::Unknown,
        ] {
            till.bank.bank(bank).forge(id, kind).await.unwrap();
            let status = postman.carry(&till).await;
            // YooKassa signs nothing, so its address is all there is; T-Bank signs everything, so its address is nothing.
            let is_noticed = match bank {
                Bank::YooKassa => matches!(kind, Forgery::Sender | Forgery::Token),
                Bank::TBank => !matches!(kind, Forgery::Sender | Forgery::Unknown),
            };
            assert_eq!(status, if is_noticed { 403 } else { 200 }, "{provider} {kind:?}");
            refused += u64::from(is_noticed);
            assert_eq!(
                till.status_of("payments", &payment).await,
                "pending",
                "{provider} {kind:?}"
            );
            assert_eq!(
                till.status_of("orders", &order).await,
                "awaiting_payment",
                "{provider} {kind:?}"
            );
        }
        // Tests beside this one are told lies, too.
        assert!(counted(&till, "voronka_notifications_rejected_total").await >= rejected + refused);
        assert_eq!(till.read("/api/jobs?state=dead").await["items"], json!([]));
        // The truth has the name of the lie; it gets through all the same, ten seconds later.
        till.world.clock.advance_ms(10_000);
        till.bank.bank(bank).pay(id).await.unwrap();
        postman.carry(&till).await;
        assert_eq!(till.status_of("payments", &payment).await, "completed", "{provider}");
    }
    let tasks = till.read("/api/tasks?status=open").await;
    let unknown = tasks["items"].as_array().unwrap().iter();
    let unknown: Vec<&Value> = unknown.filter(|task| task["kind"] == "unknown_payment").collect();
    assert_eq!(unknown.len(), 2, "one a bank and day, for a person to see: {tasks}");
    assert_eq!(till.read("/api/ledger/trial-balance").await["is_balanced"], true);
}

/// Case 14: the bank tells, and can't be asked. The fact is safe here, so it need not come again: we ask until it answers.
async fn a_bank_that_cannot_be_asked_is_asked_again(till: Till) {
    let mut postman = Postman(0);
    for (bank, provider, ..) in BANKS {
        let payment = till.start(&till.an_order().await, provider).await;
        let id = text(&payment["provider_payment_id"]);
        let reading = match bank {
            Bank::YooKassa => "get_payment",
            Bank::TBank => "GetState",
        };
        let away = json!({ "server_error": { "percent": 100 }, "only_calls": [reading] });
        till.bank.bank(bank).set_faults(&away).await.unwrap();
        till.bank.bank(bank).pay(id).await.unwrap();
        postman.carry(&till).await;
        assert_eq!(
            till.status_of("payments", &payment).await,
            "pending",
            "{provider}: nobody guesses"
        );
        let back = json!({ "server_error": { "percent": 0 }, "only_calls": [] });
        till.bank.bank(bank).set_faults(&back).await.unwrap();
        till.world.clock.advance_ms(60_000);
        till.run_jobs().await;
        assert_eq!(
            till.status_of("payments", &payment).await,
            "completed",
            "{provider}: without another word"
        );
    }
}

/// Case 4: in an order, a code, a payment by hand, a refund.
async fn two_currencies_never_meet(till: Till) {
    let client = till.client("Анна").await;
    let roubles = till.product("thing", 100_000).await;
    let mut euros = a_product("euros", 5_000);
    euros["price"]["currency"] = json!("EUR");
    let euros = body(till.post("/api/products", &euros).await, 201).await;
    let both = json!({ "client_id": client, "items": [{ "product_id": roubles }, { "product_id": euros["id"] }] });
    for path in ["/api/orders", "/api/orders/quote"] {
        let refused = till.post(path, &both).await;
        let problem = expect_problem(refused, 422, "validation_failed").await;
        assert_eq!(wrong_fields(&problem)[0].0, "items", "{problem}");
    }
    assert_eq!(
        till.read("/api/orders").await["items"],
        json!([]),
        "nothing was written"
    );

    let terms = json!({ "discount": { "type": "sum", "amount": { "amount_minor": 100, "currency": "EUR" } } });
    body(
        till.post("/api/promocodes", &json!({ "code": "EURO", "terms": terms }))
            .await,
        201,
    )
    .await;
    let order = till.order(&client, &roubles, Some("EURO")).await;
    assert_eq!(
        (text(&order["promo_refusal"]["code"]), order["total"].clone()),
        ("promo_other_currency", rub(100_000))
    );
    let five_euros = json!({ "amount_minor": 500, "currency": "EUR" });
    let by_hand = json!({ "order_id": order["id"], "note": "наличными", "amount": five_euros });
    expect_problem(
        till.post("/api/payments/manual", &by_hand).await,
        422,
        "validation_failed",
    )
    .await;
    assert_eq!(till.status_of("orders", &order).await, "awaiting_payment");

    let payment = till.take_cash(&order).await;
    let path = format!("/api/payments/{}/refund", text(&payment["id"]));
    let refused = till
        .post(&path, &json!({ "amount": five_euros, "reason": "евро" }))
        .await;
    assert!(
        [409, 422].contains(&refused.status().as_u16()),
        "{}",
        refused.text().await.unwrap()
    );
    assert_eq!(till.read("/api/refunds").await["items"], json!([]));
    assert_eq!(till.read("/api/ledger/trial-balance").await["is_balanced"], true);
}

/// Case 21 where no JSON of ours is read: whatever comes to the banks' door is a 4xx, and nothing is kept of it.
async fn bad_bodies_of_notifications_are_refused(till: Till) {
    let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    let id = json!("2e3b0d5c-000f-5000-9000-1d0c3c0f5a11");
    let past = succeeded(&id)
        .to_string()
        .replace("\"2e", "99999999999999999999999,\"2e");
    let bodies: [(&str, Vec<u8>); 9] = [
        ("nothing", Vec::new()),
        ("ten megabytes", vec![b' '; 10 * 1024 * 1024]),
        ("cut off", b"{\"event\": \"payment.succeeded\", \"obj".to_vec()),
        ("deep", deep),
        ("windows-1251", b"{\"event\": \"\xcf\xf0\xe8\xe2\xe5\xf2\"}".to_vec()),
        (
            "a lone surrogate",
            br#"{"event": "\ud800", "object": {"id": "\udfff"}}"#.to_vec(),
        ),
        (
            "NUL",
            br#"{"event": "payment.succeeded", "object": {"id": "a\u0000b"}, "PaymentId": "\u0000"}"#.to_vec(),
        ),
        ("a number past i64", past.into_bytes()),
        ("an array", b"[]".to_vec()),
    ];
    for (_, provider, path) in BANKS {
        for (name, bytes) in &bodies {
            let request = till
                .world
                .request(Method::POST, path)
                .header("x-forwarded-for", YOOKASSA);
            let answer = request.body(bytes.clone()).send().await.unwrap();
            let status = answer.status().as_u16();
            let problem: Value = answer.json().await.unwrap();
            assert!((400..500).contains(&status), "{provider} {name}: {status} {problem}");
            assert_eq!(problem["status"], status, "{provider} {name}: {problem}");
        }
    }
    assert_eq!(
        till.read("/api/jobs").await["items"],
        json!([]),
        "nothing is kept of any"
    );
}
