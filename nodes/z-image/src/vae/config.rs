//! `vae/config.json` of a diffusers folder.

use plugin_api::Result;
use serde::Deserialize;

use super::WHAT;
use crate::config;

/// Names and defaults are those of diffusers' `AutoencoderKL`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Config {
    pub latent_channels: i32,
    /// Channels of each level, from the picture to the latent.
    pub block_out_channels: Vec<i32>,
    pub layers_per_block: i32,
    pub norm_num_groups: i32,
    pub scaling_factor: f32,
    shift_factor: Option<f32>,
    pub use_quant_conv: bool,
    pub use_post_quant_conv: bool,
    pub mid_block_add_attention: bool,
    in_channels: i32,
    out_channels: i32,
    act_fn: String,
    down_block_types: Option<Vec<String>>,
    up_block_types: Option<Vec<String>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            latent_channels: 4,
            block_out_channels: vec![64],
            layers_per_block: 1,
            norm_num_groups: 32,
            scaling_factor: 0.18215,
            shift_factor: None,
            use_quant_conv: true,
            use_post_quant_conv: true,
            mid_block_add_attention: true,
            in_channels: 3,
            out_channels: 3,
            act_fn: "silu".to_owned(),
            down_block_types: None,
            up_block_types: None,
        }
    }
}

impl Config {
    pub fn parse(text: &str) -> Result<Self> {
        let parsed: Self = config::parse(WHAT, text)?;
        parsed.check()?;
        Ok(parsed)
    }

    /// Pixels a latent pixel.
    pub fn scale(&self) -> i32 {
        1 << (self.block_out_channels.len() - 1)
    }

    pub fn shift(&self) -> f32 {
        self.shift_factor.unwrap_or(0.0)
    }

    /// Channels of the lowest level.
    pub fn lowest(&self) -> i32 {
        self.block_out_channels.last().copied().unwrap_or_default()
    }

    fn check(&self) -> Result<()> {
        config::check_sizes(
            WHAT,
            &[
                ("block_out_channels", self.block_out_channels.len() as i32, 8),
                ("latent_channels", self.latent_channels, 1024),
                ("layers_per_block", self.layers_per_block, 64),
                ("norm_num_groups", self.norm_num_groups, 4096),
            ],
        )?;
        config::check_positive(WHAT, &[("scaling_factor", self.scaling_factor.into())])?;
        match self.unsupported() {
            None => Ok(()),
            Some(problem) => Err(config::wrong(WHAT, &problem)),
        }
    }

    fn unsupported(&self) -> Option<String> {
        let groups = self.norm_num_groups;
        let odd = self.block_out_channels.iter().find(|&&c| !(1..=16_384).contains(&c) || c % groups != 0);
        if let Some(channels) = odd {
            return Some(format!("`block_out_channels` has {channels}, which {groups} groups do not divide"));
        }
        if (self.in_channels, self.out_channels) != (3, 3) {
            return Some("only pictures with three channels are supported".to_owned());
        }
        if !self.shift().is_finite() {
            return Some("`shift_factor` is no finite number".to_owned());
        }
        if self.act_fn != "silu" && self.act_fn != "swish" {
            return Some(format!("`act_fn` is `{}`, but only `silu` is supported", self.act_fn));
        }
        let kinds = [&self.down_block_types, &self.up_block_types].into_iter().flatten().flatten();
        let known = ["DownEncoderBlock2D", "UpDecoderBlock2D"];
        let other = kinds.into_iter().find(|kind| !known.contains(&kind.as_str()));
        other.map(|kind| format!("blocks of the type `{kind}` are not supported"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLUX: &str = r#""block_out_channels": [128, 256, 512, 512], "latent_channels": 16, "layers_per_block": 2"#;

    fn with(more: &str) -> Result<Config> {
        Config::parse(&format!("{{{FLUX}{more}}}"))
    }

    #[test]
    fn scale_and_shift() {
        let config = with(r#", "shift_factor": 0.1159, "scaling_factor": 0.3611"#).unwrap();
        assert_eq!((config.scale(), config.lowest(), config.shift()), (8, 512, 0.1159));
        assert_eq!(with(r#", "shift_factor": null"#).unwrap().shift(), 0.0);
        assert!(with("").unwrap().use_quant_conv);
    }

    #[test]
    fn other_autoencoders_are_refused() {
        let message = |more| with(more).unwrap_err().message;
        assert!(message(r#", "norm_num_groups": 48"#).contains("48 groups"));
        assert!(message(r#", "norm_num_groups": 0"#).contains("`norm_num_groups` is 0"));
        assert!(message(r#", "in_channels": 4"#).contains("three channels"));
        assert!(message(r#", "act_fn": "relu""#).contains("`relu`"));
        assert!(message(r#", "up_block_types": ["AttnUpDecoderBlock2D"]"#).contains("AttnUpDecoderBlock2D"));
        assert!(Config::parse(r#"{"block_out_channels": []}"#).unwrap_err().message.contains("`block_out_channels`"));
    }
}
