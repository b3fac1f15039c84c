//! What answers owe to the questions they answer: sort, options and pattern.

use crate::catalog::{Catalog, Linked, Problem};
use crate::diagnostic::Code;
use crate::manifest::parse::Location;
use crate::manifest::profile::Question;
use crate::manifest::value::{mismatch, whole};
use crate::manifest::{ProfileSpec, UserType};
use crate::name::{FieldName, OrganizationName, ProfileName, UserName};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};

/// Reports answers that the questions of users' and requests' profiles do not take.
pub fn answers(catalog: &Catalog, problems: &mut Vec<Problem>) {
    let mut patterns = Patterns::default();
    let mut asking = Asking::new(catalog);
    let mut given: BTreeMap<&UserName, Vec<&ProfileName>> = BTreeMap::new();
    for request in catalog.requests.values() {
        let profiles = request.spec.profiles.iter();
        let profiles = profiles.flat_map(|p| p.replace.iter().flatten().chain(&p.add));
        given
            .entry(&request.spec.subject)
            .or_default()
            .extend(profiles);
    }
    for (name, Linked { at, spec, .. }) in &catalog.users {
        if spec.answers.is_empty() {
            continue;
        }
        let later = given.get(name).into_iter().flatten().copied();
        let profiles = spec.profiles.iter().chain(later);
        let asked = asking.of(profiles, Some((&spec.organization, spec.kind)));
        judge(&spec.answers, &asked, &mut patterns, at, problems);
    }
    for Linked { at, spec, .. } in catalog.requests.values() {
        if spec.answers.is_empty() {
            continue;
        }
        // What the request attaches comes first: its questions are the ones that were asked.
        let own = spec.profiles.iter();
        let own = own.flat_map(|p| p.replace.iter().flatten().chain(&p.add));
        let user = catalog.users.get(&spec.subject).map(|u| &u.spec);
        let before = user.into_iter().flat_map(|u| &u.profiles);
        let others = given.get(&spec.subject).into_iter().flatten().copied();
        let set = spec.set.as_ref();
        let organization = set.and_then(|s| s.organization.as_ref());
        let organization = organization.or(user.map(|u| &u.organization));
        let kind = set.and_then(|s| s.kind).or(user.map(|u| u.kind));
        let profiles = own.chain(before).chain(others);
        let asked = asking.of(profiles, organization.zip(kind));
        judge(&spec.answers, &asked, &mut patterns, at, problems);
    }
}

/// What profiles and organizations ask, worked out once for all who are asked.
struct Asking<'a> {
    catalog: &'a Catalog,
    by_profile: BTreeMap<&'a ProfileName, Vec<Asked<'a>>>,
    by_membership: BTreeMap<Membership<'a>, Vec<&'a ProfileName>>,
}

/// Of which organization somebody is a member, and their user type.
type Membership<'a> = (&'a OrganizationName, UserType);

impl<'a> Asking<'a> {
    fn new(catalog: &'a Catalog) -> Self {
        Self {
            catalog,
            by_profile: BTreeMap::new(),
            by_membership: BTreeMap::new(),
        }
    }

    /// As [`questions`], of these profiles and then of those that members get.
    fn of(
        &mut self,
        profiles: impl Iterator<Item = &'a ProfileName>,
        member: Option<Membership<'a>>,
    ) -> Vec<Asked<'a>> {
        let catalog = self.catalog;
        let member = member.map(|membership| {
            let (organization, kind) = membership;
            let given = || member_profiles(catalog, organization, kind);
            &*self.by_membership.entry(membership).or_insert_with(given)
        });
        let mut found: Vec<Asked<'a>> = Vec::new();
        for name in profiles.chain(member.into_iter().flatten().copied()) {
            let own = self.by_profile.entry(name);
            for asked in own.or_insert_with(|| questions(catalog, [name])) {
                let is_asked = |a: &Asked<'_>| a.question.key == asked.question.key;
                if !found.iter().any(is_asked) {
                    found.push(*asked);
                }
            }
        }
        found
    }
}

/// A question, and the profile that asks it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The question.
    pub question: &'a Question,
    /// The profile.
    pub profile: &'a Linked<ProfileSpec>,
    /// Its place among the profile's questions, from 0.
    pub index: usize,
}

/// The questions of profiles and those they build on, by key; what extends another asks instead of it.
pub fn questions<'a>(
    catalog: &'a Catalog,
    profiles: impl IntoIterator<Item = &'a ProfileName>,
) -> Vec<Asked<'a>> {
    let mut known = BTreeSet::new();
    let mut found = Vec::new();
    for name in profiles {
        for (_, profile) in catalog.lineage(name) {
            for (index, question) in profile.spec.questions.iter().enumerate() {
                if known.insert(&question.key) {
                    found.push(Asked {
                        question,
                        profile,
                        index,
                    });
                }
            }
        }
    }
    found
}

/// The profiles that members of an organization get, of one user type; the nearest organization's first.
pub fn member_profiles<'a>(
    catalog: &'a Catalog,
    organization: &OrganizationName,
    kind: UserType,
) -> Vec<&'a ProfileName> {
    let line = catalog.ancestry(organization);
    let member = line.into_iter().flat_map(|(_, o)| &o.spec.profiles);
    let member = member.filter(|m| m.user_types.contains(&kind));
    member.map(|m| &m.profile).collect()
}

/// Why an answer is not one that the question takes, and the nearest that is.
pub fn refused(question: &Question, answer: &str) -> Option<(String, Option<String>)> {
    Patterns::default().refused(question, answer)
}

/// Patterns that were compiled already; none where one cannot be, which is reported of the question.
#[derive(Default)]
struct Patterns<'a>(BTreeMap<&'a str, Option<Regex>>);

impl<'a> Patterns<'a> {
    fn refused(
        &mut self,
        question: &'a Question,
        answer: &str,
    ) -> Option<(String, Option<String>)> {
        let pattern = question.pattern.as_deref();
        let pattern = pattern.and_then(|text| {
            let compile = || whole(text);
            let compiled = self.0.entry(text).or_insert_with(compile);
            compiled.as_ref().map(|regex| (text, regex))
        });
        let unlike = |(text, regex): (&str, &Regex)| match regex.is_match(answer) {
            true => None,
            false => Some((format!("it must match `{text}`"), question.hint.clone())),
        };
        mismatch(question.kind, &question.options, answer).or_else(|| pattern.and_then(unlike))
    }
}

fn judge<'a, 'v>(
    answers: impl IntoIterator<Item = (&'v FieldName, &'v String)>,
    asked: &[Asked<'a>],
    patterns: &mut Patterns<'a>,
    at: &Location,
    problems: &mut Vec<Problem>,
) {
    for (key, answer) in answers {
        let Some(asked) = asked.iter().find(|a| a.question.key == *key) else {
            continue;
        };
        let Some((why, help)) = patterns.refused(asked.question, answer) else {
            continue;
        };
        let message = format!("the answer to `{key}` is `{answer}`: {why}");
        let help = help.unwrap_or_else(|| format!("it is asked: {}", asked.question.label));
        let problem = Problem::new(Code::FieldValue, at, &format!("answers.`{key}`"), message)
            .help(help)
            .related(
                &asked.profile.at,
                &format!("questions.{}.key", asked.index),
                "asked here",
            );
        problems.push(problem);
    }
}
