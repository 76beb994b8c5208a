//! Button actions and their compact wire form, at most 64 bytes (Telegram's `callback_data`).

use std::fmt;

use super::purchase;
use crate::ids::{ClientId, Id, LeadId, ProgramId, QuestionnaireId, SnapshotId};
use crate::language::Language;

/// What a client's button does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action<'a> {
    Menu,
    Free,
    /// As [`Self::Free`], below a message that is to stay: it tells of money.
    Answers,
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
    /// The programme as drawn for a phone's screen.
    PhoneVersion(ProgramId),
    /// Something about buying.
    Purchase(purchase::Step),
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
            ["answers"] => Self::Answers,
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
            ["phone", id] => Self::PhoneVersion(ProgramId::parse(id)?),
            other => return purchase::Step::parse(other).map(Self::Purchase),
        })
    }
}

impl fmt::Display for Action<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let yes = |value: bool| if value { "yes" } else { "no" };
        match self {
            Self::Menu => f.write_str("menu"),
            Self::Free => f.write_str("free"),
            Self::Answers => f.write_str("answers"),
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
            Self::PhoneVersion(id) => write!(f, "phone:{id}"),
            Self::Purchase(step) => step.fmt(f),
        }
    }
}

/// What a trainer's button does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrainerAction {
    Reply(ClientId),
    Take(LeadId),
    MakeProgram(QuestionnaireId),
    /// Let a waiting programme go.
    Approve(ProgramId),
    /// Back to the card of a waiting programme.
    Review(ProgramId),
    /// Which day holds the exercise to swap?
    SwapDay(ProgramId),
    /// Which of its exercises?
    SwapItem {
        program: ProgramId,
        day: u8,
        page: u8,
    },
    /// What instead? `item` counts the day's exercises from 0.
    SwapFor {
        program: ProgramId,
        day: u8,
        item: u8,
        page: u8,
    },
    /// This one. The exercise goes by its [`short_code`]: a list may change between showing and pressing, so a number in
    /// it could mean another one.
    Swap {
        program: ProgramId,
        day: u8,
        item: u8,
        exercise: String,
    },
    Variant(ProgramId),
    Note(ProgramId),
    /// Let a waiting version of the template tables serve.
    UseTemplates(SnapshotId),
    /// Leave the version that serves.
    LeaveTemplates(SnapshotId),
    /// Bring version `before` back, as long as `now` serves.
    RestoreTemplates {
        now: i64,
        before: i64,
    },
}

impl TrainerAction {
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let number = |text: &str| text.parse::<u8>().ok();
        Some(match parts.as_slice() {
            ["reply", id] => Self::Reply(ClientId::parse(id)?),
            ["take", id] => Self::Take(LeadId::parse(id)?),
            ["make", id] => Self::MakeProgram(QuestionnaireId::parse(id)?),
            ["ok", id] => Self::Approve(ProgramId::parse(id)?),
            ["rv", id] => Self::Review(ProgramId::parse(id)?),
            ["sw", id] => Self::SwapDay(ProgramId::parse(id)?),
            ["si", id, day, page] => Self::SwapItem {
                program: ProgramId::parse(id)?,
                day: number(day)?,
                page: number(page)?,
            },
            ["sf", id, day, item, page] => Self::SwapFor {
                program: ProgramId::parse(id)?,
                day: number(day)?,
                item: number(item)?,
                page: number(page)?,
            },
            ["st", id, day, item, exercise] => Self::Swap {
                program: ProgramId::parse(id)?,
                day: number(day)?,
                item: number(item)?,
                exercise: (*exercise).to_owned(),
            },
            ["vr", id] => Self::Variant(ProgramId::parse(id)?),
            ["nt", id] => Self::Note(ProgramId::parse(id)?),
            ["tu", id] => Self::UseTemplates(SnapshotId::parse(id)?),
            ["tl", id] => Self::LeaveTemplates(SnapshotId::parse(id)?),
            ["tr", now, before] => Self::RestoreTemplates {
                now: now.parse().ok()?,
                before: before.parse().ok()?,
            },
            _ => return None,
        })
    }
}

