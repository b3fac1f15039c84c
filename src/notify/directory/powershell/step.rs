//! One change to the steps of a script: how to tell that it is done, whether it may be done, and the
//! commands that do it.

use super::literal::{array, literal};
use crate::connector::{At, AttributeName, Attributes, Modification, ModificationKind, Value};
use crate::dn::Dn;
use crate::notify::directory::standing::Standing;
use crate::notify::directory::{ACCOUNT_DISABLE, DISABLED_ACCOUNT, disabled_control, is_secret};
use crate::notify::plain::one_line;
use crate::plan::{Action, Change, ChangeId, MemberChange, Write};
use std::collections::BTreeSet;

/// One step, its parts as PowerShell expressions and commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// What later steps call it; not yet a literal.
    pub(super) id: String,
    /// What it does, for people; not yet a literal.
    pub(super) what: String,
    /// Steps that must have been applied; not yet literals.
    pub(super) after: Vec<String>,
    /// Whether the directory is as it should be.
    pub(super) already: String,
    /// Whether the directory is as the plan saw it.
    pub(super) ready: String,
    /// The commands, a line each.
    pub(super) apply: Vec<String>,
}

/// Writes the steps of a change: one, or two where an entry gets another name and another parent.
pub(super) fn steps(
    change: &Change,
    after: &BTreeSet<&ChangeId>,
    standing: &mut Standing,
) -> Vec<Step> {
    let after: Vec<String> = after.iter().map(|id| id.0.clone()).collect();
    let what = format!("{} {} {}", change.action, change.target, change.what);
    let what = one_line(what.trim_end());
    let step = |already: String, ready: String, apply: Vec<String>| {
        vec![Step {
            id: change.id.0.clone(),
            what: what.clone(),
            after: after.clone(),
            already,
            ready,
            apply,
        }]
    };
    match &change.write {
        Write::Create { dn, attributes } => {
            let Some(apply) = create(dn, attributes) else {
                return Vec::new();
            };
            let dn = literal(&dn.to_string());
            let login = text_of(attributes, "sAMAccountName");
            step(
                format!("Test-Login {dn} {}", literal(login)),
                format!("$null -eq (Find-Entry {dn})"),
                apply,
            )
        }
        Write::SetPassword { at, .. } => {
            let identity = identity(at);
            step(
                format!("Test-Enabled {identity}"),
                format!("-not (Test-Enabled {identity})"),
                vec![
                    format!(
                        "$password = Read-Host -AsSecureString -Prompt {}",
                        literal(&format!("First password of {}", one_line(&change.target)))
                    ),
                    format!(
                        "Set-ADAccountPassword -Identity {identity} -Reset -NewPassword $password"
                    ),
                    format!("Set-ADUser -Identity {identity} -ChangePasswordAtLogon $true"),
                ],
            )
        }
        Write::ResetPassword { guid, expires } => {
            let identity = identity(&At::Guid(*guid));
            let expired = format!("Test-Expired {identity} {expires}");
            step(
                expired.clone(),
                format!("-not ({expired})"),
                vec![
                    "$bytes = New-Object byte[] 32".to_owned(),
                    "[Security.Cryptography.RandomNumberGenerator]::Create().GetBytes($bytes)"
                        .to_owned(),
                    "$text = 'aA1!' + [Convert]::ToBase64String($bytes)".to_owned(),
                    "$password = ConvertTo-SecureString -AsPlainText -Force -String $text"
                        .to_owned(),
                    format!(
                        "Set-ADAccountPassword -Identity {identity} -Reset -NewPassword $password"
                    ),
                ],
            )
        }
        Write::Modify {
            at, modifications, ..
        } => {
            let identity = identity(at);
            let (already, ready, apply) = match only_the_disable_bit(modifications) {
                Some(Usable::No) => (
                    format!("-not (Test-Enabled {identity})"),
                    format!("Test-Enabled {identity}"),
                    vec![format!("Disable-ADAccount -Identity {identity}")],
                ),
                Some(Usable::Yes) => (
                    format!("Test-Enabled {identity}"),
                    format!("-not (Test-Enabled {identity})"),
                    vec![format!("Enable-ADAccount -Identity {identity}")],
                ),
                None => modify(&identity, modifications, change.action, standing),
            };
            step(already, ready, apply)
        }
        Write::Rename {
            guid,
            dn,
            rdn,
            parent,
        } => {
            let from = standing.of_guid(*guid, dn);
            let to = standing.rename(*guid, dn, rdn, parent);
            rename(
                change,
                &what,
                after,
                &identity(&At::Guid(*guid)),
                &from,
                &to,
            )
        }
        Write::Member {
            group,
            change: come_or_go,
            member,
            ..
        } => {
            let group = literal(&group.to_string());
            let member = identity(member);
            let is = format!("Test-Member {group} {member}");
            let is_not = format!("-not ({is})");
            match come_or_go {
                MemberChange::Add => step(
                    is,
                    is_not,
                    vec![format!(
                        "Add-ADGroupMember -Identity {group} -Members {member}"
                    )],
                ),
                MemberChange::Remove => step(
                    is_not,
                    is,
                    vec![format!(
                        "Remove-ADGroupMember -Identity {group} -Members {member} -Confirm:$false"
                    )],
                ),
            }
        }
        Write::Adopt { .. } | Write::Row { .. } => Vec::new(),
    }
}

