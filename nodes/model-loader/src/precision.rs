//! In which type of numbers a model runs.

use plugin_api::{Dtype, InputKind, Record, Result, Role, Run};

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
