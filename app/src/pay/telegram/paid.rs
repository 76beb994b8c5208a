//! Money that came inside Telegram. The event is the proof, its charge the identity: heard twice it is one payment, and two
//! charges for one bill are two.

use domain::ids::{Id, PaymentId, RequestId};
use domain::money::{Currency, Money};
use domain::payment::Observation;
use providers::payments::{ListedRefund, RefundState, Seen};
use serde_json::json;
use store::{NewPayment, Payment, Tx};

use super::{PaidBill, STARS, is_native};
use crate::context::App;
use crate::converse::{Body, Inbound};
use crate::error::{Error, Result};
use crate::pay::ask::{self, About, Matter};
use crate::pay::observe::{self, Source};
use crate::pay::{cabinet, follow};
use crate::settings::Guide;

/// What a charge turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::pay) enum Heard {
    /// Booked before.
    Known(PaymentId),
    /// The first one of its bill.
    Settled(PaymentId),
    /// One more for a bill that is paid: a payment of its own.
    Second(PaymentId),
    /// No bill of ours; a person was asked.
    Unknown,
}

/// Treats what a messenger tells of money, in the transaction that keeps the event.
pub(crate) async fn heard(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    inbound: &Inbound,
    request_id: &RequestId,
) -> Result<()> {
    match &inbound.body {
        Body::Paid(told) => {
            let source = Source::Notification;
            settle(app, tx, guide, &inbound.address, told, source, request_id).await?;
            Ok(())
        }
        Body::GivenBack { charge } => given_back(app, tx, guide, charge, request_id).await,
        _ => Ok(()),
    }
}

/// Writes a charge down as the payment of its bill, whoever tells of it.
pub(in crate::pay) async fn settle(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    payer: &str,
    told: &PaidBill,
    source: Source,
    request_id: &RequestId,
) -> Result<Heard> {
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
        return Ok(Heard::Unknown);
    };
    // Whoever comes second waits here, and then finds the first one's charge.
    tx.lock_order(&billed.order).await?;
    let known = tx.payment_of_provider(&billed.provider, &told.charge).await?;
    let heard = match known {
        Some(known) => Heard::Known(known),
        None => own(app, tx, billed, payer, request_id).await?,
    };
    let (Heard::Known(payment) | Heard::Settled(payment) | Heard::Second(payment)) = &heard else {
        return Ok(heard);
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
    observe::apply_in(app, tx, guide, payment, &seen, source, request_id).await?;
    tx.telegram_invoice_paid(payment, payer, &told.provider_charge).await?;
    Ok(heard)
}

/// The payment a charge is for. A second charge for the same bill is money of its own and needs a row of its own, from which
/// it can be given back.
async fn own(app: &App, tx: &mut Tx, billed: Payment, payer: &str, request_id: &RequestId) -> Result<Heard> {
    let billed = tx
        .lock_payment(&billed.id)
        .await?
        .ok_or(Error::NotFound { what: "payment" })?;
    if billed.provider_payment.is_none() {
        return Ok(Heard::Settled(billed.id));
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
    Ok(Heard::Second(id))
}

/// Stars went back. A refund of ours is done by that, whoever is first to tell; one that was made past us is booked like one
/// from a bank's cabinet.
async fn given_back(app: &App, tx: &mut Tx, guide: &Guide, charge: &str, request_id: &RequestId) -> Result<()> {
    let Some(id) = tx.payment_of_provider(STARS, charge).await? else {
        return Ok(());
    };
    let payment = tx.find_payment(&id).await?.ok_or(Error::NotFound { what: "payment" })?;
    let refund = ListedRefund {
        id: charge.to_owned(),
        payment: charge.to_owned(),
        reference: None,
        amount: payment.amount,
        state: RefundState::Succeeded,
        created_at: None,
    };
    cabinet::book(app, tx, guide, &id, &refund, request_id).await?;
    Ok(())
}
