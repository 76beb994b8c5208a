//! One payment, one refund at a time: what the provider says is carried out, what still differs is mended or asked about.

use std::sync::Arc;

use domain::ids::{Id, OrderId, PaymentId, RequestId, TenantId};
use domain::money::Money;
use domain::payment::Observation;
use domain::reconciliation::{Gap, Left, Ours, Outcome, Theirs, compare};
use domain::refund::RefundOrigin;
use domain::time::{Timestamp, local_date};
use providers::payments::{Error as ProviderError, Listed, ListedRefund, PaymentProvider, Seen};
use serde_json::{Value, json};
use store::{NewPayment, Order, Payment, Reconciliation, Tx};

use super::super::ask::{self, About, Matter};
use super::super::cabinet::{self, Looked};
use super::super::observe::{self, Source};
use super::super::{follow, provider_error};
use super::difference;
use crate::context::App;
use crate::error::Result;
use crate::settings::Guide;

const ACTOR: &str = "provider";

/// Everything a comparison is made with.
pub(super) struct Desk<'a> {
    pub app: &'a App,
    pub tenant: &'a TenantId,
    pub guide: Arc<Guide>,
    /// `None`: Telegram, whose bot is asked for its list of Stars and nothing else.
    pub provider: Option<&'a dyn PaymentProvider>,
    pub run: &'a Reconciliation,
    pub zone: chrono_tz::Tz,
    pub request_id: &'a RequestId,
}

/// Whether the provider has our money, taken or held.
const fn has_money(seen: &Seen) -> bool {
    matches!(
        seen.observation,
        Observation::Succeeded { .. } | Observation::Held { .. }
    )
}

fn facts(ours: Option<&Payment>, seen: Option<&Seen>) -> Value {
    json!({
        "ours": ours.map(|ours| json!({
            "status": ours.status, "amount": ours.amount, "refunded": ours.refunded, "provider_payment": ours.provider_payment,
        })),
        "theirs": seen.map(|seen| json!({
            "id": seen.id, "says": seen.observation, "amount": seen.amount, "refunded": seen.refunded,
        })),
    })
}

