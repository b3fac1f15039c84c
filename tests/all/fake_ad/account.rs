//! A written account to what SAM makes of it: flags, passwords, unique names, groups.

use super::directory::{Content, Directory, NodeId};
use super::name::fold;
use super::refusal::{Problem, Refusal};
use super::text;
use super::{LongLogin, PolicyAnswer};
use ldap3_proto::proto::LdapResultCode as Code;
use std::collections::BTreeSet;

/// Bits of userAccountControl (MS-ADTS 2.2.16).
pub mod bits {
    pub const DISABLED: i64 = 0x2;
    pub const LOCKOUT: i64 = 0x10;
    pub const PASSWORD_NOT_REQUIRED: i64 = 0x20;
    pub const CANNOT_CHANGE_PASSWORD: i64 = 0x40;
    pub const NORMAL: i64 = 0x200;
    pub const PASSWORD_NEVER_EXPIRES: i64 = 0x1_0000;
    pub const PASSWORD_EXPIRED: i64 = 0x80_0000;
    /// Of these every account has one.
    pub const TYPES: i64 = 0x100 | NORMAL | 0x800 | 0x1000 | 0x2000;
    /// Writes of these succeed and are dropped.
    pub const READ_ONLY: i64 = LOCKOUT | CANNOT_CHANGE_PASSWORD | PASSWORD_EXPIRED;
}

/// accountExpires of an account that never does.
pub const NEVER: i64 = i64::MAX;

/// groupType: a global security group.
pub const GLOBAL_SECURITY: i64 = -2_147_483_646;
const SECURITY: i64 = 0x8000_0000;
const SCOPES: i64 = 0x2 | 0x4 | 0x8;
const GLOBAL: i64 = 0x2;
const DOMAIN_LOCAL: i64 = 0x4;

/// Characters that no login may hold (sAMAccountName page of the ADSchema reference).
const NOT_IN_LOGINS: &[char] = &[
    '"', '/', '\\', '[', ']', ':', ';', '|', '=', ',', '+', '*', '?', '<', '>',
];

/// A write of one object on its way through the checks.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    pub content: Content,
    /// The attributes that the request names, as the schema spells them.
    pub written: BTreeSet<String>,
    pub password: NewPassword,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NewPassword {
    #[default]
    None,
    /// An administrator's reset, or the password of a new account.
    Reset(String),
    /// A user's change: the old password must be right.
    Change { old: String, new: Option<String> },
}

impl Directory {
    /// Checks and completes a written object. `old` is what stood before, empty for a new object.
    ///
    /// # Errors
    /// The refusal that Active Directory documents for the first rule broken.
    pub(super) fn settle(
        &self,
        id: Option<NodeId>,
        old: &Content,
        draft: &mut Draft,
    ) -> Result<(), Refusal> {
        let user = draft.content.is_a("user");
        if user || draft.content.is_a("group") {
            self.check_login(id, old, &draft.content)?;
        }
        if draft.content.is_a("group") {
            settle_group(old, &mut draft.content)?;
        }
        if user {
            self.check_principal(id, &draft.content)?;
            settle_flags(&mut draft.content);
            self.settle_password(old, draft)?;
            self.settle_times(draft)?;
            check_enabled(old, &draft.content)?;
        }
        Ok(())
    }

    /// sAMAccountName: characters, length for users, uniqueness in the domain.
    fn check_login(&self, id: Option<NodeId>, old: &Content, new: &Content) -> Result<(), Refusal> {
        let Some(login) = new.text("sAMAccountName") else {
            return Ok(());
        };
        if old.text("sAMAccountName") == Some(login) {
            return Ok(());
        }
        let bad = login
            .chars()
            .any(|c| c.is_control() || NOT_IN_LOGINS.contains(&c))
            || login.ends_with('.')
            || login.chars().all(|c| c == ' ' || c == '.');
        if bad {
            return Err(self.about("sAMAccountName", Code::ConstraintViolation, 0x202F));
        }
        let person = new.is_a("user") && !new.is_a("computer");
        if person && login.chars().count() > 20 {
            return Err(match self.options.long_login {
                LongLogin::Constraint => {
                    self.about("sAMAccountName", Code::ConstraintViolation, 0x202F)
                }
                LongLogin::WillNotPerform => Refusal::service(0x1F),
            });
        }
        match self.by_login(login) {
            Some(holder) if Some(holder) != id => {
                let group = self.node(holder).content.is_a("group");
                Err(Refusal::exists(if group { 0x526 } else { 0x524 }))
            }
            _ => Ok(()),
        }
    }

