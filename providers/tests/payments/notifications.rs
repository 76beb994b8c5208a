use std::net::IpAddr;

use bytes::Bytes;
use providers::payments::{About, Error, RawNotification, Rejected, Verified};
use sandbox::driver::Forgery;
use serde_json::{Value, json};

use crate::world::{Kind, World, succeeded};

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
