//! Where the template tables are kept, how their changes are taken, and what can be wrong with them.

use domain::language::{Language, Localized};
use programs::table::ImportErrors;
use programs::templates::{EXERCISES_SHEET, MEN_SHEET, WOMEN_SHEET};
use providers::sheets::{Document, SheetAddress};
use serde::{Deserialize, Serialize};

/// The setting `templates`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct TemplateSource {
    /// `None`: what was uploaded or shipped serves.
    pub tables: Option<TemplateTables>,
    pub take_changes: TakeChanges,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateTables {
    pub men: SheetAddress,
    pub women: SheetAddress,
    pub exercises: SheetAddress,
}

/// What happens to a good change of the tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TakeChanges {
    AtOnce,
    #[default]
    AfterApproval,
}

/// One of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    Men,
    Women,
    Exercises,
}

/// What is wrong with the sheet; kept as JSON with the last look at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Trouble {
    /// It could not be read.
    Away {
        /// As `providers::sheets::Error::code`.
        code: String,
        table: Table,
        is_transient: bool,
        message: Localized,
    },
    /// It was read, and these cells are wrong.
    Cells { errors: ImportErrors },
}

impl TemplateTables {
    /// The layout a fresh installation expects of `SHEETS_TEMPLATES_ID`: men, women and exercises on the tabs 0, 1 and 2.
    pub fn of_spreadsheet(id: &str) -> Self {
        let tab = |gid| SheetAddress {
            document: Document::Shared(id.to_owned()),
            gid,
        };
        Self {
            men: tab(0),
            women: tab(1),
            exercises: tab(2),
        }
    }
}

impl Table {
    pub const ALL: [Self; 3] = [Self::Men, Self::Women, Self::Exercises];

    pub const fn code(self) -> &'static str {
        match self {
            Self::Men => "men",
            Self::Women => "women",
            Self::Exercises => "exercises",
        }
    }

    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.code() == code)
    }

    /// As its owner knows it.
    pub const fn sheet(self) -> &'static str {
        match self {
            Self::Men => MEN_SHEET,
            Self::Women => WOMEN_SHEET,
            Self::Exercises => EXERCISES_SHEET,
        }
    }
}

impl Trouble {
    pub(crate) fn away(table: Table, error: &providers::sheets::Error) -> Self {
        Self::Away {
            code: error.code().to_owned(),
            table,
            is_transient: error.is_transient(),
            message: Localized::new(error.message(Language::Ru), error.message(Language::En)),
        }
    }

    /// The first `limit` wrong cells, one sentence a line, or why the sheet could not be read.
    pub fn text(&self, language: Language, limit: usize) -> String {
        match self {
            Self::Away { table, message, .. } => {
                let place = match language {
                    Language::Ru => format!("Лист «{}»", table.sheet()),
                    Language::En => format!("Sheet \"{}\"", table.sheet()),
                };
                format!("{place}. {}", message.get(language))
            }
            Self::Cells { errors } => {
                let mut lines: Vec<String> = errors
                    .errors
                    .iter()
                    .take(limit)
                    .map(|error| format!("• {}", error.message(language)))
                    .collect();
                let rest = errors.errors.len().saturating_sub(limit);
                if rest > 0 || errors.truncated {
                    let more = if errors.truncated { "+" } else { "" };
                    lines.push(match language {
                        Language::Ru => format!("… и ещё {rest}{more}"),
                        Language::En => format!("… and {rest}{more} more"),
                    });
                }
                lines.join("\n")
            }
        }
    }
}

/// Also as the first release wrote it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Now {
        tables: Option<TemplateTables>,
        take_changes: TakeChanges,
    },
    First {
        spreadsheet_id: String,
        men_gid: u64,
        women_gid: u64,
        exercises_gid: u64,
    },
}

impl From<Stored> for TemplateSource {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Now { tables, take_changes } => Self { tables, take_changes },
            Stored::First {
                spreadsheet_id,
                men_gid,
                women_gid,
                exercises_gid,
            } => {
                let mut tables = TemplateTables::of_spreadsheet(&spreadsheet_id);
                tables.men.gid = men_gid;
                tables.women.gid = women_gid;
                tables.exercises.gid = exercises_gid;
                Self {
                    tables: Some(tables),
                    take_changes: TakeChanges::default(),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_of_the_first_release_is_still_understood() {
        let first =
            r#"{"spreadsheet_id":"1VoronkaTemplatesDemo0000000001","men_gid":0,"women_gid":1,"exercises_gid":2}"#;
        let read: TemplateSource = serde_json::from_str(first).unwrap();
        let expected = TemplateSource {
            tables: Some(TemplateTables::of_spreadsheet("1VoronkaTemplatesDemo0000000001")),
            take_changes: TakeChanges::AfterApproval,
        };
        assert_eq!(read, expected);
        let again: TemplateSource = serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
        assert_eq!(again, expected);
        let nothing: TemplateSource = serde_json::from_str(r#"{"tables":null,"take_changes":"at_once"}"#).unwrap();
        assert_eq!(nothing.tables, None);
    }
}
