//! Files as people really upload them: each is read, or refused in words that name the cell. They are in
//! `tests/fixtures/import`; all hold the same two workouts.

use domain::language::Language;
use programs::table::{Expected, ImportErrors, PlanTable, Problem, import_plans};
use programs::templates::{Templates, shipped};

const SHEET: &str = "Men_12w_2";

macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!("../fixtures/import/", $name)).as_slice()
    };
}

fn read(bytes: &[u8]) -> PlanTable {
    import_plans(bytes, SHEET).unwrap_or_else(|errors| panic!("{}", errors.summary(Language::En)))
}

fn refused(bytes: &[u8]) -> ImportErrors {
    import_plans(bytes, SHEET).unwrap_err()
}

/// Both languages of every error, to be looked into.
fn messages(errors: &ImportErrors) -> (String, String) {
    (errors.summary(Language::Ru), errors.summary(Language::En))
}

/// The table once its exercises are linked, so that names in either language compare equal.
fn linked(bytes: &[u8]) -> Templates {
    Templates::from_csv(bytes, bytes, shipped()[2].csv).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn every_way_to_save_a_sheet_reads_the_same() {
    let expected = read(file!("excel-utf8-bom.csv"));
    assert_eq!(expected.plans.len(), 1);
    assert_eq!(expected.plans[0].rows.len(), 8);
    assert_eq!(expected.plans[0].rows[0].notes.as_deref(), Some("Дышите ровно"));
    for (name, bytes) in [
        (
            "Excel in Russia: windows-1251 and semicolons",
            file!("excel-russia.csv"),
        ),
        ("Excel, Unicode text: UTF-16 and tabs", file!("excel-unicode-text.txt")),
    ] {
        assert_eq!(read(bytes).plans, expected.plans, "{name}");
    }
    // Its first line moves every row down by one.
    let declared = read(file!("excel-sep-line.csv"));
    assert_eq!(declared.plans[0].rows[0].row, 3);
    let google = linked(file!("google-export.csv"));
    assert_eq!(google.men.plans, linked(file!("google-gviz.csv")).men.plans);
    let exercises = |templates: &Templates| -> Vec<String> {
        templates.men.plans[0]
            .rows
            .iter()
            .map(|row| row.exercise.to_string())
            .collect()
    };
    assert_eq!(exercises(&google), exercises(&linked(file!("excel-russia.csv"))));
}

#[test]
fn moved_renamed_and_foreign_columns_under_a_heading_are_understood() {
    let moved = read(file!("moved-and-renamed.csv"));
    let mut rows = read(file!("excel-utf8-bom.csv")).plans[0].rows.clone();
    for row in &mut rows {
        row.row += 2;
    }
    assert_eq!(moved.plans[0].rows, rows);
}

#[test]
fn odd_spaces_decimal_zeros_and_lines_inside_cells_are_nothing() {
    assert_eq!(
        read(file!("odd-spaces.csv")).plans,
        read(file!("excel-utf8-bom.csv")).plans
    );
    let lines = read(file!("multi-line-cells.csv"));
    let numbers: Vec<u32> = lines.plans[0].rows.iter().map(|row| row.row).collect();
    assert_eq!(
        numbers,
        (2..=9).collect::<Vec<u32>>(),
        "rows are numbered as the spreadsheet numbers them"
    );
    assert_eq!(
        lines.plans[0].rows[0].notes.as_deref(),
        Some("Дышите ровно. Спина \"длинная\"")
    );
}

#[test]
fn merged_cells_are_filled_where_nothing_is_guessed() {
    let merged = read(file!("merged-cells.csv"));
    assert_eq!(merged.plans, read(file!("excel-utf8-bom.csv")).plans);
    assert_eq!(merged.filled_cells, 7 * 5 + 6 * 2);
    let errors = refused(file!("merged-exercise.csv"));
    assert_eq!(errors.errors.len(), 1);
    let (ru, en) = messages(&errors);
    assert_eq!(
        ru,
        "Лист «Men_12w_2», строка 4, столбец «Упражнение» (I4): пусто, а нужно указать короткий текст. Если ячейки объединены, разъедините их."
    );
    assert!(
        en.starts_with("Sheet \"Men_12w_2\", row 4, column \"Упражнение\" (I4): empty"),
        "{en}"
    );
}

#[test]
fn formula_errors_are_named_cell_by_cell() {
    let errors = refused(file!("formula-errors.csv"));
    let cells: Vec<(&str, &str)> = errors
        .errors
        .iter()
        .map(|error| match &error.problem {
            Problem::FormulaError { value } => (error.cell.as_deref().unwrap(), value.as_str()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        cells,
        vec![("J3", "#REF!"), ("K4", "#ЗНАЧ!"), ("L5", "#N/A"), ("N6", "#ИМЯ?")]
    );
}

#[test]
fn dates_that_were_repetitions_are_told_with_what_they_were() {
    let errors = refused(file!("dates.csv"));
    let (ru, en) = messages(&errors);
    let places: Vec<&str> = errors
        .errors
        .iter()
        .map(|error| error.cell.as_deref().unwrap())
        .collect();
    assert_eq!(places, vec!["K2", "K3", "J4", "F5", "K6", "K7"]);
    assert!(
        errors
            .errors
            .iter()
            .all(|error| matches!(error.problem, Problem::DateInstead { .. }))
    );
    assert!(
        ru.contains("«12.авг» похоже на дату: таблица сама превратила в неё «8-12»"),
        "{ru}"
    );
    assert!(
        ru.contains("«2026-08-12» похоже на дату: таблица сама превратила в неё «8-12»"),
        "{ru}"
    );
    assert!(
        en.contains("\"12.01.2026\" looks like a date: the spreadsheet turned \"1-12\" into one"),
        "{en}"
    );
    assert!(
        en.contains("\"46246\" looks like a date: the spreadsheet turned numbers into one"),
        "{en}"
    );
}

#[test]
fn near_misses_are_named() {
    let errors = refused(file!("misspelt-columns.csv"));
    let (ru, en) = messages(&errors);
    assert!(
        ru.contains("строка 1 (K1): нет столбца «Повторы» (reps). Возможно, это «Повотры»"),
        "{ru}"
    );
    assert!(
        ru.contains("строка 1 (J1): нет столбца «Подходы» (sets). Возможно, это «Пдходы»"),
        "{ru}"
    );
    assert!(en.contains("Did you mean \"Повотры\"?"), "{en}");

    let bytes = file!("misspelt-exercise.csv");
    let errors = Templates::from_csv(bytes, file!("google-export.csv"), shipped()[2].csv).unwrap_err();
    let (ru, en) = messages(&errors);
    assert_eq!(
        ru,
        "Лист «Men_12w_2», строка 3, столбец «Упражнение» (I3): упражнения «Жим от груди в тренажоре» нет в справочнике. Возможно, это «Жим от груди в тренажёре»?"
    );
    assert!(
        en.ends_with("Did you mean \"Chest press machine\"?") || en.contains("Did you mean"),
        "{en}"
    );
}

#[test]
fn what_is_no_table_at_all_is_said_plainly() {
    for (bytes, problem, ru, en) in [
        (file!("sign-in-page.csv"), Problem::Html, "веб-страница", "a web page"),
        (
            file!("private-gviz.csv"),
            Problem::Html,
            "открыт для просмотра",
            "shared for viewing",
        ),
        (file!("workbook.xlsx"), Problem::Workbook, "книга Excel", "a workbook"),
        (file!("printed.pdf"), Problem::Pdf, "это PDF", "a PDF"),
    ] {
        let errors = refused(bytes);
        assert_eq!(errors.errors.len(), 1);
        assert_eq!(errors.errors[0].problem, problem);
        let (russian, english) = messages(&errors);
        assert!(
            russian.starts_with("Лист «Men_12w_2»: ") && russian.contains(ru),
            "{russian}"
        );
        assert!(english.contains(en), "{english}");
    }
    let without_titles: String = std::str::from_utf8(file!("google-export.csv"))
        .unwrap()
        .lines()
        .skip(1)
        .map(|line| format!("{line}\n"))
        .collect();
    for bytes in [without_titles.as_bytes(), b"{\"error\": \"not found\"}"] {
        let errors = refused(bytes);
        assert_eq!(errors.errors.len(), 1);
        assert!(errors.errors[0].message(Language::Ru).contains("с названиями столбцов"));
    }
    let errors = refused(file!("unclosed-quote.csv"));
    assert_eq!(
        (errors.errors[0].row, &errors.errors[0].problem),
        (Some(4), &Problem::BrokenCsv)
    );
}

#[test]
fn an_empty_cell_in_the_first_row_is_never_filled() {
    let csv = String::from_utf8(file!("google-export.csv").to_vec()).unwrap();
    let errors = refused(csv.replacen("any,any,gym", "any,,gym", 1).as_bytes());
    assert_eq!(
        errors.errors[0].problem,
        Problem::EmptyCell {
            expected: Expected::Goals
        }
    );
    // A blank row ends a merged cell.
    let rows: Vec<&str> = csv.lines().collect();
    let parted = format!("{}\n{}\n\n{}", rows[0], rows[1], rows[2..].join("\n")).replacen(
        "any,any,gym,gym,2,1-12,1,2",
        ",any,gym,gym,2,1-12,1,2",
        1,
    );
    assert_eq!(
        refused(parted.as_bytes()).errors[0].problem,
        Problem::EmptyCell {
            expected: Expected::Levels
        }
    );
}
