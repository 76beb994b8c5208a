//! `crm-api`: serve (without a word), migrate, doctor, rotate-keys, openapi.

use std::process::ExitCode;

use crm_api::config::{Config, ConfigErrors};
use crm_api::{doctor, openapi, rotate_keys, serve, telemetry};

const USAGE: &str = "usage: crm-api [serve | migrate | doctor | rotate-keys | openapi]

  serve         answers HTTP and does the background work (the default)
  migrate       brings the database's schema up to date and ends
  doctor        checks the configuration and the books, and says how to mend what is wrong
  rotate-keys   seals everything under the first key of MASTER_KEY, beside the running system
  openapi       prints the description of the API";

/// What `sysexits.h` calls a usage error is our refusal of a configuration.
const REFUSED: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // Fails only when somebody installed one before; then that one serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match words.as_slice() {
        [] | ["serve"] => with_config(async |config| serve::run(config).await.map(|()| ExitCode::SUCCESS)).await,
        ["migrate"] => with_config(async |config| serve::migrate(&config).await.map(|()| ExitCode::SUCCESS)).await,
        ["doctor"] => check().await,
        ["rotate-keys"] => with_config(async |config| rotate(&config).await).await,
        ["openapi"] => {
            print(openapi::document_json().trim_end());
            ExitCode::SUCCESS
        }
        ["help" | "--help" | "-h"] => {
            print(USAGE);
            ExitCode::SUCCESS
        }
        _ => {
            complain(USAGE);
            ExitCode::from(REFUSED)
        }
    }
}

async fn with_config(work: impl AsyncFnOnce(Config) -> anyhow::Result<ExitCode>) -> ExitCode {
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(errors) => {
            complain(&errors.to_string());
            return ExitCode::from(REFUSED);
        }
    };
    telemetry::start(&config.logs);
    match work(config).await {
        Ok(code) => code,
        // The database and the seeds can refuse the configuration too.
        Err(error) => match error.downcast_ref::<ConfigErrors>() {
            Some(errors) => {
                complain(&errors.to_string());
                ExitCode::from(REFUSED)
            }
            None => {
                tracing::error!("the program ends: {error:#}");
                ExitCode::FAILURE
            }
        },
    }
}

async fn rotate(config: &Config) -> anyhow::Result<ExitCode> {
    let rotation = rotate_keys::run(config, &mut print).await?;
    Ok(if rotation.is_complete && rotation.unreadable == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn check() -> ExitCode {
    let report = doctor::examine(Config::from_env()).await;
    print(&report.to_string());
    if report.is_well() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[expect(clippy::print_stdout, reason = "a command prints its answer")]
fn print(text: &str) {
    println!("{text}");
}

#[expect(
    clippy::print_stderr,
    reason = "a refusal at start is for the person at the terminal"
)]
fn complain(text: &str) {
    eprintln!("{text}");
}
