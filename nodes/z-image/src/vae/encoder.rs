//! From pixels to the latent.

use plugin_api::{Dtype, Result, Tensor};

use super::config::Config;
use super::conv::{Conv, GroupNorm};
use super::mid_block::MidBlock;
use super::resnet::Resnet;
use super::tiles::After;
use crate::checkpoint::Checkpoint;

pub struct Encoder {
    conv_in: Conv,
    down_blocks: Vec<DownBlock>,
    mid_block: MidBlock,
    conv_norm_out: GroupNorm,
    conv_out: Conv,
    quant_conv: Option<Conv>,
    latent_channels: i32,
}

struct DownBlock {
    resnets: Vec<Resnet>,
    /// Of all blocks but the last.
    downsampler: Option<Conv>,
}

impl Encoder {
    /// `checkpoint` is the whole VAE's.
    pub fn new(checkpoint: &Checkpoint, config: &Config) -> Result<Self> {
        // For every channel a mean and a variance.
        let moments = 2 * config.latent_channels;
        let quant = config.use_quant_conv.then(|| Conv::new(checkpoint, "quant_conv", moments, moments, 1));
        let encoder = checkpoint.at("encoder");
        Ok(Self {
            conv_in: Conv::new(&encoder, "conv_in", 3, config.block_out_channels[0], 3)?,
            down_blocks: down_blocks(&encoder, config)?,
            mid_block: MidBlock::new(&encoder.at("mid_block"), config)?,
            conv_norm_out: GroupNorm::new(&encoder, "conv_norm_out", config.lowest(), config.norm_num_groups),
            conv_out: Conv::new(&encoder, "conv_out", config.lowest(), moments, 3)?,
            quant_conv: quant.transpose()?,
            latent_channels: config.latent_channels,
        })
    }

    /// How often [`Encoder::forward`] calls `after`.
    pub fn stages(config: &Config) -> usize {
        config.block_out_channels.len() + 1
    }

    /// `[n, height, width, 3]` in −1..1 → the means `[n, h, w, latent_channels]`, float32.
    pub fn forward(&self, x: &Tensor, after: After<'_>) -> Result<Tensor> {
        let mut x = self.conv_in.forward(x);
        for block in &self.down_blocks {
            x = block.forward(x);
            after(&x)?;
        }
        let x = self.mid_block.forward(x)?;
        let moments = self.conv_out.forward(&self.conv_norm_out.activated(&x));
        let moments = self.quant_conv.as_ref().map_or_else(|| moments.clone(), |conv| conv.forward(&moments));
        let means = moments.narrow(3, 0, self.latent_channels).as_dtype(Dtype::Float32);
        after(&means)?;
        Ok(means)
    }
}

fn down_blocks(encoder: &Checkpoint, config: &Config) -> Result<Vec<DownBlock>> {
    let mut inputs = config.block_out_channels[0];
    let last = config.block_out_channels.len() - 1;
    let levels = config.block_out_channels.iter().enumerate();
    levels
        .map(|(i, &channels)| {
            let block = encoder.at(format!("down_blocks.{i}"));
            let resnets = Resnet::chain(&block, config.layers_per_block, inputs, channels, config.norm_num_groups)?;
            let downsampler = (i < last).then(|| Conv::new(&block, "downsamplers.0.conv", channels, channels, 3));
            inputs = channels;
            Ok(DownBlock { resnets, downsampler: downsampler.transpose()? })
        })
        .collect()
}

impl DownBlock {
    fn forward(&self, x: Tensor) -> Tensor {
        let x = self.resnets.iter().fold(x, |x, resnet| resnet.forward(x));
        self.downsampler.as_ref().map_or_else(|| x.clone(), |conv| conv.halve(&x))
    }
}
