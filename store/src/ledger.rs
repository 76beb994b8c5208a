//! The books: accounts, transfers, postings, and balances beside them.

use std::collections::BTreeMap;

use domain::ids::{ClientId, Id, RequestId, TransferId};
use domain::ledger::{Account, AccountKind, Transfer, TransferKind};
use domain::money::{Currency, Money};
use domain::time::Timestamp;

use crate::dialect::{execute, row, rows, scalar};
use crate::pipeline::shard_of;
use crate::{Cursor, Error, Finding, PageOf, PageRequest, Result, Tx};

/// Wrong accounts a check names; the rest is the same story.
const NAMED_ACCOUNTS: i64 = 20;

/// What is booked in the transaction of its cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTransfer {
    pub id: TransferId,
    pub transfer: Transfer,
    /// Whose money moves.
    pub client: ClientId,
    pub request_id: RequestId,
    pub now: Timestamp,
}

/// One line of an account's statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub transfer: TransferId,
    pub kind: TransferKind,
    /// What the transfer stands for: `payment_succeeded:py_…`.
    pub transfer_key: String,
    /// The account on the other side, as its id in the books.
    pub counterpart: String,
    /// Positive for a debit.
    pub amount: Money,
    pub at: Timestamp,
}

/// One row of the journal, both sides of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRow {
    pub transfer: TransferId,
    pub transfer_key: String,
    pub debit: String,
    pub credit: String,
    pub amount: Money,
    pub at: Timestamp,
}

/// An account with what it holds: debits minus credits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountBalance {
    pub account: Account,
    pub balance: Money,
}

#[derive(sqlx::FromRow)]
struct EntryRow {
    seq: i64,
    transfer_id: String,
    kind: String,
    transfer_key: String,
    counterpart: String,
    amount_minor: i64,
    currency: String,
    at_ms: i64,
}

#[derive(sqlx::FromRow)]
struct JournalLine {
    seq: i64,
    transfer_id: String,
    transfer_key: String,
    debit_account_id: String,
    credit_account_id: String,
    amount_minor: i64,
    currency: String,
    at_ms: i64,
}

/// An account's id in the books.
pub fn account_id(account: &Account) -> String {
    format!("{}:{}:{}", account.kind, account.owner, account.currency)
}

/// Where a keyset over `seq` begins.
fn before(page: &PageRequest) -> i64 {
    page.after
        .as_ref()
        .and_then(|cursor| cursor.0.parse().ok())
        .unwrap_or(i64::MAX)
}

impl Tx {
    /// Books transfers, each once: one whose key is known already is left out and answered with false.
    ///
    /// Balances of all transfers are changed in one order, whatever the order of the transfers, so that two transactions
    /// can't wait for each other in a circle.
    /// Errors: [`Error::Overdrawn`] when a wallet would go below zero; nothing must be committed then.
    pub async fn post(&mut self, transfers: &[NewTransfer]) -> Result<Vec<bool>> {
        const TRANSFER: &str = "INSERT INTO ledger_transfers (id, tenant_id, kind, transfer_key, client_id, request_id, at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant_id, transfer_key) DO NOTHING";
        const POSTING: &str = "INSERT INTO ledger_postings (tenant_id, transfer_id, position, debit_account_id, credit_account_id, \
             amount_minor, currency, at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let mut booked = Vec::with_capacity(transfers.len());
        let mut changes: BTreeMap<(String, i64), (Account, i64)> = BTreeMap::new();
        for new in transfers {
            let inserted = execute!(
                self,
                TRANSFER,
                new.id.as_str(),
                self.tenant.as_ref(),
                new.transfer.kind().code(),
                new.transfer.key(),
                new.client.as_str(),
                new.request_id.as_str(),
                new.now.millis()
            )?;
            booked.push(inserted == 1);
            if inserted == 0 {
                continue;
            }
            for posting in new.transfer.postings() {
                for (account, minor) in [
                    (&posting.debit, posting.amount.minor),
                    (&posting.credit, -posting.amount.minor),
                ] {
                    let shard = if account.kind.is_bounded() {
                        0
                    } else {
                        shard_of(&new.client)
                    };
                    let change = changes
                        .entry((account_id(account), shard))
                        .or_insert_with(|| (account.clone(), 0));
                    change.1 = change
                        .1
                        .checked_add(minor)
                        .ok_or_else(|| Error::corrupt("ledger_balances.balance_minor", &account_id(account)))?;
                }
            }
        }
        let now = transfers.first().map_or(Timestamp::default(), |new| new.now);
        for ((id, shard), (account, minor)) in &changes {
            self.change_balance(id, *shard, account, *minor, now).await?;
        }
        for (new, is_new) in transfers.iter().zip(&booked) {
            if !is_new {
                continue;
            }
            for (position, posting) in (0_i64..).zip(new.transfer.postings()) {
                execute!(
                    self,
                    POSTING,
                    self.tenant.as_ref(),
                    new.id.as_str(),
                    position,
                    account_id(&posting.debit),
                    account_id(&posting.credit),
                    posting.amount.minor,
                    posting.amount.currency.code(),
                    new.now.millis()
                )?;
            }
        }
        Ok(booked)
    }

