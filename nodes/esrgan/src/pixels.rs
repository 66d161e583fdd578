//! Pixels beside and into each other, before a network sees them.

use plugin_api::{Result, Tensor};

/// `[n, h, w, c]` with both sides a multiple of `multiple` and at least `least`: what is missing below and to the right is
/// mirrored, without the edge itself, and where the picture is too small for that its first row or column repeats.
///
/// # Errors
/// The error that the tensor carries.
pub fn padded(x: &Tensor, multiple: i32, least: i32) -> Result<Tensor> {
    let [_, height, width, _] = x.dims("the image")?;
    let to = |side: i32| (side.max(least) + multiple - 1) / multiple * multiple;
    let along = |x: &Tensor, side: i32, axis: i32| match mirrored(side, to(side)) {
        None => x.clone(),
        Some(places) => x.take(&Tensor::from_slice(&places, &[to(side)]), axis),
    };
    Ok(along(&along(x, height, 1), width, 2))
}

/// For each of `to` places the one of `side` that it repeats; none where there is nothing to add.
fn mirrored(side: i32, to: i32) -> Option<Vec<i32>> {
    let place = |at: i32| if at < side { at } else { (2 * (side - 1) - at).max(0) };
    (to > side).then(|| (0..to).map(place).collect())
}

/// `[n, h, w, c]` → `[n, h/factor, w/factor, c · factor²]`, in the order of torch's `pixel_unshuffle`.
///
/// # Errors
/// The error that the tensor carries.
pub fn unshuffled(x: &Tensor, factor: i32) -> Result<Tensor> {
    let [n, height, width, channels] = x.dims("the image")?;
    let (rows, columns) = (height / factor, width / factor);
    let parts = x.reshape(&[n, rows, factor, columns, factor, channels]).transpose(&[0, 1, 3, 5, 2, 4]);
    Ok(parts.reshape(&[n, rows, columns, channels * factor * factor]))
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn what_is_missing_is_mirrored() {
        assert_eq!(mirrored(5, 8).unwrap(), [0, 1, 2, 3, 4, 3, 2, 1]);
        assert_eq!(mirrored(2, 4).unwrap(), [0, 1, 0, 0]);
        assert_eq!(mirrored(1, 4).unwrap(), [0, 0, 0, 0]);
        assert_eq!(mirrored(4, 4), None);
    }

    #[test]
    fn pixels_become_channels() {
        let numbers: Vec<f32> = (0..16).map(|i| i as f32).collect();
        let x = unshuffled(&Tensor::from_slice(&numbers, &[1, 2, 4, 2]), 2).unwrap();
        assert_eq!(x.shape().unwrap(), [1, 1, 2, 8]);
        // torch.pixel_unshuffle(torch.arange(16).reshape(2, 4, 2).permute(2, 0, 1)[None], 2)[0, :, 0, 0]
        assert_eq!(x.to_vec::<f32>().unwrap()[..8], [0.0, 2.0, 8.0, 10.0, 1.0, 3.0, 9.0, 11.0]);
    }
}
