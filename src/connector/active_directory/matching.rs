//! How the directory compares: turns two values of an attribute into whether they mean the same.
//!
//! Source: MS-ADTS 3.1.1.2.2.4 (syntaxes).
//! Decision: names that accounts are found by are compared without case, as the directory does. All
//! other text is compared exactly, though the directory would not: `Mcdonald` for `McDonald` in a
//! person's name is a change that people see, and the prefix's case in `SMTP:` has a meaning.

mod limits;

pub use limits::{
    LOGIN_FORBIDDEN, LOGIN_LONGEST, is_login, is_single_valued, length, longest, named,
};

use crate::connector::{AttributeName, EntryKind, Value};
use crate::dn::Dn;
use std::borrow::Cow;

/// Bits of userAccountControl (MS-ADTS 2.2.16).
pub mod uac {
    /// The account is disabled.
    pub const ACCOUNTDISABLE: u32 = 0x2;
    /// Locked after wrong passwords. Read-only: it is cleared by `lockoutTime`.
    pub const LOCKOUT: u32 = 0x10;
    /// No password is needed: a new account has it until it is cleared.
    pub const PASSWD_NOTREQD: u32 = 0x20;
    /// The password is kept so that it can be read.
    pub const ENCRYPTED_TEXT_PASSWORD_ALLOWED: u32 = 0x80;
    /// The user cannot change the password. Read-only: it is an access right.
    pub const PASSWD_CANT_CHANGE: u32 = 0x40;
    /// An ordinary account: the directory adds it where no other sort of account is said.
    pub const NORMAL_ACCOUNT: u32 = 0x200;
    /// The password never expires.
    pub const DONT_EXPIRE_PASSWORD: u32 = 0x1_0000;
    /// Tickets are given to whoever asks, to be broken at home.
    pub const DONT_REQUIRE_PREAUTH: u32 = 0x40_0000;
    /// The password has expired. Read-only.
    pub const PASSWORD_EXPIRED: u32 = 0x80_0000;

    /// What an account is made with where nothing is said: disabled, no password needed, ordinary.
    pub const OF_NEW_ACCOUNT: u32 = ACCOUNTDISABLE | PASSWD_NOTREQD | NORMAL_ACCOUNT;
    /// What a write cannot set; the directory drops these bits and says nothing.
    pub const READ_ONLY: u32 = LOCKOUT | PASSWD_CANT_CHANGE | PASSWORD_EXPIRED;

    /// Temporary duplicate, ordinary, domain trust, workstation, server: exactly one is set.
    const SORTS_OF_ACCOUNT: u32 = 0x100 | NORMAL_ACCOUNT | 0x800 | 0x1000 | 0x2000;

    /// The bits that the directory keeps of those that are written.
    pub fn kept(written: u32) -> u32 {
        let kept = written & !READ_ONLY;
        if kept & SORTS_OF_ACCOUNT == 0 {
            kept | NORMAL_ACCOUNT
        } else {
            kept
        }
    }

    /// Whether somebody could log on with the account, were there a password.
    pub fn is_enabled(bits: u32) -> bool {
        bits & ACCOUNTDISABLE == 0
    }

    /// Reads a value: a signed number, as the directory prints it.
    pub fn parse(text: &str) -> Option<u32> {
        text.parse::<i32>()
            .ok()
            .map(i32::cast_unsigned)
            .or_else(|| text.parse().ok())
    }
}

/// accountExpires of an account that never expires, as the directory writes it; 0 means the same.
pub const NEVER: i64 = i64::MAX;

/// What sort of object these objectClass values make.
pub fn kind(classes: &[Value]) -> EntryKind {
    let has = |class: &str| {
        classes.iter().any(|v| {
            v.text()
                .is_some_and(|text| text.eq_ignore_ascii_case(class))
        })
    };
    if has("user") && !has("computer") {
        EntryKind::Account
    } else if has("group") {
        EntryKind::Group
    } else if has("organizationalUnit") || has("container") {
        EntryKind::Unit
    } else {
        EntryKind::Other
    }
}

/// Whether the values name the same object, or are the same value.
pub fn same_value(attribute: &AttributeName, one: &Value, other: &Value) -> bool {
    if one == other {
        return true;
    }
    let (Some(a), Some(b)) = (one.text(), other.text()) else {
        return false;
    };
    match comparison(attribute) {
        Comparison::Dn => match (Dn::parse(a), Dn::parse(b)) {
            (Ok(a), Ok(b)) => a == b,
            (Ok(_) | Err(_), Ok(_) | Err(_)) => false,
        },
        Comparison::NoCase => a.to_lowercase() == b.to_lowercase(),
        Comparison::AccountControl => match (uac::parse(a), uac::parse(b)) {
            (Some(a), Some(b)) => uac::kept(a) == uac::kept(b),
            (Some(_) | None, Some(_) | None) => false,
        },
        Comparison::AccountExpires => {
            account_expires_never(Some(one)) && account_expires_never(Some(other))
        }
        Comparison::Exact => false,
    }
}

