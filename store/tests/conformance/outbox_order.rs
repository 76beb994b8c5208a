//! Several senders, failures, crashes and late answers in a random order: whatever happens, no message of an address is
//! sent for the first time before the one ahead of it was.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use domain::time::Timestamp;
use store::{Report, Tenant};
use tokio::task::JoinSet;

use crate::world::{NOW, World, scramble};

const ADDRESSES: [&str; 4] = ["1", "2", "3", "4"];
const MESSAGES: usize = 12;
const SENDERS: u64 = 5;

/// What really went out, and the clock all senders look at.
struct Outside {
    now: Timestamp,
    /// By address, the numbers of the messages in the order they went out, repetitions included.
    arrived: HashMap<String, Vec<usize>>,
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = scramble(self.0);
        self.0 % sides
    }
}

pub async fn order_within_an_address_survives_any_schedule(world: &World) {
    let seed = std::env::var("STORE_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| getrandom::u64().unwrap());
    println!("STORE_SEED={seed} repeats the dice of this run");
    let outside = Arc::new(Mutex::new(Outside {
        now: NOW,
        arrived: HashMap::new(),
    }));
    let mut tasks = JoinSet::new();
    let mut deliveries = Vec::new();
    for number in 0..MESSAGES {
        for address in ADDRESSES {
            let mut delivery = world.a_delivery(address);
            delivery.content = number.to_string();
            deliveries.push(delivery);
        }
    }
    // One writer, as the lock of a conversation has it; it writes while others send.
    let tenant = world.tenant.clone();
    tasks.spawn(async move {
        for delivery in &deliveries {
            let mut tx = tenant.write().await.unwrap();
            assert!(tx.enqueue_delivery(delivery).await.unwrap());
            tx.commit().await.unwrap();
        }
    });
    for sender in 0..SENDERS {
        tasks.spawn(send(
            world.tenant.clone(),
            format!("sender-{sender}"),
            Dice(seed ^ sender),
            outside.clone(),
        ));
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap_or_else(|failure| panic!("with STORE_SEED={seed}: {failure}"));
    }
    let outside = outside.lock().unwrap();
    for address in ADDRESSES {
        let mut firsts = Vec::new();
        for number in &outside.arrived[address] {
            if !firsts.contains(number) {
                firsts.push(*number);
            }
        }
        let in_order: Vec<usize> = (0..MESSAGES).collect();
        assert_eq!(
            firsts, in_order,
            "address {address}, with STORE_SEED={seed}: {:?}",
            outside.arrived[address]
        );
    }
}

async fn is_everything_sent(tenant: &Tenant, outside: &Mutex<Outside>) -> bool {
    let have_all_arrived = {
        let outside = outside.lock().unwrap();
        ADDRESSES.iter().all(|address| {
            outside
                .arrived
                .get(*address)
                .is_some_and(|numbers| numbers.contains(&(MESSAGES - 1)))
        })
    };
    if !have_all_arrived {
        return false;
    }
    let mut tx = tenant.read().await.unwrap();
    for address in ADDRESSES {
        if tx.is_address_busy("telegram", address).await.unwrap() {
            return false;
        }
    }
    true
}

async fn send(tenant: Tenant, owner: String, mut dice: Dice, outside: Arc<Mutex<Outside>>) {
    while !is_everything_sent(&tenant, &outside).await {
        let now = outside.lock().unwrap().now;
        let mut tx = tenant.write().await.unwrap();
        let limit = 1 + u32::try_from(dice.roll(6)).unwrap();
        let claimed = tx
            .claim_deliveries("telegram", &owner, limit, now, now, now.plus_millis(10))
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert!(claimed.len() <= limit as usize);
        if claimed.is_empty() || dice.roll(4) == 0 {
            let mut outside = outside.lock().unwrap();
            outside.now = outside.now.plus_millis(1 + i64::try_from(dice.roll(6)).unwrap());
        }
        // A sender may die with everything in its hands; the leases run out.
        if dice.roll(8) == 0 {
            continue;
        }
        let mut failed: HashMap<String, Timestamp> = HashMap::new();
        for delivery in claimed {
            if dice.roll(3) == 0 {
                tokio::task::yield_now().await;
            }
            let outcome = if let Some(due_at) = failed.get(&delivery.address) {
                Report::RetryAt {
                    due_at: *due_at,
                    reason: "the one before it failed".to_owned(),
                }
            } else if dice.roll(4) == 0 {
                let due_at = outside
                    .lock()
                    .unwrap()
                    .now
                    .plus_millis(i64::try_from(dice.roll(9)).unwrap());
                failed.insert(delivery.address.clone(), due_at);
                Report::RetryAt {
                    due_at,
                    reason: "429".to_owned(),
                }
            } else {
                let mut outside = outside.lock().unwrap();
                if outside.now >= delivery.lease_until {
                    // What is no longer leased is no longer ours to send.
                    break;
                }
                let number = delivery.content.parse().unwrap();
                outside
                    .arrived
                    .entry(delivery.address.clone())
                    .or_default()
                    .push(number);
                Report::Sent {
                    external_ref: number.to_string(),
                }
            };
            // It may also die right after sending, or report long after its lease.
            match dice.roll(10) {
                0 => break,
                1 => {
                    let mut outside = outside.lock().unwrap();
                    outside.now = outside.now.plus_millis(11);
                }
                _ => {}
            }
            let now = outside.lock().unwrap().now;
            let mut tx = tenant.write().await.unwrap();
            tx.report_delivery(&delivery.id, &owner, &outcome, now).await.unwrap();
            tx.commit().await.unwrap();
        }
    }
}
