use std::time::Duration;

use providers::payments::{Error, RefundState};
use serde_json::json;

use crate::world::{World, rub};

async fn refunded(world: &World, payment: &str) -> i64 {
    world.bank().payment(payment).await.unwrap().refunded_minor
}

pub async fn the_whole_sum_goes_back(world: World) {
    let paid = world.paid(&world.intent().await).await;
    let refund = world.refund_of(&paid, 499_000);
    let seen = world.provider.refund(&refund).await.unwrap();
    assert_eq!(seen.state, RefundState::Succeeded);
    assert!(seen.id.is_some());
    let after = world.provider.refund_status(&refund, seen.id.as_deref()).await.unwrap();
    assert_eq!(after.state, RefundState::Succeeded);
    let payment = world.provider.status(&paid.id).await.unwrap();
    assert_eq!((payment.amount, payment.refunded), (paid.amount, Some(paid.amount)));
    assert_eq!(refunded(&world, &paid.id).await, 499_000);
}

pub async fn parts_go_back_until_nothing_is_left(world: World) {
    let paid = world.paid(&world.intent().await).await;
    for minor in [100_000, 99_001] {
        let seen = world.provider.refund(&world.refund_of(&paid, minor)).await.unwrap();
        assert_eq!(seen.state, RefundState::Succeeded);
    }
    assert_eq!(refunded(&world, &paid.id).await, 199_001);
    let error = world
        .provider
        .refund(&world.refund_of(&paid, 300_000))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    let rest = world.provider.refund(&world.refund_of(&paid, 299_999)).await.unwrap();
    assert_eq!(rest.state, RefundState::Succeeded);
    assert_eq!(refunded(&world, &paid.id).await, 499_000);
    let error = world.provider.refund(&world.refund_of(&paid, 100)).await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
}

pub async fn one_key_is_one_refund(world: World) {
    let paid = world.paid(&world.intent().await).await;
    for minor in [100_000, 399_000] {
        let refund = world.refund_of(&paid, minor);
        let first = world.provider.refund(&refund).await.unwrap();
        let again = world.provider.refund(&refund).await.unwrap();
        let looked = world.provider.refund_status(&refund, None).await.unwrap();
        assert_eq!((&first, &first), (&again, &looked));
    }
    assert_eq!(refunded(&world, &paid.id).await, 499_000);
    assert_eq!(world.bank().refunds().await.unwrap().len(), 2);
}

pub async fn equal_parts_with_two_keys_are_two_refunds(world: World) {
    let paid = world.paid(&world.intent().await).await;
    for _ in 0..2 {
        world.provider.refund(&world.refund_of(&paid, 50_000)).await.unwrap();
    }
    assert_eq!(refunded(&world, &paid.id).await, 100_000);
}

pub async fn a_lost_answer_is_no_second_refund(world: World) {
    for (minor, fault) in [(100_000, "drop_response"), (499_000, "error_after_effect")] {
        let paid = world.paid(&world.intent().await).await;
        let refund = world.refund_of(&paid, minor);
        world
            .faults(json!({ fault: { "next": 1 }, "only_calls": [world.kind.refunding()] }))
            .await;
        let error = world.provider.refund(&refund).await.unwrap_err();
        assert!(matches!(error, Error::Unknown { .. }), "{error:?}");
        // Two days later every key is forgotten where keys are.
        world
            .sandbox
            .advance_clock(Duration::from_secs(2 * 24 * 3600))
            .await
            .unwrap();
        let seen = world.provider.refund(&refund).await.unwrap();
        assert_eq!(seen.state, RefundState::Succeeded);
        assert_eq!(refunded(&world, &paid.id).await, minor);
    }
}

pub async fn parallel_tries_are_one_refund(world: World) {
    let paid = world.paid(&world.intent().await).await;
    let refund = world.refund_of(&paid, 70_000);
    let tries = (0..8).map(|_| world.provider.refund(&refund));
    for outcome in futures::future::join_all(tries).await {
        assert_eq!(outcome.unwrap().state, RefundState::Succeeded);
    }
    assert_eq!(refunded(&world, &paid.id).await, 70_000);
}

