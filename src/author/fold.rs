//! Requests that have taken effect → the manifests they made: users, identities, the archive. What
//! should be stays what it is, at every instant from then on, and that is proven before anything is
//! written.

mod settled;
mod split;

use super::draft::{Draft, over};
use super::edit::{Edit, EditError, edit};
use super::place::Shelves;
use super::text;
use crate::catalog::{ARCHIVE, Catalog, Linked, link};
use crate::desired::Person;
use crate::desired::accounts::Accounts;
use crate::desired::expand::Outlook;
use crate::manifest::parse::{Known, Location, parse};
use crate::manifest::yaml::Step as Way;
use crate::manifest::{Kind, Moment};
use crate::name::{ManifestName, RequestName, UserName};
use crate::request::{Timeline, Verdict};
use crate::source::Source;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What folding would write.
#[derive(Debug)]
pub struct Fold {
    /// The files, as they would be.
    pub drafts: Vec<Draft>,
    /// The requests that go to the archive, by subject and in order.
    pub folded: Vec<RequestName>,
    /// Requests that have taken effect and cannot be folded yet, and why.
    pub left: Vec<(RequestName, String)>,
}

/// Why nothing can be folded.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum FoldError {
    #[error("{file} cannot be edited")]
    Edit {
        file: Arc<str>,
        #[source]
        source: EditError,
    },
    #[error("{0} cannot be read any more")]
    Unreadable(Arc<str>),
    #[error("`{0}` cannot be the name of a file in the archive")]
    Name(String),
    #[error(
        "after folding, {what} would be otherwise at {instant}; nothing was written. Please report this"
    )]
    Otherwise { what: String, instant: Timestamp },
}

/// What folding every request that has taken effect by an instant would write.
///
/// # Errors
/// [`FoldError`] when a file cannot be edited, or anything would be otherwise afterwards.
pub fn fold(
    source: &Source,
    catalog: &Catalog,
    accounts: &Accounts,
    now: Timestamp,
) -> Result<Fold, FoldError> {
    let timeline = Timeline::new(catalog, &mut Vec::new());
    let mut pen = Pen {
        source,
        shelves: Shelves::new(source, catalog),
        texts: BTreeMap::new(),
        gone: BTreeMap::new(),
    };
    let mut folded = Vec::new();
    let mut left = Vec::new();
    for subject in subjects(&timeline) {
        let count = prefix(catalog, &timeline, subject, now, &mut left);
        if count == 0 {
            continue;
        }
        let steps = &timeline.steps(subject)[..count];
        let applied = steps.iter().any(|s| s.verdict == Verdict::Applies);
        if let Some(user) = timeline
            .after_first(subject, count, now)
            .filter(|_| applied)
        {
            let settled = settled::of(catalog, accounts, subject, &user);
            pen.user(catalog, subject, &settled.user)?;
            for identity in &settled.identities {
                pen.identity(catalog, identity)?;
            }
        }
        folded.extend(steps.iter().map(|step| step.name.clone()));
    }
    if !folded.is_empty() {
        pen.archive(catalog, &folded)?;
        let through = Value::from(now.to_string());
        let set = Edit::Set(way(&["spec", "foldedThrough"]), through);
        pen.edit(&catalog.config.at, &[set])?;
        pen.take_out()?;
    }
    let drafts = pen.drafts();
    prove(source, catalog, accounts, &drafts, now)?;
    Ok(Fold {
        drafts,
        folded,
        left,
    })
}

fn subjects<'a>(timeline: &Timeline<'a>) -> BTreeSet<&'a UserName> {
    timeline.all_steps().map(|(subject, _)| subject).collect()
}

/// How many of a subject's requests can be folded: those that have taken effect, up to the first whose
/// end is still to come.
fn prefix(
    catalog: &Catalog,
    timeline: &Timeline<'_>,
    subject: &UserName,
    now: Timestamp,
    left: &mut Vec<(RequestName, String)>,
) -> usize {
    let steps = timeline.steps(subject);
    let mut count = 0;
    for (i, step) in steps.iter().take_while(|s| s.from <= now).enumerate() {
        let why = if step.is_open(catalog, now) {
            "its end is still to come"
        } else if step.takes_identities()
            && settled::of_profiles(catalog, timeline, subject, i + 1, now)
        {
            "it takes what a profile gives of an identity"
        } else {
            count = i + 1;
            continue;
        };
        let waits = steps.iter().take_while(|s| s.from <= now).skip(i);
        for (n, step) in waits.enumerate() {
            let why = match n {
                0 => why.to_owned(),
                _ => format!("it comes after {}", steps[i].name),
            };
            left.push((step.name.clone(), why));
        }
        break;
    }
    count
}

/// A way through mappings.
fn way(keys: &[&str]) -> Vec<Way> {
    keys.iter().map(|k| Way::Key((*k).to_owned())).collect()
}

