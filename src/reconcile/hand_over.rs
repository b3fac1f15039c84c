//! A first password → a file that only its recipient reads, in the operator's folder and in the mail.
//!
//! Invariant: what is written is encrypted before it is written; the password itself stays in memory.

use super::run::with_source;
use crate::apply::{First, HandOn, HandedOn};
use crate::failpoint::fail_point;
use crate::notify::notice::{Sealed, hand_over};
use crate::notify::post::{Letter, Post};
use crate::notify::{RunIdentity, Sender, Wording};
use crate::plan::HandOver;
use crate::report::outcome::Mailed;
use crate::seal::Recipient;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use std::fs::DirBuilder;
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Hands first passwords on.
pub struct Hand<'a> {
    /// The folder of the files.
    pub folder: &'a Path,
    /// What delivers mails.
    pub post: &'a mut dyn Post,
    /// Who mails come from.
    pub sender: &'a Sender,
    /// The words of the repository in mails.
    pub words: Wording,
    /// Which run it is.
    pub identity: RunIdentity,
    /// What time it is.
    pub clock: &'a dyn Fn() -> Timestamp,
    /// The mails that were sent.
    pub mails: Vec<Mailed>,
}

impl HandOn for Hand<'_> {
    fn hand_on(&mut self, first: &First<'_>, to: &HandOver) -> Result<HandedOn, String> {
        let recipient = Recipient::parse(&to.key).map_err(|e| format!("its key: {e}"))?;
        let password = first.password.expose_secret();
        let text = format!("Login name: {}\nPassword: {password}\n", first.login);
        let text = Zeroizing::new(text);
        let sealed = recipient.seal(text.as_bytes()).map_err(|e| e.to_string())?;
        let now = (self.clock)();
        let path = self.file(first.login, now, &sealed);
        let path = path.map_err(|e| format!("{}: {e}", self.folder.display()))?;
        let mailed = match &to.to {
            None => None,
            Some(address) => {
                let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
                let sealed = Sealed {
                    login: first.login,
                    name: &name.unwrap_or_default(),
                    text: &sealed,
                };
                let sent = self.mail(&sealed, address, now);
                if let Err(why) = sent {
                    // A fresh password will be set: this file holds one that nothing takes.
                    let _ = std::fs::remove_file(&path);
                    return Err(why);
                }
                Some(address.mail.clone())
            }
        };
        Ok(HandedOn {
            file: path.display().to_string(),
            mailed,
        })
    }
}

impl Hand<'_> {
    /// Writes the file, readable for its owner only, whole or not at all; another's is never replaced.
    fn file(&self, login: &str, now: Timestamp, sealed: &str) -> io::Result<PathBuf> {
        fail_point!("hand-over-file", return Err(crate::failpoint::broken()));
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(self.folder)?;
        let plain = |c: char| match c {
            c if c.is_ascii_alphanumeric() || ".-_".contains(c) => c,
            _ => '_',
        };
        let login: String = login.chars().map(plain).collect();
        let login = login.trim_start_matches('.');
        let base = format!("{login}-{}", now.strftime("%Y%m%dT%H%M%SZ"));
        // Made with mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(self.folder)?;
        file.write_all(sealed.as_bytes())?;
        file.as_file().sync_all()?;
        for number in 1.. {
            let name = match number {
                1 => format!("{base}.age"),
                _ => format!("{base}-{number}.age"),
            };
            let path = self.folder.join(name);
            match file.persist_noclobber(&path) {
                Ok(_) => return Ok(path),
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                    file = error.file;
                }
                Err(error) => return Err(error.error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    fn mail(
        &mut self,
        sealed: &Sealed<'_>,
        to: &crate::desired::Recipient,
        now: Timestamp,
    ) -> Result<(), String> {
        let digest = hand_over(sealed, to, &self.words, &self.identity);
        let digest = digest.map_err(|e| with_source(&e))?;
        let letter = Letter::of(&digest, self.sender, now).map_err(|e| with_source(&e))?;
        fail_point!(
            "hand-over-mail",
            return Err("the mail server cannot be reached".to_owned())
        );
        let sent = self.post.send(&letter);
        let result = sent.map(|s| s.answer).map_err(|e| with_source(&e));
        self.mails.push(Mailed {
            to: to.mail.clone(),
            subject: digest.subject,
            result: result.clone(),
        });
        result.map(drop)
    }
}
