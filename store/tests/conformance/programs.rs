//! Versions of programmes, the tables they are made from, and the files they become.

use domain::ids::QuestionnaireId;
use domain::language::{Language, Localized};
use domain::money::{Currency, Money};
use store::{
    NewClient, NewFile, NewProgram, NewSnapshot, Packed, Product, ProgramFilter, ReadyProgram, SheetLook,
    SnapshotState, SnapshotTables, Tx,
};
use tokio::task::JoinSet;

use crate::world::{NOW, World, page, page_after};

async fn begin(world: &World, tx: &mut Tx, client: &NewClient) -> QuestionnaireId {
    let run = world.id();
    tx.begin_questionnaire(&run, &client.id, 1, NOW).await.unwrap();
    run
}

fn a_program(world: &World, client: &NewClient, run: &QuestionnaireId) -> NewProgram {
    NewProgram {
        id: world.id(),
        client: client.id.clone(),
        questionnaire: run.clone(),
        scope: "free",
        language: Language::Ru,
        reason: "questionnaire".to_owned(),
        now: NOW,
    }
}

fn a_file(world: &World) -> NewFile {
    NewFile {
        id: world.id(),
        name: "Программа.pdf".to_owned(),
        mime_type: "application/pdf".to_owned(),
        size: 12_345,
        sha256: "ab".repeat(32),
        storage_key: "2026/11/plan.pdf".to_owned(),
        now: NOW,
    }
}

pub async fn versions_count_up_for_each_client(world: &World) {
    let (anna, ivan) = (world.some_client().await, world.some_client().await);
    let mut tx = world.write().await;
    let runs = [begin(world, &mut tx, &anna).await, begin(world, &mut tx, &ivan).await];
    for (client, run, expected) in [(&anna, 0, 1), (&anna, 0, 2), (&ivan, 1, 1), (&anna, 0, 3)] {
        let version = tx.insert_program(&a_program(world, client, &runs[run])).await.unwrap();
        assert_eq!(version, expected);
    }
    tx.commit().await.unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..6 {
        let (tenant, new) = (world.tenant.clone(), a_program(world, &anna, &runs[0]));
        tasks.spawn(async move {
            loop {
                let mut tx = tenant.write().await.unwrap();
                match tx.insert_program(&new).await {
                    Ok(version) => {
                        tx.commit().await.unwrap();
                        return version;
                    }
                    Err(refused) => assert!(refused.is_unique_violation(), "{refused:?}"),
                }
            }
        });
    }
    let mut versions = tasks.join_all().await;
    versions.sort_unstable();
    assert_eq!(versions, [4, 5, 6, 7, 8, 9], "no number twice, none left out");
    let filter = ProgramFilter {
        client: Some(anna.id.clone()),
        status: Some("queued".to_owned()),
    };
    let mut tx = world.read().await;
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let found = tx.list_programs(&filter, &page_after(4, after)).await.unwrap();
        listed.extend(found.items.into_iter().map(|program| program.id));
        after = found.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed.len(), 9);
    assert!(listed.is_sorted_by(|left, right| left > right), "newest first");
}

