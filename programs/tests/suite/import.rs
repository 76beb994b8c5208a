//! What people's spreadsheets look like on good and on bad days.

use domain::language::Language;
use programs::table::{Expected, ImportErrors, MAX_ERRORS, Problem, import_exercises, import_plans};
use programs::templates::{Templates, shipped};

const SHEET: &str = "Men_12w_2";

fn good() -> String {
    include_str!("../fixtures/Men_12w_2.csv").to_owned()
}

fn errors(csv: &str) -> ImportErrors {
    import_plans(csv.as_bytes(), SHEET).unwrap_err()
}

/// The fixture with one cell of its first row replaced.
fn with_cell(column: &str, value: &str) -> String {
    let csv = good();
    let mut lines: Vec<String> = csv.lines().map(str::to_owned).collect();
    let index = lines[0].split(',').position(|title| title == column).unwrap();
    let mut cells: Vec<&str> = lines[1].split(',').collect();
    let quoted = format!("\"{value}\"");
    cells[index] = &quoted;
    lines[1] = cells.join(",");
    lines.join("\n")
}

#[test]
fn the_shipped_tables_are_sound() {
    let templates = Templates::shipped().unwrap();
    assert!(templates.exercises.len() > 100);
    assert_eq!(templates.version.len(), 64);
    assert_eq!(shipped().len(), 3);
}

#[test]
fn separators_line_ends_a_bom_and_odd_spaces_make_no_difference() {
    let expected = import_plans(good().as_bytes(), SHEET).unwrap();
    // The week lists of the fixture use semicolons, so they are quoted where the semicolon separates.
    let other = |separator: &str| {
        good()
            .lines()
            .map(|line| {
                let cells: Vec<String> = line
                    .split(',')
                    .map(|cell| format!("\"\u{a0}{cell} \u{200b}\""))
                    .collect();
                cells.join(separator)
            })
            .collect::<Vec<_>>()
            .join("\r\n")
    };
    for separator in [",", ";", "\t"] {
        let csv = format!("\u{feff}{}\r\n", other(separator));
        assert_eq!(import_plans(csv.as_bytes(), SHEET).unwrap(), expected, "{separator:?}");
    }
}

#[test]
fn columns_may_be_renamed_to_russian_moved_and_joined_by_others() {
    let expected = import_plans(good().as_bytes(), SHEET).unwrap();
    let titles = [
        "УРОВЕНЬ",
        "Цель",
        "место",
        "Инвентарь",
        "Дней в неделю",
        "Неделя",
        "День",
        "№",
        "Упражнение",
        "Подходы",
        "Повторы",
        "Отдых,\u{a0}сек",
        "Интенсивность",
        "Заметки",
        "Видео",
    ];
    let csv: String = good()
        .lines()
        .enumerate()
        .map(|(row, line)| {
            let cells: Vec<String> = if row == 0 {
                titles.iter().map(|title| format!("\"{title}\"")).collect()
            } else {
                line.split(',').map(str::to_owned).collect()
            };
            let moved: Vec<&str> = cells[8..].iter().chain(&cells[..8]).map(String::as_str).collect();
            format!("мой столбец,{}\n", moved.join(","))
        })
        .collect();
    let moved = import_plans(csv.as_bytes(), SHEET).unwrap();
    assert_eq!(moved.plans, expected.plans);
}

#[test]
fn russian_values_mean_the_same() {
    let csv = good()
        .replace("any,any,home,none", "любой,любая,дом,без инвентаря")
        .replace("beginner,any,home,basic", "Новичок,все,Дома,гантели и резинки")
        .replace("advanced,strength,gym,gym", "продвинутый,Сила,зал,зал")
        .replace("30 s", "30 сек");
    assert_eq!(
        import_plans(csv.as_bytes(), SHEET).unwrap(),
        import_plans(good().as_bytes(), SHEET).unwrap()
    );
}

#[test]
fn a_wrong_cell_is_named_by_sheet_row_and_column_in_both_languages() {
    for (column, value, expected) in [
        ("level", "бог спорта", Expected::Levels),
        ("goal", "luck", Expected::Goals),
        ("place", "парк", Expected::Place),
        ("equipment", "gym", Expected::Equipment),
        ("days_per_week", "7", Expected::DaysPerWeek),
        ("week", "13", Expected::Weeks),
        ("day", "4", Expected::Day),
        ("order", "ноль", Expected::Order),
        ("sets", "11", Expected::Sets),
        ("reps", "12-8", Expected::Reps),
        ("rest_seconds", "долго", Expected::Rest),
        ("video", "http://example.org", Expected::Url),
    ] {
        let found = errors(&with_cell(column, value));
        let error = &found.errors[0];
        assert_eq!(
            (error.sheet.as_str(), error.row, error.column.as_deref()),
            (SHEET, Some(2), Some(column))
        );
        assert_eq!(
            error.problem,
            Problem::BadValue {
                value: value.to_owned(),
                expected
            },
            "{column}"
        );
        let (ru, en) = (error.message(Language::Ru), error.message(Language::En));
        assert!(
            ru.contains("Лист «Men_12w_2», строка 2") && ru.contains(column) && ru.contains(value),
            "{ru}"
        );
        assert!(
            en.contains("row 2") && en.contains(column) && en.contains(value),
            "{en}"
        );
    }
    assert_eq!(
        errors(&with_cell("reps", "AMRAP")).errors[0].cell.as_deref(),
        Some("K2")
    );
}

