//! What a tenant may have, and ids nobody has.

use domain::dialogue::ConsentKind;
use domain::ids::{ApiKeyId, FormId, LeadId, OutboxId, ProgramId, QuestionnaireId, SnapshotId, UserId};
use domain::language::Language;
use domain::questionnaire::Answer;
use store::{
    Action, AuditEntry, Consent, DeepLink, FormRow, NewApiKey, NewClient, NewConversation, NewDelivery, NewFile,
    NewLead, NewMessage, NewMove, NewProgram, NewSession, NewSnapshot, NewTouch, NewUser, NewWordingCall, Packed,
    ReadyProgram, Report, SheetLook, SnapshotTables,
};

use crate::world::{NOW, World};

/// What the first tenant has.
pub struct Belongings {
    pub client: NewClient,
    pub lead: LeadId,
    pub run: QuestionnaireId,
    pub program: ProgramId,
    pub delivery: OutboxId,
    pub job: store::NewJob,
    pub file: NewFile,
    pub user: UserId,
    pub key: ApiKeyId,
    /// In force.
    pub snapshot: SnapshotId,
    /// Pending.
    pub waiting: SnapshotId,
    pub batch: domain::ids::ProgramBatchId,
}

/// One of everything, for the first tenant.
pub async fn furnish(world: &World) -> Belongings {
    let client = NewClient {
        username: Some("anna_fit".to_owned()),
        phone: Some("+79123456789".to_owned()),
        email: Some("anna@example.com".to_owned()),
        ..world.a_client()
    };
    let things = Belongings {
        lead: world.id(),
        run: world.id(),
        program: world.id(),
        delivery: world.id(),
        job: world.a_job(),
        file: NewFile {
            id: world.id(),
            name: "plan.pdf".to_owned(),
            mime_type: "application/pdf".to_owned(),
            size: 3,
            sha256: "00".to_owned(),
            storage_key: "k".to_owned(),
            now: NOW,
        },
        user: world.id(),
        key: world.id(),
        snapshot: world.id(),
        waiting: world.id(),
        batch: world.id(),
        client,
    };
    let id = things.client.id.clone();
    let mut tx = world.write().await;
    tx.insert_client(&things.client).await.unwrap();
    tx.insert_move(&NewMove {
        from: None,
        ..world.a_move(&things.client, &world.stages[0], &world.stages[0])
    })
    .await
    .unwrap();
    tx.add_tag(&id, "vip").await.unwrap();
    let lead = NewLead {
        id: things.lead.clone(),
        client: id.clone(),
        source: "landing".to_owned(),
        now: NOW,
    };
    tx.insert_lead(&lead).await.unwrap();
    let action = Action {
        id: world.id(),
        kind: "lead.created".to_owned(),
        actor: "system".to_owned(),
        details: "{}".to_owned(),
        at: NOW,
    };
    tx.insert_action(&id, &action).await.unwrap();
    let message = NewMessage {
        id: world.id(),
        client: id.clone(),
        channel: "telegram".to_owned(),
        direction: "in",
        author: "client",
        text: "Привет".to_owned(),
        outbox: None,
        external_ref: None,
        now: NOW,
    };
    tx.insert_message(&message).await.unwrap();
    let consent = Consent {
        id: world.id(),
        client: id.clone(),
        kind: ConsentKind::PersonalData,
        is_granted: true,
        text_hash: "h".to_owned(),
        text_language: "ru".to_owned(),
        channel: "telegram".to_owned(),
        at: NOW,
    };
    tx.insert_consent(&consent).await.unwrap();
    let touch = NewTouch {
        id: world.id(),
        client: id.clone(),
        channel: "telegram".to_owned(),
        origin: things.client.origin.clone(),
        now: NOW,
    };
    tx.insert_touch(&touch).await.unwrap();
    tx.insert_link(&a_link("lnk1")).await.unwrap();
    tx.insert_conversation(&a_conversation(&things.client, false))
        .await
        .unwrap();
    let trainer = NewConversation {
        address: "7".to_owned(),
        client: None,
        ..a_conversation(&things.client, true)
    };
    tx.insert_conversation(&trainer).await.unwrap();
    let held = store::NewHeldNotice {
        id: world.id(),
        about: Some(id.clone()),
        kind: "notice",
        body: "{}".to_owned(),
        now: NOW,
    };
    tx.hold_notice(&held).await.unwrap();
    let form = FormRow {
        id: world.id::<FormId>(),
        version: 1,
        definition: "{}".to_owned(),
        author: "us_1".to_owned(),
        created_at: NOW,
    };
    tx.insert_form(&form).await.unwrap();
    tx.begin_questionnaire(&things.run, &id, 1, NOW).await.unwrap();
    tx.save_answer(&things.run, "goal", &Answer::Tenths(705), NOW)
        .await
        .unwrap();
    tx.insert_file(&things.file).await.unwrap();
    tx.insert_program(&NewProgram {
        id: things.program.clone(),
        client: id.clone(),
        questionnaire: things.run.clone(),
        scope: "free",
        language: Language::Ru,
        reason: "questionnaire".to_owned(),
        now: NOW,
    })
    .await
    .unwrap();
    let ready = ReadyProgram {
        file: things.file.id.clone(),
        template_hash: "h".to_owned(),
        wording: "plain",
        program: "[]".to_owned(),
        report: "{}".to_owned(),
    };
    tx.ready_program(&things.program, &ready, NOW).await.unwrap();
    tx.index_exercises(&things.program, &["squat"]).await.unwrap();
    tx.insert_program_batch(&a_batch(&things)).await.unwrap();
    let product = world.a_product();
    assert!(tx.save_product(&product).await.unwrap());
    tx.lock_templates().await.unwrap();
    let snapshot = NewSnapshot {
        id: things.snapshot.clone(),
        ..a_snapshot(world)
    };
    tx.keep_snapshot(&snapshot).await.unwrap();
    tx.put_in_force(&snapshot.id, "us_1", NOW).await.unwrap();
    let waiting = NewSnapshot {
        id: things.waiting.clone(),
        content_hash: "h".to_owned(),
        ..a_snapshot(world)
    };
    tx.keep_snapshot(&waiting).await.unwrap();
    tx.set_pending(&waiting.id).await.unwrap();
    let look = SheetLook {
        looked_at: Some(NOW),
        ..SheetLook::default()
    };
    tx.save_sheet_look(&look).await.unwrap();
    tx.insert_wording_call(&a_wording_call(world, &things.program))
        .await
        .unwrap();
    tx.save_setting("telegram", r#"{"token":"1"}"#, 0, NOW).await.unwrap();
    tx.save_text("greeting", Language::Ru, "Здравствуйте", NOW)
        .await
        .unwrap();
    let delivery = NewDelivery {
        id: things.delivery.clone(),
        about: Some(id.clone()),
        dedupe_key: Some("once".to_owned()),
        ..world.a_delivery("42")
    };
    assert!(tx.enqueue_delivery(&delivery).await.unwrap());
    let sent = NewDelivery {
        about: Some(id.clone()),
        ..world.a_delivery("7")
    };
    tx.enqueue_delivery(&sent).await.unwrap();
    let report = Report::Sent {
        external_ref: "900".to_owned(),
    };
    tx.report_delivery(&sent.id, "w", &report, NOW).await.unwrap().unwrap();
    assert!(tx.enqueue_job(&things.job).await.unwrap());
    let user = NewUser {
        id: &things.user,
        name: "Тренер",
        email: "trainer@example.com",
        password_hash: "argon2",
        role: "owner",
        created_at: NOW,
    };
    tx.insert_user(&user).await.unwrap();
    let session = NewSession {
        token_hash: "session",
        user_id: &things.user,
        csrf_token: "c",
        created_at: NOW,
        expires_at: NOW.plus_minutes(60),
    };
    tx.insert_session(&session).await.unwrap();
    let key = NewApiKey {
        id: &things.key,
        name: "bot",
        token_hash: "key",
        role: "bot",
        created_at: NOW,
    };
    tx.insert_api_key(&key).await.unwrap();
    let audit = AuditEntry {
        id: world.id(),
        actor: "us_1".to_owned(),
        action: "client.created".to_owned(),
        object_id: id.to_string(),
        details: serde_json::json!({}),
        request_id: world.id(),
        at: NOW,
    };
    tx.record_audit(&audit).await.unwrap();
    tx.commit().await.unwrap();
    things
}

/// Ids nobody has.
pub fn strangers_things(world: &World) -> Belongings {
    Belongings {
        client: NewClient {
            phone: Some("+79123456789".to_owned()),
            ..world.a_client()
        },
        lead: world.id(),
        run: world.id(),
        program: world.id(),
        delivery: world.id(),
        job: world.a_job(),
        file: NewFile {
            id: world.id(),
            name: String::new(),
            mime_type: String::new(),
            size: 0,
            sha256: String::new(),
            storage_key: String::new(),
            now: NOW,
        },
        user: world.id(),
        key: world.id(),
        snapshot: world.id(),
        waiting: world.id(),
        batch: world.id(),
    }
}

fn a_batch(things: &Belongings) -> store::ProgramBatch {
    store::ProgramBatch {
        id: things.batch.clone(),
        exercise: "squat".to_owned(),
        total: 1,
        started_by: "us_1".to_owned(),
        created_at: NOW,
        ordered_at: None,
    }
}

fn a_link(token: &str) -> DeepLink {
    DeepLink {
        token: token.to_owned(),
        purpose: "source".to_owned(),
        source: "instagram".to_owned(),
        campaign: None,
        utm: "{}".to_owned(),
        referrer: None,
        created_at: NOW,
        expires_at: None,
        used_at: None,
    }
}

fn a_conversation(client: &NewClient, is_trainer: bool) -> NewConversation {
    NewConversation {
        channel: "telegram".to_owned(),
        address: "42".to_owned(),
        client: Some(client.id.clone()),
        is_trainer,
        language: Language::Ru,
        known_as: "Anna".to_owned(),
        now: NOW,
    }
}

fn a_wording_call(world: &World, program: &ProgramId) -> NewWordingCall {
    NewWordingCall {
        id: world.id(),
        program: Some(program.clone()),
        purpose: "programme",
        month: "2026-11".to_owned(),
        provider: "openai".to_owned(),
        model: "gpt".to_owned(),
        verdict: "accepted".to_owned(),
        error: None,
        requests: 1,
        prompt_tokens: 100,
        answer_tokens: 200,
        cost_micros: 300,
        currency: "RUB".to_owned(),
        duration_ms: 400,
        now: NOW,
    }
}

pub fn a_snapshot(world: &World) -> NewSnapshot {
    NewSnapshot {
        id: world.id(),
        source: "shipped",
        author: "system".to_owned(),
        content_hash: "hash".to_owned(),
        tables: SnapshotTables {
            men: Packed::of(b"m"),
            women: Packed::of(b"w"),
            exercises: Packed::of(b"e"),
        },
        now: NOW,
    }
}
