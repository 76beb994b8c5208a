//! Tax receipts, and incomes that a self-employed seller has to register.

use domain::fiscal::FiscalNumbers;
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
    /// `payment`, `refund` or `closing` of a cash register; `income` or `income_refund`, which a person registers.
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
    /// Where the client sees it.
    pub link: Option<String>,
    /// What the cash register has written on it, once it is told.
    pub fiscal: Option<FiscalNumbers>,
    /// Of a payment made with a provider's test keys.
    pub is_test: bool,
    pub failure: Option<String>,
    /// How often a provider was asked to give it.
    pub attempts: u32,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

/// Who writes it down for the tax office.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Regime {
    /// A cash register (54-FZ).
    Fiscal,
    /// A self-employed person, in «Мой налог».
    SelfEmployed,
    /// As that, of payments made with a provider's test keys: nobody registers them.
    SelfEmployedTest,
}

impl Regime {
    const fn code(self) -> &'static str {
        match self {
            Self::Fiscal => "fiscal",
            Self::SelfEmployed => "self_employed",
            Self::SelfEmployedTest => "self_employed_test",
        }
    }

    fn of(kind: &str) -> Self {
        match kind {
            "income" | "income_refund" => Self::SelfEmployed,
            _ => Self::Fiscal,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReceiptFilter {
    pub order: Option<OrderId>,
    pub status: Option<String>,
    pub regime: Option<Regime>,
    /// Made at this moment or later.
    pub since: Option<Timestamp>,
    /// Made before this moment.
    pub before: Option<Timestamp>,
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
    link: Option<String>,
    fiscal_storage_number: Option<String>,
    fiscal_document_number: Option<String>,
    fiscal_attribute: Option<String>,
    is_test: i64,
    failure: Option<String>,
    attempts: i64,
    created_at_ms: i64,
    finished_at_ms: Option<i64>,
}

const BODY: &str = "receipts.body";
const SELECT: &str = "SELECT id, order_id, payment_id, refund_id, kind, status, amount_minor, currency, body_sealed, provider_receipt_id, \
     link, fiscal_storage_number, fiscal_document_number, fiscal_attribute, failure, attempts, created_at_ms, finished_at_ms, \
     COALESCE((SELECT p.is_test FROM payments p WHERE p.id = receipts.payment_id), 0) AS is_test FROM receipts WHERE tenant_id = $1";

impl Tx {
    fn receipt(&self, row: ReceiptRow) -> Result<Receipt> {
        let corrupt = |place| Error::corrupt(place, &row.id);
        let currency = Currency::parse(&row.currency).ok_or_else(|| corrupt("receipts.currency"))?;
        let numbers = (
            &row.fiscal_storage_number,
            &row.fiscal_document_number,
            &row.fiscal_attribute,
        );
        let fiscal = match numbers {
            (Some(storage), Some(document), Some(attribute)) => Some(
                FiscalNumbers::new(storage, document, attribute)
                    .ok_or_else(|| corrupt("receipts.fiscal_document_number"))?,
            ),
            _ => None,
        };
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
            link: row.link,
            fiscal,
            is_test: row.is_test != 0,
            failure: row.failure,
            attempts: u32::try_from(row.attempts).map_err(|_| Error::corrupt("receipts.attempts", &row.id))?,
            created_at: Timestamp::from_millis(row.created_at_ms),
            finished_at: row.finished_at_ms.map(Timestamp::from_millis),
        })
    }

    /// An income of a payment made with test keys is none that anybody registers: [`Regime::SelfEmployedTest`].
    ///
    /// Returns false when the payment or refund has a receipt of this kind already, or the order its closing one.
    pub async fn insert_receipt(&mut self, new: &NewReceipt) -> Result<bool> {
        const SQL: &str = "INSERT INTO receipts (id, tenant_id, order_id, payment_id, refund_id, kind, status, amount_minor, currency, body_sealed, \
             created_at_ms, regime) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, \
             CASE WHEN $12 = 'self_employed' AND EXISTS (SELECT 1 FROM payments p WHERE p.tenant_id = $2 AND p.id = $4 AND p.is_test = 1) \
             THEN 'self_employed_test' ELSE $12 END) ON CONFLICT DO NOTHING";
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
            new.now.millis(),
            Regime::of(new.kind).code()
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
        let regime = filter.regime.map(|regime| regime.code().to_owned());
        let mut columns = Vec::new();
        match &filter.order {
            Some(order) => {
                statement.compare("regime", "=", regime);
                statement.compare("status", "=", filter.status.clone());
                columns.push(("order_id", order.to_string()));
            }
            None => {
                columns.extend(regime.map(|regime| ("regime", regime)));
                columns.extend(filter.status.clone().map(|status| ("status", status)));
            }
        }
        // Ids begin with their time.
        let first_at = |at: Timestamp| ReceiptId::from_parts(at.millis().max(0).unsigned_abs(), [0; 10]).to_string();
        statement.compare("id", "<", filter.before.map(first_at));
        statement.walk(&columns, "id", filter.since.map(first_at).unwrap_or_default());
        let found: Vec<ReceiptRow> = self.fetch_page(statement, page).await?;
        let receipts = found
            .into_iter()
            .map(|row| self.receipt(row))
            .collect::<Result<Vec<_>>>()?;
        Ok(PageOf::cut(receipts, page, |receipt| receipt.id.to_string()))
    }

    /// A refund that was made elsewhere may have its receipt or not: a person has to look.
    pub async fn question_receipt(&mut self, refund: &RefundId) -> Result<()> {
        const SQL: &str =
            "UPDATE receipts SET status = 'by_hand' WHERE tenant_id = $1 AND refund_id = $2 AND finished_at_ms IS NULL";
        execute!(self, SQL, self.tenant.as_ref(), refund.as_str())?;
        Ok(())
    }

    /// The order's one receipt of this kind, the newest of several.
    pub async fn receipt_of_order(&mut self, order: &OrderId, kind: &str) -> Result<Option<Receipt>> {
        let sql = format!("{SELECT} AND order_id = $2 AND kind = $3 ORDER BY id DESC LIMIT 1");
        row!(
            self,
            ReceiptRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            order.as_str(),
            kind
        )?
        .map(|row| self.receipt(row))
        .transpose()
    }

    /// The intent to ask a provider for it, with what will be on it. Returns false unless it was queued.
    pub async fn begin_receipt(&mut self, id: &ReceiptId, amount: Money, body: &str) -> Result<bool> {
        const SQL: &str = "UPDATE receipts SET status = 'sending', attempts = attempts + 1, amount_minor = $1, body_sealed = $2 \
             WHERE tenant_id = $3 AND id = $4 AND currency = $5 AND status = 'queued'";
        let body = self.seal(BODY, id.as_str(), body.as_bytes())?;
        let changed = execute!(
            self,
            SQL,
            amount.minor,
            body,
            self.tenant.as_ref(),
            id.as_str(),
            amount.currency.code()
        )?;
        Ok(changed == 1)
    }

    /// Nothing was given: it may be asked for again. Returns false unless it was asked for or failed.
    pub async fn requeue_receipt(&mut self, id: &ReceiptId) -> Result<bool> {
        const SQL: &str = "UPDATE receipts SET status = 'queued', failure = NULL, finished_at_ms = NULL \
             WHERE tenant_id = $1 AND id = $2 AND status IN ('sending', 'failed')";
        Ok(execute!(self, SQL, self.tenant.as_ref(), id.as_str())? == 1)
    }

    /// The provider has taken it; whether its register did is asked later. Returns false unless it was being asked for.
    pub async fn accept_receipt(&mut self, id: &ReceiptId, provider_receipt: Option<&str>) -> Result<bool> {
        const SQL: &str = "UPDATE receipts SET status = 'sent', provider_receipt_id = $1 \
             WHERE tenant_id = $2 AND id = $3 AND status = 'sending'";
        Ok(execute!(self, SQL, provider_receipt, self.tenant.as_ref(), id.as_str())? == 1)
    }

    /// A person has registered what waited for a person. Returns false when it did not wait.
    pub async fn register_receipt(
        &mut self,
        id: &ReceiptId,
        number: Option<&str>,
        link: Option<&str>,
        now: Timestamp,
    ) -> Result<bool> {
        const SQL: &str = "UPDATE receipts SET status = 'registered', provider_receipt_id = COALESCE($1, provider_receipt_id), \
             link = $2, failure = NULL, finished_at_ms = $3 WHERE tenant_id = $4 AND id = $5 AND status IN ('by_hand', 'failed')";
        let changed = execute!(self, SQL, number, link, now.millis(), self.tenant.as_ref(), id.as_str())?;
        Ok(changed == 1)
    }

    /// What the cash register has written on it, however it was thought to stand; nothing is written over. Returns false when
    /// it is known already, or is not wanted any more.
    pub async fn write_fiscal_numbers(
        &mut self,
        id: &ReceiptId,
        numbers: &FiscalNumbers,
        link: Option<&str>,
        now: Timestamp,
    ) -> Result<bool> {
        const SQL: &str = "UPDATE receipts SET status = 'registered', fiscal_storage_number = $1, fiscal_document_number = $2, \
             fiscal_attribute = $3, link = COALESCE(link, $4), failure = NULL, \
             finished_at_ms = CASE status WHEN 'registered' THEN finished_at_ms ELSE $5 END \
             WHERE tenant_id = $6 AND id = $7 AND regime = 'fiscal' AND status <> 'canceled' AND fiscal_document_number IS NULL";
        let changed = execute!(
            self,
            SQL,
            &numbers.storage,
            &numbers.document,
            &numbers.attribute,
            link,
            now.millis(),
            self.tenant.as_ref(),
            id.as_str()
        )?;
        Ok(changed == 1)
    }

    /// Says more about what waits for a person. Returns false when it does not wait.
    pub async fn describe_receipt(&mut self, id: &ReceiptId, body: &str) -> Result<bool> {
        const SQL: &str =
            "UPDATE receipts SET body_sealed = $1 WHERE tenant_id = $2 AND id = $3 AND status = 'by_hand'";
        let body = self.seal(BODY, id.as_str(), body.as_bytes())?;
        Ok(execute!(self, SQL, body, self.tenant.as_ref(), id.as_str())? == 1)
    }

    /// How many incomes and their refunds a self-employed person has to register, and since when the oldest waits.
    pub async fn waiting_incomes(&mut self) -> Result<Option<(u32, Timestamp)>> {
        const SQL: &str = "SELECT COUNT(*), COALESCE(MIN(created_at_ms), 0) FROM receipts \
             WHERE tenant_id = $1 AND regime = 'self_employed' AND status = 'by_hand'";
        let found = row!(self, (i64, i64), SQL, self.tenant.as_ref())?;
        Ok(found
            .filter(|(count, _)| *count > 0)
            .map(|(count, oldest)| (u32::try_from(count).unwrap_or(u32::MAX), Timestamp::from_millis(oldest))))
    }

    /// `status` is registered, failed, canceled or by_hand. Returns false when its fate was known before.
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
