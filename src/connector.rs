//! Connectors: what observes and applies the entitlements of a resource. The vocabulary of both
//! sides of that edge: entries, writes, failures.

pub mod active_directory;
pub mod read_back;
pub mod roster;

use crate::dn::{Dn, Rdn};
use crate::sorted::Sorted;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// An LDAP attribute name: spelling kept, compared without case.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct AttributeName(Spelling);

/// A directory repeats a few names in every entry, and most are names this program knows.
#[derive(Clone)]
enum Spelling {
    Known(&'static str),
    Read(Arc<str>),
}

impl AttributeName {
    /// Takes a name as it is spelled.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(Spelling::Read(name.into()))
    }

    /// The name as it was spelled.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Spelling::Known(name) => name,
            Spelling::Read(name) => name,
        }
    }

    /// Whether this is the attribute of that name.
    pub fn is(&self, name: &str) -> bool {
        self.as_str().eq_ignore_ascii_case(name)
    }
}

impl From<&'static str> for AttributeName {
    fn from(name: &'static str) -> Self {
        Self(Spelling::Known(name))
    }
}

impl From<String> for AttributeName {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

impl From<AttributeName> for String {
    fn from(name: AttributeName) -> Self {
        name.as_str().to_owned()
    }
}

impl JsonSchema for AttributeName {
    fn schema_name() -> Cow<'static, str> {
        "AttributeName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "An LDAP attribute name: spelling kept, compared without case.",
        })
    }
}

impl PartialEq for AttributeName {
    fn eq(&self, other: &Self) -> bool {
        self.is(other.as_str())
    }
}

impl Eq for AttributeName {}

impl PartialOrd for AttributeName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for AttributeName {
    fn cmp(&self, other: &Self) -> Ordering {
        let (one, other) = (self.as_str().as_bytes(), other.as_str().as_bytes());
        // Every entry is asked for every name: two names mostly are one text, or differ in their first letter.
        if one == other {
            return Ordering::Equal;
        }
        for place in 0..one.len().min(other.len()) {
            let (a, b) = (one[place], other[place]);
            if a != b {
                match a.to_ascii_lowercase().cmp(&b.to_ascii_lowercase()) {
                    Ordering::Equal => {}
                    differs => return differs,
                }
            }
        }
        one.len().cmp(&other.len())
    }
}

impl fmt::Display for AttributeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for AttributeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// One value of an attribute: bytes, mostly UTF-8. Serializes as text, or as `{"base64": …}`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(into = "ValueForm", try_from = "ValueForm")]
pub struct Value(Box<[u8]>);

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum ValueForm {
    /// Text.
    Text(String),
    /// Bytes that are not UTF-8.
    Binary {
        /// The bytes in base64 (RFC 4648 section 4).
        base64: String,
    },
}

impl From<Value> for ValueForm {
    fn from(value: Value) -> Self {
        use base64::Engine as _;
        match String::from_utf8(value.0.into()) {
            Ok(text) => Self::Text(text),
            Err(error) => Self::Binary {
                base64: base64::engine::general_purpose::STANDARD.encode(error.into_bytes()),
            },
        }
    }
}

impl TryFrom<ValueForm> for Value {
    type Error = base64::DecodeError;
    fn try_from(form: ValueForm) -> Result<Self, Self::Error> {
        use base64::Engine as _;
        match form {
            ValueForm::Text(text) => Ok(text.into()),
            ValueForm::Binary { base64 } => base64::engine::general_purpose::STANDARD
                .decode(base64)
                .map(Self::new),
        }
    }
}

impl Value {
    /// Takes the bytes as they are.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The value as text, where it is UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self(text.into_bytes().into())
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text() {
            Some(text) => fmt::Debug::fmt(text, f),
            None => write!(f, "{:02x?}", self.0),
        }
    }
}

/// Attributes of an entry; an attribute without values is not in it (absent is not empty).
pub type Attributes = Sorted<AttributeName, Vec<Value>>;

/// An objectGUID: what an account is, whatever it is called.
///
/// Text form as Microsoft prints it; on the wire the first three groups are little-endian
/// (MS-DTYP 2.3.4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Guid(uuid::Uuid);

