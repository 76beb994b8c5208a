//! One client: written, found, edited, tagged, and what is known of them.

use domain::ids::UserId;
use domain::language::Language;
use domain::pipeline::LeadStatus;
use store::{
    Action, ClientFilter, ClientUpdate, Error, LeadFilter, NewClient, NewLead, NewMessage, NewTouch, NewUser, Origin,
    Tx,
};

use crate::world::{NOW, World, page, page_after, search};

async fn ids_of(tx: &mut Tx, filter: &ClientFilter) -> Vec<String> {
    let found = tx.list_clients(filter, &page(50)).await.unwrap();
    found.items.into_iter().map(|client| client.id.to_string()).collect()
}

pub async fn a_client_reads_back_as_written(world: &World) {
    let new = NewClient {
        display_name: "Пётр О'Нил 🙂".to_owned(),
        username: Some("petr_oneil".to_owned()),
        language: Language::En,
        phone: Some("+7 (912) 345-67-89".to_owned()),
        email: Some("Petr@Example.com".to_owned()),
        origin: Origin {
            source: "landing".to_owned(),
            campaign: Some("autumn".to_owned()),
            utm: r#"{"utm_source":"vk"}"#.to_owned(),
            referrer: Some("https://example.com/a?b=c".to_owned()),
            payload: Some("lnk_1".to_owned()),
        },
        ..world.a_client()
    };
    world.insert(&new).await;
    let mut tx = world.read().await;
    let found = tx.find_client(&new.id).await.unwrap().unwrap();
    assert_eq!(found.id, new.id);
    assert_eq!(found.stage, new.stage);
    assert_eq!(found.display_name, new.display_name);
    assert_eq!(found.username, new.username);
    assert_eq!(found.language, new.language);
    assert_eq!(found.phone, new.phone);
    assert_eq!(found.email, new.email);
    assert_eq!(found.origin, new.origin);
    assert_eq!((found.created_at, found.updated_at), (new.now, new.now));
    assert_eq!((found.version, found.notes, found.owner), (1, None, None));
    assert!(found.is_reachable && !found.needs_trainer);
    assert_eq!(tx.find_client(&world.id()).await.unwrap(), None);
}

pub async fn an_edit_needs_the_version_that_was_read(world: &World) {
    let new = world.some_client().await;
    let owner: UserId = world.id();
    let update = ClientUpdate {
        display_name: "Анна Каренина".to_owned(),
        username: Some("anna".to_owned()),
        language: Language::En,
        phone: Some("+79120000001".to_owned()),
        email: Some("anna@example.com".to_owned()),
        notes: Some("Болит колено".to_owned()),
        owner: Some(owner.clone()),
    };
    let later = NOW.plus_minutes(5);
    let mut tx = world.write().await;
    let user = NewUser {
        id: &owner,
        name: "Тренер",
        email: "trainer@example.com",
        password_hash: "x",
        role: "owner",
        created_at: NOW,
    };
    tx.insert_user(&user).await.unwrap();
    tx.update_client(&new.id, 1, &update, later).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = world.write().await;
    let late = tx.update_client(&new.id, 1, &update, later).await;
    assert!(
        matches!(late, Err(Error::VersionConflict { what: "client" })),
        "{late:?}"
    );
    let found = tx.find_client(&new.id).await.unwrap().unwrap();
    assert_eq!((found.version, found.updated_at, found.created_at), (2, later, new.now));
    assert_eq!(
        (found.phone, found.email, found.notes),
        (update.phone, update.email, update.notes)
    );
    assert_eq!(found.owner, Some(owner));
    assert_eq!(found.origin, new.origin, "where somebody came from stays");
}

