//! Orders: what was agreed, at the price as it was agreed.

use domain::ids::{ClientId, Id, OrderId, ProductId, ProgramId, PromoCodeId};
use domain::language::{Language, Localized};
use domain::money::{Currency, Money};
use domain::order::{Grant, OrderStatus, PaymentMode, PaymentSubject, TaxTreatment, Vat};
use domain::pricing::Breakdown;
use domain::time::Timestamp;
use sqlx::AssertSqlSafe;

use crate::dialect::{execute, row, rows};
use crate::{Error, PageOf, PageRequest, Result, SystemTx, Tx};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    pub id: OrderId,
    pub client: ClientId,
    /// `telegram`, `site` or `admin`.
    pub channel: &'static str,
    pub language: Language,
    pub breakdown: Breakdown,
    pub lines: Vec<OrderLine>,
    pub promo_code: Option<PromoCodeId>,
    pub expires_at: Timestamp,
    pub now: Timestamp,
}

/// A line as it was sold; later edits of the product don't reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderLine {
    /// From 0.
    pub position: i64,
    pub product: ProductId,
    pub title: Localized,
    pub delivery: Localized,
    pub grants: Vec<Grant>,
    pub quantity: u32,
    pub is_monthly: bool,
    pub unit_price: Money,
    pub list: Money,
    pub discount: Money,
    pub total: Money,
    pub refunded: Money,
    pub tax: TaxTreatment,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub id: OrderId,
    pub client: ClientId,
    pub status: OrderStatus,
    pub channel: String,
    pub language: Language,
    pub total: Money,
    pub breakdown: Breakdown,
    pub promo_code: Option<PromoCodeId>,
    /// Where the receipt goes: an e-mail address or a phone number.
    pub contact: Option<String>,
    pub offer_hash: Option<String>,
    pub offer_accepted_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub paid_at: Option<Timestamp>,
    pub fulfilled_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    pub version: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderFilter {
    pub client: Option<ClientId>,
    pub status: Option<OrderStatus>,
}

#[derive(sqlx::FromRow)]
struct OrderRow {
    id: String,
    client_id: String,
    status: String,
    channel: String,
    language: String,
    currency: String,
    total_minor: i64,
    breakdown: String,
    promo_code_id: Option<String>,
    contact_sealed: Option<Vec<u8>>,
    offer_hash: Option<String>,
    offer_accepted_at_ms: Option<i64>,
    created_at_ms: i64,
    expires_at_ms: i64,
    paid_at_ms: Option<i64>,
    fulfilled_at_ms: Option<i64>,
    closed_at_ms: Option<i64>,
    version: i64,
}

#[derive(sqlx::FromRow)]
struct LineRow {
    position: i64,
    product_id: String,
    title_ru: String,
    title_en: String,
    delivery_ru: String,
    delivery_en: String,
    grants: String,
    quantity: i64,
    is_monthly: i64,
    unit_price_minor: i64,
    list_minor: i64,
    discount_minor: i64,
    total_minor: i64,
    refunded_minor: i64,
    vat: String,
    payment_subject: String,
    payment_mode: String,
}

const CONTACT: &str = "orders.contact";
const SELECT: &str = "SELECT id, client_id, status, channel, language, currency, total_minor, breakdown, promo_code_id, contact_sealed, \
     offer_hash, offer_accepted_at_ms, created_at_ms, expires_at_ms, paid_at_ms, fulfilled_at_ms, closed_at_ms, version \
     FROM orders WHERE tenant_id = $1";

/// Codes with commas between them.
pub(crate) fn grants_text(grants: &[Grant]) -> String {
    grants.iter().map(|grant| grant.code()).collect::<Vec<_>>().join(",")
}

pub(crate) fn parse_grants(text: &str) -> Option<Vec<Grant>> {
    text.split(',')
        .filter(|code| !code.is_empty())
        .map(Grant::parse)
        .collect()
}

