//! What a provider says of a payment becomes state, books, messages and jobs, in one transaction.

use domain::ids::{Id, PaymentId, RequestId, TenantId};
use domain::ledger;
use domain::money::Money;
use domain::order::OrderStatus;
use domain::payment::{Concern, Decision, Decline, DeclineAdvice, Observation, PaymentStatus, decide};
use providers::payments::Seen;
use serde_json::json;
use store::{Client, NewReceipt, NewTransfer, Order, OrderLine, Payment, PaymentEvent, Tx};

use super::ask::{self, About, Matter};
use super::{MANUAL, follow, give, receipt, tell};
use crate::context::App;
use crate::error::{Error, Result};
use crate::settings::payments::{PaymentSettings, ReceiptMode};
use crate::settings::{self, Guide};

/// Where something was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Created,
    Notification,
    Poll,
    Administrator,
    Reconciliation,
}

impl Source {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Notification => "notification",
            Self::Poll => "poll",
            Self::Administrator => "administrator",
            Self::Reconciliation => "reconciliation",
        }
    }
}

/// Everything a decision is carried out with.
struct Scene<'a> {
    app: &'a App,
    guide: &'a Guide,
    settings: PaymentSettings,
    order: Order,
    lines: Vec<OrderLine>,
    payment: Payment,
    client: Client,
    request_id: &'a RequestId,
}

/// Carries out what `seen` means. Heard twice, late or in the wrong order it changes nothing more.
///
/// Errors: `NotFound` payment.
pub async fn apply(
    app: &App,
    tenant: &TenantId,
    payment: &PaymentId,
    seen: &Seen,
    source: Source,
    request_id: &RequestId,
) -> Result<PaymentStatus> {
    let guide = settings::guide(app, tenant).await?;
    let mut tx = app.tenant(tenant).write().await?;
    let status = apply_in(app, &mut tx, &guide, payment, seen, source, request_id).await?;
    tx.commit().await?;
    app.wake_workers();
    app.wake_deliveries();
    Ok(status)
}

/// The same in the transaction of a job. The order is locked before its payments, always.
pub(super) async fn apply_in(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    payment: &PaymentId,
    seen: &Seen,
    source: Source,
    request_id: &RequestId,
) -> Result<PaymentStatus> {
    let missing = || Error::NotFound { what: "payment" };
    let found = tx.find_payment(payment).await?.ok_or_else(missing)?;
    let order = tx
        .lock_order(&found.order)
        .await?
        .ok_or(Error::NotFound { what: "order" })?;
    let payment = tx.lock_payment(payment).await?.ok_or_else(missing)?;
    let client = tx
        .find_client(&payment.client)
        .await?
        .ok_or(Error::NotFound { what: "client" })?;
    let lines = tx.order_lines(&order).await?;
    let settings = PaymentSettings::load(tx).await?;
    // Without a link there is nothing to pay at: the one who opens it will make another.
    let is_linkless =
        payment.status == PaymentStatus::Creating && seen.observation == Observation::Pending && seen.pay_url.is_none();
    if is_linkless {
        return Ok(payment.status);
    }
    if payment.provider_payment.is_none() {
        tx.know_provider_payment(&payment.id, &seen.id).await?;
    }
    let is_another = payment.provider_payment.as_ref().is_some_and(|known| *known != seen.id);
    let decision = decide(payment.status, payment.amount, &seen.observation);
    // A poll that finds nothing new is no event; everything else is kept, also what changes nothing.
    if decision != Decision::Nothing || source == Source::Notification {
        let event = PaymentEvent {
            id: app.new_id(),
            source: source.code().to_owned(),
            seen: serde_json::to_string(&seen.observation).map_err(|error| Error::internal(error.to_string()))?,
            decision: name_of(&decision).to_owned(),
            request_id: request_id.clone(),
            at: app.now(),
        };
        tx.insert_payment_event(&payment.id, &event).await?;
    }
    let scene = Scene {
        app,
        guide,
        settings,
        order,
        lines,
        payment,
        client,
        request_id,
    };
    if is_another {
        return scene.another(tx, seen, decision).await;
    }
    match decision {
        Decision::Nothing => scene.late_fee(tx, &seen.observation).await?,
        Decision::Open => {
            let url = seen.pay_url.as_ref().map(url::Url::as_str);
            let payment = &scene.payment;
            tx.open_payment(&payment.id, &seen.id, url, Some(scene.order.expires_at))
                .await?;
        }
        Decision::Hold => scene.hold(tx, seen).await?,
        Decision::Settle { amount, fee, concern } => scene.settle(tx, amount, fee, concern).await?,
        Decision::Close { status, decline } => scene.close(tx, status, decline.as_ref()).await?,
        Decision::Release => follow::enqueue_release(app, tx, &scene.payment.id, request_id).await?,
        Decision::Ask(concern) => scene.concern(tx, concern, seen).await?,
    }
    let now = tx.find_payment(&scene.payment.id).await?.ok_or_else(missing)?;
    Ok(now.status)
}

