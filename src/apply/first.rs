//! A first password: set, recorded, handed on, recorded. Only then may the account be enabled.
//!
//! Invariant: the password is in memory only, from the generator to the directory and to what
//! encrypts it. Between the two records nobody knows it, and a later run sets a fresh one.

use super::{Ended, changed, explain, guid, points, reached, set_password};
use crate::connector::{At, Failure, Transport};
use crate::failpoint::fail_point;
use crate::ledger::{Event, Ledger, LedgerError, Outcome, Record, RunId};
use crate::name::UserName;
use crate::plan::{Change, HandOver, Write};
use jiff::Timestamp;
use secrecy::SecretString;

use super::probe;

/// What is handed on.
#[derive(Debug)]
pub struct First<'a> {
    /// Whose password it is.
    pub user: &'a UserName,
    /// The login name it goes with.
    pub login: &'a str,
    /// The password.
    pub password: &'a SecretString,
}

/// What became of a hand-over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedOn {
    /// The encrypted file.
    pub file: String,
    /// The address it was mailed to as well.
    pub mailed: Option<String>,
}

/// What hands first passwords on, encrypted.
pub trait HandOn {
    /// Hands one on.
    ///
    /// # Errors
    /// Why it could not be, in a sentence: nobody has it then.
    fn hand_on(&mut self, first: &First<'_>, to: &HandOver) -> Result<HandedOn, String>;
}

/// Sets a first password and hands it on, and says what of it the record must keep.
pub(super) fn password(
    change: &Change,
    directory: &mut dyn Transport,
    hand_on: &mut dyn HandOn,
    ledger: &mut Ledger,
    run: &RunId,
    clock: &dyn Fn() -> Timestamp,
) -> Result<(Ended, Vec<Event>), LedgerError> {
    let (
        Write::SetPassword {
            at,
            avoid,
            hand_over,
        },
        Some(user),
    ) = (&change.write, &change.user)
    else {
        return Ok((super::held("there is no user it is for"), Vec::new()));
    };
    let written = points::before(change.action)
        .and_then(|()| set(at, avoid, directory))
        .and_then(|password| points::answer(change.action).map(|()| password));
    let password = match written {
        Ok(password) => password,
        Err(failure) => return Ok((explain(change, directory, failure), Vec::new())),
    };
    let Some(account) = guid(at, directory) else {
        let ended = failed("the password was set, and then the account could not be found");
        return Ok((ended, Vec::new()));
    };
    ledger.append(Record {
        at: clock(),
        run: run.clone(),
        event: Event::PasswordSet {
            user: user.clone(),
            account,
        },
    })?;
    fail_point!("password-recorded", return Err(LedgerError::Stopped));
    let Some(to) = hand_over else {
        return Ok((reached(Outcome::Applied), Vec::new()));
    };
    let first = First {
        user,
        login: &change.target,
        password: &password,
    };
    let handed_on = hand_on.hand_on(&first, to);
    fail_point!("handed-over", return Err(LedgerError::Stopped));
    Ok(match handed_on {
        Ok(HandedOn { file, mailed }) => {
            let handed = Event::HandedOver {
                user: user.clone(),
                account,
                file,
                mailed,
            };
            (reached(Outcome::Applied), vec![handed])
        }
        Err(why) => {
            let why = format!("the password was set and could not be handed on: {why}");
            (failed(&why), Vec::new())
        }
    })
}

/// Sets a generated password. An account that can be logged on to keeps the one it has.
pub(super) fn set(
    at: &At,
    avoid: &[String],
    directory: &mut dyn Transport,
) -> Result<SecretString, Failure> {
    if probe::is_enabled(at, directory)? {
        return Err(changed("the account can be logged on to already"));
    }
    set_password(at, avoid, directory)
}

fn failed(why: &str) -> Ended {
    Ended {
        outcome: Outcome::Failed,
        detail: Some(why.into()),
        class: None,
    }
}
