//! The catalogue: products with everything an order and a receipt need, packages of months, personal discounts.

use domain::ids::{ClientId, Id, ProductId};
use domain::language::Localized;
use domain::money::{BasisPoints, Currency, Money};
use domain::order::{Grant, PaymentMode, PaymentSubject, TaxTreatment, Vat};
use domain::time::Timestamp;
use sqlx::AssertSqlSafe;

use crate::dialect::{execute, row, rows};
use crate::orders::{grants_text, parse_grants};
use crate::{Error, PageOf, PageRequest, Result, Tx};

/// A product as it is sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    pub id: ProductId,
    pub code: String,
    pub title: Localized,
    pub description: Localized,
    /// What exactly is given, and when: the offer needs it.
    pub delivery: Localized,
    pub grants: Vec<Grant>,
    pub price: Money,
    /// Also offered as an addition to other orders; sold on its own all the same.
    pub is_addon: bool,
    /// Sold by the month: the price is a month's.
    pub is_monthly: bool,
    pub tax: TaxTreatment,
    pub active_from: Option<Timestamp>,
    /// Up to, but not including, this instant.
    pub active_to: Option<Timestamp>,
    pub position: i64,
    pub archived_at: Option<Timestamp>,
    /// Months and their discount, the fewest first.
    pub packages: Vec<(u32, BasisPoints)>,
    pub version: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientDiscount {
    pub basis_points: BasisPoints,
    pub note: Option<String>,
    pub ends_at: Option<Timestamp>,
    /// 0 before the first one is saved.
    pub version: i64,
}

#[derive(sqlx::FromRow)]
struct ItemRow {
    id: String,
    code: String,
    title_ru: String,
    title_en: String,
    description_ru: String,
    description_en: String,
    delivery_ru: String,
    delivery_en: String,
    grants: String,
    price_minor: i64,
    currency: String,
    is_addon: i64,
    is_monthly: i64,
    vat: String,
    payment_subject: String,
    payment_mode: String,
    active_from_ms: Option<i64>,
    active_to_ms: Option<i64>,
    position: i64,
    archived_at_ms: Option<i64>,
    version: i64,
}

const SELECT: &str = "SELECT id, code, title_ru, title_en, description_ru, description_en, delivery_ru, delivery_en, grants, price_minor, \
     currency, is_addon, is_monthly, vat, payment_subject, payment_mode, active_from_ms, active_to_ms, position, archived_at_ms, version \
     FROM products WHERE tenant_id = $1";
const NOTE: &str = "client_discounts.note";

impl Product {
    /// Whether it can be bought at `now`.
    pub fn is_on_sale(&self, now: Timestamp) -> bool {
        self.archived_at.is_none()
            && self.active_from.is_none_or(|from| from <= now)
            && self.active_to.is_none_or(|to| now < to)
    }

    /// The discount for so many months at once: the largest package that is not more than that.
    pub fn months_discount(&self, months: u32) -> Option<BasisPoints> {
        self.packages
            .iter()
            .filter(|(least, _)| *least <= months)
            .max_by_key(|(least, _)| *least)
            .map(|(_, share)| *share)
    }
}

impl TryFrom<ItemRow> for Product {
    type Error = Error;

    fn try_from(row: ItemRow) -> Result<Self> {
        let corrupt = |place| Error::corrupt(place, &row.id);
        let currency = Currency::parse(&row.currency).ok_or_else(|| corrupt("products.currency"))?;
        Ok(Self {
            id: ProductId::parse(&row.id).ok_or_else(|| corrupt("products.id"))?,
            grants: parse_grants(&row.grants).ok_or_else(|| corrupt("products.grants"))?,
            tax: TaxTreatment {
                vat: Vat::parse(&row.vat).ok_or_else(|| corrupt("products.vat"))?,
                subject: PaymentSubject::parse(&row.payment_subject)
                    .ok_or_else(|| corrupt("products.payment_subject"))?,
                mode: PaymentMode::parse(&row.payment_mode).ok_or_else(|| corrupt("products.payment_mode"))?,
            },
            price: Money::new(row.price_minor, currency),
            code: row.code,
            title: Localized::new(row.title_ru, row.title_en),
            description: Localized::new(row.description_ru, row.description_en),
            delivery: Localized::new(row.delivery_ru, row.delivery_en),
            is_addon: row.is_addon != 0,
            is_monthly: row.is_monthly != 0,
            active_from: row.active_from_ms.map(Timestamp::from_millis),
            active_to: row.active_to_ms.map(Timestamp::from_millis),
            position: row.position,
            archived_at: row.archived_at_ms.map(Timestamp::from_millis),
            packages: Vec::new(),
            version: row.version,
        })
    }
}

