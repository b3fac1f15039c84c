//! Moments: an instant, or a local date or time that becomes one in the configured time zone.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// What a moment looks like in a manifest.
pub const PATTERN: &str =
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?)?$";

/// `2027-02-01`, `2027-02-01T08:00` (both local), or `2027-02-01T08:00:00-05:00`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(pub String);

/// Which end of a day a date alone means (MODEL 25).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// 00:00 of that day.
    Start,
    /// The end of that day: a date-only end is inclusive.
    End,
}

/// That a text is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum MomentError {
    #[error("`{0}` is not a date or time that exists")]
    NotADate(String),
    #[error("`{0}` does not exist in {1}: the clocks are put forward over it")]
    Gap(String, String),
}

impl Moment {
    /// The instant it means in a time zone.
    ///
    /// An overlap (the clocks are put back) is the earlier of the two instants.
    ///
    /// # Errors
    /// [`MomentError`] where there is no such date or time.
    pub fn resolve(&self, zone: &TimeZone, edge: Edge) -> Result<Timestamp, MomentError> {
        let text = self.0.as_str();
        let none = || MomentError::NotADate(text.to_owned());
        if text.len() == 10 {
            let date: Date = text.parse().map_err(|_| none())?;
            let date = match edge {
                Edge::Start => date,
                Edge::End => date.checked_add(1.day()).map_err(|_| none())?,
            };
            return local(
                date.to_datetime(jiff::civil::Time::midnight()),
                zone,
                text,
                Gap::Forward,
            );
        }
        let zoned = text.ends_with('Z') || text.get(16..).is_some_and(|t| t.contains(['+', '-']));
        if zoned {
            return text.parse::<Timestamp>().map_err(|_| none());
        }
        let time: DateTime = text.parse().map_err(|_| none())?;
        local(time, zone, text, Gap::Error)
    }

    /// The day, where it is one as a whole.
    pub fn day(&self) -> Option<Date> {
        (self.0.len() == 10).then(|| self.0.parse().ok())?
    }
}

enum Gap {
    /// Midnight itself may be skipped by a change of clocks: the day then starts at the first instant there is.
    Forward,
    Error,
}

fn local(time: DateTime, zone: &TimeZone, text: &str, gap: Gap) -> Result<Timestamp, MomentError> {
    let ambiguous = zone.to_ambiguous_timestamp(time);
    let name = || zone.iana_name().unwrap_or("this time zone").to_owned();
    let result = match (ambiguous.offset().is_gap(), gap) {
        (true, Gap::Error) => return Err(MomentError::Gap(text.to_owned(), name())),
        (true, Gap::Forward) => ambiguous.later(),
        (false, _) => ambiguous.earlier(),
    };
    result.map_err(|_| MomentError::NotADate(text.to_owned()))
}

trait IsGap {
    fn is_gap(&self) -> bool;
}

impl IsGap for jiff::tz::AmbiguousOffset {
    fn is_gap(&self) -> bool {
        matches!(self, Self::Gap { .. })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": PATTERN })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, edge: Edge) -> Result<String, MomentError> {
        let zone = TimeZone::get("America/Indiana/Indianapolis").unwrap();
        Moment(text.into())
            .resolve(&zone, edge)
            .map(|t| t.to_string())
    }

    #[test]
    fn dates_and_times_are_local_and_date_ends_are_inclusive() {
        assert_eq!(
            at("2027-02-01", Edge::Start).unwrap(),
            "2027-02-01T05:00:00Z"
        );
        assert_eq!(at("2027-02-01", Edge::End).unwrap(), "2027-02-02T05:00:00Z");
        assert_eq!(
            at("2027-02-01T08:00", Edge::End).unwrap(),
            "2027-02-01T13:00:00Z"
        );
        assert_eq!(
            at("2027-02-01T08:00:00+01:00", Edge::End).unwrap(),
            "2027-02-01T07:00:00Z"
        );
        assert_eq!(
            at("2027-02-01T08:00Z", Edge::End).unwrap(),
            "2027-02-01T08:00:00Z"
        );
    }

    #[test]
    fn another_zone_moves_what_is_local_and_nothing_else() {
        let in_zone = |text: &str, zone: &str| {
            let zone = TimeZone::get(zone).unwrap();
            let moment = Moment(text.into()).resolve(&zone, Edge::End);
            moment.unwrap().to_string()
        };
        for (text, indiana, berlin) in [
            ("2027-02-01", "2027-02-02T05:00:00Z", "2027-02-01T23:00:00Z"),
            (
                "2027-02-01T08:00",
                "2027-02-01T13:00:00Z",
                "2027-02-01T07:00:00Z",
            ),
            (
                "2027-02-01T08:00Z",
                "2027-02-01T08:00:00Z",
                "2027-02-01T08:00:00Z",
            ),
            // The clocks change on different days, and a day may have 23 or 25 hours.
            ("2027-03-28", "2027-03-29T04:00:00Z", "2027-03-28T22:00:00Z"),
            ("2027-10-31", "2027-11-01T04:00:00Z", "2027-10-31T23:00:00Z"),
        ] {
            assert_eq!(
                in_zone(text, "America/Indiana/Indianapolis"),
                indiana,
                "{text}"
            );
            assert_eq!(in_zone(text, "Europe/Berlin"), berlin, "{text}");
        }
    }

    #[test]
    fn a_gap_is_an_error_and_an_overlap_the_earlier() {
        assert!(matches!(
            at("2027-03-14T02:30", Edge::Start),
            Err(MomentError::Gap(..))
        ));
        assert_eq!(
            at("2027-11-07T01:30", Edge::Start).unwrap(),
            "2027-11-07T05:30:00Z"
        );
        assert!(matches!(
            at("2027-02-29", Edge::Start),
            Err(MomentError::NotADate(_))
        ));
        assert_eq!(at("2028-02-29", Edge::End).unwrap(), "2028-03-01T05:00:00Z");
    }
}
