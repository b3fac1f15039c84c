//! Files → manifests, with every mistake of form. A broken manifest keeps its name, so that what
//! refers to it is not reported too.

use super::check::{check, clean};
use super::schema::{Shape, shape};
use super::written::{Written, written};
use super::yaml::{Document, Node, Step, Yaml, compose, shown};
use super::{
    API_VERSION, ConfigSpec, IdentitySpec, Kind, Manifest, OrganizationSpec, PolicySpec,
    ProfileSpec, RequestSpec, ResourceSpec, RoleSpec, ScopeSpec, UserSpec, read, text,
};
use crate::diagnostic::suggest::did_you_mean;
use crate::diagnostic::{Code, Diagnostic, Place};
use crate::name::ManifestName;
use crate::source::{Blob, File, Source};
use foldhash::HashMap;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The file that holds the `Config`.
pub const CONFIG_FILE: &str = "countersign.yaml";

/// Every manifest of a repository, and every mistake of form.
#[derive(Debug, Default)]
pub struct Manifests {
    /// The manifests, by file and place in it.
    pub list: Vec<Located>,
    /// Names of manifests that are too broken to use.
    pub broken: BTreeSet<(Kind, ManifestName)>,
    /// Documents of the list, by file and number, whose mistakes were taken out: what they seem to
    /// lack may be what they say wrongly.
    pub damaged: BTreeSet<(Arc<str>, u32)>,
    /// What is wrong, unsorted; the reader's own findings included.
    pub diagnostics: Vec<Diagnostic>,
}

/// A manifest and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Located {
    /// Where it stands.
    pub at: Location,
    /// What it says.
    pub body: Body,
}

/// Where a manifest stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The file.
    pub file: Arc<str>,
    /// The document within it, from 0.
    pub document: u32,
    /// The line of its name.
    pub line: u32,
}

/// What a manifest says, by kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Body {
    Config(Arc<Manifest<ConfigSpec>>),
    Organization(Arc<Manifest<OrganizationSpec>>),
    Profile(Arc<Manifest<ProfileSpec>>),
    User(Arc<Manifest<UserSpec>>),
    Resource(Arc<Manifest<ResourceSpec>>),
    Role(Arc<Manifest<RoleSpec>>),
    Scope(Arc<Manifest<ScopeSpec>>),
    Identity(Arc<Manifest<IdentitySpec>>),
    Request(Arc<Manifest<RequestSpec>>),
    Policy(Arc<Manifest<PolicySpec>>),
}

/// What was parsed before, by blob: manifests without a mistake.
#[derive(Debug, Default)]
pub struct Known(pub HashMap<Blob, Vec<(u32, u32, Body)>>);

/// Parses every file, and notes in `known` what need not be parsed again.
pub fn parse(source: &Source, known: &mut Known) -> Manifests {
    let ignored = ignored(source, known);
    let files: Vec<_> = source
        .files
        .iter()
        .filter(|(path, _)| !ignored.iter().any(|glob| glob.is_match(&***path)))
        .collect();
    let one = |(path, file): &(&Arc<str>, &File)| {
        let parsed = parse_file(path, &file.bytes().unwrap_or_default());
        (Arc::clone(path), parsed)
    };
    let is_new = |(_, file): &(&Arc<str>, &File)| !known.0.contains_key(&file.blob);
    let new: Vec<_> = files.iter().copied().filter(is_new).collect();
    let parsed: Vec<_> = new.par_iter().map(one).collect();
    let (mut manifests, clashes) =
        rayon::join(|| gather(&files, parsed, known), || source.case_clashes());
    let mut diagnostics = [&source.diagnostics[..], &clashes].concat();
    diagnostics.retain(|d| !ignored.iter().any(|glob| glob.is_match(&*d.place.file)));
    diagnostics.append(&mut manifests.diagnostics);
    manifests.diagnostics = diagnostics;
    manifests
}

