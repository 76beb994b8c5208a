//! What the plans tell about exercises: measured by repetitions or by time, done with both sides or one at a time.

use std::collections::{BTreeMap, BTreeSet};

use crate::table::{Exercise, Pattern, PlanTable};

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Measures {
    by_time: BTreeSet<String>,
    by_reps: BTreeSet<String>,
    side_notes: BTreeMap<String, String>,
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
            if !set.contains(&row.exercise) {
                set.insert(row.exercise.clone());
            }
            let first = row.notes.as_deref().and_then(|note| note.split(". ").next());
            if let Some(side) = first.filter(|sentence| sentence.starts_with("На каждую "))
                && !measures.side_notes.contains_key(&row.exercise)
            {
                measures.side_notes.insert(row.exercise.clone(), side.to_owned());
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

    /// "На каждую ногу" for an exercise that is done one side at a time.
    pub fn side_note(&self, exercise: &Exercise) -> Option<&str> {
        self.side_notes.get(&exercise.id).map(String::as_str)
    }
}
