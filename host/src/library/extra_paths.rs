//! ComfyUI's `extra_model_paths.yaml`: sections, each with a `base_path` and folders by what lies in them.
//!
//! Read as ComfyUI's `utils/extra_config.py` does: a relative `base_path` begins at the file's folder, `~` and variables are put
//! in, a key may name several folders, one on each line, and `is_default` puts a section's folders first.

use std::path::{Component, Path, PathBuf};

use saphyr::{LoadableYamlNode, MarkedYaml, YamlData};

use crate::error::{Code, Error, Result};
use crate::graph::ExtraFolder;
use crate::limits;

/// What the file is called where nobody names it.
pub const NAME: &str = "extra_model_paths.yaml";

/// The folders that a file names. Those that are not there are kept: a disk may come later.
///
/// # Errors
/// What cannot be read or understood, with its line.
pub fn read(path: &Path) -> Result<Vec<ExtraFolder>> {
    let unreadable = |error: std::io::Error| {
        Error::reading(Code::File, path, &error).help("give a YAML file like ComfyUI's extra_model_paths.yaml")
    };
    let size = path.metadata().map_err(unreadable)?.len();
    if size > limits::EXTRA_PATHS_BYTES {
        let what = format!("{} is too large for a list of folders: it has {size} bytes", path.display());
        return Err(Error::new(Code::File, what).help("give a YAML file like ComfyUI's extra_model_paths.yaml"));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let folder = std::path::absolute(path).map_err(unreadable)?.parent().map(Path::to_owned).unwrap_or_default();
    parse(&text, &folder).map_err(|(line, why)| {
        Error::new(Code::File, format!("{} is no list of model folders", path.display()))
            .place(format!("{}:{line}", path.display()))
            .cause(why)
            .help("correct this line; a section looks like `mine:`, `  base_path: /data/models`, `  loras: loras`")
    })
}

/// A line, counted from 1, and what is wrong in it.
type Fault = (usize, String);
type Node<'a> = MarkedYaml<'a>;

fn parse(text: &str, folder: &Path) -> std::result::Result<Vec<ExtraFolder>, Fault> {
    if let Some(at) = text.lines().position(|line| line.len() > limits::EXTRA_PATHS_LINE) {
        return Err((at + 1, format!("the line has more than {} bytes", limits::EXTRA_PATHS_LINE)));
    }
    let plain = |info: &str| info.replace("sequence", "list").replace("mapping", "map");
    let documents = Node::load_from_str(text).map_err(|error| (error.marker().line(), plain(error.info())))?;
    let Some(document) = documents.first() else { return Ok(Vec::new()) };
    let sections = entries(document, "the file")?;
    let each = sections.iter().map(|(_, section)| of_section(section, folder));
    Ok(each.collect::<std::result::Result<Vec<_>, _>>()?.concat())
}

/// The entries of a map, or of nothing at all.
fn entries<'a, 'b>(node: &'a Node<'b>, what: &str) -> std::result::Result<Vec<(&'a Node<'b>, &'a Node<'b>)>, Fault> {
    match &node.data {
        YamlData::Mapping(map) => Ok(map.iter().collect()),
        data if data.is_null() => Ok(Vec::new()),
        _ => Err((line(node), format!("{what} is to hold names with values, as in `name: value`"))),
    }
}

fn of_section(section: &Node<'_>, folder: &Path) -> std::result::Result<Vec<ExtraFolder>, Fault> {
    let (mut base, mut is_first, mut folders) = (folder.to_owned(), false, Vec::new());
    for (key, value) in entries(section, "a section")? {
        let name = text_of(key, "a name")?;
        match name {
            "base_path" => base = folder.join(expanded(text_of(value, "base_path")?)),
            "is_default" => is_first = flag(value)?,
            kind if value.data.is_null() || kind.is_empty() => {}
            kind => folders.push((kind, text_of(value, kind)?)),
        }
    }
    let lines = folders.into_iter().flat_map(|(kind, lines)| lines.lines().map(move |line| (kind, line.trim())));
    let extra = |(kind, line): (&str, &str)| ExtraFolder {
        kind: kind.to_owned(),
        path: tidied(&base.join(expanded(line))),
        is_first,
    };
    Ok(lines.filter(|(_, line)| !line.is_empty()).map(extra).collect())
}

fn text_of<'a>(node: &'a Node<'_>, what: &str) -> std::result::Result<&'a str, Fault> {
    node.data
        .as_str()
        .ok_or_else(|| (line(node), format!("{what} is to be a text; paths of several lines follow a `|`")))
}

fn flag(node: &Node<'_>) -> std::result::Result<bool, Fault> {
    node.data.as_bool().ok_or_else(|| (line(node), "is_default is to be true or false".to_owned()))
}

fn line(node: &Node<'_>) -> usize {
    node.span.start.line()
}

/// With the home folder for `~`, and variables of the environment for `$NAME` and `${NAME}`. Those that are not set stay.
fn expanded(text: &str) -> PathBuf {
    let (mut path, mut rest) = (String::new(), text);
    if let Some(below) = text.strip_prefix('~').filter(|below| below.is_empty() || below.starts_with('/'))
        && let Some(home) = dirs::home_dir()
    {
        path.push_str(&home.to_string_lossy());
        rest = below;
    }
    while let Some((before, after)) = rest.split_once('$') {
        path.push_str(before);
        let (name, whole) = variable(after);
        match std::env::var(name).ok().filter(|_| !name.is_empty()) {
            Some(value) => path.push_str(&value),
            None => path.push_str(&rest[before.len()..=before.len() + whole]),
        }
        rest = &after[whole..];
    }
    PathBuf::from(path + rest)
}

/// The name of the variable that a text begins with, and its length with the brackets.
fn variable(text: &str) -> (&str, usize) {
    if let Some((name, _)) = text.strip_prefix('{').and_then(|inside| inside.split_once('}')) {
        return (name, name.len() + 2);
    }
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    (&text[..end], end)
}

/// Without `.` and `..`, as ComfyUI makes its paths.
fn tidied(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut tidied, part| {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(tidied.pop()),
            part => tidied.push(part),
        }
        tidied
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String, bool)> {
        let all = parse(text, Path::new("/comfy")).unwrap();
        all.into_iter().map(|extra| (extra.kind, extra.path.display().to_string(), extra.is_first)).collect()
    }

    fn list(all: &[(&str, &str, bool)]) -> Vec<(String, String, bool)> {
        all.iter().map(|(kind, path, is_first)| ((*kind).to_owned(), (*path).to_owned(), *is_first)).collect()
    }

    #[test]
    fn sections_of_every_form() {
        let home = dirs::home_dir().unwrap().display().to_string();
        let text = "# mine\na111:\n  base_path: ../webui/\n  checkpoints: models/Stable-diffusion\n  loras: |\n    models/Lora\n\n    /data/lycoris\nother:\n  is_default: true\n  vae: vae # beside the file\nhome:\n  base_path: ~/models\n  clip: $NOBODY_SETS_THIS/clip\nempty:\nnone:\n  unet:\n";
        let expected = list(&[
            ("checkpoints", "/webui/models/Stable-diffusion", false),
            ("loras", "/webui/models/Lora", false),
            ("loras", "/data/lycoris", false),
            ("vae", "/comfy/vae", true),
        ]);
        let all = read(text);
        assert_eq!(all[..4], expected[..]);
        assert_eq!(all[4..], list(&[("clip", &format!("{home}/models/$NOBODY_SETS_THIS/clip"), false)])[..]);
        assert_eq!(read(""), []);
        assert_eq!(read("# nothing yet\n"), []);
    }

    #[test]
    fn variables_are_put_in() {
        let path = std::env::var("PATH").unwrap();
        assert_eq!(expanded("$PATH/x"), PathBuf::from(format!("{path}/x")));
        assert_eq!(expanded("a${PATH}b"), PathBuf::from(format!("a{path}b")));
        assert_eq!(expanded("a$"), PathBuf::from("a$"));
        assert_eq!(expanded("${}x~"), PathBuf::from("${}x~"));
    }

    #[test]
    fn faults_have_their_line() {
        for (text, line, says) in [
            ("a:\n  base_path: /x\n   loras: y\n", 3, ""),
            ("a:\n  loras: [x, y]\n", 2, "loras is to be a text"),
            ("a:\n  base_path: 3\n", 2, "base_path is to be a text"),
            ("a: text\n", 1, "a section is to hold names"),
            ("- a\n", 1, "the file is to hold names"),
            ("a:\n  is_default: maybe\n", 2, "true or false"),
            ("a:\n  loras: \"x\n", 2, ""),
        ] {
            let (at, why) = parse(text, Path::new("/")).unwrap_err();
            assert!(why.contains(says), "{text}: {why}");
            assert!(at == line || says.is_empty() && at > 1, "{text}: line {at}, {why}");
        }
    }
}
