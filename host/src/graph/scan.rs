//! Where the pieces of RON text lie, byte by byte. The text was read by the `ron` crate before, so that nothing is
//! checked here again; text that is none gives no pieces.

/// One entry of a map or field of a struct, with all that stands around it up to the next one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Piece {
    /// Blank lines, comments and indentation before the key.
    pub lead: String,
    pub key: String,
    /// From the key to the value: the colon and what surrounds it.
    pub gap: String,
    pub value: String,
    /// Between the value and its comma.
    pub before_comma: String,
    pub has_comma: bool,
    /// What follows on the same line.
    pub after: String,
}

/// A map or struct in pieces; put together again they are the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Block {
    /// To the opening bracket.
    pub open: String,
    /// What follows on the line of the opening bracket.
    pub after: String,
    pub pieces: Vec<Piece>,
    /// From behind the last piece to the end of the text.
    pub close: String,
}

impl Block {
    /// The pieces between the first `bracket` of `text` and the one that closes it.
    pub fn read(text: &str, bracket: u8) -> Option<Self> {
        let mut scan = Scan { text, at: 0 };
        loop {
            scan.trivia();
            match scan.peek()? {
                byte if byte == bracket => break,
                // `#![enable(…)]` before the graph.
                b'#' => {
                    while scan.token()? != b'[' {}
                    scan.until(|_| false);
                }
                b'(' | b'[' | b'{' => return None,
                _ => {}
            }
            scan.token()?;
        }
        scan.at += 1;
        let open = scan.at;
        scan.at = scan.same_line();
        let (open, after) = (text[..open].to_owned(), text[open..scan.at].to_owned());
        let mut block = Self { open, after, ..Self::default() };
        loop {
            let start = scan.at;
            scan.trivia();
            if matches!(scan.peek()?, b')' | b']' | b'}') {
                block.close = text[start..].to_owned();
                return Some(block);
            }
            block.pieces.push(scan.piece(start)?);
        }
    }

    /// What stands before a new piece, so that it looks like the last one. None where there is none to look at.
    pub fn lead(&self) -> Option<String> {
        let lead = &self.pieces.last()?.lead;
        Some(if lead.contains('\n') { newline(lead).to_owned() + indentation(lead) } else { " ".to_owned() })
    }
}

/// The text without comments and white space at its ends.
pub fn strip(text: &str) -> &str {
    let mut scan = Scan { text, at: 0 };
    scan.trivia();
    let (start, mut end) = (scan.at, scan.at);
    while scan.token().is_some() {
        end = scan.at;
        scan.trivia();
    }
    &text[start..end]
}

