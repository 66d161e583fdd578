//! The operations themselves, by MLX.
#![expect(clippy::needless_pass_by_value, reason = "one calling convention for the whole table")]

use mlx_rs::ops::indexing::{ArrayIndexOp, IntoStrideBy, TryIndexMutOp, TryIndexOp};
use mlx_rs::{Array, fast, ops, random};
use plugin_api::{Dtype, Error, Result};
use weft_kernels::Arithmetic;

use super::cpu;
use super::mlx::{mlx_dtype, mlx_error};

macro_rules! unary {
    ($($name:ident)*) => { $(
        pub fn $name(x: &Array) -> Result<Array> {
            ops::$name(x).map_err(mlx_error)
        }
    )* };
}
unary!(abs exp sin cos tanh sigmoid erf sqrt rsqrt square reciprocal sign floor ceil negative log logical_not);

macro_rules! binary {
    ($($name:ident $op:ident;)*) => { $(
        pub fn $name(x: &Array, other: &Array) -> Result<Array> {
            ops::$op(x, other).map_err(mlx_error)
        }
    )* };
}
binary! {
    subtract subtract;
    divide divide;
    power power;
    remainder remainder;
    minimum minimum;
    equal eq;
    not_equal ne;
    less lt;
    less_equal le;
    greater gt;
    greater_equal ge;
    logical_and logical_and;
    logical_or logical_or;
    matmul matmul;
}

pub fn add(x: &Array, other: &Array) -> Result<Array> {
    match cpu::arithmetic(Arithmetic::Add, x, other)? {
        Some(done) => Ok(done),
        None => ops::add(x, other).map_err(mlx_error),
    }
}

pub fn multiply(x: &Array, other: &Array) -> Result<Array> {
    match cpu::arithmetic(Arithmetic::Multiply, x, other)? {
        Some(done) => Ok(done),
        None => ops::multiply(x, other).map_err(mlx_error),
    }
}

pub fn maximum(x: &Array, other: &Array) -> Result<Array> {
    match cpu::arithmetic(Arithmetic::Maximum, x, other)? {
        Some(done) => Ok(done),
        None => ops::maximum(x, other).map_err(mlx_error),
    }
}

macro_rules! reduction {
    ($($name:ident $axes_op:ident $all_op:ident;)*) => { $(
        pub fn $name(x: &Array, axes: &[i32], keep_dims: bool) -> Result<Array> {
            let reduced =
                if axes.is_empty() { ops::$all_op(x, keep_dims) } else { ops::$axes_op(x, axes, keep_dims) };
            reduced.map_err(mlx_error)
        }
    )* };
}
reduction! {
    sum sum_axes sum;
    mean mean_axes mean;
    max max_axes max;
    min min_axes min;
    all all_axes all;
    any any_axes any;
}

/// A number in the tensor's own type: a float32 scalar would widen bfloat16.
fn scalar(value: f32, like: &Array) -> Result<Array> {
    Array::from_f32(value).as_dtype(like.dtype()).map_err(mlx_error)
}

pub fn add_scalar(x: &Array, value: f32) -> Result<Array> {
    add(x, &scalar(value, x)?)
}

pub fn multiply_scalar(x: &Array, value: f32) -> Result<Array> {
    multiply(x, &scalar(value, x)?)
}

pub fn clip(x: &Array, min: f32, max: f32) -> Result<Array> {
    ops::clip(x, (min, max)).and_then(|clipped| clipped.as_dtype(x.dtype())).map_err(mlx_error)
}

pub fn round(x: &Array) -> Result<Array> {
    ops::round(x, None).map_err(mlx_error)
}

pub fn is_finite(x: &Array) -> Result<Array> {
    x.is_finite().map_err(mlx_error)
}

pub fn silu(x: &Array) -> Result<Array> {
    if let Some(done) = cpu::silu(x)? {
        return Ok(done);
    }
    multiply(x, &sigmoid(x)?)
}

pub fn silu_multiply(x: &Array, gate: &Array) -> Result<Array> {
    if let Some(done) = cpu::silu_multiply(x, gate)? {
        return Ok(done);
    }
    multiply(&silu(x)?, gate)
}

pub fn gelu(x: &Array) -> Result<Array> {
    let phi = add_scalar(&erf(&multiply_scalar(x, std::f32::consts::FRAC_1_SQRT_2)?)?, 1.0)?;
    multiply_scalar(&multiply(x, &phi)?, 0.5)
}

pub fn select(condition: &Array, a: &Array, b: &Array) -> Result<Array> {
    ops::select(condition, a, b).map_err(mlx_error)
}

pub fn variance(x: &Array, axes: &[i32], keep_dims: bool) -> Result<Array> {
    let variance = if axes.is_empty() { ops::var(x, keep_dims, 0) } else { ops::var_axes(x, axes, keep_dims, 0) };
    variance.map_err(mlx_error)
}

