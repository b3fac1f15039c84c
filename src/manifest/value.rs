//! Values of fields and answers: whether one is of the sort that is asked for.

use super::resource::FieldType;
use crate::diagnostic::suggest::did_you_mean;

/// Why a value is not of its sort, and the nearest that is.
pub fn mismatch(
    kind: Option<FieldType>,
    options: &[String],
    value: &str,
) -> Option<(String, Option<String>)> {
    let wrong = |why: &str| Some((why.to_owned(), None));
    match kind.unwrap_or(FieldType::Text) {
        FieldType::Text => match value.contains(['\n', '\r']) {
            true => wrong("it must be one line"),
            false => None,
        },
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
