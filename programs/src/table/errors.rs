//! What can be wrong with a table, said so that its owner finds the cell and knows what to write there.

use domain::language::{Language, Localized};
use serde::{Deserialize, Serialize};

use super::MAX_ERRORS;

/// What a cell should have held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    Levels,
    Goals,
    Place,
    Equipment,
    DaysPerWeek,
    Weeks,
    Day,
    Order,
    Sets,
    Reps,
    Rest,
    ShortText,
    Url,
    ExerciseId,
    Muscles,
    Pattern,
    SparedAreas,
    Load,
    YesOrEmpty,
}

impl Expected {
    /// Cells in which a spreadsheet may see a date.
    pub(crate) const fn is_numeric(self) -> bool {
        matches!(
            self,
            Self::Reps | Self::Sets | Self::Weeks | Self::Day | Self::Order | Self::DaysPerWeek | Self::Rest
        )
    }

    const fn text(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Levels, Language::Ru) => "новичок, средний, продвинутый (несколько через «;») или any",
            (Self::Levels, Language::En) => "beginner, intermediate, advanced (several with \";\") or any",
            (Self::Goals, Language::Ru) => "похудение, мышцы, сила, здоровье (несколько через «;») или any",
            (Self::Goals, Language::En) => "fat_loss, muscle, strength, health (several with \";\") or any",
            (Self::Place, Language::Ru) => "дом или зал",
            (Self::Place, Language::En) => "home or gym",
            (Self::Equipment, Language::Ru) => "без инвентаря, базовый или зал; в зале всегда «зал», дома никогда",
            (Self::Equipment, Language::En) => "none, basic or gym; always gym in a gym, never at home",
            (Self::DaysPerWeek, Language::Ru) => "2, 3 или 4",
            (Self::DaysPerWeek, Language::En) => "2, 3 or 4",
            (Self::Weeks, Language::Ru) => "неделю от 1 до 12, промежуток «1-3» или список «4;8;12»",
            (Self::Weeks, Language::En) => "a week from 1 to 12, a range \"1-3\" or a list \"4;8;12\"",
            (Self::Day, Language::Ru) => "номер тренировки от 1 до числа дней в неделю",
            (Self::Day, Language::En) => "a workout number from 1 to the days per week",
            (Self::Order, Language::Ru) => "номер упражнения от 1 до 30",
            (Self::Order, Language::En) => "the exercise's number from 1 to 30",
            (Self::Sets, Language::Ru) => "число подходов от 1 до 10",
            (Self::Sets, Language::En) => "a number of sets from 1 to 10",
            (Self::Reps, Language::Ru) => "повторы «8» или «8-12» либо время «30 сек» или «2 мин»",
            (Self::Reps, Language::En) => "reps \"8\" or \"8-12\", or a time \"30 s\" or \"2 min\"",
            (Self::Rest, Language::Ru) => "отдых в секундах от 0 до 300",
            (Self::Rest, Language::En) => "rest in seconds from 0 to 300",
            (Self::ShortText, Language::Ru) => "короткий текст",
            (Self::ShortText, Language::En) => "a short text",
            (Self::Url, Language::Ru) => "ссылку, которая начинается с https://, или пусто",
            (Self::Url, Language::En) => "a link that starts with https://, or nothing",
            (Self::ExerciseId, Language::Ru) => "код латиницей: строчные буквы, цифры и подчёркивания",
            (Self::ExerciseId, Language::En) => "a code of lower-case Latin letters, digits and underscores",
            (Self::Muscles, Language::Ru) => "коды мышц через «;», например quads;glutes",
            (Self::Muscles, Language::En) => "muscle codes with \";\", for example quads;glutes",
            (Self::Pattern, Language::Ru) => "тип движения, например squat, hinge или push_horizontal",
            (Self::Pattern, Language::En) => "a movement pattern such as squat, hinge or push_horizontal",
            (Self::SparedAreas, Language::Ru) => {
                "зоны через «;»: knees, lower_back, shoulders, neck, wrists, или пусто"
            }
            (Self::Load, Language::Ru) => {
                "вес правилом «штанга 40% +2,5/неделя», «гантели 8/11/14%» или «тренажёр 20 кг», или пусто"
            }
            (Self::Load, Language::En) => {
                "a weight as \"barbell 40% +2.5/week\", \"dumbbells 8/11/14%\" or \"machine 20 kg\", or nothing"
            }
            (Self::YesOrEmpty, Language::Ru) => "«да» или ничего",
            (Self::YesOrEmpty, Language::En) => "\"yes\" or nothing",
            (Self::SparedAreas, Language::En) => {
                "areas with \";\": knees, lower_back, shoulders, neck, wrists, or nothing"
            }
        }
    }
}

