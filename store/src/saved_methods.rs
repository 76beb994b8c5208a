//! Ways to charge a client again, kept on their explicit wish.

use domain::ids::{ClientId, Id, OrderId, PaymentId, SavedMethodId};
use domain::time::Timestamp;
use sqlx::AssertSqlSafe;

use crate::dialect::{execute, row, rows, scalar};
use crate::{Error, Result, Tx};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSavedMethod {
    pub id: SavedMethodId,
    pub client: ClientId,
    pub provider: String,
    /// The provider's own, a secret.
    pub token: String,
    /// What the client recognises: `•••• 4477`.
    pub title: String,
    /// The payment with which the payer agreed.
    pub payment: PaymentId,
    pub now: Timestamp,
}

/// Without the token, which only [`Tx::saved_method_token`] tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedMethod {
    pub id: SavedMethodId,
    pub client: ClientId,
    pub provider: String,
    pub title: String,
    pub payment: PaymentId,
    pub created_at: Timestamp,
    pub forgotten_at: Option<Timestamp>,
    /// Who had it forgotten: an actor.
    pub forgotten_by: Option<String>,
}

#[derive(sqlx::FromRow)]
struct MethodRow {
    id: String,
    client_id: String,
    provider: String,
    title: String,
    payment_id: String,
    created_at_ms: i64,
    forgotten_at_ms: Option<i64>,
    forgotten_by: Option<String>,
}

const TOKEN: &str = "saved_methods.token";
const SELECT: &str = "SELECT id, client_id, provider, title, payment_id, created_at_ms, forgotten_at_ms, forgotten_by \
     FROM saved_methods WHERE tenant_id = $1";

fn method(row: MethodRow) -> Result<SavedMethod> {
    let corrupt = |place| Error::corrupt(place, &row.id);
    Ok(SavedMethod {
        id: SavedMethodId::parse(&row.id).ok_or_else(|| corrupt("saved_methods.id"))?,
        client: ClientId::parse(&row.client_id).ok_or_else(|| corrupt("saved_methods.client_id"))?,
        payment: PaymentId::parse(&row.payment_id).ok_or_else(|| corrupt("saved_methods.payment_id"))?,
        provider: row.provider,
        title: row.title,
        created_at: Timestamp::from_millis(row.created_at_ms),
        forgotten_at: row.forgotten_at_ms.map(Timestamp::from_millis),
        forgotten_by: row.forgotten_by,
    })
}

impl Tx {
    /// Returns false when the payment brought one already.
    pub async fn insert_saved_method(&mut self, new: &NewSavedMethod) -> Result<bool> {
        const SQL: &str = "INSERT INTO saved_methods (id, tenant_id, client_id, provider, token_sealed, title, payment_id, created_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
        let token = self.seal(TOKEN, new.id.as_str(), new.token.as_bytes())?;
        let inserted = execute!(
            self,
            SQL,
            new.id.as_str(),
            self.tenant.as_ref(),
            new.client.as_str(),
            &new.provider,
            token,
            &new.title,
            new.payment.as_str(),
            new.now.millis()
        )?;
        Ok(inserted == 1)
    }

    pub async fn find_saved_method(&mut self, id: &SavedMethodId) -> Result<Option<SavedMethod>> {
        let sql = format!("{SELECT} AND id = $2");
        row!(
            self,
            MethodRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            id.as_str()
        )?
        .map(method)
        .transpose()
    }

    /// A client's methods, newest first; those that were forgotten as well, as a proof.
    ///
    /// Shapes: the newest hundred; a client has few.
    pub async fn saved_methods_of(&mut self, client: &ClientId) -> Result<Vec<SavedMethod>> {
        let sql = format!("{SELECT} AND client_id = $2 ORDER BY id DESC LIMIT 100");
        rows!(
            self,
            MethodRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            client.as_str()
        )?
        .into_iter()
        .map(method)
        .collect()
    }

    /// The secret of a method; `None` when it was forgotten.
    pub async fn saved_method_token(&mut self, id: &SavedMethodId) -> Result<Option<String>> {
        const SQL: &str = "SELECT token_sealed FROM saved_methods WHERE tenant_id = $1 AND id = $2 \
             AND forgotten_at_ms IS NULL AND token_sealed IS NOT NULL";
        row!(self, (Vec<u8>,), SQL, self.tenant.as_ref(), id.as_str())?
            .map(|(sealed,)| self.open_text(TOKEN, id.as_str(), &sealed))
            .transpose()
    }

    /// Erases the token; the row stays as the proof. Returns false when it was forgotten before.
    pub async fn forget_saved_method(&mut self, id: &SavedMethodId, by: &str, now: Timestamp) -> Result<bool> {
        const SQL: &str = "UPDATE saved_methods SET token_sealed = NULL, forgotten_at_ms = $1, forgotten_by = $2 \
             WHERE tenant_id = $3 AND id = $4 AND forgotten_at_ms IS NULL";
        Ok(execute!(self, SQL, now.millis(), by, self.tenant.as_ref(), id.as_str())? == 1)
    }

    /// Whether the payer of an order wants their method kept, as they ticked it last.
    pub async fn wish_saved_method(&mut self, order: &OrderId, wish: bool) -> Result<()> {
        const SQL: &str =
            "UPDATE orders SET wants_saved_method = $1 WHERE tenant_id = $2 AND id = $3 AND wants_saved_method <> $1";
        execute!(self, SQL, i64::from(wish), self.tenant.as_ref(), order.as_str())?;
        Ok(())
    }

    pub async fn wants_saved_method(&mut self, order: &OrderId) -> Result<bool> {
        const SQL: &str = "SELECT wants_saved_method FROM orders WHERE tenant_id = $1 AND id = $2";
        Ok(scalar!(self, i64, SQL, self.tenant.as_ref(), order.as_str())?.is_some_and(|wish| wish != 0))
    }

    /// Says that a payment is a charge of this method, before any provider hears of it.
    pub async fn charge_by_method(&mut self, payment: &PaymentId, method: &SavedMethodId) -> Result<bool> {
        const SQL: &str = "UPDATE payments SET saved_method_id = $1 WHERE tenant_id = $2 AND id = $3 AND status = 'creating' \
             AND saved_method_id IS NULL";
        Ok(execute!(self, SQL, method.as_str(), self.tenant.as_ref(), payment.as_str())? == 1)
    }

    /// The method that a payment charges without the payer.
    pub async fn method_of_payment(&mut self, payment: &PaymentId) -> Result<Option<SavedMethodId>> {
        const SQL: &str =
            "SELECT saved_method_id FROM payments WHERE tenant_id = $1 AND id = $2 AND saved_method_id IS NOT NULL";
        row!(self, (String,), SQL, self.tenant.as_ref(), payment.as_str())?
            .map(|(id,)| SavedMethodId::parse(&id).ok_or_else(|| Error::corrupt("payments.saved_method_id", &id)))
            .transpose()
    }
}