impl Guid {
    /// Reads the 16 bytes of an objectGUID value.
    pub fn from_wire(bytes: &[u8]) -> Option<Self> {
        <[u8; 16]>::try_from(bytes)
            .ok()
            .map(|b| Self(uuid::Uuid::from_bytes_le(b)))
    }

    /// The 16 bytes as the directory keeps them.
    pub fn to_wire(self) -> [u8; 16] {
        self.0.to_bytes_le()
    }

    /// Reads the dashed text form.
    pub fn parse(text: &str) -> Option<Self> {
        uuid::Uuid::try_parse(text).ok().map(Self)
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.hyphenated())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Guid> for String {
    fn from(guid: Guid) -> Self {
        guid.to_string()
    }
}

impl TryFrom<String> for Guid {
    type Error = uuid::Error;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        uuid::Uuid::try_parse(&text).map(Self)
    }
}

impl JsonSchema for Guid {
    fn schema_name() -> Cow<'static, str> {
        "Guid".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An objectGUID: what an account is, whatever it is called.",
            "type": "string",
            "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        })
    }
}

/// What sort of entry it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// A person's or service's account (objectCategory person, objectClass user).
    Account,
    /// A group.
    Group,
    /// An organizational unit (or container) others stand in.
    Unit,
    /// Anything else.
    Other,
}

/// One entry as it was read, complete: a `member` list in ranges has been read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands.
    pub dn: Dn,
    /// What it is, whatever it is called.
    pub guid: Guid,
    /// What sort of entry it is.
    pub kind: EntryKind,
    /// The attributes that were asked for and have values.
    pub attributes: Attributes,
}

/// How a write or read names its object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum At {
    /// By objectGUID, wherever it stands now (`<GUID=…>`).
    Guid(Guid),
    /// By name.
    Dn(Dn),
}

/// One step of a modify request. All steps of a request happen, or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Modification {
    /// What is done to the attribute.
    pub operation: ModificationKind,
    /// The attribute.
    pub attribute: AttributeName,
    /// The values added or removed.
    pub values: Vec<Value>,
}

/// What a modification does (RFC 4511 section 4.6). There is no `replace`: it would overwrite what it did not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ModificationKind {
    /// Adds values; fails where one is there.
    Add,
    /// Removes values; fails where one is not there.
    Delete,
}

/// Where a directory stands: whoever asks it later, and finds the same, need not read it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Which copy of the directory was asked.
    pub source: Vec<u8>,
    /// How far it had come.
    pub number: u64,
    /// What it gave to be asked with, where it tells more that way.
    pub cookie: Option<Vec<u8>>,
}

/// What a directory tells of what happened since a mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// That cannot be told: everything has to be read anew.
    Untold,
    /// Surely nothing but these objects was touched. The mark is of before they were listed.
    Touched(Mark, Vec<Touched>),
}

/// An object that was made, changed, renamed, moved or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// What it is.
    pub guid: Guid,
    /// Where it stands, inside the base or not; none where it was deleted.
    pub dn: Option<Dn>,
    /// Whether it surely was made since the mark: nothing of before can refer to it.
    pub is_new: bool,
}

/// A transport of `active-directory`: LDAP to a domain controller, or an LDIF file.
///
/// Invariant: a read is complete or it fails; what could not be read never looks like absence.
pub trait Transport: Send {
    /// What is at the other end, for people: `ldaps://dc1.city.example` or the file's path.
    fn describe(&self) -> String;

    /// The directory's base DN.
    fn base(&self) -> &Dn;

    /// Who is logged on, where somebody is: that account is never touched.
    fn log_on(&self) -> Option<Dn> {
        None
    }

    /// What a userPrincipalName may end in, in lower case: the domains of the forest, and what was
    /// registered besides (uPNSuffixes). None where that cannot be told.
    ///
    /// # Errors
    /// [`Failure`] when the directory could not be asked.
    fn principal_suffixes(&mut self) -> Result<Option<BTreeSet<String>>, Failure> {
        Ok(None)
    }

