//! Cuts an LDIF file of entries into a head, records and an end, line by line.

use super::{Name, Record, Text, ValueLine};
use crate::connector::active_directory::ldif_text::line::{Line, LineSort, value};
use crate::connector::active_directory::ldif_text::{LdifError, LdifFault};
use std::ops::Range;

/// What has been read so far.
#[derive(Default)]
pub(super) struct Scan {
    head: usize,
    records: Vec<Record>,
    end: usize,
    /// Where the lines since the last blank one begin.
    block: usize,
    open: Option<Record>,
    has_begun: bool,
}

impl Scan {
    /// Nothing read yet. A byte order mark is part of the head.
    pub(super) fn of(image: &[u8]) -> Self {
        let begin = if image.starts_with(b"\xEF\xBB\xBF") {
            3
        } else {
            0
        };
        Self {
            block: begin,
            end: begin,
            ..Self::default()
        }
    }

    /// Where the head ends, the records, and where the end begins.
    pub(super) fn ended(mut self) -> (usize, Vec<Record>, usize) {
        self.end_record();
        let head = if self.records.is_empty() {
            self.end
        } else {
            self.head
        };
        (head, self.records, self.end)
    }

    pub(super) fn line(&mut self, image: &[u8], line: Line) -> Result<(), LdifError> {
        let Line { number, span, sort } = line;
        let fault = |fault| LdifError {
            line: number,
            fault,
        };
        match sort {
            LineSort::Blank => {
                self.end_record();
                self.block = span.end;
            }
            LineSort::Comment => self.extend(span.end),
            LineSort::Dash => return Err(fault(LdifFault::NotAnEntry)),
            LineSort::Value { name } => {
                let bytes = &image[span.clone()];
                let decoded = value(bytes, name).map_err(fault)?;
                let named = Name(&bytes[..name]);
                let is_first = !std::mem::replace(&mut self.has_begun, true);
                let is_version = is_first && named.is("version");
                if is_version {
                    if *decoded != *b"1" {
                        return Err(fault(LdifFault::Version));
                    }
                    (self.block, self.end) = (span.end, span.end);
                } else {
                    self.value(number, span, named, name).map_err(fault)?;
                }
            }
        }
        Ok(())
    }

    fn value(
        &mut self,
        number: usize,
        span: Range<usize>,
        named: Name<'_>,
        name: usize,
    ) -> Result<(), LdifFault> {
        match &mut self.open {
            None if !named.is("dn") => return Err(LdifFault::NoDn),
            None => {
                let start = match self.records.is_empty() {
                    true => self.block,
                    false => self.end,
                };
                if self.records.is_empty() {
                    self.head = start;
                }
                let lines = vec![ValueLine {
                    start: span.start - start,
                    end: span.end - start,
                    name,
                }];
                self.open = Some(Record {
                    text: Text::Kept(start..span.end),
                    lines,
                    number,
                });
            }
            Some(_) if named.is("changetype") || named.is("control") => {
                return Err(LdifFault::NotAnEntry);
            }
            Some(record) => {
                if named
                    .0
                    .to_ascii_lowercase()
                    .windows(7)
                    .any(|part| part == b";range=")
                {
                    return Err(LdifFault::Incomplete);
                }
                if let Text::Kept(text) = &mut record.text {
                    text.end = span.end;
                    let (start, end) = (span.start - text.start, span.end - text.start);
                    record.lines.push(ValueLine { start, end, name });
                }
            }
        }
        Ok(())
    }

    fn extend(&mut self, end: usize) {
        if let Some(Record {
            text: Text::Kept(text),
            ..
        }) = &mut self.open
        {
            text.end = end;
        }
    }

    fn end_record(&mut self) {
        if let Some(record) = self.open.take() {
            if let Text::Kept(text) = &record.text {
                self.end = text.end;
            }
            self.records.push(record);
        }
    }
}