/// What is wrong, with everything a sentence about it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Problem {
    Empty,
    /// A web page came instead of a table: the sheet is not shared, or its address is wrong.
    Html,
    /// The text's encoding could not be made out.
    NotUtf8,
    /// A workbook (xlsx, xls, ods) instead of its CSV.
    Workbook,
    Pdf,
    Picture,
    TooLarge {
        limit: u32,
        unit: SizeUnit,
    },
    /// The CSV itself is broken (an unclosed quote and the like).
    BrokenCsv,
    /// No row near the top holds titles that are known.
    NoTitles,
    MissingColumn {
        key: String,
        title: String,
        /// An unknown title that was probably meant.
        #[serde(default)]
        similar: Option<String>,
    },
    DuplicateColumn {
        key: String,
    },
    EmptyCell {
        expected: Expected,
    },
    BadValue {
        value: String,
        expected: Expected,
    },
    /// A spreadsheet turned "8-12" into a date.
    DateInstead {
        value: String,
    },
    /// The cell shows a formula's error, such as `#REF!`.
    FormulaError {
        value: String,
    },
    DuplicateExercise {
        id: String,
        first_row: u32,
    },
    UnknownExercise {
        value: String,
        /// What was probably meant.
        #[serde(default)]
        similar: Option<Localized>,
    },
    /// The exercise needs more than the row's equipment offers.
    ExerciseNeedsMore {
        exercise: String,
    },
    /// Two rows claim the same place in the same workout.
    DuplicatePlace {
        week: u8,
        day: u8,
        order: u8,
        first_row: u32,
    },
    /// A plan lacks a workout.
    MissingWorkout {
        plan: String,
        week: u8,
        day: u8,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SizeUnit {
    Bytes,
    Rows,
}

/// One thing wrong with one sheet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportError {
    /// The sheet's name as its owner knows it, e.g. `Men_12w_2`.
    pub sheet: String,
    /// The row's number as the spreadsheet shows it: the header is 1.
    pub row: Option<u32>,
    /// The column's title as it stands in the sheet.
    pub column: Option<String>,
    /// The cell's address, e.g. `J12`.
    pub cell: Option<String>,
    #[serde(flatten)]
    pub problem: Problem,
}

impl ImportError {
    pub(crate) fn of_sheet(sheet: &str, problem: Problem) -> Self {
        Self {
            sheet: sheet.to_owned(),
            row: None,
            column: None,
            cell: None,
            problem,
        }
    }

    /// The sentence to show, naming sheet, row and column.
    pub fn message(&self, language: Language) -> String {
        let mut place = match language {
            Language::Ru => format!("Лист «{}»", self.sheet),
            Language::En => format!("Sheet \"{}\"", self.sheet),
        };
        if let Some(row) = self.row {
            place.push_str(&match language {
                Language::Ru => format!(", строка {row}"),
                Language::En => format!(", row {row}"),
            });
        }
        if let Some(column) = &self.column {
            place.push_str(&match language {
                Language::Ru => format!(", столбец «{column}»"),
                Language::En => format!(", column \"{column}\""),
            });
        }
        if let Some(cell) = &self.cell {
            place.push_str(&format!(" ({cell})"));
        }
        format!("{place}: {}", self.problem.text(language))
    }
}

