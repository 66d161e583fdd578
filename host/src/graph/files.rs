//! Where the files that a graph names are looked for. A graph names them relative to these folders, so that it runs
//! on another machine and tells nothing of this one.

use std::path::{Component, Path, PathBuf};

use plugin_api::Folder;

use super::names;
use crate::text;
use crate::walk::{self, Entry};

/// The folders of one run.
#[derive(Debug, Clone, Default)]
pub struct Roots {
    /// Folders like `models/`, first one wins.
    pub models: Vec<PathBuf>,
    /// Where pictures and latents come from: beside the graph, then every `--input`.
    pub inputs: Vec<PathBuf>,
    /// Folders of one kind of models that lie elsewhere.
    pub extra: Vec<ExtraFolder>,
}

/// A folder that is used like one below a models root, wherever it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraFolder {
    /// What the folder below a root is called: `loras`.
    pub kind: String,
    pub path: PathBuf,
    /// Whether it comes before the roots' own.
    pub is_first: bool,
}

/// The folders below a models root in which a whole model may lie, after the root itself.
pub(crate) const MODEL_FOLDERS: [&str; 3] = ["", "checkpoints", "diffusion_models"];
/// Those for parts of a model.
pub(crate) const PART_FOLDERS: [&str; 4] = ["text_encoders", "vae", "unet", "clip"];
/// Folders of the same kind, by their name of today and by that of older installations of ComfyUI.
const NAMES: [[&str; 2]; 2] = [["diffusion_models", "unet"], ["text_encoders", "clip"]];

impl Roots {
    /// The file that `name` means, or the sentence that says why there is none. Below a folder of models, where people
    /// sort their files into folders, a name may also lack its extension and its folder, see [`names`].
    pub(crate) fn find(&self, folder: &Folder, extensions: &[String], name: &str) -> Result<PathBuf, String> {
        let path = Path::new(name);
        if name.is_empty() {
            return Err("no file is given".to_owned());
        }
        if path.components().any(|part| part == Component::ParentDir) {
            return Err(format!("`{name}` leaves its folder with `..`"));
        }
        if path.is_absolute() {
            // A path that the user has on this machine; it stays out of what Weft itself writes.
            return if path.exists() { Ok(path.to_owned()) } else { Err(format!("`{name}` does not exist")) };
        }
        let below = self.below(folder);
        let is_sorted = matches!(folder, Folder::Models(_));
        // `ink` may be a folder beside `ink.safetensors`.
        let is_it = |path: &PathBuf| if is_sorted && !extensions.is_empty() { path.is_file() } else { path.exists() };
        if let Some(path) = below.iter().map(|folder| folder.join(path)).find(is_it) {
            return Ok(path);
        }
        let listed = if is_sorted { walk::files } else { walk::directly_in };
        let lists: Vec<Vec<Entry>> = below.iter().map(|folder| listed(folder, extensions)).collect();
        let found = if is_sorted { names::find(&lists, extensions, name)? } else { None };
        match found {
            Some(entry) => Ok(entry.path.clone()),
            None => Err(absent(name, &below, names::nearest(&lists, extensions, name))),
        }
    }

    /// The folders that a name is joined to, first one wins.
    pub(crate) fn below(&self, folder: &Folder) -> Vec<PathBuf> {
        match folder {
            Folder::Input => self.inputs.clone(),
            Folder::Models(name) => self.called(&both_names(name)),
            Folder::AnyModel => self.called(&[&MODEL_FOLDERS[..], &PART_FOLDERS[..]].concat()),
        }
    }

    /// The folders of these kinds: those that come first, then the roots' own, then the others.
    fn called(&self, kinds: &[&str]) -> Vec<PathBuf> {
        let extra = |is_first: bool| {
            let of_kind =
                move |folder: &&ExtraFolder| folder.is_first == is_first && kinds.contains(&folder.kind.as_str());
            self.extra.iter().filter(of_kind).map(|folder| folder.path.clone())
        };
        let own = self.models.iter().flat_map(|root| kinds.iter().map(|kind| below_root(root, kind)));
        extra(true).chain(own).chain(extra(false)).collect()
    }

    /// The name of a file that was found, below the folder that names are joined to; of one that lies elsewhere, its own.
    pub(crate) fn named(&self, folder: &Folder, path: &Path) -> String {
        let below = self.below(folder);
        let name = below.iter().find_map(|folder| path.strip_prefix(folder).ok()).map(Path::to_owned);
        let own = || path.file_name().map(PathBuf::from).unwrap_or_default();
        name.unwrap_or_else(own).to_string_lossy().into_owned()
    }