pub fn argmax(x: &Array, axis: i32, keep_dims: bool) -> Result<Array> {
    ops::indexing::argmax_axis(x, axis, keep_dims).map_err(mlx_error)
}

pub fn argsort(x: &Array, axis: i32) -> Result<Array> {
    ops::argsort_axis(x, axis).map_err(mlx_error)
}

pub fn cumsum(x: &Array, axis: i32) -> Result<Array> {
    ops::cumsum(x, axis, false, true).map_err(mlx_error)
}

pub fn softmax(x: &Array, axis: i32) -> Result<Array> {
    let is_last = axis == -1 || axis == x.ndim() as i32 - 1;
    if let Some(done) = if is_last { cpu::softmax(x)? } else { None } {
        return Ok(done);
    }
    ops::softmax_axis(x, axis, true).map_err(mlx_error)
}

pub fn reshape(x: &Array, shape: &[i32]) -> Result<Array> {
    ops::reshape(x, shape).map_err(mlx_error)
}

pub fn transpose(x: &Array, axes: &[i32]) -> Result<Array> {
    let transposed = if axes.is_empty() { ops::transpose(x) } else { ops::transpose_axes(x, axes) };
    transposed.map_err(mlx_error)
}

pub fn swap_axes(x: &Array, a: i32, b: i32) -> Result<Array> {
    ops::swap_axes(x, a, b).map_err(mlx_error)
}

pub fn expand_dims(x: &Array, axes: &[i32]) -> Result<Array> {
    ops::expand_dims_axes(x, axes).map_err(mlx_error)
}

pub fn squeeze(x: &Array, axes: &[i32]) -> Result<Array> {
    let squeezed = if axes.is_empty() { ops::squeeze(x) } else { ops::squeeze_axes(x, axes) };
    squeezed.map_err(mlx_error)
}

pub fn broadcast_to(x: &Array, shape: &[i32]) -> Result<Array> {
    ops::broadcast_to(x, shape).map_err(mlx_error)
}

pub fn slice(x: &Array, start: &[i32], stop: &[i32], stride: &[i32]) -> Result<Array> {
    x.try_index(ranges(x, start, stop, stride)?.as_slice()).map_err(mlx_error)
}

pub fn slice_update(x: &Array, a: &Array, start: &[i32]) -> Result<Array> {
    if a.ndim() != start.len() {
        return Err(Error::invalid(format!("{} starts for a tensor of the shape {:?}", start.len(), a.shape())));
    }
    let stop: Vec<i32> = start.iter().zip(a.shape()).map(|(start, size)| start + size).collect();
    let mut updated = x.clone();
    updated.try_index_mut(ranges(x, start, &stop, &vec![1; start.len()])?.as_slice(), a).map_err(mlx_error)?;
    Ok(updated)
}

/// One range an axis. MLX would cut what lies outside; here it is an error.
fn ranges(x: &Array, start: &[i32], stop: &[i32], stride: &[i32]) -> Result<Vec<ArrayIndexOp<'static>>> {
    let shape = x.shape();
    let fits = start.len() == shape.len() && stop.len() == shape.len() && stride.len() == shape.len();
    let inside = |axis: usize| 0 <= start[axis] && start[axis] <= stop[axis] && stop[axis] <= shape[axis];
    if !fits || !(0..shape.len()).all(inside) || stride.iter().any(|&stride| stride < 1) {
        return Err(Error::invalid(format!("the slice {start:?}..{stop:?} of a tensor of the shape {shape:?}")));
    }
    let range = |axis: usize| {
        use mlx_rs::ops::indexing::ArrayIndex;
        (start[axis]..stop[axis]).stride_by(stride[axis]).index_op()
    };
    Ok((0..shape.len()).map(range).collect())
}

pub fn take(x: &Array, indices: &Array, axis: i32) -> Result<Array> {
    ops::indexing::take_axis(x, indices, axis).map_err(mlx_error)
}

pub fn take_along_axis(x: &Array, indices: &Array, axis: i32) -> Result<Array> {
    x.take_along_axis(indices, axis).map_err(mlx_error)
}

pub fn repeat(x: &Array, count: i32, axis: i32) -> Result<Array> {
    let index: Vec<i32> = {
        let size = x.shape().get(if axis < 0 { axis + x.ndim() as i32 } else { axis } as usize).copied();
        let size =
            size.ok_or_else(|| Error::invalid(format!("axis {axis} of a tensor of the shape {:?}", x.shape())))?;
        (0..size).flat_map(|row| std::iter::repeat_n(row, count.max(0) as usize)).collect()
    };
    take(x, &Array::from_slice(&index, &[index.len() as i32]), axis)
}

