//! The command: one client or many, and what it says to wrong answers.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use programs::pdf::Rendered;
use programs::templates;
use serde_json::{Value, json};

use super::pdf::{flat, poppler, text};

fn anna() -> Value {
    json!({
        "name": "Анна", "sex": "female", "age_years": 31, "level": "beginner", "goal": "fat_loss", "height_cm": 168,
        "weight_decikg": 725, "lifestyle": "sedentary", "place": "home", "equipment": "basic", "days_per_week": 3,
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut answers = anna();
    answers[field] = value;
    answers
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_programme"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn complaint(output: &Output) -> String {
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn pdf(path: &Path) -> Rendered {
    Rendered {
        bytes: std::fs::read(path).unwrap(),
        page_count: 0,
    }
}

#[test]
fn one_client_gets_a_document_for_paper_or_phone_with_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(
        folder.join("answers.json"),
        with("trainer_note", json!("Привет!")).to_string(),
    )
    .unwrap();
    let output = run(folder, &["answers.json", "out.pdf", "--scope", "full", "--lang", "en"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let long = text(&pdf(&folder.join("out.pdf")));
    assert!(long.contains("Week 12") && long.contains("Привет!"));

    let output = run(folder, &["answers.json", "phone.pdf", "--phone", "--png", "pictures"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let phone = pdf(&folder.join("phone.pdf"));
    assert!(poppler("pdfinfo", &[], &phone).contains("360 x 780"));
    let pictures = std::fs::read_dir(folder.join("pictures")).unwrap().count();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(pictures > 5 && said.contains(&format!("{pictures} pictures")), "{said}");
    assert!(folder.join("pictures/phone-01.png").exists());
}

#[test]
fn many_clients_get_a_folder_and_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let several = [
        anna(),
        with("name", json!("Пётр / Иванов")),
        with("goal", json!("strength")),
    ];
    std::fs::write(
        folder.join("list.json"),
        serde_json::to_string_pretty(&several).unwrap(),
    )
    .unwrap();
    let lines: Vec<String> = several.iter().map(Value::to_string).collect();
    std::fs::write(folder.join("lines.jsonl"), lines.join("\n") + "\n\n").unwrap();
    for (source, target) in [("list.json", "from-list"), ("lines.jsonl", "from-lines/")] {
        let output = run(folder, &[source, target]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said.contains("3 of 3 documents"), "{said}");
        for name in ["01-анна.pdf", "02-пётр-иванов.pdf", "03-анна.pdf"] {
            assert!(said.contains(name), "{said}");
            assert!(flat(&text(&pdf(&folder.join(target).join(name)))).contains("О программе"));
        }
    }
    let refused = complaint(&run(folder, &["list.json", "one.pdf"]));
    assert!(refused.contains("3 documents need a directory"), "{refused}");
}

#[test]
fn answers_come_from_standard_input_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_programme"))
        .args(["-", "out.pdf"])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(anna().to_string().as_bytes())
        .unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    assert!(folder.path().join("out.pdf").exists());
}

#[test]
fn invented_clients_are_the_same_for_the_same_seed() {
    let folder = tempfile::tempdir().unwrap();
    let names = |target: &str, seed: &str| {
        let output = run(folder.path(), &["--make", "12", "--seed", seed, target, "--lang", "en"]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("12 of 12 documents"), "{said}");
        let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder.path().join(target))
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                (
                    entry.file_name().into_string().unwrap(),
                    std::fs::read(entry.path()).unwrap(),
                )
            })
            .collect();
        files.sort();
        files
    };
    let first = names("a", "7");
    assert_eq!(names("b", "7"), first);
    assert_ne!(names("c", "8"), first);
}

#[test]
fn wrong_answers_are_refused_with_line_and_field() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let lines = |second: &Value| format!("{}\n{second}\n{}\n", anna(), anna());
    let mut without = anna();
    without.as_object_mut().unwrap().remove("goal");
    for (text, expected) in [
        (
            lines(&with("level", json!("expert"))),
            vec!["line 2", "client 2", "`level`", "expert", "advanced"],
        ),
        (
            lines(&with("age_years", json!("31"))),
            vec!["line 2", "client 2", "`age_years`", "string"],
        ),
        (
            lines(&with("age_years", json!(300))),
            vec!["line 2", "`age_years`", "300"],
        ),
        (
            lines(&with("days_per_week", json!(7))),
            vec!["line 2", "client 2", "`days_per_week`: 2 to 4 is possible, not 7"],
        ),
        (
            lines(&with("equipment", json!("gym"))),
            vec!["line 2", "`equipment`", "in a gym it is always"],
        ),
        (
            lines(&with("helght", json!(1))),
            vec!["line 2", "unknown field `helght`"],
        ),
        (lines(&without), vec!["line 2", "missing field `goal`"]),
        (
            format!("[\n{},\n{}\n]", anna(), with("spared_areas", json!(["knees", "head"]))),
            vec!["line 3", "client 2", "`spared_areas[1]`", "head"],
        ),
        (
            "{\n\"sex\": \"female\",\n\"goal\" \"x\"}".to_owned(),
            vec!["line 3", "expected `:`"],
        ),
        (
            format!(
                "{{\n{}",
                anna()
                    .to_string()
                    .trim_start_matches('{')
                    .replace("\"age_years\":31", "\n\n\"age_years\":5")
            ),
            vec!["line 4, client 1, field `age_years`: 14 to 90 is possible, not 5"],
        ),
        (
            format!("[{}\n{}]", anna(), anna()),
            vec!["line 1", "a comma or `]` should follow client 1"],
        ),
        (
            format!("[{}\n", anna()),
            vec!["line 1", "a comma or `]` should follow client 1"],
        ),
        (format!("[{},\n\n", anna()), vec!["line 3", "the list is not closed"]),
        (String::new(), vec!["no answers"]),
        ("[]".to_owned(), vec!["the list is empty"]),
    ] {
        std::fs::write(folder.join("answers.jsonl"), &text).unwrap();
        let complaint = complaint(&run(folder, &["answers.jsonl", "out"]));
        for part in expected {
            assert!(complaint.contains(part), "{part}: {complaint}");
        }
        assert!(!folder.join("out").exists(), "nothing is made of half an order");
    }
    std::fs::write(folder.join("latin.json"), b"{\n\"name\": \"\xe9\"}").unwrap();
    let refused = complaint(&run(folder, &["latin.json", "out.pdf"]));
    assert!(refused.contains("line 2") && refused.contains("UTF-8"), "{refused}");
}

