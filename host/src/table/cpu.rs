//! Operations that MLX's CPU backend does on one thread, one number at a time: done here over all cores in vector
//! code, on the evaluated numbers, and handed back as arrays. On a GPU, and for types other than float32, MLX does them.
//!
//! docs/performance.md has the figures. Each function returns none where it does not apply.

use std::sync::atomic::{AtomicBool, Ordering};

use mlx_rs::{Array, Dtype as MlxDtype};
use multiversion::multiversion;
use plugin_api::Result;
use rayon::prelude::*;

use super::compute;
use super::mlx::mlx_error;

static IN_USE: AtomicBool = AtomicBool::new(false);

/// Says whether MLX computes on the CPU.
pub fn use_here(on_cpu: bool) {
    IN_USE.store(on_cpu, Ordering::Relaxed);
}

/// Numbers that one task works on: small enough to stay in a core's cache, large enough to be worth a task.
const CHUNK: usize = 1 << 14;

/// Bytes of convolution patches that are there at once: below what glibc hands back to the system when it is freed.
const PATCH_BYTES: usize = 16 << 20;

/// Bytes of attention scores that are there at once.
const SCORE_BYTES: usize = 64 << 20;

fn applies(arrays: &[&Array]) -> bool {
    IN_USE.load(Ordering::Relaxed)
        && arrays.iter().all(|array| array.dtype() == MlxDtype::Float32 && array.size() > 0 && array.ndim() > 0)
}

/// Evaluates an array into row-major order, so that its numbers can be borrowed.
fn settled(x: &Array) -> Result<Array> {
    let x = x.contiguous().map_err(mlx_error)?;
    x.eval().map_err(mlx_error)?;
    Ok(x)
}

fn numbers(x: &Array) -> Result<&[f32]> {
    x.try_as_slice::<f32>().map_err(|error| plugin_api::Error::failed(format!("a tensor cannot be read: {error}")))
}

/// A buffer of MLX's own to write results into, so that they are not copied into one afterwards.
fn fresh(shape: &[i32]) -> Result<Array> {
    let array = mlx_rs::ops::full::<f32>(shape, Array::from_f32(0.0)).map_err(mlx_error)?;
    settled(&array)
}

/// The numbers of an array from [`fresh`], before anything else refers to it.
fn numbers_mut(fresh: &mut Array) -> Result<&mut [f32]> {
    let numbers = numbers(fresh)?;
    // SAFETY: the array is evaluated, row-major and known to nobody else, which the exclusive borrow keeps so.
    Ok(unsafe { std::slice::from_raw_parts_mut(numbers.as_ptr().cast_mut(), numbers.len()) })
}

/// `x · sigmoid(x)`.
pub fn silu(x: &Array) -> Result<Option<Array>> {
    if !applies(&[x]) {
        return Ok(None);
    }
    let (x, mut out) = (settled(x)?, fresh(x.shape())?);
    let (from, to) = (numbers(&x)?, numbers_mut(&mut out)?);
    to.par_chunks_mut(CHUNK).zip(from.par_chunks(CHUNK)).for_each(|(to, from)| silu_chunk(from, to));
    Ok(Some(out))
}

/// `silu(x) · gate`.
pub fn silu_multiply(x: &Array, gate: &Array) -> Result<Option<Array>> {
    if !applies(&[x, gate]) || x.shape() != gate.shape() {
        return Ok(None);
    }
    let (x, gate, mut out) = (settled(x)?, settled(gate)?, fresh(x.shape())?);
    let (from, with, to) = (numbers(&x)?, numbers(&gate)?, numbers_mut(&mut out)?);
    to.par_chunks_mut(CHUNK).zip(from.par_chunks(CHUNK).zip(with.par_chunks(CHUNK))).for_each(|(to, (from, with))| {
        silu_chunk(from, to);
        multiply_chunk(to, with);
    });
    Ok(Some(out))
}

