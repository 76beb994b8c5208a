//! A minute of notifications at a steady rate into the real process, which settles them meanwhile.
//!
//! Nobody who sends waits for an answer, and each time is counted from the moment the notification was meant to go out:
//! an answer that makes others late is late for all of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use tokio::task::JoinSet;

use super::shop::Shop;
use crate::figures::Timings;
use crate::options::{Database, Options};
use crate::process::{self, Program, http};
use crate::table::{Report, p50_p99, per_second, thousands};

const A_SECOND: u64 = 800;
/// Of a hundred notifications so many come again.
const AGAIN: u64 = 10;
/// Each payment is told of twice: as held and as succeeded, in either order.
const EVENTS: [&str; 2] = ["payment.waiting_for_capture", "payment.succeeded"];
/// A notification comes up to so many places away from its turn.
const DISORDER: u64 = 1_600;
const TICK: Duration = Duration::from_millis(1);
/// The caches are filled and the allocator has its arenas by then.
const SETTLING_IN: usize = 10;
const SETTLED: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM payments WHERE status = 'completed'";
const BOOKED: &str =
    "SELECT CAST(COUNT(*) AS BIGINT) FROM ledger_transfers WHERE transfer_key LIKE 'payment_succeeded:%'";

/// The same numbers in each run (splitmix64).
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

pub async fn measure(options: &Options, report: &mut Report, database: Database, bank: &str) -> anyhow::Result<()> {
    let shop = Shop::make(database, bank).await?;
    let count = A_SECOND * options.hold.as_secs();
    let distinct = count - count * AGAIN / 100;
    report.progress(&format!(
        "{}: {} payments that wait",
        database.name(),
        thousands((distinct / 2) as f64)
    ));
    let mut facts: Vec<Bytes> = Vec::new();
    for waiting in shop.waiting(distinct.div_ceil(2)).await? {
        facts.extend(EVENTS.map(|event| Bytes::from(waiting.notification(event))));
    }
    facts.truncate(usize::try_from(distinct)?);
    let letters = disordered(facts, count);
    let api = process::crm_api_with_bank(&shop.place, bank).await?;
    let outcome = hold(options, report, &shop, &api, letters, distinct).await;
    if outcome.is_err() {
        report.progress(&format!("crm-api said last:\n{}", api.tail()));
    }
    outcome?;
    api.stop().await?;
    well(report, &shop, bank).await?;
    shop.close().await
}

/// Some come twice, and none in its turn.
fn disordered(facts: Vec<Bytes>, count: u64) -> Vec<Bytes> {
    let distinct = facts.len() as u64;
    let again = (distinct..count).filter_map(|number| {
        let of = mixed(number) % distinct.max(1);
        // The second delivery comes within the same few seconds.
        Some((of + mixed(of) % DISORDER, facts.get(usize::try_from(of).ok()?)?.clone()))
    });
    let mut turns: Vec<(u64, Bytes)> = again.collect();
    turns.extend((0..).zip(facts).map(|(at, fact)| (at + mixed(at) % DISORDER, fact)));
    turns.sort_by_key(|(turn, _)| *turn);
    turns.into_iter().map(|(_, fact)| fact).collect()
}

