//! The changes of a directory that its maintainers write themselves, to what they need for it: a
//! readable difference, an LDIF file and a PowerShell script that carry out exactly these changes.
//!
//! Invariant: no password stands in any of them. The LDIF leaves a new account disabled; the script
//! asks the maintainer for its password (SEMANTICS 17).

pub mod ldif;
pub mod powershell;
mod standing;

use super::difference::{DifferenceLine, difference};
use super::page::CauseLine;
use super::plain::one_line;
use super::subject::counted;
use super::{Attachment, RunIdentity};
use crate::connector::{AttributeName, Attributes, Value};
use crate::desired::Recipient;
use crate::plan::{Action, Change, ChangeId, FieldChange, Write};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The name of the LDIF file in the mail.
pub const LDIF_NAME: &str = "changes.ldif";

/// The name of the PowerShell script in the mail. Mail programs withhold attachments that end in
/// `.ps1`, so it ends in `.txt` and the mail says what to save it as.
pub const POWERSHELL_NAME: &str = "changes.ps1.txt";

/// Attributes that hold a password or what it is derived from; their values are never shown or written.
const SECRETS: [&str; 8] = [
    "unicodePwd",
    "userPassword",
    "clearTextPassword",
    "dBCSPwd",
    "lmPwdHistory",
    "ntPwdHistory",
    "supplementalCredentials",
    "ms-Mcs-AdmPwd",
];

/// The bit of userAccountControl that keeps an account from being logged on to (MS-ADTS 2.2.16).
const ACCOUNT_DISABLE: u32 = 0x2;

/// The userAccountControl of an ordinary account that cannot be logged on to (512 + 2).
const DISABLED_ACCOUNT: u32 = 0x202;

/// The changes that the maintainers of one directory are asked to make, and who they are.
#[derive(Debug, Clone, PartialEq)]
pub struct DirectoryWork {
    name: String,
    changes: Vec<Change>,
    recipients: Vec<Recipient>,
}

impl DirectoryWork {
    /// Picks what maintainers can do of a plan's changes, its order kept; none where that is nothing.
    ///
    /// An adoption is only recorded, and rows of a roster are ours to write: neither is asked of them.
    pub fn of(name: &str, changes: &[Change], recipients: &[Recipient]) -> Option<Self> {
        let changes: Vec<Change> = changes
            .iter()
            .filter(|change| match change.write {
                Write::Adopt { .. } | Write::Row { .. } => false,
                Write::Create { .. }
                | Write::SetPassword { .. }
                | Write::ResetPassword { .. }
                | Write::Modify { .. }
                | Write::Rename { .. }
                | Write::Member { .. } => true,
            })
            .cloned()
            .collect();
        if changes.is_empty() || recipients.is_empty() {
            return None;
        }
        Some(Self {
            name: name.to_owned(),
            changes,
            recipients: recipients.to_vec(),
        })
    }

    /// The directory's name as people read it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The changes in the order of the plan; never empty.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Who is asked; never empty.
    pub fn recipients(&self) -> &[Recipient] {
        &self.recipients
    }

