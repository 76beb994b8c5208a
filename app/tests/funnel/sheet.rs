//! The template tables in a spreadsheet: changes that are shown before they serve, and the spreadsheet's bad days.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use app::crm::templates::{self, Upload, WantedSource};
use app::refresh_templates::{self, TakeChanges};
use domain::language::Language;
use providers::sheets::{Sheets, SheetsConfig};
use sandbox::DEMO_SHEET;
use serde_json::json;
use store::{Backend, Snapshot, SnapshotState};

use crate::phone::Phone;
use crate::world::{TRAINER, World, on_both};

const MEN: &str = include_str!("../../../programs/tests/fixtures/Men_12w_2.csv");
const WOMEN: &str = include_str!("../../../programs/tests/fixtures/Women_12w_2.csv");
/// The spreadsheet's own deadline here: nobody waits long in a test.
const DEADLINE: Duration = Duration::from_secs(5);
const MEN_GID: u64 = 0;
const WOMEN_GID: u64 = 1;

fn sheets(base: &str) -> Sheets {
    let _ = rustls_provider();
    Sheets::new(SheetsConfig {
        base_url: base.parse().unwrap(),
        deadline: DEADLINE,
        http: providers::http_client(&[]).unwrap(),
    })
}

/// The sandbox brings the TLS provider that reqwest needs.
fn rustls_provider() -> Result<(), ()> {
    sandbox::driver::Driver::new("http://127.0.0.1:9")
        .map(|_| ())
        .map_err(|_| ())
}

/// A spreadsheet with small tables, and an installation that reads it.
struct Desk {
    world: World,
    sandbox: sandbox::Running,
}

impl Desk {
    async fn start(backend: Backend) -> Self {
        let sandbox = sandbox::start(sandbox::Config {
            smtp_addr: None,
            ..sandbox::Config::default()
        })
        .await
        .unwrap();
        sandbox.put_sheet(DEMO_SHEET, MEN_GID, MEN).await.unwrap();
        sandbox.put_sheet(DEMO_SHEET, WOMEN_GID, WOMEN).await.unwrap();
        let sheets = sheets(&format!("{}/google", sandbox.base_url()));
        let world = World::start_with(backend, Some((sheets, DEMO_SHEET))).await;
        Self { world, sandbox }
    }

    async fn stop(self) {
        self.world.stop().await;
        self.sandbox.shutdown().await;
    }

    /// The tick of two minutes later.
    async fn look(&self) {
        look(&self.world).await;
    }

    async fn put_women(&self, csv: &str) {
        self.sandbox.put_sheet(DEMO_SHEET, WOMEN_GID, csv).await.unwrap();
    }

    async fn mode(&self, mode: &str) {
        self.sandbox
            .set_faults(&json!({ "sheets": { "mode": mode, "slow_ms": 6_000 } }))
            .await
            .unwrap();
    }

    async fn take(&self, take_changes: TakeChanges) {
        let view = templates::find_source(&self.world.app, &self.world.caller)
            .await
            .unwrap();
        let [men, women, exercises] = view.links.unwrap();
        let wanted = WantedSource {
            address: None,
            men: Some(men),
            women: Some(women),
            exercises: Some(exercises),
            take_changes,
        };
        templates::save_source(&self.world.app, &self.world.caller, view.version, &wanted, Language::En)
            .await
            .unwrap();
    }
}

async fn look(world: &World) {
    world.advance_minutes(2);
    refresh_templates_tick(world).await;
    world.run_jobs().await;
}

async fn refresh_templates_tick(world: &World) {
    app::schedule::enqueue(&world.app, refresh_templates::JOB, 120_000)
        .await
        .unwrap();
}

async fn serving(world: &World) -> Snapshot {
    world.read().await.snapshot_in_force().await.unwrap().unwrap()
}

async fn pending(world: &World) -> Option<Snapshot> {
    world.read().await.pending_snapshot().await.unwrap()
}

async fn versions(world: &World) -> usize {
    let page = store::PageRequest {
        limit: 100,
        after: None,
    };
    world.read().await.list_snapshots(&page).await.unwrap().items.len()
}

/// The women's table with one more set in its first row.
fn with_sets(sets: &str) -> String {
    with_cell("sets", sets)
}

fn with_cell(column: &str, value: &str) -> String {
    let mut lines: Vec<String> = WOMEN.lines().map(str::to_owned).collect();
    let at = lines[0].split(',').position(|title| title == column).unwrap();
    let mut cells: Vec<String> = lines[1].split(',').map(str::to_owned).collect();
    cells[at] = value.to_owned();
    lines[1] = cells.join(",");
    lines.join("\n")
}

