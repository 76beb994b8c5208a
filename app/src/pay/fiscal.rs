//! What a cash register makes of a receipt, where a provider tells it by itself: the row that waits for it is written on.
//!
//! Nobody can be asked, so a notification is believed as it was signed. Which row it speaks of is told by its kind and its
//! sum; a receipt that closes a prepayment by what is on it.

use domain::fiscal::FiscalNumbers;
use domain::ids::{PaymentId, RequestId};
use providers::payments::{ReceiptFate, ToldReceipt};
use serde_json::json;
use store::{PageRequest, Receipt, ReceiptFilter, Regime, Tx};

use super::ask::{self, Matter};
use super::incomes;
use super::receipts::{self, CANCELED, CLOSING, QUEUED};
use crate::context::App;
use crate::error::{Error, Result};
use crate::settings::Guide;

/// An order has few receipts.
const FEW: PageRequest = PageRequest {
    limit: 100,
    after: None,
};

/// Writes down what was told of a receipt of `payment`. One that nothing here waits for changes nothing.
pub(super) async fn told(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    payment: &PaymentId,
    told: &ToldReceipt,
    request_id: &RequestId,
) -> Result<()> {
    let missing = || Error::NotFound { what: "payment" };
    let found = tx.find_payment(payment).await?.ok_or_else(missing)?;
    tx.lock_order(&found.order).await?.ok_or_else(missing)?;
    let filter = ReceiptFilter {
        order: Some(found.order),
        regime: Some(Regime::Fiscal),
        ..ReceiptFilter::default()
    };
    let mut rows = tx.list_receipts(&filter, &FEW).await?.items;
    rows.retain(|row| row.payment.as_ref() == Some(payment));
    // Oldest first: of two equal refunds the first one's receipt is told first.
    rows.reverse();
    let numbers = match &told.fate {
        ReceiptFate::Registered { numbers, .. } => Some(numbers),
        ReceiptFate::Failed { .. } => None,
    };
    if numbers.is_some_and(|numbers| rows.iter().any(|row| row.fiscal.as_ref() == Some(numbers))) {
        return Ok(());
    }
    let Some(row) = meant(&rows, told) else {
        tracing::warn!(payment.id = %payment, is_refund = told.is_refund, "a receipt was told that nothing here waits for");
        return Ok(());
    };
    match &told.fate {
        ReceiptFate::Registered { numbers, link } => {
            let link = link
                .as_ref()
                .map(url::Url::as_str)
                .filter(|link| incomes::is_link(link));
            registered(app, tx, row, numbers, link).await
        }
        ReceiptFate::Failed { code } => receipts::fail_in(app, tx, guide, &row.id, code, request_id).await,
    }
}

async fn registered(app: &App, tx: &mut Tx, row: &Receipt, numbers: &FiscalNumbers, link: Option<&str>) -> Result<()> {
    let now = app.now();
    if tx.write_fiscal_numbers(&row.id, numbers, link, now).await? {
        // Somebody was asked to look whether it was given.
        if let Some(task) = ask::open_task(tx, Matter::ReceiptFailed, &receipts::cause(row)).await? {
            let reason = json!({ "receipt_id": row.id, "fiscal": numbers });
            ask::settled(tx, &task, Matter::ReceiptFailed, &reason, now).await?;
        }
    }
    Ok(())
}

/// The row that is meant.
///
/// Shapes: `rows` are one payment's, oldest first.
fn meant<'a>(rows: &'a [Receipt], told: &ToldReceipt) -> Option<&'a Receipt> {
    let waits = |row: &&Receipt| {
        row.fiscal.is_none() && row.amount == told.amount && !matches!(row.status.as_str(), CANCELED | QUEUED)
    };
    let mut waiting = rows.iter().filter(waits);
    if told.is_refund {
        return waiting.find(|row| row.kind == "refund");
    }
    let mut sold = waiting.filter(|row| row.kind != "refund");
    match told.is_prepaid {
        // What is given at once is closed by its only receipt.
        Some(is_prepaid) if rows.iter().any(|row| row.kind == CLOSING) => {
            sold.find(|row| (row.kind == CLOSING) != is_prepaid)
        }
        _ => sold.next(),
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::{Id, OrderId, ReceiptId};
    use domain::money::{Currency, Money};
    use domain::time::Timestamp;

    use super::*;

    fn row(number: u8, kind: &str, minor: i64, status: &str) -> Receipt {
        Receipt {
            id: ReceiptId::from_parts(u64::from(number), [number; 10]),
            order: OrderId::from_parts(1, [1; 10]),
            payment: None,
            refund: None,
            kind: kind.to_owned(),
            status: status.to_owned(),
            amount: Money::new(minor, Currency::Rub),
            body: String::new(),
            provider_receipt: None,
            link: None,
            fiscal: None,
            is_test: false,
            failure: None,
            attempts: 0,
            created_at: Timestamp::from_millis(0),
            finished_at: None,
        }
    }

    fn told(is_refund: bool, minor: i64, is_prepaid: Option<bool>) -> ToldReceipt {
        ToldReceipt {
            is_refund,
            amount: Money::new(minor, Currency::Rub),
            is_prepaid,
            fate: ReceiptFate::Failed { code: "1".into() },
        }
    }

    /// The number of the row that is meant, in the order of `rows`.
    fn found(rows: &[Receipt], told: &ToldReceipt) -> Option<usize> {
        let meant = meant(rows, told)?;
        rows.iter().position(|row| row.id == meant.id)
    }

    #[test]
    fn kind_sum_and_what_is_on_it_tell_which_row_is_meant() {
        let rows = [
            row(1, "payment", 500, "with_payment"),
            row(2, "refund", 100, "with_payment"),
            row(3, "refund", 100, "by_hand"),
            row(4, "refund", 70, "with_payment"),
            row(5, "closing", 500, "sent"),
        ];
        assert_eq!(found(&rows, &told(false, 500, Some(true))), Some(0));
        assert_eq!(found(&rows, &told(false, 500, Some(false))), Some(4));
        assert_eq!(found(&rows, &told(false, 500, None)), Some(0), "the first one first");
        assert_eq!(found(&rows, &told(true, 100, None)), Some(1));
        assert_eq!(found(&rows, &told(true, 70, Some(true))), Some(3));
        assert_eq!(found(&rows, &told(true, 99, None)), None, "another sum");
        let first = rows.get(..1).unwrap();
        assert_eq!(
            found(first, &told(false, 500, Some(false))),
            Some(0),
            "nothing is closed later"
        );
    }

    #[test]
    fn what_is_known_or_not_asked_for_is_not_meant() {
        let mut known = row(1, "refund", 100, "registered");
        known.fiscal = FiscalNumbers::new("1", "2", "3");
        let rows = [
            known,
            row(2, "closing", 100, "queued"),
            row(3, "refund", 100, "canceled"),
            row(4, "refund", 100, "registered"),
        ];
        assert_eq!(
            found(&rows, &told(true, 100, None)),
            Some(3),
            "a person has seen it, its numbers are new"
        );
        assert_eq!(found(&rows, &told(false, 100, None)), None);
    }
}
