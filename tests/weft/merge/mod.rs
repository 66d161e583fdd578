//! Merged models: their numbers against float64, what does not fit, and what is saved.

mod convert;
mod killed;
mod mlx;
mod numbers;
mod picture;
mod refused;
mod save;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::bad_input::Place;
use crate::program::{Said, golden, run, tensors};

/// Numbers in float64 by tensor.
pub type Tensors = BTreeMap<String, Vec<f64>>;

const TRANSFORMER: &str = "model/transformer";
const FILE: &str = "diffusion_pytorch_model.safetensors";

/// A models folder: `half`, whose transformer `model/transformer` holds float16, and beside it `b`, `c` and `d` with other
/// numbers under the same names.
pub fn library() -> Place {
    let place = Place::new();
    place.own_model("half");
    let config = std::fs::read(golden("half").join(TRANSFORMER).join("config.json")).expect("a configuration");
    let file = std::fs::read(golden("half").join(TRANSFORMER).join(FILE)).expect("weights");
    for (seed, name) in ["b", "c", "d"].into_iter().enumerate() {
        place.write(&format!("models/{name}/config.json"), &config);
        place.write(&format!("models/{name}/{FILE}"), with_other_numbers(&file, seed as u32 + 1));
    }
    place
}

/// The same file with other float16 numbers, between 2⁻¹⁰ and 1 with either sign.
fn with_other_numbers(file: &[u8], seed: u32) -> Vec<u8> {
    let file = SafeTensors::deserialize(file).expect("a safetensors file");
    let mut state = seed.wrapping_mul(0x9e37_79b9);
    let mut number = || {
        // Xorshift (Marsaglia 2003).
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let (sign, exponent, rest) = (state >> 31, 5 + (state >> 16) % 10, state & 0x3ff);
        ((sign << 15 | exponent << 10 | rest) as u16).to_le_bytes()
    };
    let mut made = |view: &TensorView<'_>| (0..view.data().len() / 2).flat_map(|_| number()).collect::<Vec<u8>>();
    let all: Vec<_> = file.iter().map(|(name, view)| (name, view.shape().to_vec(), made(&view))).collect();
    let views = all.iter().map(|(name, shape, bytes)| {
        (*name, TensorView::new(Dtype::F16, shape.clone(), bytes).expect("as many bytes as before"))
    });
    safetensors::serialize(views, None).expect("a file")
}

/// The float16 tensors of a file.
pub fn halves(path: &Path) -> Tensors {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let numbers = |view: TensorView<'_>| {
        assert_eq!(view.dtype(), Dtype::F16);
        view.data().as_chunks().0.iter().map(|bytes| half(u16::from_le_bytes(*bytes))).collect()
    };
    file.iter().map(|(name, view)| (name.to_owned(), numbers(view))).collect()
}

fn half(bits: u16) -> f64 {
    let (exponent, rest) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let size = if exponent == 0 { rest * 2f64.powi(-24) } else { (1024.0 + rest) * 2f64.powi(exponent - 25) };
    if bits >> 15 == 1 { -size } else { size }
}

/// The float16 next to a number, the even one in the middle.
pub fn rounded(value: f64) -> f64 {
    let exponent = if value == 0.0 { 0 } else { value.abs().log2().floor() as i32 };
    let step = 2f64.powi(exponent.max(-14) - 10);
    (value / step).round_ties_even() * step
}

/// A graph over the library, with `a`, `b`, `c` in float16 and these nodes.
pub fn graph(nodes: &str) -> String {
    let load = |node: &str, path: &str| {
        format!(
            r#""{node}": (kind: "model-loader/LoadDiffusionModel", inputs: {{ "path": "{path}", "precision": "float16" }}),"#
        )
    };
    format!("Graph(format: 1, nodes: {{ {} {} {} {nodes} }})", load("a", TRANSFORMER), load("b", "b"), load("c", "c"))
}

/// Runs a graph over the models of the place and the LoRAs for `half`, into `out` of the place.
pub fn run_graph(place: &Place, graph: &str, more: &[&str]) -> Said {
    run_into(place, &place.path("out"), graph, more)
}

pub fn run_into(place: &Place, out: &str, graph: &str, more: &[&str]) -> Said {
    let (graph, models) = (place.write("graph.ron", graph), place.path("models"));
    let loras = golden("lora").join("half").display().to_string();
    let given = ["run", &graph, "-o", out, "--device", "cpu", "--quiet", "--models", &models, "--models", &loras];
    run(&[&given[..], more].concat())
}

pub fn well(said: Said) -> Said {
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    said
}

/// The path that a run saved last.
pub fn path_of(said: Said) -> PathBuf {
    well(said).stdout.lines().last().expect("a path").into()
}

/// The weights of a MODEL output of a graph over the library.
pub fn dumped(place: &Place, graph: &str, output: &str) -> Tensors {
    let file = place.path("dump");
    well(run_graph(place, graph, &["--dump", &format!("{output}={file}")]));
    let wide =
        |(name, (_, numbers)): (String, (Vec<usize>, Vec<f32>))| (name, numbers.into_iter().map(f64::from).collect());
    tensors(Path::new(&file)).into_iter().map(wide).collect()
}

/// The library's own numbers.
pub fn stored(place: &Place, path: &str) -> Tensors {
    halves(Path::new(&place.path(&format!("models/{path}/{FILE}"))))
}
