//! Messages on their way out, one rule at a time.

use domain::time::Timestamp;
use domain::work::DeliveryState;
use store::{ClaimedDelivery, NewDelivery, Old, Report};

use crate::world::{NOW, World, page, page_after};

async fn enqueue(world: &World, delivery: &NewDelivery) {
    let mut tx = world.write().await;
    assert!(tx.enqueue_delivery(delivery).await.unwrap());
    tx.commit().await.unwrap();
}

async fn claim(world: &World, owner: &str, limit: u32, now: Timestamp) -> Vec<ClaimedDelivery> {
    let mut tx = world.write().await;
    let claimed = tx
        .claim_deliveries("telegram", owner, limit, now, now, now.plus_minutes(1))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    claimed
}

async fn report(world: &World, delivery: &NewDelivery, owner: &str, report: &Report, now: Timestamp) -> bool {
    let mut tx = world.write().await;
    let found = tx.report_delivery(&delivery.id, owner, report, now).await.unwrap();
    tx.commit().await.unwrap();
    found.is_some()
}

fn sent() -> Report {
    Report::Sent {
        external_ref: "900".to_owned(),
    }
}

fn retry_at(due_at: Timestamp) -> Report {
    Report::RetryAt {
        due_at,
        reason: "429".to_owned(),
    }
}

fn ids<'a>(deliveries: impl IntoIterator<Item = &'a NewDelivery>) -> Vec<String> {
    deliveries.into_iter().map(|delivery| delivery.id.to_string()).collect()
}

fn claimed_ids(claimed: &[ClaimedDelivery]) -> Vec<String> {
    claimed.iter().map(|delivery| delivery.id.to_string()).collect()
}

pub async fn addresses_do_not_wait_for_one_another(world: &World) {
    let [first, second, elsewhere] = ["1", "1", "2"].map(|address| world.a_delivery(address));
    for delivery in [&first, &second, &elsewhere] {
        enqueue(world, delivery).await;
    }
    assert_eq!(claimed_ids(&claim(world, "a", 1, NOW).await), ids([&first]));
    assert_eq!(
        claimed_ids(&claim(world, "b", 9, NOW).await),
        ids([&elsewhere]),
        "the first address is in other hands"
    );
    assert!(report(world, &first, "a", &retry_at(NOW.plus_minutes(30)), NOW).await);
    let third = world.a_delivery("2");
    enqueue(world, &third).await;
    assert!(report(world, &elsewhere, "b", &sent(), NOW).await);
    assert_eq!(
        claimed_ids(&claim(world, "c", 9, NOW.plus_minutes(9)).await),
        ids([&third])
    );
    let mut tx = world.read().await;
    assert!(tx.is_address_busy("telegram", "1").await.unwrap());
    assert!(!tx.is_address_busy("telegram", "3").await.unwrap());
    assert!(!tx.is_address_busy("mail", "1").await.unwrap());
}

pub async fn nothing_overtakes_an_earlier_message(world: &World) {
    let first = NewDelivery {
        due_at: NOW.plus_minutes(10),
        ..world.a_delivery("1")
    };
    let (second, third) = (world.a_delivery("1"), world.a_delivery("1"));
    for delivery in [&first, &second, &third] {
        enqueue(world, delivery).await;
    }
    assert!(
        claim(world, "a", 9, NOW).await.is_empty(),
        "the first waits for its time, so do the others"
    );
    let later = NOW.plus_minutes(10);
    let claimed = claim(world, "a", 9, later).await;
    assert_eq!(
        claimed_ids(&claimed),
        ids([&first]),
        "those that were due before it follow when it is out"
    );
    assert!(
        claimed
            .iter()
            .all(|delivery| delivery.attempt == 1 && delivery.lease_until == later.plus_minutes(1))
    );
    assert!(report(world, &first, "a", &retry_at(later.plus_minutes(5)), later).await);
    assert!(
        claim(world, "a", 9, later.plus_minutes(4)).await.is_empty(),
        "none of them overtakes the first"
    );
    assert_eq!(claim(world, "a", 9, later.plus_minutes(5)).await.len(), 1);
    let again = later.plus_minutes(6);
    assert_eq!(
        claimed_ids(&claim(world, "b", 9, again).await),
        ids([&first]),
        "a lease that ran out frees it"
    );
    assert!(report(world, &first, "b", &sent(), again).await);
    assert_eq!(claimed_ids(&claim(world, "b", 9, again).await), ids([&second, &third]));
    assert_eq!(
        claim(world, "c", 9, again.plus_minutes(1)).await.len(),
        2,
        "a lease that ran out frees all of them"
    );
}

