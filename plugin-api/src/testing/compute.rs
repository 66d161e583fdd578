//! One function for every line of [`crate::ops!`], in plain loops.

use super::array::{Array, broadcast};
pub use super::pictures::{conv2d, interpolate};
use crate::{Dtype, Error, Result};

macro_rules! map {
    ($($name:ident |$x:ident| $body:expr;)*) => { $(
        pub fn $name(x: &Array) -> Result<Array> {
            Ok(x.map(|$x| $body))
        }
    )* };
}
map! {
    negative |x| -x;
    abs |x| x.abs();
    exp |x| x.exp();
    log |x| x.ln();
    sin |x| x.sin();
    cos |x| x.cos();
    tanh |x| x.tanh();
    sigmoid |x| 1.0 / (1.0 + (-x).exp());
    erf |x| erf_of(x);
    sqrt |x| x.sqrt();
    rsqrt |x| 1.0 / x.sqrt();
    square |x| x * x;
    reciprocal |x| 1.0 / x;
    sign |x| if x == 0.0 { 0.0 } else { x.signum() };
    floor |x| x.floor();
    ceil |x| x.ceil();
    round |x| x.round_ties_even();
    silu |x| x / (1.0 + (-x).exp());
    gelu |x| 0.5 * x * (1.0 + erf_of(x / 2f32.sqrt()));
}

/// Abramowitz and Stegun 7.1.26: good to 1e-6, which is what tests of plugins need.
fn erf_of(x: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x.abs());
    let series = [1.061_405_4, -1.453_152_1, 1.421_413_8, -0.284_496_72, 0.254_829_6];
    let sum = series.iter().fold(0.0, |sum, factor| (sum + factor) * t);
    x.signum() * (1.0 - sum * (-x * x).exp())
}

macro_rules! zip {
    ($($name:ident |$a:ident, $b:ident| $body:expr;)*) => { $(
        pub fn $name(x: &Array, other: &Array) -> Result<Array> {
            x.zip(other, |$a, $b| $body)
        }
    )* };
}
zip! {
    add |a, b| a + b;
    subtract |a, b| a - b;
    multiply |a, b| a * b;
    divide |a, b| a / b;
    power |a, b| a.powf(b);
    remainder |a, b| a - b * (a / b).floor();
    maximum |a, b| a.max(b);
    minimum |a, b| a.min(b);
    silu_multiply |a, b| a / (1.0 + (-a).exp()) * b;
}

macro_rules! test {
    ($($name:ident |$a:ident, $b:ident| $body:expr;)*) => { $(
        pub fn $name(x: &Array, other: &Array) -> Result<Array> {
            Ok(x.zip(other, |$a, $b| f32::from($body))?.of(Dtype::Bool))
        }
    )* };
}
test! {
    equal |a, b| a == b;
    not_equal |a, b| a != b;
    less |a, b| a < b;
    less_equal |a, b| a <= b;
    greater |a, b| a > b;
    greater_equal |a, b| a >= b;
    logical_and |a, b| a != 0.0 && b != 0.0;
    logical_or |a, b| a != 0.0 || b != 0.0;
}

pub fn logical_not(x: &Array) -> Result<Array> {
    Ok(x.map(|x| f32::from(x == 0.0)).of(Dtype::Bool))
}

pub fn is_finite(x: &Array) -> Result<Array> {
    Ok(x.map(|x| f32::from(x.is_finite())).of(Dtype::Bool))
}

pub fn add_scalar(x: &Array, value: f32) -> Result<Array> {
    Ok(x.map(|x| x + value))
}

pub fn multiply_scalar(x: &Array, value: f32) -> Result<Array> {
    Ok(x.map(|x| x * value))
}

pub fn clip(x: &Array, min: f32, max: f32) -> Result<Array> {
    Ok(x.map(|x| x.max(min).min(max)))
}

pub fn select(x: &Array, a: &Array, b: &Array) -> Result<Array> {
    let shape = broadcast(&x.shape, &broadcast(&a.shape, &b.shape)?)?;
    Ok(Array::from_fn(&shape, a.dtype, |at| if x.at(at) != 0.0 { a.at(at) } else { b.at(at) }))
}

