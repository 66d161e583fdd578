//! `<lora:NAME:WEIGHT>` in a prompt: tags that name files are taken out of the text.

use std::ops::Range;

use plugin_api::Folder;

use super::Roots;
use super::plan::Param;
use crate::limits;

const TAG: &str = "<lora:";

/// A tag in a text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tag {
    /// Where it stands, in bytes.
    pub whole: Range<usize>,
    /// Where the name stands in it.
    pub name: Range<usize>,
    pub weight: f64,
}

/// `{text, rows: [{enabled, file, weight}]}`: the prompt without its tags, and the files that they name.
pub(super) fn param(roots: &Roots, text: &str, folder: &Folder, extensions: &[String]) -> Result<Param, String> {
    let tags = tags(text)?;
    if tags.len() > limits::PROMPT_TAGS {
        return Err(format!("it has {} tags, and at most {} are allowed", tags.len(), limits::PROMPT_TAGS));
    }
    let row = |tag: &Tag| {
        let file = roots.find(folder, extensions, &text[tag.name.clone()])?;
        Ok(vec![
            ("enabled".to_owned(), Param::Bool(true)),
            ("file".to_owned(), Param::File(file)),
            ("weight".to_owned(), Param::Float(tag.weight)),
        ])
    };
    let rows = tags.iter().map(row).collect::<Result<_, String>>()?;
    Ok(record(&without(text, &tags), rows))
}

/// A prompt without tags.
pub(super) fn plain(text: &str) -> Param {
    record(text, Vec::new())
}

fn record(text: &str, rows: Vec<Vec<(String, Param)>>) -> Param {
    Param::Record(vec![("text".to_owned(), Param::Text(text.to_owned())), ("rows".to_owned(), Param::Rows(rows))])
}

/// The text with other names in its tags. One whose tags are wrong stays as it is.
pub(crate) fn rename(text: &str, mut change: impl FnMut(&str) -> String) -> String {
    let (mut renamed, mut last) = (String::new(), 0);
    for tag in tags(text).unwrap_or_default() {
        renamed += &text[last..tag.name.start];
        renamed += &change(&text[tag.name.clone()]);
        last = tag.name.end;
    }
    renamed + &text[last..]
}

/// The tags of a text, in their order.
///
/// # Errors
/// One of them is wrong; the sentence quotes it.
pub(crate) fn tags(text: &str) -> Result<Vec<Tag>, String> {
    let (mut tags, mut end) = (Vec::new(), 0);
    while let Some(start) = find_tag(&text[end..]).map(|start| end + start) {
        let tag = read(text, start)?;
        end = tag.whole.end;
        tags.push(tag);
    }
    Ok(tags)
}

/// The text without its tags.
fn without(text: &str, tags: &[Tag]) -> String {
    let (mut left, mut rest) = (String::new(), text);
    for tag in tags {
        // Closing a gap may have taken of what follows, but never of the next tag.
        left += &rest[..tag.whole.start - (text.len() - rest.len())];
        rest = join(&mut left, &text[tag.whole.end..]);
    }
    left + rest
}

/// Where the next tag begins, in whatever case it is written.
fn find_tag(text: &str) -> Option<usize> {
    text.as_bytes().windows(TAG.len()).position(|part| part.eq_ignore_ascii_case(TAG.as_bytes()))
}

/// The tag that begins at `start`.
fn read(text: &str, start: usize) -> Result<Tag, String> {
    let inside = &text[start + TAG.len()..];
    let end = inside.find(['<', '>', '\n']).unwrap_or(inside.len());
    let whole = start..start + TAG.len() + end + 1;
    if !inside[end..].starts_with('>') {
        let shown: String = text[start..whole.end - 1].chars().take(60).collect();
        return Err(format!("the tag `{shown}` does not end in `>`"));
    }
    let quoted = &text[whole.clone()];
    let wrong = |why: &str| Err(format!("the tag `{quoted}` {why}; write <lora:NAME> or <lora:NAME:WEIGHT>"));
    let (name, weight) = match inside[..end].split(':').collect::<Vec<_>>()[..] {
        [name] => (name, Ok(1.0)),
        [name, weight] => (name, weight.trim().parse::<f64>()),
        _ => return wrong("has too many colons"),
    };
    if name.trim().is_empty() {
        return wrong("names no file");
    }
    match weight {
        Err(_) => wrong("has a weight that is no number"),
        Ok(weight) if weight.abs() <= limits::LORA_STRENGTH => {
            let begin = start + TAG.len() + name.len() - name.trim_start().len();
            Ok(Tag { whole, name: begin..begin + name.trim().len(), weight })
        }
        Ok(_) => Err(format!("the weight of `{quoted}` is not within ±{}", limits::LORA_STRENGTH)),
    }
}

