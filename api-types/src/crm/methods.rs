//! Cards and accounts that payers have agreed to keep.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A method that a client has agreed to keep. Its token is never shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SavedMethod {
    #[schema(example = "sm_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub id: String,
    pub client_id: String,
    #[schema(example = "yookassa")]
    pub provider: String,
    /// What the client recognises.
    #[schema(example = "•••• 4477")]
    pub title: String,
    /// The payment with which the client agreed.
    pub payment_id: String,
    pub created_at: DateTime<Utc>,
    /// Since then nothing can be charged; the row stays as the proof.
    pub forgotten_at: Option<DateTime<Utc>>,
    /// Who had it forgotten.
    #[schema(example = "client")]
    pub forgotten_by: Option<String>,
}

/// A client's methods, newest first, the forgotten ones included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SavedMethodList {
    pub items: Vec<SavedMethod>,
}
