//! A user, what they hold and the names of their account → the person that is desired.

use super::distinct::Claims;
use super::fields::{Filler, OfAccount};
use super::ground::Presence;
use super::holdings::Holdings;
use super::sheet::Sheet;
use super::sources::Sources;
use super::{Base, Facts, User};
use crate::catalog::Problem;
use crate::desired::accounts::Seen;
use crate::desired::variables::{Supervisor, UserVariables};
use crate::desired::{Accounts, Cause, Departure, DesiredAccount, Person, Retained, Started};
use crate::manifest::user::UserState;
use crate::manifest::{Edge, Moment, UserSpec};
use crate::name::UserName;
use crate::request::FoldedUser;
use foldhash::{HashMap, HashSet};
use jiff::Timestamp;
use std::sync::Arc;

/// What templates see of everybody's supervisor, as far as they have their names.
pub(super) struct Supervisors {
    /// Those whom somebody reports to and who are not known yet; none where no template asks.
    awaited: HashSet<UserName>,
    known: HashMap<UserName, Supervisor>,
}

impl Supervisors {
    /// Nobody is known yet.
    pub fn of(facts: &Facts<'_>, people: &[User<'_>]) -> Self {
        let are_read = facts.catalog.templates.tell_of_supervisors();
        let supervisors = people.iter().filter(|_| are_read);
        let supervisors = supervisors.filter_map(|(_, user)| user.spec.supervisor.as_ref());
        let supervisors: HashSet<&UserName> = supervisors.collect();
        let is_here = |name: &UserName| {
            people
                .binary_search_by(|(other, _)| (*other).cmp(name))
                .is_ok()
        };
        let are_here = supervisors.into_iter().filter(|name| is_here(name));
        Self {
            awaited: are_here.cloned().collect(),
            known: HashMap::default(),
        }
    }

    /// Whether all is known that templates see of a user's supervisor.
    pub fn tell_of(&self, user: &FoldedUser) -> bool {
        let supervisor = user.spec.supervisor.as_ref();
        !supervisor.is_some_and(|s| self.awaited.contains(s))
    }

    /// What is known of whom a user reports to.
    pub fn get(&self, user: &FoldedUser) -> Option<&Supervisor> {
        self.known.get(user.spec.supervisor.as_ref()?)
    }

    /// Notes those of these users, who have their names now, whom somebody reports to.
    pub fn add<'b, 'p: 'b>(&mut self, users: impl Iterator<Item = (User<'b>, &'b Base<'p>)>) {
        for ((name, user), base) in users {
            if !self.awaited.remove(name) {
                continue;
            }
            let account = base.names.as_ref().map(|_| &base.variables.account);
            let contact = user.spec.contact.as_ref().and_then(|c| c.mail.as_ref());
            let mail = account.and_then(|a| a.mail.clone());
            let supervisor = Supervisor {
                name: name.clone(),
                display_name: base.variables.display_name.clone(),
                login: account.and_then(|a| a.login.clone()),
                mail: mail.or_else(|| contact.map(|m| m.0.as_str().into())),
            };
            self.known.insert(name.clone(), supervisor);
        }
    }
}

/// Given, middle and family name.
fn names_of(spec: &UserSpec) -> Vec<String> {
    let names = [&spec.given_name, &spec.middle_name, &spec.family_name];
    let names = names.into_iter().flatten().map(|name| name.0.clone());
    let mut names: Vec<String> = names.collect();
    names.shrink_to_fit();
    names
}

/// The variables of a user that need no directory.
pub(super) fn variables<'p>(
    facts: &'p Facts<'_>,
    name: &'p UserName,
    user: &'p FoldedUser,
    holdings: &Holdings<'p>,
) -> UserVariables<'p> {
    let state = match holdings.presence {
        Presence::Left => UserState::Left,
        Presence::Suspended => UserState::Suspended,
        Presence::Active | Presence::Ahead | Presence::Waiting => UserState::Active,
    };
    let mut variables = UserVariables::new(facts.catalog, name, user, state);
    let mut sources = Sources::new(facts, user, holdings);
    variables.title = sources.attribute("title");
    variables
}

