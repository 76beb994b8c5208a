//! Lists of clients: filters, pages, and a naive model that says what must be on them.

use std::collections::HashSet;

use domain::fold::{fold, phone_digits};
use domain::ids::{Id, StageId, TenantId};
use domain::language::Language;
use domain::pipeline::StageKind;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::{ClientFilter, NewClient, Origin, Tenant};

use crate::world::{NOW, World, a_stage, page, page_after, search};

const NAMES: [&str; 6] = [
    "Анна Ёлкина",
    "Пётр Иванов",
    "анна-мария",
    "Иван Петров",
    "Ann Brown",
    "ЁЖИК",
];
const TYPED: [&str; 7] = ["анна", "ЕЛК", "иван", "петр", "ann", "ежик", "анна мария"];
const SOURCES: [&str; 3] = ["instagram", "landing", "friend"];
const TAGS: [&str; 3] = ["vip", "колено", "рассрочка"];
const PHONES: [&str; 3] = ["+7 912 345-67-89", "8 (912) 345-67-80", "+86 139 1099 8888"];
const EMAILS: [&str; 2] = ["anna@example.com", "PETR@example.com"];

pub async fn filters_work_alone_and_together(world: &World) {
    let [first, second, _] = &world.stages;
    let mut known = Vec::new();
    for (stage, source, tag) in [
        (first, "instagram", Some("vip")),
        (first, "landing", None),
        (second, "instagram", None),
        (second, "landing", Some("vip")),
        (second, "landing", Some("колено")),
    ] {
        let client = NewClient {
            stage: stage.clone(),
            origin: Origin {
                source: source.to_owned(),
                utm: "{}".to_owned(),
                ..Origin::default()
            },
            ..world.a_client_of(NOW.plus_minutes(i64::try_from(known.len()).unwrap()))
        };
        world.insert(&client).await;
        if let Some(tag) = tag {
            let mut tx = world.write().await;
            tx.add_tag(&client.id, tag).await.unwrap();
            tx.commit().await.unwrap();
        }
        known.push(client.id);
    }
    let everybody = ClientFilter::default;
    let stage = |stage: &StageId| ClientFilter {
        stage: Some(stage.clone()),
        ..everybody()
    };
    let cases = [
        (everybody(), vec![4, 3, 2, 1, 0]),
        (stage(first), vec![1, 0]),
        (
            ClientFilter {
                source: Some("landing".into()),
                ..everybody()
            },
            vec![4, 3, 1],
        ),
        (
            ClientFilter {
                tag: Some("vip".into()),
                ..everybody()
            },
            vec![3, 0],
        ),
        (
            ClientFilter {
                created_from: Some(NOW.plus_minutes(3)),
                ..everybody()
            },
            vec![4, 3],
        ),
        (
            ClientFilter {
                created_before: Some(NOW.plus_minutes(3)),
                ..everybody()
            },
            vec![2, 1, 0],
        ),
        (
            ClientFilter {
                source: Some("landing".into()),
                ..stage(second)
            },
            vec![4, 3],
        ),
        (
            ClientFilter {
                source: Some("landing".into()),
                tag: Some("vip".into()),
                ..stage(second)
            },
            vec![3],
        ),
        (
            ClientFilter {
                tag: Some("vip".into()),
                ..stage(first)
            },
            vec![0],
        ),
        (
            ClientFilter {
                created_from: Some(NOW.plus_minutes(4)),
                ..stage(second)
            },
            vec![4],
        ),
        (
            ClientFilter {
                stage: Some(second.clone()),
                tag: Some("колено".into()),
                ..search("анна")
            },
            vec![4],
        ),
        (
            ClientFilter {
                stage: Some(world.stages[2].clone()),
                ..everybody()
            },
            vec![],
        ),
    ];
    let mut tx = world.read().await;
    for (filter, expected) in cases {
        let found = tx.list_clients(&filter, &page(10)).await.unwrap();
        let found: Vec<_> = found.items.into_iter().map(|client| client.id).collect();
        let expected: Vec<_> = expected.into_iter().map(|index: usize| known[index].clone()).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}

pub async fn pages_neither_lose_nor_repeat_anybody_while_others_arrive(world: &World) {
    let mut there = Vec::new();
    for _ in 0..40 {
        there.push(world.some_client().await.id);
    }
    there.reverse();
    for filter in [ClientFilter::default(), search("анна")] {
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let mut tx = world.read().await;
            let found = tx.list_clients(&filter, &page_after(7, after)).await.unwrap();
            drop(tx);
            assert!(found.items.len() <= 7);
            seen.extend(found.items.into_iter().map(|client| client.id));
            // Somebody new arrives between any two pages, and somebody already listed is renamed.
            world.some_client().await;
            let mut tx = world.write().await;
            tx.rename_client(&seen[0], "Анна Вторая", None, NOW).await.unwrap();
            tx.commit().await.unwrap();
            match found.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let known: HashSet<_> = there.iter().collect();
        let of_those_there: Vec<_> = seen.iter().filter(|id| known.contains(id)).cloned().collect();
        assert_eq!(of_those_there, there, "everybody, once, newest first");
        assert_eq!(seen.len(), seen.iter().collect::<HashSet<_>>().len());
    }
}

#[derive(Debug, Clone)]
struct Somebody {
    name: usize,
    username: bool,
    stage: usize,
    source: usize,
    tags: Vec<usize>,
    phone: Option<usize>,
    email: Option<usize>,
    minute: i64,
}

#[derive(Debug, Clone)]
struct Asked {
    typed: Option<usize>,
    stage: Option<usize>,
    source: Option<usize>,
    tag: Option<usize>,
    phone: Option<usize>,
    email: Option<usize>,
    from: Option<i64>,
    before: Option<i64>,
    limit: u32,
}

fn somebody() -> impl Strategy<Value = Somebody> {
    (
        (0..NAMES.len(), any::<bool>(), 0..3_usize, 0..SOURCES.len()),
        (
            prop::collection::vec(0..TAGS.len(), 0..3),
            prop::option::weighted(0.3, 0..PHONES.len()),
            prop::option::weighted(0.3, 0..EMAILS.len()),
            0..20_i64,
        ),
    )
        .prop_map(
            |((name, username, stage, source), (tags, phone, email, minute))| Somebody {
                name,
                username,
                stage,
                source,
                tags,
                phone,
                email,
                minute,
            },
        )
}

fn asked() -> impl Strategy<Value = Asked> {
    let sometimes = |count: usize| prop::option::weighted(0.3, 0..count);
    (
        (
            sometimes(TYPED.len()),
            sometimes(3),
            sometimes(SOURCES.len()),
            sometimes(TAGS.len()),
        ),
        (
            prop::option::weighted(0.1, 0..PHONES.len()),
            prop::option::weighted(0.1, 0..EMAILS.len()),
            prop::option::weighted(0.2, 0..20_i64),
            prop::option::weighted(0.2, 0..20_i64),
            1..6_u32,
        ),
    )
        .prop_map(
            |((typed, stage, source, tag), (phone, email, from, before, limit))| Asked {
                typed,
                stage,
                source,
                tag,
                phone,
                email,
                from,
                before,
                limit,
            },
        )
}

pub async fn lists_agree_with_a_naive_model(world: &World) {
    let runtime = tokio::runtime::Handle::current();
    let cases = (
        prop::collection::vec(somebody(), 0..20),
        prop::collection::vec(asked(), 6),
    );
    tokio::task::block_in_place(|| {
        TestRunner::new(Config {
            cases: 20,
            max_shrink_iters: 60,
            failure_persistence: None,
            ..Config::default()
        })
        .run(&cases, |(people, questions)| {
            runtime.block_on(compare(world, &people, &questions));
            Ok(())
        })
        .unwrap();
    });
}

/// Each case has a tenant of its own.
async fn compare(world: &World, people: &[Somebody], questions: &[Asked]) {
    let tenant_id: TenantId = world.id();
    let mut system = world.store.system().await.unwrap();
    system.insert_tenant(&tenant_id, "Студия", "UTC", NOW).await.unwrap();
    system.commit().await.unwrap();
    let tenant = world.store.tenant(&tenant_id);
    let stages: Vec<StageId> = (0..3).map(|_| world.id()).collect();
    let mut tx = tenant.write().await.unwrap();
    for stage in &stages {
        tx.insert_stage(&a_stage(stage, StageKind::Deciding)).await.unwrap();
    }
    let mut known = Vec::new();
    let mut arriving = people.to_vec();
    arriving.sort_by_key(|person| person.minute);
    for person in &arriving {
        let new = NewClient {
            stage: stages[person.stage].clone(),
            display_name: NAMES[person.name].to_owned(),
            username: person.username.then(|| "ann_b".to_owned()),
            language: Language::Ru,
            phone: person.phone.map(|index| PHONES[index].to_owned()),
            email: person.email.map(|index| EMAILS[index].to_owned()),
            origin: Origin {
                source: SOURCES[person.source].to_owned(),
                utm: "{}".to_owned(),
                ..Origin::default()
            },
            ..world.a_client_of(NOW.plus_minutes(person.minute))
        };
        tx.insert_client(&new).await.unwrap();
        for tag in &person.tags {
            tx.add_tag(&new.id, TAGS[*tag]).await.unwrap();
        }
        known.push((new, person));
    }
    tx.commit().await.unwrap();
    for question in questions {
        let filter = ClientFilter {
            words: question.typed.map_or_else(Vec::new, |index| search(TYPED[index]).words),
            phone: question.phone.map(|index| PHONES[index].to_owned()),
            email: question.email.map(|index| EMAILS[index].to_owned()),
            stage: question.stage.map(|index| stages[index].clone()),
            source: question.source.map(|index| SOURCES[index].to_owned()),
            tag: question.tag.map(|index| TAGS[index].to_owned()),
            created_from: question.from.map(|minute| NOW.plus_minutes(minute)),
            created_before: question.before.map(|minute| NOW.plus_minutes(minute)),
        };
        let mut expected: Vec<String> = known
            .iter()
            .filter(|(client, person)| is_meant(&filter, client, person))
            .map(|(client, _)| client.id.to_string())
            .collect();
        let mut found = walk(&tenant, &filter, question.limit).await;
        if question.typed.is_some() {
            // A search walks in order of arrival; of one and the same minute the ids may be the other way round.
            found.sort();
            expected.sort();
        } else {
            expected.sort();
            expected.reverse();
        }
        assert_eq!(found, expected, "{filter:?}");
    }
}

fn is_meant(filter: &ClientFilter, client: &NewClient, person: &Somebody) -> bool {
    let text = fold(&format!(
        "{} {}",
        client.display_name,
        client.username.as_deref().unwrap_or_default()
    ));
    filter.words.iter().all(|word| text.contains(word.as_str()))
        && filter
            .phone
            .as_deref()
            .is_none_or(|phone| client.phone.as_deref().and_then(phone_digits) == phone_digits(phone))
        && filter
            .email
            .as_deref()
            .is_none_or(|email| client.email.as_deref().map(str::to_lowercase) == Some(email.to_lowercase()))
        && filter.stage.as_ref().is_none_or(|stage| client.stage == *stage)
        && filter
            .source
            .as_ref()
            .is_none_or(|source| client.origin.source == *source)
        && filter
            .tag
            .as_ref()
            .is_none_or(|tag| person.tags.iter().any(|index| TAGS[*index] == tag))
        && filter.created_from.is_none_or(|from| client.now >= from)
        && filter.created_before.is_none_or(|before| client.now < before)
}

async fn walk(tenant: &Tenant, filter: &ClientFilter, limit: u32) -> Vec<String> {
    let mut tx = tenant.read().await.unwrap();
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let found = tx.list_clients(filter, &page_after(limit, after)).await.unwrap();
        assert!(found.items.len() <= limit as usize);
        seen.extend(found.items.iter().map(|client| client.id.as_str().to_owned()));
        match found.next {
            Some(next) => after = Some(next),
            None => return seen,
        }
    }
}
