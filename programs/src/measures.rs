//! What the plans tell about exercises: measured by repetitions or by time, done with both sides or one at a time.

use std::collections::{BTreeMap, BTreeSet};

use crate::table::{Exercise, Pattern, PlanTable};

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Measures {
    by_time: BTreeSet<String>,
    by_reps: BTreeSet<String>,
    sides: BTreeMap<String, Side>,
}

impl Measures {
    /// `tables` are linked: their rows name exercises by id.
    pub fn of(tables: [&PlanTable; 2]) -> Self {
        let mut measures = Self::default();
        for row in tables.iter().flat_map(|table| &table.plans).flat_map(|plan| &plan.rows) {
            let set = if row.reps.is_time() {
                &mut measures.by_time
            } else {
                &mut measures.by_reps
            };
            if !set.contains(&*row.exercise) {
                set.insert(row.exercise.to_string());
            }
            let notes = [&row.notes, &row.notes_en];
            let side = notes.into_iter().flatten().find_map(|note| Side::named_in(note));
            if let Some(side) = side
                && !measures.sides.contains_key(&*row.exercise)
            {
                measures.sides.insert(row.exercise.to_string(), side);
            }
        }
        measures
    }

    pub fn knows(&self, exercise: &Exercise) -> bool {
        self.by_time.contains(&exercise.id) || self.by_reps.contains(&exercise.id)
    }

    /// Whether a set of the exercise may be given as a time, or as repetitions.
    /// One that no row uses is measured as its pattern usually is.
    pub fn allows(&self, exercise: &Exercise, is_time: bool) -> bool {
        if !self.knows(exercise) {
            return is_time == matches!(exercise.pattern, Pattern::Cardio | Pattern::Mobility | Pattern::Carry);
        }
        if is_time {
            self.by_time.contains(&exercise.id)
        } else {
            self.by_reps.contains(&exercise.id)
        }
    }

    /// How the repetitions are counted, for an exercise that is done one side at a time.
    pub fn side(&self, exercise: &Exercise) -> Option<Side> {
        self.sides.get(&exercise.id).copied()
    }
}

/// Repetitions counted for one side: a note in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Side {
    pub ru: &'static str,
    pub en: &'static str,
}

impl Side {
    pub const ALL: [Self; 3] = [
        Self {
            ru: "На каждую ногу",
            en: "Each leg",
        },
        Self {
            ru: "На каждую сторону",
            en: "Each side",
        },
        Self {
            ru: "На каждую руку",
            en: "Each arm",
        },
    ];

    pub fn named_in(note: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|side| note.starts_with(side.ru) || note.starts_with(side.en))
    }
}