async fn trainer(world: &World) -> Phone<'_> {
    let mut trainer = Phone::new(world, TRAINER, "Ольга", "ru");
    trainer.start(None).await;
    trainer
}

async fn a_change_is_shown_before_it_serves_and_the_first_decision_wins(desk: &Desk) {
    let world = &desk.world;
    let mut trainer = trainer(world).await;
    assert_eq!(serving(world).await.source, "shipped");
    desk.look().await;
    let first = serving(world).await;
    assert_eq!(
        (first.source.as_str(), first.number),
        ("sheet", 2),
        "a sheet that is connected at the start is used"
    );
    trainer.refresh().await;
    assert_eq!(trainer.count("Таблица программ обновилась"), 1);

    desk.put_women(&with_sets("5")).await;
    desk.look().await;
    assert_eq!(serving(world).await.id, first.id, "the old version serves");
    let change = pending(world).await.unwrap();
    trainer.refresh().await;
    assert_eq!(trainer.count("В таблице программ изменения"), 1);
    assert!(
        trainer.last().plain_text().contains("Women_12w_2"),
        "{}",
        trainer.last().plain_text()
    );
    desk.look().await;
    trainer.refresh().await;
    assert_eq!(trainer.count("В таблице программ изменения"), 1, "asked once");

    let (message_ref, leave) = trainer.button("Оставить прежнюю");
    trainer.press("Перейти на новую").await;
    assert_eq!(trainer.count("собираются по версии 3"), 1);
    let now = serving(world).await;
    assert_eq!(
        (&now.id, now.state, now.decided_by.as_deref()),
        (&change.id, SnapshotState::Used, Some("trainer"))
    );
    trainer
        .act(app::converse::Body::Action {
            action: leave,
            message_ref: Some(message_ref),
        })
        .await;
    assert_eq!(
        trainer.toasts.last().map(String::as_str),
        Some("Это уже решено"),
        "the first decision wins"
    );
    assert_eq!(serving(world).await.id, change.id);
    assert_eq!(pending(world).await, None);

    let mut anna = Phone::new(world, "101", "Анна", "ru");
    anna.walk_to_summary("Нет, всё в порядке").await;
    anna.press("Всё верно").await;
    world.run_jobs().await;
    let page = store::PageRequest { limit: 1, after: None };
    let programs = world
        .read()
        .await
        .list_programs(&store::ProgramFilter::default(), &page)
        .await
        .unwrap();
    assert_eq!(
        programs.items[0].template_hash.as_deref(),
        Some(now.content_hash.as_str())
    );

    trainer.press("Вернуть как было").await;
    assert_eq!(serving(world).await.id, first.id, "what was used can be undone");
    desk.look().await;
    assert_eq!(
        serving(world).await.id,
        first.id,
        "and the sheet, which did not change, does not undo that"
    );
    assert_eq!(pending(world).await, None);
}

async fn a_change_that_was_left_is_not_asked_about_again_however_the_sheet_flaps(desk: &Desk) {
    let world = &desk.world;
    let mut trainer = trainer(world).await;
    desk.look().await;
    let first = serving(world).await;
    desk.put_women(&with_sets("5")).await;
    desk.look().await;
    trainer.refresh().await;
    trainer.press("Оставить прежнюю").await;
    assert_eq!(trainer.count("остаётся прежняя версия"), 1);
    desk.look().await;
    assert_eq!(pending(world).await, None, "the same content is decided");
    for _ in 0..3 {
        desk.put_women(WOMEN).await;
        desk.look().await;
        assert_eq!(
            pending(world).await,
            None,
            "back at what serves nothing is left to decide"
        );
        desk.put_women(&with_sets("5")).await;
        desk.look().await;
    }
    trainer.refresh().await;
    assert_eq!(
        trainer.count("В таблице программ изменения"),
        1,
        "a day's question is asked once"
    );
    assert_eq!(
        versions(world).await,
        3,
        "a sheet that goes to and fro makes no new versions"
    );
    assert_eq!(serving(world).await.id, first.id);
    // What the sheet went on from can't be decided any more.
    desk.put_women(&with_sets("4")).await;
    desk.look().await;
    trainer.refresh().await;
    let (message_ref, use_it) = trainer.button("Перейти на новую");
    desk.put_women(&with_sets("2")).await;
    desk.look().await;
    trainer
        .act(app::converse::Body::Action {
            action: use_it,
            message_ref: Some(message_ref),
        })
        .await;
    assert!(
        trainer.toasts.last().unwrap().contains("изменилась"),
        "{:?}",
        trainer.toasts
    );
    assert_eq!(serving(world).await.id, first.id);
}

