//! The link to a mail server.

use super::super::place::{Place, tasks};
use super::{Fault, Figures, Town, beside_a_twin, breaks};
use crate::bed::{Link, MailServer, Talk, Weather, servers};

/// Where a session says what, in turns: the client's are even, the answers odd.
const HELLO: usize = 0;
const EHLO: usize = 4;
const AUTH: usize = 6;
const RCPT: usize = 10;
const LETTER: usize = 14;
/// Turns of each further letter: one that asks whether the server is there still, and those of the first.
const FURTHER_LETTER: usize = 10;

impl Town {
    /// One whose mails go over a link.
    fn behind_a_link(server: &MailServer) -> (Self, Link) {
        let town = Self::of(Place::mailed(server));
        let link = Link::before(server.tls.parse().unwrap());
        let through = format!(
            "url: smtps://127.0.0.1:{}\n  timeout: 30s",
            link.address.port()
        );
        let direct = format!("url: smtps://{}", server.tls);
        town.place.operated(&direct, &through);
        (town, link)
    }

    /// That every task was mailed, and no letter waits.
    fn has_lost_no_mail(&self) {
        let letters = self.access().mails();
        for (id, said) in tasks(self.access()) {
            let told = letters.iter().any(|mail| mail.text.contains(&id));
            assert!(told, "{id}: {said}");
        }
        assert_eq!(self.letters_kept(), 0);
    }

    /// How many letters wait.
    fn letters_kept(&self) -> usize {
        let kept = std::fs::read_dir(self.place.beside("ledger.jsonl.mail"));
        kept.map_or(0, Iterator::count)
    }
}

/// The turns that break: from the greeting to the first letter's answer, the last letter's, the farewell.
fn turns(_: usize, talk: &Talk) -> Vec<usize> {
    let quit = talk.len() - 2;
    let last = quit - 2;
    assert!(
        last > LETTER && (last - LETTER).is_multiple_of(FURTHER_LETTER),
        "{talk:?}"
    );
    let greeting = EHLO - 1;
    // In this order the last letter's answer meets a silence: the server has the letter, and nobody knows.
    vec![
        HELLO + 1,
        greeting,
        EHLO,
        AUTH + 1,
        RCPT + 1,
        LETTER,
        LETTER + 1,
        last + 1,
        last,
        quit,
        quit + 1,
    ]
}

#[test]
fn whatever_breaks_on_the_way_to_a_mail_server_no_mail_is_lost_and_one_a_break_comes_twice() {
    let Some(servers) = servers("a link to a mail server") else {
        return;
    };
    let (mut town, link) = Town::behind_a_link(&servers.mail);
    town.happens();
    town.run("");
    assert_eq!(town.told(), 0);
    let talks = link.talks(0);
    assert_eq!(talks.len(), 1, "one connection for all letters");
    let mut figures = Figures::default();
    beside_a_twin(&mut town, 1, &breaks(&talks, turns), |town, fault| {
        let limits = ("timeout: 30s", "timeout: 1s");
        let twice = figures.meet(town, &link, fault, limits, |_, _| {});
        let allowed = usize::from(matches!(fault, Fault::Once(..)));
        assert!(twice <= allowed, "{fault:?}: {twice} mails twice");
    });
    town.has_lost_no_mail();
    figures.tell("a link to a mail server", &town);
}

#[test]
fn a_letter_that_does_not_go_out_is_tried_once_in_a_pass() {
    let Some(servers) = servers("a link to a mail server") else {
        return;
    };
    let (mut town, link) = Town::behind_a_link(&servers.mail);
    town.happens();
    link.set(Weather::Closed);
    town.run("");
    let (kept, before) = (town.letters_kept(), link.connections());
    assert!(kept > 0);
    town.run("");
    // And the first password, which is set anew.
    assert_eq!(link.connections() - before, kept as u64 + 1);
    link.set(Weather::Fine);
    town.run("");
    assert_eq!(town.told(), 0);
    town.has_lost_no_mail();
}
