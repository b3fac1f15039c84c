//! Windows: at which instants steps are taken, and at which they wait. Pure.
//!
//! Decision: a time that the clocks skip in spring is the instant at which they skip it. Of a time that
//! comes twice in autumn a beginning is the earlier one; an end is the later one where steps wait, and
//! the earlier one where they may be taken: in doubt they wait.

use crate::manifest::config::Weekday as Day;
use crate::manifest::windows::{TimeOfDay, WindowSpec, WindowsSpec};
use crate::manifest::{Edge, Moment, MomentError};
use crate::name::ResourceName;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan as _};
use std::collections::BTreeSet;

/// When steps are taken, and when they wait.
#[derive(Debug, Clone, PartialEq)]
pub struct Windows {
    zone: TimeZone,
    allow: Vec<Window>,
    deny: Vec<Window>,
}

#[derive(Debug, Clone, PartialEq)]
struct Window {
    when: When,
    /// What it is about; empty: everything.
    resources: BTreeSet<ResourceName>,
    reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum When {
    /// On days of the week, from a time until another one; none: the end of the day.
    Weekly {
        days: Vec<Weekday>,
        from: Time,
        until: Option<Time>,
    },
    /// Once; the end is not part of it.
    Dated { begins: Timestamp, ends: Timestamp },
}

/// Which of two instants that share a time of day ends a window.
#[derive(Debug, Clone, Copy)]
enum Twice {
    Earlier,
    Later,
}

/// Why steps wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The reason that the window gives.
    pub reason: Option<String>,
    /// When they are taken; none: not within the next weeks.
    pub opens: Option<Timestamp>,
}

/// Days around an instant that a weekly window may have begun on and still count: it lasts a day at
/// most, and the day of another offset is another day.
const BEFORE: i64 = 2;
/// Days within which a weekly window begins or ends again.
const AHEAD: i64 = 8;
/// Boundaries that are looked at for one at which steps are taken again.
const LOOKED_AT: usize = 200;

impl Windows {
    /// What a repository says; what it says wrongly is left out, and no plan is made of it.
    pub fn of(spec: Option<&WindowsSpec>, repository: &TimeZone) -> Self {
        let named = spec.and_then(|s| s.time_zone.as_deref());
        let named = named.and_then(|name| TimeZone::get(name).ok());
        let zone = named.unwrap_or_else(|| repository.clone());
        let all = |windows: Option<&Vec<WindowSpec>>| {
            let windows = windows.into_iter().flatten();
            windows
                .filter_map(|window| Window::of(window, &zone).ok())
                .collect()
        };
        Self {
            allow: all(spec.map(|s| &s.allow)),
            deny: all(spec.map(|s| &s.deny)),
            zone,
        }
    }

    /// Why steps on a resource wait at an instant; none where they do not.
    pub fn closed(&self, resource: &ResourceName, at: Timestamp) -> Option<Closed> {
        let reason = self.shut(resource, at)?;
        let mut after = at;
        let mut opens = None;
        for _ in 0..LOOKED_AT {
            let Some(next) = self.next(after) else { break };
            if self.shut(resource, next).is_none() {
                opens = Some(next);
                break;
            }
            after = next;
        }
        Some(Closed { reason, opens })
    }