impl Problem {
    fn text(&self, language: Language) -> String {
        let ru = language == Language::Ru;
        match self {
            Self::Empty => pick(ru, "таблица пуста.", "the table is empty."),
            Self::Html => pick(
                ru,
                "вместо таблицы пришла веб-страница. Проверьте адрес и что лист открыт для просмотра по ссылке.",
                "a web page came instead of a table. Check the address and that the sheet is shared for viewing.",
            ),
            Self::NotUtf8 => pick(
                ru,
                "не удалось понять кодировку файла. Сохраните его как «CSV UTF-8».",
                "the file's encoding could not be made out. Save it as \"CSV UTF-8\".",
            ),
            Self::Workbook => pick(
                ru,
                "это книга Excel, а нужен лист в формате CSV. В Excel: «Сохранить как», тип «CSV UTF-8»; в Google Таблицах: «Файл», «Скачать», «CSV».",
                "this is a workbook; a sheet as CSV is needed. In Excel: \"Save as\", type \"CSV UTF-8\"; in Google Sheets: \"File\", \"Download\", \"CSV\".",
            ),
            Self::Pdf => pick(
                ru,
                "это PDF, из него таблицу не прочитать. Нужен тот же лист в формате CSV.",
                "this is a PDF, no table can be read from it. The same sheet as CSV is needed.",
            ),
            Self::Picture => pick(
                ru,
                "это картинка, из неё таблицу не прочитать. Нужен тот же лист в формате CSV.",
                "this is a picture, no table can be read from it. The same sheet as CSV is needed.",
            ),
            Self::TooLarge { limit, unit } => match (ru, unit) {
                (true, SizeUnit::Bytes) => format!("файл слишком большой: больше {limit} байт."),
                (true, SizeUnit::Rows) => format!("строк слишком много: больше {limit}."),
                (false, SizeUnit::Bytes) => format!("the file is too large: over {limit} bytes."),
                (false, SizeUnit::Rows) => format!("too many rows: over {limit}."),
            },
            Self::BrokenCsv => pick(
                ru,
                "эту строку не удалось разобрать. Проверьте кавычки.",
                "this row could not be read. Check the quotes.",
            ),
            Self::NoTitles => pick(
                ru,
                "не нашлось строки с названиями столбцов. Добавьте её сверху, как в образце.",
                "no row of column titles was found. Add it at the top, as in the sample.",
            ),
            Self::MissingColumn { key, title, similar } => match (ru, similar) {
                (true, None) => {
                    format!("нет столбца «{title}» ({key}). Верните его: порядок столбцов может быть любым.")
                }
                (false, None) => {
                    format!("the column {key} (\"{title}\") is missing. Bring it back: columns may stand in any order.")
                }
                (true, Some(similar)) => {
                    format!("нет столбца «{title}» ({key}). Возможно, это «{similar}»: исправьте название.")
                }
                (false, Some(similar)) => {
                    format!("the column {key} (\"{title}\") is missing. Did you mean \"{similar}\"? Correct its title.")
                }
            },
            Self::DuplicateColumn { key } => {
                if ru {
                    format!("столбец {key} встречается дважды. Оставьте один.")
                } else {
                    format!("the column {key} appears twice. Keep one.")
                }
            }
            Self::EmptyCell { expected } => {
                let expected = expected.text(language);
                if ru {
                    format!("пусто, а нужно указать {expected}. Если ячейки объединены, разъедините их.")
                } else {
                    format!("empty; it should say {expected}. If cells are merged, unmerge them.")
                }
            }
            Self::BadValue { value, expected } => {
                let expected = expected.text(language);
                if ru {
                    format!("«{value}» непонятно. Укажите {expected}.")
                } else {
                    format!("\"{value}\" is not understood. Write {expected}.")
                }
            }
            Self::DateInstead { value } => {
                let guess = range_behind(value);
                match (ru, guess) {
                    (true, Some(guess)) => format!(
                        "«{value}» похоже на дату: таблица сама превратила в неё «{guess}». Задайте столбцу формат «Текст» и впишите заново."
                    ),
                    (true, None) => format!(
                        "«{value}» похоже на дату: таблица сама превратила в неё числа. Задайте столбцу формат «Текст» и впишите заново."
                    ),
                    (false, Some(guess)) => format!(
                        "\"{value}\" looks like a date: the spreadsheet turned \"{guess}\" into one. Format the column as text and write it again."
                    ),
                    (false, None) => format!(
                        "\"{value}\" looks like a date: the spreadsheet turned numbers into one. Format the column as text and write it again."
                    ),
                }
            }
            Self::FormulaError { value } => {
                if ru {
                    format!("ошибка формулы {value}. Исправьте формулу или впишите значение.")
                } else {
                    format!("a formula error, {value}. Mend the formula or write the value.")
                }
            }
            Self::DuplicateExercise { id, first_row } => {
                if ru {
                    format!("упражнение «{id}» уже есть в строке {first_row}.")
                } else {
                    format!("the exercise \"{id}\" is already in row {first_row}.")
                }
            }
            Self::UnknownExercise { value, similar } => {
                let similar = similar.as_ref().map(|name| name.get(language));
                match (ru, similar) {
                    (true, None) => {
                        format!("упражнения «{value}» нет в справочнике. Добавьте его туда или исправьте название.")
                    }
                    (true, Some(similar)) => {
                        format!("упражнения «{value}» нет в справочнике. Возможно, это «{similar}»?")
                    }
                    (false, None) => {
                        format!("the exercise \"{value}\" is not in the library. Add it there or correct the name.")
                    }
                    (false, Some(similar)) => {
                        format!("the exercise \"{value}\" is not in the library. Did you mean \"{similar}\"?")
                    }
                }
            }
            Self::ExerciseNeedsMore { exercise } => {
                if ru {
                    format!("для «{exercise}» нужно больше инвентаря, чем указано в этой строке.")
                } else {
                    format!("\"{exercise}\" needs more equipment than this row offers.")
                }
            }
            Self::DuplicatePlace {
                week,
                day,
                order,
                first_row,
            } => {
                if ru {
                    format!("место {order} в тренировке {day} недели {week} уже занято строкой {first_row}.")
                } else {
                    format!("place {order} in workout {day} of week {week} is already taken by row {first_row}.")
                }
            }
            Self::MissingWorkout { plan, week, day } => {
                if ru {
                    format!("в плане «{plan}» нет тренировки {day} на неделе {week}.")
                } else {
                    format!("the plan \"{plan}\" has no workout {day} in week {week}.")
                }
            }
        }
    }
}

