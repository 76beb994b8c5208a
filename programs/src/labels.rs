//! The words of the answers, as people read them.

use domain::language::Language;
use domain::profile::{Equipment, Goal, Level, Lifestyle, Place, Sex, SparedArea};

const fn pick(language: Language, ru: &'static str, en: &'static str) -> &'static str {
    match language {
        Language::Ru => ru,
        Language::En => en,
    }
}

pub(crate) const fn sex(value: Sex, language: Language) -> &'static str {
    match value {
        Sex::Male => pick(language, "мужской", "male"),
        Sex::Female => pick(language, "женский", "female"),
    }
}

pub(crate) const fn level(value: Level, language: Language) -> &'static str {
    match value {
        Level::Beginner => pick(language, "начинающий", "beginner"),
        Level::Intermediate => pick(language, "средний", "intermediate"),
        Level::Advanced => pick(language, "продвинутый", "advanced"),
    }
}

pub(crate) const fn goal(value: Goal, language: Language) -> &'static str {
    match value {
        Goal::FatLoss => pick(language, "снижение веса", "fat loss"),
        Goal::Muscle => pick(language, "набор мышц", "building muscle"),
        Goal::Strength => pick(language, "сила", "strength"),
        Goal::Health => pick(language, "здоровье и тонус", "health and energy"),
    }
}

pub(crate) const fn place(value: Place, language: Language) -> &'static str {
    match value {
        Place::Home => pick(language, "дом", "home"),
        Place::Gym => pick(language, "тренажёрный зал", "gym"),
    }
}

pub(crate) const fn place_where(value: Place, language: Language) -> &'static str {
    match value {
        Place::Home => pick(language, "для дома", "for home"),
        Place::Gym => pick(language, "для зала", "for the gym"),
    }
}

pub(crate) const fn equipment(value: Equipment, language: Language) -> &'static str {
    match value {
        Equipment::None => pick(language, "без инвентаря", "no equipment"),
        Equipment::Basic => pick(language, "гантели и резинки", "dumbbells and bands"),
        Equipment::Gym => pick(language, "оборудование зала", "gym equipment"),
    }
}

pub(crate) const fn lifestyle(value: Lifestyle, language: Language) -> &'static str {
    match value {
        Lifestyle::Sedentary => pick(language, "в основном сидячий", "mostly sitting"),
        Lifestyle::Moderate => pick(language, "умеренно подвижный", "moderately active"),
        Lifestyle::Active => pick(language, "подвижный", "active"),
    }
}

/// In the accusative in Russian: "бережём колени".
pub(crate) const fn spared_area(value: SparedArea, language: Language) -> &'static str {
    match value {
        SparedArea::Knees => pick(language, "колени", "knees"),
        SparedArea::LowerBack => pick(language, "поясницу", "lower back"),
        SparedArea::Shoulders => pick(language, "плечи", "shoulders"),
        SparedArea::Neck => pick(language, "шею", "neck"),
        SparedArea::Wrists => pick(language, "запястья", "wrists"),
    }
}
