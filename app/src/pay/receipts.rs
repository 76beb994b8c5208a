//! Tax receipts of a cash register (54-FZ), from the payment to their registration.
//!
//! A provider gives them with payments and refunds. What was paid before it was given (`full_prepayment`) gets a second,
//! closing receipt once an order is delivered and nothing is left for a person to hand over. The intent is committed
//! first; an answer that was lost is looked up where the provider can be asked, and left to a person where it can't.

use domain::ids::{Id, OrderId, PaymentId, ReceiptId, RequestId, TenantId};
use domain::money::{Currency, Money};
use domain::order::{OrderStatus, PaymentMode};
use domain::payment::Concern;
use providers::payments::{Error as ProviderError, Receipt, ReceiptLine, ReceiptOf, ReceiptState};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{NewReceipt, Order, OrderLine, PageRequest, Payment, PaymentFilter, Refund, Tx};

use super::ask::{self, About, Matter};
use super::{contact_of, incomes, keys, provider_error, receipt, tell};
use crate::access::audit;
use crate::caller::Caller;
use crate::context::App;
use crate::error::{Error, Result};
use crate::settings::payments::{PaymentSettings, ReceiptMode};
use crate::settings::{self, Guide};
use crate::work::{self, Task};

pub const CLOSE_JOB: &str = "close_receipt";
pub const CHECK_JOB: &str = "check_receipt";

pub const QUEUED: &str = "queued";
pub const SENDING: &str = "sending";
pub const SENT: &str = "sent";
pub const WITH_PAYMENT: &str = "with_payment";
pub const REGISTERED: &str = "registered";
pub const FAILED: &str = "failed";
pub const BY_HAND: &str = "by_hand";
pub const CANCELED: &str = "canceled";

pub(super) const CLOSING: &str = "closing";
/// The failure of a receipt whose fate nobody can tell.
pub const UNKNOWN: &str = "unknown";

const FIRST_LOOK_MS: i64 = 60_000;
const LONGEST_CLOSING_MS: i64 = 60 * 60_000;
const LONGEST_CHECK_MS: i64 = 6 * 60 * 60_000;
/// With the growing pauses about an hour of a provider that is away.
const PATIENT_LOOKS: u32 = 6;
/// With the growing pauses about three days: a cash register has come back by then.
const MOST_CHECKS: u32 = 19;
/// An order has few payments.
const FEW: PageRequest = PageRequest { limit: 20, after: None };

#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    receipt_id: ReceiptId,
    #[serde(default)]
    looks: u32,
}

/// Money that came in, and what is written about it.
pub(super) struct Sale<'a> {
    pub app: &'a App,
    pub guide: &'a Guide,
    pub settings: &'a PaymentSettings,
    pub order: &'a Order,
    pub lines: &'a [OrderLine],
    pub payment: &'a Payment,
    pub request_id: &'a RequestId,
}

impl Sale<'_> {
    /// What the law wants to be written about `amount` that came in.
    pub(super) async fn came(&self, tx: &mut Tx, amount: Money) -> Result<()> {
        // What Stars are worth in roubles is known when Telegram pays them out.
        if amount.currency == Currency::Xtr {
            return Ok(());
        }
        let (status, body) = match self.settings.receipts {
            ReceiptMode::Off => return Ok(()),
            ReceiptMode::SelfEmployed => return incomes::came(self, tx, amount).await,
            ReceiptMode::Provider => match receipt(self.settings, self.order, self.lines, amount, |line| line.total) {
                Some(body) => (self.status(tx).await?, to_json(&body)?),
                None => {
                    let what = tell::titles(self.lines, domain::language::Language::Ru);
                    let facts = json!({ "what": what, "amount": amount });
                    let key = self.payment.id.as_str();
                    self.ask(tx, key, &facts).await?;
                    (BY_HAND, facts)
                }
            },
        };
        let new = NewReceipt {
            id: self.app.new_id(),
            order: self.order.id.clone(),
            payment: Some(self.payment.id.clone()),
            refund: None,
            kind: "payment",
            status,
            amount,
            body: body.to_string(),
            now: self.app.now(),
        };
        if tx.insert_receipt(&new).await? && status == WITH_PAYMENT {
            enqueue(self.app, tx, CHECK_JOB, &new.id, 0, 0, self.request_id).await?;
        }
        Ok(())
    }

    /// What is written about a refund that went through; `left` is what remains of the payment.
    pub(super) async fn went_back(&self, tx: &mut Tx, refund: &Refund, left: Money) -> Result<()> {
        if refund.amount.currency == Currency::Xtr {
            return Ok(());
        }
        let body = match self.settings.receipts {
            ReceiptMode::Off => return Ok(()),
            ReceiptMode::SelfEmployed => return incomes::went_back(self, tx, refund, left).await,
            ReceiptMode::Provider => of_refund(tx, self.settings, self.order, self.lines, refund).await?,
        };
        let Some(body) = body else { return Ok(()) };
        let status = self.status(tx).await?;
        let new = NewReceipt {
            id: self.app.new_id(),
            order: self.order.id.clone(),
            payment: Some(self.payment.id.clone()),
            refund: Some(refund.id.clone()),
            kind: "refund",
            status,
            amount: refund.amount,
            body: to_json(&body)?.to_string(),
            now: self.app.now(),
        };
        if tx.insert_receipt(&new).await? && status == WITH_PAYMENT {
            enqueue(self.app, tx, CHECK_JOB, &new.id, 0, 0, self.request_id).await?;
        }
        Ok(())
    }

    /// Cash never passed a provider, so nobody has given its receipt.
    async fn status(&self, tx: &mut Tx) -> Result<&'static str> {
        let providers = keys::providers_in(self.app, tx).await?;
        Ok(if providers.find(&self.payment.provider).is_some() {
            WITH_PAYMENT
        } else {
            BY_HAND
        })
    }

    async fn ask(&self, tx: &mut Tx, key: &str, facts: &Value) -> Result<()> {
        let about = About {
            order: Some(self.order),
            payment: Some(self.payment),
            refund: None,
        };
        let matter = Matter::ReceiptFailed;
        ask::person(self.app, tx, self.guide, matter, key, about, facts, self.request_id).await?;
        Ok(())
    }
}