impl Tx {
    /// Everything that is not archived, in order.
    pub async fn products(&mut self) -> Result<Vec<Product>> {
        let sql = format!("{SELECT} AND archived_at_ms IS NULL ORDER BY position, id");
        let mut items = rows!(self, ItemRow, AssertSqlSafe(sql.as_str()), self.tenant.as_ref())?
            .into_iter()
            .map(Product::try_from)
            .collect::<Result<Vec<_>>>()?;
        self.add_packages(&mut items).await?;
        Ok(items)
    }

    /// A catalogue is small: all packages are read at once.
    async fn add_packages(&mut self, items: &mut [Product]) -> Result<()> {
        const PACKAGES: &str =
            "SELECT product_id, months, basis_points FROM product_packages WHERE tenant_id = $1 ORDER BY months";
        for (product, months, share) in rows!(self, (String, i64, i64), PACKAGES, self.tenant.as_ref())? {
            let package = package(&product, months, share)?;
            if let Some(item) = items.iter_mut().find(|item| item.id.as_str() == product) {
                item.packages.push(package);
            }
        }
        Ok(())
    }

    pub async fn find_product(&mut self, id: &ProductId) -> Result<Option<Product>> {
        const PACKAGES: &str = "SELECT months, basis_points FROM product_packages WHERE tenant_id = $1 AND product_id = $2 ORDER BY months";
        let sql = format!("{SELECT} AND id = $2");
        let Some(found) = row!(
            self,
            ItemRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            id.as_str()
        )?
        else {
            return Ok(None);
        };
        let mut item = Product::try_from(found)?;
        for (months, share) in rows!(self, (i64, i64), PACKAGES, self.tenant.as_ref(), id.as_str())? {
            item.packages.push(package(id.as_str(), months, share)?);
        }
        Ok(Some(item))
    }

    /// Newest first, archived ones too.
    pub async fn list_products(&mut self, page: &PageRequest) -> Result<PageOf<Product>> {
        let found: Vec<ItemRow> = self.newest(SELECT, &[], "id", page).await?;
        let mut items = found.into_iter().map(Product::try_from).collect::<Result<Vec<_>>>()?;
        self.add_packages(&mut items).await?;
        Ok(PageOf::cut(items, page, |item| item.id.to_string()))
    }

    /// Saves a product with its packages: a new one at version 0, a known one at its current version.
    ///
    /// Returns false when the code is taken. Errors: [`Error::VersionConflict`] when the version is no longer current.
    pub async fn save_product(&mut self, item: &Product) -> Result<bool> {
        const INSERT: &str = "INSERT INTO products (id, tenant_id, code, title_ru, title_en, description_ru, description_en, price_minor, \
             currency, position, archived_at_ms, delivery_ru, delivery_en, grants, is_addon, is_monthly, vat, payment_subject, \
             payment_mode, active_from_ms, active_to_ms, version) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, 1) \
             ON CONFLICT (tenant_id, code) DO NOTHING";
        const UPDATE: &str = "UPDATE products SET title_ru = $1, title_en = $2, description_ru = $3, description_en = $4, price_minor = $5, \
             currency = $6, position = $7, archived_at_ms = $8, delivery_ru = $9, delivery_en = $10, grants = $11, is_addon = $12, \
             is_monthly = $13, vat = $14, payment_subject = $15, payment_mode = $16, active_from_ms = $17, active_to_ms = $18, \
             version = version + 1 WHERE tenant_id = $19 AND id = $20 AND version = $21";
        if item.version == 0 {
            let inserted = execute!(
                self,
                INSERT,
                item.id.as_str(),
                self.tenant.as_ref(),
                &item.code,
                &item.title.ru,
                &item.title.en,
                &item.description.ru,
                &item.description.en,
                item.price.minor,
                item.price.currency.code(),
                item.position,
                item.archived_at.map(Timestamp::millis),
                &item.delivery.ru,
                &item.delivery.en,
                grants_text(&item.grants),
                i64::from(item.is_addon),
                i64::from(item.is_monthly),
                item.tax.vat.code(),
                item.tax.subject.code(),
                item.tax.mode.code(),
                item.active_from.map(Timestamp::millis),
                item.active_to.map(Timestamp::millis)
            )?;
            if inserted == 0 {
                return Ok(false);
            }
        } else {
            let changed = execute!(
                self,
                UPDATE,
                &item.title.ru,
                &item.title.en,
                &item.description.ru,
                &item.description.en,
                item.price.minor,
                item.price.currency.code(),
                item.position,
                item.archived_at.map(Timestamp::millis),
                &item.delivery.ru,
                &item.delivery.en,
                grants_text(&item.grants),
                i64::from(item.is_addon),
                i64::from(item.is_monthly),
                item.tax.vat.code(),
                item.tax.subject.code(),
                item.tax.mode.code(),
                item.active_from.map(Timestamp::millis),
                item.active_to.map(Timestamp::millis),
                self.tenant.as_ref(),
                item.id.as_str(),
                item.version
            )?;
            if changed == 0 {
                return Err(Error::VersionConflict { what: "product" });
            }
        }
        self.save_packages(item).await?;
        Ok(true)
    }

