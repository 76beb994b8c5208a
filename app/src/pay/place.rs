//! An order is placed: priced as it is agreed, with the use of its promo code, in one transaction.

use domain::ids::{ClientId, OrderId, ProductId};
use domain::language::Language;
use domain::money::Money;
use domain::pricing::{self, Breakdown, DiscountKind, Inquiry, Outcome, PricedLine, PricingError};
use domain::promo::{PromoRefusal, normalize};
use serde_json::json;
use store::{Client, NewOrder, Order, OrderLine, Product, StoredPromoCode, Tx};

use super::{give, keys, tell};
use crate::access::audit;
use crate::caller::{Actor, Caller};
use crate::context::App;
use crate::error::{Error, FieldProblem, Result};
use crate::settings::{self, payments::PaymentSettings};

const MAX_LINES: usize = 20;
const MAX_QUANTITY: u32 = 120;
const MAX_CODE_CHARS: usize = 64;
/// The code of the conflict that ends with a second try.
pub(crate) const RACED: &str = "promo_raced";

/// What somebody wants to buy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basket {
    pub client: ClientId,
    /// Product and quantity; months for what is sold by the month.
    pub items: Vec<(ProductId, u32)>,
    /// As it was typed.
    pub promo: Option<String>,
    /// `telegram`, `site` or `admin`.
    pub channel: &'static str,
    pub language: Language,
}

/// What it would cost, and why a code was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    pub breakdown: Breakdown,
    pub lines: Vec<OrderLine>,
    pub refusal: Option<PromoRefusal>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    pub order: Order,
    pub refusal: Option<PromoRefusal>,
}

struct Priced {
    quote: Quote,
    promo: Option<StoredPromoCode>,
}

/// What a basket costs now. Writes nothing.
///
/// Errors: `NotFound` client; `Invalid` names `items` or `items/<place>`.
pub async fn quote(app: &App, caller: &Caller, basket: &Basket) -> Result<Quote> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let client = client(&mut tx, &basket.client).await?;
    Ok(price(app, &mut tx, &client, basket, None).await?.quote)
}

/// Places an order. A code that can't be used is refused by name, and the order placed without it. An order that costs
/// nothing is paid at once.
///
/// Errors: as [`quote`].
pub async fn place(app: &App, caller: &Caller, basket: &Basket) -> Result<Placed> {
    place_for(app, caller, basket, None).await
}

/// As [`place`], with the address of the receipt.
pub(crate) async fn place_for(app: &App, caller: &Caller, basket: &Basket, contact: Option<&str>) -> Result<Placed> {
    let mut refused = None;
    loop {
        match attempt(app, caller, basket, contact, refused.clone()).await? {
            Ok(placed) => return Ok(placed),
            // Somebody else was faster: the code is looked at once more, as refused.
            Err(refusal) => refused = Some(refusal),
        }
    }
}

async fn attempt(
    app: &App,
    caller: &Caller,
    basket: &Basket,
    contact: Option<&str>,
    refused: Option<PromoRefusal>,
) -> Result<Result<Placed, PromoRefusal>> {
    let guide = settings::guide(app, &caller.tenant).await?;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let mut placed = attempt_in(app, &mut tx, caller, &guide, basket, refused).await?;
    if let (Ok(placed), Some(contact)) = (&mut placed, contact) {
        let order = &placed.order;
        // One that costs nothing is paid by now and needs no receipt.
        if tx.set_order_contact(&order.id, order.version, contact).await? {
            placed.order = tx
                .find_order(&order.id)
                .await?
                .ok_or(Error::NotFound { what: "order" })?;
        }
    }
    if placed.is_ok() {
        tx.commit().await?;
        app.wake_workers();
        app.wake_deliveries();
    }
    Ok(placed)
}

/// As [`quote`], in the transaction of its cause.
pub(crate) async fn quote_in(app: &App, tx: &mut Tx, client: &Client, basket: &Basket) -> Result<Quote> {
    Ok(price(app, tx, client, basket, None).await?.quote)
}

