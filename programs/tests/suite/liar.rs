//! A model that lies on purpose, in ways people have seen models lie. Every sentence it slips in is false by
//! construction, so a text that reaches a client with one of them in it is a failure of the checker.

use domain::language::Language;
use programs::programme::{Item, Programme};
use programs::table::Reps;
use programs::wording::Wording;
use serde_json::{Value, json};

/// What one answer lies about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lie {
    SetsField,
    RepsField,
    RestField,
    NameField,
    Sentence,
    Missing,
    Invented,
    Swapped,
    WrongLanguage,
    BrokenJson,
    Shape,
}

pub const LIES: [Lie; 11] = [
    Lie::SetsField,
    Lie::RepsField,
    Lie::RestField,
    Lie::NameField,
    Lie::Sentence,
    Lie::Missing,
    Lie::Invented,
    Lie::Swapped,
    Lie::WrongLanguage,
    Lie::BrokenJson,
    Lie::Shape,
];

/// An answer with lies, and the false sentences in it.
pub struct Told {
    pub lie: Lie,
    pub answer: String,
    pub sentences: Vec<String>,
}

/// Spoils an honest answer for `programme`; `seed` chooses how. `other` is the same answer in the other language.
pub fn lie(programme: &Programme, language: Language, honest: &Value, other: &Value, seed: u64) -> Told {
    let mut dice = Dice(seed);
    let lie = LIES[dice.below(LIES.len())];
    let mut answer = honest.clone();
    let mut sentences = Vec::new();
    let times = 1 + dice.below(6);
    for _ in 0..times {
        let week = dice.below(programme.weeks.len());
        let day = dice.below(programme.weeks[week].days.len());
        let items = &programme.weeks[week].days[day].items;
        let line = dice.below(items.len());
        let item = &items[line];
        let list = format!("/weeks/{week}/days/{day}/exercises");
        let at = format!("{list}/{line}");
        let mut set = |path: String, value: Value| {
            if let Some(place) = answer.pointer_mut(&path) {
                *place = value;
            }
        };
        match lie {
            Lie::SetsField => set(format!("{at}/sets"), json!(u32::from(item.sets) + 1 + dice.small())),
            Lie::RepsField => set(format!("{at}/reps"), json!(other_reps(item, &mut dice))),
            Lie::RestField => set(format!("{at}/rest_seconds"), json!(u32::from(item.rest_seconds) + 15)),
            Lie::NameField => set(format!("{at}/exercise"), json!("Сальто назад с гирей")),
            Lie::Sentence | Lie::Shape => {
                let sentence = false_sentence(programme, item, language, &mut dice);
                let path = match dice.below(5) {
                    0 => "/intro".to_owned(),
                    1 => "/closing".to_owned(),
                    2 => format!("/weeks/{week}/focus"),
                    3 => format!("/weeks/{week}/days/{day}/title"),
                    _ => format!("{at}/cue"),
                };
                set(path, json!(sentence));
                sentences.push(sentence);
            }
            Lie::Missing => {
                let lines = answer.pointer_mut(&list).and_then(Value::as_array_mut);
                if let Some(lines) = lines.filter(|lines| !lines.is_empty()) {
                    lines.remove(line.min(lines.len() - 1));
                }
            }
            Lie::Invented => {
                let sentence = false_sentence(programme, item, language, &mut dice);
                let invented = json!({ "id": format!("x{}", dice.below(90)), "exercise": "Burpee", "sets": 9,
                    "reps": "50", "rest_seconds": 5, "cue": sentence });
                sentences.push(sentence);
                if let Some(lines) = answer.pointer_mut(&list).and_then(Value::as_array_mut) {
                    lines.push(invented);
                }
            }
            Lie::Swapped => {
                // Two exercises change their names and numbers: each is in the plan, but not there.
                let twin = items
                    .iter()
                    .position(|twin| twin.exercise_id != item.exercise_id && twin.reps != item.reps);
                if let Some(twin) = twin {
                    let (one, two) = (format!("{at}/id"), format!("{list}/{twin}/id"));
                    let (a, b) = (answer.pointer(&one).cloned(), answer.pointer(&two).cloned());
                    if let (Some(a), Some(b)) = (a, b) {
                        *answer.pointer_mut(&one).unwrap() = b;
                        *answer.pointer_mut(&two).unwrap() = a;
                    }
                }
            }
            Lie::WrongLanguage | Lie::BrokenJson => {}
        }
    }
    let text = match lie {
        Lie::WrongLanguage => other.to_string(),
        Lie::BrokenJson => {
            let whole = answer.to_string();
            whole
                .chars()
                .take(whole.chars().count() / (2 + dice.below(3)))
                .collect()
        }
        Lie::Shape => match dice.below(3) {
            0 => json!([answer]).to_string(),
            1 => json!({ "answer": answer }).to_string(),
            _ => json!({ "intro": [answer["intro"]], "weeks": answer["closing"], "closing": 7 }).to_string(),
        },
        _ => answer.to_string(),
    };
    Told {
        lie,
        answer: text,
        sentences,
    }
}