    async fn save_packages(&mut self, item: &Product) -> Result<()> {
        const CLEAR: &str = "DELETE FROM product_packages WHERE tenant_id = $1 AND product_id = $2";
        const SQL: &str =
            "INSERT INTO product_packages (tenant_id, product_id, months, basis_points) VALUES ($1, $2, $3, $4)";
        execute!(self, CLEAR, self.tenant.as_ref(), item.id.as_str())?;
        for (months, share) in &item.packages {
            execute!(
                self,
                SQL,
                self.tenant.as_ref(),
                item.id.as_str(),
                i64::from(*months),
                i64::from(share.value())
            )?;
        }
        Ok(())
    }

    pub async fn client_discount(&mut self, client: &ClientId) -> Result<Option<ClientDiscount>> {
        const SQL: &str = "SELECT basis_points, note_sealed, ends_at_ms, version FROM client_discounts \
             WHERE tenant_id = $1 AND client_id = $2";
        let found = row!(
            self,
            (i64, Option<Vec<u8>>, Option<i64>, i64),
            SQL,
            self.tenant.as_ref(),
            client.as_str()
        )?;
        let Some((share, note, ends_at, version)) = found else {
            return Ok(None);
        };
        let corrupt = || Error::corrupt("client_discounts.basis_points", client.as_str());
        let note = match note {
            Some(sealed) => Some(self.open_text(NOTE, client.as_str(), &sealed)?),
            None => None,
        };
        Ok(Some(ClientDiscount {
            basis_points: u16::try_from(share)
                .ok()
                .and_then(BasisPoints::new)
                .ok_or_else(corrupt)?,
            note,
            ends_at: ends_at.map(Timestamp::from_millis),
            version,
        }))
    }

    /// Errors: [`Error::VersionConflict`] when `discount.version` is no longer current.
    pub async fn save_client_discount(
        &mut self,
        client: &ClientId,
        discount: &ClientDiscount,
        now: Timestamp,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO client_discounts (tenant_id, client_id, basis_points, note_sealed, ends_at_ms, updated_at_ms, version) \
             VALUES ($1, $2, $3, $4, $5, $6, 1) ON CONFLICT (tenant_id, client_id) DO UPDATE SET basis_points = excluded.basis_points, \
             note_sealed = excluded.note_sealed, ends_at_ms = excluded.ends_at_ms, updated_at_ms = excluded.updated_at_ms, \
             version = client_discounts.version + 1 WHERE client_discounts.version = $7";
        let note = discount
            .note
            .as_deref()
            .map(|note| self.seal(NOTE, client.as_str(), note.as_bytes()))
            .transpose()?;
        let saved = execute!(
            self,
            SQL,
            self.tenant.as_ref(),
            client.as_str(),
            i64::from(discount.basis_points.value()),
            note,
            discount.ends_at.map(Timestamp::millis),
            now.millis(),
            discount.version
        )?;
        if saved == 1 {
            Ok(())
        } else {
            Err(Error::VersionConflict { what: "discount" })
        }
    }

    /// Takes a client's discount away. Returns false when there is none of this version.
    pub async fn delete_client_discount(&mut self, client: &ClientId, version: i64) -> Result<bool> {
        const SQL: &str = "DELETE FROM client_discounts WHERE tenant_id = $1 AND client_id = $2 AND version = $3";
        Ok(execute!(self, SQL, self.tenant.as_ref(), client.as_str(), version)? == 1)
    }
}

fn package(product: &str, months: i64, share: i64) -> Result<(u32, BasisPoints)> {
    let corrupt = || Error::corrupt("product_packages.months", product);
    let months = u32::try_from(months).map_err(|_| corrupt())?;
    let share = u16::try_from(share)
        .ok()
        .and_then(BasisPoints::new)
        .ok_or_else(corrupt)?;
    Ok((months, share))
}
