//! The files of `templates/` → the texts that mails are written with, each tried with a sample.

use crate::diagnostic::suggest::did_you_mean;
use crate::diagnostic::{Code, Diagnostic, Place};
use crate::notify::sample;
use crate::notify::templates::{is_known, names};
use crate::source::{Source, TEMPLATES};
use globset::GlobBuilder;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The templates of a repository by path, and what is wrong with them; those that `ignore` lists are
/// left out.
pub(super) fn read(
    source: &Source,
    ignore: &[String],
) -> (BTreeMap<Arc<str>, Arc<str>>, Vec<Diagnostic>) {
    let ignored: Vec<_> = ignore
        .iter()
        .filter_map(|glob| Some(GlobBuilder::new(glob).build().ok()?.compile_matcher()))
        .collect();
    let mut templates = BTreeMap::new();
    let mut mistakes = Vec::new();
    for (path, file) in &source.templates {
        if ignored.iter().any(|glob| glob.is_match(&**path)) {
            continue;
        }
        let text = file
            .bytes()
            .and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
        let Some(text) = text else {
            mistakes.push(Diagnostic::new(
                Code::NotUtf8,
                Place::of_file(path),
                "the file is not UTF-8",
            ));
            continue;
        };
        let name = path.strip_prefix(TEMPLATES).unwrap_or(path);
        match is_known(name) {
            true => mistakes.extend(sample::check(name, &text).err().map(|mistake| {
                let place = Place {
                    line: mistake.line,
                    ..Place::of_file(path)
                };
                Diagnostic::new(Code::BadMailTemplate, place, mistake.message)
                    .help("`countersign mail preview` shows a mail; `mail template` prints ours")
            })),
            false => {
                let message = format!("no mail is written with `{name}`");
                let known: Vec<&str> = names().collect();
                let help = did_you_mean(name, known.iter().copied());
                let help = help.unwrap_or_else(|| format!("there are {}", known.join(", ")));
                mistakes.push(
                    Diagnostic::new(Code::BadMailTemplate, Place::of_file(path), message)
                        .help(help),
                );
            }
        }
        templates.insert(path.clone(), text.into());
    }
    (templates, mistakes)
}
