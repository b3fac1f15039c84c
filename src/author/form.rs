//! Forms: what people fill in to ask for a new hire, a change or a termination, made from the profiles
//! and their questions; and a filled one read back. Whoever fills one in may write anything.

pub mod issue;
pub mod read;

use crate::catalog::Catalog;
use crate::catalog::duties::answers::{Asked, questions};
use crate::manifest::UserType;
use crate::manifest::resource::FieldType;
use crate::name::FieldName;
use std::collections::{BTreeMap, BTreeSet};

/// Most choices that a form offers as a list; more of them are asked for as text.
const MOST_CHOICES: usize = 150;

/// Something people ask for with a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Form {
    NewHire,
    Change,
    Terminate,
}

impl Form {
    /// Every form.
    pub const ALL: [Self; 3] = [Self::NewHire, Self::Change, Self::Terminate];

    /// Its name: that of the command which writes the same request.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NewHire => "new-hire",
            Self::Change => "change",
            Self::Terminate => "terminate",
        }
    }

    /// What it is called where people choose one.
    pub fn title(self) -> &'static str {
        match self {
            Self::NewHire => "New hire",
            Self::Change => "Change",
            Self::Terminate => "Termination",
        }
    }

    /// What it is for.
    pub fn about(self) -> &'static str {
        match self {
            Self::NewHire => "Somebody starts, or comes back",
            Self::Change => "A new name, job, department, profile or access",
            Self::Terminate => "Somebody leaves",
        }
    }
}

/// What an input says: a flag of the command that writes the request, an answer, or the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// The user it is about.
    Subject,
    /// The value of a flag.
    Flag(&'static str),
    /// Values of a flag that is repeated, with blanks or commas between them.
    Flags(&'static str),
    /// A flag without a value, where the answer is `yes`.
    Switch(&'static str),
    /// The answer to a question.
    Answer(FieldName),
}

/// One thing that a form asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// What it says.
    pub says: Says,
    /// What people are asked; no two inputs of a form ask the same.
    pub label: String,
    /// What helps to answer; may be empty.
    pub hint: String,
    /// Whether the form cannot be sent without.
    pub required: bool,
    /// What can be answered.
    pub answers: Answers,
}

/// What can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answers {
    /// A text of one line.
    Line,
    /// One of these, each with the name people read; never empty.
    One(Vec<Choice>),
    /// Any of these; never empty.
    Several(Vec<Choice>),
}

/// Something to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What is meant.
    pub value: String,
    /// What is shown, and comes back.
    pub shown: String,
}

impl Choice {
    fn plain(value: &str) -> Self {
        Self {
            value: value.to_owned(),
            shown: shown(value),
        }
    }

    fn named(name: &str, display: Option<&str>) -> Self {
        let shown = match display.map(|d| shown(&d.replace(',', " "))) {
            Some(display) if !display.is_empty() && display != name => {
                format!("{display} ({name})")
            }
            Some(_) | None => name.to_owned(),
        };
        // A form adds an answer of its own by this name.
        let shown = match shown.as_str() {
            "none" => "none (none)".to_owned(),
            _ => shown,
        };
        Self {
            value: name.to_owned(),
            shown,
        }
    }
}

