//! `Policy`: a rule in CEL over manifests and over what a pull request changes.

use super::Moment;
use crate::name::{ResourceName, UserName};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeMap};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// When a rule is asked, of what, and what follows when it says no.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicySpec {
    /// The name people read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Why the rule exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Asked of a state, or of a change.
    pub stage: PolicyStage,
    /// What it is asked of; left out: once for the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<PolicySubject>,
    /// Expressions with names, for use in the validations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// What must be true.
    #[schemars(length(min = 1))]
    pub validations: Vec<Validation>,
    /// What follows when it is not.
    pub effect: Effect,
    /// What is let pass all the same, for a time and a reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<PolicyException>,
}

/// Something that a policy lets pass: all that is said must fit. One that nothing fits is a finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("anyOf" = [{"required": ["user"]}, {"required": ["resource"]}]))]
pub struct PolicyException {
    /// Only of this user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserName>,
    /// Only of this resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceName>,
    /// Why.
    #[schemars(with = "super::Said")]
    pub reason: String,
    /// The last day (inclusive) or end instant of it.
    pub until: Moment,
}

/// When a policy is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyStage {
    /// In `validate` and `plan`, of what is.
    State,
    /// In `diff` and `approve-check`, of what changes.
    Change,
}

/// What a policy is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PolicySubject {
    /// Every user.
    User,
    /// Every entitlement gained.
    Gained,
    /// Every entitlement lost.
    Lost,
    /// Every resource.
    Resource,
}

/// One thing that must be true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Validation {
    /// A CEL expression; true is fine.
    pub expression: String,
    /// What to say when it is not, as a template.
    pub message: String,
}

/// What follows when a policy says no: `deny`, `warn`, or `{approvals: n}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It may not be.
    Deny,
    /// It is said.
    Warn,
    /// So many approvers are needed.
    Approvals(u32),
}

impl JsonSchema for Effect {
    fn schema_name() -> Cow<'static, str> {
        "Effect".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "string", "enum": ["deny", "warn"] },
            { "type": "object",
              "properties": { "approvals": {
                  "description": "So many approvers are needed.",
                  "type": "integer", "minimum": 1, "maximum": 9 } },
              "required": ["approvals"], "additionalProperties": false },
        ] })
    }
}

impl Serialize for Effect {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Deny => serializer.serialize_str("deny"),
            Self::Warn => serializer.serialize_str("warn"),
            Self::Approvals(n) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("approvals", n)?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Effect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EffectVisitor;
        impl<'de> Visitor<'de> for EffectVisitor {
            type Value = Effect;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`deny`, `warn` or `{approvals: n}`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Effect, E> {
                match text {
                    "deny" => Ok(Effect::Deny),
                    "warn" => Ok(Effect::Warn),
                    other => Err(E::unknown_variant(other, &["deny", "warn"])),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Effect, A::Error> {
                let mut approvals = None;
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "approvals" => approvals = Some(map.next_value()?),
                        other => return Err(de::Error::unknown_field(other, &["approvals"])),
                    }
                }
                approvals
                    .map(Effect::Approvals)
                    .ok_or_else(|| de::Error::missing_field("approvals"))
            }
        }
        deserializer.deserialize_any(EffectVisitor)
    }
}
