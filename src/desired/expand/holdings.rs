//! What one user holds: levels from personal access, profiles and organizations, minus exceptions,
//! minus what the user's type is not eligible for; identities and what follows.

use super::ground::Presence;
use super::lines::{Ancestor, Lineage, Part};
use super::sheet::Sheet;
use super::{Facts, identities};
use crate::catalog::duties::{implicit_level, types};
use crate::catalog::{Linked, Problem};
use crate::desired::{
    Cause, Causes, DesiredIdentity, Dropped, EntitlementKey, Grant, GroupGrant, GroupKey,
    SpelledGroup,
};
use crate::diagnostic::suggest::did_you_mean;
use crate::diagnostic::{Code, Severity};
use crate::manifest::identity::GivenIdentity;
use crate::manifest::organization::OuName;
use crate::manifest::resource::ResourceType;
use crate::manifest::{Access, ResourceSpec, UserType};
use crate::name::{FieldName, LevelName, ProfileName, ResourceName, UserName};
use crate::request::{Exception, FoldedUser, Origin};
use crate::sorted::Sorted;
use std::collections::{BTreeMap, BTreeSet};

/// What one user holds.
pub(super) struct Holdings<'p> {
    pub presence: Presence,
    pub entitlements: Sorted<EntitlementKey, Causes>,
    pub groups: Sorted<GroupKey, GroupGrant>,
    pub dropped: Vec<Dropped>,
    /// By resource and alias.
    pub identities: Vec<DesiredIdentity>,
    pub has_account: bool,
    /// Field values given with access, by resource, nearest source first.
    pub given: Sorted<ResourceName, Vec<Given<'p>>>,
    /// Profiles the user has, with what gave them: personally first, then by organization.
    pub profiles: Vec<(Rank, &'p Lineage<'p>)>,
}

/// Field values and how near to the user they are said.
pub(super) struct Given<'p> {
    pub rank: Rank,
    pub profile: Option<&'p ProfileName>,
    pub values: &'p BTreeMap<FieldName, String>,
}

/// How near to the user something is said (MODEL 21).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Personal,
    Profile,
    OrganizationProfile,
}

pub(super) struct Collector<'p> {
    pub facts: &'p Facts<'p>,
    pub name: &'p UserName,
    pub user: &'p FoldedUser,
    pub held: Holdings<'p>,
    pub problems: Vec<Problem>,
    used_exceptions: BTreeSet<usize>,
    pub identities: Vec<Proposed>,
    /// The profile whose grants are being collected.
    by: Option<&'p ProfileName>,
}

/// An identity that something gives.
pub(super) struct Proposed {
    pub identity: GivenIdentity,
    pub rank: Rank,
    /// The profile that gives it.
    pub by: Option<ProfileName>,
    pub causes: Vec<Cause>,
    pub origin: Origin,
    pub route: String,
}

/// Collects what a user holds at the instant.
pub(super) fn of<'p>(
    facts: &'p Facts<'p>,
    name: &'p UserName,
    user: &'p FoldedUser,
) -> (Holdings<'p>, Vec<Problem>) {
    let presence = facts.state(user);
    let mut collector = Collector {
        facts,
        name,
        user,
        held: Holdings {
            presence,
            // More than most hold; it is fitted in the end.
            entitlements: Sorted::with_capacity(32),
            groups: Sorted::with_capacity(16),
            dropped: Vec::new(),
            identities: Vec::new(),
            has_account: false,
            given: Sorted::new(),
            profiles: Vec::new(),
        },
        problems: Vec::new(),
        used_exceptions: BTreeSet::new(),
        identities: Vec::new(),
        by: None,
    };
    collector.all();
    let Collector {
        mut held, problems, ..
    } = collector;
    let account = |key: &EntitlementKey| key.resource == *facts.directory;
    held.has_account = held.entitlements.keys().any(account);
    match presence {
        Presence::Active | Presence::Suspended => {}
        // Before the start there is the account and nothing it opens.
        Presence::Ahead => {
            held.entitlements.retain(|key, _| account(key));
            held.groups = Sorted::new();
            held.identities.clear();
        }
        Presence::Waiting | Presence::Left => {
            held.entitlements = Sorted::new();
            held.groups = Sorted::new();
            held.identities.clear();
        }
    }
    // Everybody's wait for the directory.
    held.entitlements = held.entitlements.fitted();
    held.groups = held.groups.fitted();
    (held, problems)
}