pub async fn a_version_becomes_ready_once(world: &World) {
    let client = world.some_client().await;
    let file = a_file(world);
    let mut tx = world.write().await;
    tx.insert_file(&file).await.unwrap();
    let run = begin(world, &mut tx, &client).await;
    let (first, second) = (a_program(world, &client, &run), a_program(world, &client, &run));
    for new in [&first, &second] {
        tx.insert_program(new).await.unwrap();
    }
    assert_eq!(tx.latest_ready_program(&client.id).await.unwrap(), None);
    assert_eq!(tx.program_details(&first.id).await.unwrap(), None);
    let ready = ReadyProgram {
        file: file.id.clone(),
        template_hash: "hash".to_owned(),
        wording: "llm",
        program: r#"{"weeks":4}"#.to_owned(),
        report: r#"{"relaxed":[]}"#.to_owned(),
    };
    assert!(tx.ready_program(&first.id, &ready, NOW.plus_minutes(1)).await.unwrap());
    assert!(!tx.ready_program(&first.id, &ready, NOW.plus_minutes(2)).await.unwrap());
    assert!(
        !tx.fail_program(&first.id, "late").await.unwrap(),
        "what is ready does not fail"
    );
    assert!(tx.fail_program(&second.id, "no template fits").await.unwrap());
    assert_eq!(tx.latest_ready_program(&client.id).await.unwrap().unwrap().version, 1);
    assert!(
        tx.ready_program(&second.id, &ready, NOW).await.unwrap(),
        "a failed version may still succeed"
    );
    let latest = tx.latest_ready_program(&client.id).await.unwrap().unwrap();
    assert_eq!((latest.version, latest.error, latest.file), (2, None, Some(file.id)));
    assert_eq!(
        tx.program_details(&second.id).await.unwrap(),
        Some((ready.program, ready.report))
    );
    assert!(tx.mark_program_delivered(&second.id, NOW).await.unwrap());
    assert!(
        !tx.mark_program_delivered(&second.id, NOW).await.unwrap(),
        "only the first delivery is the first"
    );
}

async fn a_ready_program(world: &World, hash: &str) -> String {
    let client = world.some_client().await;
    let mut tx = world.write().await;
    let run = begin(world, &mut tx, &client).await;
    let new = a_program(world, &client, &run);
    tx.insert_program(&new).await.unwrap();
    let file = a_file(world);
    tx.insert_file(&file).await.unwrap();
    let ready = ReadyProgram {
        file: file.id,
        template_hash: hash.to_owned(),
        wording: "plain",
        program: "{}".to_owned(),
        report: "{}".to_owned(),
    };
    assert!(tx.ready_program(&new.id, &ready, NOW).await.unwrap());
    tx.commit().await.unwrap();
    new.id.to_string()
}

fn a_snapshot(world: &World, hash: &str, minute: i64) -> NewSnapshot {
    NewSnapshot {
        id: world.id_at(NOW.plus_minutes(minute)),
        source: "sheet",
        author: "system".to_owned(),
        content_hash: hash.to_owned(),
        tables: SnapshotTables {
            men: Packed::of(format!("men of {hash}").as_bytes()),
            women: Packed::of(&[0, 159, 146, 150]),
            exercises: Packed::of(&[]),
        },
        now: NOW.plus_minutes(minute),
    }
}

pub async fn versions_of_the_tables_are_numbered_and_old_content_keeps_its_number(world: &World) {
    assert_eq!(world.read().await.snapshot_in_force().await.unwrap(), None);
    let mut tx = world.write().await;
    tx.lock_templates().await.unwrap();
    let first = tx.keep_snapshot(&a_snapshot(world, "a", 1)).await.unwrap();
    tx.put_in_force(&first.id, "system", NOW).await.unwrap();
    let second = tx.keep_snapshot(&a_snapshot(world, "b", 2)).await.unwrap();
    tx.put_in_force(&second.id, "us_1", NOW.plus_minutes(2)).await.unwrap();
    let again = tx.keep_snapshot(&a_snapshot(world, "a", 3)).await.unwrap();
    assert_eq!(
        (again.number, &again.id),
        (1, &first.id),
        "the same content is the version it was"
    );
    tx.put_in_force(&again.id, "us_1", NOW.plus_minutes(3)).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = world.read().await;
    let in_force = tx.snapshot_in_force().await.unwrap().unwrap();
    assert_eq!(
        (in_force.number, in_force.in_force_since),
        (1, Some(NOW.plus_minutes(3)))
    );
    assert_eq!(in_force.decided_by.as_deref(), Some("us_1"));
    let tables = tx.snapshot_tables(&in_force.id).await.unwrap().unwrap();
    assert_eq!(tables.men.open().unwrap(), b"men of a");
    assert_eq!(tables.women.open().unwrap(), [0, 159, 146, 150]);
    assert_eq!(tables.exercises.open().unwrap(), b"");
    let one = tx.list_snapshots(&page(1)).await.unwrap();
    assert_eq!((one.items[0].number, one.next.is_some()), (2, true), "newest first");
    let rest = store::PageRequest {
        limit: 9,
        after: one.next,
    };
    let rest = tx.list_snapshots(&rest).await.unwrap().items;
    assert_eq!(rest.iter().map(|version| version.number).collect::<Vec<_>>(), [1]);
}

