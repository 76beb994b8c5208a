//! Incomes of a self-employed seller (НПД): each payment and each refund waits until a person has registered it in
//! «Мой налог». Nothing is sent there by us; it is listed, reminded of once a day, and passed on to the client. What was
//! paid with a provider's test keys is kept apart, and nobody is asked to register it.

use chrono::{NaiveDate, Timelike as _};
use domain::content::{Button, Content, rich};
use domain::ids::{ReceiptId, RequestId};
use domain::language::Language;
use domain::money::Money;
use domain::plural;
use domain::time::local_date;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{NewReceipt, Receipt, Refund, Tx};

use super::receipts::{BY_HAND, REGISTERED, Sale};
use super::tell;
use crate::access::audit;
use crate::caller::Caller;
use crate::context::App;
use crate::converse::called;
use crate::deliver::notify_trainers;
use crate::error::{Error, Result};
use crate::settings;
use crate::work::{self, Task};

pub const REMIND_JOB: &str = "remind_incomes";
pub const INCOME: &str = "income";
pub const INCOME_REFUND: &str = "income_refund";

/// Between these hours of the owner's day they are reminded.
const REMIND_HOURS: std::ops::Range<u32> = 10..21;
const MAX_NUMBER_CHARS: usize = 100;
const MAX_LINK_CHARS: usize = 500;
const MAX_NAME_CHARS: usize = 200;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayerKind {
    #[default]
    Person,
    /// A company or a sole trader: «Мой налог» wants its name and tax number, and takes another rate.
    Company,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payer {
    pub kind: PayerKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_number: Option<String>,
}

/// What is entered in «Мой налог». Rows of before know only `what`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// The service's name.
    #[serde(default)]
    pub what: String,
    /// The day in the owner's zone.
    #[serde(default)]
    pub date: Option<NaiveDate>,
    #[serde(default)]
    pub payer: Payer,
    /// Of a refund: the income that is called off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancels: Option<ReceiptId>,
    /// Of a refund: what remains of that income and is registered anew; zero after a whole refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remains: Option<Money>,
}

impl Body {
    /// Errors: the row is broken.
    pub fn of(receipt: &Receipt) -> Result<Self> {
        serde_json::from_str(&receipt.body)
            .map_err(|error| Error::internal(format!("receipt {} can't be read: {error}", receipt.id)))
    }

    fn text(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::internal(error.to_string()))
    }
}

pub(crate) async fn zone(tx: &mut Tx) -> Result<chrono_tz::Tz> {
    Ok(tx.time_zone().await?.parse().unwrap_or(chrono_tz::Europe::Moscow))
}

/// Money came in.
pub(super) async fn came(sale: &Sale<'_>, tx: &mut Tx, amount: Money) -> Result<()> {
    let now = sale.app.now();
    let body = Body {
        what: tell::titles(sale.lines, Language::Ru),
        date: Some(local_date(now, zone(tx).await?)),
        ..Body::default()
    };
    let new = NewReceipt {
        id: sale.app.new_id(),
        order: sale.order.id.clone(),
        payment: Some(sale.payment.id.clone()),
        refund: None,
        kind: INCOME,
        status: BY_HAND,
        amount,
        body: body.text()?,
        now,
    };
    tx.insert_receipt(&new).await?;
    Ok(())
}

/// Money went back; `left` is what remains of the payment.
pub(super) async fn went_back(sale: &Sale<'_>, tx: &mut Tx, refund: &Refund, left: Money) -> Result<()> {
    let now = sale.app.now();
    let income = tx
        .receipt_of_order(&sale.order.id, INCOME)
        .await?
        .filter(|income| income.payment.as_ref() == Some(&sale.payment.id));
    let payer = match &income {
        Some(income) => Body::of(income)?.payer,
        None => Payer::default(),
    };
    let body = Body {
        what: tell::titles(sale.lines, Language::Ru),
        date: Some(local_date(now, zone(tx).await?)),
        payer,
        cancels: income.map(|income| income.id),
        remains: Some(left),
    };
    let new = NewReceipt {
        id: sale.app.new_id(),
        order: sale.order.id.clone(),
        payment: Some(sale.payment.id.clone()),
        refund: Some(refund.id.clone()),
        kind: INCOME_REFUND,
        status: BY_HAND,
        amount: refund.amount,
        body: body.text()?,
        now,
    };
    tx.insert_receipt(&new).await?;
    Ok(())
}

