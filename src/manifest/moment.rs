//! Moments: an instant, or a local date or time that becomes one in the configured time zone.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
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

    /// The instant it means, where that is after another: of what is days ago no zone need be asked.
    pub fn resolve_after(&self, now: &Now, zone: &TimeZone, edge: Edge) -> Option<Timestamp> {
        let day = self.0.get(..10)?;
        if day < now.days_ago.as_str() {
            return None;
        }
        let instant = self.resolve(zone, edge).ok()?;
        (now.instant < instant).then_some(instant)
    }

    /// The day, where it is one as a whole.
    pub fn day(&self) -> Option<Date> {
        (self.0.len() == 10).then(|| self.0.parse().ok())?
    }
}

/// An instant, to compare many moments with.
#[derive(Debug, Clone)]
pub struct Now {
    /// The instant.
    pub instant: Timestamp,
    /// A day so long ago that it has ended everywhere, as a moment writes it.
    days_ago: String,
}

impl Now {
    /// Makes an instant ready.
    pub fn new(instant: Timestamp) -> Self {
        // No offset from UTC has more than 26 hours, and a day's end is the next day.
        let ago = instant.checked_sub(SignedDuration::from_hours(4 * 24));
        let ago = ago.unwrap_or(Timestamp::MIN);
        let day = ago.strftime("%Y-%m-%d").to_string();
        // Before the year 0 and after 9999 a day is written otherwise; then every moment is asked.
        let days_ago = if day.len() == 10 { day } else { String::new() };
        Self { instant, days_ago }
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
    fn whether_a_moment_is_after_an_instant_is_told_without_its_zone_only_where_that_is_no_matter()
    {
        let zones = ["America/Indiana/Indianapolis", "Pacific/Kiritimati", "UTC"];
        let instants = ["2027-02-01T00:00:00Z", "2027-02-28T23:59:59Z"];
        let mut later = 0;
        for (zone, instant) in zones.iter().flat_map(|z| instants.map(|i| (z, i))) {
            let zone = TimeZone::get(zone).unwrap();
            let now = Now::new(instant.parse().unwrap());
            let days = (1..=31).map(|day| format!("2027-01-{day:02}"));
            let days = days.chain((1..=30).map(|day| format!("2027-02-{day:02}")));
            let more = ["0000-01-01", "9999-12-30", "2027", "", "nothing at all"];
            for day in days.chain(more.map(String::from)) {
                for time in ["", "T00:00", "T23:59:59+25:00", "T00:00:00-25:00", "Z"] {
                    let moment = Moment(format!("{day}{time}"));
                    for edge in [Edge::Start, Edge::End] {
                        let resolved = moment.resolve(&zone, edge).ok();
                        let resolved = resolved.filter(|at| now.instant < *at);
                        later += usize::from(resolved.is_some());
                        assert_eq!(moment.resolve_after(&now, &zone, edge), resolved);
                    }
                }
            }
        }
        assert!(later > 500, "{later}");
        for instant in [Timestamp::MIN, Timestamp::MAX] {
            let moment = Moment("9999-12-29".into());
            let after = moment.resolve_after(&Now::new(instant), &TimeZone::UTC, Edge::Start);
            assert_eq!(after.is_some(), instant == Timestamp::MIN);
        }
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