pub async fn a_success_counts_although_the_lease_is_gone(world: &World) {
    let delivery = NewDelivery {
        client: Some(world.some_client().await.id),
        is_step: true,
        ..world.a_delivery("1")
    };
    enqueue(world, &delivery).await;
    claim(world, "first", 9, NOW).await;
    let later = NOW.plus_minutes(1);
    assert_eq!(claim(world, "second", 9, later).await.len(), 1);
    let mut tx = world.write().await;
    let found = tx
        .report_delivery(&delivery.id, "first", &sent(), later)
        .await
        .unwrap()
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        (found.client.clone(), found.is_step, found.attempts),
        (delivery.client.clone(), true, 2)
    );
    assert_eq!(
        (found.content.as_str(), found.kind.as_str()),
        (delivery.content.as_str(), "reply")
    );
    assert!(
        !report(world, &delivery, "second", &retry_at(later), later).await,
        "it is settled"
    );
    assert!(
        !report(world, &delivery, "second", &sent(), later).await,
        "and counts once"
    );
    assert!(claim(world, "third", 9, later.plus_minutes(9)).await.is_empty());
}

pub async fn a_success_reported_during_a_claim_counts(world: &World) {
    let (delivery, next) = (world.a_delivery("1"), world.a_delivery("1"));
    for delivery in [&delivery, &next] {
        enqueue(world, delivery).await;
    }
    claim(world, "first", 1, NOW).await;
    let later = NOW.plus_minutes(1);
    let mut tx = world.write().await;
    tx.report_delivery(&delivery.id, "first", &sent(), later)
        .await
        .unwrap()
        .unwrap();
    let claiming = tokio::spawn({
        let tenant = world.tenant.clone();
        async move {
            let mut tx = tenant.write().await.unwrap();
            let until = later.plus_minutes(1);
            let claimed = tx
                .claim_deliveries("telegram", "second", 9, later, later, until)
                .await
                .unwrap();
            tx.commit().await.unwrap();
            claimed
        }
    });
    world.until_somebody_waits_for_a_lock().await;
    tx.commit().await.unwrap();
    assert_eq!(
        claimed_ids(&claiming.await.unwrap()),
        ids([&next]),
        "what was sent is not sent again"
    );
    assert!(!report(world, &delivery, "second", &sent(), later).await);
}

pub async fn a_failure_counts_only_from_the_holder_of_the_lease(world: &World) {
    let delivery = world.a_delivery("1");
    enqueue(world, &delivery).await;
    claim(world, "first", 9, NOW).await;
    claim(world, "second", 9, NOW.plus_minutes(1)).await;
    let rejected = Report::Rejected {
        reason: "400".to_owned(),
    };
    for outcome in [&rejected, &retry_at(NOW)] {
        assert!(!report(world, &delivery, "first", outcome, NOW.plus_minutes(1)).await);
    }
    assert!(report(world, &delivery, "second", &rejected, NOW.plus_minutes(1)).await);
    let unreachable = world.a_delivery("1");
    enqueue(world, &unreachable).await;
    let blocked = Report::Unreachable {
        reason: "blocked".to_owned(),
    };
    assert!(
        report(world, &unreachable, "anybody", &blocked, NOW).await,
        "nobody can reach them, whoever says it"
    );
}

