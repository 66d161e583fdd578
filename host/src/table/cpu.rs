//! Operations that MLX's CPU backend does on one thread, one number at a time: done by `weft-kernels` on the
//! evaluated numbers, and handed back as arrays. On a GPU, and for types other than float32, MLX does them.
//!
//! docs/performance.md has the figures. Each function returns none where it does not apply.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mlx_rs::{Array, Dtype as MlxDtype};
use plugin_api::{Error, Result};
use weft_kernels::{Added, Arithmetic, Attention, Convolution, GroupNorm, Packed};

use super::buffer::{numbers, numbers_mut, settled, unset};
use super::compute;
use super::mlx::{mlx_bytes, mlx_error};

static IN_USE: AtomicBool = AtomicBool::new(false);

/// Says whether MLX computes on the CPU.
pub fn use_here(on_cpu: bool) {
    IN_USE.store(on_cpu, Ordering::Relaxed);
}

/// Numbers from which on copying them over all cores pays.
const LARGE: usize = 1 << 18;

fn applies(arrays: &[&Array]) -> bool {
    IN_USE.load(Ordering::Relaxed)
        && weft_kernels::is_fast()
        && arrays.iter().all(|array| array.dtype() == MlxDtype::Float32 && array.size() > 0 && array.ndim() > 0)
}

/// An array for a result.
fn fresh(shape: &[i32]) -> Result<Array> {
    let array = unset(shape)?;
    mark();
    Ok(array)
}

/// `x · sigmoid(x)`.
pub fn silu(x: &Array) -> Result<Option<Array>> {
    if !applies(&[x]) {
        return Ok(None);
    }
    let ([x], mut out) = (settled([x])?, fresh(x.shape())?);
    weft_kernels::silu(numbers(&x)?, numbers_mut(&mut out)?);
    Ok(Some(out))
}

/// `silu(x) · gate`.
pub fn silu_multiply(x: &Array, gate: &Array) -> Result<Option<Array>> {
    if !applies(&[x, gate]) || x.shape() != gate.shape() {
        return Ok(None);
    }
    let ([x, gate], mut out) = (settled([x, gate])?, fresh(x.shape())?);
    weft_kernels::silu_multiply(numbers(&x)?, numbers(&gate)?, numbers_mut(&mut out)?);
    Ok(Some(out))
}

/// Two large tensors of one shape, or one and a row for all of its rows, or one and a number. Small ones are better left for later.
pub fn arithmetic(kind: Arithmetic, x: &Array, other: &Array) -> Result<Option<Array>> {
    let (x, other) = if x.size() < other.size() { (other, x) } else { (x, other) };
    let is_row = other.size() == row_width(x) && row_width(other) == other.size();
    let is_number = other.size() == 1 && other.dtype() == MlxDtype::Float32;
    let fits = is_number && other.ndim() <= x.ndim() || applies(&[other]) && (x.shape() == other.shape() || is_row);
    if !applies(&[x]) || x.size() < LARGE || !fits {
        return Ok(None);
    }
    let ([x, other], mut out) = (settled([x, other])?, fresh(x.shape())?);
    let mut with = Cow::Borrowed(numbers(&other)?);
    if is_number {
        with = Cow::Owned(vec![with[0]; row_width(&x)]);
    }
    weft_kernels::arithmetic(kind, numbers(&x)?, &with, row_width(&x), numbers_mut(&mut out)?);
    Ok(Some(out))
}

/// Softmax over the last axis.
pub fn softmax(x: &Array) -> Result<Option<Array>> {
    if !applies(&[x]) {
        return Ok(None);
    }
    let ([x], mut out) = (settled([x])?, fresh(x.shape())?);
    let to = numbers_mut(&mut out)?;
    to.copy_from_slice(numbers(&x)?);
    weft_kernels::softmax(to, row_width(&x));
    Ok(Some(out))
}

/// `x / √(mean(x²) + eps) · weight` over the last axis.
pub fn rms_norm(x: &Array, weight: Option<&Array>, eps: f32) -> Result<Option<Array>> {
    let Some(weight) = weight.filter(|weight| applies(&[x, weight]) && weight.shape() == [row_width(x) as i32]) else {
        return Ok(None);
    };
    let ([x, weight], mut out) = (settled([x, weight])?, fresh(x.shape())?);
    weft_kernels::rms_norm(numbers(&x)?, numbers(&weight)?, eps, numbers_mut(&mut out)?);
    Ok(Some(out))
}

