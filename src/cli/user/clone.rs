//! `countersign user clone`: somebody who starts with what somebody else has.

use super::super::ask::{Asker, Need, Prompt};
use super::super::desk::{BranchArgs, Desk};
use super::super::flags::{self, PersonArgs};
use super::super::{Exit, Failed, Outcome, Place, talk};
use crate::author::clone::clone;
use crate::author::draft::Draft;
use crate::author::place::handle;
use crate::author::text;
use crate::catalog::duties::answers::{questions, refused};
use crate::manifest::user::{LoginName, PersonName};
use crate::manifest::{Edge, Kind, MailAddress};
use crate::name::{FieldName, ManifestName, UserName};
use std::collections::BTreeMap;

/// Write a user (and their identities) with what another one has.
///
/// Copied are organization, type, supervisor, profiles, own access without an end, exceptions and
/// identities; never names, number, contact, credentials, account, answers and dates, nor levels that
/// administer and deprecated roles. What was left out is listed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whom to copy.
    user: String,
    /// Who is to be written: a handle (`simon.hall`), or a name (`Simon Hall`) that one is made of.
    #[arg(long = "as", value_name = "NAME")]
    new: String,
    #[command(flatten)]
    person: PersonArgs,
    /// Job title.
    #[arg(long)]
    title: Option<String>,
    /// An answer to a question of the profiles; repeat it.
    #[arg(long = "answer", value_name = "KEY=VALUE", value_parser = flags::pair)]
    answers: Vec<(FieldName, String)>,
    /// First day, or instant; left out: at once.
    #[arg(long, value_name = "INSTANT")]
    start_date: Option<String>,
    /// Last day (inclusive), or end instant.
    #[arg(long, value_name = "INSTANT")]
    end_date: Option<String>,
    #[command(flatten)]
    branch: BranchArgs,
}

/// Runs the command.
///
/// # Errors
/// When there is no such user, or what would be written is not right.
pub fn run(place: &Place, args: &Args) -> Outcome {
    let desk = Desk::open(place, &args.branch)?;
    let from = desk.user(&args.user)?;
    let Some(original) = desk.timeline().user(&from, desk.now) else {
        let words = format!("`{from}` is not there yet; clone them once they have started");
        return Err(Failed::say(Exit::Findings, words));
    };
    let (name, given, family) = called(&desk, args)?;
    if desk.names().contains(&name) {
        let words = format!("there is a user `{name}` already; choose another handle with --as");
        return Err(Failed::say(Exit::Usage, words));
    }
    let mut made = clone(desk.catalog(), &from, &original, &name);
    let moment = |said: &Option<String>, edge, flag| {
        let said = said.as_deref().map(|text| desk.moment(text, edge, flag));
        Ok::<_, Failed>(said.transpose()?.map(|(moment, _)| moment))
    };
    let user = &mut made.user;
    let person = &args.person;
    user.given_name = Some(PersonName(given));
    user.family_name = family.map(PersonName);
    user.middle_name = person.middle_name.clone().map(PersonName);
    user.display_name = person.display_name.clone();
    user.employee_number = person.employee_number.clone().map(PersonName);
    user.contact = person.contact(None);
    user.login = person.login.clone().map(LoginName);
    user.mail = person.mail.clone().map(MailAddress);
    user.title = args.title.clone();
    user.start_date = moment(&args.start_date, Edge::Start, "--start-date")?;
    user.end_date = moment(&args.end_date, Edge::End, "--end-date")?;
    user.answers = answers(&desk, args, &user.profiles)?.into_iter().collect();
    let mut shelves = desk.shelves();
    let as_manifest = ManifestName::from(&name);
    let (path, schema) = shelves.place(Kind::User, &as_manifest);
    let text = text::manifest(&schema, Kind::User, &as_manifest, user);
    let mut drafts = vec![Draft::new(path, text)];
    for (identity, spec) in &made.identities {
        let (path, schema) = shelves.place(Kind::Identity, identity);
        let text = text::manifest(&schema, Kind::Identity, identity, spec);
        drafts.push(Draft::new(path, text));
    }
    if !made.left_out.is_empty() {
        talk(format!("not copied from {from}:"));
        for line in &made.left_out {
            talk(format!("  {line}"));
        }
    }
    let message = format!("user: {name}, with what {from} has\n");
    desk.finish(&drafts, &format!("clone-{from}-as-{name}"), &message)
}

/// The new user's handle, given name and family name.
fn called(desk: &Desk, args: &Args) -> Result<(UserName, String, Option<String>), Failed> {
    let said = |text: &Option<String>| text.clone();
    let (given, family) = (
        said(&args.person.given_name),
        said(&args.person.family_name),
    );
    if let Ok(name) = UserName::new(&args.new) {
        let mut parts = name.as_str().splitn(2, '.');
        let made = (parts.next().map(capital), parts.next().map(capital));
        let (given, family) = match (given, family) {
            (None, None) => made,
            (given, family) => (given.or(made.0), family),
        };
        return Ok((name, given.unwrap_or_default(), family));
    }
    let mut words = args.new.split_whitespace();
    let first = words.next().unwrap_or_default().to_owned();
    let rest: Vec<&str> = words.collect();
    let given = given.unwrap_or(first);
    let family = family.or((!rest.is_empty()).then(|| rest.join(" ")));
    let name = handle(desk.catalog(), &given, family.as_deref());
    let name = name.map_err(|e| {
        Failed::say(
            Exit::Usage,
            format!("--as: {e}; say a handle, such as `simon.hall`"),
        )
    })?;
    Ok((name, given, family))
}

/// `maria` → `Maria`, `van-dyke` → `Van Dyke`.
fn capital(part: &str) -> String {
    let words = part.split(['-', '_', '.']).filter(|word| !word.is_empty());
    let words = words.map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|c| c.to_uppercase().collect::<String>());
        format!("{}{}", first.unwrap_or_default(), letters.as_str())
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Answers are asked anew: those of somebody else say nothing of this one.
fn answers(
    desk: &Desk,
    args: &Args,
    profiles: &[crate::name::ProfileName],
) -> Result<BTreeMap<FieldName, String>, Failed> {
    let asker = Asker::here();
    let said: BTreeMap<FieldName, String> = args.answers.iter().cloned().collect();
    let mut answers = said.clone();
    for asked in questions(desk.catalog(), profiles) {
        let question = asked.question;
        let flag = format!("--answer {}=…", question.key);
        let prompt = Prompt {
            flag: &flag,
            label: &question.label,
            hint: question.hint.clone(),
            default: None,
            need: if question.required {
                Need::Required
            } else {
                Need::Wanted
            },
            refused: &|text| refused(question, text).map(|(why, _)| why),
        };
        let answer = asker.text(said.get(&question.key).map(String::as_str), &prompt)?;
        answers.extend(answer.map(|answer| (question.key.clone(), answer)));
    }
    asker.complete()?;
    Ok(answers)
}
