//! Operations on pictures `[n,h,w,c]`, in plain loops.

use super::array::Array;
use crate::{Error, Result};

pub fn conv2d(
    x: &Array,
    weight: &Array,
    stride: &[i32],
    padding: &[i32],
    dilation: &[i32],
    groups: i32,
) -> Result<Array> {
    let (&[n, h, w, c], &[out, kh, kw, depth]) = (&x.shape[..], &weight.shape[..]) else {
        return Err(Error::invalid(format!("conv2d of the shapes {:?} and {:?}", x.shape, weight.shape)));
    };
    let (&[sy, sx], &[py, px], &[dy, dx]) = (stride, padding, dilation) else {
        return Err(Error::invalid("conv2d needs two numbers each as stride, padding and dilation"));
    };
    if groups < 1 || depth * groups != c || out % groups != 0 || sy < 1 || sx < 1 {
        return Err(Error::invalid(format!("conv2d of {c} channels in {groups} groups with {:?}", weight.shape)));
    }
    let side = |from: i32, kernel: i32, stride: i32, padding: i32, dilation: i32| {
        (from + 2 * padding - dilation * (kernel - 1) - 1).div_euclid(stride) + 1
    };
    let shape = [n, side(h, kh, sy, py, dy).max(0), side(w, kw, sx, px, dx).max(0), out];
    // The taps of one output number, without those on the padding, which is 0.
    Ok(Array::from_fn(&shape, x.dtype, |index| {
        let &[picture, row, column, channel] = index else { return 0.0 };
        let first = (channel as i32 / (out / groups) * depth) as usize;
        let mut sum = 0.0;
        for tap in 0..kh * kw {
            let (ky, kx) = (tap / kw, tap % kw);
            let (y, x_at) = (row as i32 * sy + ky * dy - py, column as i32 * sx + kx * dx - px);
            if !(0..h).contains(&y) || !(0..w).contains(&x_at) {
                continue;
            }
            for part in 0..depth as usize {
                let from = x.at(&[picture, y as usize, x_at as usize, first + part]);
                sum += from * weight.at(&[channel, ky as usize, kx as usize, part]);
            }
        }
        sum
    }))
}

pub fn interpolate(x: &Array, size: &[i32], mode: String) -> Result<Array> {
    let (&[n, h, w, c], &[height, width]) = (&x.shape[..], size) else {
        return Err(Error::invalid(format!("interpolate of the shape {:?} to {size:?}", x.shape)));
    };
    if [h, w, height, width].iter().any(|&side| side < 1) {
        return Err(Error::invalid(format!("interpolate of the shape {:?} to {size:?}", x.shape)));
    }
    let taps = match mode.as_str() {
        "nearest" => nearest,
        "linear" => linear,
        "cubic" => cubic,
        other => return Err(Error::invalid(format!("interpolate knows nearest, linear and cubic, not `{other}`"))),
    };
    let (rows, columns) = (each(h, height, taps), each(w, width, taps));
    Ok(Array::from_fn(&[n, height, width, c], x.dtype, |index| {
        let &[picture, row, column, channel] = index else { return 0.0 };
        let line = |y: usize| -> f32 {
            columns[column].iter().map(|&(at, weight)| weight * x.at(&[picture, y, at, channel])).sum()
        };
        rows[row].iter().map(|&(at, weight)| weight * line(at)).sum()
    }))
}

/// Which pixels of an axis make a new pixel, and how much of each: by the new one's number, and old pixels for each new one.
type Taps = fn(f32, f32) -> Vec<(i32, f32)>;

/// For every new pixel; those beyond the border are the border's.
fn each(from: i32, to: i32, taps: Taps) -> Vec<Vec<(usize, f32)>> {
    let inside = |(at, weight): (i32, f32)| (at.clamp(0, from - 1) as usize, weight);
    let scale = from as f32 / to as f32;
    (0..to).map(|new| taps(new as f32, scale).into_iter().map(inside).collect()).collect()
}

fn nearest(new: f32, scale: f32) -> Vec<(i32, f32)> {
    vec![((new * scale).floor() as i32, 1.0)]
}

fn linear(new: f32, scale: f32) -> Vec<(i32, f32)> {
    let at = ((new + 0.5) * scale - 0.5).max(0.0);
    vec![(at as i32, 1.0 - at.fract()), (at as i32 + 1, at.fract())]
}

/// The kernel of Keys with a = −0.75.
fn cubic(new: f32, scale: f32) -> Vec<(i32, f32)> {
    const A: f32 = -0.75;
    let weight = |x: f32| match x.abs() {
        x if x <= 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
        x => ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A,
    };
    let at = (new + 0.5) * scale - 0.5;
    let first = at.floor();
    (-1..=2).map(|offset| (first as i32 + offset, weight(at - first - offset as f32))).collect()
}

#[cfg(test)]
mod tests {
    use crate::Tensor;
    fn picture(data: &[f32], shape: [i32; 4]) -> Tensor {
        Tensor::from_slice(data, &shape)
    }

    #[test]
    fn a_convolution_sums_what_its_kernel_covers() {
        let x = picture(&[1., 2., 3., 4., 5., 6., 7., 8., 9.], [1, 3, 3, 1]);
        let ones = picture(&[1.; 9], [1, 3, 3, 1]);
        let sums = x.conv2d(&ones, &[1, 1], &[1, 1], &[1, 1], 1);
        assert_eq!(sums.to_vec::<f32>().unwrap(), [12., 21., 16., 27., 45., 33., 24., 39., 28.]);
        assert_eq!(x.conv2d(&ones, &[2, 2], &[1, 1], &[1, 1], 1).to_vec::<f32>().unwrap(), [12., 16., 24., 28.]);
        // Two groups: each output channel sees its own input channel.
        let pair = picture(&[1., 10., 2., 20.], [1, 1, 2, 2]);
        let each = pair.conv2d(&picture(&[3., 5.], [2, 1, 1, 1]), &[1, 1], &[0, 0], &[1, 1], 2);
        assert_eq!(each.to_vec::<f32>().unwrap(), [3., 50., 6., 100.]);
    }

    #[test]
    fn pictures_are_resampled() {
        let x = picture(&[0., 4.], [1, 1, 2, 1]);
        let to = |mode| x.interpolate(&[1, 4], mode).to_vec::<f32>().unwrap();
        assert_eq!(to("nearest"), [0., 0., 4., 4.]);
        assert_eq!(to("linear"), [0., 1., 3., 4.]);
        assert_eq!(x.interpolate(&[1, 3], "nearest").to_vec::<f32>().unwrap(), [0., 0., 4.]);
        // torch.nn.functional.interpolate(mode="bicubic", align_corners=False) of the same numbers.
        let expected = [-0.421_875, 0.906_25, 3.093_75, 4.421_875];
        assert!(to("cubic").iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{:?}", to("cubic"));
        assert!(x.interpolate(&[1, 4], "fine").eval().is_err());
    }
}