/// Softmax over the last axis.
pub fn softmax(x: &Array) -> Result<Option<Array>> {
    if !applies(&[x]) {
        return Ok(None);
    }
    let x = settled(x)?;
    let width = row_width(&x);
    let mut out = fresh(x.shape())?;
    let to = numbers_mut(&mut out)?;
    to.copy_from_slice(numbers(&x)?);
    to.par_chunks_mut(width * rows_a_task(width)).for_each(|rows| rows.chunks_exact_mut(width).for_each(softmax_row));
    Ok(Some(out))
}

/// `x / √(mean(x²) + eps) · weight` over the last axis.
pub fn rms_norm(x: &Array, weight: Option<&Array>, eps: f32) -> Result<Option<Array>> {
    let Some(weight) = weight.filter(|weight| applies(&[x, weight]) && weight.shape() == [row_width(x) as i32]) else {
        return Ok(None);
    };
    let (x, weight) = (settled(x)?, settled(weight)?);
    let mut out = fresh(x.shape())?;
    let (from, weight, to) = (numbers(&x)?, numbers(&weight)?, numbers_mut(&mut out)?);
    let width = weight.len();
    let task = width * rows_a_task(width);
    to.par_chunks_mut(task).zip(from.par_chunks(task)).for_each(|(to, from)| {
        let rows = to.chunks_exact_mut(width).zip(from.chunks_exact(width));
        rows.for_each(|(to, from)| rms_row(from, weight, eps, to));
    });
    Ok(Some(out))
}

/// Group norm of `[n, …, c]` with weight and bias `[c]`.
pub fn group_norm(x: &Array, groups: i32, weight: &Array, bias: &Array, eps: f32) -> Result<Option<Array>> {
    let channels = row_width(x);
    let fits = |array: &Array| array.shape() == [channels as i32];
    if !applies(&[x, weight, bias]) || !fits(weight) || !fits(bias) || x.ndim() < 3 {
        return Ok(None);
    }
    let (x, weight, bias) = (settled(x)?, settled(weight)?, settled(bias)?);
    let mut out = fresh(x.shape())?;
    let (from, weight, bias) = (numbers(&x)?, numbers(&weight)?, numbers(&bias)?);
    let to = numbers_mut(&mut out)?;
    let item = from.len() / x.shape()[0] as usize;
    for (to, from) in to.chunks_exact_mut(item).zip(from.chunks_exact(item)) {
        let (mean, scale) = group_statistics(from, channels, groups as usize, weight, eps);
        let task = channels * rows_a_task(channels);
        to.par_chunks_mut(task).zip(from.par_chunks(task)).for_each(|(to, from)| {
            let rows = to.chunks_exact_mut(channels).zip(from.chunks_exact(channels));
            rows.for_each(|(to, from)| affine_row(from, &mean, &scale, bias, to));
        });
    }
    Ok(Some(out))
}

/// Rotary embedding of neighbouring pairs: `[…, t, h, d]`, tables `[t, d/2]`.
pub fn rotate_pairs(x: &Array, cos: &Array, sin: &Array) -> Result<Option<Array>> {
    let &[.., tokens, heads, width] = x.shape() else { return Ok(None) };
    let is_table = |table: &Array| table.shape() == [tokens, width / 2];
    if !applies(&[x, cos, sin]) || !is_table(cos) || !is_table(sin) || width % 2 != 0 {
        return Ok(None);
    }
    let (x, cos, sin) = (settled(x)?, settled(cos)?, settled(sin)?);
    let mut out = fresh(x.shape())?;
    let (from, cos, sin) = (numbers(&x)?, numbers(&cos)?, numbers(&sin)?);
    let to = numbers_mut(&mut out)?;
    let (width, token) = (width as usize, (heads * width) as usize);
    to.par_chunks_mut(token).zip(from.par_chunks(token)).enumerate().for_each(|(index, (to, from))| {
        let row = index % tokens as usize * (width / 2);
        let (cos, sin) = (&cos[row..row + width / 2], &sin[row..row + width / 2]);
        let heads = to.chunks_exact_mut(width).zip(from.chunks_exact(width));
        heads.for_each(|(to, from)| rotate_row(from, cos, sin, to));
    });
    Ok(Some(out))
}

