//! What a provider says of a payment becomes state, books, messages and jobs, in one transaction.

use domain::ids::{PaymentId, RequestId, TenantId};
use domain::ledger;
use domain::money::Money;
use domain::order::OrderStatus;
use domain::payment::{Concern, Decision, Decline, Observation, PaymentStatus, decide};
use providers::payments::Seen;
use serde_json::json;
use store::{Client, NewPayment, NewTransfer, Order, OrderLine, Payment, PaymentEvent, Tx};

use super::ask::{self, About, Matter};
use super::{cabinet, follow, funds, keys, messages, open, receipts, saved, tell};
use crate::context::App;
use crate::error::{Error, Result};
use crate::settings::payments::PaymentSettings;
use crate::settings::{self, Guide};

/// A week at most, counted from the day of the hold; some methods hold for less, and the provider tells when it is over.
const HOLD_MS: i64 = 7 * 24 * 60 * 60_000;

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
    let mut payment = tx.lock_payment(payment).await?.ok_or_else(missing)?;
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
    if seen.is_test && !payment.is_test {
        tx.know_test(&payment.id).await?;
        payment.is_test = true;
    }
    let is_another = payment.provider_payment.as_ref().is_some_and(|known| *known != seen.id);
    let hides_parts = match payment.capture {
        Some(_) => keys::provider_in(app, tx, &payment.provider)
            .await
            .is_ok_and(|provider| provider.hides_parts()),
        None => false,
    };
    let observation = taken(&payment, &seen.observation, hides_parts);
    let expected = match (&observation, payment.capture) {
        (Observation::Succeeded { .. }, Some(part)) => part,
        _ => payment.amount,
    };
    let decision = decide(payment.status, expected, &observation);
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
    let mut scene = Scene {
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
        Decision::Settle { amount, fee, concern } => {
            scene.reduce(tx, amount).await?;
            scene.settle(tx, amount, fee, concern).await?;
        }
        Decision::Close { status, decline } => scene.close(tx, status, decline.as_ref()).await?,
        Decision::Release => follow::enqueue_release(app, tx, &scene.payment.id, request_id).await?,
        Decision::Ask(concern) => scene.concern(tx, concern, seen).await?,
    }
    if matches!(seen.observation, Observation::Succeeded { .. }) {
        saved::keep(app, tx, &scene.settings, &scene.payment, seen).await?;
    }
    let now = tx.find_payment(&scene.payment.id).await?.ok_or_else(missing)?;
    if now.status.is_paid() {
        cabinet::notice(app, tx, &now, seen.refunded, request_id).await?;
    }
    Ok(now.status)
}

