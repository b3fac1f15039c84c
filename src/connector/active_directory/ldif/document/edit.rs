//! Puts a record's new text together, from lines that it had and values that come.

use super::{Record, Text, ValueLine};
use crate::connector::active_directory::ldif_text::line::push_value;
use crate::connector::{AttributeName, Value};

/// The new text as far as it goes, and where its value lines are.
#[derive(Default)]
pub(super) struct Edit {
    text: Vec<u8>,
    lines: Vec<ValueLine>,
}

impl Edit {
    pub(super) fn other(&mut self, bytes: &[u8]) {
        self.text.extend_from_slice(bytes);
    }

    pub(super) fn line(&mut self, bytes: &[u8], name: usize, line_end: &str) {
        let start = self.text.len();
        self.text.extend_from_slice(bytes);
        if !bytes.ends_with(b"\n") {
            self.text.extend_from_slice(line_end.as_bytes());
        }
        self.lines.push(ValueLine {
            start,
            end: self.text.len(),
            name,
        });
    }

    pub(super) fn value(&mut self, name: &AttributeName, value: &Value, line_end: &str) {
        let mut line = String::new();
        push_value(&mut line, name.as_str(), value.bytes(), line_end);
        self.line(line.as_bytes(), name.as_str().len(), line_end);
    }

    pub(super) fn record(self, number: usize) -> Record {
        Record {
            text: Text::New(self.text),
            lines: self.lines,
            number,
        }
    }
}
