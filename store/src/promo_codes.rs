//! Promo codes and who used them.

use domain::ids::{ClientId, Id, OrderId, ProductId, PromoCodeId};
use domain::money::{BasisPoints, Currency, Money};
use domain::promo::{Discount, PromoCode, PromoUse};
use domain::time::Timestamp;
use sqlx::AssertSqlSafe;

use crate::dialect::{execute, row, rows, scalar};
use crate::{Error, PageOf, PageRequest, Result, Tx};

/// A code as the owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPromoCode {
    pub code: PromoCode,
    /// As the owner wrote it.
    pub label: String,
    /// The name of a bulk generation.
    pub batch: Option<String>,
    pub note: String,
    /// Reserved by orders that wait, and used by paid ones.
    pub uses: u32,
    pub created_at: Timestamp,
    pub version: i64,
}

/// How a code did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PromoReport {
    pub reserved: u32,
    pub used: u32,
    pub released: u32,
    /// Of paid orders, for each currency: what was taken off, and what they brought in.
    pub sums: Vec<PromoSum>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PromoSum {
    pub discount: Money,
    pub revenue: Money,
}

#[derive(sqlx::FromRow)]
struct PromoRow {
    id: String,
    code: String,
    label: String,
    batch: Option<String>,
    basis_points: Option<i64>,
    amount_minor: Option<i64>,
    currency: Option<String>,
    starts_at_ms: Option<i64>,
    ends_at_ms: Option<i64>,
    total_limit: Option<i64>,
    per_client_limit: Option<i64>,
    is_first_order_only: i64,
    products: String,
    clients: String,
    minimum_minor: Option<i64>,
    minimum_currency: Option<String>,
    note: String,
    is_active: i64,
    uses: i64,
    created_at_ms: i64,
    version: i64,
}

const SELECT: &str = "SELECT id, code, label, batch, basis_points, amount_minor, currency, starts_at_ms, ends_at_ms, total_limit, \
     per_client_limit, is_first_order_only, products, clients, minimum_minor, minimum_currency, note, is_active, uses, \
     created_at_ms, version FROM promo_codes WHERE tenant_id = $1";

/// Ids with commas between them.
fn joined<I: Id>(ids: &[I]) -> String {
    ids.iter().map(Id::as_str).collect::<Vec<_>>().join(",")
}

fn split<I: Id>(text: &str) -> Option<Vec<I>> {
    text.split(',').filter(|id| !id.is_empty()).map(I::parse).collect()
}

impl TryFrom<PromoRow> for StoredPromoCode {
    type Error = Error;

    fn try_from(row: PromoRow) -> Result<Self> {
        let corrupt = |place| Error::corrupt(place, &row.id);
        let count = |value: i64| u32::try_from(value).map_err(|_| corrupt("promo_codes.uses"));
        let limit = |value: Option<i64>| value.map(count).transpose();
        let currency = |code: &Option<String>| code.as_deref().and_then(Currency::parse);
        let share = row
            .basis_points
            .and_then(|value| u16::try_from(value).ok())
            .and_then(BasisPoints::new);
        let discount = match (share, row.amount_minor, currency(&row.currency)) {
            (Some(basis_points), None, _) => Discount::Percent { basis_points },
            (None, Some(minor), Some(currency)) => Discount::Sum {
                amount: Money::new(minor, currency),
            },
            _ => return Err(corrupt("promo_codes.amount_minor")),
        };
        let minimum = match (row.minimum_minor, currency(&row.minimum_currency)) {
            (Some(minor), Some(currency)) => Some(Money::new(minor, currency)),
            _ => None,
        };
        Ok(Self {
            code: PromoCode {
                id: PromoCodeId::parse(&row.id).ok_or_else(|| corrupt("promo_codes.id"))?,
                discount,
                starts_at: row.starts_at_ms.map(Timestamp::from_millis),
                ends_at: row.ends_at_ms.map(Timestamp::from_millis),
                total_limit: limit(row.total_limit)?,
                per_client_limit: limit(row.per_client_limit)?,
                is_first_order_only: row.is_first_order_only != 0,
                products: split::<ProductId>(&row.products).ok_or_else(|| corrupt("promo_codes.products"))?,
                clients: split::<ClientId>(&row.clients).ok_or_else(|| corrupt("promo_codes.clients"))?,
                minimum,
                is_active: row.is_active != 0,
                code: row.code,
            },
            uses: count(row.uses)?,
            label: row.label,
            batch: row.batch,
            note: row.note,
            created_at: Timestamp::from_millis(row.created_at_ms),
            version: row.version,
        })
    }
}