/// Whether the values are the same set, in whatever order.
pub fn same_values(attribute: &AttributeName, one: &[Value], other: &[Value]) -> bool {
    let dates = comparison(attribute) == Comparison::AccountExpires;
    if dates && one.len() <= 1 && other.len() <= 1 {
        let (one, other) = (one.first(), other.first());
        return match (account_expires_never(one), account_expires_never(other)) {
            (true, true) => true,
            (false, false) => one == other,
            (true, false) | (false, true) => false,
        };
    }
    match comparison(attribute) {
        Comparison::Dn | Comparison::NoCase | Comparison::Exact => {
            keys(attribute, one) == keys(attribute, other)
        }
        Comparison::AccountControl | Comparison::AccountExpires => {
            let all_in = |these: &[Value], those: &[Value]| {
                these
                    .iter()
                    .all(|a| those.iter().any(|b| same_value(attribute, a, b)))
            };
            all_in(one, other) && all_in(other, one)
        }
    }
}

/// Whether an account with this accountExpires never expires: absent, 0, or [`NEVER`].
pub fn account_expires_never(value: Option<&Value>) -> bool {
    value.is_none_or(|value| {
        value
            .text()
            .and_then(|text| text.parse::<i64>().ok())
            .is_some_and(|t| t == 0 || t == NEVER)
    })
}

/// Whether the values are names of other objects, which follow when those are renamed.
pub fn is_link(attribute: &AttributeName) -> bool {
    LINKS.iter().any(|link| attribute.is(link))
}

/// Attributes whose values are names of other objects and can be written. `memberOf` cannot.
pub const LINKS: &[&str] = &[
    "member",
    "manager",
    "managedBy",
    "assistant",
    "secretary",
    "seeAlso",
    "owner",
];

/// Other attributes whose values are names.
const OTHER_NAMES: &[&str] = &[
    "memberOf",
    "distinguishedName",
    "directReports",
    "managedObjects",
    "objectCategory",
];

const NO_CASE: &[&str] = &[
    "sAMAccountName",
    "userPrincipalName",
    "mail",
    "mailNickname",
    "cn",
    "name",
    "ou",
    "objectClass",
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Dn,
    NoCase,
    AccountControl,
    AccountExpires,
    Exact,
}

fn comparison(attribute: &AttributeName) -> Comparison {
    let among = |names: &[&str]| names.iter().any(|name| attribute.is(name));
    if among(LINKS) || among(OTHER_NAMES) {
        Comparison::Dn
    } else if among(NO_CASE) {
        Comparison::NoCase
    } else if attribute.is("userAccountControl") {
        Comparison::AccountControl
    } else if attribute.is("accountExpires") {
        Comparison::AccountExpires
    } else {
        Comparison::Exact
    }
}

/// Equal where the values are the same; only for comparisons that have such a key.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    Dn(Dn),
    Text(Cow<'a, str>),
    Bytes(&'a [u8]),
}

fn keys<'a>(attribute: &AttributeName, values: &'a [Value]) -> Vec<Key<'a>> {
    let mut keys = values.iter().map(|v| key(attribute, v)).collect::<Vec<_>>();
    keys.sort();
    keys.dedup();
    keys
}

