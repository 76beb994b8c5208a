//! The template tables as they leave a spreadsheet: CSV bytes in, typed plans and exercises or a list of wrong cells out.
//!
//! A table may come with a BOM, with commas, semicolons or tabs, with CRLF and no-break spaces, with its columns in any
//! order, titled by machine key or in Russian. Whatever can't be understood is a value that names sheet, row and column.

mod errors;
mod exercises;
mod plans;
mod reader;
mod values;

pub use errors::{Expected, ImportError, ImportErrors, Problem};
pub use exercises::{Exercise, ExerciseLibrary, Muscle, Pattern, import_exercises};
pub use plans::{Plan, PlanRow, PlanTable, import_plans};
pub use values::{Reps, RepsUnit, Weeks};

/// The weeks of a full programme.
pub const WEEKS: u8 = 12;
/// How many wrong cells are reported at most: more than anybody mends in one sitting.
pub const MAX_ERRORS: usize = 50;
