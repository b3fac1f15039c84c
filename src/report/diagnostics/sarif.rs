//! Diagnostics → SARIF 2.1.0, the format of code scanning.
//!
//! Source: OASIS "Static Analysis Results Interchange Format (SARIF) Version 2.1.0"; a test holds it
//! against the committee's own schema.

use super::{fingerprints, json::pretty};
use crate::diagnostic::{Code, Diagnostic, Place, Severity};
use serde_json::{Value, json};

/// Where the schema of the format is published.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

pub(super) fn render(diagnostics: &[Diagnostic]) -> String {
    let results: Vec<Value> = diagnostics
        .iter()
        .zip(fingerprints(diagnostics))
        .map(|(diagnostic, fingerprint)| result(diagnostic, &fingerprint))
        .collect();
    pretty(&json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "countersign",
                    "version": env!("CARGO_PKG_VERSION"),
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": Code::ALL.iter().map(|code| rule(*code)).collect::<Vec<_>>(),
                },
            },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    }))
}

fn rule(code: Code) -> Value {
    let about = code.explanation();
    let help = format!(
        "{}\n\nBefore: {}\n\nAfter: {}",
        about.why, about.before, about.after
    );
    let markdown = format!(
        "{}\n\n**Before**\n\n```\n{}\n```\n\n**After**\n\n```\n{}\n```\n",
        about.why, about.before, about.after
    );
    json!({
        "id": code.as_str(),
        "shortDescription": { "text": about.what },
        "fullDescription": { "text": format!("{} {}", about.what, about.why) },
        "help": { "text": help, "markdown": markdown },
        "defaultConfiguration": { "level": level(about.severity) },
    })
}

fn result(diagnostic: &Diagnostic, fingerprint: &str) -> Value {
    let Diagnostic {
        code,
        severity,
        place,
        message,
        help,
        related,
    } = diagnostic;
    let text = match help {
        Some(help) => format!("{message}\nhelp: {help}"),
        None => message.clone(),
    };
    let mut result = json!({
        "ruleId": code.as_str(),
        "ruleIndex": Code::ALL.iter().position(|c| c == code),
        "level": level(*severity),
        "message": { "text": text },
        "locations": [{ "physicalLocation": location(place) }],
        "partialFingerprints": { "countersign/v1": fingerprint },
    });
    if !related.is_empty() {
        let places = related.iter().enumerate().map(|(id, (place, word))| {
            json!({ "id": id, "message": { "text": word }, "physicalLocation": location(place) })
        });
        result["relatedLocations"] = places.collect();
    }
    result
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// The end column of a region is the first one behind it (section 3.30.8).
fn location(place: &Place) -> Value {
    let column = place.column.max(1);
    json!({
        "artifactLocation": { "uri": uri(&place.file), "uriBaseId": "%SRCROOT%" },
        "region": {
            "startLine": place.line.max(1),
            "startColumn": column,
            "endColumn": column.saturating_add(place.width.max(1)),
        },
    })
}

/// A path as a relative URI reference (RFC 3986 section 4.2): a `:` in it begins no scheme.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, three};
    use super::*;

    /// The committee's schema; one of its patterns, for a field not used here, is no regular
    /// expression to a strict reader and loses a stray bracket.
    fn validator() -> jsonschema::Validator {
        let schema = include_str!("../../../tests/data/sarif-2.1.0.json")
            .replace("-[a-zA-Z]{2}]?$", "-[a-zA-Z]{2}$");
        let schema: Value = serde_json::from_str(&schema).unwrap();
        jsonschema::options()
            .should_validate_formats(true)
            .build(&schema)
            .unwrap()
    }

    fn checked(diagnostics: &[Diagnostic]) -> Value {
        let validator = validator();
        let value: Value = serde_json::from_str(&render(diagnostics)).unwrap();
        let mistakes: Vec<String> = validator
            .iter_errors(&value)
            .map(|e| format!("{}: {e}", e.instance_path()))
            .collect();
        assert!(mistakes.is_empty(), "{mistakes:#?}");
        value
    }

    #[test]
    fn it_keeps_the_committee_s_schema() {
        let value = checked(&three());
        let run = &value["runs"][0];
        assert_eq!(run["columnKind"], "unicodeCodePoints");
        let results = run["results"].as_array().unwrap();
        assert_eq!(results.len(), 3);
        assert_eq!(
            results[0]["locations"][0]["physicalLocation"]["region"],
            json!({ "startLine": 3, "startColumn": 3, "endColumn": 7 })
        );
        assert_eq!(
            results[0]["message"]["text"],
            "`spec` has no field `tipe`\nhelp: did you mean `type`?"
        );
        assert_eq!(
            results[1]["relatedLocations"][0]["message"]["text"],
            "first here"
        );
        assert_eq!(
            results[2]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
            "users/%C3%A4%20b%2Cc%3Ad%25.yaml"
        );
        for result in results {
            let index = result["ruleIndex"].as_u64().unwrap() as usize;
            assert_eq!(
                run["tool"]["driver"]["rules"][index]["id"],
                result["ruleId"]
            );
        }
    }

    #[test]
    fn nothing_found_and_places_at_no_line_keep_it_too() {
        assert_eq!(checked(&[])["runs"][0]["results"], json!([]));
        let odd = Diagnostic::new(Code::Syntax, at("a\nb.yaml", 0, 0, 0), "x");
        let far = Diagnostic::new(Code::Syntax, at("", u32::MAX, u32::MAX, u32::MAX), "");
        checked(&[odd, far]);
    }

    #[test]
    fn a_wrong_report_would_be_noticed() {
        let mut value: Value = serde_json::from_str(&render(&three())).unwrap();
        value["runs"][0]["results"][0]["level"] = json!("fatal");
        assert!(!validator().is_valid(&value));
    }
}
