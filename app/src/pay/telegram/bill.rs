//! A bill into a client's chat, written in the turn that asks for it: nothing has to be asked of anybody.

use domain::content::{Button, Content, rich};
use domain::dialogue::Facts;
use domain::dialogue::actions::Action;
use domain::dialogue::bill::{Bill, bill};
use domain::dialogue::purchase::Step;
use domain::ids::PaymentId;
use domain::language::Language;
use domain::money::Money;
use domain::payment::{Decline, PaymentStatus};
use domain::pipeline::Trigger;
use domain::texts::Texts;
use providers::payments::yookassa;
use serde_json::json;
use store::{Client, NewPayment, Order, Payment, Tx};

use super::{BILL, CARD, STARS};
use crate::caller::Caller;
use crate::context::App;
use crate::converse::advance_stage;
use crate::deliver::{Letter, queue};
use crate::error::{Error, Result};
use crate::pay::ask::{self, About, Matter};
use crate::pay::open::{not_payable, under_way};
use crate::pay::{follow, messages, receipt, tell};
use crate::settings;
use crate::settings::payments::PaymentSettings;
use crate::settings::telegram::{Bank, TelegramPayments};
use crate::work::Task;

/// Presses on the same button within this time are one wish.
const ONE_WISH_MS: i64 = 10_000;

/// The ways to pay inside Telegram that an order has: code and label.
pub(crate) fn ways(
    settings: &TelegramPayments,
    price: Money,
    texts: &Texts,
    language: Language,
) -> Vec<(&'static str, String)> {
    let mut ways = Vec::new();
    if let Some(stars) = settings.in_stars(price) {
        ways.push((STARS, texts.way_stars.replace("{sum}", &stars.format(language))));
    }
    if settings.takes_cards() && u32::try_from(price.minor).is_ok() {
        ways.push((CARD, texts.way_telegram.clone()));
    }
    ways
}

fn amount(settings: &TelegramPayments, code: &str, price: Money) -> Option<Money> {
    match code {
        STARS => settings.in_stars(price),
        CARD if settings.takes_cards() => Some(price),
        _ => None,
    }
}

/// A bill and whom it goes to.
pub(crate) struct Wish<'a> {
    pub order: &'a Order,
    pub client: &'a Client,
    /// The chat that asks.
    pub address: &'a str,
    /// [`STARS`] or [`CARD`].
    pub code: &'a str,
    /// The message whose button was pressed.
    pub pressed: Option<&'a str>,
    pub has_other_way: bool,
}

/// Opens the order's payment inside Telegram, or finds the one that is open, and queues its bill.
///
/// As everywhere, an order has one live payment: choosing this way closes another one.
/// Errors: conflicts `order_not_payable`, `way_closed`, `payment_under_way`.
pub(crate) async fn write(app: &App, tx: &mut Tx, caller: &Caller, facts: &Facts<'_>, wish: &Wish<'_>) -> Result<()> {
    let now = app.now();
    let telegram = TelegramPayments::load(tx).await?;
    let payments = PaymentSettings::load(tx).await?;
    let order = tx
        .lock_order(&wish.order.id)
        .await?
        .ok_or(Error::NotFound { what: "order" })?;
    if !order.status.is_payable() || now >= order.expires_at {
        return Err(not_payable());
    }
    let amount = amount(&telegram, wish.code, order.total)
        .ok_or_else(|| Error::conflict("way_closed", "money is not taken this way now"))?;
    let live = tx.live_payment_of(&order.id).await?;
    let payment = match live {
        Some(live) if live.provider == wish.code => live,
        live => {
            if let Some(other) = &live {
                follow::call_off(app, tx, &other.id, "replaced", &caller.request_id).await?;
            }
            let opened = open(app, tx, caller, wish, &order, amount, &telegram).await?;
            if live.is_some() {
                let guide = settings::guide_in(app, tx).await?;
                messages::refresh(app, tx, &guide, &order, wish.pressed, &caller.request_id).await?;
            }
            opened
        }
    };
    let lines = tx.order_lines(&order).await?;
    let with_bank = wish.code == CARD && telegram.bank == Bank::Yookassa;
    let data = if with_bank {
        receipt(&payments, &order, &lines, payment.amount, |line| line.total)
            .map(|receipt| yookassa::bot_receipt(&receipt, telegram.tax_system).to_string())
    } else {
        None
    };
    let content = bill(
        facts,
        &Bill {
            payment: &payment.id,
            order: &order.id,
            what: &tell::titles(&lines, facts.language),
            price: order.total,
            amount: payment.amount,
            provider_data: data.as_deref(),
            needs_email: data.is_some(),
            has_other_way: wish.has_other_way,
        },
    );
    let mut letter = Letter::new(wish.address, Some(wish.client.id.clone()), BILL, content);
    let time = now.millis() / ONE_WISH_MS;
    letter.dedupe_key = Some(format!(
        "{BILL}:{}:{}:{time}",
        payment.id,
        wish.pressed.unwrap_or_default()
    ));
    queue(app, tx, letter, &caller.request_id).await?;
    Ok(())
}

