//! Which language whoever asks wants to read.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use domain::language::Language;

/// The most wanted language of `Accept-Language`; `None` without that header.
pub fn accepted(headers: &HeaderMap) -> Option<Language> {
    let wanted = headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?;
    let weigh = |entry: &str| {
        let mut parts = entry.split(';').map(str::trim);
        let tag = parts.next().unwrap_or_default().to_owned();
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(1000, thousandths);
        (tag, weight)
    };
    wanted
        .split(',')
        .map(weigh)
        .filter(|(tag, weight)| *weight > 0 && !tag.is_empty() && tag != "*")
        // Of equals the first one wins.
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
        .map(|(tag, _)| Language::from_ietf(&tag))
}

/// Programs read English unless they say otherwise.
pub fn of_api(headers: &HeaderMap) -> Language {
    accepted(headers).unwrap_or(Language::En)
}

/// `?lang=`, else what the browser wants, else Russian.
pub fn of_page(lang: Option<&str>, headers: &HeaderMap) -> Language {
    lang.and_then(Language::parse)
        .or_else(|| accepted(headers))
        .unwrap_or_default()
}

/// `0.85` → 850; nonsense is as good as unwanted.
fn thousandths(weight: &str) -> u32 {
    let (whole, fraction) = weight.trim().split_once('.').unwrap_or((weight.trim(), ""));
    let fraction: String = fraction.chars().chain("000".chars()).take(3).collect();
    match (whole.parse::<u32>(), fraction.parse::<u32>()) {
        (Ok(whole), Ok(fraction)) => (whole * 1000 + fraction).min(1000),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_wanted_language_is_spoken() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, text.parse().unwrap());
            accepted(&headers)
        };
        assert_eq!(of("ru-RU,ru;q=0.9,en;q=0.8"), Some(Language::Ru));
        assert_eq!(of("en-GB;q=0.7, ru;q=0.9"), Some(Language::Ru));
        assert_eq!(of("de, en;q=0.5"), Some(Language::En));
        assert_eq!(of("ru;q=0, en;q=0.1"), Some(Language::En));
        assert_eq!(of("*"), None);
        assert_eq!(of("en;q=much"), None);
        assert_eq!(of_page(Some("en"), &HeaderMap::new()), Language::En);
        assert_eq!(of_page(Some("tlh"), &HeaderMap::new()), Language::Ru);
        assert_eq!(of_api(&HeaderMap::new()), Language::En);
    }
}
