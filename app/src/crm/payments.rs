//! Payments, refunds and receipts from an administrator's side.

use domain::ids::{ClientId, OrderId, PaymentId, ReceiptId, RefundId};
use domain::payment::PaymentStatus;
use domain::refund::RefundStatus;
use serde_json::json;
use store::{PageOf, PageRequest, Payment, PaymentEvent, PaymentFilter, Receipt, ReceiptFilter, Refund, RefundFilter};

use super::{check_cursor, parse_id};
use crate::access::audit;
use crate::pay::{follow, open};
use crate::settings::payments::PaymentSettings;
use crate::{App, Caller, Error, Result};

const BY_HAND: &str = "by_hand";
const REGISTERED: &str = "registered";
const MAX_NUMBER_CHARS: usize = 100;
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
        None => app
            .payment_providers()
            .offered(&settings)
            .first()
            .map(|provider| provider.code().to_owned())
            .ok_or_else(|| Error::Conflict {
                code: "provider_missing",
                detail: "no payment provider is configured".into(),
            })?,
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
    };
    let mut tx = app.tenant(&caller.tenant).read().await?;
    Ok(tx.list_receipts(&filter, page).await?)
}

/// A person has registered it. Saying it again changes nothing.
///
/// Errors: `NotFound`; `Invalid` names `number`; a conflict `receipt_not_by_hand`.
pub async fn register_receipt(app: &App, caller: &Caller, id: &ReceiptId, number: Option<&str>) -> Result<Receipt> {
    let number = number.map(str::trim).filter(|number| !number.is_empty());
    if number.is_some_and(|number| number.chars().count() > MAX_NUMBER_CHARS || number.chars().any(char::is_control)) {
        let sentence = format!("one line of {MAX_NUMBER_CHARS} characters at most");
        return Err(Error::invalid("number", "length", sentence));
    }
    let missing = || Error::NotFound { what: "receipt" };
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let receipt = tx.find_receipt(id).await?.ok_or_else(missing)?;
    if receipt.status == REGISTERED {
        return Ok(receipt);
    }
    if receipt.status != BY_HAND || !tx.finish_receipt(id, REGISTERED, number, None, app.now()).await? {
        return Err(Error::Conflict {
            code: "receipt_not_by_hand",
            detail: "this receipt is not one that a person registers".into(),
        });
    }
    let details = json!({ "order_id": receipt.order, "number": number });
    tx.record_audit(&audit(app, caller, "receipt.registered", id.as_ref(), details))
        .await?;
    let receipt = tx.find_receipt(id).await?.ok_or_else(missing)?;
    tx.commit().await?;
    Ok(receipt)
}