/// Whether an account can be logged on to.
enum Usable {
    Yes,
    No,
}

fn identity(at: &At) -> String {
    match at {
        At::Guid(guid) => literal(&guid.to_string()),
        At::Dn(dn) => literal(&dn.to_string()),
    }
}

fn text_of<'a>(attributes: &'a Attributes, name: &'static str) -> &'a str {
    let values = attributes.get(&AttributeName::from(name));
    values
        .and_then(|values| values.first()?.text())
        .unwrap_or_default()
}

/// The commands that make an account, disabled.
fn create(dn: &Dn, attributes: &Attributes) -> Option<Vec<String>> {
    const GIVEN_APART: [&str; 7] = [
        "objectClass",
        "cn",
        "name",
        "distinguishedName",
        "sAMAccountName",
        "userPrincipalName",
        "userAccountControl",
    ];
    let parent = dn.parent()?;
    let mut command = format!(
        "New-ADUser -Enabled $false -PasswordNotRequired $false -Name {} -Path {} -SamAccountName {}",
        literal(dn.rdn().value()),
        literal(&parent.to_string()),
        literal(text_of(attributes, "sAMAccountName")),
    );
    let principal = text_of(attributes, "userPrincipalName");
    if !principal.is_empty() {
        command.push_str(&format!(" -UserPrincipalName {}", literal(principal)));
    }
    let mut lines = vec![command];
    let others: Vec<String> = attributes
        .iter()
        .filter(|(name, _)| !is_secret(name) && !GIVEN_APART.iter().any(|given| name.is(given)))
        .map(|(name, values)| format!("    {} = {}", literal(name.as_str()), array(name, values)))
        .collect();
    if !others.is_empty() {
        if let Some(command) = lines.last_mut() {
            command.push_str(" -OtherAttributes @{");
        }
        lines.extend(others);
        lines.push("}".to_owned());
    }
    let control = disabled_control(attributes);
    if control != DISABLED_ACCOUNT {
        let identity = literal(&dn.to_string());
        lines.push(format!(
            "Set-ADObject -Identity {identity} -Replace @{{ 'userAccountControl' = {control} }}"
        ));
    }
    Some(lines)
}

/// Whether a request does nothing but turn userAccountControl's disabled bit.
fn only_the_disable_bit(modifications: &[Modification]) -> Option<Usable> {
    let [one, other] = modifications else {
        return None;
    };
    let control = |step: &Modification, operation: ModificationKind| -> Option<u32> {
        let [value] = step.values.as_slice() else {
            return None;
        };
        let of_it = step.operation == operation && step.attribute.is("userAccountControl");
        of_it.then(|| value.text()?.parse().ok()).flatten()
    };
    let before = control(one, ModificationKind::Delete)?;
    let after = control(other, ModificationKind::Add)?;
    match (
        before ^ after == ACCOUNT_DISABLE,
        after & ACCOUNT_DISABLE == 0,
    ) {
        (true, true) => Some(Usable::Yes),
        (true, false) => Some(Usable::No),
        (false, _) => None,
    }
}

