use std::net::IpAddr;

use bytes::Bytes;
use providers::payments::{About, Error, RawNotification, ReceiptFate, Rejected, ToldReceipt, Verified};
use sandbox::driver::Forgery;
use serde_json::{Value, json};

use crate::world::{Kind, World, line, receipt, rub, succeeded};

struct Letter {
    body: Bytes,
    peer: IpAddr,
}

impl Letter {
    fn of(logged: &Value) -> Self {
        Self {
            body: Bytes::from(logged["body"].to_string()),
            peer: logged["sender"].as_str().unwrap().parse().unwrap(),
        }
    }

    fn verified(&self, world: &World) -> Result<Verified, Rejected> {
        world.provider.verify(RawNotification {
            body: &self.body,
            peer: self.peer,
        })
    }
}

/// Everything the bank has sent about a payment so far.
async fn letters(world: &World, payment: &str) -> Vec<Letter> {
    let logged = world.sandbox.notifications(Some(payment)).await.unwrap();
    logged.iter().map(Letter::of).collect()
}

pub async fn genuine_ones_are_verified(world: World) {
    let paid = world.paid(&world.intent().await).await;
    world.provider.refund(&world.refund_of(&paid, 100_000)).await.unwrap();
    let letters = letters(&world, &paid.id).await;
    let told: Vec<About> = letters
        .iter()
        .map(|letter| letter.verified(&world).unwrap().about)
        .collect();
    assert!(told.len() >= 2, "{told:?}");
    let payment = About::Payment {
        provider_payment: paid.id.clone(),
    };
    assert_eq!(told.first(), Some(&payment));
    assert!(
        matches!(told.last(), Some(About::Refund { provider_payment, .. }) if *provider_payment == paid.id),
        "{told:?}"
    );
    if let Some(About::Refund {
        provider_refund: Some(id),
        ..
    }) = told.last()
    {
        assert_eq!(id, &world.bank().refunds().await.unwrap()[0].id);
    }
    let acknowledgement = world.provider.acknowledgement();
    let expected = if world.kind == Kind::TBank { "OK" } else { "" };
    assert_eq!(acknowledgement.body, expected);
}

pub async fn the_same_fact_has_the_same_key(world: World) {
    let paid = world.paid(&world.intent().await).await;
    world.bank().notify(&paid.id).await.unwrap();
    let first = letters(&world, &paid.id).await;
    let keys: Vec<String> = first
        .iter()
        .map(|letter| letter.verified(&world).unwrap().dedupe_key)
        .collect();
    assert!(keys.len() >= 2);
    assert_eq!(keys[keys.len() - 1], keys[keys.len() - 2], "told once more");
    let other = world.paid(&world.intent().await).await;
    let others: Vec<Letter> = letters(&world, &other.id).await;
    assert!(!keys.contains(&others[0].verified(&world).unwrap().dedupe_key));
    // Refunds of different sums are different facts.
    for minor in [100_000, 200_000] {
        world.provider.refund(&world.refund_of(&paid, minor)).await.unwrap();
    }
    let all = letters(&world, &paid.id).await;
    let last: Vec<String> = all[all.len() - 2..]
        .iter()
        .map(|letter| letter.verified(&world).unwrap().dedupe_key)
        .collect();
    assert_ne!(last[0], last[1]);
    assert!(
        last.iter()
            .all(|key| !key.is_empty() && key.len() < 150 && key.is_ascii())
    );
}

/// A forgery is either rejected at once, or the provider, when it is asked, tells the truth.
pub async fn forgeries_change_nothing(world: World) {
    let opened = world.open(&world.intent().await).await;
    for kind in [
        Forgery::Sender,
        Forgery::Token,
        Forgery::State,
        Forgery::Amount,
        Forgery::Shop,
        Forgery::Unknown,
    ] {
        let letter = Letter::of(&world.bank().forge(&opened.id, kind).await.unwrap());
        let outcome = letter.verified(&world);
        let rejected = match (world.kind, kind) {
            (Kind::YooKassa, Forgery::Sender | Forgery::Token) => Some(Rejected::ForeignAddress),
            (Kind::TBank, Forgery::Token | Forgery::State | Forgery::Amount | Forgery::Shop) => {
                Some(Rejected::BadSignature)
            }
            _ => None,
        };
        if let Some(why) = rejected {
            assert_eq!(outcome, Err(why), "{kind:?}");
            continue;
        }
        let About::Payment { provider_payment } = outcome.unwrap().about else {
            panic!("{kind:?}");
        };
        match world.provider.status(&provider_payment).await {
            Ok(seen) => assert!(!succeeded(&seen), "{kind:?}"),
            Err(error) => assert!(matches!(error, Error::NotFound { .. }), "{kind:?}: {error:?}"),
        }
    }
}