pub fn tile(x: &Array, counts: &[i32]) -> Result<Array> {
    ops::tile(x, counts).map_err(mlx_error)
}

pub fn pad(x: &Array, low: &[i32], high: &[i32], value: f32) -> Result<Array> {
    if low.len() != x.ndim() || high.len() != x.ndim() || low.iter().chain(high).any(|&rows| rows < 0) {
        return Err(Error::invalid(format!("the padding {low:?}, {high:?} of a tensor of the shape {:?}", x.shape())));
    }
    let widths: Vec<(i32, i32)> = low.iter().copied().zip(high.iter().copied()).collect();
    ops::pad(x, &widths[..], scalar(value, x)?, None).map_err(mlx_error)
}

pub fn as_dtype(x: &Array, dtype: Dtype) -> Result<Array> {
    x.as_dtype(mlx_dtype(dtype)).map_err(mlx_error)
}

pub fn addmm(x: &Array, a: &Array, b: &Array, alpha: f32, beta: f32) -> Result<Array> {
    ops::addmm(x, a, b, alpha, beta).map_err(mlx_error)
}

pub fn conv2d_add(
    x: &Array,
    weight: &Array,
    stride: &[i32],
    padding: &[i32],
    bias: Option<&Array>,
    other: Option<&Array>,
) -> Result<Array> {
    let sizes = |sides: &[i32]| {
        let &[height, width] = sides else { return None };
        Some([usize::try_from(height).ok()?, usize::try_from(width).ok()?])
    };
    if let (Some(stride), Some(padding)) = (sizes(stride), sizes(padding))
        && let Some(done) = cpu::conv2d(x, weight, stride, padding, [bias, other])?
    {
        return Ok(done);
    }
    let result = conv2d(x, weight, stride, padding, &[1; 2], 1)?;
    [bias, other].into_iter().flatten().try_fold(result, |sum, added| add(&sum, added))
}

pub fn conv2d(
    x: &Array,
    weight: &Array,
    stride: &[i32],
    padding: &[i32],
    dilation: &[i32],
    groups: i32,
) -> Result<Array> {
    let pair = |what: &str, pair: &[i32]| match pair {
        [h, w] => Ok((*h, *w)),
        _ => Err(Error::invalid(format!("conv2d needs two numbers as {what}, not {pair:?}"))),
    };
    let (stride, padding, dilation) = (pair("stride", stride)?, pair("padding", padding)?, pair("dilation", dilation)?);
    let sizes = |(h, w): (i32, i32)| Some([usize::try_from(h).ok()?, usize::try_from(w).ok()?]);
    if let (1, (1, 1), Some(stride), Some(padding)) = (groups, dilation, sizes(stride), sizes(padding))
        && let Some(done) = cpu::conv2d(x, weight, stride, padding, [None; 2])?
    {
        return Ok(done);
    }
    ops::conv2d(x, weight, stride, padding, dilation, groups).map_err(mlx_error)
}

pub fn rms_norm(x: &Array, weight: Option<&Array>, eps: f32) -> Result<Array> {
    if let Some(done) = cpu::rms_norm(x, weight, eps)? {
        return Ok(done);
    }
    fast::rms_norm(x, weight, eps).map_err(mlx_error)
}

pub fn layer_norm(x: &Array, weight: Option<&Array>, bias: Option<&Array>, eps: f32) -> Result<Array> {
    fast::layer_norm(x, weight, bias, eps).map_err(mlx_error)
}

pub fn group_norm(x: &Array, groups: i32, weight: Option<&Array>, bias: Option<&Array>, eps: f32) -> Result<Array> {
    let shape = x.shape().to_vec();
    let channels = shape.last().copied().unwrap_or(0);
    if shape.len() < 3 || groups < 1 || channels % groups != 0 {
        return Err(Error::invalid(format!("group_norm with {groups} groups of a tensor of the shape {shape:?}")));
    }
    if let (Some(weight), Some(bias)) = (weight, bias)
        && let Some(done) = cpu::group_norm(x, groups, weight, bias, eps, false)?
    {
        return Ok(done);
    }
    // [n, pixels, groups, c/groups] -> [n, groups, pixels · c/groups], so that one layer norm does it.
    let per_group = channels / groups;
    let grouped = reshape(x, &[shape[0], -1, groups, per_group])?;
    let rows = reshape(&transpose(&grouped, &[0, 2, 1, 3])?, &[shape[0], groups, -1])?;
    let normed = layer_norm(&rows, None, None, eps)?;
    let back = transpose(&reshape(&normed, &[shape[0], groups, -1, per_group])?, &[0, 2, 1, 3])?;
    let mut out = reshape(&back, &shape)?;
    if let Some(weight) = weight {
        out = multiply(&out, weight)?;
    }
    if let Some(bias) = bias {
        out = add(&out, bias)?;
    }
    Ok(out)
}