    /// When the first of these resources, as far as they are open, shuts; none: none of them does.
    pub fn shuts<'r>(
        &self,
        resources: impl Iterator<Item = &'r ResourceName> + Clone,
        at: Timestamp,
    ) -> Option<Timestamp> {
        let mut after = at;
        for _ in 0..LOOKED_AT {
            after = self.next(after)?;
            let open = |r: &&ResourceName| self.shut(r, at).is_none();
            let mut open = resources.clone().filter(open);
            if open.any(|resource| self.shut(resource, after).is_some()) {
                return Some(after);
            }
        }
        None
    }

    /// The next instant at which a window begins or ends.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let denied = self.deny.iter().map(|w| (w, Twice::Later));
        let allowed = self.allow.iter().map(|w| (w, Twice::Earlier));
        let all = denied.chain(allowed);
        let edges = all.flat_map(|(w, twice)| w.spans(after, &self.zone, twice));
        let edges = edges.flat_map(|(begins, ends)| [begins, ends]);
        edges
            .filter(|edge| *edge > after && *edge < Timestamp::MAX)
            .min()
    }

    /// The reason for which a resource is shut at an instant; the outer none: it is not.
    #[allow(clippy::option_option)]
    fn shut(&self, resource: &ResourceName, at: Timestamp) -> Option<Option<String>> {
        let denied = self.deny.iter().filter(|w| w.is_about(resource));
        let mut denied = denied.filter(|w| w.is_within(at, &self.zone, Twice::Later));
        if let Some(window) = denied.next() {
            return Some(window.reason.clone());
        }
        let allowed: Vec<&Window> = self.allow.iter().filter(|w| w.is_about(resource)).collect();
        let within = |w: &&Window| w.is_within(at, &self.zone, Twice::Earlier);
        let first = allowed.first()?;
        (!allowed.iter().any(within)).then(|| first.reason.clone())
    }
}

impl Window {
    fn of(spec: &WindowSpec, zone: &TimeZone) -> Result<Self, MomentError> {
        let resolve = |moment: Option<&Moment>, edge| moment.map(|m| m.resolve(zone, edge));
        let when = match spec.is_dated() {
            true => When::Dated {
                begins: resolve(spec.begins.as_ref(), Edge::Start)
                    .transpose()?
                    .unwrap_or(Timestamp::MIN),
                ends: resolve(spec.ends.as_ref(), Edge::End)
                    .transpose()?
                    .unwrap_or(Timestamp::MAX),
            },
            false => When::Weekly {
                days: spec.days.iter().copied().map(weekday).collect(),
                from: spec.from.as_ref().and_then(time).unwrap_or_default(),
                until: spec.until.as_ref().and_then(time),
            },
        };
        Ok(Self {
            when,
            resources: spec.resources.iter().cloned().collect(),
            reason: spec.reason.clone(),
        })
    }

    fn is_about(&self, resource: &ResourceName) -> bool {
        self.resources.is_empty() || self.resources.contains(resource)
    }

    fn is_within(&self, at: Timestamp, zone: &TimeZone, twice: Twice) -> bool {
        let spans = self.spans(at, zone, twice);
        spans
            .iter()
            .any(|(begins, ends)| *begins <= at && at < *ends)
    }

    /// When it begins and ends, around an instant.
    fn spans(
        &self,
        around: Timestamp,
        zone: &TimeZone,
        twice: Twice,
    ) -> Vec<(Timestamp, Timestamp)> {
        let (days, from, until) = match &self.when {
            When::Dated { begins, ends } => return vec![(*begins, *ends)],
            When::Weekly { days, from, until } => (days, *from, *until),
        };
        let today = zone.to_datetime(around).date();
        let mut spans = Vec::new();
        for offset in -BEFORE..=AHEAD {
            let Ok(day) = today.checked_add(offset.days()) else {
                continue;
            };
            if !days.is_empty() && !days.contains(&day.weekday()) {
                continue;
            }
            let (last, until) = match until {
                Some(until) if until > from => (Ok(day), until),
                Some(until) => (day.tomorrow(), until),
                None => (day.tomorrow(), Time::midnight()),
            };
            let Ok(last) = last else { continue };
            let begins = instant(day, from, zone, Twice::Earlier);
            let ends = instant(last, until, zone, twice);
            spans.extend(begins.zip(ends));
        }
        spans
    }
}

/// The instant of a time of day.
fn instant(day: Date, time: Time, zone: &TimeZone, twice: Twice) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(day.to_datetime(time));
    let found = match (ambiguous.offset(), twice) {
        // The clocks skip it: the instant at which they do.
        (AmbiguousOffset::Gap { .. }, _) => {
            let before = ambiguous.earlier().ok()?;
            return zone.following(before).next().map(|t| t.timestamp());
        }
        (_, Twice::Earlier) => ambiguous.earlier(),
        (_, Twice::Later) => ambiguous.later(),
    };
    found.ok()
}

