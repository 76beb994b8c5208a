//! The wording that needs nobody: always there, honest, without a number in it.

use domain::language::Language;
use domain::profile::{Goal, Level, Place, Profile};

use super::{Cue, DayWording, WeekWording, Wording};
use crate::programme::{Day, Programme, Week};
use crate::table::Pattern;
use crate::text::capitalized;

/// Words a programme from its own data.
pub fn plain(programme: &Programme, profile: &Profile, language: Language) -> Wording {
    let last = programme.weeks.last().map_or(0, |week| week.number);
    Wording {
        intro: intro(profile, language),
        weeks: programme
            .weeks
            .iter()
            .map(|week| WeekWording {
                week: week.number,
                focus: focus(week, profile.goal, language).to_owned(),
                days: week.days.iter().map(|day| day_wording(day, language)).collect(),
            })
            .collect(),
        closing: closing(last, language).to_owned(),
    }
}

fn day_wording(day: &Day, language: Language) -> DayWording {
    DayWording {
        day: day.number,
        title: title(day, language),
        cues: day
            .items
            .iter()
            .map(|item| Cue {
                id: item.row_id.clone(),
                text: String::new(),
            })
            .collect(),
    }
}

fn intro(profile: &Profile, language: Language) -> String {
    let ru = language == Language::Ru;
    let goal = match (profile.goal, ru) {
        (Goal::FatLoss, true) => {
            "Эта программа помогает стать легче и сохранить мышцы: силовая работа держит тело крепким, а темп и короткий отдых добавляют расход энергии."
        }
        (Goal::FatLoss, false) => {
            "This programme helps you get lighter and keep your muscle: strength work keeps the body strong, pace and short rests add to what you burn."
        }
        (Goal::Muscle, true) => {
            "Эта программа построена вокруг роста мышц: достаточный объём, понятная прогрессия и время на восстановление."
        }
        (Goal::Muscle, false) => {
            "This programme is built around growing muscle: enough volume, clear progression and time to recover."
        }
        (Goal::Strength, true) => {
            "Эта программа учит тело быть сильным: главные движения повторяются из недели в неделю, а вес растёт постепенно."
        }
        (Goal::Strength, false) => {
            "This programme teaches the body to be strong: the main movements come back week after week and the load grows step by step."
        }
        (Goal::Health, true) => {
            "Эта программа о здоровье и хорошем самочувствии: тренируем всё тело, добавляем подвижность и выносливость, без рывков и перегрузок."
        }
        (Goal::Health, false) => {
            "This programme is about health and feeling well: we train the whole body, add mobility and stamina, without rush or overload."
        }
    };
    let level = match (profile.level, ru) {
        (Level::Beginner, true) => {
            "Вы в начале пути, поэтому сначала осваиваем технику. Не спешите с нагрузкой: спокойное начало быстрее приводит к привычке."
        }
        (Level::Beginner, false) => {
            "You are at the start, so technique comes first. Don't hurry the load: a calm beginning makes a habit sooner."
        }
        (Level::Intermediate, true) => {
            "Основы вам знакомы, поэтому внимание на ровную прогрессию: немного больше, чем в прошлый раз, и всегда с чистой техникой."
        }
        (Level::Intermediate, false) => {
            "You know the basics, so the attention is on steady progression: a little more than last time, always with clean technique."
        }
        (Level::Advanced, true) => {
            "Опыт у вас есть, поэтому главное сейчас точность: держите указанную интенсивность и не пропускайте лёгкие недели, они часть плана."
        }
        (Level::Advanced, false) => {
            "You have experience, so precision matters most: keep the given intensity and don't skip the light weeks, they are part of the plan."
        }
    };
    let place = match (profile.place, ru) {
        (Place::Home, true) => "Всё можно делать дома: понадобится немного места и желание.",
        (Place::Home, false) => "All of it can be done at home: you need a little space and the wish to do it.",
        (Place::Gym, true) => {
            "Программа рассчитана на зал. Если тренажёр занят, начните со следующего упражнения и вернитесь."
        }
        (Place::Gym, false) => {
            "It is made for the gym. If a machine is taken, start with the next exercise and come back."
        }
    };
    format!("{goal} {level} {place}")
}