/// What a spreadsheet probably made a date of: `12.08.2026` and `12.авг` were `8-12`.
fn range_behind(value: &str) -> Option<String> {
    const MONTHS: [[&str; 2]; 12] = [
        ["янв", "jan"],
        ["фев", "feb"],
        ["мар", "mar"],
        ["апр", "apr"],
        ["ма", "may"],
        ["июн", "jun"],
        ["июл", "jul"],
        ["авг", "aug"],
        ["сен", "sep"],
        ["окт", "oct"],
        ["ноя", "nov"],
        ["дек", "dec"],
    ];
    let folded = super::reader::fold(value);
    let mut numbers: Vec<usize> = Vec::new();
    for part in folded.split(' ') {
        let month = MONTHS
            .iter()
            .position(|names| names.iter().any(|name| part.starts_with(name)));
        match (part.parse::<usize>(), month) {
            // The year came with the date.
            (Ok(number), _) if number > 31 => {}
            (Ok(number), _) => numbers.push(number),
            (Err(_), Some(month)) => numbers.push(month + 1),
            (Err(_), None) => return None,
        }
    }
    match numbers.as_slice() {
        [one, other] => Some(format!("{}-{}", one.min(other), one.max(other))),
        _ => None,
    }
}

fn pick(ru: bool, russian: &str, english: &str) -> String {
    if ru { russian.to_owned() } else { english.to_owned() }
}

/// Everything found wrong, in the order of the sheets' rows; at most [`MAX_ERRORS`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, thiserror::Error)]
#[error("{}", self.summary(Language::En))]
pub struct ImportErrors {
    pub errors: Vec<ImportError>,
    /// There was more than fits.
    pub truncated: bool,
}

impl ImportErrors {
    pub(crate) fn one(error: ImportError) -> Self {
        Self {
            errors: vec![error],
            truncated: false,
        }
    }

    pub(crate) fn push(&mut self, error: ImportError) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(error);
        } else {
            self.truncated = true;
        }
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.truncated |= other.truncated;
        for error in other.errors {
            self.push(error);
        }
    }

    pub(crate) fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.errors.is_empty() { Ok(value) } else { Err(self) }
    }

    /// One sentence a line.
    pub fn summary(&self, language: Language) -> String {
        let mut lines: Vec<String> = self.errors.iter().map(|error| error.message(language)).collect();
        if self.truncated {
            lines.push(match language {
                Language::Ru => format!("Показаны первые {MAX_ERRORS}; дальше есть ещё."),
                Language::En => format!("These are the first {MAX_ERRORS}; there are more."),
            });
        }
        lines.join("\n")
    }
}