/// The time; none: the end of the day.
fn time(text: &TimeOfDay) -> Option<Time> {
    let (hour, minute) = text.0.split_once(':')?;
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

fn weekday(day: Day) -> Weekday {
    match day {
        Day::Monday => Weekday::Monday,
        Day::Tuesday => Weekday::Tuesday,
        Day::Wednesday => Weekday::Wednesday,
        Day::Thursday => Weekday::Thursday,
        Day::Friday => Weekday::Friday,
        Day::Saturday => Weekday::Saturday,
        Day::Sunday => Weekday::Sunday,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(text: &str) -> Windows {
        let spec: WindowsSpec = serde_json::from_str(text).unwrap();
        Windows::of(
            Some(&spec),
            &TimeZone::get("America/Indiana/Indianapolis").unwrap(),
        )
    }

    fn gis() -> ResourceName {
        ResourceName::new("gis").unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// When steps are taken and when they wait, from one instant on: `+` and the instant where they
    /// begin to be taken, `-` where they begin to wait.
    fn story(windows: &Windows, from: &str, edges: usize) -> Vec<String> {
        let mut now = at(from);
        let mut told = Vec::new();
        for _ in 0..edges {
            now = windows.next(now).unwrap();
            let sign = match windows.closed(&gis(), now) {
                None => '+',
                Some(_) => '-',
            };
            told.push(format!("{sign}{now}"));
        }
        told
    }

    #[test]
    fn without_windows_nothing_ever_waits() {
        let none = Windows::of(None, &TimeZone::UTC);
        assert_eq!(none.closed(&gis(), at("2027-03-14T07:30:00Z")), None);
        assert_eq!(none.next(at("2027-03-14T07:30:00Z")), None);
    }

    #[test]
    fn working_hours_are_those_of_the_days_named_and_say_when_they_begin() {
        let hours = windows(
            r#"{"allow": [{"days": ["monday", "friday"], "from": "07:00", "until": "19:00", "reason": "staff is in"}]}"#,
        );
        // A Friday, in winter: five hours behind.
        let expected = [
            "+2027-01-08T12:00:00Z",
            "-2027-01-09T00:00:00Z",
            "+2027-01-11T12:00:00Z",
            "-2027-01-12T00:00:00Z",
        ];
        assert_eq!(story(&hours, "2027-01-08T11:59:59Z", 4), expected);
        let closed = hours.closed(&gis(), at("2027-01-09T00:00:00Z")).unwrap();
        assert_eq!(closed.opens, Some(at("2027-01-11T12:00:00Z")));
        assert_eq!(closed.reason.as_deref(), Some("staff is in"));
    }

    #[test]
    fn working_hours_follow_the_clocks_forward_and_back() {
        let hours = windows(r#"{"allow": [{"from": "07:00", "until": "19:00"}]}"#);
        let spring = [
            "+2027-03-13T12:00:00Z",
            "-2027-03-14T00:00:00Z",
            "+2027-03-14T11:00:00Z",
            "-2027-03-14T23:00:00Z",
        ];
        assert_eq!(story(&hours, "2027-03-13T11:00:00Z", 4), spring);
        let autumn = [
            "+2027-11-06T11:00:00Z",
            "-2027-11-06T23:00:00Z",
            "+2027-11-07T12:00:00Z",
            "-2027-11-08T00:00:00Z",
        ];
        assert_eq!(story(&hours, "2027-11-06T10:00:00Z", 4), autumn);
    }

    #[test]
    fn a_time_that_the_clocks_skip_is_the_instant_at_which_they_do() {
        // 02:00 becomes 03:00 at 07:00Z.
        let night = r#"[{"days": ["sunday"], "from": "01:00", "until": "02:30"}]"#;
        for (windows, signs) in [
            (windows(&format!(r#"{{"allow": {night}}}"#)), ["+", "-"]),
            (windows(&format!(r#"{{"deny": {night}}}"#)), ["-", "+"]),
        ] {
            let expected = [
                format!("{}2027-03-14T06:00:00Z", signs[0]),
                format!("{}2027-03-14T07:00:00Z", signs[1]),
            ];
            assert_eq!(story(&windows, "2027-03-14T00:00:00Z", 2), expected);
        }
        let after =
            windows(r#"{"allow": [{"days": ["sunday"], "from": "02:30", "until": "05:00"}]}"#);
        let expected = ["+2027-03-14T07:00:00Z", "-2027-03-14T09:00:00Z"];
        assert_eq!(story(&after, "2027-03-14T00:00:00Z", 2), expected);
    }

    #[test]
    fn an_end_that_comes_twice_is_the_later_one_of_a_freeze_and_the_earlier_one_of_an_allowance() {
        // 02:00 becomes 01:00 at 06:00Z: 01:30 is 05:30Z and 06:30Z.
        let night = r#"[{"days": ["sunday"], "from": "00:00", "until": "01:30"}]"#;
        let deny = windows(&format!(r#"{{"deny": {night}}}"#));
        let expected = ["-2027-11-07T04:00:00Z", "+2027-11-07T06:30:00Z"];
        assert_eq!(story(&deny, "2027-11-07T00:00:00Z", 2), expected);
        let allow = windows(&format!(r#"{{"allow": {night}}}"#));
        let expected = ["+2027-11-07T04:00:00Z", "-2027-11-07T05:30:00Z"];
        assert_eq!(story(&allow, "2027-11-07T00:00:00Z", 2), expected);
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_it_begins_on() {
        let night = windows(
            r#"{"timeZone": "UTC", "deny": [{"days": ["saturday"], "from": "22:00", "until": "06:00"}]}"#,
        );
        let expected = ["-2027-01-09T22:00:00Z", "+2027-01-10T06:00:00Z"];
        assert_eq!(story(&night, "2027-01-08T00:00:00Z", 2), expected);
        let whole = windows(
            r#"{"timeZone": "UTC", "deny": [{"days": ["saturday"]}, {"days": ["sunday"], "until": "24:00"}]}"#,
        );
        let closed = whole.closed(&gis(), at("2027-01-09T00:00:00Z")).unwrap();
        assert_eq!(closed.opens, Some(at("2027-01-11T00:00:00Z")));
    }

    #[test]
    fn a_time_that_comes_once_ends_with_the_day_it_names_and_may_never_end() {
        let election = windows(
            r#"{"deny": [{"begins": "2027-11-01", "ends": "2027-11-03", "reason": "election"}]}"#,
        );
        let expected = ["-2027-11-01T04:00:00Z", "+2027-11-04T04:00:00Z"];
        assert_eq!(story(&election, "2027-10-01T00:00:00Z", 2), expected);
        assert_eq!(election.next(at("2027-11-04T04:00:00Z")), None);
        let ever = windows(r#"{"deny": [{"begins": "2027-11-01"}]}"#);
        let closed = ever.closed(&gis(), at("2027-12-01T00:00:00Z")).unwrap();
        assert_eq!(closed.opens, None);
    }

    #[test]
    fn a_window_of_some_resources_is_about_no_other_and_deny_is_stronger() {
        let both = windows(
            r#"{"timeZone": "UTC",
                "allow": [{"from": "08:00", "until": "10:00", "resources": ["gis"]}],
                "deny": [{"begins": "2027-01-08T09:00", "ends": "2027-01-08T09:30"}]}"#,
        );
        let mail = ResourceName::new("mail").unwrap();
        let is_open = |resource: &ResourceName, time: &str| {
            both.closed(resource, at(&format!("2027-01-08T{time}:00Z")))
                .is_none()
        };
        assert!(!is_open(&gis(), "07:00") && is_open(&mail, "07:00"));
        assert!(is_open(&gis(), "08:00") && is_open(&gis(), "09:30"));
        assert!(!is_open(&gis(), "09:00") && !is_open(&mail, "09:00"));
        let shuts = |resources: &[ResourceName], time: &str| {
            both.shuts(resources.iter(), at(&format!("2027-01-08T{time}:00Z")))
        };
        let nine = Some(at("2027-01-08T09:00:00Z"));
        assert_eq!(shuts(&[mail], "07:00"), nine);
        assert_eq!(shuts(&[gis()], "09:40"), Some(at("2027-01-08T10:00:00Z")));
        assert_eq!(shuts(&[gis()], "07:00"), None, "it is shut already");
    }
}
