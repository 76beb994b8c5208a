//! Telegram's list of the bot's Stars, read for the books.

use api_types::conversation::{ListStars, Outcome, StarDirection, StarTransaction};
use chrono::DateTime;
use serde::Deserialize;
use teloxide::payloads::{GetStarTransactions, setters::*};

use super::{Inner, money::failed, write::rejected};

/// A bill that was paid, or given back; what has no type was listed before Telegram told them.
const BILL: &str = "invoice_payment";
const PERSON: &str = "user";

/// Only what the books need, so that a partner of a kind that is new to us doesn't hide the whole page.
#[derive(Deserialize)]
struct Page {
    transactions: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    id: String,
    amount: i64,
    /// Seconds.
    date: i64,
    source: Option<Partner>,
    receiver: Option<Partner>,
}

#[derive(Deserialize)]
struct Partner {
    #[serde(rename = "type")]
    kind: String,
    transaction_type: Option<String>,
    user: Option<Account>,
    invoice_payload: Option<String>,
}

#[derive(Deserialize)]
struct Account {
    id: i64,
}

impl Partner {
    fn has_bill(&self) -> bool {
        self.kind == PERSON && self.transaction_type.as_deref().is_none_or(|kind| kind == BILL)
    }
}

impl Inner {
    pub(super) async fn list_stars(&self, list: ListStars, attempt: u32) -> Outcome {
        let payload = GetStarTransactions::new().offset(list.offset).limit(list.limit);
        match self.telegram.call::<_, Page>(&payload).await {
            Ok(page) => listed(page),
            Err(error) => failed(&error, attempt),
        }
    }
}

fn listed(page: Page) -> Outcome {
    let lines: Option<Vec<_>> = page.transactions.into_iter().map(transaction).collect();
    match lines {
        Some(transactions) => Outcome::StarsListed { transactions },
        None => rejected("a line of Telegram's list of Stars has no date"),
    }
}

fn transaction(line: Line) -> Option<StarTransaction> {
    let direction = match line.source {
        Some(_) => StarDirection::In,
        None => StarDirection::Out,
    };
    let bill = line.source.or(line.receiver).filter(Partner::has_bill);
    let (payer, payload) = match bill {
        Some(bill) => (bill.user.map(|user| user.id.to_string()), bill.invoice_payload),
        None => (None, None),
    };
    Some(StarTransaction {
        charge: line.id,
        direction,
        amount: line.amount,
        at: DateTime::from_timestamp(line.date, 0)?,
        payer,
        payload,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page as the Bot API documents it, with every kind of partner that has nothing to do with bills.
    const PAGE: &str = r#"{"transactions": [
        {"id": "stx1", "amount": 1612, "date": 1766000000,
         "source": {"type": "user", "transaction_type": "invoice_payment", "user": {"id": 101, "is_bot": false, "first_name": "A"},
                    "invoice_payload": "py_1"}},
        {"id": "stx1", "amount": 1612, "date": 1766000100,
         "receiver": {"type": "user", "transaction_type": "invoice_payment", "user": {"id": 101, "is_bot": false, "first_name": "A"}}},
        {"id": "old", "amount": 5, "date": 1766000150, "source": {"type": "user", "user": {"id": 102}, "invoice_payload": "py_2"}},
        {"id": "gift", "amount": 15, "date": 1766000200,
         "receiver": {"type": "user", "transaction_type": "gift_purchase", "user": {"id": 101}, "gift": {"id": "1"}}},
        {"id": "media", "amount": 7, "nanostar_amount": 5, "date": 1766000250,
         "source": {"type": "user", "transaction_type": "paid_media_payment", "user": {"id": 101}, "paid_media": []}},
        {"id": "out", "amount": 900, "date": 1766000300,
         "receiver": {"type": "fragment", "withdrawal_state": {"type": "succeeded", "date": 1, "url": "https://x"}}},
        {"id": "ads", "amount": 10, "date": 1766000400, "receiver": {"type": "telegram_ads"}},
        {"id": "new", "amount": 10, "date": 1766000500, "source": {"type": "from_the_future"}},
        {"id": "nobody", "amount": 1, "date": 1766000600}
    ]}"#;

    #[test]
    fn bills_are_told_with_their_payer_and_everything_else_without() {
        let page: Page = serde_json::from_str(PAGE).unwrap();
        let Outcome::StarsListed { transactions } = listed(page) else {
            panic!("no list")
        };
        let seen: Vec<_> = transactions
            .iter()
            .map(|line| {
                (
                    line.charge.as_str(),
                    line.direction,
                    line.payer.as_deref(),
                    line.payload.as_deref(),
                )
            })
            .collect();
        use StarDirection::{In, Out};
        let expected = [
            ("stx1", In, Some("101"), Some("py_1")),
            ("stx1", Out, Some("101"), None),
            ("old", In, Some("102"), Some("py_2")),
            ("gift", Out, None, None),
            ("media", In, None, None),
            ("out", Out, None, None),
            ("ads", Out, None, None),
            ("new", In, None, None),
            ("nobody", Out, None, None),
        ];
        assert_eq!(
            seen, expected,
            "no line is left out: the next page begins where this one ends"
        );
        assert_eq!(
            (transactions[0].amount, transactions[0].at.timestamp()),
            (1_612, 1_766_000_000)
        );
    }
}
