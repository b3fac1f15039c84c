//! `countersign request change`: a new name, job, department, profile, access, identity, role or row.

use super::super::desk::{BranchArgs, Desk};
use super::super::flags::{
    self, Ending, FieldArg, GrantArg, IdentityArg, JobArgs, PersonArgs, ScopeArg,
};
use super::super::{Exit, Failed, Outcome, Place};
use super::{AskedArgs, blank, effective, requester, write};
use crate::manifest::Edge;
use crate::manifest::Line;
use crate::manifest::identity::GivenIdentity;
use crate::manifest::request::{
    AccessChange, IdentityChange, IdentityMatcher, ProfileChange, RequestAction, UserChange,
};
use crate::name::{FieldName, IdentityType, ProfileName, ResourceName, RoleName, UserName};
use crate::request::FoldedUser;
use std::collections::BTreeMap;

/// Ask for a change of what somebody is or has; what is not said stays.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The user.
    user: String,
    #[command(flatten)]
    person: PersonArgs,
    #[command(flatten)]
    job: JobArgs,
    /// The user's last day (inclusive) or end instant.
    #[arg(long, value_name = "INSTANT")]
    end_date: Option<String>,
    /// A profile to give; repeat it.
    #[arg(long = "add-profile", value_name = "PROFILE", value_parser = ProfileName::new)]
    add_profiles: Vec<ProfileName>,
    /// A profile to take; repeat it.
    #[arg(long = "remove-profile", value_name = "PROFILE", value_parser = ProfileName::new)]
    remove_profiles: Vec<ProfileName>,
    /// A profile to have instead of all present ones; repeat it.
    #[arg(long = "replace-profiles", value_name = "PROFILE", value_parser = ProfileName::new,
        conflicts_with_all = ["add_profiles", "remove_profiles"])]
    replace_profiles: Vec<ProfileName>,
    /// How long what the taken profiles gave is kept, for handing over; a date is inclusive.
    #[arg(long, value_name = "INSTANT")]
    keep_until: Option<String>,
    /// An answer to a question of the profiles; repeat it.
    #[arg(long = "answer", value_name = "KEY=VALUE", value_parser = flags::pair)]
    answers: Vec<(FieldName, String)>,
    /// Access to give: `arcgis-pro`, `ureport:staff`, `vpn@2027-03-01`; repeat it.
    #[arg(long = "add-access", visible_alias = "access", value_name = "RESOURCE[:LEVEL][@UNTIL]", value_parser = flags::grant)]
    add_access: Vec<GrantArg>,
    /// A value for a field of a resource that is given; repeat it.
    #[arg(long = "field", value_name = "RESOURCE:FIELD=VALUE", value_parser = flags::field)]
    fields: Vec<FieldArg>,
    /// Access to take; repeat it.
    #[arg(long = "remove-access", value_name = "RESOURCE[:LEVEL]", value_parser = flags::grant)]
    remove_access: Vec<GrantArg>,
    /// An identity to give: `white-glove:client`, `white-glove:client=Client of ROOM`; repeat it.
    #[arg(long = "add-identity", value_name = "APPLICATION:TYPE[=ALIAS]", value_parser = flags::identity)]
    add_identities: Vec<IdentityArg>,
    /// An identity to take; repeat it.
    #[arg(long = "remove-identity", value_name = "APPLICATION[:TYPE][=ALIAS]", value_parser = flags::identity)]
    remove_identities: Vec<IdentityArg>,
    /// The identity that the role and scope flags are about, where the user has several.
    #[arg(long, value_name = "APPLICATION:TYPE[=ALIAS]", value_parser = flags::identity)]
    identity: Option<IdentityArg>,
    /// A role to give to an identity; repeat it.
    #[arg(long = "add-role", value_name = "ROLE[@UNTIL]", value_parser = flags::role)]
    add_roles: Vec<Ending<RoleName>>,
    /// A role to take from an identity; repeat it.
    #[arg(long = "remove-role", value_name = "ROLE", value_parser = RoleName::new)]
    remove_roles: Vec<RoleName>,
    /// A scope value to give to an identity: `white-glove.client=ROOM`; repeat it.
    #[arg(long = "add-scope", value_name = "SCOPE=VALUE[@UNTIL]", value_parser = flags::scope)]
    add_scopes: Vec<ScopeArg>,
    /// A scope value to take from an identity; repeat it.
    #[arg(long = "remove-scope", value_name = "SCOPE=VALUE", value_parser = flags::scope)]
    remove_scopes: Vec<ScopeArg>,
    /// Until when the change holds; left out: for good. A date is inclusive.
    #[arg(long, value_name = "INSTANT")]
    until: Option<String>,
    #[command(flatten)]
    asked: AskedArgs,
    #[command(flatten)]
    branch: BranchArgs,
}

