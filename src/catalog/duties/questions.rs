//! What questions owe: a form that can be filled in, and one meaning for each key.

use super::grants::{choice, pattern};
use crate::catalog::{Catalog, Linked, Problem};
use crate::diagnostic::Code;
use crate::manifest::profile::Question;
use crate::name::{FieldName, ProfileName};
use std::collections::{BTreeMap, BTreeSet};

/// A question, and the profile that asks it.
type Asked<'a> = (&'a ProfileName, usize, &'a Question);

/// What questions owe.
pub fn questions(catalog: &Catalog, problems: &mut Vec<Problem>) {
    let mut asked: BTreeMap<&FieldName, Vec<Asked<'_>>> = BTreeMap::new();
    for (name, Linked { at, spec, .. }) in &catalog.profiles {
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