    fn check_principal(&self, id: Option<NodeId>, new: &Content) -> Result<(), Refusal> {
        let Some(principal) = new.text("userPrincipalName") else {
            return Ok(());
        };
        match self.by_principal(principal) {
            Some(holder) if Some(holder) != id => {
                Err(self.about("userPrincipalName", Code::ConstraintViolation, 0x21C8))
            }
            _ => Ok(()),
        }
    }

    fn settle_password(&self, old: &Content, draft: &mut Draft) -> Result<(), Refusal> {
        let (password, own) = match std::mem::take(&mut draft.password) {
            NewPassword::None => return Ok(()),
            NewPassword::Reset(password) => (password, false),
            NewPassword::Change { old: given, new } => {
                if old.password.as_ref() != Some(&given) {
                    return Err(self.about("unicodePwd", Code::ConstraintViolation, 0x56));
                }
                let new = new.ok_or_else(|| Refusal::service(0x1F))?;
                (new, true)
            }
        };
        if !self.is_acceptable(&password, &draft.content) {
            let constraint = own || self.options.policy_answer == PolicyAnswer::Constraint;
            return Err(if constraint {
                self.about("unicodePwd", Code::ConstraintViolation, 0x52D)
            } else {
                Refusal::service(0x52D)
            });
        }
        draft.content.password = Some(password);
        if !draft.written.contains("pwdLastSet") {
            let now = text::filetime(self.now);
            draft.content.set_number("pwdLastSet", now);
        }
        Ok(())
    }

    /// The domain's policy: length, three of five sorts of characters, no part of the own name
    /// (MS-SAMR 3.1.1.7.2).
    pub(super) fn is_acceptable(&self, password: &str, content: &Content) -> bool {
        let policy = &self.node(self.domain()).content;
        let least = policy.number("minPwdLength").unwrap_or(0);
        if i64::try_from(password.chars().count()).is_ok_and(|length| length < least) {
            return false;
        }
        if policy.number("pwdProperties").unwrap_or(0) & 1 == 0 {
            return true;
        }
        let sorts: [fn(char) -> bool; 5] = [
            char::is_uppercase,
            char::is_lowercase,
            |c| c.is_ascii_digit(),
            |c| c.is_ascii() && !c.is_ascii_alphanumeric(),
            |c| c.is_alphabetic() && !c.is_uppercase() && !c.is_lowercase(),
        ];
        if sorts
            .iter()
            .filter(|sort| password.chars().any(*sort))
            .count()
            < 3
        {
            return false;
        }
        let login = content.text("sAMAccountName").into_iter();
        let shown = content.text("displayName").unwrap_or_default();
        let names = login.chain(shown.split([',', '.', '-', '_', ' ', '#', '\t']));
        let password = fold(password);
        names
            .filter(|name| name.chars().count() >= 3)
            .all(|name| !password.contains(&fold(name)))
    }

    fn settle_times(&self, draft: &mut Draft) -> Result<(), Refusal> {
        if draft.written.contains("pwdLastSet") {
            match draft.content.number("pwdLastSet") {
                Some(0) => {}
                Some(-1) => draft
                    .content
                    .set_number("pwdLastSet", text::filetime(self.now)),
                _ => return Err(Refusal::argument(0x57)),
            }
        }
        let computer = draft.content.is_a("computer");
        let defaults = [
            ("pwdLastSet", 0),
            ("accountExpires", NEVER),
            ("primaryGroupID", if computer { 515 } else { 513 }),
            ("badPwdCount", 0),
            ("countryCode", 0),
        ];
        for (name, value) in defaults {
            if draft.content.number(name).is_none() {
                draft.content.set_number(name, value);
            }
        }
        Ok(())
    }

