//! Working days: which days count, and when so many of them have passed.

use crate::manifest::config::{Reminders, Weekday, WorkCalendar};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use std::collections::BTreeSet;

/// When work that is not done is asked for again, in working days after its first mail.
#[derive(Debug, Clone, PartialEq)]
pub struct Following {
    /// Maintainers are reminded; ascending, without duplicates.
    pub after: Vec<u32>,
    /// Whoever answers for the resource is told; none: nobody ever is.
    pub escalate_after: Option<u32>,
    /// What the days are counted in.
    pub calendar: Calendar,
}

impl Following {
    /// What a configuration says; what it leaves out is as [`Reminders`] says.
    pub fn of(reminders: Option<&Reminders>, zone: &TimeZone) -> Self {
        let said = reminders.cloned().unwrap_or_default();
        let mut after = said.after;
        after.sort_unstable();
        after.dedup();
        Self {
            after,
            escalate_after: Some(said.escalate_after).filter(|days| *days > 0),
            calendar: Calendar::of(&said.calendar.unwrap_or_default(), zone),
        }
    }
}

/// Which days are working days, and where.
///
/// Invariant: at least one day of the week is one, and there are finitely many holidays, so that
/// counting comes to an end.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    workdays: BTreeSet<Weekday>,
    holidays: BTreeSet<Date>,
    zone: TimeZone,
}

impl Calendar {
    /// The days of a configuration; a week without any is one from Monday to Friday.
    pub fn of(said: &WorkCalendar, zone: &TimeZone) -> Self {
        let mut workdays: BTreeSet<Weekday> = said.workdays.iter().copied().collect();
        if workdays.is_empty() {
            workdays = WorkCalendar::default().workdays.into_iter().collect();
        }
        Self {
            workdays,
            holidays: said.holidays.iter().filter_map(|day| day.date()).collect(),
            zone: zone.clone(),
        }
    }

    /// The local date of an instant.
    pub fn date(&self, at: Timestamp) -> Date {
        at.to_zoned(self.zone.clone()).date()
    }

    /// When a local day begins.
    pub fn begin(&self, date: Date) -> Timestamp {
        let midnight = date.to_zoned(self.zone.clone());
        midnight.map_or(Timestamp::MAX, |zoned| zoned.timestamp())
    }

    /// When the local day after that of an instant begins.
    pub fn tomorrow(&self, at: Timestamp) -> Timestamp {
        let next = self.date(at).checked_add(1.day());
        next.map_or(Timestamp::MAX, |date| self.begin(date))
    }

    /// So many working days after an instant, at the same time of day. The day of the instant itself
    /// does not count: one working day after Friday noon is Monday noon.
    pub fn after(&self, from: Timestamp, days: u32) -> Timestamp {
        let start = from.to_zoned(self.zone.clone());
        let mut date = start.date();
        let mut left = days;
        while left > 0 {
            let Ok(next) = date.checked_add(1.day()) else {
                return Timestamp::MAX;
            };
            date = next;
            left -= u32::from(self.is_workday(date));
        }
        let end = date.to_datetime(start.time()).to_zoned(self.zone.clone());
        end.map_or(Timestamp::MAX, |zoned| zoned.timestamp())
    }

    /// How many working days have passed from one instant to another; none where it is earlier.
    pub fn between(&self, from: Timestamp, to: Timestamp) -> u32 {
        let start = from.to_zoned(self.zone.clone());
        let end = to.to_zoned(self.zone.clone());
        let mut days = 0;
        let mut date = start.date();
        while date < end.date() {
            let Ok(next) = date.checked_add(1.day()) else {
                break;
            };
            date = next;
            let passed = date < end.date() || start.time() <= end.time();
            days += u32::from(passed && self.is_workday(date));
        }
        days
    }

    fn is_workday(&self, date: Date) -> bool {
        let weekday = match date.weekday() {
            jiff::civil::Weekday::Monday => Weekday::Monday,
            jiff::civil::Weekday::Tuesday => Weekday::Tuesday,
            jiff::civil::Weekday::Wednesday => Weekday::Wednesday,
            jiff::civil::Weekday::Thursday => Weekday::Thursday,
            jiff::civil::Weekday::Friday => Weekday::Friday,
            jiff::civil::Weekday::Saturday => Weekday::Saturday,
            jiff::civil::Weekday::Sunday => Weekday::Sunday,
        };
        self.workdays.contains(&weekday) && !self.holidays.contains(&date)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::config::Day;

    fn calendar(holidays: &[&str]) -> Calendar {
        let said = WorkCalendar {
            holidays: holidays.iter().map(|d| Day((*d).to_owned())).collect(),
            ..WorkCalendar::default()
        };
        let zone = TimeZone::get("America/Indiana/Indianapolis").unwrap();
        Calendar::of(&said, &zone)
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn weekends_and_holidays_do_not_count_and_the_time_of_day_stays() {
        // Friday, 17:00 in Indianapolis.
        let friday = at("2027-01-29T22:00:00Z");
        let plain = calendar(&[]);
        assert_eq!(plain.after(friday, 0), friday);
        assert_eq!(plain.after(friday, 1), at("2027-02-01T22:00:00Z"));
        assert_eq!(plain.after(friday, 5), at("2027-02-05T22:00:00Z"));
        let with = calendar(&["2027-02-01", "2027-02-02", "2027-02-31"]);
        assert_eq!(with.after(friday, 1), at("2027-02-03T22:00:00Z"));
        // Saturday: the next working day is the first.
        let saturday = at("2027-01-30T15:00:00Z");
        assert_eq!(plain.after(saturday, 1), at("2027-02-01T15:00:00Z"));
    }

    #[test]
    fn a_day_stays_a_day_where_the_clocks_are_put_forward() {
        let friday = at("2027-03-12T22:00:00Z");
        assert_eq!(
            calendar(&[]).after(friday, 1),
            at("2027-03-15T21:00:00Z"),
            "17:00 on both days"
        );
    }

    #[test]
    fn as_many_days_have_passed_as_were_waited_for() {
        let calendar = calendar(&["2027-02-03"]);
        let from = at("2027-01-29T22:00:00Z");
        for days in 0..20 {
            let end = calendar.after(from, days);
            assert_eq!(calendar.between(from, end), days);
            let before = end.checked_sub(1.second()).unwrap();
            assert_eq!(calendar.between(from, before), days.saturating_sub(1));
        }
        assert_eq!(calendar.between(at("2027-02-09T22:00:00Z"), from), 0);
    }

    #[test]
    fn a_configuration_that_says_nothing_follows_work_all_the_same() {
        let following = Following::of(None, &TimeZone::UTC);
        assert_eq!(following.after, [3, 7]);
        assert_eq!(following.escalate_after, Some(10));
        let said = Reminders {
            after: vec![9, 2, 2],
            escalate_after: 0,
            calendar: None,
        };
        let following = Following::of(Some(&said), &TimeZone::UTC);
        assert_eq!(following.after, [2, 9]);
        assert_eq!(following.escalate_after, None);
    }
}
