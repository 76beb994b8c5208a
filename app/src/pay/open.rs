//! A payment is opened at a provider: the intent is committed first, the call comes after it, a job stands behind both.

use domain::ids::{OrderId, PaymentId, RequestId, TenantId};
use domain::money::Money;
use domain::payment::{Decline, Observation, PaymentStatus};
use domain::pipeline::Trigger;
use domain::time::Timestamp;
use providers::payments::{Error as ProviderError, PaymentProvider, Seen};
use serde_json::json;
use store::{NewPayment, Order, Payment, Tx};

use super::ask::{self, About, Matter};
use super::behind::{self, PaymentJob};
use super::observe::{self, Source};
use super::{MANUAL, follow, funds, intent, keys, messages, provider_error, tell};
use crate::access::audit;
use crate::caller::{Actor, Caller};
use crate::context::App;
use crate::converse::advance_stage;
use crate::error::{Error, Result};
use crate::settings::{self, Guide, payments::PaymentSettings};
use crate::work::Task;

pub const JOB: &str = "open_payment";

/// A provider forgets a key a little earlier than it promises, as clocks go.
const KEY_MARGIN_MS: i64 = 60 * 60_000;
/// Enough to find a card and answer one's bank.
const LEAST_TIME_MS: i64 = 15 * 60_000;
/// A payment that can't be called off lives for an hour, whatever we say.
const UNCANCELED_MS: i64 = 65 * 60_000;
/// A link may run out on its way here; a provider whose links do so each time has no good one to give.
const MOST_LINKS: u32 = 3;
/// A link that ends so soon is not given out.
const LAST_MINUTES_MS: i64 = 5 * 60_000;
const MAX_NOTE_CHARS: usize = 500;

/// Takes an order to a provider, or answers the live payment it has there already.
///
/// An order has one live payment: asking twice, from two tabs or two channels, gives the same one. Choosing another
/// provider closes the first; if it is paid all the same, the money is booked and a person told.
/// Errors: `NotFound` order; conflicts `order_not_payable`, `order_costs_nothing`, `contact_needed`, `provider_missing`.
pub async fn start(app: &App, caller: &Caller, order: &OrderId, provider: &str) -> Result<Payment> {
    let mut links = 1;
    loop {
        let payment = Box::pin(begin(app, caller, order, provider)).await?;
        // Nobody has seen this link, and nobody is told of its end.
        if payment.status != PaymentStatus::Expired || links == MOST_LINKS {
            return Ok(payment);
        }
        links += 1;
    }
}

async fn begin(app: &App, caller: &Caller, order: &OrderId, provider: &str) -> Result<Payment> {
    let now = app.now();
    let guide = settings::guide(app, &caller.tenant).await?;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let settings = PaymentSettings::load(&mut tx).await?;
    let order = tx.lock_order(order).await?.ok_or(Error::NotFound { what: "order" })?;
    check_payable(&order, &settings, now)?;
    let adapter = keys::provider_in(app, &mut tx, provider).await?;
    let mut replaced = None;
    if let Some(live) = tx.live_payment_of(&order.id).await? {
        if live.provider == provider {
            drop(tx);
            return match live.status {
                PaymentStatus::Creating => opened(app, &caller.tenant, &live.id, &caller.request_id).await,
                _ => Ok(live),
            };
        }
        follow::call_off(app, &mut tx, &live.id, "replaced", &caller.request_id).await?;
        hold_ended(&mut tx, &live, &settings, now).await?;
        replaced = Some(live.id);
    }
    let due = funds::due(&mut tx, &order).await?;
    if due.is_zero() {
        return Err(Error::conflict(
            "order_not_payable",
            "there is nothing left to pay for this order",
        ));
    }
    give_time(&mut tx, &order, adapter.as_ref(), now).await?;
    let client = tx
        .find_client(&order.client)
        .await?
        .ok_or(Error::NotFound { what: "client" })?;
    let id: PaymentId = app.new_id();
    let new = NewPayment {
        id: id.clone(),
        order: order.id.clone(),
        client: client.id.clone(),
        provider: provider.to_owned(),
        amount: due,
        is_test: false,
        actor: caller.actor.to_string(),
        note: None,
        next_poll_at: Some(domain::payment::next_poll(now, 1)),
        now,
    };
    if !tx.insert_payment(&new).await? {
        return Err(under_way());
    }
    if replaced.is_some() {
        messages::refresh(app, &mut tx, &guide, &order, None, &caller.request_id).await?;
    }
    advance_stage(app, &mut tx, &client, Trigger::PaymentInitiated, &caller.request_id).await?;
    let details = json!({ "payment_id": id, "order_id": order.id, "provider": provider, "replaced": replaced });
    tell::note(
        app,
        &mut tx,
        &client.id,
        "payment.started",
        &caller.actor.to_string(),
        details.clone(),
    )
    .await?;
    if matches!(caller.actor, Actor::User(_) | Actor::Key(_)) {
        tx.record_audit(&audit(app, caller, "payment.started", id.as_ref(), details))
            .await?;
    }
    behind::enqueue(app, &mut tx, JOB, &id, &caller.request_id).await?;
    tx.commit().await?;
    app.wake_workers();
    app.wake_deliveries();
    opened(app, &caller.tenant, &id, &caller.request_id).await
}