macro_rules! reduce {
    ($($name:ident |$run:ident| $body:expr;)*) => { $(
        pub fn $name(x: &Array, axes: &[i32], keep_dims: bool) -> Result<Array> {
            x.reduce(axes, keep_dims, |$run| $body)
        }
    )* };
}
reduce! {
    sum |run| run.iter().sum();
    mean |run| mean_of(run);
    variance |run| mean_of(&run.iter().map(|x| (x - mean_of(run)).powi(2)).collect::<Vec<_>>());
    max |run| run.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    min |run| run.iter().copied().fold(f32::INFINITY, f32::min);
    all |run| f32::from(run.iter().all(|x| *x != 0.0));
    any |run| f32::from(run.iter().any(|x| *x != 0.0));
}

fn mean_of(run: &[f32]) -> f32 {
    run.iter().sum::<f32>() / run.len() as f32
}

pub fn argmax(x: &Array, axis: i32, keep_dims: bool) -> Result<Array> {
    let largest = |run: &[f32]| (0..run.len()).fold(0, |best, at| if run[at] > run[best] { at } else { best }) as f32;
    Ok(x.reduce(&[axis], keep_dims, largest)?.of(Dtype::Uint32))
}

pub fn argsort(x: &Array, axis: i32) -> Result<Array> {
    let sorted = |run: &[f32]| {
        let mut order: Vec<usize> = (0..run.len()).collect();
        order.sort_by(|&a, &b| run[a].total_cmp(&run[b]));
        order.into_iter().map(|at| at as f32).collect()
    };
    Ok(x.along(axis, sorted)?.of(Dtype::Uint32))
}

pub fn cumsum(x: &Array, axis: i32) -> Result<Array> {
    x.along(axis, |run| {
        run.iter()
            .scan(0.0, |sum, x| {
                *sum += x;
                Some(*sum)
            })
            .collect()
    })
}

pub fn softmax(x: &Array, axis: i32) -> Result<Array> {
    x.along(axis, |run| {
        let most = run.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let powers: Vec<f32> = run.iter().map(|x| (x - most).exp()).collect();
        let sum: f32 = powers.iter().sum();
        powers.iter().map(|power| power / sum).collect()
    })
}

pub fn reshape(x: &Array, shape: &[i32]) -> Result<Array> {
    x.reshaped(shape)
}

pub fn transpose(x: &Array, axes: &[i32]) -> Result<Array> {
    let mut order = x.axes(axes)?;
    if axes.is_empty() {
        order.reverse();
    }
    Ok(x.permuted(&order))
}

pub fn swap_axes(x: &Array, a: i32, b: i32) -> Result<Array> {
    let mut order = x.axes(&[])?;
    order.swap(x.axis(a)?, x.axis(b)?);
    Ok(x.permuted(&order))
}

pub fn expand_dims(x: &Array, axes: &[i32]) -> Result<Array> {
    let rank = x.rank() + axes.len() as i32;
    let mut axes: Vec<i32> = axes.iter().map(|&axis| if axis < 0 { axis + rank } else { axis }).collect();
    axes.sort_unstable();
    let mut shape = x.shape.clone();
    axes.iter().for_each(|&axis| shape.insert(axis as usize, 1));
    x.reshaped(&shape)
}

pub fn squeeze(x: &Array, axes: &[i32]) -> Result<Array> {
    let named = x.axes(axes)?;
    let goes = |axis: usize| named.contains(&axis) && (x.shape[axis] == 1 || !axes.is_empty());
    let shape: Vec<i32> = (0..x.shape.len()).filter(|&axis| !goes(axis)).map(|axis| x.shape[axis]).collect();
    x.reshaped(&shape)
}

pub fn broadcast_to(x: &Array, shape: &[i32]) -> Result<Array> {
    let fits = broadcast(&x.shape, shape)? == shape;
    let broadcasted = || Array::from_fn(shape, x.dtype, |index| x.at(index));
    fits.then(broadcasted).ok_or_else(|| Error::invalid(format!("{:?} does not broadcast to {shape:?}", x.shape)))
}