#[test]
fn merged_cells_formula_errors_and_dates_get_their_own_words() {
    let merged = errors(&with_cell("place", ""));
    assert_eq!(
        merged.errors[0].problem,
        Problem::EmptyCell {
            expected: Expected::Place
        }
    );
    assert!(merged.errors[0].message(Language::Ru).contains("объединены"));
    for formula in ["#REF!", "#ССЫЛКА!", "#N/A"] {
        let found = errors(&with_cell("sets", formula));
        assert_eq!(
            found.errors[0].problem,
            Problem::FormulaError {
                value: formula.to_owned()
            }
        );
    }
    for date in ["12.08.2026", "8 дек", "2026-08-12"] {
        let found = errors(&with_cell("reps", date));
        assert_eq!(found.errors[0].problem, Problem::DateInstead { value: date.to_owned() });
    }
}

#[test]
fn rows_are_numbered_as_the_spreadsheet_numbers_them() {
    let csv = with_cell("sets", "много").replacen('\n', "\n\n,,,,,,,,,,,,,,\n", 1);
    assert_eq!(errors(&csv).errors[0].row, Some(4));
}

#[test]
fn what_is_no_table_is_refused_in_a_sentence() {
    let problem = |bytes: &[u8]| import_plans(bytes, SHEET).unwrap_err().errors[0].problem.clone();
    assert_eq!(
        problem(b"<!DOCTYPE html><html><body>Sign in</body></html>"),
        Problem::Html
    );
    assert_eq!(problem(b"\n  <HTML>"), Problem::Html);
    assert_eq!(problem(b""), Problem::Empty);
    assert_eq!(problem("\u{feff}\n\n".as_bytes()), Problem::Empty);
    assert_eq!(problem(&[0xff, 0x80, 0x81, 0xc0, 0xc1]), Problem::NotUtf8);
    let header_only = good().lines().next().unwrap().to_owned();
    assert_eq!(problem(header_only.as_bytes()), Problem::Empty);
    let found = errors(&good().replacen("reps,", "", 1).replacen("sets,", "sets,сколько,", 1));
    let expected = Problem::MissingColumn {
        key: "reps".to_owned(),
        title: "Повторы".to_owned(),
        similar: None,
    };
    assert_eq!(found.errors[0].problem, expected);
    let found = errors(&good().replacen("notes", "Подходы", 1));
    assert!(
        found
            .errors
            .iter()
            .any(|error| error.problem == Problem::DuplicateColumn { key: "sets".to_owned() })
    );
}

#[test]
fn a_hole_or_a_clash_in_a_plan_is_found() {
    let without_a_day: String = good()
        .lines()
        .filter(|line| !line.starts_with("any,any,home,none,3,1-3,2,"))
        .map(|line| format!("{line}\n"))
        .collect();
    let found = errors(&without_a_day);
    let holes: Vec<(u8, u8)> = found
        .errors
        .iter()
        .filter_map(|error| match error.problem {
            Problem::MissingWorkout { week, day, .. } => Some((week, day)),
            _ => None,
        })
        .collect();
    assert_eq!(holes, vec![(1, 2), (2, 2), (3, 2)]);
    let clash = with_cell("order", "2");
    let found = errors(&clash);
    assert!(
        found
            .errors
            .iter()
            .any(|error| matches!(error.problem, Problem::DuplicatePlace { order: 2, .. }))
    );
}

#[test]
fn at_most_fifty_errors_are_listed() {
    let found = errors(&good().replace("RPE", &"о".repeat(60)));
    assert_eq!(found.errors.len(), MAX_ERRORS);
    assert!(found.truncated && found.summary(Language::Ru).contains("Показаны первые 50"));
}

#[test]
fn twenty_thousand_rows_are_read() {
    let body: Vec<String> = good().lines().skip(1).map(str::to_owned).collect();
    let header = good().lines().next().unwrap().to_owned();
    let mut csv = header;
    while csv.lines().count() < 20_000 {
        csv.push('\n');
        csv.push_str(&body.join("\n"));
    }
    // The repeated rows clash with the first ones; what matters is that all are read and answered.
    assert_eq!(errors(&csv).errors.len(), MAX_ERRORS);
}

#[test]
fn an_exercise_must_be_in_the_library_and_fit_the_equipment() {
    let exercises = shipped().iter().find(|table| table.sheet == "exercises").unwrap().csv;
    let women = include_bytes!("../fixtures/Women_12w_2.csv");
    let unknown = Templates::from_csv(with_cell("exercise", "присед мечты").as_bytes(), women, exercises).unwrap_err();
    assert_eq!(
        unknown.errors[0].problem,
        Problem::UnknownExercise {
            value: "присед мечты".to_owned(),
            similar: None,
        }
    );
    assert_eq!(unknown.errors[0].cell.as_deref(), Some("I2"));
    let heavy = Templates::from_csv(with_cell("exercise", "barbell_back_squat").as_bytes(), women, exercises);
    if let Err(errors) = heavy {
        assert!(errors.errors.iter().all(|error| error.row == Some(2)));
    }
    let by_name = Templates::from_csv(with_cell("exercise", "ПРИСЕДАНИЯ на стул").as_bytes(), women, exercises);
    assert!(by_name.is_ok(), "exercises may be named in Russian");
}

#[test]
fn the_library_reports_its_own_cells() {
    let csv = String::from_utf8(shipped()[2].csv.to_vec()).unwrap();
    let broken = csv.replacen("quads;glutes,squat,none", "quads;wings,squat,none", 1);
    let found = import_exercises(broken.as_bytes()).unwrap_err();
    assert_eq!(
        found.errors[0].problem,
        Problem::BadValue {
            value: "quads;wings".to_owned(),
            expected: Expected::Muscles
        }
    );
    let doubled = format!("{}\n{}", csv.trim_end(), csv.lines().nth(1).unwrap());
    let found = import_exercises(doubled.as_bytes()).unwrap_err();
    assert!(matches!(
        found.errors[0].problem,
        Problem::DuplicateExercise { first_row: 2, .. }
    ));
}
