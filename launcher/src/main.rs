//! `voronka`: starts the programs of a whole installation as one, with a configuration completed by what a fresh
//! machine lacks (secrets, and the sandbox while there is no Telegram token). It holds no business rule and reads
//! no answer of the programs but their readiness. A new program is one more line in `run::programs`.

mod env_file;
mod run;
mod screen;
mod secrets;
mod settings;
mod supervisor;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use crate::run::Outcome;
use crate::screen::Screen;
use crate::settings::{Settings, Values};

const HELP: &str = "\
voronka run          start everything and keep it alive until Ctrl+C
voronka doctor       check the configuration and the books
voronka migrate      bring the database up to date and stop
voronka rotate-keys  seal everything under the first key of MASTER_KEY, beside the running system

Configuration comes from the environment and from .env (see .env.example); secrets that nobody
configured are made once and kept in data/secrets.env.
";

fn main() -> ExitCode {
    let command = std::env::args().nth(1);
    let done = match command.as_deref() {
        None | Some("run") => run_everything(),
        Some(command @ ("doctor" | "migrate" | "rotate-keys")) => {
            settings().and_then(|settings| Err(run::become_api(&settings, &bin_folder()?, command)))
        }
        Some("help" | "--help" | "-h") => {
            print_to(&mut std::io::stdout(), HELP);
            return ExitCode::SUCCESS;
        }
        Some(unknown) => {
            print_to(
                &mut std::io::stderr(),
                &format!("voronka: there is no command \"{unknown}\"\n\n{HELP}"),
            );
            return ExitCode::from(64);
        }
    };
    match done {
        Ok(Outcome::Stopped) => ExitCode::SUCCESS,
        Ok(Outcome::Killed) => ExitCode::FAILURE,
        Err(error) => {
            print_to(&mut std::io::stderr(), &format!("voronka: {error:#}\n"));
            ExitCode::FAILURE
        }
    }
}

fn run_everything() -> anyhow::Result<Outcome> {
    let settings = settings()?;
    // Without a provider even plain HTTP clients of reqwest refuse to be built; a second installation cannot happen here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the asynchronous runtime")?;
    Ok(runtime.block_on(run::run(&settings, &bin_folder()?, Screen::of_this_terminal()))?)
}

/// Reads the environment, `.env` and the kept secrets; makes the missing secrets.
fn settings() -> anyhow::Result<Settings> {
    let environment: Values = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let env_file = env_file::read(Path::new(".env"))?;
    let configured = settings::configured(environment.clone(), env_file.clone());
    let secrets = secrets::load_or_create(Path::new("data"), |key| configured.contains_key(key))?;
    Ok(Settings::resolve(environment, env_file, secrets)?)
}

/// The programs lie beside this one; `VORONKA_BIN_DIR` points elsewhere (tests, packages).
fn bin_folder() -> anyhow::Result<PathBuf> {
    if let Some(folder) = std::env::var_os("VORONKA_BIN_DIR").filter(|value| !value.is_empty()) {
        return Ok(folder.into());
    }
    let this = std::env::current_exe().context("cannot find out where this program lies")?;
    Ok(this.parent().unwrap_or(Path::new(".")).to_owned())
}

/// A closed terminal is no reason to fail.
fn print_to(stream: &mut impl std::io::Write, text: &str) {
    let _ = stream.write_all(text.as_bytes());
}
