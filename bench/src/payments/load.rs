//! As much as goes in: taken, bought, settled; rounds in turns with the same transactions sent by nobody but a loop.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use app::pay::{notify, open, place};
use app::{App, Caller, Role, access, work};
use bytes::Bytes;
use crm_api::{ApiState, HttpOptions};
use domain::ids::{ClientId, Id as _};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::record::{self, Life};
use super::shop::{PROVIDER, Shop, each};
use super::{HERE, bank};
use crate::alone::{self, Amount};
use crate::figures::{Timings, mean, rate, repeat};
use crate::options::{Database, Options};
use crate::place::Bare;
use crate::process::http;
use crate::script::Script;
use crate::table::{Report, p50_p99, per_second};
use crate::writes::clients;

const AT_ONCE: [usize; 2] = [1, 16];
/// As many as the product's own.
const WORKERS: usize = 4;
const AIM: &str = "≥ 0.70";
/// Everything that waits is settled within this, or something is stuck.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(10);
/// What is left to settle, by the index of what is due: a look must not cost what is measured.
const UNSETTLED: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM jobs WHERE state IN ('queued', 'running') AND due_at_ms = 0 AND kind = 'treat_notification'";
const COMPLETED: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM payments WHERE status = 'completed'";
const BOOKED: &str =
    "SELECT CAST(COUNT(*) AS BIGINT) FROM ledger_transfers WHERE transfer_key LIKE 'payment_succeeded:%'";
const LINKED: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM payments WHERE status = 'pending'";

static FACTS: AtomicU64 = AtomicU64::new(1);

struct Scene<'a> {
    options: &'a Options,
    shop: &'a Shop,
    alone: &'a Shop,
    life: &'a Life,
    /// Past the product, in its database and in the other one.
    in_shop: Bare,
    bare: Bare,
    /// The product's HTTP without its workers.
    url: String,
    token: String,
}

pub async fn measure(
    options: &Options,
    report: &mut Report,
    shop: &Shop,
    alone: &Shop,
    life: &Life,
) -> anyhow::Result<()> {
    record::warm_up(shop).await?;
    record::warm_up(alone).await?;
    let life = life.moved_to(alone).await?;
    let serving = CancellationToken::new();
    let url = serve(&shop.app, serving.clone()).await?;
    let (_, token) = access::create_api_key(&shop.app, &shop.caller, "bench", Role::Admin).await?;
    let mut scene = Scene {
        options,
        shop,
        alone,
        life: &life,
        in_shop: shop.place.bare().await?,
        bare: alone.place.bare().await?,
        url,
        token: token.to_string(),
    };
    for at_once in AT_ONCE {
        scene.taken(report, at_once).await?;
    }
    for at_once in AT_ONCE {
        scene.checkouts(report, at_once).await?;
    }
    scene.settled(report).await?;
    serving.cancel();
    scene.in_shop.close().await?;
    scene.bare.close().await
}

async fn serve(app: &App, until: CancellationToken) -> anyhow::Result<String> {
    let options = HttpOptions {
        rate_limit_per_minute: NonZeroU32::MAX,
        ..HttpOptions::default()
    };
    let service =
        crm_api::router(ApiState::new(app.clone(), options)).into_make_service_with_connect_info::<SocketAddr>();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        tokio::select! {
            served = axum::serve(listener, service).into_future() => served,
            () = until.cancelled() => Ok(()),
        }
    });
    Ok(format!("http://{address}"))
}

/// A notification of a payment nobody asks about.
fn fact() -> Bytes {
    let number = FACTS.fetch_add(1, Ordering::Relaxed);
    let payment = format!("py_{number:026}");
    bank::notification("payment.succeeded", &bank::id_of(&payment, 499_000), &payment, 499_000).into()
}

