//! Two tenants in one database: whatever one asks for by the other's ids, it is not there.

mod belongings;

use domain::dialogue::ConsentKind;
use domain::ids::{Id, ProgramId};
use domain::language::Language;
use domain::pipeline::{LeadStatus, StageKind};
use store::{
    ClientFilter, ClientUpdate, ConversationUpdate, IdempotencyClaim, JobLease, LeadFilter, NewDelivery, NewInboxEvent,
    NewLead, ProgramFilter, QuestionnaireFilter, ReadyProgram, Recorded, Report, SheetLook, StoredResponse, Tenant, Tx,
};

use self::belongings::{Belongings, a_snapshot, furnish, strangers_things};
use crate::world::{NOW, World, page, search};

/// Everything a tenant can ask with these ids, one answer a line.
async fn portrait(world: &World, tx: &mut Tx, things: &Belongings) -> Vec<(&'static str, String)> {
    let id = &things.client.id;
    let with_phone = ClientFilter {
        phone: things.client.phone.clone(),
        ..ClientFilter::default()
    };
    let with_email = ClientFilter {
        email: things.client.email.clone(),
        ..ClientFilter::default()
    };
    let with_tag = ClientFilter {
        tag: Some("vip".to_owned()),
        ..ClientFilter::default()
    };
    let in_stage = ClientFilter {
        stage: Some(world.stages[0].clone()),
        ..ClientFilter::default()
    };
    let of_source = ClientFilter {
        source: Some(things.client.origin.source.clone()),
        ..ClientFilter::default()
    };
    let leads = LeadFilter {
        status: None,
        client: Some(id.clone()),
    };
    let runs = QuestionnaireFilter {
        client: Some(id.clone()),
        status: None,
    };
    let programs = ProgramFilter {
        client: Some(id.clone()),
        status: None,
    };
    let mut answers = Vec::new();
    macro_rules! ask {
        ($($name:ident($($argument:expr),*)),+ $(,)?) => {$(
            answers.push((stringify!($name), format!("{:?}", tx.$name($($argument),*).await.unwrap())));
        )+};
    }
    ask!(
        wording_totals("2026-01"),
        find_client(id),
        list_clients(&ClientFilter::default(), &page(9)),
        list_clients(&search("анна"), &page(9)),
        list_clients(&with_phone, &page(9)),
        list_clients(&with_email, &page(9)),
        list_clients(&with_tag, &page(9)),
        list_clients(&in_stage, &page(9)),
        list_clients(&of_source, &page(9)),
        tags_of(id),
        tags_of_each(std::slice::from_ref(id)),
        count_clients(),
        stages(),
        lock_stages(),
        find_stage(&world.stages[0]),
        stage_of_kind(StageKind::Consultation),
        stage_totals(),
        moves_of(id),
        list_moves(id, &page(9)),
        find_lead(&things.lead),
        open_lead_of(id),
        list_leads(&LeadFilter::default(), &page(9)),
        list_leads(&leads, &page(9)),
        newest_leads(9),
        leads_of(id),
        list_actions(id, &page(9)),
        list_messages(id, &page(9)),
        current_consent(id, ConsentKind::PersonalData),
        consents_of(id),
        list_consents(id, &page(9)),
        find_link("lnk1", NOW),
        links(),
        list_links(&page(9)),
        touches_of(id),
        list_touches(id, &page(9)),
        conversations_of(id),
        trainer_conversations(),
        lock_conversation("telegram", "42"),
        current_form(),
        form_of_version(1),
        find_questionnaire(&things.run),
        latest_questionnaire(id),
        list_questionnaires(&QuestionnaireFilter::default(), &page(9)),
        list_questionnaires(&runs, &page(9)),
        stored_answers(&things.run),
        answers(&things.run),
        drop_off(NOW),
        find_program(&things.program),
        program_details(&things.program),
        latest_ready_program(id),
        list_programs(&ProgramFilter::default(), &page(9)),
        list_programs(&programs, &page(9)),
        products(),
        find_file(&things.file.id),
        find_snapshot(&things.snapshot),
        snapshot_of_number(1),
        snapshot_of_content("hash"),
        snapshot_in_force(),
        pending_snapshot(),
        list_snapshots(&page(9)),
        snapshot_tables(&things.snapshot),
        programs_of_content("h"),
        sheet_look(),
        find_setting("telegram"),
        text_overrides(),
        open_a_sample(),
        is_address_busy("telegram", "42"),
        messages_keyed("telegram", "once"),
        newest_of_message("telegram", "7", "900"),
        count_held_notices(),
        has_trainer("telegram"),
        client_of_notice("telegram", "7", "900"),
        stuck_deliveries(-1, &page(9)),
        has_due_delivery("telegram", NOW, NOW),
        find_job(&things.job.id),
        list_jobs(None, &page(9)),
        user(&things.user),
        has_users(),
        password_hash(&things.user),
        api_keys(&page(9)),
        count_api_keys("bot"),
        audit_of(id.as_ref(), 9),
        doctor(NOW),
    );
    answers
}