pub fn group_norm_silu(
    x: &Array,
    groups: i32,
    weight: Option<&Array>,
    bias: Option<&Array>,
    eps: f32,
) -> Result<Array> {
    if let (Some(weight), Some(bias)) = (weight, bias)
        && let Some(done) = cpu::group_norm(x, groups, weight, bias, eps, true)?
    {
        return Ok(done);
    }
    silu(&group_norm(x, groups, weight, bias, eps)?)
}

pub fn rotate_pairs(x: &Array, cos: &Array, sin: &Array) -> Result<Array> {
    let shape = x.shape().to_vec();
    let Some((&width, front)) = shape.split_last().filter(|(width, _)| *width % 2 == 0) else {
        return Err(Error::invalid(format!("rotate_pairs needs pairs, the shape is {shape:?}")));
    };
    if let Some(done) = cpu::rotate_pairs(x, cos, sin)? {
        return Ok(done);
    }
    // [t, d/2] beside [.., t, h, d/2].
    let (cos, sin) = (expand_dims(cos, &[1])?, expand_dims(sin, &[1])?);
    // The angles are exact only in float32.
    let float = x.as_dtype(mlx_rs::Dtype::Float32).map_err(mlx_error)?;
    let pairs = reshape(&float, &[front, &[width / 2, 2]].concat())?;
    let part = |index: i32| take(&pairs, &Array::from_int(index), -1);
    let (a, b) = (part(0)?, part(1)?);
    let real = subtract(&multiply(&a, &cos)?, &multiply(&b, &sin)?)?;
    let imaginary = add(&multiply(&a, &sin)?, &multiply(&b, &cos)?)?;
    let turned = ops::stack(&[&real, &imaginary], -1).map_err(mlx_error)?;
    reshape(&turned, &shape)?.as_dtype(x.dtype()).map_err(mlx_error)
}

pub fn rope(x: &Array, base: f32) -> Result<Array> {
    let width = x.shape().last().copied().unwrap_or(0);
    fast::rope(x, width, false, base, 1.0, 0, None).map_err(mlx_error)
}

pub fn attention(queries: &Array, keys: &Array, values: &Array, scale: f32, mask: Option<&Array>) -> Result<Array> {
    if let Some(done) = if mask.is_none() { cpu::attention(queries, keys, values, scale, false)? } else { None } {
        return Ok(done);
    }
    match mask {
        Some(mask) => fast::scaled_dot_product_attention(queries, keys, values, scale, mask, None),
        None => fast::scaled_dot_product_attention(queries, keys, values, scale, None, None),
    }
    .map_err(mlx_error)
}

pub fn causal_attention(queries: &Array, keys: &Array, values: &Array, scale: f32) -> Result<Array> {
    if let Some(done) = cpu::attention(queries, keys, values, scale, true)? {
        return Ok(done);
    }
    let mask = fast::ScaledDotProductAttentionMask::Causal;
    fast::scaled_dot_product_attention(queries, keys, values, scale, mask, None).map_err(mlx_error)
}

pub fn interpolate(x: &Array, size: &[i32], mode: String) -> Result<Array> {
    super::interpolate::interpolate(x, size, &mode)
}

pub fn full(shape: &[i32], value: f32, dtype: Dtype) -> Result<Array> {
    if shape.iter().any(|&size| size < 0) {
        return Err(Error::invalid(format!("a tensor of the shape {shape:?}")));
    }
    let value = Array::from_f32(value).as_dtype(mlx_dtype(dtype)).map_err(mlx_error)?;
    ops::broadcast_to(&value, shape).map_err(mlx_error)
}

pub fn arange(start: f32, stop: f32, step: f32, dtype: Dtype) -> Result<Array> {
    let numbers = ops::arange::<f32, f32>(start, stop, step).map_err(mlx_error)?;
    as_dtype(&numbers, dtype)
}

pub fn concatenate(arrays: Vec<&Array>, axis: i32) -> Result<Array> {
    match cpu::concatenate(&arrays, axis)? {
        Some(done) => Ok(done),
        None => ops::concatenate(&arrays, axis).map_err(mlx_error),
    }
}

pub fn stack(arrays: Vec<&Array>, axis: i32) -> Result<Array> {
    ops::stack(&arrays, axis).map_err(mlx_error)
}

pub fn random_normal(shape: &[i32], seed: u64) -> Result<Array> {
    let key = random::key(seed).map_err(mlx_error)?;
    random::normal::<f32>(shape, None, None, Some(&key)).map_err(mlx_error)
}

pub fn random_uniform(shape: &[i32], seed: u64) -> Result<Array> {
    let key = random::key(seed).map_err(mlx_error)?;
    random::uniform::<_, f32>(0.0, 1.0, shape, Some(&key)).map_err(mlx_error)
}