pub async fn a_refund_may_take_days(world: World) {
    let paid = world.paid(&world.intent().await).await;
    let refund = world.refund_of(&paid, 120_000);
    world.faults(json!({ "pending_refund": { "next": 1 } })).await;
    let seen = world.provider.refund(&refund).await.unwrap();
    assert_eq!(seen.state, RefundState::Pending);
    for _ in 0..3 {
        world
            .sandbox
            .advance_clock(Duration::from_secs(24 * 3600))
            .await
            .unwrap();
        let seen = world.provider.refund_status(&refund, seen.id.as_deref()).await.unwrap();
        assert_eq!(seen.state, RefundState::Pending);
        assert_eq!(
            world.provider.refund(&refund).await.unwrap().state,
            RefundState::Pending
        );
    }
    let there = world.bank().refunds().await.unwrap();
    assert_eq!(there.len(), 1, "one refund, however often it was asked for");
    world.bank().settle_refund(&there[0].id, true).await.unwrap();
    let seen = world.provider.refund_status(&refund, seen.id.as_deref()).await.unwrap();
    assert_eq!(seen.state, RefundState::Succeeded);
    assert_eq!(refunded(&world, &paid.id).await, 120_000);
}

pub async fn a_refund_may_fail_after_days(world: World) {
    let paid = world.paid(&world.intent().await).await;
    let refund = world.refund_of(&paid, 120_000);
    world.faults(json!({ "pending_refund": { "next": 1 } })).await;
    let seen = world.provider.refund(&refund).await.unwrap();
    let there = world.bank().refunds().await.unwrap();
    world.bank().settle_refund(&there[0].id, false).await.unwrap();
    let seen = world.provider.refund_status(&refund, seen.id.as_deref()).await.unwrap();
    assert!(
        matches!(&seen.state, RefundState::Failed { code } if !code.is_empty()),
        "{seen:?}"
    );
    assert_eq!(refunded(&world, &paid.id).await, 0);
}

pub async fn a_refund_may_fail_at_once(world: World) {
    let paid = world.paid(&world.intent().await).await;
    world.faults(json!({ "fail_refund": { "next": 1 } })).await;
    let seen = world.provider.refund(&world.refund_of(&paid, 120_000)).await.unwrap();
    assert!(
        matches!(&seen.state, RefundState::Failed { code } if !code.is_empty()),
        "{seen:?}"
    );
    assert_eq!(refunded(&world, &paid.id).await, 0);
}

/// The state of the payment speaks of the first part; it must not be taken for the second's.
pub async fn a_later_refund_that_fails_is_not_taken_for_the_first(world: World) {
    let paid = world.paid(&world.intent().await).await;
    world.provider.refund(&world.refund_of(&paid, 100_000)).await.unwrap();
    for (number, succeeds) in [(1, false), (2, true)] {
        let refund = world.refund_of(&paid, 399_000);
        world.faults(json!({ "pending_refund": { "next": 1 } })).await;
        let seen = world.provider.refund(&refund).await.unwrap();
        assert_eq!(seen.state, RefundState::Pending);
        let there = world.bank().refunds().await.unwrap();
        world.bank().settle_refund(&there[number].id, succeeds).await.unwrap();
        match world.provider.refund_status(&refund, seen.id.as_deref()).await {
            Ok(seen) if succeeds => assert_eq!(seen.state, RefundState::Succeeded),
            Ok(seen) => assert!(matches!(seen.state, RefundState::Failed { .. }), "{seen:?}"),
            Err(error) => assert!(!succeeds && matches!(error, Error::Unknown { .. }), "{error:?}"),
        }
    }
    assert_eq!(refunded(&world, &paid.id).await, 499_000);
}

pub async fn what_is_on_its_way_back_is_told_where_parts_are_hidden(world: World) {
    let paid = world.paid(&world.intent().await).await;
    assert!(!world.provider.is_giving_back(&paid.id).await.unwrap());
    world.faults(json!({ "pending_refund": { "next": 1 } })).await;
    world.bank().refund(&paid.id, Some(100_000)).await.unwrap();
    let is_on_its_way = world.provider.is_giving_back(&paid.id).await.unwrap();
    assert_eq!(
        is_on_its_way,
        world.provider.hides_parts(),
        "who tells each refund is asked for each"
    );
    let waiting = world.bank().refunds().await.unwrap().remove(0);
    world.bank().settle_refund(&waiting.id, true).await.unwrap();
    assert!(!world.provider.is_giving_back(&paid.id).await.unwrap());
    let seen = world.provider.status(&paid.id).await.unwrap();
    let told = (!world.provider.hides_parts()).then_some(rub(100_000));
    assert_eq!(seen.refunded, told);
}