pub async fn nothing_of_another_tenant_is_seen(world: &World) {
    let mut tx = world.other.write().await.unwrap();
    let nothing = portrait(world, &mut tx, &strangers_things(world)).await;
    drop(tx);
    let things = furnish(world).await;
    let mut tx = world.write().await;
    for ((question, own), (_, empty)) in portrait(world, &mut tx, &things).await.iter().zip(&nothing) {
        let is_about_all_tenants_alike = ["stage_of_kind", "doctor"].contains(question);
        assert!(
            is_about_all_tenants_alike || own != empty,
            "{question} answers the owner: {own}"
        );
    }
    drop(tx);
    let mut tx = world.other.write().await.unwrap();
    for ((question, seen), (_, empty)) in portrait(world, &mut tx, &things).await.iter().zip(&nothing) {
        assert_eq!(seen, empty, "{question} shows a tenant what belongs to another");
    }
    // A lead that points at somebody else's client tells nothing of that client.
    let lead = NewLead {
        id: world.id(),
        client: things.client.id.clone(),
        source: "landing".to_owned(),
        now: NOW,
    };
    tx.insert_lead(&lead).await.unwrap();
    assert_eq!(tx.find_lead(&lead.id).await.unwrap(), None);
}

pub async fn nothing_of_another_tenant_is_changed(world: &World) {
    let things = furnish(world).await;
    let id = &things.client.id;
    let mut tx = world.write().await;
    let before = portrait(world, &mut tx, &things).await;
    drop(tx);

    let later = NOW.plus_minutes(10);
    let mut tx = world.other.write().await.unwrap();
    let update = ClientUpdate {
        display_name: "Чужой".to_owned(),
        username: None,
        language: Language::En,
        phone: None,
        email: None,
        notes: None,
        owner: None,
    };
    assert!(tx.update_client(id, 1, &update, later).await.is_err());
    tx.rename_client(id, "Чужой", None, later).await.unwrap();
    tx.set_client_language(id, Language::En, later).await.unwrap();
    tx.set_client_flags(id, Some(true), Some(false), later).await.unwrap();
    tx.remove_tag(id, "vip").await.unwrap();
    let step = world.a_move(&things.client, &world.stages[0], &world.stages[1]);
    assert!(!tx.move_client(&step).await.unwrap());
    let mut stage = crate::world::a_stage(&world.stages[0], StageKind::Inactive);
    stage.archived_at = Some(later);
    assert!(tx.update_stage(&stage).await.is_err());
    assert!(!tx.qualify_lead(id, later).await.unwrap());
    assert!(!tx.take_lead(&things.lead, "us_2").await.unwrap());
    assert!(!tx.take_free_lead(&things.lead, "us_2", true).await.unwrap());
    assert!(
        tx.set_lead_status(&things.lead, 1, LeadStatus::Lost, later)
            .await
            .is_err()
    );
    assert!(!tx.use_link("lnk1", later).await.unwrap());
    let turn = ConversationUpdate {
        language: Language::En,
        scene: "{}".to_owned(),
        known_as: "Anna".to_owned(),
        quiet_until: later,
    };
    tx.update_conversation("telegram", "42", &turn, later).await.unwrap();
    tx.make_trainer("telegram", "42", later).await.unwrap();
    tx.set_blocked("telegram", "42", Some(later)).await.unwrap();
    tx.set_step_ref("telegram", "42", Some("1")).await.unwrap();
    tx.quiet_conversations(id, later).await.unwrap();
    assert!(!tx.complete_questionnaire(&things.run, true, later).await.unwrap());
    tx.drop_answer(&things.run, "goal").await.unwrap();
    tx.mark_asked(&things.run, "goal", later).await.unwrap();
    tx.place_stage(&world.stages[0], 99).await.unwrap();
    tx.forget_text("greeting", Language::Ru).await.unwrap();
    assert_eq!(tx.revive_address("telegram", "42", NOW, later).await.unwrap(), 0);
    let ready = ReadyProgram {
        file: things.file.id.clone(),
        template_hash: "x".to_owned(),
        wording: "llm",
        program: "x".to_owned(),
        report: "x".to_owned(),
    };
    assert!(!tx.ready_program(&things.program, &ready, later).await.unwrap());
    assert!(!tx.fail_program(&things.program, "x").await.unwrap());
    let (program, successor): (_, ProgramId) = (&things.program, world.id());
    tx.derive_program(program, &store::Lineage::default()).await.unwrap();
    assert!(tx.lock_program(program).await.unwrap().is_none());
    assert_eq!(tx.program_revision(program).await.unwrap(), None);
    assert!(!tx.await_approval(program, later).await.unwrap());
    assert!(!tx.decide_program(program, "x", later).await.unwrap());
    assert!(!tx.begin_succession(program, &successor, "x", later).await.unwrap());
    assert!(tx.cancel_succession(&successor).await.unwrap().is_empty());
    assert!(tx.supersede_older(id, &successor, 99, later).await.unwrap().is_empty());
    tx.supersede_program(program, &successor, later).await.unwrap();
    assert_eq!(tx.newer_program(id, "free", 0).await.unwrap(), None);
    tx.lock_programs_of(id).await.unwrap();
    tx.keep_phone_version(program, &things.file.id).await.unwrap();
    assert!(tx.approval_cards("telegram", program).await.unwrap().is_empty());
    assert!(tx.unindexed_programs("", 9).await.unwrap().is_empty());
    assert_eq!(tx.count_exercise_users("squat").await.unwrap(), 0);
    assert!(tx.exercise_users("squat", "", 9).await.unwrap().is_empty());
    assert!(tx.find_program_batch(&things.batch).await.unwrap().is_none());
    tx.finish_program_batch(&things.batch, later).await.unwrap();
    assert!(tx.program_batch_progress(&things.batch).await.unwrap().is_empty());
    assert!(!tx.mark_program_delivered(&things.program, later).await.unwrap());
    tx.set_file_external_ids(&things.file.id, r#"{"telegram":"x"}"#)
        .await
        .unwrap();
    let sent = Report::Sent {
        external_ref: "1".to_owned(),
    };
    assert_eq!(
        tx.report_delivery(&things.delivery, "w", &sent, later).await.unwrap(),
        None
    );
    assert_eq!(tx.give_up_address("telegram", "42", "x", later).await.unwrap(), 0);
    tx.reject_unreadable(things.delivery.as_str(), "x", later)
        .await
        .unwrap();
    tx.extend_delivery(&things.delivery, later).await.unwrap();
    tx.retire_in_next_step("telegram", "42", "1").await.unwrap();
    assert!(tx.take_held_notices(NOW).await.unwrap().is_empty());
    assert_eq!(tx.see_replica("telegram", "bot-9", later).await.unwrap().replicas, 1);
    assert!(tx.deliveries_in_hand("telegram", "42", "w").await.unwrap().is_empty());
    assert!(!tx.replay_delivery(&things.delivery, later).await.unwrap());
    assert!(
        tx.claim_deliveries("telegram", "w", 9, later, later, later.plus_minutes(1))
            .await
            .unwrap()
            .is_empty()
    );
    assert!(!tx.replay_job(&things.job.id, later).await.unwrap());
    let lease = JobLease {
        job: things.job.id.clone(),
        owner: "w".to_owned(),
        attempt: 1,
    };
    assert!(tx.finish_job(&lease, later).await.is_err());
    assert!(tx.bury_job(&lease, "x", later).await.is_err());
    tx.lock_templates().await.unwrap();
    assert!(!tx.withdraw_pending().await.unwrap());
    assert!(!tx.reject_pending(&things.waiting, "us_2", later).await.unwrap());
    tx.set_pending(&things.snapshot).await.unwrap();
    tx.put_in_force(&things.waiting, "us_2", later).await.unwrap();
    assert_eq!(tx.purge_snapshots(later.plus_minutes(1), 9).await.unwrap(), 0);
    tx.save_sheet_look(&SheetLook::default()).await.unwrap();
    tx.set_password_hash(&things.user, "x").await.unwrap();
    tx.delete_session("session").await.unwrap();
    tx.delete_sessions_of(&things.user).await.unwrap();
    assert!(!tx.revoke_api_key(&things.key, later).await.unwrap());
    tx.commit().await.unwrap();

    let mut tx = world.write().await;
    for ((question, then), (_, now)) in before.iter().zip(&portrait(world, &mut tx, &things).await) {
        assert_eq!(now, then, "{question}");
    }
    drop(tx);
    let mut system = world.store.system_read().await.unwrap();
    assert!(system.session("session").await.unwrap().is_some());
}

pub async fn keys_of_two_tenants_do_not_collide(world: &World) {
    for tenant in [&world.tenant, &world.other] {
        let mut tx = tenant.write().await.unwrap();
        let event = NewInboxEvent {
            source: "telegram".to_owned(),
            dedupe_key: "same".to_owned(),
            body: b"{}".to_vec(),
            request_id: world.id(),
            now: NOW,
        };
        assert_eq!(tx.record(&event).await.unwrap(), Recorded::New);
        let other = NewInboxEvent {
            dedupe_key: "the other".to_owned(),
            ..event.clone()
        };
        let recorded = tx.record_all(&[event, other]).await.unwrap();
        assert_eq!(recorded, [Recorded::Duplicate, Recorded::New]);
        let job = store::NewJob {
            unique_key: Some("same".to_owned()),
            ..world.a_job()
        };
        assert!(tx.enqueue_job(&job).await.unwrap());
        let other = store::NewJob {
            id: world.id(),
            unique_key: Some("the other".to_owned()),
            ..job.clone()
        };
        let again = store::NewJob {
            id: world.id(),
            ..job.clone()
        };
        tx.enqueue_jobs(&[again, other]).await.unwrap();
        let delivery = NewDelivery {
            dedupe_key: Some("same".to_owned()),
            ..world.a_delivery("42")
        };
        assert!(tx.enqueue_delivery(&delivery).await.unwrap());
        tx.save_setting("same", tenant.id().as_ref(), 0, NOW).await.unwrap();
        tx.save_text("same", Language::Ru, tenant.id().as_ref(), NOW)
            .await
            .unwrap();
        tx.keep_snapshot(&a_snapshot(world)).await.unwrap();
        let claim = tx
            .claim_idempotency_key("us_1", "same", "hash", NOW, &a_key_lease())
            .await
            .unwrap();
        assert_eq!(claim, IdempotencyClaim::Claimed);
        tx.store_idempotent_response("us_1", "same", &an_answer(tenant))
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
    for tenant in [&world.tenant, &world.other] {
        let mut tx = tenant.read().await.unwrap();
        assert_eq!(
            tx.find_setting("same").await.unwrap().unwrap().value,
            tenant.id().as_ref()
        );
        assert_eq!(tx.text_overrides().await.unwrap().len(), 1);
        drop(tx);
        let mut tx = tenant.write().await.unwrap();
        tx.release_idempotency_key("us_1", "same").await.unwrap();
        let claim = tx
            .claim_idempotency_key("us_1", "same", "hash", NOW, &a_key_lease())
            .await
            .unwrap();
        assert_eq!(claim, IdempotencyClaim::Answered(an_answer(tenant)));
    }
}

fn a_key_lease() -> store::KeyLease<'static> {
    store::KeyLease {
        owner: "api",
        now: NOW,
        until: NOW.plus_minutes(1),
    }
}

fn an_answer(tenant: &Tenant) -> StoredResponse {
    StoredResponse {
        status: 201,
        headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
        body: tenant.id().as_str().as_bytes().to_vec(),
    }
}

/// A method of a tenant's transaction that is added later must be asked above, too.
#[test]
fn no_method_is_left_out() {
    // They only write rows of their own tenant, and the cases of other subjects use them.
    const ONLY_OWN: [&str; 4] = ["commit", "insert_stage", "lock_installation", "time_zone"];
    let cases = [
        include_str!("tenants.rs"),
        include_str!("tenants/belongings.rs"),
        include_str!("money_tenants.rs"),
        include_str!("reconciliations.rs"),
    ]
    .concat();
    let mut found = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap() {
        let source = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let mut is_in_tx = false;
        for line in source.lines() {
            if line.starts_with("impl") {
                is_in_tx = line.starts_with("impl Tx ");
            }
            let name = line
                .strip_prefix("    pub async fn ")
                .and_then(|rest| rest.split(['(', '<']).next());
            if let (true, Some(name)) = (is_in_tx, name) {
                found += 1;
                let is_asked = cases.contains(&format!(" {name}(")) || cases.contains(&format!(".{name}("));
                assert!(
                    is_asked || ONLY_OWN.contains(&name),
                    "no case here asks {name} for another tenant's rows"
                );
            }
        }
    }
    assert!(found > 90, "only {found} methods were found: did the sources move?");
}
