//! Mails that show all a template can be asked for: what a template of the repository is tried with, and
//! what a preview without tasks looks like.

use super::digest::{Digest, digests, overdue};
use super::directory::DirectoryWork;
use super::notice::notice;
use super::templates::{Mistake, Templates, check_form};
use super::thread::Threads;
use super::{NotifyError, RunIdentity, Wording};
use crate::desired::Recipient;
use crate::ledger::due::{Escalation, Reminder};
use crate::plan::{Change, Notice, Task, TaskChange};
use jiff::Timestamp;
use serde::Deserialize;

/// What a sample shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Work of every sort, a reminder, and the directory's changes.
    Digest,
    /// A reminder, and nothing besides.
    Reminder,
    /// What is told to whoever answers for a resource.
    Overdue,
    /// A notice.
    Notice,
}

impl Kind {
    /// Every kind, and the word for it.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Digest, "digest"),
        (Self::Reminder, "reminder"),
        (Self::Overdue, "overdue"),
        (Self::Notice, "notice"),
    ];
}

/// The people and tasks of the samples.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Cast {
    tasks: Vec<TaskChange>,
    overdue: Task,
    changes: Vec<Change>,
    notice: Notice,
}

/// Writes a sample.
///
/// # Errors
/// [`NotifyError`] where a template fails.
pub fn mail(kind: Kind, words: &Wording, run: &RunIdentity) -> Result<Digest, NotifyError> {
    let Cast {
        tasks,
        overdue: task,
        changes,
        notice: welcome,
    } = serde_json::from_str(include_str!("sample.json")).map_err(NotifyError::Sample)?;
    let to = || Recipient {
        mail: "dana.reyes@city.example".to_owned(),
        name: Some("Dana Reyes".to_owned()),
    };
    let asked = jiff::civil::date(2027, 1, 18);
    let reminder = Reminder {
        to: to(),
        task: task.clone(),
        asked,
        after: 7,
        open: 7,
    };
    let one = |mails: Vec<Digest>| mails.into_iter().next().ok_or(NotifyError::Nothing);
    let threads = Threads::default();
    match kind {
        Kind::Digest => {
            let directory = DirectoryWork::of("Active Directory", &changes, &[to()]);
            let directory = directory.as_ref();
            one(digests(
                &tasks,
                &[reminder],
                directory,
                words,
                run,
                &threads,
            )?)
        }
        Kind::Reminder => one(digests(&[], &[reminder], None, words, run, &threads)?),
        Kind::Overdue => {
            let escalation = Escalation {
                to: to(),
                task,
                asked,
                open: 10,
            };
            overdue(&[&escalation], &to(), words, run)
        }
        Kind::Notice => notice(&welcome, &to(), words, run),
    }
}

/// The run that samples say they are of.
pub fn run(sender_domain: &str) -> RunIdentity {
    RunIdentity {
        intent: "sample".to_owned(),
        // 1 February 2027, 13:00 UTC.
        instant: Timestamp::constant(1_801_486_800, 0),
        revision: Some("8f14e45fceea167a5a36dedd4bea2543f1b2c3d4".to_owned()),
        sender_domain: sender_domain.to_owned(),
    }
}

/// Tries a template of the repository with every sample, with and without what can be left out.
///
/// # Errors
/// The first [`Mistake`].
pub fn check(name: &str, text: &str) -> Result<(), Mistake> {
    check_form(text)?;
    let full = Wording {
        organization: "City".to_owned(),
        subject_prefix: Some("City".to_owned()),
        signature: Some("The helpdesk\nhelpdesk@city.example".to_owned()),
        templates: Templates::on_trial(name, text),
    };
    let bare = Wording {
        signature: None,
        ..full.clone()
    };
    let with = run("city.example");
    let without = RunIdentity {
        revision: None,
        ..with.clone()
    };
    for (kind, _) in Kind::ALL {
        for (words, run) in [(&full, &with), (&bare, &without)] {
            match mail(kind, words, run) {
                Ok(_) | Err(NotifyError::Nothing | NotifyError::Sample(_)) => {}
                Err(NotifyError::Template(error)) => return Err(Mistake::of(&error)),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::templates::{names, ours_of};

    #[test]
    fn every_sample_is_a_mail() {
        for (kind, _) in Kind::ALL {
            let mail = mail(kind, &Wording::default(), &run("city.example")).unwrap();
            assert!(mail.text.contains("Maria Lopez") || mail.text.contains("Jo Hart"));
        }
        assert_eq!(run("x").instant.to_string(), "2027-02-01T13:00:00Z");
    }

    #[test]
    fn our_own_templates_are_ones_that_a_repository_may_have() {
        for name in names() {
            assert_eq!(check(name, ours_of(name).unwrap()), Ok(()), "{name}");
        }
    }

    #[test]
    fn a_mistake_is_told_at_its_line() {
        for (text, line) in [
            ("{{ heading }}\n{{ heding }}\n", 2),
            ("x\n\n{% for s in sections %}\n", 3),
            ("{{ heading|safe }}", 1),
            ("x\n{{ sections }}", 2),
            ("\n{% for a in sections %}{{ a.signature }}{% endfor %}", 2),
        ] {
            let mistake = check("digest.txt", text).unwrap_err();
            assert_eq!(mistake.line, line, "{text:?}: {}", mistake.message);
        }
    }

    #[test]
    fn a_template_of_the_repository_is_used_and_escapes() {
        let words = |text: &str| Wording {
            organization: "A & <b>".to_owned(),
            templates: Templates::of(&std::collections::BTreeMap::from([(
                "templates/notice.html".into(),
                text.into(),
            )])),
            ..Wording::default()
        };
        let run = run("city.example");
        let own = mail(Kind::Notice, &words("<i>{{ organization }}</i>"), &run).unwrap();
        assert_eq!(own.html, "<i>A &amp; &lt;b&gt;</i>");
        assert!(own.text.contains("Maria Lopez"), "ours");
        let failing = mail(Kind::Notice, &words("{{ no.such.thing }}"), &run).unwrap();
        assert!(failing.html.contains("Maria Lopez"), "no mail is lost");
    }
}