/// Group norm of `[n, …, c]` with weight and bias `[c]`, and silu behind it if it is asked for.
pub fn group_norm(x: &Array, groups: i32, weight: &Array, bias: &Array, eps: f32, silu: bool) -> Result<Option<Array>> {
    let channels = row_width(x);
    let fits = |array: &Array| array.shape() == [channels as i32];
    let divides = groups >= 1 && channels.is_multiple_of(groups as usize);
    if !applies(&[x, weight, bias]) || !divides || !fits(weight) || !fits(bias) || x.ndim() < 3 {
        return Ok(None);
    }
    let ([x, weight, bias], mut out) = (settled([x, weight, bias])?, fresh(x.shape())?);
    let pixels = x.size() / channels / x.shape()[0] as usize;
    let (weight, bias) = (numbers(&weight)?, numbers(&bias)?);
    GroupNorm { pixels, groups: groups as usize, weight, bias, eps, silu }.run(numbers(&x)?, numbers_mut(&mut out)?);
    Ok(Some(out))
}

/// Rotary embedding of neighbouring pairs: `[…, t, h, d]`, tables `[t, d/2]`.
pub fn rotate_pairs(x: &Array, cos: &Array, sin: &Array) -> Result<Option<Array>> {
    let &[.., tokens, heads, width] = x.shape() else { return Ok(None) };
    let is_table = |table: &Array| table.shape() == [tokens, width / 2];
    if !applies(&[x, cos, sin]) || !is_table(cos) || !is_table(sin) || width % 2 != 0 {
        return Ok(None);
    }
    let ([x, cos, sin], mut out) = (settled([x, cos, sin])?, fresh(x.shape())?);
    let sizes = [tokens, heads, width].map(|size| size as usize);
    weft_kernels::rotate_pairs(numbers(&x)?, numbers(&cos)?, numbers(&sin)?, sizes, numbers_mut(&mut out)?);
    Ok(Some(out))
}

/// Attention without a mask, `[n, heads, tokens, width]` each; where it is causal, the last query has the last key.
pub fn attention(queries: &Array, keys: &Array, values: &Array, scale: f32, causal: bool) -> Result<Option<Array>> {
    let (&[n, heads, tokens, width], &[_, key_heads, all, _]) = (queries.shape(), keys.shape()) else {
        return Ok(None);
    };
    let fits = keys.shape() == values.shape() && keys.shape() == [n, key_heads, all, width];
    // Nothing is empty where it applies, so there are key heads to divide by.
    if !applies(&[queries, keys, values]) || !fits || heads % key_heads != 0 || causal && tokens > all {
        return Ok(None);
    }
    // What a projection made is cut into heads, and their axes are swapped: this way round its numbers need no copy.
    let by_token = |x| compute::swap_axes(x, 1, 2);
    let [queries, keys, values] = settled([&by_token(queries)?, &by_token(keys)?, &by_token(values)?])?;
    let mut out = fresh(queries.shape())?;
    let [tokens, all, heads, key_heads, width] = [tokens, all, heads, key_heads, width].map(|size| size as usize);
    let kind = Attention { queries: tokens, keys: all, heads, key_heads, width, scale, causal };
    let row = width * key_heads * all;
    let parts = numbers(&keys)?.chunks_exact(row).zip(numbers(&values)?.chunks_exact(row));
    let queries = numbers(&queries)?.chunks_exact(tokens * heads * width);
    let results = numbers_mut(&mut out)?.chunks_exact_mut(tokens * heads * width);
    for ((queries, (keys, values)), to) in queries.zip(parts).zip(results) {
        weft_kernels::attention(&kind, queries, keys, values, to);
    }
    compute::swap_axes(&out, 1, 2).map(Some)
}

/// Bytes of all [`Columns`], which MLX knows nothing of.
static HELD: AtomicU64 = AtomicU64::new(0);
/// The most bytes of them and of MLX's arrays at once.
static MOST: AtomicU64 = AtomicU64::new(0);

