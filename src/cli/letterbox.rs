//! What people say from a clone that has no operator's file: a signed message to whoever keeps the
//! record (SEMANTICS 21).

use super::{Exit, Failed, Place, talk};
use crate::ledger::inbox::{Letterbox, Message, SendError};
use crate::operator::Operator;
use jiff::Timestamp;

/// Where to send it; none where the record is kept here.
///
/// # Errors
/// When there is a remote that does not answer.
pub fn of(place: &Place, operator: &Operator) -> Result<Option<Letterbox>, Failed> {
    if !operator.is_embedded() || operator.ledger.exists() {
        return Ok(None);
    }
    Letterbox::of(&place.folder).map_err(failed)
}

/// Signs and sends a message.
///
/// # Errors
/// When it cannot be signed, or the remote does not take it.
pub fn send(letterbox: &Letterbox, message: Message, words: &str) -> Result<(), Failed> {
    let sent = letterbox.send(message, Timestamp::now());
    let name = sent.map_err(failed)?;
    let name = name.strip_prefix("refs/heads/").unwrap_or(&name);
    talk(format!(
        "{words}: signed and sent as {name}; the next run records it, if you may say so"
    ));
    Ok(())
}

/// Refuses to say something in another's name: the signature says whose it is.
///
/// # Errors
/// When a name was given.
pub fn nobody_else(by: Option<&str>) -> Result<(), Failed> {
    match by {
        Some(_) => Err(Failed::say(
            Exit::Usage,
            "the record is kept elsewhere, and your signature says who you are: leave out --by",
        )),
        None => Ok(()),
    }
}

fn failed(error: SendError) -> Failed {
    let exit = match &error {
        SendError::Unsigned(_) => Exit::Usage,
        SendError::Remote { .. } | SendError::Unwritable(_) | SendError::Random(_) => Exit::World,
    };
    Failed::new(exit, error)
}