/// The flags.
pub fn command() -> clap::Command {
    <Args as clap::Args>::augment_args(clap::Command::new("change"))
}

/// Runs the command.
///
/// # Errors
/// When something needed is not said, or what would be written is not right.
pub fn run(place: &Place, args: &Args) -> Outcome {
    let desk = Desk::open(place, &args.branch)?;
    let subject = desk.user(&args.user)?;
    let (moment, from) = effective(&desk, &subject, args.asked.effective.as_deref(), None)?;
    let timeline = desk.timeline();
    let user = timeline.user(&subject, from);
    let end = |said: &Option<String>, flag: &str| {
        let said = said
            .as_deref()
            .map(|text| desk.moment(text, Edge::End, flag));
        Ok::<_, Failed>(said.transpose()?.map(|(moment, _)| moment))
    };
    let known = user.as_ref().and_then(|u| u.spec.contact.as_ref());
    let set = UserChange {
        end_date: end(&args.end_date, "--end-date")?,
        ..flags::user_change(&args.person, &args.job, known)
    };
    let mut spec = blank(
        RequestAction::Change,
        requester(&desk, &args.asked)?,
        subject.clone(),
        moment,
    );
    spec.until = end(&args.until, "--until")?;
    spec.reason = args.asked.reason.clone();
    spec.set = (set != UserChange::default()).then_some(set);
    let replace = &args.replace_profiles;
    let profiles = ProfileChange {
        add: args.add_profiles.clone(),
        remove: args.remove_profiles.clone(),
        replace: (!replace.is_empty()).then(|| replace.clone()),
        keep_until: end(&args.keep_until, "--keep-until")?,
    };
    spec.profiles = (profiles != ProfileChange::default()).then_some(profiles);
    let access = AccessChange {
        add: flags::access(&desk, &args.add_access, &args.fields, "--add-access")?,
        remove: flags::matchers(&args.remove_access),
    };
    spec.access = (access != AccessChange::default()).then_some(access);
    let identities = identities(&desk, args, &subject, user.as_ref())?;
    spec.identities = (identities != IdentityChange::default()).then_some(identities);
    spec.answers = args.answers.iter().cloned().collect();
    let says = spec.set.is_some()
        || spec.profiles.is_some()
        || spec.access.is_some()
        || spec.identities.is_some()
        || !spec.answers.is_empty();
    if !says {
        let words = "say what changes: --title, --organization, --add-profile, --add-access, --add-role …; `countersign request change --help` lists them";
        return Err(Failed::say(Exit::Usage, words));
    }
    write(&desk, "change", from, &spec)
}

/// Identities given and taken, and the roles and scope values of one.
fn identities(
    desk: &Desk,
    args: &Args,
    subject: &UserName,
    user: Option<&FoldedUser>,
) -> Result<IdentityChange, Failed> {
    let mut change = IdentityChange::default();
    for IdentityArg {
        resource,
        kind,
        alias,
    } in &args.add_identities
    {
        let Some(kind) = kind else {
            let words = format!("--add-identity {resource}: say its type too, `{resource}:TYPE`");
            return Err(Failed::say(Exit::Usage, words));
        };
        change
            .add
            .push(flags::bare(resource.clone(), kind.clone(), alias.clone()));
    }
    for identity in &args.remove_identities {
        change.remove.push(matcher(identity));
    }
    let targets = Targets {
        desk,
        named: args.identity.as_ref(),
        subject,
        user,
    };
    for role in &args.add_roles {
        let index = targets.to_give(&mut change, of_role(desk, &role.what)?)?;
        change.add[index]
            .roles
            .push(role.clone().timed(desk, "--add-role")?);
    }
    for scope in &args.add_scopes {
        let index = targets.to_give(&mut change, of_scope(desk, scope)?)?;
        let value = scope.value.clone().timed(desk, "--add-scope")?;
        change.add[index]
            .scopes
            .entry(scope.scope.clone())
            .or_default()
            .push(value);
    }
    let whole = change.remove.len();
    for role in &args.remove_roles {
        let index = targets.to_take(&mut change, whole, of_role(desk, role)?)?;
        change.remove[index].roles.push(role.clone());
    }
    for scope in &args.remove_scopes {
        let index = targets.to_take(&mut change, whole, of_scope(desk, scope)?)?;
        let values = change.remove[index]
            .scopes
            .entry(scope.scope.clone())
            .or_default();
        values.push(scope.value.what.clone());
    }
    Ok(change)
}

