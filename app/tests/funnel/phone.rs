//! A person with a messenger: presses what is on the screen, types, and sees what a bot would show.

use std::pin::Pin;

use app::converse::{self, Answer, Body, Inbound, Person};
use app::deliver::{Fate, Outgoing};
use domain::content::{Content, Press};

use crate::world::World;

pub struct Phone<'a> {
    world: &'a World,
    pub address: String,
    pub person: Person,
    /// (message ref, content) as it stands now, oldest first.
    pub screen: Vec<(String, Content)>,
    pub toasts: Vec<String>,
}

const REPLICA: &str = "bot-1";

impl<'a> Phone<'a> {
    pub fn new(world: &'a World, address: &str, name: &str, language: &str) -> Self {
        Self {
            world,
            address: address.to_owned(),
            person: Person {
                first_name: name.to_owned(),
                language_code: Some(language.to_owned()),
                ..Person::default()
            },
            screen: Vec::new(),
            toasts: Vec::new(),
        }
    }

    pub const fn world(&self) -> &'a World {
        self.world
    }

    pub fn event(&self, body: Body) -> Inbound {
        Inbound {
            key: format!("telegram:1:{}", self.world.number()),
            address: self.address.clone(),
            person: self.person.clone(),
            replica: REPLICA.to_owned(),
            body,
        }
    }

    pub async fn receive(&self, inbound: &Inbound) -> Answer {
        converse::receive(&self.world.app, &self.world.caller, inbound)
            .await
            .unwrap()
    }

    /// Does something and shows what comes back at once.
    ///
    /// Boxed: a test that presses many buttons would hold room for each of them in its one frame.
    pub fn act(&mut self, body: Body) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.acted(body))
    }

    async fn acted(&mut self, body: Body) {
        let inbound = self.event(body);
        let answer = self.receive(&inbound).await;
        self.toasts.extend(answer.toast);
        for outgoing in answer.deliveries {
            self.show(&outgoing).await;
        }
        self.refresh().await;
    }

    /// Plays the bot for this chat: shows and reports everything that is claimed. Other chats' messages are claimed and
    /// reported too, as a bot does; their phones were not looking.
    pub async fn refresh(&mut self) {
        loop {
            let claimed = self.world.claim(REPLICA).await;
            if claimed.is_empty() {
                return;
            }
            for outgoing in claimed {
                if outgoing.address == self.address {
                    self.show(&outgoing).await;
                } else {
                    let fate = Fate::Sent {
                        message_ref: self.world.number().to_string(),
                        external_file_id: None,
                        album_file_ids: Vec::new(),
                    };
                    self.world.report(REPLICA, &outgoing, fate).await;
                }
            }
        }
    }

    pub async fn show(&mut self, outgoing: &Outgoing) {
        if let Some(retired) = &outgoing.retire
            && let Some((_, content)) = self.screen.iter_mut().find(|(known, _)| known == retired)
        {
            content.buttons.clear();
        }
        let message_ref = match &outgoing.edit {
            Some(edited) => edited.clone(),
            None => self.world.number().to_string(),
        };
        match self.screen.iter_mut().find(|(known, _)| *known == message_ref) {
            Some((_, content)) => *content = outgoing.content.clone(),
            None => self.screen.push((message_ref.clone(), outgoing.content.clone())),
        }
        let external_file_id = outgoing.content.file.as_ref().map(|file| format!("tg-{}", file.id));
        self.world
            .report(
                REPLICA,
                outgoing,
                Fate::Sent {
                    message_ref,
                    external_file_id,
                    album_file_ids: outgoing
                        .content
                        .album
                        .iter()
                        .map(|picture| format!("tg-{}", picture.id))
                        .collect(),
                },
            )
            .await;
    }

    pub async fn start(&mut self, payload: Option<&str>) {
        self.act(Body::Start {
            payload: payload.map(str::to_owned),
        })
        .await;
    }

    pub async fn say(&mut self, text: &str) {
        let message_ref = self.world.number().to_string();
        self.act(Body::Text {
            text: text.to_owned(),
            message_ref,
            reply_to: None,
        })
        .await;
    }

    /// The newest button whose label contains `label`: (message ref, action).
    pub fn button(&self, label: &str) -> (String, String) {
        self.screen
            .iter()
            .rev()
            .find_map(|(message_ref, content)| {
                content.buttons.iter().flatten().find_map(|button| match &button.press {
                    Press::Action { action } if button.label.contains(label) => {
                        Some((message_ref.clone(), action.clone()))
                    }
                    _ => None,
                })
            })
            .unwrap_or_else(|| panic!("no button «{label}» on the screen: {:#?}", self.texts()))
    }

    pub async fn press(&mut self, label: &str) {
        let (message_ref, action) = self.button(label);
        self.act(Body::Action {
            action,
            message_ref: Some(message_ref),
        })
        .await;
    }

    pub fn texts(&self) -> Vec<String> {
        self.screen.iter().map(|(_, content)| content.plain_text()).collect()
    }

    pub fn last(&self) -> &Content {
        &self.screen.last().unwrap().1
    }

    /// How many messages on the screen contain `words`.
    pub fn count(&self, words: &str) -> usize {
        self.texts().iter().filter(|text| text.contains(words)).count()
    }

    pub fn documents(&self) -> usize {
        self.screen.iter().filter(|(_, content)| content.file.is_some()).count()
    }

    pub async fn walk_to_first_question(&mut self) {
        self.start(None).await;
        self.press("Бесплатная программа").await;
        self.press("Согласен").await;
        self.press("Нет, только программу").await;
    }

    pub async fn walk_to_summary(&mut self, health: &str) {
        self.walk_to_first_question().await;
        self.press("Женский").await;
        self.say("31").await;
        self.press("Новичок").await;
        self.press("Снизить вес").await;
        self.say("1,68 м").await;
        self.say("72,5 кг").await;
        self.press("В основном сижу").await;
        self.press("Дома").await;
        self.press("Гантели").await;
        self.press("3 дня").await;
        self.press("Колени").await;
        self.press("Готово").await;
        self.press(health).await;
    }
}
