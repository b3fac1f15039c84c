//! What values the directory takes: how long, how many, of which characters.
//!
//! Source: rangeUpper and isSingleValued of the schema (MS-ADA1 to MS-ADA3), MS-SAMR 3.1.1.6 (log-on names).

use crate::connector::{AttributeName, Value};

/// The most characters of a sAMAccountName of a user; groups have the schema's 256.
pub const LOGIN_LONGEST: usize = 20;

/// The characters that a sAMAccountName cannot have; control characters neither.
pub const LOGIN_FORBIDDEN: &[char] = &[
    '"', '/', '\\', '[', ']', ':', ';', '|', '=', ',', '+', '*', '?', '<', '>',
];

/// Whether the attribute of a user, group or unit takes one value only. An unknown one takes several.
///
/// `description` does, though the schema says otherwise (MS-SAMR 3.1.1.6).
pub fn is_single_valued(attribute: &AttributeName) -> bool {
    SINGLE_VALUED.iter().any(|name| attribute.is(name)) || is_extension(attribute)
}

/// The most characters (UTF-16 units) of a value; none where the schema has no limit or it is not known.
pub fn longest(attribute: &AttributeName) -> Option<usize> {
    LONGEST
        .iter()
        .find(|(name, _)| attribute.is(name))
        .map(|(_, longest)| *longest)
}

/// The attribute of a name. Most names are in these tables, and have no text of their own then.
pub fn named(name: &str) -> AttributeName {
    let mut known = LONGEST.iter().map(|(known, _)| known).chain(SINGLE_VALUED);
    let known = known.find(|known| **known == name);
    known.map_or_else(|| AttributeName::new(name), |known| (*known).into())
}

/// The length of a value as the directory counts it: UTF-16 units of text, else bytes.
pub fn length(value: &Value) -> usize {
    value
        .text()
        .map_or(value.bytes().len(), |text| text.encode_utf16().count())
}

/// Whether the directory takes a text as sAMAccountName, its length aside.
pub fn is_login(text: &str) -> bool {
    !text.contains(LOGIN_FORBIDDEN)
        && !text.contains(char::is_control)
        && !text.ends_with('.')
        && !text.trim().is_empty()
}

/// `extensionAttribute1` and so on, `msDS-cloudExtensionAttribute1` and so on.
fn is_extension(attribute: &AttributeName) -> bool {
    let name = attribute.as_str().to_ascii_lowercase();
    ["extensionattribute", "msds-cloudextensionattribute"]
        .iter()
        .any(|prefix| {
            name.strip_prefix(prefix)
                .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        })
}

#[rustfmt::skip]
const SINGLE_VALUED: &[&str] = &[
    // names
    "sAMAccountName", "userPrincipalName", "mail", "mailNickname", "displayName", "displayNamePrintable",
    "givenName", "middleName", "sn", "initials", "generationQualifier", "personalTitle", "cn", "name",
    "distinguishedName", "targetAddress",
    // work
    "title", "department", "company", "division", "description", "info", "comment", "employeeID",
    "employeeNumber", "employeeType", "manager", "managedBy", "assistant", "owner", "preferredLanguage",
    // where
    "telephoneNumber", "mobile", "facsimileTelephoneNumber", "homePhone", "pager", "ipPhone",
    "physicalDeliveryOfficeName", "streetAddress", "street", "l", "st", "postalCode", "c", "co", "countryCode",
    "wWWHomePage", "homePostalAddress", "thumbnailPhoto",
    // the account
    "userAccountControl", "accountExpires", "pwdLastSet", "unicodePwd", "lockoutTime", "primaryGroupID",
    "groupType", "adminCount", "logonHours", "userWorkstations", "userParameters", "homeDirectory", "homeDrive",
    "profilePath", "scriptPath", "uidNumber", "gidNumber", "loginShell", "unixHomeDirectory",
    // what the directory keeps itself
    "objectGUID", "objectSid", "objectCategory", "isCriticalSystemObject", "msDS-KeyVersionNumber", "uSNChanged",
    "whenCreated", "whenChanged",
];

/// rangeUpper of the schema.
#[rustfmt::skip]
const LONGEST: &[(&str, usize)] = &[
    ("cn", 64), ("ou", 64), ("name", 255), ("sAMAccountName", 256), ("userPrincipalName", 1024),
    ("givenName", 64), ("middleName", 64), ("sn", 64), ("initials", 6), ("displayName", 256),
    ("displayNamePrintable", 256), ("generationQualifier", 64), ("personalTitle", 64),
    ("title", 128), ("department", 64), ("company", 64), ("division", 256), ("description", 1024), ("info", 1024),
    ("employeeID", 16), ("employeeNumber", 512), ("employeeType", 256),
    ("telephoneNumber", 64), ("mobile", 64), ("facsimileTelephoneNumber", 64), ("homePhone", 64), ("pager", 64),
    ("ipPhone", 64), ("otherTelephone", 64), ("otherMobile", 64), ("otherHomePhone", 64),
    ("physicalDeliveryOfficeName", 128), ("streetAddress", 1024), ("street", 1024), ("l", 128), ("st", 128),
    ("postalCode", 40), ("postOfficeBox", 40), ("c", 3), ("co", 128), ("wWWHomePage", 2048),
    ("mail", 256), ("proxyAddresses", 1123), ("thumbnailPhoto", 102_400), ("businessCategory", 128), ("o", 64),
    ("loginShell", 1024), ("unixHomeDirectory", 2048), ("userWorkstations", 1024),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_of_the_schema() {
        let limits = [
            ("cn", 64),
            ("givenName", 64),
            ("sn", 64),
            ("middleName", 64),
            ("initials", 6),
            ("displayName", 256),
            ("title", 128),
            ("department", 64),
            ("company", 64),
            ("division", 256),
            ("description", 1024),
            ("info", 1024),
            ("telephoneNumber", 64),
            ("mobile", 64),
            ("facsimileTelephoneNumber", 64),
            ("physicalDeliveryOfficeName", 128),
            ("streetAddress", 1024),
            ("l", 128),
            ("st", 128),
            ("postalCode", 40),
            ("c", 3),
            ("co", 128),
            ("employeeID", 16),
            ("employeeNumber", 512),
            ("employeeType", 256),
            ("mail", 256),
            ("proxyAddresses", 1123),
            ("ou", 64),
        ];
        for (name, limit) in limits {
            assert_eq!(longest(&name.to_uppercase().into()), Some(limit), "{name}");
        }
        assert_eq!(longest(&"cardNumber".into()), None);
        assert_eq!((length(&"ä".into()), length(&"😀".into())), (1, 2));
        for single in [
            "Title",
            "description",
            "extensionAttribute15",
            "msDS-cloudExtensionAttribute2",
        ] {
            assert!(is_single_valued(&single.into()), "{single}");
        }
        for several in [
            "member",
            "proxyAddresses",
            "ou",
            "otherTelephone",
            "extensionAttribute",
            "seeAlso",
        ] {
            assert!(!is_single_valued(&several.into()), "{several}");
        }
    }

    #[test]
    fn log_on_names() {
        for good in ["maria.lopez", "a b", "a@b", "jörg", "a$", ".a"] {
            assert!(is_login(good), "{good:?}");
        }
        for bad in ["", " ", "a.", "a\nb"] {
            assert!(!is_login(bad), "{bad:?}");
        }
        for c in "\"/\\[]:;|=,+*?<>".chars() {
            assert!(!is_login(&format!("a{c}b")), "{c:?}");
        }
    }
}
