//! The doctor over books of a million postings: sales of five postings each, past the product's verbs but by its rules.

use anyhow::{Context as _, ensure};
use domain::ids::Id as _;

use super::record;
use super::shop::Shop;
use crate::options::{Database, Options};
use crate::place::Bare;
use crate::process;
use crate::table::{Report, thousands};

/// What the product itself books, to be multiplied.
const ORDERS_PER_CLIENT: u64 = 4;
const LINES: i64 = 3;
/// Kopecks of a line and of the provider's fee for an order.
const LINE_MINOR: i64 = 166_000;
const FEE_MINOR: i64 = 13_900;
/// Rows a statement.
const BITE: u64 = 20_000;
const START_MS: i64 = 1_790_000_000_000;
const DOCTOR_RUNS: usize = 3;

pub async fn measure(options: &Options, report: &mut Report, database: Database, bank: &str) -> anyhow::Result<()> {
    let shop = Shop::make(database, bank).await?;
    // The accounts that all sales share come from real ones.
    record::warm_up(&shop).await?;
    let orders = options.booked_orders;
    report.progress(&format!(
        "{}: booking {} orders",
        database.name(),
        thousands(orders as f64)
    ));
    let postings = fill(&shop, orders).await?;
    let mut took = Vec::new();
    let mut peak_kb = 0;
    for _ in 0..DOCTOR_RUNS {
        let examined = process::doctor(&shop.place, bank).await?;
        ensure!(
            examined.is_well && examined.said.contains("balances are what the postings say"),
            "the doctor finds something in sound books:\n{}",
            examined.said
        );
        took.push(examined.took.as_secs_f64());
        peak_kb = peak_kb.max(examined.peak_kb);
    }
    took.sort_by(f64::total_cmp);
    let (best, worst) = (took.first().context("no run")?, took.last().context("no run")?);
    report.plain(
        format!(
            "doctor over {} postings, {DOCTOR_RUNS} runs",
            thousands(postings as f64)
        ),
        format!("{best:.2} to {worst:.2} s, {:.1} MB at most", peak_kb as f64 / 1024.0),
        "< 5 s",
    );
    // A doctor who finds nothing must be able to find something.
    spoil(&shop).await?;
    let examined = process::doctor(&shop.place, bank).await?;
    ensure!(
        !examined.is_well && examined.said.contains("differs from its postings by -1 minor units"),
        "the doctor does not see a balance that is off by a kopeck:\n{}",
        examined.said
    );
    report.plain(
        "the same with one balance off by a kopeck: found",
        format!("{:.2} s", examined.took.as_secs_f64()),
        "",
    );
    shop.close().await
}

async fn spoil(shop: &Shop) -> anyhow::Result<()> {
    let mut bare = shop.place.bare().await?;
    bare.execute(
        "UPDATE ledger_balances SET balance_minor = balance_minor + 1 WHERE account_id = 'provider_clearing:yookassa:RUB' \
         AND shard = (SELECT MIN(shard) FROM ledger_balances WHERE account_id = 'provider_clearing:yookassa:RUB')"
            .to_owned(),
    )
    .await?;
    bare.close().await
}

/// Answers how many postings there are.
async fn fill(shop: &Shop, orders: u64) -> anyhow::Result<u64> {
    let mut bare = shop.place.bare().await?;
    match bare {
        // The rows are as invented as their durability; what is measured afterwards only reads.
        Bare::Sqlite(_) => {
            bare.script("PRAGMA synchronous = OFF; PRAGMA cache_size = -200000; PRAGMA wal_autocheckpoint = 100000; PRAGMA foreign_keys = OFF")
                .await?;
        }
        Bare::Postgres(_) => {
            bare.script("SET synchronous_commit = off; SET session_replication_role = replica")
                .await?;
        }
    }
    let tables = Tables::of(shop).await?;
    let clients = orders.div_ceil(ORDERS_PER_CLIENT);
    for from in (0..clients).step_by(usize::try_from(BITE)?) {
        let to = (from + BITE).min(clients) - 1;
        bare.script("BEGIN").await?;
        for sql in tables.of_clients(from, to) {
            bare.execute(sql).await?;
        }
        bare.script("COMMIT").await?;
    }
    for from in (0..orders).step_by(usize::try_from(BITE)?) {
        let to = (from + BITE).min(orders) - 1;
        bare.script("BEGIN").await?;
        for sql in tables.of_orders(from, to) {
            bare.execute(sql).await?;
        }
        bare.script("COMMIT").await?;
    }
    for sql in tables.sums(clients, orders) {
        let rows = bare.execute(sql.clone()).await?;
        ensure!(rows == 1, "{rows} rows were changed by {sql}");
    }
    match bare {
        // What autovacuum does by itself after a while; the product gathers no statistics on SQLite.
        Bare::Postgres(_) => bare.script("VACUUM (ANALYZE)").await?,
        Bare::Sqlite(_) => bare.script("PRAGMA wal_checkpoint(TRUNCATE)").await?,
    }
    let postings = bare.count("ledger_postings").await?;
    bare.close().await?;
    Ok(postings)
}