/// A person has registered it, with its number and link if they give them. Saying it again changes nothing; the client is
/// sent the link of an income.
///
/// Errors: `NotFound`; `Invalid` names `number` or `link`; a conflict `receipt_not_by_hand`.
pub async fn register(
    app: &App,
    caller: &Caller,
    id: &ReceiptId,
    number: Option<&str>,
    link: Option<&str>,
) -> Result<Receipt> {
    let given = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let (number, link) = (given(number), given(link));
    let too_long = |text: &str, most: usize| text.chars().count() > most || text.chars().any(char::is_control);
    if number
        .as_deref()
        .is_some_and(|number| too_long(number, MAX_NUMBER_CHARS))
    {
        let sentence = format!("one line of {MAX_NUMBER_CHARS} characters at most");
        return Err(Error::invalid("number", "length", sentence));
    }
    if link.as_deref().is_some_and(|link| !is_link(link)) {
        return Err(Error::invalid("link", "invalid", "an https address"));
    }
    let guide = settings::guide(app, &caller.tenant).await?;
    let missing = || Error::NotFound { what: "receipt" };
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let receipt = tx.find_receipt(id).await?.ok_or_else(missing)?;
    if receipt.status == REGISTERED {
        return Ok(receipt);
    }
    if !tx
        .register_receipt(id, number.as_deref(), link.as_deref(), app.now())
        .await?
    {
        return Err(Error::conflict(
            "receipt_not_by_hand",
            "this receipt is not one that a person registers",
        ));
    }
    let details = json!({ "order_id": receipt.order, "number": number, "has_link": link.is_some() });
    tx.record_audit(&audit(app, caller, "receipt.registered", id.as_ref(), details))
        .await?;
    if let (INCOME, Some(link)) = (receipt.kind.as_str(), &link)
        && let Some(order) = tx.find_order(&receipt.order).await?
        && let Some(client) = tx.find_client(&order.client).await?
    {
        let key = format!("receipt:{id}");
        tell::client(app, &mut tx, &client, key, &caller.request_id, |language| {
            let texts = guide.texts(language);
            Content::text(rich(
                &texts.receipt_ready,
                &[
                    ("name", called(&client.display_name)),
                    ("sum", &receipt.amount.format(language)),
                ],
            ))
            .with_row(vec![Button::url(&texts.button_receipt, link)])
        })
        .await?;
    }
    let receipt = tx.find_receipt(id).await?.ok_or_else(missing)?;
    tx.commit().await?;
    app.wake_deliveries();
    Ok(receipt)
}

pub(super) fn is_link(text: &str) -> bool {
    text.chars().count() <= MAX_LINK_CHARS
        && url::Url::parse(text).is_ok_and(|url| url.scheme() == "https" && url.has_host() && url.username().is_empty())
}

