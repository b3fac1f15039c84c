//! Writing to a local repository: a first commit, a commit of the folder, a merge.

use super::SourceError;
use git2::{IndexAddOption, Repository, RepositoryInitOptions, Signature, Time};
use jiff::Timestamp;
use std::path::Path;

/// Who commits, and when.
#[derive(Debug, Clone, Copy)]
pub struct Author<'a> {
    /// Name.
    pub name: &'a str,
    /// Mail address.
    pub mail: &'a str,
    /// When.
    pub at: Timestamp,
}

/// A local repository that is written to.
pub struct Writer(Repository);

/// The branch a new repository has.
pub const BRANCH: &str = "main";

fn failed(what: &str) -> impl FnOnce(git2::Error) -> SourceError {
    let what = what.to_owned();
    move |source| SourceError::Git { what, source }
}

impl Writer {
    /// Makes a repository in a folder, or opens the one that is there.
    ///
    /// # Errors
    /// [`SourceError`] when git cannot write there.
    pub fn init(folder: &Path) -> Result<Self, SourceError> {
        let mut options = RepositoryInitOptions::new();
        options.initial_head(BRANCH).no_reinit(false);
        let repository =
            Repository::init_opts(folder, &options).map_err(failed("a new repository"))?;
        Ok(Self(repository))
    }

    /// The identity that the repository commits as, where git was told one.
    pub fn identity(&self) -> Option<(String, String)> {
        let signature = self.0.signature().ok()?;
        Some((
            signature.name().ok()?.to_owned(),
            signature.email().ok()?.to_owned(),
        ))
    }

    /// Commits the folder as it lies there; the commit's id.
    ///
    /// # Errors
    /// [`SourceError`] when git cannot write.
    pub fn commit(&self, message: &str, author: &Author<'_>) -> Result<String, SourceError> {
        let tree = self.stage()?;
        let parent = self
            .0
            .head()
            .ok()
            .and_then(|head| head.peel_to_commit().ok());
        let parents: Vec<&git2::Commit<'_>> = parent.iter().collect();
        self.write(message, author, tree, &parents)
    }

    /// Commits the folder on a side line and merges it, as a reviewed pull request ends; the ids of
    /// the commit and of the merge.
    ///
    /// # Errors
    /// [`SourceError`] when git cannot write, or there is no commit yet.
    pub fn merge(
        &self,
        message: &str,
        author: &Author<'_>,
        merge: &str,
        merger: &Author<'_>,
    ) -> Result<(String, String), SourceError> {
        let main = self.0.head().and_then(|head| head.peel_to_commit());
        let main = main.map_err(failed("the branch"))?;
        let tree = self.stage()?;
        let object = self.0.find_tree(tree).map_err(failed("the tree"))?;
        let signature = signature(author)?;
        let side = self
            .0
            .commit(None, &signature, &signature, message, &object, &[&main])
            .map_err(failed("the request's commit"))?;
        let side = self
            .0
            .find_commit(side)
            .map_err(failed("the request's commit"))?;
        let merged = self.write(merge, merger, tree, &[&main, &side])?;
        Ok((side.id().to_string(), merged))
    }

    fn stage(&self) -> Result<git2::Oid, SourceError> {
        let mut index = self.0.index().map_err(failed("the index"))?;
        index
            .add_all(["*"], IndexAddOption::DEFAULT, None)
            .and_then(|()| index.update_all(["*"], None))
            .and_then(|()| index.write())
            .map_err(failed("the files"))?;
        index.write_tree().map_err(failed("the tree"))
    }

    fn write(
        &self,
        message: &str,
        author: &Author<'_>,
        tree: git2::Oid,
        parents: &[&git2::Commit<'_>],
    ) -> Result<String, SourceError> {
        let tree = self.0.find_tree(tree).map_err(failed("the tree"))?;
        let signature = signature(author)?;
        self.0
            .commit(
                Some("HEAD"),
                &signature,
                &signature,
                message,
                &tree,
                parents,
            )
            .map(|id| id.to_string())
            .map_err(failed("the commit"))
    }
}

fn signature(author: &Author<'_>) -> Result<Signature<'static>, SourceError> {
    let time = Time::new(author.at.as_second(), 0);
    Signature::new(author.name, author.mail, &time).map_err(failed("the author"))
}