pub fn slice(x: &Array, start: &[i32], stop: &[i32], stride: &[i32]) -> Result<Array> {
    let inside = (0..x.shape.len()).all(|axis| 0 <= start[axis] && stop[axis] <= x.shape[axis] && stride[axis] > 0);
    if !inside || start.len() != x.shape.len() {
        return Err(Error::invalid(format!("{start:?} to {stop:?} is no part of the shape {:?}", x.shape)));
    }
    let side = |axis: usize| (stop[axis] - start[axis] + stride[axis] - 1) / stride[axis];
    let shape: Vec<i32> = (0..start.len()).map(side).collect();
    let from = |index: &[usize]| -> Vec<usize> {
        (0..index.len()).map(|axis| start[axis] as usize + index[axis] * stride[axis] as usize).collect()
    };
    Ok(Array::from_fn(&shape, x.dtype, |index| x.at(&from(index))))
}

pub fn take(x: &Array, indices: &Array, axis: i32) -> Result<Array> {
    let axis = x.axis(axis)?;
    let shape = [&x.shape[..axis], &indices.shape, &x.shape[axis + 1..]].concat();
    let inner = axis..axis + indices.shape.len();
    let from =
        |index: &[usize]| [&index[..axis], &[indices.at(&index[inner.clone()]) as usize], &index[inner.end..]].concat();
    Ok(Array::from_fn(&shape, x.dtype, |index| x.at(&from(index))))
}

#[cfg(feature = "v1_1")]
pub fn take_along_axis(x: &Array, indices: &Array, axis: i32) -> Result<Array> {
    let axis = x.axis(axis)?;
    let from = |index: &[usize]| [&index[..axis], &[indices.at(index) as usize], &index[axis + 1..]].concat();
    Ok(Array::from_fn(&indices.shape, x.dtype, |index| x.at(&from(index))))
}

pub fn repeat(x: &Array, count: i32, axis: i32) -> Result<Array> {
    let axis = x.axis(axis)?;
    let mut shape = x.shape.clone();
    shape[axis] *= count;
    Ok(Array::from_fn(&shape, x.dtype, |index| {
        let mut from = index.to_vec();
        from[axis] /= count as usize;
        x.at(&from)
    }))
}

pub fn tile(x: &Array, counts: &[i32]) -> Result<Array> {
    let shape: Vec<i32> = x.shape.iter().zip(counts).map(|(side, count)| side * count).collect();
    let from =
        |index: &[usize]| -> Vec<usize> { index.iter().zip(&x.shape).map(|(at, &side)| at % side as usize).collect() };
    Ok(Array::from_fn(&shape, x.dtype, |index| x.at(&from(index))))
}

pub fn pad(x: &Array, low: &[i32], high: &[i32], value: f32) -> Result<Array> {
    let shape: Vec<i32> = (0..low.len()).map(|axis| low[axis] + x.shape[axis] + high[axis]).collect();
    slice_update(&full(&shape, value, x.dtype)?, x, low)
}

pub fn slice_update(x: &Array, a: &Array, start: &[i32]) -> Result<Array> {
    let inside = |axis: usize, at: usize| (start[axis]..start[axis] + a.shape[axis]).contains(&(at as i32));
    Ok(Array::from_fn(&x.shape, x.dtype, |index| {
        if !index.iter().enumerate().all(|(axis, &at)| inside(axis, at)) {
            return x.at(index);
        }
        a.at(&index.iter().zip(start).map(|(&at, &start)| at - start as usize).collect::<Vec<_>>())
    }))
}

pub fn as_dtype(x: &Array, dtype: Dtype) -> Result<Array> {
    Ok(match dtype {
        Dtype::Bool => x.map(|x| f32::from(x != 0.0)),
        Dtype::Uint8 | Dtype::Uint32 | Dtype::Int32 | Dtype::Int64 => x.map(f32::trunc),
        Dtype::Float16 | Dtype::Bfloat16 | Dtype::Float32 => x.clone(),
    }
    .of(dtype))
}