impl Tx {
    /// Returns false when the code is taken.
    pub async fn insert_promo_code(&mut self, new: &StoredPromoCode) -> Result<bool> {
        const SQL: &str = "INSERT INTO promo_codes (id, tenant_id, code, label, batch, basis_points, amount_minor, currency, starts_at_ms, \
             ends_at_ms, total_limit, per_client_limit, is_first_order_only, products, clients, minimum_minor, minimum_currency, note, \
             is_active, uses, created_at_ms, version) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, 0, $20, 1) \
             ON CONFLICT (tenant_id, code) DO NOTHING";
        let code = &new.code;
        let (share, amount) = parts(code.discount);
        let inserted = execute!(
            self,
            SQL,
            code.id.as_str(),
            self.tenant.as_ref(),
            &code.code,
            &new.label,
            new.batch.as_deref(),
            share,
            amount.map(|amount| amount.minor),
            amount.map(|amount| amount.currency.code()),
            code.starts_at.map(Timestamp::millis),
            code.ends_at.map(Timestamp::millis),
            code.total_limit.map(i64::from),
            code.per_client_limit.map(i64::from),
            i64::from(code.is_first_order_only),
            joined(&code.products),
            joined(&code.clients),
            code.minimum.map(|minimum| minimum.minor),
            code.minimum.map(|minimum| minimum.currency.code()),
            &new.note,
            i64::from(code.is_active),
            new.created_at.millis()
        )?;
        Ok(inserted == 1)
    }

    /// Saves everything but the code itself, what it was generated with, and its uses.
    ///
    /// Errors: [`Error::VersionConflict`] when `changed.version` is no longer current.
    pub async fn update_promo_code(&mut self, changed: &StoredPromoCode) -> Result<()> {
        const SQL: &str = "UPDATE promo_codes SET basis_points = $1, amount_minor = $2, currency = $3, starts_at_ms = $4, ends_at_ms = $5, \
             total_limit = $6, per_client_limit = $7, is_first_order_only = $8, products = $9, clients = $10, minimum_minor = $11, \
             minimum_currency = $12, note = $13, is_active = $14, version = version + 1 WHERE tenant_id = $15 AND id = $16 AND version = $17";
        let code = &changed.code;
        let (share, amount) = parts(code.discount);
        let rows = execute!(
            self,
            SQL,
            share,
            amount.map(|amount| amount.minor),
            amount.map(|amount| amount.currency.code()),
            code.starts_at.map(Timestamp::millis),
            code.ends_at.map(Timestamp::millis),
            code.total_limit.map(i64::from),
            code.per_client_limit.map(i64::from),
            i64::from(code.is_first_order_only),
            joined(&code.products),
            joined(&code.clients),
            code.minimum.map(|minimum| minimum.minor),
            code.minimum.map(|minimum| minimum.currency.code()),
            &changed.note,
            i64::from(code.is_active),
            self.tenant.as_ref(),
            code.id.as_str(),
            changed.version
        )?;
        if rows == 1 {
            Ok(())
        } else {
            Err(Error::VersionConflict { what: "promo code" })
        }
    }

    pub async fn find_promo_code(&mut self, id: &PromoCodeId) -> Result<Option<StoredPromoCode>> {
        let sql = format!("{SELECT} AND id = $2");
        row!(
            self,
            PromoRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            id.as_str()
        )?
        .map(StoredPromoCode::try_from)
        .transpose()
    }

    /// By the code as [`domain::promo::normalize`] writes it.
    pub async fn promo_code_named(&mut self, code: &str) -> Result<Option<StoredPromoCode>> {
        let sql = format!("{SELECT} AND code = $2");
        row!(self, PromoRow, AssertSqlSafe(sql.as_str()), self.tenant.as_ref(), code)?
            .map(StoredPromoCode::try_from)
            .transpose()
    }

    /// Newest first; of one bulk generation if `batch` is given.
    pub async fn list_promo_codes(
        &mut self,
        batch: Option<&str>,
        page: &PageRequest,
    ) -> Result<PageOf<StoredPromoCode>> {
        let columns: Vec<(&str, String)> = batch.map(|batch| ("batch", batch.to_owned())).into_iter().collect();
        let found: Vec<PromoRow> = self.newest(SELECT, &columns, "id", page).await?;
        let codes = found
            .into_iter()
            .map(StoredPromoCode::try_from)
            .collect::<Result<Vec<_>>>()?;
        Ok(PageOf::cut(codes, page, |promo| promo.code.id.to_string()))
    }

    /// What has happened with a code, for everybody and for one client.
    pub async fn promo_use(&mut self, id: &PromoCodeId, client: &ClientId) -> Result<PromoUse> {
        const BY_CLIENT: &str = "SELECT COUNT(*) FROM promo_code_usages WHERE tenant_id = $1 AND promo_code_id = $2 AND client_id = $3 \
             AND state <> 'released'";
        const TOTAL: &str = "SELECT uses FROM promo_codes WHERE tenant_id = $1 AND id = $2";
        let by_client =
            scalar!(self, i64, BY_CLIENT, self.tenant.as_ref(), id.as_str(), client.as_str())?.unwrap_or_default();
        let total = scalar!(self, i64, TOTAL, self.tenant.as_ref(), id.as_str())?.unwrap_or_default();
        Ok(PromoUse {
            total: u32::try_from(total).unwrap_or(u32::MAX),
            by_client: u32::try_from(by_client).unwrap_or(u32::MAX),
            paid_orders: self.paid_orders_of(client).await?,
        })
    }