pub async fn the_first_decision_about_a_change_wins(world: &World) {
    let mut tx = world.write().await;
    tx.lock_templates().await.unwrap();
    let old = tx.keep_snapshot(&a_snapshot(world, "a", 1)).await.unwrap();
    tx.put_in_force(&old.id, "system", NOW).await.unwrap();
    let change = tx.keep_snapshot(&a_snapshot(world, "b", 2)).await.unwrap();
    tx.set_pending(&change.id).await.unwrap();
    let newer = tx.keep_snapshot(&a_snapshot(world, "c", 3)).await.unwrap();
    tx.set_pending(&newer.id).await.unwrap();
    assert_eq!(
        tx.pending_snapshot().await.unwrap().unwrap().number,
        3,
        "one waits at a time"
    );
    assert!(
        !tx.reject_pending(&change.id, "trainer", NOW).await.unwrap(),
        "the sheet went on"
    );
    assert!(tx.reject_pending(&newer.id, "trainer", NOW).await.unwrap());
    assert!(!tx.reject_pending(&newer.id, "us_1", NOW).await.unwrap());
    let rejected = tx.find_snapshot(&newer.id).await.unwrap().unwrap();
    assert_eq!(
        (rejected.state, rejected.decided_by.as_deref()),
        (SnapshotState::Rejected, Some("trainer"))
    );
    assert_eq!(tx.snapshot_in_force().await.unwrap().unwrap().number, 1);
    assert_eq!(tx.pending_snapshot().await.unwrap(), None);
}

pub async fn only_versions_that_nobody_needs_are_forgotten(world: &World) {
    let mut tx = world.write().await;
    tx.lock_templates().await.unwrap();
    for (minute, hash) in ["old", "older", "of a programme", "rejected", "waiting", "in force"]
        .iter()
        .enumerate()
    {
        let minute = i64::try_from(minute).unwrap();
        let kept = tx.keep_snapshot(&a_snapshot(world, hash, minute)).await.unwrap();
        match *hash {
            "waiting" => tx.set_pending(&kept.id).await.unwrap(),
            "in force" => tx.put_in_force(&kept.id, "system", NOW).await.unwrap(),
            "rejected" => {
                tx.set_pending(&kept.id).await.unwrap();
                tx.reject_pending(&kept.id, "trainer", NOW.plus_minutes(60))
                    .await
                    .unwrap();
            }
            _ => {}
        }
    }
    tx.commit().await.unwrap();
    let program = a_ready_program(world, "of a programme").await;
    let mut tx = world.write().await;
    assert_eq!(tx.programs_of_content("of a programme").await.unwrap(), 1, "{program}");
    let cutoff = NOW.plus_minutes(30);
    assert_eq!(tx.purge_snapshots(cutoff, 1).await.unwrap(), 1, "no more than asked");
    assert_eq!(tx.purge_snapshots(cutoff, 9).await.unwrap(), 1);
    assert_eq!(tx.purge_snapshots(cutoff, 9).await.unwrap(), 0);
    let kept = tx.list_snapshots(&page(9)).await.unwrap().items;
    let hashes: Vec<&str> = kept.iter().map(|version| version.content_hash.as_str()).collect();
    assert_eq!(hashes, ["in force", "waiting", "rejected", "of a programme"]);
    assert_eq!(
        tx.purge_snapshots(NOW.plus_minutes(90), 9).await.unwrap(),
        1,
        "the rejected one, in its time"
    );
}

