//! Bills that are paid inside Telegram: where each was sent, who paid it, and under which ids.

use domain::ids::{Id, OrderId, PaymentId};
use domain::time::Timestamp;

use crate::dialect::{execute, row, scalar};
use crate::{Error, Result, Tx};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelegramInvoice {
    pub payment: PaymentId,
    /// The chat the bill was sent to.
    pub address: String,
    /// Its newest message there; `None` until a bot has told.
    pub message_ref: Option<String>,
    /// The account that paid: Stars go back to it. `None` until then.
    pub payer: Option<String>,
    /// The id under which the bank behind Telegram knows the payment.
    pub provider_charge: Option<String>,
}

impl Tx {
    /// Writes where a payment's bill goes. A second one for the same payment changes nothing.
    pub async fn insert_telegram_invoice(&mut self, payment: &PaymentId, address: &str, now: Timestamp) -> Result<()> {
        const SQL: &str = "INSERT INTO telegram_invoices (payment_id, tenant_id, address, created_at_ms) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (payment_id) DO NOTHING";
        execute!(self, SQL, payment.as_str(), self.tenant.as_ref(), address, now.millis())?;
        Ok(())
    }

    pub async fn telegram_invoice(&mut self, payment: &PaymentId) -> Result<Option<TelegramInvoice>> {
        const SQL: &str = "SELECT payment_id, address, message_ref, payer, provider_charge_id FROM telegram_invoices \
             WHERE tenant_id = $1 AND payment_id = $2";
        row!(
            self,
            (String, String, Option<String>, Option<String>, Option<String>),
            SQL,
            self.tenant.as_ref(),
            payment.as_str()
        )?
        .map(|(payment, address, message_ref, payer, provider_charge)| {
            Ok(TelegramInvoice {
                payment: PaymentId::parse(&payment)
                    .ok_or_else(|| Error::corrupt("telegram_invoices.payment_id", &payment))?,
                address,
                message_ref,
                payer,
                provider_charge,
            })
        })
        .transpose()
    }

    /// The bill stands in its chat.
    pub async fn telegram_invoice_sent(&mut self, payment: &PaymentId, message_ref: &str) -> Result<()> {
        const SQL: &str = "UPDATE telegram_invoices SET message_ref = $1 WHERE tenant_id = $2 AND payment_id = $3";
        execute!(self, SQL, message_ref, self.tenant.as_ref(), payment.as_str())?;
        Ok(())
    }

    /// Who paid it. What was known first stays.
    pub async fn telegram_invoice_paid(
        &mut self,
        payment: &PaymentId,
        payer: &str,
        provider_charge: &str,
    ) -> Result<()> {
        const SQL: &str = "UPDATE telegram_invoices SET payer = $1, provider_charge_id = $2 \
             WHERE tenant_id = $3 AND payment_id = $4 AND payer IS NULL";
        execute!(
            self,
            SQL,
            payer,
            provider_charge,
            self.tenant.as_ref(),
            payment.as_str()
        )?;
        Ok(())
    }

    /// A payment without a link of its own: the messenger shows it to the payer. Returns false when it is further already.
    pub async fn await_payment(&mut self, id: &PaymentId, expires_at: Timestamp) -> Result<bool> {
        const SQL: &str = "UPDATE payments SET status = 'pending', link_expires_at_ms = $1, version = version + 1 \
             WHERE tenant_id = $2 AND id = $3 AND status = 'creating'";
        let changed = execute!(self, SQL, expires_at.millis(), self.tenant.as_ref(), id.as_str())?;
        Ok(changed == 1)
    }

    /// Whether an order's use of its promo code is still its own. True for an order without one.
    pub async fn holds_promo(&mut self, order: &OrderId) -> Result<bool> {
        const SQL: &str = "SELECT state FROM promo_code_usages WHERE tenant_id = $1 AND order_id = $2";
        let state = scalar!(self, String, SQL, self.tenant.as_ref(), order.as_str())?;
        Ok(state.is_none_or(|state| state != "released"))
    }
}
