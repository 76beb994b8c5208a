//! Payments, everything that was ever seen of them, and their refunds' reservations.

use domain::ids::{ClientId, EventId, Id, OrderId, PaymentId, RequestId, TenantId};
use domain::money::{Currency, Money};
use domain::payment::{Concern, Decline, DeclineAdvice, PaymentStatus};
use domain::time::Timestamp;
use sqlx::AssertSqlSafe;

use crate::dialect::{execute, row, rows, scalar};
use crate::{Error, PageOf, PageRequest, Result, SystemTx, Tx};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPayment {
    pub id: PaymentId,
    pub order: OrderId,
    pub client: ClientId,
    /// A provider's code; `manual` for cash and transfers.
    pub provider: String,
    pub amount: Money,
    pub is_test: bool,
    pub actor: String,
    pub note: Option<String>,
    /// When somebody asks about it for the first time.
    pub next_poll_at: Option<Timestamp>,
    pub now: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    pub id: PaymentId,
    pub order: OrderId,
    pub client: ClientId,
    pub provider: String,
    pub status: PaymentStatus,
    pub amount: Money,
    pub refunded: Money,
    /// Promised to refunds under way.
    pub reserved: Money,
    /// How much of a hold somebody decided to take, when it is not all of it.
    pub capture: Option<Money>,
    pub fee: Option<Money>,
    pub provider_payment: Option<String>,
    /// Where the person pays.
    pub pay_url: Option<String>,
    pub is_test: bool,
    pub decline: Option<Decline>,
    pub concern: Option<Concern>,
    pub note: Option<String>,
    pub actor: String,
    pub polls: u32,
    pub next_poll_at: Option<Timestamp>,
    pub link_expires_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub paid_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    pub version: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PaymentFilter {
    pub client: Option<ClientId>,
    pub order: Option<OrderId>,
    pub status: Option<PaymentStatus>,
}

/// Something seen of a payment, and what it led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentEvent {
    pub id: EventId,
    /// `created`, `notification`, `poll`, `administrator`, `client`.
    pub source: String,
    /// The observation, as JSON.
    pub seen: String,
    /// What was decided: `settle`, `nothing`, …
    pub decision: String,
    pub request_id: RequestId,
    pub at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct PaymentRow {
    id: String,
    order_id: String,
    client_id: String,
    provider: String,
    status: String,
    amount_minor: i64,
    currency: String,
    refunded_minor: i64,
    reserved_minor: i64,
    capture_minor: Option<i64>,
    fee_minor: Option<i64>,
    provider_payment_id: Option<String>,
    pay_url: Option<String>,
    is_test: i64,
    decline_code: Option<String>,
    decline_advice: Option<String>,
    concern: Option<String>,
    note_sealed: Option<Vec<u8>>,
    actor: String,
    polls: i64,
    next_poll_at_ms: Option<i64>,
    link_expires_at_ms: Option<i64>,
    created_at_ms: i64,
    paid_at_ms: Option<i64>,
    closed_at_ms: Option<i64>,
    version: i64,
}

#[derive(sqlx::FromRow)]
struct EventRow {
    id: String,
    source: String,
    seen: String,
    decision: String,
    request_id: String,
    at_ms: i64,
}

const NOTE: &str = "payments.note";
const SELECT: &str = "SELECT id, order_id, client_id, provider, status, amount_minor, currency, refunded_minor, reserved_minor, capture_minor, fee_minor, \
     provider_payment_id, pay_url, is_test, decline_code, decline_advice, concern, note_sealed, actor, polls, next_poll_at_ms, \
     link_expires_at_ms, created_at_ms, paid_at_ms, closed_at_ms, version FROM payments WHERE tenant_id = $1";

impl Tx {
    fn payment(&self, row: PaymentRow) -> Result<Payment> {
        let corrupt = |place| Error::corrupt(place, &row.id);
        let currency = Currency::parse(&row.currency).ok_or_else(|| corrupt("payments.currency"))?;
        let money = |minor| Money::new(minor, currency);
        let note = match &row.note_sealed {
            Some(sealed) => Some(self.open_text(NOTE, &row.id, sealed)?),
            None => None,
        };
        let decline = match (&row.decline_code, &row.decline_advice) {
            (Some(code), Some(advice)) => Some(Decline {
                code: code.clone(),
                advice: DeclineAdvice::parse(advice).ok_or_else(|| corrupt("payments.decline_advice"))?,
            }),
            _ => None,
        };
        let concern = row
            .concern
            .as_deref()
            .map(|code| Concern::parse(code).ok_or_else(|| corrupt("payments.concern")))
            .transpose()?;
        Ok(Payment {
            id: PaymentId::parse(&row.id).ok_or_else(|| corrupt("payments.id"))?,
            order: OrderId::parse(&row.order_id).ok_or_else(|| corrupt("payments.order_id"))?,
            client: ClientId::parse(&row.client_id).ok_or_else(|| corrupt("payments.client_id"))?,
            status: PaymentStatus::parse(&row.status).ok_or_else(|| corrupt("payments.status"))?,
            amount: money(row.amount_minor),
            refunded: money(row.refunded_minor),
            reserved: money(row.reserved_minor),
            capture: row.capture_minor.map(money),
            fee: row.fee_minor.map(money),
            polls: u32::try_from(row.polls).map_err(|_| corrupt("payments.polls"))?,
            provider: row.provider,
            provider_payment: row.provider_payment_id,
            pay_url: row.pay_url,
            is_test: row.is_test != 0,
            decline,
            concern,
            note,
            actor: row.actor,
            next_poll_at: row.next_poll_at_ms.map(Timestamp::from_millis),
            link_expires_at: row.link_expires_at_ms.map(Timestamp::from_millis),
            created_at: Timestamp::from_millis(row.created_at_ms),
            paid_at: row.paid_at_ms.map(Timestamp::from_millis),
            closed_at: row.closed_at_ms.map(Timestamp::from_millis),
            version: row.version,
        })
    }

    /// Writes the intent to take a payment, before any provider hears of it.
    ///
    /// Returns false when the order has a live payment already: the schema allows one.
    pub async fn insert_payment(&mut self, new: &NewPayment) -> Result<bool> {
        const SQL: &str = "INSERT INTO payments (id, tenant_id, order_id, client_id, provider, status, amount_minor, currency, refunded_minor, \
             reserved_minor, is_test, note_sealed, actor, polls, next_poll_at_ms, created_at_ms, version) \
             VALUES ($1, $2, $3, $4, $5, 'creating', $6, $7, 0, 0, $8, $9, $10, 0, $11, $12, 1) \
             ON CONFLICT (tenant_id, order_id) WHERE paid_at_ms IS NULL AND closed_at_ms IS NULL DO NOTHING";
        let note = new
            .note
            .as_deref()
            .map(|note| self.seal(NOTE, new.id.as_str(), note.as_bytes()))
            .transpose()?;
        let inserted = execute!(
            self,
            SQL,
            new.id.as_str(),
            self.tenant.as_ref(),
            new.order.as_str(),
            new.client.as_str(),
            &new.provider,
            new.amount.minor,
            new.amount.currency.code(),
            i64::from(new.is_test),
            note,
            &new.actor,
            new.next_poll_at.map(Timestamp::millis),
            new.now.millis()
        )?;
        Ok(inserted == 1)
    }

    pub async fn find_payment(&mut self, id: &PaymentId) -> Result<Option<Payment>> {
        self.payment_row(id, "").await
    }

    /// Loads a payment and keeps everybody else out of it until the transaction ends.
    pub async fn lock_payment(&mut self, id: &PaymentId) -> Result<Option<Payment>> {
        let lock = self.link.choose("", " FOR UPDATE");
        self.payment_row(id, lock).await
    }

    async fn payment_row(&mut self, id: &PaymentId, lock: &str) -> Result<Option<Payment>> {
        let sql = format!("{SELECT} AND id = $2{lock}");
        row!(
            self,
            PaymentRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            id.as_str()
        )?
        .map(|row| self.payment(row))
        .transpose()
    }

    /// The payment a provider knows by its own id.
    pub async fn payment_of_provider(&mut self, provider: &str, provider_payment: &str) -> Result<Option<PaymentId>> {
        const SQL: &str = "SELECT id FROM payments WHERE tenant_id = $1 AND provider = $2 AND provider_payment_id = $3";
        row!(self, (String,), SQL, self.tenant.as_ref(), provider, provider_payment)?
            .map(|(id,)| PaymentId::parse(&id).ok_or_else(|| Error::corrupt("payments.id", &id)))
            .transpose()
    }

    /// The order's live payment, if it has one.
    pub async fn live_payment_of(&mut self, order: &OrderId) -> Result<Option<Payment>> {
        let sql = format!("{SELECT} AND order_id = $2 AND paid_at_ms IS NULL AND closed_at_ms IS NULL");
        row!(
            self,
            PaymentRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            order.as_str()
        )?
        .map(|row| self.payment(row))
        .transpose()
    }

    /// Newest first.
    pub async fn list_payments(&mut self, filter: &PaymentFilter, page: &PageRequest) -> Result<PageOf<Payment>> {
        let mut statement = crate::keyset::Statement::new(SELECT);
        let status = filter.status.map(|status| status.code().to_owned());
        let columns = match (&filter.order, &filter.client) {
            (Some(order), client) => {
                statement.compare("client_id", "=", client.as_ref().map(ToString::to_string));
                statement.compare("status", "=", status);
                vec![("order_id", order.to_string())]
            }
            (None, Some(client)) => {
                statement.compare("status", "=", status);
                vec![("client_id", client.to_string())]
            }
            (None, None) => status.map(|status| ("status", status)).into_iter().collect(),
        };
        statement.walk(&columns, "id", String::new());
        let found: Vec<PaymentRow> = self.fetch_page(statement, page).await?;
        let payments = found
            .into_iter()
            .map(|row| self.payment(row))
            .collect::<Result<Vec<_>>>()?;
        Ok(PageOf::cut(payments, page, |payment| payment.id.to_string()))
    }

    /// The provider knows it: the person may pay. Returns false when the payment is further already.
    pub async fn open_payment(
        &mut self,
        id: &PaymentId,
        provider_payment: &str,
        pay_url: Option<&str>,
        link_expires_at: Option<Timestamp>,
    ) -> Result<bool> {
        const SQL: &str = "UPDATE payments SET status = 'pending', provider_payment_id = $1, pay_url = $2, link_expires_at_ms = $3, \
             version = version + 1 WHERE tenant_id = $4 AND id = $5 AND status = 'creating'";
        let changed = execute!(
            self,
            SQL,
            provider_payment,
            pay_url,
            link_expires_at.map(Timestamp::millis),
            self.tenant.as_ref(),
            id.as_str()
        )?;
        Ok(changed == 1)
    }

    /// Remembers the provider's id of a payment that was closed before the provider answered.
    pub async fn know_provider_payment(&mut self, id: &PaymentId, provider_payment: &str) -> Result<()> {
        const SQL: &str = "UPDATE payments SET provider_payment_id = $1, version = version + 1 \
             WHERE tenant_id = $2 AND id = $3 AND provider_payment_id IS NULL";
        execute!(self, SQL, provider_payment, self.tenant.as_ref(), id.as_str())?;
        Ok(())
    }

    /// Another payment of the provider turned out to be the one that was paid.
    pub async fn adopt_provider_payment(&mut self, id: &PaymentId, provider_payment: &str) -> Result<()> {
        const SQL: &str = "UPDATE payments SET provider_payment_id = $1, version = version + 1 \
             WHERE tenant_id = $2 AND id = $3 AND paid_at_ms IS NULL";
        execute!(self, SQL, provider_payment, self.tenant.as_ref(), id.as_str())?;
        Ok(())
    }

    pub async fn hold_payment(&mut self, id: &PaymentId) -> Result<bool> {
        const SQL: &str = "UPDATE payments SET status = 'waiting_for_capture', version = version + 1 \
             WHERE tenant_id = $1 AND id = $2 AND status IN ('creating', 'pending')";
        Ok(execute!(self, SQL, self.tenant.as_ref(), id.as_str())? == 1)
    }

    /// Money is in: `amount` is what really came. Returns false when it was settled before.
    pub async fn settle_payment(
        &mut self,
        id: &PaymentId,
        amount: Money,
        fee: Option<Money>,
        concern: Option<Concern>,
        now: Timestamp,
    ) -> Result<bool> {
        const SQL: &str = "UPDATE payments SET status = 'completed', amount_minor = $1, fee_minor = $2, concern = COALESCE($3, concern), \
             paid_at_ms = $4, closed_at_ms = NULL, next_poll_at_ms = NULL, decline_code = NULL, decline_advice = NULL, version = version + 1 \
             WHERE tenant_id = $5 AND id = $6 AND currency = $7 \
             AND status IN ('creating', 'pending', 'waiting_for_capture', 'canceled', 'expired')";
        let changed = execute!(
            self,
            SQL,
            amount.minor,
            fee.map(|fee| fee.minor),
            concern.map(Concern::code),
            now.millis(),
            self.tenant.as_ref(),
            id.as_str(),
            amount.currency.code()
        )?;
        Ok(changed == 1)
    }

    /// What the provider keeps, when it tells only later. Returns false when it is known already.
    pub async fn know_fee(&mut self, id: &PaymentId, fee: Money) -> Result<bool> {
        const SQL: &str = "UPDATE payments SET fee_minor = $1, version = version + 1 \
             WHERE tenant_id = $2 AND id = $3 AND fee_minor IS NULL AND currency = $4";
        let changed = execute!(
            self,
            SQL,
            fee.minor,
            self.tenant.as_ref(),
            id.as_str(),
            fee.currency.code()
        )?;
        Ok(changed == 1)
    }

    /// `status` is canceled or expired. Returns false when the payment is not live.
    pub async fn close_payment(
        &mut self,
        id: &PaymentId,
        status: PaymentStatus,
        decline: Option<&Decline>,
        now: Timestamp,
    ) -> Result<bool> {
        const SQL: &str = "UPDATE payments SET status = $1, decline_code = $2, decline_advice = $3, closed_at_ms = $4, next_poll_at_ms = NULL, \
             version = version + 1 WHERE tenant_id = $5 AND id = $6 AND status IN ('creating', 'pending', 'waiting_for_capture')";
        let changed = execute!(
            self,
            SQL,
            status.code(),
            decline.map(|decline| decline.code.as_str()),
            decline.map(|decline| decline.advice.code()),
            now.millis(),
            self.tenant.as_ref(),
            id.as_str()
        )?;
        Ok(changed == 1)
    }

    /// How much of a hold is to be taken, before the provider is asked for it. Returns false when nothing is held, or another
    /// sum was decided before.
    pub async fn decide_capture(&mut self, id: &PaymentId, amount: Money) -> Result<bool> {
        const SQL: &str = "UPDATE payments SET capture_minor = $1, version = version + 1 \
             WHERE tenant_id = $2 AND id = $3 AND currency = $4 AND amount_minor >= $1 AND status = 'waiting_for_capture' \
             AND COALESCE(capture_minor, $1) = $1";
        let changed = execute!(
            self,
            SQL,
            amount.minor,
            self.tenant.as_ref(),
            id.as_str(),
            amount.currency.code()
        )?;
        Ok(changed == 1)
    }

    /// The provider calls it a trial: no real money moves.
    pub async fn know_test(&mut self, id: &PaymentId) -> Result<()> {
        const SQL: &str = "UPDATE payments SET is_test = 1 WHERE tenant_id = $1 AND id = $2 AND is_test = 0";
        execute!(self, SQL, self.tenant.as_ref(), id.as_str())?;
        Ok(())
    }

    /// Writes down a payment that its provider has in our name and that is unknown here: closed, so that only its money
    /// counts. Returns false when either side's id is taken.
    pub async fn insert_stray_payment(&mut self, new: &NewPayment, provider_payment: &str) -> Result<bool> {
        const SQL: &str = "INSERT INTO payments (id, tenant_id, order_id, client_id, provider, status, amount_minor, currency, refunded_minor, \
             reserved_minor, provider_payment_id, is_test, actor, polls, created_at_ms, closed_at_ms, version) \
             VALUES ($1, $2, $3, $4, $5, 'expired', $6, $7, 0, 0, $8, $9, $10, 0, $11, $11, 1) ON CONFLICT DO NOTHING";
        let inserted = execute!(
            self,
            SQL,
            new.id.as_str(),
            self.tenant.as_ref(),
            new.order.as_str(),
            new.client.as_str(),
            &new.provider,
            new.amount.minor,
            new.amount.currency.code(),
            provider_payment,
            i64::from(new.is_test),
            &new.actor,
            new.now.millis()
        )?;
        Ok(inserted == 1)
    }

    /// What came for an order in one currency, without what went back or is promised to refunds.
    pub async fn money_of_order(&mut self, order: &OrderId, currency: Currency) -> Result<Money> {
        const SQL: &str = "SELECT CAST(COALESCE(SUM(amount_minor - refunded_minor - reserved_minor), 0) AS BIGINT) FROM payments \
             WHERE tenant_id = $1 AND order_id = $2 AND currency = $3 AND paid_at_ms IS NOT NULL";
        let minor = scalar!(self, i64, SQL, self.tenant.as_ref(), order.as_str(), currency.code())?.unwrap_or_default();
        Ok(Money::new(minor, currency))
    }

    /// Whether something that came for an order in another currency is still there.
    pub async fn has_foreign_money(&mut self, order: &OrderId, currency: Currency) -> Result<bool> {
        const SQL: &str = "SELECT CAST(1 AS BIGINT) FROM payments WHERE tenant_id = $1 AND order_id = $2 AND currency <> $3 \
             AND status IN ('completed', 'partially_refunded') LIMIT 1";
        let found = scalar!(self, i64, SQL, self.tenant.as_ref(), order.as_str(), currency.code())?;
        Ok(found.is_some())
    }

    /// The money of a payment serves another order of the same client. Returns false when it was not paid.
    pub async fn move_payment(&mut self, id: &PaymentId, order: &OrderId) -> Result<bool> {
        const SQL: &str = "UPDATE payments SET order_id = $1, concern = NULL, version = version + 1 \
             WHERE tenant_id = $2 AND id = $3 AND paid_at_ms IS NOT NULL AND reserved_minor = 0 \
             AND EXISTS (SELECT 1 FROM orders o WHERE o.tenant_id = $2 AND o.id = $1 AND o.client_id = payments.client_id)";
        Ok(execute!(self, SQL, order.as_str(), self.tenant.as_ref(), id.as_str())? == 1)
    }

    /// A person should look at it.
    pub async fn flag_payment(&mut self, id: &PaymentId, concern: Concern) -> Result<()> {
        const SQL: &str = "UPDATE payments SET concern = $1, version = version + 1 WHERE tenant_id = $2 AND id = $3";
        execute!(self, SQL, concern.code(), self.tenant.as_ref(), id.as_str())?;
        Ok(())
    }

    /// When a live payment is asked about next.
    pub async fn schedule_poll(&mut self, id: &PaymentId, polls: u32, at: Timestamp) -> Result<()> {
        const SQL: &str = "UPDATE payments SET polls = $1, next_poll_at_ms = $2 WHERE tenant_id = $3 AND id = $4 \
             AND status IN ('creating', 'pending', 'waiting_for_capture')";
        execute!(
            self,
            SQL,
            i64::from(polls),
            at.millis(),
            self.tenant.as_ref(),
            id.as_str()
        )?;
        Ok(())
    }

    pub async fn insert_payment_event(&mut self, payment: &PaymentId, event: &PaymentEvent) -> Result<()> {
        const SQL: &str = "INSERT INTO payment_events (id, tenant_id, payment_id, source, seen, decision, request_id, at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        execute!(
            self,
            SQL,
            event.id.as_str(),
            self.tenant.as_ref(),
            payment.as_str(),
            &event.source,
            &event.seen,
            &event.decision,
            event.request_id.as_str(),
            event.at.millis()
        )?;
        Ok(())
    }

    /// Newest first.
    pub async fn payment_events(&mut self, payment: &PaymentId, page: &PageRequest) -> Result<PageOf<PaymentEvent>> {
        const SQL: &str =
            "SELECT id, source, seen, decision, request_id, at_ms FROM payment_events WHERE tenant_id = $1";
        let found: Vec<EventRow> = self
            .newest(SQL, &[("payment_id", payment.to_string())], "id", page)
            .await?;
        let events = found
            .into_iter()
            .map(|row| {
                let corrupt = |place| Error::corrupt(place, &row.id);
                Ok(PaymentEvent {
                    id: EventId::parse(&row.id).ok_or_else(|| corrupt("payment_events.id"))?,
                    request_id: RequestId::parse(&row.request_id)
                        .ok_or_else(|| corrupt("payment_events.request_id"))?,
                    source: row.source,
                    seen: row.seen,
                    decision: row.decision,
                    at: Timestamp::from_millis(row.at_ms),
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(PageOf::cut(events, page, |event| event.id.to_string()))
    }
}

impl SystemTx {
    /// Whose payment this is: a provider's list may hold several tenants'.
    pub async fn tenant_of_payment(&mut self, payment: &PaymentId) -> Result<Option<TenantId>> {
        const SQL: &str = "SELECT tenant_id FROM payments WHERE id = $1";
        scalar!(self, String, SQL, payment.as_str())?
            .map(|id| TenantId::parse(&id).ok_or_else(|| Error::corrupt("payments.tenant_id", payment.as_str())))
            .transpose()
    }

    /// Live payments that are due to be asked about, the longest overdue first.
    pub async fn payments_to_poll(&mut self, now: Timestamp, limit: u32) -> Result<Vec<(TenantId, PaymentId)>> {
        const SQL: &str = "SELECT tenant_id, id FROM payments WHERE next_poll_at_ms IS NOT NULL AND next_poll_at_ms <= $1 \
             ORDER BY next_poll_at_ms LIMIT $2";
        rows!(self, (String, String), SQL, now.millis(), i64::from(limit))?
            .into_iter()
            .map(|(tenant, id)| {
                let corrupt = || Error::corrupt("payments.id", &id);
                Ok((
                    TenantId::parse(&tenant).ok_or_else(corrupt)?,
                    PaymentId::parse(&id).ok_or_else(corrupt)?,
                ))
            })
            .collect()
    }
}
