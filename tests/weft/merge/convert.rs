//! `weft convert model`.

use std::path::Path;

use super::FILE;
use super::save::raw;
use crate::bad_input::Place;
use crate::program::{Said, golden, run};

fn convert(from: &str, to: &str, more: &[&str]) -> Said {
    run(&[&["convert", "model", from, to, "--device", "cpu"], more].concat())
}

#[test]
fn to_one_file_and_back_no_bit_changes() {
    let place = Place::new();
    let model = golden("half").join("model");
    let (single, back) = (place.path("single"), place.path("back"));
    let said = convert(&model.display().to_string(), &single, &["--layout", "comfyui"]);
    assert_eq!((said.code, said.stdout.trim()), (Some(0), single.as_str()), "{}", said.stderr);
    let said = convert(&format!("{single}/single.safetensors"), &back, &["--layout", "diffusers"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    for file in [format!("transformer/{FILE}"), format!("vae/{FILE}"), "text_encoder/model.safetensors".to_owned()] {
        assert!(raw(&Path::new(&back).join(&file)) == raw(&model.join(&file)), "{file}");
    }
}

#[test]
fn one_part_alone_and_what_is_there_stays() {
    let place = Place::new();
    let model = golden("half").join("model").display().to_string();
    let to = place.path("new");
    let said = convert(&model, &to, &["--layout", "diffusers", "--only-model", "--precision", "float32"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(Path::new(&to).join("transformer").exists() && !Path::new(&to).join("vae").exists());
    let again = convert(&model, &to, &["--layout", "diffusers"]);
    assert!(again.code == Some(9) && again.stderr.contains("exists"), "{}", again.stderr);
    let packed = convert(&model, &place.path("packed"), &["--layout", "comfyui", "--precision", "8"]);
    assert!(packed.code == Some(4) && packed.stderr.contains("does not have"), "{:?} {}", packed.code, packed.stderr);
    let absent = convert("no-such-model", &place.path("absent"), &["--layout", "diffusers"]);
    assert!(absent.code == Some(4) && absent.stderr.contains("no-such-model"), "{:?} {}", absent.code, absent.stderr);
}
