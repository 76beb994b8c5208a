//! Starting weights: a row's rule, the client's answers and the week give kilograms that can really be loaded, or none.
//!
//! A rule is `<what with> <how much> [+step]...`, in English or Russian:
//!
//! ```text
//! barbell 40% +2.5/week            штанга 40% +2,5/неделя
//! dumbbells 8/11/14% +2/block      гантели 8/11/14% +2/блок
//! machine 20 kg +5 when done       тренажёр 20 кг +5 после всех повторов
//! ```
//!
//! Three values are for beginners, the middle and the advanced. A share is of body weight, but of no more than a body
//! mass index of 27 would weigh: extra kilos don't lift. Weeks before a client has met the exercise don't count towards
//! a step, nor do light weeks, which take 85 % of what they would have been. Whatever comes out is rounded down to
//! weights that exist and kept under [`limit_percent`]. Where a number could mislead (under 18, from 65, a plan above
//! the client's level, less than the empty bar) there is none and RPE decides alone.

use std::fmt;

use domain::language::Language;
use domain::profile::{Level, Place, Profile, Sex};
use serde::{Deserialize, Serialize};

/// What the weight is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Implement {
    /// The whole weight, the bar included.
    Barbell,
    /// One of the two.
    Dumbbells,
    Dumbbell,
    Kettlebell,
    /// What the machine's or cable's stack says.
    Machine,
}

/// A weight to begin a week with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Load {
    pub implement: Implement,
    /// Tenths of a kilogram; of one dumbbell where there are two.
    pub decikg: u16,
    /// What to add once every repetition was done, tenths of a kilogram.
    #[serde(default)]
    pub add_decikg: Option<u16>,
}

impl Load {
    /// `≈ 40 кг с грифом`, `≈ 2 × 10 кг`, and the step in words if the rule has one.
    pub fn text(&self, language: Language) -> String {
        let weight = kilograms(self.decikg, language);
        let mut text = match (self.implement, language) {
            (Implement::Barbell, Language::Ru) => format!("≈ {weight} с грифом"),
            (Implement::Barbell, Language::En) => format!("≈ {weight} with the bar"),
            (Implement::Dumbbells, _) => format!("≈ 2 × {weight}"),
            (Implement::Dumbbell | Implement::Kettlebell | Implement::Machine, _) => format!("≈ {weight}"),
        };
        if let Some(add) = self.add_decikg {
            let add = kilograms(add, language);
            text.push_str(&match language {
                Language::Ru => format!(", получились все повторы: +{add}"),
                Language::En => format!(", all reps done: +{add}"),
            });
        }
        text
    }
}

pub(crate) fn kilograms(decikg: u16, language: Language) -> String {
    let (whole, tenths) = (decikg / 10, decikg % 10);
    match (tenths, language) {
        (0, Language::Ru) => format!("{whole} кг"),
        (0, Language::En) => format!("{whole} kg"),
        (_, Language::Ru) => format!("{whole},{tenths} кг"),
        (_, Language::En) => format!("{whole}.{tenths} kg"),
    }
}

/// How a row's weight is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LoadRule {
    implement: Implement,
    start: Start,
    /// Added for every training week with the exercise before this one, tenths of a kilogram.
    per_week: u16,
    /// Added for every four-week block with the exercise before this one.
    per_block: u16,
    /// Told, not counted.
    when_done: Option<u16>,
}

/// For beginners, the middle and the advanced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Start {
    Percent([u16; 3]),
    Decikg([u16; 3]),
}

/// How often the client has met the exercise before a week.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Met {
    /// Weeks that were no light ones.
    pub weeks: u16,
    pub blocks: u16,
    pub is_deload: bool,
}

impl LoadRule {
    /// Reads a rule; `None` if it is not one.
    pub fn parse(cell: &str) -> Option<Self> {
        let text = cell.to_lowercase().replace('ё', "е").replace(',', ".");
        let mut parts = text.split('+');
        let (implement, start) = parts.next()?.trim().split_once(char::is_whitespace)?;
        let mut rule = Self {
            implement: implement_of(implement)?,
            start: Start::parse(start)?,
            per_week: 0,
            per_block: 0,
            when_done: None,
        };
        for step in parts {
            let step = step.trim();
            let end = step
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .unwrap_or(step.len());
            let (amount, when) = step.split_at_checked(end)?;
            let amount = decikg(amount).filter(|step| (5..=100).contains(step))?;
            let when = when.trim().trim_start_matches("кг").trim_start_matches("kg").trim();
            match when.trim_start_matches('/').trim() {
                "week" | "a week" | "per week" | "неделя" | "неделю" | "нед" | "в неделю" => {
                    rule.per_week = amount;
                }
                "block" | "a block" | "per block" | "блок" | "за блок" => rule.per_block = amount,
                "when done" | "after all reps" | "после всех повторов" | "когда сделаны все повторы" =>
                {
                    rule.when_done = Some(amount);
                }
                _ => return None,
            }
        }
        Some(rule)
    }

