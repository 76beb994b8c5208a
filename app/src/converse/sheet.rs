//! The trainer's buttons about the template tables.

use domain::dialogue::actions::TrainerAction;
use serde_json::json;
use store::Tx;

use super::Outcome;
use crate::access::audit;
use crate::caller::{Actor, Caller};
use crate::context::App;
use crate::error::Result;
use crate::refresh_templates::change::{self, Decided};
use crate::settings::Guide;

/// Uses, leaves or brings back a version. Actions about anything else change nothing.
pub(super) async fn press(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    guide: &Guide,
    conversation: &store::Conversation,
    action: &TrainerAction,
    outcome: &mut Outcome,
) -> Result<()> {
    tx.lock_templates().await?;
    let by = Actor::Trainer.to_string();
    let (deed, object, decided) = match action {
        TrainerAction::UseTemplates(id) => (
            "templates.used",
            id.to_string(),
            change::decide(app, tx, id, true, &by).await?,
        ),
        TrainerAction::LeaveTemplates(id) => (
            "templates.rejected",
            id.to_string(),
            change::decide(app, tx, id, false, &by).await?,
        ),
        TrainerAction::RestoreTemplates { now, before } => (
            "templates.restored",
            before.to_string(),
            change::restore(app, tx, *now, *before, &by).await?,
        ),
        _ => return Ok(()),
    };
    if matches!(decided, Decided::Used { .. } | Decided::Left) {
        let trainer = Caller {
            actor: Actor::Trainer,
            ..caller.clone()
        };
        tx.record_audit(&audit(app, &trainer, deed, &object, json!({}))).await?;
    }
    match change::answer(guide.texts(conversation.language), &decided) {
        Ok(content) => outcome.say(&conversation.address, None, content),
        Err(toast) => outcome.toast = Some(toast),
    }
    Ok(())
}