impl<'p> Collector<'p> {
    fn all(&mut self) {
        for assigned in &self.user.access {
            let access = &assigned.value;
            let origin = &assigned.origin;
            let causes = vec![Cause::in_line(origin, access.line)];
            self.access(
                access,
                Rank::Personal,
                None,
                causes,
                Some((origin, &assigned.route)),
            );
        }
        for assigned in &self.user.profiles {
            let by = Cause::of(&assigned.origin);
            self.profile(&assigned.value, Rank::Profile, &by);
        }
        for kept in &self.user.kept {
            self.grants(&kept.value, Rank::Profile, &Cause::of(&kept.origin));
        }
        for Ancestor { profiles, .. } in self.facts.lines.ancestry(&self.user.spec.organization) {
            for (member, by) in profiles {
                if member.user_types.contains(&self.user.spec.kind) {
                    self.profile(&member.profile, Rank::OrganizationProfile, by);
                }
            }
        }
        for assigned in &self.user.identities {
            let origin = &assigned.origin;
            let causes = vec![Cause::in_line(origin, assigned.value.line)];
            self.identities.push(Proposed {
                identity: assigned.value.clone(),
                rank: Rank::Personal,
                by: None,
                causes,
                origin: origin.clone(),
                route: assigned.route.clone(),
            });
        }
        identities::collect(self);
        self.exclusive();
        self.level_groups();
        self.follow();
        self.exceptions();
        self.answers();
    }

    fn profile(&mut self, name: &ProfileName, rank: Rank, by: &Cause) {
        if let Some(lineage) = self.facts.lines.lineage(name) {
            self.held.profiles.push((rank, lineage));
        }
        self.grants(name, rank, by);
    }

    /// What a profile gives besides field values, OU and questions.
    fn grants(&mut self, name: &ProfileName, rank: Rank, by: &Cause) {
        let Some(lineage) = self.facts.lines.lineage(name) else {
            return;
        };
        self.by = Some(lineage.name);
        for part in &lineage.parts {
            self.profile_part(part, rank, by);
        }
        self.by = None;
    }

    fn profile_part(&mut self, part: &'p Part<'p>, rank: Rank, by: &Cause) {
        let Part {
            name, linked, text, ..
        } = part;
        let Linked { at, spec, .. } = linked;
        let said = |line: u32| vec![part.cause(line), by.clone()];
        for access in &spec.access {
            self.access(access, rank, Some(name), said(access.line.0), None);
        }
        for software in &spec.software {
            if let Some(sheet) = self.open_to_direct(software)
                && let Some(level) = &sheet.default_level
            {
                self.level(software, &sheet.linked.spec, level, said(0), None);
            }
        }
        for (i, identity) in spec.identities.iter().enumerate() {
            let origin = Origin {
                text: text.clone(),
                at: at.clone(),
            };
            let route = format!("identities.{i}");
            self.identities.push(Proposed {
                identity: identity.clone(),
                rank,
                by: self.by.cloned(),
                causes: said(identity.line.0),
                origin,
                route,
            });
        }
    }

    /// A resource, unless its access only follows another's.
    fn open_to_direct(&self, name: &ResourceName) -> Option<&'p Sheet<'p>> {
        let sheet = self.facts.sheets.get(name)?;
        let spec = &sheet.linked.spec;
        spec.inherits_from.is_none().then_some(sheet)
    }

