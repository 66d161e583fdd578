//! Matrices packed as MLX's affine quantization: a few bits a number, and a scale and a bias for every group of a row.

use std::cell::RefCell;

use plugin_api::{Dtype, Error, Result, Tensor, TensorInfo};

use super::joined::Joined;

/// Numbers that share a scale.
pub const GROUP: i32 = 64;
/// What becomes of `weight`, in the order in which MLX gives it.
const NAMES: [&str; 3] = ["weight", "scales", "biases"];

/// What a tensor is in the file where matrices are packed to `bits`: itself, or the three that a packed matrix is. Those are
/// packed that a loader set to as many bits packs: every `….weight` of two axes whose rows are whole groups.
pub fn planned(info: &TensorInfo, bits: Option<u32>) -> Vec<TensorInfo> {
    let matrix = match (bits, &info.shape[..], info.name.strip_suffix("weight")) {
        (Some(bits), &[rows, columns], Some(base)) if columns % GROUP == 0 && base.ends_with('.') => {
            Some((bits as i32, rows, columns, base))
        }
        _ => None,
    };
    let Some((bits, rows, columns, base)) = matrix else { return vec![info.clone()] };
    let part = |name, dtype, columns| TensorInfo {
        name: format!("{base}{name}"),
        dtype,
        shape: vec![rows, columns],
        stored: String::new(),
    };
    let [numbers, scales, biases] = NAMES;
    let groups = columns / GROUP;
    vec![
        part(numbers, Some(Dtype::Uint32), columns * bits / 32),
        part(scales, info.dtype, groups),
        part(biases, info.dtype, groups),
    ]
}

/// Packs matrices, and keeps the last, since its three tensors are asked for one after the other.
pub struct Packer {
    bits: u32,
    last: RefCell<Option<(String, [Tensor; 3])>>,
}

impl Packer {
    pub fn new(bits: u32) -> Self {
        Self { bits, last: RefCell::default() }
    }

    /// The tensor `name` of the file, one of those that `joined` is packed to.
    ///
    /// # Errors
    /// As [`Joined::tensor`], and where MLX cannot pack it.
    pub fn tensor(&self, name: &str, joined: &Joined<'_>) -> Result<Tensor> {
        let place = NAMES.iter().position(|end| name.ends_with(end));
        let place = place.ok_or_else(|| Error::failed(format!("`{name}` is no part of a packed matrix")))?;
        let mut last = self.last.borrow_mut();
        let is_same = last.as_ref().is_some_and(|(of, _)| *of == joined.info.name);
        if !is_same {
            // Before the next is there as well.
            *last = None;
            *last = Some((joined.info.name.clone(), joined.tensor()?.quantize(self.bits)?));
        }
        let packed = last.as_ref().map(|(_, packed)| packed[place].clone());
        packed.ok_or_else(|| Error::failed(format!("`{name}` was not packed")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(name: &str, shape: &[i32]) -> TensorInfo {
        TensorInfo { name: name.to_owned(), dtype: Some(Dtype::Bfloat16), shape: shape.to_vec(), stored: String::new() }
    }

    #[test]
    fn a_matrix_of_whole_groups_becomes_three() {
        for (bits, words) in [(8, 32), (6, 24), (4, 16), (3, 12)] {
            let planned = planned(&info("a.weight", &[5, 128]), Some(bits));
            let shapes: Vec<_> = planned.iter().map(|info| (info.name.as_str(), info.shape.as_slice())).collect();
            assert_eq!(shapes, [("a.weight", &[5, words][..]), ("a.scales", &[5, 2]), ("a.biases", &[5, 2])]);
            assert_eq!(planned[0].dtype, Some(Dtype::Uint32));
            assert_eq!(planned[2].dtype, Some(Dtype::Bfloat16));
        }
    }

    #[test]
    fn everything_else_stays() {
        for (name, shape) in
            [("a.weight", &[5, 96][..]), ("a.bias", &[5, 64]), ("a.weight", &[64]), ("a.weight", &[2, 1, 1, 64])]
        {
            assert_eq!(planned(&info(name, shape), Some(8)), [info(name, shape)]);
        }
        assert_eq!(planned(&info("a.weight", &[5, 128]), None), [info("a.weight", &[5, 128])]);
    }
}
