//! Orders from an administrator's side.

use domain::ids::{ClientId, OrderId, ProductId};
use domain::order::OrderStatus;
use domain::promo::PromoRefusal;
use serde_json::json;
use store::{
    Client, Order, OrderFilter, OrderLine, PageOf, PageRequest, Payment, PaymentFilter, Receipt, ReceiptFilter, Refund,
    RefundFilter, Tx,
};

use super::contact::{email, phone};
use super::{check_cursor, parse_id};
use crate::access::audit;
use crate::pay::place::{self, Basket, Quote};
use crate::pay::{expire, order_url};
use crate::settings::payments::PaymentSettings;
use crate::{App, Caller, Error, Result};

const ADMIN: &str = "admin";
/// An order has few of them; what is beyond is in the lists.
const AROUND: PageRequest = PageRequest {
    limit: 100,
    after: None,
};

/// An order with everything around it, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderView {
    pub order: Order,
    pub lines: Vec<OrderLine>,
    pub payments: Vec<Payment>,
    pub refunds: Vec<Refund>,
    pub receipts: Vec<Receipt>,
    /// Where the client pays.
    pub checkout_url: String,
    /// Why a code was not taken, when the order was placed just now.
    pub refusal: Option<PromoRefusal>,
}

/// What an administrator puts together for a client, ids as they were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub client: String,
    pub items: Vec<(String, u32)>,
    pub promo: Option<String>,
}

/// Newest first.
///
/// Errors: `Invalid` names `client` or `cursor`.
pub async fn list(
    app: &App,
    caller: &Caller,
    client: Option<&str>,
    status: Option<OrderStatus>,
    page: &PageRequest,
) -> Result<PageOf<Order>> {
    check_cursor::<OrderId>(page)?;
    let client = client.map(|id| parse_id::<ClientId>("client", id)).transpose()?;
    let filter = OrderFilter { client, status };
    Ok(app
        .tenant(&caller.tenant)
        .read()
        .await?
        .list_orders(&filter, page)
        .await?)
}

/// Errors: `NotFound`.
pub async fn find(app: &App, caller: &Caller, id: &OrderId) -> Result<OrderView> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    view(app, &mut tx, id).await
}

async fn view(app: &App, tx: &mut Tx, id: &OrderId) -> Result<OrderView> {
    let order = tx.find_order(id).await?.ok_or(Error::NotFound { what: "order" })?;
    let payments = PaymentFilter {
        order: Some(id.clone()),
        ..PaymentFilter::default()
    };
    let refunds = RefundFilter {
        order: Some(id.clone()),
        status: None,
    };
    let receipts = ReceiptFilter {
        order: Some(id.clone()),
        ..ReceiptFilter::default()
    };
    Ok(OrderView {
        lines: tx.order_lines(&order).await?,
        payments: tx.list_payments(&payments, &AROUND).await?.items,
        refunds: tx.list_refunds(&refunds, &AROUND).await?.items,
        receipts: tx.list_receipts(&receipts, &AROUND).await?.items,
        checkout_url: order_url(app, id)?.to_string(),
        order,
        refusal: None,
    })
}

/// What a basket would cost a client now. Writes nothing.
///
/// Errors: `Invalid` names `client_id`, `items` or `items/<place>`.
pub async fn quote(app: &App, caller: &Caller, wanted: &Wanted) -> Result<Quote> {
    let (basket, _) = basket(app, caller, wanted).await?;
    place::quote(app, caller, &basket).await
}

/// Places an order for a client. A code that can't be used is refused by name, and the order placed without it; an order
/// that costs nothing is paid at once.
///
/// Errors: as [`quote`]; `Invalid` names `contact`.
pub async fn create(app: &App, caller: &Caller, wanted: &Wanted, contact: Option<&str>) -> Result<OrderView> {
    let contact = contact.map(checked_contact).transpose()?;
    let (basket, client) = basket(app, caller, wanted).await?;
    let settings = PaymentSettings::load(&mut app.tenant(&caller.tenant).read().await?).await?;
    let known = || {
        client
            .email
            .clone()
            .or(client.phone.clone())
            .filter(|_| settings.needs_contact())
    };
    let contact = contact.or_else(known);
    let placed = place::place_for(app, caller, &basket, contact.as_deref()).await?;
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let mut view = view(app, &mut tx, &placed.order.id).await?;
    view.refusal = placed.refusal;
    Ok(view)
}

/// Says where the receipt goes, if `version` is still current.
///
/// Errors: `NotFound`; `VersionConflict`; `Invalid` names `contact`; a conflict `order_not_payable`.
pub async fn set_contact(app: &App, caller: &Caller, id: &OrderId, version: i64, contact: &str) -> Result<OrderView> {
    let contact = checked_contact(contact)?;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let order = tx.lock_order(id).await?.ok_or(Error::NotFound { what: "order" })?;
    if order.version != version {
        return Err(Error::VersionConflict { what: "order" });
    }
    if !tx.set_order_contact(id, version, &contact).await? {
        return Err(Error::conflict(
            "order_not_payable",
            "this order does not wait for a payment any more",
        ));
    }
    // Whose address it is stays out of the log.
    tx.record_audit(&audit(app, caller, "order.contact_set", id.as_ref(), json!({})))
        .await?;
    let view = view(app, &mut tx, id).await?;
    tx.commit().await?;
    Ok(view)
}

/// Calls an order off that nobody has paid.
///
/// Errors: `NotFound`; a conflict `order_not_payable`.
pub async fn cancel(app: &App, caller: &Caller, id: &OrderId) -> Result<OrderView> {
    expire::cancel(app, caller, id).await?;
    find(app, caller, id).await
}

fn checked_contact(contact: &str) -> Result<String> {
    let checked = if contact.contains('@') {
        email(contact)
    } else {
        phone(contact)
    };
    checked.map_err(|(code, message)| Error::invalid("contact", code, message))
}

async fn basket(app: &App, caller: &Caller, wanted: &Wanted) -> Result<(Basket, Client)> {
    let missing = || Error::invalid("client_id", "not_found", "there is no such client");
    let id: ClientId = parse_id("client_id", &wanted.client)?;
    let client = app
        .tenant(&caller.tenant)
        .read()
        .await?
        .find_client(&id)
        .await?
        .ok_or_else(missing)?;
    let mut items = Vec::with_capacity(wanted.items.len());
    for (place, (product, quantity)) in wanted.items.iter().enumerate() {
        let product: ProductId = parse_id(&format!("items/{place}/product_id"), product)?;
        items.push((product, *quantity));
    }
    let basket = Basket {
        client: id,
        items,
        promo: wanted.promo.clone(),
        channel: ADMIN,
        language: client.language,
    };
    Ok((basket, client))
}