impl Scene<'_> {
    /// One connection is all that can write into SQLite.
    const fn alone_at_once(&self, at_once: usize) -> usize {
        match self.shop.place.database {
            Database::Sqlite => 1,
            Database::Postgres => at_once,
        }
    }

    async fn taken(&mut self, report: &mut Report, at_once: usize) -> anyhow::Result<()> {
        // One at a time only shows the time of one.
        let rounds = if at_once == 1 { 1 } else { self.options.rounds };
        let alone = self.alone_at_once(at_once);
        let window = self.options.window;
        let (mut same, mut inside, mut outside) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            let before = self.bare.count("inbox").await?;
            let (script, place) = (&self.life.taken, &self.alone.place);
            let amount = Amount::Window(window);
            let (done, whole) = alone::statements(place, &mut self.bare, script, alone, amount, alone::base()).await?;
            ensure!(self.bare.count("inbox").await? - before == done, "facts are missing");
            same.push(rate(done, whole));

            let before = (self.in_shop.count("inbox").await?, self.in_shop.count("jobs").await?);
            let timings = in_process(self.shop, at_once, window).await?;
            let timings_http = over_http(&self.url, at_once, window).await?;
            let after = (self.in_shop.count("inbox").await?, self.in_shop.count("jobs").await?);
            let came = timings.count() + timings_http.count();
            ensure!(
                (after.0 - before.0, after.1 - before.1) == (came, came),
                "{came} notifications were acknowledged: {before:?} rows became {after:?}"
            );
            inside.push(timings);
            outside.push(timings_http);
        }
        let limit = self.limit(report, "one notification's transaction", &self.life.taken, alone, &same);
        lines(report, "notifications taken", at_once, limit, inside, outside);
        // Nobody shall ask the bank about them later.
        self.in_shop
            .execute("DELETE FROM jobs WHERE kind = 'treat_notification' AND state = 'queued'".to_owned())
            .await?;
        Ok(())
    }

    async fn checkouts(&mut self, report: &mut Report, at_once: usize) -> anyhow::Result<()> {
        let rounds = if at_once == 1 { 1 } else { self.options.rounds };
        let count = self.options.waiting / if at_once == 1 { 3 } else { 1 };
        let alone = self.alone_at_once(at_once);
        let (mut same, mut inside, mut outside) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            let (base, amount) = (alone::base(), Amount::Each(count.div_ceil(alone as u64)));
            let place = &self.alone.place;
            alone::statements(place, &mut self.bare, &self.life.newcomer, alone, amount, base).await?;
            let before = self.bare.number(LINKED).await?;
            let (done, whole) =
                alone::statements(place, &mut self.bare, &self.life.checkout, alone, amount, base).await?;
            let linked = self.bare.number(LINKED).await? - before;
            ensure!(
                linked == i64::try_from(done)?,
                "{done} were bought, {linked} have a link"
            );
            same.push(rate(done, whole));

            let (some, others) = (self.shop.clients(count).await?, self.shop.clients(count).await?);
            let before = self.in_shop.number(LINKED).await?;
            inside.push(buy(self.shop, at_once, &some).await?);
            outside.push(buy_over_http(&self.url, &self.token, self.shop, at_once, others).await?);
            let linked = self.in_shop.number(LINKED).await? - before;
            ensure!(
                linked == 2 * i64::try_from(count)?,
                "{count} bought twice, {linked} have a link"
            );
        }
        let limit = self.limit(report, "one checkout's transactions", &self.life.checkout, alone, &same);
        lines(report, "checkouts", at_once, limit, inside, outside);
        Ok(())
    }

    async fn settled(&mut self, report: &mut Report) -> anyhow::Result<()> {
        let count = self.options.waiting;
        let alone = self.alone_at_once(WORKERS);
        let before_it = self
            .life
            .newcomer
            .clone()
            .then(&self.life.checkout)
            .then(&self.life.taken);
        let claimed = "UPDATE jobs SET state = 'running', attempts = 1, lease_owner = 'bench', due_at_ms = 0 \
             WHERE kind = 'treat_notification' AND state = 'queued'";
        let (mut same, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..self.options.rounds {
            let (base, amount) = (alone::base(), Amount::Each(count.div_ceil(alone as u64)));
            let place = &self.alone.place;
            alone::statements(place, &mut self.bare, &before_it, alone, amount, base).await?;
            self.bare.execute(claimed.to_owned()).await?;
            let before = (self.bare.number(COMPLETED).await?, self.bare.number(BOOKED).await?);
            let (done, whole) =
                alone::statements(place, &mut self.bare, &self.life.settled, alone, amount, base).await?;
            let after = (self.bare.number(COMPLETED).await?, self.bare.number(BOOKED).await?);
            let done_rows = i64::try_from(done)?;
            ensure!(
                (after.0 - before.0, after.1 - before.1) == (done_rows, done_rows),
                "the statements were sent for {done} payments: {before:?} became {after:?}"
            );
            same.push(rate(done, whole));

            for waiting in self.shop.waiting(count).await? {
                let body = Bytes::from(waiting.notification("payment.succeeded"));
                receive(&self.shop.app, &self.shop.caller, &body).await?;
            }
            let took = self.work_until_settled(count).await?;
            ours.push(Timings::new(
                vec![took / u32::try_from(count)?; usize::try_from(count)?],
                took,
            ));
        }
        let limit = self.limit(report, "one settlement's transaction", &self.life.settled, alone, &same);
        let timings = Timings::join(ours);
        report.rate(
            "notifications settled, the bank asked about each",
            timings.per_second(),
            limit,
            "alone",
            AIM,
        );
        Ok(())
    }

    /// The product's workers, until every payment that waits is settled; what comes after a settlement is done unmeasured.
    async fn work_until_settled(&mut self, count: u64) -> anyhow::Result<Duration> {
        let before = (
            self.in_shop.number(COMPLETED).await?,
            self.in_shop.number(BOOKED).await?,
        );
        let stop = CancellationToken::new();
        let start = Instant::now();
        let workers = tokio::spawn(work::run(self.shop.app.clone(), stop.clone()));
        while self.in_shop.number(UNSETTLED).await? > 0 {
            ensure!(start.elapsed() < PATIENCE, "notifications are not settled");
            tokio::time::sleep(LOOK).await;
        }
        let took = start.elapsed();
        stop.cancel();
        workers.await?;
        work::run_due_jobs(&self.shop.app).await;
        let settled = self.in_shop.number(COMPLETED).await? - before.0;
        let booked = self.in_shop.number(BOOKED).await? - before.1;
        ensure!(
            [settled, booked] == [i64::try_from(count)?; 2],
            "{count} notifications came, {settled} payments are settled, {booked} in the books"
        );
        let findings = {
            let mut tx = self.shop.app.tenant(&self.shop.caller.tenant).read().await?;
            tx.check_books().await?
        };
        ensure!(findings.is_empty(), "the books are wrong: {findings:?}");
        Ok(took)
    }

    fn limit(&self, report: &mut Report, what: &str, script: &Script, alone: usize, rates: &[f64]) -> f64 {
        let limit = mean(rates);
        let commits = script.commits();
        let shape = format!(
            "{} statements, {commits} commit{}",
            script.statements() - 2 * commits,
            if commits == 1 { "" } else { "s" }
        );
        report.plain(
            format!("limit: {what} ({shape}), {}", clients(alone)),
            per_second(limit),
            "",
        );
        limit
    }
}