/// What was really taken of a hold, where the provider tells only what was agreed: what somebody decided here.
pub(super) fn taken(payment: &Payment, seen: &Observation, hides_parts: bool) -> Observation {
    match (seen, payment.capture) {
        (Observation::Succeeded { fee, .. }, Some(part)) if hides_parts => Observation::Succeeded {
            amount: part,
            fee: *fee,
        },
        _ => seen.clone(),
    }
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

    /// A part of a hold was taken because somebody decided so: the order costs that much less.
    async fn reduce(&mut self, tx: &mut Tx, amount: Money) -> Result<()> {
        let waits = matches!(
            self.order.status,
            OrderStatus::AwaitingPayment | OrderStatus::Expired | OrderStatus::Canceled
        );
        let less = self.payment.amount.minor.saturating_sub(amount.minor);
        let is_decided = self.payment.capture == Some(amount) && amount.currency == self.order.total.currency;
        if !waits || !is_decided || less <= 0 {
            return Ok(());
        }
        let less = Money::new(less, amount.currency);
        let Some(parts) = funds::shares(&self.lines, less) else {
            return Ok(());
        };
        tx.reduce_order(&self.order, &self.lines, &parts).await?;
        self.order = tx
            .find_order(&self.order.id)
            .await?
            .ok_or(Error::NotFound { what: "order" })?;
        self.lines = tx.order_lines(&self.order).await?;
        Ok(())
    }

    /// A second payment at the provider speaks in the name of ours: a link that was lost and made anew, or a mistake there.
    /// Only its money counts: beside what is paid it becomes a payment of its own.
    async fn another(&self, tx: &mut Tx, seen: &Seen, decision: Decision) -> Result<PaymentStatus> {
        let is_success = matches!(seen.observation, Observation::Succeeded { .. });
        if let (Decision::Settle { amount, fee, concern }, true) = (&decision, is_success) {
            tx.adopt_provider_payment(&self.payment.id, &seen.id).await?;
            self.settle(tx, *amount, *fee, *concern).await?;
        } else if is_success {
            let new = NewPayment {
                id: self.app.new_id(),
                order: self.order.id.clone(),
                client: self.order.client.clone(),
                provider: self.payment.provider.clone(),
                amount: seen.amount,
                is_test: seen.is_test,
                actor: "provider".to_owned(),
                note: None,
                next_poll_at: None,
                now: self.app.now(),
            };
            if tx.insert_stray_payment(&new, &seen.id).await? {
                let (app, guide, request_id) = (self.app, self.guide, self.request_id);
                let source = Source::Reconciliation;
                Box::pin(apply_in(app, tx, guide, &new.id, seen, source, request_id)).await?;
            }
        } else if matches!(seen.observation, Observation::Held { .. }) {
            let facts = json!({ "provider_payment": seen.id, "known": self.payment.provider_payment, "seen": seen.observation });
            let key = format!("{}:{}", self.payment.id, seen.id);
            let (app, request_id) = (self.app, self.request_id);
            let about = self.about();
            ask::person(app, tx, self.guide, Matter::Held, &key, about, &facts, request_id).await?;
        }
        let now = tx.find_payment(&self.payment.id).await?;
        Ok(now.map_or(self.payment.status, |payment| payment.status))
    }

    async fn ask(&self, tx: &mut Tx, matter: Matter, facts: serde_json::Value) -> Result<()> {
        // Two facts about one payment are two tasks.
        let key = format!("{}:{}", self.payment.id, ask::fingerprint(&facts));
        ask::person(
            self.app,
            tx,
            self.guide,
            matter,
            &key,
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
        // Stars pay for an order in another currency: then what the bill says is what was agreed.
        let agreed = if amount.currency == self.order.total.currency {
            self.order.total
        } else {
            self.payment.amount
        };
        let facts = json!({ "agreed": agreed, "came": amount });
        // What came before and waited for the rest counts as well.
        let is_enough = amount.minor >= agreed.minor
            || (amount.currency == self.order.total.currency
                && tx.money_of_order(&self.order.id, agreed.currency).await?.minor >= agreed.minor);
        let waits = matches!(
            self.order.status,
            OrderStatus::AwaitingPayment | OrderStatus::Expired | OrderStatus::Canceled
        );
        if waits && is_enough {
            let sale = funds::Sale {
                guide: self.guide,
                order: &self.order,
                lines: &self.lines,
                price: agreed,
                request_id: self.request_id,
            };
            sale.complete(self.app, tx, transfers).await?;
        } else {
            tx.post(&transfers).await?;
        }
        // Stars are sold by Telegram, which answers to the tax office for them.
        if waits && amount.currency == self.order.total.currency {
            self.receipts(tx, amount).await?;
        }
        if !waits {
            tx.flag_payment(&self.payment.id, Concern::OrderNotWaiting).await?;
            self.ask(tx, Matter::PaidTwice, facts.clone()).await?;
        }
        match concern {
            Some(Concern::PaidAfterClosing) if waits => self.ask(tx, Matter::PaidAfterClosing, facts).await?,
            Some(Concern::OtherAmount) => self.ask(tx, Matter::OtherAmount, facts).await?,
            _ if waits && !is_enough => self.ask(tx, Matter::OtherAmount, facts).await?,
            _ => {}
        }
        if self.order.status == OrderStatus::AwaitingPayment && !is_enough {
            self.short(tx, amount).await?;
        }
        Ok(())
    }

    /// Less came than the order costs: the client hears what is left, and pays it as any order.
    async fn short(&self, tx: &mut Tx, came: Money) -> Result<()> {
        self.refresh_messages(tx).await?;
        let due = funds::due(tx, &self.order).await?;
        if due.currency != came.currency {
            return Ok(());
        }
        // There is time to pay the rest, whenever the first part came.
        let until = self.app.now().plus_minutes(i64::from(self.settings.order_minutes));
        if self.order.expires_at < until {
            tx.postpone_order(&self.order.id, until).await?;
        }
        let (app, guide, request_id) = (self.app, self.guide, self.request_id);
        tell::short(app, tx, guide, &self.payment, (came, due), &self.client, request_id).await
    }

    /// What the law wants to be written about the money that came in.
    async fn receipts(&self, tx: &mut Tx, amount: Money) -> Result<()> {
        let sale = receipts::Sale {
            app: self.app,
            guide: self.guide,
            settings: &self.settings,
            order: &self.order,
            lines: &self.lines,
            payment: &self.payment,
            request_id: self.request_id,
        };
        sale.came(tx, amount).await
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
        // The order waits as long as the hold may.
        let until = self.app.now().plus_millis(HOLD_MS);
        if self.order.expires_at < until {
            tx.postpone_order(&self.order.id, until).await?;
        }
        self.refresh_messages(tx).await?;
        self.ask(tx, Matter::Held, json!({ "amount": self.payment.amount }))
            .await
    }

    async fn refresh_messages(&self, tx: &mut Tx) -> Result<()> {
        messages::refresh(self.app, tx, self.guide, &self.order, None, self.request_id).await
    }

    async fn close(&self, tx: &mut Tx, status: PaymentStatus, decline: Option<&Decline>) -> Result<()> {
        if !tx
            .close_payment(&self.payment.id, status, decline, self.app.now())
            .await?
        {
            return Ok(());
        }
        if self.payment.status == PaymentStatus::WaitingForCapture {
            let now = self.app.now();
            open::hold_ended(tx, &self.payment, &self.settings, now).await?;
            tx.finish_tasks_of_order(&self.order.id, Matter::Held.code(), "system", now)
                .await?;
        }
        let details = json!({ "payment_id": self.payment.id, "status": status, "reason": decline });
        tell::note(self.app, tx, &self.client.id, "payment.closed", "system", details).await?;
        self.refresh_messages(tx).await?;
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
