//! The exercise library: what an exercise is called, how it is done, and what may stand in for it.

use std::collections::{BTreeMap, HashMap};

use domain::language::Localized;
use domain::profile::{Equipment, SparedArea};
use serde::{Deserialize, Serialize};

use super::errors::{Expected, ImportErrors, Problem};
use super::reader::{self, Column, fold};
use super::similar::nearest;
use super::values;

/// Declares an enum whose text form is a short stable code.
macro_rules! coded {
    ($(#[$meta:meta])* $name:ident { $($variant:ident => $code:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($variant),+ }

        impl $name {
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            pub fn parse(code: &str) -> Option<Self> {
                match code.trim().to_lowercase().as_str() { $($code => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

coded! { Muscle {
    Quads => "quads", Glutes => "glutes", Hamstrings => "hamstrings", Calves => "calves", Chest => "chest",
    Back => "back", Shoulders => "shoulders", Biceps => "biceps", Triceps => "triceps", Core => "core",
    FullBody => "full_body", Cardio => "cardio",
} }
coded! {
    /// The movement an exercise trains; what may replace it has the same one.
    Pattern {
        Squat => "squat", Hinge => "hinge", Lunge => "lunge", PushHorizontal => "push_horizontal",
        PushVertical => "push_vertical", PullHorizontal => "pull_horizontal", PullVertical => "pull_vertical",
        Core => "core", Carry => "carry", Cardio => "cardio", Mobility => "mobility",
        IsolationArms => "isolation_arms", IsolationShoulders => "isolation_shoulders", Calf => "calf",
        Glute => "glute",
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exercise {
    pub id: String,
    pub name: Localized,
    pub muscles: Vec<Muscle>,
    pub pattern: Pattern,
    /// The least that is needed.
    pub equipment: Equipment,
    pub technique: Localized,
    pub mistakes: Localized,
    /// Ids of variants of the same exercise.
    pub easier: Option<String>,
    pub harder: Option<String>,
    /// Who spares one of these areas should not do it.
    pub contraindications: Vec<SparedArea>,
    pub video: Option<String>,
    /// No longer given to anybody; what stands in for it is given instead.
    pub is_withdrawn: bool,
}

impl Exercise {
    pub fn conflicts_with(&self, spared: &[SparedArea]) -> Option<SparedArea> {
        spared
            .iter()
            .copied()
            .find(|area| self.contraindications.contains(area))
    }
}

/// All exercises, in the table's order, found by id or by name in either language.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExerciseLibrary {
    exercises: Vec<Exercise>,
    by_id: HashMap<String, usize>,
    by_name: BTreeMap<String, usize>,
}

impl ExerciseLibrary {
    pub fn iter(&self) -> impl Iterator<Item = &Exercise> {
        self.exercises.iter()
    }

    pub fn has_withdrawn(&self) -> bool {
        self.exercises.iter().any(|exercise| exercise.is_withdrawn)
    }

    pub fn len(&self) -> usize {
        self.exercises.len()
    }

    pub fn is_empty(&self) -> bool {
        self.exercises.is_empty()
    }

    /// The exercise that a misspelt name was most likely meant to be.
    pub(crate) fn nearest(&self, id_or_name: &str) -> Option<&Exercise> {
        let name = nearest(&fold(id_or_name), self.by_name.keys().map(String::as_str))?;
        self.by_name.get(name).and_then(|index| self.exercises.get(*index))
    }

    /// By id or by name, however it is capitalised and spaced.
    pub fn find(&self, id_or_name: &str) -> Option<&Exercise> {
        // Ids are asked for all the time, names only at import.
        let index = match self.by_id.get(id_or_name) {
            Some(index) => index,
            None => self.by_name.get(&fold(id_or_name))?,
        };
        self.exercises.get(*index)
    }
}

const ID: usize = 0;
const NAME_RU: usize = 1;
const NAME_EN: usize = 2;
const MUSCLES: usize = 3;
const PATTERN: usize = 4;
const EQUIPMENT: usize = 5;
const TECHNIQUE_RU: usize = 6;
const TECHNIQUE_EN: usize = 7;
const MISTAKES_RU: usize = 8;
const MISTAKES_EN: usize = 9;
const EASIER: usize = 10;
const HARDER: usize = 11;
const CONTRAINDICATIONS: usize = 12;
const VIDEO: usize = 13;
const WITHDRAWN: usize = 14;

const COLUMNS: [Column; 15] = [
    Column {
        key: "id",
        title: "Код",
        aliases: &[],
        required: true,
    },
    Column {
        key: "name_ru",
        title: "Название",
        aliases: &["название по русски", "упражнение"],
        required: true,
    },
    Column {
        key: "name_en",
        title: "Название по-английски",
        aliases: &["английское название"],
        required: true,
    },
    Column {
        key: "muscles",
        title: "Мышцы",
        aliases: &[],
        required: true,
    },
    Column {
        key: "pattern",
        title: "Тип движения",
        aliases: &["движение"],
        required: true,
    },
    Column {
        key: "equipment",
        title: "Инвентарь",
        aliases: &[],
        required: true,
    },
    Column {
        key: "technique_ru",
        title: "Техника",
        aliases: &["техника по русски"],
        required: true,
    },
    Column {
        key: "technique_en",
        title: "Техника по-английски",
        aliases: &[],
        required: true,
    },
    Column {
        key: "mistakes_ru",
        title: "Ошибки",
        aliases: &["частые ошибки", "ошибки по русски"],
        required: true,
    },
    Column {
        key: "mistakes_en",
        title: "Ошибки по-английски",
        aliases: &[],
        required: true,
    },
    Column {
        key: "easier",
        title: "Легче",
        aliases: &["проще"],
        required: true,
    },
    Column {
        key: "harder",
        title: "Сложнее",
        aliases: &[],
        required: true,
    },
    Column {
        key: "contraindications",
        title: "Беречь",
        aliases: &["противопоказания", "ограничения"],
        required: true,
    },
    Column {
        key: "video",
        title: "Видео",
        aliases: &[],
        required: true,
    },
    Column {
        key: "withdrawn",
        title: "Отозвано",
        aliases: &["не давать"],
        required: false,
    },
];

/// The name under which the library's sheet is known.
pub const SHEET: &str = "exercises";

/// Reads `exercises.csv`. Errors: every wrong cell, at most [`super::MAX_ERRORS`]; also references to variants that
/// don't exist and repeated ids.
pub fn import_exercises(csv: &[u8]) -> Result<ExerciseLibrary, ImportErrors> {
    let sheet = reader::read(csv, SHEET, &COLUMNS)?;
    let mut errors = ImportErrors::default();
    let mut exercises: Vec<(u32, Exercise)> = Vec::with_capacity(sheet.rows.len());
    let mut by_name: BTreeMap<String, usize> = BTreeMap::new();
    for row in &sheet.rows {
        let errors = &mut errors;
        let id = sheet.parse(row, ID, Expected::ExerciseId, errors, exercise_id);
        let name_ru = sheet.parse(row, NAME_RU, Expected::ShortText, errors, |cell| text(cell, 100));
        let name_en = sheet.parse(row, NAME_EN, Expected::ShortText, errors, |cell| text(cell, 100));
        let muscles = sheet.parse(row, MUSCLES, Expected::Muscles, errors, |cell| {
            values::several(cell, Muscle::parse)
        });
        let pattern = sheet.parse(row, PATTERN, Expected::Pattern, errors, Pattern::parse);
        let equipment = sheet.parse(row, EQUIPMENT, Expected::Equipment, errors, values::equipment);
        let mut long = |column| {
            sheet
                .parse(row, column, Expected::ShortText, errors, |cell| text(cell, 600))
                .unwrap_or_default()
        };
        let technique = Localized::new(long(TECHNIQUE_RU), long(TECHNIQUE_EN));
        let mistakes = Localized::new(long(MISTAKES_RU), long(MISTAKES_EN));
        let easier = sheet.parse_optional(row, EASIER, Expected::ExerciseId, errors, exercise_id);
        let harder = sheet.parse_optional(row, HARDER, Expected::ExerciseId, errors, exercise_id);
        let contraindications =
            sheet.parse_optional(row, CONTRAINDICATIONS, Expected::SparedAreas, errors, values::areas);
        let video = sheet.parse_optional(row, VIDEO, Expected::Url, errors, values::https_url);
        let withdrawn = sheet.parse_optional(row, WITHDRAWN, Expected::YesOrEmpty, errors, values::yes_or_no);
        let (Some(id), Some(ru), Some(en), Some(muscles), Some(pattern), Some(equipment)) =
            (id, name_ru, name_en, muscles, pattern, equipment)
        else {
            continue;
        };
        let index = exercises.len();
        for (name, column) in [(&id, ID), (&ru, NAME_RU), (&en, NAME_EN)] {
            let first = by_name.insert(fold(name), index).filter(|first| *first != index);
            if let Some((first_row, _)) = first.and_then(|first| exercises.get(first)) {
                let problem = Problem::DuplicateExercise {
                    id: name.clone(),
                    first_row: *first_row,
                };
                errors.push(sheet.error(row, column, problem));
            }
        }
        exercises.push((
            row.number,
            Exercise {
                id,
                name: Localized::new(ru, en),
                muscles,
                pattern,
                equipment,
                technique,
                mistakes,
                easier,
                harder,
                contraindications: contraindications.unwrap_or_default(),
                video,
                is_withdrawn: withdrawn.unwrap_or_default(),
            },
        ));
    }
    // A variant must exist, unless its own row was refused above and already has its error.
    if errors.errors.is_empty() {
        for (row, exercise) in &exercises {
            for (variant, column) in [(&exercise.easier, EASIER), (&exercise.harder, HARDER)] {
                if let Some(id) = variant
                    && !by_name.contains_key(&fold(id))
                {
                    errors.push(sheet.error_at(
                        *row,
                        column,
                        Problem::UnknownExercise {
                            value: id.clone(),
                            similar: None,
                        },
                    ));
                }
            }
        }
    }
    let exercises: Vec<Exercise> = exercises.into_iter().map(|(_, exercise)| exercise).collect();
    let by_id = exercises
        .iter()
        .enumerate()
        .map(|(index, exercise)| (exercise.id.clone(), index))
        .collect();
    errors.into_result(ExerciseLibrary {
        exercises,
        by_id,
        by_name,
    })
}

fn exercise_id(cell: &str) -> Option<String> {
    let ok = cell.len() <= 60
        && cell
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    ok.then(|| cell.to_owned())
}

pub(super) fn text(cell: &str, longest: usize) -> Option<String> {
    (cell.chars().count() <= longest).then(|| cell.to_owned())
}
