//! Telegram's last question before it takes money. It waits ten seconds in all and cancels without an answer, so this reads
//! what is committed and waits for nobody who writes.

use domain::dialogue::bill;
use domain::ids::{Id, PaymentId};
use domain::language::Language;
use domain::money::{Currency, Money};
use domain::pre_checkout::{self, Bill, Offer, Refusal};
use store::Tx;

use super::{CARD, STARS, is_native};
use crate::caller::Caller;
use crate::context::App;
use crate::deliver::TELEGRAM;
use crate::error::Result;
use crate::settings::{self, telegram::TelegramPayments};

/// What Telegram asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The account that is about to pay.
    pub payer: String,
    /// IETF tag of its interface.
    pub language_code: Option<String>,
    pub payload: String,
    pub currency: String,
    pub amount_minor: i64,
}

/// May this bill be paid now? `None`: yes; otherwise why not, in the payer's language.
pub async fn pre_checkout(app: &App, caller: &Caller, asked: &Question) -> Result<Option<String>> {
    let guide = settings::guide(app, &caller.tenant).await?;
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let (language, verdict) = decide(app, &mut tx, asked).await?;
    let outcome = verdict.err().map_or("may_pay", Refusal::code);
    metrics::counter!("voronka_pre_checkouts_total", "outcome" => outcome).increment(1);
    match verdict {
        Ok(()) => tracing::info!(payload = asked.payload, "a bill may be paid"),
        Err(_) => tracing::warn!(payload = asked.payload, outcome, "a bill may not be paid"),
    }
    Ok(verdict
        .err()
        .map(|refusal| bill::refusal(guide.texts(language), refusal).to_owned()))
}

async fn decide(app: &App, tx: &mut Tx, asked: &Question) -> Result<(Language, Result<(), Refusal>)> {
    let usual = Language::from_ietf(asked.language_code.as_deref().unwrap_or_default());
    let unknown = Ok((usual, Err(Refusal::Unknown)));
    let Some(id) = PaymentId::parse(&asked.payload) else {
        return unknown;
    };
    let (Some(payment), Some(invoice)) = (tx.find_payment(&id).await?, tx.telegram_invoice(&id).await?) else {
        return unknown;
    };
    if !is_native(&payment.provider) {
        return unknown;
    }
    let Some(order) = tx.find_order(&payment.order).await? else {
        return unknown;
    };
    let conversations = tx.conversations_of(&payment.client).await?;
    let language = conversations
        .iter()
        .find(|conversation| conversation.channel == TELEGRAM && conversation.address == asked.payer)
        .map_or(usual, |conversation| conversation.language);
    let settings = TelegramPayments::load(tx).await?;
    let bill = Bill {
        status: payment.status,
        amount: payment.amount,
        order: order.status,
        expires_at: order.expires_at,
        address: &invoice.address,
        is_switched_on: match payment.provider.as_str() {
            STARS => settings.stars,
            CARD => settings.takes_cards(),
            _ => false,
        },
        holds_promo: tx.holds_promo(&order.id).await?,
    };
    let amount = Currency::parse(&asked.currency).map(|currency| Money::new(asked.amount_minor, currency));
    let offer = Offer {
        payer: &asked.payer,
        amount,
    };
    Ok((language, pre_checkout::check(&bill, &offer, app.now())))
}
