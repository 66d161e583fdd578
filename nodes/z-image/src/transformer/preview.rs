//! A quick look at a latent without the VAE: a linear map from its channels to red, green and blue, a pixel for each of
//! the latent's.

use plugin_api::{Error, Result, Tensor};

use super::WHAT;
use super::config::Config;

/// Red, green and blue of each channel, and what is added. They give -1 to 1, as the VAE's decoder does.
#[derive(Debug, Clone, PartialEq)]
pub struct LatentRgb {
    pub channels: Vec<[f32; 3]>,
    pub bias: [f32; 3],
}

impl LatentRgb {
    /// For the 16 channels of Flux's VAE as a model sees them, shifted and scaled. The numbers are those that ComfyUI
    /// and others show such latents with.
    pub fn of_flux() -> Self {
        let channels = vec![
            [-0.0346, 0.0244, 0.0681],
            [0.0034, 0.0210, 0.0687],
            [0.0275, -0.0668, -0.0433],
            [-0.0174, 0.0160, 0.0617],
            [0.0859, 0.0721, 0.0329],
            [0.0004, 0.0383, 0.0115],
            [0.0405, 0.0861, 0.0915],
            [-0.0236, -0.0185, -0.0259],
            [-0.0245, 0.0250, 0.1180],
            [0.1008, 0.0755, -0.0421],
            [-0.0515, 0.0201, 0.0011],
            [0.0428, -0.0012, -0.0036],
            [0.0817, 0.0765, 0.0749],
            [-0.1264, -0.0522, -0.1103],
            [-0.0280, -0.0881, -0.0499],
            [-0.1262, -0.0982, -0.0778],
        ];
        Self { channels, bias: [-0.0329, -0.0718, -0.0851] }
    }
}

/// `[n, channels, h, w]` → the first of them as `[h, w, 3]` in 0..1.
///
/// # Errors
/// Another number of channels, or a model whose latents have no known colours.
pub fn preview(latent: &Tensor, config: &Config) -> Result<Tensor> {
    let [_, channels, height, width] = latent.dims("the latent")?;
    let rgb = config.latent_rgb().filter(|rgb| rgb.channels.len() == channels as usize);
    let rgb = rgb.ok_or_else(|| Error::invalid(format!("this {WHAT} cannot show latents of {channels} channels")))?;
    let factors = Tensor::from_slice(rgb.channels.as_flattened(), &[channels, 3]);
    let bias = Tensor::from_slice(&rgb.bias, &[3]);
    let pixels = latent.narrow(0, 0, 1).transpose(&[0, 2, 3, 1]).reshape(&[height * width, channels]);
    let colours = pixels.matmul(&factors) + bias;
    Ok((colours * 0.5).add_scalar(0.5).clip(0.0, 1.0).reshape(&[height, width, 3]))
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn a_latent_becomes_colours_pixel_by_pixel() {
        let text = r#"{"in_channels": 2, "latent_rgb": [[1, 0, 0], [0, 0.5, 9]], "latent_rgb_bias": [0, 0.5, 0]}"#;
        let config = Config::parse(text).unwrap();
        // Two channels of two pixels below each other, and a second picture, which is not shown.
        let latent = Tensor::from_slice(&[0.0, 1.0, -1.0, 0.0, 7.0, 7.0, 7.0, 7.0f32], &[2, 2, 2, 1]);
        let picture = preview(&latent, &config).unwrap();
        assert_eq!(picture.shape().unwrap(), [2, 1, 3]);
        assert_eq!(picture.to_vec::<f32>().unwrap(), [0.5, 0.5, 0.0, 1.0, 0.75, 0.5]);
    }

    #[test]
    fn without_factors_there_are_those_of_flux_for_its_channels_alone() {
        let latent = |channels: i32| Tensor::zeros(&[1, channels, 3, 2], plugin_api::Dtype::Float32);
        let picture = preview(&latent(16), &Config::parse("{}").unwrap()).unwrap();
        assert_eq!(picture.shape().unwrap(), [3, 2, 3]);
        let grey = LatentRgb::of_flux().bias.map(|bias| bias * 0.5 + 0.5);
        assert_eq!(picture.to_vec::<f32>().unwrap()[..3], grey);
        assert!(preview(&latent(4), &Config::parse(r#"{"in_channels": 4}"#).unwrap()).is_err());
        assert!(preview(&latent(4), &Config::parse("{}").unwrap()).is_err());
    }
}