fn focus(week: &Week, goal: Goal, language: Language) -> &'static str {
    let ru = language == Language::Ru;
    if week.is_deload {
        return if ru {
            "Лёгкая неделя. Нагрузки меньше нарочно: тело догоняет и становится сильнее. Не добавляйте сверху."
        } else {
            "A light week. There is less on purpose: the body catches up and gets stronger. Don't add to it."
        };
    }
    match (week.number, ru) {
        (1, true) => "Знакомимся с упражнениями. Оставляйте запас сил и следите за техникой.",
        (1, false) => "Getting to know the exercises. Leave something in the tank and watch your technique.",
        (2, true) => "Повторяем знакомое увереннее. Если техника чистая, можно взять чуть больше.",
        (2, false) => "The same with more confidence. If technique is clean, you may take a little more.",
        (3, true) => "Самая плотная неделя первого блока. Спите достаточно и держите темп.",
        (3, false) => "The densest week of the first block. Sleep enough and keep the pace.",
        (5, true) => "Новый блок. После отдыха тело готово работать: вернитесь к привычной нагрузке.",
        (5, false) => "A new block. After the rest the body is ready: come back to your usual load.",
        (6, true) => match goal {
            Goal::FatLoss => "Держим ровный темп и не растягиваем отдых: так сердце работает вместе с мышцами.",
            Goal::Muscle => "Ищем ощущение в мышцах: медленно вниз, уверенно вверх.",
            Goal::Strength => "Прибавляем понемногу и отдыхаем полностью: сила любит терпение.",
            Goal::Health => "Слушаем тело: движения плавные, дыхание ровное.",
        },
        (6, false) => match goal {
            Goal::FatLoss => "An even pace and honest rests: the heart works together with the muscles.",
            Goal::Muscle => "Feel the muscle: slowly down, firmly up.",
            Goal::Strength => "Add a little and rest fully: strength likes patience.",
            Goal::Health => "Listen to your body: smooth movement, even breath.",
        },
        (7, true) => "Пик второго блока. Последние повторения могут быть трудными, техника остаётся чистой.",
        (7, false) => "The peak of the second block. The last repetitions may be hard, technique stays clean.",
        (9, true) => "Последний блок. Сравните свои записи с первой неделей: разница уже видна.",
        (9, false) => "The last block. Compare your notes with the first week: you can see how far you have come.",
        (10, true) => "Работаем уверенно и ровно. Лучший день тот, в который вы пришли.",
        (10, false) => "Confident, even work. The best day is the one you showed up on.",
        (11, true) => "Самая сильная неделя программы. Покажите себе, чему научились.",
        (11, false) => "The strongest week of the programme. Show yourself what you have learned.",
        (_, true) => "Продолжаем: немного увереннее, чем неделей раньше.",
        (_, false) => "On we go: a little more confident than the week before.",
    }
}

fn closing(last_week: u8, language: Language) -> &'static str {
    let is_start = last_week < crate::table::WEEKS;
    match (is_start, language) {
        (true, Language::Ru) => {
            "Это начало, и самое трудное в нём уже позади: вы решились. Сделайте эти тренировки в своём темпе, отмечайте, что получилось, и напишите нам, если что-то непонятно."
        }
        (true, Language::En) => {
            "This is the beginning, and its hardest part is behind you: you decided. Take these workouts at your own pace, note what went well, and write to us if anything is unclear."
        }
        (false, Language::Ru) => {
            "Вы держите в руках весь путь целиком. Будут дни легче и труднее, важно просто возвращаться. Ведите записи, берегите себя и пишите нам с любым вопросом."
        }
        (false, Language::En) => {
            "You are holding the whole way in your hands. Some days will be easier than others; what counts is coming back. Keep notes, take care of yourself, and write to us with any question."
        }
    }
}

/// What a workout is about, told by its movements.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Legs,
    Glutes,
    Push,
    Pull,
    Core,
    Cardio,
    Arms,
    Mobility,
}

const GROUPS: [Group; 8] = [
    Group::Legs,
    Group::Glutes,
    Group::Push,
    Group::Pull,
    Group::Core,
    Group::Cardio,
    Group::Arms,
    Group::Mobility,
];

