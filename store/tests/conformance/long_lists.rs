//! Lists by status among tens of thousands read what they show, also when nobody has that status and the database knows
//! the statement since long: PostgreSQL counts the rows that were read.

use domain::pipeline::LeadStatus;
use domain::work::JobState;
use store::{LeadFilter, ProgramFilter, QuestionnaireFilter, Store};

use crate::speed::{numbers, rows_read_by};
use crate::world::{NOW, World, page};

const ROWS: i64 = 30_000;
/// After five times PostgreSQL may keep one plan of a statement for whatever it is asked.
const TIMES: i64 = 12;
/// A page of fifty: its rows, their clients, what the index has besides.
const MOST_ROWS: i64 = 250;

/// Everybody has one lead, one finished questionnaire, one programme, one done job and one thing that happened.
fn seed(world: &World) -> String {
    let (tenant, stage) = (world.tenant.id(), &world.stages[0]);
    let (numbers, pad) = numbers(world, ROWS);
    let at = NOW.millis();
    let empty = if world.is_postgres() { "''::bytea" } else { "x''" };
    format!(
        "INSERT INTO clients (id, tenant_id, stage_id, display_name, search_text, language, source, utm, needs_trainer, \
             is_reachable, created_at_ms, updated_at_ms, version) \
         SELECT 'cl_' || {pad}, '{tenant}', '{stage}', 'Имя', 'имя', 'ru', 'landing', '{{}}', 0, 1, {at}, {at}, 1 FROM ({numbers}) AS n; \
         INSERT INTO leads (id, tenant_id, client_id, status, source, created_at_ms, version) \
         SELECT 'ld_' || {pad}, '{tenant}', 'cl_' || {pad}, 'new', 'landing', {at}, 1 FROM ({numbers}) AS n; \
         INSERT INTO questionnaires (id, tenant_id, client_id, status, form_version, needs_trainer, started_at_ms) \
         SELECT 'qr_' || {pad}, '{tenant}', 'cl_' || {pad}, 'completed', 1, 0, {at} FROM ({numbers}) AS n; \
         INSERT INTO training_programs (id, tenant_id, client_id, questionnaire_id, version, scope, status, language, reason, created_at_ms) \
         SELECT 'pg_' || {pad}, '{tenant}', 'cl_' || {pad}, 'qr_' || {pad}, 1, 'free', 'ready', 'ru', 'r', {at} FROM ({numbers}) AS n; \
         INSERT INTO jobs (id, tenant_id, kind, payload, state, due_at_ms, attempts, max_attempts, request_id, created_at_ms) \
         SELECT 'jb_' || {pad}, '{tenant}', 'k', '{{}}', 'done', 0, 1, 5, 'r', {at} FROM ({numbers}) AS n; \
         INSERT INTO client_actions (id, tenant_id, client_id, kind, actor, details_sealed, at_ms) \
         SELECT 'ac_' || {pad}, '{tenant}', 'cl_' || {pad}, 'k', 'a', {empty}, {at} FROM ({numbers}) AS n; \
         INSERT INTO outbox (id, tenant_id, channel, address, kind, content_sealed, is_step, state, due_at_ms, attempts, \
             request_id, created_at_ms, finished_at_ms) \
         SELECT 'ob_' || {pad}, '{tenant}', 'telegram', '1', 'reply', {empty}, 0, 'sent', 0, 1, 'r', {at}, {at} FROM ({numbers}) AS n;"
    )
}

pub async fn a_status_nobody_has_is_found_empty_at_once(world: &World) {
    let mut raw = world.raw().await;
    raw.execute(&seed(world)).await;
    if world.is_postgres() {
        raw.execute("ANALYZE").await;
    }
    raw.close().await;
    let stranger: domain::ids::ClientId = world.id();
    let tenant = world.tenant.id();
    let ask = async |store: &Store| {
        let mut tx = store.tenant(tenant).read().await.unwrap();
        let lost = LeadFilter {
            status: Some(LeadStatus::Lost),
            ..LeadFilter::default()
        };
        assert!(tx.list_leads(&lost, &page(50)).await.unwrap().items.is_empty());
        let queued = ProgramFilter {
            status: Some("queued".into()),
            ..ProgramFilter::default()
        };
        assert!(tx.list_programs(&queued, &page(50)).await.unwrap().items.is_empty());
        let open = QuestionnaireFilter {
            status: Some("in_progress".into()),
            ..QuestionnaireFilter::default()
        };
        assert!(tx.list_questionnaires(&open, &page(50)).await.unwrap().items.is_empty());
        let dead = tx.list_jobs(Some(JobState::Dead), &page(50)).await.unwrap();
        assert!(dead.items.is_empty());
        assert!(tx.list_actions(&stranger, &page(50)).await.unwrap().items.is_empty());
        assert!(tx.list_messages(&stranger, &page(50)).await.unwrap().items.is_empty());
        assert!(tx.stuck_deliveries(3, &page(50)).await.unwrap().items.is_empty());
    };
    let full = async |store: &Store| {
        let mut tx = store.tenant(tenant).read().await.unwrap();
        let new = LeadFilter {
            status: Some(LeadStatus::New),
            ..LeadFilter::default()
        };
        assert_eq!(tx.list_leads(&new, &page(50)).await.unwrap().items.len(), 50);
        assert_eq!(tx.list_jobs(None, &page(50)).await.unwrap().items.len(), 50);
    };
    ask(&world.store).await;
    full(&world.store).await;
    if world.is_postgres() {
        world.store.close().await;
        for (what, most) in [("empty lists", MOST_ROWS), ("full lists", 2 * MOST_ROWS)] {
            let read = rows_read_by(world, async |store| {
                for _ in 0..TIMES {
                    if what == "empty lists" {
                        ask(store).await;
                    } else {
                        full(store).await;
                    }
                }
            })
            .await;
            println!("{what} read {read} rows in {TIMES} times");
            assert!(read <= most * TIMES, "{what} read {read} rows");
        }
    }
}