impl Desk<'_> {
    fn code(&self) -> &str {
        &self.run.provider
    }

    fn hides_parts(&self) -> bool {
        self.provider.is_some_and(|provider| provider.hides_parts())
    }

    /// The day of a moment; of the comparison itself when nobody tells.
    pub(super) fn day(&self, at: Option<Timestamp>) -> String {
        local_date(at.unwrap_or(self.run.created_at), self.zone).to_string()
    }

    pub(super) async fn write(&self) -> Result<Tx> {
        Ok(self.app.tenant(self.tenant).write().await?)
    }

    /// Keeps a difference of a payment, once a comparison.
    pub(super) async fn note(
        &self,
        tx: &mut Tx,
        (gap, outcome): (Gap, Outcome),
        subject: &str,
        ours: Option<&Payment>,
        seen: Option<&Seen>,
        day: String,
    ) -> Result<()> {
        let mut found = difference(self, gap, outcome, day, &facts(ours, seen));
        found.payment = ours.map(|ours| ours.id.clone());
        found.provider_payment = seen.map(|seen| seen.id.clone());
        let key = format!("{gap}:{subject}");
        tx.insert_difference(&self.run.id, &key, &found).await?;
        Ok(())
    }

    async fn ask(&self, tx: &mut Tx, matter: Matter, key: &str, about: About<'_>, facts: &Value) -> Result<()> {
        ask::person(self.app, tx, &self.guide, matter, key, about, facts, self.request_id).await?;
        Ok(())
    }

    /// A payment of the provider's list. Returns whether it is another system's.
    pub(super) async fn listed(&self, listed: &Listed) -> Result<bool> {
        let seen = &listed.seen;
        let mut tx = self.app.tenant(self.tenant).read().await?;
        let code = self.code();
        let reference = seen.reference.as_deref().and_then(PaymentId::parse);
        let mut known = tx.payment_of_provider(code, &seen.id).await?;
        if let (None, Some(reference)) = (&known, &reference) {
            known = tx
                .find_payment(reference)
                .await?
                .filter(|payment| payment.provider == code)
                .map(|payment| payment.id);
        }
        drop(tx);
        let day = self.day(listed.created_at);
        if let Some(id) = known {
            self.compare(&id, seen, day).await?;
            return Ok(false);
        }
        let order = listed.order.as_deref().and_then(OrderId::parse);
        if reference.is_none() && order.is_none() {
            return Ok(true);
        }
        self.stray(listed, reference, order, day).await?;
        Ok(false)
    }

    /// A payment in the name of an order of ours that nobody here has begun.
    async fn stray(
        &self,
        listed: &Listed,
        reference: Option<PaymentId>,
        order: Option<OrderId>,
        day: String,
    ) -> Result<()> {
        let seen = &listed.seen;
        if !has_money(seen) {
            return Ok(());
        }
        let mut tx = self.write().await?;
        let order = match order {
            Some(order) => tx.lock_order(&order).await?,
            None => None,
        };
        match &order {
            Some(order) if matches!(seen.observation, Observation::Succeeded { .. }) => {
                if let Some(id) = self.link(&mut tx, order, seen, reference).await? {
                    let ours = tx.find_payment(&id).await?;
                    let found = (Gap::MissingHere, Outcome::Mended);
                    self.note(&mut tx, found, &seen.id, ours.as_ref(), Some(seen), day)
                        .await?;
                    tx.mark_reconciled(&id, self.run.created_at, self.app.now()).await?;
                }
            }
            Some(order) => {
                let about = About {
                    order: Some(order),
                    ..About::default()
                };
                let facts = facts(None, Some(seen));
                self.ask(&mut tx, Matter::Held, &seen.id, about, &facts).await?;
                let found = (Gap::HeldThere, Outcome::Task);
                self.note(&mut tx, found, &seen.id, None, Some(seen), day).await?;
            }
            None if self.is_nobodys(listed, reference.as_ref()).await? => {
                let facts = json!({ "provider": self.code(), "provider_payment": seen.id, "order_id": listed.order,
                    "amount": seen.amount });
                let key = format!("{}:{}", self.code(), seen.id);
                self.ask(&mut tx, Matter::UnknownPayment, &key, About::default(), &facts)
                    .await?;
                let found = (Gap::MissingHere, Outcome::Task);
                self.note(&mut tx, found, &seen.id, None, Some(seen), day).await?;
            }
            None => {}
        }
        tx.commit().await?;
        Ok(())
    }

    /// Whether no tenant knows the payment or its order, and this one looks after such.
    async fn is_nobodys(&self, listed: &Listed, reference: Option<&PaymentId>) -> Result<bool> {
        let mut system = self.app.store().system_read().await?;
        if let Some(reference) = reference
            && system.tenant_of_payment(reference).await?.is_some()
        {
            return Ok(false);
        }
        if let Some(order) = listed.order.as_deref().and_then(OrderId::parse)
            && system.tenant_of_order(&order).await?.is_some()
        {
            return Ok(false);
        }
        Ok(system.tenants().await?.first() == Some(self.tenant))
    }

    /// Writes the payment down as ours, and carries out what the provider says of it.
    async fn link(
        &self,
        tx: &mut Tx,
        order: &Order,
        seen: &Seen,
        reference: Option<PaymentId>,
    ) -> Result<Option<PaymentId>> {
        let id = reference.unwrap_or_else(|| self.app.new_id());
        let new = NewPayment {
            id: id.clone(),
            order: order.id.clone(),
            client: order.client.clone(),
            provider: self.code().to_owned(),
            amount: seen.amount,
            is_test: seen.is_test,
            actor: ACTOR.to_owned(),
            note: None,
            next_poll_at: None,
            now: self.app.now(),
        };
        if !tx.insert_stray_payment(&new, &seen.id).await? {
            return Ok(None);
        }
        self.carry_out(tx, &id, seen).await?;
        Ok(Some(id))
    }

    async fn carry_out(&self, tx: &mut Tx, payment: &PaymentId, seen: &Seen) -> Result<()> {
        let source = Source::Reconciliation;
        observe::apply_in(self.app, tx, &self.guide, payment, seen, source, self.request_id).await?;
        Ok(())
    }

    /// Carries out what the provider says of a payment of ours, and compares what is left.
    pub(super) async fn compare(&self, id: &PaymentId, seen: &Seen, day: String) -> Result<()> {
        let code = self.code();
        let mut tx = self.write().await?;
        let Some(before) = tx.find_payment(id).await? else {
            return Ok(());
        };
        let was_known = tx.payment_of_provider(code, &seen.id).await?.is_some();
        self.carry_out(&mut tx, id, seen).await?;
        let Some(after) = tx.find_payment(id).await? else {
            return Ok(());
        };
        self.count(&mut tx, id, &day).await?;
        if after.status != before.status {
            let found = (Gap::BehindHere, Outcome::Mended);
            self.note(&mut tx, found, id.as_str(), Some(&before), Some(seen), day.clone())
                .await?;
        }
        let is_another = after.provider_payment.as_ref().is_some_and(|known| *known != seen.id);
        if is_another {
            // Its money was booked beside, its hold was asked about.
            let is_booked = !was_known && tx.payment_of_provider(code, &seen.id).await?.is_some();
            let gap = match seen.observation {
                Observation::Succeeded { .. } if is_booked => Some(Gap::PaidTwice),
                Observation::Held { .. } => Some(Gap::HeldThere),
                _ => None,
            };
            if let Some(gap) = gap {
                self.note(&mut tx, (gap, Outcome::Task), &seen.id, Some(&after), Some(seen), day)
                    .await?;
            }
            tx.commit().await?;
            return Ok(());
        }
        let left = self.left(&after, seen);
        for one in &left {
            self.treat(&mut tx, *one, &after, seen, &day).await?;
        }
        tx.commit().await?;
        let misses_refunds = left
            .iter()
            .any(|left| matches!(left, Left::RefundMissingHere { amount: Some(_) }));
        if misses_refunds {
            self.refunds_of(&after, seen, &day).await?;
        }
        Ok(())
    }

    /// A payment was compared; it counts once a comparison.
    pub(super) async fn count(&self, tx: &mut Tx, id: &PaymentId, day: &str) -> Result<()> {
        if tx.mark_reconciled(id, self.run.created_at, self.app.now()).await? {
            tx.count_reconciled(&self.run.id, day, 1, 0).await?;
        }
        Ok(())
    }

    fn left(&self, ours: &Payment, seen: &Seen) -> Vec<Left> {
        let hides_parts = self.hides_parts();
        let observation = observe::taken(ours, &seen.observation, hides_parts);
        // Of a hold that was taken in part the whole is told.
        let refunded = seen.refunded.map(|there| match ours.capture {
            Some(_) if hides_parts => Money::new(there.minor.min(ours.amount.minor), there.currency),
            _ => there,
        });
        let ours = Ours {
            status: ours.status,
            amount: ours.amount,
            refunded: ours.refunded,
            reserved: ours.reserved,
        };
        let theirs = Theirs {
            observation: &observation,
            refunded,
            hides_parts,
        };
        compare(&ours, &theirs)
    }

    /// What no rule can mend becomes a task; refunds that are missing here are asked for one by one, afterwards.
    async fn treat(&self, tx: &mut Tx, left: Left, ours: &Payment, seen: &Seen, day: &str) -> Result<()> {
        let gap = left.gap();
        let key = match left {
            Left::RefundMissingHere { amount: Some(_) } => return Ok(()),
            Left::RefundMissingHere { amount: None } => {
                if cabinet::unclear(self.app, tx, &self.guide, &ours.id, self.request_id).await? {
                    self.note(
                        tx,
                        (gap, Outcome::Task),
                        ours.id.as_str(),
                        Some(ours),
                        Some(seen),
                        day.to_owned(),
                    )
                    .await?;
                }
                return Ok(());
            }
            Left::NotPaidThere => format!("{}:{gap}", ours.id),
            Left::OtherAmount { theirs } => format!("{}:{gap}:{}", ours.id, theirs.minor),
            Left::RefundMissingThere { amount } => format!("{}:{gap}:{}", ours.id, amount.minor),
        };
        // Whoever calls off what it had called paid has been asked about already.
        let is_asked = matches!(seen.observation, Observation::Canceled { .. }) && left == Left::NotPaidThere;
        if !is_asked {
            self.ask_about(tx, gap, &key, ours, Some(seen)).await?;
        }
        self.note(
            tx,
            (gap, Outcome::Task),
            ours.id.as_str(),
            Some(ours),
            Some(seen),
            day.to_owned(),
        )
        .await
    }

    pub(super) async fn ask_about(
        &self,
        tx: &mut Tx,
        gap: Gap,
        key: &str,
        ours: &Payment,
        seen: Option<&Seen>,
    ) -> Result<()> {
        let order = tx.find_order(&ours.order).await?;
        let about = About {
            order: order.as_ref(),
            payment: Some(ours),
            refund: None,
        };
        let mut facts = facts(Some(ours), seen);
        if let Some(fields) = facts.as_object_mut() {
            fields.insert("gap".to_owned(), json!(gap));
        }
        self.ask(tx, Matter::Difference, key, about, &facts).await
    }

    /// More went back there than here.
    async fn refunds_of(&self, ours: &Payment, seen: &Seen, day: &str) -> Result<()> {
        let Some(provider) = self.provider else {
            return Ok(());
        };
        let listed = provider.refunds_of(&seen.id).await.map_err(provider_error)?;
        match listed {
            Some(listed) => {
                for one in &listed {
                    self.refund(one).await?;
                }
            }
            None => {
                let mut tx = self.write().await?;
                let sum = seen.refunded.unwrap_or(Money::zero(ours.amount.currency));
                let looked = cabinet::book_sum(self.app, &mut tx, &self.guide, &ours.id, sum, self.request_id).await?;
                if let Looked::Booked(refund) = looked {
                    let found = (Gap::RefundMissingHere, Outcome::Mended);
                    self.note(&mut tx, found, refund.as_str(), Some(ours), Some(seen), day.to_owned())
                        .await?;
                }
                tx.commit().await?;
            }
        }
        Ok(())
    }

    /// A refund of the provider. Returns whether it is of a payment of ours.
    pub(super) async fn refund(&self, listed: &ListedRefund) -> Result<bool> {
        let code = self.code();
        let mut tx = self.write().await?;
        let Some(payment) = tx.payment_of_provider(code, &listed.payment).await? else {
            return Ok(false);
        };
        let looked = cabinet::book(self.app, &mut tx, &self.guide, &payment, listed, self.request_id).await?;
        let day = self.day(listed.created_at);
        let ours = tx.find_payment(&payment).await?;
        match looked {
            Looked::Known | Looked::Later => {}
            Looked::Booked(id) => {
                let is_theirs = tx
                    .find_refund(&id)
                    .await?
                    .is_some_and(|refund| refund.origin == RefundOrigin::Provider);
                let gap = if is_theirs {
                    Gap::RefundMissingHere
                } else {
                    Gap::BehindHere
                };
                let found = (gap, Outcome::Mended);
                self.note(&mut tx, found, &listed.id, ours.as_ref(), None, day).await?;
            }
            Looked::NotThere(refund) => {
                let gap = Gap::RefundMissingThere;
                if let Some(ours) = &ours {
                    let key = format!("{}:{gap}:{}", ours.id, refund.id);
                    self.ask_about(&mut tx, gap, &key, ours, None).await?;
                }
                self.note(&mut tx, (gap, Outcome::Task), &listed.id, ours.as_ref(), None, day)
                    .await?;
            }
        }
        tx.commit().await?;
        Ok(true)
    }

    /// A payment of ours that no list has shown: asked for by itself.
    pub(super) async fn ours(&self, provider: &dyn PaymentProvider, id: &PaymentId) -> Result<()> {
        let mut tx = self.app.tenant(self.tenant).read().await?;
        let Some(payment) = tx.find_payment(id).await? else {
            return Ok(());
        };
        drop(tx);
        let day = self.day(Some(payment.created_at));
        let seen = match &payment.provider_payment {
            Some(known) => match provider.status(known).await {
                Ok(seen) => Some(seen),
                Err(ProviderError::NotFound { .. } | ProviderError::Refused { .. }) => None,
                Err(error) => return Err(provider_error(error)),
            },
            None => None,
        };
        if let Some(seen) = &seen {
            self.compare(id, seen, day.clone()).await?;
        }
        // Where nobody lists payments, one may have been made under this one's name whose answer was lost.
        let is_paid_there = seen
            .as_ref()
            .is_some_and(|seen| matches!(seen.observation, Observation::Succeeded { .. }));
        if !provider.capabilities().lists
            && !is_paid_there
            && let Some(other) = follow::find_at(self.app, self.tenant, &payment).await?
            && seen.as_ref().is_none_or(|seen| seen.id != other.id)
            && (has_money(&other) || seen.is_none())
        {
            return self.compare(id, &other, day).await;
        }
        if seen.is_none() {
            self.unseen(&payment, day).await?;
        }
        Ok(())
    }

    /// The provider has never heard of it.
    pub(super) async fn unseen(&self, payment: &Payment, day: String) -> Result<()> {
        let mut tx = self.write().await?;
        self.count(&mut tx, &payment.id, &day).await?;
        if payment.status.is_paid() {
            let gap = Gap::NotPaidThere;
            let key = format!("{}:{gap}", payment.id);
            self.ask_about(&mut tx, gap, &key, payment, None).await?;
            self.note(
                &mut tx,
                (gap, Outcome::Task),
                payment.id.as_str(),
                Some(payment),
                None,
                day,
            )
            .await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