    fn access(
        &mut self,
        access: &'p Access,
        rank: Rank,
        profile: Option<&'p ProfileName>,
        causes: Vec<Cause>,
        own: Option<(&Origin, &str)>,
    ) {
        let Some(sheet) = self.open_to_direct(&access.resource) else {
            return;
        };
        if !self.facts.in_force(access.until.as_ref()) {
            return;
        }
        let Some(level) = access.level.as_ref().or(sheet.default_level.as_ref()) else {
            return;
        };
        let granted = self.level(&access.resource, &sheet.linked.spec, level, causes, own);
        if granted && !access.fields.is_empty() {
            self.held
                .given
                .or_insert_with(access.resource.clone(), Vec::new)
                .push(Given {
                    rank,
                    profile,
                    values: &access.fields,
                });
        }
    }

    /// Adds a level and those it includes; whether the level itself was added.
    pub fn level(
        &mut self,
        name: &ResourceName,
        resource: &ResourceSpec,
        level: &LevelName,
        mut causes: Vec<Cause>,
        own: Option<(&Origin, &str)>,
    ) -> bool {
        let mut queue: Vec<&LevelName> = Vec::new();
        let mut seen: Vec<&LevelName> = Vec::new();
        let mut next = Some(level);
        let mut first = true;
        let mut granted = false;
        while let Some(level) = next.take().or_else(|| queue.pop()) {
            if seen.contains(&level) {
                continue;
            }
            let found = resource.levels.iter().find(|l| l.name == *level);
            let eligible = resource.eligible_for(found);
            let key = EntitlementKey {
                resource: name.clone(),
                identity: None,
                grant: Grant::Level(level.clone()),
            };
            let includes = found.map_or(&[][..], |l| &l.includes);
            let is_last = queue.is_empty() && includes.is_empty();
            let why = match is_last {
                true => std::mem::take(&mut causes),
                false => causes.clone(),
            };
            if !is_last {
                seen.push(level);
            }
            if self.grant(key, eligible, why, own) {
                granted |= first;
                queue.extend(includes);
            }
            first = false;
        }
        granted
    }

    /// Adds an entitlement, unless the user is not eligible or excepted.
    pub fn grant(
        &mut self,
        key: EntitlementKey,
        eligible: Option<&[UserType]>,
        causes: Vec<Cause>,
        own: Option<(&Origin, &str)>,
    ) -> bool {
        let kind = self.user.spec.kind;
        let eligible = eligible.unwrap_or(&[UserType::Employee]);
        if !eligible.contains(&kind) {
            let reason = format!(
                "not for users of type {}, only for {}",
                kind.as_str(),
                types(eligible)
            );
            match own {
                Some((origin, route)) => self.problems.push(
                    Problem::new(
                        Code::NotEligible,
                        &origin.at,
                        route,
                        format!("`{}` has {key}, which is {reason}", self.name),
                    )
                    .help("take the access out, or list the type under `eligible`"),
                ),
                None => self.drop(key, reason, causes),
            }
            return false;
        }
        if own.is_none()
            && let Some(i) = self.exception(&key)
        {
            self.used_exceptions.insert(i);
            let exception = &self.user.without[i];
            let reason = match exception.value.profiles {
                None => format!("excepted: {}", exception.value.without.reason),
                Some(_) => exception.value.without.reason.clone(),
            };
            self.drop(key, reason, causes);
            return false;
        }
        self.held
            .entitlements
            .or_insert_with(key, Causes::default)
            .add(causes);
        true
    }

    fn drop(&mut self, entitlement: EntitlementKey, reason: String, causes: Vec<Cause>) {
        let dropped = Dropped {
            entitlement,
            reason,
            causes,
        };
        if !self.held.dropped.contains(&dropped) {
            self.held.dropped.push(dropped);
        }
    }

    /// The exception that takes an entitlement away, if there is one.
    fn exception(&self, key: &EntitlementKey) -> Option<usize> {
        self.user.without.iter().position(|exception| {
            let Exception {
                without, profiles, ..
            } = &exception.value;
            let reaches = match (profiles, self.by) {
                (None, _) => true,
                (Some(profiles), Some(by)) => profiles.contains(by),
                (Some(_), None) => false,
            };
            reaches
                && without.resource == key.resource
                && match &key.grant {
                    Grant::Level(level) => {
                        without.role.is_none() && without.level.as_ref().is_none_or(|l| l == level)
                    }
                    Grant::Role(role) => {
                        without.level.is_none() && without.role.as_ref().is_none_or(|r| r == role)
                    }
                    Grant::Scope(..) => without.level.is_none() && without.role.is_none(),
                }
        })
    }