    /// The weight for a client in a week; `plan_levels` are those the row's plan is written for.
    pub(crate) fn load(&self, profile: &Profile, plan_levels: &[Level], met: Met) -> Option<Load> {
        let is_above = plan_levels.iter().all(|level| *level > profile.level);
        let age_percent = age_percent(profile.age_years)?;
        if is_above {
            return None;
        }
        let body = reference_weight(profile);
        let at = match profile.level {
            Level::Beginner => 0,
            Level::Intermediate => 1,
            Level::Advanced => 2,
        };
        let start = match self.start {
            Start::Percent(shares) => body * u32::from(*shares.get(at)?) / 100,
            Start::Decikg(values) => u32::from(*values.get(at)?),
        };
        let steps = u32::from(self.per_week) * u32::from(met.weeks) + u32::from(self.per_block) * u32::from(met.blocks);
        let mut limit = body * limit_percent(self.implement, profile.level, profile.sex) / 100;
        if profile.place == Place::Home {
            limit = limit.min(HEAVIEST_AT_HOME);
        }
        let weight = ((start + steps) * age_percent / 100).min(limit);
        let decikg = if met.is_deload {
            lighter(self.implement, weight)?
        } else {
            round_down(self.implement, weight)?
        };
        Some(Load {
            implement: self.implement,
            decikg,
            add_decikg: self.when_done.filter(|_| !met.is_deload),
        })
    }
}

/// As [`LoadRule::parse`] reads it, in English.
impl fmt::Display for LoadRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let implement = match self.implement {
            Implement::Barbell => "barbell",
            Implement::Dumbbells => "dumbbells",
            Implement::Dumbbell => "dumbbell",
            Implement::Kettlebell => "kettlebell",
            Implement::Machine => "machine",
        };
        let plain = |decikg: u16| match decikg % 10 {
            0 => (decikg / 10).to_string(),
            tenths => format!("{}.{tenths}", decikg / 10),
        };
        let (values, unit) = match self.start {
            Start::Percent(shares) => (shares.map(|share| share.to_string()), "%"),
            Start::Decikg(values) => (values.map(plain), " kg"),
        };
        let [first, second, third] = values;
        if first == third {
            write!(f, "{implement} {first}{unit}")?;
        } else {
            write!(f, "{implement} {first}/{second}/{third}{unit}")?;
        }
        for (step, when) in [(self.per_week, "/week"), (self.per_block, "/block")] {
            if step > 0 {
                write!(f, " +{}{when}", plain(step))?;
            }
        }
        if let Some(step) = self.when_done {
            write!(f, " +{} when done", plain(step))?;
        }
        Ok(())
    }
}

impl Start {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(shares) = text.strip_suffix('%') {
            let shares = three(shares, |share| {
                share.parse().ok().filter(|share| (1..=150).contains(share))
            })?;
            return Some(Self::Percent(shares));
        }
        let values = text.strip_suffix("kg").or_else(|| text.strip_suffix("кг"))?;
        three(values, |value| {
            decikg(value).filter(|value| (10..=2000).contains(value))
        })
        .map(Self::Decikg)
    }
}

/// One value for all levels, or three that don't fall.
fn three(text: &str, parse: impl Fn(&str) -> Option<u16>) -> Option<[u16; 3]> {
    let values: Vec<u16> = text.split('/').map(|part| parse(part.trim())).collect::<Option<_>>()?;
    match values.as_slice() {
        [all] => Some([*all; 3]),
        [first, second, third] if first <= second && second <= third => Some([*first, *second, *third]),
        _ => None,
    }
}