/// Puts together what files say, of which these were parsed and the others are known.
fn gather(
    files: &[(&Arc<str>, &File)],
    parsed: Vec<(Arc<str>, Parsed)>,
    known: &mut Known,
) -> Manifests {
    let mut manifests = Manifests {
        list: Vec::with_capacity(files.len()),
        ..Default::default()
    };
    let mut parsed = parsed.into_iter().peekable();
    for (path, file) in files {
        let located = |(document, line, body): &(u32, u32, Body)| Located {
            at: Location {
                file: Arc::clone(path),
                document: *document,
                line: *line,
            },
            body: body.clone(),
        };
        let Some((_, parsed)) = parsed.next_if(|(of, _)| Arc::ptr_eq(of, path)) else {
            let bodies = known.0.get(&file.blob).into_iter().flatten();
            manifests.list.extend(bodies.map(located));
            continue;
        };
        manifests.list.extend(parsed.manifests.iter().map(located));
        manifests.broken.extend(parsed.broken);
        let damaged = parsed.damaged.into_iter();
        manifests
            .damaged
            .extend(damaged.map(|document| (Arc::clone(path), document)));
        if parsed.diagnostics.is_empty() {
            known.0.insert(file.blob, parsed.manifests);
        }
        manifests.diagnostics.extend(parsed.diagnostics);
    }
    manifests
}

#[cfg(test)]
impl Manifests {
    /// Those of a text without a mistake.
    pub fn of_text(file: &str, text: &str) -> Self {
        let (bodies, mistakes) = check_text(file, text);
        assert_eq!(mistakes, []);
        let located = |(document, body)| Located {
            at: Location {
                file: file.into(),
                document,
                line: 1,
            },
            body,
        };
        Self {
            list: (0..).zip(bodies).map(located).collect(),
            ..Self::default()
        }
    }
}

/// Finds the places of routes into manifests by composing their files again.
pub struct Places<'a> {
    source: &'a Source,
    composed: HashMap<Arc<str>, Vec<Document>>,
}

/// Files that are kept composed: those that many places are asked of, and little memory.
const KEPT: usize = 64;

impl<'a> Places<'a> {
    /// Finds places in these files.
    pub fn new(source: &'a Source) -> Self {
        Self {
            source,
            composed: HashMap::default(),
        }
    }

    /// The place at the end of a route into a manifest; that of its name where it cannot be read.
    pub fn of(&mut self, at: &Location, route: &[Step]) -> Place {
        if !self.composed.contains_key(&at.file) {
            if self.composed.len() >= KEPT {
                self.composed.clear();
            }
            self.composed
                .insert(at.file.clone(), self.compose(&at.file));
        }
        let documents = self.composed.get(&at.file);
        let document = documents.and_then(|d| d.get(at.document as usize));
        match document {
            Some(document) => document.root.at(route).in_file(&at.file),
            None => Place {
                file: at.file.clone(),
                line: at.line,
                column: 1,
                width: 1,
            },
        }
    }

    /// The place of a part of a text that stands at a place: so many characters from its beginning, for
    /// so many; the whole place where that cannot be told.
    pub fn within(&self, place: Place, text: &str, part: (usize, usize)) -> Place {
        let inside = || {
            let file = self.source.files.get(&place.file)?;
            let bytes = file.bytes()?;
            let source = std::str::from_utf8(&bytes).ok()?;
            let source = source.strip_prefix('\u{feff}').unwrap_or(source);
            let number = |n: u32| usize::try_from(n).ok();
            let at = (number(place.line)?, number(place.column)?);
            let Written {
                line,
                column,
                width,
            } = written(source, at, text, part)?;
            Some(Place {
                file: place.file.clone(),
                line: u32::try_from(line).ok()?,
                column: u32::try_from(column).ok()?,
                width: u32::try_from(width).ok()?,
            })
        };
        inside().unwrap_or(place)
    }