/// As [`place`], in the transaction of its cause; who commits it wakes workers and deliveries.
///
/// Errors: as [`place`]; the conflict [`RACED`] when a code went to somebody else meanwhile: begin the transaction anew.
pub(crate) async fn place_in(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    guide: &settings::Guide,
    basket: &Basket,
) -> Result<Placed> {
    attempt_in(app, tx, caller, guide, basket, None)
        .await?
        .map_err(|refusal| Error::conflict(RACED, refusal.code()))
}

async fn attempt_in(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    guide: &settings::Guide,
    basket: &Basket,
    refused: Option<PromoRefusal>,
) -> Result<Result<Placed, PromoRefusal>> {
    let now = app.now();
    let settings = PaymentSettings::load(tx).await?;
    let client = client(tx, &basket.client).await?;
    let Priced { quote, promo } = price(app, tx, &client, basket, refused).await?;
    let used = promo.filter(|promo| quote.breakdown.used_promo() == Some(&promo.code.id));
    if let Some(promo) = &used {
        if !tx.take_promo_use(&promo.code.id).await? {
            return Ok(Err(PromoRefusal::UsedUp));
        }
        // The code's row is ours now: nobody else can use up this client's own limit meanwhile.
        let mut known = tx.promo_use(&promo.code.id, &client.id).await?;
        known.total = known.total.saturating_sub(1);
        if let Err(refusal) = promo.code.check(Some(&client.id), known, now) {
            return Ok(Err(refusal));
        }
    }
    let id: OrderId = app.new_id();
    let new = NewOrder {
        id: id.clone(),
        client: client.id.clone(),
        channel: basket.channel,
        language: basket.language,
        breakdown: quote.breakdown.clone(),
        lines: quote.lines,
        promo_code: used.as_ref().map(|promo| promo.code.id.clone()),
        expires_at: now.plus_minutes(i64::from(settings.order_minutes)),
        now,
    };
    tx.insert_order(&new).await?;
    if let Some(promo) = &used {
        tx.reserve_promo_use(&promo.code.id, &id, &client.id, quote.breakdown.discount_total, now)
            .await?;
    }
    let total = quote.breakdown.total;
    let details = json!({ "order_id": id, "total": total });
    tell::note(
        app,
        tx,
        &client.id,
        "order.placed",
        &caller.actor.to_string(),
        details.clone(),
    )
    .await?;
    if matches!(caller.actor, Actor::User(_) | Actor::Key(_)) {
        tx.record_audit(&audit(app, caller, "order.placed", id.as_ref(), details))
            .await?;
    }
    let order = tx
        .find_order(&id)
        .await?
        .ok_or_else(|| Error::internal("an order vanished"))?;
    if total.is_zero() {
        give::paid(app, tx, guide, &order, &client, total, &caller.request_id).await?;
    }
    let order = tx
        .find_order(&id)
        .await?
        .ok_or_else(|| Error::internal("an order vanished"))?;
    Ok(Ok(Placed {
        order,
        refusal: quote.refusal,
    }))
}

/// Somebody who turned out to be another one buys as that one.
async fn client(tx: &mut Tx, id: &ClientId) -> Result<Client> {
    let merged = tx.merged_into(id).await?;
    tx.find_client(merged.as_ref().unwrap_or(id))
        .await?
        .ok_or(Error::NotFound { what: "client" })
}

async fn price(
    app: &App,
    tx: &mut Tx,
    client: &Client,
    basket: &Basket,
    refused: Option<PromoRefusal>,
) -> Result<Priced> {
    let now = app.now();
    let settings = PaymentSettings::load(tx).await?;
    let products = products(app, tx, basket).await?;
    let lines: Vec<PricedLine> = products
        .iter()
        .map(|(product, quantity)| PricedLine {
            product: product.id.clone(),
            unit_price: product.price,
            quantity: *quantity,
            months_discount: product.is_monthly.then(|| product.months_discount(*quantity)).flatten(),
        })
        .collect();
    let personal = tx
        .client_discount(&client.id)
        .await?
        .filter(|discount| discount.ends_at.is_none_or(|ends_at| now < ends_at))
        .map(|discount| discount.basis_points);
    let (mut promo, mut refusal) = (None, refused.clone());
    if let (Some(typed), None) = (&basket.promo, &refused) {
        (promo, refusal) = match find_promo(tx, client, typed, now).await? {
            Ok(found) => (Some(found), None),
            Err(why) => (None, Some(why)),
        };
    }
    let currency = lines.first().map(|line| line.unit_price.currency);
    let minimum = keys::providers_in(app, tx)
        .await?
        .offered(&settings)
        .iter()
        .filter_map(|provider| currency.and_then(|currency| provider.minimum(currency)))
        .max_by_key(|money| money.minor);
    let breakdown = pricing::price(&Inquiry {
        lines: &lines,
        personal,
        loyalty: None,
        promo: promo.as_ref().map(|promo| &promo.code),
        stacking: settings.stacking,
        minimum,
    })
    .map_err(unpriced)?;
    let by_price = breakdown
        .candidates
        .iter()
        .find_map(|candidate| match &candidate.outcome {
            Outcome::Refused { refusal } if candidate.kind == DiscountKind::Promo => Some(refusal.clone()),
            _ => None,
        });
    let lines = order_lines(&products, &breakdown);
    Ok(Priced {
        quote: Quote {
            breakdown,
            lines,
            refusal: refusal.or(by_price),
        },
        promo,
    })
}

