//! `weft plugin new`: a project with one node, ready to build.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::error::{Code, Error, Result};
use crate::flags::NewPlugin;
use crate::headless::{Outcome, print};
use crate::new_folder::{NewFolder, put};
use crate::plugins::beside_executable;
use crate::text::printable;

/// The project under the name `my-plugin`, whose plugin-api comes from a registry.
const FILES: [(&str, &[u8]); 6] = [
    (".gitignore", include_bytes!("template/gitignore")),
    ("Cargo.toml", include_bytes!("template/Cargo.toml.in")),
    ("README.md", include_bytes!("template/README.md")),
    ("graph.ron", include_bytes!("template/graph.ron")),
    ("picture.png", include_bytes!("template/picture.png")),
    ("src/lib.rs", include_bytes!("template/lib.rs")),
];

/// What Rust or Cargo keep for themselves.
const RESERVED: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "plugin-api",
    "plugin_api",
    "priv",
    "proc-macro",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// Makes the project, whole or not at all.
pub fn new(flags: &NewPlugin) -> Outcome {
    let name = flags.name.as_str();
    check_name(name)?;
    let api = api(flags.api.as_deref())?;
    let folder = write(&flags.path, name, api.as_deref())?;
    let folder = folder.strip_prefix(".").unwrap_or(&folder);
    if flags.json {
        let files: Vec<&str> = FILES.iter().map(|(path, _)| *path).collect();
        print(&json!({ "folder": folder, "files": files, "plugin_api": api }).to_string());
    } else {
        print(&printable(&told(folder, name, api.as_deref())));
    }
    Ok(())
}

/// The name of a package, of a library's file and of a plugin at once.
fn check_name(name: &str) -> Result<()> {
    let refused = |why: &str, help: String| {
        Err(Error::new(Code::Usage, format!("a plugin cannot be called `{name}`")).cause(why).help(help))
    };
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(is_part) || name.len() > 64 {
        let why = "a name is up to 64 small letters, digits, `-` and `_`, a letter first";
        return refused(why, format!("take `{}`, for example", suggestion(name)));
    }
    let own = suggestion(name.trim_start_matches("weft"));
    let other = || format!("take `{}-nodes`, for example", own.trim_end_matches("-nodes"));
    if RESERVED.contains(&name) {
        return refused("Rust or its build tool keeps that name", other());
    }
    if name.starts_with("weft") {
        return refused("names that begin so are those of Weft's own libraries", other());
    }
    if beside_executable().iter().any(|own| is_library_of(own, name)) {
        return refused("a plugin that comes with Weft is called so", other());
    }
    Ok(())
}

/// What is left of a name without the characters that it may not have.
fn suggestion(name: &str) -> String {
    let known = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' };
    let name: String = name.chars().map(known).take(40).collect();
    let name = name.trim_start_matches(|c: char| !c.is_ascii_lowercase()).trim_end_matches(['-', '_']);
    if name.is_empty() { "my-nodes".to_owned() } else { name.to_owned() }
}

fn is_library_of(library: &Path, plugin: &str) -> bool {
    let stem = library.file_stem().unwrap_or_default().to_string_lossy();
    stem.strip_prefix("libweft_") == Some(&plugin.replace('-', "_"))
}

/// The folder of plugin-api: the one that was named, or that of the checkout in which this program was built.
fn api(named: Option<&Path>) -> Result<Option<PathBuf>> {
    let Some(named) = named else { return Ok(api_of_checkout()) };
    let found = named.canonicalize().ok().filter(|folder| is_api(folder));
    found.map(Some).ok_or_else(|| {
        Error::new(Code::Usage, format!("{} is not the folder of plugin-api", named.display()))
            .place("--api")
            .help("give the path of the folder plugin-api in Weft's source")
    })
}

/// From `…/target/release/weft` to `…/plugin-api`.
fn api_of_checkout() -> Option<PathBuf> {
    let executable = std::env::current_exe().ok()?.canonicalize().ok()?;
    executable.ancestors().skip(1).take(3).map(|folder| folder.join("plugin-api")).find(|folder| is_api(folder))
}

fn is_api(folder: &Path) -> bool {
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    manifest.lines().any(|line| line.trim() == "name = \"plugin-api\"")
}

