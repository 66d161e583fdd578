use std::path::Path;

use safetensors::tensor::TensorView;
use tempfile::TempDir;

use super::*;

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
        "checkpoints/q4.gguf",
        "checkpoints/whole/model_index.json",
        "diffusion_models/sharded/model.safetensors.index.json",
        "diffusion_models/sharded/model-00001-of-00002.safetensors",
        "text_encoders/qwen/config.json",
        "text_encoders/qwen/model.safetensors",
        "vae/sub/flux.safetensors",
        "loras/no.safetensors",
        "empty/",
    ]);
    let library = library(&[root.path()], &[]);
    let entries = library.files(&Folder::AnyModel, &[]);
    let expected = ["mine/parts", "q4.gguf", "qwen", "sharded", "single.safetensors", "sub/flux.safetensors", "whole"];
    assert_eq!(names(&entries), expected);
    assert!(entries[6].is_folder && entries[6].path == root.path().join("whole"));
    assert_eq!(entries[6].bytes, 22 + 31 + 23);
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
