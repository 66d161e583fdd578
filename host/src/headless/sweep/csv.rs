//! Tables as RFC 4180 has them: cells between commas, in quotes where they hold commas, quotes or line ends. Every cell knows
//! its place, which is why this is no library's reader: those tell of lines alone.

use std::iter::Peekable;
use std::str::Chars;

/// A value and where it begins, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    pub text: String,
    pub line: usize,
    pub column: usize,
}

/// Why a text is no table, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    pub what: &'static str,
    pub line: usize,
    pub column: usize,
}

/// The rows of a table. Lines with nothing in them are none.
///
/// # Errors
/// Quotes that are not closed, or that are followed by something else than the next cell.
pub fn rows(text: &str) -> Result<Vec<Vec<Cell>>, Fault> {
    let mut reader = Reader { chars: text.chars().peekable(), line: 1, column: 1 };
    let (mut rows, mut row) = (Vec::new(), Vec::new());
    while reader.chars.peek().is_some() {
        row.push(reader.cell()?);
        let ends = reader.take() != Some(',');
        // A comma at the very end is followed by one more cell.
        if !ends && reader.chars.peek().is_none() {
            row.push(reader.cell()?);
        }
        if ends || reader.chars.peek().is_none() {
            let row = std::mem::take(&mut row);
            let is_nothing = matches!(&row[..], [only] if only.text.is_empty());
            rows.extend((!is_nothing).then_some(row));
        }
    }
    Ok(rows)
}

struct Reader<'a> {
    chars: Peekable<Chars<'a>>,
    line: usize,
    column: usize,
}

impl Reader<'_> {
    /// The next character; Windows' line ends are one.
    fn take(&mut self) -> Option<char> {
        let next = self.chars.next()?;
        let next = if next == '\r' && self.chars.next_if_eq(&'\n').is_some() { '\n' } else { next };
        (self.line, self.column) = if next == '\n' { (self.line + 1, 1) } else { (self.line, self.column + 1) };
        Some(next)
    }

    /// Up to the comma or the line end behind it.
    fn cell(&mut self) -> Result<Cell, Fault> {
        let (line, column) = (self.line, self.column);
        let text = if self.chars.peek() == Some(&'"') { self.quoted()? } else { self.plain() };
        Ok(Cell { text, line, column })
    }

    fn plain(&mut self) -> String {
        let mut text = String::new();
        while self.chars.peek().is_some_and(|next| !matches!(next, ',' | '\n' | '\r')) {
            text.extend(self.take());
        }
        text
    }

    fn quoted(&mut self) -> Result<String, Fault> {
        let (line, column) = (self.line, self.column);
        let mut text = String::new();
        self.take();
        loop {
            match self.take() {
                None => return Err(Fault { what: "the quotes that begin here are not closed", line, column }),
                Some('"') if self.chars.peek() != Some(&'"') => break,
                Some('"') => text.extend(self.take()),
                Some(other) => text.push(other),
            }
        }
        match self.chars.peek() {
            None | Some(',' | '\n' | '\r') => Ok(text),
            Some(_) => {
                let (line, column) = (self.line, self.column);
                Err(Fault {
                    what: "there is more behind the closing quotes; quotes in quotes are doubled",
                    line,
                    column,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(table: &str) -> Vec<Vec<String>> {
        rows(table).unwrap().into_iter().map(|row| row.into_iter().map(|cell| cell.text).collect()).collect()
    }

    #[test]
    fn cells_hold_what_quotes_hold() {
        let table = "a,b\r\n\"a fox, in \"\"snow\"\"\nat night\",2\n\n,\r\n\"\",5\" high";
        let expected = [vec!["a", "b"], vec!["a fox, in \"snow\"\nat night", "2"], vec!["", ""], vec!["", "5\" high"]];
        assert_eq!(texts(table), expected);
        assert_eq!(
            (texts(""), texts("\n\n"), texts("a,")),
            (vec![], vec![], vec![vec!["a".to_owned(), String::new()]])
        );
        let last = rows("a,b\n\"x\ny\",é,z").unwrap()[1][2].clone();
        assert_eq!(last, Cell { text: "z".to_owned(), line: 3, column: 6 });
    }

    #[test]
    fn faults_have_a_place() {
        for (table, line, column) in [("a\n\"b", 2, 1), ("a,\"b\nc\"d", 2, 3), ("\"", 1, 1)] {
            let fault = rows(table).unwrap_err();
            assert_eq!((fault.line, fault.column), (line, column), "{table}: {}", fault.what);
        }
    }
}
