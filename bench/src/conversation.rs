//! People who walk through the questionnaire: sandbox, bot and API as real processes, the way from a tap to the reply.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use futures::future::try_join_all;
use sandbox::Driver;
use sandbox::driver::Chat;
use serde_json::json;

use crate::figures::Timings;
use crate::options::{Database, Options};
use crate::place::Place;
use crate::process::{self, Memory, Program};
use crate::table::{Line, Report, p50_p99, per_second, thousands};
use crate::waits::Watch;
use crate::{route, writes};

const REPLY: Duration = Duration::from_secs(60);
const DOCUMENT: Duration = Duration::from_secs(120);
const CONNECT: Duration = Duration::from_secs(20);
/// Nothing is asked of the system for this long before its memory is read: threads and connections that nobody needs any
/// more are gone by then.
const IDLE: Duration = Duration::from_secs(60);
/// Walk alone first, one after another: the reply's time without a crowd.
const ALONE: usize = 3;
/// Nobody taps sooner after a reply than this.
const QUICK_TAP: Duration = Duration::from_millis(300);
/// A step that takes longer has stood still; what the database waited for meanwhile is told.
const STOOD_STILL: Duration = Duration::from_secs(3);
/// From a reply to the next tap of somebody who reads the question.
const HUMAN_PACE: Duration = Duration::from_secs(2);
const ROUTE_WORKERS: usize = 32;
const COMMIT_WORKERS: usize = 16;

