//! Telegram's last question before it takes money. It waits ten seconds and cancels the payment without an answer, so this
//! goes past every queue, and says no in time when the CRM can't be asked: nothing is charged then.

use std::time::Duration;

use api_types::conversation::PreCheckout;
use teloxide::{
    payloads::{AnswerPreCheckoutQuery, setters::*},
    types::PreCheckoutQuery,
};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::{debug, error, info, warn};

use super::Inner;
use crate::{crm::CrmError, telegram::TelegramError};

/// What is left of Telegram's ten seconds belongs to the answer and to the way here.
const ASK_WITHIN: Duration = Duration::from_millis(5_500);
const ANSWER_WITHIN: Duration = Duration::from_millis(8_500);
/// A CRM that is away for a moment is asked again; one that hangs is not waited for.
const TRY_FOR: Duration = Duration::from_millis(2_500);
const PAUSE: Duration = Duration::from_millis(150);
/// Not documented; longer ones are cut by Telegram's own windows.
const MAX_REASON: usize = 255;

impl Inner {
    pub(super) async fn answer_pre_checkout(&self, query: PreCheckoutQuery) {
        let began = Instant::now();
        let asked = PreCheckout {
            payer: query.from.id.to_string(),
            language_code: query.from.language_code.clone(),
            payload: query.invoice_payload,
            currency: query.currency,
            amount_minor: query.total_amount.into(),
        };
        let verdict = match timeout_at(began + ASK_WITHIN, self.ask(&asked)).await {
            Ok(verdict) => verdict,
            Err(_) => {
                warn!(
                    payload = asked.payload,
                    "the CRM has no word on a payment in time: it is refused"
                );
                Err(sorry(asked.language_code.as_deref()).to_owned())
            }
        };
        let mut payload = AnswerPreCheckoutQuery::new(query.id, verdict.is_ok());
        if let Err(reason) = &verdict {
            payload = payload.error_message(reason.chars().take(MAX_REASON).collect::<String>());
        }
        let tell = async {
            // Answering twice is the same as once.
            loop {
                let told = timeout(TRY_FOR, self.telegram.call::<_, bool>(&payload)).await;
                match told {
                    Ok(Ok(_)) => return Ok(()),
                    Ok(Err(error @ TelegramError::Refused { .. })) => return Err(error),
                    Ok(Err(TelegramError::TooMany { retry_after })) => sleep(retry_after).await,
                    Ok(Err(_)) | Err(_) => sleep(PAUSE).await,
                }
            }
        };
        match timeout_at(began + ANSWER_WITHIN, tell).await {
            Ok(Ok(())) => info!(
                payload = asked.payload,
                may_pay = verdict.is_ok(),
                duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
                "a payment was let through or refused"
            ),
            // One that waited while the bot was away: Telegram has given up on it.
            Ok(Err(error)) => debug!(%error, "a question before a payment came too late"),
            Err(_) => error!(
                payload = asked.payload,
                "Telegram did not hear the answer about a payment in time"
            ),
        }
    }

    /// `Err` holds why not, in the payer's language. Tries until it is told; whoever calls sets the limit.
    async fn ask(&self, asked: &PreCheckout) -> Result<(), String> {
        loop {
            match timeout(TRY_FOR, self.crm.pre_checkout(asked)).await {
                Ok(Ok(reply)) if reply.may_pay => return Ok(()),
                Ok(Ok(reply)) => {
                    let usual = || sorry(asked.language_code.as_deref()).to_owned();
                    return Err(reply.reason.filter(|reason| !reason.is_empty()).unwrap_or_else(usual));
                }
                Ok(Err(CrmError::Refused { status, code })) => {
                    error!(status, code, "the CRM refuses a question before a payment");
                    return Err(sorry(asked.language_code.as_deref()).to_owned());
                }
                Ok(Err(_)) | Err(_) => sleep(PAUSE).await,
            }
        }
    }
}

/// The only words of the bot's own: the CRM, which has all others, can't be asked.
fn sorry(language_code: Option<&str>) -> &'static str {
    if language_code.is_none_or(|code| code.to_ascii_lowercase().starts_with("ru")) {
        "Не получилось проверить заказ. Деньги не списаны — попробуйте ещё раз через минуту."
    } else {
        "The order could not be checked. You were not charged — please try again in a minute."
    }
}
