//! Two clients turn out to be one person: a buyer of the site opens the bot, where they are known already.

use domain::ids::{ClientId, OrderId};
use domain::ledger::{self, Account};
use domain::order::OrderStatus;
use domain::pipeline::{StageKind, Trigger};
use serde_json::json;
use store::{Client, ClientUpdate, NewMove, NewTransfer, OrderFilter, PageRequest, Tx};

use crate::access::audit;
use crate::caller::Caller;
use crate::context::App;
use crate::converse::advance_stage;
use crate::error::{Error, Result};

/// On the card of a client who lives on in another one.
const TAG: &str = "merged";
/// A buyer of the site has few orders.
const ORDERS: PageRequest = PageRequest {
    limit: 100,
    after: None,
};

/// What `from` has belongs to `into` from now on: orders with their money, timeline, consents, tags, contacts. What the
/// books say of `from` stays, what is left in their wallet moves by a transfer. `because`: the order whose link it was.
///
/// Errors: `NotFound`; a unique violation when `from` went to somebody else before.
pub(crate) async fn merge_in(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    from: &ClientId,
    into: &ClientId,
    because: &OrderId,
) -> Result<()> {
    let now = app.now();
    let missing = || Error::NotFound { what: "client" };
    let old = tx.find_client(from).await?.ok_or_else(missing)?;
    let filter = OrderFilter {
        client: Some(from.clone()),
        status: None,
    };
    let orders = tx.list_orders(&filter, &ORDERS).await?.items;
    tx.merge_client(from, into, now).await?;
    let mut currencies: Vec<_> = orders.iter().map(|order| order.total.currency).collect();
    currencies.sort_by_key(|currency| currency.code());
    currencies.dedup();
    let mut transfers = Vec::new();
    for currency in currencies {
        // A balance is debits minus credits: what we owe a client is negative.
        let left = tx
            .balance(&Account::wallet(from, currency))
            .await?
            .minor
            .saturating_neg();
        if left > 0 {
            let amount = domain::money::Money::new(left, currency);
            let transfer = ledger::wallet_moved(from, into, amount)
                .map_err(|error| Error::internal(format!("the wallet of {from} can't be moved: {error}")))?;
            transfers.push(NewTransfer {
                id: app.new_id(),
                transfer,
                client: into.clone(),
                request_id: caller.request_id.clone(),
                now,
            });
        }
    }
    if !transfers.is_empty() {
        tx.post(&transfers).await?;
    }
    adopt_contacts(app, tx, &old, into).await?;
    retire(app, tx, &old).await?;
    let has = |wanted: &[OrderStatus]| orders.iter().any(|order| wanted.contains(&order.status));
    let is_paid = has(&[OrderStatus::Paid, OrderStatus::Fulfilled]);
    for (happened, trigger) in [
        (is_paid, Trigger::PaymentCompleted),
        (has(&[OrderStatus::Fulfilled]), Trigger::ProgramDelivered),
    ] {
        if happened && let Some(client) = tx.find_client(into).await? {
            advance_stage(app, tx, &client, trigger, &caller.request_id).await?;
        }
    }
    let details = json!({ "from": from, "into": into, "order_id": because });
    for client in [from, into] {
        let action = store::Action {
            id: app.new_id(),
            kind: "client.merged".to_owned(),
            actor: "client".to_owned(),
            details: details.to_string(),
            at: now,
        };
        tx.insert_action(client, &action).await?;
    }
    tx.record_audit(&audit(app, caller, "client.merged", into.as_ref(), details))
        .await?;
    Ok(())
}

/// Where the other one can be reached is not lost, as long as it contradicts nothing.
async fn adopt_contacts(app: &App, tx: &mut Tx, old: &Client, into: &ClientId) -> Result<()> {
    let missing = || Error::NotFound { what: "client" };
    let known = tx.find_client(into).await?.ok_or_else(missing)?;
    let phone = known.phone.clone().or_else(|| old.phone.clone());
    let email = known.email.clone().or_else(|| old.email.clone());
    let notes = match (&known.notes, &old.notes) {
        (Some(known), Some(old)) => Some(format!("{known}\n\n{old}")),
        (known, old) => known.clone().or_else(|| old.clone()),
    };
    let owner = known.owner.clone().or_else(|| old.owner.clone());
    if phone == known.phone && email == known.email && notes == known.notes && owner == known.owner {
        return Ok(());
    }
    let update = ClientUpdate {
        display_name: known.display_name.clone(),
        username: known.username.clone(),
        language: known.language,
        phone,
        email,
        notes,
        owner,
    };
    tx.update_client(into, known.version, &update, app.now()).await?;
    Ok(())
}

/// The row that stays is out of everybody's way.
async fn retire(app: &App, tx: &mut Tx, old: &Client) -> Result<()> {
    tx.add_tag(&old.id, TAG).await?;
    let Some(stage) = tx.stage_of_kind(StageKind::Inactive).await? else {
        return Ok(());
    };
    if stage.id == old.stage {
        return Ok(());
    }
    let step = NewMove {
        id: app.new_id(),
        client: old.id.clone(),
        from: Some(old.stage.clone()),
        to: stage.id,
        actor: "system".to_owned(),
        reason: "Merged".to_owned(),
        now: app.now(),
    };
    tx.move_client(&step).await?;
    Ok(())
}
