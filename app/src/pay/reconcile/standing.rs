//! How the comparisons stand, for whoever looks after the installation.

use domain::ids::TenantId;
use domain::reconciliation::RunStatus;
use domain::time::Timestamp;

use super::super::ask::Matter;
use super::DAY_MS;
use super::side::sides;
use crate::context::App;
use crate::error::Result;

/// When the last comparison with one side ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub provider: &'static str,
    pub last: Option<Timestamp>,
    /// The newest one that could not be done to the end, when none was since.
    pub failure: Option<String>,
}

/// Where a comparison is overdue after this.
pub const OVERDUE_MS: i64 = 2 * DAY_MS;

/// How the comparisons stand, provider by provider, and how many differences wait for a person.
pub async fn standing(app: &App, tenant: &TenantId) -> Result<(Vec<Standing>, u32)> {
    let sides = sides(app, tenant).await?;
    let mut tx = app.tenant(tenant).read().await?;
    let mut all = Vec::new();
    for side in &sides {
        let code = side.code();
        let last = tx.latest_reconciliation(code, RunStatus::Done).await?;
        let failed = tx.latest_reconciliation(code, RunStatus::Failed).await?;
        let failure = failed
            .filter(|failed| last.as_ref().is_none_or(|last| last.id < failed.id))
            .and_then(|failed| failed.failure);
        all.push(Standing {
            provider: code,
            last: last.and_then(|last| last.finished_at),
            failure,
        });
    }
    let mut open = 0_u32;
    for matter in [Matter::Difference, Matter::UnknownPayment] {
        open = open.saturating_add(tx.open_tasks(matter.code()).await?);
    }
    Ok((all, open))
}
