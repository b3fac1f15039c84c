//! A network that fails between the program and the directory, byte by byte. Whatever it does, what was
//! not read to its end takes nothing from anybody, and once it works again everything is as it should be.

use super::{ADMINS, Company, LUCY};
use crate::bed::{Break, Link, Weather};
use crate::fake_ad::PASSWORD;
use std::time::Duration;

impl Company {
    /// The company, settled, whose directory is reached through a network that fails on demand.
    pub fn behind_a_link() -> (Self, Link) {
        let company = Self::settled();
        let link = Link::before(company.ad.ldaps_addr());
        let url = format!("url: ldaps://localhost:{}", link.address.port());
        (company.connected(&url, PASSWORD), link)
    }
}

const NINA: &str = "apiVersion: countersign/v1\nkind: User\nmetadata: {name: nina}\nspec:\n  givenName: Nina\n  \
                    type: employee\n  organization: seko-farnborough\n  access:\n    - {resource: white-glove}\n";

/// One loses a role, another one comes: there is something to read, to take, to make and to give.
fn happens(company: &Company) {
    company.access.edit(
        "identities/white-glove.yaml",
        "[white-glove.user, white-glove.admin]",
        "[white-glove.user]",
    );
    company.access.write("users/nina.yaml", NINA);
    company
        .access
        .commit("Lucy is no administrator any more, and Nina comes");
}

#[test]
fn wherever_the_connection_breaks_nothing_wrong_is_written_and_the_next_runs_finish() {
    let (company, link) = Company::behind_a_link();
    company.access.run(&["run", "--once"]).ends(0);
    let read = link.answered();
    company.ad.clear_log();
    let shares = [1u64, 13, 40, 60, 80, 95, 99];
    let mut broken = 0;
    // While it is only read: every cut is a read that was not whole.
    let hows = [Break::Cut, Break::Reset, Break::SlowClose];
    for (share, how) in shares.into_iter().zip(hows.into_iter().cycle()) {
        for weather in [
            Weather::Answers(read * share / 100, how),
            Weather::Requests(300 * share / 100, how),
        ] {
            link.set(weather);
            let ran = company.access.run(&["run", "--once"]);
            assert!([0, 3].contains(&ran.code), "{weather:?}: {}", ran.err);
            broken += u32::from(ran.code == 3);
        }
    }
    link.set(Weather::Closed);
    company.access.run(&["run", "--once"]).ends(3);
    assert_eq!(company.writes(|_| true), Vec::<String>::new());
    assert!(broken >= 10, "{broken}");
    // While there is something to write, too.
    happens(&company);
    let mut runs = 0;
    for extra in [0u64, 200, 400, 700, 1100, 1600, 2200, 3000] {
        link.set(Weather::Answers(read + extra, Break::Cut));
        let ran = company.access.run(&["run", "--once"]);
        assert!([0, 1, 3].contains(&ran.code), "{extra}: {}", ran.err);
        runs += 1;
    }
    link.set(Weather::Slow(Duration::from_millis(5)));
    company.access.run(&["run", "--once"]);
    link.set(Weather::Fine);
    company.access.run(&["run", "--once"]);
    let plan = company.access.run(&["plan"]).ends(0);
    assert!(plan.out.ends_with("nothing to do\n"), "{}", plan.out);
    let admins = company.ad.entry(ADMINS).texts("member");
    assert!(!admins.contains(&LUCY.to_owned()), "{admins:?}");
    // Nothing went but what was to go, and nobody came twice.
    let out = company.writes(|l| {
        l.changes
            .iter()
            .any(|c| c.attribute == "member" && c.kind == crate::fake_ad::ChangeKind::Delete)
    });
    assert!(out.iter().all(|write| write.contains("Admin")), "{out:?}");
    let nina = company.ad.entries();
    let nina = nina
        .iter()
        .filter(|e| e.text("employeeNumber").as_deref() == Some("nina"));
    assert_eq!(nina.count(), 1);
    println!("{broken} reads broken off, {runs} runs cut while writing: nothing wrong was written");
}