/// Says who has paid, before it is registered.
///
/// Errors: `NotFound`; `Invalid` names `name` or `tax_number`; a conflict `receipt_not_by_hand`.
pub async fn set_payer(app: &App, caller: &Caller, id: &ReceiptId, wanted: Payer) -> Result<Receipt> {
    let missing = || Error::NotFound { what: "income" };
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let receipt = tx.find_receipt(id).await?.ok_or_else(missing)?;
    if !matches!(receipt.kind.as_str(), INCOME | INCOME_REFUND) {
        return Err(missing());
    }
    let payer = checked(wanted)?;
    let body = Body {
        payer,
        ..Body::of(&receipt)?
    };
    if !tx.describe_receipt(id, &body.text()?).await? {
        return Err(Error::conflict("receipt_not_by_hand", "it is registered already"));
    }
    let details = json!({ "kind": body.payer.kind });
    tx.record_audit(&audit(app, caller, "income.payer_set", id.as_ref(), details))
        .await?;
    let receipt = tx.find_receipt(id).await?.ok_or_else(missing)?;
    tx.commit().await?;
    Ok(receipt)
}

/// A company is named with its tax number.
fn checked(wanted: Payer) -> Result<Payer> {
    let trimmed = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let payer = Payer {
        kind: wanted.kind,
        name: trimmed(wanted.name),
        tax_number: trimmed(wanted.tax_number),
    };
    let is_company = payer.kind == PayerKind::Company;
    let is_name = |name: &String| name.chars().count() <= MAX_NAME_CHARS && !name.chars().any(char::is_control);
    if payer.name.as_ref().map_or(is_company, |name| !is_name(name)) {
        let sentence = format!("a company's name, {MAX_NAME_CHARS} characters at most");
        return Err(Error::invalid("name", "length", sentence));
    }
    let is_digits =
        |number: &String| matches!(number.len(), 10 | 12) && number.bytes().all(|byte| byte.is_ascii_digit());
    if payer
        .tax_number
        .as_ref()
        .map_or(is_company, |number| !is_digits(number))
    {
        return Err(Error::invalid("tax_number", "invalid", "10 or 12 digits"));
    }
    Ok(payer)
}

/// Once a day, in the owner's daytime, enqueues a word about what waits, whoever ticks.
pub async fn tick(app: &App) -> Result<()> {
    let tenants = app.store().system_read().await?.tenants().await?;
    for tenant in tenants {
        let mut tx = app.tenant(&tenant).read().await?;
        if tx.waiting_incomes().await?.is_none() {
            continue;
        }
        let zone = zone(&mut tx).await?;
        drop(tx);
        let here = app.now().to_utc().with_timezone(&zone);
        if !REMIND_HOURS.contains(&here.hour()) {
            continue;
        }
        let request_id: RequestId = app.new_id();
        let key = format!("{REMIND_JOB}:{}", here.date_naive());
        let job = work::job(app, REMIND_JOB, Some(key), &json!({}), &request_id)?;
        let mut tx = app.tenant(&tenant).write().await?;
        let is_new = tx.enqueue_job(&job).await?;
        tx.commit().await?;
        if is_new {
            app.wake_workers();
        }
    }
    Ok(())
}

/// The job.
pub async fn remind(app: &App, task: &Task) -> Result<()> {
    let guide = settings::guide(app, &task.tenant).await?;
    let mut tx = app.tenant(&task.tenant).write().await?;
    if let Some((count, oldest)) = tx.waiting_incomes().await? {
        let zone = zone(&mut tx).await?;
        let since = local_date(oldest, zone);
        let key = format!("incomes:{}", local_date(app.now(), zone));
        notify_trainers(app, &mut tx, None, "notice", Some(&key), &task.request_id, |language| {
            let many = match language {
                Language::Ru => plural::russian(u64::from(count), "запись", "записи", "записей"),
                Language::En => plural::english(u64::from(count), "entry", "entries"),
            };
            let count = format!("{count} {many}");
            let since = match language {
                Language::Ru => since.format("%d.%m.%Y").to_string(),
                Language::En => since.format("%Y-%m-%d").to_string(),
            };
            let texts = guide.texts(language);
            Content::text(rich(&texts.trainer_incomes, &[("count", &count), ("since", &since)]))
        })
        .await?;
    }
    tx.finish_job(&task.lease, app.now()).await?;
    tx.commit().await?;
    app.wake_deliveries();
    Ok(())
}