/// A matrix laid out for [`linear`].
#[derive(Debug)]
pub struct Columns(Packed);

impl Columns {
    fn new(packed: Packed) -> Self {
        HELD.fetch_add(packed.bytes() as u64, Ordering::Relaxed);
        mark();
        Self(packed)
    }

    /// `[outputs, inputs]`.
    pub fn shape(&self) -> [usize; 2] {
        self.0.shape()
    }

    /// The matrix as it was.
    pub fn unpack(&self) -> Result<Array> {
        let mut out = fresh(&self.shape().map(|side| side as i32))?;
        self.0.unpack(numbers_mut(&mut out)?);
        Ok(out)
    }
}

impl Drop for Columns {
    fn drop(&mut self) {
        HELD.fetch_sub(self.0.bytes() as u64, Ordering::Relaxed);
    }
}

/// Remembers how much is there now, if it is the most.
fn mark() {
    MOST.fetch_max(mlx_bytes() + held(), Ordering::Relaxed);
}

/// The most bytes that MLX's arrays and matrices that are laid out had at once since the last call of this, as far as was looked:
/// at every matrix, and at every result computed here.
pub fn take_most() -> u64 {
    MOST.swap(0, Ordering::Relaxed)
}

/// Bytes of all matrices that are laid out.
pub fn held() -> u64 {
    HELD.load(Ordering::Relaxed)
}

/// A matrix laid out for [`linear`]: one in bfloat16 stays so, and rounds the inputs of its products. None where MLX
/// multiplies better.
pub fn pack(weight: impl FnOnce() -> Result<Array>) -> Result<Option<Columns>> {
    if !IN_USE.load(Ordering::Relaxed) || !weft_kernels::is_fast() {
        return Ok(None);
    }
    let weight = weight()?;
    let &[outputs, _] = weight.shape() else { return Ok(None) };
    if weight.size() == 0 || !is_float(&weight) {
        return Ok(None);
    }
    let rounding = weight.dtype() == MlxDtype::Bfloat16;
    let [weight] = settled([&wide(&weight)?])?;
    Ok(Some(Columns::new(Packed::new(numbers(&weight)?, outputs as usize, rounding))))
}

/// What a network computes with besides its matrices: in float32, which a CPU has units for, rounded to its type before.
pub fn widened(x: Array) -> Result<Array> {
    let is_matrix = matches!(x.shape(), [rows, _] if *rows > 1);
    if IN_USE.load(Ordering::Relaxed) && is_float(&x) && !is_matrix { wide(&x) } else { Ok(x) }
}

fn is_float(x: &Array) -> bool {
    matches!(x.dtype(), MlxDtype::Float32 | MlxDtype::Bfloat16 | MlxDtype::Float16)
}

fn wide(x: &Array) -> Result<Array> {
    x.as_dtype(MlxDtype::Float32).map_err(mlx_error)
}

/// `x · Wᵀ + bias`, in the type of `x`.
///
/// # Errors
/// Rows or a bias that do not fit the matrix.
pub fn linear(x: &Array, weight: &Columns, bias: Option<&Array>) -> Result<Array> {
    let [outputs, inputs] = weight.shape();
    if x.ndim() == 0 || row_width(x) != inputs || bias.is_some_and(|bias| bias.shape() != [outputs as i32]) {
        return Err(Error::invalid(format!("a matrix {:?} and an input {:?}", weight.shape(), x.shape())));
    }
    let [rows] = settled([&wide(x)?])?;
    let bias = bias.map(|bias| settled([&wide(bias)?])).transpose()?;
    let mut shape = x.shape().to_vec();
    *shape.last_mut().expect("an axis") = outputs as i32;
    let mut out = fresh(&shape)?;
    weight.0.product(numbers(&rows)?, bias.as_ref().map(|[bias]| numbers(bias)).transpose()?, numbers_mut(&mut out)?);
    out.as_dtype(x.dtype()).map_err(mlx_error)
}