    /// Takes a use for an order. Its row is locked from here on, so that a client's own limit can be asked for afterwards.
    ///
    /// Returns false when none is left: of many at once, as many win as there are uses.
    pub async fn take_promo_use(&mut self, id: &PromoCodeId) -> Result<bool> {
        const SQL: &str = "UPDATE promo_codes SET uses = uses + 1 WHERE tenant_id = $1 AND id = $2 AND is_active = 1 \
             AND (total_limit IS NULL OR uses < total_limit)";
        Ok(execute!(self, SQL, self.tenant.as_ref(), id.as_str())? == 1)
    }

    /// Notes whose use it is, after [`Tx::take_promo_use`] and the order itself.
    pub async fn reserve_promo_use(
        &mut self,
        id: &PromoCodeId,
        order: &OrderId,
        client: &ClientId,
        discount: Money,
        now: Timestamp,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO promo_code_usages (tenant_id, order_id, promo_code_id, client_id, state, discount_minor, at_ms) \
             VALUES ($1, $2, $3, $4, 'reserved', $5, $6)";
        execute!(
            self,
            SQL,
            self.tenant.as_ref(),
            order.as_str(),
            id.as_str(),
            client.as_str(),
            discount.minor,
            now.millis()
        )?;
        Ok(())
    }

    /// The order is paid. A use that was given back in the meantime is taken again, even above the limit: the price stands.
    pub async fn use_promo(&mut self, order: &OrderId, now: Timestamp) -> Result<()> {
        const RETAKE: &str = "UPDATE promo_codes SET uses = uses + 1 WHERE tenant_id = $1 AND id = ( \
             SELECT promo_code_id FROM promo_code_usages WHERE tenant_id = $1 AND order_id = $2 AND state = 'released')";
        const SQL: &str = "UPDATE promo_code_usages SET state = 'used', at_ms = $1 WHERE tenant_id = $2 AND order_id = $3 AND state <> 'used'";
        execute!(self, RETAKE, self.tenant.as_ref(), order.as_str())?;
        execute!(self, SQL, now.millis(), self.tenant.as_ref(), order.as_str())?;
        Ok(())
    }

    /// The order is not paid any more: somebody else may use the code. Returns whether there was a use to give back.
    pub async fn release_promo(&mut self, order: &OrderId, now: Timestamp) -> Result<bool> {
        const SQL: &str = "UPDATE promo_code_usages SET state = 'released', at_ms = $1 \
             WHERE tenant_id = $2 AND order_id = $3 AND state = 'reserved'";
        const GIVE_BACK: &str = "UPDATE promo_codes SET uses = uses - 1 WHERE tenant_id = $1 AND id = ( \
             SELECT promo_code_id FROM promo_code_usages WHERE tenant_id = $1 AND order_id = $2)";
        if execute!(self, SQL, now.millis(), self.tenant.as_ref(), order.as_str())? == 0 {
            return Ok(false);
        }
        execute!(self, GIVE_BACK, self.tenant.as_ref(), order.as_str())?;
        Ok(true)
    }

    pub async fn promo_report(&mut self, id: &PromoCodeId) -> Result<PromoReport> {
        const SQL: &str = "SELECT u.state, o.currency, COUNT(*), CAST(SUM(u.discount_minor) AS BIGINT), CAST(SUM(o.total_minor) AS BIGINT) \
             FROM promo_code_usages u JOIN orders o ON o.id = u.order_id WHERE u.tenant_id = $1 AND u.promo_code_id = $2 \
             GROUP BY u.state, o.currency ORDER BY o.currency";
        let found = rows!(
            self,
            (String, String, i64, i64, i64),
            SQL,
            self.tenant.as_ref(),
            id.as_str()
        )?;
        let mut report = PromoReport::default();
        for (state, currency, orders, discount, revenue) in found {
            let orders = u32::try_from(orders).unwrap_or(u32::MAX);
            match state.as_str() {
                "reserved" => report.reserved = report.reserved.saturating_add(orders),
                "released" => report.released = report.released.saturating_add(orders),
                _ => {
                    let currency =
                        Currency::parse(&currency).ok_or_else(|| Error::corrupt("orders.currency", &currency))?;
                    report.used = report.used.saturating_add(orders);
                    report.sums.push(PromoSum {
                        discount: Money::new(discount, currency),
                        revenue: Money::new(revenue, currency),
                    });
                }
            }
        }
        Ok(report)
    }
}

fn parts(discount: Discount) -> (Option<i64>, Option<Money>) {
    match discount {
        Discount::Percent { basis_points } => (Some(i64::from(basis_points.value())), None),
        Discount::Sum { amount } => (None, Some(amount)),
    }
}