    /// A refusal about a known attribute.
    pub(super) fn about(&self, name: &str, code: Code, win32: u32) -> Refusal {
        let id = self.schema.attribute(name).map_or(0, |a| a.id);
        Refusal::attribute(code, win32, Problem::Constraint, id, name)
    }

    /// Which reason there is to refuse a right password, as the sub-code of result 49.
    pub(super) fn barrier(&self, id: NodeId) -> Option<&'static str> {
        let content = &self.node(id).content;
        let flags = content.number("userAccountControl").unwrap_or(0);
        let expires = content.number("accountExpires").unwrap_or(0);
        if flags & bits::DISABLED != 0 {
            Some("533")
        } else if expires != 0 && expires <= text::filetime(self.now) {
            Some("701")
        } else if content.number("pwdLastSet") == Some(0)
            && flags & bits::PASSWORD_NEVER_EXPIRES == 0
        {
            Some("773")
        } else {
            None
        }
    }
}

fn settle_group(old: &Content, new: &mut Content) -> Result<(), Refusal> {
    let kind = new.number("groupType").unwrap_or(GLOBAL_SECURITY);
    new.set_number("groupType", kind);
    if let Some(before) = old.number("groupType") {
        let (from, to) = (before & SCOPES, kind & SCOPES);
        // Between global and domain-local only by way of universal.
        if (from, to) == (GLOBAL, DOMAIN_LOCAL) || (from, to) == (DOMAIN_LOCAL, GLOBAL) {
            return Err(Refusal::service(0x2141));
        }
    }
    new.set_number("sAMAccountType", group_account_type(kind));
    Ok(())
}

/// sAMAccountType of a group, by its groupType.
pub fn group_account_type(kind: i64) -> i64 {
    let local = i64::from(kind & SCOPES == DOMAIN_LOCAL);
    let plain = i64::from(kind & SECURITY == 0);
    0x1000_0000 + local * 0x1000_0000 + plain
}

/// userAccountControl as it is stored, whatever was written.
fn settle_flags(new: &mut Content) {
    let mut flags = new
        .number("userAccountControl")
        .unwrap_or(bits::DISABLED | bits::PASSWORD_NOT_REQUIRED | bits::NORMAL);
    flags &= !bits::READ_ONLY;
    if flags & bits::TYPES == 0 {
        flags |= bits::NORMAL;
    }
    new.set_number("userAccountControl", flags);
    let computer = i64::from(new.is_a("computer"));
    new.set_number("sAMAccountType", 0x3000_0000 + computer);
}

/// Active Directory does not enable an account that has no password, unless none is required.
fn check_enabled(old: &Content, new: &Content) -> Result<(), Refusal> {
    let flags = new.number("userAccountControl").unwrap_or(0);
    let usable = flags & (bits::DISABLED | bits::PASSWORD_NOT_REQUIRED) == 0;
    let touched = old.number("userAccountControl") != Some(flags);
    if usable && touched && new.password.is_none() && !new.is_a("computer") {
        return Err(Refusal::service(0x52D));
    }
    Ok(())
}

/// The live flags, of which userAccountControl itself holds only a part.
pub fn computed_control(content: &Content) -> Option<i64> {
    let flags = content.number("userAccountControl")?;
    let mut live = 0;
    if content.number("lockoutTime").unwrap_or(0) != 0 {
        live |= bits::LOCKOUT;
    }
    let set = content.number("pwdLastSet").unwrap_or(0);
    if set == 0 && flags & bits::PASSWORD_NEVER_EXPIRES == 0 {
        live |= bits::PASSWORD_EXPIRED;
    }
    Some(live)
}
