//! "Did you mean": the nearest of some words to one that is none of them.

/// The candidate that `word` was most likely meant to be; `None` if nothing is near. All are folded.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    // A slip or two, but short words must be closer.
    let most = match length {
        0..=3 => return None,
        4..=5 => 1,
        6..=11 => 2,
        _ => 3,
    };
    candidates
        .filter_map(|candidate| {
            let distance = distance(word, candidate, most)?;
            Some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be put in, left out, changed, or swapped with a neighbour; `None` if more than `most`.
fn distance(from: &str, to: &str, most: usize) -> Option<usize> {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    if from.len().abs_diff(to.len()) > most {
        return None;
    }
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    let mut one_back = None;
    for (row, letter) in from.iter().enumerate() {
        let mut current = vec![row + 1];
        let mut left = row + 1;
        for (column, other) in to.iter().enumerate() {
            let get = |line: &[usize], at: usize| line.get(at).copied().unwrap_or(usize::MAX / 2);
            let changed = get(&last, column) + usize::from(letter != other);
            let mut cheapest = changed.min(left + 1).min(get(&last, column + 1) + 1);
            let swapped =
                column.checked_sub(1).and_then(|before| to.get(before)) == Some(letter) && one_back == Some(other);
            if swapped && let Some(before) = column.checked_sub(1) {
                cheapest = cheapest.min(get(&before_last, before) + 1);
            }
            current.push(cheapest);
            left = cheapest;
        }
        before_last = std::mem::replace(&mut last, current);
        one_back = Some(letter);
    }
    last.last().copied().filter(|found| *found <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_seen_and_other_words_are_not() {
        let titles = ["повторы", "подходы", "упражнение", "reps", "отдых сек"];
        let find = |word: &str| nearest(word, titles.into_iter());
        assert_eq!(find("повотры"), Some("повторы"));
        assert_eq!(find("пдходы"), Some("подходы"));
        assert_eq!(find("упражнения"), Some("упражнение"));
        assert_eq!(find("отдых сек "), Some("отдых сек"));
        assert_eq!(find("цена"), None);
        assert_eq!(find("rep"), None, "too short to guess");
    }
}
