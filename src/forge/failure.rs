//! That a forge did not tell, or told what cannot be relied on: each says which call, and a way out.

use super::Login;

/// That a forge did not tell, or told what cannot be relied on.
///
/// A call is named as `GitHub, GET https://host/path`, without its query.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum ForgeError {
    #[error("{0}")]
    Settings(String),
    #[error(
        "no answer to {call}; check that this machine reaches the forge (HTTPS_PROXY, NO_PROXY), and the certificate it shows"
    )]
    Unanswered {
        call: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("{call} was answered with {status}{said}; {help}")]
    Refused {
        call: String,
        status: u16,
        /// What the forge said, made printable and short; may be empty.
        said: String,
        help: &'static str,
    },
    #[error(
        "{call} is beyond the forge's rate limit for {seconds} seconds more, which is longer than is waited for; try again then, or use a token with a higher limit"
    )]
    RateLimited { call: String, seconds: u64 },
    #[error(
        "{call} was redirected to another place, {to}, which is not followed: the token is for this forge only; correct the address of the forge or the name of the repository"
    )]
    Redirected { call: String, to: String },
    #[error(
        "the answer to {call} is not what the forge's interface describes ({what}); check that the address is the forge's, and that no proxy answers in its stead"
    )]
    Malformed { call: String, what: String },
    #[error("the answer to {call} has more than {limit} bytes, and is not read further")]
    TooLarge { call: String, limit: u64 },
    #[error(
        "{call} has more than {limit} pages, and is not read further: nothing is concluded from a part"
    )]
    TooManyPages { call: String, limit: u32 },
    #[error(
        "the forge speaks of the repository {found}, and {asked} was asked for; if it was renamed, write its new name"
    )]
    OtherRepository { asked: String, found: String },
    #[error(
        "commit {commit} is the merge of several pull requests ({}), so it cannot be told which one was approved; `countersign approve` covers it", listed(.numbers)
    )]
    Ambiguous { commit: String, numbers: Vec<u64> },
    #[error(
        "several open pull requests have the head {head} ({}), so it cannot be told which one is meant; close all but one", listed(.numbers)
    )]
    Several { head: String, numbers: Vec<u64> },
    #[error("what the forge tells of pull request #{number} does not fit together: {why}")]
    Inconsistent { number: u64, why: String },
    #[error("pull request #{number} proves nothing: {why}")]
    NoProof { number: u64, why: String },
    #[error(
        "pull request #{number} was opened by the bot {}, and whose form it was made from cannot be told: {why}", .bot.as_str().escape_debug()
    )]
    Form {
        number: u64,
        bot: Login,
        why: String,
    },
}

impl ForgeError {
    /// Whether the forge did tell, will tell the same again, and what it tells is no proof of
    /// anything: then it is known that there is none. Of everything else nothing is known.
    pub fn is_an_answer(&self) -> bool {
        match self {
            Self::Ambiguous { .. }
            | Self::Several { .. }
            | Self::NoProof { .. }
            | Self::Form { .. } => true,
            Self::Settings(_)
            | Self::Unanswered { .. }
            | Self::Refused { .. }
            | Self::RateLimited { .. }
            | Self::Redirected { .. }
            | Self::Malformed { .. }
            | Self::TooLarge { .. }
            | Self::TooManyPages { .. }
            | Self::OtherRepository { .. }
            | Self::Inconsistent { .. } => false,
        }
    }
}

fn listed(numbers: &[u64]) -> String {
    let numbers: Vec<String> = numbers.iter().map(|number| format!("#{number}")).collect();
    numbers.join(", ")
}

/// A text of others made fit for one line of a terminal, and short.
pub(super) fn printable(text: &str) -> String {
    /// As much as fits on two lines of a terminal.
    const LONGEST: usize = 160;
    let plain = |c: char| match c.is_control() || is_invisible(c) {
        true => ' ',
        false => c,
    };
    let mut short: String = text.trim().chars().take(LONGEST).map(plain).collect();
    if text.trim().chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}

/// Marks that change how the text around them is shown (UAX 9), and those without a width.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}')
}

/// What to do about a status.
pub(super) fn help(status: u16) -> &'static str {
    match status {
        401 => {
            "the token is not right, or not any more: make a new one and put it where the old one was"
        }
        403 => {
            "the token may not do this: give it the rights that SECURITY.md lists for this forge"
        }
        404 => {
            "there is no such thing, or the token may not see it: check the name of the repository, the number, and the token's rights"
        }
        410 => "it was deleted, or the forge has this switched off",
        409 | 422 => "the forge does not take it as it is now",
        500..=599 => "the fault is on the forge's side: try again later",
        _ => "that is not an answer to expect: check the address of the forge",
    }
}
