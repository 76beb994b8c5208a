//! Many notifications at the same moment share commits; each is kept for itself.

use app::error::Result;
use app::pay::notify::{self, Received};
use bytes::Bytes;
use domain::work::JobState;
use futures::future::join_all;
use store::PageRequest;

use super::cases::YOOKASSA_ADDRESS;
use super::*;

on_both!(in crate::payments::Shop;
    of_many_at_once_each_is_kept,
    who_hangs_up_takes_nobody_with_it,
);

fn success(of: &str) -> Bytes {
    let body =
        json!({ "type": "notification", "event": "payment.succeeded", "object": { "id": of, "status": "succeeded" } });
    Bytes::from(body.to_string())
}

async fn told(shop: &Shop, of: &str) -> Result<Received> {
    let (app, tenant) = (&shop.world.app, &shop.world.caller.tenant);
    let (body, peer) = (success(of), YOOKASSA_ADDRESS.parse().unwrap());
    notify::receive(app, tenant, "yookassa", &body, peer, &app.new_id()).await
}

async fn queued(shop: &Shop) -> usize {
    let mut tx = shop.world.read().await;
    let page = PageRequest { limit: 100, ..ALL };
    let jobs = tx.list_jobs(Some(JobState::Queued), &page).await.unwrap().items;
    jobs.iter().filter(|job| job.kind == notify::JOB).count()
}

async fn of_many_at_once_each_is_kept(shop: &Shop) {
    let names: Vec<String> = (0..80).map(|number| format!("payment-{}", number % 40)).collect();
    for received in join_all(names.iter().map(|name| told(shop, name))).await {
        assert!(matches!(received.unwrap(), Received::Kept(_)));
    }
    assert_eq!(queued(shop).await, 40, "one for each, however often it was told");
}

async fn who_hangs_up_takes_nobody_with_it(shop: &Shop) {
    let (first, others) = (
        told(shop, "first"),
        join_all(["second", "third"].map(|name| told(shop, name))),
    );
    let mut first = Box::pin(first);
    let mut others = Box::pin(others);
    for _ in 0..3 {
        let _ = futures::poll!(&mut first);
        let _ = futures::poll!(&mut others);
        tokio::task::yield_now().await;
    }
    drop(first);
    for received in others.await {
        assert!(matches!(received.unwrap(), Received::Kept(_)));
    }
    assert!(queued(shop).await >= 2);
}
