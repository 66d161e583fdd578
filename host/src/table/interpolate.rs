//! Resampling of pictures and latents with the meaning of torch's `interpolate` (`align_corners=False`, no
//! anti-aliasing): along each axis a matrix of at most four weights a row.

use mlx_rs::{Array, ops};
use plugin_api::{Error, Result};

use super::compute::{matmul, reshape, swap_axes, take};
use super::mlx::mlx_error;

/// `[n,h,w,c]` to `[n,size[0],size[1],c]`.
pub fn interpolate(x: &Array, size: &[i32], mode: &str) -> Result<Array> {
    let (&[_, height, width, _], &[new_height, new_width]) = (x.shape(), size) else {
        return Err(Error::invalid(format!("interpolate of the shape {:?} to {size:?}", x.shape())));
    };
    if new_height < 1 || new_width < 1 || height < 1 || width < 1 {
        return Err(Error::invalid(format!("interpolate of the shape {:?} to {size:?}", x.shape())));
    }
    match mode {
        "nearest" if new_height == 2 * height && new_width == 2 * width => double(x),
        "nearest" => take(&take(x, &nearest(height, new_height), 1)?, &nearest(width, new_width), 2),
        "linear" | "cubic" => {
            let taps = if mode == "linear" { linear } else { cubic };
            let rows = resample(x, height, new_height, 1, taps)?;
            resample(&rows, width, new_width, 2, taps)
        }
        other => Err(Error::invalid(format!("interpolate knows nearest, linear and cubic, not `{other}`"))),
    }
}

/// The common case: every pixel four times, by a broadcast instead of a gather.
fn double(x: &Array) -> Result<Array> {
    if let Some(done) = super::cpu::double(x)? {
        return Ok(done);
    }
    let &[n, h, w, c] = x.shape() else { return Err(Error::invalid("not a picture")) };
    let wide = ops::broadcast_to(&reshape(x, &[n, h, 1, w, 1, c])?, &[n, h, 2, w, 2, c]).map_err(mlx_error)?;
    reshape(&wide, &[n, 2 * h, 2 * w, c])
}

fn nearest(from: i32, to: i32) -> Array {
    // torch computes the scale in float32 and rounds down.
    let scale = from as f32 / to as f32;
    let index: Vec<i32> = (0..to).map(|i| ((i as f32 * scale).floor() as i32).min(from - 1)).collect();
    Array::from_slice(&index, &[to])
}

/// Weights of the neighbours around a source position: offset from its floor, weight. In float32 with fused products, as
/// torch works them out: exact ones would be 3e-6 from its pictures.
type Taps = fn(f32) -> Vec<(i64, f32)>;

fn linear(t: f32) -> Vec<(i64, f32)> {
    vec![(0, 1.0 - t), (1, t)]
}

/// The convolution kernel of Keys with a = −0.75, as torch has it.
fn cubic(t: f32) -> Vec<(i64, f32)> {
    const A: f32 = -0.75;
    let near = |x: f32| ((A + 2.0).mul_add(x, -(A + 3.0)) * x).mul_add(x, 1.0);
    let far = |x: f32| A.mul_add(x, -5.0 * A).mul_add(x, 8.0 * A).mul_add(x, -4.0 * A);
    let rest = 1.0 - t;
    vec![(-1, far(t + 1.0)), (0, near(t)), (1, near(rest)), (2, far(rest + 1.0))]
}

fn resample(x: &Array, from: i32, to: i32, axis: i32, taps: Taps) -> Result<Array> {
    if from == to {
        return Ok(x.clone());
    }
    let matrix = matrix(from as usize, to as usize, taps);
    let matrix = Array::from_slice(&matrix, &[to, from]).as_dtype(x.dtype()).map_err(mlx_error)?;
    // [.., axis, .., c] with the axis moved before the last: matrix · [from, c·…].
    let moved = swap_axes(x, axis, 1)?;
    let shape = moved.shape().to_vec();
    let flat = reshape(&moved, &[shape[0], from, -1])?;
    let out = reshape(&matmul(&matrix, &flat)?, &[shape[0], to, shape[2], shape[3]])?;
    swap_axes(&out, 1, axis)
}

/// `[to, from]`, rows of weights that sum to 1; neighbours past the border are the border's pixel.
fn matrix(from: usize, to: usize, taps: Taps) -> Vec<f32> {
    let scale = from as f32 / to as f32;
    let mut matrix = vec![0f32; to * from];
    let clamp_low = taps(0.5).len() == 2;
    for (row, weights) in matrix.chunks_exact_mut(from).enumerate() {
        let source = (row as f32 + 0.5).mul_add(scale, -0.5);
        // torch clamps the position below 0 for linear, but not for cubic.
        let source = if clamp_low { source.max(0.0) } else { source };
        let floor = source.floor();
        for (offset, weight) in taps(source - floor) {
            let at = (floor as i64 + offset).clamp(0, from as i64 - 1) as usize;
            weights[at] += weight;
        }
    }
    matrix
}