fn to_json(receipt: &Receipt) -> Result<Value> {
    serde_json::to_value(receipt).map_err(|error| Error::internal(error.to_string()))
}

/// The receipt of a refund: what was given is given back as such, what was only paid ahead as paid ahead.
pub(super) async fn of_refund(
    tx: &mut Tx,
    settings: &PaymentSettings,
    order: &Order,
    lines: &[OrderLine],
    refund: &Refund,
) -> Result<Option<Receipt>> {
    let part = |line: &OrderLine| {
        let minor = refund
            .parts
            .iter()
            .find(|part| part.position == line.position)
            .map_or(0, |part| part.amount_minor);
        Money::new(minor, refund.amount.currency)
    };
    let Some(mut body) = receipt(settings, order, lines, refund.amount, part) else {
        return Ok(None);
    };
    let closing = tx.receipt_of_order(&order.id, CLOSING).await?;
    if closing.is_some_and(|closing| matches!(closing.status.as_str(), SENDING | SENT | REGISTERED)) {
        for line in &mut body.lines {
            line.tax = line.tax.given();
        }
    }
    Ok(Some(body))
}

/// What is left of the lines that were paid ahead, as given, and its sum. `None`: nothing is.
fn closing_of(order: &Order, lines: &[OrderLine]) -> Result<Option<(Vec<ReceiptLine>, Money)>> {
    let mut closed = Vec::new();
    for line in lines.iter().filter(|line| line.tax.mode == PaymentMode::FullPrepayment) {
        let left = line.total.checked_sub(line.refunded).map_err(uncountable)?;
        if left.is_positive() {
            closed.push(ReceiptLine {
                title: line.title.get(domain::language::Language::Ru).to_owned(),
                amount: left,
                tax: line.tax.given(),
            });
        }
    }
    let sum = Money::sum(order.total.currency, closed.iter().map(|line| line.amount)).map_err(uncountable)?;
    Ok((!closed.is_empty()).then_some((closed, sum)))
}

fn uncountable(error: domain::money::MoneyError) -> Error {
    Error::internal(format!("a receipt has no sum: {error}"))
}

