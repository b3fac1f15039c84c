//! Windows of `countersign.yaml`: when changes are made, and when they wait.

use super::Moment;
use super::config::Weekday;
use crate::name::ResourceName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When changes are made, and when they wait. Who leaves does not wait: an account is disabled at
/// once, and what somebody who left has goes at once.
///
/// A change is made where it is inside an `allow` window, or none of those is about its resource, and
/// it is inside no `deny` window.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WindowsSpec {
    /// The IANA time zone of their times; left out: the repository's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// When changes are made; none: at any time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<WindowSpec>,
    /// When they wait all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<WindowSpec>,
}

/// A time: of every week (`days`, `from`, `until`), or once (`begins`, `ends`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WindowSpec {
    /// The days on which it begins; left out: every day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Weekday>,
    /// When it begins on such a day; left out: at its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<TimeOfDay>,
    /// When it ends; where that is no later than `from`, on the next day. Left out: at the end of the day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<TimeOfDay>,
    /// When it begins, once; left out: it has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begins: Option<Moment>,
    /// When it ends, once; a date is inclusive. Left out: it does not end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Moment>,
    /// The resources it is about; left out: all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ResourceName>,
    /// Why; people are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl WindowSpec {
    /// Whether it says anything of a week.
    pub fn is_weekly(&self) -> bool {
        !self.days.is_empty() || self.from.is_some() || self.until.is_some()
    }

    /// Whether it says anything of a time that comes once.
    pub fn is_dated(&self) -> bool {
        self.begins.is_some() || self.ends.is_some()
    }
}

/// A time of day, `07:00`; `24:00` is the end of the day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TimeOfDay(
    #[schemars(regex(pattern = r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"))] pub String,
);