    /// A name that tells nothing of this machine: an absolute path becomes one below the folder that names are joined to.
    pub(crate) fn shared(&self, folder: &Folder, name: &str) -> String {
        let path = Path::new(name);
        if !path.is_absolute() {
            return name.to_owned();
        }
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let below = |folder: &PathBuf| Some(real.strip_prefix(folder.canonicalize().ok()?).ok()?.to_owned());
        let file = || path.file_name().map(PathBuf::from).unwrap_or_default();
        self.below(folder).iter().find_map(below).unwrap_or_else(file).to_string_lossy().into_owned()
    }
}

/// A folder's name, and the other one that it goes by.
fn both_names(kind: &str) -> Vec<&str> {
    let others = NAMES.iter().filter(|names| names.contains(&kind)).flatten().copied();
    std::iter::once(kind).chain(others.filter(|other| *other != kind)).collect()
}

/// Without the slash that joining nothing would leave.
fn below_root(root: &Path, name: &str) -> PathBuf {
    if name.is_empty() { root.to_owned() } else { root.join(name) }
}

/// Why a name means nothing below these folders, and what may have been meant.
fn absent(name: &str, below: &[PathBuf], near: Option<&Entry>) -> String {
    let shown = |folder: &PathBuf| folder.display().to_string();
    let there: Vec<String> = below.iter().filter(|folder| folder.is_dir()).map(shown).collect();
    match (below, &there[..]) {
        ([], _) => format!("`{name}` is not there: neither here nor beside the program is there a folder `models`"),
        ([first, ..], []) => format!("`{name}` is not there, and neither is the folder `{}`", first.display()),
        _ => {
            let near = near.map(|near| format!("; there is `{}`", near.name)).unwrap_or_default();
            format!("`{name}` is in none of {}{near}", text::list(there))
        }
    }
}

#[cfg(test)]
mod tests {
    use plugin_api::{InputKind, InputSpec, NodeSpec};
    use tempfile::TempDir;

    use super::*;
    use crate::graph::{Graph, Param, Plan, Source, check};
    use crate::plugins::Catalog;

