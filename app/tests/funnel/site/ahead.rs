//! What the buyer of a programme is told comes next: page and letter say the same, and promise nothing that is not so.

use app::pay::checkout::{self, ProgramState};
use app::settings::programs::{DeliveryRule, PROGRAMS, ProgramSettings};
use domain::ids::ClientId;
use store::Order;

use super::Site;
use crate::phone::Phone;
use crate::world::{NOW, on_both};

/// What the page knows of the programme, and the newest letter about a payment.
async fn told(site: &Site, order: &Order) -> (ProgramState, String) {
    while site.send_letters().await > 0 {}
    let view = checkout::view(&site.world.app, &site.payer(), &order.id).await.unwrap();
    let letters = site.letters().await;
    let subject = |letter: &serde_json::Value| letter["subject"].as_str().unwrap().to_owned();
    let paid = letters
        .iter()
        .rfind(|letter| subject(letter).starts_with("Оплата получена"));
    (view.program, paid.unwrap()["text"].as_str().unwrap().to_owned())
}

/// Somebody the bot knows, with answers.
async fn who_answered(site: &Site, address: &str, health: &str) -> ClientId {
    let mut phone = Phone::new(&site.world, address, "Анна", "ru");
    phone.walk_to_summary(health).await;
    phone.press("Всё верно").await;
    site.world.run_jobs().await;
    let mut tx = site.world.read().await;
    let chat = tx.lock_conversation("telegram", address).await.unwrap().unwrap();
    chat.client.unwrap()
}

async fn whoever_has_not_answered_is_asked_for_that_first(site: &Site) {
    let buyer = site.buyer("Анна").await;
    let order = site.paid(&buyer, "program_12w").await;
    let (program, letter) = told(site, &order).await;
    assert_eq!(program, ProgramState::NeedsAnswers);
    assert!(
        letter.contains("нужны ответы на несколько вопросов") && !letter.contains("пару минут"),
        "{letter}"
    );
}

async fn whoever_the_trainer_talks_with_first_is_told_so(site: &Site) {
    let client = who_answered(site, "101", "Да, есть").await;
    let order = site.paid(&client, "program_12w").await;
    let (program, letter) = told(site, &order).await;
    assert_eq!(program, ProgramState::WithTrainer);
    assert!(
        letter.contains("напишет вам") && !letter.contains("пару минут"),
        "{letter}"
    );
}

async fn a_look_before_sending_is_told_of(site: &Site) {
    let settings = ProgramSettings {
        delivery: DeliveryRule::AfterApproval,
        ..ProgramSettings::default()
    };
    let mut tx = site.world.write().await;
    let text = serde_json::to_string(&settings).unwrap();
    tx.save_setting(PROGRAMS, &text, 0, NOW).await.unwrap();
    tx.commit().await.unwrap();
    let client = who_answered(site, "101", "Нет, всё в порядке").await;
    let order = site.paid(&client, "program_12w").await;
    let (program, letter) = told(site, &order).await;
    assert_eq!(program, ProgramState::Reviewing);
    assert!(
        letter.contains("посмотрит её перед отправкой") && !letter.contains("пару минут"),
        "{letter}"
    );
}

on_both!(in crate::site::Site;
    whoever_has_not_answered_is_asked_for_that_first,
    whoever_the_trainer_talks_with_first_is_told_so,
    a_look_before_sending_is_told_of,
);