pub async fn a_phone_is_found_in_every_spelling(world: &World) {
    let known = NewClient {
        phone: Some("8 (912) 345-67-89".to_owned()),
        ..world.a_client()
    };
    world.insert(&known).await;
    world
        .insert(&NewClient {
            phone: Some("+7 912 345-67-80".to_owned()),
            ..world.a_client()
        })
        .await;
    world.some_client().await;
    let mut tx = world.read().await;
    for spelling in [
        "+7 912 345-67-89",
        "79123456789",
        "89123456789",
        "9123456789",
        " 8-912-345-67-89 ",
    ] {
        let filter = ClientFilter {
            phone: Some(spelling.to_owned()),
            ..ClientFilter::default()
        };
        assert_eq!(ids_of(&mut tx, &filter).await, [known.id.to_string()], "{spelling}");
    }
    for stranger in ["+7 912 345-67-88", "345-67-89", "", "not a phone"] {
        let filter = ClientFilter {
            phone: Some(stranger.to_owned()),
            ..ClientFilter::default()
        };
        assert!(ids_of(&mut tx, &filter).await.is_empty(), "{stranger}");
    }
}

pub async fn an_email_is_found_whatever_its_case(world: &World) {
    let known = NewClient {
        email: Some("Anna.Petrova@Example.COM".to_owned()),
        ..world.a_client()
    };
    world.insert(&known).await;
    world.some_client().await;
    let mut tx = world.read().await;
    for (email, expected) in [
        ("anna.petrova@example.com", 1),
        ("  ANNA.PETROVA@example.com ", 1),
        ("anna@example.com", 0),
        ("", 0),
    ] {
        let filter = ClientFilter {
            email: Some(email.to_owned()),
            ..ClientFilter::default()
        };
        assert_eq!(ids_of(&mut tx, &filter).await.len(), expected, "{email}");
    }
}

pub async fn words_are_found_in_any_case_and_with_e_for_yo(world: &World) {
    let mut known = Vec::new();
    for (name, username) in [
        ("Алёна ЁЛКИНА", Some("alena_fit")),
        ("алена Петрова", None),
        ("Пётр О'Нил 100%", Some("Under_Score")),
        ("Zoë \"Quote\" Brown", None),
    ] {
        let client = NewClient {
            display_name: name.to_owned(),
            username: username.map(str::to_owned),
            ..world.a_client()
        };
        world.insert(&client).await;
        known.push(client.id.to_string());
    }
    let mut tx = world.read().await;
    for (typed, expected) in [
        ("алена", vec![1, 0]),
        ("АЛЁНА", vec![1, 0]),
        ("ёлк", vec![0]),
        ("Елкина алёна", vec![0]),
        ("алёна петрова", vec![1]),
        ("ена", vec![1, 0]),
        ("alena_fit", vec![0]),
        ("петр", vec![2, 1]),
        ("100%", vec![2]),
        ("under_score", vec![2]),
        ("\"quote\"", vec![3]),
        ("zoë", vec![3]),
        ("никто", vec![]),
    ] {
        let expected: Vec<String> = expected.into_iter().map(|index: usize| known[index].clone()).collect();
        assert_eq!(ids_of(&mut tx, &search(typed)).await, expected, "{typed}");
    }
}

pub async fn a_new_name_replaces_the_old_one_in_search(world: &World) {
    let client = NewClient {
        display_name: "Мария Иванова".to_owned(),
        ..world.a_client()
    };
    world.insert(&client).await;
    let mut tx = world.write().await;
    tx.rename_client(&client.id, "Мария Смирнова", Some("masha"), NOW.plus_minutes(1))
        .await
        .unwrap();
    tx.set_client_language(&client.id, Language::En, NOW.plus_minutes(2))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let mut tx = world.read().await;
    assert!(ids_of(&mut tx, &search("иванова")).await.is_empty());
    for typed in ["смирнова", "мария", "masha"] {
        assert_eq!(
            ids_of(&mut tx, &search(typed)).await,
            [client.id.to_string()],
            "{typed}"
        );
    }
    let found = tx.find_client(&client.id).await.unwrap().unwrap();
    assert_eq!((found.version, found.language), (3, Language::En));
    assert_eq!(found.updated_at, NOW.plus_minutes(2));
}

