//! Small pieces of sentences.

/// `a`, `b` and 3 more: names in backquotes, at most eight of them.
pub fn list<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    const SHOWN: usize = 8;
    let names: Vec<String> = names.into_iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match names.len() {
        0 => "none".to_owned(),
        1..=SHOWN => names.join(", "),
        count => format!("{} and {} more", names[..SHOWN].join(", "), count - SHOWN),
    }
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The candidate that a mistyped name most likely means.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// The kind of node that is most likely meant; one without its plugin is compared with the names behind theirs.
pub fn nearest_kind<'a>(kind: &str, kinds: impl IntoIterator<Item = &'a str> + Clone) -> Option<&'a str> {
    if kind.contains('/') {
        return nearest(kind, kinds);
    }
    let name = |kind: &'a str| kind.rsplit('/').next().unwrap_or(kind);
    let near = nearest(kind, kinds.clone().into_iter().map(name))?;
    kinds.into_iter().find(|kind| name(kind) == near)
}

/// "did you mean `x`?", or the whole list where nothing is near.
pub fn did_you_mean<'a>(what: &str, name: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> String {
    or_list(nearest(name, candidates.clone()), what, candidates)
}

/// The same of a kind of node.
pub fn did_you_mean_kind<'a>(what: &str, kind: &str, kinds: impl IntoIterator<Item = &'a str> + Clone) -> String {
    or_list(nearest_kind(kind, kinds.clone()), what, kinds)
}

fn or_list<'a>(near: Option<&str>, what: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("{what}: {}", list(candidates)),
    }
}

/// What a library says, without the words of the language that it is written in.
pub fn plain(said: &str) -> String {
    const WORDS: [(&str, &str); 9] = [
        ("EOF while parsing a", "it ends in the middle of a"),
        ("invalid type: sequence", "it is a list"),
        ("invalid type: ", "it is of the wrong type: "),
        ("expected struct HashMetadata", "expected a list of tensors"),
        ("ron::value::raw::RawValue", "a value"),
        ("stream did not contain valid UTF-8", "it is not text"),
        ("recursion limit exceeded", "brackets are nested too deep"),
        ("expected ident at", "it is not JSON at"),
        ("expected value at", "it is not JSON at"),
    ];
    let mut text = without_system_number(said);
    for (from, to) in WORDS {
        text = text.replace(from, to);
    }
    for number in ["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "usize"] {
        text = replace_word(&text, &format!("expected {number}"), "expected a whole number");
    }
    for number in ["f32", "f64"] {
        text = replace_word(&text, &format!("expected {number}"), "expected a number");
    }
    text
}

/// Without "(os error 2)".
fn without_system_number(said: &str) -> String {
    match said.split_once(" (os error ") {
        Some((before, after)) => format!("{before}{}", after.split_once(')').map_or("", |(_, rest)| rest)),
        None => said.to_owned(),
    }
}

fn replace_word(text: &str, from: &str, to: &str) -> String {
    match text.split_once(from) {
        Some((before, after)) if !after.starts_with(char::is_alphanumeric) => format!("{before}{to}{after}"),
        _ => text.to_owned(),
    }
}

/// One argument for a shell.
pub fn quoted(argument: &str) -> String {
    format!("'{}'", argument.replace('\'', r"'\''"))
}

/// Fit for a terminal: a file's name or a value may hold what moves the cursor or hides text.
pub fn printable(text: &str) -> String {
    let hides = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if hides(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_speak_plainly() {
        let cases = [
            ("No such file or directory (os error 2)", "No such file or directory"),
            (
                "invalid type: null, expected i32 at line 1",
                "it is of the wrong type: null, expected a whole number at line 1",
            ),
            ("EOF while parsing a value at line 2", "it ends in the middle of a value at line 2"),
            ("expected f32x", "expected f32x"),
        ];
        for (said, plainly) in cases {
            assert_eq!(plain(said), plainly);
        }
    }

    #[test]
    fn a_kind_without_its_plugin_is_found() {
        let kinds = ["sampler/LeMiCa", "sampler/Sample", "sampler/SaveLatent"];
        for (kind, near) in [("Sample", 1), ("sample", 1), ("LeMica", 0), ("samplr/Sample", 1), ("SaveLatents", 2)] {
            assert_eq!(nearest_kind(kind, kinds), Some(kinds[near]), "{kind}");
        }
        assert_eq!(nearest_kind("Blur", kinds), None);
    }

    #[test]
    fn nothing_moves_the_cursor() {
        assert_eq!(printable("a\u{1b}[2J\nb\u{202e}c\0"), "a\u{fffd}[2J\nb\u{fffd}c\u{fffd}");
    }
}
