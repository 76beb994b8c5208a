//! Tax receipts, and incomes that a self-employed seller has to register.

use domain::ids::{Id, OrderId, PaymentId, ReceiptId, RefundId};
use domain::money::{Currency, Money};
use domain::time::Timestamp;
use sqlx::AssertSqlSafe;

use crate::dialect::{execute, row};
use crate::keyset::Statement;
use crate::{Error, PageOf, PageRequest, Result, Tx};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReceipt {
    pub id: ReceiptId,
    pub order: OrderId,
    pub payment: Option<PaymentId>,
    pub refund: Option<RefundId>,
    /// `payment`, `refund`, `closing` or `income`.
    pub kind: &'static str,
    /// `queued`, `with_payment` or `by_hand`.
    pub status: &'static str,
    pub amount: Money,
    /// What is on it, with the customer's contact: JSON.
    pub body: String,
    pub now: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub id: ReceiptId,
    pub order: OrderId,
    pub payment: Option<PaymentId>,
    pub refund: Option<RefundId>,
    pub kind: String,
    pub status: String,
    pub amount: Money,
    pub body: String,
    pub provider_receipt: Option<String>,
    pub failure: Option<String>,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReceiptFilter {
    pub order: Option<OrderId>,
    pub status: Option<String>,
}

#[derive(sqlx::FromRow)]
struct ReceiptRow {
    id: String,
    order_id: String,
    payment_id: Option<String>,
    refund_id: Option<String>,
    kind: String,
    status: String,
    amount_minor: i64,
    currency: String,
    body_sealed: Vec<u8>,
    provider_receipt_id: Option<String>,
    failure: Option<String>,
    created_at_ms: i64,
    finished_at_ms: Option<i64>,
}

const BODY: &str = "receipts.body";
const SELECT: &str = "SELECT id, order_id, payment_id, refund_id, kind, status, amount_minor, currency, body_sealed, provider_receipt_id, \
     failure, created_at_ms, finished_at_ms FROM receipts WHERE tenant_id = $1";

impl Tx {
    fn receipt(&self, row: ReceiptRow) -> Result<Receipt> {
        let corrupt = |place| Error::corrupt(place, &row.id);
        let currency = Currency::parse(&row.currency).ok_or_else(|| corrupt("receipts.currency"))?;
        Ok(Receipt {
            id: ReceiptId::parse(&row.id).ok_or_else(|| corrupt("receipts.id"))?,
            order: OrderId::parse(&row.order_id).ok_or_else(|| corrupt("receipts.order_id"))?,
            payment: row.payment_id.as_deref().and_then(PaymentId::parse),
            refund: row.refund_id.as_deref().and_then(RefundId::parse),
            amount: Money::new(row.amount_minor, currency),
            body: self.open_text(BODY, &row.id, &row.body_sealed)?,
            kind: row.kind,
            status: row.status,
            provider_receipt: row.provider_receipt_id,
            failure: row.failure,
            created_at: Timestamp::from_millis(row.created_at_ms),
            finished_at: row.finished_at_ms.map(Timestamp::from_millis),
        })
    }

    /// Returns false when the payment or refund has a receipt of this kind already.
    pub async fn insert_receipt(&mut self, new: &NewReceipt) -> Result<bool> {
        const SQL: &str = "INSERT INTO receipts (id, tenant_id, order_id, payment_id, refund_id, kind, status, amount_minor, currency, body_sealed, \
             created_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING";
        let body = self.seal(BODY, new.id.as_str(), new.body.as_bytes())?;
        let inserted = execute!(
            self,
            SQL,
            new.id.as_str(),
            self.tenant.as_ref(),
            new.order.as_str(),
            new.payment.as_ref().map(Id::as_str),
            new.refund.as_ref().map(Id::as_str),
            new.kind,
            new.status,
            new.amount.minor,
            new.amount.currency.code(),
            body,
            new.now.millis()
        )?;
        Ok(inserted == 1)
    }

    pub async fn find_receipt(&mut self, id: &ReceiptId) -> Result<Option<Receipt>> {
        let sql = format!("{SELECT} AND id = $2");
        row!(
            self,
            ReceiptRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            id.as_str()
        )?
        .map(|row| self.receipt(row))
        .transpose()
    }

    /// Newest first.
    pub async fn list_receipts(&mut self, filter: &ReceiptFilter, page: &PageRequest) -> Result<PageOf<Receipt>> {
        let mut statement = Statement::new(SELECT);
        let columns = match &filter.order {
            Some(order) => {
                statement.compare("status", "=", filter.status.clone());
                vec![("order_id", order.to_string())]
            }
            None => filter
                .status
                .clone()
                .map(|status| ("status", status))
                .into_iter()
                .collect(),
        };
        statement.walk(&columns, "id", String::new());
        let found: Vec<ReceiptRow> = self.fetch_page(statement, page).await?;
        let receipts = found
            .into_iter()
            .map(|row| self.receipt(row))
            .collect::<Result<Vec<_>>>()?;
        Ok(PageOf::cut(receipts, page, |receipt| receipt.id.to_string()))
    }

    /// `status` is registered, failed or by_hand. Returns false when its fate was known before.
    pub async fn finish_receipt(
        &mut self,
        id: &ReceiptId,
        status: &str,
        provider_receipt: Option<&str>,
        failure: Option<&str>,
        now: Timestamp,
    ) -> Result<bool> {
        const SQL: &str = "UPDATE receipts SET status = $1, provider_receipt_id = COALESCE($2, provider_receipt_id), failure = $3, \
             finished_at_ms = $4 WHERE tenant_id = $5 AND id = $6 AND finished_at_ms IS NULL";
        let changed = execute!(
            self,
            SQL,
            status,
            provider_receipt,
            failure,
            now.millis(),
            self.tenant.as_ref(),
            id.as_str()
        )?;
        Ok(changed == 1)
    }
}
