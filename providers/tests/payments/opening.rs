use domain::money::{Currency, Money};
use domain::payment::Observation;
use providers::payments::Error;
use serde_json::json;

use crate::world::{Kind, World, rub, succeeded};

pub async fn a_payment_opens_with_a_link(world: World) {
    let intent = world.intent().await;
    let seen = world.open(&intent).await;
    assert_eq!(seen.observation, Observation::Pending);
    assert_eq!(seen.amount, rub(499_000));
    assert_eq!(seen.reference.as_deref(), Some(intent.payment.as_str()));
    assert!(seen.is_test, "the sandbox's shops are for trying");
    let link = seen.pay_url.unwrap();
    let page = providers::http_client(&[]).unwrap().get(link).send().await.unwrap();
    assert!(page.status().is_success());
    let there = world.bank().payment(&seen.id).await.unwrap();
    assert_eq!(there.amount_minor, 499_000);
    assert_eq!(there.description, Some(intent.description));
    assert_eq!(there.customer, Some(intent.customer));
}

pub async fn the_same_intent_never_has_two_live_payments(world: World) {
    let intent = world.intent().await;
    let first = world.open(&intent).await;
    for _ in 0..3 {
        // The first link is on its way to the payer: it must stay alive.
        match world.provider.create(&intent).await {
            Ok(again) => assert_eq!((again.id, again.pay_url), (first.id.clone(), first.pay_url.clone())),
            Err(error) => assert!(matches!(error, Error::Unknown { .. }), "{error:?}"),
        }
    }
    assert_eq!(world.live().await, [first.id]);
    let (left, right) = {
        let other = world.intent().await;
        tokio::join!(world.provider.create(&other), world.provider.create(&other))
    };
    assert!(left.is_ok() || right.is_ok(), "{left:?} {right:?}");
    assert_eq!(world.live().await.len(), 2);
}

pub async fn a_lost_answer_is_made_good(world: World) {
    let mut intent = world.intent().await;
    world.faults(json!({ "drop_response": { "next": 1 } })).await;
    let error = world.provider.create(&intent).await.unwrap_err();
    assert!(matches!(error, Error::Unknown { .. }), "{error:?}");
    let found = world.provider.find(&intent).await.unwrap().unwrap();
    assert_eq!(found.observation, Observation::Pending);
    intent.is_lost = true;
    let made = world.open(&intent).await;
    assert_eq!(made.reference.as_deref(), Some(intent.payment.as_str()));
    assert!(made.pay_url.is_some(), "a payer needs a link");
    assert_eq!(world.live().await, std::slice::from_ref(&made.id), "one live payment");
    world.bank().pay(&made.id).await.unwrap();
    let found = world.provider.find(&intent).await.unwrap().unwrap();
    assert_eq!(found.id, made.id);
    assert!(succeeded(&found), "{found:?}");
    // A job that comes late finds it paid and makes no link.
    let late = world.open(&intent).await;
    assert_eq!(late.id, made.id);
    assert!(succeeded(&late) && late.pay_url.is_none());
}

pub async fn a_link_lost_twice_is_made_good(world: World) {
    let mut intent = world.intent().await;
    let opening = [world.kind.opening()];
    world
        .faults(json!({ "drop_response": { "next": 2 }, "only_calls": opening }))
        .await;
    let error = world.provider.create(&intent).await.unwrap_err();
    assert!(matches!(error, Error::Unknown { .. }), "{error:?}");
    intent.is_lost = true;
    let mut made = world.provider.create(&intent).await;
    if made.is_err() {
        made = world.provider.create(&intent).await;
    }
    let made = made.unwrap();
    assert_eq!(world.live().await, std::slice::from_ref(&made.id));
    assert_eq!(made.reference.as_deref(), Some(intent.payment.as_str()));
    assert!(made.pay_url.is_some());
}

pub async fn other_words_make_no_other_payment(world: World) {
    let mut intent = world.intent().await;
    let first = world.open(&intent).await;
    intent.description = "Another title".into();
    match world.provider.create(&intent).await {
        Ok(again) => assert_eq!(again.id, first.id),
        Err(error) => assert!(matches!(error, Error::Unknown { .. }), "{error:?}"),
    }
    assert_eq!(world.live().await, [first.id]);
}

pub async fn what_nobody_opened_is_not_found(world: World) {
    let intent = world.intent().await;
    assert_eq!(world.provider.find(&intent).await, Ok(None));
    world.open(&world.intent().await).await;
    assert_eq!(world.provider.find(&intent).await, Ok(None));
}

pub async fn a_payment_is_found_by_our_id_whatever_became_of_it(world: World) {
    let intent = world.intent().await;
    let paid = world.paid(&intent).await;
    for _ in 0..3 {
        world.open(&world.intent().await).await;
    }
    let found = world.provider.find(&intent).await.unwrap().unwrap();
    assert_eq!((found.id.as_str(), succeeded(&found)), (paid.id.as_str(), true));
    let intent = world.intent().await;
    let opened = world.open(&intent).await;
    world.bank().expire(&opened.id).await.unwrap();
    let found = world.provider.find(&intent).await.unwrap().unwrap();
    assert_eq!((found.id, found.observation), (opened.id, Observation::Expired));
}

pub async fn a_link_that_ran_out_is_expired(world: World) {
    let intent = world.intent().await;
    let opened = world.open(&intent).await;
    world
        .sandbox
        .advance_clock(std::time::Duration::from_secs(61 * 60))
        .await
        .unwrap();
    let seen = world.provider.status(&opened.id).await.unwrap();
    assert_eq!((seen.observation, seen.pay_url), (Observation::Expired, None));
}

pub async fn a_currency_it_does_not_take_is_refused(world: World) {
    let mut intent = world.intent().await;
    intent.amount = Money::new(500, Currency::Jpy);
    let error = world.provider.create(&intent).await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    assert_eq!(world.provider.minimum(Currency::Jpy), None);
    assert_eq!(world.provider.minimum(Currency::Rub), Some(rub(100)));
    if world.kind == Kind::YooKassa {
        intent = world.intent().await;
        intent.amount = Money::new(500, Currency::Usd);
        assert_eq!(world.open(&intent).await.amount, intent.amount);
    }
}
