//! The banks from a test's side: paying in the payer's stead, the bank's own view of the money, and its post.

use std::time::Duration;

use anyhow::ensure;
use reqwest::Method;
use serde_json::{Value, json};

use super::Driver;
pub use crate::banks::{
    Bank,
    switches::Forgery,
    view::{MoneyState, PaymentView, RefundView, Totals},
};

/// One bank of a sandbox: `driver.yookassa()`, `driver.tbank()`.
#[derive(Debug, Clone, Copy)]
pub struct BankDriver<'a> {
    driver: &'a Driver,
    bank: Bank,
}

impl Driver {
    pub fn bank(&self, bank: Bank) -> BankDriver<'_> {
        BankDriver { driver: self, bank }
    }

    pub fn yookassa(&self) -> BankDriver<'_> {
        self.bank(Bank::YooKassa)
    }

    pub fn tbank(&self) -> BankDriver<'_> {
        self.bank(Bank::TBank)
    }

    /// Notifications of both banks, oldest first, with their attempts; of one payment when it is named.
    pub async fn notifications(&self, payment_id: Option<&str>) -> anyhow::Result<Vec<Value>> {
        let filter = payment_id.map(|id| format!("&payment_id={id}")).unwrap_or_default();
        self.read(&format!("/sandbox/banks/notifications?limit=5000{filter}"))
            .await
    }

    /// Sends a notification once more, whatever became of it.
    pub async fn repeat_notification(&self, id: u64) -> anyhow::Result<Value> {
        self.post(&format!("/sandbox/banks/notifications/{id}/repeat"), &json!({}))
            .await
    }

    /// Waits until no notification is under way or due now; those of a later moment may wait on.
    pub async fn wait_until_quiet(&self, deadline: Duration) -> anyhow::Result<()> {
        let seconds = deadline.as_secs().max(1);
        let answer: Value = self.read(&format!("/sandbox/banks/quiet?timeout_s={seconds}")).await?;
        ensure!(
            answer.get("quiet") == Some(&json!(true)),
            "the banks' post is still busy after {deadline:?}"
        );
        Ok(())
    }

    /// Caught mails to addresses that contain `to`, oldest first.
    pub async fn mails(&self, to: &str) -> anyhow::Result<Vec<Value>> {
        let answer: Value = self.read(&format!("/sandbox/mail?to={}", encoded(to))).await?;
        Ok(answer
            .get("mails")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default())
    }

    /// The next mail to `to` with an id above `after`, whole: headers, text, html, list of attachments.
    pub async fn wait_for_mail(&self, to: &str, after: u64, deadline: Duration) -> anyhow::Result<Value> {
        let seconds = deadline.as_secs().max(1);
        let path = format!("/sandbox/mail?to={}&after={after}&timeout_s={seconds}", encoded(to));
        let answer: Value = self.read(&path).await?;
        let id = answer.pointer("/mails/0/id").and_then(Value::as_u64);
        let Some(id) = id else {
            anyhow::bail!("no mail to {to} within {deadline:?}");
        };
        self.read(&format!("/sandbox/mail/{id}")).await
    }
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