fn lines(report: &mut Report, what: &str, at_once: usize, limit: f64, inside: Vec<Timings>, outside: Vec<Timings>) {
    for (how, rounds) in [("in process", inside), ("over HTTP", outside)] {
        let timings = Timings::join(rounds);
        let what = format!("{what} {how}, {}, {}", clients(at_once), p50_p99(&timings));
        // One caller's rate is the length of one answer, not what the product can carry.
        let aim = if at_once == 1 { "" } else { AIM };
        report.rate(what, timings.per_second(), limit, "alone", aim);
    }
}

async fn receive(app: &App, caller: &Caller, body: &Bytes) -> anyhow::Result<()> {
    let received = notify::receive(app, &caller.tenant, PROVIDER, body, HERE, &app.new_id()).await?;
    ensure!(
        matches!(received, notify::Received::Kept(_)),
        "a notification was not believed"
    );
    Ok(())
}

async fn in_process(shop: &Shop, at_once: usize, window: Duration) -> anyhow::Result<Timings> {
    let (app, caller) = (shop.app.clone(), shop.caller.clone());
    repeat(at_once, window, move |_| {
        let (app, caller) = (app.clone(), caller.clone());
        async move { receive(&app, &caller, &fact()).await }
    })
    .await
}

async fn over_http(url: &str, at_once: usize, window: Duration) -> anyhow::Result<Timings> {
    let http = http()?;
    let url: Arc<str> = format!("{url}/api/payments/webhook/yookassa").into();
    repeat(at_once, window, move |_| {
        let (http, url) = (http.clone(), Arc::clone(&url));
        async move {
            http.post(&*url).body(fact()).send().await?.error_for_status()?;
            Ok(())
        }
    })
    .await
}

/// As the bot and the checkout page do it: the order is placed, the payment begun, the bank asked for its link.
async fn buy(shop: &Shop, at_once: usize, clients: &[ClientId]) -> anyhow::Result<Timings> {
    let (app, caller) = (shop.app.clone(), shop.caller.clone());
    let baskets = clients.iter().map(|client| shop.basket(client)).collect();
    each(at_once, baskets, move |basket| {
        let (app, caller) = (app.clone(), caller.clone());
        async move {
            let placed = place::place(&app, &caller, &basket).await?;
            let payment = open::start(&app, &caller, &placed.order.id, PROVIDER).await?;
            ensure!(payment.pay_url.is_some(), "the bank gave no link");
            Ok(())
        }
    })
    .await
}

/// Two requests, each under an idempotency key, which is two commits more for each.
async fn buy_over_http(
    url: &str,
    token: &str,
    shop: &Shop,
    at_once: usize,
    clients: Vec<ClientId>,
) -> anyhow::Result<Timings> {
    let http = http()?;
    let (url, token, product): (Arc<str>, Arc<str>, Arc<str>) =
        (url.into(), token.into(), shop.product.as_str().into());
    each(at_once, clients, move |client| {
        let (http, url, token, product) = (http.clone(), Arc::clone(&url), Arc::clone(&token), Arc::clone(&product));
        async move {
            let ask = async |path: &str, body: Value| {
                let answer = http
                    .post(format!("{url}{path}"))
                    .bearer_auth(&*token)
                    .header("Idempotency-Key", format!("{path}:{client}"))
                    .json(&body)
                    .send()
                    .await?;
                anyhow::Ok(answer.error_for_status()?.json::<Value>().await?)
            };
            let items = json!([{ "product_id": &*product, "quantity": 1 }]);
            let order = ask("/api/orders", json!({ "client_id": client, "items": items })).await?;
            let order = order
                .get("id")
                .and_then(Value::as_str)
                .context("an order without an id")?;
            let payment = ask("/api/payments/create", json!({ "order_id": order })).await?;
            ensure!(
                payment.get("pay_url").is_some_and(Value::is_string),
                "the bank gave no link: {payment}"
            );
            Ok(())
        }
    })
    .await
}
