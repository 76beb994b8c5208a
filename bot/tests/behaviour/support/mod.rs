//! A world for one test: the sandbox's Telegram, a scripted CRM API, and the bot between them.

pub mod crm;

use std::{future::Future, sync::Once, time::Duration};

use api_types::conversation::{Button, Channel, Content, Delivery, FileRef, Press, Span, Style};
use bot::Config;
use chrono::DateTime;
use sandbox::{Running, driver::Message};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use crm::{Answer, Crm};

/// «Анна», a seeded client of the sandbox.
pub const ANNA: i64 = 100_001;
pub const JOHN: i64 = 100_002;
pub const WAIT: Duration = Duration::from_secs(20);
pub const BOT_TOKEN: &str = "7000000001:test-token";

pub struct World {
    pub telegram: Running,
    pub crm: Crm,
    pub bot: Bot,
}

/// Starts everything in polling mode, with limits off unless `change` says otherwise.
pub async fn world() -> World {
    world_with(|_| {}).await
}

pub async fn world_with(change: impl FnOnce(&mut Vec<(&'static str, String)>)) -> World {
    let telegram = telegram().await;
    let crm = Crm::start().await;
    let bot = Bot::start(&telegram, &crm, change).await;
    World { telegram, crm, bot }
}

impl World {
    /// Anna and John have pressed Start, so the bot may write to them; what the CRM saw of that is forgotten.
    pub async fn acquainted(self) -> Self {
        for person in [ANNA, JOHN] {
            self.telegram.send_text(person, "/start").await.unwrap();
        }
        self.crm
            .until("two starts", |seen| (seen.events.len() == 2).then_some(()))
            .await;
        self.crm.change(|seen| seen.events.clear());
        self
    }

    pub async fn bot_messages(&self, person: i64) -> Vec<Message> {
        let mut messages = self.telegram.messages(person).await.unwrap();
        messages.retain(Message::is_from_bot);
        messages
    }

    pub async fn bot_texts(&self, person: i64) -> Vec<String> {
        bot_texts(&self.telegram, person).await
    }
}

pub async fn bot_texts(telegram: &Running, person: i64) -> Vec<String> {
    let messages = telegram.messages(person).await.unwrap();
    messages
        .into_iter()
        .filter(Message::is_from_bot)
        .map(|message| message.text)
        .collect()
}

pub async fn telegram() -> Running {
    let telegram = sandbox::start(sandbox::Config::default()).await.unwrap();
    telegram
        .set_faults(&serde_json::json!({"telegram": {"limits": false}}))
        .await
        .unwrap();
    telegram
}

/// The settings of a bot between this Telegram and this CRM, as environment variables.
pub fn settings(telegram: &Running, crm_url: &str) -> Vec<(&'static str, String)> {
    vec![
        ("TELEGRAM_BOT_TOKEN", BOT_TOKEN.to_owned()),
        ("TELEGRAM_API_URL", telegram.base_url()),
        ("TELEGRAM_RATE_PER_SECOND", "0".to_owned()),
        ("CRM_API_URL", crm_url.to_owned()),
        ("CRM_API_TOKEN", crm::TOKEN.to_owned()),
        ("BOT_ADDR", "127.0.0.1:0".to_owned()),
    ]
}

/// The bot inside this process, on a runtime of its own, so that it can be killed at any instant.
pub struct Bot {
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

static TLS: Once = Once::new();

impl Bot {
    pub async fn start(telegram: &Running, crm: &Crm, change: impl FnOnce(&mut Vec<(&'static str, String)>)) -> Self {
        TLS.call_once(|| {
            rustls::crypto::ring::default_provider().install_default().ok();
        });
        let mut settings = settings(telegram, &crm.url);
        change(&mut settings);
        let config = Config::from_lookup(|key| {
            settings
                .iter()
                .rev()
                .find(|(k, _)| *k == key)
                .map(|(_, value)| value.clone())
        })
        .unwrap();
        let listener = bot::listen(config.addr).await.unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn({
            let stop = stop.clone();
            async move { bot::serve(config, listener, stop).await.unwrap() }
        });
        Self { stop, serving }
    }

    /// As SIGTERM does it.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.serving.await.unwrap();
    }
}

/// Polls `probe` until it gives something; for what can't be awaited.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut probe: impl FnMut() -> F) -> T {
    let wait = async {
        loop {
            if let Some(found) = probe().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    match tokio::time::timeout(WAIT, wait).await {
        Ok(found) => found,
        Err(_) => panic!("never happened: {what}"),
    }
}

pub fn content(text: &str) -> Content {
    Content {
        text: vec![Span {
            text: text.to_owned(),
            style: Style::Plain,
        }],
        ..Content::default()
    }
}

/// `lease_until` is by the CRM's clock, which need not be the bot's: here it is far off, and must not matter.
pub fn delivery(id: &str, chat: i64, content: Content) -> Delivery {
    Delivery {
        id: id.to_owned(),
        channel: Channel::Telegram,
        address: chat.to_string(),
        content,
        edit: None,
        retire: None,
        attempt: 1,
        lease_until: DateTime::UNIX_EPOCH,
    }
}

pub fn text(id: &str, chat: i64, text: &str) -> Delivery {
    delivery(id, chat, content(text))
}

pub fn with_buttons(mut content: Content, buttons: &[(&str, &str)]) -> Content {
    content.buttons = buttons
        .iter()
        .map(|(label, action)| {
            vec![Button {
                label: (*label).to_owned(),
                press: Press::Action {
                    action: (*action).to_owned(),
                },
            }]
        })
        .collect();
    content
}

pub fn pdf(external_file_id: Option<&str>) -> FileRef {
    FileRef {
        id: "file_1".to_owned(),
        file_name: "Программа Анны.pdf".to_owned(),
        mime_type: "application/pdf".to_owned(),
        size: 5,
        external_file_id: external_file_id.map(str::to_owned),
    }
}