fn implement_of(word: &str) -> Option<Implement> {
    Some(match word {
        "barbell" | "штанга" => Implement::Barbell,
        "dumbbells" | "гантели" => Implement::Dumbbells,
        "dumbbell" | "гантель" => Implement::Dumbbell,
        "kettlebell" | "гиря" => Implement::Kettlebell,
        "machine" | "cable" | "тренажер" | "блок" => Implement::Machine,
        _ => return None,
    })
}

/// `2.5` is 25; one decimal at most.
fn decikg(text: &str) -> Option<u16> {
    let (whole, tenths) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
    let tenths = tenths.parse::<u16>().ok().filter(|_| tenths.len() == 1)?;
    whole.parse::<u16>().ok()?.checked_mul(10)?.checked_add(tenths)
}

/// Of a light week's weight.
const DELOAD_PERCENT: u32 = 85;

/// Of the dumbbells people keep at home, tenths of a kilogram.
const HEAVIEST_AT_HOME: u32 = 200;

/// Tenths of a kilogram.
fn reference_weight(profile: &Profile) -> u32 {
    const HIGHEST_INDEX: u32 = 27;
    let height = u32::from(profile.height_cm);
    u32::from(profile.weight_decikg).min(HIGHEST_INDEX * height * height / 1000)
}

/// How much of a rule people of an age begin with; `None` where only the feeling should decide.
const fn age_percent(years: u8) -> Option<u32> {
    match years {
        0..=17 | 65.. => None,
        18..=44 => Some(100),
        45..=54 => Some(90),
        55..=64 => Some(80),
    }
}

/// No rule gives more than this share of body weight: a slip in a sheet must not put 300 kg into a document.
pub const fn limit_percent(implement: Implement, level: Level, sex: Sex) -> u32 {
    let [beginner, intermediate, advanced] = match implement {
        Implement::Barbell => [80, 120, 160],
        Implement::Dumbbells => [20, 30, 40],
        Implement::Dumbbell | Implement::Kettlebell => [25, 35, 45],
        Implement::Machine => [100, 150, 200],
    };
    let percent = match level {
        Level::Beginner => beginner,
        Level::Intermediate => intermediate,
        Level::Advanced => advanced,
    };
    match sex {
        Sex::Male => percent,
        Sex::Female => percent * 4 / 5,
    }
}

/// A light week's weight: less than `decikg` would have been, but not so much less that it is another exercise.
fn lighter(implement: Implement, decikg: u32) -> Option<u16> {
    const LEAST_PERCENT: u32 = 70;
    let usual = round_down(implement, decikg)?;
    let light = round_down(implement, decikg * DELOAD_PERCENT / 100)
        .filter(|light| *light < usual)
        .or_else(|| round_down(implement, u32::from(usual) - 1));
    match light {
        Some(light) if u32::from(light) * 100 >= u32::from(usual) * LEAST_PERCENT => Some(light),
        // Nothing is lighter than the empty bar; fewer sets make the week light.
        None if implement == Implement::Barbell => Some(usual),
        _ => None,
    }
}