pub async fn a_second_message_with_the_same_key_vanishes(world: &World) {
    let first = NewDelivery {
        dedupe_key: Some("program:1".to_owned()),
        ..world.a_delivery("1")
    };
    enqueue(world, &first).await;
    let second = NewDelivery {
        id: world.id(),
        ..first.clone()
    };
    let mut tx = world.write().await;
    assert!(!tx.enqueue_delivery(&second).await.unwrap());
    tx.commit().await.unwrap();
    claim(world, "w", 9, NOW).await;
    assert!(report(world, &first, "w", &sent(), NOW).await);
    let mut tx = world.write().await;
    assert!(
        !tx.enqueue_delivery(&second).await.unwrap(),
        "also when the first was sent"
    );
    tx.commit().await.unwrap();
    let mut system = world.store.system().await.unwrap();
    assert_eq!(system.purge(Old::SentDeliveries, NOW, 9).await.unwrap(), 0);
    let later = NOW.plus_minutes(1);
    assert_eq!(system.purge(Old::SentDeliveries, later, 9).await.unwrap(), 1);
}

pub async fn an_unreachable_address_is_given_up(world: &World) {
    let (first, second, elsewhere) = (world.a_delivery("1"), world.a_delivery("1"), world.a_delivery("2"));
    for delivery in [&first, &second, &elsewhere] {
        enqueue(world, delivery).await;
    }
    let mut tx = world.write().await;
    assert_eq!(tx.give_up_address("telegram", "1", "blocked", NOW).await.unwrap(), 2);
    tx.commit().await.unwrap();
    assert_eq!(claimed_ids(&claim(world, "w", 9, NOW).await), ids([&elsewhere]));
    let third = world.a_delivery("1");
    enqueue(world, &third).await;
    assert_eq!(
        claimed_ids(&claim(world, "w", 9, NOW).await),
        ids([&third]),
        "a later message tries again"
    );
}

pub async fn what_did_not_reach_a_blocked_address_goes_out_when_its_owner_is_back(world: &World) {
    let old = NewDelivery {
        now: NOW.plus_minutes(-60),
        ..world.a_delivery("1")
    };
    let (first, second) = (world.a_delivery("1"), world.a_delivery("1"));
    for delivery in [&old, &first, &second] {
        enqueue(world, delivery).await;
    }
    claim(world, "w", 1, NOW).await;
    let blocked = Report::Unreachable {
        reason: "blocked".to_owned(),
    };
    assert!(report(world, &old, "w", &blocked, NOW).await);
    let later = NOW.plus_minutes(5);
    let mut tx = world.write().await;
    assert_eq!(tx.give_up_address("telegram", "1", "blocked", NOW).await.unwrap(), 2);
    assert_eq!(tx.revive_address("telegram", "1", NOW, later).await.unwrap(), 2);
    tx.commit().await.unwrap();
    assert!(claim(world, "w", 9, NOW).await.is_empty());
    assert_eq!(claimed_ids(&claim(world, "w", 9, later).await), ids([&first, &second]));
}

pub async fn a_notice_leads_back_to_its_client(world: &World) {
    let (anna, ivan) = (world.some_client().await, world.some_client().await);
    for (client, reference) in [(&anna, "100"), (&ivan, "101")] {
        let notice = NewDelivery {
            about: Some(client.id.clone()),
            kind: "notice",
            ..world.a_delivery("trainer")
        };
        enqueue(world, &notice).await;
        let sent = Report::Sent {
            external_ref: reference.to_owned(),
        };
        assert!(report(world, &notice, "w", &sent, NOW).await);
    }
    let mut tx = world.read().await;
    for (address, reference, expected) in [
        ("trainer", "100", Some(anna.id)),
        ("trainer", "101", Some(ivan.id)),
        ("trainer", "102", None),
        ("somebody", "100", None),
    ] {
        let found = tx.client_of_notice("telegram", address, reference).await.unwrap();
        assert_eq!(found, expected, "{address} {reference}");
    }
}

