//! A new architecture: the upscaler ESPCN (Shi et al. 2016, "Real-Time Single Image and Video Super-Resolution Using an
//! Efficient Sub-Pixel Convolutional Neural Network"): convolutions at the small size, of which the last makes all pixels
//! of the large one.
//!
//! It needs no node of its own. `esrgan/LoadUpscaler` finds it by the names and shapes in a file, `esrgan/UpscaleImage`
//! runs it tile by tile. A file has `layers.N.weight` `[out, in, side, side]` and `layers.N.bias` `[out]`.

use plugin_api::{Architecture, Dtype, Error, Record, Result, Role, Session, Tensor, Value, Weights, export_plugin};

struct Espcn {
    layers: Vec<Layer>,
    scale: i32,
}

/// One convolution: weight `[out, side, side, in]`.
struct Layer {
    weight: Tensor,
    bias: Tensor,
    /// Pixels around one that matter to it.
    radius: i32,
}

impl Architecture for Espcn {
    const ID: &'static str = "org.example.espcn";
    const ROLE: Role = Role::UpscaleModel;

    fn detect(weights: &Weights) -> bool {
        scale(weights).is_ok()
    }

    /// The host computes the tensors that the network keeps once it is built.
    fn build(_config: &str, weights: &Weights) -> Result<Self> {
        let (scale, weights) = (scale(weights)?, weights.cast(Dtype::Float32));
        let layers = (0..).map(|index| weights.at(format!("layers.{index}")));
        let layers = layers.take_while(|layer| layer.contains("weight")).map(|layer| Layer::new(&layer));
        Ok(Self { layers: layers.collect::<Result<_>>()?, scale })
    }

    /// What every upscaler is asked for: see `Role::UpscaleModel`.
    fn call(&self, session: &Session, method: &str, args: &Record) -> Result<Value> {
        match method {
            "upscale" => {
                let image = self.upscale(&args.get("image")?)?;
                let (tile, tiles) = (args.find("tile")?.unwrap_or(0usize), args.find("tiles")?.unwrap_or(1));
                session.run().progress(tile + 1, tiles, Some(&image))?;
                Ok(image.into())
            }
            "about" => {
                let radius: i32 = self.layers.iter().map(|layer| layer.radius).sum();
                Ok(Record::new().with("scale", self.scale).with("radius", radius).into())
            }
            _ => Err(Error::invalid(format!("an upscaler has no method `{method}`"))),
        }
    }
}

impl Espcn {
    /// `[n, h, w, 3]` → `[n, h · scale, w · scale, 3]`, both in 0..1.
    fn upscale(&self, image: &Tensor) -> Result<Tensor> {
        let [pictures, height, width, _] = image.dims("the image")?;
        let mut x = image.as_dtype(Dtype::Float32);
        for (index, layer) in self.layers.iter().enumerate() {
            x = layer.forward(&if index > 0 { x.tanh() } else { x })?;
        }
        // Every pixel's channels are 3 colours of scale × scale pixels.
        let (scale, size) = (self.scale, [pictures, height * self.scale, width * self.scale, 3]);
        let pixels = x.reshape(&[pictures, height, width, 3, scale, scale]).transpose(&[0, 1, 4, 2, 5, 3]);
        Ok(pixels.reshape(&size).clip(0.0, 1.0))
    }
}

impl Layer {
    fn new(weights: &Weights) -> Result<Self> {
        let side = weights.shape("weight")?[2];
        // Files hold [out, in, side, side], as torch saves it.
        let weight = weights.tensor("weight").transpose(&[0, 2, 3, 1]);
        Ok(Self { weight, bias: weights.tensor("bias"), radius: side / 2 })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let [_, height, width, _] = x.dims("the image")?;
        let x = x.take(&self.around(height), 1).take(&self.around(width), 2);
        Ok(x.conv2d(&self.weight, &[1, 1], &[0, 0], &[1, 1], 1) + &self.bias)
    }

    /// The rows of an axis with so many more at both ends, which repeat the first and the last.
    fn around(&self, side: i32) -> Tensor {
        let rows: Vec<i32> = (-self.radius..side + self.radius).map(|row| row.clamp(0, side - 1)).collect();
        Tensor::from_slice(&rows, &[rows.len() as i32])
    }
}

/// How much larger the network of these weights makes a picture; an error where they are none of this architecture.
fn scale(weights: &Weights) -> Result<i32> {
    let mut channels = 3;
    let mut layers = 0;
    while let Some(weight) = weights.find(&format!("layers.{layers}.weight")) {
        let bias = weights.shape(&format!("layers.{layers}.bias"))?;
        match weight.shape[..] {
            [out, taken, side, other] if taken == channels && side == other && side % 2 == 1 && bias == [out] => {
                channels = out
            }
            _ => return Err(Error::file(format!("`layers.{layers}` is no layer of ESPCN: {:?}", weight.shape))),
        }
        layers += 1;
    }
    let scale = (1..=8).find(|scale| 3 * scale * scale == channels && layers > 0 && weights.list().len() == 2 * layers);
    scale.ok_or_else(|| Error::file("these weights are no ESPCN"))
}

export_plugin! { id: "org.example.espcn", architectures: [Espcn] }

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::testing;

    /// A layer of one tap: output channel c is the input channel that `from` names.
    fn file(path: &str, from: &[usize]) -> Weights {
        let mut weight = vec![0f32; from.len() * 3];
        from.iter().enumerate().for_each(|(out, channel)| weight[out * 3 + channel] = 1.0);
        let (out, bias) = (from.len() as i32, vec![0.0; from.len()]);
        let tensors = [("layers.0.weight", &[out, 3, 1, 1][..], &weight[..]), ("layers.0.bias", &[out], &bias)];
        testing::weights_file(path, &tensors);
        Weights::open(path).unwrap()
    }

    #[test]
    fn pixels_come_to_their_places() {
        let weights = file("double", &[0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
        let image = Tensor::from_slice(&[0.1f32, 0.2, 0.3, 0.5, 0.6, 0.7], &[1, 1, 2, 3]);
        let network = Espcn::build("", &weights).unwrap();
        assert_eq!(network.scale, 2);
        let large = network.upscale(&image).unwrap();
        assert_eq!(large.to_vec::<f32>().unwrap(), image.interpolate(&[2, 4], "nearest").to_vec::<f32>().unwrap());
    }

    #[test]
    fn other_weights_are_not_taken() {
        assert!(Espcn::detect(&file("same", &[2, 1, 0])));
        assert!(!Espcn::detect(&file("five", &[0, 1, 2, 0, 1])));
        testing::weights_file("other", &[("conv_first.weight", &[1], &[0.0])]);
        assert!(!Espcn::detect(&Weights::open("other").unwrap()));
    }
}