    /// What makes this work this work and no other: the same as long as the same changes are open,
    /// so that a maintainer is not asked for them again at every run. 32 hex digits.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for change in &self.changes {
            hash.update((change.id.0.len() as u64).to_be_bytes());
            hash.update(&change.id.0);
        }
        hash.finalize()
            .iter()
            .take(16)
            .map(|b| format!("{b:02x}"))
            .collect()
    }

    /// The passwords that must be set before this change, where it makes their account usable.
    fn passwords_before(&self, change: &Change) -> Vec<&ChangeId> {
        if change.action != Action::Enable {
            return Vec::new();
        }
        let of_the_same_account = |password: &Change| match (&password.write, &change.write) {
            (Write::SetPassword { at: password, .. }, Write::Modify { at, .. }) => password == at,
            _ => false,
        };
        let passwords = self
            .changes
            .iter()
            .filter(|c| c.action == Action::SetPassword);
        passwords
            .filter(|c| of_the_same_account(c) || change.after.contains(&c.id))
            .map(|c| &c.id)
            .collect()
    }

    /// Whether a change comes only after a password was reset, which no file does.
    fn waits_for_a_reset(&self, change: &Change) -> bool {
        let resets = self.changes.iter();
        let mut resets = resets.filter(|c| c.action == Action::ResetPassword);
        resets.any(|reset| change.after.contains(&reset.id))
    }

    /// The LDIF file (left out where passwords are all there is to do) and the PowerShell script.
    pub(super) fn attachments(&self, run: &RunIdentity) -> Vec<Attachment> {
        let ldif = ldif::changes(self, run).map(|text| Attachment {
            name: LDIF_NAME.to_owned(),
            media_type: "text/plain; charset=us-ascii".to_owned(),
            bytes: text.into_bytes(),
        });
        let script = Attachment {
            name: POWERSHELL_NAME.to_owned(),
            media_type: "text/plain; charset=us-ascii".to_owned(),
            bytes: powershell::script(self, run).into_bytes(),
        };
        ldif.into_iter().chain([script]).collect()
    }

    pub(super) fn page(&self, attachments: &[Attachment]) -> DirectoryPage {
        DirectoryPage {
            name: one_line(&self.name),
            count: counted(self.changes.len(), "change"),
            ldif: attachments
                .iter()
                .any(|a| a.name == LDIF_NAME)
                .then(|| LDIF_NAME.to_owned()),
            powershell: POWERSHELL_NAME.to_owned(),
            passwords: self.changes.iter().any(|c| c.action == Action::SetPassword),
            lines: self.changes.iter().map(line).collect(),
        }
    }
}

/// What a mail shows of a directory's changes.
#[derive(Debug, Serialize)]
pub(super) struct DirectoryPage {
    pub(super) name: String,
    pub(super) count: String,
    pub(super) ldif: Option<String>,
    pub(super) powershell: String,
    pub(super) passwords: bool,
    pub(super) lines: Vec<ChangeLine>,
}

/// One change.
#[derive(Debug, Serialize)]
pub(super) struct ChangeLine {
    pub(super) sign: char,
    pub(super) action: &'static str,
    pub(super) target: String,
    pub(super) what: String,
    pub(super) difference: Vec<DifferenceLine>,
    pub(super) causes: Vec<CauseLine>,
}

fn line(change: &Change) -> ChangeLine {
    let side = |values: fn(&FieldChange) -> &[Value]| -> Vec<String> {
        let fields = change.fields.iter().filter(|f| !is_secret(&f.name));
        fields
            .flat_map(|f| {
                values(f)
                    .iter()
                    .map(|value| format!("{}: {}", f.name, shown(value)))
            })
            .collect()
    };
    ChangeLine {
        sign: sign(change.action),
        action: change.action.as_str(),
        target: one_line(&change.target),
        what: one_line(&change.what),
        difference: difference(&side(|f| &f.before), &side(|f| &f.after)),
        causes: change.causes.iter().map(CauseLine::of).collect(),
    }
}

/// Whether something comes, goes or changes.
fn sign(action: Action) -> char {
    match action {
        Action::Create | Action::AddMember | Action::Enable | Action::Grant | Action::Adopt => '+',
        Action::Disable | Action::Expire | Action::RemoveMember | Action::Revoke => '-',
        Action::SetPassword
        | Action::ResetPassword
        | Action::Update
        | Action::Rename
        | Action::Move
        | Action::Link => '~',
    }
}

/// The userAccountControl a new account is made with: as planned, but such that it cannot be logged on to.
fn disabled_control(attributes: &Attributes) -> u32 {
    let planned = attributes.get(&AttributeName::from("userAccountControl"));
    let planned = planned.and_then(|values| values.first()?.text()?.parse::<u32>().ok());
    planned.map_or(DISABLED_ACCOUNT, |bits| bits | ACCOUNT_DISABLE)
}

/// Whether the attribute's value is a secret.
fn is_secret(attribute: &AttributeName) -> bool {
    SECRETS.iter().any(|name| attribute.is(name))
}

fn shown(value: &Value) -> String {
    match value.text() {
        Some(text) => one_line(text),
        None => format!("({} bytes)", value.bytes().len()),
    }
}