pub fn matmul(x: &Array, other: &Array) -> Result<Array> {
    let ([.., rows, inner], [.., found, columns]) = (&x.shape[..], &other.shape[..]) else {
        return Err(Error::invalid("the mock multiplies matrices of two axes or more"));
    };
    if inner != found {
        return Err(Error::invalid(format!("{:?} times {:?}", x.shape, other.shape)));
    }
    let batch = broadcast(&x.shape[..x.shape.len() - 2], &other.shape[..other.shape.len() - 2])?;
    let shape = [&batch[..], &[*rows, *columns]].concat();
    let last = batch.len();
    Ok(Array::from_fn(&shape, x.dtype, |index| {
        let (mut a, mut b) = (index.to_vec(), index.to_vec());
        let product = |at: usize| {
            (a[last + 1], b[last]) = (at, at);
            x.at(&a) * other.at(&b)
        };
        (0..*inner as usize).map(product).sum()
    }))
}

pub fn addmm(x: &Array, a: &Array, b: &Array, alpha: f32, beta: f32) -> Result<Array> {
    matmul(a, b)?.zip(x, |product, x| beta * x + alpha * product)
}

pub fn rms_norm(x: &Array, weight: Option<&Array>, eps: f32) -> Result<Array> {
    let scale = mean(&square(x)?, &[-1], true)?.map(|mean| 1.0 / (mean + eps).sqrt());
    affine(&multiply(x, &scale)?, weight, None)
}

pub fn layer_norm(x: &Array, weight: Option<&Array>, bias: Option<&Array>, eps: f32) -> Result<Array> {
    affine(&standardized(x, &[-1], eps)?, weight, bias)
}

pub fn group_norm(x: &Array, groups: i32, weight: Option<&Array>, bias: Option<&Array>, eps: f32) -> Result<Array> {
    let [count, .., channels] = x.shape[..] else { return Err(Error::invalid("group_norm needs [n,…,c]")) };
    let grouped = x.reshaped(&[count, -1, groups, channels / groups])?;
    affine(&standardized(&grouped, &[1, 3], eps)?.reshaped(&x.shape)?, weight, bias)
}

#[cfg(feature = "v1_2")]
pub fn group_norm_silu(
    x: &Array,
    groups: i32,
    weight: Option<&Array>,
    bias: Option<&Array>,
    eps: f32,
) -> Result<Array> {
    silu(&group_norm(x, groups, weight, bias, eps)?)
}

#[cfg(feature = "v1_2")]
pub fn conv2d_add(
    x: &Array,
    weight: &Array,
    stride: &[i32],
    padding: &[i32],
    bias: Option<&Array>,
    other: Option<&Array>,
) -> Result<Array> {
    let result = conv2d(x, weight, stride, padding, &[1; 2], 1)?;
    [bias, other].into_iter().flatten().try_fold(result, |sum, added| add(&sum, added))
}

fn standardized(x: &Array, axes: &[i32], eps: f32) -> Result<Array> {
    let centered = subtract(x, &mean(x, axes, true)?)?;
    multiply(&centered, &variance(x, axes, true)?.map(|variance| 1.0 / (variance + eps).sqrt()))
}

fn affine(x: &Array, weight: Option<&Array>, bias: Option<&Array>) -> Result<Array> {
    let scaled = weight.map_or_else(|| Ok(x.clone()), |weight| multiply(x, weight))?;
    bias.map_or_else(|| Ok(scaled.clone()), |bias| add(&scaled, bias))
}

pub fn rotate_pairs(x: &Array, cos: &Array, sin: &Array) -> Result<Array> {
    let pair = |index: &[usize]| {
        let (mut even, last) = (index.to_vec(), index.len() - 1);
        even[last] &= !1;
        let mut odd = even.clone();
        odd[last] += 1;
        let at = [index[last - 2], index[last] / 2];
        (x.at(&even), x.at(&odd), cos.at(&at), sin.at(&at))
    };
    Ok(Array::from_fn(&x.shape, x.dtype, |index| match (pair(index), index[index.len() - 1] % 2) {
        ((a, b, cos, sin), 0) => a * cos - b * sin,
        ((a, b, cos, sin), _) => a * sin + b * cos,
    }))
}