/// The invented rows, a statement a table. Every id is its number: `18 digits` after eight of a plausible time.
struct Tables {
    tenant: String,
    stage: String,
    product: String,
}

const fn id(number: &str) -> IdOf<'_> {
    IdOf(number)
}

/// The characters of an id behind its prefix, from a number in SQL.
struct IdOf<'a>(&'a str);

impl std::fmt::Display for IdOf<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "'01KB3SK7' || substr(CAST(1000000000000000000 + {} AS TEXT), 2)",
            self.0
        )
    }
}

impl Tables {
    async fn of(shop: &Shop) -> anyhow::Result<Self> {
        let mut tx = shop.app.tenant(&shop.caller.tenant).read().await?;
        let stages = tx.stages().await?;
        Ok(Self {
            tenant: shop.caller.tenant.as_ref().to_owned(),
            stage: stages.last().context("no stages")?.id.as_str().to_owned(),
            product: shop.product.as_str().to_owned(),
        })
    }

    fn numbers(from: u64, to: u64) -> String {
        format!("WITH RECURSIVE n (i) AS (SELECT CAST({from} AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < {to})")
    }

    fn of_clients(&self, from: u64, to: u64) -> [String; 3] {
        let (numbers, id) = (Self::numbers(from, to), id("i"));
        let Self { tenant, stage, .. } = self;
        [
            format!(
                "INSERT INTO clients (id, tenant_id, stage_id, display_name, search_text, language, source, utm, needs_trainer, \
                 is_reachable, created_at_ms, updated_at_ms, version) {numbers} \
                 SELECT 'cl_' || {id}, '{tenant}', '{stage}', 'Анна ' || i, 'анна ' || i, 'ru', 'telegram', '{{}}', 0, 1, \
                 {START_MS} + i, {START_MS} + i, 1 FROM n"
            ),
            format!(
                "INSERT INTO ledger_accounts (tenant_id, id, kind, owner, currency, created_at_ms) {numbers} \
                 SELECT '{tenant}', 'wallet:cl_' || {id} || ':RUB', 'wallet', 'cl_' || {id}, 'RUB', {START_MS} + i FROM n"
            ),
            format!(
                "INSERT INTO ledger_balances (tenant_id, account_id, shard, balance_minor, highest_minor) {numbers} \
                 SELECT '{tenant}', 'wallet:cl_' || {id} || ':RUB', 0, 0, 0 FROM n"
            ),
        ]
    }

