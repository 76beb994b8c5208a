//! Newcomers a second: client, conversation, lead, move, touch, timeline, messages and inbox in one durable transaction
//! each, beside the same statements sent by nobody but a loop.

use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use api_types::conversation::{Channel, Event, EventBody, Person as WirePerson};
use app::converse::{self, Body, Inbound, Person};
use app::{App, Caller};
use sqlx::postgres::PgConnectOptions;

use crate::alone::{self, Amount};
use crate::figures::{Timings, mean, rate, repeat};
use crate::options::{Database, Options};
use crate::place::{self, Bare, Place};
use crate::process;
use crate::script::{self, Names, Script};
use crate::table::{Report, p50_p99, per_second};
use crate::wire::Recorder;

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
    let newcomer = listen().await?;
    let script = &newcomer.0;
    for database in &options.databases {
        report.section(format!(
            "{}: newcomers (one durable transaction each, {} statements and {} rows)",
            database.name(),
            script.statements(),
            script.inserts()
        ));
        let place = Place::make(*database).await?;
        on_one(options, report, &place, &newcomer).await?;
        place.remove().await?;
    }
    Ok(())
}

/// Newcomers before the recording: caches are filled, statements are prepared on every connection.
const WARM_UP: usize = 20;
const TRIES: u32 = 5;

/// The statements of one newcomer, and the names of the installation where they were heard.
async fn listen() -> anyhow::Result<(Script, Names)> {
    let place = Place::make(Database::Postgres).await?;
    let options = PgConnectOptions::from_str(&place.url)?;
    let upstream = format!("{}:{}", options.get_host(), options.get_port());
    let recorder = Recorder::start(upstream.clone()).await?;
    let app = place
        .open(Some(&place.url.replace(&upstream, &recorder.address)))
        .await?;
    let caller = place::settle(&app).await?;
    for _ in 0..WARM_UP {
        come(&app, &caller).await?;
    }
    let mut pair = None;
    for _ in 0..TRIES {
        recorder.take();
        come(&app, &caller).await?;
        let first = recorder.take();
        come(&app, &caller).await?;
        let second = recorder.take();
        // A cache that ran out between the two says more than the other.
        let is_alike = first.len() == second.len() && first.iter().zip(&second).all(|(a, b)| a.sql == b.sql);
        if is_alike {
            pair = Some((first, second));
            break;
        }
    }
    let pair = pair.context("two newcomers in a row never had the same statements")?;
    let script = script::compare(&[pair]).pop().unwrap_or_default();
    ensure!(script.inserts() > 0, "the recording holds no insert");
    let names = Names::of(&app, &caller).await?;
    app.store().close().await;
    place.remove().await?;
    Ok((script, names))
}

async fn on_one(
    options: &Options,
    report: &mut Report,
    place: &Place,
    (script, names): &(Script, Names),
) -> anyhow::Result<()> {
    let app = place.open(None).await?;
    let caller = place::settle(&app).await?;
    let script = script.moved(names, &Names::of(&app, &caller).await?);
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
            commits.push(alone::one_row_commits(place, &mut bare, alone, options.window).await?);
            same.push(said_again(place, &mut bare, &script, alone, options.window).await?);
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

/// The newcomer's statements without the product: how many a second.
async fn said_again(
    place: &Place,
    bare: &mut Bare,
    script: &Script,
    workers: usize,
    window: Duration,
) -> anyhow::Result<f64> {
    let mut before = Vec::new();
    for table in TABLES {
        before.push(bare.count(table).await?);
    }
    let amount = Amount::Window(window);
    let (done, whole) = alone::statements(place, bare, script, workers, amount, alone::base()).await?;
    for (table, before) in TABLES.into_iter().zip(before) {
        let grown = bare.count(table).await? - before;
        ensure!(
            grown == done,
            "the statements were sent for {done} newcomers, {table} has {grown} new rows"
        );
    }
    Ok(rate(done, whole))
}

/// One-row commits a second on the database of a place where the product runs.
pub async fn commits(place: &Place, workers: usize, window: Duration) -> anyhow::Result<f64> {
    let mut bare = place.bare().await?;
    bare.script(COMMITS_TABLE).await?;
    let commits = alone::one_row_commits(place, &mut bare, workers, window).await?;
    bare.close().await?;
    Ok(commits)
}

pub fn clients(workers: usize) -> String {
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
