//! Refunds: a reservation on the payment first, then the provider, then the books.

use domain::ids::{ClientId, Id, OrderId, PaymentId, RefundId};
use domain::money::{Currency, Money};
use domain::refund::{RefundOrigin, RefundStatus};
use domain::time::Timestamp;
use sqlx::AssertSqlSafe;

use crate::dialect::{execute, row};
use crate::{Error, PageOf, PageRequest, Result, Tx};

/// What one line of the order gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RefundPart {
    pub position: i64,
    pub amount_minor: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRefund {
    pub id: RefundId,
    pub payment: PaymentId,
    pub order: OrderId,
    pub client: ClientId,
    pub amount: Money,
    pub parts: Vec<RefundPart>,
    pub reason: String,
    pub actor: String,
    pub origin: RefundOrigin,
    pub now: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    pub id: RefundId,
    pub payment: PaymentId,
    pub order: OrderId,
    pub client: ClientId,
    pub amount: Money,
    pub status: RefundStatus,
    pub parts: Vec<RefundPart>,
    pub reason: String,
    pub actor: String,
    pub origin: RefundOrigin,
    pub provider_refund: Option<String>,
    pub failure: Option<String>,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    pub version: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefundFilter {
    pub order: Option<OrderId>,
    pub status: Option<RefundStatus>,
}

#[derive(sqlx::FromRow)]
struct RefundRow {
    id: String,
    payment_id: String,
    order_id: String,
    client_id: String,
    amount_minor: i64,
    currency: String,
    status: String,
    parts: String,
    reason_sealed: Vec<u8>,
    actor: String,
    origin: String,
    provider_refund_id: Option<String>,
    failure: Option<String>,
    created_at_ms: i64,
    finished_at_ms: Option<i64>,
    version: i64,
}

const REASON: &str = "refunds.reason";
const SELECT: &str = "SELECT id, payment_id, order_id, client_id, amount_minor, currency, status, parts, reason_sealed, actor, origin, provider_refund_id, \
     failure, created_at_ms, finished_at_ms, version FROM refunds WHERE tenant_id = $1";

impl Tx {
    fn refund(&self, row: RefundRow) -> Result<Refund> {
        let corrupt = |place| Error::corrupt(place, &row.id);
        let currency = Currency::parse(&row.currency).ok_or_else(|| corrupt("refunds.currency"))?;
        Ok(Refund {
            id: RefundId::parse(&row.id).ok_or_else(|| corrupt("refunds.id"))?,
            payment: PaymentId::parse(&row.payment_id).ok_or_else(|| corrupt("refunds.payment_id"))?,
            order: OrderId::parse(&row.order_id).ok_or_else(|| corrupt("refunds.order_id"))?,
            client: ClientId::parse(&row.client_id).ok_or_else(|| corrupt("refunds.client_id"))?,
            amount: Money::new(row.amount_minor, currency),
            status: RefundStatus::parse(&row.status).ok_or_else(|| corrupt("refunds.status"))?,
            parts: serde_json::from_str(&row.parts).map_err(|_| corrupt("refunds.parts"))?,
            reason: self.open_text(REASON, &row.id, &row.reason_sealed)?,
            actor: row.actor,
            origin: RefundOrigin::parse(&row.origin).ok_or_else(|| corrupt("refunds.origin"))?,
            provider_refund: row.provider_refund_id,
            failure: row.failure,
            created_at: Timestamp::from_millis(row.created_at_ms),
            finished_at: row.finished_at_ms.map(Timestamp::from_millis),
            version: row.version,
        })
    }

    /// Reserves the sum on the payment and writes the intent, before any provider hears of it.
    ///
    /// Returns false when less than that is left: two refunds at once can't promise the same money.
    pub async fn insert_refund(&mut self, new: &NewRefund) -> Result<bool> {
        const RESERVE: &str = "UPDATE payments SET reserved_minor = reserved_minor + $1, version = version + 1 \
             WHERE tenant_id = $2 AND id = $3 AND currency = $4 AND status IN ('completed', 'partially_refunded') \
             AND refunded_minor + reserved_minor + $1 <= amount_minor";
        const SQL: &str = "INSERT INTO refunds (id, tenant_id, payment_id, order_id, client_id, amount_minor, currency, status, parts, \
             reason_sealed, actor, created_at_ms, origin, version) VALUES ($1, $2, $3, $4, $5, $6, $7, 'requested', $8, $9, $10, $11, $12, 1)";
        let reserved = execute!(
            self,
            RESERVE,
            new.amount.minor,
            self.tenant.as_ref(),
            new.payment.as_str(),
            new.amount.currency.code()
        )?;
        if reserved == 0 {
            return Ok(false);
        }
        let parts = serde_json::to_string(&new.parts).map_err(|_| Error::corrupt("refunds.parts", new.id.as_str()))?;
        let reason = self.seal(REASON, new.id.as_str(), new.reason.as_bytes())?;
        execute!(
            self,
            SQL,
            new.id.as_str(),
            self.tenant.as_ref(),
            new.payment.as_str(),
            new.order.as_str(),
            new.client.as_str(),
            new.amount.minor,
            new.amount.currency.code(),
            parts,
            reason,
            &new.actor,
            new.now.millis(),
            new.origin.code()
        )?;
        Ok(true)
    }

    pub async fn find_refund(&mut self, id: &RefundId) -> Result<Option<Refund>> {
        let sql = format!("{SELECT} AND id = $2");
        row!(
            self,
            RefundRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            id.as_str()
        )?
        .map(|row| self.refund(row))
        .transpose()
    }

    /// The refund of a payment that its provider calls so; one that failed is not it any more.
    pub async fn refund_of_provider(&mut self, payment: &PaymentId, provider_refund: &str) -> Result<Option<Refund>> {
        let sql = format!("{SELECT} AND payment_id = $2 AND provider_refund_id = $3 AND status <> 'failed'");
        row!(
            self,
            RefundRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            payment.as_str(),
            provider_refund
        )?
        .map(|row| self.refund(row))
        .transpose()
    }

    /// Newest first.
    pub async fn list_refunds(&mut self, filter: &RefundFilter, page: &PageRequest) -> Result<PageOf<Refund>> {
        let mut statement = crate::keyset::Statement::new(SELECT);
        let status = filter.status.map(|status| status.code().to_owned());
        let columns = match &filter.order {
            Some(order) => {
                statement.compare("status", "=", status);
                vec![("order_id", order.to_string())]
            }
            None => status.map(|status| ("status", status)).into_iter().collect(),
        };
        statement.walk(&columns, "id", String::new());
        let found: Vec<RefundRow> = self.fetch_page(statement, page).await?;
        let refunds = found
            .into_iter()
            .map(|row| self.refund(row))
            .collect::<Result<Vec<_>>>()?;
        Ok(PageOf::cut(refunds, page, |refund| refund.id.to_string()))
    }

    /// The provider has it under way.
    pub async fn open_refund(&mut self, id: &RefundId, provider_refund: &str) -> Result<bool> {
        const SQL: &str = "UPDATE refunds SET status = 'pending', provider_refund_id = $1, version = version + 1 \
             WHERE tenant_id = $2 AND id = $3 AND status = 'requested'";
        Ok(execute!(self, SQL, provider_refund, self.tenant.as_ref(), id.as_str())? == 1)
    }

    /// Money went back: the reservation becomes a refund, on the payment and on the order's lines.
    ///
    /// Returns false when it was known already.
    pub async fn succeed_refund(
        &mut self,
        refund: &Refund,
        provider_refund: Option<&str>,
        now: Timestamp,
    ) -> Result<bool> {
        const SQL: &str = "UPDATE refunds SET status = 'succeeded', provider_refund_id = COALESCE($1, provider_refund_id), finished_at_ms = $2, \
             version = version + 1 WHERE tenant_id = $3 AND id = $4 AND status IN ('requested', 'pending')";
        const PAYMENT: &str = "UPDATE payments SET reserved_minor = reserved_minor - $1, refunded_minor = refunded_minor + $1, \
             status = CASE WHEN refunded_minor + $1 = amount_minor THEN 'refunded' ELSE 'partially_refunded' END, version = version + 1 \
             WHERE tenant_id = $2 AND id = $3";
        const LINE: &str = "UPDATE order_lines SET refunded_minor = refunded_minor + $1 \
             WHERE tenant_id = $2 AND order_id = $3 AND position = $4";
        let changed = execute!(
            self,
            SQL,
            provider_refund,
            now.millis(),
            self.tenant.as_ref(),
            refund.id.as_str()
        )?;
        if changed == 0 {
            return Ok(false);
        }
        execute!(
            self,
            PAYMENT,
            refund.amount.minor,
            self.tenant.as_ref(),
            refund.payment.as_str()
        )?;
        for part in &refund.parts {
            execute!(
                self,
                LINE,
                part.amount_minor,
                self.tenant.as_ref(),
                refund.order.as_str(),
                part.position
            )?;
        }
        Ok(true)
    }

    /// The provider refused for good: the reservation is lifted. Returns false when it was known already.
    pub async fn fail_refund(&mut self, refund: &Refund, failure: &str, now: Timestamp) -> Result<bool> {
        const SQL: &str = "UPDATE refunds SET status = 'failed', failure = $1, finished_at_ms = $2, version = version + 1 \
             WHERE tenant_id = $3 AND id = $4 AND status IN ('requested', 'pending')";
        const PAYMENT: &str = "UPDATE payments SET reserved_minor = reserved_minor - $1, version = version + 1 \
             WHERE tenant_id = $2 AND id = $3";
        let changed = execute!(
            self,
            SQL,
            failure,
            now.millis(),
            self.tenant.as_ref(),
            refund.id.as_str()
        )?;
        if changed == 0 {
            return Ok(false);
        }
        execute!(
            self,
            PAYMENT,
            refund.amount.minor,
            self.tenant.as_ref(),
            refund.payment.as_str()
        )?;
        Ok(true)
    }
}
