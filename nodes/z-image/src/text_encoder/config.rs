//! `text_encoder/config.json`, and where the tokenizer lies.

use plugin_api::Result;
use serde::Deserialize;

use super::WHAT;
use crate::config;

/// Names and defaults are those of transformers' `Qwen3Config`.
#[derive(Debug, Clone, Deserialize)]
pub struct Config {
    /// The folder with the tokenizer's files, put in by the loader.
    #[serde(default)]
    pub tokenizer: String,
    pub vocab_size: i32,
    pub hidden_size: i32,
    pub num_hidden_layers: i32,
    pub num_attention_heads: i32,
    num_key_value_heads: Option<i32>,
    /// Its own number, not `hidden_size / num_attention_heads`.
    #[serde(default = "head_dim")]
    pub head_dim: i32,
    pub intermediate_size: i32,
    #[serde(default = "rms_norm_eps")]
    pub rms_norm_eps: f32,
    #[serde(default)]
    pub attention_bias: bool,
    #[serde(default = "hidden_act")]
    hidden_act: String,
    /// Where transformers 4 wrote it.
    rope_theta: Option<f64>,
    /// Where transformers 5 writes it.
    rope_parameters: Option<RopeParameters>,
    rope_scaling: Option<RopeParameters>,
}

#[derive(Debug, Clone, Deserialize)]
struct RopeParameters {
    rope_theta: Option<f64>,
    #[serde(alias = "type")]
    rope_type: Option<String>,
}

fn head_dim() -> i32 {
    128
}

fn rms_norm_eps() -> f32 {
    1e-6
}

fn hidden_act() -> String {
    "silu".to_owned()
}

impl Config {
    pub fn parse(text: &str) -> Result<Self> {
        let parsed: Self = config::parse(WHAT, text)?;
        parsed.check()?;
        Ok(parsed)
    }

    pub fn kv_heads(&self) -> i32 {
        self.num_key_value_heads.unwrap_or(self.num_attention_heads)
    }

    pub fn rope_theta(&self) -> f32 {
        let parameters = self.rope_parameters.as_ref().and_then(|parameters| parameters.rope_theta);
        parameters.or(self.rope_theta).unwrap_or(10_000.0) as f32
    }

    fn check(&self) -> Result<()> {
        config::check_sizes(
            WHAT,
            &[
                ("vocab_size", self.vocab_size, 1 << 24),
                ("hidden_size", self.hidden_size, 65_536),
                ("num_hidden_layers", self.num_hidden_layers, 1024),
                ("num_attention_heads", self.num_attention_heads, 4096),
                ("num_key_value_heads", self.kv_heads(), self.num_attention_heads),
                ("head_dim", self.head_dim, 4096),
                ("intermediate_size", self.intermediate_size, 1 << 20),
            ],
        )?;
        let numbers = [("rms_norm_eps", self.rms_norm_eps.into()), ("rope_theta", self.rope_theta().into())];
        config::check_positive(WHAT, &numbers)?;
        match self.unsupported() {
            None => Ok(()),
            Some(problem) => Err(config::wrong(WHAT, &problem)),
        }
    }

    fn unsupported(&self) -> Option<String> {
        let scaled = [&self.rope_parameters, &self.rope_scaling];
        let rope =
            scaled.into_iter().flatten().find_map(|rope| rope.rope_type.as_deref().filter(|kind| *kind != "default"));
        if let Some(kind) = rope {
            return Some(format!("rotary positions of the type `{kind}` are not supported"));
        }
        if self.num_attention_heads % self.kv_heads() != 0 {
            return Some("`num_attention_heads` is no multiple of `num_key_value_heads`".to_owned());
        }
        if self.head_dim % 2 != 0 {
            return Some(format!("`head_dim` is {}, but an even number is needed", self.head_dim));
        }
        (self.hidden_act != "silu")
            .then(|| format!("`hidden_act` is `{}`, but only `silu` is supported", self.hidden_act))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(more: &str) -> Result<Config> {
        Config::parse(&format!(
            r#"{{"vocab_size": 352, "hidden_size": 40, "num_hidden_layers": 3, "num_attention_heads": 4,
                "intermediate_size": 56, "model_type": "qwen3"{more}}}"#
        ))
    }

    #[test]
    fn theta_stands_in_either_place() {
        assert_eq!(with("").unwrap().rope_theta(), 10_000.0);
        assert_eq!(with(r#", "rope_theta": 1000000, "rope_scaling": null"#).unwrap().rope_theta(), 1e6);
        let new = r#", "rope_parameters": {"rope_theta": 5000.0, "rope_type": "default"}"#;
        assert_eq!(with(new).unwrap().rope_theta(), 5000.0);
    }

    #[test]
    fn absent_keys_have_the_defaults_of_qwen3() {
        let config = with("").unwrap();
        assert_eq!((config.head_dim, config.kv_heads(), config.attention_bias), (128, 4, false));
        assert_eq!(with(r#", "num_key_value_heads": null"#).unwrap().kv_heads(), 4);
    }

    #[test]
    fn what_the_network_cannot_do_is_refused() {
        let message = |more| with(more).unwrap_err().message;
        assert!(message(r#", "rope_scaling": {"type": "yarn", "factor": 4}"#).contains("`yarn`"));
        assert!(message(r#", "num_key_value_heads": 3"#).contains("multiple"));
        assert!(message(r#", "num_key_value_heads": 8"#).contains("`num_key_value_heads` is 8"));
        assert!(message(r#", "hidden_act": "gelu""#).contains("`gelu`"));
        assert!(Config::parse("{}").unwrap_err().message.contains("vocab_size"));
    }
}
