//! `transformer/config.json` of a diffusers folder.

use plugin_api::Result;
use serde::Deserialize;

use super::WHAT;
use super::preview::LatentRgb;
use crate::config;

/// Names and defaults are those of diffusers' `ZImageTransformer2DModel`. `n_kv_heads` is not read: the reference
/// ignores it too.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Config {
    pub in_channels: i32,
    pub dim: i32,
    pub n_layers: i32,
    pub n_refiner_layers: i32,
    pub n_heads: i32,
    pub norm_eps: f32,
    pub qk_norm: bool,
    pub cap_feat_dim: i32,
    pub rope_theta: f64,
    pub t_scale: f32,
    /// Numbers of a head that turn with the token's time, row and column.
    pub axes_dims: [i32; 3],
    /// How many positions each axis has.
    pub axes_lens: [i32; 3],
    /// Not of diffusers: how a latent is shown while it is sampled, red, green and blue of each channel.
    pub latent_rgb: Option<Vec<[f32; 3]>>,
    pub latent_rgb_bias: [f32; 3],
}

impl Default for Config {
    fn default() -> Self {
        Self {
            in_channels: 16,
            dim: 3840,
            n_layers: 30,
            n_refiner_layers: 2,
            n_heads: 30,
            norm_eps: 1e-5,
            qk_norm: true,
            cap_feat_dim: 2560,
            rope_theta: 256.0,
            t_scale: 1000.0,
            axes_dims: [32, 48, 48],
            axes_lens: [1024, 512, 512],
            latent_rgb: None,
            latent_rgb_bias: [0.0; 3],
        }
    }
}

impl Config {
    pub fn parse(text: &str) -> Result<Self> {
        let parsed: Self = config::parse(WHAT, text)?;
        parsed.check()?;
        Ok(parsed)
    }

    /// Numbers a head, rounded down as in the reference.
    pub fn head_dim(&self) -> i32 {
        self.dim / self.n_heads
    }

    /// Width of the timestep's embedding.
    pub fn temb_dim(&self) -> i32 {
        self.dim.min(256)
    }

    /// The colours of its latents; where the configuration has none, Flux's for a model with as many channels.
    pub fn latent_rgb(&self) -> Option<LatentRgb> {
        match &self.latent_rgb {
            Some(channels) => Some(LatentRgb { channels: channels.clone(), bias: self.latent_rgb_bias }),
            None => Some(LatentRgb::of_flux()).filter(|rgb| rgb.channels.len() == self.in_channels as usize),
        }
    }

    fn check(&self) -> Result<()> {
        config::check_sizes(WHAT, &self.sizes())?;
        let (theta, eps) = (self.rope_theta, self.norm_eps.into());
        config::check_positive(WHAT, &[("rope_theta", theta), ("norm_eps", eps), ("t_scale", self.t_scale.into())])?;
        if let Some(rgb) = self.latent_rgb.as_ref().filter(|rgb| rgb.len() != self.in_channels as usize) {
            let needed = format!("one for each of the {} `in_channels` is needed", self.in_channels);
            return Err(config::wrong(WHAT, &format!("`latent_rgb` has {} rows, but {needed}", rgb.len())));
        }
        let turned: i32 = self.axes_dims.iter().sum();
        if self.axes_dims.iter().any(|dim| dim % 2 != 0) {
            return Err(config::wrong(
                WHAT,
                &format!("`axes_dims` is {:?}, but even numbers are needed", self.axes_dims),
            ));
        }
        if turned != self.head_dim() {
            let heads = format!("a head has {} numbers (`dim` by `n_heads`)", self.head_dim());
            return Err(config::wrong(WHAT, &format!("`axes_dims` adds up to {turned}, but {heads}")));
        }
        Ok(())
    }

    fn sizes(&self) -> [(&'static str, i32, i32); 12] {
        let [time, row, column] = self.axes_dims;
        let [times, rows, columns] = self.axes_lens;
        [
            ("in_channels", self.in_channels, 1024),
            ("dim", self.dim, 65_536),
            ("n_layers", self.n_layers, 1024),
            ("n_refiner_layers", self.n_refiner_layers, 1024),
            ("n_heads", self.n_heads, self.dim),
            ("cap_feat_dim", self.cap_feat_dim, 65_536),
            ("axes_dims", time, 4096),
            ("axes_dims", row, 4096),
            ("axes_dims", column, 4096),
            ("axes_lens", times, 16_384),
            ("axes_lens", rows, 16_384),
            ("axes_lens", columns, 16_384),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        Config::parse(text).unwrap_err().message
    }

    #[test]
    fn the_defaults_are_the_released_sizes() {
        let config = Config::parse("{}").unwrap();
        assert_eq!((config.head_dim(), config.temb_dim()), (128, 256));
    }

    #[test]
    fn unknown_keys_are_left_alone_and_known_ones_read() {
        let text = r#"{"_class_name": "x", "siglip_feat_dim": null, "dim": 32, "n_heads": 2, "axes_dims": [4, 6, 6],
            "rope_theta": 256, "norm_eps": 1e-06}"#;
        let config = Config::parse(text).unwrap();
        assert_eq!((config.head_dim(), config.temb_dim()), (16, 32));
        assert_eq!(config.norm_eps, 1e-6);
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        assert!(message(r#"{"dim": 0}"#).contains("`dim` is 0"));
        assert!(message(r#"{"n_heads": -1}"#).contains("`n_heads` is -1"));
        assert!(message(r#"{"axes_dims": [32, 48, 50]}"#).contains("adds up to 130"));
        assert!(message(r#"{"axes_dims": [31, 49, 48]}"#).contains("even"));
        assert!(message(r#"{"axes_dims": [128]}"#).contains("length"));
        assert!(message(r#"{"latent_rgb": [[1, 0, 0]]}"#).contains("`latent_rgb` has 1 rows"));
        assert!(message(r#"{"dim": 1e99}"#).contains("not readable"));
        assert!(message("").contains("not readable"));
    }
}