    async fn change_balance(
        &mut self,
        id: &str,
        shard: i64,
        account: &Account,
        minor: i64,
        now: Timestamp,
    ) -> Result<()> {
        const CHANGE: &str = "UPDATE ledger_balances SET balance_minor = balance_minor + $1 \
             WHERE tenant_id = $2 AND account_id = $3 AND shard = $4";
        const ACCOUNT: &str = "INSERT INTO ledger_accounts (tenant_id, id, kind, owner, currency, created_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant_id, id) DO NOTHING";
        const BALANCE: &str = "INSERT INTO ledger_balances (tenant_id, account_id, shard, balance_minor, highest_minor) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant_id, account_id, shard) \
             DO UPDATE SET balance_minor = ledger_balances.balance_minor + excluded.balance_minor";
        let overdrawn = |error: Error| match error {
            Error::Database(sqlx::Error::Database(inner)) if inner.is_check_violation() => {
                Error::Overdrawn { account: id.to_owned() }
            }
            other => other,
        };
        let changed = execute!(self, CHANGE, minor, self.tenant.as_ref(), id, shard).map_err(overdrawn)?;
        if changed == 1 {
            return Ok(());
        }
        execute!(
            self,
            ACCOUNT,
            self.tenant.as_ref(),
            id,
            account.kind.code(),
            &account.owner,
            account.currency.code(),
            now.millis()
        )?;
        // We owe a client their wallet, so its balance is at most zero.
        let highest = account.kind.is_bounded().then_some(0_i64);
        execute!(self, BALANCE, self.tenant.as_ref(), id, shard, minor, highest).map_err(overdrawn)?;
        Ok(())
    }

    /// Debits minus credits; zero for an account that was never used.
    pub async fn balance(&mut self, account: &Account) -> Result<Money> {
        const SQL: &str = "SELECT CAST(COALESCE(SUM(balance_minor), 0) AS BIGINT) FROM ledger_balances \
             WHERE tenant_id = $1 AND account_id = $2";
        let minor = scalar!(self, i64, SQL, self.tenant.as_ref(), account_id(account))?.unwrap_or_default();
        Ok(Money::new(minor, account.currency))
    }

