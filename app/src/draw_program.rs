//! A programme on paper: what the document says besides the programme itself.

use domain::profile::Profile;
use domain::time::local_date;
use programs::pdf::{self, Contact, Document, NextStep, Rgb};
use programs::programme::{Programme, Scope};
use programs::wording::Wording;
use store::{Client, Program};

use crate::context::App;
use crate::settings::Guide;

#[expect(clippy::too_many_arguments, reason = "everything that is on paper, each once")]
pub(crate) fn document(
    app: &App,
    guide: &Guide,
    client: &Client,
    program: &Program,
    profile: &Profile,
    programme: Programme,
    words: Wording,
    scope: Scope,
    zone: chrono_tz::Tz,
) -> Document {
    let texts = guide.texts(program.language);
    let brand = &guide.brand;
    let contacts = brand
        .contacts
        .get(program.language)
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let next_url = match &brand.telegram_bot_username {
        Some(username) => format!("https://t.me/{username}"),
        None => app.public_url().to_string(),
    };
    Document {
        title: texts.pdf_title.clone(),
        language: program.language,
        client_name: client.display_name.clone(),
        profile: profile.clone(),
        programme,
        wording: words,
        brand: pdf::Brand {
            name: brand.name.clone(),
            accent: Rgb::parse(&brand.accent).unwrap_or(Rgb(31, 122, 92)),
            contacts: contacts.map(Contact::parse).collect(),
            closing: None,
            logo: None,
        },
        generated_on: local_date(app.now(), zone),
        next_step: Some(NextStep {
            title: texts.pdf_next_title.clone(),
            text: texts.pdf_next_text.clone(),
            url: next_url,
        }),
        scope,
        trainer_note: None,
    }
}