/// A convolution of `[n,h,w,c]` with `[out,kh,kw,c]`, plus a bias `[out]`, plus what has the result's shape.
pub fn conv2d(
    x: &Array,
    weight: &Array,
    stride: [usize; 2],
    padding: [usize; 2],
    [bias, other]: [Option<&Array>; 2],
) -> Result<Option<Array>> {
    let (&[n, height, width, channels], &[out, kh, kw, depth]) = (x.shape(), weight.shape()) else { return Ok(None) };
    if !applies(&[x, weight]) || channels != depth || stride.contains(&0) {
        return Ok(None);
    }
    let [height, width, channels, out, kh, kw] = [height, width, channels, out, kh, kw].map(|size| size as usize);
    let kind = Convolution { height, width, channels, out, kernel: [kh, kw], stride, padding };
    let (Some([rows, columns]), Ok(scratch)) = (kind.result(), i32::try_from(kind.scratch())) else {
        return Ok(None);
    };
    let shape = [n, rows as i32, columns as i32, out as i32];
    let added = [bias, other].into_iter().flatten().collect::<Vec<_>>();
    if !applies(&added)
        || bias.is_some_and(|bias| bias.shape() != &shape[3..])
        || other.is_some_and(|other| other.shape() != shape)
    {
        return Ok(None);
    }
    let [x, weight] = settled([x, weight])?;
    let [bias, other] = [bias, other].map(|array| array.map(|array| settled([array])).transpose());
    let (bias, other) = (bias?, other?);
    let [bias, other] = [&bias, &other].map(|array| array.as_ref().map(|[array]| numbers(array)).transpose());
    let (bias, other) = (bias?, other?);
    let mut scratch = fresh(&[scratch])?;
    let mut to = fresh(&shape)?;
    let pictures = numbers(&x)?.chunks_exact(height * width * channels);
    let results = numbers_mut(&mut to)?.chunks_exact_mut(rows * columns * out);
    for (index, (x, to)) in pictures.zip(results).enumerate() {
        let added = Added { bias, other: other.map(|other| &other[index * to.len()..]) };
        weft_kernels::convolve(&kind, x, numbers(&weight)?, added, numbers_mut(&mut scratch)?, to);
    }
    Ok(Some(to))
}

/// Every pixel of `[n,h,w,c]` four times.
pub fn double(x: &Array) -> Result<Option<Array>> {
    let &[n, height, width, channels] = x.shape() else { return Ok(None) };
    if !applies(&[x]) || x.size() < LARGE {
        return Ok(None);
    }
    let ([x], mut out) = (settled([x])?, fresh(&[n, 2 * height, 2 * width, channels])?);
    weft_kernels::double(numbers(&x)?, width as usize, channels as usize, numbers_mut(&mut out)?);
    Ok(Some(out))
}

/// Tensors of equal shapes but for `axis`, one after the other along it.
pub fn concatenate(arrays: &[&Array], axis: i32) -> Result<Option<Array>> {
    let Some(first) = arrays.first() else { return Ok(None) };
    let axis = if axis < 0 { axis + first.ndim() as i32 } else { axis } as usize;
    let others = |array: &Array| {
        array.shape().iter().enumerate().filter(|(at, _)| *at != axis).map(|(_, &n)| n).collect::<Vec<_>>()
    };
    let fits = |array: &&Array| array.ndim() == first.ndim() && others(array) == others(first);
    let size: usize = arrays.iter().map(|array| array.size()).sum();
    // Along the first axis whole tensors are copied, which MLX does well, and small ones are better left for later.
    if !applies(arrays) || axis == 0 || axis >= first.ndim() || !arrays.iter().all(fits) || size < LARGE {
        return Ok(None);
    }
    let mut shape = first.shape().to_vec();
    shape[axis] = arrays.iter().map(|array| array.shape()[axis]).sum();
    let mut out = fresh(&shape)?;
    let settled = arrays.iter().map(|array| settled([array])).collect::<Result<Vec<_>>>()?;
    let width = |array: &Array| array.shape()[axis..].iter().product::<i32>() as usize;
    let parts = settled.iter().map(|[array]| Ok((numbers(array)?, width(array)))).collect::<Result<Vec<_>>>()?;
    weft_kernels::concatenate(&parts, numbers_mut(&mut out)?);
    Ok(Some(out))
}

