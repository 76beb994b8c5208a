//! An installation that sells: the product in this process with the bank, its clients and their payments.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use app::pay::Providers;
use app::pay::place::{Basket, Quote};
use app::{App, Caller};
use domain::ids::{ClientId, Id as _, OrderId, PaymentId, ProductId};
use domain::language::Language;
use domain::pipeline::StageKind;
use futures::future::try_join_all;
use providers::networks::Networks;
use providers::payments::yookassa::{Config, YooKassa};
use store::{NewClient, NewConversation, NewOrder, NewPayment, Origin};

use super::bank;
use crate::figures::Timings;
use crate::options::Database;
use crate::place::{self, Place};
use crate::process::{SHOP, SHOP_KEY};

pub const PROVIDER: &str = "yookassa";
/// Rows a commit while a shop is filled.
const BITE: u64 = 500;
const HOUR_MS: i64 = 60 * 60_000;

static PEOPLE: AtomicU64 = AtomicU64::new(1);

#[derive(Debug)]
pub struct Shop {
    pub place: Place,
    pub app: App,
    pub caller: Caller,
    pub product: ProductId,
}

/// A payment whose link was given out.
#[derive(Debug, Clone)]
pub struct Waiting {
    pub payment: PaymentId,
    /// The bank's own id.
    pub known_as: String,
    pub minor: i64,
}

impl Shop {
    /// `url` stands in place of the database's own address if given.
    pub async fn open(place: Place, url: Option<&str>, bank: &str) -> anyhow::Result<Self> {
        let config = Config {
            shop_id: SHOP.to_owned(),
            secret_key: SHOP_KEY.to_owned(),
            api_url: format!("http://{bank}/v3").parse()?,
            networks: Networks::parse(["127.0.0.1"])?,
        };
        let provider = YooKassa::new(providers::http_client(&[])?, config);
        let app = place.open_with(url, Providers::new(vec![Arc::new(provider)])).await?;
        let caller = place::settle(&app).await?;
        let products = app.tenant(&caller.tenant).read().await?.products().await?;
        let product = products
            .into_iter()
            .find(|product| !product.is_monthly && !product.is_addon && product.price.is_positive())
            .context("nothing is sold")?
            .id;
        Ok(Self {
            place,
            app,
            caller,
            product,
        })
    }

    pub async fn make(database: Database, bank: &str) -> anyhow::Result<Self> {
        Self::open(Place::make(database).await?, None, bank).await
    }

    pub async fn close(self) -> anyhow::Result<()> {
        self.app.store().close().await;
        self.place.remove().await
    }

    pub fn basket(&self, client: &ClientId) -> Basket {
        Basket {
            client: client.clone(),
            items: vec![(self.product.clone(), 1)],
            promo: None,
            channel: "telegram",
            language: Language::Ru,
        }
    }

    /// People who have talked with the bot and buy nothing yet.
    pub async fn clients(&self, count: u64) -> anyhow::Result<Vec<ClientId>> {
        let mut all = Vec::new();
        while (all.len() as u64) < count {
            let mut tx = self.app.tenant(&self.caller.tenant).write().await?;
            let stage = tx
                .stage_of_kind(StageKind::Consultation)
                .await?
                .context("the pipeline has no such stage")?
                .id;
            for _ in 0..BITE.min(count - all.len() as u64) {
                let number = PEOPLE.fetch_add(1, Ordering::Relaxed);
                let now = self.app.now();
                let client = NewClient {
                    id: self.app.new_id(),
                    stage: stage.clone(),
                    display_name: format!("Анна Смирнова {number}"),
                    username: Some(format!("anna_{number}")),
                    language: Language::Ru,
                    phone: None,
                    email: None,
                    origin: Origin {
                        source: "telegram".to_owned(),
                        utm: "{}".to_owned(),
                        ..Origin::default()
                    },
                    now,
                };
                tx.insert_client(&client).await?;
                let conversation = NewConversation {
                    channel: "telegram".to_owned(),
                    address: (6_000_000_000 + number).to_string(),
                    client: Some(client.id.clone()),
                    is_trainer: false,
                    language: Language::Ru,
                    known_as: client.display_name,
                    now,
                };
                tx.insert_conversation(&conversation).await?;
                all.push(client.id);
            }
            tx.commit().await?;
        }
        Ok(all)
    }

    /// Payments whose links were given out to as many people; nobody looks after them for an hour.
    pub async fn waiting(&self, count: u64) -> anyhow::Result<Vec<Waiting>> {
        let clients = self.clients(count).await?;
        let first = clients.first().context("nobody is there")?;
        let Quote { breakdown, lines, .. } =
            app::pay::place::quote(&self.app, &self.caller, &self.basket(first)).await?;
        let mut all = Vec::new();
        for some in clients.chunks(usize::try_from(BITE)?) {
            let mut tx = self.app.tenant(&self.caller.tenant).write().await?;
            for client in some {
                let now = self.app.now();
                let order = NewOrder {
                    id: self.app.new_id::<OrderId>(),
                    client: client.clone(),
                    channel: "telegram",
                    language: Language::Ru,
                    breakdown: breakdown.clone(),
                    lines: lines.clone(),
                    promo_code: None,
                    expires_at: now.plus_millis(24 * HOUR_MS),
                    now,
                };
                tx.insert_order(&order).await?;
                let new = NewPayment {
                    id: self.app.new_id(),
                    order: order.id.clone(),
                    client: client.clone(),
                    provider: PROVIDER.to_owned(),
                    amount: breakdown.total,
                    is_test: true,
                    actor: "client".to_owned(),
                    note: None,
                    next_poll_at: Some(now.plus_millis(HOUR_MS)),
                    now,
                };
                ensure!(tx.insert_payment(&new).await?, "an order has two payments");
                let minor = breakdown.total.minor;
                let known_as = bank::id_of(new.id.as_str(), minor);
                let url = format!("https://bank.example/pay/{known_as}");
                tx.open_payment(&new.id, &known_as, Some(&url), Some(order.expires_at))
                    .await?;
                all.push(Waiting {
                    payment: new.id,
                    known_as,
                    minor,
                });
            }
            tx.commit().await?;
        }
        Ok(all)
    }
}

impl Waiting {
    pub fn notification(&self, event: &str) -> Vec<u8> {
        bank::notification(event, &self.known_as, self.payment.as_str(), self.minor)
    }
}

/// Does each of `items` once, so many at a time.
pub async fn each<T, F, W>(workers: usize, items: Vec<T>, work: W) -> anyhow::Result<Timings>
where
    T: Send + Sync + Clone + 'static,
    W: Fn(T) -> F + Send + Sync + Clone + 'static,
    F: Future<Output = anyhow::Result<()>> + Send,
{
    let (items, next) = (Arc::new(items), Arc::new(AtomicUsize::new(0)));
    let start = Instant::now();
    let tasks = (0..workers).map(|_| {
        let (items, next, work) = (Arc::clone(&items), Arc::clone(&next), work.clone());
        let task = tokio::spawn(async move {
            let mut each = Vec::new();
            while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                let begin = Instant::now();
                work(item.clone()).await?;
                each.push(begin.elapsed());
            }
            anyhow::Ok(each)
        });
        async move { task.await? }
    });
    let times = try_join_all(tasks).await?.concat();
    Ok(Timings::new(times, start.elapsed()))
}
