//! Jobs: one worker at a time, again when it died, and never half of the work.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::ids::{Id, JobId};
use domain::time::Timestamp;
use domain::work::JobState;
use store::{Error, Job, JobLease, NewJob, Old};
use tokio::task::JoinSet;

use crate::world::{NOW, World, page, page_after};

async fn enqueue(world: &World, job: &NewJob) {
    let mut tx = world.write().await;
    assert!(tx.enqueue_job(job).await.unwrap());
    tx.commit().await.unwrap();
}

async fn claim(world: &World, owner: &str, now: Timestamp) -> Vec<Job> {
    let mut system = world.store.system().await.unwrap();
    let jobs = system
        .claim_jobs(owner, 10, now, now, now.plus_minutes(1))
        .await
        .unwrap();
    system.commit().await.unwrap();
    jobs
}

fn lease(job: &Job, owner: &str) -> JobLease {
    JobLease {
        job: job.id.clone(),
        owner: owner.to_owned(),
        attempt: job.attempts,
    }
}

async fn find(world: &World, id: &JobId) -> Job {
    world.read().await.find_job(id).await.unwrap().unwrap()
}

pub async fn many_together_are_queued_as_one_by_one(world: &World) {
    let keyed = |key: Option<&str>, due_at: Timestamp| NewJob {
        unique_key: key.map(str::to_owned),
        due_at,
        ..world.a_job()
    };
    let later = NOW.plus_minutes(5);
    let jobs = [
        keyed(Some("once"), NOW),
        keyed(None, NOW),
        keyed(Some("once"), NOW),
        keyed(Some("later"), later),
    ];
    let mut tx = world.write().await;
    tx.enqueue_jobs(&jobs).await.unwrap();
    tx.enqueue_jobs(&[keyed(Some("later"), NOW)]).await.unwrap();
    tx.commit().await.unwrap();
    let ids = |jobs: &[Job]| jobs.iter().map(|job| job.id.clone()).collect::<Vec<_>>();
    let due = claim(world, "worker", NOW).await;
    assert_eq!(ids(&due), [jobs[0].id.clone(), jobs[1].id.clone()]);
    let due = claim(world, "worker", later).await;
    let new = &jobs[3];
    let seen = due.iter().find(|job| job.id == new.id).unwrap();
    assert_eq!((&*seen.kind, &seen.payload), (new.kind, &new.payload));
    assert_eq!(
        (seen.max_attempts, &*seen.request_id),
        (new.max_attempts, new.request_id.as_ref())
    );
    assert_eq!(
        (seen.created_at, seen.tenant.clone()),
        (new.now, world.tenant.id().clone())
    );
}

pub async fn a_job_is_claimed_by_one_worker_only(world: &World) {
    const JOBS: usize = 150;
    let mut tx = world.write().await;
    for _ in 0..JOBS {
        tx.enqueue_job(&world.a_job()).await.unwrap();
    }
    tx.commit().await.unwrap();
    let claimed_so_far = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for number in 0..8_u32 {
        let (store, tenant, claimed_so_far) = (world.store.clone(), world.tenant.clone(), claimed_so_far.clone());
        workers.spawn(async move {
            let owner = format!("worker-{number}");
            let mut mine = Vec::new();
            while claimed_so_far.load(Ordering::SeqCst) < JOBS {
                let mut system = store.system().await.unwrap();
                let limit = 1 + number % 5;
                let jobs = system
                    .claim_jobs(&owner, limit, NOW, NOW, NOW.plus_minutes(1))
                    .await
                    .unwrap();
                system.commit().await.unwrap();
                assert!(jobs.len() <= limit as usize);
                claimed_so_far.fetch_add(jobs.len(), Ordering::SeqCst);
                for job in jobs {
                    let mut tx = tenant.write().await.unwrap();
                    tx.finish_job(&lease(&job, &owner), NOW).await.unwrap();
                    tx.commit().await.unwrap();
                    mine.push(job.id);
                }
            }
            mine
        });
    }
    let all: Vec<JobId> = workers.join_all().await.into_iter().flatten().collect();
    assert_eq!(all.len(), JOBS);
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), JOBS);
    assert!(claim(world, "late", NOW.plus_minutes(9)).await.is_empty());
}

