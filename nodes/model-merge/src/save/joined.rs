//! Tensors of another layout than diffusers': rows of several below each other, axes in another order.

use plugin_api::{Result, Tensor, TensorInfo};
use weft_formats::layout;

use super::part::Part;

/// A tensor of a file, and the rows that it is made of.
pub struct Joined<'a> {
    part: &'a Part,
    pub info: TensorInfo,
    of: Vec<String>,
    channels_last: bool,
}

/// The tensors of `part` as a layout has them, below `prefix`.
pub fn join<'a>(part: &'a Part, layout: Vec<layout::Joined>, prefix: &str) -> Vec<Joined<'a>> {
    let join = |joined: layout::Joined| {
        let dtype = part.tensors.iter().find(|info| Some(&info.name) == joined.of.first()).and_then(|info| info.dtype);
        let shape = joined.shape.iter().map(|&side| side as i32).collect();
        let info = TensorInfo { name: format!("{prefix}{}", joined.name), dtype, shape, stored: String::new() };
        Joined { part, info, of: joined.of, channels_last: joined.channels_last }
    };
    layout.into_iter().map(join).collect()
}

impl Joined<'_> {
    /// # Errors
    /// As [`Part::tensor`].
    pub fn tensor(&self) -> Result<Tensor> {
        let rows: Vec<Tensor> =
            self.of.iter().map(|name| self.part.tensor(name, self.info.dtype)).collect::<Result<_>>()?;
        let whole = if rows.len() == 1 { rows[0].clone() } else { Tensor::concatenate(&rows, 0) };
        let turned = if self.channels_last { whole.transpose(&[0, 2, 3, 1]) } else { whole };
        Ok(turned.reshape(&self.info.shape))
    }
}