/// Attention without a mask over as many key heads as query heads: BLAS for the products, [`softmax`] between them,
/// as many queries at once as [`SCORE_BYTES`] allow.
pub fn attention(queries: &Array, keys: &Array, values: &Array, scale: f32) -> Result<Option<Array>> {
    let (&[n, heads, tokens, _], &[_, key_heads, all, _]) = (queries.shape(), keys.shape()) else { return Ok(None) };
    if !applies(&[queries, keys, values]) || heads != key_heads {
        return Ok(None);
    }
    let keys = compute::swap_axes(&compute::multiply_scalar(keys, scale)?, 2, 3)?;
    let row = (n * heads * all) as usize * size_of::<f32>();
    let step = ((SCORE_BYTES / row).max(1) as i32).min(tokens);
    let mut parts = Vec::new();
    for start in (0..tokens).step_by(step as usize) {
        let mut part = queries.clone();
        if step < tokens {
            let (mut from, mut to) = (vec![0; 4], queries.shape().to_vec());
            (from[2], to[2]) = (start, (start + step).min(tokens));
            part = compute::slice(queries, &from, &to, &[1; 4])?;
        }
        let scores = compute::softmax(&compute::matmul(&part, &keys)?, -1)?;
        let part = compute::matmul(&scores, values)?;
        // Now, so that the scores go before the next ones come.
        part.eval().map_err(mlx_error)?;
        parts.push(part);
    }
    match parts.as_slice() {
        [whole] => Ok(Some(whole.clone())),
        parts => compute::concatenate(parts.iter().collect(), 2).map(Some),
    }
}

/// A convolution of `[n,h,w,c]` with `[out,kh,kw,c]`, strip by strip: the patches of some rows side by side, then one
/// matrix product by BLAS. MLX lays out the patches of the whole picture, on one core.
pub fn conv2d(x: &Array, weight: &Array, stride: [usize; 2], padding: [usize; 2]) -> Result<Option<Array>> {
    let (&[n, height, width, channels], &[out, kh, kw, depth]) = (x.shape(), weight.shape()) else { return Ok(None) };
    let size = |side: i32, kernel: i32, axis: usize| {
        (side as usize + 2 * padding[axis]).checked_sub(kernel as usize).map(|room| room / stride[axis].max(1) + 1)
    };
    let (Some(rows), Some(columns)) = (size(height, kh, 0), size(width, kw, 1)) else { return Ok(None) };
    if !applies(&[x, weight]) || channels != depth || stride.contains(&0) {
        return Ok(None);
    }
    let (x, patch) = (settled(x)?, (kh * kw * channels) as usize);
    let matrix = compute::transpose(&compute::reshape(weight, &[out, patch as i32])?, &[])?;
    let patches = Patches {
        height: height as usize,
        width: width as usize,
        channels: channels as usize,
        kernel: [kh as usize, kw as usize],
        stride,
        padding,
    };
    let strip = (PATCH_BYTES / (columns * patch * size_of::<f32>())).clamp(1, rows);
    let line = columns * out as usize;
    let mut result = fresh(&[n, rows as i32, columns as i32, out])?;
    let pictures = numbers(&x)?.chunks_exact(x.size() / n as usize);
    for (picture, to) in pictures.zip(numbers_mut(&mut result)?.chunks_exact_mut(rows * line)) {
        for (index, to) in to.chunks_mut(strip * line).enumerate() {
            let pixels = to.len() / out as usize;
            let mut laid_out = fresh(&[pixels as i32, patch as i32])?;
            let lines = numbers_mut(&mut laid_out)?.par_chunks_mut(columns * patch).enumerate();
            lines.for_each(|(row, line)| patches.lay_out(picture, index * strip + row, line));
            to.copy_from_slice(numbers(&settled(&compute::matmul(&laid_out, &matrix)?)?)?);
        }
    }
    Ok(Some(result))
}

