//! A trainer's desk with a programme on it that waits, and what can be done there.

use app::converse::Body;
use app::deliver::Fate;
use app::settings::programs::{DeliveryRule, ProgramSettings};
use app::{Caller, Role};
use store::{ClientFilter, PageRequest, Program, ProgramFilter};

use crate::phone::Phone;
use crate::world::{TRAINER, World};

pub const SECOND: &str = "701";
const ALL: PageRequest = PageRequest {
    limit: 100,
    after: None,
};

pub async fn approval_is_on(world: &World) {
    let setting = ProgramSettings {
        delivery: DeliveryRule::AfterApproval,
        ..ProgramSettings::default()
    };
    let admin = admin(world);
    let (_, version) = app::crm::program_settings::find(&world.app, &admin).await.unwrap();
    app::crm::program_settings::save(&world.app, &admin, version, setting)
        .await
        .unwrap();
}

pub fn admin(world: &World) -> Caller {
    Caller {
        role: Role::Admin,
        ..world.caller.clone()
    }
}

/// A client with a programme that waits, and the trainer who has seen its card.
pub async fn waiting<'a>(world: &'a World) -> (Phone<'a>, Phone<'a>) {
    approval_is_on(world).await;
    let mut anna = Phone::new(world, "101", "Анна", "ru");
    let mut trainer = Phone::new(world, TRAINER, "Ольга", "ru");
    trainer.start(None).await;
    anna.walk_to_summary("Нет, всё в порядке").await;
    anna.press("Всё верно").await;
    world.run_jobs().await;
    look(&mut [&mut anna, &mut trainer]).await;
    (anna, trainer)
}

/// Plays one bot for several phones: each sees its own messages.
pub async fn look(phones: &mut [&mut Phone<'_>]) {
    loop {
        let world = phones[0].world();
        let claimed = world.claim("bot-1").await;
        if claimed.is_empty() {
            return;
        }
        for outgoing in claimed {
            match phones.iter_mut().find(|phone| phone.address == outgoing.address) {
                Some(phone) => phone.show(&outgoing).await,
                None => {
                    let fate = Fate::Sent {
                        message_ref: world.number().to_string(),
                        external_file_id: None,
                        album_file_ids: Vec::new(),
                    };
                    world.report("bot-1", &outgoing, fate).await;
                }
            }
        }
    }
}

pub async fn press(phone: &mut Phone<'_>, label: &str) {
    let (message_ref, action) = phone.button(label);
    tap(phone, message_ref, action).await;
}

pub async fn tap(phone: &mut Phone<'_>, message_ref: String, action: String) {
    let event = phone.event(Body::Action {
        action,
        message_ref: Some(message_ref),
    });
    let answer = phone.receive(&event).await;
    phone.toasts.extend(answer.toast);
    for outgoing in answer.deliveries {
        phone.show(&outgoing).await;
    }
}

pub async fn say(phone: &mut Phone<'_>, text: &str) {
    let event = phone.event(Body::Text {
        text: text.to_owned(),
        message_ref: phone.world().number().to_string(),
        reply_to: None,
    });
    for outgoing in phone.receive(&event).await.deliveries {
        phone.show(&outgoing).await;
    }
}

/// Oldest first.
pub async fn versions(world: &World) -> Vec<Program> {
    let mut found = world
        .read()
        .await
        .list_programs(&ProgramFilter::default(), &ALL)
        .await
        .unwrap()
        .items;
    found.sort_by_key(|program| program.version);
    found
}

pub async fn statuses(world: &World) -> Vec<String> {
    versions(world)
        .await
        .into_iter()
        .map(|program| program.status)
        .collect()
}

pub async fn timeline(world: &World) -> Vec<String> {
    let mut tx = world.read().await;
    let client = tx
        .list_clients(&ClientFilter::default(), &ALL)
        .await
        .unwrap()
        .items
        .remove(0);
    let mut kinds: Vec<String> = tx
        .list_actions(&client.id, &ALL)
        .await
        .unwrap()
        .items
        .into_iter()
        .map(|action| action.kind)
        .filter(|kind| kind.starts_with("program."))
        .collect();
    kinds.reverse();
    kinds
}

pub fn albums<'p>(phone: &'p Phone<'_>) -> Vec<&'p domain::content::Content> {
    let shown = phone.screen.iter().map(|(_, content)| content);
    shown.filter(|content| !content.album.is_empty()).collect()
}
