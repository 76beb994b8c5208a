//! Plural forms.

/// Russian: 1 неделя, 2 недели, 5 недель, 11 недель, 21 неделя.
pub const fn russian<'a>(count: u64, one: &'a str, few: &'a str, many: &'a str) -> &'a str {
    match (count % 10, count % 100) {
        (_, 11..=14) => many,
        (1, _) => one,
        (2..=4, _) => few,
        _ => many,
    }
}

pub const fn english<'a>(count: u64, one: &'a str, other: &'a str) -> &'a str {
    if count == 1 { one } else { other }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn russian_counts() {
        let week = |count| russian(count, "неделя", "недели", "недель");
        assert_eq!(
            [1, 2, 5, 11, 21, 22, 112].map(week),
            ["неделя", "недели", "недель", "недель", "неделя", "недели", "недель"]
        );
    }
}
