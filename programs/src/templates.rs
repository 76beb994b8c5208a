//! A set of templates that belongs together: two tables of plans and the library they refer to.

use std::sync::{Arc, OnceLock};

use domain::profile::Sex;
use sha2::{Digest, Sha256};

pub use crate::difference::{
    CellChange, Difference, ExerciseChange, ExerciseName, PlanChange, PlanName, RowChange, difference,
};

use crate::measures::Measures;
use crate::table::{ExerciseLibrary, ImportErrors, PlanTable, import_exercises, import_plans};

pub const MEN_SHEET: &str = "Men_12w_2";
pub const WOMEN_SHEET: &str = "Women_12w_2";
pub const EXERCISES_SHEET: &str = "exercises";

/// Templates that passed every check: each row's exercise is in the library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Templates {
    pub men: PlanTable,
    pub women: PlanTable,
    pub exercises: ExerciseLibrary,
    /// SHA-256 of the three tables' bytes, hex: names the content a programme was made from.
    pub version: String,
    /// What matching needs to know of the tables as a whole.
    pub(crate) measures: Measures,
}

/// A table that comes with the product.
#[derive(Debug, Clone, Copy)]
pub struct ShippedTable {
    pub sheet: &'static str,
    pub csv: &'static [u8],
}

/// The shipped tables as bytes, e.g. to seed a sheet with: men, women, exercises.
pub fn shipped() -> &'static [ShippedTable] {
    &SHIPPED
}

static SHIPPED: [ShippedTable; 3] = [
    ShippedTable {
        sheet: MEN_SHEET,
        csv: include_bytes!("../templates/Men_12w_2.csv"),
    },
    ShippedTable {
        sheet: WOMEN_SHEET,
        csv: include_bytes!("../templates/Women_12w_2.csv"),
    },
    ShippedTable {
        sheet: EXERCISES_SHEET,
        csv: include_bytes!("../templates/exercises.csv"),
    },
];

impl Templates {
    /// Errors: everything wrong in any of the three tables, the library's first, at most
    /// [`crate::table::MAX_ERRORS`].
    pub fn from_csv(men: &[u8], women: &[u8], exercises: &[u8]) -> Result<Self, ImportErrors> {
        let mut errors = ImportErrors::default();
        let mut keep = |error: ImportErrors| errors.extend(error);
        let library = import_exercises(exercises).map_err(&mut keep).ok();
        let mut men_table = import_plans(men, MEN_SHEET).map_err(&mut keep).ok();
        let mut women_table = import_plans(women, WOMEN_SHEET).map_err(&mut keep).ok();
        if let Some(library) = &library {
            for table in [&mut men_table, &mut women_table].into_iter().flatten() {
                table.link(library, &mut errors);
            }
        }
        match (men_table, women_table, library) {
            (Some(men_table), Some(women_table), Some(exercises_table)) if errors.errors.is_empty() => Ok(Self {
                measures: Measures::of([&men_table, &women_table]),
                men: men_table,
                women: women_table,
                exercises: exercises_table,
                version: version(&[men, women, exercises]),
            }),
            _ => Err(errors),
        }
    }

    /// The templates that come with the product, read once.
    /// Errors: none in a released build (a test reads them); the type says so to those who compose.
    pub fn shipped() -> Result<Arc<Self>, ImportErrors> {
        static READ: OnceLock<Result<Arc<Templates>, ImportErrors>> = OnceLock::new();
        READ.get_or_init(|| {
            let [men, women, exercises] = &SHIPPED;
            Self::from_csv(men.csv, women.csv, exercises.csv).map(Arc::new)
        })
        .clone()
    }

    pub const fn plans(&self, sex: Sex) -> &PlanTable {
        match sex {
            Sex::Male => &self.men,
            Sex::Female => &self.women,
        }
    }
}

fn version(tables: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for table in tables {
        // The length keeps a row from wandering unseen from one table to the next.
        hash.update((table.len() as u64).to_be_bytes());
        hash.update(table);
    }
    data_encoding::HEXLOWER.encode(&hash.finalize())
}
