//! What is sold.

use domain::ids::{Id, ProductId};
use domain::language::Localized;
use domain::money::{Currency, Money};

use crate::dialect::{execute, rows};
use crate::{Error, Result, Tx};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    pub id: ProductId,
    pub code: String,
    pub title: Localized,
    pub description: Localized,
    pub price: Money,
    pub position: i64,
}

#[derive(sqlx::FromRow)]
struct ProductRow {
    id: String,
    code: String,
    title_ru: String,
    title_en: String,
    description_ru: String,
    description_en: String,
    price_minor: i64,
    currency: String,
    position: i64,
}

impl Tx {
    /// What is on sale, in order.
    pub async fn products(&mut self) -> Result<Vec<Product>> {
        const SQL: &str = "SELECT id, code, title_ru, title_en, description_ru, description_en, price_minor, currency, position \
             FROM products WHERE tenant_id = $1 AND archived_at_ms IS NULL ORDER BY position, id";
        rows!(self, ProductRow, SQL, self.tenant.as_ref())?
            .into_iter()
            .map(|row| {
                let corrupt = |place| Error::corrupt(place, &row.id);
                Ok(Product {
                    id: ProductId::parse(&row.id).ok_or_else(|| corrupt("products.id"))?,
                    price: Money::new(
                        row.price_minor,
                        Currency::parse(&row.currency).ok_or_else(|| corrupt("products.currency"))?,
                    ),
                    code: row.code,
                    title: Localized::new(row.title_ru, row.title_en),
                    description: Localized::new(row.description_ru, row.description_en),
                    position: row.position,
                })
            })
            .collect()
    }

    /// Returns false when the code is taken.
    pub async fn insert_product(&mut self, product: &Product) -> Result<bool> {
        const SQL: &str = "INSERT INTO products (id, tenant_id, code, title_ru, title_en, description_ru, description_en, price_minor, currency, position) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (tenant_id, code) DO NOTHING";
        let inserted = execute!(
            self,
            SQL,
            product.id.as_str(),
            self.tenant.as_ref(),
            &product.code,
            &product.title.ru,
            &product.title.en,
            &product.description.ru,
            &product.description.en,
            product.price.minor,
            product.price.currency.code(),
            product.position
        )?;
        Ok(inserted == 1)
    }
}
