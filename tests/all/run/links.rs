//! The links to a mail server and to the remotes of git fail, byte by byte, in every phase of what is said over
//! them. A pass ends in time, nothing wrong comes about, nothing is lost or done twice, and once the link is fine
//! two runs at most reach the desired state.
//!
//! Usually each place meets one way to break, in turn; with `COUNTERSIGN_PLACES=all` each meets all of them.
#![cfg(all(feature = "failpoints", feature = "age"))]

mod git;
mod mail;

use super::failpoints::town::Town;
use super::place::{Census, Place, tasks};
use crate::bed::{Break, Link, Ran, Talk, Weather, amid};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than any pass here takes on a busy machine, and shorter than it would wait for one server that is silent
/// where it had no limit of the operator's.
const BOUND: Duration = Duration::from_secs(25);
/// Runs after a disturbed one, at most.
const FURTHER: usize = 2;

/// What happens to a link: from which connection on, and whether to that one only.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Once(usize, Weather),
    Always(Weather),
}

impl Fault {
    fn befall(self, link: &Link) {
        match self {
            Self::Once(connection, weather) => link.once(connection, weather),
            Self::Always(weather) => link.set(weather),
        }
    }

    /// Whether somebody waits for its end.
    fn is_silent(self) -> bool {
        let (Self::Once(_, weather) | Self::Always(weather)) = self;
        match weather {
            Weather::BlackHole
            | Weather::Answers(_, Break::Stall)
            | Weather::Requests(_, Break::Stall)
            | Weather::Turn(_, _, Break::Stall) => true,
            Weather::Fine
            | Weather::Slow(_)
            | Weather::Closed
            | Weather::Answers(..)
            | Weather::Requests(..)
            | Weather::Turn(..) => false,
        }
    }
}

/// Breaks amid turns of talks: some of each that matter, in one way each in turn, or all in every way; then what
/// does not depend on how far a connection came.
fn breaks(talks: &[Talk], some: impl Fn(usize, &Talk) -> Vec<usize>) -> Vec<Fault> {
    let all = std::env::var("COUNTERSIGN_PLACES").is_ok_and(|share| share == "all");
    let mut hows = Break::ALL.into_iter().cycle();
    let mut faults = Vec::new();
    for (connection, talk) in talks.iter().enumerate() {
        let turns = match all {
            true => (0..talk.len()).collect(),
            false => some(connection, talk),
        };
        for turn in turns {
            let hows_here = hows.by_ref().take(if all { Break::ALL.len() } else { 1 });
            faults.extend(hows_here.map(|how| Fault::Once(connection, amid(talk, turn, how))));
        }
    }
    let slow = Weather::Slow(Duration::from_millis(10));
    faults.extend([slow, Weather::Closed, Weather::BlackHole].map(Fault::Always));
    faults
}

/// What was seen.
#[derive(Default)]
struct Figures {
    faults: usize,
    further: usize,
    most: usize,
    twice: usize,
    longest: Duration,
}

impl Figures {
    /// One step of a town in which a link meets a fault; how many mails of it went out twice.
    ///
    /// What the operator's file says of a timeout is another thing while somebody would wait for it: a short one would
    /// end what is only slow on a busy machine, too.
    fn meet(
        &mut self,
        town: &mut Town,
        link: &Link,
        fault: Fault,
        (long, short): (&str, &str),
        seen: impl FnOnce(&Town, &Ran),
    ) -> usize {
        town.happens();
        if fault.is_silent() {
            town.place.operated(long, short);
        }
        link.broken();
        fault.befall(link);
        let clock = Instant::now();
        let ran = town.run("");
        let took = clock.elapsed();
        link.set(Weather::Fine);
        if fault.is_silent() {
            town.place.operated(short, long);
        }
        assert!(took < BOUND, "{fault:?}: {took:?}: {}", ran.err);
        assert!([0, 1, 3].contains(&ran.code), "{fault:?}: {}", ran.err);
        if !matches!(fault, Fault::Always(Weather::Slow(_))) {
            assert!(link.broken() > 0, "{fault:?} was not met: {}", ran.err);
        }
        seen(town, &ran);
        let mut further = 0;
        while further == 0 || !town.is_settled() {
            assert!(further < FURTHER, "{fault:?}: {}\n{}", town.left(), ran.err);
            town.run("");
            further += 1;
        }
        let twice = town.told();
        self.faults += 1;
        self.further += further;
        self.most = self.most.max(further);
        self.twice += twice;
        self.longest = self.longest.max(took);
        twice
    }

    fn tell(&self, of: &str, town: &Town) {
        println!(
            "{of}: {} faults, each met; the longest pass took {:.1?}; {} further runs, at most {} after one; {} mails, {} \
             twice; no write but those of a twin that met none",
            self.faults,
            self.longest,
            self.further,
            self.most,
            town.known.len(),
            self.twice,
        );
    }
}

/// Has a town meet faults, a step each, beside a twin that nothing disturbs, and has both come to the same end by the
/// same writes; the town has made so many steps already.
fn beside_a_twin(
    town: &mut Town,
    steps: usize,
    faults: &[Fault],
    mut meet: impl FnMut(&mut Town, Fault),
) {
    let twin = thread::scope(|scope| {
        let twin = scope.spawn(|| {
            let mut twin = Town::of(Place::fake());
            for _ in 0..steps + faults.len() {
                twin.happens();
                twin.run("");
            }
            twin
        });
        for fault in faults {
            meet(town, *fault);
        }
        twin.join().unwrap()
    });
    let (directory, asked) = (Census::of(&twin.place), tasks(twin.access()));
    directory.nobody_is_twice();
    assert_eq!(Census::of(&town.place), directory);
    assert_eq!(tasks(town.access()), asked);
    assert_eq!(written(town), written(&twin));
}

/// What was written to a directory, each as often as it was. A first password that could not be handed on is set
/// anew: those are not counted.
fn written(town: &Town) -> Vec<String> {
    let mut written = match &town.place {
        Place::Fake(company) => company.ad.writes(),
        Place::Domain(..) => Vec::new(),
    };
    written.retain(|write| !write.contains("unicodePwd"));
    written.sort();
    written
}
