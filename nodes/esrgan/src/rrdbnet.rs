//! The architecture that upscales by an RRDB network.

use plugin_api::{Architecture, Dtype, Error, Record, Result, Role, Session, Tensor, TensorInfo, Value, Weights};
use weft_formats::Tensor as Header;
use weft_formats::memory::upscaler as memory;
use weft_formats::upscaler::{self, Refusal, Rrdb};

use crate::network::Network;
use crate::pixels;

/// As spandrel, against whose numbers this is tested: a smaller picture, or one for a network that unshuffles pixels and
/// has another size, is padded.
const LEAST: i32 = 2;
const MULTIPLE: i32 = 4;

pub struct RrdbNet {
    rrdb: Rrdb,
    network: Network,
}

impl Architecture for RrdbNet {
    const ID: &'static str = "rrdbnet";
    const ROLE: Role = Role::UpscaleModel;

    fn detect(weights: &Weights) -> bool {
        read(weights).is_ok()
    }

    fn build(_: &str, weights: &Weights) -> Result<Self> {
        let rrdb = read(weights).map_err(|refusal| Error::file(format!("the upscaler's file is {refusal}")))?;
        Ok(Self { network: Network::new(&weights.cast(Dtype::Float32), &rrdb)?, rrdb })
    }

    fn call(&self, session: &Session, method: &str, args: &Record) -> Result<Value> {
        match method {
            "upscale" => Ok(self.upscale(session, args)?.into()),
            "about" => Ok(self.about().into()),
            _ => Err(Error::invalid(format!("an upscaler has no method `{method}`"))),
        }
    }
}

impl RrdbNet {
    /// `image` `[n, h, w, 3]` → `[n, h · scale, w · scale, 3]`, both in 0..1, whatever the network leaves. `tile` of `tiles`,
    /// where they are given, are for the progress alone.
    fn upscale(&self, session: &Session, args: &Record) -> Result<Tensor> {
        let image: Tensor = args.get("image")?;
        let [_, height, width, channels] = image.dims("the image")?;
        if channels != 3 || height < 1 || width < 1 {
            return Err(Error::invalid(format!("an RGB image is needed, not one of {width}×{height}×{channels}")));
        }
        let (tile, tiles) = (args.find::<i64>("tile")?.unwrap_or(0), args.find::<i64>("tiles")?.unwrap_or(1));
        let (run, stages) = (session.run(), self.network.stages());
        let mut done = tile as usize * stages;
        let y = self.network.forward(&self.input(&image.as_dtype(Dtype::Float32))?, |x| {
            done += 1;
            run.progress(done, tiles as usize * stages, Some(x))
        })?;
        let scale = self.rrdb.scale() as i32;
        Ok(y.narrow(1, 0, height * scale).narrow(2, 0, width * scale).clip(0.0, 1.0))
    }

    fn input(&self, image: &Tensor) -> Result<Tensor> {
        match self.rrdb.unshuffle as i32 {
            1 => pixels::padded(image, 1, LEAST),
            factor => pixels::unshuffled(&pixels::padded(image, MULTIPLE, LEAST)?, factor),
        }
    }

    /// `scale`, and what tiling needs to know: the `multiple` at which tiles begin, the `radius` of the pixels that matter
    /// to one, and the `bytes` that a pass needs for each pixel of the image.
    fn about(&self) -> Record {
        let multiple = if self.rrdb.unshuffle == 1 { 1 } else { i64::from(MULTIPLE) };
        Record::new()
            .with("scale", self.rrdb.scale() as i64)
            .with("multiple", multiple)
            .with("radius", self.rrdb.radius() as i64)
            .with("bytes", memory::of_pixel(&self.rrdb) as i64)
    }
}

/// The network that the weights are.
pub fn read(weights: &Weights) -> std::result::Result<Rrdb, Refusal> {
    let header = |info: TensorInfo| Header {
        dtype: weft_formats::Dtype::named(&info.stored),
        shape: info.shape.iter().map(|&side| side.unsigned_abs() as usize).collect(),
        name: info.name,
    };
    upscaler::read(&weights.list().into_iter().map(header).collect::<Vec<_>>())
}