    /// An account's statement, newest first.
    pub async fn entries(&mut self, account: &Account, page: &PageRequest) -> Result<PageOf<Entry>> {
        const SQL: &str = "SELECT p.seq, p.transfer_id, t.kind, t.transfer_key, p.counterpart, p.amount_minor, p.currency, p.at_ms \
             FROM (SELECT * FROM ( \
                     SELECT seq, transfer_id, credit_account_id AS counterpart, amount_minor, currency, at_ms FROM ledger_postings \
                     WHERE tenant_id = $1 AND debit_account_id = $2 AND seq < $3 ORDER BY seq DESC LIMIT $4) d \
                 UNION ALL SELECT * FROM ( \
                     SELECT seq, transfer_id, debit_account_id AS counterpart, -amount_minor, currency, at_ms FROM ledger_postings \
                     WHERE tenant_id = $1 AND credit_account_id = $2 AND seq < $3 ORDER BY seq DESC LIMIT $4) c) p \
             JOIN ledger_transfers t ON t.id = p.transfer_id ORDER BY p.seq DESC LIMIT $4";
        let found = rows!(
            self,
            EntryRow,
            SQL,
            self.tenant.as_ref(),
            account_id(account),
            before(page),
            page.fetch()
        )?;
        let page = PageOf::cut(found, page, |row| row.seq.to_string());
        let items = page.items.into_iter().map(Entry::try_from).collect::<Result<_>>()?;
        Ok(PageOf { items, next: page.next })
    }

    /// What an account held just before the entries after `cursor` in a statement, that is with everything older.
    pub async fn balance_before(&mut self, account: &Account, cursor: Option<&Cursor>) -> Result<Money> {
        const SQL: &str = "SELECT CAST(COALESCE(( \
                 SELECT SUM(amount_minor) FROM ledger_postings WHERE tenant_id = $1 AND debit_account_id = $2 AND seq < $3), 0) \
             - COALESCE(( \
                 SELECT SUM(amount_minor) FROM ledger_postings WHERE tenant_id = $1 AND credit_account_id = $2 AND seq < $3), 0) AS BIGINT)";
        let seq = cursor.and_then(|cursor| cursor.0.parse().ok()).unwrap_or(i64::MAX);
        let minor = scalar!(self, i64, SQL, self.tenant.as_ref(), account_id(account), seq)?.unwrap_or_default();
        Ok(Money::new(minor, account.currency))
    }

    /// The journal, oldest first: for an export that walks all of it.
    pub async fn journal(&mut self, page: &PageRequest) -> Result<PageOf<JournalRow>> {
        const SQL: &str = "SELECT p.seq, p.transfer_id, t.transfer_key, p.debit_account_id, p.credit_account_id, p.amount_minor, \
             p.currency, p.at_ms FROM ledger_postings p JOIN ledger_transfers t ON t.id = p.transfer_id \
             WHERE p.tenant_id = $1 AND p.seq > $2 ORDER BY p.seq LIMIT $3";
        let after = page
            .after
            .as_ref()
            .and_then(|cursor| cursor.0.parse().ok())
            .unwrap_or(0);
        let found = rows!(self, JournalLine, SQL, self.tenant.as_ref(), after, page.fetch())?;
        let page = PageOf::cut(found, page, |row| row.seq.to_string());
        let items = page
            .items
            .into_iter()
            .map(JournalRow::try_from)
            .collect::<Result<_>>()?;
        Ok(PageOf { items, next: page.next })
    }

    /// An account by its id in the books, with its balance.
    pub async fn find_account(&mut self, id: &str) -> Result<Option<AccountBalance>> {
        const SQL: &str = "SELECT kind, owner, currency FROM ledger_accounts WHERE tenant_id = $1 AND id = $2";
        let Some((kind, owner, currency)) = row!(self, (String, String, String), SQL, self.tenant.as_ref(), id)? else {
            return Ok(None);
        };
        let account = Account {
            kind: AccountKind::parse(&kind).ok_or_else(|| Error::corrupt("ledger_accounts.kind", id))?,
            owner,
            currency: Currency::parse(&currency).ok_or_else(|| Error::corrupt("ledger_accounts.currency", id))?,
        };
        let balance = self.balance(&account).await?;
        Ok(Some(AccountBalance { account, balance }))
    }

