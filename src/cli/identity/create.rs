//! `countersign identity create`: an identity for a user, and the user too where there is none yet.

use super::super::desk::{BranchArgs, Desk};
use super::super::flags::{self, Ending, PersonArgs, ScopeArg, TypeArg};
use super::super::{Exit, Failed, Outcome, Place, talk};
use crate::author::clone::{identity_name, nobody};
use crate::author::draft::Draft;
use crate::author::edit::{Edit, edit};
use crate::author::text;
use crate::catalog::problem::route;
use crate::catalog::{Catalog, Linked};
use crate::desired::accounts::Accounts;
use crate::desired::expand::expand;
use crate::diagnostic::suggest::did_you_mean;
use crate::manifest::resource::{DefaultIdentity, IdentityKind, IdentityRules};
use crate::manifest::timed::Timed;
use crate::manifest::user::{LoginName, PersonName};
use crate::manifest::{Edge, IdentitySpec, Kind, MailAddress, UserSpec, UserType};
use crate::name::{
    IdentityName, IdentityType, ManifestName, OrganizationName, ResourceName, RoleName, UserName,
};

/// Write an identity; a user who is not there yet is written with it (say --given-name, --organization
/// and --user-type).
///
/// Without --role and --scope an identity of the application's default type gets the default roles and
/// scopes. Of two or more identities one is where the user starts: the first, unless --default is said.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The user.
    user: String,
    /// What the user calls the identity, such as `Client`.
    alias: String,
    /// The application.
    #[arg(long, value_name = "RESOURCE", value_parser = ResourceName::new)]
    application: ResourceName,
    /// The identity's type; left out: the one of that name, else the default one.
    #[arg(long = "type", value_name = "TYPE", value_parser = IdentityType::new)]
    kind: Option<IdentityType>,
    /// A role; repeat it.
    #[arg(long = "role", value_name = "ROLE[@UNTIL]", value_parser = flags::role)]
    roles: Vec<Ending<RoleName>>,
    /// A value of a scope, such as `white-glove.client=ROOM`; repeat it.
    #[arg(long = "scope", value_name = "SCOPE=VALUE[@UNTIL]", value_parser = flags::scope)]
    scopes: Vec<ScopeArg>,
    /// It is where the user starts, instead of the present one.
    #[arg(long)]
    default: bool,
    /// The end of the identity; a date is inclusive.
    #[arg(long, value_name = "INSTANT")]
    until: Option<String>,
    #[command(flatten)]
    person: PersonArgs,
    /// A new user's type.
    #[arg(long, value_enum, value_name = "TYPE")]
    user_type: Option<TypeArg>,
    /// A new user's organization.
    #[arg(long, value_name = "NAME", value_parser = OrganizationName::new)]
    organization: Option<OrganizationName>,
    #[command(flatten)]
    branch: BranchArgs,
}

/// Runs the command.
///
/// # Errors
/// When something needed is not said, or what would be written is not right.
pub fn run(place: &Place, args: &Args) -> Outcome {
    let desk = Desk::open(place, &args.branch)?;
    let catalog = desk.catalog();
    let rules = rules(catalog, &args.application)?;
    let mut drafts = Vec::new();
    let (user, user_type) = match desk.user(&args.user) {
        Ok(user) => {
            let folded = desk.timeline().user(&user, desk.now);
            let declared = catalog.users.get(&user).map(|u| u.spec.kind);
            let kind = folded.map(|u| u.spec.kind).or(declared);
            says_nothing_of_a_new_user(args, &user)?;
            (user, kind.unwrap_or(UserType::Employee))
        }
        Err(unknown) => {
            let (user, spec) = new_user(args, &unknown)?;
            let name = ManifestName::from(&user);
            let (path, schema) = desk.shelves().place(Kind::User, &name);
            drafts.push(Draft::new(
                path,
                text::manifest(&schema, Kind::User, &name, &spec),
            ));
            (user, spec.kind)
        }
    };
    let kind = kind(args, rules, user_type)?;
    let spec = identity(&desk, args, rules, &user, user_type, &kind.name)?;
    let others = others(catalog, &user, &args.application);
    // What is taken from the one who was the default goes first: a number of drafts, one file each.
    let (spec, edits) = one_default(&desk, spec, &others)?;
    drafts.extend(edits);
    tell(&desk, &user, &spec, &others);
    let name = identity_name(catalog, &[], &spec).map_err(|e| Failed::new(Exit::Usage, e))?;
    let (path, schema) = desk.shelves().place(Kind::Identity, &name);
    drafts.push(Draft::new(
        path,
        text::manifest(&schema, Kind::Identity, &name, &spec),
    ));
    let message = format!(
        "identity: {} of {user} in {}\n",
        args.alias, args.application
    );
    desk.finish(&drafts, name.as_str(), &message)
}