#[test]
fn wrong_options_are_refused_with_the_usage() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("answers.json"), anna().to_string()).unwrap();
    for (arguments, expected) in [
        (
            vec!["answers.json", "out.pdf", "--scope", "half"],
            "--scope is free or full",
        ),
        (vec!["answers.json", "out.pdf", "--lang"], "--lang needs ru or en"),
        (vec!["answers.json"], "two paths are needed"),
        (vec!["--make", "0", "out"], "--make is 1 to"),
        (vec!["answers.json", "out.pdf", "--seed", "1"], "--seed is for --make"),
        (vec!["answers.json", "out.pdf", "--fast"], "no option --fast"),
        (vec!["nowhere.json", "out.pdf"], "cannot read nowhere.json"),
        (vec!["answers.json", "out.pdf", "--logo", "answers.json"], "PNG"),
        (
            vec!["answers.json", "out.pdf", "--templates", "nowhere"],
            "nowhere/Men_12w_2.csv",
        ),
    ] {
        let complaint = complaint(&run(folder.path(), &arguments));
        assert!(complaint.contains(expected), "{arguments:?}: {complaint}");
    }
    assert!(!folder.path().join("out.pdf").exists());
}

#[test]
fn templates_come_from_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("answers.json"), anna().to_string()).unwrap();
    std::fs::create_dir(folder.join("mine")).unwrap();
    for table in templates::shipped() {
        let mut csv = String::from_utf8(table.csv.to_vec()).unwrap();
        if table.sheet == templates::EXERCISES_SHEET {
            csv = csv.replace("Присед", "Мой присед");
        }
        std::fs::write(folder.join("mine").join(format!("{}.csv", table.sheet)), csv).unwrap();
    }
    let output = run(folder, &["answers.json", "out.pdf", "--templates", "mine"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(flat(&text(&pdf(&folder.join("out.pdf")))).contains("Мой присед"));

    std::fs::write(folder.join("mine/Women_12w_2.csv"), "level,goal\nx,y\n").unwrap();
    let refused = complaint(&run(
        folder,
        &["answers.json", "out.pdf", "--templates", "mine", "--lang", "en"],
    ));
    assert!(refused.contains("Women_12w_2"), "{refused}");
}