pub fn rope(x: &Array, base: f32) -> Result<Array> {
    let width = x.shape[x.shape.len() - 1] as usize;
    let half = width / 2;
    Ok(Array::from_fn(&x.shape, x.dtype, |index| {
        let last = index.len() - 1;
        let at = index[last] % half;
        let angle = index[last - 1] as f32 * base.powf(-2.0 * at as f32 / width as f32);
        let (mut first, mut second) = (index.to_vec(), index.to_vec());
        (first[last], second[last]) = (at, at + half);
        match index[last] < half {
            true => x.at(&first) * angle.cos() - x.at(&second) * angle.sin(),
            false => x.at(&first) * angle.sin() + x.at(&second) * angle.cos(),
        }
    }))
}

pub fn attention(x: &Array, keys: &Array, values: &Array, scale: f32, mask: Option<&Array>) -> Result<Array> {
    let shared = x.shape[1] / keys.shape[1];
    let scores = matmul(x, &swap_axes(&repeat(keys, shared, 1)?, -1, -2)?)?.map(|score| score * scale);
    let scores = mask.map_or_else(|| Ok(scores.clone()), |mask| add(&scores, mask))?;
    matmul(&softmax(&scores, -1)?, &repeat(values, shared, 1)?)
}

pub fn causal_attention(x: &Array, keys: &Array, values: &Array, scale: f32) -> Result<Array> {
    let (queries, seen) = (x.shape[2], keys.shape[2]);
    let hidden =
        |index: &[usize]| if index[1] as i32 > index[0] as i32 + seen - queries { f32::NEG_INFINITY } else { 0.0 };
    attention(x, keys, values, scale, Some(&Array::from_fn(&[queries, seen], Dtype::Float32, hidden)))
}

pub fn full(shape: &[i32], value: f32, dtype: Dtype) -> Result<Array> {
    Ok(Array::from_fn(shape, dtype, |_| value))
}

pub fn arange(start: f32, stop: f32, step: f32, dtype: Dtype) -> Result<Array> {
    let count = ((stop - start) / step).ceil().max(0.0) as i32;
    Ok(Array::from_fn(&[count], dtype, |index| start + step * index[0] as f32))
}

pub fn concatenate(tensors: Vec<&Array>, axis: i32) -> Result<Array> {
    let first = tensors.first().ok_or_else(|| Error::invalid("nothing to concatenate"))?;
    let axis = first.axis(axis)?;
    let mut shape = first.shape.clone();
    shape[axis] = tensors.iter().map(|tensor| tensor.shape[axis]).sum();
    let mut start = vec![0; shape.len()];
    tensors.iter().try_fold(full(&shape, 0.0, first.dtype)?, |all, tensor| {
        let all = slice_update(&all, tensor, &start);
        start[axis] += tensor.shape[axis];
        all
    })
}

pub fn stack(tensors: Vec<&Array>, axis: i32) -> Result<Array> {
    let rows: Vec<Array> = tensors.into_iter().map(|tensor| expand_dims(tensor, &[axis])).collect::<Result<_>>()?;
    concatenate(rows.iter().collect(), axis)
}

/// Normal numbers by seed, but not those of MLX.
pub fn random_normal(shape: &[i32], seed: u64) -> Result<Array> {
    let (radius, angle) = (random_uniform(shape, seed)?, random_uniform(shape, !seed)?);
    radius.zip(&angle, |radius, angle| (-2.0 * (1.0 - radius).ln()).sqrt() * (std::f32::consts::TAU * angle).cos())
}

/// Uniform numbers by seed (splitmix64), but not those of MLX.
pub fn random_uniform(shape: &[i32], seed: u64) -> Result<Array> {
    let mut state = seed;
    Ok(Array::from_fn(shape, Dtype::Float32, |_| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 40) as f32 / (1 << 24) as f32
    }))
}