pub async fn flags_change_one_at_a_time(world: &World) {
    let client = world.some_client().await;
    for (needs_trainer, is_reachable, expected) in [
        (Some(true), None, (true, true)),
        (None, Some(false), (true, false)),
        (Some(false), Some(true), (false, true)),
        (None, None, (false, true)),
    ] {
        let mut tx = world.write().await;
        tx.set_client_flags(&client.id, needs_trainer, is_reachable, NOW)
            .await
            .unwrap();
        let found = tx.find_client(&client.id).await.unwrap().unwrap();
        assert_eq!((found.needs_trainer, found.is_reachable), expected);
        tx.commit().await.unwrap();
    }
}

pub async fn tags_are_a_set(world: &World) {
    let client = world.some_client().await;
    let mut tx = world.write().await;
    for tag in ["vip", "колено", "vip"] {
        tx.add_tag(&client.id, tag).await.unwrap();
    }
    assert_eq!(tx.tags_of(&client.id).await.unwrap(), ["vip", "колено"]);
    tx.remove_tag(&client.id, "vip").await.unwrap();
    tx.remove_tag(&client.id, "never there").await.unwrap();
    assert_eq!(tx.tags_of(&client.id).await.unwrap(), ["колено"]);
    let other = world.a_client();
    tx.insert_client(&other).await.unwrap();
    tx.add_tag(&other.id, "vip").await.unwrap();
    let ids = [client.id.clone(), other.id.clone(), world.id()];
    let mut expected = [(client.id.to_string(), "колено"), (other.id.to_string(), "vip")];
    expected.sort();
    let each = tx.tags_of_each(&ids).await.unwrap();
    assert_eq!(
        each.iter()
            .map(|(id, tag)| (id.clone(), tag.as_str()))
            .collect::<Vec<_>>(),
        expected
    );
    assert_eq!(tx.tags_of_each(&[]).await.unwrap(), []);
}

pub async fn one_open_lead_a_client(world: &World) {
    let client = world.some_client().await;
    let lead = NewLead {
        id: world.id(),
        client: client.id.clone(),
        source: "landing".to_owned(),
        now: NOW,
    };
    let second = NewLead {
        id: world.id(),
        ..lead.clone()
    };
    let mut tx = world.write().await;
    tx.insert_lead(&lead).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = world.write().await;
    let refused = tx.insert_lead(&second).await.unwrap_err();
    assert!(refused.is_unique_violation(), "{refused:?}");
    drop(tx);
    let mut tx = world.write().await;
    tx.set_lead_status(&lead.id, 1, LeadStatus::Lost, NOW).await.unwrap();
    assert_eq!(tx.open_lead_of(&client.id).await.unwrap(), None);
    tx.insert_lead(&second).await.unwrap();
    assert_eq!(tx.open_lead_of(&client.id).await.unwrap().unwrap().id, second.id);
    assert_eq!(tx.leads_of(&client.id).await.unwrap().len(), 2);
}

pub async fn leads_go_their_way(world: &World) {
    let client = world.some_client().await;
    let lead = NewLead {
        id: world.id(),
        client: client.id.clone(),
        source: "landing".to_owned(),
        now: NOW,
    };
    let mut tx = world.write().await;
    tx.insert_lead(&lead).await.unwrap();
    assert!(tx.take_lead(&lead.id, "us_1").await.unwrap());
    let found = tx.find_lead(&lead.id).await.unwrap().unwrap();
    assert_eq!(
        (found.status, found.taken_by.as_deref()),
        (LeadStatus::InProgress, Some("us_1"))
    );
    assert_eq!(found.client_name, client.display_name);
    assert!(tx.qualify_lead(&client.id, NOW.plus_minutes(3)).await.unwrap());
    assert!(
        !tx.qualify_lead(&client.id, NOW.plus_minutes(9)).await.unwrap(),
        "it is qualified already"
    );
    let found = tx.find_lead(&lead.id).await.unwrap().unwrap();
    assert_eq!(
        (found.status, found.qualified_at),
        (LeadStatus::Qualified, Some(NOW.plus_minutes(3)))
    );
    let late = tx.set_lead_status(&lead.id, 1, LeadStatus::Lost, NOW).await;
    assert!(matches!(late, Err(Error::VersionConflict { what: "lead" })), "{late:?}");
    for (status, expected) in [(LeadStatus::Qualified, 1), (LeadStatus::New, 0)] {
        let filter = LeadFilter {
            status: Some(status),
            client: Some(client.id.clone()),
        };
        assert_eq!(tx.list_leads(&filter, &page(10)).await.unwrap().items.len(), expected);
    }
    assert_eq!(tx.newest_leads(5).await.unwrap().len(), 1);
}

