//! Bills into chats, and Stars back to people.

use api_types::conversation::{GiveBack, Invoice, Outcome};
use teloxide::{
    payloads::{RefundStarPayment, SendInvoice, setters::*},
    types::{InlineKeyboardMarkup, LabeledPrice, TelegramTransactionId, UserId},
};
use tracing::info;

use super::{
    Inner,
    outcome::{Verdict, retry_after, verdict},
    write::{Aim, fate, rejected},
};
use crate::telegram::{SentMessage, TelegramError};

/// Forwarded copies lead to the bot instead of letting strangers pay somebody's bill.
const START_PARAMETER: &str = "bill";

impl Inner {
    pub(super) async fn send_invoice(
        &self,
        invoice: &Invoice,
        markup: &InlineKeyboardMarkup,
        aim: Aim,
    ) -> Result<SentMessage, Outcome> {
        let Ok(amount) = u32::try_from(invoice.amount_minor) else {
            return Err(rejected("the amount of a bill is none of Telegram's"));
        };
        let price = LabeledPrice {
            label: invoice.title.clone(),
            amount,
        };
        let mut payload = SendInvoice::new(
            aim.chat,
            &invoice.title,
            &invoice.description,
            &invoice.payload,
            &invoice.currency,
            [price],
        )
        .start_parameter(START_PARAMETER)
        // Bills in Stars have an empty one, and have to say so.
        .provider_token(invoice.provider_token.clone().unwrap_or_default())
        .reply_markup(markup.clone());
        if let Some(data) = &invoice.provider_data {
            payload = payload.provider_data(data);
        }
        if invoice.needs_email {
            payload = payload.need_email(true).send_email_to_provider(true);
        }
        self.write(aim, || self.telegram.call(&payload)).await.map_err(fate)
    }

    /// Asked for twice it is done once: Telegram says so, and that is success.
    pub(super) async fn give_back(&self, back: &GiveBack, attempt: u32) -> Outcome {
        let Ok(payer) = back.payer.parse() else {
            return rejected("the payer is none of Telegram's accounts");
        };
        let charge = TelegramTransactionId(back.charge.clone());
        let payload = RefundStarPayment::new(UserId(payer), charge);
        let done = Outcome::Sent {
            message_ref: back.charge.clone(),
            external_file_id: None,
            album_file_ids: Vec::new(),
        };
        match self.telegram.call::<_, bool>(&payload).await {
            Ok(_) => {
                info!(charge = back.charge, "Stars went back");
                done
            }
            Err(TelegramError::Refused { code: 400, description })
                if description.to_uppercase().contains("CHARGE_ALREADY_REFUNDED") =>
            {
                done
            }
            Err(error) => failed(&error, attempt),
        }
    }
}

/// What a call that shows nobody anything has come to.
pub(super) fn failed(error: &TelegramError, attempt: u32) -> Outcome {
    match verdict(error, attempt) {
        Verdict::Wait(pause) => retry_after(pause, "Telegram asks to wait"),
        // Nobody is blocked by that: the call is refused.
        Verdict::Final(Outcome::Unreachable { reason }) => rejected(&reason),
        Verdict::Final(outcome) => outcome,
        Verdict::NotModified | Verdict::CannotEdit | Verdict::FileRefused => rejected(&error.to_string()),
    }
}
