//! From the latent to pixels.

use plugin_api::{Dtype, Result, Tensor};

use super::config::Config;
use super::conv::{Conv, GroupNorm};
use super::mid_block::MidBlock;
use super::resnet::Resnet;
use super::tiles::After;
use crate::checkpoint::Checkpoint;

pub struct Decoder {
    post_quant_conv: Option<Conv>,
    conv_in: Conv,
    mid_block: MidBlock,
    up_blocks: Vec<UpBlock>,
    conv_norm_out: GroupNorm,
    conv_out: Conv,
}

struct UpBlock {
    resnets: Vec<Resnet>,
    /// Of all blocks but the last.
    upsampler: Option<Conv>,
}

impl Decoder {
    /// `checkpoint` is the whole VAE's.
    pub fn new(checkpoint: &Checkpoint, config: &Config) -> Result<Self> {
        let (latent, first) = (config.latent_channels, config.block_out_channels[0]);
        let quant = config.use_post_quant_conv.then(|| Conv::new(checkpoint, "post_quant_conv", latent, latent, 1));
        let decoder = checkpoint.at("decoder");
        Ok(Self {
            post_quant_conv: quant.transpose()?,
            conv_in: Conv::new(&decoder, "conv_in", latent, config.lowest(), 3)?,
            mid_block: MidBlock::new(&decoder.at("mid_block"), config)?,
            up_blocks: up_blocks(&decoder, config)?,
            conv_norm_out: GroupNorm::new(&decoder, "conv_norm_out", first, config.norm_num_groups),
            conv_out: Conv::new(&decoder, "conv_out", first, 3, 3)?,
        })
    }

    /// How often [`Decoder::forward`] calls `after`.
    pub fn stages(config: &Config) -> usize {
        config.block_out_channels.len() + 2
    }

    /// `[n, h, w, latent_channels]` → `[n, height, width, 3]` in −1..1 or a little beyond, float32.
    pub fn forward(&self, z: &Tensor, after: After<'_>) -> Result<Tensor> {
        let z = self.post_quant_conv.as_ref().map_or_else(|| z.clone(), |conv| conv.forward(z));
        let mut x = self.mid_block.forward(self.conv_in.forward(&z))?;
        after(&x)?;
        for block in &self.up_blocks {
            x = block.forward(x)?;
            after(&x)?;
        }
        let pixels = self.conv_out.forward(&self.conv_norm_out.activated(&x)).as_dtype(Dtype::Float32);
        after(&pixels)?;
        Ok(pixels)
    }
}

fn up_blocks(decoder: &Checkpoint, config: &Config) -> Result<Vec<UpBlock>> {
    let mut inputs = config.lowest();
    let levels = config.block_out_channels.iter().rev().enumerate();
    let last = config.block_out_channels.len() - 1;
    levels
        .map(|(i, &channels)| {
            let block = decoder.at(format!("up_blocks.{i}"));
            let resnets = Resnet::chain(&block, config.layers_per_block + 1, inputs, channels, config.norm_num_groups)?;
            let upsampler = (i < last).then(|| Conv::new(&block, "upsamplers.0.conv", channels, channels, 3));
            inputs = channels;
            Ok(UpBlock { resnets, upsampler: upsampler.transpose()? })
        })
        .collect()
}

impl UpBlock {
    fn forward(&self, x: Tensor) -> Result<Tensor> {
        let x = self.resnets.iter().fold(x, |x, resnet| resnet.forward(x));
        let Some(conv) = &self.upsampler else {
            return Ok(x);
        };
        let [_, height, width, _] = x.dims("a layer of the VAE")?;
        let doubled = x.interpolate(&[2 * height, 2 * width], "nearest");
        drop(x);
        Ok(conv.forward(&doubled))
    }
}
