//! LoRA files on the golden models: weights against float64, pictures against diffusers, reports and conversions.

mod again;
mod convert;
mod effective;
mod nothing;
mod pictures;
mod report;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::Deserialize;

use crate::program::{golden, run_well, tensors};

/// What `tests/golden/README.md` says of `lora/<variant>/cases.json`.
#[derive(Debug, Deserialize)]
struct Cases {
    cases: Vec<Case>,
    pictures: Vec<pictures::Picture>,
}

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    loras: Vec<Lora>,
    effective: String,
}

/// A file below `loras`, and how strongly it is applied.
#[derive(Debug, Clone, Deserialize)]
struct Lora {
    file: String,
    weight: f64,
}

/// Numbers of float32 by name, with their shapes.
type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// Relative L2 of a weight against float64.
const WEIGHTS: f64 = 1e-6;

fn cases(variant: &str) -> Cases {
    let file = goldens(variant).join("cases.json");
    serde_json::from_slice(&std::fs::read(file).expect("cases")).expect("cases")
}

/// The folder of a variant's LoRAs; the model itself lies in `golden(variant)`.
pub fn goldens(variant: &str) -> PathBuf {
    golden("lora").join(variant)
}

/// A graph with the model in float32 as `model`, and these nodes.
fn graph(nodes: &str) -> String {
    format!(
        r#"Graph(format: 1, nodes: {{
            "model": (kind: "model-loader/LoadModel", inputs: {{ "path": "model", "precision": "float32" }}),
            {nodes}
        }})"#
    )
}

/// Nodes that apply files to `model`, one after the other. The last one's name is the mode.
fn chain(loras: &[Lora], mode: &str) -> String {
    chain_on("model", loras, mode)
}

fn chain_on(model: &str, loras: &[Lora], mode: &str) -> String {
    let mut nodes = String::new();
    let mut before = model.to_owned();
    for (index, Lora { file, weight }) in loras.iter().enumerate() {
        let name = if index + 1 == loras.len() { mode.to_owned() } else { format!("{mode}{index}") };
        nodes += &format!(
            r#""{name}": (kind: "lora/ApplyLora", inputs: {{ "model": Link("{before}.model"),
                "text_encoder": Link("{before}.text_encoder"), "file": "{file}", "weight": {weight:?}, "mode": "{mode}" }}),
            "#
        );
        before = name;
    }
    nodes
}

/// Runs a graph over a variant's model and its LoRAs and gives the outputs asked for. `more` is a further folder like
/// models/.
fn dumped(variant: &str, graph: &str, outputs: &[&str], more: Option<&Path>) -> BTreeMap<String, Tensors> {
    let out = tempfile::tempdir().expect("a folder");
    let at = |path: &Path| path.display().to_string();
    let file = out.path().join("graph.ron");
    std::fs::write(&file, graph).expect("the graph");
    let pictures = out.path().join("out");
    let mut arguments: Vec<String> =
        ["run", &at(&file), "-o", &at(&pictures), "--device", "cpu", "--quiet"].map(str::to_owned).to_vec();
    for folder in [golden(variant), goldens(variant)].iter().map(PathBuf::as_path).chain(more) {
        arguments.extend(["--models".to_owned(), at(folder), "--input".to_owned(), at(folder)]);
    }
    for output in outputs {
        arguments.extend(["--dump".to_owned(), format!("{output}={}", at(&out.path().join(output)))]);
    }
    run_well(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    outputs.iter().map(|&output| (output.to_owned(), tensors(&out.path().join(output)))).collect()
}

/// The tensors of a file in float64.
pub fn doubles(path: &Path) -> BTreeMap<String, Vec<f64>> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let numbers = |view: &TensorView<'_>| {
        assert_eq!(view.dtype(), Dtype::F64);
        view.data().as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()
    };
    file.iter().map(|(name, view)| (name.to_owned(), numbers(&view))).collect()
}

/// ‖a − b‖ / ‖b‖.
pub fn relative(a: &[f32], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let difference: f64 = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - b).powi(2)).sum();
    (difference / b.iter().map(|b| b * b).sum::<f64>()).sqrt()
}

/// A LoRA in float32: names and shapes, with small numbers that are all different from 0.
pub fn file(tensors: &[(&str, &[usize])]) -> Vec<u8> {
    with_numbers(tensors, |index| (index as f32 * 0.7).sin() * 0.2 + 0.01)
}

/// A LoRA in float32 whose tensors hold these numbers, by their index.
pub fn with_numbers(tensors: &[(&str, &[usize])], number: impl Fn(usize) -> f32) -> Vec<u8> {
    let bytes = |shape: &[usize]| (0..shape.iter().product()).flat_map(|index| number(index).to_le_bytes()).collect();
    let made: Vec<(_, Vec<u8>)> = tensors.iter().map(|(name, shape)| ((*name, *shape), bytes(shape))).collect();
    let views = made.iter().map(|((name, shape), bytes)| {
        (*name, TensorView::new(Dtype::F32, shape.to_vec(), bytes).expect("as many bytes as numbers"))
    });
    safetensors::serialize(views, None).expect("a safetensors file")
}
