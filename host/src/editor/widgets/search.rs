//! Fuzzy search, best first.

use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

/// What is searched for: words, each of which has to match.
pub struct Query {
    matcher: Matcher,
    letters: Pattern,
    words: Pattern,
    buffer: Vec<char>,
}

impl Query {
    pub fn new(text: &str) -> Self {
        let pattern = |kind| Pattern::new(text, CaseMatching::Ignore, Normalization::Smart, kind);
        Self {
            matcher: Matcher::new(Config::DEFAULT),
            letters: pattern(AtomKind::Fuzzy),
            words: pattern(AtomKind::Substring),
            buffer: Vec::new(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.letters.atoms.is_empty()
    }

    /// How well a name matches, letter after letter with gaps.
    pub fn name(&mut self, text: &str) -> Option<u32> {
        self.letters.score(Utf32Str::new(text, &mut self.buffer), &mut self.matcher)
    }

    /// How well a sentence matches, where letters with gaps would match everything: by whole pieces.
    pub fn sentence(&mut self, text: &str) -> Option<u32> {
        self.words.score(Utf32Str::new(text, &mut self.buffer), &mut self.matcher)
    }
}
