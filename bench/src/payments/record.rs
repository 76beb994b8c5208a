//! What the product says to PostgreSQL from a newcomer's first word to their settled payment.

use std::str::FromStr as _;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use app::converse::{self, Body, Inbound, Person};
use app::pay::{notify, open, place};
use app::work;
use bytes::Bytes;
use domain::ids::ClientId;
use sqlx::postgres::PgConnectOptions;

use super::shop::{PROVIDER, Shop};
use super::{HERE, bank};
use crate::options::Database;
use crate::place::Place;
use crate::script::{self, Names, Script};
use crate::wire::{Recorder, Statement};

/// Enough that every shard of every common balance is there, and every cache and statement.
const WARM_UP: u64 = 150;
const TRIES: u64 = 20;
/// Transactions that were given up have been rolled back by then.
const QUIET: Duration = Duration::from_millis(30);

/// The statements of each act, without anything that only reads.
#[derive(Debug)]
pub struct Life {
    pub newcomer: Script,
    /// Order, payment, and the link the provider gave.
    pub checkout: Script,
    pub taken: Script,
    /// The one transaction in which money becomes books, state, messages and jobs.
    pub settled: Script,
    names: Names,
}

impl Life {
    /// The same in another installation.
    pub async fn moved_to(&self, shop: &Shop) -> anyhow::Result<Self> {
        let names = Names::of(&shop.app, &shop.caller).await?;
        let moved = |script: &Script| script.moved(&self.names, &names);
        Ok(Self {
            newcomer: moved(&self.newcomer),
            checkout: moved(&self.checkout),
            taken: moved(&self.taken),
            settled: moved(&self.settled),
            names: names.clone(),
        })
    }
}

pub async fn listen(bank: &str) -> anyhow::Result<Life> {
    let place = Place::make(Database::Postgres).await?;
    let options = PgConnectOptions::from_str(&place.url)?;
    let upstream = format!("{}:{}", options.get_host(), options.get_port());
    let recorder = Recorder::start(upstream.clone()).await?;
    let url = place.url.replace(&upstream, &recorder.address);
    let shop = Shop::open(place, Some(&url), bank).await?;
    warm_up(&shop).await?;
    let mut before: Option<[Vec<Statement>; 4]> = None;
    let mut pair = None;
    for number in 0..TRIES {
        let acts = live(&shop, &recorder, WARM_UP + number).await?;
        let are_alike = |first: &[Vec<Statement>; 4]| {
            let sql = |acts: &[Vec<Statement>; 4]| -> Vec<String> {
                acts.concat().into_iter().map(|statement| statement.sql).collect()
            };
            sql(first) == sql(&acts)
        };
        // A cache that ran out between the two says more than the other.
        match before.take() {
            Some(first) if are_alike(&first) => {
                pair = Some((first, acts));
                break;
            }
            _ => before = Some(acts),
        }
    }
    let (first, second) = pair.context("two purchases in a row never had the same statements")?;
    let acts: Vec<_> = first.into_iter().zip(second).collect();
    let [newcomer, checkout, taken, settled] =
        <[Script; 4]>::try_from(script::compare(&acts)).map_err(|_| anyhow::anyhow!("an act is missing"))?;
    let life = Life {
        newcomer: newcomer.only(&["INSERT INTO clients "]),
        checkout: checkout.only(&[
            "INSERT INTO orders ",
            "INSERT INTO payments ",
            "UPDATE payments SET status = 'pending'",
        ]),
        taken: taken.only(&["INSERT INTO inbox "]),
        settled: settled.only(&["UPDATE payments SET status = 'completed'"]),
        names: Names::of(&shop.app, &shop.caller).await?,
    };
    let commits = [&life.newcomer, &life.checkout, &life.taken, &life.settled].map(Script::commits);
    ensure!(
        commits == [1, 3, 1, 1],
        "the recording's acts have {commits:?} commits: the product works otherwise than this measurement thinks"
    );
    shop.close().await?;
    Ok(life)
}

/// Whole lives, so that nothing is done for the first time when it is measured.
pub async fn warm_up(shop: &Shop) -> anyhow::Result<()> {
    for waiting in shop.waiting(WARM_UP).await? {
        tell(shop, waiting.notification("payment.succeeded")).await?;
    }
    work::run_due_jobs(&shop.app).await;
    Ok(())
}

async fn tell(shop: &Shop, body: Vec<u8>) -> anyhow::Result<()> {
    let (tenant, request) = (&shop.caller.tenant, shop.app.new_id());
    notify::receive(&shop.app, tenant, PROVIDER, &Bytes::from(body), HERE, &request).await?;
    Ok(())
}

async fn live(shop: &Shop, recorder: &Recorder, number: u64) -> anyhow::Result<[Vec<Statement>; 4]> {
    let address = (5_000_000_000 + number).to_string();
    let inbound = Inbound {
        key: format!("telegram:5000000001:{number:04}"),
        address: address.clone(),
        person: Person {
            first_name: format!("Анна {number}"),
            last_name: Some("Смирнова".to_owned()),
            username: Some(format!("anna_{number}")),
            language_code: Some("ru".to_owned()),
        },
        replica: "bench".to_owned(),
        body: Body::Start { payload: None },
    };
    let heard = async || {
        tokio::time::sleep(QUIET).await;
        recorder.take()
    };
    heard().await;
    converse::receive(&shop.app, &shop.caller, &inbound).await?;
    let newcomer = heard().await;
    let client = client_at(shop, &address).await?;
    heard().await;
    let placed = place::place(&shop.app, &shop.caller, &shop.basket(&client)).await?;
    let payment = open::start(&shop.app, &shop.caller, &placed.order.id, PROVIDER).await?;
    let checkout = heard().await;
    ensure!(payment.pay_url.is_some(), "the bank gave no link");
    let known_as = payment.provider_payment.context("the bank gave no id")?;
    let body = bank::notification(
        "payment.succeeded",
        &known_as,
        payment.id.as_ref(),
        payment.amount.minor,
    );
    tell(shop, body).await?;
    let taken = heard().await;
    work::run_due_jobs(&shop.app).await;
    let settled = heard().await;
    Ok([newcomer, checkout, taken, settled])
}

async fn client_at(shop: &Shop, address: &str) -> anyhow::Result<ClientId> {
    let mut tx = shop.app.tenant(&shop.caller.tenant).read().await?;
    let conversation = tx.lock_conversation("telegram", address).await?;
    conversation
        .and_then(|conversation| conversation.client)
        .context("the newcomer is not there")
}
