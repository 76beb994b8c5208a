//! `crm-api rotate-keys`: what a person sees of it.

use app::Clock;
use app::rotate_keys::{Rotation, Step};

use crate::config::Config;
use crate::serve;

/// Columns with more values than this say how far they have come.
const SAY_EVERY: u64 = 20_000;

/// Errors: as of a start.
pub async fn run(config: &Config, say: &mut impl FnMut(&str)) -> anyhow::Result<Rotation> {
    let app = serve::compose(config, Clock::system()).await?;
    let keys = app.store().master_keys();
    let (newest, old) = keys
        .split_first()
        .map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    if old.is_empty() {
        say(&format!(
            "MASTER_KEY holds only {newest}. To rotate, put a new key in front of it, restart everything, and call this again."
        ));
    } else {
        say(&format!(
            "Sealing everything under {newest}; {} still opens.",
            old.join(", ")
        ));
    }
    let mut said = 0;
    let mut step = |step: &Step<'_>| {
        let is_worth_a_word = if step.is_last {
            step.changed > 0
        } else {
            step.changed >= said + SAY_EVERY
        };
        if is_worth_a_word {
            let so_far = if step.is_last { "" } else { " so far" };
            say(&format!(
                "{}.{}: {} sealed anew{so_far}",
                step.column.table, step.column.column, step.changed
            ));
            said = step.changed;
        }
        if step.is_last {
            said = 0;
        }
    };
    let rotation = app::rotate_keys::run(&app, &mut step).await?;
    app.store().close().await;
    if rotation.unreadable > 0 {
        say(&format!(
            "{} values open under none of these keys and were left as they are; the log names them. Put their key back into \
             MASTER_KEY and call this again.",
            rotation.unreadable
        ));
    }
    match (rotation.is_complete, old.is_empty()) {
        (false, _) => say(
            "Something still seals under an old key: restart every crm-api with the new MASTER_KEY, then call this again.",
        ),
        (true, false) if rotation.unreadable == 0 => say(&format!(
            "Done, {} values: {} may be taken out of MASTER_KEY. Keep it for as long as you keep backups from before today.",
            rotation.changed,
            old.join(", ")
        )),
        (true, _) => say(&format!(
            "Nothing is left to do; {} values were sealed anew.",
            rotation.changed
        )),
    }
    Ok(rotation)
}