/// How the patches of a convolution lie in its input.
struct Patches {
    height: usize,
    width: usize,
    channels: usize,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
}

impl Patches {
    /// The patches of one row of the output, one after the other; zeros where they reach over the border.
    fn lay_out(&self, picture: &[f32], row: usize, line: &mut [f32]) {
        let [kh, kw] = self.kernel;
        let pieces = line.chunks_exact_mut(kw * self.channels);
        for (index, piece) in pieces.enumerate() {
            let (column, y) = (index / kh, row * self.stride[0] + index % kh);
            let inside = y >= self.padding[0] && y < self.height + self.padding[0];
            // Columns of the input that this piece covers, and the part of the piece that lies before them.
            let start = column * self.stride[1];
            let before = self.padding[1].saturating_sub(start).min(kw);
            let end = (start + kw).min(self.width + self.padding[1]);
            if !inside || end <= start + before {
                piece.fill(0.0);
                continue;
            }
            let from = ((y - self.padding[0]) * self.width + start + before - self.padding[1]) * self.channels;
            let (length, before) = ((end - start - before) * self.channels, before * self.channels);
            piece[..before].fill(0.0);
            piece[before..before + length].copy_from_slice(&picture[from..from + length]);
            piece[before + length..].fill(0.0);
        }
    }
}

fn row_width(x: &Array) -> usize {
    x.shape().last().map_or(1, |&width| width.max(1) as usize)
}

fn rows_a_task(width: usize) -> usize {
    (CHUNK / width).max(1)
}

/// Mean and scale (weight / standard deviation) of every channel's group. Sums are taken of the distance to the first
/// pixel, so that flat pictures lose no digits, and joined in float64.
fn group_statistics(x: &[f32], channels: usize, groups: usize, weight: &[f32], eps: f32) -> (Vec<f32>, Vec<f32>) {
    let first = &x[..channels];
    let task = channels * rows_a_task(channels);
    let sums = x.par_chunks(task).map(|rows| {
        let (mut sum, mut squares) = (vec![0f32; channels], vec![0f32; channels]);
        rows.chunks_exact(channels).for_each(|row| sum_row(row, first, &mut sum, &mut squares));
        sum.into_iter().zip(squares).map(|(sum, square)| (f64::from(sum), f64::from(square))).collect::<Vec<_>>()
    });
    // Chunks are joined in their order: the same numbers give the same bytes however many threads there are.
    let mut total = vec![(0f64, 0f64); channels];
    for part in sums.collect::<Vec<_>>() {
        total.iter_mut().zip(part).for_each(|(total, part)| *total = (total.0 + part.0, total.1 + part.1));
    }
    let pixels = (x.len() / channels) as f64;
    let size = channels / groups;
    let (mut mean, mut scale) = (vec![0f32; channels], vec![0f32; channels]);
    for start in (0..channels).step_by(size) {
        let of = start..start + size;
        let channel_mean = |c: usize| f64::from(first[c]) + total[c].0 / pixels;
        let group_mean = of.clone().map(channel_mean).sum::<f64>() / size as f64;
        let spread = |c: usize| {
            (total[c].1 - total[c].0 * total[c].0 / pixels) / pixels + (channel_mean(c) - group_mean).powi(2)
        };
        let variance = of.clone().map(spread).sum::<f64>() / size as f64;
        let deviation = (variance.max(0.0) + f64::from(eps)).sqrt();
        for c in of {
            mean[c] = group_mean as f32;
            scale[c] = (f64::from(weight[c]) / deviation) as f32;
        }
    }
    (mean, scale)
}

