//! Paying inside Telegram, as people do it.

use std::time::Duration;

use anyhow::bail;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Charge, Checkout, Driver};

/// The sandbox has no signal for it.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

impl Driver {
    /// Presses "Pay" on a bill; the id of the question the bot is asked now.
    pub async fn press_pay(&self, user: i64, message_id: i64) -> anyhow::Result<String> {
        self.press_pay_with(user, &json!({"message_id": message_id})).await
    }

    /// The same with `{"choice": "decline"}` (the bank says no) or `{"force": true}` (a bill that is paid).
    pub async fn press_pay_with(&self, user: i64, body: &Value) -> anyhow::Result<String> {
        let answer: Value = self.post(&format!("/sandbox/telegram/chats/{user}/pay"), body).await?;
        let id = answer.get("pre_checkout_query_id").and_then(Value::as_str);
        Ok(id.unwrap_or_default().to_owned())
    }

    pub async fn checkout(&self, id: &str) -> anyhow::Result<Checkout> {
        self.read(&format!("/sandbox/telegram/checkouts/{id}")).await
    }

    /// Waits until the payment is decided, by the bot, the bank or the clock.
    pub async fn wait_for_checkout(&self, id: &str, deadline: Duration) -> anyhow::Result<Checkout> {
        let until = Instant::now() + deadline;
        loop {
            match self.checkout(id).await? {
                Checkout::Asked if Instant::now() < until => tokio::time::sleep(LOOK_AGAIN).await,
                Checkout::Asked => bail!("nobody has answered the question {id} within {deadline:?}"),
                decided => return Ok(decided),
            }
        }
    }

    /// Every payment Telegram has taken, oldest first.
    pub async fn charges(&self) -> anyhow::Result<Vec<Charge>> {
        self.read("/sandbox/telegram/charges").await
    }

    pub async fn set_stars(&self, user: i64, stars: i64) -> anyhow::Result<()> {
        let path = format!("/sandbox/telegram/chats/{user}/stars");
        let _: Value = self
            .call(reqwest::Method::PUT, &path, Some(&json!({"stars": stars})))
            .await?;
        Ok(())
    }
}
