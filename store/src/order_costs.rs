//! What was spent on an order, noted for the day it is given back.

use domain::ids::{Id, OrderCostId, OrderId};
use domain::money::{Currency, Money};
use domain::time::Timestamp;
use sqlx::AssertSqlSafe;

use crate::dialect::{execute, row, rows};
use crate::{Error, Result, Tx};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderCost {
    pub id: OrderCostId,
    pub order: OrderId,
    pub amount: Money,
    /// What for.
    pub note: String,
    pub actor: String,
    pub created_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct CostRow {
    id: String,
    order_id: String,
    amount_minor: i64,
    currency: String,
    note_sealed: Vec<u8>,
    actor: String,
    created_at_ms: i64,
}

const NOTE: &str = "order_costs.note";
const SELECT: &str = "SELECT id, order_id, amount_minor, currency, note_sealed, actor, created_at_ms FROM order_costs WHERE tenant_id = $1";

impl Tx {
    fn order_cost(&self, row: CostRow) -> Result<OrderCost> {
        let corrupt = |place| Error::corrupt(place, &row.id);
        let currency = Currency::parse(&row.currency).ok_or_else(|| corrupt("order_costs.currency"))?;
        Ok(OrderCost {
            id: OrderCostId::parse(&row.id).ok_or_else(|| corrupt("order_costs.id"))?,
            order: OrderId::parse(&row.order_id).ok_or_else(|| corrupt("order_costs.order_id"))?,
            amount: Money::new(row.amount_minor, currency),
            note: self.open_text(NOTE, &row.id, &row.note_sealed)?,
            actor: row.actor,
            created_at: Timestamp::from_millis(row.created_at_ms),
        })
    }

    pub async fn insert_order_cost(&mut self, new: &OrderCost) -> Result<()> {
        const SQL: &str = "INSERT INTO order_costs (id, tenant_id, order_id, amount_minor, currency, note_sealed, actor, created_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let note = self.seal(NOTE, new.id.as_str(), new.note.as_bytes())?;
        execute!(
            self,
            SQL,
            new.id.as_str(),
            self.tenant.as_ref(),
            new.order.as_str(),
            new.amount.minor,
            new.amount.currency.code(),
            note,
            &new.actor,
            new.created_at.millis()
        )?;
        Ok(())
    }

    /// Oldest first.
    ///
    /// Shapes: the first two hundred; an order has few.
    pub async fn order_costs(&mut self, order: &OrderId) -> Result<Vec<OrderCost>> {
        let sql = format!("{SELECT} AND order_id = $2 ORDER BY id LIMIT 200");
        rows!(
            self,
            CostRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            order.as_str()
        )?
        .into_iter()
        .map(|row| self.order_cost(row))
        .collect()
    }

    pub async fn find_order_cost(&mut self, id: &OrderCostId) -> Result<Option<OrderCost>> {
        let sql = format!("{SELECT} AND id = $2");
        row!(
            self,
            CostRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            id.as_str()
        )?
        .map(|row| self.order_cost(row))
        .transpose()
    }

    /// Returns false when it is gone already.
    pub async fn delete_order_cost(&mut self, id: &OrderCostId) -> Result<bool> {
        const SQL: &str = "DELETE FROM order_costs WHERE tenant_id = $1 AND id = $2";
        Ok(execute!(self, SQL, self.tenant.as_ref(), id.as_str())? == 1)
    }
}