async fn changes_are_taken_at_once_where_the_trainer_sets_it_so(desk: &Desk) {
    let world = &desk.world;
    let mut trainer = trainer(world).await;
    desk.look().await;
    let first = serving(world).await;
    desk.take(TakeChanges::AtOnce).await;
    desk.put_women(&with_sets("5")).await;
    desk.look().await;
    let second = serving(world).await;
    assert_ne!(second.id, first.id);
    trainer.refresh().await;
    assert_eq!(trainer.count("Таблица программ обновилась"), 2);
    // The button of the last message undoes the last change, the one of an older message nothing.
    let (message_ref, stale) = trainer.button("Вернуть как было");
    desk.put_women(&with_sets("4")).await;
    desk.look().await;
    let third = serving(world).await;
    trainer
        .act(app::converse::Body::Action {
            action: stale,
            message_ref: Some(message_ref),
        })
        .await;
    assert_eq!(serving(world).await.id, third.id);
    trainer.press("Вернуть как было").await;
    assert_eq!(serving(world).await.id, second.id);
    desk.look().await;
    assert_eq!(serving(world).await.id, second.id);
}

async fn a_wrong_cell_is_named_once_a_day_and_so_is_its_mending(desk: &Desk) {
    let world = &desk.world;
    let mut trainer = trainer(world).await;
    desk.look().await;
    let first = serving(world).await;
    desk.put_women(&with_sets("много")).await;
    for _ in 0..3 {
        desk.look().await;
    }
    trainer.refresh().await;
    assert_eq!(trainer.count("Таблица программ с ошибкой"), 1);
    let words = trainer.last().plain_text();
    for part in ["Women_12w_2", "строка 2", "«sets»", "много", "последняя исправная"] {
        assert!(words.contains(part), "{part}: {words}");
    }
    world.advance_minutes(24 * 60);
    desk.look().await;
    trainer.refresh().await;
    assert_eq!(trainer.count("Таблица программ с ошибкой"), 2, "the next day again");
    assert_eq!(serving(world).await.id, first.id);
    desk.put_women(WOMEN).await;
    desk.look().await;
    desk.look().await;
    trainer.refresh().await;
    assert_eq!(trainer.count("снова в порядке"), 1);
    assert_eq!(serving(world).await.id, first.id);
}

async fn on_every_bad_day_the_last_good_version_serves(desk: &Desk) {
    let world = &desk.world;
    let mut trainer = trainer(world).await;
    desk.look().await;
    let first = serving(world).await;
    for (mode, words) in [
        ("gone", Some("Такой таблицы или такого листа нет")),
        ("private", Some("Таблица закрыта")),
        ("html", None),
    ] {
        desk.mode(mode).await;
        world.advance_minutes(15);
        desk.look().await;
        assert_eq!(serving(world).await.id, first.id, "{mode}");
        trainer.refresh().await;
        if let Some(words) = words {
            assert!(
                trainer.last().plain_text().contains(words),
                "{mode}: {}",
                trainer.last().plain_text()
            );
        }
    }
    desk.mode("ok").await;
    desk.look().await;
    trainer.refresh().await;
    assert_eq!(trainer.count("снова в порядке"), 1);

    // A short outage is nobody's business, a long one is told.
    let told = trainer.count("Таблица программ с ошибкой");
    desk.mode("error").await;
    desk.look().await;
    desk.mode("slow").await;
    desk.look().await;
    trainer.refresh().await;
    assert_eq!(trainer.count("Таблица программ с ошибкой"), told);
    desk.mode("error").await;
    world.advance_minutes(70);
    desk.look().await;
    trainer.refresh().await;
    assert_eq!(trainer.count("Таблица программ с ошибкой"), told + 1);
    assert_eq!(serving(world).await.id, first.id);
    desk.mode("ok").await;
    desk.put_women(&with_sets("5")).await;
    desk.look().await;
    assert!(pending(world).await.is_some(), "life goes on after the bad days");
}

