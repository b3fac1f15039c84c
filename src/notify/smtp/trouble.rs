//! What went wrong at a mail server to whose trouble it is: one recipient's, the settings', the connection's.

use crate::notify::plain::one_line;
use lettre::transport::smtp::Error;
use std::error::Error as _;

/// Whose trouble a failure is.
pub(super) enum Trouble {
    /// One recipient's or one letter's.
    Recipient(Lasting),
    /// Of the settings or the server; with what is wrong.
    Settings(String),
    /// Of the connection.
    Connection,
}

/// Whether trying again later is pointless.
pub(super) enum Lasting {
    Yes,
    No,
}

/// Tells them apart.
pub(super) fn trouble(error: &Error) -> Trouble {
    let code = error
        .status()
        .map(|code| code.to_string())
        .unwrap_or_default();
    // x5z is about the mail (RFC 5321 section 4.2.1), but 454 about the log-on (RFC 4954).
    let of_the_mail = code.get(1..2) == Some("5") && code != "454";
    match (error.is_permanent(), error.is_transient()) {
        (true, _) if of_the_mail => Trouble::Recipient(Lasting::Yes),
        (true, _) => Trouble::Settings(answer(error)),
        (_, true) if of_the_mail => Trouble::Recipient(Lasting::No),
        (_, true) => Trouble::Connection,
        (false, false) => match refused_by_tls(error) {
            Some(reason) => Trouble::Settings(reason),
            None if error.is_client() || error.is_tls() => Trouble::Settings(answer(error)),
            None => Trouble::Connection,
        },
    }
}

/// What TLS found wrong, a certificate for one; lettre shows it as trouble of the network.
fn refused_by_tls(error: &Error) -> Option<String> {
    let mut source = error.source();
    while let Some(cause) = source {
        let inner = cause
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        if let Some(tls) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Some(one_line(&tls.to_string()));
        }
        source = cause.source();
    }
    None
}

/// The server's own words, behind its code.
pub(super) fn answer(error: &Error) -> String {
    let words = error
        .source()
        .map_or_else(|| error.to_string(), ToString::to_string);
    let code = error
        .status()
        .map(|code| format!("{code} "))
        .unwrap_or_default();
    one_line(&format!("{code}{words}"))
}
