//! `countersign request new-hire`: somebody starts, or comes back. What is not said as a flag is asked
//! on a terminal, the questions of the profiles too.

use super::super::ask::{Asker, Need, Prompt};
use super::super::desk::{BranchArgs, Desk};
use super::super::flags::{self, FieldArg, GrantArg, JobArgs, PersonArgs, TypeArg};
use super::super::{Exit, Failed, Outcome, Place};
use super::{AskedArgs, blank, write};
use crate::author::place::handle;
use crate::catalog::duties::answers::{Asked, member_profiles, questions, refused};
use crate::diagnostic::suggest::did_you_mean;
use crate::manifest::profile::Question;
use crate::manifest::request::{AccessChange, ProfileChange, RequestAction};
use crate::manifest::user::UserState;
use crate::manifest::{Edge, UserType};
use crate::name::{FieldName, OrganizationName, ProfileName, UserName};
use clap::ValueEnum as _;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Ask for a new hire (or for somebody's return): what is not said is asked on a terminal.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The permanent handle; left out: made from the names. Of somebody who left: they come back.
    #[arg(long, value_name = "HANDLE", value_parser = UserName::new)]
    name: Option<UserName>,
    #[command(flatten)]
    person: PersonArgs,
    #[command(flatten)]
    job: JobArgs,
    /// A profile; repeat it.
    #[arg(long = "profile", value_name = "PROFILE", value_parser = ProfileName::new)]
    profiles: Vec<ProfileName>,
    /// An answer to a question of the profiles; repeat it.
    #[arg(long = "answer", value_name = "KEY=VALUE", value_parser = flags::pair)]
    answers: Vec<(FieldName, String)>,
    /// Access beyond the profiles: `arcgis-pro`, `ureport:staff`, `vpn@2027-03-01`; repeat it.
    #[arg(long = "access", value_name = "RESOURCE[:LEVEL][@UNTIL]", value_parser = flags::grant)]
    access: Vec<GrantArg>,
    /// A value for a field of a resource that is given; repeat it.
    #[arg(long = "field", value_name = "RESOURCE:FIELD=VALUE", value_parser = flags::field)]
    fields: Vec<FieldArg>,
    /// The last day (inclusive) or end instant.
    #[arg(long, value_name = "INSTANT")]
    until: Option<String>,
    #[command(flatten)]
    asked: AskedArgs,
    #[command(flatten)]
    branch: BranchArgs,
}

/// Runs the command.
///
/// # Errors
/// When something needed is not said, or what would be written is not right.
pub fn run(place: &Place, args: &Args) -> Outcome {
    ask(place, args, Asker::here())
}

/// The flags, without a terminal.
pub fn command() -> clap::Command {
    <Args as clap::Args>::augment_args(clap::Command::new("new-hire"))
}

/// Runs the command, asking this one for what is not said.
///
/// # Errors
/// As [`run`].
pub fn ask(place: &Place, args: &Args, asker: Asker) -> Outcome {
    let desk = Desk::open(place, &args.branch)?;
    let form = Form { desk: &desk, asker };
    let mut args = args.clone();
    let back = match &args.name {
        Some(name) => desk.names().contains(name),
        None => false,
    };
    form.person(&mut args, back)?;
    form.job(&mut args, back)?;
    let answers = form.answers(&args)?;
    let (effective, until) = form.times(&mut args)?;
    let requested_by = form.requested_by(&args)?;
    form.asker.complete()?;
    let (Some(effective), Some(requested_by)) = (effective, requested_by) else {
        return Err(Failed::say(
            Exit::Usage,
            "say --effective and --requested-by",
        ));
    };
    let subject = match &args.name {
        Some(name) => name.clone(),
        None => {
            let given = args.person.given_name.as_deref().unwrap_or_default();
            let made = handle(desk.catalog(), given, args.person.family_name.as_deref());
            made.map_err(|e| Failed::say(Exit::Usage, format!("{e}; say --name HANDLE")))?
        }
    };
    let (effective, from) = super::effective(&desk, &subject, Some(&effective), None)?;
    let mut spec = blank(
        RequestAction::Activate,
        desk.user(&requested_by)?,
        subject,
        effective,
    );
    let end = until.map(|until| desk.moment(&until, Edge::End, "--until"));
    spec.until = end.transpose()?.map(|(moment, _)| moment);
    spec.reason = args.asked.reason.clone();
    let set = flags::user_change(&args.person, &args.job, None);
    spec.set = (set != Default::default()).then_some(set);
    spec.profiles = (!args.profiles.is_empty()).then(|| ProfileChange {
        add: args.profiles.clone(),
        ..ProfileChange::default()
    });
    let access = flags::access(&desk, &args.access, &args.fields, "--access")?;
    spec.access = (!access.is_empty()).then(|| AccessChange {
        add: access,
        remove: Vec::new(),
    });
    spec.answers = answers;
    let word = if back { "rehire" } else { "new-hire" };
    write(&desk, word, from, &spec)
}

