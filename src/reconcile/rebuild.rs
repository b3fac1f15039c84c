//! A ledger that is lost, begun anew: what is wanted by hand now is taken as held and as told, so that
//! nobody is asked or mailed about what was settled long ago (SEMANTICS 23).

use crate::ledger::{Event, Record, RunId};
use crate::plan::Bootstrap;
use jiff::Timestamp;

/// What the beginning is known by.
pub fn run(at: Timestamp) -> RunId {
    RunId(format!("{}-rebuilt", at.strftime("%Y%m%dT%H%M%SZ")))
}

/// The records that a ledger begins with after a loss; `present` is what the verified revision says now.
pub fn records(present: &Bootstrap, by: &str, at: Timestamp) -> Vec<Record> {
    let run = run(at);
    let assumed = present.manual.iter();
    let assumed = assumed.map(|(at, fields)| Event::Assumed {
        user: at.0.clone(),
        entitlement: at.1.clone(),
        fields: fields.clone(),
        unsettled: present.unsettled.contains(at),
    });
    let known = Event::NoticesKnown {
        keys: present.notices.iter().cloned().collect(),
    };
    let first = Event::Rebuilt { by: by.to_owned() };
    let events = std::iter::once(first).chain(assumed).chain([known]);
    events
        .map(|event| Record {
            at,
            run: run.clone(),
            event,
        })
        .collect()
}