    /// Where the directory stands now; none where it does not tell.
    ///
    /// # Errors
    /// [`Failure`] when the directory could not be asked.
    fn mark(&mut self) -> Result<Option<Mark>, Failure> {
        Ok(None)
    }

    /// What happened since a mark to what [`Transport::read_all`] tells with these attributes.
    ///
    /// # Errors
    /// [`Failure`] when the directory could not be asked.
    fn since(&mut self, _mark: &Mark, _attributes: &[AttributeName]) -> Result<Since, Failure> {
        Ok(Since::Untold)
    }

    /// Reads every account, group and unit below the base with these attributes, each handed to `found`.
    ///
    /// # Errors
    /// [`Failure`] when anything was left out, for whatever reason; what was found before it is void.
    fn read_all(
        &mut self,
        attributes: &[AttributeName],
        found: &mut dyn FnMut(Entry),
    ) -> Result<(), Failure>;

    /// Reads one entry; `None` where there surely is none.
    ///
    /// # Errors
    /// [`Failure`] when that could not be told.
    fn read(&mut self, at: &At, attributes: &[AttributeName]) -> Result<Option<Entry>, Failure>;

    /// Adds an entry.
    ///
    /// # Errors
    /// [`Failure`] as the directory refused; nothing was written then.
    fn add(&mut self, dn: &Dn, attributes: &Attributes) -> Result<(), Failure>;

    /// Modifies an entry, all steps or none.
    ///
    /// # Errors
    /// [`Failure`] as the directory refused; nothing was written then.
    fn modify(&mut self, at: &At, modifications: &[Modification]) -> Result<(), Failure>;

    /// Renames an entry, moves it below another parent, or both in one.
    ///
    /// # Errors
    /// [`Failure`] as the directory refused; nothing was written then.
    fn rename(&mut self, dn: &Dn, rdn: &Rdn, parent: &Dn) -> Result<(), Failure>;

    /// Sets an account's password as an administrator, and whether it must be changed at the first log-on.
    ///
    /// # Errors
    /// [`Failure`] as the directory refused.
    fn set_password(
        &mut self,
        at: &At,
        password: &secrecy::SecretString,
        next_log_on: NextLogOn,
    ) -> Result<(), Failure>;
}

/// What happens at the first log-on after a password was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NextLogOn {
    /// The user must choose a new one (pwdLastSet 0).
    MustChange,
    /// The password stays.
    Keep,
}

/// That something could not be read or written, and what sort of trouble that is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}{}", code_text(*code, *extended))]
pub struct Failure {
    /// What sort of trouble.
    pub class: FailureClass,
    /// The LDAP result code (RFC 4511 appendix A), where a server answered.
    pub code: Option<u32>,
    /// The extended error in the server's message (`0000052D`), where there was one.
    pub extended: Option<u32>,
    /// One line for people, secrets left out.
    pub message: String,
}

fn code_text(code: Option<u32>, extended: Option<u32>) -> String {
    match (code, extended) {
        (Some(code), Some(extended)) => format!(" (result {code}, {extended:08X})"),
        (Some(code), None) => format!(" (result {code})"),
        (None, _) => String::new(),
    }
}

/// What sort of trouble a failure is: decides between conflict, retry, and asking a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// A value that should go was not there, or one that should come was: someone else wrote.
    Changed,
    /// The object, or one it refers to, is not there.
    Gone,
    /// An object of that name is there already.
    Exists,
    /// The value is there already (a member that is one).
    AlreadyThere,
    /// The value is not there (a member that is none).
    NotThere,
    /// The directory does not take the value: length, form, number of values, reference.
    ValueRejected,
    /// The password does not satisfy the directory's rules.
    PasswordRejected,
    /// No right to do that, or the object is protected.
    Denied,
    /// The object has children.
    HasChildren,
    /// The read ended before its end (size or time limit, lost connection, unreadable part).
    Incomplete,
    /// Busy, unavailable, connection lost: may pass.
    Transient,
    /// Wrong address, certificate, bind, partition: nothing will work until it is mended.
    Configuration,
    /// An answer this program does not know.
    Unknown,
}
