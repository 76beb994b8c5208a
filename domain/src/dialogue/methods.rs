//! A client's saved cards, and forgetting one.

use super::actions::Action;
use super::purchase::Step;
use super::{Facts, screens};
use crate::content::{Button, Content, rich};
use crate::ids::SavedMethodId;

fn button(label: &str, step: Step) -> Button {
    screens::button(label, &Action::Purchase(step))
}

/// The way to the saved cards, above the way home.
#[must_use]
pub fn offered(mut purchases: Content, facts: &Facts<'_>) -> Content {
    let row = vec![button(&facts.texts.button_methods, Step::Methods)];
    let place = purchases.buttons.len().saturating_sub(1);
    purchases.buttons.insert(place, row);
    purchases
}

/// Which cards are kept. `note`: what has just happened.
pub fn list(facts: &Facts<'_>, methods: &[(SavedMethodId, String)], note: Option<&str>) -> Content {
    let text = if methods.is_empty() {
        &facts.texts.methods_empty
    } else {
        &facts.texts.methods_title
    };
    let mut content = Content::default();
    if let Some(title) = note {
        content
            .text
            .extend(rich(&facts.texts.method_forgotten, &[("title", title)]));
        content.text.extend(rich("\n\n", &[]));
    }
    content.text.extend(facts.content(text, &[]).text);
    for (id, title) in methods {
        let label: String = rich(&facts.texts.button_forget_method, &[("title", title)])
            .into_iter()
            .map(|span| span.text)
            .collect();
        content = content.with_row(vec![button(&label, Step::ForgetMethod(id.clone()))]);
    }
    content.with_row(vec![
        button(&facts.texts.button_back, Step::Purchases),
        screens::button(&facts.texts.button_menu, &Action::Menu),
    ])
}
