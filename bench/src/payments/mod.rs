//! Money under load: checkouts, notifications taken and settled, each beside the same transactions without the product; a
//! minute of notifications at a steady rate; the doctor over a million postings.

mod bank;
mod books;
mod hold;
mod load;
mod record;
mod shop;

use std::net::{IpAddr, Ipv4Addr};

pub use bank::{CHILD as BANK, serve as serve_bank};

use crate::options::{Database, Options};
use crate::table::Report;
use shop::Shop;

/// Where the bank's notifications come from.
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub async fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let (bank_process, bank) = bank::start().await?;
    report.progress("payments: listening to what the product says from a first word to a settled payment");
    let life = record::listen(&bank).await?;
    for database in &options.databases {
        on_one(options, report, *database, &life, &bank).await?;
    }
    drop(bank_process);
    Ok(())
}

async fn on_one(
    options: &Options,
    report: &mut Report,
    database: Database,
    life: &record::Life,
    bank: &str,
) -> anyhow::Result<()> {
    let name = database.name();
    report.section(format!(
        "{name}: payments, the bank a stub of YooKassa's wire in a process of its own"
    ));
    let shop = Shop::make(database, bank).await?;
    let alone = Shop::make(database, bank).await?;
    load::measure(options, report, &shop, &alone, life).await?;
    alone.close().await?;
    shop.close().await?;

    hold::measure(options, report, database, bank).await?;
    books::measure(options, report, database, bank).await
}
