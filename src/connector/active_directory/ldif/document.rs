//! An LDIF file of entries as the bytes it has: turns an edit of one record into a text in which
//! everything else, comments, order, folding and foreign attributes included, keeps its bytes.

mod edit;
mod scan;

use crate::connector::active_directory::ldif_text::LdifError;
use crate::connector::active_directory::ldif_text::line::{lines, value};
use crate::connector::{AttributeName, Value};
use edit::Edit;
use scan::Scan;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// A record's number: its place when the file was read; records added later come after those.
pub(super) type RecordId = usize;

/// The file: a head, records, an end.
pub(super) struct Document {
    image: Vec<u8>,
    head: Range<usize>,
    records: Vec<Record>,
    order: Vec<RecordId>,
    end: Text,
    line_end: &'static str,
}

/// A record: what stands before it since the record before, and its lines.
#[derive(Debug, Clone)]
pub(super) struct Record {
    text: Text,
    /// Value lines only, `dn` first, as spans of the text.
    lines: Vec<ValueLine>,
    /// Line of the file that `dn` stood in when it was read; 0: it was not.
    number: usize,
}

#[derive(Debug, Clone)]
enum Text {
    /// A span of the image.
    Kept(Range<usize>),
    New(Vec<u8>),
}

#[derive(Debug, Clone, Copy)]
struct ValueLine {
    start: usize,
    end: usize,
    name: usize,
}

/// What a write changes of a document, and, once applied, what undoes it.
#[derive(Debug, Default)]
pub(super) struct Stage {
    /// Records in their new form.
    pub(super) edited: BTreeMap<RecordId, Record>,
    /// A record that comes to the end of the file, or, undoing, goes from there.
    pub(super) appended: Option<Record>,
    /// Records that are to stand at the end of the file, in this order.
    pub(super) moved_to_end: Vec<RecordId>,
}

/// What takes a [`Stage`] back.
pub(super) struct Undo {
    edited: BTreeMap<RecordId, Record>,
    order: Vec<RecordId>,
    records: usize,
    end: Text,
}

impl Document {
    /// Reads a file of content records; all its values can be decoded afterwards.
    pub(super) fn read(image: Vec<u8>) -> Result<Self, LdifError> {
        let mut scan = Scan::of(&image);
        for line in lines(&image) {
            scan.line(&image, line?)?;
        }
        let (head, records, end) = scan.ended();
        let line_end = match image.iter().position(|b| *b == b'\n') {
            Some(at) if at > 0 && image[at - 1] == b'\r' => "\r\n",
            Some(_) | None => "\n",
        };
        let order = (0..records.len()).collect();
        let end = Text::Kept(end..image.len());
        Ok(Self {
            head: 0..head,
            image,
            records,
            order,
            end,
            line_end,
        })
    }

    /// The bytes of the file as it was read or written last.
    pub(super) fn image(&self) -> &[u8] {
        &self.image
    }

    /// Every record, in the order of the file.
    pub(super) fn order(&self) -> &[RecordId] {
        &self.order
    }

    /// The number that a record gets which is appended next.
    pub(super) fn next_id(&self) -> RecordId {
        self.records.len()
    }

    /// The line of the file in which the record began when it was read.
    pub(super) fn number(&self, id: RecordId) -> usize {
        self.records[id].number
    }

    /// How many value lines the record has, `dn` included.
    pub(super) fn line_count(&self, id: RecordId) -> usize {
        self.records[id].lines.len()
    }

    /// The lines of an attribute in a record, in order.
    pub(super) fn lines_of(&self, id: RecordId, attribute: &str) -> impl Iterator<Item = usize> {
        (1..self.line_count(id)).filter(move |line| self.name_at(id, *line).is(attribute))
    }

