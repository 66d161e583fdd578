//! The lowest level: a resnet, attention, another resnet.

use plugin_api::{Result, Tensor};

use super::attention::Attention;
use super::config::Config;
use super::resnet::Resnet;
use crate::checkpoint::Checkpoint;

pub struct MidBlock {
    resnets: [Resnet; 2],
    attention: Option<Attention>,
}

impl MidBlock {
    pub fn new(checkpoint: &Checkpoint, config: &Config) -> Result<Self> {
        let (channels, groups) = (config.lowest(), config.norm_num_groups);
        let resnet = |i: i32| Resnet::new(&checkpoint.at(format!("resnets.{i}")), channels, channels, groups);
        let attention = || Attention::new(&checkpoint.at("attentions.0"), channels, groups);
        Ok(Self { resnets: [resnet(0)?, resnet(1)?], attention: config.mid_block_add_attention.then(attention) })
    }

    pub fn forward(&self, x: Tensor) -> Result<Tensor> {
        let mut x = self.resnets[0].forward(x);
        if let Some(attention) = &self.attention {
            x = attention.forward(&x)?;
        }
        Ok(self.resnets[1].forward(x))
    }
}
