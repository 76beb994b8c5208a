//! What people hear about money: the client in their chat, the trainers in theirs, both in their language.

use domain::content::{Button, Content, rich};
use domain::dialogue::actions::{Action, TrainerAction};
use domain::dialogue::purchase::Step;
use domain::ids::{ClientId, RefundId, RequestId};
use domain::language::Language;
use domain::money::Money;
use domain::order::Grant;
use domain::payment::{Decline, DeclineAdvice};
use serde_json::json;
use store::{Client, Order, OrderLine, Tx};

use crate::context::App;
use crate::converse::called;
use crate::deliver::{Letter, address_of, notify_trainers, queue};
use crate::error::Result;
use crate::mail::letters;
use crate::settings::Guide;
pub(super) use crate::timeline::note;

/// What was bought, as one line.
pub(crate) fn titles(lines: &[OrderLine], language: Language) -> String {
    let titles: Vec<&str> = lines.iter().map(|line| line.title.get(language)).collect();
    titles.join(", ")
}

/// Queues a message to the client, once for its key. Without a chat there is nobody to tell.
pub(super) async fn client(
    app: &App,
    tx: &mut Tx,
    client: &Client,
    key: String,
    request_id: &RequestId,
    content: impl Fn(Language) -> Content,
) -> Result<()> {
    if let Some(conversation) = address_of(tx, &client.id).await? {
        let content = content(conversation.language);
        let mut letter = Letter::new(&conversation.address, Some(client.id.clone()), "payment", content);
        letter.dedupe_key = Some(key);
        queue(app, tx, letter, request_id).await?;
    }
    Ok(())
}

/// Money is in: `sum` of it.
#[expect(clippy::too_many_arguments, reason = "one event's whole context")]
pub(super) async fn paid(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    order: &Order,
    lines: &[OrderLine],
    sum: Money,
    who: &Client,
    request_id: &RequestId,
) -> Result<()> {
    note(
        app,
        tx,
        &who.id,
        "order.paid",
        "system",
        json!({ "order_id": order.id, "total": order.total, "paid": sum }),
    )
    .await?;
    letters::paid(app, tx, order, request_id).await?;
    let key = format!("paid:{}", order.id);
    client(app, tx, who, key, request_id, |language| {
        let sum = sum.format(language);
        let texts = guide.texts(language);
        let mut spans = rich(
            &texts.order_paid,
            &[
                ("name", called(&who.display_name)),
                ("what", &titles(lines, language)),
                ("sum", &sum),
            ],
        );
        // What happens now, as far as it is bought.
        let gives = |wanted: fn(&Grant) -> bool| lines.iter().flat_map(|line| &line.grants).any(wanted);
        let hours = guide.facts.reply_hours.to_string();
        let next = [
            (gives(|grant| *grant == Grant::FullProgram), &texts.order_paid_program),
            (gives(|grant| *grant != Grant::FullProgram), &texts.order_paid_trainer),
        ];
        for (_, text) in next.into_iter().filter(|(is_bought, _)| *is_bought) {
            spans.extend(rich(
                &format!("\n\n{text}"),
                &[("trainer", &guide.facts.trainer), ("hours", &hours)],
            ));
        }
        Content::text(spans)
    })
    .await?;
    let key = format!("paid-notice:{}", order.id);
    notify_trainers(app, tx, Some(&who.id), "notice", Some(&key), request_id, |language| {
        let texts = guide.texts(language);
        Content::text(rich(
            &texts.trainer_paid,
            &[
                ("name", &who.display_name),
                ("what", &titles(lines, language)),
                ("sum", &sum.format(language)),
            ],
        ))
        .with_row(vec![Button::action(
            &texts.button_reply,
            TrainerAction::Reply(who.id.clone()).to_string(),
        )])
    })
    .await?;
    Ok(())
}

/// Money went back: client and trainers hear of it.
#[expect(clippy::too_many_arguments, reason = "one message's whole context")]
pub(super) async fn refunded(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    lines: &[OrderLine],
    refund: &RefundId,
    amount: Money,
    who: &Client,
    request_id: &RequestId,
) -> Result<()> {
    let key = format!("refunded:{refund}");
    client(app, tx, who, key, request_id, |language| {
        Content::text(rich(
            &guide.texts(language).order_refunded,
            &[("name", called(&who.display_name)), ("sum", &amount.format(language))],
        ))
    })
    .await?;
    let key = format!("refunded-notice:{refund}");
    notify_trainers(app, tx, Some(&who.id), "notice", Some(&key), request_id, |language| {
        let texts = guide.texts(language);
        Content::text(rich(
            &texts.trainer_refunded,
            &[
                ("name", &who.display_name),
                ("what", &titles(lines, language)),
                ("sum", &amount.format(language)),
            ],
        ))
        .with_row(vec![Button::action(
            &texts.button_reply,
            TrainerAction::Reply(who.id.clone()).to_string(),
        )])
    })
    .await?;
    Ok(())
}

/// Less came than the order costs: `came` of it, `due` is left.
pub(super) async fn short(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    payment: &store::Payment,
    (came, due): (Money, Money),
    who: &Client,
    request_id: &RequestId,
) -> Result<()> {
    let rest = Action::Purchase(Step::Link(payment.order.clone())).to_string();
    let key = format!("short:{}", payment.id);
    client(app, tx, who, key, request_id, |language| {
        let texts = guide.texts(language);
        Content::text(rich(
            &texts.order_short,
            &[
                ("name", called(&who.display_name)),
                ("sum", &came.format(language)),
                ("rest", &due.format(language)),
            ],
        ))
        .with_row(vec![Button::action(&texts.button_pay_rest, rest.clone())])
    })
    .await
}

/// It did not work: why, and how to try again. A payment that merely ran out is not worth a message.
#[expect(clippy::too_many_arguments, reason = "one message's whole context")]
pub(super) async fn declined(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    order: &Order,
    payment: &store::Payment,
    decline: Option<&Decline>,
    who: &Client,
    request_id: &RequestId,
) -> Result<()> {
    let Some(decline) = decline.filter(|decline| decline.advice != DeclineAdvice::CalledOff) else {
        return Ok(());
    };
    let again = Action::Purchase(Step::Link(order.id.clone())).to_string();
    let key = format!("declined:{}", payment.id);
    client(app, tx, who, key, request_id, |language| {
        let texts = guide.texts(language);
        let advice = match decline.advice {
            DeclineAdvice::TryLater => &texts.decline_try_later,
            DeclineAdvice::CheckCard => &texts.decline_check_card,
            DeclineAdvice::OtherMethod => &texts.decline_other_method,
            DeclineAdvice::TryAgain | DeclineAdvice::CalledOff => &texts.decline_try_again,
        };
        Content::text(rich(
            &texts.payment_declined,
            &[("name", called(&who.display_name)), ("advice", advice)],
        ))
        .with_row(vec![Button::action(&texts.button_pay_again, again.clone())])
    })
    .await
}