    /// The name on a line.
    pub(super) fn name_at(&self, id: RecordId, line: usize) -> Name<'_> {
        let ValueLine { start, name, .. } = self.records[id].lines[line];
        Name(&self.text(id)[start..start + name])
    }

    /// The value on a line.
    pub(super) fn value_at(&self, id: RecordId, line: usize) -> Cow<'_, [u8]> {
        let ValueLine { start, end, name } = self.records[id].lines[line];
        // Every line that is in a document has been decoded once.
        value(&self.text(id)[start..end], name).unwrap_or_default()
    }

    /// The first value of an attribute in a record, where it has one.
    pub(super) fn first(&self, id: RecordId, attribute: &str) -> Option<Cow<'_, [u8]>> {
        let line = self.lines_of(id, attribute).next()?;
        Some(self.value_at(id, line))
    }

    /// The values of an attribute in a record.
    pub(super) fn values(&self, id: RecordId, attribute: &str) -> Vec<Value> {
        let lines = self.lines_of(id, attribute);
        lines
            .map(|line| Value::new(self.value_at(id, line)))
            .collect()
    }

    fn text(&self, id: RecordId) -> &[u8] {
        self.records[id].text.bytes(&self.image)
    }

    /// A record that is not in the file yet.
    pub(super) fn made(&self, values: &[(AttributeName, Value)]) -> Record {
        let mut edit = Edit::default();
        for (name, value) in values {
            edit.value(name, value, self.line_end);
        }
        edit.record(0)
    }

    /// The record without some lines and with other values: each stands where the last line of its
    /// attribute stood, else at the end.
    pub(super) fn edited(
        &self,
        id: RecordId,
        removed: &BTreeSet<usize>,
        added: &[(AttributeName, Value)],
    ) -> Record {
        let (record, text) = (&self.records[id], self.text(id));
        let mut added_at: BTreeMap<usize, Vec<&(AttributeName, Value)>> = BTreeMap::new();
        for new in added {
            let last = (0..record.lines.len())
                .rev()
                .find(|line| self.name_at(id, *line).is(new.0.as_str()))
                .unwrap_or(record.lines.len() - 1);
            added_at.entry(last).or_default().push(new);
        }
        let mut edit = Edit::default();
        let mut at = 0;
        for (index, line) in record.lines.iter().enumerate() {
            edit.other(&text[at..line.start]);
            at = line.end;
            if !removed.contains(&index) {
                edit.line(&text[line.start..line.end], line.name, self.line_end);
            }
            for (name, value) in added_at.remove(&index).unwrap_or_default() {
                edit.value(name, value, self.line_end);
            }
        }
        edit.other(&text[at..]);
        edit.record(record.number)
    }

    /// Changes the document; what is returned takes the change back.
    pub(super) fn apply(&mut self, stage: Stage) -> Undo {
        let undo = Undo {
            order: self.order.clone(),
            records: self.records.len(),
            end: self.end.clone(),
            edited: stage
                .edited
                .into_iter()
                .map(|(id, record)| (id, std::mem::replace(&mut self.records[id], record)))
                .collect(),
        };
        if !stage.moved_to_end.is_empty() {
            let moved = stage.moved_to_end.iter().copied().collect::<BTreeSet<_>>();
            self.order.retain(|id| !moved.contains(id));
            self.order.extend(stage.moved_to_end);
        }
        if let Some(mut record) = stage.appended {
            let before = std::mem::replace(&mut self.end, Text::New(Vec::new()));
            record.put_before(before.bytes(&self.image), self.line_end);
            self.order.push(self.records.len());
            self.records.push(record);
        }
        undo
    }

    /// Takes a change back. Changes are taken back in reverse order.
    pub(super) fn undo(&mut self, undo: Undo) {
        self.records.truncate(undo.records);
        for (id, record) in undo.edited {
            self.records[id] = record;
        }
        self.order = undo.order;
        self.end = undo.end;
    }

    /// The whole text as the file should be, and where each record of the order stands in it.
    pub(super) fn rendered(&self) -> (Vec<u8>, Vec<Range<usize>>) {
        let mut out = Vec::with_capacity(self.image.len() + self.image.len() / 16);
        out.extend_from_slice(&self.image[self.head.clone()]);
        if out.is_empty() && self.image.is_empty() {
            out.extend_from_slice(format!("version: 1{0}{0}", self.line_end).as_bytes());
        }
        let mut spans = Vec::with_capacity(self.order.len());
        for (place, id) in self.order.iter().enumerate() {
            let text = self.text(*id);
            if !out.is_empty() && !out.ends_with(b"\n") {
                out.extend_from_slice(self.line_end.as_bytes());
            }
            let is_apart = text.starts_with(b"\n") || text.starts_with(b"\r\n");
            if place > 0 && !is_apart && !ends_blank(&out) {
                out.extend_from_slice(self.line_end.as_bytes());
            }
            spans.push(out.len()..out.len() + text.len());
            out.extend_from_slice(text);
        }
        out.extend_from_slice(self.end.bytes(&self.image));
        (out, spans)
    }

    /// Takes what was rendered as what is in the file.
    pub(super) fn rebase(&mut self, (image, spans): (Vec<u8>, Vec<Range<usize>>)) {
        if self.image.is_empty() {
            self.head = 0..spans.first().map_or(image.len(), |first| first.start);
        }
        let end = spans.last().map_or(self.head.end, |last| last.end);
        self.end = Text::Kept(end..image.len());
        for (id, span) in self.order.iter().zip(spans) {
            self.records[*id].text = Text::Kept(span);
        }
        self.image = image;
    }
}

