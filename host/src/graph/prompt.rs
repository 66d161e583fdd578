//! `<lora:NAME:WEIGHT>` in a prompt: tags that name files are taken out of the text.

use plugin_api::Folder;

use super::Roots;
use super::plan::Param;
use crate::limits;

const TAG: &str = "<lora:";

/// A prompt without its tags, and what the tags say.
#[derive(Debug, PartialEq)]
struct Prompt<'a> {
    text: String,
    tags: Vec<Tag<'a>>,
}

#[derive(Debug, PartialEq)]
struct Tag<'a> {
    name: &'a str,
    weight: f64,
}

/// `{text, rows: [{enabled, file, weight}]}`: the prompt without its tags, and the files that they name.
pub(super) fn param(roots: &Roots, text: &str, folder: &Folder, extensions: &[String]) -> Result<Param, String> {
    let prompt = parse(text)?;
    if prompt.tags.len() > limits::PROMPT_TAGS {
        return Err(format!("it has {} tags, and at most {} are allowed", prompt.tags.len(), limits::PROMPT_TAGS));
    }
    let row = |tag: &Tag<'_>| {
        let file = roots.find(folder, extensions, tag.name)?;
        Ok(vec![
            ("enabled".to_owned(), Param::Bool(true)),
            ("file".to_owned(), Param::File(file)),
            ("weight".to_owned(), Param::Float(tag.weight)),
        ])
    };
    let rows = prompt.tags.iter().map(row).collect::<Result<_, String>>()?;
    Ok(record(&prompt.text, rows))
}

/// A prompt without tags.
pub(super) fn plain(text: &str) -> Param {
    record(text, Vec::new())
}

fn record(text: &str, rows: Vec<Vec<(String, Param)>>) -> Param {
    Param::Record(vec![("text".to_owned(), Param::Text(text.to_owned())), ("rows".to_owned(), Param::Rows(rows))])
}

/// Gives each name in a tag of `text` to `change`, and puts what it returns in its place. A text whose tags are wrong
/// stays as it is.
pub(crate) fn rename(text: &str, change: impl Fn(&str) -> String) -> String {
    let Ok(prompt) = parse(text) else { return text.to_owned() };
    let mut renamed = String::new();
    let mut rest = text;
    for tag in prompt.tags {
        // The name is a piece of the text itself.
        let start = tag.name.as_ptr() as usize - rest.as_ptr() as usize;
        renamed += &rest[..start];
        renamed += &change(tag.name);
        rest = &rest[start + tag.name.len()..];
    }
    renamed + rest
}

fn parse(text: &str) -> Result<Prompt<'_>, String> {
    let mut prompt = Prompt { text: String::new(), tags: Vec::new() };
    let mut rest = text;
    while let Some(start) = find_tag(rest) {
        prompt.text += &rest[..start];
        let (tag, after) = split(&rest[start..])?;
        prompt.tags.push(tag);
        rest = join(&mut prompt.text, after);
    }
    prompt.text += rest;
    Ok(prompt)
}

/// Where the next tag begins, in whatever case it is written.
fn find_tag(text: &str) -> Option<usize> {
    text.as_bytes().windows(TAG.len()).position(|part| part.eq_ignore_ascii_case(TAG.as_bytes()))
}

/// The tag that `text` begins with, and what follows it.
fn split(text: &str) -> Result<(Tag<'_>, &str), String> {
    let inside = &text[TAG.len()..];
    let end = inside.find(['<', '>', '\n']).unwrap_or(inside.len());
    let quoted = &text[..TAG.len() + end];
    let Some(after) = inside[end..].strip_prefix('>') else {
        let shown: String = quoted.chars().take(60).collect();
        return Err(format!("the tag `{shown}` does not end in `>`"));
    };
    let wrong = |why: &str| Err(format!("the tag `{quoted}>` {why}; write <lora:NAME> or <lora:NAME:WEIGHT>"));
    let (name, weight) = match inside[..end].split(':').map(str::trim).collect::<Vec<_>>()[..] {
        ["", ..] => return wrong("names no file"),
        [name] => (name, Ok(1.0)),
        [name, weight] => (name, weight.parse::<f64>()),
        _ => return wrong("has too many colons"),
    };
    match weight {
        Err(_) => wrong("has a weight that is no number"),
        Ok(weight) if weight.abs() <= limits::LORA_STRENGTH => Ok((Tag { name, weight }, after)),
        Ok(_) => Err(format!("the weight of `{quoted}>` is not within ±{}", limits::LORA_STRENGTH)),
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
    use super::*;

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
            assert_eq!(parse(written).unwrap().text, text, "{written}");
        }
    }

    #[test]
    fn names_and_weights() {
        let tags = parse("<lora:ink> <LoRA:my styles/oil v2.1: -0.75 >, é <lora:x:1e1>").unwrap().tags;
        let tags: Vec<(&str, f64)> = tags.iter().map(|tag| (tag.name, tag.weight)).collect();
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
            let said = parse(text).unwrap_err();
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
