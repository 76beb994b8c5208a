//! A programme from answers, to look at.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ProgramScope, WordingRecord};
use crate::conversation::Language;

/// Answers in, a document out; nothing about anybody is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewRequest {
    pub profile: PreviewProfile,
    /// For the cover.
    #[serde(default)]
    #[schema(example = "Анна", max_length = 300)]
    pub name: String,
    /// Russian when absent.
    #[serde(default)]
    pub language: Option<Language>,
    /// Two weeks when absent.
    #[serde(default)]
    pub scope: Option<ProgramScope>,
    #[serde(default)]
    pub format: PreviewFormat,
    #[serde(default)]
    pub wording: PreviewWording,
    /// Of `pages` and `phone_pages`: how many, 6 when absent.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 40)]
    pub max_pages: Option<u32>,
    /// Of `pages` and `phone_pages`: how wide, 800 when absent.
    #[serde(default)]
    #[schema(minimum = 200, maximum = 1600)]
    pub width_px: Option<u32>,
}

/// The answers of the questionnaire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewProfile {
    pub sex: PreviewSex,
    #[schema(minimum = 14, maximum = 90, example = 31)]
    pub age_years: u8,
    pub level: PreviewLevel,
    pub goal: PreviewGoal,
    #[schema(minimum = 120, maximum = 230, example = 168)]
    pub height_cm: u16,
    /// Tenths of a kilogram.
    #[schema(minimum = 300, maximum = 3000, example = 725)]
    pub weight_decikg: u16,
    pub lifestyle: PreviewLifestyle,
    pub place: PreviewPlace,
    /// In a gym it is `gym`.
    pub equipment: PreviewEquipment,
    #[schema(minimum = 2, maximum = 4, example = 3)]
    pub days_per_week: u8,
    #[serde(default)]
    pub spared_areas: Vec<PreviewArea>,
}

macro_rules! answers {
    ($($(#[$meta:meta])* $name:ident { $($variant:ident),+ })+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($variant),+ }
    )+};
}

answers! {
    PreviewSex { Male, Female }
    PreviewLevel { Beginner, Intermediate, Advanced }
    PreviewGoal { FatLoss, Muscle, Strength, Health }
    PreviewLifestyle { Sedentary, Moderate, Active }
    PreviewPlace { Home, Gym }
    PreviewEquipment { None, Basic, Gym }
    PreviewArea { Knees, LowerBack, Shoulders, Neck, Wrists }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PreviewFormat {
    /// A PDF for print and desk.
    #[default]
    Pdf,
    /// A PDF for a phone.
    Phone,
    /// The first pages of `pdf` as pictures, in JSON.
    Pages,
    /// The first pages of `phone` as pictures, in JSON.
    PhonePages,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PreviewWording {
    #[default]
    Plain,
    /// The language model of the settings; it is paid for.
    Model,
}

/// The pages as pictures, and how the programme came about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PreviewPages {
    pub file_name: String,
    /// Of the whole document.
    pub page_count: usize,
    pub pages: Vec<PreviewPage>,
    /// What was done differently from the answers, in the language of the document.
    pub explanation: Vec<String>,
    pub wording: WordingRecord,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreviewPage {
    /// From 1.
    pub number: usize,
    #[schema(example = "image/png")]
    pub mime_type: String,
    #[schema(content_encoding = "base64")]
    pub data_base64: String,
}
