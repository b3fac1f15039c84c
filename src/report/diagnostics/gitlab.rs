//! Diagnostics → GitLab's code quality report, a JSON array.
//!
//! Source: docs.gitlab.com, "Code Quality", section "Code Quality report format".

use super::{fingerprints, json::pretty};
use crate::diagnostic::{Diagnostic, Severity};
use serde_json::{Value, json};

pub(super) fn render(diagnostics: &[Diagnostic]) -> String {
    let entries: Vec<Value> = diagnostics
        .iter()
        .zip(fingerprints(diagnostics))
        .map(|(d, fingerprint)| {
            json!({
                "description": match &d.help {
                    Some(help) => format!("{} ({help})", d.message),
                    None => d.message.clone(),
                },
                "check_name": d.code.as_str(),
                "fingerprint": fingerprint,
                "severity": match d.severity {
                    Severity::Error => "major",
                    Severity::Warning => "minor",
                },
                "location": {
                    "path": &*d.place.file,
                    "lines": { "begin": d.place.line.max(1) },
                },
            })
        })
        .collect();
    pretty(&entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_entry_has_what_gitlab_asks_for() {
        let all = super::super::tests::three();
        let value: Value = serde_json::from_str(&render(&all)).unwrap();
        let entries = value.as_array().unwrap();
        assert_eq!(entries.len(), 3);
        assert_eq!(
            entries[0]["description"],
            "`spec` has no field `tipe` (did you mean `type`?)"
        );
        assert_eq!(entries[0]["check_name"], "unknown-field");
        assert_eq!(entries[0]["severity"], "major");
        assert_eq!(
            entries[0]["location"],
            json!({"path": "users/kim.yaml", "lines": {"begin": 3}})
        );
        assert_eq!(entries[2]["severity"], "minor");
        let prints: BTreeSet<_> = entries
            .iter()
            .map(|e| e["fingerprint"].to_string())
            .collect();
        assert_eq!(prints.len(), 3);
        assert_eq!(render(&[]), "[]\n");
    }
}
