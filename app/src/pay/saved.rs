//! Methods that payers have agreed to keep, and charging one without the payer.
//!
//! Kept only when the owner allows it and the payer has said so before they paid. Whoever forgets a method erases its
//! token in the same moment; the row stays as the proof. Nothing here charges by itself: [`charge`] is for who has told the
//! client the sum and the date before.

use domain::ids::{ClientId, OrderId, PaymentId, RequestId, SavedMethodId, TenantId};
use domain::payment::{Decline, PaymentStatus};
use domain::pipeline::Trigger;
use providers::payments::{Error as ProviderError, Seen};
use serde_json::json;
use store::{NewPayment, NewSavedMethod, Payment, SavedMethod, Tx};

use super::behind::{self, PaymentJob};
use super::observe::{self, Source};
use super::open::{ask_owner, check_payable, may_have_forgotten_key, under_way};
use super::{intent, keys, provider_error, tell};
use crate::access::audit;
use crate::caller::{Actor, Caller};
use crate::context::App;
use crate::converse::advance_stage;
use crate::error::{Error, Result};
use crate::settings;
use crate::settings::payments::PaymentSettings;
use crate::work::Task;

pub const CHARGE_JOB: &str = "charge_saved";

const MAX_TITLE_CHARS: usize = 60;

/// Keeps what came with a payment, if the owner allows it and the payer wished it. Heard twice it is kept once.
pub(super) async fn keep(
    app: &App,
    tx: &mut Tx,
    settings: &PaymentSettings,
    payment: &Payment,
    seen: &Seen,
) -> Result<()> {
    let Some(method) = seen.saved_method.as_ref().filter(|_| settings.save_methods) else {
        return Ok(());
    };
    // A charge brings back the method that was charged.
    if !tx.wants_saved_method(&payment.order).await? || tx.method_of_payment(&payment.id).await?.is_some() {
        return Ok(());
    }
    for known in tx.saved_methods_of(&payment.client).await? {
        let is_same = known.forgotten_at.is_none()
            && known.provider == payment.provider
            && tx.saved_method_token(&known.id).await?.as_deref() == Some(&method.token);
        if is_same {
            return Ok(());
        }
    }
    let new = NewSavedMethod {
        id: app.new_id(),
        client: payment.client.clone(),
        provider: payment.provider.clone(),
        token: method.token.clone(),
        title: masked(&method.title),
        payment: payment.id.clone(),
        now: app.now(),
    };
    if tx.insert_saved_method(&new).await? {
        let details = json!({ "method_id": new.id, "payment_id": payment.id, "provider": payment.provider });
        tell::note(app, tx, &payment.client, "method.saved", "client", details).await?;
    }
    Ok(())
}

/// `430000******0777`, `Bank card *4444`, or nothing at all, as `•••• 0777`: never more than four digits of a number.
fn masked(title: &str) -> String {
    let digits: Vec<char> = title.chars().filter(char::is_ascii_digit).collect();
    let has_letters = title.chars().any(char::is_alphabetic);
    if digits.len() >= 4 && !(has_letters && digits.len() == 4) {
        let last: String = digits.iter().skip(digits.len() - 4).collect();
        return format!("•••• {last}");
    }
    if title.trim().is_empty() {
        return "••••".to_owned();
    }
    title.trim().chars().take(MAX_TITLE_CHARS).collect()
}

/// The payer's wish for an order, ticked or not, before they pay.
///
/// Errors: a conflict `methods_not_saved` when the owner does not allow it.
pub async fn wish(app: &App, caller: &Caller, order: &OrderId, wish: bool) -> Result<()> {
    let mut tx = app.tenant(&caller.tenant).write().await?;
    wish_in(&mut tx, order, wish).await?;
    tx.commit().await?;
    Ok(())
}

pub(crate) async fn wish_in(tx: &mut Tx, order: &OrderId, wish: bool) -> Result<()> {
    if wish && !PaymentSettings::load(tx).await?.save_methods {
        return Err(not_kept());
    }
    tx.wish_saved_method(order, wish).await?;
    Ok(())
}

