//! A directory's changes to a PowerShell script for the ActiveDirectory module: one step a change,
//! each carried out only where the directory still is as the plan saw it, so that running the script
//! twice does no harm.
//!
//! Decision: the script is ASCII. Windows PowerShell reads a file without a byte order mark in the
//! system's code page, where the second byte of a letter can be a quote; so other characters are
//! written as `[char]` codes ([`literal::literal`]).

pub mod literal;
mod step;

use super::standing::Standing;
use super::{DirectoryWork, comment_lines, title_lines};
use crate::notify::RunIdentity;
use crate::plan::ChangeId;
use literal::literal;
use std::collections::BTreeSet;
use step::{Step, steps};

/// What every script begins with: the functions its steps are written in.
const PREAMBLE: &str = include_str!("../templates/preamble.ps1");

/// What every script ends with: how it went.
const CLOSING: &str = include_str!("../templates/closing.ps1");

/// Writes the script, with line ends as Windows writes them.
pub fn script(work: &DirectoryWork, run: &RunIdentity) -> String {
    let mut script = String::new();
    for line in title_lines(work, run) {
        script.push_str(&format!("# {line}\n"));
    }
    script.push_str(PREAMBLE);
    let mut standing = Standing::default();
    let known: BTreeSet<&ChangeId> = work.changes().iter().map(|change| &change.id).collect();
    for change in work.changes() {
        let planned = change.after.iter().filter(|id| known.contains(id));
        let after: BTreeSet<&ChangeId> = planned.chain(work.passwords_before(change)).collect();
        script.push('\n');
        for line in comment_lines(change) {
            script.push_str(&format!("# {line}\n"));
        }
        for step in steps(change, &after, &mut standing) {
            script.push_str(&written(&step));
        }
    }
    script.push_str(CLOSING);
    script.replace('\n', "\r\n")
}

