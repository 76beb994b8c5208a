//! A client's timeline: what happened, in the transaction that made it happen.

use domain::ids::ClientId;
use serde_json::Value;
use store::{Action, Tx};

use crate::context::App;
use crate::error::Result;

/// Writes a line of it.
pub(crate) async fn note(
    app: &App,
    tx: &mut Tx,
    client: &ClientId,
    kind: &str,
    actor: &str,
    details: Value,
) -> Result<()> {
    let action = Action {
        id: app.new_id(),
        kind: kind.to_owned(),
        actor: actor.to_owned(),
        details: details.to_string(),
        at: app.now(),
    };
    tx.insert_action(client, &action).await?;
    Ok(())
}