    fn compose(&self, file: &Arc<str>) -> Vec<Document> {
        let file_there = self.source.files.get(file);
        let Some(bytes) = file_there.and_then(File::bytes) else {
            return Vec::new();
        };
        let Ok(text) = std::str::from_utf8(&bytes) else {
            return Vec::new();
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        compose(file, text, &mut Vec::new())
    }
}

/// The globs of `ignore:` in the `Config`, wherever it stands; a broken one is reported with the rest.
fn ignored(source: &Source, known: &Known) -> Vec<globset::GlobMatcher> {
    let globs: Vec<String> = match source.files.get_key_value(CONFIG_FILE) {
        Some((path, file)) => ignored_by(path, file, known),
        None => {
            let all = source.files.iter();
            all.flat_map(|(path, file)| ignored_by(path, file, known))
                .collect()
        }
    };
    let globs = globs.iter().filter_map(|g| globset::Glob::new(g).ok());
    globs.map(|glob| glob.compile_matcher()).collect()
}

/// What the `Config` of a file ignores; nothing where it has none.
fn ignored_by(path: &Arc<str>, file: &File, known: &Known) -> Vec<String> {
    let of = |body: &Body| match body {
        Body::Config(config) => config.spec.ignore.clone(),
        _ => Vec::new(),
    };
    if let Some(bodies) = known.0.get(&file.blob) {
        return bodies.iter().flat_map(|(_, _, body)| of(body)).collect();
    }
    let bytes = file.bytes().unwrap_or_default();
    let kind = Kind::Config.as_str().as_bytes();
    if !bytes.windows(kind.len()).any(|window| window == kind) {
        return Vec::new();
    }
    let parsed = parse_file(path, &bytes).manifests;
    parsed.iter().flat_map(|(_, _, body)| of(body)).collect()
}

#[derive(Default)]
struct Parsed {
    manifests: Vec<(u32, u32, Body)>,
    broken: Vec<(Kind, ManifestName)>,
    damaged: Vec<u32>,
    diagnostics: Vec<Diagnostic>,
}

fn parse_file(path: &Arc<str>, bytes: &[u8]) -> Parsed {
    let mut parsed = Parsed::default();
    let Some(text) = text::readable(path, bytes, &mut parsed.diagnostics) else {
        parsed
            .broken
            .extend(text::declared(&String::from_utf8_lossy(bytes)));
        return parsed;
    };
    parsed.diagnostics.extend(text::secrets(path, text));
    let documents = compose(path, text, &mut parsed.diagnostics);
    let lost = [Code::Syntax, Code::UnquotedTemplate, Code::TooComplex];
    if parsed.diagnostics.iter().any(|d| lost.contains(&d.code)) {
        parsed.broken.extend(text::declared(text));
    }
    let full = documents
        .iter()
        .enumerate()
        .filter(|(_, d)| d.root.value != Yaml::Null)
        .collect::<Vec<_>>();
    if full.is_empty() && parsed.diagnostics.is_empty() {
        parsed.diagnostics.push(
            Diagnostic::new(
                Code::EmptyFile,
                Place::of_file(path),
                "the file holds no manifest",
            )
            .help("write one, or delete the file"),
        );
    }
    for (index, document) in full {
        parse_document(path, index as u32, document, &mut parsed);
    }
    parsed
}

fn parse_document(path: &Arc<str>, index: u32, document: &Document, parsed: &mut Parsed) {
    let root = &document.root;
    let Some(kind) = kind_of(path, root, &mut parsed.diagnostics) else {
        return;
    };
    let shape = shape(kind);
    let mut diagnostics = Vec::new();
    check(path, root, shape, &mut diagnostics);
    let faulty = document.damaged || crate::diagnostic::any_error(&diagnostics);
    parsed.diagnostics.extend(diagnostics);
    let cleaned = if faulty { clean(root, shape) } else { None };
    let usable = if faulty { cleaned.as_ref() } else { Some(root) };
    let name = root.get("metadata").and_then(|m| m.get("name"));
    let line = name.map_or(root.mark.line, |n| n.mark.line);
    match usable.map(|node| body(kind, node)) {
        Some(Ok(body)) => {
            parsed.manifests.push((index, line, body));
            parsed.damaged.extend(faulty.then_some(index));
        }
        Some(Err(error)) => {
            let place = root.mark.in_file(path);
            parsed
                .diagnostics
                .push(Diagnostic::new(Code::WrongType, place, error.to_string()));
        }
        None => {
            let name = name
                .and_then(Node::text)
                .and_then(|n| ManifestName::new(n).ok());
            parsed.broken.extend(name.map(|name| (kind, name)));
        }
    }
}

/// The kind of a document that is one of ours.
fn kind_of(path: &Arc<str>, root: &Node, diagnostics: &mut Vec<Diagnostic>) -> Option<Kind> {
    let mut say = |code, mark: super::yaml::Mark, message: String, help: Option<String>| {
        diagnostics.push(Diagnostic::new(code, mark.in_file(path), message).maybe_help(help));
    };
    let version = root.get("apiVersion");
    match version.and_then(Node::text) {
        Some(API_VERSION) => {}
        Some(other) => {
            let help = match other.starts_with("countersign/") {
                true => format!("this program reads `{API_VERSION}`"),
                false => format!(
                    "a manifest says `apiVersion: {API_VERSION}`; list other files in `ignore` of {CONFIG_FILE}"
                ),
            };
            let mark = version.map_or(root.mark, |v| v.mark);
            say(
                Code::NotAManifest,
                mark,
                format!("`{}` is not a version this program reads", shown(other)),
                Some(help),
            );
            return None;
        }
        None if root.value == Yaml::Broken => return None,
        None => {
            say(
                Code::NotAManifest,
                root.mark,
                "this YAML document is not a manifest: it has no `apiVersion`".into(),
                Some(format!(
                    "write `apiVersion: {API_VERSION}`, or list the file in `ignore` of {CONFIG_FILE}"
                )),
            );
            return None;
        }
    }
    let Some(node) = root.get("kind") else {
        let kinds = Kind::ALL.map(Kind::as_str).join(", ");
        say(
            Code::MissingField,
            root.mark,
            "the manifest needs `kind`".into(),
            Some(format!("one of {kinds}")),
        );
        return None;
    };
    let Some(text) = node.text() else {
        let message = format!("`kind` must be a text, and this is {}", node.sort());
        let kinds = Kind::ALL.map(Kind::as_str).join(", ");
        say(
            Code::WrongType,
            node.mark,
            message,
            Some(format!("one of {kinds}")),
        );
        return None;
    };
    let kind = Kind::ALL.into_iter().find(|k| k.as_str() == text);
    if kind.is_none() {
        let help = did_you_mean(text, Kind::ALL.map(Kind::as_str));
        say(
            Code::UnknownKind,
            node.mark,
            format!("there is no kind `{}`", shown(text)),
            help,
        );
    }
    kind
}

fn body(kind: Kind, node: &Node) -> Result<Body, read::ReadError> {
    Ok(match kind {
        Kind::Config => Body::Config(read::read(node)?),
        Kind::Organization => Body::Organization(read::read(node)?),
        Kind::Profile => Body::Profile(read::read(node)?),
        Kind::User => Body::User(read::read(node)?),
        Kind::Resource => Body::Resource(read::read(node)?),
        Kind::Role => Body::Role(read::read(node)?),
        Kind::Scope => Body::Scope(read::read(node)?),
        Kind::Identity => Body::Identity(read::read(node)?),
        Kind::Request => Body::Request(read::read(node)?),
        Kind::Policy => Body::Policy(read::read(node)?),
    })
}

/// Lines of a text that a reader of one manifest text needs: the mistakes of form in it.
pub fn check_text(path: &str, text: &str) -> (Vec<Body>, Vec<Diagnostic>) {
    let parsed = parse_file(&path.into(), text.as_bytes());
    let bodies = parsed
        .manifests
        .into_iter()
        .map(|(_, _, body)| body)
        .collect();
    (bodies, crate::diagnostic::sorted(parsed.diagnostics))
}

/// The shapes by kind, for tests of agreement with the published schemas.
pub fn shape_of(kind: Kind) -> &'static Shape {
    shape(kind)
}