/// Writes into the files of a repository, each once.
struct Pen<'a> {
    source: &'a Source,
    shelves: Shelves<'a>,
    /// Files as they would be; none: gone.
    texts: BTreeMap<Arc<str>, Option<String>>,
    /// Documents that leave their files, by file; they are taken out when everything is edited.
    gone: BTreeMap<Arc<str>, BTreeSet<u32>>,
}

impl Pen<'_> {
    fn text(&self, file: &Arc<str>) -> Result<String, FoldError> {
        if let Some(text) = self.texts.get(file) {
            return text
                .clone()
                .ok_or_else(|| FoldError::Unreadable(file.clone()));
        }
        let bytes = self.source.files.get(file).and_then(|f| f.bytes());
        let bytes = bytes.ok_or_else(|| FoldError::Unreadable(file.clone()))?;
        let text = std::str::from_utf8(&bytes);
        text.map(str::to_owned)
            .map_err(|_| FoldError::Unreadable(file.clone()))
    }

    fn edit(&mut self, at: &Location, edits: &[Edit]) -> Result<(), FoldError> {
        let text = self.text(&at.file)?;
        let text = edit(&text, at.document, edits).map_err(|source| FoldError::Edit {
            file: at.file.clone(),
            source,
        })?;
        self.texts.insert(at.file.clone(), Some(text));
        Ok(())
    }

    fn new_file<S: serde::Serialize>(&mut self, kind: Kind, name: &ManifestName, spec: &S) {
        let (path, schema) = self.shelves.place(kind, name);
        let text = text::manifest(&schema, kind, name, spec);
        self.texts.insert(path, Some(text));
    }

    fn user(
        &mut self,
        catalog: &Catalog,
        name: &UserName,
        spec: &crate::manifest::UserSpec,
    ) -> Result<(), FoldError> {
        match catalog.users.get(name) {
            Some(Linked { at, spec: old, .. }) => {
                let edits = edits(&json(old), &json(spec));
                match edits.is_empty() {
                    true => Ok(()),
                    false => self.edit(at, &edits),
                }
            }
            None => {
                let name = ManifestName::new(name.as_str());
                let name = name.map_err(|e| FoldError::Name(e.to_string()))?;
                self.new_file(Kind::User, &name, spec);
                Ok(())
            }
        }
    }

    fn identity(
        &mut self,
        catalog: &Catalog,
        identity: &settled::Identity,
    ) -> Result<(), FoldError> {
        match &identity.declared {
            Some(name) => {
                let Some(Linked { at, spec: old, .. }) = catalog.identities.get(name) else {
                    return Ok(());
                };
                if identity.taken {
                    let gone = self.gone.entry(at.file.clone()).or_default();
                    gone.insert(at.document);
                    return Ok(());
                }
                let edits = edits(&json(old), &json(&identity.spec));
                match edits.is_empty() {
                    true => Ok(()),
                    false => self.edit(at, &edits),
                }
            }
            None => {
                let spec = &identity.spec;
                let alias = spec.alias.as_deref().unwrap_or(spec.kind.as_str());
                let wanted = format!(
                    "{}.{}.{}",
                    spec.user,
                    spec.resource,
                    super::place::slug(alias)
                );
                let is_taken = |name: &str| catalog.identities.contains_key(name);
                let name = super::place::free(is_taken, &wanted);
                let name = name.map_err(|e| FoldError::Name(e.to_string()))?;
                self.new_file(Kind::Identity, &name, spec);
                Ok(())
            }
        }
    }

    /// Moves requests to the archive: whole files where all of their documents go, else the documents.
    fn archive(&mut self, catalog: &Catalog, folded: &[RequestName]) -> Result<(), FoldError> {
        let mut files: BTreeMap<Arc<str>, BTreeMap<u32, &RequestName>> = BTreeMap::new();
        for name in folded {
            if let Some(request) = catalog.requests.get(name) {
                let documents = files.entry(request.at.file.clone()).or_default();
                documents.insert(request.at.document, name);
            }
        }
        for (file, documents) in files {
            let text = self.text(&file)?;
            let parts = split::documents(&text);
            let all = (0..parts.len()).all(|i| documents.contains_key(&(i as u32)));
            match all {
                true => {
                    let path = self.free(&file);
                    self.texts.insert(path, Some(text));
                }
                false => {
                    for (document, name) in &documents {
                        if let Some(part) = parts.get(*document as usize) {
                            let path = self.free(&format!("{name}.yaml"));
                            self.texts.insert(path, Some(split::alone(part)));
                        }
                    }
                }
            }
            let gone = self.gone.entry(file).or_default();
            gone.extend(documents.keys());
        }
        Ok(())
    }

    /// Takes out the documents that leave their files; a file with none left goes.
    fn take_out(&mut self) -> Result<(), FoldError> {
        for (file, gone) in std::mem::take(&mut self.gone) {
            let text = self.text(&file)?;
            let parts = split::documents(&text);
            let stays = (0u32..).zip(&parts).filter(|(i, _)| !gone.contains(i));
            let rest: Vec<&str> = stays.map(|(_, part)| *part).collect();
            let rest = (!rest.is_empty()).then(|| split::together(&rest));
            self.texts.insert(file, rest);
        }
        Ok(())
    }

    /// A path in the archive that no file has, by the name of a file.
    fn free(&self, file: &str) -> Arc<str> {
        let name = file.rsplit('/').next().unwrap_or(file);
        let (stem, end) = name.rsplit_once('.').unwrap_or((name, "yaml"));
        let taken =
            |path: &str| self.source.files.contains_key(path) || self.texts.contains_key(path);
        let numbered = (2..).map(|n| format!("{ARCHIVE}{stem}-{n}.{end}"));
        let mut names = std::iter::once(format!("{ARCHIVE}{stem}.{end}")).chain(numbered);
        names.find(|path| !taken(path)).unwrap_or_default().into()
    }

    fn drafts(self) -> Vec<Draft> {
        let Self { source, texts, .. } = self;
        let before = |path: &Arc<str>| source.files.get(path).and_then(|f| f.bytes());
        texts
            .into_iter()
            .map(|(path, text)| Draft {
                before: before(&path),
                path,
                text,
            })
            .collect()
    }
}