/// Closes the gap that a tag leaves between `before` and `after`: one comma where one stood beside it, else one space,
/// nothing at the ends of a line, and no line that held tags alone. Returns what of `after` is left.
fn join<'a>(before: &mut String, after: &'a str) -> &'a str {
    let between = |c: char| matches!(c, ' ' | '\t' | ',');
    let left = before.trim_end_matches(between).len();
    let rest = after.trim_start_matches(between);
    let gap = [&before[left..], &after[..after.len() - rest.len()]].concat();
    before.truncate(left);
    let begins_line = before.is_empty() || before.ends_with('\n');
    let ends_line = rest.is_empty() || rest.starts_with(['\n', '\r']);
    match (begins_line, ends_line) {
        (true, true) => {
            let rest = rest.trim_start_matches('\r').strip_prefix('\n').unwrap_or(rest);
            if rest.is_empty() {
                before.truncate(before.trim_end_matches(['\n', '\r']).len());
            }
            return rest;
        }
        (false, false) if gap.contains(',') => before.push_str(", "),
        (false, false) if !gap.is_empty() => before.push(' '),
        _ => {}
    }
    rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// No text is too odd, and no word outside of the tags gets lost.
        #[test]
        fn any_text_is_read(pieces in proptest::collection::vec(0..10usize, 0..40)) {
            const PIECES: [&str; 10] = ["<lora:", "<lora:a>", "<LORA:é b:-2>", ",", " ", "\n", "\r\n", "word", "é", ">"];
            let text: String = pieces.iter().map(|&piece| PIECES[piece]).collect();
            if let Ok(found) = tags(&text) {
                let left = without(&text, &found);
                let words = |text: &str| text.matches("word").count();
                let named: usize = found.iter().map(|tag| words(&text[tag.whole.clone()])).sum();
                prop_assert!(found.iter().all(|tag| text[tag.whole.clone()].ends_with('>')));
                prop_assert_eq!(words(&left) + named, words(&text));
                prop_assert_eq!(rename(&text, str::to_owned), text);
            }
        }
    }

    #[test]
    fn tags_leave_no_gap() {
        for (written, text) in [
            ("a red fox, in snow ,", "a red fox, in snow ,"),
            ("a fox, <lora:ink:0.8>, in snow", "a fox, in snow"),
            ("a fox <lora:ink> in snow", "a fox in snow"),
            ("a fox<lora:ink>, in snow", "a fox, in snow"),
            ("a fox, <lora:ink>", "a fox"),
            ("<lora:ink:1>, a fox", "a fox"),
            ("<lora:a><lora:b> , <lora:c>a fox", "a fox"),
            ("fire<lora:ink>fox", "firefox"),
            ("a fox\n<lora:ink>\nin snow", "a fox\nin snow"),
            ("a fox\r\n<lora:ink>\r\nin snow", "a fox\r\nin snow"),
            ("a fox, <lora:ink>\nin snow", "a fox\nin snow"),
            ("a fox\n\n<lora:ink> <lora:oil>\n", "a fox"),
            ("<lora:ink>", ""),
            ("1 < 2 and <lore>", "1 < 2 and <lore>"),
        ] {
            assert_eq!(without(written, &tags(written).unwrap()), text, "{written}");
        }
    }

    #[test]
    fn names_and_weights() {
        let text = "<lora:ink> <LoRA: my styles/oil v2.1: -0.75 >, é <lora:x:1e1>";
        let tags = tags(text).unwrap();
        assert_eq!(&text[tags[1].whole.clone()], "<LoRA: my styles/oil v2.1: -0.75 >");
        let tags: Vec<(&str, f64)> = tags.iter().map(|tag| (&text[tag.name.clone()], tag.weight)).collect();
        assert_eq!(tags, [("ink", 1.0), ("my styles/oil v2.1", -0.75), ("x", 10.0)]);
    }

    #[test]
    fn wrong_tags_are_quoted() {
        for (text, why) in [
            ("a <lora:ink:0.8:1> b", "the tag `<lora:ink:0.8:1>` has too many colons"),
            ("<lora:ink:much>", "the tag `<lora:ink:much>` has a weight that is no number"),
            ("<lora:ink:>", "the tag `<lora:ink:>` has a weight that is no number"),
            ("<lora:ink:NaN>", "the weight of `<lora:ink:NaN>` is not within ±100"),
            ("<lora:ink:-100.5>", "the weight of `<lora:ink:-100.5>` is not within ±100"),
            ("<lora:>", "the tag `<lora:>` names no file"),
            ("<lora: :1>", "the tag `<lora: :1>` names no file"),
            ("<lora:ink\nand more>", "the tag `<lora:ink` does not end in `>`"),
            ("a <lora:ink <lora:oil>", "the tag `<lora:ink ` does not end in `>`"),
        ] {
            let said = tags(text).unwrap_err();
            assert!(said.starts_with(why), "{text}: {said}");
        }
    }

    #[test]
    fn names_are_replaced_in_place() {
        let renamed = rename("a, <lora:/home/me/ink.safetensors:0.5> b <lora:oil>", |name| format!("[{name}]"));
        assert_eq!(renamed, "a, <lora:[/home/me/ink.safetensors]:0.5> b <lora:[oil]>");
        assert_eq!(rename("<lora:a:b:c>", |_| String::new()), "<lora:a:b:c>");
    }
}
