//! A repository on this machine → a call whenever its branches move.

use super::wake::{Call, Wake};
use notify::{Config, Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::path::Path;
use std::sync::mpsc::Sender;

/// What watches; it ends when this is dropped.
pub struct Watch(#[allow(dead_code)] RecommendedWatcher);

/// Watches where git keeps the branches of a repository (its folder of git's own, `.git`).
///
/// # Errors
/// When the system cannot watch it; the loop then sees the same a little later, when it fetches.
pub fn watch(git_folder: &Path, calls: Sender<Call>) -> Result<Watch, notify::Error> {
    let on_event = move |event: Result<Event, notify::Error>| {
        let moved = event.is_ok_and(|event| {
            !event.kind.is_access() && event.paths.iter().any(|path| is_of_a_branch(path))
        });
        if moved {
            // A loop that has ended needs no call.
            let _ = calls.send(Call::Wake(Wake::Pushed));
        }
    };
    let mut watcher = RecommendedWatcher::new(on_event, Config::default())?;
    watcher.watch(git_folder, RecursiveMode::NonRecursive)?;
    let refs = git_folder.join("refs");
    if refs.is_dir() {
        watcher.watch(&refs, RecursiveMode::Recursive)?;
    }
    Ok(Watch(watcher))
}

/// Whether a file that git wrote says where a branch or tag stands: not its locks, not its objects.
fn is_of_a_branch(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.unwrap_or_default();
    let is_ref = path.components().any(|part| part.as_os_str() == "refs");
    !name.ends_with(".lock") && (is_ref || matches!(name, "HEAD" | "packed-refs"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    #[test]
    fn a_branch_that_moves_calls_and_an_object_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let heads = folder.path().join("refs/heads");
        std::fs::create_dir_all(&heads).unwrap();
        let (caller, calls) = channel();
        let _watch = watch(folder.path(), caller).unwrap();
        std::fs::write(folder.path().join("index"), "x").unwrap();
        std::fs::write(heads.join("main.lock"), "x").unwrap();
        assert!(calls.recv_timeout(Duration::from_millis(300)).is_err());
        std::fs::rename(heads.join("main.lock"), heads.join("main")).unwrap();
        let call = calls.recv_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!(call, Call::Wake(Wake::Pushed));
    }
}