pub async fn what_is_no_notification_is_rejected(world: World) {
    let paid = world.paid(&world.intent().await).await;
    let genuine = &letters(&world, &paid.id).await[0];
    let huge = format!("{{\"x\":\"{}\"}}", "x".repeat(4_000_000));
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let mut bodies: Vec<Vec<u8>> = [
        "",
        "{}",
        "[]",
        "null",
        "1",
        "\"x\"",
        "{",
        "not json",
        "\u{feff}{}",
        "{\"type\":1}",
        "{\"object\":{\"id\":null}}",
        "{\"type\":\"notification\",\"event\":\"payment.succeeded\",\"object\":{}}",
        "{\"type\":\"notification\",\"event\":\"payment.succeeded\",\"object\":{\"id\":5}}",
        "{\"type\":\"notification\",\"event\":\"payment.succeeded\",\"object\":{\"id\":\"../../me\"}}",
        "{\"type\":\"notification\",\"event\":\"payment.\\u0000\",\"object\":{\"id\":\"1\"}}",
        "{\"type\":\"else\",\"event\":\"payment.succeeded\",\"object\":{\"id\":\"1\"}}",
        "{\"TerminalKey\":\"1699999999999DEMO\",\"PaymentId\":99999999999999999999999999,\"Token\":\"\"}",
        "{\"Token\":{},\"PaymentId\":[]}",
        &huge,
        &deep,
    ]
    .iter()
    .map(|body| body.as_bytes().to_vec())
    .collect();
    bodies.push(vec![0xFF, 0xFE, 0x00]);
    let whole = genuine.body.to_vec();
    bodies.push(whole[..whole.len() / 2].to_vec());
    for body in bodies {
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let letter = Letter {
            body: body.into(),
            peer: genuine.peer,
        };
        let outcome = letter.verified(&world);
        assert!(
            matches!(outcome, Err(Rejected::Unreadable | Rejected::BadSignature)),
            "{shown}: {outcome:?}"
        );
    }
    // Fields of tomorrow are no reason to reject.
    let mut root: Value = serde_json::from_slice(&genuine.body).unwrap();
    if world.kind == Kind::YooKassa {
        root["object"]["news"] = json!({ "a": [1] });
        root["more"] = json!(1);
    } else {
        root["Receipt"] = json!({ "Items": [1] });
    }
    let letter = Letter {
        body: root.to_string().into(),
        peer: genuine.peer,
    };
    assert!(letter.verified(&world).is_ok());
}

/// `::ffff:185.71.76.10` is 185.71.76.10, as a socket of both families tells it.
pub async fn mapped_addresses_are_the_same_addresses(world: World) {
    let paid = world.paid(&world.intent().await).await;
    let genuine = &letters(&world, &paid.id).await[0];
    let IpAddr::V4(address) = genuine.peer else {
        panic!("the sandbox's banks have addresses of four bytes");
    };
    let letter = Letter {
        body: genuine.body.clone(),
        peer: IpAddr::V6(address.to_ipv6_mapped()),
    };
    assert!(letter.verified(&world).is_ok());
}

/// What was told of a payment's receipts, in order.
async fn told(world: &World, payment: &str) -> Vec<ToldReceipt> {
    let letters = letters(world, payment).await;
    let abouts = letters.iter().map(|letter| letter.verified(world).unwrap().about);
    abouts
        .filter_map(|about| match about {
            About::Receipt { provider_payment, told } => {
                assert_eq!(provider_payment, payment);
                Some(told)
            }
            _ => None,
        })
        .collect()
}

pub async fn receipts_are_told_as_the_register_gave_them(world: World) {
    if world.kind == Kind::TBank {
        world.account(json!({ "notify_receipts": true })).await;
    }
    let mut intent = world.intent().await;
    intent.receipt = Some(receipt(vec![line("Программа", 499_000)]));
    let paid = world.paid(&intent).await;
    let mut part = world.refund_of(&paid, 100_000);
    part.receipt = Some(receipt(vec![line("Программа", 100_000)]));
    world.provider.refund(&part).await.unwrap();
    if world.kind == Kind::YooKassa {
        assert_eq!(told(&world, &paid.id).await, [], "it is asked");
        return;
    }
    let mut closing = receipt(vec![line("Программа", 399_000)]);
    for line in &mut closing.lines {
        line.tax = line.tax.given();
    }
    world.provider.close_receipt(&paid.id, &closing, "rc_1").await.unwrap();
    world.faults(json!({ "fail_receipt": { "next": 1 } })).await;
    let mut rest = world.refund_of(&paid, 399_000);
    rest.receipt = Some(closing);
    world.provider.refund(&rest).await.unwrap();
    let told = told(&world, &paid.id).await;
    let seen: Vec<_> = told
        .iter()
        .map(|told| (told.is_refund, told.amount, told.is_prepaid))
        .collect();
    let expected = [
        (false, rub(499_000), Some(true)),
        (true, rub(100_000), Some(true)),
        (false, rub(399_000), Some(false)),
        (true, rub(399_000), Some(false)),
    ];
    assert_eq!(seen, expected);
    let registers = world.bank().receipts().await.unwrap();
    for (told, given) in told.iter().zip(&registers).take(3) {
        let ReceiptFate::Registered { numbers, link } = &told.fate else {
            panic!("{told:?}");
        };
        assert_eq!(numbers.document, given["document"].to_string());
        assert!(link.as_ref().is_some_and(|link| link.scheme() == "https"), "{link:?}");
    }
    assert_eq!(told[3].fate, ReceiptFate::Failed { code: "311".into() });

    // The root is signed, whatever stands in it.
    let sent = world.sandbox.notifications(Some(&paid.id)).await.unwrap();
    let genuine = sent.iter().find(|one| one["body"]["Status"] == "RECEIPT").unwrap();
    for (field, other) in [
        ("Amount", json!(1)),
        ("Type", json!("IncomeReturn")),
        ("FnNumber", json!("9999999999999999")),
        ("FiscalDocumentNumber", json!(1)),
        ("Url", json!("https://elsewhere.example")),
        ("ErrorCode", json!("9999")),
    ] {
        let mut forged = genuine.clone();
        forged["body"][field] = other;
        assert_eq!(
            Letter::of(&forged).verified(&world),
            Err(Rejected::BadSignature),
            "{field}"
        );
    }
}