/// A client's methods, newest first, the forgotten ones included.
///
/// Errors: `NotFound` client.
pub async fn list(app: &App, caller: &Caller, client: &ClientId) -> Result<Vec<SavedMethod>> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    tx.find_client(client)
        .await?
        .ok_or(Error::NotFound { what: "client" })?;
    Ok(tx.saved_methods_of(client).await?)
}

/// Forgets a method for good. Saying it again changes nothing.
///
/// Errors: `NotFound`.
pub async fn forget(app: &App, caller: &Caller, id: &SavedMethodId) -> Result<SavedMethod> {
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let method = forget_in(app, &mut tx, caller, id).await?;
    tx.commit().await?;
    Ok(method)
}

/// As [`forget`], in the transaction of its cause.
pub(crate) async fn forget_in(app: &App, tx: &mut Tx, caller: &Caller, id: &SavedMethodId) -> Result<SavedMethod> {
    let missing = || Error::NotFound { what: "payment method" };
    let method = tx.find_saved_method(id).await?.ok_or_else(missing)?;
    if tx.forget_saved_method(id, &caller.actor.to_string(), app.now()).await? {
        let details = json!({ "method_id": id, "provider": method.provider, "title": method.title });
        tell::note(
            app,
            tx,
            &method.client,
            "method.forgotten",
            &caller.actor.to_string(),
            details.clone(),
        )
        .await?;
        tx.record_audit(&audit(app, caller, "method.forgotten", id.as_ref(), details))
            .await?;
    }
    tx.find_saved_method(id).await?.ok_or_else(missing)
}

/// Charges an order to a saved method, without the payer. When the provider is away the payment stays as it is, and a job
/// goes on; a decline is an answer, not an error.
///
/// Errors: `NotFound` order or payment method; conflicts `methods_not_saved`, `method_forgotten`, `order_not_payable`,
/// `order_costs_nothing`, `contact_needed`, `provider_missing`, `payment_under_way`.
pub async fn charge(app: &App, caller: &Caller, order: &OrderId, method: &SavedMethodId) -> Result<Payment> {
    let now = app.now();
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let settings = PaymentSettings::load(&mut tx).await?;
    let order = tx.lock_order(order).await?.ok_or(Error::NotFound { what: "order" })?;
    // Another client's method is not there.
    let method = tx
        .find_saved_method(method)
        .await?
        .filter(|method| method.client == order.client)
        .ok_or(Error::NotFound { what: "payment method" })?;
    if !settings.save_methods {
        return Err(not_kept());
    }
    if method.forgotten_at.is_some() {
        return Err(Error::conflict(
            "method_forgotten",
            "the client has had this method forgotten",
        ));
    }
    check_payable(&order, &settings, now)?;
    keys::provider_in(app, &mut tx, &method.provider).await?;
    let client = tx
        .find_client(&order.client)
        .await?
        .ok_or(Error::NotFound { what: "client" })?;
    let id: PaymentId = app.new_id();
    let new = NewPayment {
        id: id.clone(),
        order: order.id.clone(),
        client: client.id.clone(),
        provider: method.provider.clone(),
        amount: order.total,
        is_test: false,
        actor: caller.actor.to_string(),
        note: None,
        next_poll_at: Some(domain::payment::next_poll(now, 1)),
        now,
    };
    if !tx.insert_payment(&new).await? || !tx.charge_by_method(&id, &method.id).await? {
        return Err(under_way());
    }
    advance_stage(app, &mut tx, &client, Trigger::PaymentInitiated, &caller.request_id).await?;
    let details = json!({ "payment_id": id, "order_id": order.id, "method_id": method.id });
    let actor = caller.actor.to_string();
    tell::note(app, &mut tx, &client.id, "payment.charged", &actor, details.clone()).await?;
    if matches!(caller.actor, Actor::User(_) | Actor::Key(_)) {
        tx.record_audit(&audit(app, caller, "payment.charged", id.as_ref(), details))
            .await?;
    }
    behind::enqueue(app, &mut tx, CHARGE_JOB, &id, &caller.request_id).await?;
    tx.commit().await?;
    app.wake_workers();
    let taken = take(app, &caller.tenant, &id, &caller.request_id).await;
    behind::outcome(app, &caller.tenant, &id, taken).await
}

