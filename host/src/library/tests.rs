use std::path::Path;

use plugin_api::{InputKind, NodeSpec};
use safetensors::tensor::TensorView;
use tempfile::TempDir;

use super::*;
use crate::graph::{ExtraFolder, Graph, Input};
use crate::plugins::Catalog;

/// A folder with these files, each with its own name inside; a name that ends in `/` is an empty folder.
fn folder(names: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        let path = folder.path().join(name);
        if name.ends_with('/') {
            std::fs::create_dir_all(path).unwrap();
        } else {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, name).unwrap();
        }
    }
    folder
}

fn library(models: &[&Path], inputs: &[&Path]) -> Library {
    let owned = |paths: &[&Path]| paths.iter().map(|&path| path.to_owned()).collect();
    Library::new(Roots { models: owned(models), inputs: owned(inputs), ..Roots::default() })
}

fn names(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.name.as_str()).collect()
}

fn loras() -> Folder {
    Folder::Models("loras".to_owned())
}

#[test]
fn files_of_a_folder_of_every_root() {
    let first =
        folder(&["loras/b10.safetensors", "loras/b9.SafeTensors", "loras/read me.txt", "loras/.hidden/x.safetensors"]);
    let second = folder(&["loras/style/Anime.safetensors", "loras/b10.safetensors", "vae/x.safetensors"]);
    let library = library(&[first.path(), second.path(), Path::new("/nowhere")], &[]);
    let entries = library.files(&loras(), &["safetensors".to_owned()]);
    assert_eq!(names(&entries), ["b9.SafeTensors", "b10.safetensors", "style/Anime.safetensors"]);
    assert!(entries[1].path.starts_with(first.path()));
    assert_eq!((entries[0].is_folder, entries[0].bytes), (false, "loras/b9.SafeTensors".len() as u64));
    assert_eq!(names(&library.files(&loras(), &[])).len(), 4);
}

/// As a run finds them, from the list alone.
#[test]
fn names_are_found_in_the_list() {
    let first = folder(&["loras/styles/ink.safetensors", "loras/a/fox.safetensors", "loras/b/fox.safetensors"]);
    let second = folder(&["loras/ink.safetensors", "loras/fox.safetensors", "loras/x/oil.safetensors"]);
    let library = library(&[first.path(), second.path()], &[]);
    let extensions = ["safetensors".to_owned()];
    for name in ["ink.safetensors", "styles/ink", "ink", "oil", "oil.safetensors", "x/oil", "fox", "b/fox", "none"] {
        let found = library.find(&loras(), &extensions, name).map(|entry| entry.path);
        assert_eq!(found, library.roots().find(&loras(), &extensions, name).ok(), "{name}");
    }
    assert!(library.find(&loras(), &extensions, "fox.safetensors").is_some());
    let alone = Library::new(Roots { models: vec![first.path().to_owned()], ..Roots::default() });
    assert_eq!(alone.find(&loras(), &extensions, "fox"), None);
}

