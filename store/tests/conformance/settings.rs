//! What an owner changes: settings, words, links; and what clients consent to.

use domain::dialogue::ConsentKind;
use domain::language::Language;
use store::{Consent, Cursor, DeepLink, Error};
use tokio::task::JoinSet;

use crate::world::{NOW, World, page_after};

pub async fn a_setting_changes_only_at_the_version_that_was_read(world: &World) {
    let mut tx = world.write().await;
    assert_eq!(tx.find_setting("telegram").await.unwrap(), None);
    tx.save_setting("telegram", "1", 0, NOW).await.unwrap();
    for version in [0, 2] {
        let refused = tx.save_setting("telegram", "x", version, NOW).await;
        assert!(
            matches!(refused, Err(Error::VersionConflict { what: "setting" })),
            "{refused:?}"
        );
    }
    tx.save_setting("telegram", "2", 1, NOW).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = world.read().await;
    let found = tx.find_setting("telegram").await.unwrap().unwrap();
    assert_eq!((found.value.as_str(), found.version), ("2", 2));
    assert_eq!(tx.open_a_sample().await.unwrap(), Some(()));
}

pub async fn of_two_first_writers_one_is_refused(world: &World) {
    let mut tasks = JoinSet::new();
    for number in 0..6 {
        let tenant = world.tenant.clone();
        tasks.spawn(async move {
            let mut tx = tenant.write().await.unwrap();
            match tx.save_setting("telegram", &number.to_string(), 0, NOW).await {
                Ok(()) => {
                    tx.commit().await.unwrap();
                    Some(number.to_string())
                }
                Err(Error::VersionConflict { .. }) => None,
                Err(other) => panic!("{other:?}"),
            }
        });
    }
    let saved: Vec<String> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(saved.len(), 1);
    let found = world.read().await.find_setting("telegram").await.unwrap().unwrap();
    assert_eq!((&found.value, found.version), (&saved[0], 1));
}

pub async fn the_owners_words_replace_each_other(world: &World) {
    let mut tx = world.write().await;
    for (language, body) in [
        (Language::Ru, "Привет"),
        (Language::En, "Hello"),
        (Language::Ru, "Здравствуйте"),
    ] {
        tx.save_text("greeting", language, body, NOW).await.unwrap();
    }
    let texts = tx.text_overrides().await.unwrap();
    assert_eq!(
        texts,
        [
            ("greeting".to_owned(), Language::En, "Hello".to_owned()),
            ("greeting".to_owned(), Language::Ru, "Здравствуйте".to_owned()),
        ]
    );
    tx.forget_text("greeting", Language::Ru).await.unwrap();
    tx.forget_text("never written", Language::Ru).await.unwrap();
    assert_eq!(tx.text_overrides().await.unwrap().len(), 1, "the other language stays");
}

pub async fn a_link_serves_until_it_expires_and_is_used_first_once(world: &World) {
    let link = |token: &str, minute: i64| DeepLink {
        token: token.to_owned(),
        purpose: "source".to_owned(),
        source: "instagram".to_owned(),
        campaign: Some("autumn".to_owned()),
        utm: r#"{"utm_medium":"story"}"#.to_owned(),
        referrer: None,
        created_at: NOW.plus_minutes(minute),
        expires_at: None,
        used_at: None,
    };
    let forever = link("forever", 0);
    let until_noon = DeepLink {
        expires_at: Some(NOW.plus_minutes(60)),
        ..link("until_noon", 1)
    };
    let mut tx = world.write().await;
    for link in [&forever, &until_noon] {
        tx.insert_link(link).await.unwrap();
    }
    assert_eq!(
        tx.find_link("until_noon", NOW.plus_minutes(59)).await.unwrap(),
        Some(until_noon.clone())
    );
    assert_eq!(tx.find_link("until_noon", NOW.plus_minutes(60)).await.unwrap(), None);
    assert_eq!(
        tx.find_link("forever", NOW.plus_minutes(9_999)).await.unwrap(),
        Some(forever.clone())
    );
    assert_eq!(tx.find_link("FOREVER", NOW).await.unwrap(), None);
    assert!(tx.use_link("forever", NOW.plus_minutes(2)).await.unwrap());
    assert!(!tx.use_link("forever", NOW.plus_minutes(3)).await.unwrap());
    assert!(!tx.use_link("nobody's", NOW).await.unwrap());
    let used = DeepLink {
        used_at: Some(NOW.plus_minutes(2)),
        ..forever
    };
    assert_eq!(tx.links().await.unwrap(), [until_noon, used], "newest first");
    tx.commit().await.unwrap();
    let mut tx = world.write().await;
    assert!(
        tx.insert_link(&link("forever", 5))
            .await
            .unwrap_err()
            .is_unique_violation()
    );
}

pub async fn the_latest_consent_wins(world: &World) {
    let client = world.some_client().await;
    let mut tx = world.write().await;
    let kind = ConsentKind::Marketing;
    assert_eq!(tx.current_consent(&client.id, kind).await.unwrap(), None);
    for (minute, is_granted) in [(1, true), (2, false), (3, true), (4, false)] {
        let at = NOW.plus_minutes(minute);
        let consent = Consent {
            id: world.id_at(at),
            client: client.id.clone(),
            kind,
            is_granted,
            text_hash: "ab".repeat(32),
            text_language: "ru".to_owned(),
            channel: "telegram".to_owned(),
            at,
        };
        tx.insert_consent(&consent).await.unwrap();
        assert_eq!(tx.current_consent(&client.id, kind).await.unwrap(), Some(is_granted));
        assert_eq!(tx.consents_of(&client.id).await.unwrap().first(), Some(&consent));
    }
    assert_eq!(
        tx.current_consent(&client.id, ConsentKind::PersonalData).await.unwrap(),
        None
    );
    let all = tx.consents_of(&client.id).await.unwrap();
    assert_eq!(all.len(), 4, "nothing that was said is lost");
    let head = tx.list_consents(&client.id, &page_after(3, None)).await.unwrap();
    let tail = tx
        .list_consents(&client.id, &page_after(3, head.next.clone()))
        .await
        .unwrap();
    assert_eq!([head.items, tail.items].concat(), all);
}

pub async fn links_come_in_pages_newest_first(world: &World) {
    let mut expected = Vec::new();
    let mut tx = world.write().await;
    // Several of one and the same instant.
    for number in 0..11 {
        let link = DeepLink {
            token: format!("link{number:02}"),
            purpose: "source".to_owned(),
            source: "instagram".to_owned(),
            campaign: None,
            utm: "{}".to_owned(),
            referrer: None,
            created_at: NOW.plus_minutes(number / 4),
            expires_at: None,
            used_at: None,
        };
        tx.insert_link(&link).await.unwrap();
        expected.push((-link.created_at.millis(), link.token));
    }
    expected.sort();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let found = tx.list_links(&page_after(3, after)).await.unwrap();
        seen.extend(
            found
                .items
                .into_iter()
                .map(|link| (-link.created_at.millis(), link.token)),
        );
        after = found.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, expected);
    let stranger = page_after(3, Some(Cursor("nobody's".to_owned())));
    assert_eq!(tx.list_links(&stranger).await.unwrap().items, []);
}
