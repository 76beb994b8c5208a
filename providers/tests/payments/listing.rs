use domain::payment::Observation;
use domain::time::Timestamp;
use providers::payments::Seen;
use serde_json::json;

use crate::world::{Kind, World, succeeded};

async fn everything(world: &World, since: Timestamp) -> Vec<Seen> {
    let mut all = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = world.provider.list(since, cursor.as_deref()).await.unwrap();
        all.extend(page.payments.into_iter().map(|listed| listed.seen));
        cursor = page.next;
        if cursor.is_none() {
            return all;
        }
    }
}

pub async fn every_payment_is_listed(world: World) {
    let since = world.now().await;
    let mut ours = Vec::new();
    for number in 0..120 {
        let intent = world.intent().await;
        let seen = world.open(&intent).await;
        if number % 3 == 0 {
            world.bank().pay(&seen.id).await.unwrap();
        }
        ours.push((intent, seen.id, number % 3 == 0));
    }
    let listed = everything(&world, since).await;
    if !world.provider.capabilities().lists {
        assert!(listed.is_empty(), "what can't be listed is not made up");
        return;
    }
    assert_eq!(listed.len(), ours.len());
    for (intent, id, is_paid) in &ours {
        let row = listed.iter().find(|row| row.id == *id).unwrap();
        assert_eq!(row.reference.as_ref(), Some(&intent.payment));
        assert_eq!(succeeded(row), *is_paid);
    }
    // The oldest of them is on the second page, and is found there.
    let (first, id, _) = &ours[0];
    assert_eq!(&world.provider.find(first).await.unwrap().unwrap().id, id);
    let later = world.now().await.plus_minutes(5);
    assert!(everything(&world, later).await.is_empty());
}

pub async fn another_systems_payments_do_no_harm(world: World) {
    if world.kind == Kind::TBank {
        // It has no list, and no payment without an order id of somebody's.
        assert!(!world.provider.capabilities().lists);
        return;
    }
    let since = world.now().await;
    let bank = world.bank();
    for metadata in [json!({}), json!({ "payment_id": "1" }), json!({ "order_id": "7" })] {
        bank.create_payment(1_000, &metadata).await.unwrap();
    }
    let mut foreign = world.intent().await;
    foreign.payment = "1".into();
    let listed = everything(&world, since).await;
    assert_eq!(listed.len(), 3);
    assert!(listed.iter().all(|seen| seen.observation == Observation::Pending));
    assert_eq!(world.provider.find(&world.intent().await).await, Ok(None));
    assert!(world.provider.find(&foreign).await.unwrap().is_some());
}

pub async fn refunds_are_told_whoever_made_them(world: World) {
    let since = world.now().await;
    let paid = world.paid(&world.intent().await).await;
    let ours = world.refund_of(&paid, 10_000);
    world.provider.refund(&ours).await.unwrap();
    let of_payment = world.provider.refunds_of(&paid.id).await.unwrap();
    let listed = world.provider.list_refunds(since, None).await.unwrap();
    if world.kind == Kind::TBank {
        assert!(
            of_payment.is_none() && listed.is_none(),
            "what can't be listed is not made up"
        );
        assert!(world.provider.hides_parts());
        let seen = world.provider.status(&paid.id).await.unwrap();
        assert_eq!(seen.refunded, None, "a part went back, and it does not say how much");
        world.bank().refund(&paid.id, None).await.unwrap();
        let seen = world.provider.status(&paid.id).await.unwrap();
        assert_eq!(seen.refunded, Some(paid.amount));
        return;
    }
    world.bank().refund(&paid.id, Some(20_000)).await.unwrap();
    let page = world.provider.list_refunds(since, None).await.unwrap().unwrap();
    assert_eq!(page.next, None);
    for refunds in [
        page.refunds,
        world.provider.refunds_of(&paid.id).await.unwrap().unwrap(),
    ] {
        let told: Vec<_> = refunds
            .iter()
            .map(|refund| (refund.amount.minor, refund.reference.as_deref()))
            .collect();
        assert_eq!(
            told,
            [(20_000, None), (10_000, Some(ours.refund.as_str()))],
            "newest first"
        );
        assert!(
            refunds
                .iter()
                .all(|refund| refund.payment == paid.id && refund.created_at.is_some())
        );
    }
    let seen = world.provider.status(&paid.id).await.unwrap();
    assert_eq!(seen.refunded.map(|money| money.minor), Some(30_000));
}
