//! An image filter: one node, IMAGE in, IMAGE out, with a number and an optional mask.

use plugin_api::{Dtype, Error, InputKind, Node, NodeSpec, Record, Result, Run, Tensor, export_plugin};

/// Blurs pictures as a lens does that is out of focus a little.
struct Blur;

impl Node for Blur {
    fn spec() -> NodeSpec {
        NodeSpec::new("Blur", "image", "Blurs a picture, or the part of it that a mask names.")
            .link("image", "IMAGE", "The picture.")
            .optional_link("mask", "MASK", "1 where it is blurred, 0 where it stays. Without it: everywhere.")
            .param("radius", InputKind::float(2.0, (0.0, 100.0), 0.5).soft(0, 20), "In pixels; 0 is no blur.")
            .output("image", "IMAGE")
    }

    fn run(_run: &Run, inputs: &Record) -> Result<Record> {
        let image: Tensor = inputs.get("image")?;
        let radius: f32 = inputs.get("radius")?;
        let blurred = if radius > 0.0 { blurred(&image, radius)? } else { image.clone() };
        let image = match inputs.find::<Tensor>("mask")? {
            None => blurred,
            Some(mask) => masked(&image, &blurred, &mask)?,
        };
        Ok(Record::new().with("image", image))
    }
}

/// A Gaussian of this standard deviation, first along the rows, then along the columns.
fn blurred(image: &Tensor, radius: f32) -> Result<Tensor> {
    let [pictures, height, width, channels] = image.dims("the image")?;
    let kernel = gaussian(radius);
    let (size, reach) = (kernel.len() as i32, kernel.len() as i32 / 2);
    let vertical = Tensor::from_slice(&kernel, &[1, size, 1, 1]);
    let horizontal = vertical.reshape(&[1, 1, size, 1]);
    let blur = |x: &Tensor| {
        x.conv2d(&vertical, &[1, 1], &[reach, 0], &[1, 1], 1).conv2d(&horizontal, &[1, 1], &[0, reach], &[1, 1], 1)
    };
    // Each channel is a picture of its own here, because the kernel knows one.
    let planes = image.transpose(&[0, 3, 1, 2]).reshape(&[pictures * channels, height, width, 1]);
    // Beyond the border a convolution sees 0. Dividing by how much of the kernel lay inside makes up for it.
    let inside = blur(&Tensor::full(&[1, height, width, 1], 1.0, Dtype::Float32));
    let planes = blur(&planes) / inside;
    Ok(planes.reshape(&[pictures, channels, height, width]).transpose(&[0, 2, 3, 1]))
}

/// Weights that sum to 1, as far as they matter.
fn gaussian(radius: f32) -> Vec<f32> {
    let reach = (3.0 * radius).ceil() as i32;
    let weights: Vec<f32> = (-reach..=reach).map(|at| (-0.5 * (at as f32 / radius).powi(2)).exp()).collect();
    let sum: f32 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

/// `blurred` where the mask is 1, `image` where it is 0.
fn masked(image: &Tensor, blurred: &Tensor, mask: &Tensor) -> Result<Tensor> {
    let ([_, height, width, _], [_, rows, columns]) = (image.dims("the image")?, mask.dims("the mask")?);
    if (height, width) != (rows, columns) {
        let what = format!("the mask is {columns}×{rows} pixels, but the picture {width}×{height}");
        return Err(Error::invalid(what).help("give a mask of the same size"));
    }
    Ok(image + (blurred - image) * mask.expand_dims(&[3]))
}

export_plugin! { id: "org.example.blur", nodes: [Blur] }

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::testing::TestRun;

    fn blur(inputs: Record) -> Result<Vec<f32>> {
        TestRun::new().run::<Blur>(&inputs)?.get::<Tensor>("image")?.to_vec()
    }

    fn dot() -> Record {
        let mut pixels = [0f32; 75];
        pixels[36..39].fill(1.0);
        Record::new().with("image", Tensor::from_slice(&pixels, &[1, 5, 5, 3])).with("radius", 1.0)
    }

    #[test]
    fn a_dot_spreads_and_one_colour_stays() {
        let spread = blur(dot()).unwrap();
        assert!((spread[36] - 0.1621).abs() < 1e-4 && spread[39] < spread[36], "{spread:?}");
        let grey = Tensor::from_slice(&[0.25f32; 75], &[1, 5, 5, 3]);
        let same = blur(Record::new().with("image", grey).with("radius", 3.0)).unwrap();
        assert!(same.iter().all(|x| (x - 0.25).abs() < 1e-6), "{same:?}");
    }

    #[test]
    fn a_mask_keeps_the_rest() {
        let nowhere = Tensor::from_slice(&[0f32; 25], &[1, 5, 5]);
        assert_eq!(blur(dot().with("mask", nowhere)).unwrap()[36..39], [1.0; 3]);
        let small = Tensor::from_slice(&[1f32; 4], &[1, 2, 2]);
        assert!(blur(dot().with("mask", small)).unwrap_err().message.contains("2×2"));
    }
}