/// eˣ to about one unit in the last place: x = n·ln 2 + r, a polynomial for eʳ (Cephes' coefficients), 2ⁿ by its bits.
#[inline(always)]
fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    let n = (x * std::f32::consts::LOG2_E + 0.5).floor();
    let r = x - n * 0.693_359_4 - n * -2.121_944_4e-4;
    let p = ((((1.987_569_1e-4 * r + 1.398_199_9e-3) * r + 8.333_452e-3) * r + 4.166_579_6e-2) * r + 1.666_666_5e-1)
        * r
        + 0.5;
    let e = p * r * r + r + 1.0;
    e * f32::from_bits(((n as i32 + 127) << 23) as u32)
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn silu_chunk(from: &[f32], to: &mut [f32]) {
    for (to, &x) in to.iter_mut().zip(from) {
        *to = x / (1.0 + exp(-x));
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn multiply_chunk(to: &mut [f32], with: &[f32]) {
    for (to, &with) in to.iter_mut().zip(with) {
        *to *= with;
    }
}

/// Joins `of(x)` over a row, sixteen side by side, because a single sum is a chain that no vector unit can break.
#[inline(always)]
fn fold(row: &[f32], zero: f32, of: impl Fn(f32) -> f32, join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [zero; 16];
    let (whole, rest) = row.as_chunks::<16>();
    for chunk in whole {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = join(*lane, of(x));
        }
    }
    let joined = rest.iter().fold(zero, |joined, &x| join(joined, of(x)));
    lanes.into_iter().fold(joined, join)
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn softmax_row(row: &mut [f32]) {
    let max = fold(row, f32::NEG_INFINITY, |x| x, |a, b| if a > b { a } else { b });
    for x in row.iter_mut() {
        *x = exp(*x - max);
    }
    let scale = 1.0 / fold(row, 0.0, |x| x, |a, b| a + b);
    for x in row.iter_mut() {
        *x *= scale;
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn rms_row(from: &[f32], weight: &[f32], eps: f32, to: &mut [f32]) {
    let squares = fold(from, 0.0, |x| x * x, |a, b| a + b);
    let scale = 1.0 / (squares / from.len() as f32 + eps).sqrt();
    for (to, (&x, &weight)) in to.iter_mut().zip(from.iter().zip(weight)) {
        *to = x * scale * weight;
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn sum_row(row: &[f32], first: &[f32], sum: &mut [f32], squares: &mut [f32]) {
    for (((&x, &first), sum), square) in row.iter().zip(first).zip(sum).zip(squares) {
        let distance = x - first;
        *sum += distance;
        *square += distance * distance;
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn affine_row(from: &[f32], mean: &[f32], scale: &[f32], bias: &[f32], to: &mut [f32]) {
    for ((((to, &x), &mean), &scale), &bias) in to.iter_mut().zip(from).zip(mean).zip(scale).zip(bias) {
        *to = (x - mean) * scale + bias;
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn rotate_row(from: &[f32], cos: &[f32], sin: &[f32], to: &mut [f32]) {
    let pairs = to.as_chunks_mut::<2>().0.iter_mut().zip(from.as_chunks::<2>().0);
    for (([real, imaginary], &[a, b]), (&cos, &sin)) in pairs.zip(cos.iter().zip(sin)) {
        *real = a * cos - b * sin;
        *imaginary = a * sin + b * cos;
    }
}

#[cfg(test)]
mod tests {
    use mlx_rs::{fast, ops, random};

    use super::*;

    fn random(shape: &[i32], seed: u64) -> Array {
        let key = random::key(seed).unwrap();
        random::normal::<f32>(shape, None, 2.0, Some(&key)).unwrap()
    }

    /// The farthest that `a` is from `b`, relative to the largest number of `b`.
    fn distance(a: &Array, b: &Array) -> f32 {
        assert_eq!(a.shape(), b.shape());
        let (a, b) = (settled(a).unwrap(), settled(b).unwrap());
        let (a, b) = (numbers(&a).unwrap(), numbers(&b).unwrap());
        let largest = b.iter().fold(0f32, |largest, x| largest.max(x.abs()));
        a.iter().zip(b).fold(0f32, |farthest, (a, b)| farthest.max((a - b).abs())) / largest
    }

    fn mlx_silu(x: &Array) -> Array {
        ops::multiply(x, ops::sigmoid(x).unwrap()).unwrap()
    }

    #[test]
    fn every_operation_is_mlx_s_within_rounding() {
        super::super::mlx::start(Some(super::super::Device::Cpu)).unwrap();
        let x = random(&[2, 7, 5, 48], 1);
        let other = random(&[2, 7, 5, 48], 2);
        let (weight, bias) = (random(&[48], 3), random(&[48], 4));
        assert!(distance(&silu(&x).unwrap().unwrap(), &mlx_silu(&x)) < 1e-6);
        let gated = ops::multiply(mlx_silu(&x), &other).unwrap();
        assert!(distance(&silu_multiply(&x, &other).unwrap().unwrap(), &gated) < 1e-6);
        let expected = ops::softmax_axis(&x, -1, true).unwrap();
        assert!(distance(&softmax(&x).unwrap().unwrap(), &expected) < 1e-6);
        let expected = fast::rms_norm(&x, Some(&weight), 1e-5).unwrap();
        assert!(distance(&rms_norm(&x, Some(&weight), 1e-5).unwrap().unwrap(), &expected) < 1e-6);

        let (cos, sin) = (random(&[7, 24], 5), random(&[7, 24], 6));
        let ours = rotate_pairs(&x, &cos, &sin).unwrap().unwrap();
        use_here(false);
        let expected = compute::rotate_pairs(&x, &cos, &sin).unwrap();
        assert!(distance(&ours, &expected) < 1e-6);
        let expected = compute::group_norm(&x, 6, Some(&weight), Some(&bias), 1e-6).unwrap();
        use_here(true);
        assert!(distance(&group_norm(&x, 6, &weight, &bias, 1e-6).unwrap().unwrap(), &expected) < 2e-6);

        for (kernel, stride, padding) in [(3, 1, 1), (1, 1, 0), (3, 2, 0), (5, 2, 3), (4, 3, 2)] {
            let x = random(&[2, 9, 7, 5], 10);
            let weight = random(&[6, kernel, kernel, 5], 11);
            let (s, p) = ((stride, stride), (padding, padding));
            let expected = ops::conv2d(&x, &weight, s, p, None, None).unwrap();
            let ours = conv2d(&x, &weight, [stride as usize; 2], [padding as usize; 2]).unwrap().unwrap();
            assert!(distance(&ours, &expected) < 2e-6, "{kernel} {stride} {padding}");
        }

        let [q, k, v] = [7, 8, 9].map(|seed| random(&[1, 3, 130, 16], seed));
        let expected = fast::scaled_dot_product_attention(&q, &k, &v, 0.25, None, None).unwrap();
        assert!(distance(&attention(&q, &k, &v, 0.25).unwrap().unwrap(), &expected) < 2e-6);
    }

    #[test]
    fn a_flat_picture_keeps_its_digits() {
        super::super::mlx::start(Some(super::super::Device::Cpu)).unwrap();
        // Mean 1000, spread 0.01: a sum of squares in float32 would leave nothing of the variance.
        let x = ops::add(
            ops::multiply(random(&[1, 64, 64, 8], 1), Array::from_f32(0.005)).unwrap(),
            Array::from_f32(1000.0),
        );
        let (one, zero) = (ops::ones::<f32>(&[8]).unwrap(), ops::zeros::<f32>(&[8]).unwrap());
        let normed = settled(&group_norm(&x.unwrap(), 2, &one, &zero, 1e-6).unwrap().unwrap()).unwrap();
        let square_mean =
            numbers(&normed).unwrap().iter().map(|x| f64::from(x * x)).sum::<f64>() / normed.size() as f64;
        // eps is 1 % of the variance 1e-4.
        assert!((square_mean - 0.99).abs() < 0.01, "{square_mean}");
    }

    #[test]
    fn exp_is_right_to_two_units_in_the_last_place() {
        for step in -8700..8800 {
            let x = step as f32 / 100.0;
            let right = f64::from(x).exp();
            assert!((f64::from(exp(x)) - right).abs() <= right * 2.4e-7, "exp({x})");
        }
        assert!(exp(f32::NAN).is_nan());
    }
}