async fn open(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    wish: &Wish<'_>,
    order: &Order,
    amount: Money,
    telegram: &TelegramPayments,
) -> Result<Payment> {
    let now = app.now();
    let id: PaymentId = app.new_id();
    let new = NewPayment {
        id: id.clone(),
        order: order.id.clone(),
        client: order.client.clone(),
        provider: wish.code.to_owned(),
        amount,
        is_test: wish.code == CARD && telegram.is_test(),
        actor: caller.actor.to_string(),
        note: None,
        // There is nobody to ask: Telegram tells.
        next_poll_at: None,
        now,
    };
    if !tx.insert_payment(&new).await? {
        return Err(under_way());
    }
    tx.await_payment(&id, order.expires_at).await?;
    tx.insert_telegram_invoice(&id, wish.address, now).await?;
    advance_stage(app, tx, wish.client, Trigger::PaymentInitiated, &caller.request_id).await?;
    let details = json!({ "payment_id": id, "order_id": order.id, "provider": wish.code, "amount": amount });
    tell::note(
        app,
        tx,
        &order.client,
        "payment.started",
        &caller.actor.to_string(),
        details,
    )
    .await?;
    tx.find_payment(&id).await?.ok_or(Error::NotFound { what: "payment" })
}

/// Telegram or its bank does not take the bill: the payment is closed, the client gets another way, the owner the reason.
pub(super) async fn refused(app: &App, task: &Task, id: &PaymentId, reason: &str) -> Result<()> {
    let guide = settings::guide(app, &task.tenant).await?;
    let missing = || Error::NotFound { what: "payment" };
    let mut tx = app.tenant(&task.tenant).write().await?;
    let found = tx.find_payment(id).await?.ok_or_else(missing)?;
    let order = tx.lock_order(&found.order).await?.ok_or_else(missing)?;
    let payment = tx.lock_payment(id).await?.ok_or_else(missing)?;
    let decline = Decline::called_off("bill_refused");
    // Paid all the same, through an earlier bill.
    if !tx
        .close_payment(id, PaymentStatus::Canceled, Some(&decline), app.now())
        .await?
    {
        return Ok(());
    }
    let about = About {
        order: Some(&order),
        payment: Some(&payment),
        refund: None,
    };
    let facts = json!({ "provider": payment.provider, "reason": reason, "amount": payment.amount });
    // One task a reason, not one a client who tried.
    let key = format!("{}:{reason}", payment.provider);
    ask::person(
        app,
        &mut tx,
        &guide,
        Matter::Misconfigured,
        &key,
        about,
        &facts,
        &task.request_id,
    )
    .await?;
    if let Some(client) = tx.find_client(&payment.client).await? {
        let again = Action::Purchase(Step::Link(order.id.clone())).to_string();
        let key = messages::key(&order.id, &format!("bill-refused:{id}"));
        tell::client(app, &mut tx, &client, key, &task.request_id, |language| {
            let texts = guide.texts(language);
            Content::text(rich(&texts.link_failed, &[]))
                .with_row(vec![Button::action(&texts.button_link_again, again.clone())])
        })
        .await?;
    }
    tx.commit().await?;
    app.wake_deliveries();
    Ok(())
}