pub async fn a_claim_never_takes_more_than_it_may(world: &World) {
    for (waiting, limit) in [(1, 1), (4, 3), (12, 3), (60, 7), (300, 50)] {
        let mut tx = world.write().await;
        for _ in 0..waiting {
            tx.enqueue_job(&world.a_job()).await.unwrap();
        }
        tx.commit().await.unwrap();
        if world.is_postgres() && waiting == 60 {
            let mut raw = world.raw().await;
            raw.execute("ANALYZE jobs").await;
            raw.close().await;
        }
        let mut left = waiting;
        while left > 0 {
            let mut system = world.store.system().await.unwrap();
            let jobs = system
                .claim_jobs("w", limit, NOW, NOW, NOW.plus_minutes(1))
                .await
                .unwrap();
            system.commit().await.unwrap();
            assert_eq!(
                jobs.len(),
                left.min(limit as usize),
                "{waiting} waiting, {limit} wanted"
            );
            left -= jobs.len();
            let mut tx = world.write().await;
            for job in jobs {
                tx.finish_job(&lease(&job, "w"), NOW).await.unwrap();
            }
            tx.commit().await.unwrap();
        }
    }
}

pub async fn a_job_is_due_again_after_its_lease_and_its_first_owner_can_not_finish_it(world: &World) {
    let new = world.a_job();
    enqueue(world, &new).await;
    let first = claim(world, "first", NOW).await.remove(0);
    assert!(
        claim(world, "second", NOW.plus_millis(59_999)).await.is_empty(),
        "the lease still runs"
    );
    let second = claim(world, "second", NOW.plus_minutes(1)).await.remove(0);
    assert_eq!((second.id.clone(), first.attempts, second.attempts), (new.id, 1, 2));

    let client = world.a_client();
    let mut tx = world.write().await;
    tx.insert_client(&client).await.unwrap();
    let refused = tx.finish_job(&lease(&first, "first"), NOW).await;
    assert!(matches!(refused, Err(Error::LeaseLost { .. })), "{refused:?}");
    drop(tx);
    assert_eq!(
        world.read().await.find_client(&client.id).await.unwrap(),
        None,
        "its work was undone"
    );
    let mut tx = world.write().await;
    assert!(matches!(
        tx.bury_job(&lease(&first, "first"), "x", NOW).await,
        Err(Error::LeaseLost { .. })
    ));
    drop(tx);

    // The same process that claims a job again is a different owner: its earlier try can't finish the later one.
    let again = claim(world, "second", NOW.plus_minutes(2)).await.remove(0);
    let mut tx = world.write().await;
    assert!(tx.finish_job(&lease(&second, "second"), NOW).await.is_err());
    tx.insert_client(&client).await.unwrap();
    tx.finish_job(&lease(&again, "second"), NOW).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(find(world, &again.id).await.state, JobState::Done);
    assert!(world.read().await.find_client(&client.id).await.unwrap().is_some());
}

pub async fn a_lease_can_be_extended_while_it_is_held(world: &World) {
    enqueue(world, &world.a_job()).await;
    let job = claim(world, "first", NOW).await.remove(0);
    let mut system = world.store.system().await.unwrap();
    assert!(
        system
            .extend_lease(&lease(&job, "first"), NOW.plus_minutes(5))
            .await
            .unwrap()
    );
    assert!(
        !system
            .extend_lease(&lease(&job, "other"), NOW.plus_minutes(9))
            .await
            .unwrap()
    );
    system.commit().await.unwrap();
    assert!(claim(world, "second", NOW.plus_minutes(4)).await.is_empty());
    assert_eq!(claim(world, "second", NOW.plus_minutes(5)).await.len(), 1);
    let mut system = world.store.system().await.unwrap();
    assert!(
        !system
            .extend_lease(&lease(&job, "first"), NOW.plus_minutes(9))
            .await
            .unwrap(),
        "it is gone"
    );
}

pub async fn a_second_job_with_the_same_key_vanishes(world: &World) {
    let first = NewJob {
        unique_key: Some("program:1".to_owned()),
        ..world.a_job()
    };
    enqueue(world, &first).await;
    let second = NewJob {
        id: world.id(),
        ..first.clone()
    };
    let mut tx = world.write().await;
    assert!(!tx.enqueue_job(&second).await.unwrap());
    tx.commit().await.unwrap();
    let job = claim(world, "w", NOW).await.remove(0);
    assert_eq!(job.id, first.id);
    let mut tx = world.write().await;
    tx.finish_job(&lease(&job, "w"), NOW).await.unwrap();
    assert!(!tx.enqueue_job(&second).await.unwrap(), "also when the first is done");
    tx.commit().await.unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let (tenant, job) = (
            world.tenant.clone(),
            NewJob {
                unique_key: Some("program:2".to_owned()),
                ..world.a_job()
            },
        );
        tasks.spawn(async move {
            let mut tx = tenant.write().await.unwrap();
            let is_new = tx.enqueue_job(&job).await.unwrap();
            tx.commit().await.unwrap();
            is_new
        });
    }
    assert_eq!(tasks.join_all().await.into_iter().filter(|is_new| *is_new).count(), 1);
}