pub async fn a_message_may_be_leased_at_birth(world: &World) {
    let until = NOW.plus_minutes(1);
    let born = NewDelivery {
        leased_to: Some(("replica".to_owned(), until)),
        ..world.a_delivery("1")
    };
    let next = world.a_delivery("1");
    for delivery in [&born, &next] {
        enqueue(world, delivery).await;
    }
    assert!(claim(world, "other", 9, NOW).await.is_empty());
    assert!(report(world, &born, "replica", &retry_at(NOW), NOW).await);
    let again = claim(world, "other", 9, NOW).await;
    assert_eq!(claimed_ids(&again), ids([&born]));
    assert_eq!(again[0].attempt, 2, "the first try was at birth");
    assert!(report(world, &born, "other", &sent(), NOW).await);
    assert_eq!(claimed_ids(&claim(world, "other", 9, NOW).await), ids([&next]));
    // Nobody reports: it comes back when its lease is over.
    assert_eq!(claim(world, "third", 9, until).await.len(), 1);
}

pub async fn only_what_can_really_be_sent_is_due(world: &World) {
    let is_due = async |now: Timestamp| {
        let mut tx = world.read().await;
        tx.has_due_delivery("telegram", now, now).await.unwrap()
    };
    assert!(!is_due(NOW).await);
    let later = NOW.plus_minutes(10);
    let first = NewDelivery {
        due_at: later,
        ..world.a_delivery("1")
    };
    enqueue(world, &first).await;
    enqueue(world, &world.a_delivery("1")).await;
    assert!(!is_due(NOW).await, "the second waits behind the first");
    assert!(is_due(later).await);
    let elsewhere = world.a_delivery("2");
    enqueue(world, &elsewhere).await;
    assert!(is_due(NOW).await, "it can go at once");
    claim(world, "w", 9, NOW).await;
    assert!(!is_due(NOW).await);
    assert!(is_due(NOW.plus_minutes(1)).await, "a lease may run out");
    assert!(report(world, &elsewhere, "w", &sent(), NOW).await);
    assert!(!is_due(NOW.plus_minutes(1)).await);
    assert!(!world.read().await.has_due_delivery("mail", later, later).await.unwrap());
}

pub async fn replicas_are_counted_while_they_claim(world: &World) {
    let see = async |replica: &str, now: Timestamp| {
        let mut tx = world.write().await;
        let count = tx.see_replica("telegram", replica, now).await.unwrap().replicas;
        tx.commit().await.unwrap();
        count
    };
    assert_eq!(see("a", NOW).await, 1);
    assert_eq!(see("b", NOW).await, 2);
    assert_eq!(see("a", NOW.plus_minutes(2)).await, 1, "the other one is gone");
    assert_eq!(see("b", NOW).await, 1, "nobody was seen in the future");
}

pub async fn one_unreadable_message_silences_nobody(world: &World) {
    let spoiled = world.a_delivery("1");
    enqueue(world, &spoiled).await;
    enqueue(world, &world.a_delivery("2")).await;
    let mut raw = world.raw().await;
    raw.execute(&format!(
        "UPDATE outbox SET content_sealed = (SELECT content_sealed FROM outbox WHERE address = '2') WHERE id = '{}'",
        spoiled.id
    ))
    .await;
    raw.close().await;
    let claimed = claim(world, "w", 9, NOW).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].address, "2");
    let stuck = world.read().await.stuck_deliveries(9, &page(9)).await.unwrap().items;
    assert_eq!(stuck.len(), 1, "the other one is put aside for a person");
    assert!(claim(world, "w", 9, NOW.plus_minutes(5)).await.len() <= 1);
}

