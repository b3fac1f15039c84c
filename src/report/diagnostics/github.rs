//! Diagnostics → workflow commands of GitHub Actions, one line each.
//!
//! Source: "Workflow commands for GitHub Actions" and `actions/toolkit`, `packages/core/src/command.ts`
//! (what is escaped, in messages and in properties).

use crate::diagnostic::Diagnostic;

pub(super) fn render(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(line).collect()
}

fn line(diagnostic: &Diagnostic) -> String {
    let Diagnostic {
        code,
        severity,
        place,
        message,
        help,
        related,
    } = diagnostic;
    let mut text = message.clone();
    for (place, word) in related {
        text.push_str(&format!(
            "\n{word}: {}:{}:{}",
            place.file, place.line, place.column
        ));
    }
    if let Some(help) = help {
        text.push_str(&format!("\nhelp: {help}"));
    }
    format!(
        "::{} file={},line={},col={},title={}::{}\n",
        severity.as_str(),
        property(&place.file),
        place.line,
        place.column,
        property(code.as_str()),
        data(&text),
    )
}

fn data(text: &str) -> String {
    let text = text
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A");
    text.replace(char::is_control, "\u{fffd}")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;

    #[test]
    fn one_line_each_with_github_s_escapes() {
        let all = super::super::tests::three();
        let text = render(&all);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "::error file=users/kim.yaml,line=3,col=3,title=unknown-field::`spec` has no field `tipe`%0Ahelp: did you mean `type`?",
                "::error file=users/kim.yaml,line=4,col=3,title=duplicate-key::`title` stands here twice%0Afirst here: users/kim.yaml:2:3",
                "::warning file=users/ä b%2Cc%3Ad%25.yaml,line=1,col=7,title=unquoted-date::some readers take `2027-02-01` for a timestamp",
            ]
        );
    }

    #[test]
    fn a_message_cannot_begin_a_command_of_its_own() {
        let place = super::super::tests::at("a\n::error::b\u{1b}.yaml", 1, 1, 1);
        let text = render(&[Diagnostic::new(
            Code::Syntax,
            place,
            "100%\r\n::set-output name=x::y",
        )]);
        assert_eq!(
            text,
            "::error file=a%0A%3A%3Aerror%3A%3Ab\u{fffd}.yaml,line=1,col=1,title=syntax::100%25%0D%0A::set-output name=x::y\n"
        );
    }
}
