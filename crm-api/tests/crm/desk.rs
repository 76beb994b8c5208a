//! An administrator's desk: requests with a key, clients entered by hand, a person in a chat who answers step by step.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::common::{BOT_TOKEN, TestWorld};

pub struct Desk<'w> {
    pub world: &'w TestWorld,
    pub token: String,
}

impl<'w> Desk<'w> {
    pub async fn of(world: &'w TestWorld) -> Self {
        Self {
            world,
            token: world.admin_token().await,
        }
    }

    /// A second administrator of the same tenant.
    pub async fn another(&self) -> Self {
        Self::of(self.world).await
    }

    pub async fn get(&self, path: &str) -> Response {
        self.world.get(path, &self.token).send().await.unwrap()
    }

    pub async fn post(&self, path: &str, body: &Value) -> Response {
        self.world.post(path, &self.token, body).send().await.unwrap()
    }

    /// PATCH or PUT with the version that was seen.
    pub async fn edit(&self, method: Method, path: &str, version: i64, body: &Value) -> Response {
        let request = self.world.request(method, path).bearer_auth(&self.token);
        request
            .header("if-match", format!("\"{version}\""))
            .json(body)
            .send()
            .await
            .unwrap()
    }

    pub async fn patch(&self, path: &str, version: i64, body: &Value) -> Response {
        self.edit(Method::PATCH, path, version, body).await
    }

    pub async fn put(&self, path: &str, version: i64, body: &Value) -> Response {
        self.edit(Method::PUT, path, version, body).await
    }

    pub async fn bare(&self, method: Method, path: &str) -> Response {
        self.world
            .request(method, path)
            .bearer_auth(&self.token)
            .send()
            .await
            .unwrap()
    }

    /// A body that is expected to be there.
    pub async fn read(&self, path: &str) -> Value {
        body(self.get(path).await, 200).await
    }

    pub async fn client(&self, name: &str) -> Value {
        self.client_with(json!({ "name": name })).await
    }

    pub async fn client_with(&self, new: Value) -> Value {
        body(self.post("/api/clients", &new).await, 201).await
    }

    pub async fn stages(&self) -> Vec<Value> {
        self.read("/api/pipeline/stages").await["items"]
            .as_array()
            .unwrap()
            .clone()
    }

    pub async fn stage(&self, kind: &str) -> Value {
        let stages = self.stages().await;
        stages
            .into_iter()
            .find(|stage| stage["kind"] == kind)
            .expect("a fresh install has a stage of each kind")
    }

    /// The field of every item of every page, in order. `path` has a query already.
    pub async fn walk(&self, path: &str, field: &str) -> Vec<String> {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.read(&format!("{path}{cursor}")).await;
            seen.extend(texts(&page["items"], field));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return seen,
            }
        }
    }
}

