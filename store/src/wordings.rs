//! What language models were asked, and what it cost.

use domain::ids::{Id, ProgramId, WordingCallId};
use domain::time::Timestamp;

use crate::dialect::{execute, rows};
use crate::{Result, Tx};

/// One wording: all requests to a model that it took, together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWordingCall {
    pub id: WordingCallId,
    /// `None` for a preview or a trial.
    pub program: Option<ProgramId>,
    /// `programme`, `preview` or `try`.
    pub purpose: &'static str,
    /// `2026-11`, in the tenant's time zone.
    pub month: String,
    pub provider: String,
    pub model: String,
    /// `accepted`, `partly_replaced`, `rejected` or `plain`.
    pub verdict: String,
    /// Why there was no answer; a stable code.
    pub error: Option<String>,
    pub requests: i64,
    pub prompt_tokens: i64,
    pub answer_tokens: i64,
    /// Millionths of the currency's unit.
    pub cost_micros: i64,
    pub currency: String,
    pub duration_ms: i64,
    pub now: Timestamp,
}

/// Sums of a month, by verdict and currency.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct WordingTotal {
    pub month: String,
    pub verdict: String,
    pub currency: String,
    pub count: i64,
    pub prompt_tokens: i64,
    pub answer_tokens: i64,
    pub cost_micros: i64,
}

impl Tx {
    pub async fn insert_wording_call(&mut self, new: &NewWordingCall) -> Result<()> {
        const SQL: &str = "INSERT INTO wording_calls (id, tenant_id, program_id, purpose, month, provider, model, verdict, error, \
             requests, prompt_tokens, answer_tokens, cost_micros, currency, duration_ms, created_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
        execute!(
            self,
            SQL,
            new.id.as_str(),
            self.tenant.as_ref(),
            new.program.as_ref().map(|id| id.as_str().to_owned()),
            new.purpose,
            &new.month,
            &new.provider,
            &new.model,
            &new.verdict,
            &new.error,
            new.requests,
            new.prompt_tokens,
            new.answer_tokens,
            new.cost_micros,
            &new.currency,
            new.duration_ms,
            new.now.millis()
        )?;
        Ok(())
    }

    /// From `since` (`2026-01`) on, newest month first.
    pub async fn wording_totals(&mut self, since: &str) -> Result<Vec<WordingTotal>> {
        const SQL: &str = "SELECT month, verdict, currency, CAST(COUNT(*) AS BIGINT) AS count, \
             CAST(SUM(prompt_tokens) AS BIGINT) AS prompt_tokens, CAST(SUM(answer_tokens) AS BIGINT) AS answer_tokens, \
             CAST(SUM(cost_micros) AS BIGINT) AS cost_micros FROM wording_calls \
             WHERE tenant_id = $1 AND month >= $2 GROUP BY month, verdict, currency ORDER BY month DESC, verdict, currency";
        rows!(self, WordingTotal, SQL, self.tenant.as_ref(), since)
    }
}
