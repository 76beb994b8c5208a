//! Button actions and their compact wire form, at most 64 bytes (Telegram's `callback_data`).

use std::fmt;

use crate::ids::{ClientId, Id, LeadId, QuestionnaireId};
use crate::language::Language;

/// What a client's button does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action<'a> {
    Menu,
    Free,
    Continue,
    Restart,
    RestartYes,
    MyProgram,
    Prices,
    Faq,
    FaqItem(usize),
    Contacts,
    AskTrainer,
    Settings,
    Language(Language),
    Consent(bool),
    Marketing(bool),
    Answer {
        tag: &'a str,
        question: &'a str,
        option: &'a str,
    },
    Done {
        tag: &'a str,
        question: &'a str,
    },
    Skip {
        tag: &'a str,
        question: &'a str,
    },
    Back {
        tag: &'a str,
        question: &'a str,
    },
    Why {
        tag: &'a str,
        question: &'a str,
    },
    Edit {
        tag: &'a str,
        question: &'a str,
    },
    Confirm {
        tag: &'a str,
    },
}

impl<'a> Action<'a> {
    /// `None` for anything that is not one of ours.
    pub fn parse(text: &'a str) -> Option<Self> {
        let yes = |value: &str| match value {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        };
        let parts: Vec<&'a str> = text.split(':').collect();
        Some(match parts.as_slice() {
            ["menu"] => Self::Menu,
            ["free"] => Self::Free,
            ["continue"] => Self::Continue,
            ["restart"] => Self::Restart,
            ["restart", "yes"] => Self::RestartYes,
            ["program"] => Self::MyProgram,
            ["prices"] => Self::Prices,
            ["faq"] => Self::Faq,
            ["faq", index] => Self::FaqItem(index.parse().ok()?),
            ["contacts"] => Self::Contacts,
            ["ask"] => Self::AskTrainer,
            ["settings"] => Self::Settings,
            ["lang", code] => Self::Language(Language::parse(code)?),
            ["consent", value] => Self::Consent(yes(value)?),
            ["marketing", value] => Self::Marketing(yes(value)?),
            ["q", tag, question, option] => Self::Answer { tag, question, option },
            ["done", tag, question] => Self::Done { tag, question },
            ["skip", tag, question] => Self::Skip { tag, question },
            ["back", tag, question] => Self::Back { tag, question },
            ["why", tag, question] => Self::Why { tag, question },
            ["edit", tag, question] => Self::Edit { tag, question },
            ["confirm", tag] => Self::Confirm { tag },
            _ => return None,
        })
    }
}

impl fmt::Display for Action<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let yes = |value: bool| if value { "yes" } else { "no" };
        match self {
            Self::Menu => f.write_str("menu"),
            Self::Free => f.write_str("free"),
            Self::Continue => f.write_str("continue"),
            Self::Restart => f.write_str("restart"),
            Self::RestartYes => f.write_str("restart:yes"),
            Self::MyProgram => f.write_str("program"),
            Self::Prices => f.write_str("prices"),
            Self::Faq => f.write_str("faq"),
            Self::FaqItem(index) => write!(f, "faq:{index}"),
            Self::Contacts => f.write_str("contacts"),
            Self::AskTrainer => f.write_str("ask"),
            Self::Settings => f.write_str("settings"),
            Self::Language(language) => write!(f, "lang:{}", language.code()),
            Self::Consent(granted) => write!(f, "consent:{}", yes(*granted)),
            Self::Marketing(granted) => write!(f, "marketing:{}", yes(*granted)),
            Self::Answer { tag, question, option } => write!(f, "q:{tag}:{question}:{option}"),
            Self::Done { tag, question } => write!(f, "done:{tag}:{question}"),
            Self::Skip { tag, question } => write!(f, "skip:{tag}:{question}"),
            Self::Back { tag, question } => write!(f, "back:{tag}:{question}"),
            Self::Why { tag, question } => write!(f, "why:{tag}:{question}"),
            Self::Edit { tag, question } => write!(f, "edit:{tag}:{question}"),
            Self::Confirm { tag } => write!(f, "confirm:{tag}"),
        }
    }
}

/// What a trainer's button does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrainerAction {
    Reply(ClientId),
    Take(LeadId),
    MakeProgram(QuestionnaireId),
}

impl TrainerAction {
    pub fn parse(text: &str) -> Option<Self> {
        let (verb, id) = text.split_once(':')?;
        match verb {
            "reply" => ClientId::parse(id).map(Self::Reply),
            "take" => LeadId::parse(id).map(Self::Take),
            "make" => QuestionnaireId::parse(id).map(Self::MakeProgram),
            _ => None,
        }
    }
}

impl fmt::Display for TrainerAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply(id) => write!(f, "reply:{id}"),
            Self::Take(id) => write!(f, "take:{id}"),
            Self::MakeProgram(id) => write!(f, "make:{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_answer_fits_a_button_and_reads_back(question in "[a-z0-9_]{1,20}", option in "[a-z0-9_]{1,20}") {
            let action = Action::Answer { tag: "01ABCD", question: &question, option: &option };
            let wire = action.to_string();
            prop_assert!(wire.len() <= 64);
            prop_assert_eq!(Action::parse(&wire), Some(action));
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in ".{0,64}") {
            if let Some(action) = Action::parse(&text) {
                prop_assert!(Action::parse(&action.to_string()).is_some());
            }
        }
    }
}
