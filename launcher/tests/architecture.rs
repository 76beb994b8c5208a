//! The arrows between the rooms and a few other promises about the tree, read from the tree itself.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What each room may import of the others. A new room is refused until it has a line here.
const ARROWS: [(&str, &[&str]); 11] = [
    ("domain", &[]),
    ("programs", &["domain"]),
    ("store", &["domain"]),
    ("providers", &["domain"]),
    ("app", &["domain", "programs", "providers", "store"]),
    ("api-types", &[]),
    (
        "crm-api",
        &["api-types", "app", "domain", "programs", "providers", "store"],
    ),
    ("bot", &["api-types"]),
    // Shares no code with the adapters it plays against: a shared mistake would pass.
    ("sandbox", &[]),
    ("launcher", &[]),
    (
        "bench",
        &[
            "api-types",
            "app",
            "bot",
            "crm-api",
            "domain",
            "programs",
            "providers",
            "sandbox",
            "store",
        ],
    ),
];

/// Outside crates with one home each, and the reason of the domain's purity.
const HOMES: [(&str, &[&str]); 3] = [
    ("sqlx", &["store", "bench"]),
    ("teloxide", &["bot"]),
    ("tokio-cron-scheduler", &["app"]),
];
const NEVER_IN_DOMAIN: [&str; 7] = ["tokio", "sqlx", "reqwest", "axum", "rand", "getrandom", "uuid"];

/// Rooms whose sources may hold SQL: the store, and the measurements that compare it with the bare database.
const ROOMS_WITH_SQL: [&str; 2] = ["store", "bench"];

/// Every key of the configuration: the design's list, and what the programs have added since.
const KEYS: &[&str] = &[
    "DATABASE_URL",
    "HTTP_ADDR",
    "PUBLIC_URL",
    "MASTER_KEY",
    "ADMIN_EMAIL",
    "ADMIN_PASSWORD",
    "STORAGE_URL",
    "TELEGRAM_BOT_TOKEN",
    "TELEGRAM_API_URL",
    "TELEGRAM_MODE",
    "CRM_API_URL",
    "CRM_API_TOKEN",
    "YOOKASSA_SHOP_ID",
    "YOOKASSA_SECRET_KEY",
    "YOOKASSA_API_URL",
    "YOOKASSA_NETWORKS",
    "WEBHOOK_SECRET",
    "SMTP_HOST",
    "SMTP_PORT",
    "SMTP_TLS",
    "SMTP_USER",
    "SMTP_PASSWORD",
    "SMTP_FROM",
    "TBANK_TERMINAL_KEY",
    "TBANK_PASSWORD",
    "TBANK_API_URL",
    "TBANK_TAXATION",
    "LLM_PROVIDER",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "YANDEX_API_KEY",
    "YANDEX_FOLDER_ID",
    "YANDEX_LLM_URL",
    "SHEETS_BASE_URL",
    "VK_API_URL",
    "VK_ACCESS_TOKEN",
    "BOT_ADDR",
    "CLOCK_URL",
    "DEMO_DATA",
    "EXTRA_ROOT_CERTS",
    "LLM_MODEL",
    "LOG_FORMAT",
    "POSTGRES_PASSWORD",
    "RATE_LIMIT_PER_MINUTE",
    "RUST_LOG",
    "SANDBOX_ADDR",
    "SANDBOX_BOT_TOKEN",
    "SANDBOX_DATA_FILE",
    "SANDBOX_PRODUCT_URL",
    "SANDBOX_PUBLIC_URL",
    "SANDBOX_SMTP_ADDR",
    "SHEETS_TEMPLATES_ID",
    "TELEGRAM_RATE_PER_SECOND",
    "TELEGRAM_WEBHOOK_SECRET",
    "TELEGRAM_WEBHOOK_URL",
    "TRAINER_TELEGRAM_IDS",
    "TRUSTED_PROXIES",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// The names a package depends on; `kind` is `None` for what its product code imports, `Some("dev")` for its tests.
fn dependencies<'a>(package: &'a Value, kind: Option<&str>) -> BTreeSet<&'a str> {
    let all = package["dependencies"].as_array().unwrap().iter();
    all.filter(|dependency| dependency["kind"].as_str() == kind)
        .map(|it| it["name"].as_str().unwrap())
        .collect()
}

fn name(package: &Value) -> &str {
    package["name"].as_str().unwrap()
}

fn rust_sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn rooms_import_only_along_the_arrows() {
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.into();
    let packages = packages();
    let rooms: BTreeSet<&str> = packages.iter().map(name).collect();
    assert_eq!(
        rooms,
        arrows.keys().copied().collect(),
        "each room has its line in ARROWS"
    );
    for package in &packages {
        let room = name(package);
        let allowed = arrows[room];
        for imported in dependencies(package, None).intersection(&rooms) {
            assert!(allowed.contains(imported), "{room} must not import {imported}");
        }
        for imported in dependencies(package, Some("dev")).intersection(&rooms) {
            let is_stand_in = *imported == "sandbox" && room != "domain";
            assert!(
                is_stand_in || allowed.contains(imported),
                "the tests of {room} must not import {imported}"
            );
        }
        assert!(
            dependencies(package, Some("build")).is_disjoint(&rooms),
            "{room} imports a room to build itself"
        );
    }
}