/// Whether an order may be paid for now.
///
/// Errors: conflicts `order_not_payable`, `order_costs_nothing`, `contact_needed`.
pub(super) fn check_payable(order: &Order, settings: &PaymentSettings, now: Timestamp) -> Result<()> {
    if !order.status.is_payable() || now >= order.expires_at {
        return Err(not_payable());
    }
    if order.total.is_zero() {
        return Err(Error::conflict(
            "order_costs_nothing",
            "there is nothing to pay for this order",
        ));
    }
    if settings.needs_contact() && order.contact.is_none() {
        return Err(Error::conflict(
            "contact_needed",
            "the receipt needs an e-mail address or a phone number",
        ));
    }
    Ok(())
}

/// An order waits as long as money is held for it. When that is let go it waits again as every order does.
pub(super) async fn hold_ended(
    tx: &mut Tx,
    payment: &Payment,
    settings: &PaymentSettings,
    now: Timestamp,
) -> Result<()> {
    if payment.status == PaymentStatus::WaitingForCapture {
        let until = now.plus_minutes(i64::from(settings.order_minutes));
        tx.postpone_order(&payment.order, until).await?;
    }
    Ok(())
}

/// Whoever begins to pay has the time to: an order does not end before the payment that was just begun for it.
async fn give_time(tx: &mut Tx, order: &Order, provider: &dyn PaymentProvider, now: Timestamp) -> Result<()> {
    let least = if provider.capabilities().cancels_pending {
        LEAST_TIME_MS
    } else {
        UNCANCELED_MS
    };
    if order.expires_at < now.plus_millis(least) {
        tx.postpone_order(&order.id, now.plus_millis(least)).await?;
    }
    Ok(())
}

/// Tries to open it now. When the provider is away the payment stays as it is: the job goes on.
async fn opened(app: &App, tenant: &TenantId, id: &PaymentId, request_id: &RequestId) -> Result<Payment> {
    let opened = open(app, tenant, id, request_id).await;
    behind::outcome(app, tenant, id, opened).await
}

/// The job behind [`start`].
pub async fn run(app: &App, task: &Task) -> Result<()> {
    let PaymentJob { payment_id } = task.payload()?;
    open(app, &task.tenant, &payment_id, &task.request_id).await?;
    task.finish(app).await
}

/// Asks the provider for a payment that it may or may not know. Safe to repeat: the key is the payment's id.
async fn open(app: &App, tenant: &TenantId, id: &PaymentId, request_id: &RequestId) -> Result<()> {
    let mut tx = app.tenant(tenant).read().await?;
    let payment = tx.find_payment(id).await?.ok_or(Error::NotFound { what: "payment" })?;
    // A charge of a saved method has a job of its own and is paid by nobody at a link.
    if payment.status != PaymentStatus::Creating || tx.method_of_payment(id).await?.is_some() {
        return Ok(());
    }
    let missing = || Error::NotFound { what: "order" };
    let mut order = tx.find_order(&payment.order).await?.ok_or_else(missing)?;
    let lines = tx.order_lines(&order).await?;
    let settings = PaymentSettings::load(&mut tx).await?;
    let wants_saved = settings.save_methods && tx.wants_saved_method(&order.id).await?;
    drop(tx);
    let provider = keys::provider(app, tenant, &payment.provider).await?;
    // A provider that was away for long has eaten up the time to pay.
    if order.status.is_payable() && order.expires_at < app.now().plus_millis(LAST_MINUTES_MS) {
        let mut tx = app.tenant(tenant).write().await?;
        let locked = tx.lock_order(&order.id).await?.ok_or_else(missing)?;
        give_time(&mut tx, &locked, provider.as_ref(), app.now()).await?;
        order = tx.find_order(&order.id).await?.ok_or_else(missing)?;
        tx.commit().await?;
    }
    let mut intent = intent(app, &settings, &order, &lines, &payment)?;
    intent.save_method = wants_saved && provider.capabilities().saves_methods;
    let known = if may_have_forgotten_key(app, provider.as_ref(), &payment) {
        provider.find(&intent).await.map_err(provider_error)?
    } else {
        None
    };
    let answer = match known {
        Some(seen) => Ok(seen),
        None => provider.create(&intent).await,
    };
    match answer {
        Ok(seen) => {
            observe::apply(app, tenant, id, &seen, Source::Created, request_id).await?;
            Ok(())
        }
        Err(error @ (ProviderError::Transient { .. } | ProviderError::Unknown { .. })) => Err(provider_error(error)),
        Err(error) => refused(app, tenant, &payment, error, request_id).await,
    }
}