fn write(parent: &Path, name: &str, api: Option<&Path>) -> Result<PathBuf> {
    let target = parent.join(name);
    if target.symlink_metadata().is_ok() {
        return Err(Error::new(Code::Output, format!("{} is there already", target.display()))
            .help("take another name, or another folder with --path"));
    }
    if !parent.is_dir() {
        return Err(Error::new(Code::Usage, format!("there is no folder {}", parent.display()))
            .place("--path")
            .help("give the path of a folder that exists"));
    }
    let written = || {
        let folder = NewFolder::begin(parent)?;
        for (path, content) in FILES {
            folder.write::<Error>(path, |file| put(file, path, &filled(path, content, name, api)))?;
        }
        folder.finish_as(name)
    };
    written().map_err(|error: Error| error.help("choose another folder with --path, or make room"))
}

/// A file of the template for this plugin.
fn filled(path: &str, content: &[u8], name: &str, api: Option<&Path>) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(content) else { return content.to_vec() };
    let library = format!("{}{}{}", std::env::consts::DLL_PREFIX, name.replace('-', "_"), std::env::consts::DLL_SUFFIX);
    let mut text = text.replace("libmy_plugin.so", &library).replace("my-plugin", name);
    if let (Some(api), "Cargo.toml") = (api, path) {
        // JSON's quotes and escapes are TOML's.
        text = text.replace(r#"version = "1.0""#, &format!("path = {}", json!(api.to_string_lossy())));
    }
    text.into_bytes()
}

fn told(folder: &Path, name: &str, api: Option<&Path>) -> String {
    let library = format!("{}{}{}", std::env::consts::DLL_PREFIX, name.replace('-', "_"), std::env::consts::DLL_SUFFIX);
    let mut text = format!(
        "made {}: a plugin with one node, {name}/Contrast\n\nbuild it, approve it, run it:\n  cd {}\n  cargo build --release\n  \
         weft plugin trust target/release/{library}\n  weft run graph.ron --plugins target/release\n\nthe node is in src/lib.rs, \
         `cargo test` tries it without Weft",
        folder.display(),
        folder.display()
    );
    if api.is_none() {
        text += "\n\nBefore it builds: plugin-api, which it depends on, is not published yet, and Weft's source was not found \
                 from this program. Write `path = \"…/plugin-api\"` in the place of `version = \"1.0\"` in Cargo.toml, twice, or \
                 make it again with --api.";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(name: &str, path: &Path) -> NewPlugin {
        let api = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("plugin-api");
        NewPlugin { name: name.to_owned(), path: path.to_owned(), api: Some(api), json: true }
    }

    #[test]
    fn names_are_those_of_packages() {
        for name in ["tint", "my-nodes", "a1_b"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        let wrong = [
            ("", "my-nodes"),
            ("My Nodes", "my-nodes"),
            ("1st", "st"),
            ("a/b", "a-b"),
            ("org.example", "org-example"),
            ("é", "my-nodes"),
            ("../x", "x"),
            ("fn", "fn-nodes"),
            ("weft-blur", "blur-nodes"),
            ("weft", "my-nodes"),
            ("weft2", "my-nodes"),
            ("test", "test-nodes"),
        ];
        for (name, better) in wrong {
            let error = check_name(name).unwrap_err();
            assert_eq!(error.code, Code::Usage, "{name}");
            assert!(error.help.contains(&format!("`{better}`")), "{name}: {}", error.help);
            assert_eq!(check_name(better), Ok(()), "{better}");
        }
    }

    #[test]
    fn nothing_is_overwritten_and_nothing_is_left() {
        let root = tempfile::tempdir().unwrap();
        new(&flags("tint", root.path())).ok().expect("it is made");
        let before = std::fs::read_to_string(root.path().join("tint/src/lib.rs")).unwrap();
        assert!(before.contains(r#"id: "tint""#) && !before.contains("my-plugin"));
        let again = new(&flags("tint", root.path())).expect_err("it is refused");
        assert_eq!(again.errors[0].code, Code::Output);
        let elsewhere = new(&flags("tint", &root.path().join("none"))).expect_err("it is refused");
        assert_eq!(elsewhere.errors[0].code, Code::Usage);
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_path_with_quotes_stays_one() {
        let toml = filled("Cargo.toml", FILES[1].1, "tint", Some(Path::new("/a \"b\"/plugin-api")));
        let toml = String::from_utf8(toml).unwrap();
        assert_eq!(toml.matches(r#"path = "/a \"b\"/plugin-api""#).count(), 2, "{toml}");
        assert!(!toml.contains("version = \"1.0\""), "{toml}");
    }
}
