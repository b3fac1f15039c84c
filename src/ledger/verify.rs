//! A ledger, line by line and commit by commit → whether all of it is what reconcilers have written.

use super::branch::Branch;
use super::branch::read::form;
use super::{Ledger, LedgerError, Shared, file, segments};
use crate::source::objects::Commit;
use std::path::Path;

/// What was looked at, and what is wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Lines of the file.
    pub lines: usize,
    /// Commits of the branch; none where it is not shared.
    pub commits: Option<usize>,
    /// What is wrong.
    pub faults: Vec<String>,
}

/// Verifies a ledger: the chain of the file, and of its branch every signature, every step, and that
/// it holds the same lines. Nothing is changed.
///
/// # Errors
/// [`LedgerError`] when it cannot be looked at: nothing was concluded then.
pub fn verify(path: &Path, shared: Option<Shared>) -> Result<Verified, LedgerError> {
    let mut verified = Verified::default();
    let path = file::canonical(path)?;
    match super::records(&path) {
        Ok(records) => verified.lines = records.len(),
        Err(error) => verified.faults.push(fault(error)?),
    }
    if let Err(error) = Ledger::read(&path) {
        let words = fault(error)?;
        if !verified.faults.contains(&words) {
            verified.faults.push(words);
        }
    }
    let Some(shared) = shared else {
        return Ok(verified);
    };
    verified.commits = Some(0);
    let mut branch = Branch::open(&path, shared)?;
    let head = match branch.fetched() {
        Ok(Some(head)) => head,
        Ok(None) => return Ok(verified),
        Err(error) => {
            verified.faults.push(fault(error)?);
            return Ok(verified);
        }
    };
    let mut next = Some(head);
    let mut newer: Option<Vec<(String, usize)>> = None;
    let mut commits = 0;
    while let Some(id) = next {
        commits += 1;
        let commit = branch.bare.commit(&id)?;
        next = commit.parents.first().cloned();
        match step(&branch, &commit, newer.as_deref()) {
            Ok(records) => newer = Some(records),
            Err(error) => {
                verified.faults.push(fault(error)?);
                newer = None;
            }
        }
    }
    verified.commits = Some(commits);
    match branch.content() {
        Ok(lines) => {
            let ours = std::fs::read(&path).unwrap_or_default();
            let length = ours.len().min(lines.len());
            if ours.get(..length) != lines.get(..length) {
                let shown = path.display();
                let words = format!("{shown} and the branch do not hold the same lines");
                verified.faults.push(words);
            }
            if let Err(error) = file::decode(lines, &mut |_| Ok(())) {
                verified
                    .faults
                    .push(format!("on the branch, {}", fault(error)?));
            }
        }
        Err(error) => verified.faults.push(fault(error)?),
    }
    Ok(verified)
}

/// One commit: signed, on a line, and beginning with what stood there before; its files of records.
fn step(
    branch: &Branch,
    commit: &Commit,
    newer: Option<&[(String, usize)]>,
) -> Result<Vec<(String, usize)>, LedgerError> {
    branch.signed(commit)?;
    if commit.parents.len() > 1 {
        return Err(form(&commit.id, "it is a merge"));
    }
    let files = branch.bare.files(&commit.tree)?;
    let records = segments::of(&files);
    let records = records.ok_or_else(|| form(&commit.id, "a file of records is missing"))?;
    let records: Vec<(String, usize)> = records.into_iter().cloned().collect();
    let Some(newer) = newer else {
        return Ok(records);
    };
    for (index, (blob, _)) in records.iter().enumerate() {
        let grown = match newer.get(index) {
            Some((after, _)) if after == blob => true,
            Some((after, _)) if index + 1 == records.len() => branch
                .bare
                .blob(after)?
                .starts_with(&branch.bare.blob(blob)?),
            Some(_) | None => false,
        };
        if !grown {
            let what = "the commit after it changed its records, and may only add to them";
            return Err(form(&commit.id, what));
        }
    }
    Ok(records)
}

/// The words of an error that tells of the ledger itself; the others conclude nothing.
fn fault(error: LedgerError) -> Result<String, LedgerError> {
    match &error {
        LedgerError::Malformed { .. }
        | LedgerError::Broken { .. }
        | LedgerError::Impossible { .. }
        | LedgerError::Contradiction(_)
        | LedgerError::Unsigned { .. }
        | LedgerError::Rewound { .. }
        | LedgerError::Rewritten { .. }
        | LedgerError::Unrelated { .. }
        | LedgerError::Lost { .. }
        | LedgerError::Form { .. } => {
            let source = std::error::Error::source(&error);
            let why = source.map(|source| format!(": {source}"));
            Ok(format!("{error}{}", why.unwrap_or_default()))
        }
        LedgerError::Io { .. }
        | LedgerError::Locked { .. }
        | LedgerError::Unwritable(_)
        | LedgerError::Stopped
        | LedgerError::Unreachable(_)
        | LedgerError::LeaseHeld { .. }
        | LedgerError::Moved
        | LedgerError::Signing(_)
        | LedgerError::Objects(_) => Err(error),
    }
}
