use domain::payment::{DeclineAdvice, Observation};
use providers::payments::{Error, Intent};
use serde_json::json;

use crate::world::{Kind, World, succeeded};

/// A method a payer has agreed to keep, and the intent of a later charge.
async fn kept(world: &World) -> (String, Intent) {
    let mut first = world.intent().await;
    first.save_method = true;
    let seen = world.paid(&first).await;
    let saved = seen.saved_method.unwrap();
    assert!(!saved.token.is_empty());
    let mut later = world.intent().await;
    later.customer = first.customer;
    (saved.token, later)
}

async fn payments(world: &World) -> usize {
    world.bank().payments().await.unwrap().len()
}

pub async fn a_saved_method_is_charged_again(world: World) {
    let (token, later) = kept(&world).await;
    let seen = world.provider.charge_saved(&later, &token).await.unwrap();
    assert!(succeeded(&seen), "{seen:?}");
    assert_eq!(seen.reference, Some(later.payment));
    assert_eq!(world.bank().payment(&seen.id).await.unwrap().paid_minor, 499_000);
}

pub async fn a_declined_charge_is_an_answer(world: World) {
    let (token, later) = kept(&world).await;
    world.faults(json!({ "decline_charge": { "next": 1 } })).await;
    let seen = world.provider.charge_saved(&later, &token).await.unwrap();
    let Observation::Canceled { decline } = &seen.observation else {
        panic!("{seen:?}");
    };
    assert_eq!(decline.advice, DeclineAdvice::TryLater);
    // The same intent stays declined; another try is another payment.
    let again = world.provider.charge_saved(&later, &token).await.unwrap();
    assert_eq!(again.id, seen.id);
    assert!(matches!(again.observation, Observation::Canceled { .. }), "{again:?}");
}

pub async fn a_charge_is_made_once(world: World) {
    let (token, later) = kept(&world).await;
    let before = payments(&world).await;
    let first = world.provider.charge_saved(&later, &token).await.unwrap();
    let again = world.provider.charge_saved(&later, &token).await.unwrap();
    assert_eq!(first.id, again.id);
    assert!(succeeded(&again));
    assert_eq!(payments(&world).await, before + 1);
}

pub async fn a_lost_charge_is_looked_up(world: World) {
    let (token, later) = kept(&world).await;
    let before = payments(&world).await;
    world
        .faults(json!({ "drop_response": { "next": 1 }, "only_calls": [world.kind.charging()] }))
        .await;
    let error = world.provider.charge_saved(&later, &token).await.unwrap_err();
    assert!(matches!(error, Error::Unknown { .. }), "{error:?}");
    let found = world.provider.find(&later).await.unwrap().unwrap();
    assert!(succeeded(&found), "{found:?}");
    let again = world.provider.charge_saved(&later, &token).await.unwrap();
    assert_eq!(again.id, found.id);
    assert_eq!(payments(&world).await, before + 1);
}

pub async fn a_strangers_method_is_refused(world: World) {
    let later = world.intent().await;
    match world.provider.charge_saved(&later, "987654321").await {
        Ok(seen) => assert!(matches!(seen.observation, Observation::Canceled { .. }), "{seen:?}"),
        Err(error) => assert!(
            matches!(error, Error::Refused { .. } | Error::NotFound { .. }),
            "{error:?}"
        ),
    }
    assert_eq!(world.bank().totals().await.unwrap().paid, 0);
}

pub async fn a_charge_may_be_forbidden(world: World) {
    let (token, later) = kept(&world).await;
    let outcome = match world.kind {
        Kind::TBank => {
            world.account(json!({ "charge_enabled": false })).await;
            world.provider.charge_saved(&later, &token).await
        }
        Kind::YooKassa => {
            world.account(json!({ "save_methods": false })).await;
            let mut wish = later;
            wish.save_method = true;
            world.provider.create(&wish).await
        }
    };
    let error = outcome.unwrap_err();
    assert!(matches!(error, Error::Misconfigured { .. }), "{error:?}");
}