/// Asks for what the flags leave open.
struct Form<'a> {
    desk: &'a Desk,
    asker: Asker,
}

impl Form<'_> {
    fn person(&self, args: &mut Args, back: bool) -> Result<(), Failed> {
        let need = |need: Need| if back { Need::Silent } else { need };
        let person = &mut args.person;
        for (value, flag, label, need) in [
            (
                &mut person.given_name,
                "--given-name",
                "Given name",
                need(Need::Required),
            ),
            (
                &mut person.family_name,
                "--family-name",
                "Family name",
                need(Need::Wanted),
            ),
            (
                &mut person.employee_number,
                "--employee-number",
                "Employee number",
                need(Need::Wanted),
            ),
        ] {
            *value = self.asker.text(
                value.as_deref(),
                &Prompt {
                    flag,
                    label,
                    hint: None,
                    default: None,
                    need,
                    refused: &one_line,
                },
            )?;
        }
        Ok(())
    }

    fn job(&self, args: &mut Args, back: bool) -> Result<(), Failed> {
        let catalog = self.desk.catalog();
        let need = |need: Need| if back { Need::Silent } else { need };
        if args.job.kind.is_none() {
            let known: Vec<String> = TypeArg::value_variants()
                .iter()
                .map(|t| UserType::from(*t).as_str().to_owned())
                .collect();
            let prompt = Prompt {
                flag: "--type",
                label: "Type",
                hint: Some(known.join(", ")),
                default: Some("employee".into()),
                need: need(Need::Required),
                refused: &|text| TypeArg::from_str(text, true).err(),
            };
            let kind = self.asker.text(None, &prompt)?;
            args.job.kind = kind.and_then(|text| TypeArg::from_str(&text, true).ok());
        }
        let organization = self.asker.text(
            args.job.organization.as_ref().map(OrganizationName::as_str),
            &Prompt {
                flag: "--organization",
                label: "Organization",
                hint: None,
                default: None,
                need: need(Need::Required),
                refused: &|text| {
                    unknown(
                        "organization",
                        text,
                        catalog.organizations.keys().map(AsRef::as_ref),
                    )
                },
            },
        )?;
        args.job.organization = organization.and_then(|name| OrganizationName::new(&name).ok());
        let effective = args.asked.effective.as_deref();
        let effective = effective.and_then(|text| {
            let moment = self.desk.moment(text, Edge::Start, "--effective");
            moment.ok().map(|(_, from)| from)
        });
        let then = effective.map_or(self.desk.now, |from| from.max(self.desk.now));
        let organization = args.job.organization.as_ref();
        let head = organization.and_then(|name| head(self.desk, name, then));
        let supervisor = self.asker.text(
            args.job.supervisor.as_ref().map(UserName::as_str),
            &Prompt {
                flag: "--supervisor",
                label: "Supervisor",
                hint: None,
                default: head.map(|name| name.to_string()),
                need: need(Need::Wanted),
                refused: &|text| {
                    unknown("user", text, self.desk.names().iter().map(|n| n.as_str()))
                },
            },
        )?;
        args.job.supervisor = supervisor.and_then(|name| UserName::new(&name).ok());
        args.job.title = self.asker.text(
            args.job.title.as_deref(),
            &Prompt {
                flag: "--title",
                label: "Job title",
                hint: None,
                default: None,
                need: need(Need::Wanted),
                refused: &one_line,
            },
        )?;
        self.profiles(args)
    }

    fn profiles(&self, args: &mut Args) -> Result<(), Failed> {
        let catalog = self.desk.catalog();
        let known = || catalog.profiles.keys().map(AsRef::as_ref);
        for profile in &args.profiles {
            if let Some(why) = unknown("profile", profile.as_str(), known()) {
                return Err(Failed::say(Exit::Usage, format!("--profile: {why}")));
            }
        }
        if !args.profiles.is_empty() {
            return Ok(());
        }
        let line = args
            .job
            .organization
            .as_ref()
            .map(|name| catalog.ancestry(name));
        let line: Vec<&OrganizationName> =
            line.into_iter().flatten().map(|(name, _)| name).collect();
        let fitting = catalog.profiles.iter().filter(|(_, p)| {
            p.spec
                .organization
                .as_ref()
                .is_some_and(|name| line.contains(&name))
        });
        let fitting: Vec<&str> = fitting.map(|(name, _)| name.as_str()).collect();
        let said = self.asker.text(
            None,
            &Prompt {
                flag: "--profile",
                label: "Profiles, with blanks between them",
                hint: (!fitting.is_empty()).then(|| fitting.join(", ")),
                default: None,
                need: Need::Wanted,
                refused: &|text| {
                    text.split_whitespace()
                        .find_map(|name| unknown("profile", name, known()))
                },
            },
        )?;
        let said = said.unwrap_or_default();
        let names = said.split_whitespace().map(ProfileName::new);
        args.profiles = names.filter_map(Result::ok).collect();
        Ok(())
    }

    /// Answers to the questions of the profiles, and of those that come with the organization.
    fn answers(&self, args: &Args) -> Result<BTreeMap<FieldName, String>, Failed> {
        let catalog = self.desk.catalog();
        let member = args.job.organization.as_ref().zip(args.job.kind);
        let member = member.map(|(name, kind)| member_profiles(catalog, name, kind.into()));
        let asked = questions(
            catalog,
            args.profiles.iter().chain(member.into_iter().flatten()),
        );
        let own = questions(catalog, &args.profiles).len();
        let said: BTreeMap<&FieldName, &str> =
            args.answers.iter().map(|(k, v)| (k, v.as_str())).collect();
        let keys = asked.iter().map(|a| a.question.key.as_str());
        let wrong = said.iter().filter_map(|(key, text)| {
            let why = match asked.iter().find(|a| a.question.key == **key) {
                Some(Asked { question, .. }) => will_not_do(question, text)?,
                None => {
                    let why = unknown("question", key.as_str(), keys.clone())?;
                    format!("{why}; the profiles do not ask it")
                }
            };
            Some(format!("--answer {key}=…: {why}"))
        });
        let wrong: Vec<String> = wrong.collect();
        if !wrong.is_empty() {
            return Err(Failed::say(Exit::Usage, wrong.join("\n")));
        }
        let mut answers = BTreeMap::new();
        for (i, Asked { question, .. }) in asked.iter().enumerate() {
            // What merely comes with the organization binds nobody (MODEL 23).
            let need = match question.required && i < own {
                true => Need::Required,
                false => Need::Wanted,
            };
            let options = (!question.options.is_empty()).then(|| question.options.join(", "));
            let hint = [question.hint.clone(), options];
            let hint: Vec<String> = hint.into_iter().flatten().collect();
            let flag = format!("--answer {}=…", question.key);
            let prompt = Prompt {
                flag: &flag,
                label: &question.label,
                hint: (!hint.is_empty()).then(|| hint.join("; ")),
                default: None,
                need,
                refused: &|text| will_not_do(question, text),
            };
            if let Some(answer) = self.asker.text(said.get(&question.key).copied(), &prompt)? {
                answers.insert(question.key.clone(), answer);
            }
        }
        Ok(answers)
    }

    /// When it begins and ends, as it was said.
    fn times(&self, args: &mut Args) -> Result<(Option<String>, Option<String>), Failed> {
        let moment = |edge: Edge, flag: &'static str| {
            move |text: &str| {
                let wrong = self.desk.moment(text, edge, flag).err()?;
                let words = wrong.words();
                let said = words.strip_prefix(flag).and_then(|w| w.strip_prefix(": "));
                Some(said.unwrap_or(&words).to_owned())
            }
        };
        let effective = self.asker.text(
            args.asked.effective.as_deref(),
            &Prompt {
                flag: "--effective",
                label: "First day, or instant",
                hint: Some("2027-02-01, or 2027-02-01T08:00".into()),
                default: None,
                need: Need::Required,
                refused: &moment(Edge::Start, "--effective"),
            },
        )?;
        let ends = match args.job.kind {
            Some(TypeArg::Contractor | TypeArg::Supplier) => Need::Wanted,
            Some(TypeArg::Employee | TypeArg::Partner | TypeArg::Client | TypeArg::Service)
            | None => Need::Silent,
        };
        let until = self.asker.text(
            args.until.as_deref(),
            &Prompt {
                flag: "--until",
                label: "Last day",
                hint: None,
                default: None,
                need: ends,
                refused: &moment(Edge::End, "--until"),
            },
        )?;
        Ok((effective, until))
    }

    fn requested_by(&self, args: &Args) -> Result<Option<String>, Failed> {
        let found = self.desk.requester(args.asked.requested_by.as_deref())?;
        self.asker.text(
            found.as_ref().map(UserName::as_str),
            &Prompt {
                flag: "--requested-by",
                label: "Who asks for it",
                hint: None,
                default: None,
                need: Need::Required,
                refused: &|text| {
                    unknown("user", text, self.desk.names().iter().map(|n| n.as_str()))
                },
            },
        )
    }
}