pub async fn what_happened_reads_back_newest_first(world: &World) {
    let client = world.some_client().await;
    let mut tx = world.write().await;
    for number in 0..5 {
        let at = NOW.plus_minutes(number);
        let action = Action {
            id: world.id_at(at),
            kind: "note.added".to_owned(),
            actor: "us_1".to_owned(),
            details: format!(r#"{{"note":{number}}}"#),
            at,
        };
        tx.insert_action(&client.id, &action).await.unwrap();
        let message = NewMessage {
            id: world.id_at(at),
            client: client.id.clone(),
            channel: "telegram".to_owned(),
            direction: "in",
            author: "client",
            text: format!("Сообщение {number}"),
            outbox: None,
            external_ref: None,
            now: at,
        };
        tx.insert_message(&message).await.unwrap();
        let touch = NewTouch {
            id: world.id_at(at),
            client: client.id.clone(),
            channel: "telegram".to_owned(),
            origin: client.origin.clone(),
            now: at,
        };
        tx.insert_touch(&touch).await.unwrap();
    }
    let (mut details, mut texts, mut after) = (Vec::new(), Vec::new(), (None, None));
    loop {
        let actions = tx.list_actions(&client.id, &page_after(2, after.0)).await.unwrap();
        let messages = tx.list_messages(&client.id, &page_after(2, after.1)).await.unwrap();
        details.extend(actions.items.into_iter().map(|action| action.details));
        texts.extend(messages.items.into_iter().map(|message| message.text));
        after = (actions.next, messages.next);
        if after == (None, None) {
            break;
        }
    }
    let newest_first: Vec<i32> = (0..5).rev().collect();
    assert_eq!(
        details,
        newest_first
            .iter()
            .map(|n| format!(r#"{{"note":{n}}}"#))
            .collect::<Vec<_>>()
    );
    assert_eq!(
        texts,
        newest_first
            .iter()
            .map(|n| format!("Сообщение {n}"))
            .collect::<Vec<_>>()
    );
    let touches = tx.touches_of(&client.id).await.unwrap();
    assert_eq!(touches.first().unwrap().at, NOW, "touches are told oldest first");
    assert_eq!(touches.len(), 5);
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let found = tx.list_touches(&client.id, &page_after(2, after)).await.unwrap();
        listed.extend(found.items);
        after = found.next;
        if after.is_none() {
            break;
        }
    }
    listed.reverse();
    assert_eq!(listed, touches, "in pages they come newest first");
}

pub async fn a_lead_is_taken_over_only_by_force(world: &World) {
    let client = world.some_client().await;
    let lead = NewLead {
        id: world.id(),
        client: client.id.clone(),
        source: "landing".to_owned(),
        now: NOW,
    };
    let mut tx = world.write().await;
    tx.insert_lead(&lead).await.unwrap();
    assert!(tx.take_free_lead(&lead.id, "us_1", false).await.unwrap());
    assert!(!tx.take_free_lead(&lead.id, "us_2", false).await.unwrap());
    assert!(tx.take_free_lead(&lead.id, "us_2", true).await.unwrap());
    let found = tx.find_lead(&lead.id).await.unwrap().unwrap();
    assert_eq!(
        (found.status, found.taken_by.as_deref()),
        (LeadStatus::InProgress, Some("us_2"))
    );
    tx.set_lead_status(&lead.id, found.version, LeadStatus::Lost, NOW)
        .await
        .unwrap();
    assert!(
        !tx.take_free_lead(&lead.id, "us_3", true).await.unwrap(),
        "it is closed"
    );
}
