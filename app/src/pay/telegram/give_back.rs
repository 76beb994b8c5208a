//! Money goes back the way it came: Stars by the bot, a card's money by a person in the bank's own account.

use domain::content::{Content, GiveBack};
use domain::ids::{Id, RefundId, RequestId, TenantId};
use providers::payments::{RefundSeen, RefundState};
use serde_json::json;
use store::{Order, Payment, Refund};

use super::{GIVE_BACK, STARS};
use crate::context::App;
use crate::deliver::{Letter, queue};
use crate::error::Result;
use crate::pay::ask::{self, About, Matter};
use crate::pay::refund;
use crate::settings;
use crate::work::Task;

/// Deliveries to it are no messages: one blocked chat must not keep anybody's money.
const ADDRESS: &str = "stars:";

/// Sees to it that the money goes back. Safe to repeat: the delivery and the task are made once for each refund.
pub(in crate::pay) async fn request(
    app: &App,
    tenant: &TenantId,
    refund: &Refund,
    payment: &Payment,
    order: &Order,
    request_id: &RequestId,
) -> Result<RefundSeen> {
    let guide = settings::guide(app, tenant).await?;
    let mut tx = app.tenant(tenant).write().await?;
    let invoice = tx.telegram_invoice(&payment.id).await?;
    let payer = invoice.as_ref().and_then(|invoice| invoice.payer.clone());
    match (payment.provider.as_str(), &payment.provider_payment, &payer) {
        (STARS, Some(charge), Some(payer)) => {
            let content = Content {
                give_back: Some(GiveBack {
                    payer: payer.clone(),
                    charge: charge.clone(),
                }),
                ..Content::default()
            };
            let mut letter = Letter::new(&format!("{ADDRESS}{}", refund.id), None, GIVE_BACK, content);
            letter.dedupe_key = Some(format!("{GIVE_BACK}:{}", refund.id));
            queue(app, &mut tx, letter, request_id).await?;
        }
        _ => {
            let about = About {
                order: Some(order),
                payment: Some(payment),
                refund: Some(refund),
            };
            let facts = json!({
                "amount": refund.amount,
                "telegram_charge": payment.provider_payment,
                "bank_charge": invoice.and_then(|invoice| invoice.provider_charge),
                "payer": payer,
            });
            let key = refund.id.as_str();
            ask::person(
                app,
                &mut tx,
                &guide,
                Matter::GiveBackAtBank,
                key,
                about,
                &facts,
                request_id,
            )
            .await?;
        }
    }
    tx.commit().await?;
    app.wake_deliveries();
    Ok(RefundSeen {
        id: payment.provider_payment.clone(),
        state: RefundState::Pending,
    })
}

/// The refund such a delivery is for.
pub(super) fn refund_of(address: &str) -> Option<RefundId> {
    RefundId::parse(address.strip_prefix(ADDRESS)?)
}

/// The bot has told how it went.
pub(super) async fn done(app: &App, task: &Task, id: &RefundId, told: Result<String, String>) -> Result<()> {
    let seen = match told {
        Ok(charge) => RefundSeen {
            id: Some(charge),
            state: RefundState::Succeeded,
        },
        Err(reason) => RefundSeen {
            id: None,
            state: RefundState::Failed { code: reason },
        },
    };
    refund::told(app, &task.tenant, id, &seen, &task.request_id).await?;
    Ok(())
}