/// A modify request: what tells that it is done, what must hold before, the command.
fn modify(
    identity: &str,
    modifications: &[Modification],
    action: Action,
    standing: &Standing,
) -> (String, String, Vec<String>) {
    let (mut already, mut ready) = (Vec::new(), Vec::new());
    let (mut removed, mut added, mut cleared) = (Vec::new(), Vec::new(), Vec::new());
    let (all, none) = match action == Action::Link {
        true => ("Test-Link", "Test-NoLink"),
        false => ("Test-Values", "Test-NoValues"),
    };
    for step in modifications
        .iter()
        .filter(|step| !is_secret(&step.attribute))
    {
        let name = literal(step.attribute.as_str());
        let values: Vec<Value> = match action == Action::Link {
            true => step
                .values
                .iter()
                .map(|value| standing.link(value))
                .collect(),
            false => step.values.clone(),
        };
        let values = array(&step.attribute, &values);
        let all = format!("({all} {identity} {name} {values})");
        let none = format!("({none} {identity} {name} {values})");
        match step.operation {
            ModificationKind::Delete if step.values.is_empty() => {
                already.push(format!("(Test-Absent {identity} {name})"));
                ready.push(format!("(-not (Test-Absent {identity} {name}))"));
                cleared.push(name);
            }
            ModificationKind::Delete => {
                already.push(none);
                ready.push(all);
                removed.push(format!("{name} = {values}"));
            }
            ModificationKind::Add => {
                already.push(all);
                ready.push(none);
                added.push(format!("{name} = {values}"));
            }
        }
    }
    if already.is_empty() {
        return ("$true".to_owned(), "$false".to_owned(), Vec::new());
    }
    let mut command = format!("Set-ADObject -Identity {identity}");
    for (argument, pairs) in [("-Remove", removed), ("-Add", added)] {
        if !pairs.is_empty() {
            command.push_str(&format!(" {argument} @{{ {} }}", pairs.join("; ")));
        }
    }
    if !cleared.is_empty() {
        command.push_str(&format!(" -Clear {}", cleared.join(", ")));
    }
    (already.join(" -and "), ready.join(" -and "), vec![command])
}

/// A rename, a move, or one after the other.
fn rename(
    change: &Change,
    what: &str,
    after: Vec<String>,
    identity: &str,
    from: &Dn,
    to: &Dn,
) -> Vec<Step> {
    let (old, new) = (from.rdn(), to.rdn());
    let (Some(left), Some(parent)) = (from.parent(), to.parent()) else {
        return Vec::new();
    };
    let stands = |dn: &Dn| format!("Test-Place {identity} {}", literal(&dn.to_string()));
    let called = |name: &str| format!("(Test-Name {identity} {})", literal(name));
    let mut steps = Vec::new();
    let moves = left != parent;
    let id = &change.id.0;
    if !old.same_spelling(&new) {
        steps.push(Step {
            id: if moves {
                format!("{id}-name")
            } else {
                id.clone()
            },
            what: what.to_owned(),
            after: after.clone(),
            already: called(new.value()),
            ready: format!("({}) -and {}", stands(from), called(old.value())),
            apply: vec![format!(
                "Rename-ADObject -Identity {identity} -NewName {}",
                literal(new.value())
            )],
        });
    }
    if moves {
        let renamed = steps.first().map(|step| step.id.clone());
        steps.push(Step {
            id: id.clone(),
            what: what.to_owned(),
            after: after.into_iter().chain(renamed).collect(),
            already: stands(to),
            ready: stands(&left.child(new)),
            apply: vec![format!(
                "Move-ADObject -Identity {identity} -TargetPath {}",
                literal(&parent.to_string())
            )],
        });
    }
    steps
}