const fn group(pattern: Pattern) -> Group {
    match pattern {
        Pattern::Squat | Pattern::Hinge | Pattern::Lunge | Pattern::Calf => Group::Legs,
        Pattern::Glute => Group::Glutes,
        Pattern::PushHorizontal | Pattern::PushVertical | Pattern::IsolationShoulders => Group::Push,
        Pattern::PullHorizontal | Pattern::PullVertical => Group::Pull,
        Pattern::Core | Pattern::Carry => Group::Core,
        Pattern::Cardio => Group::Cardio,
        Pattern::IsolationArms => Group::Arms,
        Pattern::Mobility => Group::Mobility,
    }
}

impl Group {
    const fn name(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Legs, Language::Ru) => "ноги",
            (Self::Legs, Language::En) => "legs",
            (Self::Glutes, Language::Ru) => "ягодицы",
            (Self::Glutes, Language::En) => "glutes",
            (Self::Push, Language::Ru) => "грудь и плечи",
            (Self::Push, Language::En) => "chest and shoulders",
            (Self::Pull, Language::Ru) => "спина",
            (Self::Pull, Language::En) => "back",
            (Self::Core, Language::Ru) => "кор",
            (Self::Core, Language::En) => "core",
            (Self::Cardio, Language::Ru) => "выносливость",
            (Self::Cardio, Language::En) => "stamina",
            (Self::Arms, Language::Ru) => "руки",
            (Self::Arms, Language::En) => "arms",
            (Self::Mobility, Language::Ru) => "подвижность",
            (Self::Mobility, Language::En) => "mobility",
        }
    }

    /// "с акцентом на спину".
    const fn accent_ru(self) -> &'static str {
        match self {
            Self::Pull => "спину",
            other => other.name(Language::Ru),
        }
    }
}

fn title(day: &Day, language: Language) -> String {
    let mut shares: Vec<(Group, u32)> = GROUPS
        .iter()
        .map(|wanted| {
            let sets = day
                .items
                .iter()
                .filter(|item| Pattern::parse(&item.pattern).is_some_and(|pattern| group(pattern) == *wanted))
                .map(|item| u32::from(item.sets))
                .sum();
            (*wanted, sets)
        })
        .filter(|(_, sets)| *sets > 0)
        .collect();
    // Intervals and mobility finish a workout of strength; they name it only if they are all of it.
    let finishes = |group: Group| matches!(group, Group::Cardio | Group::Mobility);
    if shares.iter().any(|(group, _)| !finishes(*group)) {
        shares.retain(|(group, _)| !finishes(*group));
    }
    // A stable sort: equal shares keep the order of GROUPS.
    shares.sort_by_key(|(_, sets)| std::cmp::Reverse(*sets));
    let has = |wanted: Group| shares.iter().any(|(found, _)| *found == wanted);
    let lower = has(Group::Legs) || has(Group::Glutes);
    let upper = has(Group::Push) || has(Group::Pull);
    let total: u32 = shares.iter().map(|(_, sets)| sets).sum();
    let Some((first, most)) = shares.first().copied() else {
        return match language {
            Language::Ru => "Тренировка".to_owned(),
            Language::En => "Workout".to_owned(),
        };
    };
    let is_whole_body = lower && upper && most * 2 <= total + most.min(2);
    if is_whole_body {
        let second = shares.get(1).map_or(0, |(_, sets)| *sets);
        return match (most > second, language) {
            (true, Language::Ru) => format!("Всё тело, акцент на {}", first.accent_ru()),
            (true, Language::En) => format!("Full body, focus on {}", first.name(language)),
            (false, Language::Ru) => "Всё тело".to_owned(),
            (false, Language::En) => "Full body".to_owned(),
        };
    }
    let mut names: Vec<&str> = shares.iter().take(2).map(|(group, _)| group.name(language)).collect();
    let joined = match (names.pop(), names.pop(), language) {
        (Some(second), Some(first), _) if first.contains(' ') || second.contains(' ') => format!("{first}, {second}"),
        (Some(second), Some(first), Language::Ru) => format!("{first} и {second}"),
        (Some(second), Some(first), Language::En) => format!("{first} and {second}"),
        (single, _, _) => single.unwrap_or_default().to_owned(),
    };
    capitalized(&joined)
}
