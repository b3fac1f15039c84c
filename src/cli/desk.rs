//! What the writing commands share: the repository as it is, and the end of each of them: the whole
//! repository is validated with the new files in it, and only then they are written, into the folder
//! or onto a branch.

use super::{Exit, Failed, Outcome, Place, print, talk, workbench};
use crate::author::draft::{Draft, over, write};
use crate::author::place::{Shelves, free};
use crate::author::text;
use crate::catalog::Catalog;
use crate::desired::expand::expand;
use crate::diagnostic::suggest::did_you_mean;
use crate::diagnostic::{Code, Diagnostic, any_error};
use crate::manifest::parse::Known;
use crate::manifest::request::RequestAction;
use crate::manifest::user::UserState;
use crate::manifest::{Edge, Kind, Moment, RequestSpec};
use crate::name::{ManifestName, UserName};
use crate::reconcile::{Reading, diagnose, read_source};
use crate::report::diagnostics::{Format, render};
use crate::request::Timeline;
use crate::source::branch::{BranchError, Naming, propose};
use crate::source::{Origin, Source, SourceError, git};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Where what is written goes.
#[derive(Debug, Clone, clap::Args)]
pub struct BranchArgs {
    /// Write onto a new git branch with one commit, ready to push, and leave the folder alone; without
    /// NAME the branch is called after what is written.
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    branch: Option<String>,
}

impl BranchArgs {
    /// The flag that says the same.
    pub fn flag(&self) -> Option<String> {
        self.branch.as_ref().map(|name| format!("--branch={name}"))
    }
}

/// A repository to write into.
pub struct Desk {
    place: Place,
    branch: Option<String>,
    reading: Reading,
    /// The instant of the call.
    pub now: Timestamp,
}

impl Desk {
    /// Reads the repository: the folder as it lies there, or HEAD where a branch is wanted.
    ///
    /// # Errors
    /// When it cannot be read, or holds no access repository.
    pub fn open(place: &Place, args: &BranchArgs) -> Result<Self, Failed> {
        let folder = place.folder.clone();
        let origin = match &args.branch {
            None => Origin::Worktree {
                folder: folder.clone(),
            },
            Some(_) => {
                git::revision_id(&folder, "HEAD").map_err(no_branch)?;
                Origin::Revision {
                    folder: folder.clone(),
                    revision: "HEAD".into(),
                }
            }
        };
        let reading = workbench::read(&origin)?;
        if reading.manifests == 0 {
            let words = format!(
                "{} holds no manifest; name the access repository with -C, or begin one with `countersign init`",
                folder.display()
            );
            return Err(Failed::say(Exit::Usage, words));
        }
        let now = workbench::InstantArgs::now().resolve(&reading.catalog)?;
        Ok(Self {
            place: place.clone(),
            branch: args.branch.clone(),
            reading,
            now,
        })
    }

    /// The manifests there are.
    pub fn catalog(&self) -> &Catalog {
        &self.reading.catalog
    }

    /// The files there are.
    pub fn source(&self) -> &Source {
        &self.reading.source
    }

    /// Where they were read from.
    pub fn origin(&self) -> Origin {
        let folder = self.place.folder.clone();
        match &self.branch {
            None => Origin::Worktree { folder },
            Some(_) => Origin::Revision {
                folder,
                revision: "HEAD".into(),
            },
        }
    }

    /// Fails where the repository has mistakes already, and says them.
    ///
    /// # Errors
    /// When it has.
    pub fn must_be_valid(&self) -> Result<(), Failed> {
        let mut known = workbench::known(&self.place.folder);
        let source = self.reading.source.clone();
        let files = source.files.clone();
        let found = diagnose(read_source(source, &mut known), None, self.now);
        if !any_error(&found) {
            return Ok(());
        }
        let text = |path: &str| -> Option<Arc<str>> {
            let bytes = files.get(path)?.bytes()?;
            Some(String::from_utf8_lossy(&bytes).into())
        };
        talk(render(&found, 0, &text, Format::Human));
        let words = "the repository has mistakes, so nothing was written";
        Err(Failed::say(Exit::Findings, words))
    }