impl Record {
    /// Puts what ended the file before a record that is appended to it.
    fn put_before(&mut self, before: &[u8], line_end: &str) {
        let Text::New(text) = &mut self.text else {
            return;
        };
        let mut whole = before.to_vec();
        let is_blank = whole.iter().all(|b| matches!(b, b'\n' | b'\r'));
        if !is_blank && !whole.ends_with(b"\n") {
            whole.extend_from_slice(line_end.as_bytes());
        }
        if !is_blank && !ends_blank(&whole) {
            whole.extend_from_slice(line_end.as_bytes());
        }
        for line in &mut self.lines {
            line.start += whole.len();
            line.end += whole.len();
        }
        whole.append(text);
        *text = whole;
    }
}

impl Text {
    fn bytes<'a>(&'a self, image: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Kept(span) => &image[span.clone()],
            Self::New(text) => text,
        }
    }
}

fn ends_blank(text: &[u8]) -> bool {
    text.ends_with(b"\n\n") || text.ends_with(b"\n\r\n")
}

/// An attribute's name as it stands in the file.
#[derive(Clone, Copy)]
pub(super) struct Name<'a>(&'a [u8]);

impl Name<'_> {
    /// Whether this is the attribute of that name.
    pub(super) fn is(self, name: &str) -> bool {
        self.0.eq_ignore_ascii_case(name.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::active_directory::ldif_text::LdifFault;

    /// Foreign attributes, odd folding, comments in odd places, raw UTF-8, no blank line after the version.
    const FILE: &str = "\
version: 1
# the base
dn: DC=x
objectClass: domain

# about a
# and more
dn:: Q049YSxEQz14
objectClass: user
title: One
x-foreign;lang-de:   Wert mit  Leerzeichen
# in between
description: fol
 ded
title: Two
jpegPhoto:: AAEC
 AwQ=


dn: CN=b,DC=x
name: raw ü
";

    fn document(text: &str) -> Document {
        Document::read(text.as_bytes().to_vec()).unwrap()
    }

    fn text(document: &Document) -> String {
        String::from_utf8(document.rendered().0).unwrap()
    }

    fn edit(
        document: &mut Document,
        id: RecordId,
        removed: &[usize],
        added: &[(&'static str, &str)],
    ) -> Undo {
        let added = added
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect::<Vec<(AttributeName, Value)>>();
        let record = document.edited(id, &removed.iter().copied().collect(), &added);
        document.apply(Stage {
            edited: [(id, record)].into(),
            ..Stage::default()
        })
    }

    fn append(document: &mut Document, dn: &str) {
        let record = document.made(&[("dn".into(), dn.into()), ("cn".into(), "n".into())]);
        document.apply(Stage {
            appended: Some(record),
            ..Stage::default()
        });
    }

    #[test]
    fn what_is_not_touched_keeps_its_bytes() {
        for file in [
            FILE.to_string(),
            FILE.replace('\n', "\r\n"),
            FILE.trim_end().to_string(),
            format!("\u{feff}{FILE}\n\n# the end\n"),
            FILE.replacen("version: 1\n", "", 1),
            "# nothing\n".into(),
            "version: 1\n".into(),
            String::new(),
        ] {
            let mut document = document(&file);
            if !file.is_empty() {
                assert_eq!(text(&document), file);
            }
            let rendered = document.rendered();
            document.rebase(rendered);
            if !file.is_empty() {
                assert_eq!(text(&document), file, "read, written, written again");
            }
            append(&mut document, "CN=new,DC=x");
            let appended = text(&document);
            assert!(appended.starts_with(&file), "{appended:?}");
            let again = Document::read(appended.clone().into_bytes());
            let again = again
                .map_err(|error| format!("{error} in {appended:?}"))
                .unwrap();
            assert_eq!(again.order().len(), document.order().len());
            let last = *again.order().last().unwrap();
            assert_eq!(&*again.value_at(last, 0), b"CN=new,DC=x");
            assert_eq!(appended.contains("\r\n"), file.contains("\r\n"));
            assert!(!file.contains("\r\n") || !appended.replace("\r\n", "").contains('\n'));
        }
    }

    #[test]
    fn an_edit_touches_its_lines_only() {
        let mut document = document(FILE);
        let undo = edit(
            &mut document,
            1,
            &[2],
            &[("title", "Three"), ("info", "new")],
        );
        let expected = FILE
            .replace("title: One\n", "")
            .replace("title: Two\n", "title: Two\ntitle: Three\n")
            .replace(" AwQ=\n", " AwQ=\ninfo: new\n");
        assert_eq!(text(&document), expected);
        document.undo(undo);
        assert_eq!(text(&document), FILE);
        edit(&mut document, 1, &[0], &[("dn", "CN=c,DC=x")]);
        let expected = FILE.replace("dn:: Q049YSxEQz14", "dn: CN=c,DC=x");
        assert_eq!(text(&document), expected);
        let rendered = document.rendered();
        document.rebase(rendered);
        assert_eq!(document.values(1, "TITLE"), ["One".into(), "Two".into()]);
        assert_eq!(
            document.values(1, "jpegPhoto"),
            [Value::new([0, 1, 2, 3, 4])]
        );
        assert_eq!(&*document.first(1, "description").unwrap(), b"folded");
    }

    #[test]
    fn records_move_to_the_end_with_their_comments_and_back() {
        let mut document = document(FILE);
        let undo = document.apply(Stage {
            moved_to_end: vec![1],
            ..Stage::default()
        });
        let moved = text(&document);
        let comment = "\n# about a\n# and more\ndn:: Q049YSxEQz14\n";
        assert!(moved.find(comment) > moved.find("dn: CN=b,DC=x"), "{moved}");
        assert_eq!(moved.len(), FILE.len());
        document.undo(undo);
        assert_eq!(text(&document), FILE);
        // The first record has no blank line of its own to take along.
        document.apply(Stage {
            moved_to_end: vec![0],
            ..Stage::default()
        });
        let again = self::document(&text(&document));
        assert_eq!(again.order().len(), 3);
        assert!(text(&document).starts_with("version: 1\n"));
        append(&mut document, "CN=new,DC=x");
        assert_eq!(self::document(&text(&document)).order().len(), 4);
    }

    #[test]
    fn what_is_no_file_of_entries_is_refused() {
        for (file, line, fault) in [
            ("dn: DC=x\nchangetype: add\n", 2, LdifFault::NotAnEntry),
            ("dn: DC=x\n-\n", 2, LdifFault::NotAnEntry),
            ("cn: x\n", 1, LdifFault::NoDn),
            ("version: 2\n", 1, LdifFault::Version),
            (
                "dn: DC=x\nmember;range=0-1499: CN=a\n",
                2,
                LdifFault::Incomplete,
            ),
            ("dn: DC=x\ncn:< file:///etc/passwd\n", 2, LdifFault::Url),
            ("dn: DC=x\n\ndn: CN=y\ncn:: !\n", 4, LdifFault::Base64),
        ] {
            let error = Document::read(file.as_bytes().to_vec()).err();
            assert_eq!(error, Some(LdifError { line, fault }), "{file}");
        }
    }
}
