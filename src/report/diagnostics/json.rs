//! Diagnostics → a JSON array, one object each, always with the same seven keys.

use crate::diagnostic::{Diagnostic, Severity};
use serde::Serialize;

#[derive(Serialize)]
struct Entry<'a> {
    code: &'static str,
    severity: Severity,
    file: &'a str,
    line: u32,
    column: u32,
    message: &'a str,
    help: Option<&'a str>,
}

pub(super) fn render(diagnostics: &[Diagnostic]) -> String {
    let entries: Vec<Entry<'_>> = diagnostics
        .iter()
        .map(|d| Entry {
            code: d.code.as_str(),
            severity: d.severity,
            file: &d.place.file,
            line: d.place.line,
            column: d.place.column,
            message: &d.message,
            help: d.help.as_deref(),
        })
        .collect();
    pretty(&entries)
}

/// JSON over several lines, with a line feed at its end.
pub(super) fn pretty(value: &impl Serialize) -> String {
    // Only a map with keys that are not texts, or a Serialize that fails, can fail: neither is here.
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn every_object_has_exactly_the_seven_keys() {
        let all = super::super::tests::three();
        let value: Value = serde_json::from_str(&render(&all)).unwrap();
        assert_eq!(
            value[0],
            json!({
                "code": "unknown-field", "severity": "error", "file": "users/kim.yaml",
                "line": 3, "column": 3, "message": "`spec` has no field `tipe`",
                "help": "did you mean `type`?",
            })
        );
        assert_eq!(value[1]["help"], Value::Null);
        assert_eq!(value[2]["severity"], "warning");
        for object in value.as_array().unwrap() {
            assert_eq!(object.as_object().unwrap().len(), 7);
        }
        assert_eq!(render(&[]), "[]\n");
    }
}
