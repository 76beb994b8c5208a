//! Incomes that a self-employed seller registers in «Мой налог».

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Money;

/// An income, or the refund of one, with what is entered in «Мой налог».
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Income {
    /// A receipt's id: `POST /api/receipts/{id}/registered` marks it.
    #[schema(example = "rc_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub id: String,
    pub kind: IncomeKind,
    pub status: IncomeStatus,
    pub amount: Money,
    /// The day in your time zone.
    pub date: Option<NaiveDate>,
    /// The service's name.
    #[schema(example = "Программа на 12 недель")]
    pub service: String,
    pub payer: IncomePayer,
    pub client_id: Option<String>,
    pub order_id: String,
    pub payment_id: Option<String>,
    pub refund_id: Option<String>,
    /// Of a refund: the income whose receipt is called off.
    pub cancels: Option<String>,
    /// Of a refund: what is registered anew in its place; zero after a whole refund.
    pub remains: Option<Money>,
    /// The receipt's number in «Мой налог».
    pub number: Option<String>,
    pub link: Option<String>,
    /// Of a payment made with a provider's test keys: no income.
    pub is_test: bool,
    pub created_at: DateTime<Utc>,
    pub registered_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IncomeKind {
    Income,
    /// Call the income's receipt off, and register what remains.
    Refund,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IncomeStatus {
    /// A person has to register it.
    Waiting,
    Registered,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PayerKind {
    #[default]
    Person,
    /// A company or a sole trader.
    Company,
}

/// Who has paid.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IncomePayer {
    pub kind: PayerKind,
    /// A company's name.
    #[serde(default)]
    pub name: Option<String>,
    /// A company's tax number (ИНН): 10 or 12 digits.
    #[serde(default)]
    pub tax_number: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct IncomeQuery {
    /// Rows a page, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    pub status: Option<IncomeStatus>,
    /// An order's id.
    pub order: Option<String>,
    /// From this day on, in your time zone.
    pub since: Option<NaiveDate>,
    /// Up to this day, which is not included.
    pub before: Option<NaiveDate>,
    /// Instead those of payments made with a provider's test keys: they are no incomes, and nobody registers them.
    pub test: Option<bool>,
}