    /// Every account of a kind with its balance; wallets are as many as clients, so it is a page.
    pub async fn balances(&mut self, kind: AccountKind, page: &PageRequest) -> Result<PageOf<AccountBalance>> {
        const SQL: &str = "SELECT a.id, a.owner, a.currency, CAST(COALESCE(( \
                 SELECT SUM(b.balance_minor) FROM ledger_balances b WHERE b.tenant_id = a.tenant_id AND b.account_id = a.id), 0) AS BIGINT) \
             FROM ledger_accounts a WHERE a.tenant_id = $1 AND a.kind = $2 AND a.id > $3 ORDER BY a.id LIMIT $4";
        let after = page.after.as_ref().map_or("", |cursor| cursor.0.as_str());
        let found = rows!(
            self,
            (String, String, String, i64),
            SQL,
            self.tenant.as_ref(),
            kind.code(),
            after,
            page.fetch()
        )?;
        let page = PageOf::cut(found, page, |row| row.0.clone());
        let items = page
            .items
            .into_iter()
            .map(|(id, owner, currency, minor)| {
                let currency =
                    Currency::parse(&currency).ok_or_else(|| Error::corrupt("ledger_accounts.currency", &id))?;
                Ok(AccountBalance {
                    account: Account { kind, owner, currency },
                    balance: Money::new(minor, currency),
                })
            })
            .collect::<Result<_>>()?;
        Ok(PageOf { items, next: page.next })
    }

    /// The trial balance: what each kind of account holds in each currency. It adds up to zero for every currency.
    pub async fn trial_balance(&mut self) -> Result<Vec<(AccountKind, Money)>> {
        const SQL: &str = "SELECT a.kind, a.currency, CAST(SUM(b.balance_minor) AS BIGINT) FROM ledger_accounts a \
             JOIN ledger_balances b ON b.tenant_id = a.tenant_id AND b.account_id = a.id WHERE a.tenant_id = $1 \
             GROUP BY a.kind, a.currency ORDER BY a.currency, a.kind";
        rows!(self, (String, String, i64), SQL, self.tenant.as_ref())?
            .into_iter()
            .map(|(kind, currency, minor)| {
                let kind = AccountKind::parse(&kind).ok_or_else(|| Error::corrupt("ledger_accounts.kind", &kind))?;
                let currency =
                    Currency::parse(&currency).ok_or_else(|| Error::corrupt("ledger_accounts.currency", &currency))?;
                Ok((kind, Money::new(minor, currency)))
            })
            .collect()
    }