#[test]
fn the_domain_knows_no_runtime_no_database_no_network_and_no_chance() {
    let packages = packages();
    let domain = packages.iter().find(|package| name(package) == "domain").unwrap();
    for crate_name in NEVER_IN_DOMAIN {
        assert!(
            !dependencies(domain, None).contains(crate_name),
            "domain must not import {crate_name}"
        );
    }
}

#[test]
fn outside_systems_have_one_home_each() {
    for package in &packages() {
        for (crate_name, homes) in HOMES {
            let is_imported = dependencies(package, None).contains(crate_name);
            assert!(
                !is_imported || homes.contains(&name(package)),
                "{} must not import {crate_name}",
                name(package)
            );
        }
    }
}

#[test]
fn both_databases_have_the_same_migrations() {
    let files = |database: &str| -> BTreeSet<String> {
        let folder = root().join("migrations").join(database);
        let entries = std::fs::read_dir(folder).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    assert_eq!(files("sqlite"), files("postgres"));
    assert!(
        files("sqlite").iter().any(|file| file.ends_with(".sql")),
        "there are no migrations"
    );
}

/// The statement a piece of source holds, if any. Upper-case keywords, as all our SQL has them; comments don't count.
fn sql_in(source: &str) -> Option<&'static str> {
    let code: String = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    const STATEMENTS: [(&str, &str); 5] = [
        ("SELECT ", " FROM "),
        ("INSERT INTO ", ""),
        ("UPDATE ", " SET "),
        ("DELETE FROM ", ""),
        ("CREATE TABLE ", ""),
    ];
    // The second word follows within the same statement, which here means within a few lines.
    const REACH_CHARS: usize = 600;
    STATEMENTS.into_iter().find_map(|(begin, then)| {
        let is_there = code.match_indices(begin).any(|(at, _)| {
            let rest: String = code[at..].chars().take(REACH_CHARS).collect();
            rest.split_whitespace().collect::<Vec<_>>().join(" ").contains(then)
        });
        is_there.then_some(begin)
    })
}

#[test]
fn sql_lives_in_the_store_only() {
    for package in packages() {
        let room = name(&package);
        if ROOMS_WITH_SQL.contains(&room) {
            continue;
        }
        // This file spells the keywords out, so only product sources are read.
        for source in rust_sources(&root().join(room).join("src")) {
            let found = sql_in(&std::fs::read_to_string(&source).unwrap());
            assert_eq!(found, None, "{} holds SQL; it belongs to store", source.display());
        }
    }
}

#[test]
fn the_search_for_sql_finds_it() {
    assert!(sql_in("let q = \"SELECT id\n  FROM clients\";").is_some());
    assert!(sql_in("sqlx::query(\"UPDATE jobs SET state = $1\")").is_some());
    assert!(sql_in("// SELECT a FROM b\nlet x = \"select your goal from the list\";").is_none());
}

/// The names in quotes that look like a key of the environment.
fn keys_read_by(source: &str) -> BTreeSet<String> {
    let is_key = |text: &&str| {
        text.contains('_')
            && text
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    source.split('"').filter(is_key).map(str::to_owned).collect()
}

#[test]
fn every_setting_is_documented_in_the_example() {
    let text = std::fs::read_to_string(root().join(".env.example")).unwrap();
    let documented: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# ").unwrap_or(line).split_once('='))
        .map(|(key, _)| key)
        .filter(|key| key.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'))
        .collect();
    for key in KEYS {
        assert_eq!(
            documented.iter().filter(|found| *found == key).count(),
            1,
            "{key} in .env.example"
        );
    }
    for key in documented {
        assert!(
            KEYS.contains(&key),
            "{key} is in .env.example but not in the list of this test"
        );
    }
}

#[test]
fn no_program_reads_a_setting_that_is_not_documented() {
    for (room, ..) in ARROWS {
        // The launcher reads everything and knows nothing; the others read in one place.
        for file in [
            "src/config.rs",
            "src/config/payments.rs",
            "src/config/mail.rs",
            "src/main.rs",
        ]
        .into_iter()
        .filter(|_| room != "launcher")
        {
            let source = std::fs::read_to_string(root().join(room).join(file)).unwrap_or_default();
            for key in keys_read_by(&source) {
                assert!(
                    KEYS.contains(&key.as_str()),
                    "{room}/{file} reads {key}, which .env.example does not explain"
                );
            }
        }
    }
}

#[test]
fn the_readme_shows_the_two_commands() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    for command in ["make run", "make test"] {
        assert!(readme.contains(command), "README.md does not show {command}");
    }
}