#[derive(Debug, Clone, Copy)]
enum Step {
    Say(&'static str),
    Press(&'static str),
    /// A box that is ticked in place: the buttons change, not the text.
    Tick(&'static str),
}

const WALK: &[Step] = &[
    Step::Say("/start"),
    Step::Press("Бесплатная программа"),
    Step::Press("Согласен"),
    Step::Press("Нет, только программу"),
    Step::Press("Женский"),
    Step::Say("31"),
    Step::Press("Новичок"),
    Step::Press("Снизить вес"),
    Step::Say("1,68 м"),
    Step::Say("72,5 кг"),
    Step::Press("В основном сижу"),
    Step::Press("Дома"),
    Step::Press("Гантели"),
    Step::Press("3 дня"),
    Step::Tick("Колени"),
    Step::Press("Готово"),
    Step::Press("Нет, всё в порядке"),
    Step::Press("Всё верно"),
];

struct System {
    api: Program,
    sandbox: Program,
    bot: Program,
}

pub async fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let route = route::measure(ROUTE_WORKERS, options.window).await?.per_second();
    for database in &options.databases {
        report.section(format!(
            "{}: conversations through sandbox, bot and API",
            database.name()
        ));
        report.plain("limit: bare axum route with the same JSON", per_second(route), "");
        let place = Place::make(*database).await?;
        let system = start(&place).await?;
        let outcome = on_one(options, report, &place, &system, route).await;
        if outcome.is_err() {
            for program in [&system.api, &system.bot, &system.sandbox] {
                report.progress(&format!("{} said last:\n{}", program.name, program.tail()));
            }
        }
        outcome?;
        for program in [system.bot, system.api, system.sandbox] {
            program.stop().await?;
        }
        place.remove().await?;
    }
    Ok(())
}

async fn start(place: &Place) -> anyhow::Result<System> {
    let sandbox = process::sandbox(place).await?;
    let api = process::crm_api(place).await?;
    let bot = process::bot(place, &api, &sandbox).await?;
    let driver = Driver::new(&sandbox.url(""))?;
    driver.set_faults(&json!({ "telegram": { "limits": false } })).await?;
    let until = Instant::now() + CONNECT;
    while driver.connected().await? != "polling" {
        ensure!(
            Instant::now() < until,
            "the bot does not come to the sandbox:\n{}",
            bot.tail()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(System { api, sandbox, bot })
}

async fn on_one(
    options: &Options,
    report: &mut Report,
    place: &Place,
    system: &System,
    route: f64,
) -> anyhow::Result<()> {
    let driver = Driver::new(&system.sandbox.url(""))?;
    let workers = if place.database == Database::Sqlite {
        1
    } else {
        COMMIT_WORKERS
    };
    let commits = writes::commits(place, workers, options.window).await?;
    report.plain(
        format!("limit: one-row commits, {workers} at once"),
        per_second(commits),
        "",
    );

    let mut walks = Vec::new();
    for _ in 0..ALONE {
        walks.push(walk(&driver, QUICK_TAP).await?.steps);
    }
    let times = walks.concat();
    let whole = times.iter().sum();
    report.plain(
        "one person: from a tap to the reply",
        p50_p99(&Timings::new(times, whole)),
        "",
    );
    let (slowest, median) = slowest(&walks);
    report.plain(
        "one person: the slowest step, its p50",
        format!("{median:.1} ms"),
        slowest,
    );

    let people = options.chats;
    let paced = crowd(&driver, people, HUMAN_PACE).await?;
    let pace = format!("{people} people, a tap {} s after each reply", HUMAN_PACE.as_secs());
    report.plain(format!("{pace}: from a tap to the reply"), p50_p99(&paced.steps), "");
    report.plain(format!("{pace}: steps a second"), per_second(paced.per_second), "");
    report.plain(
        format!("{pace}: from the last answer to the PDF"),
        p50_p99(&paced.documents),
        "",
    );

    let before = [&system.api, &system.bot, &system.sandbox].map(Program::processor_ms);
    let watch = Watch::start(place).await?;
    let Crowd {
        steps,
        documents,
        per_second: a_second,
        longest: (since, took),
    } = crowd(&driver, people, Duration::ZERO).await?;
    if let Some(watch) = watch
        && took > STOOD_STILL
    {
        report.progress(&format!(
            "somebody waited {:.1} s for a reply; meanwhile these were waited for, by so many sessions on average:\n{}",
            took.as_secs_f64(),
            watch.told(since, took).await?
        ));
    }
    let mut spent = Vec::new();
    for (program, before) in [&system.api, &system.bot, &system.sandbox].into_iter().zip(before) {
        spent.push((program.name, program.processor_ms()? - before?));
    }
    report.plain(
        format!("{people} people without a pause: from a tap to the reply"),
        p50_p99(&steps),
        "",
    );
    report.rate(
        format!("{people} people without a pause: steps a second"),
        a_second,
        commits,
        "commits",
        "",
    );
    report.rate(
        format!("{people} people without a pause: steps a second"),
        a_second,
        route,
        "bare route",
        "",
    );
    report.plain(
        format!("{people} people without a pause: from the last answer to the PDF"),
        p50_p99(&documents),
        "",
    );
    let shares: Vec<String> = spent
        .iter()
        .map(|(name, millis)| format!("{name} {:.2}", *millis as f64 / steps.count().max(1) as f64))
        .collect();
    report.plain(
        "processor a step, programmes included",
        format!("{} ms", shares.join(", ")),
        "",
    );
    verify(place, ALONE + 2 * people).await?;
    for program in [&system.api, &system.bot] {
        let complaints = program.complaints();
        if complaints > 0 {
            report.progress(&format!(
                "{} wrote {complaints} warnings or errors, the last:\n{}",
                program.name,
                program.tail()
            ));
        }
    }
    memory(report, system).await
}

/// The step whose median is the longest, and that median in milliseconds.
fn slowest(walks: &[Vec<Duration>]) -> (&'static str, f64) {
    let medians = WALK.iter().enumerate().map(|(at, step)| {
        let times = walks.iter().filter_map(|walk| walk.get(at).copied()).collect();
        let (Step::Say(label) | Step::Press(label) | Step::Tick(label)) = *step;
        (label, Timings::new(times, Duration::ZERO).percentile_ms(50))
    });
    medians
        .max_by(|left, right| left.1.total_cmp(&right.1))
        .unwrap_or_default()
}

async fn memory(report: &mut Report, system: &System) -> anyhow::Result<()> {
    report.progress(&format!(
        "waiting {} s, then reading the memory of the idle system",
        IDLE.as_secs()
    ));
    tokio::time::sleep(IDLE).await;
    let megabytes = |memory: Memory| {
        (
            memory.resident_kb as f64 / 1024.0,
            memory.proportional_kb as f64 / 1024.0,
        )
    };
    let (api, api_shared) = megabytes(system.api.memory()?);
    let (bot, bot_shared) = megabytes(system.bot.memory()?);
    let (sandbox, _) = megabytes(system.sandbox.memory()?);
    report.line(Line {
        what: "idle afterwards: crm-api and bot, resident memory".to_owned(),
        figure: format!("{} MB", thousands(api + bot)),
        limit: format!(
            "crm-api {} + bot {}; by shares {}; sandbox apart {}",
            thousands(api),
            thousands(bot),
            thousands(api_shared + bot_shared),
            thousands(sandbox)
        ),
        ratio: format!("{:.2}", (api + bot) / 60.0),
        aim: "< 60 MB",
    });
    Ok(())
}

/// Errors: when the books do not hold what the chats have seen.
async fn verify(place: &Place, people: usize) -> anyhow::Result<()> {
    let mut bare = place.bare().await?;
    let people = i64::try_from(people)?;
    for (what, sql) in [
        ("clients", "SELECT CAST(COUNT(*) AS BIGINT) FROM clients"),
        (
            "finished questionnaires",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM questionnaires WHERE status = 'completed'",
        ),
        (
            "delivered programmes",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM training_programs WHERE delivered_at_ms IS NOT NULL",
        ),
    ] {
        let until = Instant::now() + REPLY;
        loop {
            let found = bare.number(sql).await?;
            if found == people {
                break;
            }
            // The last document's report may still be on its way.
            ensure!(
                Instant::now() < until,
                "{people} people walked, the database has {found} {what}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    bare.close().await
}

struct Walk {
    steps: Vec<Duration>,
    /// The step that took the longest: when it began, and how long it took.
    longest: (Instant, Duration),
    /// From the beginning to the last reply but the document.
    answered: Duration,
    document: Duration,
}

struct Crowd {
    steps: Timings,
    documents: Timings,
    per_second: f64,
    /// As in [`Walk`], of everybody.
    longest: (Instant, Duration),
}

/// Everybody starts within one pause of the others.
async fn crowd(driver: &Driver, people: usize, pause: Duration) -> anyhow::Result<Crowd> {
    let begin = Instant::now();
    let walks = (0..people).map(|number| {
        let (driver, late) = (driver.clone(), pause.mul_f64(number as f64 / people.max(1) as f64));
        let task = tokio::spawn(async move {
            tokio::time::sleep(late).await;
            let walk = walk(&driver, pause).await?;
            anyhow::Ok((late + walk.answered, walk))
        });
        async move { task.await? }
    });
    let walks = try_join_all(walks).await?;
    let whole = begin.elapsed();
    let answered = walks.iter().map(|(answered, _)| *answered).max().unwrap_or(whole);
    let documents = Timings::new(walks.iter().map(|(_, walk)| walk.document).collect(), whole);
    let longest = walks.iter().map(|(_, walk)| walk.longest).max_by_key(|(_, took)| *took);
    let steps = Timings::new(walks.into_iter().flat_map(|(_, walk)| walk.steps).collect(), answered);
    Ok(Crowd {
        per_second: steps.per_second(),
        longest: longest.unwrap_or((begin, Duration::ZERO)),
        steps,
        documents,
    })
}

async fn walk(driver: &Driver, pause: Duration) -> anyhow::Result<Walk> {
    let begin = Instant::now();
    let user = driver.add_user("Анна", "ru", "client").await?.id;
    let mut chat = Arc::new(driver.chat(user).await?);
    let mut steps = Vec::with_capacity(WALK.len());
    let mut last = begin;
    let mut longest = (begin, Duration::ZERO);
    for step in WALK {
        let tap = match find(&chat, *step) {
            Some(tap) => tap,
            // A reply may be of several messages; the buttons hang on the last.
            None => {
                let (fresh, tap) = driver
                    .wait_in_chat(user, REPLY, |chat| Some((Arc::new(chat.clone()), find(chat, *step)?)))
                    .await
                    .with_context(|| format!("nothing to do {step:?} with"))?;
                chat = fresh;
                tap
            }
        };
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
            chat = Arc::new(driver.chat(user).await?);
        }
        let before = look(&chat, *step);
        last = Instant::now();
        match &tap {
            Tap::Text(text) => driver.send_text(user, text).await.map(drop)?,
            Tap::Button { message_id, data } => driver.press(user, *message_id, data).await.map(drop)?,
        }
        chat = driver
            .wait_in_chat(user, REPLY, |chat| {
                (look(chat, *step) != before).then(|| Arc::new(chat.clone()))
            })
            .await
            .with_context(|| format!("no reply to {step:?}"))?;
        let took = last.elapsed();
        steps.push(took);
        if took > longest.1 {
            longest = (last, took);
        }
    }
    let answered = begin.elapsed();
    driver
        .wait_for_message(user, DOCUMENT, |message| message.document.is_some())
        .await
        .context("no programme came")?;
    Ok(Walk {
        steps,
        longest,
        answered,
        document: last.elapsed(),
    })
}

/// What of the screen a step changes.
fn look(chat: &Chat, step: Step) -> Option<(i64, String, String)> {
    let message = chat.visible().rev().find(|message| message.is_from_bot())?;
    let buttons = match step {
        Step::Tick(_) => message.buttons().map(|button| button.text.as_str()).collect(),
        Step::Say(_) | Step::Press(_) => String::new(),
    };
    Some((message.message_id, message.text.clone(), buttons))
}

enum Tap {
    Text(String),
    Button { message_id: i64, data: String },
}

/// What a person would do for this step with what is on the screen.
fn find(chat: &Chat, step: Step) -> Option<Tap> {
    let label = match step {
        Step::Say(text) => return Some(Tap::Text(text.to_owned())),
        Step::Press(label) | Step::Tick(label) => label,
    };
    let inline = chat.visible().rev().find_map(|message| {
        let data = message.button(label)?.data.clone()?;
        Some(Tap::Button {
            message_id: message.message_id,
            data,
        })
    });
    inline.or_else(|| {
        let keyboard = chat
            .reply_keyboard
            .iter()
            .flat_map(|keyboard| keyboard.rows.iter().flatten());
        keyboard
            .into_iter()
            .find(|text| text.contains(label))
            .map(|text| Tap::Text(text.clone()))
    })
}
