//! The template tables: where they are kept, their versions, and what is wrong with them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::Localized;

/// What happens to a good change of the tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TakeChanges {
    /// It serves as soon as it is seen; the trainers are told.
    AtOnce,
    /// The trainers are shown what changes and decide.
    #[default]
    AfterApproval,
}

/// Where the tables are, as people paste it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateSettings {
    /// The Google spreadsheet: the address from the browser, a share link, a publish link or the bare id. Without it (and
    /// without the tables) no sheet is read: uploaded or shipped tables serve.
    #[serde(default)]
    #[schema(example = "https://docs.google.com/spreadsheets/d/1VoronkaTemplatesDemo0000000001/edit#gid=0")]
    pub address: Option<String>,
    /// The tab with the men's plans: its number (`gid`) or a link of its own, also to another document.
    #[serde(default)]
    #[schema(example = "0")]
    pub men: Option<String>,
    #[serde(default)]
    #[schema(example = "1")]
    pub women: Option<String>,
    /// The exercise library.
    #[serde(default)]
    #[schema(example = "2")]
    pub exercises: Option<String>,
    #[serde(default)]
    pub take_changes: TakeChanges,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VersionedTemplateSettings {
    /// The same number as in `ETag`; 0 as long as nothing was saved.
    pub version: i64,
    /// Links to the three tabs; absent without a sheet. They can be sent back as they are.
    pub tables: Option<TemplateLinks>,
    pub take_changes: TakeChanges,
    /// What saving found in the sheet; absent where nothing was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<FoundTemplates>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateLinks {
    pub men: String,
    pub women: String,
    pub exercises: String,
}

/// What became of tables that were just read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FoundTemplates {
    pub outcome: FoundOutcome,
    pub version: TemplateVersion,
    pub difference: TemplateDifference,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FoundOutcome {
    /// It is what serves already.
    Unchanged,
    InForce,
    /// It waits for a decision.
    Pending,
}

/// What a version has otherwise than the one in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TemplateDifference {
    pub is_empty: bool,
    /// A few lines to read.
    pub summary: Localized,
    /// Plans and exercises that came, went or changed, to the cell.
    #[schema(value_type = Object)]
    pub details: Value,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateVersion {
    pub id: String,
    /// Counts from 1.
    pub number: i64,
    pub source: TemplateVersionSource,
    pub state: TemplateState,
    pub is_in_force: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_force_since: Option<DateTime<Utc>>,
    /// SHA-256 of the three tables; programmes name it as `template_hash`.
    pub content_hash: String,
    /// Who brought it: a user's or key's id, or `system` for the sheet's own changes.
    pub author: String,
    pub taken_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TemplateVersionSource {
    Sheet,
    Upload,
    Shipped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TemplateState {
    /// Nothing was decided about it: the sheet went on before.
    Kept,
    Pending,
    /// Is or was in force.
    Used,
    Rejected,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TemplateVersionDetails {
    #[serde(flatten)]
    pub version: TemplateVersion,
    /// How many programmes were made from it.
    pub programs: i64,
    /// Absent for a version that was made for an older program and can't be read any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<TemplateDifference>,
}

/// The change that waits for a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PendingTemplates {
    pub pending: Option<TemplateVersionDetails>,
}

/// Which version a report is about.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TemplateReportQuery {
    /// `in_force` (the default), `pending` or a version's id.
    pub version: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TryOutQuery {
    /// `in_force` (the default), `pending` or a version's id.
    pub version: Option<String>,
    /// Invented clients, 1 to 1000; 200 when absent.
    #[param(minimum = 1, maximum = 1000)]
    pub clients: Option<u32>,
    /// The same seed gives the same people; 1 when absent.
    #[param(minimum = 0)]
    pub seed: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TemplateCoverage {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<TemplateVersion>,
    pub totals: CoverageTotals,
    /// Every combination of answers with what it gets, what is relaxed, and where nothing fits.
    #[schema(value_type = Vec<Object>)]
    pub cells: Vec<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CoverageTotals {
    pub exact: usize,
    pub relaxed: usize,
    pub nothing: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TemplateTryOut {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<TemplateVersion>,
    pub seed: u64,
    #[schema(value_type = Vec<Object>)]
    pub clients: Vec<Value>,
}

/// The state of the tables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TemplateHealth {
    /// Nothing is wrong with the sheet, nothing waits, and every combination of answers gets a programme.
    pub is_well: bool,
    pub has_sheet: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looked_at: Option<DateTime<Utc>>,
    /// When the sheet was last without fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub well_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<TemplateTrouble>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_force: Option<TemplateVersion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<TemplateVersion>,
    pub coverage: CoverageTotals,
    /// Combinations of answers that nothing fits.
    #[schema(value_type = Vec<Object>)]
    pub holes: Vec<Value>,
    /// What works but should be known.
    pub warnings: Vec<Localized>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateTrouble {
    pub since: Option<DateTime<Utc>>,
    /// `wrong_cells`, or why the sheet can't be read: `not_public`, `not_found`, `timeout`, `unreachable`, `busy`,
    /// `not_a_table`, `too_large`, `foreign_redirect`.
    pub code: String,
    pub message: Localized,
    pub cells: Vec<WrongCell>,
    /// There are more wrong cells than are listed.
    pub truncated: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WrongCell {
    #[schema(example = "Men_12w_2")]
    pub sheet: String,
    /// As the spreadsheet shows it.
    pub row: Option<u32>,
    /// The column's title in the sheet.
    pub column: Option<String>,
    #[schema(example = "J12")]
    pub cell: Option<String>,
    /// Stable, such as `bad_value` or `missing_column`.
    pub code: String,
    pub message: Localized,
}

/// One table or all three as CSV files.
#[derive(Debug, Clone, ToSchema)]
pub struct TemplateUpload {
    #[schema(value_type = Option<String>, format = Binary)]
    pub men: Option<Vec<u8>>,
    #[schema(value_type = Option<String>, format = Binary)]
    pub women: Option<Vec<u8>>,
    #[schema(value_type = Option<String>, format = Binary)]
    pub exercises: Option<Vec<u8>>,
}
