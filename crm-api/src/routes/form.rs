//! The questionnaire's form between the wire and the domain.

use api_types::crm::{Condition, Form, FormChoice, FormQuestion, NumberUnit, QuestionKind};
use domain::questionnaire as domain_form;
use domain::questionnaire::{Choice, Kind, NumberKind, Question, Unit};

use super::clients::{read_text, show_text};

pub(super) fn read_form(form: Form) -> domain_form::Form {
    domain_form::Form {
        questions: form.questions.into_iter().map(read_question).collect(),
    }
}

fn read_question(question: FormQuestion) -> Question {
    Question {
        id: question.id,
        kind: match question.kind {
            QuestionKind::Choice { options } => Kind::Choice {
                options: options.into_iter().map(read_choice).collect(),
            },
            QuestionKind::Choices { options } => Kind::Choices {
                options: options.into_iter().map(read_choice).collect(),
            },
            QuestionKind::Number {
                unit,
                min_tenths,
                max_tenths,
                allows_fraction,
            } => Kind::Number(NumberKind {
                unit: read_unit(unit),
                min_tenths,
                max_tenths,
                allows_fraction,
            }),
        },
        text: read_text(question.text),
        label: read_text(question.label),
        why: question.why.map(read_text),
        is_optional: question.is_optional,
        when: question.when.map(|condition| domain_form::Condition {
            question: condition.question,
            any_of: condition.any_of,
        }),
    }
}

fn read_choice(choice: FormChoice) -> Choice {
    Choice {
        id: choice.id,
        label: read_text(choice.label),
        is_red_flag: choice.is_red_flag,
        is_none: choice.is_none,
    }
}

const fn read_unit(unit: NumberUnit) -> Unit {
    match unit {
        NumberUnit::Years => Unit::Years,
        NumberUnit::Centimetres => Unit::Centimetres,
        NumberUnit::Kilograms => Unit::Kilograms,
        NumberUnit::None => Unit::None,
    }
}

pub(super) fn show_question(question: Question) -> FormQuestion {
    FormQuestion {
        id: question.id,
        kind: match question.kind {
            Kind::Choice { options } => QuestionKind::Choice {
                options: options.into_iter().map(show_choice).collect(),
            },
            Kind::Choices { options } => QuestionKind::Choices {
                options: options.into_iter().map(show_choice).collect(),
            },
            Kind::Number(number) => QuestionKind::Number {
                unit: show_unit(number.unit),
                min_tenths: number.min_tenths,
                max_tenths: number.max_tenths,
                allows_fraction: number.allows_fraction,
            },
        },
        text: show_text(question.text),
        label: show_text(question.label),
        why: question.why.map(show_text),
        is_optional: question.is_optional,
        when: question.when.map(|condition| Condition {
            question: condition.question,
            any_of: condition.any_of,
        }),
    }
}

fn show_choice(choice: Choice) -> FormChoice {
    FormChoice {
        id: choice.id,
        label: show_text(choice.label),
        is_red_flag: choice.is_red_flag,
        is_none: choice.is_none,
    }
}

const fn show_unit(unit: Unit) -> NumberUnit {
    match unit {
        Unit::Years => NumberUnit::Years,
        Unit::Centimetres => NumberUnit::Centimetres,
        Unit::Kilograms => NumberUnit::Kilograms,
        Unit::None => NumberUnit::None,
    }
}