async fn find_promo(
    tx: &mut Tx,
    client: &Client,
    typed: &str,
    now: domain::time::Timestamp,
) -> Result<Result<StoredPromoCode, PromoRefusal>> {
    let code = normalize(typed);
    // A NUL, which PostgreSQL would not even compare.
    let is_typed = !code.chars().any(char::is_control);
    if code.is_empty() || code.chars().count() > MAX_CODE_CHARS || !is_typed {
        return Ok(Err(PromoRefusal::Unknown));
    }
    let Some(promo) = tx.promo_code_named(&code).await? else {
        return Ok(Err(PromoRefusal::Unknown));
    };
    let used = tx.promo_use(&promo.code.id, &client.id).await?;
    Ok(promo.code.check(Some(&client.id), used, now).map(|()| promo))
}

/// Each product once, and on sale.
async fn products(app: &App, tx: &mut Tx, basket: &Basket) -> Result<Vec<(Product, u32)>> {
    let now = app.now();
    if basket.items.is_empty() || basket.items.len() > MAX_LINES {
        return Err(Error::invalid("items", "length", format!("1 to {MAX_LINES} items")));
    }
    let mut wrong = Vec::new();
    let mut found: Vec<(Product, u32)> = Vec::with_capacity(basket.items.len());
    for (place, (id, quantity)) in basket.items.iter().enumerate() {
        let field = format!("items/{place}");
        let product = tx.find_product(id).await?.filter(|product| product.is_on_sale(now));
        match product {
            None => wrong.push(FieldProblem::new(
                field,
                "not_on_sale",
                "this product can't be bought now",
            )),
            Some(_) if *quantity == 0 || *quantity > MAX_QUANTITY => wrong.push(FieldProblem::new(
                field,
                "out_of_range",
                format!("a quantity of 1 to {MAX_QUANTITY}"),
            )),
            Some(product) if found.iter().any(|(other, _)| other.id == product.id) => {
                wrong.push(FieldProblem::new(
                    field,
                    "duplicate",
                    "this product is in the basket already",
                ));
            }
            Some(product) => found.push((product, *quantity)),
        }
    }
    if wrong.is_empty() {
        Ok(found)
    } else {
        Err(Error::Invalid(wrong))
    }
}

fn order_lines(products: &[(Product, u32)], breakdown: &Breakdown) -> Vec<OrderLine> {
    (0_i64..)
        .zip(products.iter().zip(&breakdown.lines))
        .map(|(position, ((product, quantity), line))| OrderLine {
            position,
            product: product.id.clone(),
            title: product.title.clone(),
            delivery: product.delivery.clone(),
            grants: product.grants.clone(),
            quantity: *quantity,
            is_monthly: product.is_monthly,
            unit_price: line.unit_price,
            list: line.list,
            discount: line.discount,
            total: line.total,
            refunded: Money::zero(line.total.currency),
            tax: product.tax,
        })
        .collect()
}

fn unpriced(error: PricingError) -> Error {
    let code = match error {
        PricingError::Money(_) => "amount",
        PricingError::NoLines | PricingError::BadLine => "invalid",
    };
    Error::invalid("items", code, error.to_string())
}