/// The job behind [`charge`].
pub async fn run(app: &App, task: &Task) -> Result<()> {
    let PaymentJob { payment_id } = task.payload()?;
    take(app, &task.tenant, &payment_id, &task.request_id).await?;
    task.finish(app).await
}

/// Safe to repeat: the key is the payment's id, and what the provider may know by now is looked up.
async fn take(app: &App, tenant: &TenantId, id: &PaymentId, request_id: &RequestId) -> Result<()> {
    let missing = |what| Error::NotFound { what };
    let mut tx = app.tenant(tenant).read().await?;
    let payment = tx.find_payment(id).await?.ok_or_else(|| missing("payment"))?;
    if payment.status != PaymentStatus::Creating {
        return Ok(());
    }
    let order = tx.find_order(&payment.order).await?.ok_or_else(|| missing("order"))?;
    let lines = tx.order_lines(&order).await?;
    let settings = PaymentSettings::load(&mut tx).await?;
    let token = match tx.method_of_payment(id).await? {
        Some(method) => tx.saved_method_token(&method).await?,
        None => None,
    };
    drop(tx);
    let provider = keys::provider(app, tenant, &payment.provider).await?;
    let intent = intent(app, &settings, &order, &lines, &payment)?;
    let answer = match token {
        // Forgotten since: nothing may be charged, but it may have been charged before.
        None => match provider.find(&intent).await.map_err(provider_error)? {
            Some(seen) => Ok(seen),
            None => return refuse(app, tenant, &payment, "method_forgotten").await,
        },
        Some(token) => {
            let known = if may_have_forgotten_key(app, provider.as_ref(), &payment) {
                provider.find(&intent).await.map_err(provider_error)?
            } else {
                None
            };
            match known {
                Some(seen) => Ok(seen),
                None => provider.charge_saved(&intent, &token).await,
            }
        }
    };
    match answer {
        Ok(seen) => {
            observe::apply(app, tenant, id, &seen, Source::Created, request_id).await?;
            Ok(())
        }
        Err(error @ (ProviderError::Transient { .. } | ProviderError::Unknown { .. })) => Err(provider_error(error)),
        Err(ProviderError::Misconfigured { code, .. } | ProviderError::Refused { code, .. }) => {
            let guide = settings::guide(app, tenant).await?;
            let mut tx = app.tenant(tenant).write().await?;
            close(app, &mut tx, &payment, &code).await?;
            ask_owner(app, &mut tx, &guide, &payment, &code, request_id).await?;
            tx.commit().await?;
            app.wake_deliveries();
            Ok(())
        }
        Err(ProviderError::NotFound { .. }) => refuse(app, tenant, &payment, "not_found").await,
    }
}

/// The charge was not made and will not be: who asked for it sees the code.
async fn refuse(app: &App, tenant: &TenantId, payment: &Payment, code: &str) -> Result<()> {
    let mut tx = app.tenant(tenant).write().await?;
    close(app, &mut tx, payment, code).await?;
    tx.commit().await?;
    Ok(())
}

async fn close(app: &App, tx: &mut Tx, payment: &Payment, code: &str) -> Result<()> {
    tracing::warn!(payment.id = %payment.id, code, "a saved method could not be charged");
    let decline = Decline::called_off(code);
    tx.lock_order(&payment.order).await?;
    let status = PaymentStatus::Canceled;
    if tx.close_payment(&payment.id, status, Some(&decline), app.now()).await? {
        let details = json!({ "payment_id": payment.id, "status": status, "reason": decline });
        tell::note(app, tx, &payment.client, "payment.closed", "system", details).await?;
    }
    Ok(())
}

fn not_kept() -> Error {
    Error::conflict("methods_not_saved", "payment methods are not kept here")
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn a_title_shows_four_digits_at_most() {
        for (told, shown) in [
            ("430000******0777", "•••• 0777"),
            ("4300000000000777", "•••• 0777"),
            ("Bank card *4444", "Bank card *4444"),
            ("Bank card 430000 4444", "•••• 4444"),
            ("", "••••"),
            ("YooMoney 41001", "•••• 1001"),
        ] {
            assert_eq!(masked(told), shown, "{told}");
        }
    }
}
