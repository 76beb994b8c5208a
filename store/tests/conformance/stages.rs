//! Counts are kept, not counted: they must equal the real numbers whatever happens.

use std::collections::BTreeMap;

use domain::ids::{ClientId, StageId};
use domain::language::Localized;
use domain::pipeline::StageKind;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::{ClientFilter, Error, NewClient, NewMove, Stage};
use tokio::task::JoinSet;

use crate::world::{NOW, World, a_stage, page_after, scramble};

async fn check_counts(world: &World) -> i64 {
    let mut tx = world.read().await;
    let mut real: BTreeMap<StageId, i64> = BTreeMap::new();
    let mut after = None;
    loop {
        let found = tx
            .list_clients(&ClientFilter::default(), &page_after(200, after))
            .await
            .unwrap();
        for client in found.items {
            *real.entry(client.stage).or_default() += 1;
        }
        after = found.next;
        if after.is_none() {
            break;
        }
    }
    let counted: BTreeMap<StageId, i64> = tx
        .stage_totals()
        .await
        .unwrap()
        .into_iter()
        .filter(|total| total.clients != 0)
        .map(|total| (total.stage, total.clients))
        .collect();
    assert_eq!(counted, real);
    let everybody = real.values().sum::<i64>();
    assert_eq!(tx.count_clients().await.unwrap(), everybody);
    assert_eq!(tx.doctor(NOW).await.unwrap(), []);
    everybody
}

#[derive(Debug, Clone)]
enum Deed {
    Insert { stage: usize },
    Move { client: usize, from: usize, to: usize },
    MoveAndGiveUp { client: usize, from: usize, to: usize },
}

fn deed() -> impl Strategy<Value = Deed> {
    let step = || (0..12_usize, 0..3_usize, 0..3_usize);
    prop_oneof![
        (0..3_usize).prop_map(|stage| Deed::Insert { stage }),
        step().prop_map(|(client, from, to)| Deed::Move { client, from, to }),
        step().prop_map(|(client, from, to)| Deed::MoveAndGiveUp { client, from, to }),
    ]
}

pub async fn counts_equal_the_clients_under_any_moves(world: &World) {
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        TestRunner::new(Config {
            cases: 12,
            max_shrink_iters: 40,
            failure_persistence: None,
            ..Config::default()
        })
        .run(&prop::collection::vec(deed(), 1..40), |deeds| {
            runtime.block_on(perform(world, &deeds));
            Ok(())
        })
        .unwrap();
    });
}

async fn perform(world: &World, deeds: &[Deed]) {
    let mut clients: Vec<NewClient> = Vec::new();
    for deed in deeds {
        let mut tx = world.write().await;
        match deed {
            Deed::Insert { stage } => {
                let client = NewClient {
                    stage: world.stages[*stage].clone(),
                    ..world.a_client()
                };
                tx.insert_client(&client).await.unwrap();
                tx.commit().await.unwrap();
                clients.push(client);
            }
            Deed::Move { client, from, to } | Deed::MoveAndGiveUp { client, from, to } => {
                let Some(client) = clients.get_mut(*client) else {
                    continue;
                };
                let (from, to) = (&world.stages[*from], &world.stages[*to]);
                let moved = tx.move_client(&world.a_move(client, from, to)).await.unwrap();
                assert_eq!(moved, client.stage == *from);
                if matches!(deed, Deed::Move { .. }) {
                    tx.commit().await.unwrap();
                    if moved {
                        client.stage = to.clone();
                    }
                }
            }
        }
    }
    check_counts(world).await;
}

