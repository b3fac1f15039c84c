//! A repository → its CODEOWNERS: administrators own everything, and the heads and supervisors of users
//! are asked too. Who may approve is decided by `countersign approve-check`, not by this file.

use crate::catalog::duties::answers::member_profiles;
use crate::catalog::{Catalog, Linked};
use crate::manifest::config::ForgeKind;
use crate::manifest::user::UserState;
use crate::manifest::{Access, UserSpec};
use crate::name::{ProfileName, UserName};
use std::collections::{BTreeMap, BTreeSet};

/// The resource and the level that administer the repository itself.
const ADMINISTERED: (&str, &str) = ("countersign", "administrator");

/// Where a forge looks for it. Forgejo looks where Gitea did, too.
pub fn path(forge: ForgeKind) -> &'static str {
    match forge {
        ForgeKind::Github => ".github/CODEOWNERS",
        ForgeKind::Gitlab => ".gitlab/CODEOWNERS",
        ForgeKind::Forgejo => ".gitea/CODEOWNERS",
    }
}

/// Its text.
pub fn text(catalog: &Catalog, forge: ForgeKind) -> String {
    let mut text = "# Who is asked to review what. Whether a pull request is approved is told by `countersign approve-check`.\n".to_owned();
    let administrators: BTreeSet<&str> = administrators(catalog)
        .into_iter()
        .filter_map(|(_, user)| login(user, forge))
        .collect();
    if administrators.is_empty() {
        text.push_str(&format!(
            "# No administrator has a login here: say `credentials: {{forgeLogins: {{{forge}: …}}}}` in their manifests.\n",
            forge = forge.as_str()
        ));
    } else {
        let all = match forge {
            ForgeKind::Github | ForgeKind::Gitlab => "*".to_owned(),
            ForgeKind::Forgejo => ".*".to_owned(),
        };
        text.push_str(&format!(
            "\n# Everything of control: policies, configuration, resources, roles, these files.\n{}",
            line(&all, &administrators)
        ));
    }
    let mut files: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for user in catalog.users.values() {
        let owners = files.entry(&user.at.file).or_default();
        owners.extend(near(catalog, &user.spec).filter_map(|user| login(user, forge)));
    }
    // A file's name could end the line; administrators own it all the same.
    files.retain(|file, owners| {
        !owners.is_subset(&administrators) && !file.chars().any(char::is_control)
    });
    if !files.is_empty() {
        text.push_str("\n# Users: their supervisors and the heads of their organizations, too.\n");
    }
    for (file, mut owners) in files {
        owners.extend(&administrators);
        text.push_str(&line(&pattern(file, forge), &owners));
    }
    text
}

fn line(pattern: &str, owners: &BTreeSet<&str>) -> String {
    let owners: Vec<String> = owners.iter().map(|login| format!("@{login}")).collect();
    format!("{pattern} {}\n", owners.join(" "))
}

/// Who administers the repository, by the manifests alone: requests count once they are folded.
pub fn administrators(catalog: &Catalog) -> Vec<(&UserName, &UserSpec)> {
    let found = catalog
        .users
        .iter()
        .filter(|(_, user)| user.spec.state != UserState::Left && administers(catalog, &user.spec));
    found.map(|(name, user)| (name, &*user.spec)).collect()
}

fn administers(catalog: &Catalog, user: &UserSpec) -> bool {
    let (resource, level) = ADMINISTERED;
    let default = catalog.resources.get(resource);
    let default = default.and_then(|r| r.spec.default_level.as_ref());
    let gives = |access: &Access| {
        let meant = access.level.as_ref().or(default);
        access.resource.as_str() == resource && meant.is_some_and(|l| l.as_str() == level)
    };
    if user.access.iter().any(gives) {
        return true;
    }
    let member = member_profiles(catalog, &user.organization, user.kind);
    let profiles = user.profiles.iter().chain(member);
    let given = |name: &ProfileName| {
        let line = catalog.lineage(name);
        line.iter().any(|(_, p)| p.spec.access.iter().any(gives))
    };
    let refused = user.without.iter().any(|without| {
        let level_of = without.level.as_ref();
        without.resource.as_str() == resource && level_of.is_none_or(|l| l.as_str() == level)
    });
    !refused && profiles.into_iter().any(given)
}

/// The supervisor of a user, and the nearest head who is not the user.
fn near<'a>(catalog: &'a Catalog, user: &'a UserSpec) -> impl Iterator<Item = &'a UserSpec> {
    let heads = catalog.ancestry(&user.organization).into_iter();
    let heads = heads.filter_map(|(_, o)| o.spec.head.as_ref());
    let spec = |name: &UserName| catalog.users.get(name).map(|Linked { spec, .. }| &**spec);
    let head = heads
        .filter_map(spec)
        .find(|head| head.state != UserState::Left && !std::ptr::eq(*head, user));
    let supervisor = user.supervisor.as_ref().and_then(spec);
    let supervisor = supervisor.filter(|s| s.state != UserState::Left);
    supervisor.into_iter().chain(head)
}

/// A login at the forge, where it is one that can stand in the file.
fn login(user: &UserSpec, forge: ForgeKind) -> Option<&str> {
    let logins = &user.credentials.as_ref()?.forge_logins;
    let login = logins.get(forge.as_str())?.as_str();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (!login.is_empty() && login.len() <= 100 && login.chars().all(fits)).then_some(login)
}

/// One file, as the forge writes a pattern.
fn pattern(file: &str, forge: ForgeKind) -> String {
    let mut pattern = String::new();
    match forge {
        ForgeKind::Github | ForgeKind::Gitlab => {
            pattern.push('/');
            for c in file.chars() {
                match c {
                    // GitHub knows no escape inside brackets; any one letter there is near enough.
                    '[' | ']' | '*' | '#' => pattern.push('?'),
                    ' ' | '\\' => pattern.extend(['\\', c]),
                    c => pattern.push(c),
                }
            }
        }
        // A regular expression, in which `\` itself has to be escaped.
        ForgeKind::Forgejo => {
            for c in file.chars() {
                match c {
                    '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$' => {
                        pattern.extend(['\\', '\\', c]);
                    }
                    '#' | ' ' => pattern.extend(['\\', c]),
                    '\\' => pattern.push_str("\\\\\\\\"),
                    c => pattern.push(c),
                }
            }
        }
    }
    pattern
}
