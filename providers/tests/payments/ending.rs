use std::time::Duration;

use domain::payment::Observation;
use providers::payments::{Capture, Error, Intent, Seen};
use sandbox::driver::MoneyState;
use serde_json::json;
use tokio::time::Instant;

use crate::world::{Kind, World, rub, succeeded};

async fn held(world: &World) -> (Intent, Seen) {
    let mut intent = world.intent().await;
    intent.capture = Capture::Later;
    let seen = world.paid(&intent).await;
    assert_eq!(seen.observation, Observation::Held { amount: rub(499_000) });
    (intent, seen)
}

pub async fn paid_is_succeeded(world: World) {
    let intent = world.intent().await;
    let seen = world.paid(&intent).await;
    let Observation::Succeeded { amount, fee } = seen.observation else {
        panic!("{seen:?}");
    };
    assert_eq!((amount, seen.amount), (rub(499_000), rub(499_000)));
    if world.kind == Kind::YooKassa {
        // 3.5 % of 4990.00.
        assert_eq!(fee, Some(rub(17_465)));
    }
    assert_eq!((seen.refunded, seen.pay_url), (Some(rub(0)), None));
    assert_eq!(seen.reference, Some(intent.payment));
    assert_eq!(seen.saved_method, None, "nobody asked to keep it");
}

pub async fn every_decline_has_its_advice(world: World) {
    for (reason, advice) in world.kind.declines() {
        let opened = world.open(&world.intent().await).await;
        for _ in 1..world.kind.tries() {
            world.bank().decline(&opened.id, reason).await.unwrap();
            let seen = world.provider.status(&opened.id).await.unwrap();
            assert_eq!(seen.observation, Observation::Pending, "{reason}: there is another try");
        }
        world.bank().decline(&opened.id, reason).await.unwrap();
        let seen = world.provider.status(&opened.id).await.unwrap();
        let Observation::Canceled { decline } = seen.observation else {
            panic!("{reason}: {seen:?}");
        };
        assert_eq!((decline.code.as_str(), decline.advice), (*reason, *advice));
    }
}

pub async fn held_money_is_taken_in_full(world: World) {
    let (intent, held) = held(&world).await;
    for _ in 0..2 {
        let seen = world
            .provider
            .capture(&held.id, intent.amount, "py_1:capture", None)
            .await
            .unwrap();
        assert!(
            matches!(seen.observation, Observation::Succeeded { amount, .. } if amount == intent.amount),
            "{seen:?}"
        );
    }
    assert!(succeeded(&world.provider.status(&held.id).await.unwrap()));
    assert_eq!(world.bank().payment(&held.id).await.unwrap().paid_minor, 499_000);
}

pub async fn held_money_is_taken_in_part(world: World) {
    let (_, held) = held(&world).await;
    let error = world
        .provider
        .capture(&held.id, rub(499_001), "py_2:more", None)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    let seen = world
        .provider
        .capture(&held.id, rub(100_050), "py_2:capture", None)
        .await
        .unwrap();
    assert!(
        matches!(seen.observation, Observation::Succeeded { amount, .. } if amount == rub(100_050)),
        "{seen:?}"
    );
    let there = world.bank().payment(&held.id).await.unwrap();
    assert_eq!((there.state, there.paid_minor), (MoneyState::Paid, 100_050));
}

pub async fn a_lost_capture_is_repeated(world: World) {
    let (intent, held) = held(&world).await;
    world.faults(json!({ "drop_response": { "next": 1 } })).await;
    let error = world
        .provider
        .capture(&held.id, rub(250_000), "py_3:capture", None)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unknown { .. }), "{error:?}");
    // The same key, and a key that has been forgotten.
    for key in ["py_3:capture", "py_3:forgotten"] {
        let seen = world.provider.capture(&held.id, rub(250_000), key, None).await.unwrap();
        assert!(
            matches!(seen.observation, Observation::Succeeded { amount, .. } if amount == rub(250_000)),
            "{seen:?}"
        );
    }
    assert_eq!(world.bank().payment(&held.id).await.unwrap().paid_minor, 250_000);
    assert_eq!(intent.amount, rub(499_000));
}

pub async fn held_money_is_let_go(world: World) {
    let (_, held) = held(&world).await;
    for key in ["py_4:cancel", "py_4:cancel", "py_4:forgotten"] {
        let seen = world.provider.cancel(&held.id, key).await.unwrap();
        assert!(matches!(seen.observation, Observation::Canceled { .. }), "{seen:?}");
    }
    let there = world.bank().payment(&held.id).await.unwrap();
    assert_eq!((there.state, there.paid_minor), (MoneyState::Canceled, 0));
    let error = world
        .provider
        .capture(&held.id, rub(499_000), "py_4:capture", None)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
}

pub async fn an_open_payment_is_called_off_where_that_can_be_done(world: World) {
    let opened = world.open(&world.intent().await).await;
    let outcome = world.provider.cancel(&opened.id, "py_5:cancel").await;
    if world.provider.capabilities().cancels_pending {
        assert!(matches!(outcome.unwrap().observation, Observation::Canceled { .. }));
        assert!(world.live().await.is_empty());
    } else {
        let error = outcome.unwrap_err();
        assert!(matches!(error, Error::Refused { .. }), "{error:?}");
        assert_eq!(world.live().await, [opened.id]);
    }
}

pub async fn what_was_paid_is_not_called_off(world: World) {
    let paid = world.paid(&world.intent().await).await;
    let error = world.provider.cancel(&paid.id, "py_6:cancel").await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    assert_eq!(world.bank().payment(&paid.id).await.unwrap().refunded_minor, 0);
}

/// The payer pays while we are calling the payment off, after we have looked and before the call arrives.
pub async fn calling_off_never_becomes_a_refund(world: World) {
    let opened = world.open(&world.intent().await).await;
    world.faults(json!({ "slow_ms": 400, "only_calls": [] })).await;
    let calls = |name: &'static str| {
        let world = &world;
        async move {
            let all = world.bank().calls().await.unwrap();
            all.iter().filter(|call| call["call"] == name).count()
        }
    };
    let looked = if world.kind == Kind::TBank { "GetState" } else { "" };
    let paying = async {
        let until = Instant::now() + Duration::from_secs(20);
        while !looked.is_empty() && calls(looked).await == 0 && Instant::now() < until {
            tokio::task::yield_now().await;
        }
        world.bank().pay(&opened.id).await.unwrap();
    };
    let (outcome, ()) = tokio::join!(world.provider.cancel(&opened.id, "py_7:cancel"), paying);
    let error = outcome.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    let there = world.bank().payment(&opened.id).await.unwrap();
    assert_eq!((there.paid_minor, there.refunded_minor), (499_000, 0));
}
