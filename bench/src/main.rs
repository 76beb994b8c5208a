//! Measures the whole product, each figure beside the limit of this machine in the same run. `docs/benchmarks.md` tells
//! what is measured and how.

mod alone;
mod conversation;
mod figures;
mod options;
mod payments;
mod place;
mod process;
mod programmes;
mod reads;
mod route;
mod script;
mod table;
mod waits;
mod wire;
mod wording;
mod writes;

use options::{Options, Part, USAGE};
use table::{Report, tell};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--help" | "-h" | "help"] => {
            tell(USAGE);
            Ok(())
        }
        [programmes::CHILD, scope, count] => programmes::child(scope, count.parse()?),
        [payments::BANK, address] => runtime()?.block_on(payments::serve_bank(address)),
        [route::CHILD, address] => runtime()?.block_on(route::serve(address)),
        _ => runtime()?.block_on(run(Options::parse(&arguments)?)),
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    // Fails only when somebody installed one before; then that one serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

async fn run(options: Options) -> anyhow::Result<()> {
    let mut report = Report::new();
    if cfg!(debug_assertions) {
        report.progress("this is not an optimised build: the figures say nothing about the product");
    }
    for part in &options.parts {
        match part {
            Part::Writes => writes::measure(&options, &mut report).await?,
            Part::Reads => reads::measure(&options, &mut report).await?,
            Part::Conversation => conversation::measure(&options, &mut report).await?,
            Part::Programmes => programmes::measure(&options, &mut report).await?,
            Part::Payments => payments::measure(&options, &mut report).await?,
            Part::Wording => wording::measure(&options, &mut report)?,
        }
    }
    report.print();
    Ok(())
}