    /// Checks the books against themselves. Empty when they are right.
    pub async fn check_books(&mut self) -> Result<Vec<Finding>> {
        const DIFFERENCES: &str = "SELECT account_id, CAST(SUM(minor) AS BIGINT) FROM ( \
                 SELECT debit_account_id AS account_id, SUM(amount_minor) AS minor FROM ledger_postings \
                     WHERE tenant_id = $1 GROUP BY debit_account_id \
                 UNION ALL SELECT credit_account_id, -SUM(amount_minor) FROM ledger_postings \
                     WHERE tenant_id = $1 GROUP BY credit_account_id \
                 UNION ALL SELECT account_id, -SUM(balance_minor) FROM ledger_balances WHERE tenant_id = $1 GROUP BY account_id \
             ) sides GROUP BY account_id HAVING SUM(minor) <> 0 ORDER BY account_id LIMIT $2";
        // The first posting of every transfer stands at place 0, and each place is taken once.
        const HOLLOW: &str = "SELECT (SELECT COUNT(*) FROM ledger_transfers WHERE tenant_id = $1) \
             - (SELECT COUNT(*) FROM ledger_postings WHERE tenant_id = $1 AND position = 0)";
        const UNBOOKED: &str = "SELECT p.id FROM payments p WHERE p.tenant_id = $1 AND p.status IN ('completed', 'partially_refunded', 'refunded') \
             AND NOT EXISTS (SELECT 1 FROM ledger_transfers t WHERE t.tenant_id = $1 AND t.transfer_key = 'payment_succeeded:' || p.id) \
             ORDER BY p.id LIMIT $2";
        const UNCHARGED: &str = "SELECT o.id FROM orders o WHERE o.tenant_id = $1 AND o.status IN ('paid', 'fulfilled', 'refunded') AND o.total_minor > 0 \
             AND NOT EXISTS (SELECT 1 FROM ledger_transfers t WHERE t.tenant_id = $1 AND t.transfer_key = 'order_charged:' || o.id) \
             ORDER BY o.id LIMIT $2";
        const REFUNDS: &str = "SELECT p.id FROM payments p LEFT JOIN ( \
                 SELECT payment_id, SUM(CASE WHEN status = 'succeeded' THEN amount_minor ELSE 0 END) AS given_minor, \
                     SUM(CASE WHEN status IN ('requested', 'pending') THEN amount_minor ELSE 0 END) AS promised_minor \
                 FROM refunds WHERE tenant_id = $1 GROUP BY payment_id) r ON r.payment_id = p.id \
             WHERE p.tenant_id = $1 AND p.status IN ('completed', 'partially_refunded', 'refunded') \
             AND (p.refunded_minor <> COALESCE(r.given_minor, 0) OR p.reserved_minor <> COALESCE(r.promised_minor, 0)) \
             ORDER BY p.id LIMIT $2";
        let mut findings = Vec::new();
        for (account, minor) in rows!(self, (String, i64), DIFFERENCES, self.tenant.as_ref(), NAMED_ACCOUNTS)? {
            findings.push(Finding {
                problem: format!("the balance of {account} differs from its postings by {minor} minor units"),
                remedy: "postings are the truth: a balance was changed by hand; restore it from a backup or from the postings",
            });
        }
        let hollow = scalar!(self, i64, HOLLOW, self.tenant.as_ref())?.unwrap_or_default();
        if hollow > 0 {
            findings.push(Finding {
                problem: format!("{hollow} transfers have no postings"),
                remedy: "rows were removed by hand; restore a backup",
            });
        }
        for id in rows!(self, (String,), UNBOOKED, self.tenant.as_ref(), NAMED_ACCOUNTS)? {
            findings.push(Finding {
                problem: format!("payment {} is paid but not in the books", id.0),
                remedy: "its status was changed by hand; compare it with the provider",
            });
        }
        for id in rows!(self, (String,), UNCHARGED, self.tenant.as_ref(), NAMED_ACCOUNTS)? {
            findings.push(Finding {
                problem: format!("order {} is paid but was never charged to the client's wallet", id.0),
                remedy: "its status was changed by hand; compare it with its payments",
            });
        }
        for id in rows!(self, (String,), REFUNDS, self.tenant.as_ref(), NAMED_ACCOUNTS)? {
            findings.push(Finding {
                problem: format!("payment {} and its refunds tell different sums", id.0),
                remedy: "a row was changed by hand; compare it with the provider's refunds",
            });
        }
        Ok(findings)
    }
}

impl TryFrom<EntryRow> for Entry {
    type Error = Error;

    fn try_from(row: EntryRow) -> Result<Self> {
        let corrupt = |place| Error::corrupt(place, &row.transfer_id);
        let currency = Currency::parse(&row.currency).ok_or_else(|| corrupt("ledger_postings.currency"))?;
        Ok(Self {
            transfer: TransferId::parse(&row.transfer_id).ok_or_else(|| corrupt("ledger_postings.transfer_id"))?,
            kind: TransferKind::parse(&row.kind).ok_or_else(|| corrupt("ledger_transfers.kind"))?,
            transfer_key: row.transfer_key,
            counterpart: row.counterpart,
            amount: Money::new(row.amount_minor, currency),
            at: Timestamp::from_millis(row.at_ms),
        })
    }
}

impl TryFrom<JournalLine> for JournalRow {
    type Error = Error;

    fn try_from(row: JournalLine) -> Result<Self> {
        let corrupt = |place| Error::corrupt(place, &row.transfer_id);
        let currency = Currency::parse(&row.currency).ok_or_else(|| corrupt("ledger_postings.currency"))?;
        Ok(Self {
            transfer: TransferId::parse(&row.transfer_id).ok_or_else(|| corrupt("ledger_postings.transfer_id"))?,
            transfer_key: row.transfer_key,
            debit: row.debit_account_id,
            credit: row.credit_account_id,
            amount: Money::new(row.amount_minor, currency),
            at: Timestamp::from_millis(row.at_ms),
        })
    }
}