fn key<'a>(attribute: &AttributeName, value: &'a Value) -> Key<'a> {
    match (comparison(attribute), value.text()) {
        (Comparison::Dn, Some(text)) => Dn::parse(text).map_or(Key::Text(text.into()), Key::Dn),
        (Comparison::NoCase, Some(text)) => Key::Text(text.to_lowercase().into()),
        (_, Some(_) | None) => Key::Bytes(value.bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(attribute: &'static str, one: &str, other: &str) -> bool {
        let (attribute, one, other) = (attribute.into(), Value::from(one), Value::from(other));
        let same = same_value(&attribute, &one, &other);
        assert_eq!(same, same_value(&attribute, &other, &one));
        assert_eq!(same, same_values(&attribute, &[one], &[other]));
        same
    }

    #[test]
    fn names_of_objects_are_compared_as_names() {
        assert!(same("manager", r"CN=a\;b,DC=x", r"cn=A\3Bb, dc=X"));
        assert!(same("MEMBER", "CN=Jörg,DC=x", "CN=JÖRG,DC=x"));
        assert!(!same("member", "CN=a,DC=x", "CN=b,DC=x"));
        assert!(!same("memberOf", "nonsense", "other nonsense"));
        assert!(is_link(&"Manager".into()) && !is_link(&"memberOf".into()));
    }

    #[test]
    fn what_accounts_are_found_by_has_no_case_and_other_text_has() {
        assert!(same("sAMAccountName", "Maria.Lopez", "maria.lopez"));
        assert!(same(
            "userPrincipalName",
            "A@city.example",
            "a@CITY.example"
        ));
        assert!(same("mail", "Ä@x", "ä@x"));
        assert!(!same("sn", "Mcdonald", "McDonald"));
        assert!(!same("proxyAddresses", "SMTP:a@x", "smtp:a@x"));
        let binary = Value::new([0xFF, 0xFE]);
        assert!(same_value(&"mail".into(), &binary, &binary.clone()));
        assert!(!same_value(&"mail".into(), &binary, &"x".into()));
    }

    #[test]
    fn sets_have_no_order() {
        let proxies = AttributeName::from("proxyAddresses");
        let (a, b, c): (Value, Value, Value) = ("smtp:a".into(), "smtp:b".into(), "SMTP:b".into());
        assert!(same_values(
            &proxies,
            &[a.clone(), b.clone()],
            &[b.clone(), a.clone()]
        ));
        assert!(!same_values(
            &proxies,
            &[a.clone(), b.clone()],
            &[a.clone(), c]
        ));
        assert!(!same_values(
            &proxies,
            &[a.clone(), b.clone()],
            std::slice::from_ref(&a)
        ));
        assert!(!same_values(&proxies, &[], &[a]));
        assert!(same_values(&proxies, &[], &[]));
        let members = |text: &[&str]| text.iter().map(|t| Value::from(*t)).collect::<Vec<_>>();
        let (one, other) = (
            members(&["CN=a,DC=x", "CN=b,DC=x"]),
            members(&["cn=B,dc=x", "cn=A,dc=x"]),
        );
        assert!(same_values(&"member".into(), &one, &other));
        assert!(!same_values(&"member".into(), &one, &other[..1]));
    }

    #[test]
    fn account_control_is_compared_without_bits_that_a_write_cannot_set() {
        assert!(same("userAccountControl", "514", "2"));
        assert!(same("userAccountControl", "512", "8389136"));
        assert!(!same("userAccountControl", "512", "514"));
        assert!(!same("userAccountControl", "512", "66048"));
        assert!(!same("userAccountControl", "512", "x"));
        assert_eq!(uac::kept(0), 512);
        assert_eq!(uac::kept(0x1000 | uac::READ_ONLY), 0x1000);
        assert_eq!(uac::OF_NEW_ACCOUNT, 546);
        assert_eq!(uac::parse("-2147483648"), Some(0x8000_0000));
        assert_eq!(uac::parse("2147483648"), Some(0x8000_0000));
        assert!(uac::is_enabled(512) && !uac::is_enabled(514));
    }

    #[test]
    fn never_has_three_spellings() {
        assert!(same("accountExpires", "0", "9223372036854775807"));
        assert!(!same("accountExpires", "0", "133000000000000000"));
        assert!(same(
            "accountExpires",
            "133000000000000000",
            "133000000000000000"
        ));
        let expires = AttributeName::from("accountExpires");
        assert!(same_values(&expires, &[], &["0".into()]));
        assert!(!same_values(&expires, &[], &["1".into()]));
        assert!(account_expires_never(None) && !account_expires_never(Some(&"x".into())));
    }

    #[test]
    fn sorts_of_objects() {
        let of =
            |classes: &[&str]| kind(&classes.iter().map(|c| Value::from(*c)).collect::<Vec<_>>());
        assert_eq!(
            of(&["top", "person", "organizationalPerson", "User"]),
            EntryKind::Account
        );
        assert_eq!(of(&["top", "person", "user", "computer"]), EntryKind::Other);
        assert_eq!(of(&["top", "group"]), EntryKind::Group);
        assert_eq!(of(&["organizationalUnit"]), EntryKind::Unit);
        assert_eq!(of(&["container"]), EntryKind::Unit);
        assert_eq!(of(&["top", "domain", "domainDNS"]), EntryKind::Other);
        assert_eq!(of(&["contact"]), EntryKind::Other);
        assert_eq!(of(&[]), EntryKind::Other);
    }
}