/// Why an answer will not do, and what would.
fn will_not_do(question: &Question, text: &str) -> Option<String> {
    let (why, help) = refused(question, text)?;
    Some(help.map_or(why.clone(), |help| format!("{why} ({help})")))
}

fn one_line(text: &str) -> Option<String> {
    let wrong = text.is_empty() || text.chars().any(char::is_control);
    wrong.then(|| "it must be a text of one line".to_owned())
}

fn unknown<'a>(
    what: &str,
    text: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Option<String> {
    if known.clone().any(|k| k == text) {
        return None;
    }
    let help = did_you_mean(text, known)
        .map(|h| format!("; {h}"))
        .unwrap_or_default();
    Some(format!("there is no {what} `{text}`{help}"))
}

/// Who heads the organization, or the nearest above it; not those who have left by then, or are not known yet.
fn head<'a>(desk: &'a Desk, name: &OrganizationName, then: Timestamp) -> Option<&'a UserName> {
    let catalog = desk.catalog();
    let timeline = desk.timeline();
    let line = catalog.ancestry(name);
    let mut heads = line.into_iter().filter_map(|(_, o)| o.spec.head.as_ref());
    heads.find(|head| {
        timeline.user(head, then).is_some_and(|user| {
            let end = user.spec.end_date.as_ref();
            let end = end.and_then(|m| m.resolve(&catalog.zone, Edge::End).ok());
            user.spec.state != UserState::Left && end.is_none_or(|end| then < end)
        })
    })
}
