//! Notices that wait for a trainer: while no trainer's chat is linked they are kept, and the first one that opens gets them.

use std::collections::BTreeMap;

use domain::content::{Button, Content, Span, Style, rich};
use domain::dialogue::actions::TrainerAction;
use domain::ids::ClientId;
use domain::language::Language;
use serde::{Deserialize, Serialize};
use store::{HeldNotice, NewHeldNotice, Tx};

use crate::context::App;
use crate::deliver::Letter;
use crate::error::{Error, Result};
use crate::settings::Guide;

/// What is older tells nobody anything any more; the CRM has it all.
pub(crate) const KEPT_MS: i64 = 30 * 24 * 60 * 60_000;
/// So many come one by one; more come as one list.
const FEW: usize = 3;
const LISTED: usize = 30;
/// Clients who can be answered from the list, the latest of them.
const BUTTONS: usize = 6;
/// Things that people sent follow the list, the latest of them: a list can't show a photo.
const ATTACHMENTS: usize = 10;
const LINE: usize = 90;
const LABEL: usize = 24;

/// The same notice in both languages: nobody knows yet which one the trainer reads.
#[derive(Debug, Serialize, Deserialize)]
struct Body {
    ru: Content,
    en: Content,
}

pub(crate) async fn hold(
    app: &App,
    tx: &mut Tx,
    about: Option<&ClientId>,
    kind: &'static str,
    content: impl Fn(Language) -> Content,
) -> Result<()> {
    let body = Body {
        ru: content(Language::Ru),
        en: content(Language::En),
    };
    let notice = NewHeldNotice {
        id: app.new_id(),
        about: about.cloned(),
        kind,
        body: serde_json::to_string(&body)
            .map_err(|error| Error::internal(format!("a notice can't be kept: {error}")))?,
        now: app.now(),
    };
    tx.hold_notice(&notice).await?;
    Ok(())
}

/// Takes what waited, for this trainer: a few one by one, many as one list, oldest first.
pub(crate) async fn hand_over(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    address: &str,
    language: Language,
) -> Result<Vec<Letter>> {
    // Asked first: a trainer's every turn comes by here.
    if tx.count_held_notices().await? == 0 {
        return Ok(Vec::new());
    }
    let held = tx.take_held_notices(app.now().plus_millis(-KEPT_MS)).await?;
    let notices: Vec<(HeldNotice, Content)> = held
        .into_iter()
        .filter_map(|notice| match serde_json::from_str::<Body>(&notice.body) {
            Ok(body) => Some(match language {
                Language::Ru => (notice, body.ru),
                Language::En => (notice, body.en),
            }),
            Err(error) => {
                tracing::error!(%error, "a kept notice can't be read and is dropped");
                None
            }
        })
        .collect();
    let letter = |about: Option<ClientId>, content: Content| {
        let mut letter = Letter::new(address, None, "notice", content);
        letter.about = about;
        letter
    };
    if notices.len() <= FEW {
        return Ok(notices
            .into_iter()
            .map(|(notice, content)| letter(notice.about, content))
            .collect());
    }
    let mut letters = vec![letter(None, list(tx, guide, language, &notices).await?)];
    let mut attachments: Vec<Letter> = notices
        .into_iter()
        .rev()
        .filter(|(_, content)| content.copy.is_some())
        .take(ATTACHMENTS)
        .map(|(notice, content)| letter(notice.about, content))
        .collect();
    attachments.reverse();
    letters.append(&mut attachments);
    Ok(letters)
}

async fn list(tx: &mut Tx, guide: &Guide, language: Language, notices: &[(HeldNotice, Content)]) -> Result<Content> {
    let texts = guide.texts(language);
    let count = notices.len().to_string();
    let mut content = Content::text(rich(&texts.trainer_held, &[("count", &count)]));
    for (_, notice) in notices.iter().take(LISTED) {
        content.text.push(Span {
            text: format!("\n{}", line(notice)),
            style: Style::Plain,
        });
    }
    if let Some(rest) = notices.len().checked_sub(LISTED).filter(|rest| *rest > 0) {
        content
            .text
            .extend(rich(&texts.trainer_held_more, &[("count", &rest.to_string())]));
    }
    let mut shown = BTreeMap::new();
    for client in notices.iter().rev().filter_map(|(notice, _)| notice.about.as_ref()) {
        if shown.len() == BUTTONS {
            break;
        }
        if !shown.contains_key(client.as_ref())
            && let Some(found) = tx.find_client(client).await?
        {
            let name: String = found.display_name.chars().take(LABEL).collect();
            shown.insert(client.as_ref().to_owned(), ());
            content = content.with_row(vec![Button::action(
                format!("{}: {name}", texts.button_reply),
                TrainerAction::Reply(client.clone()).to_string(),
            )]);
        }
    }
    Ok(content)
}

/// A notice in one line: what its lines say, as far as there is room.
fn line(content: &Content) -> String {
    let text = content.plain_text();
    let joined = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .take(2)
        .collect::<Vec<_>>()
        .join(" ");
    if joined.chars().count() <= LINE {
        return joined;
    }
    let cut: String = joined.chars().take(LINE).collect();
    format!("{}…", cut.trim_end())
}
