//! A person in a chat who answers everything, through the bot's routes.

use reqwest::Method;
use serde_json::{Value, json};

use super::{BOT_TOKEN, TestWorld};

const REPLICA: &str = "test-replica";
/// Menus, consents, a dozen questions, a summary.
const MAX_STEPS: usize = 60;

pub struct Chat {
    address: String,
    events: u32,
    messages: u32,
}

impl Chat {
    pub fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            events: 0,
            messages: 0,
        }
    }

    /// From /start to the confirmed questionnaire. Answers the `X-Request-Id` of the confirmation.
    pub async fn walk_to_the_end(&mut self, world: &TestWorld) -> String {
        let (mut shown, _) = self.send(world, json!({ "type": "start", "payload": null })).await;
        let mut last = String::new();
        for _ in 0..MAX_STEPS {
            let actions = actions(&shown);
            let body = match choose(&actions, &last) {
                Some(action) => {
                    last = action.clone();
                    json!({ "type": "action", "action": action, "message_ref": null })
                }
                None => {
                    json!({ "type": "text", "text": number_for(&actions), "message_ref": self.next_ref(), "reply_to": null })
                }
            };
            let (next, request_id) = self.send(world, body).await;
            if last.starts_with("confirm") {
                return request_id;
            }
            shown = next;
        }
        panic!("the questionnaire has no end; the last screen: {shown:#?}");
    }

    /// Posts one event and reports all it brings as sent. Answers the deliveries and the request id.
    pub async fn send(&mut self, world: &TestWorld, body: Value) -> (Vec<Value>, String) {
        self.events += 1;
        let event = json!({
            "key": format!("telegram:1:{}-{}", self.address, self.events),
            "channel": "telegram",
            "address": self.address,
            "person": { "first_name": "Анна", "username": format!("anna{}", self.address), "language_code": "ru" },
            "replica": REPLICA,
            "body": body,
        });
        let response = world.post("/api/bot/events", BOT_TOKEN, &event).send().await.unwrap();
        let request_id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        let status = response.status();
        let reply: Value = response.json().await.unwrap();
        assert_eq!(status, 200, "{body} {reply}");
        let deliveries = reply["deliveries"].as_array().unwrap().clone();
        self.report(world, &deliveries).await;
        (deliveries, request_id)
    }

    async fn report(&mut self, world: &TestWorld, deliveries: &[Value]) {
        let results: Vec<Value> = deliveries
            .iter()
            .map(|delivery| json!({ "id": delivery["id"], "outcome": { "type": "sent", "message_ref": self.next_ref() } }))
            .collect();
        let body = json!({ "replica": REPLICA, "results": results });
        let response = world
            .request(Method::POST, "/api/bot/deliveries/results")
            .bearer_auth(BOT_TOKEN)
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 204);
    }

    fn next_ref(&mut self) -> String {
        self.messages += 1;
        self.messages.to_string()
    }
}

fn actions(deliveries: &[Value]) -> Vec<String> {
    let rows = deliveries
        .iter()
        .filter_map(|delivery| delivery["content"]["buttons"].as_array())
        .flatten();
    rows.filter_map(Value::as_array)
        .flatten()
        .filter_map(|button| button["press"]["action"].as_str())
        .map(str::to_owned)
        .collect()
}

/// The way forward; `None` where a number is asked.
fn choose(actions: &[String], last: &str) -> Option<String> {
    let question = |action: &str| action.split(':').nth(2).unwrap_or_default().to_owned();
    let done = actions.iter().find(|action| action.starts_with("done:"));
    if let Some(done) = done.filter(|done| last.starts_with("q:") && question(last) == question(done)) {
        return Some(done.clone());
    }
    let prefixes = ["confirm:", "consent:yes", "marketing:yes", "q:", "continue", "free"];
    let nothing = actions
        .iter()
        .find(|action| action.starts_with("q:") && action.ends_with(":nothing"));
    nothing
        .or_else(|| {
            prefixes
                .iter()
                .find_map(|prefix| actions.iter().find(|action| action.starts_with(prefix)))
        })
        .cloned()
}

fn number_for(actions: &[String]) -> &'static str {
    let asks = |question: &str| actions.iter().any(|action| action.split(':').nth(2) == Some(question));
    if asks("height") {
        "170"
    } else if asks("weight") {
        "70"
    } else {
        "30"
    }
}
