//! Names of manifests and their parts: a string with a rule becomes a type.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::{Borrow, Cow};
use std::fmt;
use std::sync::Arc;

/// Rule for `metadata.name` and every reference: at most 64 of these characters.
pub const NAME_PATTERN: &str = "^[a-z0-9._-]{1,64}$";

/// Rule for field, attribute and question names (LDAP attribute names are camel case).
pub const FIELD_NAME_PATTERN: &str = "^[A-Za-z][A-Za-z0-9._-]{0,63}$";

/// A text that is not a name of the wanted sort.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {what}")]
pub struct NameError {
    /// What was wanted, as a reader would call it.
    pub what: &'static str,
    /// The text as it was given.
    pub text: String,
}

fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
}

fn is_field_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// A text in lower case; most are already.
pub fn lower(text: &str) -> Cow<'_, str> {
    // All of it, without a way out: that is many bytes at once.
    let or_other = |found, b: u8| found | (b >= 0x80) | (b.wrapping_sub(b'A') < 26);
    match text.bytes().fold(false, or_other) {
        false => Cow::Borrowed(text),
        true => Cow::Owned(text.to_lowercase()),
    }
}

macro_rules! names {
    ($($(#[$doc:meta])* $type:ident, $what:literal, $pattern:expr, $rule:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Takes a text that keeps the rule.
            ///
            /// # Errors
            /// [`NameError`] where it does not.
            pub fn new(text: &str) -> Result<Self, NameError> {
                if $rule(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(NameError { what: $what, text: text.into() })
                }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                // What is named, for schemas that list the names of a repository; published ones do without.
                json_schema!({ "type": "string", "pattern": $pattern, "$comment": $what })
            }
        }
    )*};
}

names! {
    /// The `metadata.name` of any manifest, whatever its kind.
    ManifestName, "manifest name", NAME_PATTERN, is_name;
    /// The `metadata.name` of an `Organization`.
    OrganizationName, "organization name", NAME_PATTERN, is_name;
    /// The `metadata.name` of a `User`: a permanent handle, not the login.
    UserName, "user name", NAME_PATTERN, is_name;
    /// The `metadata.name` of a `Resource`.
    ResourceName, "resource name", NAME_PATTERN, is_name;
    /// The `metadata.name` of a `Role`: `<resource>.<x>`.
    RoleName, "role name", NAME_PATTERN, is_name;
    /// The `metadata.name` of a `Scope`: `<resource>.<x>`.
    ScopeName, "scope name", NAME_PATTERN, is_name;
    /// The `metadata.name` of an `Identity`.
    IdentityName, "identity name", NAME_PATTERN, is_name;
    /// The `metadata.name` of a `Profile`.
    ProfileName, "profile name", NAME_PATTERN, is_name;
    /// The `metadata.name` of a `Request`.
    RequestName, "request name", NAME_PATTERN, is_name;
    /// The `metadata.name` of a `Policy`.
    PolicyName, "policy name", NAME_PATTERN, is_name;
    /// A level within a resource; `access` is the implicit one.
    LevelName, "level name", NAME_PATTERN, is_name;
    /// The name of an identity type within a resource.
    IdentityType, "identity type", NAME_PATTERN, is_name;
    /// A field of a resource; of the directory: the LDAP attribute name, spelling kept.
    FieldName, "field name", FIELD_NAME_PATTERN, is_field_name;
}

macro_rules! from_manifest_name {
    ($($type:ident),*) => {$(
        impl From<&ManifestName> for $type {
            fn from(name: &ManifestName) -> Self {
                Self(name.0.clone())
            }
        }
        impl From<&$type> for ManifestName {
            fn from(name: &$type) -> Self {
                Self(name.0.clone())
            }
        }
    )*};
}

from_manifest_name!(
    OrganizationName,
    UserName,
    ResourceName,
    RoleName,
    ScopeName,
    IdentityName,
    ProfileName,
    RequestName,
    PolicyName
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_in_code_is_the_rule_in_the_schema() {
        let name = regex::Regex::new(NAME_PATTERN).unwrap();
        let field = regex::Regex::new(FIELD_NAME_PATTERN).unwrap();
        let long = "a".repeat(65);
        for text in [
            "a",
            "",
            "A",
            "a.b-c_9",
            "ä",
            "a b",
            "-",
            "9a",
            "Ab9",
            long.as_str(),
            "a\n",
        ] {
            assert_eq!(is_name(text), name.is_match(text), "{text:?}");
            assert_eq!(is_field_name(text), field.is_match(text), "{text:?}");
        }
    }
}
