//! What was paid for is given: the programme by itself, everything else as a task for a person.

use domain::content::{Button, Content, rich};
use domain::dialogue::actions::Action;
use domain::ids::{ClientId, Id, OrderId, ProgramId, QuestionnaireId, RequestId};
use domain::ledger;
use domain::money::Money;
use domain::order::{Grant, OrderStatus};
use domain::pipeline::Trigger;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Client, NewTransfer, Order, OrderLine, Tx};

use super::ask::{self, About, Matter};
use super::{funds, messages, receipts, tell};
use crate::approve_program;
use crate::caller::Caller;
use crate::context::App;
use crate::converse::{advance_stage, called};
use crate::error::{Error, Result};
use crate::generate_program;
use crate::mail::letters;
use crate::settings::{self, Guide};
use crate::work::{self, Task};

pub const JOB: &str = "give_order";

#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    order_id: OrderId,
}

/// An order becomes paid in the transaction of its cause: state, promo code, stage, messages, and the job that gives it.
/// The caller has booked the money, or there was none to book. `sum` is what the client has paid, in whatever currency.
///
/// Returns false when the order did not wait for it.
pub(super) async fn paid(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    order: &Order,
    client: &Client,
    sum: Money,
    request_id: &RequestId,
) -> Result<bool> {
    let now = app.now();
    if !tx.pay_order(&order.id, now).await? && !tx.revive_order(&order.id, now).await? {
        return Ok(false);
    }
    tx.use_promo(&order.id, now).await?;
    let lines = tx.order_lines(order).await?;
    advance_stage(app, tx, client, Trigger::PaymentCompleted, request_id).await?;
    tell::paid(app, tx, guide, order, &lines, sum, client, request_id).await?;
    messages::refresh(app, tx, guide, order, None, request_id).await?;
    let job = work::job(
        app,
        JOB,
        Some(format!("{JOB}:{}", order.id)),
        &Payload {
            order_id: order.id.clone(),
        },
        request_id,
    )?;
    tx.enqueue_job(&job).await?;
    Ok(true)
}

/// What an order books once it is paid for. `None` for one that costs nothing. `price` is what it costs in the currency it
/// is paid in: in another one than the order's, each line earns its share of it.
pub(super) fn charge(
    app: &App,
    order: &Order,
    lines: &[OrderLine],
    price: Money,
    request_id: &RequestId,
) -> Result<Option<NewTransfer>> {
    if order.total.is_zero() {
        return Ok(None);
    }
    let unsound =
        |error: &dyn std::fmt::Display| Error::internal(format!("order {} can't be booked: {error}", order.id));
    let earned: Vec<Money> = if price.currency == order.total.currency {
        lines.iter().map(|line| line.total).collect()
    } else {
        price.split(&funds::weights(lines)).map_err(|error| unsound(&error))?
    };
    let parts: Vec<_> = lines.iter().map(|line| line.product.clone()).zip(earned).collect();
    let transfer = ledger::order_charged(&order.id, &order.client, &parts).map_err(|error| unsound(&error))?;
    Ok(Some(NewTransfer {
        id: app.new_id(),
        transfer,
        client: order.client.clone(),
        request_id: request_id.clone(),
        now: app.now(),
    }))
}

/// The job: one transaction gives everything, whoever has to do it.
pub async fn run(app: &App, task: &Task) -> Result<()> {
    let Payload { order_id } = task.payload()?;
    let guide = settings::guide(app, &task.tenant).await?;
    let now = app.now();
    let mut tx = app.tenant(&task.tenant).write().await?;
    let order = tx
        .lock_order(&order_id)
        .await?
        .ok_or(Error::NotFound { what: "order" })?;
    let client = tx
        .find_client(&order.client)
        .await?
        .ok_or(Error::NotFound { what: "client" })?;
    let lines = tx.order_lines(&order).await?;
    if order.status == OrderStatus::Paid {
        let mut by_hand = Vec::new();
        let mut gives_program = false;
        for line in &lines {
            for grant in &line.grants {
                match grant {
                    Grant::FullProgram => gives_program = true,
                    Grant::Coaching | Grant::NutritionPlan | Grant::ByHand => {
                        by_hand.push(json!({ "grant": grant.code(), "title": line.title.ru }));
                    }
                }
            }
        }
        if !by_hand.is_empty() {
            let about = About {
                order: Some(&order),
                ..About::default()
            };
            let facts = json!({ "order_id": order.id, "gives": by_hand });
            ask::person(
                app,
                &mut tx,
                &guide,
                Matter::GiveByHand,
                order.id.as_str(),
                about,
                &facts,
                &task.request_id,
            )
            .await?;
        }
        if gives_program {
            give_program(app, &mut tx, &guide, &order, &client, &task.request_id).await?;
        } else {
            // The rest is a person's work, and that is written down.
            tx.fulfil_order(&order.id, now).await?;
            receipts::given(app, &mut tx, &order.id, &task.request_id).await?;
        }
    }
    tx.finish_job(&task.lease, now).await?;
    tx.commit().await?;
    app.wake_workers();
    app.wake_deliveries();
    Ok(())
}

/// The order a job of this kind was to give.
pub(super) fn order_of(task: &Task) -> Option<OrderId> {
    task.payload::<Payload>().ok().map(|payload| payload.order_id)
}

