//! Somebody steals the database, or copies a value to another row: what they get is of no use.

use domain::ids::{ProgramId, QuestionnaireId, UserId};
use domain::questionnaire::Answer;
use sha2::{Digest, Sha256};
use store::{
    Action, ClientUpdate, Error, NewClient, NewDelivery, NewFile, NewInboxEvent, NewMessage, NewProgram, NewUser,
    ReadyProgram, Store,
};

use crate::world::{NOW, World, vault_of_somebody_else};

const NAME: &str = "Приметное Имя";
const SECRETS: [&str; 15] = [
    "+7 912 777-55-33",
    "79127775533",
    "Secret.Mail@example.com",
    "secret.mail@example.com",
    "secret note about a knee",
    "secret-answer-option",
    "secret question to the trainer",
    "секретный ответ бота",
    "secret step for telegram",
    "secret update from telegram",
    "secret timeline line",
    "secret-bot-token",
    "secret programme row",
    "secret report of the model",
    "owner.secret@example.com",
];

pub async fn a_stolen_database_gives_nothing_away(world: &World) {
    write_secrets(world).await;
    let open = dump(world).await;
    world.store.close().await;
    let closed = dump(world).await;
    for (moment, bytes) in [("open", open), ("closed", closed)] {
        let bytes = String::from_utf8_lossy(&bytes);
        assert!(
            contains(&bytes, NAME),
            "the search through the {moment} database works: names lie open"
        );
        for secret in SECRETS {
            assert!(
                !contains(&bytes, secret),
                "{secret:?} can be read in the {moment} database"
            );
            let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(secret.as_bytes()));
            assert!(
                !contains(&bytes, &hash),
                "a hash anybody can try guesses against, of {secret:?}"
            );
            assert!(!contains(&bytes, &hash[..32]), "half of such a hash, of {secret:?}");
        }
    }
}

pub async fn another_master_key_opens_nothing(world: &World) {
    let client = write_secrets(world).await;
    let stranger = Store::open(&world.url, vault_of_somebody_else()).await.unwrap();
    let mut tx = stranger.tenant(world.tenant.id()).read().await.unwrap();
    let refused = tx.find_client(&client.id).await;
    assert!(
        matches!(
            refused,
            Err(Error::Sealed {
                place: "clients.phone",
                ..
            })
        ),
        "{refused:?}"
    );
    assert!(tx.find_setting("telegram").await.is_err());
    assert!(tx.open_a_sample().await.is_err(), "the doctor notices");
    drop(tx);
    stranger.close().await;
}

pub async fn a_value_copied_into_another_row_does_not_open(world: &World) {
    let victim = write_secrets(world).await;
    let thief = world.some_client().await;
    let mut raw = world.raw().await;
    raw.execute(&format!(
        "UPDATE clients SET phone_sealed = (SELECT phone_sealed FROM clients WHERE id = '{}') WHERE id = '{}'",
        victim.id, thief.id
    ))
    .await;
    raw.close().await;
    let mut tx = world.read().await;
    assert!(tx.find_client(&victim.id).await.unwrap().unwrap().phone.is_some());
    let refused = tx.find_client(&thief.id).await;
    assert!(matches!(refused, Err(Error::Sealed { .. })), "{refused:?}");
}

