//! `Profile`: what a job in a department usually needs.

use super::identity::GivenIdentity;
use super::organization::OuName;
use super::resource::{FieldType, is_no};
use super::{Access, Line};
use crate::name::{FieldName, OrganizationName, ProfileName, ResourceName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What everybody with the profile gets, and what must be asked of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProfileSpec {
    /// The name people read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The organization whose jobs it describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationName>,
    /// Profiles this one builds on; what it says itself wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extends: Vec<ProfileName>,
    /// Directory field values, unless the user or a request says otherwise.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<FieldName, super::Said>")]
    pub attributes: BTreeMap<FieldName, String>,
    /// The directory OU, unless the user says otherwise; outermost first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub ou: Option<Vec<OuName>>,
    /// What it grants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access: Vec<Access>,
    /// Software it puts on the workstation: resources of type `software`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub software: Vec<ResourceName>,
    /// Identities it gives.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identities: Vec<GivenIdentity>,
    /// What a new-hire form must ask.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<Question>,
}

/// Something a new-hire form asks; the answer is `answers.<key>` in templates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Question {
    /// What the answer is called.
    pub key: FieldName,
    /// What people are asked.
    pub label: String,
    /// What sort of answer it takes; left out: text.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<FieldType>,
    /// Whether there must be an answer.
    #[serde(default, skip_serializing_if = "is_no")]
    pub required: bool,
    /// The answers there are (type `choice`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// A regular expression the whole answer must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// A hint for whoever answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    #[serde(rename = "$line", default)]
    #[schemars(skip)]
    #[allow(missing_docs)]
    pub line: Line,
}

impl Question {
    /// Whether another one asks for the same, wherever it stands.
    pub fn asks_the_same(&self, other: &Self) -> bool {
        let Self {
            key,
            label,
            kind,
            required,
            options,
            pattern,
            hint,
            line: _,
        } = other;
        self.key == *key
            && self.label == *label
            && self.kind == *kind
            && self.required == *required
            && self.options == *options
            && self.pattern == *pattern
            && self.hint == *hint
    }
}