impl BankDriver<'_> {
    fn path(&self, rest: &str) -> String {
        format!("/sandbox/banks/{}/{rest}", self.bank.name())
    }

    /// Merges settings into a shop or terminal, or opens a new one: `{"notification_url": …, "fiscalization": true}`.
    pub async fn set_account(&self, account: &str, patch: &Value) -> anyhow::Result<Value> {
        let path = self.path(&format!("accounts/{account}"));
        self.driver.call(Method::PUT, &path, Some(patch)).await
    }

    /// Merges switches of this bank: `{"lose": {"next": 1}}`.
    pub async fn set_faults(&self, patch: &Value) -> anyhow::Result<Value> {
        self.driver.set_faults(&json!({self.bank.name(): patch})).await
    }

    /// Oldest first.
    pub async fn payments(&self) -> anyhow::Result<Vec<PaymentView>> {
        self.driver.read(&self.path("payments")).await
    }

    pub async fn payment(&self, id: &str) -> anyhow::Result<PaymentView> {
        self.driver.read(&self.path(&format!("payments/{id}"))).await
    }

    /// A payment the product has not asked for (YooKassa only).
    pub async fn create_payment(&self, amount_minor: i64, metadata: &Value) -> anyhow::Result<PaymentView> {
        let body = json!({"amount_minor": amount_minor, "metadata": metadata});
        self.driver.post(&self.path("payments"), &body).await
    }

    /// Any act of the payer: `{"action": "pay", "outcome": "three_ds", "save": true}`, `{"action": "confirm", "code": "1"}`.
    pub async fn act(&self, id: &str, act: &Value) -> anyhow::Result<PaymentView> {
        self.driver.post(&self.path(&format!("payments/{id}/act")), act).await
    }

    pub async fn pay(&self, id: &str) -> anyhow::Result<PaymentView> {
        self.act(id, &json!({"action": "pay", "outcome": "success"})).await
    }

    /// `reason` is a reason of YooKassa or a code of T-Bank.
    pub async fn decline(&self, id: &str, reason: &str) -> anyhow::Result<PaymentView> {
        self.act(id, &json!({"action": "pay", "outcome": reason})).await
    }

    pub async fn expire(&self, id: &str) -> anyhow::Result<PaymentView> {
        self.act(id, &json!({"action": "expire"})).await
    }

    /// A refund in the bank's cabinet; `None` gives everything back that is left.
    pub async fn refund(&self, id: &str, amount_minor: Option<i64>) -> anyhow::Result<PaymentView> {
        let body = json!({"amount_minor": amount_minor});
        self.driver
            .post(&self.path(&format!("payments/{id}/refund")), &body)
            .await
    }

    /// Ends a refund that waits (switch `pending_refund`).
    pub async fn settle_refund(&self, refund_id: &str, succeeds: bool) -> anyhow::Result<RefundView> {
        let body = json!({"action": if succeeds { "succeed" } else { "fail" }});
        self.driver
            .post(&self.path(&format!("refunds/{refund_id}")), &body)
            .await
    }

    pub async fn refunds(&self) -> anyhow::Result<Vec<RefundView>> {
        self.driver.read(&self.path("refunds")).await
    }

    pub async fn receipts(&self) -> anyhow::Result<Vec<Value>> {
        self.driver.read(&self.path("receipts")).await
    }

    /// Saved methods: `{id, account, customer, card, active, declines}`.
    pub async fn methods(&self) -> anyhow::Result<Vec<Value>> {
        self.driver.read(&self.path("methods")).await
    }

    /// From now on charges of a saved method are declined for `reason`; `None` takes it back.
    pub async fn set_method_declines(&self, id: &str, reason: Option<&str>) -> anyhow::Result<()> {
        let path = self.path(&format!("methods/{id}"));
        let _: Value = self
            .driver
            .call(Method::PUT, &path, Some(&json!({"declines": reason})))
            .await?;
        Ok(())
    }

    /// What the bank has taken and given back over all payments.
    pub async fn totals(&self) -> anyhow::Result<Totals> {
        self.driver.read(&self.path("totals")).await
    }

    /// Sends the present state of a payment once more.
    pub async fn notify(&self, id: &str) -> anyhow::Result<PaymentView> {
        self.driver
            .post(&self.path(&format!("payments/{id}/notify")), &json!({}))
            .await
    }

    /// Sends a forgery about a payment; returns the notification as it stands in the log.
    pub async fn forge(&self, id: &str, kind: Forgery) -> anyhow::Result<Value> {
        self.driver
            .post(&self.path(&format!("payments/{id}/forge")), &json!({"kind": kind}))
            .await
    }

    /// The last calls of the API, oldest first.
    pub async fn calls(&self) -> anyhow::Result<Vec<Value>> {
        self.driver.read(&self.path("calls?limit=1000")).await
    }
}