fn written(step: &Step) -> String {
    let after: Vec<String> = step.after.iter().map(|id| literal(id)).collect();
    let apply: String = step
        .apply
        .iter()
        .map(|line| format!("        {line}\n"))
        .collect();
    format!(
        "Invoke-Step @{{\n    Id      = {}\n    What    = {}\n    After   = @({})\n    \
         Already = {{ {} }}\n    Ready   = {{ {} }}\n    Apply   = {{\n{apply}    }}\n}}\n",
        literal(&step.id),
        literal(&step.what),
        after.join(", "),
        step.already,
        step.ready,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::{At, ModificationKind};
    use crate::dn::Rdn;
    use crate::notify::cast;
    use crate::plan::{Action, Change, Write};

    fn script_of(changes: &[Change]) -> String {
        script(&cast::work(changes), &cast::run()).replace("\r\n", "\n")
    }

    /// The first step of that id, its first and last line left out.
    fn step_of(changes: &[Change], id: &str) -> String {
        let script = script_of(changes);
        let begins = format!("Invoke-Step @{{\n    Id      = '{id}'\n");
        let (_, rest) = script.split_once(&begins).unwrap();
        rest.split_once("\n}\n").unwrap().0.to_owned()
    }

    fn modify(action: Action, steps: Vec<crate::connector::Modification>) -> Vec<Change> {
        let at = At::Guid(cast::guid(2));
        let write = Write::Modify {
            at,
            dn: cast::dn("CN=x,DC=y"),
            modifications: steps,
        };
        vec![cast::change("m", action, "kim.lee", "", write)]
    }

    #[test]
    fn a_step_says_when_it_is_done_when_it_may_be_done_and_how() {
        let expected = "    What    = 'update kim.lee title'
    After   = @()
    Already = { (Test-NoValues 'G' 'title' @('Intern')) -and (Test-Values 'G' 'title' @('Planner, \"senior\"')) }
    Ready   = { (Test-Values 'G' 'title' @('Intern')) -and (Test-NoValues 'G' 'title' @('Planner, \"senior\"')) }
    Apply   = {
        Set-ADObject -Identity 'G' -Remove @{ 'title' = @('Intern') } -Add @{ 'title' = @('Planner, \"senior\"') }
    }";
        let expected = expected.replace("'G'", &format!("'{}'", cast::guid(2)));
        assert_eq!(step_of(&cast::changes(), "c05"), expected);
    }

    #[test]
    fn a_new_account_is_made_disabled_gets_its_password_and_only_then_is_enabled() {
        let create = step_of(&cast::changes(), "c03");
        assert!(create.contains(
            "New-ADUser -Enabled $false -PasswordNotRequired $false -Name 'Maria Lopez' "
        ));
        assert!(
            create.contains("\n            'givenName' = @('Maria')\n"),
            "{create}"
        );
        assert!(!create.contains("userAccountControl") && !create.contains("objectClass"));
        let password = step_of(&cast::changes(), "c04");
        let order = [
            "Read-Host -AsSecureString",
            "Set-ADAccountPassword",
            "-ChangePasswordAtLogon $true",
        ];
        let places: Vec<usize> = order
            .iter()
            .map(|part| password.find(part).unwrap())
            .collect();
        assert!(places.is_sorted() && password.contains("-Reset -NewPassword $password"));
        assert!(password.contains("After   = @('c03')"), "{password}");

        let mut changes = cast::changes();
        for change in &mut changes {
            change.after.clear();
        }
        let enable = step_of(&changes, "c10");
        assert!(
            enable.contains("After   = @('c04')"),
            "never without its password: {enable}"
        );
        assert!(enable.contains("Enable-ADAccount -Identity 'CN=Maria Lopez,"));
    }

    #[test]
    fn a_new_account_gets_the_planned_control_bits_but_stays_disabled() {
        let mut changes = cast::changes();
        changes.retain(|change| change.action == Action::Create);
        if let Some(Change {
            write: Write::Create { attributes, .. },
            ..
        }) = changes.first_mut()
        {
            attributes.insert("userAccountControl".into(), vec!["66048".into()]);
        }
        let create = step_of(&changes, "c03");
        assert!(
            create.contains("-Replace @{ 'userAccountControl' = 66050 }"),
            "{create}"
        );
    }

    #[test]
    fn the_disabled_bit_alone_has_commands_of_its_own() {
        let (steps, _) = cast::replaces("userAccountControl", "66048", "66050");
        assert!(step_of(&modify(Action::Disable, steps), "m").contains("Disable-ADAccount"));
        let (steps, _) = cast::replaces("userAccountControl", "546", "512");
        let step = step_of(&modify(Action::Enable, steps), "m");
        assert!(step.contains(
            "-Remove @{ 'userAccountControl' = @(546) } -Add @{ 'userAccountControl' = @(512) }"
        ));
    }

    #[test]
    fn an_attribute_that_goes_altogether_is_cleared() {
        let mut gone = cast::step(ModificationKind::Delete, "description", "");
        gone.values.clear();
        let step = step_of(&modify(Action::Update, vec![gone]), "m");
        assert!(step.contains("Ready   = { (-not (Test-Absent"), "{step}");
        assert!(step.contains(" -Clear 'description'\n"), "{step}");
    }

    #[test]
    fn another_name_and_another_place_are_two_steps() {
        let write = Write::Rename {
            guid: cast::guid(2),
            dn: cast::dn("CN=kim lee,OU=a,DC=x"),
            rdn: Rdn::new("CN", "Kim Lee"),
            parent: cast::dn("OU=b,DC=x"),
        };
        let changes = [cast::change("r", Action::Move, "kim.lee", "", write)];
        let rename = step_of(&changes, "r-name");
        assert!(rename.contains("Rename-ADObject") && rename.contains("-NewName 'Kim Lee'"));
        assert!(
            rename.contains("(Test-Place") && rename.contains("'kim lee')"),
            "case counts"
        );
        let moved = step_of(&changes, "r");
        assert!(
            moved.contains("After   = @('r-name')") && moved.contains("-TargetPath 'OU=b,DC=x'")
        );
        assert!(moved.contains("'CN=Kim Lee,OU=a,DC=x'"), "{moved}");
    }

    #[test]
    fn a_link_is_written_and_compared_under_the_name_it_has_by_then() {
        let link = step_of(&cast::changes(), "c08");
        assert!(
            link.contains("Test-Link") && link.contains("Test-NoLink"),
            "{link}"
        );
        assert!(!link.contains("CN=Kim Lee,"), "{link}");
        assert_eq!(
            link.matches("'CN=Kim Lee-Reyes,OU=Parks & Recreation,")
                .count(),
            3
        );
    }

    #[test]
    fn secrets_are_never_written() {
        let changes = modify(
            Action::Update,
            vec![cast::step(
                ModificationKind::Add,
                "unicodePwd",
                "\"secret\"",
            )],
        );
        let step = step_of(&changes, "m");
        assert!(
            !step.contains("unicodePwd") && !step.contains("secret"),
            "{step}"
        );
    }

    #[test]
    fn steps_wait_only_for_steps_of_the_script() {
        let mut changes = cast::changes();
        changes[0].after = vec![ChangeId("adopted".to_owned())];
        assert!(step_of(&changes, "c01").contains("After   = @()"));
        assert!(
            script(&cast::work(&changes), &cast::run())
                .contains("\r\nSet-StrictMode -Version Latest\r\n")
        );
    }
}