/// A person who was put together.
pub(super) struct Filled {
    pub person: Arc<Person>,
    pub problems: Vec<Problem>,
    /// What is held of what holders are asked about.
    pub asked: Vec<usize>,
    /// What nobody else may have.
    pub claims: Claims,
}

/// Fills every field of a user and puts the person together.
pub(super) fn person<'p>(
    facts: &'p Facts<'p>,
    (accounts, supervisors): (&'p Accounts, &'p Supervisors),
    name: &'p UserName,
    user: &'p FoldedUser,
    holdings: Holdings<'p>,
    base: Base<'p>,
) -> Filled {
    let Base {
        names,
        place,
        mut variables,
        presence,
    } = base;
    let Holdings {
        presence: _,
        entitlements,
        groups,
        dropped,
        identities,
        has_account,
        given,
        profiles,
    } = holdings;
    variables.supervisor = supervisors.get(user);
    let known = accounts.known.get(name).map(Arc::as_ref);
    variables.account.dn = known.map(|k| k.dn.clone());
    let contact = user.spec.contact.as_ref().and_then(|c| c.mail.as_ref());
    let said = user.spec.mail.as_ref().filter(|_| names.is_none());
    let own = said.or(contact).map(|m| m.0.as_str());
    let is_anothers_mail = names.as_ref().is_some_and(|n| n.is_anothers_mail);
    let mail = names.as_ref().and_then(|n| n.mail.clone());
    let mail = mail.or_else(|| own.map(Into::into));
    variables.mail.clone_from(&mail);
    let mut held = vec![false; facts.sheets.len()];
    let mut fields = 0;
    let mut asked = Vec::new();
    let mut sheet: Option<&Sheet<'_>> = None;
    for key in entitlements.keys() {
        // What is held comes resource by resource.
        if sheet.is_none_or(|sheet| *sheet.name != key.resource) {
            sheet = facts.sheets.get(&key.resource);
            fields += sheet.map_or(0, |sheet| sheet.slots.len());
        }
        if let Some(sheet) = sheet {
            held[sheet.place] = true;
            let is_at_work = presence == Presence::Active;
            sheet.asked.note(key, is_at_work, &mut asked);
        }
    }
    let sources = Sources {
        facts,
        user,
        profiles: &profiles,
        given: &given,
        problems: Vec::new(),
    };
    let account = OfAccount {
        provisional: names.as_ref().is_some_and(|n| n.provisional),
        remembered: accounts.seen == Seen::Remembered,
        known,
    };
    let mut filler = Filler::new(sources, name, variables, (held, fields), account);
    let departure = departure(facts, user, presence);
    let mut kept_names = Vec::new();
    let account = names.and_then(|mut names| {
        kept_names = std::mem::take(&mut names.kept);
        let causes = filler.causes(&entitlements);
        let groups = groups.into_iter().filter(|_| has_account);
        let mut said = names.said;
        let (attributes, links) = filler.attributes(&names, &mut said)?;
        let troubled = accounts.troubled.get(name);
        let farewell = departure.as_ref().and_then(|d| filler.farewell(d));
        Some(DesiredAccount {
            known: known.map(|k| (k.guid, k.tie)),
            trouble: troubled.cloned().or(names.trouble),
            provisional: names.provisional,
            said,
            login: names.login,
            upn: names.upn,
            cn: names.cn,
            ou: place.map_or_else(|| [].into(), |place| place.ou),
            enabled: presence == Presence::Active && has_account,
            retained: departure
                .as_ref()
                .map_or_else(Vec::new, |d| retained(facts, d)),
            farewell,
            attributes,
            links,
            groups: groups.collect(),
            causes,
        })
    });
    let entitlements = filler.entitlements(entitlements);
    let display_name = filler.variables.display_name;
    let problems = filler.sources.problems;
    let person = Person {
        name: name.clone(),
        employee_number: user.spec.employee_number.as_ref().map(|n| n.0.clone()),
        kind: user.spec.kind,
        state: match presence {
            Presence::Active => UserState::Active,
            Presence::Suspended | Presence::Ahead | Presence::Waiting => UserState::Suspended,
            Presence::Left => UserState::Left,
        },
        mail: mail
            .filter(|_| user.spec.notifications && !is_anothers_mail)
            .map(|mail| mail.as_ref().to_owned()),
        notifications: user.spec.notifications,
        names: names_of(&user.spec),
        display_name,
        hand_over_key: user
            .spec
            .credentials
            .as_ref()
            .and_then(|c| c.hand_over_key.clone()),
        supervisor: user.spec.supervisor.clone(),
        starts: starts(facts, user, presence),
        started: started(user, presence).map(Box::new),
        departure: departure.map(Box::new),
        account,
        kept_names,
        entitlements,
        identities,
        // Of somebody who left nothing is held, and nothing is kept from them.
        dropped: match presence {
            Presence::Left => Vec::new(),
            Presence::Active | Presence::Suspended | Presence::Ahead | Presence::Waiting => dropped,
        },
        because: user.changed.iter().map(Cause::of).collect(),
        declared: Cause::of(&user.declared),
    };
    Filled {
        claims: Claims::of(&person),
        person: Arc::new(person),
        problems,
        asked,
    }
}