/// How lines end in this text.
pub fn newline(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// The indentation of what follows `lead`.
pub fn indentation(lead: &str) -> &str {
    let line = lead.rsplit('\n').next().unwrap_or_default();
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// What a key in quotes says. None for a key of another type.
pub fn unquote(key: &str) -> Option<String> {
    match key.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(plain) if !plain.contains('\\') => Some(plain.to_owned()),
        _ => ron::from_str(key).ok(),
    }
}

/// Whether white space and comments end within a `//` comment, which would take in what follows.
pub fn ends_in_comment(trivia: &str) -> bool {
    let mut scan = Scan { text: trivia, at: 0 };
    let mut last = 0;
    while scan.at < trivia.len() {
        last = scan.at;
        if !scan.space() && !scan.comment() {
            return false;
        }
    }
    trivia[last..].starts_with("//")
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r' | '\u{85}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}')
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl Scan<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Skips white space and comments.
    fn trivia(&mut self) {
        while self.space() || self.comment() {}
    }

    /// Skips one character that RON takes for white space. A byte order mark is one only at the beginning.
    fn space(&mut self) -> bool {
        let start = self.at == 0;
        let space = self.rest().chars().next().filter(|&c| is_space(c) || (start && c == '\u{feff}'));
        self.at += space.map_or(0, char::len_utf8);
        space.is_some()
    }

    /// Skips one comment; a `//` one up to its line's end.
    fn comment(&mut self) -> bool {
        if self.rest().starts_with("//") {
            let line = self.rest().split('\n').next().unwrap_or_default();
            self.at += line.strip_suffix('\r').filter(|_| line.len() < self.rest().len()).unwrap_or(line).len();
            true
        } else if self.rest().starts_with("/*") {
            let mut depth = 0;
            while self.at < self.text.len() {
                if self.rest().starts_with("/*") {
                    depth += 1;
                    self.at += 2;
                } else if self.rest().starts_with("*/") {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        break;
                    }
                } else {
                    self.at += self.rest().chars().next().map_or(1, char::len_utf8);
                }
            }
            true
        } else {
            false
        }
    }

    /// The line's end where only comments stand before it, else where the scan is.
    fn same_line(&self) -> usize {
        let mut scan = Scan { text: self.text, at: self.at };
        loop {
            match scan.peek() {
                Some(b' ' | b'\t') => scan.at += 1,
                Some(b'\n') => return scan.at,
                Some(b'\r') if scan.rest().starts_with("\r\n") => return scan.at,
                _ if scan.comment() => {}
                _ => return self.at,
            }
        }
    }

    /// Skips a string, a character, a word or a sign, and gives its first byte.
    fn token(&mut self) -> Option<u8> {
        let first = self.peek()?;
        let is_word = |c: char| (c.is_alphanumeric() || c == '_' || !c.is_ascii()) && !is_space(c);
        let word = self.rest().find(|c| !is_word(c)).unwrap_or(self.rest().len());
        match first {
            b'"' => self.string(),
            b'\'' => self.character(),
            _ if word > 0 => {
                let is_raw = matches!(&self.rest()[..word], "r" | "br");
                self.at += word;
                if is_raw {
                    self.raw();
                }
            }
            _ => self.at += 1,
        }
        Some(first)
    }

    fn string(&mut self) {
        let mut escaped = true;
        let end = self.rest().bytes().position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        // The opening quote was taken as escaped.
        self.at = end.map_or(self.text.len(), |end| self.at + end + 1);
    }

    fn character(&mut self) {
        let inside = &self.rest()[1..];
        let first = if inside.starts_with('\\') { 2 } else { inside.chars().next().map_or(0, char::len_utf8) };
        let end = inside.bytes().skip(first).position(|byte| byte == b'\'');
        self.at = end.map_or(self.text.len(), |end| self.at + 1 + first + end + 1);
    }

    /// Behind `r`: a raw string, or the rest of a raw name.
    fn raw(&mut self) {
        let hashes = self.rest().bytes().take_while(|&byte| byte == b'#').count();
        if self.rest()[hashes..].starts_with('"') {
            let ending = format!("\"{}", "#".repeat(hashes));
            let inside = self.at + hashes + 1;
            self.at = self.text[inside..].find(&ending).map_or(self.text.len(), |end| inside + end + ending.len());
        } else if hashes == 1 {
            let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '+' | '-');
            let name = &self.rest()[1..];
            self.at += 1 + name.find(|c| !is_name(c)).unwrap_or(name.len());
        }
    }

    /// Skips tokens to one that `ends` outside of brackets, or to a bracket that closes. Gives the last one's end.
    fn until(&mut self, ends: impl Fn(u8) -> bool) -> usize {
        let (mut depth, mut last) = (0_usize, self.at);
        loop {
            self.trivia();
            match self.peek() {
                None => return last,
                Some(byte) if depth == 0 && ends(byte) => return last,
                Some(b')' | b']' | b'}') if depth == 0 => return last,
                Some(b')' | b']' | b'}') => depth -= 1,
                Some(b'(' | b'[' | b'{') => depth += 1,
                Some(_) => {}
            }
            self.token();
            last = self.at;
        }
    }

    fn piece(&mut self, start: usize) -> Option<Piece> {
        let text = self.text;
        let key = self.at..self.until(|byte| byte == b':');
        if self.token()? != b':' {
            return None;
        }
        self.trivia();
        let value = self.at..self.until(|byte| byte == b',');
        let has_comma = self.peek()? == b',';
        let comma = if has_comma { self.at } else { value.end };
        self.at = comma + usize::from(has_comma);
        let after = self.at;
        self.at = self.same_line();
        Some(Piece {
            lead: text[start..key.start].to_owned(),
            gap: text[key.end..value.start].to_owned(),
            before_comma: text[value.end..comma].to_owned(),
            after: text[after..self.at].to_owned(),
            key: text[key].to_owned(),
            value: text[value].to_owned(),
            has_comma,
        })
    }
}