/// The application that a role is of.
fn of_role(desk: &Desk, role: &RoleName) -> Result<ResourceName, Failed> {
    let found = desk
        .catalog()
        .roles
        .get(role)
        .map(|r| r.spec.resource.clone());
    found.ok_or_else(|| Failed::say(Exit::Usage, format!("there is no role `{role}`")))
}

/// The application that a scope is of.
fn of_scope(desk: &Desk, scope: &ScopeArg) -> Result<ResourceName, Failed> {
    let found = desk
        .catalog()
        .scopes
        .get(&scope.scope)
        .map(|s| s.spec.resource.clone());
    found.ok_or_else(|| Failed::say(Exit::Usage, format!("there is no scope `{}`", scope.scope)))
}

/// The identities that role and scope flags can be about.
struct Targets<'a> {
    desk: &'a Desk,
    named: Option<&'a IdentityArg>,
    subject: &'a UserName,
    user: Option<&'a FoldedUser>,
}

impl Targets<'_> {
    /// The entry of the identity that gets something, added where there is none yet.
    fn to_give(
        &self,
        change: &mut IdentityChange,
        resource: ResourceName,
    ) -> Result<usize, Failed> {
        let added: Vec<usize> = (0..change.add.len())
            .filter(|i| change.add[*i].resource == resource)
            .filter(|i| self.named.is_none_or(|named| names(named, &change.add[*i])))
            .collect();
        if let [index] = added.as_slice() {
            return Ok(*index);
        }
        let (kind, alias) = self.one(&resource)?;
        change.add.push(flags::bare(resource, kind, alias));
        Ok(change.add.len() - 1)
    }

    /// The entry of the identity that loses something; behind those that go as a whole.
    fn to_take(
        &self,
        change: &mut IdentityChange,
        whole: usize,
        resource: ResourceName,
    ) -> Result<usize, Failed> {
        let mut later =
            (whole..change.remove.len()).filter(|i| change.remove[*i].resource == resource);
        if let Some(index) = later.next() {
            return Ok(index);
        }
        let (kind, alias) = self.one(&resource)?;
        change.remove.push(matcher(&IdentityArg {
            resource,
            kind: Some(kind),
            alias,
        }));
        Ok(change.remove.len() - 1)
    }

    /// The one identity that is meant: the named one, or the only one there is.
    fn one(&self, resource: &ResourceName) -> Result<(IdentityType, Option<String>), Failed> {
        if let Some(IdentityArg {
            resource: of,
            kind: Some(kind),
            alias,
        }) = self.named
            && of == resource
        {
            return Ok((kind.clone(), alias.clone()));
        }
        let subject = self.subject;
        let declared = self.desk.catalog().identities.values();
        let declared = declared.filter(|i| i.spec.user == *subject && i.spec.active);
        let declared = declared.map(|i| (&i.spec.resource, &i.spec.kind, &i.spec.alias));
        let given = self.user.into_iter().flat_map(|u| &u.identities);
        let given = given.map(|i| (&i.value.resource, &i.value.kind, &i.value.alias));
        let mut found = BTreeMap::new();
        for (of, kind, alias) in declared.chain(given) {
            if of == resource {
                found.insert((kind.clone(), alias.clone()), ());
            }
        }
        let mut found = found.into_keys();
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one),
            (None, _) => {
                let words = format!(
                    "`{subject}` has no identity of their own in `{resource}`; say --identity {resource}:TYPE, or add one with --add-identity"
                );
                Err(Failed::say(Exit::Usage, words))
            }
            (Some(_), Some(_)) => {
                let words = format!(
                    "`{subject}` has several identities in `{resource}`; say which with --identity {resource}:TYPE=ALIAS"
                );
                Err(Failed::say(Exit::Usage, words))
            }
        }
    }
}

fn names(named: &IdentityArg, given: &GivenIdentity) -> bool {
    named.resource == given.resource
        && named.kind.as_ref().is_none_or(|kind| *kind == given.kind)
        && named
            .alias
            .as_ref()
            .is_none_or(|alias| given.alias.as_ref() == Some(alias))
}

fn matcher(
    IdentityArg {
        resource,
        kind,
        alias,
    }: &IdentityArg,
) -> IdentityMatcher {
    IdentityMatcher {
        resource: resource.clone(),
        kind: kind.clone(),
        alias: alias.clone(),
        roles: Vec::new(),
        scopes: BTreeMap::new(),
        line: Line(0),
    }
}