fn rules<'a>(catalog: &'a Catalog, resource: &ResourceName) -> Result<&'a IdentityRules, Failed> {
    let with = || {
        catalog
            .resources
            .iter()
            .filter(|(_, r)| r.spec.identities.is_some())
    };
    match catalog.resources.get(resource).map(|r| &r.spec.identities) {
        Some(Some(rules)) => Ok(rules),
        found => {
            let what = match found {
                Some(_) => format!("`{resource}` has no identities"),
                None => format!("there is no resource `{resource}`"),
            };
            let names: Vec<&str> = with().map(|(name, _)| name.as_str()).collect();
            let help = did_you_mean(resource.as_str(), names.iter().copied());
            let help = help.map(|h| format!("; {h}")).unwrap_or_default();
            Err(Failed::say(
                Exit::Usage,
                format!("--application: {what}{help}"),
            ))
        }
    }
}

/// Flags of a new user are for one.
fn says_nothing_of_a_new_user(args: &Args, user: &UserName) -> Result<(), Failed> {
    let PersonArgs {
        given_name,
        middle_name,
        family_name,
        display_name,
        employee_number,
        login,
        mail,
        contact_mail,
        phone,
        mobile,
        address,
    } = &args.person;
    let said = [
        given_name,
        middle_name,
        family_name,
        display_name,
        employee_number,
        login,
        mail,
        contact_mail,
        phone,
        mobile,
        address,
    ];
    match said.iter().any(|s| s.is_some())
        || args.user_type.is_some()
        || args.organization.is_some()
    {
        false => Ok(()),
        true => {
            let words = format!(
                "`{user}` is there already; what they are is changed with `countersign request change {user}`"
            );
            Err(Failed::say(Exit::Usage, words))
        }
    }
}

/// The user that the flags describe.
fn new_user(args: &Args, unknown: &Failed) -> Result<(UserName, UserSpec), Failed> {
    let name = UserName::new(&args.user).map_err(|e| Failed::new(Exit::Usage, e))?;
    let (Some(given), Some(kind), Some(organization)) =
        (&args.person.given_name, args.user_type, &args.organization)
    else {
        let words = format!(
            "{}; for a new user say --given-name, --user-type and --organization too",
            unknown.words()
        );
        return Err(Failed::say(Exit::Usage, words));
    };
    let text = |text: &Option<String>| text.clone().map(PersonName);
    let person = &args.person;
    let spec = UserSpec {
        display_name: person.display_name.clone(),
        given_name: Some(PersonName(given.clone())),
        middle_name: text(&person.middle_name),
        family_name: text(&person.family_name),
        employee_number: text(&person.employee_number),
        contact: person.contact(None),
        login: person.login.clone().map(LoginName),
        mail: person.mail.clone().map(MailAddress),
        ..nobody(kind.into(), organization.clone())
    };
    Ok((name, spec))
}

/// The identity's type: the one that is said, that the alias names, that is the default, or that is the only one.
fn kind<'a>(
    args: &Args,
    rules: &'a IdentityRules,
    user_type: UserType,
) -> Result<&'a IdentityKind, Failed> {
    let fits =
        |kind: &&IdentityKind| kind.user_types.is_empty() || kind.user_types.contains(&user_type);
    let named = |name: &IdentityType| rules.types.iter().find(|kind| kind.name == *name);
    if let Some(name) = &args.kind {
        return named(name).ok_or_else(|| {
            let known: Vec<&str> = rules.types.iter().map(|k| k.name.as_str()).collect();
            let words = format!(
                "--type: `{}` has no identity type `{name}`; it has {}",
                args.application,
                known.join(", ")
            );
            Failed::say(Exit::Usage, words)
        });
    }
    let alias = |kind: &&IdentityKind| {
        let display = kind.display_name.as_deref().unwrap_or(kind.name.as_str());
        display.eq_ignore_ascii_case(&args.alias) || kind.name.as_str() == args.alias
    };
    let default = default(rules, user_type).and_then(|d| named(&d.kind));
    let mut fitting = rules.types.iter().filter(fits);
    let only = match (fitting.next(), fitting.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    };
    let found = rules.types.iter().find(alias).or(default).or(only);
    found.ok_or_else(|| {
        let known: Vec<&str> = rules
            .types
            .iter()
            .filter(fits)
            .map(|k| k.name.as_str())
            .collect();
        Failed::say(
            Exit::Usage,
            format!("say --type, one of {}", known.join(", ")),
        )
    })
}

/// The default identity of users of a type.
fn default(rules: &IdentityRules, user_type: UserType) -> Option<&DefaultIdentity> {
    let fits = |types: &[UserType]| types.is_empty() || types.contains(&user_type);
    rules.default.iter().find(|d| fits(&d.user_types))
}

