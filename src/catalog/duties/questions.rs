//! What questions owe, and what their answers do.

use super::grants::{choice, pattern};
use crate::catalog::{Catalog, Linked, Problem};
use crate::diagnostic::Code;
use crate::manifest::parse::Location;
use crate::manifest::profile::Question;
use crate::manifest::value::mismatch;
use crate::name::{FieldName, ProfileName};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};

/// A question, and the profile that asks it.
type Asked<'a> = (&'a ProfileName, usize, &'a Question);

/// What questions owe, and what their answers do.
pub fn questions(catalog: &Catalog, problems: &mut Vec<Problem>) {
    let mut asked: BTreeMap<&FieldName, Vec<Asked<'_>>> = BTreeMap::new();
    for (name, Linked { at, spec }) in &catalog.profiles {
        let mut keys = BTreeSet::new();
        for (i, question) in spec.questions.iter().enumerate() {
            let route = format!("questions.{i}");
            pattern(question.pattern.as_deref(), at, &route, problems);
            choice(question.kind, &question.options, at, &route, problems);
            if !keys.insert(&question.key) {
                let message = format!("`{}` is asked twice", question.key);
                let route = format!("{route}.key");
                problems
                    .push(Problem::new(Code::DuplicateEntry, at, &route, message).help("keep one"));
            }
        }
        for (i, question) in spec.questions.iter().enumerate() {
            let all = asked.entry(&question.key).or_default();
            all.push((name, i, question));
        }
    }
    alike(catalog, &asked, problems);
    answers(catalog, &asked, problems);
}

/// One key is one question: where two profiles that do not build on each other ask it, they ask the
/// same (MODEL 23).
fn alike(
    catalog: &Catalog,
    asked: &BTreeMap<&FieldName, Vec<Asked<'_>>>,
    problems: &mut Vec<Problem>,
) {
    let builds = |a: &ProfileName, b: &ProfileName| {
        catalog.lineage(a).into_iter().any(|(found, _)| found == b)
    };
    for (key, asked) in asked {
        for (n, (name, i, question)) in asked.iter().enumerate() {
            let differs = |(other, _, theirs): &&Asked<'_>| {
                !question.asks_the_same(theirs) && !builds(name, other) && !builds(other, name)
            };
            let Some((other, j, _)) = asked[..n].iter().find(differs) else {
                continue;
            };
            let (Some(profile), Some(first)) =
                (catalog.profiles.get(*name), catalog.profiles.get(*other))
            else {
                continue;
            };
            let message = format!("profiles `{other}` and `{name}` ask `{key}` differently");
            problems.push(
                Problem::new(
                    Code::Conflict,
                    &profile.at,
                    &format!("questions.{i}.key"),
                    message,
                )
                .help("ask the same, use another key, or let one profile extend the other")
                .related(&first.at, &format!("questions.{j}.key"), "the other one"),
            );
        }
    }
}

/// That answers are of the sort that is asked for, wherever they stand.
fn answers(
    catalog: &Catalog,
    asked: &BTreeMap<&FieldName, Vec<Asked<'_>>>,
    problems: &mut Vec<Problem>,
) {
    let users = catalog.users.values();
    let of_users =
        users.map(|Linked { at, spec }| (at, &spec.answers, spec.profiles.iter().collect()));
    let requests = catalog.requests.values();
    let of_requests = requests.map(|Linked { at, spec }| {
        let change = spec.profiles.iter();
        let attached = change.flat_map(|p| p.add.iter().chain(p.replace.iter().flatten()));
        (at, &spec.answers, attached.collect::<Vec<_>>())
    });
    let mut patterns: BTreeMap<&str, Option<Regex>> = BTreeMap::new();
    for (at, answers, profiles) in of_users.chain(of_requests) {
        for (key, answer) in answers {
            let Some(all) = asked.get(key) else { continue };
            // The nearest question of the profiles named here; of none of them: it may be any.
            let nearest = profiles.iter().filter_map(|profile| {
                let mut line = catalog.lineage(profile).into_iter();
                line.find_map(|(name, _)| all.iter().find(|(by, ..)| *by == name))
            });
            let nearest: Vec<&Asked<'_>> = nearest.collect();
            let questions = if nearest.is_empty() {
                all.iter().collect()
            } else {
                nearest
            };
            let mut wrong = Vec::new();
            for (name, i, question) in questions {
                let pattern = question.pattern.as_deref().and_then(|text| {
                    let known = patterns.entry(text);
                    known
                        .or_insert_with(|| Regex::new(&format!("^(?:{text})$")).ok())
                        .as_ref()
                });
                let refused = mismatch(question.kind, &question.options, answer).or_else(|| {
                    let pattern = pattern.filter(|p| !p.is_match(answer))?;
                    Some((format!("it must match `{}`", plain(pattern)), None))
                });
                match refused {
                    Some(why) => wrong.push((*name, *i, why)),
                    None => {
                        wrong.clear();
                        break;
                    }
                }
            }
            if let Some((name, i, why)) = wrong.into_iter().next() {
                problems.push(refusal(catalog, at, key, name, i, why));
            }
        }
    }
}

/// A pattern as the question has it.
fn plain(pattern: &Regex) -> &str {
    let whole = pattern.as_str();
    let inside = whole
        .strip_prefix("^(?:")
        .and_then(|p| p.strip_suffix(")$"));
    inside.unwrap_or(whole)
}

fn refusal(
    catalog: &Catalog,
    at: &Location,
    key: &FieldName,
    profile: &ProfileName,
    question: usize,
    (why, help): (String, Option<String>),
) -> Problem {
    let route = format!("answers.`{key}`");
    let problem = Problem::new(
        Code::FieldValue,
        at,
        &route,
        format!("this does not answer `{key}`: {why}"),
    )
    .help(help.unwrap_or_else(|| "change the answer, or the question".into()));
    match catalog.profiles.get(profile) {
        Some(asking) => {
            let route = format!("questions.{question}.key");
            problem.related(&asking.at, &route, format!("asked by profile `{profile}`"))
        }
        None => problem,
    }
}