/// The nearest weight below that people really find; `None` if even the lightest is more.
fn round_down(implement: Implement, decikg: u32) -> Option<u16> {
    let decikg = u16::try_from(decikg).ok()?;
    let step = |lightest: u16, step: u16| (decikg >= lightest).then(|| decikg - decikg % step);
    match implement {
        // The empty bar weighs 20 kg; the smallest pair of plates adds 2.5.
        Implement::Barbell => step(200, 25),
        Implement::Machine => step(50, 50).or_else(|| step(25, 25)),
        // Whole kilograms up to ten, then every second one.
        Implement::Dumbbells | Implement::Dumbbell if decikg < 120 => step(10, 10).map(|weight| weight.min(100)),
        Implement::Dumbbells | Implement::Dumbbell => step(120, 20),
        Implement::Kettlebell => [40, 60, 80, 100, 120, 160, 200, 240, 280, 320]
            .into_iter()
            .rfind(|weight| *weight <= decikg),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::profile::{Equipment, Goal, Lifestyle};

    fn client(level: Level, weight_decikg: u16) -> Profile {
        Profile {
            sex: Sex::Male,
            age_years: 30,
            level,
            goal: Goal::Muscle,
            height_cm: 180,
            weight_decikg,
            lifestyle: Lifestyle::Moderate,
            place: Place::Gym,
            equipment: Equipment::Gym,
            days_per_week: 3,
            spared_areas: Vec::new(),
        }
    }

    fn decikg_of(rule: &str, profile: &Profile, met: Met) -> Option<u16> {
        LoadRule::parse(rule)
            .unwrap()
            .load(profile, &[profile.level], met)
            .map(|load| load.decikg)
    }

    #[test]
    fn a_rule_reads_the_same_in_both_languages() {
        for (english, russian) in [
            ("barbell 40% +2.5/week", "Штанга 40% +2,5/неделя"),
            ("dumbbells 8/11/14% +2/block", "гантели 8/11/14 % +2 кг за блок"),
            ("machine 20 kg +5 when done", "тренажёр 20 кг +5 после всех повторов"),
            ("kettlebell 12 kg", "гиря 12 кг"),
            (
                "cable 12.5 kg +2.5/block +2.5 when done",
                "блок 12,5кг +2,5/блок +2,5 кг после всех повторов",
            ),
        ] {
            let rule = LoadRule::parse(english);
            assert!(rule.is_some(), "{english}");
            assert_eq!(rule, LoadRule::parse(russian), "{russian}");
            assert_eq!(rule, LoadRule::parse(&rule.unwrap().to_string()), "{english}");
        }
        for wrong in [
            "",
            "40%",
            "barbell",
            "barbell 40",
            "barbell 400%",
            "barbell 50/40/30%",
            "barbell 40% +2.5",
            "barbell 40% +50/week",
            "bar 40%",
            "barbell -40%",
            "barbell 1e3 kg",
            "dumbbells 8/11%",
        ] {
            assert_eq!(LoadRule::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_share_grows_by_training_weeks_and_eases_in_light_ones() {
        let eighty = client(Level::Intermediate, 800);
        let at = |weeks, blocks, is_deload| {
            decikg_of(
                "barbell 40/50/60% +2.5/week",
                &eighty,
                Met {
                    weeks,
                    blocks,
                    is_deload,
                },
            )
        };
        assert_eq!(at(0, 0, false), Some(400));
        assert_eq!(at(2, 0, false), Some(450));
        assert_eq!(at(3, 0, true), Some(400));
        assert_eq!(
            decikg_of(
                "dumbbells 10 kg +2/block",
                &eighty,
                Met {
                    blocks: 1,
                    ..Met::default()
                }
            ),
            Some(120)
        );
    }

    #[test]
    fn only_weights_that_exist_are_named() {
        let eighty = client(Level::Intermediate, 800);
        assert_eq!(
            decikg_of("dumbbells 14%", &eighty, Met::default()),
            Some(100),
            "11.2 kg is not on the rack"
        );
        assert_eq!(decikg_of("kettlebell 18%", &eighty, Met::default()), Some(120));
        assert_eq!(decikg_of("machine 33%", &eighty, Met::default()), Some(250));
        assert_eq!(
            decikg_of("barbell 20%", &eighty, Met::default()),
            None,
            "less than the bar"
        );
    }

    #[test]
    fn where_a_number_could_mislead_there_is_none() {
        let rule = LoadRule::parse("barbell 40%").unwrap();
        let beginner = client(Level::Beginner, 800);
        assert_eq!(rule.load(&beginner, &[Level::Intermediate], Met::default()), None);
        for age_years in [14, 17, 65, 80] {
            let client = Profile {
                age_years,
                ..beginner.clone()
            };
            assert_eq!(rule.load(&client, &[Level::Beginner], Met::default()), None);
        }
        let heavy = client(Level::Beginner, 1800);
        assert_eq!(
            decikg_of("barbell 40%", &heavy, Met::default()),
            Some(325),
            "extra kilos don't lift"
        );
        let slip = client(Level::Beginner, 800);
        assert_eq!(
            decikg_of(
                "barbell 150% +10/week",
                &slip,
                Met {
                    weeks: 9,
                    ..Met::default()
                }
            ),
            Some(625)
        );
    }

    #[test]
    fn a_load_is_told_in_the_readers_words() {
        let load = |implement, decikg, add_decikg| Load {
            implement,
            decikg,
            add_decikg,
        };
        assert_eq!(
            load(Implement::Barbell, 425, None).text(Language::Ru),
            "≈ 42,5 кг с грифом"
        );
        assert_eq!(load(Implement::Dumbbells, 100, None).text(Language::En), "≈ 2 × 10 kg");
        assert_eq!(
            load(Implement::Machine, 250, Some(50)).text(Language::Ru),
            "≈ 25 кг, получились все повторы: +5 кг"
        );
    }
}
