//! The books, for reading.

use domain::ids::ClientId;
use domain::ledger::{Account, AccountKind};
use domain::money::{Currency, Money};
use store::{AccountBalance, Cursor, Entry, JournalRow, PageOf, PageRequest, account_id};

use super::wrong_cursor;
use crate::{App, Caller, Error, Result};

/// One page of an account's statement, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub account_id: String,
    /// What the account holds now.
    pub balance: Money,
    pub entries: Vec<Line>,
    pub next: Option<Cursor>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub entry: Entry,
    /// What the account held after it.
    pub balance: Money,
}

/// What each kind of account holds, and the sum of all for each currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialBalance {
    pub rows: Vec<(AccountKind, Money)>,
    pub totals: Vec<Money>,
}

/// By id.
pub async fn accounts(
    app: &App,
    caller: &Caller,
    kind: AccountKind,
    page: &PageRequest,
) -> Result<PageOf<AccountBalance>> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    Ok(tx.balances(kind, page).await?)
}

/// Errors: `NotFound`; `Invalid` names `cursor`.
pub async fn statement(app: &App, caller: &Caller, account: &str, page: &PageRequest) -> Result<Statement> {
    check_place(page)?;
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let missing = Error::NotFound { what: "account" };
    let found = tx.find_account(account).await?.ok_or(missing)?;
    read(&mut tx, &found.account, page).await
}

/// What a client paid and what it was used for: their wallet, seen from their side. Empty for one who never paid.
///
/// Errors: `NotFound`; `Invalid` names `cursor`.
pub async fn statement_of_client(
    app: &App,
    caller: &Caller,
    client: &ClientId,
    currency: Currency,
    page: &PageRequest,
) -> Result<Statement> {
    check_place(page)?;
    let mut tx = app.tenant(&caller.tenant).read().await?;
    tx.find_client(client)
        .await?
        .ok_or(Error::NotFound { what: "client" })?;
    let mut statement = read(&mut tx, &Account::wallet(client, currency), page).await?;
    statement.balance = turned(statement.balance);
    for line in &mut statement.entries {
        line.entry.amount = turned(line.entry.amount);
        line.balance = turned(line.balance);
    }
    Ok(statement)
}

async fn read(tx: &mut store::Tx, account: &Account, page: &PageRequest) -> Result<Statement> {
    let found = tx.entries(account, page).await?;
    let overflow = |_| Error::internal("a balance is too large to be counted");
    let mut balance = tx.balance_before(account, page.after.as_ref()).await?;
    let mut entries = Vec::with_capacity(found.items.len());
    for entry in found.items {
        let before = balance.checked_sub(entry.amount).map_err(overflow)?;
        entries.push(Line { entry, balance });
        balance = before;
    }
    Ok(Statement {
        account_id: account_id(account),
        balance: tx.balance(account).await?,
        entries,
        next: found.next,
    })
}

/// What we owe a client is money they have.
const fn turned(money: Money) -> Money {
    Money::new(money.minor.saturating_neg(), money.currency)
}

pub async fn trial_balance(app: &App, caller: &Caller) -> Result<TrialBalance> {
    let rows = app.tenant(&caller.tenant).read().await?.trial_balance().await?;
    let mut totals: Vec<Money> = Vec::new();
    for (_, balance) in &rows {
        match totals.iter_mut().find(|total| total.currency == balance.currency) {
            Some(total) => {
                *total = total
                    .checked_add(*balance)
                    .map_err(|_| Error::internal("a balance is too large to be counted"))?;
            }
            None => totals.push(*balance),
        }
    }
    Ok(TrialBalance { rows, totals })
}

/// The journal, oldest first, page by page: a reader of all of it holds no transaction open in between.
pub async fn journal(app: &App, caller: &Caller, page: &PageRequest) -> Result<PageOf<JournalRow>> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    Ok(tx.journal(page).await?)
}

/// A statement's cursor is a place in the journal.
fn check_place(page: &PageRequest) -> Result<()> {
    match &page.after {
        Some(cursor) if cursor.0.parse::<i64>().is_err() => Err(wrong_cursor()),
        _ => Ok(()),
    }
}