    fn exceptions(&mut self) {
        match self.held.presence {
            Presence::Waiting | Presence::Ahead | Presence::Left => return,
            Presence::Active | Presence::Suspended => {}
        }
        for (i, exception) in self.user.without.iter().enumerate() {
            if self.used_exceptions.contains(&i) {
                continue;
            }
            let resource = &exception.value.without.resource;
            let at = &exception.origin.at;
            let name = self.name;
            let problem = match (&exception.value.profiles, exception.value.since) {
                (None, _) => Problem::new(
                    Code::WithoutNothing,
                    at,
                    &exception.route,
                    format!("no profile or organization gives `{resource}` to `{name}`"),
                )
                .help("delete the exception, or check its name"),
                (Some(_), Some(since)) if since == self.facts.now => Problem::new(
                    Code::RequestWithoutEffect,
                    at,
                    &exception.route,
                    format!("`{name}` has no `{resource}` that could be taken"),
                )
                .help("take the entry out, or check its name"),
                (Some(_), _) => continue,
            };
            self.problems.push(problem);
        }
    }

    /// Answers that no profile of the user asks for.
    fn answers(&mut self) {
        let lineages = self.held.profiles.iter();
        let parts = lineages.flat_map(|(_, lineage)| &lineage.parts);
        let questions = parts.flat_map(|part| &part.linked.spec.questions);
        let asked = || questions.clone().map(|question| &question.key);
        let answers = self.user.spec.answers.keys();
        for key in answers.filter(|key| !asked().any(|k| k == *key)) {
            let known: BTreeSet<&FieldName> = asked().collect();
            self.problems.push(
                Problem::new(
                    Code::UnknownAnswer,
                    &self.user.declared.at,
                    &format!("answers.={key}"),
                    format!("no profile of `{}` asks for `{key}`", self.name),
                )
                .maybe_help(did_you_mean(
                    key.as_str(),
                    known.iter().map(|key| key.as_str()),
                )),
            );
        }
    }

    /// Of an exclusive resource only the last listed level stays.
    fn exclusive(&mut self) {
        for (name, resource) in &self.facts.exclusive {
            let key = |level: &LevelName| EntitlementKey {
                resource: (*name).clone(),
                identity: None,
                grant: Grant::Level(level.clone()),
            };
            let held: Vec<EntitlementKey> = resource
                .spec
                .levels
                .iter()
                .map(|l| key(&l.name))
                .filter(|k| self.held.entitlements.contains_key(k))
                .collect();
            let Some((last, others)) = held.split_last() else {
                continue;
            };
            for other in others {
                if let Some(causes) = self.held.entitlements.remove(other) {
                    let reason =
                        format!("only one level can be held, and {last} is the higher one");
                    self.drop(other.clone(), reason, causes.into_vec());
                }
            }
        }
    }

    fn level_groups(&mut self) {
        let facts = self.facts;
        let entitlements = std::mem::take(&mut self.held.entitlements);
        for (key, causes) in &entitlements {
            let Grant::Level(level) = &key.grant else {
                continue;
            };
            let Some(sheet) = facts.sheets.get(&key.resource) else {
                continue;
            };
            for group in sheet.level(level).into_iter().flat_map(|l| &l.groups) {
                self.group(group.clone(), &key.resource, causes.iter());
            }
        }
        self.held.entitlements = entitlements;
    }

