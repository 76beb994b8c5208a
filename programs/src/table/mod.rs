//! The template tables as they leave a spreadsheet: CSV bytes in, typed plans and exercises or a list of wrong cells out.
//!
//! A table may come in UTF-8, UTF-16 or windows-1251, with commas, semicolons or tabs, with CRLF and no-break spaces, with a
//! heading above its titles and its columns in any order, titled by machine key or in Russian. Empty cells under a merged
//! one take its value where nothing is guessed by that. Whatever can't be understood is a value that names sheet, row and
//! column.

mod decode;
mod errors;
mod exercises;
mod plans;
mod reader;
mod shared;
mod similar;
mod values;

pub use errors::{Expected, ImportError, ImportErrors, Problem};
pub use exercises::{Exercise, ExerciseLibrary, Muscle, Pattern, import_exercises};
pub use plans::{Plan, PlanRow, PlanTable, import_plans};
pub use values::{Reps, RepsUnit, Weeks};

/// The weeks of a full programme.
pub const WEEKS: u8 = 12;
/// How many wrong cells are reported at most: more than anybody mends in one sitting.
pub const MAX_ERRORS: usize = 50;