async fn every_spelling_of_a_table_gives_the_same_programmes(desk: &Desk) {
    let world = &desk.world;
    desk.look().await;
    let first = serving(world).await;
    // A spreadsheet program's file: BOM, semicolons, CRLF, columns in another order.
    let mut rows = csv_rows(WOMEN);
    for row in &mut rows {
        row.reverse();
    }
    let file = rows
        .iter()
        .map(|row| {
            let cells: Vec<String> = row
                .iter()
                .map(|cell| format!("\"{}\"", cell.replace('"', "\"\"")))
                .collect();
            cells.join(";")
        })
        .collect::<Vec<_>>()
        .join("\r\n");
    let upload = Upload {
        women: Some(format!("\u{feff}{file}").into_bytes()),
        ..Upload::default()
    };
    let found = templates::upload(&world.app, &world.caller, upload).await.unwrap();
    assert!(
        found.difference.is_empty(),
        "{}",
        found.difference.summary(Language::En)
    );
    let now = serving(world).await;
    assert_ne!(now.id, first.id);
    assert_eq!(
        (now.source.as_str(), pending(world).await),
        ("upload", None),
        "nothing to decide"
    );
    assert!(
        templates::upload(&world.app, &world.caller, Upload::default())
            .await
            .is_err()
    );
    // 20,000 rows more than anybody needs.
    let mut large = WOMEN.trim_end().to_owned();
    for row in WOMEN.lines().skip(1).cycle().take(20_000) {
        large.push('\n');
        large.push_str(row);
    }
    let upload = Upload {
        women: Some(large.into_bytes()),
        ..Upload::default()
    };
    let refused = templates::upload(&world.app, &world.caller, upload).await;
    assert!(
        matches!(refused, Err(templates::Refusal::Cells(errors)) if errors.truncated),
        "rows claim the same place"
    );
    assert_eq!(serving(world).await.id, now.id);
}

fn csv_rows(text: &str) -> Vec<Vec<String>> {
    // No cell of the fixture spans lines.
    text.lines()
        .map(|line| {
            let (mut cells, mut quoted) = (vec![String::new()], false);
            for letter in line.chars() {
                match letter {
                    '"' => quoted = !quoted,
                    ',' if !quoted => cells.push(String::new()),
                    other => cells.last_mut().unwrap().push(other),
                }
            }
            cells
        })
        .collect()
}

async fn versions_that_nobody_needs_are_forgotten_in_their_time(desk: &Desk) {
    let world = &desk.world;
    desk.look().await;
    desk.put_women(&with_sets("5")).await;
    desk.look().await;
    desk.put_women(&with_sets("4")).await;
    desk.look().await;
    assert_eq!(versions(world).await, 4);
    world.advance_minutes(200 * 24 * 60);
    app::schedule::enqueue(&world.app, app::schedule::PURGE_JOB, 3_600_000)
        .await
        .unwrap();
    world.run_jobs().await;
    assert_eq!(versions(world).await, 2, "what serves and what waits stay");
    assert!(pending(world).await.is_some());
}

on_both!(in crate::sheet::Desk;
    a_change_is_shown_before_it_serves_and_the_first_decision_wins,
    a_change_that_was_left_is_not_asked_about_again_however_the_sheet_flaps,
    changes_are_taken_at_once_where_the_trainer_sets_it_so,
    a_wrong_cell_is_named_once_a_day_and_so_is_its_mending,
    on_every_bad_day_the_last_good_version_serves,
    every_spelling_of_a_table_gives_the_same_programmes,
    versions_that_nobody_needs_are_forgotten_in_their_time,
);

/// A spreadsheet whose library changes between the requests of one look, so that the first round is a mixture.
#[tokio::test]
async fn tables_that_change_while_they_are_read_are_read_again_until_they_belong_together() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let exercises = String::from_utf8(programs::templates::shipped()[2].csv.to_vec()).unwrap();
    let export = move |axum::extract::RawQuery(query): axum::extract::RawQuery| {
        let count = counted.fetch_add(1, Ordering::SeqCst);
        let exercises = exercises.clone();
        async move {
            let gid = query.unwrap_or_default().rsplit('=').next().unwrap().to_owned();
            let csv = match gid.as_str() {
                // In the first round the row is still being typed.
                "1" if count < 3 => with_sets("5"),
                "1" => with_sets("4"),
                "0" => MEN.to_owned(),
                _ => exercises,
            };
            ([("content-type", "text/csv")], csv)
        }
    };
    let router = axum::Router::new().route("/spreadsheets/d/{id}/export", axum::routing::get(export));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let world = World::start_with(Backend::Sqlite, Some((sheets(&base), DEMO_SHEET))).await;
    look(&world).await;
    assert_eq!(asked.load(Ordering::SeqCst), 9, "three rounds: the last two agree");
    let version = serving(&world).await;
    let tables = world.read().await.snapshot_tables(&version.id).await.unwrap().unwrap();
    assert_eq!(tables.women.open().unwrap(), with_sets("4").into_bytes());
    assert_eq!(versions(&world).await, 2, "the mixture was never a version");
    look(&world).await;
    assert_eq!(asked.load(Ordering::SeqCst), 12, "a calm sheet is read once a look");
    world.stop().await;
    server.abort();
}