#[test]
fn facts_are_read_again_where_a_file_changed() {
    let root = folder(&["loras/a.safetensors"]);
    let library = library(&[root.path()], &[]);
    let path = library.files(&loras(), &[])[0].path.clone();
    let broken = library.facts(&path);
    assert!(broken.as_ref().as_ref().is_err_and(|error| error.what.contains("a.safetensors")), "{broken:?}");
    std::fs::write(&path, safetensors::serialize(Vec::<(&str, TensorView<'_>)>::new(), None).unwrap()).unwrap();
    assert!(Arc::ptr_eq(&broken, &library.facts(&path)));
    library.refresh();
    let whole = library.facts(&path);
    assert!(whole.is_ok(), "{whole:?}");
    library.refresh();
    assert!(Arc::ptr_eq(&whole, &library.facts(&path)));
}

#[test]
fn lists_are_kept_until_refreshed() {
    let root = folder(&["loras/a.safetensors"]);
    let library = library(&[root.path()], &[]);
    let before = library.files(&loras(), &[]);
    std::fs::write(root.path().join("loras/b.safetensors"), "").unwrap();
    assert!(Arc::ptr_eq(&before, &library.files(&loras(), &[])));
    library.refresh();
    assert_eq!(names(&library.files(&loras(), &[])), ["a.safetensors", "b.safetensors"]);
}

/// Whatever is listed is found by the rules that a run goes by, at the same place.
#[test]
fn models_are_whole() {
    let root = folder(&[
        "whole/model_index.json",
        "whole/transformer/a.safetensors",
        "whole/vae/b.safetensors",
        "mine/parts/transformer/config.json",
        "mine/parts/text_encoder/config.json",
        "mine/notes.safetensors",
        "single.safetensors",
        "old.ckpt",
        "notes.md",
        "checkpoints/q4.gguf",
        "checkpoints/whole/model_index.json",
        "diffusion_models/sharded/model.safetensors.index.json",
        "diffusion_models/sharded/model-00001-of-00002.safetensors",
        "text_encoders/qwen/config.json",
        "text_encoders/qwen/model.safetensors",
        "vae/sub/flux.safetensors",
        "clip/old.safetensors",
        "models--some--fox/blobs/0123",
        "models--some--fox/refs/main",
        "models--some--fox/snapshots/1/model_index.json",
        "models--some--fox/snapshots/1/vae/b.safetensors",
        "models--some--words/snapshots/1/tokenizer.json",
        "split/diffusion_models/a.gguf",
        "split/clip/b.safetensors",
        "split/vae/c.safetensors",
        "tokenizers/qwen/config.json",
        "loras/no.safetensors",
        "empty/",
    ]);
    let library = library(&[root.path()], &[]);
    let entries = library.files(&Folder::AnyModel, &[]);
    let expected = [
        "mine/parts",
        "models--some--fox",
        "old.ckpt",
        "old.safetensors",
        "q4.gguf",
        "qwen",
        "sharded",
        "single.safetensors",
        "split",
        "sub/flux.safetensors",
        "whole",
    ];
    assert_eq!(names(&entries), expected);
    assert!(entries[10].is_folder && entries[10].path == root.path().join("whole"));
    assert_eq!(entries[10].bytes, 22 + 31 + 23);
    assert_eq!(entries[1].bytes, 46 + 47, "what the snapshot leads to, once");
    for entry in entries.iter() {
        assert_eq!(library.roots().find(&Folder::AnyModel, &[], &entry.name), Ok(entry.path.clone()));
    }
}

#[test]
fn inputs_are_pictures_and_latents_nearby() {
    let first = folder(&[
        "a.PNG",
        "graph.ron",
        "one/two/b.webp",
        "one/two/three/deep.png",
        "build/CACHEDIR.TAG",
        "build/c.png",
        "models/demo/preview.png",
        "z.latent",
    ]);
    let second = folder(&["a.PNG", "d.jpeg"]);
    let library = library(&[&first.path().join("models")], &[first.path(), second.path()]);
    let entries = library.files(&Folder::Input, &[]);
    assert_eq!(names(&entries), ["a.PNG", "d.jpeg", "one/two/b.webp", "z.latent"]);
    assert!(entries[0].path.starts_with(first.path()));
    assert_eq!(names(&library.files(&Folder::Input, &["png".to_owned()])), ["a.PNG"]);
}

#[cfg(unix)]
#[test]
fn links_in_circles_and_deep_trees_end() {
    let deep = format!("loras/{}x.safetensors", "d/".repeat(40));
    let root = folder(&["loras/a.safetensors", "elsewhere/b.safetensors", &deep]);
    let link = |to: &str, from: &str| std::os::unix::fs::symlink(root.path().join(to), root.path().join(from)).unwrap();
    link("loras", "loras/again");
    link("elsewhere", "loras/more");
    link("nowhere", "loras/broken.safetensors");
    let library = library(&[root.path()], &[]);
    assert_eq!(names(&library.files(&loras(), &[])), ["a.safetensors", "more/b.safetensors"]);
}

#[test]
fn huge_folders_are_cut() {
    let root = folder(&["loras/"]);
    for index in 0..=crate::limits::LISTED_FILES {
        std::fs::write(root.path().join(format!("loras/{index}")), "").unwrap();
    }
    let library = library(&[root.path()], &[]);
    assert_eq!(library.files(&loras(), &[]).len(), crate::limits::LISTED_FILES);
}

#[test]
fn everything_is_listed_once() {
    let root = folder(&[
        "loras/a.safetensors",
        "loras/repository/config.json",
        "loras/repository/b.safetensors",
        "schedules/c.json",
        "other/d.bin",
        "other/e.json",
        "whole/model_index.json",
    ]);
    let elsewhere = folder(&["f/g.safetensors"]);
    let extra = |kind: &str, path| ExtraFolder { kind: kind.to_owned(), path, is_first: false };
    let roots = Roots {
        models: vec![root.path().to_owned(), root.path().join("loras")],
        extra: vec![extra("loras", root.path().join("loras")), extra("vae", elsewhere.path().to_owned())],
        ..Roots::default()
    };
    let names: Vec<String> = everything(&roots).into_iter().map(|entry| entry.name).collect();
    let expected = [
        "loras/a.safetensors",
        "loras/repository/b.safetensors",
        "other/d.bin",
        "schedules/c.json",
        "vae/f/g.safetensors",
        "whole",
    ];
    assert_eq!(names, expected);
}

#[test]
fn names_are_those_of_files_with_the_same_content() {
    let root = folder(&["loras/a.safetensors", "loras/sub/b.safetensors"]);
    let roots = Roots { models: vec![root.path().to_owned()], ..Roots::default() };
    let kind = InputKind::File { default: String::new(), folder: loras(), extensions: vec!["safetensors".to_owned()] };
    let catalog = Catalog::of("t", vec![NodeSpec::new("Use", "", "").param("file", kind, "")]);
    let graph = |name: &str| {
        let node = format!("\"n\": (kind: \"t/Use\", inputs: {{ \"file\": \"{name}\" }})");
        Graph::parse(&format!("Graph(format: 1, nodes: {{ {node} }})"), "g").unwrap()
    };
    let hashes = Hashes::default();
    let mut told = |_| true;
    let path = root.path().join("loras/sub/b.safetensors");
    let identity = hashes.compute(&path, &mut told).unwrap().unwrap();
    let mut known = graph("b");
    write_identities(&mut known, &catalog, &roots, |path| hashes.known(path));
    assert_eq!(known.identities().get(&loras(), "b"), Some(&identity));
    let mut unknown = graph("a");
    write_identities(&mut unknown, &catalog, &roots, |path| hashes.known(path));
    assert_eq!(unknown.to_ron(), graph("a").to_ron(), "nothing is hashed for it");

    let mut other = graph("ink");
    let mut identities = other.identities();
    identities.insert(&loras(), "ink", identity.clone());
    identities.insert(&loras(), "gone", identity.clone());
    other.set_identities(&identities);
    let before = other.to_ron();
    assert!(lacks_files(&other, &catalog, &roots) && !lacks_files(&known, &catalog, &roots));
    let notes = substitute(&mut other, &catalog, &roots, &hashes, &mut told);
    assert_eq!(notes, ["`ink` is not there; using `sub/b.safetensors`, which has the same SHA-256"]);
    assert_eq!(other.nodes["n"].inputs["file"], Input::text("sub/b.safetensors"));
    std::fs::remove_file(path).unwrap();
    let mut nowhere = Graph::parse(&before, "g").unwrap();
    assert!(substitute(&mut nowhere, &catalog, &roots, &hashes, &mut told).is_empty());
    assert_eq!(nowhere.to_ron(), before);
    // A node that no plugin brings may name what the field tells of.
    write_identities(&mut nowhere, &Catalog::default(), &roots, |path| hashes.known(path));
    assert_eq!(nowhere.to_ron(), before);
}
