//! Convolutions on `[n, h, w, c]`.

use plugin_api::{Error, Result, Tensor, Weights};
use weft_formats::upscaler;

/// What the activation leaves of numbers below 0.
const SLOPE: f32 = 0.2;

/// A convolution that keeps height and width.
pub struct Conv {
    /// `[out, k, k, in]`.
    weight: Tensor,
    bias: Option<Tensor>,
    padding: i32,
}

impl Conv {
    /// # Errors
    /// The weight cannot be read, or holds what is no number.
    pub fn new(weights: &Weights, conv: &upscaler::Conv) -> Result<Self> {
        let (inputs, outputs, kernel) = (conv.inputs as i32, conv.outputs as i32, conv.kernel as i32);
        let weight = weights.tensor(&format!("{}.weight", conv.name));
        // A transposed tensor is only a view, which every convolution would copy; the flat shape makes the copy once.
        let weight = weight.transpose(&[0, 2, 3, 1]).reshape(&[-1]).reshape(&[outputs, kernel, kernel, inputs]);
        // One by one and now, so that only one weight at a time exists twice.
        weight.eval()?;
        let bias = conv.has_bias.then(|| weights.tensor(&format!("{}.bias", conv.name)));
        for tensor in [Some(&weight), bias.as_ref()].into_iter().flatten() {
            if tensor.is_finite().all(&[], false).to_vec::<u8>()? != [1] {
                return Err(Error::file(format!("the weights of `{}` hold NaN or infinity", conv.name)).help(
                    "the file is broken: training went wrong, or the download did. Get it again or use another",
                ));
            }
        }
        Ok(Self { weight, bias, padding: kernel / 2 })
    }

    pub fn forward(&self, x: &Tensor) -> Tensor {
        x.conv2d_add(&self.weight, &[1; 2], &[self.padding; 2], self.bias.as_ref(), None)
    }

    /// With the activation behind it, a leaky ReLU. `x` is given back first: it is as large as what comes out.
    pub fn activated(&self, x: Tensor) -> Tensor {
        let y = self.forward(&x);
        drop(x);
        y.maximum(&(&y * SLOPE))
    }
}