/// When a user starts, where that is still to come.
fn starts(facts: &Facts<'_>, user: &FoldedUser, presence: Presence) -> Option<Timestamp> {
    match presence {
        Presence::Waiting | Presence::Ahead => {
            let start = user.spec.start_date.as_ref()?;
            start.resolve(&facts.catalog.zone, Edge::Start).ok()
        }
        Presence::Active | Presence::Suspended | Presence::Left => None,
    }
}

/// How a user's present time here began, where a request began it.
fn started(user: &FoldedUser, presence: Presence) -> Option<Started> {
    let activated = user.activated.as_ref()?;
    let here = matches!(presence, Presence::Active | Presence::Suspended);
    here.then(|| Started {
        at: activated.at,
        request: activated.request.clone(),
        cause: Cause::of(&activated.origin),
    })
}

/// How a user left, where they did.
fn departure(facts: &Facts<'_>, user: &FoldedUser, presence: Presence) -> Option<Departure> {
    if presence != Presence::Left {
        return None;
    }
    if let Some(terminated) = &user.terminated {
        return Some(Departure {
            at: Some(terminated.at),
            last_day: None,
            reason: terminated.reason.clone().unwrap_or_else(|| "left".into()),
            request: Some(terminated.request.clone()),
            urgent: terminated.urgent,
            cause: Cause::of(&terminated.origin),
        });
    }
    let said_end = user.spec.end_date.as_ref();
    let end = said_end.and_then(|m| m.resolve(&facts.catalog.zone, Edge::End).ok());
    let end = end.filter(|end| *end <= facts.now);
    let reason = if end.is_some() { "end-date" } else { "left" };
    let said = user.changed.first().unwrap_or(&user.declared);
    Some(Departure {
        at: end,
        last_day: end.and(said_end.and_then(Moment::day)),
        reason: reason.into(),
        request: None,
        urgent: false,
        cause: Cause::of(said),
    })
}

/// Groups that somebody who left still keeps for a time.
fn retained(facts: &Facts<'_>, departure: &Departure) -> Vec<Retained> {
    let Some(at) = departure.at else {
        return Vec::new();
    };
    let zone = &facts.catalog.zone;
    let later = facts.catalog.config.spec.leavers.iter();
    let later = later.flat_map(|l| &l.strip_after);
    let each = later.map(|s| Retained {
        groups: s.groups.clone(),
        until: s.after.after(at, zone),
    });
    each.filter(|r| facts.now < r.until).collect()
}