pub async fn a_failed_job_comes_back_at_its_time(world: &World) {
    let new = world.a_job();
    enqueue(world, &new).await;
    let job = claim(world, "w", NOW).await.remove(0);
    let retry_at = NOW.plus_minutes(7);
    let mut system = world.store.system().await.unwrap();
    assert!(
        !system
            .fail_job(&lease(&job, "other"), "x", Some(retry_at), NOW)
            .await
            .unwrap()
    );
    assert!(
        system
            .fail_job(&lease(&job, "w"), "the model is busy", Some(retry_at), NOW)
            .await
            .unwrap()
    );
    assert!(
        !system
            .has_due_job(retry_at.plus_millis(-1), retry_at.plus_millis(-1))
            .await
            .unwrap()
    );
    assert!(system.has_due_job(retry_at, retry_at).await.unwrap());
    assert_eq!(system.job_totals().await.unwrap(), [("queued".to_owned(), 1)]);
    system.commit().await.unwrap();
    assert!(claim(world, "w", retry_at.plus_millis(-1)).await.is_empty());
    let again = claim(world, "w", retry_at).await.remove(0);
    assert_eq!(
        (again.attempts, again.last_error.as_deref()),
        (2, Some("the model is busy"))
    );
    let mut tx = world.write().await;
    tx.finish_job(&lease(&again, "w"), retry_at).await.unwrap();
    tx.commit().await.unwrap();
    let done = find(world, &new.id).await;
    assert_eq!((done.state, done.last_error), (JobState::Done, None));
}

pub async fn a_dead_job_waits_for_a_person_and_can_begin_anew(world: &World) {
    let mut dead = Vec::new();
    for number in 0..5 {
        let new = world.a_job();
        enqueue(world, &new).await;
        let job = claim(world, "w", NOW).await.remove(0);
        if number % 2 == 0 {
            let mut system = world.store.system().await.unwrap();
            assert!(
                system
                    .fail_job(&lease(&job, "w"), "no template", None, NOW)
                    .await
                    .unwrap()
            );
            system.commit().await.unwrap();
        } else {
            let mut tx = world.write().await;
            tx.bury_job(&lease(&job, "w"), "no template", NOW).await.unwrap();
            tx.commit().await.unwrap();
        }
        dead.push(new.id);
    }
    enqueue(world, &world.a_job()).await;
    dead.reverse();
    let mut listed = Vec::new();
    let mut after = None;
    let mut tx = world.write().await;
    loop {
        let found = tx.list_jobs(Some(JobState::Dead), &page_after(2, after)).await.unwrap();
        listed.extend(found.items);
        after = found.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed.iter().map(|job| job.id.clone()).collect::<Vec<_>>(), dead);
    assert!(
        listed
            .iter()
            .all(|job| job.last_error.as_deref() == Some("no template"))
    );
    assert_eq!(tx.list_jobs(None, &page(10)).await.unwrap().items.len(), 6);
    assert_eq!(tx.doctor(NOW).await.unwrap().len(), 1, "the doctor tells of dead jobs");
    let later = NOW.plus_minutes(3);
    assert!(tx.replay_job(&dead[0], later).await.unwrap());
    assert!(
        !tx.replay_job(&dead[0], later).await.unwrap(),
        "it is not dead any more"
    );
    tx.commit().await.unwrap();
    let again = claim(world, "w", later).await;
    let again = again.iter().find(|job| job.id == dead[0]).unwrap();
    assert_eq!(again.attempts, 1, "its tries begin anew");
}

pub async fn done_jobs_are_forgotten_dead_ones_are_not(world: &World) {
    for _ in 0..3 {
        enqueue(world, &world.a_job()).await;
    }
    let jobs = claim(world, "w", NOW).await;
    let mut tx = world.write().await;
    tx.finish_job(&lease(&jobs[0], "w"), NOW).await.unwrap();
    tx.finish_job(&lease(&jobs[1], "w"), NOW.plus_minutes(5)).await.unwrap();
    tx.bury_job(&lease(&jobs[2], "w"), "x", NOW).await.unwrap();
    tx.commit().await.unwrap();
    let mut system = world.store.system().await.unwrap();
    assert_eq!(system.purge(Old::DoneJobs, NOW.plus_minutes(1), 9).await.unwrap(), 1);
    system.commit().await.unwrap();
    let mut tx = world.read().await;
    let left: Vec<_> = tx.list_jobs(None, &page(9)).await.unwrap().items;
    assert_eq!(
        left.iter().map(|job| job.id.as_str()).collect::<Vec<_>>(),
        [jobs[2].id.as_str(), jobs[1].id.as_str()]
    );
}
