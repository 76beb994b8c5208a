//! Payments, refunds and receipts from an administrator's side.

use chrono::{NaiveDate, TimeZone as _};
use domain::ids::{ClientId, OrderId, PaymentId, ReceiptId, RefundId};
use domain::payment::PaymentStatus;
use domain::refund::RefundStatus;
use domain::time::{Timestamp, local_date};
use store::{
    PageOf, PageRequest, Payment, PaymentEvent, PaymentFilter, Receipt, ReceiptFilter, Refund, RefundFilter, Regime,
};

use super::{check_cursor, parse_id};
use crate::pay::{follow, funds, incomes, keys, open};
use crate::settings::payments::PaymentSettings;
use crate::{App, Caller, Error, Result};

/// A payment has few of them.
const AROUND: PageRequest = PageRequest {
    limit: 100,
    after: None,
};

/// A payment with what was seen of it, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentView {
    pub payment: Payment,
    pub events: Vec<PaymentEvent>,
    pub refunds: Vec<Refund>,
}

/// Newest first.
///
/// Errors: `Invalid` names `client`, `order` or `cursor`.
pub async fn list(
    app: &App,
    caller: &Caller,
    client: Option<&str>,
    order: Option<&str>,
    status: Option<PaymentStatus>,
    page: &PageRequest,
) -> Result<PageOf<Payment>> {
    check_cursor::<PaymentId>(page)?;
    let filter = PaymentFilter {
        client: client.map(|id| parse_id::<ClientId>("client", id)).transpose()?,
        order: order.map(|id| parse_id::<OrderId>("order", id)).transpose()?,
        status,
    };
    let mut tx = app.tenant(&caller.tenant).read().await?;
    Ok(tx.list_payments(&filter, page).await?)
}

/// Errors: `NotFound`.
pub async fn find(app: &App, caller: &Caller, id: &PaymentId) -> Result<PaymentView> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let payment = tx.find_payment(id).await?.ok_or(Error::NotFound { what: "payment" })?;
    let filter = RefundFilter {
        order: Some(payment.order.clone()),
        status: None,
    };
    let mut refunds = tx.list_refunds(&filter, &AROUND).await?.items;
    refunds.retain(|refund| refund.payment == payment.id);
    Ok(PaymentView {
        events: tx.payment_events(id, &AROUND).await?.items,
        refunds,
        payment,
    })
}

/// Takes an order to a provider: the named one, or the first that is offered.
///
/// Errors: as [`open::start`]; `Invalid` names `order_id`.
pub async fn start(app: &App, caller: &Caller, order: &str, provider: Option<&str>) -> Result<Payment> {
    let order: OrderId = parse_id("order_id", order)?;
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let settings = PaymentSettings::load(&mut tx).await?;
    if tx.find_order(&order).await?.is_none() {
        return Err(Error::invalid("order_id", "not_found", "there is no such order"));
    }
    drop(tx);
    let provider = match provider {
        Some(provider) => provider.to_owned(),
        None => keys::providers(app, &caller.tenant)
            .await?
            .offered(&settings)
            .first()
            .map(|provider| provider.code().to_owned())
            .ok_or_else(|| Error::conflict("provider_missing", "no payment provider is configured"))?,
    };
    open::start(app, caller, &order, &provider).await
}

/// Cash or a transfer that a person has taken.
///
/// Errors: as [`open::enter_by_hand`]; `Invalid` names `order_id`.
pub async fn enter(
    app: &App,
    caller: &Caller,
    order: &str,
    amount: Option<domain::money::Money>,
    note: &str,
) -> Result<Payment> {
    let order: OrderId = parse_id("order_id", order)?;
    open::enter_by_hand(app, caller, &order, amount, note)
        .await
        .map_err(|error| match error {
            Error::NotFound { what: "order" } => Error::invalid("order_id", "not_found", "there is no such order"),
            other => other,
        })
}

/// Lets a payment that its own order does not use serve another one.
///
/// Errors: as [`funds::reuse`].
pub async fn reuse(app: &App, caller: &Caller, id: &PaymentId, order: &str) -> Result<Payment> {
    let order: OrderId = parse_id("order_id", order)?;
    funds::reuse(app, caller, id, &order).await
}

