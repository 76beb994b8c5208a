//! The sales pipeline: stages, board, moves of several clients.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Client, Localized};
use crate::page::Page;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Stage {
    #[schema(example = "st_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub id: String,
    pub kind: StageKind,
    pub title: Localized,
    /// From 0, left to right.
    pub position: i64,
    /// The same number as in `ETag`.
    pub version: i64,
}

/// What automations hang on; a stage's title is the owner's to choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StageKind {
    /// A client appears.
    FirstContact,
    /// The questionnaire is finished.
    Consultation,
    /// A payment is begun.
    Deciding,
    /// A payment is completed.
    Purchased,
    /// The paid programme is delivered.
    Active,
    /// The programme's time is over.
    Completed,
    Inactive,
}

/// Every stage in use, in order. There are never more than 50.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StageList {
    pub items: Vec<Stage>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStage {
    pub kind: StageKind,
    pub title: Localized,
    /// Place from 0; at the end when absent.
    #[serde(default)]
    pub position: Option<u32>,
}

/// What to change: a field that is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StagePatch {
    #[serde(default)]
    pub title: Option<Localized>,
    /// Place from 0; the others make room.
    #[serde(default)]
    pub position: Option<u32>,
    /// Takes an empty stage out of use. Its history stays.
    #[serde(default)]
    pub archived: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BoardQuery {
    /// Clients a column, 1 to 200; 20 when absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
}

/// All stages with their first clients.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Board {
    pub columns: Vec<BoardColumn>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BoardColumn {
    pub stage: Stage,
    /// How many clients stand here, those beyond the first page included.
    pub total: i64,
    /// Newest first. Go on with `GET /api/pipeline/stages/{id}/clients?cursor=…`.
    pub clients: Page<Client>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkMoveRequest {
    /// 1 to 100 clients. All of them move, or none.
    pub client_ids: Vec<String>,
    pub stage_id: String,
    /// Kept in each history, 500 characters at most.
    #[serde(default)]
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BulkMoved {
    pub moved: usize,
    /// Clients that stood there already.
    pub unchanged: usize,
}
