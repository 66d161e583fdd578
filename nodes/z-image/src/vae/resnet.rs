//! Two convolutions around which the input goes straight.

use plugin_api::{Result, Tensor};

use super::conv::{Conv, GroupNorm};
use crate::checkpoint::Checkpoint;

pub struct Resnet {
    norm1: GroupNorm,
    conv1: Conv,
    norm2: GroupNorm,
    conv2: Conv,
    /// Where the number of channels changes.
    conv_shortcut: Option<Conv>,
}

impl Resnet {
    pub fn new(checkpoint: &Checkpoint, inputs: i32, outputs: i32, groups: i32) -> Result<Self> {
        let shortcut = inputs != outputs;
        Ok(Self {
            norm1: GroupNorm::new(checkpoint, "norm1", inputs, groups),
            conv1: Conv::new(checkpoint, "conv1", inputs, outputs, 3)?,
            norm2: GroupNorm::new(checkpoint, "norm2", outputs, groups),
            conv2: Conv::new(checkpoint, "conv2", outputs, outputs, 3)?,
            conv_shortcut: shortcut.then(|| Conv::new(checkpoint, "conv_shortcut", inputs, outputs, 1)).transpose()?,
        })
    }

    /// A row of them, `checkpoint` being the block that has them as `resnets`.
    pub fn chain(checkpoint: &Checkpoint, count: i32, inputs: i32, outputs: i32, groups: i32) -> Result<Vec<Self>> {
        let first = |i| if i == 0 { inputs } else { outputs };
        (0..count).map(|i| Self::new(&checkpoint.at(format!("resnets.{i}")), first(i), outputs, groups)).collect()
    }

    /// `x` is given back as soon as it is not needed any more: at the last level it is the largest tensor of all.
    pub fn forward(&self, x: Tensor) -> Tensor {
        let y = self.conv1.forward(&self.norm1.activated(&x));
        let around = self.around(x);
        let y = self.norm2.activated(&y);
        self.conv2.forward_add(&y, &around)
    }

    fn around(&self, x: Tensor) -> Tensor {
        match &self.conv_shortcut {
            Some(conv) => conv.forward(&x),
            None => x,
        }
    }
}