/// The JSON of an answer of this status.
pub async fn body(response: Response, status: u16) -> Value {
    let got = response.status().as_u16();
    let text = response.text().await.unwrap();
    assert_eq!(got, status, "{text}");
    serde_json::from_str(&text).unwrap()
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

pub fn texts(items: &Value, field: &str) -> Vec<String> {
    items
        .as_array()
        .unwrap()
        .iter()
        .map(|item| text(&item[field]).to_owned())
        .collect()
}

/// (field, code) of everything a problem names.
pub fn wrong_fields(problem: &Value) -> Vec<(String, String)> {
    let errors = problem["errors"].as_array().unwrap();
    errors
        .iter()
        .map(|error| (text(&error["field"]).to_owned(), text(&error["code"]).to_owned()))
        .collect()
}

/// Somebody in a chat who presses one button after the other.
pub struct Person {
    address: String,
    events: u32,
    shown: Vec<Value>,
    last: String,
}

impl Person {
    pub fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            events: 0,
            shown: Vec::new(),
            last: String::new(),
        }
    }

    pub async fn start(&mut self, world: &TestWorld, payload: Option<&str>) {
        self.send(world, json!({ "type": "start", "payload": payload })).await;
    }

    pub async fn send(&mut self, world: &TestWorld, event: Value) -> String {
        self.events += 1;
        let event = json!({
            "key": format!("telegram:1:{}-{}", self.address, self.events),
            "channel": "telegram",
            "address": self.address,
            "person": { "first_name": "Анна", "username": null, "language_code": "ru" },
            "replica": "desk",
            "body": event,
        });
        let reply = body(
            world.post("/api/bot/events", BOT_TOKEN, &event).send().await.unwrap(),
            200,
        )
        .await;
        self.shown = reply["deliveries"].as_array().unwrap().clone();
        let mut words = String::new();
        let mut results = Vec::new();
        for (place, delivery) in self.shown.iter().enumerate() {
            for span in delivery["content"]["text"].as_array().into_iter().flatten() {
                words.push_str(span["text"].as_str().unwrap_or_default());
            }
            let message_ref = (self.events * 10 + u32::try_from(place).unwrap()).to_string();
            results.push(json!({ "id": delivery["id"], "outcome": { "type": "sent", "message_ref": message_ref } }));
        }
        let report = json!({ "replica": "desk", "results": results });
        let reported = world
            .post("/api/bot/deliveries/results", BOT_TOKEN, &report)
            .send()
            .await
            .unwrap();
        assert_eq!(reported.status(), 204);
        words
    }

    /// The question on the screen, if one is.
    pub fn asked(&self) -> Option<String> {
        let question = |action: &String| {
            let parts: Vec<&str> = action.split(':').collect();
            matches!(parts.first(), Some(&("q" | "back" | "why"))).then(|| parts.get(2).map(|id| (*id).to_owned()))?
        };
        let actions = self.actions();
        let of_options = actions
            .iter()
            .filter(|action| action.starts_with("q:"))
            .find_map(question);
        of_options.or_else(|| actions.iter().find_map(question))
    }

    /// Goes on until `question` is on the screen.
    pub async fn walk_until_asked(&mut self, world: &TestWorld, question: &str) {
        for _ in 0..60 {
            if self.asked().as_deref() == Some(question) {
                return;
            }
            self.step(world).await;
        }
        panic!("{question} was never asked; the last screen: {:#?}", self.shown);
    }

    /// Goes on until the answers are confirmed.
    pub async fn walk_to_the_end(&mut self, world: &TestWorld) {
        for _ in 0..60 {
            self.step(world).await;
            if self.last.starts_with("confirm") {
                return;
            }
        }
        panic!("the questionnaire has no end; the last screen: {:#?}", self.shown);
    }

    pub async fn press(&mut self, world: &TestWorld, action: &str) {
        self.last = action.to_owned();
        self.send(
            world,
            json!({ "type": "action", "action": action, "message_ref": null }),
        )
        .await;
    }

    async fn step(&mut self, world: &TestWorld) {
        let actions = self.actions();
        let question = |action: &str| action.split(':').nth(2).unwrap_or_default().to_owned();
        let done = actions.iter().find(|action| action.starts_with("done:"));
        let is_picked = done.is_some_and(|done| self.last.starts_with("q:") && question(&self.last) == question(done));
        let nothing = actions
            .iter()
            .find(|action| action.starts_with("q:") && action.ends_with(":nothing"));
        let ways = ["confirm:", "consent:yes", "marketing:yes", "q:", "continue", "free"];
        let way = ways
            .iter()
            .find_map(|prefix| actions.iter().find(|action| action.starts_with(prefix)));
        let next = if is_picked { done } else { nothing.or(way) };
        match next.cloned() {
            Some(action) => self.press(world, &action).await,
            None => {
                let number = match self.asked().as_deref() {
                    Some("height") => "170",
                    Some("weight") => "72,5",
                    _ => "30",
                };
                self.last.clear();
                let typed = json!({ "type": "text", "text": number, "message_ref": format!("in{}", self.events), "reply_to": null });
                self.send(world, typed).await;
            }
        }
    }

    fn actions(&self) -> Vec<String> {
        let rows = self
            .shown
            .iter()
            .filter_map(|delivery| delivery["content"]["buttons"].as_array())
            .flatten();
        let buttons = rows.filter_map(Value::as_array).flatten();
        buttons
            .filter_map(|button| button["press"]["action"].as_str())
            .map(str::to_owned)
            .collect()
    }
}