    /// Adds a directory group.
    pub fn group<'c>(
        &mut self,
        group: SpelledGroup,
        resource: &ResourceName,
        causes: impl ExactSizeIterator<Item = &'c Cause>,
    ) {
        let SpelledGroup { key, spelled } = group;
        let grant = self.held.groups.or_insert_with(key, || GroupGrant {
            name: spelled,
            resource: resource.clone(),
            causes: Vec::new(),
        });
        grant.causes.reserve_exact(causes.len());
        grant.causes.extend(causes.cloned());
        grant.causes.sort();
        grant.causes.dedup();
    }

    /// The personal access to a resource that is among these causes.
    fn own(&self, resource: &ResourceName, causes: &Causes) -> Option<(&'p Origin, &'p str)> {
        let user: &'p FoldedUser = self.user;
        let mut access = user.access.iter();
        let own = access.find(|assigned| {
            let own = Cause::in_line(&assigned.origin, assigned.value.line);
            assigned.value.resource == *resource && causes.iter().any(|c| *c == own)
        })?;
        Some((&own.origin, own.route.as_str()))
    }

    /// Resources whose access follows another's, where the user's type is eligible for them as well.
    fn follow(&mut self) {
        let catalog = self.facts.catalog;
        for name in &self.facts.followers {
            let Some(resource) = catalog.resources.get(*name) else {
                continue;
            };
            let Some(inherits) = &resource.spec.inherits_from else {
                continue;
            };
            let theirs: Vec<(LevelName, Causes)> = self
                .held
                .entitlements
                .iter()
                .filter(|(key, _)| key.resource == inherits.resource && key.identity.is_none())
                .filter_map(|(key, causes)| match &key.grant {
                    Grant::Level(level) => Some((level.clone(), causes.clone())),
                    Grant::Role(_) | Grant::Scope(..) => None,
                })
                .collect();
            for (level, causes) in theirs {
                let same = crate::catalog::duties::has_level(&resource.spec, &level)
                    .then(|| level.clone());
                let plain = || match resource.spec.levels.is_empty() {
                    true => implicit_level(),
                    false => None,
                };
                let ours = inherits.levels.get(&level).cloned().or(same).or_else(plain);
                let Some(ours) = ours else { continue };
                let found = resource.spec.levels.iter().find(|l| l.name == ours);
                let eligible = resource.spec.eligible_for(found);
                let key = EntitlementKey {
                    resource: (*name).clone(),
                    identity: None,
                    grant: Grant::Level(ours),
                };
                let why = Cause::new(
                    format!("{name} follows {}", inherits.resource),
                    resource.at.file.clone(),
                    resource.at.line,
                );
                let own = self.own(&inherits.resource, &causes);
                let causes: Vec<Cause> = causes.iter().cloned().chain([why]).collect();
                self.grant(key, eligible, causes, own);
            }
        }
    }

    /// Reports something about the user with a severity of its own.
    pub fn say(&mut self, problem: Problem, severity: Option<Severity>) {
        let mut problem = problem;
        problem.severity = severity.or(problem.severity);
        self.problems.push(problem);
    }
}

impl Holdings<'_> {
    /// The OU that the user's profiles say, the nearest rank first; two that disagree are a conflict.
    pub fn profile_ou(&self, user: &FoldedUser, problems: &mut Vec<Problem>) -> Option<&[OuName]> {
        for rank in [Rank::Profile, Rank::OrganizationProfile] {
            let mut found: Vec<(&ProfileName, &[OuName])> = Vec::new();
            for (_, lineage) in self.profiles.iter().filter(|(r, _)| *r == rank) {
                let mut parts = lineage.parts.iter();
                let said = parts.find_map(|part| part.linked.spec.ou.as_ref());
                if let Some(ou) = said {
                    found.push((lineage.name, ou));
                }
            }
            if let Some((first, ou)) = found.first() {
                if let Some((second, _)) = found.iter().find(|(_, other)| other != ou) {
                    problems.push(
                        Problem::new(
                            Code::Conflict,
                            &user.declared.at,
                            "profiles",
                            format!("profiles `{first}` and `{second}` say different OUs"),
                        )
                        .help("say `ou` on the user"),
                    );
                }
                return Some(ou);
            }
        }
        None
    }
}

/// Whether a resource's accounts are people's sign-in of the whole directory.
pub(super) fn is_directory(spec: &ResourceSpec) -> bool {
    spec.kind == ResourceType::Directory
}