/// Called when an order was delivered or a person has handed over what was theirs to give: once both are true, what was
/// paid ahead is closed. The order is locked by the caller.
pub(crate) async fn given(app: &App, tx: &mut Tx, order: &OrderId, request_id: &RequestId) -> Result<()> {
    let Some(order) = tx.find_order(order).await? else {
        return Ok(());
    };
    if order.status != OrderStatus::Fulfilled || tx.has_open_task_of_order(&order.id, Matter::GiveByHand.code()).await?
    {
        return Ok(());
    }
    // Nobody closes what was never written down: receipts were off when it was paid.
    let Some(first) = tx.receipt_of_order(&order.id, "payment").await? else {
        return Ok(());
    };
    let lines = tx.order_lines(&order).await?;
    let Some((closed, amount)) = closing_of(&order, &lines)? else {
        return Ok(());
    };
    let Some(payment) = payment_of(tx, &order.id).await? else {
        return Ok(());
    };
    // Whoever gave the first receipt gives the second one as well.
    let has_provider = keys::providers_in(app, tx).await?.find(&payment.provider).is_some();
    let contact = contact_of(&order);
    let is_by_hand = !has_provider || first.status == BY_HAND || contact.is_none();
    let body = json!({ "contact": contact, "lines": closed });
    let new = NewReceipt {
        id: app.new_id(),
        order: order.id.clone(),
        payment: Some(payment.id.clone()),
        refund: None,
        kind: CLOSING,
        status: if is_by_hand { BY_HAND } else { QUEUED },
        amount,
        body: body.to_string(),
        now: app.now(),
    };
    if tx.insert_receipt(&new).await? && !is_by_hand {
        enqueue(app, tx, CLOSE_JOB, &new.id, 0, 0, request_id).await?;
    }
    Ok(())
}

/// The payment that bought the order.
async fn payment_of(tx: &mut Tx, order: &OrderId) -> Result<Option<Payment>> {
    let filter = PaymentFilter {
        order: Some(order.clone()),
        ..PaymentFilter::default()
    };
    let payments = tx.list_payments(&filter, &FEW).await?.items;
    Ok(payments
        .into_iter()
        .find(|payment| payment.status.is_paid() && payment.concern != Some(Concern::OrderNotWaiting)))
}

async fn enqueue(
    app: &App,
    tx: &mut Tx,
    kind: &'static str,
    id: &ReceiptId,
    attempts: u32,
    looks: u32,
    request_id: &RequestId,
) -> Result<()> {
    let payload = Payload {
        receipt_id: id.clone(),
        looks,
    };
    // A person who asks once more begins another row of looks.
    let key = format!("{kind}:{id}:{attempts}:{request_id}:{looks}");
    let mut job = work::job(app, kind, Some(key), &payload, request_id)?;
    let (is_check, longest) = if kind == CHECK_JOB {
        (true, LONGEST_CHECK_MS)
    } else {
        (false, LONGEST_CLOSING_MS)
    };
    // The register takes its time: nobody asks at once.
    if is_check || looks > 0 {
        let wait = FIRST_LOOK_MS.saturating_mul(1 << looks.min(12)).min(longest);
        job.due_at = app.now().plus_millis(wait);
    }
    tx.enqueue_job(&job).await?;
    Ok(())
}

/// What became of one try.
#[derive(Debug, PartialEq, Eq)]
enum Try {
    Over,
    Later,
}

/// The job that closes a prepayment. It never dies: a provider that is away is asked again, and a person told.
pub async fn close(app: &App, task: &Task) -> Result<()> {
    let Payload { receipt_id, looks } = task.payload()?;
    let tried = try_to_close(app, &task.tenant, &receipt_id, &task.request_id).await;
    let (is_over, trouble) = match tried {
        Ok(tried) => (tried == Try::Over, None),
        Err(error) if error.is_transient() && looks < PATIENT_LOOKS => (false, None),
        Err(error) => (false, Some(error)),
    };
    end(app, task, CLOSE_JOB, &receipt_id, looks, is_over, trouble).await
}

/// The job that asks whether a receipt was registered.
pub async fn check(app: &App, task: &Task) -> Result<()> {
    let Payload { receipt_id, looks } = task.payload()?;
    let looked = look(app, &task.tenant, &receipt_id, &task.request_id).await;
    let (is_over, trouble) = match looked {
        Ok(Try::Over) => (true, None),
        Ok(Try::Later) if looks >= MOST_CHECKS => (true, Some(Error::internal("it was not registered for days"))),
        Err(error) if looks >= MOST_CHECKS => (true, Some(error)),
        Ok(Try::Later) | Err(_) => (false, None),
    };
    end(app, task, CHECK_JOB, &receipt_id, looks, is_over, trouble).await
}

async fn end(
    app: &App,
    task: &Task,
    kind: &'static str,
    id: &ReceiptId,
    looks: u32,
    is_over: bool,
    trouble: Option<Error>,
) -> Result<()> {
    let guide = settings::guide(app, &task.tenant).await?;
    let mut tx = app.tenant(&task.tenant).write().await?;
    let receipt = tx.find_receipt(id).await?.ok_or(Error::NotFound { what: "receipt" })?;
    if let Some(error) = trouble {
        tracing::warn!(receipt.id = %id, error = &error as &dyn std::error::Error, "a receipt does not get on");
        let facts =
            json!({ "receipt_id": id, "kind": receipt.kind, "amount": receipt.amount, "error": error.to_string() });
        person(app, &mut tx, &guide, &receipt, &facts, &task.request_id).await?;
    }
    if !is_over {
        let next = looks.saturating_add(1);
        enqueue(app, &mut tx, kind, id, receipt.attempts, next, &task.request_id).await?;
    }
    tx.finish_job(&task.lease, app.now()).await?;
    tx.commit().await?;
    app.wake_deliveries();
    Ok(())
}

