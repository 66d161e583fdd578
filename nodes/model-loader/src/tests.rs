//! The nodes on the mock host. Folders are real, weights are the mock's.

use std::path::Path;

use plugin_api::testing::{self, TestRun};
use plugin_api::{Architecture, ErrorKind, Model, Node, Record, Result, Role, Session, Value, Weights};

use crate::load_diffusion_model::LoadDiffusionModel;
use crate::load_model::LoadModel;
use crate::load_text_encoder::LoadTextEncoder;
use crate::load_vae::LoadVae;

macro_rules! toys {
    ($($name:ident $role:ident $detect:expr;)*) => { $(
        struct $name;

        impl Architecture for $name {
            const ID: &'static str = stringify!($name);
            const ROLE: Role = Role::$role;

            fn detect(weights: &Weights) -> bool {
                $detect(weights)
            }

            fn build(_: &str, _: &Weights) -> Result<Self> {
                Ok(Self)
            }

            fn call(&self, _: &Session, _: &str, _: &Record) -> Result<Value> {
                Ok(Value::null())
            }
        }
    )* };
}
toys! {
    ToyModel Model |weights: &Weights| weights.contains("cap_embedder.w");
    ToyEncoder TextEncoder |weights: &Weights| weights.contains("layers.0.self_attn.w");
    ToyVae Vae |weights: &Weights| weights.contains("decoder.up_blocks.w");
    SingleModel Model |weights| has(weights, "noise_refiner.0.attention.to_v.weight", &[32, 32]);
    SingleVae Vae |weights| has(weights, "decoder.up_blocks.0.resnets.0.conv1.weight", &[32, 32, 3, 3]);
}

fn has(weights: &Weights, tensor: &str, shape: &[i32]) -> bool {
    weights.find(tensor).is_some_and(|found| found.shape == shape)
}

