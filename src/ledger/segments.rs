//! The lines of the ledger ↔ the files of its branch: the same bytes, cut into files of a bounded
//! size, of which only the last one ever grows.

use std::collections::BTreeMap;

/// The folder they lie in.
const FOLDER: &str = "records/";

/// Most bytes of a file: it is written anew with every push, and shown by forges (which stop at 1 MB).
/// A line that is longer has a file of its own.
pub(super) const LARGEST: usize = 512 * 1024;

/// The path of the file with this number, counted from 1.
pub(super) fn path(number: usize) -> String {
    format!("{FOLDER}{number:06}.jsonl")
}

/// The files of records among those of a branch, in their order; none where one is missing.
pub(super) fn of(files: &BTreeMap<String, (String, usize)>) -> Option<Vec<&(String, usize)>> {
    let records = files.iter().filter(|(path, _)| path.starts_with(FOLDER));
    let mut found = Vec::new();
    for (index, (name, file)) in records.enumerate() {
        if *name != path(index + 1) {
            return None;
        }
        found.push(file);
    }
    Some(found)
}

/// The last file with further lines behind it, and the files that follow where it is full.
pub(super) fn extend(last: &[u8], lines: &[u8], largest: usize) -> Vec<Vec<u8>> {
    let mut files = vec![last.to_vec()];
    for line in lines.split_inclusive(|b| *b == b'\n') {
        match files.last_mut() {
            Some(file) if file.is_empty() || file.len() + line.len() <= largest => {
                file.extend_from_slice(line);
            }
            _ => files.push(line.to_vec()),
        }
    }
    files
}

/// Whether a file is as it is cut: whole lines, and no longer than it may be.
pub(super) fn is_whole(file: &[u8], largest: usize) -> bool {
    let lines = file.split_inclusive(|b| *b == b'\n').count();
    file.last() == Some(&b'\n') && (file.len() <= largest || lines == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_into_files_that_are_bounded_and_read_as_one() {
        let lines: Vec<u8> = (0..500)
            .flat_map(|number| format!("line {number}\n").into_bytes())
            .collect();
        let whole = extend(b"", &lines, 100);
        assert!(whole.iter().all(|file| is_whole(file, 100)));
        assert_eq!(whole.concat(), lines);
        // However they came, they are cut the same.
        let mut grown = vec![Vec::new()];
        for part in lines.split_inclusive(|b| *b == b'\n') {
            let last = grown.pop().unwrap();
            grown.extend(extend(&last, part, 100));
        }
        assert_eq!(grown, whole);
    }

    #[test]
    fn a_line_that_is_too_long_stands_alone() {
        let long = [vec![b'x'; 300], vec![b'\n']].concat();
        let lines = [b"a\n".to_vec(), long.clone(), b"b\n".to_vec()].concat();
        let files = extend(b"", &lines, 100);
        assert_eq!(files, [b"a\n".to_vec(), long.clone(), b"b\n".to_vec()]);
        assert!(is_whole(&long, 100) && !is_whole(b"a", 100));
    }

    #[test]
    fn a_file_that_is_missing_is_noticed() {
        let file = |number: usize| (path(number), (String::new(), 0));
        let files = BTreeMap::from([file(1), file(2), ("lease.json".into(), file(1).1)]);
        assert_eq!(of(&files).unwrap().len(), 2);
        assert_eq!(of(&BTreeMap::from([file(1), file(3)])), None);
    }
}