/// A text as one line of a form shows it: no line feeds, nothing unseen.
pub fn shown(text: &str) -> String {
    let unseen = |c: char| c.is_control() || c.is_whitespace() || super::text::is_unseen(c);
    let seen: String = text
        .chars()
        .map(|c| if unseen(c) { ' ' } else { c })
        .collect();
    seen.split(' ')
        .filter(|w| !w.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// What a form asks, in the order it asks.
pub fn inputs(catalog: &Catalog, form: Form) -> Vec<Input> {
    match form {
        Form::NewHire => new_hire(catalog),
        Form::Change => change(catalog),
        Form::Terminate => terminate(),
    }
}

fn line(says: Says, label: &str, hint: &str) -> Input {
    Input {
        says,
        label: label.to_owned(),
        hint: hint.to_owned(),
        required: false,
        answers: Answers::Line,
    }
}

fn required(input: Input) -> Input {
    Input {
        required: true,
        ..input
    }
}

fn offering(input: Input, answers: fn(Vec<Choice>) -> Answers, choices: Vec<Choice>) -> Input {
    let answers = match choices.len() {
        1..=MOST_CHOICES => answers(choices),
        _ => Answers::Line,
    };
    Input { answers, ..input }
}

fn new_hire(catalog: &Catalog) -> Vec<Input> {
    let types: [UserType; 6] = [
        UserType::Employee,
        UserType::Contractor,
        UserType::Partner,
        UserType::Client,
        UserType::Supplier,
        UserType::Service,
    ];
    let types = types.iter().map(|t| Choice::plain(t.as_str())).collect();
    let mut inputs = vec![
        required(line(Says::Flag("--given-name"), "New hire: given name", "")),
        line(Says::Flag("--family-name"), "Family name", ""),
        line(
            Says::Flag("--employee-number"),
            "Employee number",
            "with its zeros in front",
        ),
        line(
            Says::Flag("--name"),
            "Handle of somebody who comes back",
            "only for a rehire: the handle they had, such as `maria.lopez`",
        ),
        required(offering(
            line(Says::Flag("--type"), "Type", ""),
            Answers::One,
            types,
        )),
        required(offering(
            line(Says::Flag("--organization"), "Organization", "its name"),
            Answers::One,
            organizations(catalog),
        )),
        line(
            Says::Flag("--supervisor"),
            "Supervisor",
            "their handle, such as `dana.reyes`",
        ),
        line(Says::Flag("--title"), "Job title", ""),
        offering(
            line(
                Says::Flags("--profile"),
                "Profiles",
                "what the job needs; the organization's own come by themselves",
            ),
            Answers::Several,
            profiles(catalog),
        ),
        required(line(
            Says::Flag("--effective"),
            "First day",
            "`2027-02-01`, or with an hour, `2027-02-01T08:00`",
        )),
        line(
            Says::Flag("--until"),
            "Last day",
            "where it is known; that day is worked",
        ),
        line(
            Says::Flags("--access"),
            "Further access",
            "beyond the profiles: `arcgis-pro ureport:staff vpn@2027-03-01`",
        ),
        reason(),
    ];
    inputs.extend(asked(catalog));
    inputs
}

fn change(catalog: &Catalog) -> Vec<Input> {
    let mut inputs = vec![
        required(line(
            Says::Subject,
            "Change: user",
            "their handle, such as `maria.lopez`",
        )),
        required(line(
            Says::Flag("--effective"),
            "From when on",
            "`2027-02-01`, or with an hour, `2027-02-01T08:00`",
        )),
        line(
            Says::Flag("--until"),
            "Until when it holds",
            "left out: for good; that day is included",
        ),
        line(Says::Flag("--given-name"), "New given name", ""),
        line(Says::Flag("--family-name"), "New family name", ""),
        line(Says::Flag("--title"), "New job title", ""),
        offering(
            line(Says::Flag("--organization"), "New organization", "its name"),
            Answers::One,
            organizations(catalog),
        ),
        line(
            Says::Flag("--supervisor"),
            "New supervisor",
            "their handle, such as `dana.reyes`",
        ),
        offering(
            line(
                Says::Flags("--replace-profiles"),
                "Profiles instead of all present ones",
                "",
            ),
            Answers::Several,
            profiles(catalog),
        ),
        line(
            Says::Flags("--add-access"),
            "Access to give",
            "`arcgis-pro ureport:staff vpn@2027-03-01`",
        ),
        line(
            Says::Flags("--remove-access"),
            "Access to take",
            "`arcgis-pro ureport:staff`",
        ),
        reason(),
    ];
    inputs.extend(asked(catalog));
    inputs
}

fn terminate() -> Vec<Input> {
    let yes = vec![Choice::plain("yes")];
    vec![
        required(line(
            Says::Subject,
            "Termination: user",
            "their handle, such as `maria.lopez`",
        )),
        required(line(
            Says::Flag("--effective"),
            "From when on they have left",
            "the day after the last one, `2027-02-01`, or an instant, `2027-01-31T17:00`",
        )),
        required(reason()),
        offering(
            line(
                Says::Switch("--urgent"),
                "It cannot wait",
                "a random password and expiry at once",
            ),
            Answers::One,
            yes,
        ),
    ]
}

fn reason() -> Input {
    line(
        Says::Flag("--reason"),
        "Reason",
        "a code such as `transfer` or `resigned`; no sensitive text: everybody who can read the repository reads it",
    )
}

fn organizations(catalog: &Catalog) -> Vec<Choice> {
    let all = catalog.organizations.iter();
    all.map(|(name, o)| Choice::named(name.as_str(), o.spec.display_name.as_deref()))
        .collect()
}

fn profiles(catalog: &Catalog) -> Vec<Choice> {
    let all = catalog.profiles.iter();
    all.map(|(name, p)| Choice::named(name.as_str(), p.spec.display_name.as_deref()))
        .collect()
}

/// The questions of all profiles, once each. None is required here: which ones must be answered depends
/// on the profiles that are chosen, and is checked when the request is written.
fn asked(catalog: &Catalog) -> Vec<Input> {
    let mut all_askers: BTreeMap<&FieldName, Vec<&str>> = BTreeMap::new();
    for name in catalog.profiles.keys() {
        for asked in questions(catalog, [name]) {
            let askers = all_askers.entry(&asked.question.key).or_default();
            askers.push(name.as_str());
        }
    }
    let mut inputs = Vec::new();
    for Asked { question, .. } in questions(catalog, catalog.profiles.keys()) {
        let askers = all_askers.remove(&question.key).unwrap_or_default();
        let several: BTreeSet<&Vec<String>> = catalog
            .profiles
            .values()
            .flat_map(|p| &p.spec.questions)
            .filter(|q| q.key == question.key)
            .map(|q| &q.options)
            .collect();
        let mut hints = Vec::new();
        let hint = question.hint.as_deref().map(shown);
        hints.extend(hint.map(|hint| hint.trim_end_matches('.').to_owned()));
        hints.push(match askers.len() {
            0..=6 => format!("asked by {}", askers.join(", ")),
            more => format!("asked by {} and {} more", askers[..5].join(", "), more - 5),
        });
        let label = format!("{} ({})", shown(&question.label), question.key);
        let input = line(
            Says::Answer(question.key.clone()),
            &label,
            &hints.join("; "),
        );
        // Where a profile offers other choices than the one it builds on, the text is judged later.
        let fixed = question.kind == Some(FieldType::Choice) && several.len() == 1;
        let distinct: BTreeSet<String> = question.options.iter().map(|o| shown(o)).collect();
        let listed = distinct.len() == question.options.len()
            && !distinct.contains("")
            && !distinct.iter().any(|o| o.eq_ignore_ascii_case("none"));
        inputs.push(match fixed && listed {
            true => {
                let choices = question.options.iter().map(|o| Choice::plain(o)).collect();
                offering(input, Answers::One, choices)
            }
            false => input,
        });
    }
    inputs
}