/// What tells the tasks of a receipt's attempts apart.
pub(super) fn cause(receipt: &store::Receipt) -> String {
    format!("{}:{}", receipt.id, receipt.attempts)
}

/// One task a receipt and attempt.
async fn person(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    receipt: &store::Receipt,
    facts: &Value,
    request_id: &RequestId,
) -> Result<()> {
    let order = tx.find_order(&receipt.order).await?;
    let payment = match &receipt.payment {
        Some(payment) => tx.find_payment(payment).await?,
        None => None,
    };
    let refund = match &receipt.refund {
        Some(refund) => tx.find_refund(refund).await?,
        None => None,
    };
    let about = About {
        order: order.as_ref(),
        payment: payment.as_ref(),
        refund: refund.as_ref(),
    };
    ask::person(
        app,
        tx,
        guide,
        Matter::ReceiptFailed,
        &cause(receipt),
        about,
        facts,
        request_id,
    )
    .await?;
    Ok(())
}

/// It will not be given by itself: a person is told why.
async fn fail(app: &App, tenant: &TenantId, id: &ReceiptId, code: &str, request_id: &RequestId) -> Result<Try> {
    let guide = settings::guide(app, tenant).await?;
    let mut tx = app.tenant(tenant).write().await?;
    fail_in(app, &mut tx, &guide, id, code, request_id).await?;
    tx.commit().await?;
    app.wake_deliveries();
    Ok(Try::Over)
}

/// The same in the transaction of its cause.
pub(super) async fn fail_in(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    id: &ReceiptId,
    code: &str,
    request_id: &RequestId,
) -> Result<()> {
    if tx.finish_receipt(id, FAILED, None, Some(code), app.now()).await?
        && let Some(receipt) = tx.find_receipt(id).await?
    {
        let facts = json!({ "receipt_id": id, "kind": receipt.kind, "amount": receipt.amount, "code": code });
        person(app, tx, guide, &receipt, &facts, request_id).await?;
    }
    Ok(())
}

async fn try_to_close(app: &App, tenant: &TenantId, id: &ReceiptId, request_id: &RequestId) -> Result<Try> {
    let missing = |what| Error::NotFound { what };
    let mut tx = app.tenant(tenant).read().await?;
    let found = tx.find_receipt(id).await?.ok_or_else(|| missing("receipt"))?;
    let payment_id: PaymentId = found.payment.clone().ok_or_else(|| missing("payment"))?;
    let payment = tx.find_payment(&payment_id).await?.ok_or_else(|| missing("payment"))?;
    drop(tx);
    let provider = keys::provider(app, tenant, &payment.provider).await?;

    let mut tx = app.tenant(tenant).write().await?;
    let order = tx.lock_order(&found.order).await?.ok_or_else(|| missing("order"))?;
    let payment = tx.lock_payment(&payment_id).await?.ok_or_else(|| missing("payment"))?;
    let found = tx.find_receipt(id).await?.ok_or_else(|| missing("receipt"))?;
    let (body, attempt) = match found.status.as_str() {
        // An earlier try has asked, and nobody knows what became of it.
        SENDING if !provider.remembers_closing_receipts() => {
            drop(tx);
            return fail(app, tenant, id, UNKNOWN, request_id).await;
        }
        SENDING => {
            drop(tx);
            let body: Receipt = serde_json::from_str(&found.body)
                .map_err(|error| Error::internal(format!("receipt {id} can't be read: {error}")))?;
            (body, found.attempts)
        }
        QUEUED => {
            // What is left is known when the refund under way has ended.
            if payment.reserved.is_positive() {
                return Ok(Try::Later);
            }
            let lines = tx.order_lines(&order).await?;
            let Some(((lines, amount), contact)) = closing_of(&order, &lines)?.zip(contact_of(&order)) else {
                tx.finish_receipt(id, CANCELED, None, None, app.now()).await?;
                tx.commit().await?;
                return Ok(Try::Over);
            };
            let body = Receipt { contact, lines };
            tx.begin_receipt(id, amount, &to_json(&body)?.to_string()).await?;
            tx.commit().await?;
            (body, found.attempts.saturating_add(1))
        }
        _ => return Ok(Try::Over),
    };
    let known = payment.provider_payment.clone().unwrap_or_default();
    let key = if attempt <= 1 {
        id.to_string()
    } else {
        format!("{id}-{attempt}")
    };
    match provider.close_receipt(&known, &body, &key).await {
        Ok(given) => {
            let mut tx = app.tenant(tenant).write().await?;
            if tx.accept_receipt(id, given.as_deref()).await? {
                enqueue(app, &mut tx, CHECK_JOB, id, attempt, 0, request_id).await?;
            }
            tx.commit().await?;
            Ok(Try::Over)
        }
        Err(error @ ProviderError::Transient { .. }) => {
            let mut tx = app.tenant(tenant).write().await?;
            tx.requeue_receipt(id).await?;
            tx.commit().await?;
            Err(provider_error(error))
        }
        Err(error @ ProviderError::Unknown { .. }) if provider.remembers_closing_receipts() => {
            Err(provider_error(error))
        }
        Err(ProviderError::Unknown { .. }) => fail(app, tenant, id, UNKNOWN, request_id).await,
        Err(ProviderError::Misconfigured { code, .. } | ProviderError::Refused { code, .. }) => {
            fail(app, tenant, id, &code, request_id).await
        }
        Err(ProviderError::NotFound { .. }) => fail(app, tenant, id, "payment_not_found", request_id).await,
    }
}