pub async fn write_secrets(world: &World) -> NewClient {
    let [
        phone,
        _,
        email,
        _,
        notes,
        answer,
        question,
        reply,
        step,
        update,
        line,
        setting,
        program,
        report,
        owner_email,
    ] = SECRETS;
    let client = NewClient {
        display_name: NAME.to_owned(),
        phone: Some(phone.to_owned()),
        email: Some(email.to_owned()),
        ..world.a_client()
    };
    let run: QuestionnaireId = world.id();
    let user: UserId = world.id();
    let version: ProgramId = world.id();
    let file = NewFile {
        id: world.id(),
        name: "plan.pdf".to_owned(),
        mime_type: "application/pdf".to_owned(),
        size: 1,
        sha256: "00".to_owned(),
        storage_key: "k".to_owned(),
        now: NOW,
    };
    let mut tx = world.write().await;
    tx.insert_client(&client).await.unwrap();
    let edited = ClientUpdate {
        display_name: NAME.to_owned(),
        username: None,
        language: client.language,
        phone: client.phone.clone(),
        email: client.email.clone(),
        notes: Some(notes.to_owned()),
        owner: None,
    };
    tx.update_client(&client.id, 1, &edited, NOW).await.unwrap();
    tx.begin_questionnaire(&run, &client.id, 1, NOW).await.unwrap();
    tx.save_answer(&run, "goal", &Answer::Chosen(vec![answer.to_owned()]), NOW)
        .await
        .unwrap();
    for (direction, author, text) in [("in", "client", question), ("out", "bot", reply)] {
        let message = NewMessage {
            id: world.id(),
            client: client.id.clone(),
            channel: "telegram".to_owned(),
            direction,
            author,
            text: text.to_owned(),
            outbox: None,
            external_ref: None,
            now: NOW,
        };
        tx.insert_message(&message).await.unwrap();
    }
    let delivery = NewDelivery {
        content: format!(r#"{{"text":"{step}"}}"#),
        ..world.a_delivery("42")
    };
    tx.enqueue_delivery(&delivery).await.unwrap();
    let event = NewInboxEvent {
        source: "telegram".to_owned(),
        dedupe_key: "1".to_owned(),
        body: update.as_bytes().to_vec(),
        request_id: world.id(),
        now: NOW,
    };
    tx.record(&event).await.unwrap();
    let action = Action {
        id: world.id(),
        kind: "note.added".to_owned(),
        actor: "us_1".to_owned(),
        details: format!(r#"{{"text":"{line}"}}"#),
        at: NOW,
    };
    tx.insert_action(&client.id, &action).await.unwrap();
    tx.save_setting("telegram", &format!(r#"{{"token":"{setting}"}}"#), 0, NOW)
        .await
        .unwrap();
    tx.insert_file(&file).await.unwrap();
    let new = NewProgram {
        id: version.clone(),
        client: client.id.clone(),
        questionnaire: run,
        scope: "free",
        language: client.language,
        reason: "questionnaire".to_owned(),
        now: NOW,
    };
    tx.insert_program(&new).await.unwrap();
    let ready = ReadyProgram {
        file: file.id,
        template_hash: "h".to_owned(),
        wording: "plain",
        program: program.to_owned(),
        report: report.to_owned(),
    };
    tx.ready_program(&version, &ready, NOW).await.unwrap();
    let owner = NewUser {
        id: &user,
        name: "Тренер",
        email: owner_email,
        password_hash: "argon2",
        role: "owner",
        created_at: NOW,
    };
    tx.insert_user(&owner).await.unwrap();
    tx.commit().await.unwrap();
    let mut system = world.store.system().await.unwrap();
    system.count_sign_in_guess(owner_email, NOW).await.unwrap();
    system.commit().await.unwrap();
    client
}

/// Every byte a thief would have: the files of SQLite, the rows of PostgreSQL.
async fn dump(world: &World) -> Vec<u8> {
    if let Some(folder) = world.folder() {
        let mut bytes = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
        }
        return bytes;
    }
    let mut raw = world.raw().await;
    let mut bytes = Vec::new();
    let tables = "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
    for table in raw.texts(tables).await {
        for row in raw.texts(&format!("SELECT t::text FROM {table} t")).await {
            bytes.extend(row.as_bytes());
            bytes.push(b'\n');
        }
    }
    raw.close().await;
    bytes
}

/// As it is, or as the hex in which PostgreSQL shows bytes.
fn contains(haystack: &str, needle: &str) -> bool {
    haystack.contains(needle) || haystack.contains(&data_encoding::HEXLOWER.encode(needle.as_bytes()))
}
