//! Double entry: accounts, transfers, and the posting rules of each event.
//!
//! A posting moves an amount from one account to another, so that each single row is balanced and nothing that isn't can
//! be written. A balance is debits minus credits: what a provider owes us is positive, what we owe a client is negative.
//! A transfer has a business key; the same thing can't be booked twice.

use serde::{Deserialize, Serialize};

use crate::ids::{ClientId, Id, OrderId, PaymentId, ProductId, RefundId};
use crate::money::{Currency, Money, MoneyError};
use crate::profile::coded_enum;

coded_enum! {
    AccountKind {
        /// What a provider has taken in for us and not paid out; also cash and bank transfers taken by hand.
        ProviderClearing => "provider_clearing",
        /// What we owe a client: money paid and not yet used for an order.
        Wallet => "wallet",
        Revenue => "revenue",
        Fees => "fees",
    }
}

impl AccountKind {
    /// Whether the balance has a bound that must be checked, row by row. A wallet is never overdrawn; the others are
    /// counted in shards, so that two payments don't wait for each other.
    pub const fn is_bounded(self) -> bool {
        matches!(self, Self::Wallet)
    }
}

/// An account is found by its kind, its owner and its currency; it is made when it is first used.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Account {
    pub kind: AccountKind,
    /// A provider's code, a client's id, a product's id.
    pub owner: String,
    pub currency: Currency,
}

impl Account {
    pub fn provider_clearing(provider: &str, currency: Currency) -> Self {
        Self::new(AccountKind::ProviderClearing, provider, currency)
    }

    pub fn wallet(client: &ClientId, currency: Currency) -> Self {
        Self::new(AccountKind::Wallet, client.as_str(), currency)
    }

    pub fn revenue(product: &ProductId, currency: Currency) -> Self {
        Self::new(AccountKind::Revenue, product.as_str(), currency)
    }

    pub fn fees(provider: &str, currency: Currency) -> Self {
        Self::new(AccountKind::Fees, provider, currency)
    }

    fn new(kind: AccountKind, owner: &str, currency: Currency) -> Self {
        Self {
            kind,
            owner: owner.to_owned(),
            currency,
        }
    }
}

/// One row: the amount leaves `credit` and arrives at `debit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    pub debit: Account,
    pub credit: Account,
    pub amount: Money,
}