async fn look(app: &App, tenant: &TenantId, id: &ReceiptId, request_id: &RequestId) -> Result<Try> {
    let missing = |what| Error::NotFound { what };
    let mut tx = app.tenant(tenant).read().await?;
    let receipt = tx.find_receipt(id).await?.ok_or_else(|| missing("receipt"))?;
    if !matches!(receipt.status.as_str(), WITH_PAYMENT | SENT) {
        return Ok(Try::Over);
    }
    let payment_id = receipt.payment.clone().ok_or_else(|| missing("payment"))?;
    let payment = tx.find_payment(&payment_id).await?.ok_or_else(|| missing("payment"))?;
    let refund = match &receipt.refund {
        Some(refund) => tx.find_refund(refund).await?.and_then(|refund| refund.provider_refund),
        None => None,
    };
    drop(tx);
    let providers = keys::providers(app, tenant).await?;
    let (Some(provider), Some(known)) = (providers.find(&payment.provider), payment.provider_payment.as_deref()) else {
        return Ok(Try::Over);
    };
    let of = match (receipt.kind.as_str(), refund.as_deref()) {
        (CLOSING, _) => ReceiptOf::Closing {
            payment: known,
            receipt: receipt.provider_receipt.as_deref(),
        },
        ("refund", Some(refund)) => ReceiptOf::Refund { payment: known, refund },
        ("refund", None) => return Ok(Try::Over),
        _ => ReceiptOf::Payment { payment: known },
    };
    match provider.receipt_state(of).await.map_err(provider_error)? {
        None => Ok(Try::Over),
        Some(ReceiptState::Pending) => Ok(Try::Later),
        Some(ReceiptState::Registered { receipt, numbers }) => {
            let mut tx = app.tenant(tenant).write().await?;
            tx.finish_receipt(id, REGISTERED, receipt.as_deref(), None, app.now())
                .await?;
            if let Some(numbers) = &numbers {
                tx.write_fiscal_numbers(id, numbers, None, app.now()).await?;
            }
            tx.commit().await?;
            Ok(Try::Over)
        }
        Some(ReceiptState::Failed { code }) => fail(app, tenant, id, &code, request_id).await,
    }
}

/// Asks once more for a closing receipt that failed: somebody has mended the cause, or has seen that it was not given.
///
/// Errors: `NotFound`; a conflict `receipt_not_failed`.
pub async fn retry(app: &App, caller: &Caller, id: &ReceiptId) -> Result<store::Receipt> {
    let missing = || Error::NotFound { what: "receipt" };
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let receipt = tx.find_receipt(id).await?.ok_or_else(missing)?;
    if receipt.kind != CLOSING || receipt.status != FAILED || !tx.requeue_receipt(id).await? {
        return Err(Error::conflict(
            "receipt_not_failed",
            "only a closing receipt that failed can be asked for again",
        ));
    }
    enqueue(app, &mut tx, CLOSE_JOB, id, receipt.attempts, 0, &caller.request_id).await?;
    let details = json!({ "order_id": receipt.order, "failure": receipt.failure });
    tx.record_audit(&audit(app, caller, "receipt.retried", id.as_ref(), details))
        .await?;
    let receipt = tx.find_receipt(id).await?.ok_or_else(missing)?;
    tx.commit().await?;
    app.wake_workers();
    Ok(receipt)
}
