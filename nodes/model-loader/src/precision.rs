//! In which type of numbers a model runs, and to how many bits they are rounded.

use plugin_api::{Dtype, InputKind, Record, Result, Role, Run, Weights};

pub const HELP: &str = "The type of numbers that the model runs in. auto: float32 on a CPU, bfloat16 on a GPU, and \
    float32 for a VAE everywhere, since it is small and shows what rounding does.";

pub fn param() -> InputKind {
    InputKind::choice(&["auto", "float32", "bfloat16", "float16"])
}

/// The type for a part of a model. `auto` never takes float16, not even where the file has it: the activations of
/// this family reach beyond its range.
pub fn dtype(run: &Run, inputs: &Record, role: Role) -> Result<Dtype> {
    let precision: String = inputs.get("precision")?;
    if precision == "float16" && role == Role::Model {
        run.note("float16 may overflow in this model and give black pictures: bfloat16 is as small");
    }
    Ok(match precision.as_str() {
        "float32" => Dtype::Float32,
        "bfloat16" => Dtype::Bfloat16,
        "float16" => Dtype::Float16,
        _ if role == Role::Vae || run.info().find::<String>("device")?.as_deref() != Some("gpu") => Dtype::Float32,
        _ => Dtype::Bfloat16,
    })
}

pub const QUANTIZE_HELP: &str = "Rounds matrices to so many bits when they are read: a model of 12 GB needs 6.5 with 8 bits \
    and 3.5 with 4. A VAE stays as it is.";

pub fn quantize_param() -> InputKind {
    InputKind::choice(&["none", "8", "6", "4", "3"])
}

/// The weights as the loader's `quantize` says.
pub fn quantized(run: &Run, weights: Weights, inputs: &Record, role: Role) -> Result<Weights> {
    let bits: String = inputs.get("quantize")?;
    let is_packed = || weights.list().iter().any(|tensor| tensor.stored == "U32");
    if bits != "none" && is_packed() {
        run.note("The file has its matrices packed already: they stay as they are.");
    }
    Ok(match bits.parse() {
        Ok(bits) if role != Role::Vae => weights.quantize(bits),
        _ => weights,
    })
}
