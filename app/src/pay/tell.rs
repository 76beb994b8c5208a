//! What people hear about money: the client in their chat, the trainers in theirs, both in their language.

use domain::content::{Button, Content, rich};
use domain::dialogue::actions::{Action, TrainerAction};
use domain::dialogue::purchase::Step;
use domain::ids::{OrderId, RefundId, RequestId};
use domain::language::Language;
use domain::money::{Currency, Money};
use domain::order::Grant;
use domain::payment::{Decline, DeclineAdvice};
use serde_json::json;
use store::{Client, Order, OrderLine, Tx};

use super::checkout::{self, ProgramState};
use super::messages;
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
        let mut letter = Letter::new(&conversation.address, Some(client.id.clone()), messages::KIND, content);
        letter.dedupe_key = Some(key);
        queue(app, tx, letter, request_id).await?;
    }
    Ok(())
}

/// The key of the one message that asks the buyer of a programme for the answers it is made from.
pub(super) fn answers_needed(order: &OrderId) -> String {
    format!("answers-needed:{order}")
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
    let ahead = checkout::program_ahead(tx, &who.id, lines).await?;
    // Asked for once, also when the order is given later.
    let key = match ahead {
        ProgramState::NeedsAnswers => answers_needed(&order.id),
        _ => format!("paid:{}", order.id),
    };
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
        let hours = guide.facts.reply_hours.to_string();
        let has_person = lines
            .iter()
            .flat_map(|line| &line.grants)
            .any(|grant| *grant != Grant::FullProgram);
        let needs_person = has_person || ahead == ProgramState::WithTrainer;
        let program = match ahead {
            ProgramState::NotBought | ProgramState::WithTrainer => None,
            ProgramState::NeedsAnswers => Some(&texts.order_paid_answers),
            ProgramState::Making | ProgramState::Ready(_) => Some(&texts.order_paid_program),
            ProgramState::Reviewing => Some(&texts.order_paid_reviewed),
        };
        for text in program
            .into_iter()
            .chain(needs_person.then_some(&texts.order_paid_trainer))
        {
            spans.extend(rich(
                &format!("\n\n{text}"),
                &[("trainer", &guide.facts.trainer), ("hours", &hours)],
            ));
        }
        let content = Content::text(spans);
        if ahead == ProgramState::NeedsAnswers {
            content.with_row(vec![Button::action(&texts.button_answer, Action::Answers.to_string())])
        } else {
            content
        }
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
        let texts = guide.texts(language);
        // Telegram gives Stars back at once, and no bank is in it.
        let words = match amount.currency {
            Currency::Xtr => &texts.order_refunded_stars,
            _ => &texts.order_refunded,
        };
        Content::text(rich(
            words,
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

/// Less came than the order costs: `came` of it, `due` is left. Chat and letter say the same.
pub(super) async fn short(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    payment: &store::Payment,
    (came, due): (Money, Money),
    who: &Client,
    request_id: &RequestId,
) -> Result<()> {
    letters::short(app, tx, &payment.order, &payment.id, request_id).await?;
    let rest = Action::Purchase(Step::Link(payment.order.clone())).to_string();
    let key = messages::key(&payment.order, &format!("short:{}", payment.id));
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
    let key = messages::key(&order.id, &format!("declined:{}", payment.id));
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