async fn hold(
    options: &Options,
    report: &mut Report,
    shop: &Shop,
    api: &Program,
    letters: Vec<Bytes>,
    distinct: u64,
) -> anyhow::Result<()> {
    let mut bare = shop.place.bare().await?;
    let before = bare.count("inbox").await?;
    let settled_before = bare.number(SETTLED).await?;
    let url: Arc<str> = api.url("/api/payments/webhook/yookassa").into();
    let http = http()?;
    let count = letters.len() as u64;
    let mut memory: Vec<f64> = Vec::new();
    let mut sent: JoinSet<anyhow::Result<Duration>> = JoinSet::new();
    let mut times = Vec::with_capacity(letters.len());
    let mut most_late = Duration::ZERO;
    let processor = api.processor_ms()?;
    let start = Instant::now();
    let mut next_look = Duration::ZERO;
    for (number, letter) in (0_u32..).zip(letters) {
        let due = start + Duration::from_secs(1) * number / u32::try_from(A_SECOND)?;
        while Instant::now() < due {
            tokio::time::sleep(TICK.min(due.saturating_duration_since(Instant::now()))).await;
        }
        most_late = most_late.max(due.elapsed());
        let (http, url) = (http.clone(), Arc::clone(&url));
        sent.spawn(async move {
            let answer = http.post(&*url).body(letter).send().await?;
            answer.error_for_status()?.bytes().await?;
            Ok(due.elapsed())
        });
        while let Some(time) = sent.try_join_next() {
            times.push(time??);
        }
        if start.elapsed() >= next_look {
            next_look += Duration::from_secs(1);
            memory.push(api.resident_kb()? as f64 / 1024.0);
        }
    }
    let whole = start.elapsed();
    while let Some(time) = sent.join_next().await {
        times.push(time??);
    }
    let settled = bare.number(SETTLED).await? - settled_before;
    let spent = api.processor_ms()? - processor;
    let timings = Timings::new(times, whole);
    let taken = bare.count("inbox").await? - before;
    ensure!(
        timings.count() == count && taken == distinct,
        "{count} notifications of {distinct} facts were sent, {} acknowledged, the inbox has {taken}",
        timings.count()
    );
    let seconds = options.hold.as_secs();
    report.plain(
        format!("{A_SECOND} notifications/s for {seconds} s, of them {AGAIN} % again, in disorder: acknowledged"),
        p50_p99(&timings),
        "p99 < 50 ms",
    );
    report.plain(
        "the same: rate held, the slowest answer, the sender's own delay at most",
        format!(
            "{}  {:.1} ms  {:.1} ms",
            per_second(timings.per_second()),
            timings.percentile_ms(100),
            most_late.as_secs_f64() * 1000.0
        ),
        "",
    );
    report.plain(
        "the same: payments settled meanwhile, of those told of",
        format!(
            "{}  {} of {}",
            per_second(settled as f64 / whole.as_secs_f64()),
            thousands(settled as f64),
            thousands((distinct / 2) as f64)
        ),
        "",
    );
    report.plain(
        "the same: processor of crm-api",
        format!(
            "{:.2} of the machine's cores",
            spent as f64 / 1000.0 / whole.as_secs_f64()
        ),
        "",
    );
    report.plain(
        format!("the same: resident memory of crm-api, every second from {SETTLING_IN} s on"),
        trend(&memory)?,
        "flat",
    );
    let complaints = api.complaints();
    if complaints > 0 {
        report.progress(&format!(
            "crm-api wrote {complaints} warnings or errors, the last:\n{}",
            api.tail()
        ));
    }
    bare.close().await
}

/// First, last and greatest of the samples, and the slope of the straight line through them.
fn trend(samples: &[f64]) -> anyhow::Result<String> {
    let at_start = samples.first().copied().context("no memory was sampled")?;
    let late = samples.get(SETTLING_IN.min(samples.len() / 2)..).unwrap_or_default();
    let count = late.len() as f64;
    let (mut x, mut y, mut xx, mut xy) = (0.0, 0.0, 0.0, 0.0);
    for (second, sample) in late.iter().enumerate() {
        let second = second as f64;
        x += second;
        y += sample;
        xx += second * second;
        xy += second * sample;
    }
    let spread = count * xx - x * x;
    let slope = if spread > 0.0 {
        (count * xy - x * y) / spread
    } else {
        0.0
    };
    let most = samples.iter().copied().fold(0.0, f64::max);
    Ok(format!(
        "{at_start:.1} MB at the start, {:.1} → {:.1} MB, {most:.1} at most, {:+.1} MB a minute",
        late.first().copied().unwrap_or_default(),
        late.last().copied().unwrap_or_default(),
        slope * 60.0
    ))
}

/// Each settled payment is in the books once, and the doctor finds nothing.
async fn well(report: &mut Report, shop: &Shop, bank: &str) -> anyhow::Result<()> {
    let mut bare = shop.place.bare().await?;
    let (settled, booked) = (bare.number(SETTLED).await?, bare.number(BOOKED).await?);
    bare.close().await?;
    ensure!(settled == booked, "{settled} payments are settled, {booked} are booked");
    let examined = process::doctor(&shop.place, bank).await?;
    ensure!(
        examined.is_well,
        "the doctor finds something after the load:\n{}",
        examined.said
    );
    report.progress(
        "every notification is one row of the inbox, every settled payment booked once, the doctor finds nothing",
    );
    Ok(())
}