const fn name_of(decision: &Decision) -> &'static str {
    match decision {
        Decision::Nothing => "nothing",
        Decision::Open => "open",
        Decision::Hold => "hold",
        Decision::Settle { .. } => "settle",
        Decision::Close { .. } => "close",
        Decision::Release => "release",
        Decision::Ask(_) => "ask",
    }
}

impl Scene<'_> {
    fn about(&self) -> About<'_> {
        About {
            order: Some(&self.order),
            payment: Some(&self.payment),
            refund: None,
        }
    }

    fn transfer(&self, transfer: Result<ledger::Transfer, ledger::LedgerError>) -> Result<NewTransfer> {
        let transfer = transfer
            .map_err(|error| Error::internal(format!("payment {} can't be booked: {error}", self.payment.id)))?;
        Ok(NewTransfer {
            id: self.app.new_id(),
            transfer,
            client: self.payment.client.clone(),
            request_id: self.request_id.clone(),
            now: self.app.now(),
        })
    }

    /// A second payment at the provider speaks in the name of ours: a link that was lost and made anew, or a mistake there.
    /// Only its money counts.
    async fn another(&self, tx: &mut Tx, seen: &Seen, decision: Decision) -> Result<PaymentStatus> {
        let is_success = matches!(seen.observation, Observation::Succeeded { .. });
        if let (Decision::Settle { amount, fee, concern }, true) = (&decision, is_success) {
            tx.adopt_provider_payment(&self.payment.id, &seen.id).await?;
            self.settle(tx, *amount, *fee, *concern).await?;
        } else if is_success || matches!(seen.observation, Observation::Held { .. }) {
            let facts = json!({ "provider_payment": seen.id, "known": self.payment.provider_payment, "seen": seen.observation });
            let key = format!("{}:{}", self.payment.id, seen.id);
            let (app, request_id) = (self.app, self.request_id);
            let matter = if is_success { Matter::PaidTwice } else { Matter::Held };
            ask::person(app, tx, self.guide, matter, &key, self.about(), &facts, request_id).await?;
        }
        let now = tx.find_payment(&self.payment.id).await?;
        Ok(now.map_or(self.payment.status, |payment| payment.status))
    }

    async fn ask(&self, tx: &mut Tx, matter: Matter, facts: serde_json::Value) -> Result<()> {
        let key = self.payment.id.as_str();
        ask::person(
            self.app,
            tx,
            self.guide,
            matter,
            key,
            self.about(),
            &facts,
            self.request_id,
        )
        .await?;
        Ok(())
    }

    /// Money is in: payment, books, order, stage, messages, receipt and jobs are one.
    async fn settle(&self, tx: &mut Tx, amount: Money, fee: Option<Money>, concern: Option<Concern>) -> Result<()> {
        let now = self.app.now();
        if amount.currency != self.payment.amount.currency {
            // Nothing is booked in a currency nobody agreed on.
            return self
                .concern_of(tx, Concern::OtherAmount, json!({ "came": amount }))
                .await;
        }
        if !tx.settle_payment(&self.payment.id, amount, fee, concern, now).await? {
            return Ok(());
        }
        let (provider, client) = (&self.payment.provider, &self.payment.client);
        let mut transfers =
            vec![self.transfer(ledger::payment_succeeded(&self.payment.id, provider, client, amount))?];
        if let Some(fee) = fee.filter(|fee| fee.is_positive()) {
            transfers.push(self.transfer(ledger::provider_fee(&self.payment.id, provider, fee))?);
        }
        let facts = json!({ "agreed": self.order.total, "came": amount });
        let is_enough = amount.minor >= self.order.total.minor;
        let waits = matches!(
            self.order.status,
            OrderStatus::AwaitingPayment | OrderStatus::Expired | OrderStatus::Canceled
        );
        if waits && is_enough {
            transfers.extend(give::charge(self.app, &self.order, &self.lines, self.request_id)?);
        }
        tx.post(&transfers).await?;
        if waits && is_enough {
            give::paid(self.app, tx, self.guide, &self.order, &self.client, self.request_id).await?;
            self.receipts(tx, amount).await?;
            // Another link that is still open must not take the money a second time.
            if let Some(live) = tx.live_payment_of(&self.order.id).await? {
                let called_off = Decline {
                    code: "order_paid".into(),
                    advice: DeclineAdvice::CalledOff,
                };
                tx.close_payment(&live.id, PaymentStatus::Canceled, Some(&called_off), now)
                    .await?;
                follow::enqueue_release(self.app, tx, &live.id, self.request_id).await?;
            }
        } else if !waits {
            tx.flag_payment(&self.payment.id, Concern::OrderNotWaiting).await?;
            self.ask(tx, Matter::PaidTwice, facts.clone()).await?;
        }
        match concern {
            Some(Concern::PaidAfterClosing) if waits => self.ask(tx, Matter::PaidAfterClosing, facts).await?,
            Some(Concern::OtherAmount) => self.ask(tx, Matter::OtherAmount, facts).await?,
            _ => {}
        }
        Ok(())
    }

    /// What the law wants to be written about the money that came in.
    async fn receipts(&self, tx: &mut Tx, amount: Money) -> Result<()> {
        let (kind, status, body) = match self.settings.receipts {
            ReceiptMode::Off => return Ok(()),
            ReceiptMode::SelfEmployed => (
                "income",
                "by_hand",
                json!({ "what": tell::titles(&self.lines, domain::language::Language::Ru), "paid_at": self.app.now() }),
            ),
            ReceiptMode::Provider => {
                let body = receipt(&self.settings, &self.order, &self.lines, amount, |line| line.total);
                match body {
                    Some(body) => {
                        let body = serde_json::to_value(&body).map_err(|error| Error::internal(error.to_string()))?;
                        // Cash never passed a provider, so nobody has given its receipt.
                        let status = if self.payment.provider == MANUAL {
                            "by_hand"
                        } else {
                            "with_payment"
                        };
                        ("payment", status, body)
                    }
                    None => {
                        let what = tell::titles(&self.lines, domain::language::Language::Ru);
                        let facts = json!({ "what": what, "amount": amount });
                        self.ask(tx, Matter::ReceiptFailed, facts.clone()).await?;
                        ("payment", "by_hand", facts)
                    }
                }
            }
        };
        let new = NewReceipt {
            id: self.app.new_id(),
            order: self.order.id.clone(),
            payment: Some(self.payment.id.clone()),
            refund: None,
            kind,
            status,
            amount,
            body: body.to_string(),
            now: self.app.now(),
        };
        tx.insert_receipt(&new).await?;
        Ok(())
    }

    async fn hold(&self, tx: &mut Tx, seen: &Seen) -> Result<()> {
        let was_new = self.payment.status == PaymentStatus::Creating;
        if was_new {
            tx.open_payment(&self.payment.id, &seen.id, None, Some(self.order.expires_at))
                .await?;
        }
        if !tx.hold_payment(&self.payment.id).await? {
            return Ok(());
        }
        self.ask(tx, Matter::Held, json!({ "amount": self.payment.amount }))
            .await
    }

    async fn close(&self, tx: &mut Tx, status: PaymentStatus, decline: Option<&Decline>) -> Result<()> {
        if !tx
            .close_payment(&self.payment.id, status, decline, self.app.now())
            .await?
        {
            return Ok(());
        }
        let details = json!({ "payment_id": self.payment.id, "status": status, "reason": decline });
        tell::note(self.app, tx, &self.client.id, "payment.closed", "system", details).await?;
        if self.order.status.is_payable() {
            tell::declined(
                self.app,
                tx,
                self.guide,
                &self.order,
                &self.payment,
                decline,
                &self.client,
                self.request_id,
            )
            .await?;
        }
        Ok(())
    }

    async fn concern(&self, tx: &mut Tx, concern: Concern, seen: &Seen) -> Result<()> {
        self.concern_of(
            tx,
            concern,
            json!({ "agreed": self.payment.amount, "seen": seen.observation }),
        )
        .await
    }

    async fn concern_of(&self, tx: &mut Tx, concern: Concern, facts: serde_json::Value) -> Result<()> {
        tx.flag_payment(&self.payment.id, concern).await?;
        let matter = match concern {
            Concern::CanceledAfterSuccess => Matter::CanceledAfterSuccess,
            Concern::PaidAfterClosing => Matter::PaidAfterClosing,
            Concern::OrderNotWaiting => Matter::PaidTwice,
            Concern::OtherAmount => Matter::OtherAmount,
        };
        self.ask(tx, matter, facts).await
    }

    /// Some providers tell what they keep only after the success.
    async fn late_fee(&self, tx: &mut Tx, seen: &Observation) -> Result<()> {
        if let Observation::Succeeded { fee: Some(fee), .. } = seen
            && fee.is_positive()
            && self.payment.status.is_paid()
            && tx.know_fee(&self.payment.id, *fee).await?
        {
            let transfer = ledger::provider_fee(&self.payment.id, &self.payment.provider, *fee);
            tx.post(&[self.transfer(transfer)?]).await?;
        }
        Ok(())
    }
}
