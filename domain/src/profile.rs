//! Who a programme is for: the answers of the questionnaire that matching and wording use.

use serde::{Deserialize, Serialize};

/// Declares an enum of answers whose wire form is a short stable code.
macro_rules! coded_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident => $code:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$variant_meta])* #[serde(rename = $code)] $variant),+
        }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable code: the same text in database, API, templates and logs.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            pub fn parse(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.code() == code)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.code())
            }
        }
    };
}
pub(crate) use coded_enum;

coded_enum! { Sex { Male => "male", Female => "female" } }
coded_enum! {
    /// Training experience.
    Level { Beginner => "beginner", Intermediate => "intermediate", Advanced => "advanced" }
}
coded_enum! { Goal { FatLoss => "fat_loss", Muscle => "muscle", Strength => "strength", Health => "health" } }
coded_enum! { Place { Home => "home", Gym => "gym" } }
coded_enum! {
    /// What there is to train with. In a gym it is always `Gym`.
    Equipment {
        None => "none",
        /// Dumbbells and resistance bands.
        Basic => "basic",
        Gym => "gym",
    }
}
coded_enum! { Lifestyle { Sedentary => "sedentary", Moderate => "moderate", Active => "active" } }
coded_enum! {
    /// A part of the body the client asks to spare. A wish, not a diagnosis: diagnoses are not stored (152-FZ).
    SparedArea {
        Knees => "knees",
        LowerBack => "lower_back",
        Shoulders => "shoulders",
        Neck => "neck",
        Wrists => "wrists",
    }
}

/// The answers a programme is made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub sex: Sex,
    /// Full years.
    pub age_years: u8,
    pub level: Level,
    pub goal: Goal,
    pub height_cm: u16,
    /// Tenths of a kilogram, so that "72,5" stays exact.
    pub weight_decikg: u16,
    pub lifestyle: Lifestyle,
    pub place: Place,
    pub equipment: Equipment,
    /// 2 to 4.
    pub days_per_week: u8,
    #[serde(default)]
    pub spared_areas: Vec<SparedArea>,
}

impl Profile {
    /// The age as a band, for readers that must not learn more (an LLM): "18-24", "25-34", … "65+".
    pub const fn age_band(&self) -> &'static str {
        match self.age_years {
            0..=17 => "under 18",
            18..=24 => "18-24",
            25..=34 => "25-34",
            35..=44 => "35-44",
            45..=54 => "45-54",
            55..=64 => "55-64",
            _ => "65+",
        }
    }
}