pub async fn stuck_messages_are_listed_and_can_be_tried_again(world: &World) {
    let mut refused = Vec::new();
    for _ in 0..3 {
        let delivery = world.a_delivery("1");
        enqueue(world, &delivery).await;
        claim(world, "w", 9, NOW).await;
        let rejected = Report::Rejected {
            reason: "message is too long".to_owned(),
        };
        assert!(report(world, &delivery, "w", &rejected, NOW).await);
        refused.push(delivery);
    }
    let stubborn = world.a_delivery("2");
    enqueue(world, &stubborn).await;
    for _ in 0..3 {
        claim(world, "w", 9, NOW).await;
        assert!(report(world, &stubborn, "w", &retry_at(NOW), NOW).await);
    }
    enqueue(world, &world.a_delivery("3")).await;
    let mut tx = world.write().await;
    let first = tx.stuck_deliveries(2, &page(3)).await.unwrap();
    let rest = tx
        .stuck_deliveries(2, &page_after(3, first.next.clone()))
        .await
        .unwrap();
    let listed: Vec<_> = first.items.iter().chain(&rest.items).collect();
    assert_eq!(listed.len(), 4);
    assert_eq!(
        (listed[0].id.clone(), listed[0].state),
        (stubborn.id, DeliveryState::Queued)
    );
    assert_eq!(listed[3].id, refused[0].id);
    assert_eq!(listed[3].last_error.as_deref(), Some("message is too long"));
    assert!(tx.replay_delivery(&refused[0].id, NOW).await.unwrap());
    tx.commit().await.unwrap();
    assert!(claimed_ids(&claim(world, "w", 9, NOW).await).contains(&refused[0].id.to_string()));
}

pub async fn messages_are_found_by_how_their_keys_begin(world: &World) {
    let keyed = |key: &str| NewDelivery {
        dedupe_key: Some(key.to_owned()),
        ..world.a_delivery("1")
    };
    let letter = NewDelivery {
        channel: "email".to_owned(),
        ..keyed("or_1:letter")
    };
    for delivery in [&keyed("or_1:word"), &keyed("or_10:link"), &letter, &keyed("or_1:link")] {
        enqueue(world, delivery).await;
    }
    let mut tx = world.read().await;
    let mut keys = async |prefix: &str| -> Vec<String> {
        let found = tx.messages_keyed("telegram", prefix).await.unwrap();
        found.into_iter().filter_map(|message| message.key).collect()
    };
    assert_eq!(
        keys("or_1:").await,
        ["or_1:word", "or_1:link"],
        "in the order they were queued"
    );
    assert_eq!(keys("or_1:link").await, ["or_1:link"]);
    assert_eq!(keys("or_2:").await, Vec::<String>::new());
}

pub async fn what_stands_in_a_message_is_known_before_it_does(world: &World) {
    let first = world.a_delivery("1");
    enqueue(world, &first).await;
    claim(world, "a", 9, NOW).await;
    let newest = async |address: &str| {
        let mut tx = world.read().await;
        let found = tx.newest_of_message("telegram", address, "900").await.unwrap();
        found.map(|message| (message.content, message.message_ref))
    };
    assert_eq!(newest("1").await, None, "it was not sent yet");
    assert!(report(world, &first, "a", &sent(), NOW).await);
    let here = Some("900".to_owned());
    assert_eq!(newest("1").await, Some((first.content.clone(), here.clone())));
    assert_eq!(newest("2").await, None, "another chat's");
    let change = NewDelivery {
        edit_ref: here.clone(),
        content: r#"{"text":"Пока"}"#.to_owned(),
        ..world.a_delivery("1")
    };
    enqueue(world, &change).await;
    assert_eq!(
        newest("1").await,
        Some((change.content.clone(), here.clone())),
        "it waits"
    );
    claim(world, "a", 9, NOW).await;
    assert!(report(world, &change, "a", &sent(), NOW).await);
    assert_eq!(newest("1").await, Some((change.content, here)), "and stands");
}