/// What a manifest says, as it is written.
fn json<S: serde::Serialize>(spec: &S) -> Value {
    text::plain(serde_json::to_value(spec).unwrap_or_default())
}

/// The edits that make one spec of another: mappings key by key, lists element by element.
fn edits(old: &Value, new: &Value) -> Vec<Edit> {
    let mut edits = Vec::new();
    differ(&mut way(&["spec"]), old, new, &mut edits);
    edits
}

fn differ(route: &mut Vec<Way>, old: &Value, new: &Value, edits: &mut Vec<Edit>) {
    match (old, new) {
        _ if old == new => {}
        (Value::Object(before), Value::Object(after)) => {
            for key in before.keys().filter(|key| !after.contains_key(*key)) {
                edits.push(Edit::Remove(joined(route, Way::Key(key.clone()))));
            }
            for (key, value) in after {
                match before.get(key) {
                    Some(old) => {
                        route.push(Way::Key(key.clone()));
                        differ(route, old, value, edits);
                        route.pop();
                    }
                    None => {
                        let place = joined(route, Way::Key(key.clone()));
                        edits.push(Edit::Set(place, value.clone()));
                    }
                }
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            let stays = |value: &Value| after.contains(value);
            let kept: Vec<&Value> = before.iter().filter(|v| stays(v)).collect();
            let in_order = after.iter().take(kept.len()).eq(kept.iter().copied());
            if !in_order || kept.is_empty() {
                edits.push(Edit::Set(route.clone(), new.clone()));
                return;
            }
            for (i, _) in before.iter().enumerate().rev().filter(|(_, v)| !stays(v)) {
                edits.push(Edit::Remove(joined(route, Way::Index(i))));
            }
            for value in after.iter().skip(kept.len()) {
                edits.push(Edit::Push(route.clone(), value.clone()));
            }
        }
        _ => edits.push(Edit::Set(route.clone(), new.clone())),
    }
}

fn joined(route: &[Way], step: Way) -> Vec<Way> {
    route.iter().cloned().chain([step]).collect()
}

/// Proves that folding changes nothing of what should be, from an instant on.
fn prove(
    source: &Source,
    before: &Catalog,
    accounts: &Accounts,
    drafts: &[Draft],
    now: Timestamp,
) -> Result<(), FoldError> {
    let manifests = parse(&over(source, drafts), &mut Known::default());
    let (after, findings) = link(manifests);
    if findings.any_error() {
        let what = "the repository".to_owned();
        return Err(FoldError::Otherwise { what, instant: now });
    }
    let mut ignored = Vec::new();
    let (old, new) = (
        Timeline::new(before, &mut ignored),
        Timeline::new(&after, &mut ignored),
    );
    let instants: BTreeSet<Timestamp> = old.after(now).chain(new.after(now)).collect();
    let mut old_outlook = Outlook::new(before, &old, accounts);
    let mut new_outlook = Outlook::new(&after, &new, accounts);
    for instant in std::iter::once(now).chain(instants) {
        let mut names: BTreeSet<UserName> = BTreeSet::new();
        names.extend(old_outlook.at(instant, &mut ignored).names);
        names.extend(new_outlook.at(instant, &mut ignored).names);
        for name in names {
            let (a, b) = (
                old_outlook.people().get(&name),
                new_outlook.people().get(&name),
            );
            if a.map(|p| bare(p)) != b.map(|p| bare(p)) {
                let what = format!("`{name}`");
                return Err(FoldError::Otherwise { what, instant });
            }
        }
    }
    Ok(())
}

/// A person without what says why.
fn bare(person: &Person) -> Person {
    let mut person = person.clone();
    person.without_reasons();
    person
}

/// The instant as a manifest writes it.
pub(crate) fn moment(instant: Timestamp) -> Moment {
    Moment(instant.to_string())
}
