//! "Did you mean": the nearest of the words that would have been right.

/// Longest word that can be a slip, in bytes: the distance of longer ones takes time and memory.
const LONGEST: usize = 100;

/// The nearest candidate, where it is near enough to be meant: at most a third of it differs.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    let lower = word.to_lowercase();
    candidates
        .into_iter()
        .map(|c| (strsim::damerau_levenshtein(&lower, &c.to_lowercase()), c))
        .filter(|(distance, c)| {
            let longer = c.chars().count().max(word.chars().count());
            // Something must be left that is the same.
            *distance <= (longer / 3).max(1) && *distance < longer
        })
        .min()
        .map(|(_, c)| c)
}

/// `did you mean …?`, where a candidate is near; else the choices, where they are few.
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<String> {
    if let Some(near) = nearest(word, candidates.clone()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let all: Vec<&str> = candidates.into_iter().take(13).collect();
    match all.len() {
        0 | 13 => None,
        1 => Some(format!("`{}` is the only choice here", all[0])),
        _ => Some(format!(
            "one of {}",
            all.iter()
                .map(|c| format!("`{c}`"))
                .collect::<Vec<_>>()
                .join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        let words = ["timetrack", "ureport", "showers"];
        assert_eq!(nearest("timetrak", words), Some("timetrack"));
        assert_eq!(nearest("Timetrack", words), Some("timetrack"));
        assert_eq!(nearest("payroll", words), None);
        assert_eq!(nearest("z", ["x", "y"]), None);
        assert_eq!(
            did_you_mean("payroll", words).as_deref(),
            Some("one of `timetrack`, `ureport`, `showers`")
        );
    }
}