    fn folder(names: &[&str]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, name).unwrap();
        }
        folder
    }

    fn roots(folders: &[&TempDir]) -> Roots {
        let models = folders.iter().map(|folder| folder.path().to_owned()).collect();
        Roots { models, ..Roots::default() }
    }

    fn loras() -> Folder {
        Folder::Models("loras".to_owned())
    }

    #[test]
    fn model_files_are_found_by_name() {
        let first = folder(&["loras/styles/ink.safetensors", "loras/ink/notes.txt", "loras/a.safetensors"]);
        let second = folder(&["loras/a.safetensors", "loras/deep/er/oil.safetensors", "loras/x/y.bin"]);
        let roots = roots(&[&first, &second]);
        let find = |name: &str| roots.find(&loras(), &["safetensors".to_owned()], name);
        for (name, root, file) in [
            ("styles/ink.safetensors", &first, "styles/ink.safetensors"),
            ("styles/ink", &first, "styles/ink.safetensors"),
            // The folder of that name is none of the files.
            ("ink", &first, "styles/ink.safetensors"),
            ("a", &first, "a.safetensors"),
            ("oil", &second, "deep/er/oil.safetensors"),
            ("oil.safetensors", &second, "deep/er/oil.safetensors"),
        ] {
            assert_eq!(find(name), Ok(root.path().join("loras").join(file)), "{name}");
        }
        for (name, says) in [
            ("inkk", "; there is `styles/ink.safetensors`"),
            ("er/oil", "; there is `deep/er/oil.safetensors`"),
            ("y", "is in none of"),
            ("../loras/a", "leaves its folder"),
            ("", "no file is given"),
        ] {
            let said = find(name).unwrap_err();
            assert!(said.contains(says), "{name}: {said}");
        }
        assert!(roots.find(&Folder::AnyModel, &[], "oil").is_err());
    }

    #[test]
    fn a_name_that_is_not_there_tells_of_one_that_is() {
        let root = folder(&["demo/model_index.json", "diffusion_models/fox.gguf", "notes.txt"]);
        let mut roots = roots(&[&root]);
        roots.inputs = vec![root.path().to_owned()];
        let why = |folder: &Folder, name: &str| roots.find(folder, &["gguf".to_owned()], name).unwrap_err();
        for (name, near) in [("demoo", "demo"), ("Demo", "demo"), ("foxx.gguf", "fox.gguf")] {
            let said = why(&Folder::AnyModel, name);
            assert!(said.ends_with(&format!("; there is `{near}`")), "{said}");
        }
        // No file of that kind.
        assert!(!why(&Folder::Input, "note.gguf").contains("there is"));
        let nowhere = Roots::default().find(&Folder::AnyModel, &[], "demo").unwrap_err();
        assert_eq!(nowhere, "`demo` is not there: neither here nor beside the program is there a folder `models`");
    }

    #[test]
    fn folders_of_comfyui_go_by_both_names() {
        let root = folder(&["clip/old.safetensors", "unet/dit.gguf", "vae/ae.safetensors"]);
        let elsewhere = folder(&["clip/old.safetensors", "mine/ae.safetensors"]);
        let mut roots = roots(&[&root]);
        let extra = |kind: &str, folder: &str, is_first| ExtraFolder {
            kind: kind.to_owned(),
            path: elsewhere.path().join(folder),
            is_first,
        };
        roots.extra = vec![extra("text_encoders", "clip", false), extra("vae", "mine", true)];
        let find = |folder: &Folder, name: &str| roots.find(folder, &[], name);
        let models = |name: &str| Folder::Models(name.to_owned());
        for (folder, name, found) in [
            (models("text_encoders"), "old", root.path().join("clip/old.safetensors")),
            (models("clip"), "old.safetensors", root.path().join("clip/old.safetensors")),
            (models("diffusion_models"), "dit", root.path().join("unet/dit.gguf")),
            (Folder::AnyModel, "old.safetensors", root.path().join("clip/old.safetensors")),
            // What comes first goes before the roots.
            (Folder::AnyModel, "ae.safetensors", elsewhere.path().join("mine/ae.safetensors")),
        ] {
            assert_eq!(find(&folder, name), Ok(found), "{name}");
        }
        assert!(find(&models("loras"), "old").is_err());
        let path = elsewhere.path().join("mine/ae.safetensors").display().to_string();
        assert_eq!(roots.shared(&models("vae"), &path), "ae.safetensors");
    }

    fn catalog() -> Catalog {
        let extensions = vec!["safetensors".to_owned()];
        let prompt = InputKind::Prompt { default: "a fox".to_owned(), folder: loras(), extensions: extensions.clone() };
        let file = InputKind::File { default: String::new(), folder: loras(), extensions };
        let column = |name: &str, kind| InputSpec { name: name.to_owned(), kind, required: false, help: String::new() };
        let columns = vec![column("file", file), column("weight", InputKind::float(1.0, (-100.0, 100.0), 0.05))];
        let node = NodeSpec::new("Use", "", "")
            .param("prompt", prompt, "")
            .param("rows", InputKind::Rows { columns }, "")
            .sink();
        Catalog::of("t", vec![node, NodeSpec::new("Text", "", "").output("text", "TEXT")])
    }

    fn plan(roots: &Roots, inputs: &str) -> Result<Plan, String> {
        let nodes = format!("\"u\": (kind: \"t/Use\", inputs: {{{inputs}}}), \"t\": (kind: \"t/Text\")");
        let graph = Graph::parse(&format!("Graph(format: 1, nodes: {{{nodes}}})"), "g").unwrap();
        let lines = |errors: Vec<crate::error::Error>| errors.iter().map(ToString::to_string).collect();
        check(&graph, &catalog(), roots, &[]).map_err(lines)
    }

    /// What the node gets as its prompt.
    fn prompt(plan: &Plan) -> &Param {
        match &plan.steps()[0].inputs[0] {
            (_, Source::Param(param)) => param,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn prompts_name_files() {
        let root = folder(&["loras/styles/ink.safetensors"]);
        let roots = roots(&[&root]);
        let named = |entries: [(&str, Param); 2]| entries.map(|(name, param)| (name.to_owned(), param)).into();
        let file = Param::File(root.path().join("loras/styles/ink.safetensors"));
        let row = vec![
            ("enabled".to_owned(), Param::Bool(true)),
            ("file".to_owned(), file),
            ("weight".to_owned(), Param::Float(-0.5)),
        ];
        let with = plan(&roots, r#""prompt": "a fox, <lora:ink:-0.5>""#).unwrap();
        let text = || Param::Text("a fox".to_owned());
        assert_eq!(*prompt(&with), Param::Record(named([("text", text()), ("rows", Param::Rows(vec![row]))])));
        let without = plan(&roots, "").unwrap();
        assert_eq!(*prompt(&without), Param::Record(named([("text", text()), ("rows", Param::Rows(Vec::new()))])));
        for (inputs, says) in [
            (r#""prompt": "<lora:inc>""#, "there is `styles/ink.safetensors`"),
            (r#""prompt": "<lora:ink:1:2>""#, "`<lora:ink:1:2>` has too many colons"),
            (r#""prompt": "<lora:ink:101>""#, "not within ±100"),
            (r#""prompt": Link("t.text")"#, "a linked text is known too late"),
            (r#""rows": Link("t.text")"#, "it takes a list of rows"),
            (r#""prompt": 3"#, "it is a number"),
        ] {
            let said = plan(&roots, inputs).unwrap_err();
            assert!(said.contains(says), "{inputs}: {said}");
        }
        let many = plan(&roots, &format!(r#""prompt": "{}""#, "<lora:ink>".repeat(101))).unwrap_err();
        assert!(many.contains("it has 101 tags, and at most 100 are allowed"), "{many}");
    }
}
