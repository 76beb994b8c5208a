//! Somebody who bought on the site comes into the bot by the link of their order.

use super::{Facts, Reply, Scene, Turn, questions, screens};

/// What became of such a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// A programme was paid for and waits for answers.
    NeedsAnswers,
    /// It is being made, or on its way into this chat.
    Making,
    /// Whatever else was bought, or was given already.
    Given,
    /// Nothing is to be had for this order: its money was given back.
    Closed,
    /// These three changed nothing.
    LinkExpired,
    LinkUsed,
    LinkUnknown,
}

/// `what`: the titles of what was bought; empty when the link changed nothing.
pub(super) fn arrive(facts: &Facts<'_>, outlook: Outlook, what: &str) -> Turn {
    let texts = facts.texts;
    let template = match outlook {
        Outlook::NeedsAnswers => &texts.site_needs_answers,
        Outlook::Making => &texts.site_making,
        Outlook::Given => &texts.site_given,
        Outlook::Closed => &texts.site_closed,
        Outlook::LinkExpired => &texts.site_link_expired,
        Outlook::LinkUsed => &texts.site_link_used,
        Outlook::LinkUnknown => &texts.site_link_unknown,
    };
    let mut note = facts.content(template, &[("what", what)]);
    note.keyboard = screens::home_keyboard(facts);
    let mut turn = match outlook {
        // Consent first, as for everybody.
        Outlook::NeedsAnswers => questions::proceed(facts, false),
        Outlook::Making | Outlook::Given | Outlook::Closed => screens::menu(&Scene::Idle, facts, false),
        // As without a link, once that is said.
        Outlook::LinkExpired | Outlook::LinkUsed | Outlook::LinkUnknown => screens::start(facts),
    };
    let first = Reply {
        content: note,
        in_place: false,
        is_step: false,
    };
    turn.replies.insert(0, first);
    turn
}
