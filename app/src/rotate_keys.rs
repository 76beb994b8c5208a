//! Bringing everything sealed under the newest master key, in small steps beside a running system.

use store::{SEALED_COLUMNS, SealedColumn};

use crate::context::App;
use crate::error::Result;

/// Each batch is one short transaction: whoever else writes waits some milliseconds.
const BATCH: u32 = 200;
/// A process that was not restarted yet may go on sealing under the old key while we work. After this many passes over
/// everything a person has to look.
const MAX_PASSES: u32 = 5;

/// What one batch did.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    pub column: &'a SealedColumn,
    /// Values of this column sealed anew so far, in this pass.
    pub changed: u64,
    /// Whether the column is through.
    pub is_last: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rotation {
    pub changed: u64,
    /// Values that no key of `MASTER_KEY` opens.
    pub unreadable: u64,
    /// Nothing is left under an old key that could be read.
    pub is_complete: bool,
}

/// How many values are under which key, over all columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// In the order of `MASTER_KEY`; the first one seals.
    pub by_key: Vec<(String, i64)>,
    /// Under none of them, or damaged.
    pub unknown: i64,
}

/// Walks over every sealed column until a whole pass finds nothing under an old key. Interrupted at any moment, it goes on
/// from where it was when it is called again: what is done is no longer under an old key.
pub async fn run(app: &App, mut progress: impl FnMut(&Step<'_>)) -> Result<Rotation> {
    let mut total = Rotation::default();
    for _ in 0..MAX_PASSES {
        let mut pass = Rotation::default();
        for column in &SEALED_COLUMNS {
            let mut after = None;
            let mut changed = 0;
            loop {
                let batch = app.store().reseal_batch(column, after.as_ref(), BATCH).await?;
                changed += batch.changed;
                pass.unreadable += batch.unreadable;
                let is_last = batch.next.is_none();
                progress(&Step {
                    column,
                    changed,
                    is_last,
                });
                after = batch.next;
                if is_last {
                    break;
                }
                // Others get their turn at the writer's lock.
                tokio::task::yield_now().await;
            }
            pass.changed += changed;
        }
        total.changed += pass.changed;
        total.unreadable = pass.unreadable;
        if pass.changed == 0 {
            total.is_complete = true;
            return Ok(total);
        }
    }
    Ok(total)
}

/// Counts what is sealed under which key. Reads every sealed column.
pub async fn count(app: &App) -> Result<Keys> {
    let mut keys = Keys {
        by_key: app.store().master_keys().into_iter().map(|key| (key, 0)).collect(),
        unknown: 0,
    };
    for column in &SEALED_COLUMNS {
        let found = app.store().key_use(column).await?;
        for ((_, total), (_, count)) in keys.by_key.iter_mut().zip(found.by_key) {
            *total += count;
        }
        keys.unknown += found.unknown;
    }
    Ok(keys)
}
