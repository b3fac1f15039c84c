//! Letters to a folder of `.eml` files: what a demonstration, a preview and a test look at.

use super::post::{Letter, Post, PostError, Sent};
use crate::failpoint::fail_point;
use std::io::Write;
use std::path::{Path, PathBuf};

/// How long each part of a file's name may get, in characters.
const PART_LENGTH: usize = 60;

/// A folder that letters are written to, each a file of its own.
#[derive(Debug, Clone)]
pub struct Outbox {
    folder: PathBuf,
}

impl Outbox {
    /// Takes a folder; it is made at the first letter.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The name of a letter's file: sorts by date, then says to whom and what; the same for the same letter.
    pub fn file_name(letter: &Letter) -> String {
        let date = letter.date.strftime("%Y%m%dT%H%M%SZ");
        let id: String = slug(letter.message_id.local()).chars().take(8).collect();
        let prefix = letter
            .subject
            .find(']')
            .filter(|_| letter.subject.starts_with('['));
        let subject = prefix.and_then(|end| letter.subject.get(end + 1..));
        let subject = slug(subject.unwrap_or(&letter.subject));
        format!("{date}-{}-{subject}-{id}.eml", address_part(&letter.to))
    }
}

impl Post for Outbox {
    fn send(&mut self, letter: &Letter) -> Result<Sent, PostError> {
        let path = self.folder.join(Self::file_name(letter));
        let failed = |source| PostError::File {
            path: path.clone(),
            source,
        };
        fail_point!("outbox", return Err(failed(crate::failpoint::broken())));
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        // Readable by its owner only, as tempfile makes it: mails name people.
        let mut file = tempfile::NamedTempFile::new_in(&self.folder).map_err(failed)?;
        file.write_all(letter.mime.as_bytes()).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(&path).map_err(|e| failed(e.error))?;
        fail_point!(
            "outbox-written",
            return Err(failed(crate::failpoint::broken()))
        );
        Ok(Sent {
            message_id: letter.message_id.clone(),
            answer: path.display().to_string(),
        })
    }
}

/// An address as a part of a file's name.
fn address_part(mail: &str) -> String {
    let kept = |c: char| {
        if c.is_ascii_alphanumeric() || "@._+-".contains(c) {
            c
        } else {
            '_'
        }
    };
    mail.chars().map(kept).take(PART_LENGTH).collect()
}

/// A text as a part of a file's name: ASCII letters and digits, everything else one `-`.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in deunicode::deunicode(text).chars() {
        match c.is_ascii_alphanumeric() {
            true => slug.push(c.to_ascii_lowercase()),
            false if slug.ends_with('-') || slug.is_empty() => {}
            false => slug.push('-'),
        }
    }
    slug.truncate(PART_LENGTH);
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::MessageId;

    fn letter(to: &str, subject: &str) -> Letter {
        Letter {
            message_id: MessageId("<0123456789abcdef@city.example>".to_owned()),
            from: "access@city.example".to_owned(),
            to: to.to_owned(),
            subject: subject.to_owned(),
            date: "2027-02-01T05:00:00.9Z".parse().unwrap(),
            mime: "Subject: x\r\n\r\nbody\r\n".to_owned(),
        }
    }

    #[test]
    fn a_file_name_tells_when_to_whom_and_what() {
        let name = |to, subject| Outbox::file_name(&letter(to, subject));
        assert_eq!(
            name(
                "timetrack@city.example",
                "[City] 3 tasks: Timetrack (2), uReport (1)"
            ),
            "20270201T050000Z-timetrack@city.example-3-tasks-timetrack-2-ureport-1-01234567.eml"
        );
        assert_eq!(
            name("../../x@y", "../\u{0}/etc\r\npasswd Zoë"),
            "20270201T050000Z-.._.._x@y-etc-passwd-zoe-01234567.eml"
        );
    }

    #[test]
    fn the_same_letter_is_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut outbox = Outbox::new(folder.path().join("out"));
        let letter = letter("dana@city.example", "[City] 1 task: uReport (1)");
        let first = outbox.send(&letter).unwrap();
        assert_eq!(outbox.send(&letter).unwrap(), first);
        assert_eq!(
            std::fs::read(&first.answer).unwrap(),
            letter.mime.as_bytes()
        );
        assert_eq!(std::fs::read_dir(outbox.folder()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let failure = Outbox::new(file.path().join("x"))
            .send(&letter("a@b", "s"))
            .unwrap_err();
        assert!(matches!(failure, PostError::File { .. }), "{failure}");
    }
}
