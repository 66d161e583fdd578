//! The layers of an RRDB network (Wang et al. 2018, "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks").

use plugin_api::{Result, Tensor, Weights};
use weft_formats::upscaler::{Layer, Rrdb};

use crate::conv::Conv;

/// How much of what a dense block or a block finds is added to what it was given.
const SHARE: f32 = 0.2;

pub struct Network {
    first: Conv,
    blocks: Vec<[DenseBlock; 3]>,
    body: Conv,
    ups: Vec<Conv>,
    high_resolution: Conv,
    last: Conv,
}

impl Network {
    /// # Errors
    /// Weights that cannot be read.
    pub fn new(weights: &Weights, rrdb: &Rrdb) -> Result<Self> {
        let conv = |layer| Conv::new(weights, &rrdb.conv(layer));
        let dense = |block, dense| DenseBlock::new(weights, rrdb, block, dense);
        let block = |block| Ok([dense(block, 1)?, dense(block, 2)?, dense(block, 3)?]);
        Ok(Self {
            first: conv(Layer::First)?,
            blocks: (0..rrdb.blocks).map(block).collect::<Result<_>>()?,
            body: conv(Layer::Body)?,
            ups: (1..=rrdb.doublings).map(|index| conv(Layer::Up(index))).collect::<Result<_>>()?,
            high_resolution: conv(Layer::HighResolution)?,
            last: conv(Layer::Last)?,
        })
    }

    /// How often [`Network::forward`] calls `after`.
    pub fn stages(&self) -> usize {
        self.blocks.len() + self.ups.len() + 1
    }

    /// `[n, h, w, channels]` → `[n, h · 2^doublings, w · 2^doublings, 3]`. `after` evaluates what there is so far, which
    /// bounds what waits to be computed.
    pub fn forward(&self, x: &Tensor, mut after: impl FnMut(&Tensor) -> Result<()>) -> Result<Tensor> {
        let first = self.first.forward(x);
        let mut x = first.clone();
        for block in &self.blocks {
            x = block.iter().fold(x.clone(), |y, dense| dense.forward(&y)) * SHARE + x;
            after(&x)?;
        }
        x = self.body.forward(&x) + first;
        for up in &self.ups {
            x = up.activated(&doubled(&x)?);
            after(&x)?;
        }
        x = self.last.forward(&self.high_resolution.activated(&x));
        after(&x)?;
        Ok(x)
    }
}

fn doubled(x: &Tensor) -> Result<Tensor> {
    let [_, height, width, _] = x.dims("a layer of the upscaler")?;
    Ok(x.interpolate(&[2 * height, 2 * width], "nearest"))
}

/// Five convolutions, each of which sees what all before it found.
struct DenseBlock {
    convs: [Conv; 4],
    last: Conv,
    /// ESRGAN+ (Rakotonirina & Rasoanaivo 2020): the block's input goes around the second convolution, and what that gives
    /// around the fourth.
    around: Option<Conv>,
}

impl DenseBlock {
    fn new(weights: &Weights, rrdb: &Rrdb, block: usize, dense: usize) -> Result<Self> {
        let conv = |conv| Conv::new(weights, &rrdb.conv(Layer::Dense { block, dense, conv }));
        let around = rrdb.is_plus.then(|| Conv::new(weights, &rrdb.conv(Layer::Around { block, dense })));
        Ok(Self { convs: [conv(1)?, conv(2)?, conv(3)?, conv(4)?], last: conv(5)?, around: around.transpose()? })
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let mut found = vec![x.clone()];
        for (index, conv) in self.convs.iter().enumerate() {
            let mut y = conv.activated(&Tensor::concatenate(&found, -1));
            match (&self.around, index) {
                (Some(around), 1) => y = y + around.forward(x),
                (Some(_), 3) => y = y + &found[2],
                _ => {}
            }
            found.push(y);
        }
        self.last.forward(&Tensor::concatenate(&found, -1)) * SHARE + x
    }
}
