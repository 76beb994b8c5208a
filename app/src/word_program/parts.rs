//! A long programme in parts that a model can answer each, and the answers put together again.

use programs::programme::Programme;
use serde_json::{Value, json};

/// What an honest answer takes, measured on Russian ones and rounded up. A cut-off answer is lost, a part more costs little.
const TOKENS_PER_ITEM: u32 = 110;
const TOKENS_PER_DAY: u32 = 40;
const TOKENS_PER_WEEK: u32 = 80;
/// Introduction and closing words.
const TOKENS_AROUND: u32 = 500;

/// Some of the weeks, asked for together.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) programme: Programme,
}

impl Part {
    pub(super) fn weeks(&self) -> Vec<u8> {
        self.programme.weeks.iter().map(|week| week.number).collect()
    }
}

/// Whole weeks, in order, as few parts as the limit of an answer allows and of about the same size. A week that is too
/// long by itself is a part of its own.
pub(super) fn split(programme: &Programme, answer_tokens: u32) -> Vec<Part> {
    let sizes: Vec<u32> = programme.weeks.iter().map(size).collect();
    let room = answer_tokens.saturating_sub(TOKENS_AROUND).max(1);
    let total: u32 = sizes.iter().sum();
    let wanted = total.div_ceil(room).max(1);
    let share = total.div_ceil(wanted).min(room);
    let mut groups: Vec<(u32, Vec<_>)> = Vec::new();
    for (week, size) in programme.weeks.iter().zip(sizes) {
        match groups.last_mut() {
            // Half a week more than the even share is fine as long as the limit holds.
            Some((taken, weeks)) if *taken + size <= room && *taken + size / 2 <= share => {
                *taken += size;
                weeks.push(week.clone());
            }
            _ => groups.push((size, vec![week.clone()])),
        }
    }
    groups
        .into_iter()
        .map(|(_, weeks)| Part {
            programme: Programme {
                weeks,
                ..programme.clone()
            },
        })
        .collect()
}

fn size(week: &programs::programme::Week) -> u32 {
    let days = week.days.iter().map(|day| {
        let items = u32::try_from(day.items.len()).unwrap_or(u32::MAX);
        items.saturating_mul(TOKENS_PER_ITEM).saturating_add(TOKENS_PER_DAY)
    });
    days.fold(TOKENS_PER_WEEK, u32::saturating_add)
}

/// One answer of several: the introduction of the first, the closing words of the last, the weeks of all. A part that has
/// none leaves its weeks out, and the checker sees that. `None` when no part was answered.
pub(super) fn join(texts: &[Option<String>]) -> Option<String> {
    if let [single] = texts {
        return single.clone();
    }
    let answers: Vec<Option<Value>> = texts.iter().map(|text| text.as_deref().and_then(object)).collect();
    if answers.iter().all(Option::is_none) {
        // Unreadable, all of them: the checker says so.
        return texts.iter().flatten().next().cloned();
    }
    let said = |answer: Option<&Option<Value>>, name: &str| {
        answer
            .and_then(Option::as_ref)
            .and_then(|answer| answer.get(name).cloned())
            .unwrap_or_default()
    };
    let weeks: Vec<Value> = answers
        .iter()
        .flatten()
        .filter_map(|answer| answer.get("weeks").and_then(Value::as_array))
        .flatten()
        .cloned()
        .collect();
    let joined = json!({
        "intro": said(answers.first(), "intro"),
        "weeks": weeks,
        "closing": said(answers.last(), "closing"),
    });
    Some(joined.to_string())
}

/// As forgiving as the checker.
pub(super) fn object(text: &str) -> Option<Value> {
    let object = text.get(text.find('{')?..=text.rfind('}')?)?;
    serde_json::from_str(object).ok().filter(Value::is_object)
}

#[cfg(test)]
mod tests {
    use domain::profile::{Equipment, Goal, Level, Lifestyle, Place, Profile, Sex};
    use programs::matching;
    use programs::programme::Scope;
    use programs::templates::Templates;

    use super::*;

    fn twelve_weeks() -> Programme {
        let profile = Profile {
            sex: Sex::Male,
            age_years: 31,
            level: Level::Beginner,
            goal: Goal::Muscle,
            height_cm: 180,
            weight_decikg: 800,
            lifestyle: Lifestyle::Moderate,
            place: Place::Gym,
            equipment: Equipment::Gym,
            days_per_week: 3,
            spared_areas: Vec::new(),
        };
        matching::find(&Templates::shipped().unwrap(), &profile, Scope::AllTwelveWeeks).unwrap()
    }

    #[test]
    fn every_week_is_asked_for_once_and_no_part_is_too_long() {
        let programme = twelve_weeks();
        for limit in [1_000, 2_000, 4_000, 8_000, 16_000, 100_000] {
            let parts = split(&programme, limit);
            let weeks: Vec<u8> = parts.iter().flat_map(Part::weeks).collect();
            assert_eq!(weeks, (1..=12).collect::<Vec<u8>>(), "{limit}");
            for part in &parts {
                let tokens: u32 = part.programme.weeks.iter().map(size).sum();
                assert!(
                    tokens + TOKENS_AROUND <= limit || part.programme.weeks.len() == 1,
                    "{limit}: {tokens}"
                );
            }
        }
        assert_eq!(split(&programme, 100_000).len(), 1);
        assert_eq!(split(&programme, 1_000).len(), 12);
    }

    #[test]
    fn answers_are_put_together_and_holes_stay_holes() {
        let text = |intro: &str, week: u8| {
            Some(json!({ "intro": intro, "weeks": [{ "week": week }], "closing": intro }).to_string())
        };
        let joined: Value = serde_json::from_str(&join(&[text("a", 1), text("b", 2), text("c", 3)]).unwrap()).unwrap();
        assert_eq!((&joined["intro"], &joined["closing"]), (&json!("a"), &json!("c")));
        assert_eq!(joined["weeks"].as_array().unwrap().len(), 3);
        let joined: Value = serde_json::from_str(&join(&[None, text("b", 2)]).unwrap()).unwrap();
        assert_eq!((&joined["intro"], &joined["closing"]), (&Value::Null, &json!("b")));
        assert_eq!(join(&[None, None]), None);
        assert_eq!(join(&[Some("{oops".into()), None]).as_deref(), Some("{oops"));
    }
}