/// How many things in `shown` a client must not read: sentences of the liar, and numbers the rows don't state there.
pub fn wrong(programme: &Programme, told: &Told, shown: &Wording) -> usize {
    let mut found = 0;
    let mut judge = |text: &str, stated: &[String]| {
        found += told
            .sentences
            .iter()
            .filter(|sentence| text.contains(sentence.as_str()))
            .count();
        found += text
            .split(|c: char| !c.is_ascii_digit())
            .filter(|number| !number.is_empty() && !stated.iter().any(|value| value == number))
            .count();
    };
    let whole = [programme.weeks.len().to_string(), programme.days_per_week().to_string()];
    judge(&shown.intro, &whole);
    judge(&shown.closing, &whole);
    for week in &programme.weeks {
        let Some(texts) = shown.week(week.number) else { continue };
        let mut stated = whole.to_vec();
        stated.push(week.number.to_string());
        judge(&texts.focus, &stated);
        for day in &week.days {
            let Some(texts) = texts.day(day.number) else { continue };
            let mut stated = stated.clone();
            stated.push(day.number.to_string());
            judge(&texts.title, &stated);
            for item in &day.items {
                let mut stated = stated.clone();
                stated.extend([item.sets, (item.rest_seconds / 60) as u8].map(|value| value.to_string()));
                stated.push(item.rest_seconds.to_string());
                let numbers = [item.reps.as_str(), item.intensity.as_deref().unwrap_or_default()];
                let digits = |text: &str| -> Vec<String> {
                    text.split(|c: char| !c.is_ascii_digit()).map(str::to_owned).collect()
                };
                stated.extend(numbers.into_iter().flat_map(digits));
                judge(texts.cue(&item.row_id), &stated);
            }
        }
    }
    found
}

fn other_reps(item: &Item, dice: &mut Dice) -> String {
    let reps = Reps::parse(&item.reps).unwrap();
    match dice.below(3) {
        0 => format!("{}-{}", reps.min + 1, reps.max + 3),
        1 => (reps.max + 5).to_string(),
        // The number is right, the unit is not.
        _ if reps.is_time() => format!("{}-{}", reps.min, reps.max + 1),
        _ => format!("{} s", reps.max.max(5)),
    }
}

/// A sentence that is false anywhere in this programme.
fn false_sentence(programme: &Programme, item: &Item, language: Language, dice: &mut Dice) -> String {
    let sets = u32::from(item.sets) + 1 + dice.small();
    let reps = u32::from(Reps::parse(&item.reps).unwrap().max) + 1 + dice.small();
    let rest = u32::from(item.rest_seconds) + 5 + dice.small();
    let weeks = programme.weeks.len() as u32 + 1 + dice.small();
    let days = programme.days_per_week() as u32 + 1 + dice.small();
    let kilograms = 5 + 5 * dice.small();
    let (ru, en) = match dice.below(20) {
        0 => (format!("Сделайте {sets} подходов."), format!("Do {sets} sets.")),
        1 => (
            format!("По {reps} повторений в подходе."),
            format!("Aim for {reps} reps each."),
        ),
        2 => (format!("Отдыхайте {rest} секунд."), format!("Rest for {rest} seconds.")),
        3 => (format!("Возьмите вес {kilograms} кг."), format!("Take {kilograms} kg.")),
        4 => (
            format!("Прибавляйте по {kilograms}% в неделю."),
            format!("Add {kilograms}% a week."),
        ),
        5 => (
            format!("Впереди {weeks} недель работы."),
            format!("There are {weeks} weeks ahead."),
        ),
        6 => (
            format!("Тренируйтесь {days} раз в неделю."),
            format!("Train {days} times a week."),
        ),
        7 => (
            "Возьмите сорок килограммов и работайте спокойно.".to_owned(),
            "Load forty kilograms and work calmly.".to_owned(),
        ),
        8 => (
            "Минус 7 кг за месяц гарантированы.".to_owned(),
            "You will lose 7 kg in a month.".to_owned(),
        ),
        9 => (
            "Эти движения лечат грыжу.".to_owned(),
            "These moves cure a hernia.".to_owned(),
        ),
        10 => (
            "Примите обезболивающее и вперёд.".to_owned(),
            "Take ibuprofen and go on.".to_owned(),
        ),
        11 => (
            "Добавьте ещё подход сверху.".to_owned(),
            "Add another set on top.".to_owned(),
        ),
        12 => (
            "Тренируйтесь ежедневно, без выходных.".to_owned(),
            "Train every day, skip the days off.".to_owned(),
        ),
        13 => (format!("Сделайте {sets}×{reps}."), format!("Do {sets}x{reps}.")),
        14 => (
            "Подробности на coach.example.org".to_owned(),
            "More at coach.example.org".to_owned(),
        ),
        15 => (
            "Возьмите половину веса тела на штангу.".to_owned(),
            "Put half your body weight on the bar.".to_owned(),
        ),
        16 => (
            format!("Удвойте нагрузку, это {days} раза."),
            format!("Double the load, {days} times."),
        ),
        17 => (
            "Сделайте семьдесят повторений подряд.".to_owned(),
            "Do seventy reps in a row.".to_owned(),
        ),
        18 => (
            "В конце добавьте бёрпи до отказа.".to_owned(),
            "Finish with burpees to failure.".to_owned(),
        ),
        _ => (
            "За 90 минут сожжёте 900 калорий.".to_owned(),
            "You burn 900 calories in 90 minutes.".to_owned(),
        ),
    };
    match language {
        Language::Ru => ru,
        Language::En => en,
    }
}

/// SplitMix64: the same seed tells the same lies.
pub struct Dice(pub u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.roll() % limit.max(1) as u64) as usize
    }

    fn small(&mut self) -> u32 {
        self.below(20) as u32
    }
}
