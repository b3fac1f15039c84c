//! Fail points: named places where a test has the program crash, fail or wait. Only with the feature
//! `failpoints`, which no release has; without it nothing of them is compiled.
//!
//! `COUNTERSIGN_FAILPOINTS` says what happens where: `NAME=[SKIP+][TIMES*]ACTION`, several with `;` between them.
//! `page=2+crash` crashes at the third page, `ledger-push=1*error` fails once, `smtp=delay(300)` waits 300
//! milliseconds each time. Every place that is reached is a line in the file `COUNTERSIGN_FAILPOINTS_LOG`:
//! `NAME ACTION`, `NAME pass` where nothing happens.
//!
//! Decision: a crash is a kill (`SIGKILL`), not an exit: nothing is unwound, flushed or closed.

/// Marks a place. Where a test has it fail, the expression leaves the function as a failure of the world
/// does that could happen there.
macro_rules! fail_point {
    ($name:literal, $leave:expr) => {{
        #[cfg(feature = "failpoints")]
        if $crate::failpoint::fails($name) {
            $leave;
        }
    }};
}
pub(crate) use fail_point;

#[cfg(all(feature = "failpoints", not(debug_assertions)))]
compile_error!("a release with fail points could be stopped by a variable of its environment");

#[cfg(feature = "failpoints")]
pub use armed::{NAMES, broken, fails};

#[cfg(feature = "failpoints")]
mod armed {
    use std::io::{self, Write as _};
    use std::sync::{LazyLock, Mutex, PoisonError};
    use std::time::Duration;

    /// Every place, in the order of a pass.
    pub const NAMES: [&str; 78] = [
        // the access repository
        "fetch",
        "fetched",
        "repository-read",
        "cache",
        "verify",
        "verified",
        // the ledger
        "ledger-lock",
        "ledger-fetch",
        "ledger-fetched",
        "rejoin",
        "rejoined",
        "ledger-caught-up",
        "inbox",
        "journal",
        "journal-written",
        "intent-recorded",
        "ledger-commit",
        "ledger-push",
        "ledger-pushed",
        "ledger-mark",
        "lease-taken",
        "lease-renewed",
        "ledger-close",
        "lease-given-back",
        // what is
        "directory-connect",
        "directory-mark",
        "page",
        "page-read",
        "entry-read",
        "roster-read",
        // what is done
        "run-opened",
        "settle",
        "disable",
        "disable-answer",
        "reset-password",
        "reset-password-answer",
        "expire",
        "expire-answer",
        "remove-member",
        "remove-member-answer",
        "create",
        "create-answer",
        "set-password",
        "set-password-answer",
        "update",
        "update-answer",
        "rename",
        "rename-answer",
        "move",
        "move-answer",
        "link",
        "link-answer",
        "add-member",
        "add-member-answer",
        "enable",
        "enable-answer",
        "row",
        "row-written",
        "password-recorded",
        "hand-over-file",
        "hand-over-mail",
        "handed-over",
        // what is asked and told
        "tasks",
        "tasks-recorded",
        "letters-swept",
        "letter-kept",
        "letters-kept",
        "letters-recorded",
        "outbox",
        "outbox-written",
        "smtp",
        "smtp-accepted",
        "mark-sent",
        "letter-removed",
        "notices-closed",
        "run-ended",
        "agreed",
        "status",
    ];

    #[derive(Debug, Clone, Copy)]
    enum Action {
        Crash,
        Fail,
        Wait(Duration),
    }

    #[derive(Debug)]
    struct Armed {
        name: &'static str,
        skip: usize,
        times: usize,
        action: Action,
    }

    static ARMED: LazyLock<Mutex<Vec<Armed>>> = LazyLock::new(|| {
        let text = std::env::var("COUNTERSIGN_FAILPOINTS").unwrap_or_default();
        let points = text.split(';').filter(|point| !point.is_empty());
        let armed = points.map(|point| {
            parsed(point).unwrap_or_else(|| {
                eprintln!("COUNTERSIGN_FAILPOINTS: `{point}` is not NAME=[SKIP+][TIMES*]ACTION");
                std::process::exit(64)
            })
        });
        Mutex::new(armed.collect())
    });

    fn parsed(point: &str) -> Option<Armed> {
        let (name, rest) = point.split_once('=')?;
        let name = NAMES.into_iter().find(|known| *known == name)?;
        let (skip, rest) = rest.split_once('+').unwrap_or(("0", rest));
        let (times, action) = match rest.split_once('*') {
            Some((times, action)) => (times.parse().ok()?, action),
            None => (usize::MAX, rest),
        };
        let action = match action {
            "crash" => Action::Crash,
            "error" => Action::Fail,
            _ => {
                let inside = action.strip_prefix("delay(")?.strip_suffix(')')?;
                Action::Wait(Duration::from_millis(inside.parse().ok()?))
            }
        };
        Some(Armed {
            name,
            skip: skip.parse().ok()?,
            times,
            action,
        })
    }

    /// Crashes or waits where a place is armed so; whether it fails.
    pub fn fails(name: &'static str) -> bool {
        let action = due(name);
        let word = match action {
            None => "pass",
            Some(Action::Crash) => "crash",
            Some(Action::Fail) => "error",
            Some(Action::Wait(_)) => "delay",
        };
        if let Some(path) = std::env::var_os("COUNTERSIGN_FAILPOINTS_LOG") {
            let mut options = std::fs::OpenOptions::new();
            let file = options.append(true).create(true).open(path);
            // A test that finds no line fails.
            let _ = file.and_then(|mut file| file.write_all(format!("{name} {word}\n").as_bytes()));
        }
        match action {
            None => false,
            Some(Action::Crash) => crash(),
            Some(Action::Fail) => true,
            Some(Action::Wait(time)) => {
                std::thread::sleep(time);
                false
            }
        }
    }

    fn due(name: &str) -> Option<Action> {
        let mut armed = ARMED.lock().unwrap_or_else(PoisonError::into_inner);
        let point = armed.iter_mut().find(|point| point.name == name)?;
        if point.skip > 0 {
            point.skip -= 1;
            return None;
        }
        point.times = point.times.checked_sub(1)?;
        Some(point.action)
    }

    fn crash() -> ! {
        use rustix::process::{Signal, getpid, kill_process};
        let _ = kill_process(getpid(), Signal::KILL);
        std::process::abort()
    }

    /// What a disk says that does not write.
    pub fn broken() -> io::Error {
        io::Error::other("a fail point")
    }
}