pub async fn the_last_look_at_the_sheet_reads_back(world: &World) {
    let mut tx = world.write().await;
    assert_eq!(tx.sheet_look().await.unwrap(), SheetLook::default());
    tx.lock_templates().await.unwrap();
    assert_eq!(
        tx.sheet_look().await.unwrap(),
        SheetLook::default(),
        "a lock is no look"
    );
    let look = SheetLook {
        looked_at: Some(NOW),
        content_hash: Some("a".to_owned()),
        well_at: Some(NOW),
        trouble: Some("{}".to_owned()),
        trouble_since: Some(NOW.plus_minutes(1)),
        told_at: Some(NOW.plus_minutes(2)),
    };
    tx.save_sheet_look(&look).await.unwrap();
    assert_eq!(tx.sheet_look().await.unwrap(), look);
}

pub async fn files_and_products_read_back(world: &World) {
    let file = a_file(world);
    let mut tx = world.write().await;
    tx.insert_file(&file).await.unwrap();
    tx.set_file_external_ids(&file.id, r#"{"telegram":"AgAC"}"#)
        .await
        .unwrap();
    let found = tx.find_file(&file.id).await.unwrap().unwrap();
    assert_eq!(
        (found.name, found.size, found.storage_key),
        (file.name, file.size, file.storage_key)
    );
    assert_eq!(found.external_ids, r#"{"telegram":"AgAC"}"#);
    let mut products = Vec::new();
    for (code, minor, position) in [("pro", 990_000, 2), ("basic", 499_000, 1)] {
        let product = Product {
            code: code.to_owned(),
            title: Localized::new("Сопровождение", "Coaching"),
            description: Localized::new("Месяц", "A month"),
            price: Money::new(minor, Currency::Rub),
            position,
            ..world.a_product()
        };
        assert!(tx.save_product(&product).await.unwrap());
        let again = Product {
            id: world.id(),
            ..product.clone()
        };
        assert!(!tx.save_product(&again).await.unwrap(), "its code is taken");
        products.insert(0, Product { version: 1, ..product });
    }
    assert_eq!(tx.products().await.unwrap(), products, "in their order");
    assert_eq!(
        tx.list_programs(&ProgramFilter::default(), &page(9))
            .await
            .unwrap()
            .items,
        []
    );
}

pub async fn of_decisions_at_the_same_instant_exactly_one_counts(world: &World) {
    let client = world.some_client().await;
    let file = a_file(world);
    let mut tx = world.write().await;
    tx.insert_file(&file).await.unwrap();
    let run = begin(world, &mut tx, &client).await;
    let (waiting, successor) = (a_program(world, &client, &run), a_program(world, &client, &run));
    tx.insert_program(&waiting).await.unwrap();
    tx.insert_program(&successor).await.unwrap();
    let ready = ReadyProgram {
        file: file.id.clone(),
        template_hash: "h".to_owned(),
        wording: "plain",
        program: "{}".to_owned(),
        report: "{}".to_owned(),
    };
    assert!(tx.ready_program(&waiting.id, &ready, NOW).await.unwrap());
    assert!(tx.await_approval(&waiting.id, NOW.plus_minutes(5)).await.unwrap());
    assert_eq!(
        tx.latest_ready_program(&client.id).await.unwrap(),
        None,
        "nobody sees it yet"
    );
    tx.commit().await.unwrap();
    let mut tasks = JoinSet::new();
    for number in 0..8 {
        let (tenant, id, next) = (world.tenant.clone(), waiting.id.clone(), successor.id.clone());
        tasks.spawn(async move {
            let mut tx = tenant.write().await.unwrap();
            let is_mine = if number % 2 == 0 {
                tx.decide_program(&id, "Ольга", NOW).await.unwrap()
            } else {
                tx.begin_succession(&id, &next, "Ольга", NOW).await.unwrap()
            };
            tx.commit().await.unwrap();
            is_mine
        });
    }
    assert_eq!(tasks.join_all().await.into_iter().filter(|is_mine| *is_mine).count(), 1);
    let mut tx = world.write().await;
    let decided = tx.lock_program(&waiting.id).await.unwrap().unwrap();
    assert_eq!(decided.decided_by.as_deref(), Some("Ольга"));
    if decided.status == "ready" {
        assert_eq!(decided.successor, None);
        assert!(tx.cancel_succession(&successor.id).await.unwrap().is_empty());
        assert!(
            !tx.await_approval(&waiting.id, NOW).await.unwrap(),
            "what was let go stays so"
        );
    } else {
        assert!(
            !tx.decide_program(&waiting.id, "clock", NOW).await.unwrap(),
            "its successor is made"
        );
        assert_eq!(
            tx.cancel_succession(&successor.id).await.unwrap(),
            std::slice::from_ref(&waiting.id)
        );
        assert!(
            tx.begin_succession(&waiting.id, &successor.id, "Ольга", NOW)
                .await
                .unwrap()
        );
        let gone = tx.supersede_older(&client.id, &successor.id, 2, NOW).await.unwrap();
        assert_eq!(gone, std::slice::from_ref(&waiting.id));
    }
}

pub async fn whoever_has_an_exercise_is_found_by_the_newest_version(world: &World) {
    let (anna, ivan) = (world.some_client().await, world.some_client().await);
    let file = a_file(world);
    let mut tx = world.write().await;
    tx.insert_file(&file).await.unwrap();
    let mut versions = Vec::new();
    for (client, exercises) in [(&anna, &["squat", "row"][..]), (&ivan, &["squat"]), (&anna, &["row"])] {
        let run = world.id();
        if versions.len() < 2 {
            tx.begin_questionnaire(&run, &client.id, 1, NOW).await.unwrap();
        }
        let run = tx.latest_questionnaire(&client.id).await.unwrap().unwrap().id;
        let program = a_program(world, client, &run);
        tx.insert_program(&program).await.unwrap();
        let ready = ReadyProgram {
            file: file.id.clone(),
            template_hash: "h".to_owned(),
            wording: "plain",
            program: "{}".to_owned(),
            report: "{}".to_owned(),
        };
        tx.ready_program(&program.id, &ready, NOW).await.unwrap();
        assert!(tx.unindexed_programs("", 9).await.unwrap().contains(&program.id));
        for _ in 0..2 {
            tx.index_exercises(&program.id, exercises).await.unwrap();
        }
        assert!(tx.unindexed_programs("", 9).await.unwrap().is_empty());
        versions.push(program.id);
    }
    assert_eq!(
        tx.count_exercise_users("squat").await.unwrap(),
        1,
        "Anna's newest has none"
    );
    assert_eq!(
        tx.exercise_users("squat", "", 9).await.unwrap(),
        [(ivan.id.clone(), versions[1].clone())]
    );
    assert_eq!(
        tx.exercise_users("row", "", 9).await.unwrap(),
        [(anna.id.clone(), versions[2].clone())]
    );
    assert!(
        tx.exercise_users("squat", versions[1].as_ref(), 9)
            .await
            .unwrap()
            .is_empty()
    );
    let batch = store::ProgramBatch {
        id: world.id(),
        exercise: "squat".to_owned(),
        total: 1,
        started_by: "us_1".to_owned(),
        created_at: NOW,
        ordered_at: None,
    };
    tx.insert_program_batch(&batch).await.unwrap();
    let run = tx.latest_questionnaire(&ivan.id).await.unwrap().unwrap().id;
    let next = a_program(world, &ivan, &run);
    tx.insert_program(&next).await.unwrap();
    let lineage = store::Lineage {
        parent: Some(versions[1].clone()),
        revision: Some(r#"{"withdrawn":"squat"}"#.to_owned()),
        approve_by: None,
        batch: Some(batch.id.clone()),
    };
    tx.derive_program(&next.id, &lineage).await.unwrap();
    assert_eq!(tx.program_revision(&next.id).await.unwrap(), lineage.revision);
    assert_eq!(tx.find_program(&next.id).await.unwrap().unwrap().parent, lineage.parent);
    assert_eq!(
        tx.count_exercise_users("squat").await.unwrap(),
        0,
        "his next version is queued"
    );
    assert_eq!(
        tx.program_batch_progress(&batch.id).await.unwrap(),
        [("queued".to_owned(), 1)]
    );
    tx.finish_program_batch(&batch.id, NOW).await.unwrap();
    let ended = tx.find_program_batch(&batch.id).await.unwrap().unwrap();
    assert_eq!((ended.total, ended.ordered_at), (1, Some(NOW)));
}