/// A diffusers folder of three toys.
fn model() -> tempfile::TempDir {
    testing::architecture::<ToyModel>();
    testing::architecture::<ToyEncoder>();
    testing::architecture::<ToyVae>();
    let folder = tempfile::tempdir().unwrap();
    let parts =
        [("transformer", "cap_embedder.w"), ("text_encoder", "layers.0.self_attn.w"), ("vae", "decoder.up_blocks.w")];
    for (part, tensor) in parts {
        write(folder.path(), &format!("{part}/config.json"), r#"{"dim": 1000000}"#);
        put(folder.path(), part, tensor);
    }
    write(folder.path(), "tokenizer/tokenizer.json", "{}");
    write(folder.path(), "model_index.json", "{}");
    folder
}

fn write(folder: &Path, file: &str, text: &str) {
    let path = folder.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn put(folder: &Path, part: &str, tensor: &str) {
    testing::weights_file(folder.join(part).to_str().unwrap(), &[(tensor, &[1], &[0.0])]);
}

fn load<N: Node>(path: &Path) -> Result<Record> {
    TestRun::new().run::<N>(&Record::new().with("path", path.to_str().unwrap()))
}

#[test]
fn a_folder_gives_its_three_parts() {
    let folder = model();
    let outputs = load::<LoadModel>(folder.path()).unwrap();
    let part = |name| outputs.get::<Model>(name).unwrap();
    assert_eq!(part("model").architecture(), "ToyModel");
    assert_eq!(part("vae").config(), r#"{"dim":1000000}"#);
    let config: serde_json::Value = serde_json::from_str(&part("text_encoder").config()).unwrap();
    assert_eq!(config["tokenizer"], folder.path().join("tokenizer").to_str().unwrap());
}

#[test]
fn parts_are_taken_alone_and_out_of_a_folder() {
    let folder = model();
    for path in [folder.path().to_owned(), folder.path().join("vae")] {
        assert!(load::<LoadVae>(&path).is_ok());
    }
    for path in [folder.path().to_owned(), folder.path().join("text_encoder")] {
        assert!(load::<LoadTextEncoder>(&path).is_ok());
    }
    assert!(load::<LoadDiffusionModel>(&folder.path().join("transformer")).is_ok());
    let error = load::<LoadDiffusionModel>(&folder.path().join("vae")).unwrap_err();
    assert!(error.message.contains("holds a VAE, but a diffusion model"), "{error}");
}

#[test]
fn what_is_missing_is_named() {
    let cases = [
        ("transformer", "transformer/"),
        ("tokenizer", "tokenizer/"),
        ("vae/config.json", "config.json"),
        ("tokenizer/tokenizer.json", "tokenizer.json"),
    ];
    for (gone, named) in cases {
        let folder = model();
        let path = folder.path().join(gone);
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap()
        } else {
            std::fs::remove_file(path).unwrap()
        }
        let error = load::<LoadModel>(folder.path()).unwrap_err();
        assert!(error.kind == ErrorKind::File && error.message.contains(named), "{error}");
    }
    let empty = tempfile::tempdir().unwrap();
    assert!(load::<LoadModel>(empty.path()).unwrap_err().message.contains("model_index.json"));
}

#[test]
fn a_broken_config_is_named() {
    for text in ["", "{", "[]", "<html>"] {
        let folder = model();
        write(folder.path(), "vae/config.json", text);
        let error = load::<LoadVae>(folder.path()).unwrap_err();
        assert!(error.kind == ErrorKind::File && error.message.contains("config.json is broken"), "{error}");
    }
}

#[test]
fn wrong_weights_are_named() {
    let cases = [
        ("x.lora_A.weight", "a LoRA"),
        ("siglip_embedder.w", "Edit or Omni"),
        ("model.diffusion_model.input_blocks.0", "Stable Diffusion"),
        ("double_blocks.0.w", "FLUX"),
        ("foo", "unknown family"),
    ];
    for (tensor, what) in cases {
        let folder = model();
        put(folder.path(), "transformer", tensor);
        let error = load::<LoadModel>(folder.path()).unwrap_err();
        assert!(error.kind == ErrorKind::File && error.message.contains(what), "{error}");
    }
}

#[test]
fn a_file_of_something_else_is_named() {
    let folder = model();
    for (tensor, what) in [("a.lora_down.weight", "a LoRA"), ("double_blocks.0.w", "a FLUX model")] {
        write(folder.path(), "x.safetensors", "");
        put(folder.path(), "x.safetensors", tensor);
        let error = load::<LoadModel>(&folder.path().join("x.safetensors")).unwrap_err();
        assert!(error.message.contains(what) && error.help.contains("diffusers folder"), "{error}");
    }
}

/// The names that give a diffusion model and a VAE away in ComfyUI's files, as toys.
const DIFFUSION: [(&str, &[i32]); 4] = [
    ("cap_embedder.1.weight", &[32, 8]),
    ("x_embedder.weight", &[32, 64]),
    ("noise_refiner.0.attention.qkv.weight", &[96, 32]),
    ("layers.0.attention.q_norm.weight", &[16]),
];
const VAE: [(&str, &[i32]); 3] = [
    ("decoder.conv_in.weight", &[32, 16, 3, 3]),
    ("decoder.mid.block_1.conv1.weight", &[1]),
    ("decoder.up.0.block.0.conv1.weight", &[32, 32, 3, 3]),
];

/// Puts a file with these tensors there.
fn single(folder: &Path, file: &str, prefix: &str, tensors: &[(&str, &[i32])]) {
    testing::architecture::<SingleModel>();
    testing::architecture::<SingleVae>();
    write(folder, file, "");
    let numbers = vec![0.0; 1 << 14];
    let names: Vec<String> = tensors.iter().map(|(name, _)| format!("{prefix}{name}")).collect();
    let size = |shape: &[i32]| shape.iter().product::<i32>() as usize;
    let tensors: Vec<_> =
        tensors.iter().zip(&names).map(|((_, shape), name)| (name.as_str(), *shape, &numbers[..size(shape)])).collect();
    testing::weights_file(folder.join(file).to_str().unwrap(), &tensors);
}

#[test]
fn a_file_gives_the_parts_that_it_has() {
    let folder = tempfile::tempdir().unwrap();
    single(folder.path(), "x.safetensors", "model.diffusion_model.", &DIFFUSION);
    let file = folder.path().join("x.safetensors");
    let model: Model = load::<LoadDiffusionModel>(&file).unwrap().get("model").unwrap();
    assert_eq!(model.architecture(), "SingleModel");
    let config: serde_json::Value = serde_json::from_str(&model.config()).unwrap();
    assert_eq!((&config["dim"], &config["n_heads"]), (&32.into(), &2.into()));
    let error = load::<LoadVae>(&file).unwrap_err();
    assert!(error.message.contains("is a Z-Image checkpoint in ComfyUI's layout, but a VAE"), "{error}");
    let error = load::<LoadModel>(&file).unwrap_err();
    assert!(error.message.contains("holds no text encoder and no VAE"), "{error}");
    assert!(error.help.contains("LoadDiffusionModel"), "{error}");
}

#[test]
fn a_file_s_own_configuration_goes_before_what_is_known() {
    let folder = tempfile::tempdir().unwrap();
    single(folder.path(), "vae/x.safetensors", "", &VAE);
    let file = folder.path().join("vae/x.safetensors");
    let scale = |path: &Path| {
        let vae: Model = load::<LoadVae>(path).unwrap().get("vae").unwrap();
        let config: serde_json::Value = serde_json::from_str(&vae.config()).unwrap();
        config["scaling_factor"].as_f64().unwrap()
    };
    assert_eq!(scale(&file), 0.3611);
    // The one VAE of a folder of split files.
    assert_eq!(scale(folder.path()), 0.3611);
    write(folder.path(), "vae/config.json", r#"{"_class_name": "Other", "scaling_factor": 2}"#);
    assert_eq!(scale(&file), 0.3611);
    write(folder.path(), "vae/config.json", r#"{"_class_name": "AutoencoderKL", "scaling_factor": 2}"#);
    assert_eq!(scale(&file), 2.0);
}

#[test]
fn latents_of_another_model_need_their_scale() {
    let folder = tempfile::tempdir().unwrap();
    let [_, middle, up] = VAE;
    single(folder.path(), "x.safetensors", "", &[("decoder.conv_in.weight", &[32, 4, 3, 3]), middle, up]);
    let file = folder.path().join("x.safetensors");
    let error = load::<LoadVae>(&file).unwrap_err();
    assert!(error.kind == ErrorKind::File && error.message.contains("have 4 channels"), "{error}");
    assert!(error.help.contains("config.json"), "{error}");
    write(folder.path(), "config.json", r#"{"_class_name": "AutoencoderKL", "scaling_factor": 0.18215}"#);
    let vae: Model = load::<LoadVae>(&file).unwrap().get("vae").unwrap();
    let config: serde_json::Value = serde_json::from_str(&vae.config()).unwrap();
    assert_eq!((&config["latent_channels"], &config["scaling_factor"]), (&4.into(), &0.18215.into()));
}

#[test]
fn channels_may_stand_last() {
    let folder = tempfile::tempdir().unwrap();
    let turned: [(&str, &[i32]); 3] = [
        ("decoder.conv_in.conv.weight", &[32, 3, 3, 16]),
        ("decoder.mid_block.resnets.0.conv1.weight", &[1]),
        ("decoder.up_blocks.0.resnets.0.conv1.weight", &[32, 3, 3, 32]),
    ];
    single(folder.path(), "x.safetensors", "", &turned);
    let vae: Model = load::<LoadVae>(&folder.path().join("x.safetensors")).unwrap().get("vae").unwrap();
    assert_eq!(vae.weights().shape("decoder.conv_in.weight").unwrap(), [32, 16, 3, 3]);
}

#[test]
fn of_two_files_neither_is_guessed() {
    let folder = tempfile::tempdir().unwrap();
    single(folder.path(), "vae/x.safetensors", "", &VAE);
    single(folder.path(), "y.safetensors", "vae.", &VAE);
    let error = load::<LoadVae>(folder.path()).unwrap_err();
    assert!(error.message.contains("several files with a VAE") && error.message.contains("y.safetensors"), "{error}");
    let error = load::<LoadDiffusionModel>(folder.path()).unwrap_err();
    assert!(error.message.contains("no file in"), "{error}");
}

#[test]
fn a_cache_of_downloads_is_read_in_place() {
    let model = model();
    let cache = tempfile::tempdir().unwrap();
    write(cache.path(), "refs/main", "abc\n");
    std::fs::create_dir_all(cache.path().join("snapshots/old")).unwrap();
    std::os::unix::fs::symlink(model.path(), cache.path().join("snapshots/abc")).unwrap();
    for part in ["transformer", "text_encoder", "vae"] {
        let tensors = [
            ("transformer", "cap_embedder.w"),
            ("text_encoder", "layers.0.self_attn.w"),
            ("vae", "decoder.up_blocks.w"),
        ];
        let tensor = tensors.iter().find(|(name, _)| *name == part).unwrap().1;
        put(&cache.path().join("snapshots/abc"), part, tensor);
    }
    assert!(load::<LoadModel>(cache.path()).is_ok());
}
