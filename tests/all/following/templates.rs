//! Mails are written with the repository's own templates, where it has some and they are right.

use super::town::{Town, administrator, at, resource, user};
use crate::life::mail::mail as text;

fn town() -> Town {
    let rest = [
        administrator("ada"),
        user("dana", ""),
        user(
            "jo",
            "  displayName: \"Jo <b>\"\n  access: [{resource: timetrack}]\n",
        ),
        resource("timetrack", "dana", ""),
    ];
    Town::new("", &rest.concat())
}

#[test]
fn a_template_of_the_repository_writes_the_mails() {
    let town = town();
    town.write(
        "templates/digest.txt",
        "Hello!\n{% for s in sections %}{% for c in s.cards %}{{ c.badge|upper }} {{ c.person }}\n{% endfor %}{% endfor %}",
    );
    assert_eq!(town.mistakes(), [""; 0]);
    let mails = town.run(at("2027-01-29T08:00"));
    assert!(
        text(&mails[0]).contains("Hello!\nGRANT Jo <b>\n"),
        "{}",
        text(&mails[0])
    );
}

#[test]
fn a_template_that_fails_on_a_real_mail_loses_none_and_the_run_says_so() {
    let town = town();
    let fails = "{% if sections[0].cards[0].person == 'Jo <b>' %}{{ nobody }}{% endif %}\n";
    town.write("templates/digest.txt", &format!("Hello!\n{fails}"));
    assert_eq!(
        town.mistakes(),
        [""; 0],
        "the sample is about somebody else"
    );
    let (mails, notes) = town.noted_run(at("2027-01-29T08:00"));
    assert!(
        text(&mails[0]).contains("\ngrant: Jo <b> (jo)\n"),
        "{}",
        text(&mails[0])
    );
    assert_eq!(
        notes,
        [
            "mails are written with our own text, because the repository's failed: templates/digest.txt:2: it \
          names something that is not on every such mail"
        ]
    );
}

#[test]
fn mistakes_in_templates_are_told_at_their_place() {
    let town = town();
    town.write("templates/digest.html", "<p>\n{{ heading|safe }}</p>\n");
    town.write("templates/notice.txt", "\n\n{{ nobody }}\n");
    town.write("templates/digets.txt", "x");
    town.write("templates/README.md", "not a template");
    assert_eq!(
        town.mistakes(),
        [
            "templates/digest.html:2: bad-mail-template",
            "templates/digets.txt:1: bad-mail-template",
            "templates/notice.txt:3: bad-mail-template",
        ]
    );
}

#[test]
fn a_template_can_neither_take_long_nor_grow() {
    let town = town();
    let doubling = "{% set a = \"x\" %}".to_owned() + &"{% set a = a ~ a %}".repeat(60);
    let nested = "{% for a in sections %}".repeat(12) + "x" + &"{% endfor %}".repeat(12);
    let loops = "{% for a in \"0123456789\" %}".repeat(9) + "x" + &"{% endfor %}".repeat(9);
    for text in [doubling, loops] {
        town.write("templates/digest.txt", &text);
        assert_eq!(town.mistakes().len(), 1);
    }
    town.write("templates/digest.txt", &nested);
    let started = std::time::Instant::now();
    town.mistakes();
    assert!(started.elapsed().as_secs() < 20);
}
