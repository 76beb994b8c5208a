//! What can be wrong with a living database, and how to mend it.

use domain::time::Timestamp;

use crate::dialect::{rows, scalar};
use crate::{Result, Tx};

/// A delivery that waits longer than this is worth a look.
const STUCK_AFTER_MS: i64 = 15 * 60_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong, in a sentence.
    pub problem: String,
    /// What to do about it.
    pub remedy: &'static str,
}

impl Tx {
    /// Checks the promises that the schema alone can't keep. Empty when all is well.
    pub async fn doctor(&mut self, now: Timestamp) -> Result<Vec<Finding>> {
        const COUNTS: &str = "SELECT s.id, CAST(COALESCE((SELECT SUM(k.clients) FROM stage_counts k \
                 WHERE k.tenant_id = $1 AND k.stage_id = s.id), 0) AS BIGINT), \
             (SELECT COUNT(*) FROM clients c WHERE c.tenant_id = $1 AND c.stage_id = s.id) \
             FROM pipeline_stages s WHERE s.tenant_id = $1";
        const DEAD: &str = "SELECT COUNT(*) FROM jobs WHERE tenant_id = $1 AND state = 'dead'";
        const STUCK: &str = "SELECT COUNT(*) FROM outbox WHERE tenant_id = $1 AND state IN ('queued', 'sending') AND created_at_ms < $2 AND due_at_ms < $2";
        const LOST: &str = "SELECT COUNT(*) FROM training_programs p WHERE p.tenant_id = $1 AND p.status = 'queued' AND p.created_at_ms < $2 \
             AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.tenant_id = $1 AND j.unique_key = 'program:' || p.id AND j.state IN ('queued', 'running'))";
        let mut findings = Vec::new();
        for (stage, counted, real) in rows!(self, (String, i64, i64), COUNTS, self.tenant.as_ref())? {
            if counted != real {
                findings.push(Finding {
                    problem: format!("stage {stage} is said to hold {counted} clients but holds {real}"),
                    remedy: "a counter was changed by hand; restore a backup or correct stage_counts",
                });
            }
        }
        let dead = scalar!(self, i64, DEAD, self.tenant.as_ref())?.unwrap_or_default();
        if dead > 0 {
            findings.push(Finding {
                problem: format!("{dead} jobs have failed for good"),
                remedy: "look at GET /api/jobs?state=dead and replay them with POST /api/jobs/{id}/replay",
            });
        }
        let before = now.plus_millis(-STUCK_AFTER_MS).millis();
        let stuck = scalar!(self, i64, STUCK, self.tenant.as_ref(), before)?.unwrap_or_default();
        if stuck > 0 {
            findings.push(Finding {
                problem: format!("{stuck} messages have been waiting for more than 15 minutes"),
                remedy: "check that the bot runs and reaches Telegram; see GET /api/deliveries/stuck",
            });
        }
        let lost = scalar!(self, i64, LOST, self.tenant.as_ref(), before)?.unwrap_or_default();
        if lost > 0 {
            findings.push(Finding {
                problem: format!("{lost} programmes were ordered but nothing works on them"),
                remedy: "make them anew with POST /api/programs/{id}/regenerate",
            });
        }
        Ok(findings)
    }

    /// Opens one sealed value, to prove that the master key fits. `None` when nothing is sealed yet.
    pub async fn open_a_sample(&mut self) -> Result<Option<()>> {
        const SQL: &str = "SELECT name FROM settings WHERE tenant_id = $1 ORDER BY name LIMIT 1";
        match scalar!(self, String, SQL, self.tenant.as_ref())? {
            Some(name) => Ok(self.find_setting(&name).await?.map(|_| ())),
            None => Ok(None),
        }
    }
}