fn identity(
    desk: &Desk,
    args: &Args,
    rules: &IdentityRules,
    user: &UserName,
    user_type: UserType,
    kind: &IdentityType,
) -> Result<IdentitySpec, Failed> {
    let roles = args
        .roles
        .iter()
        .cloned()
        .map(|role| role.timed(desk, "--role"));
    let mut roles = roles.collect::<Result<Vec<_>, _>>()?;
    let mut scopes = flags::scopes(desk, &args.scopes, "--scope")?;
    let default = default(rules, user_type).filter(|d| d.kind == *kind);
    if let Some(default) = default.filter(|_| roles.is_empty() && scopes.is_empty()) {
        roles = default.roles.iter().cloned().map(Timed::for_good).collect();
        for (scope, values) in &default.scopes {
            let values = values.iter().cloned().map(Timed::for_good);
            scopes.insert(scope.clone(), values.collect());
        }
    }
    let until = args
        .until
        .as_deref()
        .map(|until| desk.moment(until, Edge::End, "--until"));
    Ok(IdentitySpec {
        display_name: None,
        user: user.clone(),
        resource: args.application.clone(),
        kind: kind.clone(),
        alias: Some(args.alias.clone()),
        roles,
        scopes,
        active: true,
        default: args.default,
        until: until.transpose()?.map(|(moment, _)| moment),
    })
}

type Other<'a> = (&'a IdentityName, &'a Linked<IdentitySpec>);

/// The active identities that the user has there already.
fn others<'a>(catalog: &'a Catalog, user: &UserName, resource: &ResourceName) -> Vec<Other<'a>> {
    let identities = catalog.identities.iter();
    let theirs = identities.filter(|(_, i)| i.spec.user == *user && i.spec.resource == *resource);
    theirs.filter(|(_, i)| i.spec.active).collect()
}

/// Of two or more identities exactly one is the default (MODEL 17): the present one, or the new one where
/// --default is said. The files of the others are edited for it.
fn one_default(
    desk: &Desk,
    spec: IdentitySpec,
    others: &[Other<'_>],
) -> Result<(IdentitySpec, Vec<Draft>), Failed> {
    let defaults: Vec<&Other<'_>> = others.iter().filter(|(_, i)| i.spec.default).collect();
    let change = match (spec.default, defaults.as_slice(), others) {
        (_, _, []) => return Ok((spec, Vec::new())),
        (true, [], _) => return Ok((spec, Vec::new())),
        (true, [present, ..], _) => (*present, Edit::Remove(route("default"))),
        (false, [_, ..], _) => return Ok((spec, Vec::new())),
        (false, [], [only]) => (only, Edit::Set(route("default"), true.into())),
        (false, [], [..]) => return Ok((spec, Vec::new())),
    };
    let ((name, Linked { at, .. }), change) = change;
    let before = desk.bytes(&at.file);
    let text = before
        .as_deref()
        .and_then(|bytes| std::str::from_utf8(bytes).ok());
    let edited = text.ok_or(crate::author::edit::EditError::Unreadable);
    let edited = edited.and_then(|text| edit(text, at.document, std::slice::from_ref(&change)));
    let text = edited.map_err(|error| {
        let words = format!(
            "{}: {error}; say `default: true` on exactly one of the identities of {name} first",
            at.file
        );
        Failed::say(Exit::Findings, words)
    })?;
    talk(match change {
        Edit::Remove(_) => format!("{name} is no longer where the user starts ({})", at.file),
        Edit::Set(..) | Edit::Push(..) => format!(
            "{name} stays where the user starts, and now says so ({})",
            at.file
        ),
    });
    let path = at.file.clone();
    Ok((
        spec,
        vec![Draft {
            path,
            text: Some(text),
            before,
        }],
    ))
}

/// Says that the default identity no longer arises by itself.
fn tell(desk: &Desk, user: &UserName, spec: &IdentitySpec, others: &[Other<'_>]) {
    if !others.is_empty() {
        return;
    }
    let (desired, _) = expand(
        desk.catalog(),
        &desk.timeline(),
        &Accounts::default(),
        desk.now,
    );
    let held = desired
        .people
        .get(user)
        .into_iter()
        .flat_map(|p| p.entitlements.keys());
    let mut aliases: Vec<&str> = held
        .filter(|key| key.resource == spec.resource)
        .filter_map(|key| key.identity.as_deref())
        .collect();
    aliases.dedup();
    let given = desk.timeline().user(user, desk.now);
    let given = given.is_some_and(|u| {
        u.identities
            .iter()
            .any(|i| i.value.resource == spec.resource)
    });
    if let Some(alias) = aliases.first().filter(|_| !given) {
        talk(format!(
            "{user} had the default identity `{alias}` of {}: from now on only what is written counts",
            spec.resource
        ));
    }
}
