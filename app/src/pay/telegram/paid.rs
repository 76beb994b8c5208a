//! Money that came inside Telegram. The event is the proof, its charge the identity: heard twice it is one payment, and two
//! charges for one bill are two.

use domain::ids::{Id, PaymentId, RequestId};
use domain::money::{Currency, Money};
use domain::payment::Observation;
use providers::payments::Seen;
use serde_json::json;
use store::{NewPayment, Payment, RefundFilter, Tx};

use super::{PaidBill, STARS, is_native};
use crate::context::App;
use crate::converse::{Body, Inbound};
use crate::error::{Error, Result};
use crate::pay::ask::{self, About, Matter};
use crate::pay::follow;
use crate::pay::observe::{self, Source};
use crate::settings::Guide;

/// A client has few refunds.
const FEW: store::PageRequest = store::PageRequest {
    limit: 100,
    after: None,
};

/// Treats what a messenger tells of money, in the transaction that keeps the event.
pub(crate) async fn heard(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    inbound: &Inbound,
    request_id: &RequestId,
) -> Result<()> {
    match &inbound.body {
        Body::Paid(told) => paid(app, tx, guide, &inbound.address, told, request_id).await,
        Body::GivenBack { charge } => given_back(app, tx, guide, charge, request_id).await,
        _ => Ok(()),
    }
}

async fn paid(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    payer: &str,
    told: &PaidBill,
    request_id: &RequestId,
) -> Result<()> {
    let amount = Currency::parse(&told.currency).map(|currency| Money::new(told.amount_minor, currency));
    let billed = match PaymentId::parse(&told.payload) {
        Some(id) => tx
            .find_payment(&id)
            .await?
            .filter(|payment| is_native(&payment.provider)),
        None => None,
    };
    let (Some(amount), Some(billed)) = (amount.filter(|amount| amount.is_positive()), billed) else {
        let facts = json!({ "payer": payer, "came": told });
        let about = About::default();
        let key = format!("telegram:{}", told.charge);
        ask::person(app, tx, guide, Matter::UnknownPayment, &key, about, &facts, request_id).await?;
        return Ok(());
    };
    // Whoever comes second waits here, and then finds the first one's charge.
    tx.lock_order(&billed.order).await?;
    let known = tx.payment_of_provider(&billed.provider, &told.charge).await?;
    let payment = match known {
        Some(known) => known,
        None => own(app, tx, billed, payer, request_id).await?,
    };
    let seen = Seen {
        id: told.charge.clone(),
        observation: Observation::Succeeded { amount, fee: None },
        pay_url: None,
        reference: Some(told.payload.clone()),
        amount,
        refunded: None,
        is_test: false,
        saved_method: None,
    };
    observe::apply_in(app, tx, guide, &payment, &seen, Source::Notification, request_id).await?;
    tx.telegram_invoice_paid(&payment, payer, &told.provider_charge).await?;
    Ok(())
}

/// The payment a charge is for. A second charge for the same bill is money of its own and needs a row of its own, from which
/// it can be given back.
async fn own(app: &App, tx: &mut Tx, billed: Payment, payer: &str, request_id: &RequestId) -> Result<PaymentId> {
    let billed = tx
        .lock_payment(&billed.id)
        .await?
        .ok_or(Error::NotFound { what: "payment" })?;
    if billed.provider_payment.is_none() {
        return Ok(billed.id);
    }
    let id: PaymentId = app.new_id();
    let new = NewPayment {
        id: id.clone(),
        order: billed.order,
        client: billed.client,
        provider: billed.provider,
        amount: billed.amount,
        is_test: billed.is_test,
        actor: "system".to_owned(),
        note: None,
        next_poll_at: None,
        now: app.now(),
    };
    if let Some(live) = tx.live_payment_of(&new.order).await? {
        follow::call_off(app, tx, &live.id, "replaced", request_id).await?;
    }
    if !tx.insert_payment(&new).await? {
        return Err(Error::internal("an order keeps a live payment that was just closed"));
    }
    tx.insert_telegram_invoice(&id, payer, app.now()).await?;
    Ok(id)
}

/// Stars went back. If we asked for it the bot's own report tells; if not, the books don't know of it and a person has to.
async fn given_back(app: &App, tx: &mut Tx, guide: &Guide, charge: &str, request_id: &RequestId) -> Result<()> {
    let Some(id) = tx.payment_of_provider(STARS, charge).await? else {
        return Ok(());
    };
    let payment = tx.find_payment(&id).await?.ok_or(Error::NotFound { what: "payment" })?;
    let filter = RefundFilter {
        order: Some(payment.order.clone()),
        status: None,
    };
    let refunds = tx.list_refunds(&filter, &FEW).await?.items;
    let is_ours = refunds
        .iter()
        .any(|refund| refund.payment == id && refund.status != domain::refund::RefundStatus::Failed);
    if is_ours {
        return Ok(());
    }
    let about = About {
        payment: Some(&payment),
        ..About::default()
    };
    let facts = json!({ "given_back": payment.amount, "charge": charge });
    ask::person(
        app,
        tx,
        guide,
        Matter::Difference,
        id.as_str(),
        about,
        &facts,
        request_id,
    )
    .await?;
    Ok(())
}
