//! Lists and searches over a thousand, a hundred thousand and a million clients, over HTTP and through the store alone.

mod queries;
mod seed;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use store::{Store, Tenant};

use crate::figures::{Timings, repeat};
use crate::options::Options;
use crate::place::{self, Place};
use crate::process::{self, Program};
use crate::table::{Line, Report, p50_p99, per_second, thousands};
use queries::{Ask, Query};

const WORKERS: [usize; 2] = [1, 8];
/// Before each measurement: connections are open, statements prepared, pages in the cache.
const WARM_UP: usize = 20;

pub async fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    for database in &options.databases {
        let place = Place::make(*database).await?;
        let app = place.open(None).await?;
        let caller = place::settle(&app).await?;
        let tenant = app.tenant(&caller.tenant);
        let api = process::crm_api(&place).await?;
        let cookie = process::sign_in(&api).await?;
        let mut seeded = seed::Seeded::default();
        for size in &options.list_sizes {
            report.progress(&format!(
                "{}: filling up to {} clients",
                database.name(),
                thousands(*size as f64)
            ));
            seeded.fill(&place, &tenant, *size).await?;
            report.section(format!(
                "{}: reads among {} clients",
                database.name(),
                thousands(*size as f64)
            ));
            // The short lists are there to be compared with the longest; the crowd is tried on that one.
            let (workers, window) = match options.list_sizes.last() {
                Some(largest) if largest == size => (WORKERS.as_slice(), options.read_window),
                _ => (&[1][..], options.read_window / 2),
            };
            let store = app.store();
            let scene = Scene {
                store,
                tenant: &tenant,
                api: &api,
                cookie: &cookie,
                workers,
                window,
            };
            for query in queries::all(&tenant, &seeded).await? {
                one(report, &scene, query).await?;
            }
        }
        app.store().close().await;
        api.stop().await?;
        place.remove().await?;
    }
    Ok(())
}

struct Scene<'a> {
    store: &'a Store,
    tenant: &'a Tenant,
    api: &'a Program,
    cookie: &'a str,
    workers: &'a [usize],
    window: Duration,
}

async fn one(report: &mut Report, scene: &Scene<'_>, query: Query) -> anyhow::Result<()> {
    let Scene {
        store,
        tenant,
        api,
        cookie,
        workers,
        window,
    } = *scene;
    let what = query.what;
    agree(store, tenant, api, cookie, &query).await.with_context(|| what)?;
    let query = Arc::new(query);
    for workers in workers.iter().copied() {
        let alone = through_the_store(tenant, &query, workers, window)
            .await
            .with_context(|| what)?;
        let http = over_http(api, cookie, &query, workers, window)
            .await
            .with_context(|| what)?;
        report.line(Line {
            what: format!("{what}, {workers} at once"),
            figure: format!("{}  {:>9}", p50_p99(&http), per_second(http.per_second())),
            limit: format!("store: {}  {:>9}", p50_p99(&alone), per_second(alone.per_second())),
            ratio: format!("{:.2}", http.per_second() / alone.per_second()),
            aim: "p99 < 25 ms",
        });
    }
    Ok(())
}

/// Errors: when the API and the store do not find the same, or not as much as was seeded.
async fn agree(store: &Store, tenant: &Tenant, api: &Program, cookie: &str, query: &Query) -> anyhow::Result<()> {
    store.ping().await?;
    for ask in &query.asks {
        let found = queries::run(tenant, ask).await?;
        let answer = process::http()?
            .get(api.url(&ask.path))
            .header("cookie", cookie)
            .send()
            .await?;
        let body: Value = answer.error_for_status()?.json().await?;
        let told = match ask.kind {
            queries::Kind::List(..) => ids(&body),
            queries::Kind::Board => {
                let columns = body
                    .get("columns")
                    .and_then(Value::as_array)
                    .context("the board has no columns")?;
                let totals: i64 = columns
                    .iter()
                    .filter_map(|column| column.get("total").and_then(Value::as_i64))
                    .sum();
                ensure!(
                    Some(totals) == query.expected,
                    "the board counts {totals} clients, not {:?}",
                    query.expected
                );
                columns
                    .iter()
                    .flat_map(|column| column.get("clients").map(ids).unwrap_or_default())
                    .collect()
            }
        };
        ensure!(
            found == told,
            "{} differs: the store has {} rows, the API {}",
            ask.path,
            found.len(),
            told.len()
        );
        if !matches!(ask.kind, queries::Kind::Board) {
            let count = i64::try_from(found.len())?;
            let is_right = query.expected.map_or(count > 0, |expected| count == expected);
            ensure!(is_right, "{}: {count} rows, not {:?}", ask.path, query.expected);
        }
    }
    Ok(())
}

fn ids(page: &Value) -> Vec<String> {
    let items = page.get("items").and_then(Value::as_array);
    items
        .into_iter()
        .flatten()
        .filter_map(|item| Some(item.get("id")?.as_str()?.to_owned()))
        .collect()
}

fn turns(query: &Arc<Query>) -> impl Fn() -> Option<Ask> + Send + Sync + Clone + 'static {
    let (query, turn) = (Arc::clone(query), Arc::new(AtomicUsize::new(0)));
    move || {
        query
            .asks
            .get(turn.fetch_add(1, Ordering::Relaxed) % query.asks.len().max(1))
            .cloned()
    }
}

async fn through_the_store(
    tenant: &Tenant,
    query: &Arc<Query>,
    workers: usize,
    window: Duration,
) -> anyhow::Result<Timings> {
    let (tenant, next) = (tenant.clone(), turns(query));
    let work = move |_| {
        let (tenant, ask) = (tenant.clone(), next());
        async move { queries::run(&tenant, &ask.context("nothing to ask")?).await.map(drop) }
    };
    for _ in 0..WARM_UP {
        work(0).await?;
    }
    repeat(workers, window, work).await
}

async fn over_http(
    api: &Program,
    cookie: &str,
    query: &Arc<Query>,
    workers: usize,
    window: Duration,
) -> anyhow::Result<Timings> {
    let (http, base, cookie): (_, Arc<str>, Arc<str>) = (process::http()?, api.url("").into(), cookie.into());
    let next = turns(query);
    let work = move |_| {
        let (http, base, cookie, ask) = (http.clone(), Arc::clone(&base), Arc::clone(&cookie), next());
        async move {
            let url = format!("{base}{}", ask.context("nothing to ask")?.path);
            http.get(url)
                .header("cookie", &*cookie)
                .send()
                .await?
                .error_for_status()?
                .bytes()
                .await?;
            Ok(())
        }
    };
    for _ in 0..WARM_UP {
        work(0).await?;
    }
    repeat(workers, window, work).await
}