/// From the answers the client gave; without any, the client is asked for them first.
async fn give_program(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    order: &Order,
    client: &Client,
    request_id: &RequestId,
) -> Result<()> {
    let finished = tx
        .latest_questionnaire(&client.id)
        .await?
        .filter(|run| run.status == "completed");
    match finished {
        _ if tx.has_program_of_order(&order.id).await? => {}
        // Somebody who has to be talked with first gets it when the trainer says so.
        Some(run) if run.needs_trainer => {
            let about = About {
                order: Some(order),
                ..About::default()
            };
            let facts = json!({ "order_id": order.id, "questionnaire_id": run.id, "reason": "needs_trainer" });
            let key = format!("{}:needs_trainer", order.id);
            ask::person(app, tx, guide, Matter::GiveByHand, &key, about, &facts, request_id).await?;
            letters::by_hand(app, tx, &order.id, request_id).await?;
        }
        Some(run) => {
            generate_program::order_paid_in(app, tx, &run.id, client, &order.id, request_id).await?;
        }
        None => {
            // Whoever had a chat when they paid has read this with the news of the payment.
            let key = tell::answers_needed(&order.id);
            tell::client(app, tx, client, key, request_id, |language| {
                let texts = guide.texts(language);
                Content::text(rich(
                    &texts.order_needs_answers,
                    &[("name", called(&client.display_name))],
                ))
                .with_row(vec![Button::action(&texts.button_answer, Action::Answers.to_string())])
            })
            .await?;
        }
    }
    Ok(())
}

/// Every programme that was paid for and waits for answers is made now, whoever orders one. Answers the first of them;
/// `None` when nothing waits: then it is a free one.
pub(crate) async fn program_in(
    app: &App,
    tx: &mut Tx,
    run: &QuestionnaireId,
    client: &Client,
    request_id: &RequestId,
) -> Result<Option<ProgramId>> {
    let waiting = store::OrderFilter {
        client: Some(client.id.clone()),
        status: Some(OrderStatus::Paid),
    };
    let mut page = store::PageRequest { limit: 20, after: None };
    let mut orders = Vec::new();
    loop {
        let found = tx.list_orders(&waiting, &page).await?;
        orders.extend(found.items.into_iter().map(|order| order.id));
        match found.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    // Oldest first, as they are locked everywhere.
    orders.sort_unstable();
    let mut made = None;
    for id in orders {
        // The job that gives the order may be at it, or the money may be going back, at this moment.
        let Some(order) = tx
            .lock_order(&id)
            .await?
            .filter(|order| order.status == OrderStatus::Paid)
        else {
            continue;
        };
        let lines = tx.order_lines(&order).await?;
        let gives_program = lines.iter().any(|line| line.grants.contains(&Grant::FullProgram));
        if gives_program && !tx.has_program_of_order(&order.id).await? {
            let program = generate_program::order_paid_in(app, tx, run, client, &order.id, request_id).await?;
            made.get_or_insert(program);
        }
    }
    Ok(made)
}

/// A version is in its client's hands: written down once, by whatever way it came there first.
pub(crate) async fn handed_over(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    client: &ClientId,
    program: &ProgramId,
    channel: &str,
) -> Result<bool> {
    if !tx.mark_program_delivered(program, app.now()).await? {
        return Ok(false);
    }
    let details = json!({ "program_id": program, "channel": channel });
    let actor = caller.actor.to_string();
    tell::note(app, tx, client, "program.delivered", &actor, details).await?;
    after_delivery(app, tx, program, &caller.request_id).await?;
    Ok(true)
}

/// Somebody who paid elsewhere is in the bot now: what waited for that goes on. Whoever has no answers yet is asked for them
/// by the turn itself.
pub(crate) async fn joined(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    client: &Client,
    request_id: &RequestId,
) -> Result<()> {
    let paid = store::OrderFilter {
        client: Some(client.id.clone()),
        status: Some(OrderStatus::Paid),
    };
    let few = store::PageRequest { limit: 20, after: None };
    let ready = store::ProgramFilter {
        client: Some(client.id.clone()),
        status: Some("ready".to_owned()),
    };
    for program in tx.list_programs(&ready, &few).await?.items {
        if program.delivered_at.is_none() && tx.order_of_program(&program.id).await?.is_some() {
            approve_program::send(app, tx, guide, client, &program, request_id).await?;
        }
    }
    let has_answers = tx
        .latest_questionnaire(&client.id)
        .await?
        .is_some_and(|run| run.status == "completed");
    for order in tx.list_orders(&paid, &few).await?.items {
        if has_answers && !tx.has_program_of_order(&order.id).await? {
            let payload = Payload {
                order_id: order.id.clone(),
            };
            let key = format!("{JOB}:{}:{}", order.id, client.id);
            tx.enqueue_job(&work::job(app, JOB, Some(key), &payload, request_id)?)
                .await?;
        }
    }
    Ok(())
}

/// A programme reached its client: an order it belongs to is fulfilled, and the client active.
pub(crate) async fn after_delivery(app: &App, tx: &mut Tx, program: &ProgramId, request_id: &RequestId) -> Result<()> {
    let Some(order) = tx.order_of_program(program).await? else {
        return Ok(());
    };
    let now = app.now();
    if !tx.fulfil_order(&order, now).await? {
        return Ok(());
    }
    receipts::given(app, tx, &order, request_id).await?;
    let Some(order) = tx.find_order(&order).await? else {
        return Ok(());
    };
    if let Some(client) = tx.find_client(&order.client).await? {
        advance_stage(app, tx, &client, Trigger::ProgramDelivered, request_id).await?;
        tell::note(
            app,
            tx,
            &client.id,
            "order.fulfilled",
            "system",
            json!({ "order_id": order.id, "program_id": program }),
        )
        .await?;
    }
    Ok(())
}