/// Asks the provider how it stands.
///
/// Errors: as [`follow::ask_now`].
pub async fn check(app: &App, caller: &Caller, id: &PaymentId) -> Result<PaymentView> {
    follow::ask_now(app, caller, id).await?;
    find(app, caller, id).await
}

/// Newest first.
///
/// Errors: `Invalid` names `order` or `cursor`.
pub async fn list_refunds(
    app: &App,
    caller: &Caller,
    order: Option<&str>,
    status: Option<RefundStatus>,
    page: &PageRequest,
) -> Result<PageOf<Refund>> {
    check_cursor::<RefundId>(page)?;
    let filter = RefundFilter {
        order: order.map(|id| parse_id::<OrderId>("order", id)).transpose()?,
        status,
    };
    let mut tx = app.tenant(&caller.tenant).read().await?;
    Ok(tx.list_refunds(&filter, page).await?)
}

/// Errors: `NotFound`.
pub async fn find_refund(app: &App, caller: &Caller, id: &RefundId) -> Result<Refund> {
    app.tenant(&caller.tenant)
        .read()
        .await?
        .find_refund(id)
        .await?
        .ok_or(Error::NotFound { what: "refund" })
}

/// Newest first; of status `by_hand`: what a person still has to register.
///
/// Errors: `Invalid` names `order` or `cursor`.
pub async fn list_receipts(
    app: &App,
    caller: &Caller,
    order: Option<&str>,
    status: Option<&str>,
    page: &PageRequest,
) -> Result<PageOf<Receipt>> {
    check_cursor::<ReceiptId>(page)?;
    let filter = ReceiptFilter {
        order: order.map(|id| parse_id::<OrderId>("order", id)).transpose()?,
        status: status.map(str::to_owned),
        ..ReceiptFilter::default()
    };
    let mut tx = app.tenant(&caller.tenant).read().await?;
    Ok(tx.list_receipts(&filter, page).await?)
}

/// Incomes and refunds of a self-employed seller, newest first.
///
/// Shapes: `since` and `before` are days of the tenant's zone, the second one not included.
/// Errors: `Invalid` names `order` or `cursor`.
pub async fn list_incomes(
    app: &App,
    caller: &Caller,
    wanted: &WantedIncomes<'_>,
    page: &PageRequest,
) -> Result<PageOf<Income>> {
    check_cursor::<ReceiptId>(page)?;
    let order = wanted.order.map(|id| parse_id::<OrderId>("order", id)).transpose()?;
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let zone = incomes::zone(&mut tx).await?;
    let filter = ReceiptFilter {
        order,
        status: wanted.status.map(str::to_owned),
        regime: Some(if wanted.is_test {
            Regime::SelfEmployedTest
        } else {
            Regime::SelfEmployed
        }),
        since: wanted.since.map(|day| start_of(day, zone)),
        before: wanted.before.map(|day| start_of(day, zone)),
    };
    let found = tx.list_receipts(&filter, page).await?;
    let mut items = Vec::with_capacity(found.items.len());
    for receipt in found.items {
        let client = tx.find_order(&receipt.order).await?.map(|order| order.client);
        let mut body = incomes::Body::of(&receipt)?;
        // Rows of before knew the moment alone.
        body.date.get_or_insert_with(|| local_date(receipt.created_at, zone));
        items.push(Income { receipt, client, body });
    }
    Ok(PageOf {
        items,
        next: found.next,
    })
}

fn start_of(day: NaiveDate, zone: chrono_tz::Tz) -> Timestamp {
    let midnight = day.and_time(chrono::NaiveTime::MIN);
    // Where a day begins at one o'clock, midnight never was.
    let start = zone.from_local_datetime(&midnight).earliest();
    Timestamp::from_utc(start.map_or_else(|| midnight.and_utc(), |start| start.to_utc()))
}

/// Which incomes are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WantedIncomes<'a> {
    pub order: Option<&'a str>,
    pub status: Option<&'a str>,
    pub since: Option<NaiveDate>,
    pub before: Option<NaiveDate>,
    /// Those of payments made with a provider's test keys, which nobody registers, instead of the real ones.
    pub is_test: bool,
}

/// An income, or its refund, with what is entered in «Мой налог».
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Income {
    pub receipt: Receipt,
    pub client: Option<ClientId>,
    pub body: incomes::Body,
}
