//! Answers in, programmes as PDFs out: for trainers who want to make a hundred and look, and for tests.
//!
//! ```text
//! programme answers.json out.pdf [--scope free|full] [--lang ru|en] [--phone] [--png DIR]
//! programme answers.jsonl out-dir/
//! programme --make 100 --seed 7 out-dir/
//! ```
//!
//! `docs/programmes.md` and `programme --help` say the rest.

mod answers;
mod make;
mod options;

use std::io::Write as _;
use std::process::ExitCode;

use options::{Command, USAGE};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match options::parse(&arguments) {
        Ok(Command::Help) => {
            say(USAGE);
            return ExitCode::SUCCESS;
        }
        Ok(Command::Make(options)) => make::run(&options),
        Err(message) => Err(format!("{message}\n\n{USAGE}")),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            complain(&message);
            ExitCode::FAILURE
        }
    }
}

/// To standard output. A reader that has gone away (`| head`) is no error.
fn say(message: &str) {
    let _ = writeln!(std::io::stdout(), "{message}");
}

/// To standard error.
fn complain(message: &str) {
    let _ = writeln!(std::io::stderr(), "{message}");
}