impl fmt::Display for TrainerAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply(id) => write!(f, "reply:{id}"),
            Self::Take(id) => write!(f, "take:{id}"),
            Self::MakeProgram(id) => write!(f, "make:{id}"),
            Self::Approve(id) => write!(f, "ok:{id}"),
            Self::Review(id) => write!(f, "rv:{id}"),
            Self::SwapDay(id) => write!(f, "sw:{id}"),
            Self::SwapItem { program, day, page } => write!(f, "si:{program}:{day}:{page}"),
            Self::SwapFor {
                program,
                day,
                item,
                page,
            } => write!(f, "sf:{program}:{day}:{item}:{page}"),
            Self::Swap {
                program,
                day,
                item,
                exercise,
            } => write!(f, "st:{program}:{day}:{item}:{exercise}"),
            Self::Variant(id) => write!(f, "vr:{id}"),
            Self::Note(id) => write!(f, "nt:{id}"),
            Self::UseTemplates(id) => write!(f, "tu:{id}"),
            Self::LeaveTemplates(id) => write!(f, "tl:{id}"),
            Self::RestoreTemplates { now, before } => write!(f, "tr:{now}:{before}"),
        }
    }
}

/// Eight letters that stand for a name of any length in a button (FNV-1a, 32 bits): enough to tell apart the few things
/// that are offered at once.
pub fn short_code(name: &str) -> String {
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    format!("{hash:08x}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn foreign_and_broken_buttons_are_nobodys() {
        let id = "pg_01KB3SK7ZQ4T9XW2M5N8R6V0YD";
        for wire in [
            "ok:cl_01KB3SK7ZQ4T9XW2M5N8R6V0YD".to_owned(),
            format!("si:{id}:256:0"),
            format!("si:{id}:1"),
            format!("sf:{id}:-1:0:0"),
            format!("ok:{id}:1"),
            "st".to_owned(),
            String::new(),
        ] {
            assert_eq!(TrainerAction::parse(&wire), None, "{wire}");
        }
        assert_eq!(
            TrainerAction::parse(&format!("ok:{id}")),
            ProgramId::parse(id).map(TrainerAction::Approve)
        );
    }

    proptest! {
        #[test]
        fn an_answer_fits_a_button_and_reads_back(question in "[a-z0-9_]{1,20}", option in "[a-z0-9_]{1,20}") {
            let action = Action::Answer { tag: "01ABCD", question: &question, option: &option };
            let wire = action.to_string();
            prop_assert!(wire.len() <= 64);
            prop_assert_eq!(Action::parse(&wire), Some(action));
        }

        #[test]
        fn a_trainers_choice_fits_a_button_and_reads_back(
            kind in 0_usize..14, time in 0_u64..1 << 47, random: [u8; 10], day: u8, item: u8, page: u8, name in ".{0,60}",
        ) {
            let program = ProgramId::from_parts(time, random);
            let action = match kind {
                0 => TrainerAction::Reply(ClientId::from_parts(time, random)),
                1 => TrainerAction::Take(LeadId::from_parts(time, random)),
                2 => TrainerAction::MakeProgram(QuestionnaireId::from_parts(time, random)),
                3 => TrainerAction::Approve(program),
                4 => TrainerAction::Review(program),
                5 => TrainerAction::SwapDay(program),
                6 => TrainerAction::SwapItem { program, day, page },
                7 => TrainerAction::SwapFor { program, day, item, page },
                8 => TrainerAction::Swap { program, day, item, exercise: short_code(&name) },
                9 => TrainerAction::Variant(program),
                10 => TrainerAction::UseTemplates(SnapshotId::from_parts(time, random)),
                11 => TrainerAction::LeaveTemplates(SnapshotId::from_parts(time, random)),
                12 => TrainerAction::RestoreTemplates { now: i64::MAX, before: i64::from(day) },
                _ => TrainerAction::Note(program),
            };
            let wire = action.to_string();
            prop_assert!(wire.len() <= 64, "{wire}");
            prop_assert_eq!(TrainerAction::parse(&wire), Some(action));
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in ".{0,64}") {
            if let Some(action) = Action::parse(&text) {
                prop_assert!(Action::parse(&action.to_string()).is_some());
            }
            if let Some(action) = TrainerAction::parse(&text) {
                prop_assert!(TrainerAction::parse(&action.to_string()).is_some());
            }
        }
    }
}
