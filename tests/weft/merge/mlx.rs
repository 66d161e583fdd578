//! Models saved for MLX: that they are read back with equal pictures, plain and packed, by Weft's names and without them.

use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};

use super::picture::{draw, save, saving};
use super::save::json;
use super::{path_of, run_graph};
use crate::bad_input::Place;
use crate::program::{golden, root};

/// Two of float32: the demo model's matrices are mostly whole groups, the other's are not.
fn models() -> [PathBuf; 2] {
    [root().join("models/demo"), golden("plain").join("model")]
}

/// A place that sees `model`, and what is saved there, by their own names.
fn place(model: &Path) -> Place {
    let at = Place::new();
    std::fs::create_dir_all(at.path("models")).expect("a folder");
    std::os::unix::fs::symlink(model, at.path("models/model")).expect("a link");
    at
}

fn types(file: &Path) -> Vec<(String, Dtype)> {
    let bytes = std::fs::read(file).expect("a file of weights");
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    file.iter().map(|(name, view)| (name.to_owned(), view.dtype())).collect()
}

#[test]
fn a_plain_one_draws_the_same_picture() {
    for model in models() {
        let at = place(&model);
        let path = save(&at, r#""precision": "float32""#, r#""layout": "mlx", "precision": "float32""#);
        assert_eq!(
            json(&path.join("transformer/model.safetensors.index.json"))["metadata"]["quantization_level"],
            "None"
        );
        assert!(draw(&at, &path, "") == draw(&at, &model, ""), "{}", model.display());
    }
}

/// Where the model runs in float32 or in the type of its files: the scales have that, too.
#[test]
fn a_packed_one_is_what_its_loader_would_pack() {
    let [demo, plain] = models();
    for (model, precision) in [(demo, "auto"), (plain, "auto"), (golden("wide").join("model"), "bfloat16")] {
        let at = place(&model);
        for bits in [8, 6, 4] {
            let loader = format!(r#""precision": "{precision}""#);
            let path = save(&at, &loader, &format!(r#""layout": "mlx", "precision": "{bits}""#));
            let stored = types(&path.join("transformer/0.safetensors"));
            let packed = stored.iter().filter(|(_, dtype)| *dtype == Dtype::U32).count();
            assert!(packed > 2, "{packed} matrices are packed");
            assert_eq!(stored.iter().filter(|(name, _)| name.ends_with(".scales")).count(), packed);
            let (saved, loaded) =
                (draw(&at, &path, &loader), draw(&at, &model, &format!(r#"{loader}, "quantize": "{bits}""#)));
            assert!(saved == loaded, "{} with {bits} bits as {precision}", model.display());
            std::fs::remove_dir_all(&path).expect("the folder");
        }
        assert!(draw(&at, &model, r#""quantize": "4""#) != draw(&at, &model, ""), "4 bits change nothing");
    }
}

/// mflux writes no configuration; sizes are then told from the shapes.
#[test]
fn one_without_configurations() {
    let model = root().join("models/demo");
    let at = place(&model);
    let path = save(&at, "", r#""layout": "mlx", "precision": "8""#);
    for part in ["transformer", "text_encoder"] {
        std::fs::remove_file(path.join(part).join("config.json")).expect("a configuration");
    }
    assert!(draw(&at, &path, "") == draw(&at, &model, r#""quantize": "8""#));
}

#[test]
fn packed_matrices_have_one_layout() {
    let at = place(&golden("plain").join("model"));
    for layout in ["diffusers", "comfyui"] {
        let said = run_graph(&at, &saving("", &format!(r#""layout": "{layout}", "precision": "8""#)), &[]);
        assert_eq!(said.code, Some(4), "{}", said.stderr);
        for part in ["8 bits", layout, "set `layout` to mlx"] {
            assert!(said.stderr.contains(part), "no word of `{part}`: {}", said.stderr);
        }
    }
    assert_eq!(at.written(), Vec::<String>::new());
}

/// What rounding left is no longer what the model was, and the user is told.
#[test]
fn a_rounded_source_is_told() {
    let at = place(&root().join("models/demo"));
    let path = save(&at, r#""quantize": "4""#, r#""layout": "mlx", "precision": "8""#);
    let told = &json(&path.join("merge_info.json"))["parts"];
    assert_eq!(told["transformer"]["source_rounding"], "rounded to 4 bits", "{told:#}");
    assert!(told["vae"].get("source_rounding").is_none(), "{told:#}");
    // Its file is packed now, which its own loader does not know of.
    let again = saving("", r#""precision": "float32", "name": "again""#);
    let again = again.replace(r#""path": "model""#, &format!(r#""path": "{}""#, path.display()));
    let path = path_of(run_graph(&at, &again, &[]));
    let told = &json(&path.join("merge_info.json"))["parts"];
    assert_eq!(told["text_encoder"]["source_rounding"], "rounded in its file (MLX's packing)", "{told:#}");
}

/// Both layouts with several files for a part.
#[test]
fn large_parts_are_cut() {
    let model = root().join("models/demo");
    let at = place(&model);
    let expected = draw(&at, &model, "");
    for (layout, index) in
        [("diffusers", "diffusion_pytorch_model.safetensors.index.json"), ("mlx", "model.safetensors.index.json")]
    {
        let path = save(&at, "", &format!(r#""layout": "{layout}", "precision": "float32", "file_size": 0.003"#));
        let folder = path.join("transformer");
        let index = json(&folder.join(index));
        let map = index["weight_map"].as_object().expect("a map");
        let mut files: Vec<&str> = map.values().filter_map(|file| file.as_str()).collect();
        files.sort_unstable();
        files.dedup();
        assert!(files.len() > 5, "{files:?}");
        let mut bytes = 0;
        for file in files {
            let path = folder.join(file);
            assert!(path.metadata().expect("a file").len() < 3_100_000, "{file}");
            for (name, _) in types(&path) {
                assert_eq!(map[&name], file);
            }
            let file = std::fs::read(&path).expect("a file");
            bytes += SafeTensors::deserialize(&file)
                .expect("a file")
                .iter()
                .map(|(_, view)| view.data().len())
                .sum::<usize>();
        }
        assert_eq!(index["metadata"]["total_size"], bytes);
        assert!(draw(&at, &path, "") == expected, "{layout}");
        std::fs::remove_dir_all(&path).expect("the folder");
    }
}