    /// Where new manifests go.
    pub fn shelves(&self) -> Shelves<'_> {
        Shelves::new(&self.reading.source, &self.reading.catalog)
    }

    /// The lives of everybody; what is wrong with them is found when the drafts are validated.
    pub fn timeline(&self) -> Timeline<'_> {
        Timeline::new(&self.reading.catalog, &mut Vec::new())
    }

    /// The content of a file.
    pub fn bytes(&self, path: &str) -> Option<Arc<[u8]>> {
        self.reading.source.files.get(path)?.bytes()
    }

    /// A user of that name, in lower case where there is none as it is written.
    ///
    /// # Errors
    /// When nothing declares one.
    pub fn user(&self, name: &str) -> Result<UserName, Failed> {
        let known = self.names();
        let lower = name.to_lowercase();
        let spelled = |text: &str| known.iter().find(|n| n.as_str() == text);
        let found = spelled(name).or_else(|| spelled(&lower));
        found.map(|name| (*name).clone()).ok_or_else(|| {
            let help = did_you_mean(name, known.iter().map(|n| n.as_str()));
            let help = help.map(|h| format!("; {h}")).unwrap_or_default();
            Failed::say(Exit::Usage, format!("there is no user `{name}`{help}"))
        })
    }

    /// Everybody whom a manifest or a request declares.
    pub fn names(&self) -> BTreeSet<&UserName> {
        let requests = self.catalog().requests.values();
        let subjects = requests.filter(|r| r.spec.action == RequestAction::Activate);
        let subjects = subjects.map(|r| &r.spec.subject);
        self.catalog().users.keys().chain(subjects).collect()
    }

    /// A moment as a flag says it: `now`, `today` and `tomorrow` too.
    ///
    /// # Errors
    /// When there is no such moment.
    pub fn moment(
        &self,
        text: &str,
        edge: Edge,
        flag: &str,
    ) -> Result<(Moment, Timestamp), Failed> {
        let zone = &self.catalog().zone;
        let local = self.now.to_zoned(zone.clone());
        let text = match text {
            "now" => return self.minute(self.now),
            "today" => local.strftime("%Y-%m-%d").to_string(),
            "tomorrow" => match local.tomorrow() {
                Ok(tomorrow) => tomorrow.strftime("%Y-%m-%d").to_string(),
                Err(error) => return Err(Failed::new(Exit::Usage, error)),
            },
            text => text.to_owned(),
        };
        let moment = Moment(text);
        let well_formed = regex::Regex::new(crate::manifest::moment::PATTERN);
        let well_formed = well_formed.is_ok_and(|pattern| pattern.is_match(&moment.0));
        match moment.resolve(zone, edge) {
            Ok(instant) if well_formed => Ok((moment, instant)),
            Err(error) if well_formed => Err(Failed::say(Exit::Usage, format!("{flag}: {error}"))),
            Ok(_) | Err(_) => {
                let words = format!(
                    "{flag}: `{moment}` is no moment; write `2027-02-01`, `2027-02-01T08:00`, `2027-02-01T08:00:00-05:00`, `today` or `now`"
                );
                Err(Failed::say(Exit::Usage, words))
            }
        }
    }

    /// The minute of an instant, as a request says it.
    ///
    /// # Errors
    /// When there is no such moment.
    pub fn minute(&self, instant: Timestamp) -> Result<(Moment, Timestamp), Failed> {
        let zone = &self.catalog().zone;
        let local = instant.to_zoned(zone.clone());
        let moment = Moment(local.strftime("%Y-%m-%dT%H:%M").to_string());
        let from = moment.resolve(zone, Edge::Start);
        let from = from.map_err(|error| Failed::new(Exit::Usage, error))?;
        Ok((moment, from))
    }

    /// Who asks: the user that was named, else the one with the mail address that git commits as.
    ///
    /// # Errors
    /// When nobody is known by that name, or who is has left.
    pub fn requester(&self, named: Option<&str>) -> Result<Option<UserName>, Failed> {
        if let Some(named) = named {
            let name = self.user(named)?;
            if self.has_left(&name) {
                let words = format!("{name} has left, and asks for nothing any more");
                return Err(Failed::say(Exit::Usage, words));
            }
            return Ok(Some(name));
        }
        let Some(identity) = git::identity(&self.place.folder) else {
            return Ok(None);
        };
        let mail = identity
            .rsplit_once('<')
            .map_or("", |(_, m)| m.trim_end_matches('>'));
        let timeline = self.timeline();
        // Where there is no record at hand, what the naming rules would make has to do.
        let accounts = workbench::recorded(&self.place).unwrap_or_default();
        let (desired, _) = expand(self.catalog(), &timeline, &accounts, self.now);
        let mut found = desired.people.values().filter(|person| {
            let user = timeline.user(&person.name, self.now);
            let contact = user.and_then(|u| u.spec.contact.clone());
            let contact = contact.and_then(|c| c.mail);
            [
                person.mail.as_deref(),
                contact.as_ref().map(|m| m.0.as_str()),
            ]
            .into_iter()
            .flatten()
            .any(|known| known.eq_ignore_ascii_case(mail))
        });
        Ok(match (found.next(), found.next()) {
            (Some(one), None) => Some(one.name.clone()),
            _ => None,
        })
    }

    /// Whether somebody has left by now.
    fn has_left(&self, name: &UserName) -> bool {
        let zone = &self.catalog().zone;
        self.timeline().user(name, self.now).is_some_and(|user| {
            let end = user.spec.end_date.as_ref();
            let end = end.and_then(|end| end.resolve(zone, Edge::End).ok());
            let is_over = end.is_some_and(|end| end <= self.now);
            is_over || user.terminated.is_some() || user.spec.state == UserState::Left
        })
    }

    /// A request, named after its first day, what it asks for and whom it is about.
    ///
    /// # Errors
    /// When the name would not be one.
    pub fn request(
        &self,
        word: &str,
        from: Timestamp,
        spec: &RequestSpec,
    ) -> Result<(ManifestName, Draft), Failed> {
        let day = from
            .to_zoned(self.catalog().zone.clone())
            .strftime("%Y-%m-%d")
            .to_string();
        let wanted = format!("{day}-{word}-{}", spec.subject);
        let Catalog {
            requests, archived, ..
        } = self.catalog();
        let is_taken = |name: &str| requests.contains_key(name) || archived.contains_key(name);
        let name = free(is_taken, &wanted).map_err(|e| Failed::new(Exit::Usage, e))?;
        let (path, schema) = self.shelves().place(Kind::Request, &name);
        let text = text::manifest(&schema, Kind::Request, &name, spec);
        Ok((name, Draft::new(path, text)))
    }

    /// Validates the repository with the drafts in it, and writes them where it is valid.
    ///
    /// # Errors
    /// When they cannot be written, or no branch can be made.
    pub fn finish(&self, drafts: &[Draft], name: &str, message: &str) -> Outcome {
        let mut known = workbench::known(&self.place.folder);
        let source = over(&self.reading.source, drafts);
        let files = source.files.clone();
        let base = Some(&self.reading.catalog);
        let after = diagnose(read_source(source, &mut known), base, self.now);
        let after = self.new_ones(after, &mut known);
        let text = |path: &str| -> Option<Arc<str>> {
            let bytes = files.get(path)?.bytes()?;
            Some(String::from_utf8_lossy(&bytes).into())
        };
        if !after.is_empty() {
            talk(render(&after, 0, &text, Format::Human));
        }
        let useless = |d: &Diagnostic| {
            let ours = drafts.iter().any(|draft| draft.path == d.place.file);
            let useless = [
                Code::RequestWithoutEffect,
                Code::RequestVoid,
                Code::Overruled,
            ];
            ours && useless.contains(&d.code)
        };
        if any_error(&after) || after.iter().any(useless) {
            let words = "with it the repository would not be right, so nothing was written";
            return Err(Failed::say(Exit::Findings, words));
        }
        match &self.branch {
            None => {
                write(&self.place.folder, drafts).map_err(|e| Failed::new(Exit::World, e))?;
                let paths: Vec<String> = drafts
                    .iter()
                    .map(|draft| self.place.folder.join(&*draft.path))
                    .map(|path| {
                        path.strip_prefix("./")
                            .unwrap_or(&path)
                            .display()
                            .to_string()
                    })
                    .collect();
                print(&paths.join("\n"))?;
            }
            Some(branch) => self.propose(branch, drafts, name, message)?,
        }
        Ok(Exit::Done)
    }

    fn propose(
        &self,
        branch: &str,
        drafts: &[Draft],
        name: &str,
        message: &str,
    ) -> Result<(), Failed> {
        let like = format!("request/{name}");
        let naming = match branch {
            "" => Naming::Like(&like),
            branch => Naming::Exactly(branch),
        };
        let files: Vec<(&str, Option<&[u8]>)> = drafts
            .iter()
            .map(|draft| {
                (
                    &*draft.path,
                    draft.text.as_ref().map(|text| text.as_bytes()),
                )
            })
            .collect();
        let made = propose(&self.place.folder, naming, &files, message).map_err(branch_failed)?;
        let paths: Vec<&str> = drafts.iter().map(|draft| &*draft.path).collect();
        print(&paths.join("\n"))?;
        let short = made.commit.get(..10).unwrap_or(&made.commit);
        talk(format!(
            "branch {} (commit {short}); your folder is as it was",
            made.name
        ));
        talk(match made.remote {
            Some(remote) => format!("push it: git push -u {remote} {}", made.name),
            None => format!(
                "push it, once there is a remote (`git remote add origin URL`): git push -u origin {}",
                made.name
            ),
        });
        Ok(())
    }

    /// What is wrong with the drafts and was not wrong without them; every error there is.
    fn new_ones(&self, after: Vec<Diagnostic>, known: &mut Known) -> Vec<Diagnostic> {
        if after.is_empty() {
            return after;
        }
        let before = diagnose(
            read_source(self.reading.source.clone(), known),
            None,
            self.now,
        );
        let before: BTreeSet<_> = before
            .iter()
            .filter(|d| !any_error(std::slice::from_ref(*d)))
            .map(|d| (d.code.as_str(), &d.place.file, &d.message))
            .collect();
        let is_new =
            |d: &Diagnostic| !before.contains(&(d.code.as_str(), &d.place.file, &d.message));
        after.into_iter().filter(is_new).collect()
    }
}

/// Why there is nothing to branch from.
fn no_branch(error: SourceError) -> Failed {
    let exit = match &error {
        SourceError::NotARepository { .. } => {
            let words = "this is no git repository, so there is nothing to branch from; leave --branch out, or run `git init`";
            return Failed::say(Exit::Usage, words);
        }
        SourceError::NoSuchRevision { .. } => {
            let words = "the git repository has no commit to branch from; commit first, or leave --branch out";
            return Failed::say(Exit::Usage, words);
        }
        SourceError::Git { .. } | SourceError::Io { .. } => Exit::World,
    };
    Failed::new(exit, error)
}

fn branch_failed(error: BranchError) -> Failed {
    let exit = match &error {
        BranchError::Name(_) | BranchError::Taken(_) | BranchError::Nobody => Exit::Usage,
        BranchError::Source(
            SourceError::NotARepository { .. } | SourceError::NoSuchRevision { .. },
        ) => Exit::Usage,
        BranchError::Source(SourceError::Git { .. } | SourceError::Io { .. })
        | BranchError::Signing(_) => Exit::World,
    };
    Failed::new(exit, error)
}