/// What a file says of itself in its first lines, as printable ASCII.
fn title_lines(work: &DirectoryWork, run: &RunIdentity) -> Vec<String> {
    let revision = run
        .revision
        .as_deref()
        .map(|r| format!(", revision {r}"))
        .unwrap_or_default();
    [
        format!(
            "{} to {}, in the order of the plan.",
            counted(work.changes.len(), "change"),
            work.name
        ),
        format!("Run {}{revision}, {}.", run.intent, run.instant),
    ]
    .iter()
    .map(|line| super::plain::ascii(line))
    .collect()
}

/// One change in a file's comment, as printable ASCII: what is done and why.
fn comment_lines(change: &Change) -> Vec<String> {
    let what = format!("{} {} {}", change.action, change.target, change.what);
    let causes = change
        .causes
        .iter()
        .map(|cause| format!("  because {cause}"));
    [what]
        .into_iter()
        .chain(causes)
        .map(|line| super::plain::ascii(line.trim_end()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::cast;
    use crate::plan::RowKey;

    #[test]
    fn only_what_maintainers_can_do_is_asked_of_them() {
        let dana = [cast::recipient("dana.reyes@city.example", "")];
        let key = RowKey {
            user: crate::name::UserName::new("kim.lee").unwrap(),
            identity: String::new(),
            entitlement: "access".to_owned(),
        };
        let ours = [
            Write::Adopt {
                guid: cast::guid(1),
                dn: cast::dn("CN=x,DC=y"),
            },
            Write::Row {
                key,
                before: None,
                after: None,
            },
        ];
        let ours = ours.map(|write| cast::change("o", Action::Adopt, "kim.lee", "", write));
        assert_eq!(DirectoryWork::of("AD", &ours, &dana), None);
        assert_eq!(DirectoryWork::of("AD", &cast::changes(), &[]), None);
        let all: Vec<Change> = cast::changes().into_iter().chain(ours).collect();
        let work = DirectoryWork::of("AD", &all, &dana).unwrap();
        assert_eq!(work.changes(), cast::changes());
    }

    #[test]
    fn the_fingerprint_is_of_the_changes_and_their_order() {
        let mut changes = cast::changes();
        let fingerprint = |changes: &[Change]| cast::work(changes).fingerprint();
        let first = fingerprint(&changes);
        assert_eq!(fingerprint(&cast::changes()), first);
        changes.swap(0, 1);
        assert_ne!(fingerprint(&changes), first);
        changes.swap(0, 1);
        changes.pop();
        assert_ne!(fingerprint(&changes), first);
    }

    #[test]
    fn a_line_shows_what_changes_and_never_a_secret() {
        let mut changes = cast::changes();
        let secret = FieldChange {
            name: "unicodePwd".into(),
            before: Vec::new(),
            after: vec!["secret".into()],
        };
        let photo = FieldChange {
            name: "jpegPhoto".into(),
            before: vec![Value::new([0xff, 0xd8])],
            after: Vec::new(),
        };
        changes[4].fields.extend([secret, photo]);
        let shown: Vec<String> = line(&changes[4])
            .difference
            .iter()
            .map(|line| format!("{}{}", line.sign, line.text))
            .collect();
        let expected = [
            "-title: Intern",
            "-jpegPhoto: (2 bytes)",
            "+title: Planner, \"senior\"",
        ];
        assert_eq!(shown, expected);
        let signs: String = changes.iter().map(|change| line(change).sign).collect();
        assert_eq!(signs, "--+~~~~~++");
    }

    #[test]
    fn where_only_passwords_are_left_the_mail_has_no_ldif() {
        let (run, mut changes) = (cast::run(), cast::changes());
        changes.retain(|c| matches!(c.action, Action::SetPassword | Action::Enable));
        let work = cast::work(&changes);
        let files = work.attachments(&run);
        assert_eq!(
            files.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(),
            [POWERSHELL_NAME]
        );
        assert_eq!(work.page(&files).ldif, None);
        assert!(work.page(&files).passwords);
    }
}