fn row_width(x: &Array) -> usize {
    x.shape().last().map_or(1, |&width| width.max(1) as usize)
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
        let [a, b] = settled([a, b]).unwrap();
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
        let large = [20, 21].map(|seed| random(&[3, 300, 300], seed));
        let (row, number) = (random(&[1, 300], 22), Array::from_f32(0.2));
        for (a, b) in [(&large[0], &large[1]), (&large[0], &row), (&row, &large[0]), (&large[0], &number)] {
            let sum = arithmetic(Arithmetic::Add, a, b).unwrap().unwrap();
            assert_eq!(distance(&sum, &ops::add(a, b).unwrap()), 0.0);
            let product = arithmetic(Arithmetic::Multiply, a, b).unwrap().unwrap();
            assert_eq!(distance(&product, &ops::multiply(a, b).unwrap()), 0.0);
            let larger = arithmetic(Arithmetic::Maximum, a, b).unwrap().unwrap();
            assert_eq!(distance(&larger, &ops::maximum(a, b).unwrap()), 0.0);
        }
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
        let norm = |silu| group_norm(&x, 6, &weight, &bias, 1e-6, silu).unwrap().unwrap();
        assert!(distance(&norm(false), &expected) < 2e-6);
        assert!(distance(&norm(true), &mlx_silu(&expected)) < 2e-6);

        for (size, kernel, stride, padding) in [
            ([9, 7, 5, 6], 3, 1, 1),
            ([9, 7, 5, 6], 1, 1, 0),
            ([9, 7, 5, 6], 3, 2, 0),
            ([9, 7, 5, 40], 5, 2, 3),
            ([9, 7, 40, 70], 4, 3, 2),
            // Large enough for Winograd's way.
            ([31, 41, 32, 64], 3, 1, 1),
            ([45, 25, 48, 32], 3, 1, 0),
            ([22, 117, 32, 32], 3, 1, 2),
        ] {
            let [height, width, channels, out] = size;
            let x = random(&[2, height, width, channels], 10);
            let weight = random(&[out, kernel, kernel, channels], 11);
            let (s, p) = ((stride, stride), (padding, padding));
            let expected = ops::conv2d(&x, &weight, s, p, None, None).unwrap();
            let [s, p] = [[stride as usize; 2], [padding as usize; 2]];
            let ours = conv2d(&x, &weight, s, p, [None; 2]).unwrap().unwrap();
            assert!(distance(&ours, &expected) < 4e-6, "{size:?} {kernel} {stride} {padding}");
            let (bias, other) = (random(&[out], 13), random(expected.shape(), 14));
            let expected = ops::add(ops::add(&expected, &bias).unwrap(), &other).unwrap();
            let ours = conv2d(&x, &weight, s, p, [Some(&bias), Some(&other)]).unwrap().unwrap();
            assert!(distance(&ours, &expected) < 4e-6, "{size:?} {kernel} {stride} {padding}, with sums");
        }

        let picture = random(&[2, 60, 90, 30], 15);
        let ours = double(&picture).unwrap().unwrap();
        use_here(false);
        let expected = compute::interpolate(&picture, &[120, 180], "nearest".to_owned()).unwrap();
        use_here(true);
        assert_eq!(distance(&ours, &expected), 0.0);

        for (axis, shapes) in [(3, [[2, 300, 300, 5], [2, 300, 300, 1]]), (-2, [[3, 40, 100, 16], [3, 40, 50, 16]])] {
            let parts = shapes.map(|shape| random(&shape, 12));
            let parts = parts.iter().collect::<Vec<_>>();
            let ours = concatenate(&parts, axis).unwrap().unwrap();
            assert_eq!(distance(&ours, &ops::concatenate(&parts, axis).unwrap()), 0.0);
        }

        let [q, k, v] = [7, 8, 9].map(|seed| random(&[1, 3, 130, 16], seed));
        let expected = fast::scaled_dot_product_attention(&q, &k, &v, 0.25, None, None).unwrap();
        assert!(distance(&attention(&q, &k, &v, 0.25, false).unwrap().unwrap(), &expected) < 2e-6);
    }

    #[test]
    fn attention_to_nothing_is_left_to_mlx() {
        super::super::mlx::start(Some(super::super::Device::Cpu)).unwrap();
        let (queries, nothing) = (random(&[1, 2, 3, 4], 1), Array::from_slice::<f32>(&[], &[1, 0, 3, 4]));
        assert!(attention(&queries, &nothing, &nothing, 1.0, false).unwrap().is_none());
    }

    #[test]
    fn attention_is_mlx_s_however_many_keys_and_heads() {
        super::super::mlx::start(Some(super::super::Device::Cpu)).unwrap();
        for (heads, key_heads, queries, keys, width, causal) in [
            (4, 2, 1, 1, 8, false),
            (4, 2, 5, 700, 20, false),
            (2, 1, 50, 50, 16, true),
            (6, 3, 333, 333, 24, true),
            (2, 2, 100, 2500, 130, false),
            (1, 1, 97, 1300, 512, true),
        ] {
            let scale = 0.5 / (width as f32).sqrt();
            let q = random(&[2, heads, queries, width], 1);
            let [k, v] = [2, 3].map(|seed| random(&[2, key_heads, keys, width], seed));
            let mask = causal.then_some(fast::ScaledDotProductAttentionMask::Causal);
            let expected = fast::scaled_dot_product_attention(&q, &k, &v, scale, mask, None).unwrap();
            let ours = attention(&q, &k, &v, scale, causal).unwrap().unwrap();
            let apart = distance(&ours, &expected);
            assert!(apart < 5e-6, "{apart}: {heads} {key_heads} {queries} {keys} {width}");
        }
    }

    fn packed(weight: &Array) -> Columns {
        pack(|| Ok(weight.clone())).unwrap().unwrap()
    }

    #[test]
    fn a_packed_matrix_multiplies_as_mlx_does_and_comes_back_as_it_was() {
        super::super::mlx::start(Some(super::super::Device::Cpu)).unwrap();
        for (rows, inputs, outputs) in [(1, 1, 1), (3, 700, 50), (9, 64, 96), (250, 2100, 130), (1000, 48, 7)] {
            let (x, weight, bias) =
                (random(&[2, rows, inputs], 1), random(&[outputs, inputs], 2), random(&[outputs], 3));
            let packed = packed(&weight);
            assert_eq!(distance(&packed.unpack().unwrap(), &weight), 0.0);
            let product = ops::matmul(&x, ops::transpose(&weight).unwrap()).unwrap();
            assert!(distance(&linear(&x, &packed, None).unwrap(), &product) < 2e-6, "{rows} {inputs} {outputs}");
            let expected = ops::add(&product, &bias).unwrap();
            assert!(distance(&linear(&x, &packed, Some(&bias)).unwrap(), &expected) < 2e-6);
        }
        // bfloat16 takes half the memory and rounds its inputs; float32 that is bfloat16 does not.
        let (x, weight) = (random(&[1, 77, 333], 1), random(&[50, 333], 2));
        let half = |x: &Array| x.as_dtype(MlxDtype::Bfloat16).unwrap();
        let product =
            |x: &Array, weight: &Array| ops::matmul(wide(x).unwrap(), ops::transpose(wide(weight).unwrap()).unwrap());
        let rounded = packed(&half(&weight));
        let expected = product(&half(&x), &half(&weight)).unwrap();
        assert!(distance(&linear(&x, &rounded, None).unwrap(), &expected) < 2e-6);
        assert!(distance(&expected, &product(&x, &half(&weight)).unwrap()) > 1e-4, "no rounding at all");
        let exact = packed(&wide(&half(&weight)).unwrap());
        let plain = linear(&x, &exact, None).unwrap();
        assert!(distance(&plain, &product(&x, &half(&weight)).unwrap()) < 2e-6);
        assert_eq!(distance(&wide(&half(&weight)).unwrap(), &exact.unpack().unwrap()), 0.0);

        assert!(linear(&random(&[2, 5], 1), &packed(&random(&[4, 6], 2)), None).is_err());
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
        let [normed] = settled([&group_norm(&x.unwrap(), 2, &one, &zero, 1e-6, false).unwrap().unwrap()]).unwrap();
        let square_mean =
            numbers(&normed).unwrap().iter().map(|x| f64::from(x * x)).sum::<f64>() / normed.size() as f64;
        // eps is 1 % of the variance 1e-4.
        assert!((square_mean - 0.99).abs() < 0.01, "{square_mean}");
    }
}