impl LineRow {
    fn line(self, order: &OrderId, currency: Currency) -> Result<OrderLine> {
        let corrupt = |place| Error::corrupt(place, order.as_str());
        let money = |minor| Money::new(minor, currency);
        Ok(OrderLine {
            position: self.position,
            product: ProductId::parse(&self.product_id).ok_or_else(|| corrupt("order_lines.product_id"))?,
            title: Localized::new(self.title_ru, self.title_en),
            delivery: Localized::new(self.delivery_ru, self.delivery_en),
            grants: parse_grants(&self.grants).ok_or_else(|| corrupt("order_lines.grants"))?,
            quantity: u32::try_from(self.quantity).map_err(|_| corrupt("order_lines.quantity"))?,
            is_monthly: self.is_monthly != 0,
            unit_price: money(self.unit_price_minor),
            list: money(self.list_minor),
            discount: money(self.discount_minor),
            total: money(self.total_minor),
            refunded: money(self.refunded_minor),
            tax: TaxTreatment {
                vat: Vat::parse(&self.vat).ok_or_else(|| corrupt("order_lines.vat"))?,
                subject: PaymentSubject::parse(&self.payment_subject)
                    .ok_or_else(|| corrupt("order_lines.payment_subject"))?,
                mode: PaymentMode::parse(&self.payment_mode).ok_or_else(|| corrupt("order_lines.payment_mode"))?,
            },
        })
    }
}

impl Tx {
    fn order(&self, row: OrderRow) -> Result<Order> {
        let corrupt = |place| Error::corrupt(place, &row.id);
        let currency = Currency::parse(&row.currency).ok_or_else(|| corrupt("orders.currency"))?;
        let contact = match &row.contact_sealed {
            Some(sealed) => Some(self.open_text(CONTACT, &row.id, sealed)?),
            None => None,
        };
        Ok(Order {
            id: OrderId::parse(&row.id).ok_or_else(|| corrupt("orders.id"))?,
            client: ClientId::parse(&row.client_id).ok_or_else(|| corrupt("orders.client_id"))?,
            status: OrderStatus::parse(&row.status).ok_or_else(|| corrupt("orders.status"))?,
            language: Language::parse(&row.language).ok_or_else(|| corrupt("orders.language"))?,
            breakdown: serde_json::from_str(&row.breakdown).map_err(|_| corrupt("orders.breakdown"))?,
            promo_code: row.promo_code_id.as_deref().and_then(PromoCodeId::parse),
            total: Money::new(row.total_minor, currency),
            channel: row.channel,
            contact,
            offer_hash: row.offer_hash,
            offer_accepted_at: row.offer_accepted_at_ms.map(Timestamp::from_millis),
            created_at: Timestamp::from_millis(row.created_at_ms),
            expires_at: Timestamp::from_millis(row.expires_at_ms),
            paid_at: row.paid_at_ms.map(Timestamp::from_millis),
            fulfilled_at: row.fulfilled_at_ms.map(Timestamp::from_millis),
            closed_at: row.closed_at_ms.map(Timestamp::from_millis),
            version: row.version,
        })
    }

    /// Writes an order with its lines, awaiting payment.
    pub async fn insert_order(&mut self, new: &NewOrder) -> Result<()> {
        const SQL: &str = "INSERT INTO orders (id, tenant_id, client_id, status, channel, language, currency, list_minor, discount_minor, \
             total_minor, breakdown, promo_code_id, created_at_ms, expires_at_ms, version) \
             VALUES ($1, $2, $3, 'awaiting_payment', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1)";
        const LINE: &str = "INSERT INTO order_lines (tenant_id, order_id, position, product_id, title_ru, title_en, delivery_ru, delivery_en, \
             grants, quantity, is_monthly, unit_price_minor, list_minor, discount_minor, total_minor, refunded_minor, vat, \
             payment_subject, payment_mode) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 0, $16, $17, $18)";
        let breakdown =
            serde_json::to_string(&new.breakdown).map_err(|_| Error::corrupt("orders.breakdown", new.id.as_str()))?;
        execute!(
            self,
            SQL,
            new.id.as_str(),
            self.tenant.as_ref(),
            new.client.as_str(),
            new.channel,
            new.language.code(),
            new.breakdown.total.currency.code(),
            new.breakdown.list_total.minor,
            new.breakdown.discount_total.minor,
            new.breakdown.total.minor,
            breakdown,
            new.promo_code.as_ref().map(Id::as_str),
            new.now.millis(),
            new.expires_at.millis()
        )?;
        for line in &new.lines {
            execute!(
                self,
                LINE,
                self.tenant.as_ref(),
                new.id.as_str(),
                line.position,
                line.product.as_str(),
                &line.title.ru,
                &line.title.en,
                &line.delivery.ru,
                &line.delivery.en,
                grants_text(&line.grants),
                i64::from(line.quantity),
                i64::from(line.is_monthly),
                line.unit_price.minor,
                line.list.minor,
                line.discount.minor,
                line.total.minor,
                line.tax.vat.code(),
                line.tax.subject.code(),
                line.tax.mode.code()
            )?;
        }
        Ok(())
    }

