//! How much memory a model will take, said on the node that loads it.

use plugin_api::{Dtype, Model, Result, Run, TensorInfo, Weights, text};
use weft_formats::memory;

/// Says what the weights will take once networks use them, and what is free. Reads none of them.
pub fn note(run: &Run, models: &[&Model]) -> Result<()> {
    let weights: Vec<Weights> = models.iter().map(|model| model.weights()).collect();
    let on_gpu = run.info().find::<String>("device")?.as_deref() == Some("gpu");
    let bytes = weights.iter().map(|weights| bytes(weights, on_gpu)).sum::<u64>();
    let is_packed = weights.iter().any(|weights| weights.list().iter().any(is_packed));
    let free: i64 = run.info().find("free_memory")?.unwrap_or(i64::MAX);
    if free < i64::MAX {
        let up_to = if is_packed { "up to " } else { "" };
        let (bytes, free) = (text::bytes(bytes), text::bytes(free));
        run.note(&format!("needs {up_to}{bytes}, {free} are free"));
    }
    Ok(())
}

/// What all tensors take in the type that they are read as, rounded where the loader rounds.
fn bytes(weights: &Weights, on_gpu: bool) -> u64 {
    let bits = weights.bits().map(u64::from);
    weights.list().iter().map(|info| of_tensor(info, bits, on_gpu)).sum()
}

fn of_tensor(info: &TensorInfo, bits: Option<u64>, on_gpu: bool) -> u64 {
    let width = info.dtype.unwrap_or(Dtype::Float32).size() as u64;
    // To how many bits a file packs its matrices is not told: at most to eight.
    let bits = if is_packed(info) { Some(8) } else { bits };
    let weights = memory::Weights::of_tensor(&info.name, &info.shape, info.stored == "BF16");
    if on_gpu { weights.bytes(width, bits) } else { weights.bytes_on_cpu(width, bits) }
}

/// Whether it is a matrix that stays as a file has packed it.
fn is_packed(info: &TensorInfo) -> bool {
    info.stored == "U32"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrices_of_whole_groups_are_rounded() {
        let tensor = |name: &str, shape: &[i32], stored: &str| TensorInfo {
            name: name.to_owned(),
            dtype: Some(Dtype::Bfloat16),
            shape: shape.to_vec(),
            stored: stored.to_owned(),
        };
        let matrix = tensor("a.weight", &[10, 128], "BF16");
        assert_eq!(of_tensor(&matrix, None, true), 2560);
        assert_eq!(of_tensor(&matrix, Some(4), true), 640 + 20 * 4);
        assert_eq!(of_tensor(&tensor("a.weight", &[10, 100], "BF16"), Some(4), true), 2000);
        assert_eq!(of_tensor(&tensor("a.bias", &[128], "BF16"), Some(4), true), 256);
        assert_eq!(of_tensor(&tensor("a.weight", &[10, 128], "U32"), None, true), 1280 + 20 * 4);
    }
}