/// Whether the provider must be asked what it knows of the payment before its key is used again: it keeps keys for a time,
/// or not at all.
pub(super) fn may_have_forgotten_key(app: &App, provider: &dyn PaymentProvider, payment: &Payment) -> bool {
    provider.capabilities().key_lifetime.is_none_or(|lifetime| {
        let kept = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
        app.now().millis_since(payment.created_at) > kept.saturating_sub(KEY_MARGIN_MS)
    })
}

/// It can't be opened: the payment is closed, the owner told if it is theirs to mend.
async fn refused(
    app: &App,
    tenant: &TenantId,
    payment: &Payment,
    error: ProviderError,
    request_id: &RequestId,
) -> Result<()> {
    let guide = settings::guide(app, tenant).await?;
    let code = match &error {
        ProviderError::Misconfigured { code, .. } | ProviderError::Refused { code, .. } => code.clone(),
        _ => "not_found".to_owned(),
    };
    let mut tx = app.tenant(tenant).write().await?;
    let decline = Decline::called_off(&code);
    tx.close_payment(&payment.id, PaymentStatus::Canceled, Some(&decline), app.now())
        .await?;
    ask_owner(app, &mut tx, &guide, payment, &code, request_id).await?;
    tx.commit().await?;
    app.wake_deliveries();
    Err(provider_error(error))
}

/// The provider takes nothing for a reason that is the owner's to mend: one task a provider and reason, not one a client
/// who tried.
pub(super) async fn ask_owner(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    payment: &Payment,
    code: &str,
    request_id: &RequestId,
) -> Result<()> {
    let about = About {
        payment: Some(payment),
        ..About::default()
    };
    let facts = json!({ "provider": payment.provider, "code": code });
    let key = format!("{}:{code}", payment.provider);
    let matter = Matter::Misconfigured;
    ask::person(app, tx, guide, matter, &key, about, &facts, request_id).await?;
    Ok(())
}

/// Cash or a transfer that a person has taken: it is paid as soon as it is entered.
///
/// Errors: as [`start`]; `Invalid` names `note`.
pub async fn enter_by_hand(
    app: &App,
    caller: &Caller,
    order: &OrderId,
    amount: Option<Money>,
    note: &str,
) -> Result<Payment> {
    let note = note.trim();
    if note.is_empty() || note.chars().count() > MAX_NOTE_CHARS {
        return Err(Error::invalid(
            "note",
            "length",
            format!("1 to {MAX_NOTE_CHARS} characters: how was it paid?"),
        ));
    }
    let now = app.now();
    let guide = settings::guide(app, &caller.tenant).await?;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let order = tx.lock_order(order).await?.ok_or(Error::NotFound { what: "order" })?;
    if !order.status.is_payable() {
        return Err(not_payable());
    }
    if let Some(live) = tx.live_payment_of(&order.id).await? {
        follow::call_off(app, &mut tx, &live.id, "paid_by_hand", &caller.request_id).await?;
        let settings = PaymentSettings::load(&mut tx).await?;
        hold_ended(&mut tx, &live, &settings, now).await?;
    }
    let id: PaymentId = app.new_id();
    let due = funds::due(&mut tx, &order).await?;
    let amount = amount.unwrap_or(due);
    if !amount.is_positive() || amount.currency != order.total.currency {
        return Err(Error::invalid(
            "amount",
            "invalid",
            "a sum above zero in the order's currency",
        ));
    }
    let new = NewPayment {
        id: id.clone(),
        order: order.id.clone(),
        client: order.client.clone(),
        provider: MANUAL.to_owned(),
        amount: due,
        is_test: false,
        actor: caller.actor.to_string(),
        note: Some(note.to_owned()),
        next_poll_at: None,
        now,
    };
    if !tx.insert_payment(&new).await? {
        return Err(under_way());
    }
    let seen = Seen {
        id: id.to_string(),
        observation: Observation::Succeeded { amount, fee: None },
        pay_url: None,
        reference: None,
        amount,
        refunded: None,
        is_test: false,
        saved_method: None,
    };
    observe::apply_in(
        app,
        &mut tx,
        &guide,
        &id,
        &seen,
        Source::Administrator,
        &caller.request_id,
    )
    .await?;
    tx.record_audit(&audit(
        app,
        caller,
        "payment.entered",
        id.as_ref(),
        json!({ "order_id": order.id, "amount": amount }),
    ))
    .await?;
    let payment = tx.find_payment(&id).await?.ok_or(Error::NotFound { what: "payment" })?;
    tx.commit().await?;
    app.wake_workers();
    app.wake_deliveries();
    Ok(payment)
}

/// Another payment of the same order was begun in this very moment.
pub(super) fn under_way() -> Error {
    Error::conflict("payment_under_way", "a payment of this order is being made; try again")
}

pub(super) fn not_payable() -> Error {
    Error::conflict("order_not_payable", "this order does not wait for a payment any more")
}