    pub async fn find_order(&mut self, id: &OrderId) -> Result<Option<Order>> {
        self.order_row(id, "").await
    }

    /// Loads an order and keeps everybody else out of it until the transaction ends.
    pub async fn lock_order(&mut self, id: &OrderId) -> Result<Option<Order>> {
        let lock = self.link.choose("", " FOR UPDATE");
        self.order_row(id, lock).await
    }

    async fn order_row(&mut self, id: &OrderId, lock: &str) -> Result<Option<Order>> {
        let sql = format!("{SELECT} AND id = $2{lock}");
        row!(
            self,
            OrderRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            id.as_str()
        )?
        .map(|row| self.order(row))
        .transpose()
    }

    pub async fn order_lines(&mut self, order: &Order) -> Result<Vec<OrderLine>> {
        const SQL: &str = "SELECT position, product_id, title_ru, title_en, delivery_ru, delivery_en, grants, quantity, is_monthly, \
             unit_price_minor, list_minor, discount_minor, total_minor, refunded_minor, vat, payment_subject, payment_mode \
             FROM order_lines WHERE tenant_id = $1 AND order_id = $2 ORDER BY position";
        rows!(self, LineRow, SQL, self.tenant.as_ref(), order.id.as_str())?
            .into_iter()
            .map(|row| row.line(&order.id, order.total.currency))
            .collect()
    }

    /// Newest first.
    pub async fn list_orders(&mut self, filter: &OrderFilter, page: &PageRequest) -> Result<PageOf<Order>> {
        let mut statement = crate::keyset::Statement::new(SELECT);
        let status = filter.status.map(|status| status.code().to_owned());
        let columns = match &filter.client {
            Some(client) => {
                statement.compare("status", "=", status);
                vec![("client_id", client.to_string())]
            }
            None => status.map(|status| ("status", status)).into_iter().collect(),
        };
        statement.walk(&columns, "id", String::new());
        let found: Vec<OrderRow> = self.fetch_page(statement, page).await?;
        let orders = found
            .into_iter()
            .map(|row| self.order(row))
            .collect::<Result<Vec<_>>>()?;
        Ok(PageOf::cut(orders, page, |order| order.id.to_string()))
    }

