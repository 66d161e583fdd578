//! The autoencoder between pictures and latents: `AutoencoderKL` as Flux and Z-Image use it.

mod attention;
mod config;
mod conv;
mod decoder;
mod encoder;
mod memory;
mod mid_block;
mod resnet;
mod tiles;

use std::cell::OnceCell;

use plugin_api::tiles::{Grid, Step};
use plugin_api::{Architecture, Dtype, Error, Record, Result, Role, Session, Tensor, Value, Weights};
use weft_formats::memory::vae::Half;

use crate::checkpoint::Checkpoint;
use config::Config;
use decoder::Decoder;
use encoder::Encoder;

const WHAT: &str = "VAE";

pub struct Vae {
    config: Config,
    checkpoint: Checkpoint,
    dtype: Dtype,
    // Each half when it is first used: most runs only decode, and need not hold the encoder.
    decoder: OnceCell<Decoder>,
    encoder: OnceCell<Encoder>,
}

impl Architecture for Vae {
    const ID: &'static str = "autoencoder-kl";
    const ROLE: Role = Role::Vae;

    fn detect(weights: &Weights) -> bool {
        weights.find("decoder.conv_in.weight").is_some_and(|found| found.shape.len() == 4)
            && !weights.at("decoder.mid_block").list().is_empty()
    }

    fn build(config: &str, weights: &Weights) -> Result<Self> {
        let config = Config::parse(config)?;
        let dtype = weights.tensor("decoder.conv_in.bias").dtype()?;
        let checkpoint = Checkpoint::new(weights);
        Ok(Self { config, checkpoint, dtype, decoder: OnceCell::new(), encoder: OnceCell::new() })
    }

    fn call(&self, session: &Session, method: &str, args: &Record) -> Result<Value> {
        match method {
            "decode" => Ok(self.decode(session, &args.get("latent")?, args.get("tile")?)?.into()),
            "encode" => Ok(self.encode(session, &args.get("image")?, args.get("tile")?)?.into()),
            "memory" => Ok(self.memory(session, args)?.into()),
            _ => Err(Error::invalid(format!("a {WHAT} has no method `{method}`"))),
        }
    }
}

impl Vae {
    fn decoder(&self) -> Result<&Decoder> {
        if let Some(decoder) = self.decoder.get() {
            return Ok(decoder);
        }
        let decoder = Decoder::new(&self.checkpoint, &self.config)?;
        self.checkpoint.finish(WHAT)?;
        Ok(self.decoder.get_or_init(|| decoder))
    }

    fn encoder(&self) -> Result<&Encoder> {
        if let Some(encoder) = self.encoder.get() {
            return Ok(encoder);
        }
        if !self.checkpoint.has("encoder.conv_in.weight") {
            return Err(Error::file("this VAE can only decode: its file has no encoder")
                .help("choose a VAE file with an encoder"));
        }
        let encoder = Encoder::new(&self.checkpoint, &self.config)?;
        self.checkpoint.finish(WHAT)?;
        Ok(self.encoder.get_or_init(|| encoder))
    }

    /// `[n, channels, h, w]` → `[n, height, width, 3]` in 0..1. `tile` is the side of a tile in pixels, or 0.
    fn decode(&self, session: &Session, latent: &Tensor, tile: i32) -> Result<Tensor> {
        let [_, channels, height, width] = latent.dims("the latent")?;
        if channels != self.config.latent_channels {
            return Err(Error::invalid(format!(
                "the latent has {channels} channels, but this VAE has {}",
                self.config.latent_channels
            ))
            .help("use the VAE that belongs to the model"));
        }
        let scaling = Tensor::full(&[], self.config.scaling_factor, Dtype::Float32);
        let z = (latent.as_dtype(Dtype::Float32).transpose(&[0, 2, 3, 1]) / scaling).add_scalar(self.config.shift());
        let grid = self.grid([height, width], tile, Step { input: 1, output: self.config.scale() })?;
        let decoder = self.decoder()?;
        let decode = |z: &Tensor, after: tiles::After<'_>| decoder.forward(&z.as_dtype(self.dtype), after);
        let pixels = tiles::run(&grid, &session.run(), &z, Decoder::stages(&self.config), decode)?;
        Ok((pixels * 0.5).add_scalar(0.5).clip(0.0, 1.0))
    }

    /// `[n, height, width, 3]` in 0..1 → `[n, channels, h, w]`, the mean of what the encoder sees. `tile` as above.
    fn encode(&self, session: &Session, image: &Tensor, tile: i32) -> Result<Tensor> {
        let encoder = self.encoder()?;
        let [_, height, width, channels] = image.dims("the image")?;
        let scale = self.config.scale();
        if channels != 3 || height < scale || width < scale {
            let found = format!("{width} × {height} with {channels} channels");
            return Err(Error::invalid(format!(
                "an image of at least {scale} × {scale} in RGB is needed, not {found}"
            )));
        }
        let pixels = (image.as_dtype(Dtype::Float32) * 2.0).add_scalar(-1.0);
        let size = [height / scale, width / scale];
        let grid = self.grid(size, tile, Step { input: scale, output: 1 })?;
        let encode = |x: &Tensor, after: tiles::After<'_>| encoder.forward(&x.as_dtype(self.dtype), after);
        let mean = tiles::run(&grid, &session.run(), &pixels, Encoder::stages(&self.config), encode)?;
        let latent = mean.add_scalar(-self.config.shift()).multiply_scalar(self.config.scaling_factor);
        Ok(latent.transpose(&[0, 3, 1, 2]))
    }

    /// Bytes that a pass through `method` takes, for `height` × `width` pixels.
    fn memory(&self, session: &Session, args: &Record) -> Result<i64> {
        let method: String = args.get("method")?;
        let half = Half::of(&method).ok_or_else(|| Error::invalid(format!("a {WHAT} cannot `{method}`")))?;
        let size = [args.get("height")?, args.get("width")?];
        let on_gpu = session.run().info().get::<String>("device")? == "gpu";
        Ok(memory::bytes(&self.config, half, self.dtype, on_gpu, size))
    }

    /// Of `size` latent pixels, in tiles of so many pixels that overlap by a quarter; 0 is the whole at once.
    fn grid(&self, size: [i32; 2], pixels: i32, step: Step) -> Result<Grid> {
        let least = tiles::SMALLEST * self.config.scale();
        let tile = match pixels {
            0 => size[0].max(size[1]),
            _ if pixels < least => {
                return Err(Error::invalid(format!("tiles of {pixels} pixels are too small: use {least} or more")));
            }
            _ => pixels / self.config.scale(),
        };
        Ok(Grid::new(size, tile, tile / 4, step))
    }
}
