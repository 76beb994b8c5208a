//! Newcomers a second: client, conversation, lead, move, touch, timeline, messages and inbox in one durable transaction
//! each, beside the same statements sent by nobody but a loop.

mod replay;
mod script;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::ensure;
use api_types::conversation::{Channel, Event, EventBody, Person as WirePerson};
use app::converse::{self, Body, Inbound, Person};
use app::{App, Caller};

use crate::figures::{Timings, repeat};
use crate::options::{Database, Options};
use crate::place::{self, Bare, Place};
use crate::process;
use crate::table::{Report, p50_p99, per_second};
use script::Script;

const WORKERS: [usize; 3] = [1, 8, 16];
/// Every newcomer has a row in each of them.
const TABLES: [&str; 7] = [
    "inbox",
    "clients",
    "conversations",
    "leads",
    "client_pipelines",
    "touches",
    "client_actions",
];

const COMMITS_TABLE: &str = "CREATE TABLE bench_commits (id BIGINT PRIMARY KEY NOT NULL, body TEXT NOT NULL)";

static PEOPLE: AtomicU64 = AtomicU64::new(1);

pub async fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    report.progress("writes: listening to what the product says for one newcomer");
    let script = script::listen().await?;
    for database in &options.databases {
        report.section(format!(
            "{}: newcomers (one durable transaction each, {} statements and {} rows)",
            database.name(),
            script.statements(),
            script.inserts()
        ));
        let place = Place::make(*database).await?;
        on_one(options, report, &place, &script).await?;
        place.remove().await?;
    }
    Ok(())
}

async fn on_one(options: &Options, report: &mut Report, place: &Place, script: &Script) -> anyhow::Result<()> {
    let app = place.open(None).await?;
    let caller = place::settle(&app).await?;
    let script = script.moved_to(&app, &caller).await?;
    let mut bare = place.bare().await?;
    bare.script(COMMITS_TABLE).await?;

    let api = process::crm_api(place).await?;
    for workers in WORKERS {
        // One connection is all that can write into SQLite.
        let alone = if place.database == Database::Sqlite { 1 } else { workers };
        let mut commits = Vec::new();
        let mut same = Vec::new();
        let mut inside = Vec::new();
        let mut outside = Vec::new();
        for _ in 0..options.rounds {
            commits.push(replay::one_row_commits(place, &mut bare, alone, options.window).await?);
            same.push(replay::statements(place, &mut bare, &script, alone, options.window).await?);
            inside.push(checked(&mut bare, in_process(&app, &caller, workers, options.window)).await?);
            outside.push(checked(&mut bare, over_http(&api, workers, options.window)).await?);
        }
        let (commits, same) = (mean(&commits), mean(&same));
        report.plain(
            format!("limit: one-row commits, {}", clients(alone)),
            per_second(commits),
            "",
        );
        report.rate(
            format!("limit: the same statements, {}", clients(alone)),
            same,
            commits,
            "commits",
            "",
        );
        for (what, rounds) in [("in process", inside), ("over HTTP", outside)] {
            let timings = Timings::join(rounds);
            let what = format!("{what}, {}, {}", clients(workers), p50_p99(&timings));
            report.rate(what, timings.per_second(), same, "alone", "≥ 0.50");
        }
    }
    app.store().close().await;
    bare.close().await?;
    api.stop().await
}

/// Of rounds that took the same time.
fn mean(rates: &[f64]) -> f64 {
    rates.iter().sum::<f64>() / rates.len().max(1) as f64
}

/// One-row commits a second on the database of a place where the product runs.
pub async fn commits(place: &Place, workers: usize, window: Duration) -> anyhow::Result<f64> {
    let mut bare = place.bare().await?;
    bare.script(COMMITS_TABLE).await?;
    let commits = replay::one_row_commits(place, &mut bare, workers, window).await?;
    bare.close().await?;
    Ok(commits)
}

fn clients(workers: usize) -> String {
    if workers == 1 {
        "1 at a time".to_owned()
    } else {
        format!("{workers} at once")
    }
}

/// Errors: when the tables have not grown by what was measured.
async fn checked(bare: &mut Bare, run: impl Future<Output = anyhow::Result<Timings>>) -> anyhow::Result<Timings> {
    let mut before = Vec::new();
    for table in TABLES {
        before.push(bare.count(table).await?);
    }
    let timings = run.await?;
    for (table, before) in TABLES.into_iter().zip(before) {
        let grown = bare.count(table).await? - before;
        ensure!(
            grown == timings.count(),
            "{} newcomers came, {table} has {grown} new rows",
            timings.count()
        );
    }
    Ok(timings)
}

fn newcomer() -> (u64, Person) {
    let number = PEOPLE.fetch_add(1, Ordering::Relaxed);
    let person = Person {
        first_name: format!("Анна {number}"),
        last_name: Some("Смирнова".to_owned()),
        username: Some(format!("anna_{number}")),
        language_code: Some("ru".to_owned()),
    };
    (number, person)
}

fn inbound() -> Inbound {
    let (number, person) = newcomer();
    Inbound {
        key: format!("telegram:7000000001:{number}"),
        address: (8_000_000_000 + number).to_string(),
        person,
        replica: "bench".to_owned(),
        body: Body::Start { payload: None },
    }
}

async fn come(app: &App, caller: &Caller) -> anyhow::Result<()> {
    let answer = converse::receive(app, caller, &inbound()).await?;
    ensure!(
        !answer.duplicate && !answer.deliveries.is_empty(),
        "a newcomer was not answered"
    );
    Ok(())
}

async fn in_process(app: &App, caller: &Caller, workers: usize, window: Duration) -> anyhow::Result<Timings> {
    let (app, caller) = (app.clone(), caller.clone());
    repeat(workers, window, move |_| {
        let (app, caller) = (app.clone(), caller.clone());
        async move { come(&app, &caller).await }
    })
    .await
}

async fn over_http(api: &process::Program, workers: usize, window: Duration) -> anyhow::Result<Timings> {
    let http = process::http()?;
    let url: Arc<str> = api.url("/api/bot/events").into();
    repeat(workers, window, move |_| {
        let (http, url) = (http.clone(), Arc::clone(&url));
        async move {
            let inbound = inbound();
            let event = Event {
                key: inbound.key,
                channel: Channel::Telegram,
                address: inbound.address,
                person: WirePerson {
                    first_name: inbound.person.first_name,
                    last_name: inbound.person.last_name,
                    username: inbound.person.username,
                    language_code: inbound.person.language_code,
                },
                replica: inbound.replica,
                body: EventBody::Start { payload: None },
            };
            let answer = http
                .post(&*url)
                .bearer_auth(place::BOT_TOKEN)
                .json(&event)
                .send()
                .await?;
            let body = answer.error_for_status()?.bytes().await?;
            ensure!(!body.is_empty(), "an event was answered with nothing");
            Ok(())
        }
    })
    .await
}