    /// How many orders of a client were paid, whatever became of them.
    pub async fn paid_orders_of(&mut self, client: &ClientId) -> Result<u32> {
        const SQL: &str =
            "SELECT COUNT(*) FROM orders WHERE tenant_id = $1 AND client_id = $2 AND paid_at_ms IS NOT NULL";
        let count = crate::dialect::scalar!(self, i64, SQL, self.tenant.as_ref(), client.as_str())?.unwrap_or_default();
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// The programme is what an order gives.
    pub async fn link_program_to_order(&mut self, program: &ProgramId, order: &OrderId) -> Result<()> {
        const SQL: &str = "UPDATE training_programs SET order_id = $1 WHERE tenant_id = $2 AND id = $3";
        execute!(self, SQL, order.as_str(), self.tenant.as_ref(), program.as_str())?;
        Ok(())
    }

    /// Whether a programme of this order is being made or was made.
    pub async fn has_program_of_order(&mut self, order: &OrderId) -> Result<bool> {
        const SQL: &str = "SELECT CAST(1 AS BIGINT) FROM training_programs WHERE tenant_id = $1 AND order_id = $2 AND status <> 'failed' LIMIT 1";
        Ok(crate::dialect::scalar!(self, i64, SQL, self.tenant.as_ref(), order.as_str())?.is_some())
    }

    /// The order a programme belongs to, itself or by the version it comes from.
    pub async fn order_of_program(&mut self, program: &ProgramId) -> Result<Option<OrderId>> {
        const SQL: &str = "WITH RECURSIVE line (id, parent_id, order_id) AS ( \
                 SELECT id, parent_id, order_id FROM training_programs WHERE tenant_id = $1 AND id = $2 \
                 UNION ALL SELECT p.id, p.parent_id, p.order_id FROM training_programs p JOIN line l ON p.id = l.parent_id \
                 WHERE p.tenant_id = $1) \
             SELECT order_id FROM line WHERE order_id IS NOT NULL LIMIT 1";
        let found = row!(self, (String,), SQL, self.tenant.as_ref(), program.as_str())?;
        found
            .map(|(order,)| order)
            .map(|order| OrderId::parse(&order).ok_or_else(|| Error::corrupt("training_programs.order_id", &order)))
            .transpose()
    }

    /// The money went back: versions of the order's programme that have not gone out stay here. Returns how many.
    pub async fn withdraw_programs_of_order(&mut self, order: &OrderId) -> Result<u64> {
        const SQL: &str = "UPDATE training_programs SET status = 'withdrawn', error = 'refunded' \
             WHERE tenant_id = $1 AND status IN ('queued', 'awaiting_approval') AND id IN ( \
                 WITH RECURSIVE family (id) AS ( \
                     SELECT id FROM training_programs WHERE tenant_id = $1 AND order_id = $2 \
                     UNION ALL SELECT p.id FROM training_programs p JOIN family f ON p.parent_id = f.id WHERE p.tenant_id = $1) \
                 SELECT id FROM family)";
        execute!(self, SQL, self.tenant.as_ref(), order.as_str())
    }

    /// Where the receipt goes, and that the offer was accepted, with the text's hash.
    pub async fn accept_offer(
        &mut self,
        id: &OrderId,
        contact: Option<&str>,
        offer_hash: &str,
        now: Timestamp,
    ) -> Result<bool> {
        const SQL: &str = "UPDATE orders SET contact_sealed = COALESCE($1, contact_sealed), offer_hash = $2, offer_accepted_at_ms = $3, \
             version = version + 1 WHERE tenant_id = $4 AND id = $5 AND status = 'awaiting_payment'";
        let sealed = contact
            .map(|contact| self.seal(CONTACT, id.as_str(), contact.as_bytes()))
            .transpose()?;
        let changed = execute!(
            self,
            SQL,
            sealed,
            offer_hash,
            now.millis(),
            self.tenant.as_ref(),
            id.as_str()
        )?;
        Ok(changed == 1)
    }

    /// Where the receipt goes, as an administrator has heard it. Returns false when the version is no longer current, or
    /// the order waits for no payment.
    pub async fn set_order_contact(&mut self, id: &OrderId, version: i64, contact: &str) -> Result<bool> {
        const SQL: &str = "UPDATE orders SET contact_sealed = $1, version = version + 1 \
             WHERE tenant_id = $2 AND id = $3 AND version = $4 AND status = 'awaiting_payment'";
        let sealed = self.seal(CONTACT, id.as_str(), contact.as_bytes())?;
        Ok(execute!(self, SQL, sealed, self.tenant.as_ref(), id.as_str(), version)? == 1)
    }

    /// Money is in. Returns false when the order no longer waits for it.
    pub async fn pay_order(&mut self, id: &OrderId, now: Timestamp) -> Result<bool> {
        const SQL: &str = "UPDATE orders SET status = 'paid', paid_at_ms = $1, version = version + 1 \
             WHERE tenant_id = $2 AND id = $3 AND status = 'awaiting_payment'";
        Ok(execute!(self, SQL, now.millis(), self.tenant.as_ref(), id.as_str())? == 1)
    }

    /// An expired or canceled order that is paid after all.
    pub async fn revive_order(&mut self, id: &OrderId, now: Timestamp) -> Result<bool> {
        const SQL: &str = "UPDATE orders SET status = 'paid', paid_at_ms = $1, closed_at_ms = NULL, version = version + 1 \
             WHERE tenant_id = $2 AND id = $3 AND status IN ('expired', 'canceled')";
        Ok(execute!(self, SQL, now.millis(), self.tenant.as_ref(), id.as_str())? == 1)
    }

    /// It waits until another time. Returns false when it waits for no payment.
    pub async fn postpone_order(&mut self, id: &OrderId, until: Timestamp) -> Result<bool> {
        const SQL: &str = "UPDATE orders SET expires_at_ms = $1, version = version + 1 \
             WHERE tenant_id = $2 AND id = $3 AND status = 'awaiting_payment'";
        Ok(execute!(self, SQL, until.millis(), self.tenant.as_ref(), id.as_str())? == 1)
    }

    /// Less is taken for it than was agreed: each line gives a discount of its part. Shapes: one part a line.
    pub async fn reduce_order(&mut self, order: &Order, lines: &[OrderLine], parts: &[Money]) -> Result<()> {
        const LINE: &str = "UPDATE order_lines SET discount_minor = discount_minor + $1, total_minor = total_minor - $1 \
             WHERE tenant_id = $2 AND order_id = $3 AND position = $4";
        const ORDER: &str = "UPDATE orders SET discount_minor = discount_minor + $1, total_minor = total_minor - $1, version = version + 1 \
             WHERE tenant_id = $2 AND id = $3 AND paid_at_ms IS NULL";
        let mut sum = 0_i64;
        for (line, part) in lines.iter().zip(parts).filter(|(_, part)| part.is_positive()) {
            sum = sum.saturating_add(part.minor);
            execute!(
                self,
                LINE,
                part.minor,
                self.tenant.as_ref(),
                order.id.as_str(),
                line.position
            )?;
        }
        execute!(self, ORDER, sum, self.tenant.as_ref(), order.id.as_str())?;
        Ok(())
    }

    pub async fn fulfil_order(&mut self, id: &OrderId, now: Timestamp) -> Result<bool> {
        const SQL: &str = "UPDATE orders SET status = 'fulfilled', fulfilled_at_ms = $1, version = version + 1 \
             WHERE tenant_id = $2 AND id = $3 AND status = 'paid'";
        Ok(execute!(self, SQL, now.millis(), self.tenant.as_ref(), id.as_str())? == 1)
    }

    /// `status` is canceled or expired (an order that waits) or refunded (one that was paid).
    pub async fn close_order(&mut self, id: &OrderId, status: OrderStatus, now: Timestamp) -> Result<bool> {
        const WAITING: &str = "UPDATE orders SET status = $1, closed_at_ms = $2, version = version + 1 \
             WHERE tenant_id = $3 AND id = $4 AND status = 'awaiting_payment'";
        const PAID: &str = "UPDATE orders SET status = $1, closed_at_ms = $2, version = version + 1 \
             WHERE tenant_id = $3 AND id = $4 AND status IN ('paid', 'fulfilled')";
        let sql = if status == OrderStatus::Refunded { PAID } else { WAITING };
        let changed = execute!(
            self,
            sql,
            status.code(),
            now.millis(),
            self.tenant.as_ref(),
            id.as_str()
        )?;
        Ok(changed == 1)
    }
}

impl SystemTx {
    /// Orders whose time to pay is over, the longest overdue first.
    pub async fn expired_orders(
        &mut self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<(domain::ids::TenantId, OrderId)>> {
        const SQL: &str = "SELECT tenant_id, id FROM orders WHERE status = 'awaiting_payment' AND expires_at_ms <= $1 \
             ORDER BY expires_at_ms LIMIT $2";
        rows!(self, (String, String), SQL, now.millis(), i64::from(limit))?
            .into_iter()
            .map(|(tenant, id)| {
                let corrupt = || Error::corrupt("orders.id", &id);
                Ok((
                    domain::ids::TenantId::parse(&tenant).ok_or_else(corrupt)?,
                    OrderId::parse(&id).ok_or_else(corrupt)?,
                ))
            })
            .collect()
    }
}
