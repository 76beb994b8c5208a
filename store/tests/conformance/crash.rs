//! Killed without warning: what was committed is there, whole; what was not is not there at all.

use std::io::Write;
use std::process::Stdio;

use domain::ids::{ClientId, Id, JobId, RequestId, StageId, TenantId};
use domain::time::Timestamp;
use store::{ClientFilter, NewClient, NewJob, Origin, Store};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::world::{NOW, World, eventually, page_after, scramble, vault};

const ADDRESS: &str = "STORE_CRASH_URL";
const ROUND: &str = "STORE_CRASH_ROUND";
const ROUNDS: u64 = 4;

pub async fn killed_at_any_moment_both_of_a_pair_exist_or_neither(world: &World) {
    let seed = getrandom::u64().unwrap();
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--ignored",
                "--exact",
                "crash::the_child_that_writes_pairs_until_it_is_killed",
                "--nocapture",
            ])
            .env(ADDRESS, &world.url)
            .env(ROUND, round.to_string())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let patience = 1 + scramble(seed ^ round) % 60;
        let mut heard = 0;
        while heard < patience {
            let line = lines
                .next_line()
                .await
                .unwrap()
                .expect("the child writes until it is killed");
            heard += u64::from(line.ends_with("committed"));
        }
        // SIGKILL, while it is busy with one of the next pairs.
        child.kill().await.unwrap();
        acknowledged += usize::try_from(heard).unwrap();
        if world.is_postgres() {
            let mut raw = world.raw().await;
            let others = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'voronka' \
                          AND backend_xid IS NOT NULL";
            eventually("the server has noticed", async || raw.number(others).await == 0).await;
            raw.close().await;
        }
        // A process that starts after the crash.
        let store = Store::open(&world.url, vault()).await.unwrap();
        let mut tx = store.tenant(world.tenant.id()).read().await.unwrap();
        let (mut pairs, mut after) = (0, None);
        loop {
            let found = tx
                .list_clients(&ClientFilter::default(), &page_after(200, after))
                .await
                .unwrap();
            for client in found.items {
                let job = JobId::parse(&client.display_name).unwrap();
                assert!(
                    tx.find_job(&job).await.unwrap().is_some(),
                    "a client without its job, seed {seed}"
                );
                pairs += 1;
            }
            after = found.next;
            if after.is_none() {
                break;
            }
        }
        let mut jobs = 0;
        let mut after = None;
        loop {
            let found = tx.list_jobs(None, &page_after(200, after)).await.unwrap();
            jobs += found.items.len();
            after = found.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(jobs, pairs, "a job without its client, seed {seed}");
        assert!(
            pairs >= acknowledged,
            "of {acknowledged} acknowledged pairs {pairs} are there, seed {seed}"
        );
        assert_eq!(tx.doctor(NOW).await.unwrap(), [], "the counts are right too");
        drop(tx);
        store.close().await;
    }
}

/// Not a test of its own: the test above starts it as a process and kills it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "the crash tests start it as a process of its own, and kill it"]
async fn the_child_that_writes_pairs_until_it_is_killed() {
    let url = std::env::var(ADDRESS).expect("started by the crash tests");
    let round: u64 = std::env::var(ROUND).unwrap().parse().unwrap();
    let store = Store::open(&url, vault()).await.unwrap();
    let tenant = store.tenant(&TenantId::from_parts(1, [1; 10]));
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..3_u64 {
        let tenant = tenant.clone();
        writers.spawn(async move {
            for number in 0_u64.. {
                let [a, b, c, d, e, f, g, h] = scramble(round << 40 | writer << 32 | number).to_le_bytes();
                let random = [a, b, c, d, e, f, g, h, u8::try_from(round).unwrap(), a];
                let at = Timestamp::from_millis(NOW.millis() + i64::try_from(number).unwrap());
                let millis = u64::try_from(at.millis()).unwrap();
                let job = NewJob {
                    id: JobId::from_parts(millis, random),
                    kind: "make_program",
                    unique_key: None,
                    payload: "{}".to_owned(),
                    due_at: at,
                    max_attempts: 1,
                    request_id: RequestId::from_parts(millis, random),
                    now: at,
                };
                let client = NewClient {
                    id: ClientId::from_parts(millis, random),
                    stage: StageId::from_parts(1, [3; 10]),
                    display_name: job.id.to_string(),
                    username: None,
                    language: domain::language::Language::Ru,
                    phone: None,
                    email: None,
                    origin: Origin {
                        utm: "{}".to_owned(),
                        ..Origin::default()
                    },
                    now: at,
                };
                let mut tx = tenant.write().await.unwrap();
                tx.enqueue_job(&job).await.unwrap();
                tx.insert_client(&client).await.unwrap();
                tx.commit().await.unwrap();
                writeln!(std::io::stdout(), "committed").unwrap();
            }
        });
    }
    writers.join_all().await;
}
