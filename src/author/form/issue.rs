//! A form → what a forge shows: an issue form (GitHub, Forgejo) or a description template (GitLab).

use super::{Answers, Choice, Form, Input};
use crate::author::text::scalar;

/// An issue form, in YAML.
pub fn form(form: Form, inputs: &[Input]) -> String {
    let mut text = format!(
        "name: {}\ndescription: {}\ntitle: {}\nbody:\n",
        scalar(form.title()),
        scalar(form.about()),
        scalar(&format!("{}: ", form.title()))
    );
    let words = "Becomes a pull request with one request in it, asked for by you. Only what you send now counts; \
        an edited form is not read again. No sensitive text: everybody who can read the repository reads it.";
    text.push_str(&format!(
        "  - type: markdown\n    attributes: {{value: {}}}\n",
        scalar(words)
    ));
    for (number, input) in inputs.iter().enumerate() {
        let sort = match &input.answers {
            Answers::Line => "input",
            Answers::One(_) | Answers::Several(_) => "dropdown",
        };
        text.push_str(&format!(
            "  - type: {sort}\n    id: input-{}\n    attributes:\n      label: {}\n",
            number + 1,
            scalar(&input.label)
        ));
        if !input.hint.is_empty() {
            text.push_str(&format!("      description: {}\n", scalar(&input.hint)));
        }
        match &input.answers {
            Answers::Line => {}
            Answers::One(choices) => text.push_str(&options(choices)),
            Answers::Several(choices) => {
                text.push_str("      multiple: true\n");
                text.push_str(&options(choices));
            }
        }
        if input.required {
            text.push_str("    validations: {required: true}\n");
        }
    }
    text
}

fn options(choices: &[Choice]) -> String {
    let mut text = "      options:\n".to_owned();
    for choice in choices {
        text.push_str(&format!("        - {}\n", scalar(&choice.shown)));
    }
    text
}

/// A description template, in Markdown: the same headings, to be filled in below each.
pub fn template(form: Form, inputs: &[Input]) -> String {
    let mut text = format!(
        "<!-- {}. Write one line below each heading, or leave it empty. Only what you send now counts; an edited one is not read again. -->\n",
        form.about()
    );
    for input in inputs {
        let mut about = Vec::new();
        if input.required {
            about.push("required".to_owned());
        }
        if !input.hint.is_empty() {
            about.push(input.hint.clone());
        }
        match &input.answers {
            Answers::Line => {}
            Answers::One(choices) => about.push(format!("one of: {}", listed(choices))),
            Answers::Several(choices) => about.push(format!("some of: {}", listed(choices))),
        }
        text.push_str(&format!("\n### {}\n\n", input.label));
        if !about.is_empty() {
            text.push_str(&format!("<!-- {} -->\n\n", comment(&about.join("; "))));
        }
    }
    text
}

fn listed(choices: &[Choice]) -> String {
    let shown: Vec<&str> = choices.iter().map(|c| c.shown.as_str()).collect();
    shown.join(", ")
}

/// A text that ends no comment.
pub fn comment(text: &str) -> String {
    let mut text = text.to_owned();
    while text.contains("--") {
        text = text.replace("--", "- -");
    }
    text.replace('>', "›")
}
