use proptest::prelude::*;
use sandbox::telegram::{
    entities::{FormattedText, ParseMode, utf16_len},
    render,
};
use serde_json::json;

/// Text that looks like markup more often than chance would have it.
fn markup_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<b>".to_owned()),
        Just("</b>".to_owned()),
        Just("<a href=\"https://x.ru\">".to_owned()),
        Just("</a>".to_owned()),
        Just("<pre><code class=\"language-x\">".to_owned()),
        Just("</code></pre>".to_owned()),
        Just("&lt;".to_owned()),
        Just("&#x1F600;".to_owned()),
        Just("*".to_owned()),
        Just("__".to_owned()),
        Just("||".to_owned()),
        Just("```".to_owned()),
        Just("[x](".to_owned()),
        Just(">".to_owned()),
        Just("\n".to_owned()),
        Just("\\".to_owned()),
        Just("/start".to_owned()),
        "\\PC{0,8}",
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn check(text: &FormattedText) -> Result<(), TestCaseError> {
    let length = utf16_len(&text.text);
    for entity in &text.entities {
        prop_assert!(entity.length > 0);
        prop_assert!(entity.end() <= length, "{entity:?} in {:?}", text.text);
    }
    // The page's markup gives the same text back once tags and escapes are taken off.
    let rendered = render::html(text);
    let plain = rendered.replace("<br>", "\n");
    let mut stripped = String::new();
    let mut inside = false;
    for character in plain.chars() {
        match character {
            '<' => inside = true,
            '>' if inside => inside = false,
            other if !inside => stripped.push(other),
            _ => {}
        }
    }
    for (escaped, character) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ] {
        stripped = stripped.replace(escaped, character);
    }
    prop_assert_eq!(stripped, text.text.as_str());
    Ok(())
}

proptest! {
    #[test]
    fn parsing_never_panics_and_offsets_stay_in_range(source in markup_like()) {
        for mode in [ParseMode::Html, ParseMode::MarkdownV2, ParseMode::Markdown] {
            if let Ok(mut text) = FormattedText::parse(&source, mode) {
                check(&text)?;
                text.detect();
                check(&text)?;
            }
        }
    }

    #[test]
    fn explicit_entities_stay_in_range(
        source in any::<String>(),
        entities in prop::collection::vec((any::<usize>(), any::<usize>()), 0..5),
        near in prop::collection::vec((0usize..20, 0usize..20), 0..5),
    ) {
        let list: Vec<_> = entities
            .into_iter()
            .chain(near)
            .map(|(offset, length)| json!({"type": "bold", "offset": offset, "length": length}))
            .collect();
        check(&FormattedText::with_entities(&source, &json!(list)))?;
    }
}