    fn of_orders(&self, from: u64, to: u64) -> Vec<String> {
        let numbers = Self::numbers(from, to);
        let (id, client) = (id("i"), format!("i / {ORDERS_PER_CLIENT}"));
        let client = format!("'cl_' || {}", IdOf(&client));
        let wallet = format!("'wallet:' || {client} || ':RUB'");
        let Self { tenant, product, .. } = self;
        let total = LINES * LINE_MINOR;
        let at = format!("{START_MS} + i");
        let clearing = "'provider_clearing:yookassa:RUB'";
        let revenue = format!("'revenue:{product}:RUB'");
        let mut all = vec![
            format!(
                "INSERT INTO orders (id, tenant_id, client_id, status, channel, language, currency, list_minor, discount_minor, \
                 total_minor, breakdown, created_at_ms, expires_at_ms, paid_at_ms, fulfilled_at_ms, version) {numbers} \
                 SELECT 'or_' || {id}, '{tenant}', {client}, 'fulfilled', 'telegram', 'ru', 'RUB', {total}, 0, {total}, '{{}}', \
                 {at}, {at}, {at}, {at}, 3 FROM n"
            ),
            format!(
                "INSERT INTO payments (id, tenant_id, order_id, client_id, provider, status, amount_minor, currency, refunded_minor, \
                 reserved_minor, fee_minor, provider_payment_id, is_test, actor, polls, created_at_ms, paid_at_ms, version) {numbers} \
                 SELECT 'py_' || {id}, '{tenant}', 'or_' || {id}, {client}, 'yookassa', 'completed', {total}, 'RUB', 0, 0, \
                 {FEE_MINOR}, 'b-' || i, 1, 'client', 1, {at}, {at}, 3 FROM n"
            ),
        ];
        for line in 0..LINES {
            all.push(format!(
                "INSERT INTO order_lines (tenant_id, order_id, position, product_id, title_ru, title_en, delivery_ru, delivery_en, \
                 grants, quantity, is_monthly, unit_price_minor, list_minor, discount_minor, total_minor, refunded_minor, vat, \
                 payment_subject, payment_mode) {numbers} \
                 SELECT '{tenant}', 'or_' || {id}, {line}, '{product}', 'Программа', 'Programme', '', '', 'full_program', 1, 0, \
                 {LINE_MINOR}, {LINE_MINOR}, 0, {LINE_MINOR}, 0, 'none', 'service', 'full_payment' FROM n"
            ));
        }
        let transfers = [
            ("payment_succeeded", "py_", 0),
            ("provider_fee", "py_", 1),
            ("order_charged", "or_", 2),
        ];
        for (kind, of, nth) in transfers {
            let number = format!("i * 3 + {nth}");
            all.push(format!(
                "INSERT INTO ledger_transfers (id, tenant_id, kind, transfer_key, client_id, request_id, at_ms) {numbers} \
                 SELECT 'tr_' || {}, '{tenant}', '{kind}', '{kind}:{of}' || {id}, {client}, 'rq_' || {id}, {at} FROM n",
                IdOf(&number)
            ));
        }
        let posting = |nth: u64, position: i64, debit: &str, credit: &str, minor: i64| {
            let number = format!("i * 3 + {nth}");
            format!(
                "INSERT INTO ledger_postings (tenant_id, transfer_id, position, debit_account_id, credit_account_id, amount_minor, \
                 currency, at_ms) {numbers} SELECT '{tenant}', 'tr_' || {}, {position}, {debit}, {credit}, {minor}, 'RUB', {at} FROM n",
                IdOf(&number)
            )
        };
        all.push(posting(0, 0, clearing, &wallet, total));
        all.push(posting(1, 0, "'fees:yookassa:RUB'", clearing, FEE_MINOR));
        for position in 0..LINES {
            all.push(posting(2, position, &wallet, &revenue, LINE_MINOR));
        }
        all
    }

    /// What stands beside the rows: balances of the accounts that all share, and the count of the stage.
    fn sums(&self, clients: u64, orders: u64) -> Vec<String> {
        let Self { tenant, stage, product } = self;
        let total = LINES * LINE_MINOR;
        let add = |account: &str, minor: i64| {
            format!(
                "UPDATE ledger_balances SET balance_minor = balance_minor + {orders} * CAST({minor} AS BIGINT) \
                 WHERE account_id = '{account}' AND shard = (SELECT MIN(shard) FROM ledger_balances WHERE account_id = '{account}')"
            )
        };
        vec![
            add("provider_clearing:yookassa:RUB", total - FEE_MINOR),
            add("fees:yookassa:RUB", FEE_MINOR),
            add(&format!("revenue:{product}:RUB"), -total),
            format!(
                "INSERT INTO stage_counts (tenant_id, stage_id, shard, clients) VALUES ('{tenant}', '{stage}', 0, {clients}) \
                 ON CONFLICT (tenant_id, stage_id, shard) DO UPDATE SET clients = stage_counts.clients + excluded.clients"
            ),
        ]
    }
}
