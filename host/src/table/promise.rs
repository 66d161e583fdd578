//! What the interface promises of the tensors behind a link kind: their axes, and that their numbers are finite.

use mlx_rs::Array;
use plugin_api::{Dtype, Result};

use super::mlx::mlx_error;
use super::tensor::{dtype_of, to_bytes};
use super::value::Value;

/// Axes of a tensor as a sentence and as a number; a picture's last axis has three colours.
struct Axes {
    said: &'static str,
    count: usize,
    colours: bool,
}

const IMAGE: Axes = Axes { said: "[pictures, height, width, 3]", count: 4, colours: true };
const MASK: Axes = Axes { said: "[pictures, height, width]", count: 3, colours: false };
const LATENT: Axes = Axes { said: "[pictures, channels, height, width]", count: 4, colours: false };
const EMBEDS: Axes = Axes { said: "[texts, tokens, width]", count: 3, colours: false };

impl Value {
    /// What is wrong with the shapes of an evaluated output of this link kind: "has …".
    ///
    /// # Errors
    /// A tensor that failed.
    pub fn shape_fault(&self, kind: &str) -> Result<Option<String>> {
        match kind {
            "IMAGE" => fault(Some(self), "it", true, &IMAGE),
            "MASK" => fault(Some(self), "it", true, &MASK),
            "LATENT" => Ok(fault(self.under("samples"), "`samples`", true, &LATENT)?.or(fault(
                self.under("noise_mask"),
                "`noise_mask`",
                false,
                &MASK,
            )?)),
            "CONDITIONING" => fault(self.under("embeds"), "`embeds`", true, &EMBEDS),
            _ => Ok(None),
        }
    }

    /// The type of a tensor in an evaluated output of this link kind that has numbers which are not finite.
    ///
    /// # Errors
    /// A tensor that failed.
    pub fn not_finite(&self, kind: &str) -> Result<Option<Dtype>> {
        if !matches!(kind, "IMAGE" | "MASK" | "LATENT" | "CONDITIONING") {
            return Ok(None);
        }
        let mut arrays = Vec::new();
        self.arrays(&mut arrays)?;
        for array in arrays {
            if !is_finite(&array)? {
                return dtype_of(&array).map(Some);
            }
        }
        Ok(None)
    }

    fn under(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Record(entries) => entries.get(key).filter(|value| !matches!(value, Self::Null)),
            _ => None,
        }
    }
}

fn fault(value: Option<&Value>, name: &str, required: bool, axes: &Axes) -> Result<Option<String>> {
    let tensor = match value {
        None => return Ok(required.then(|| format!("{name} is missing"))),
        Some(Value::Tensor(tensor)) => tensor,
        Some(other) => return Ok(Some(format!("{name} is {:?}, not a tensor", other.tag()))),
    };
    let shape = tensor.array()?.shape();
    let fits = shape.len() == axes.count && !shape.contains(&0) && (!axes.colours || shape.last() == Some(&3));
    Ok((!fits).then(|| format!("{name} has the shape {shape:?} instead of {}", axes.said)))
}

/// NaN and infinity survive a sum. Finite numbers may add up to infinity as well: only then each is looked at.
fn is_finite(array: &Array) -> Result<bool> {
    let is_float = matches!(dtype_of(array)?, Dtype::Float16 | Dtype::Bfloat16 | Dtype::Float32);
    if !is_float || number(&array.sum(None).map_err(mlx_error)?)?.is_finite() {
        return Ok(true);
    }
    Ok(number(&array.is_finite().and_then(|finite| finite.all(None)).map_err(mlx_error)?)? == 1.0)
}

fn number(scalar: &Array) -> Result<f32> {
    let bytes = to_bytes(scalar, Dtype::Float32)?;
    Ok(bytes.first_chunk().map_or(f32::NAN, |bytes| f32::from_le_bytes(*bytes)))
}

#[cfg(test)]
mod tests {
    use super::super::{Tensor, start};
    use super::*;

    fn tensor(numbers: &[f32], shape: &[i32]) -> Value {
        Value::Tensor(Tensor(Ok(Array::from_slice(numbers, shape))))
    }

    #[test]
    fn shapes_are_what_the_kind_promises() {
        start(None).unwrap();
        let pixel = tensor(&[0.0; 3], &[1, 1, 1, 3]);
        assert_eq!(pixel.shape_fault("IMAGE").unwrap(), None);
        for (value, kind) in [(tensor(&[0.0; 3], &[1, 3]), "IMAGE"), (tensor(&[0.0], &[1, 1, 1, 1]), "IMAGE")] {
            assert!(
                value.shape_fault(kind).unwrap().is_some_and(|fault| fault.contains("[pictures, height, width, 3]"))
            );
        }
        assert_eq!(Value::record([]).shape_fault("LATENT").unwrap().as_deref(), Some("`samples` is missing"));
        let latent = Value::record([("samples".to_owned(), tensor(&[0.0; 16], &[1, 16, 1, 1]))]);
        assert_eq!(latent.shape_fault("LATENT").unwrap(), None);
        assert_eq!(pixel.shape_fault("org.example/DEPTH").unwrap(), None);
    }

    #[test]
    fn a_sum_that_overflows_is_no_fault() {
        start(None).unwrap();
        let large = tensor(&[f32::MAX, f32::MAX, 1.0], &[1, 1, 1, 3]);
        assert_eq!(large.not_finite("IMAGE").unwrap(), None);
        for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let value = tensor(&[odd, 0.0, f32::INFINITY], &[1, 1, 1, 3]);
            assert_eq!(value.not_finite("IMAGE").unwrap(), Some(Dtype::Float32));
        }
    }
}
