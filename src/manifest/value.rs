//! What a field of a resource or an answer to a question takes, by its type and options.

use super::resource::FieldType;
use crate::diagnostic::suggest::did_you_mean;
use regex::Regex;

/// A pattern that the whole of a text must match; none where it cannot be read, which is reported where it
/// stands.
pub fn whole(pattern: &str) -> Option<Regex> {
    Regex::new(&format!("^(?:{pattern})$")).ok()
}

/// Why a value is not of its sort, and the nearest that is.
pub fn mismatch(
    kind: Option<FieldType>,
    options: &[String],
    value: &str,
) -> Option<(String, Option<String>)> {
    let wrong = |why: &str| Some((why.to_owned(), None));
    let is_plain = || {
        value
            .bytes()
            .fold(true, |plain, b| plain & (b.wrapping_sub(b' ') < 0x5f))
    };
    match kind.unwrap_or(FieldType::Text) {
        FieldType::Text if is_plain() => None,
        FieldType::Text if value.contains(['\n', '\r']) => wrong("it must be one line"),
        FieldType::Text if value.contains(char::is_control) => {
            wrong("it must have no control characters")
        }
        FieldType::Text => None,
        FieldType::Number => match value.parse::<f64>().is_ok_and(f64::is_finite) {
            true => None,
            false => wrong("it must be a number"),
        },
        FieldType::Email => {
            let parts = value.split_once('@');
            let fits = parts.is_some_and(|(local, domain)| {
                !local.is_empty() && domain.contains('.') && !value.contains(char::is_whitespace)
            });
            if fits {
                None
            } else {
                wrong("it must be a mail address")
            }
        }
        FieldType::Tel => {
            let digits = value.chars().filter(char::is_ascii_digit).count();
            let allowed = value
                .chars()
                .all(|c| c.is_ascii_digit() || " +-./()x#*".contains(c));
            if allowed && digits >= 3 {
                None
            } else {
                wrong("it must be a telephone number")
            }
        }
        FieldType::Date => match value.parse::<jiff::civil::Date>().is_ok() && value.len() == 10 {
            true => None,
            false => wrong("it must be a date like 2027-02-01"),
        },
        FieldType::Choice => match options.iter().any(|o| o == value) {
            true => None,
            false => Some((
                "it must be one of the options".to_owned(),
                did_you_mean(value, options.iter().map(String::as_str)),
            )),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_takes_its_own() {
        let options = ["Police and Fire".to_owned(), "Parks".to_owned()];
        let takes = |kind, value: &str| mismatch(Some(kind), &options, value).is_none();
        for (kind, good, bad) in [
            (FieldType::Text, "Größe: 1\u{200b}", "two\nlines"),
            (FieldType::Text, "", "bell\u{7}"),
            (FieldType::Text, "-", "tab\there"),
            (FieldType::Number, "-1.5", "1,5"),
            (FieldType::Number, "0", "inf"),
            (FieldType::Email, "a@b.example", "a@b"),
            (FieldType::Tel, "+1 (812) 349-0002 x12", "call me"),
            (FieldType::Date, "2027-02-28", "2027-02-29"),
            (FieldType::Choice, "Parks", "parks"),
        ] {
            assert!(takes(kind, good), "{kind:?} {good:?}");
            assert!(!takes(kind, bad), "{kind:?} {bad:?}");
        }
        let near = mismatch(Some(FieldType::Choice), &options, "parks")
            .unwrap()
            .1;
        assert_eq!(near.as_deref(), Some("did you mean `Parks`?"));
    }
}
