//! Rows of cells → a table for people, or CSV for their spreadsheets.

use super::plan::text::Shown;
use std::fmt::Write as _;

/// Longest cell of a table, in characters; more belongs into JSON.
const CELL_LONGEST: usize = 60;

/// Rows under a head; each row has as many cells as the head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table<const N: usize> {
    /// What stands in each column.
    pub head: [&'static str; N],
    /// The rows.
    pub rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    /// For people: columns of one width each, long cells cut, an escape for what would not be seen.
    pub fn human(&self) -> String {
        let head = self
            .head
            .map(|name| Shown::of(&name.to_uppercase(), CELL_LONGEST));
        let rows = self
            .rows
            .iter()
            .map(|row| row.each_ref().map(|cell| Shown::of(cell, CELL_LONGEST)));
        let lines: Vec<[Shown; N]> = std::iter::once(head).chain(rows).collect();
        let width = |column: usize| {
            lines
                .iter()
                .map(|line| line[column].width())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..N).map(width).collect();
        let mut text = String::new();
        for line in &lines {
            let mut written = String::new();
            for (cell, width) in line.iter().zip(&widths) {
                // A write to a String cannot fail.
                let _ = write!(written, "{cell:width$}  ");
            }
            text.push_str(written.trim_end());
            text.push('\n');
        }
        text
    }

    /// RFC 4180, in UTF-8. A cell that a spreadsheet would take for a formula has an apostrophe
    /// before it: a value must not act on whoever opens the file. Programs read the JSON, where
    /// every value is as it is.
    ///
    /// # Errors
    /// None that is known: the rows are of one length and are written to memory.
    pub fn csv(&self) -> Result<String, csv::Error> {
        let mut writer = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .from_writer(Vec::new());
        writer.write_record(self.head)?;
        for row in &self.rows {
            writer.write_record(row.each_ref().map(|cell| harmless(cell)))?;
        }
        let bytes = writer.into_inner().map_err(|error| error.into_error())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// A cell that no spreadsheet reckons with. Blanks before the sign do not keep one from doing so.
fn harmless(cell: &str) -> String {
    let formula = cell.starts_with(['\t', '\r', '\n'])
        || cell
            .trim_start()
            .starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    match formula {
        true => format!("'{cell}"),
        false => cell.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(cells: &[&str]) -> Table<2> {
        Table {
            head: ["user", "alias"],
            rows: cells
                .iter()
                .map(|c| ["kim".to_owned(), (*c).to_owned()])
                .collect(),
        }
    }

    #[test]
    fn columns_stand_below_one_another_and_hide_nothing() {
        let text = table(&["Client", "a\u{202e}b\nc\u{1b}[2J"]).human();
        assert_eq!(
            text,
            "USER  ALIAS\nkim   Client\nkim   a\\u{202e}b\\nc\\u{1b}[2J\n"
        );
    }

    #[test]
    fn csv_is_quoted_and_no_cell_is_a_formula() {
        let cells = [
            "=HYPERLINK(\"http://x\")",
            " +1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "＝1",
            "a,b\n\"c\"",
            "a=b",
        ];
        let text = table(&cells).csv().unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let read: Vec<String> = reader.records().map(|r| r.unwrap()[1].to_owned()).collect();
        let expected: Vec<String> = cells
            .iter()
            .enumerate()
            .map(|(i, cell)| {
                if i < 6 {
                    format!("'{cell}")
                } else {
                    (*cell).to_owned()
                }
            })
            .collect();
        assert_eq!(read, expected);
        assert!(text.starts_with("user,alias\r\n"));
    }
}