pub async fn counts_equal_the_clients_after_many_writers_at_once(world: &World) {
    let mut tasks = JoinSet::new();
    for _ in 0..24 {
        let clients: Vec<NewClient> = (0..8).map(|_| world.a_client()).collect();
        let moves: Vec<NewMove> = clients
            .iter()
            .map(|client| {
                let to = &world.stages[usize::try_from(scramble(world.tick()) % 3).unwrap()];
                world.a_move(client, &client.stage, to)
            })
            .collect();
        let tenant = world.tenant.clone();
        tasks.spawn(async move {
            for (client, step) in clients.iter().zip(moves) {
                let mut tx = tenant.write().await.unwrap();
                tx.insert_client(client).await.unwrap();
                tx.commit().await.unwrap();
                let mut tx = tenant.write().await.unwrap();
                assert!(tx.move_client(&step).await.unwrap());
                tx.commit().await.unwrap();
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(check_counts(world).await, 24 * 8);
}

pub async fn a_client_moves_only_from_where_it_stands(world: &World) {
    let client = world.some_client().await;
    let [first, second, third] = &world.stages;
    let mut tasks = JoinSet::new();
    for to in [second, third, second, third] {
        let (tenant, step) = (world.tenant.clone(), world.a_move(&client, first, to));
        tasks.spawn(async move {
            let mut tx = tenant.write().await.unwrap();
            let moved = tx.move_client(&step).await.unwrap();
            tx.commit().await.unwrap();
            moved
        });
    }
    let moved = tasks.join_all().await.into_iter().filter(|moved| *moved).count();
    assert_eq!(moved, 1, "of several who move somebody at once, one does");
    let mut tx = world.read().await;
    assert_eq!(tx.moves_of(&client.id).await.unwrap().len(), 1);
    drop(tx);
    check_counts(world).await;
}

pub async fn moves_in_opposite_directions_do_not_block_each_other(world: &World) {
    let [first, second, _] = &world.stages;
    let mut tasks = JoinSet::new();
    for number in 0..16 {
        let mut client = world.a_client();
        // The ids end alike, so the counts of all of them lie in the same rows.
        let text = client.id.to_string();
        client.id = <ClientId as domain::ids::Id>::parse(&format!("{}0", &text[..text.len() - 1])).unwrap();
        let (from, to) = if number % 2 == 0 {
            (first, second)
        } else {
            (second, first)
        };
        client.stage = from.clone();
        world.insert(&client).await;
        let steps: Vec<NewMove> = (0..10)
            .map(|turn| match turn % 2 {
                0 => world.a_move(&client, from, to),
                _ => world.a_move(&client, to, from),
            })
            .collect();
        let tenant = world.tenant.clone();
        tasks.spawn(async move {
            for step in steps {
                let mut tx = tenant.write().await.unwrap();
                assert!(tx.move_client(&step).await.unwrap());
                tx.commit().await.unwrap();
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no deadlock");
    }
    check_counts(world).await;
}

pub async fn a_stage_changes_only_at_its_version(world: &World) {
    let id = &world.stages[1];
    let mut tx = world.write().await;
    let stage = tx.find_stage(id).await.unwrap().unwrap();
    let renamed = Stage {
        title: Localized::new("Созвон", "Call"),
        position: 9,
        ..stage.clone()
    };
    tx.update_stage(&renamed).await.unwrap();
    let late = tx.update_stage(&stage).await;
    assert!(
        matches!(late, Err(Error::VersionConflict { what: "stage" })),
        "{late:?}"
    );
    let order: Vec<StageId> = tx.stages().await.unwrap().into_iter().map(|stage| stage.id).collect();
    assert_eq!(order, [world.stages[0].clone(), world.stages[2].clone(), id.clone()]);
    let archived = Stage {
        archived_at: Some(NOW),
        version: 2,
        ..renamed
    };
    tx.update_stage(&archived).await.unwrap();
    assert_eq!(tx.stage_of_kind(StageKind::Consultation).await.unwrap(), None);
    assert_eq!(tx.stages().await.unwrap().len(), 2);
    let next = a_stage(&world.id(), StageKind::Consultation);
    tx.insert_stage(&next).await.unwrap();
    assert_eq!(
        tx.stage_of_kind(StageKind::Consultation).await.unwrap().unwrap().id,
        next.id
    );
}

pub async fn whoever_rearranges_stages_is_alone(world: &World) {
    let [first, second, third] = &world.stages;
    let mut tx = world.write().await;
    let before = tx.lock_stages().await.unwrap();
    assert_eq!(before, tx.stages().await.unwrap());
    let client = world.a_client();
    let arriving = tokio::spawn({
        let (tenant, client) = (world.tenant.clone(), client.clone());
        async move {
            let mut tx = tenant.write().await.unwrap();
            tx.insert_client(&client).await.unwrap();
            tx.commit().await.unwrap();
        }
    });
    world.until_somebody_waits_for_a_lock().await;
    for (stage, position) in [(third, 1), (first, 2), (second, 3)] {
        tx.place_stage(stage, position).await.unwrap();
    }
    assert_eq!(tx.count_clients().await.unwrap(), 0, "nobody arrives meanwhile");
    tx.commit().await.unwrap();
    arriving.await.unwrap();
    let mut tx = world.read().await;
    let stages = tx.stages().await.unwrap();
    let order: Vec<&StageId> = stages.iter().map(|stage| &stage.id).collect();
    assert_eq!(order, [third, first, second]);
    assert!(
        stages.iter().all(|stage| stage.version == 1),
        "another place is no edit"
    );
}

pub async fn moves_are_told_newest_first(world: &World) {
    let client = world.some_client().await;
    let [first, second, third] = &world.stages;
    let mut tx = world.write().await;
    let mut made = Vec::new();
    for (from, to) in [(first, second), (second, third), (third, first)] {
        let step = world.a_move(&client, from, to);
        assert!(tx.move_client(&step).await.unwrap());
        made.insert(0, step.id);
    }
    let ids = |moves: Vec<store::Move>| moves.into_iter().map(|step| step.id).collect::<Vec<_>>();
    assert_eq!(ids(tx.moves_of(&client.id).await.unwrap()), made);
    let head = tx.list_moves(&client.id, &page_after(2, None)).await.unwrap();
    let tail = tx
        .list_moves(&client.id, &page_after(2, head.next.clone()))
        .await
        .unwrap();
    assert_eq!(tail.next, None);
    assert_eq!(ids([head.items, tail.items].concat()), made);
}
