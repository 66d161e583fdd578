//! Pictures of any size, brought to one that the model takes.

use plugin_api::{Error, InputKind, Result, Tensor};

/// Both sides are multiples of it: 8 pixels a latent number, 2 numbers a token of the transformer.
const MULTIPLE: i32 = 16;

pub const HELP: &str = "What becomes of a picture whose sides are no multiples of 16: pad repeats its last row and column \
    up to the next multiple, crop cuts it to the last one around its middle. Nothing is scaled.";

pub fn param() -> InputKind {
    InputKind::choice(&["pad", "crop"])
}

/// `image` `[n, height, width, channels]` with sides that fit, and what to tell of it where that changed something.
///
/// # Errors
/// A picture that is too small to be cropped.
pub fn fitted(image: &Tensor, fit: &str) -> Result<(Tensor, Option<String>)> {
    let [_, height, width, _] = image.dims("the image")?;
    let size = [height, width];
    if size.iter().all(|side| side % MULTIPLE == 0 && *side > 0) {
        return Ok((image.clone(), None));
    }
    let (fitted, target, done) = match fit {
        "crop" => (cropped(image, size)?, size.map(below), "cropped"),
        _ => (padded(image, size), size.map(above), "padded"),
    };
    let [high, wide] = target;
    let note = format!(
        "the picture of {width}×{height} pixels was {done} to {wide}×{high}: both sides must be multiples of 16"
    );
    Ok((fitted, Some(note)))
}

fn above(side: i32) -> i32 {
    (side - 1).div_euclid(MULTIPLE).saturating_add(1).saturating_mul(MULTIPLE)
}

fn below(side: i32) -> i32 {
    side - side % MULTIPLE
}

fn padded(image: &Tensor, size: [i32; 2]) -> Tensor {
    [1, 2].into_iter().zip(size).filter(|(_, side)| above(*side) > *side).fold(image.clone(), |image, (axis, side)| {
        let edge = image.narrow(axis, side - 1, side).repeat(above(side) - side, axis);
        Tensor::concatenate(&[image, edge], axis)
    })
}

fn cropped(image: &Tensor, size: [i32; 2]) -> Result<Tensor> {
    let [height, width] = size;
    if height.min(width) < MULTIPLE {
        return Err(Error::invalid(format!(
            "the picture of {width}×{height} pixels is too small to be cropped to multiples of 16"
        ))
        .help("set `fit` to pad"));
    }
    let middle = |image: Tensor, (axis, side): (i32, i32)| {
        let start = (side - below(side)) / 2;
        image.narrow(axis, start, start + below(side))
    };
    Ok([1, 2].into_iter().zip(size).fold(image.clone(), middle))
}

#[cfg(test)]
mod tests {
    use plugin_api::Dtype;

    use super::*;

    /// Numbers that count the pixels, from 0.
    fn picture(height: i32, width: i32) -> Tensor {
        Tensor::arange(0.0, (height * width) as f32, 1.0, Dtype::Float32).reshape(&[1, height, width, 1])
    }

    fn fitted(height: i32, width: i32, fit: &str) -> (Vec<i32>, Vec<f32>, Option<String>) {
        let (image, note) = super::fitted(&picture(height, width), fit).unwrap();
        (image.shape().unwrap(), image.to_vec().unwrap(), note)
    }

    #[test]
    fn what_fits_is_left_alone() {
        for fit in ["pad", "crop"] {
            let (shape, _, note) = fitted(32, 48, fit);
            assert_eq!((shape, note), (vec![1, 32, 48, 1], None));
        }
    }

    #[test]
    fn padding_repeats_the_edge() {
        for (height, width, shape) in [(1, 1, [1, 16, 16, 1]), (13, 7, [1, 16, 16, 1]), (17, 40, [1, 32, 48, 1])] {
            let (found, pixels, note) = fitted(height, width, "pad");
            assert_eq!(found, shape);
            for (at, pixel) in pixels.iter().enumerate() {
                let (y, x) = (at as i32 / shape[2], at as i32 % shape[2]);
                assert_eq!(*pixel, (y.min(height - 1) * width + x.min(width - 1)) as f32, "{y} {x}");
            }
            let said = format!("the picture of {width}×{height} pixels was padded to {}×{}", shape[2], shape[1]);
            assert!(note.unwrap().starts_with(&said));
        }
        assert_eq!(fitted(700, 400, "pad").0, [1, 704, 400, 1]);
    }

    #[test]
    fn cropping_keeps_the_middle() {
        let (shape, pixels, note) = fitted(20, 37, "crop");
        assert_eq!(shape, [1, 16, 32, 1]);
        assert_eq!((pixels[0], pixels[511]), ((2 * 37 + 2) as f32, (17 * 37 + 33) as f32));
        assert!(note.unwrap().starts_with("the picture of 37×20 pixels was cropped to 32×16"));
    }

    #[test]
    fn what_is_too_small_to_be_cropped_is_refused() {
        let error = super::fitted(&picture(13, 700), "crop").unwrap_err();
        assert!(error.message.contains("700×13") && error.help.contains("pad"), "{error:?}");
    }
}
