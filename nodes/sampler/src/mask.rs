//! Inpainting: a mask says where a picture is made anew (1) and where it stays (0), and how much of each in between.

use plugin_api::{Dtype, Error, Record, Result, Tensor};

/// The key of a latent that holds the mask, `[n, height, width]` of any size.
pub const KEY: &str = "noise_mask";

/// A picture of which a part is made anew.
pub struct Inpainting {
    /// `[pictures, 1, height, width]` of the latent.
    mask: Tensor,
    stays: Tensor,
    picture: Tensor,
    noise: Tensor,
}

impl Inpainting {
    /// None where the latent has no mask, or one that keeps nothing.
    pub fn of(latent: &Record, picture: &Tensor, noise: &Tensor, shape: [i32; 4]) -> Result<Option<Self>> {
        let Some(mask) = latent.find::<Tensor>(KEY)? else { return Ok(None) };
        let mask = fitted(&mask, shape)?;
        if mask.equal(&ones()).all(&[], false).as_dtype(Dtype::Float32).to_vec::<f32>()? == [1.0] {
            return Ok(None);
        }
        let stays = ones() - &mask;
        Ok(Some(Self { mask, stays, picture: picture.clone(), noise: noise.clone() }))
    }

    /// What the model sees: in the part that stays the picture, with as much noise on it as the rest has.
    pub fn input(&self, x: &Tensor, sigma: f32) -> Tensor {
        let noised = &self.noise * sigma + &self.picture * (1.0 - sigma);
        x * &self.mask + noised * &self.stays
    }

    /// The estimate, with the picture in the part that stays.
    pub fn estimate(&self, denoised: &Tensor) -> Tensor {
        denoised * &self.mask + &self.picture * &self.stays
    }

    /// The result: where nothing is to change, bit for bit the picture.
    pub fn result(&self, x: &Tensor) -> Tensor {
        let zero = Tensor::zeros(&[], Dtype::Float32);
        self.mask.equal(&zero).select(&self.picture, x)
    }
}

/// The mask of a latent: resized without smoothing, repeated over the batch, as ComfyUI does.
fn fitted(mask: &Tensor, [count, _, height, width]: [i32; 4]) -> Result<Tensor> {
    let [masks, from_height, from_width] = mask.dims("the mask")?;
    if masks == 0 {
        return Err(Error::invalid("the mask has no picture in it").help("link a mask of one picture or more"));
    }
    let mask = mask.as_dtype(Dtype::Float32).reshape(&[masks, from_height, from_width, 1]);
    let resized = match (from_height, from_width) {
        _ if (from_height, from_width) == (height, width) => mask,
        _ => mask.interpolate(&[height, width], "linear"),
    };
    let order: Vec<i32> = (0..count).map(|picture| picture % masks).collect();
    Ok(resized.reshape(&[masks, 1, height, width]).take(&Tensor::from_slice(&order, &[count]), 0))
}

fn ones() -> Tensor {
    Tensor::full(&[], 1.0, Dtype::Float32)
}
