//! LDIF as text: entries laid over others, and what differs between two files.

use std::collections::BTreeMap;

/// The entries of a file, each its lines as they stand there.
pub fn entries(text: &str) -> Vec<String> {
    let parts = text.split("\n\n").map(|part| part.trim_matches('\n'));
    let is_entry = |part: &&str| part.lines().any(|line| line.starts_with("dn:"));
    parts.filter(is_entry).map(str::to_owned).collect()
}

/// The DN line of an entry, lines folded by LDIF unfolded, in lower case.
fn key(entry: &str) -> String {
    let unfolded = entry.replace("\n ", "");
    let line = unfolded.lines().find(|line| line.starts_with("dn:"));
    line.unwrap_or_default().to_lowercase()
}

/// Entries over those of a file: one of the same DN takes its place, `changetype: delete` takes it out.
pub fn laid_over(text: &str, over: &str) -> String {
    let mut all = entries(text);
    for entry in entries(over) {
        let place = all.iter().position(|other| key(other) == key(&entry));
        let goes = entry.lines().any(|line| line == "changetype: delete");
        match (place, goes) {
            (Some(place), true) => drop(all.remove(place)),
            (Some(place), false) => all[place] = entry,
            (None, _) => all.push(entry),
        }
    }
    format!("version: 1\n\n{}\n", all.join("\n\n"))
}

/// The entries of `after` that `before` does not have byte for byte.
pub fn written(before: &str, after: &str) -> Vec<String> {
    let known = entries(before);
    let new = entries(after).into_iter();
    new.filter(|entry| !known.contains(entry)).collect()
}

/// The entries of `before` that `after` no longer has byte for byte.
pub fn gone(before: &str, after: &str) -> Vec<String> {
    written(after, before)
}

/// What a directory holds, whatever the order it was written in and how often a password was set.
pub fn content(text: &str) -> BTreeMap<String, Vec<String>> {
    let passwords = ["pwdLastSet:", "msDS-KeyVersionNumber:"];
    let of_entry = |entry: String| {
        let unfolded = entry.replace("\n ", "");
        let kept = |line: &&str| !passwords.iter().any(|p| line.starts_with(p));
        let mut lines: Vec<String> = unfolded.lines().filter(kept).map(str::to_owned).collect();
        lines.sort();
        (key(&entry), lines)
    };
    entries(text).into_iter().map(of_entry).collect()
}