coded_enum! {
    TransferKind {
        PaymentSucceeded => "payment_succeeded",
        OrderCharged => "order_charged",
        RefundSucceeded => "refund_succeeded",
        ProviderFee => "provider_fee",
        /// Two clients turned out to be one.
        WalletMoved => "wallet_moved",
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    #[error("a transfer without postings")]
    Empty,
    #[error("an amount that is not more than nothing")]
    NotPositive,
    #[error("a posting from an account to itself")]
    SameAccount,
    #[error("two currencies in one transfer")]
    TwoCurrencies,
    #[error("the parts of an order don't add up to {0:?}")]
    PartsDontAddUp(Money),
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// What is booked at once. Made by the rules below, so it is sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Unique for a tenant: what is booked, and because of what.
    key: String,
    kind: TransferKind,
    postings: Vec<Posting>,
}

impl Transfer {
    fn new(kind: TransferKind, cause: &str, postings: Vec<Posting>) -> Result<Self, LedgerError> {
        let currency = postings.first().ok_or(LedgerError::Empty)?.amount.currency;
        for posting in &postings {
            if !posting.amount.is_positive() {
                return Err(LedgerError::NotPositive);
            }
            if posting.debit == posting.credit {
                return Err(LedgerError::SameAccount);
            }
            let currencies = [posting.amount.currency, posting.debit.currency, posting.credit.currency];
            if currencies.iter().any(|other| *other != currency) {
                return Err(LedgerError::TwoCurrencies);
            }
        }
        Ok(Self {
            key: format!("{kind}:{cause}"),
            kind,
            postings,
        })
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    pub const fn kind(&self) -> TransferKind {
        self.kind
    }

    pub fn postings(&self) -> &[Posting] {
        &self.postings
    }

    pub fn currency(&self) -> Option<Currency> {
        self.postings.first().map(|posting| posting.amount.currency)
    }
}

/// Money came in: the provider owes it to us, we owe it to the client.
pub fn payment_succeeded(
    payment: &PaymentId,
    provider: &str,
    client: &ClientId,
    amount: Money,
) -> Result<Transfer, LedgerError> {
    let posting = Posting {
        debit: Account::provider_clearing(provider, amount.currency),
        credit: Account::wallet(client, amount.currency),
        amount,
    };
    Transfer::new(TransferKind::PaymentSucceeded, payment.as_str(), vec![posting])
}

/// An order is paid from the wallet; each product earns its part. Lines that cost nothing are not booked.
///
/// Errors: [`LedgerError::Empty`] for an order that costs nothing.
pub fn order_charged(
    order: &OrderId,
    client: &ClientId,
    parts: &[(ProductId, Money)],
) -> Result<Transfer, LedgerError> {
    let postings = parts
        .iter()
        .filter(|(_, amount)| !amount.is_zero())
        .map(|(product, amount)| Posting {
            debit: Account::wallet(client, amount.currency),
            credit: Account::revenue(product, amount.currency),
            amount: *amount,
        })
        .collect();
    Transfer::new(TransferKind::OrderCharged, order.as_str(), postings)
}

/// Money went back. `parts` are what each product gives up; what they don't cover was in the wallet (paid twice, or for
/// an order that never was charged).
///
/// Errors: [`LedgerError::PartsDontAddUp`] if the parts are more than `amount`.
pub fn refund_succeeded(
    refund: &RefundId,
    provider: &str,
    client: &ClientId,
    amount: Money,
    parts: &[(ProductId, Money)],
) -> Result<Transfer, LedgerError> {
    let given_up = Money::sum(amount.currency, parts.iter().map(|(_, part)| *part))?;
    if given_up.minor > amount.minor {
        return Err(LedgerError::PartsDontAddUp(amount));
    }
    let mut postings: Vec<Posting> = parts
        .iter()
        .filter(|(_, part)| !part.is_zero())
        .map(|(product, part)| Posting {
            debit: Account::revenue(product, part.currency),
            credit: Account::wallet(client, part.currency),
            amount: *part,
        })
        .collect();
    postings.push(Posting {
        debit: Account::wallet(client, amount.currency),
        credit: Account::provider_clearing(provider, amount.currency),
        amount,
    });
    Transfer::new(TransferKind::RefundSucceeded, refund.as_str(), postings)
}

/// What the provider keeps for its work.
pub fn provider_fee(payment: &PaymentId, provider: &str, fee: Money) -> Result<Transfer, LedgerError> {
    let posting = Posting {
        debit: Account::fees(provider, fee.currency),
        credit: Account::provider_clearing(provider, fee.currency),
        amount: fee,
    };
    Transfer::new(TransferKind::ProviderFee, payment.as_str(), vec![posting])
}

/// What was left in the wallet of a client who turned out to be another one.
pub fn wallet_moved(from: &ClientId, into: &ClientId, amount: Money) -> Result<Transfer, LedgerError> {
    let posting = Posting {
        debit: Account::wallet(from, amount.currency),
        credit: Account::wallet(into, amount.currency),
        amount,
    };
    let cause = format!("{from}:{into}:{}", amount.currency.code());
    Transfer::new(TransferKind::WalletMoved, &cause, vec![posting])
}

/// What each product gives up when `amount` of an order is given back, in proportion to what is left of its lines.
///
/// Shapes: `earned` holds what each line earned and what it gave back before.
/// Errors: [`LedgerError::PartsDontAddUp`] if the lines have less left than `amount`.
pub fn parts_of_refund(
    earned: &[(ProductId, Money, Money)],
    amount: Money,
) -> Result<Vec<(ProductId, Money)>, LedgerError> {
    let mut left = Vec::with_capacity(earned.len());
    for (product, earned, given_back) in earned {
        left.push((product.clone(), earned.checked_sub(*given_back)?));
    }
    let weights: Vec<u64> = left
        .iter()
        .map(|(_, money)| money.minor.max(0).unsigned_abs())
        .collect();
    let total = Money::sum(amount.currency, left.iter().map(|(_, money)| *money))?;
    if total.minor < amount.minor {
        return Err(LedgerError::PartsDontAddUp(amount));
    }
    let parts = amount.split(&weights)?;
    Ok(left.into_iter().map(|(product, _)| product).zip(parts).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn rub(minor: i64) -> Money {
        Money::new(minor, Currency::Rub)
    }

    fn client() -> ClientId {
        ClientId::from_parts(1, [1; 10])
    }

    fn product(number: u8) -> ProductId {
        ProductId::from_parts(1, [number; 10])
    }

    fn payment() -> PaymentId {
        PaymentId::from_parts(1, [1; 10])
    }

    fn order() -> OrderId {
        OrderId::from_parts(1, [1; 10])
    }

    fn refund(number: u8) -> RefundId {
        RefundId::from_parts(1, [number; 10])
    }

    fn book(balances: &mut BTreeMap<Account, i64>, transfer: &Transfer) {
        for posting in transfer.postings() {
            *balances.entry(posting.debit.clone()).or_default() += posting.amount.minor;
            *balances.entry(posting.credit.clone()).or_default() -= posting.amount.minor;
        }
    }

    #[test]
    fn what_is_not_sound_is_not_a_transfer() {
        let euro = Money::new(5, Currency::Eur);
        assert_eq!(
            payment_succeeded(&payment(), "yookassa", &client(), rub(0)),
            Err(LedgerError::NotPositive)
        );
        assert_eq!(
            order_charged(&order(), &client(), &[(product(1), rub(0))]),
            Err(LedgerError::Empty)
        );
        let mixed = [(product(1), rub(5)), (product(2), euro)];
        assert_eq!(
            order_charged(&order(), &client(), &mixed),
            Err(LedgerError::TwoCurrencies)
        );
        let too_much = [(product(1), rub(6))];
        assert_eq!(
            refund_succeeded(&refund(1), "yookassa", &client(), rub(5), &too_much),
            Err(LedgerError::PartsDontAddUp(rub(5)))
        );
    }

    #[test]
    fn a_purchase_and_its_refund_leave_only_the_fee() {
        let mut books = BTreeMap::new();
        let parts = [(product(1), rub(400_000)), (product(2), rub(99_000))];
        book(
            &mut books,
            &payment_succeeded(&payment(), "yookassa", &client(), rub(499_000)).unwrap(),
        );
        book(&mut books, &order_charged(&order(), &client(), &parts).unwrap());
        book(&mut books, &provider_fee(&payment(), "yookassa", rub(17_465)).unwrap());
        let wallet = Account::wallet(&client(), Currency::Rub);
        assert_eq!(books[&wallet], 0);
        book(
            &mut books,
            &refund_succeeded(&refund(1), "yookassa", &client(), rub(499_000), &parts).unwrap(),
        );
        let clearing = Account::provider_clearing("yookassa", Currency::Rub);
        let fees = Account::fees("yookassa", Currency::Rub);
        assert_eq!((books[&wallet], books[&clearing], books[&fees]), (0, -17_465, 17_465));
    }

    #[test]
    fn the_same_thing_has_the_same_key() {
        let once = payment_succeeded(&payment(), "yookassa", &client(), rub(5)).unwrap();
        let again = payment_succeeded(&payment(), "yookassa", &client(), rub(7)).unwrap();
        assert_eq!(once.key(), again.key());
        let fee = provider_fee(&payment(), "yookassa", rub(5)).unwrap();
        assert_ne!(once.key(), fee.key());
    }

    proptest! {
        #[test]
        fn refunds_in_parts_give_back_exactly_what_was_earned(
            lines in prop::collection::vec(0_i64..1_000_000, 1..6),
            cuts in prop::collection::vec(1_i64..500_000, 1..8),
        ) {
            let total: i64 = lines.iter().sum();
            prop_assume!(total > 0);
            let mut books = BTreeMap::new();
            let parts: Vec<_> = (0_u8..).zip(&lines).map(|(number, minor)| (product(number), rub(*minor))).collect();
            book(&mut books, &payment_succeeded(&payment(), "tbank", &client(), rub(total)).unwrap());
            book(&mut books, &order_charged(&order(), &client(), &parts).unwrap());
            let mut earned: Vec<_> = parts.iter().map(|(product, money)| (product.clone(), *money, rub(0))).collect();
            let mut left = total;
            for (number, cut) in (0_u8..).zip(&cuts) {
                if left == 0 {
                    prop_assert!(parts_of_refund(&earned, rub(*cut)).is_err());
                    break;
                }
                let amount = rub((*cut).min(left));
                let parts = parts_of_refund(&earned, amount).unwrap();
                let refund = refund_succeeded(&refund(number), "tbank", &client(), amount, &parts).unwrap();
                book(&mut books, &refund);
                for (line, (_, part)) in earned.iter_mut().zip(&parts) {
                    line.2 = line.2.checked_add(*part).unwrap();
                    prop_assert!(line.2.minor <= line.1.minor, "no line gives back more than it earned");
                }
                left -= amount.minor;
            }
            prop_assert_eq!(books.values().sum::<i64>(), 0);
            prop_assert_eq!(books[&Account::wallet(&client(), Currency::Rub)], 0);
            prop_assert_eq!(books[&Account::provider_clearing("tbank", Currency::Rub)], left);
        }
    }
}
