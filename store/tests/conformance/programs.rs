//! Versions of programmes, the tables they are made from, and the files they become.

use domain::ids::QuestionnaireId;
use domain::language::{Language, Localized};
use domain::money::{Currency, Money};
use store::{NewClient, NewFile, NewProgram, NewSnapshot, Product, ProgramFilter, ReadyProgram, Tx};
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

pub async fn the_newest_snapshot_wins_and_old_content_can_return(world: &World) {
    let keep = async |hash: &str, minute: i64| {
        let new = NewSnapshot {
            id: world.id(),
            source: "sheet",
            content_hash: hash.to_owned(),
            men: format!("men of {hash}").into_bytes(),
            women: vec![0, 159, 146, 150],
            exercises: Vec::new(),
            now: NOW.plus_minutes(minute),
        };
        let mut tx = world.write().await;
        tx.keep_snapshot(&new).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = world.read().await;
        let latest = tx.latest_snapshot().await.unwrap().unwrap();
        assert_eq!(
            tx.latest_snapshot_hash().await.unwrap(),
            Some(latest.content_hash.clone())
        );
        assert_eq!(latest.men, format!("men of {}", latest.content_hash).into_bytes());
        assert_eq!(latest.women, [0, 159, 146, 150]);
        latest.content_hash
    };
    assert_eq!(world.read().await.latest_snapshot().await.unwrap(), None);
    assert_eq!(keep("a", 1).await, "a");
    assert_eq!(keep("b", 2).await, "b");
    assert_eq!(keep("c", 0).await, "b", "an older one that arrives late");
    assert_eq!(keep("a", 3).await, "a", "the same content again is the newest again");
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
            id: world.id(),
            code: code.to_owned(),
            title: Localized::new("Сопровождение", "Coaching"),
            description: Localized::new("Месяц", "A month"),
            price: Money::new(minor, Currency::parse("RUB").unwrap()),
            position,
        };
        assert!(tx.insert_product(&product).await.unwrap());
        let again = Product {
            id: world.id(),
            ..product.clone()
        };
        assert!(!tx.insert_product(&again).await.unwrap(), "its code is taken");
        products.insert(0, product);
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
