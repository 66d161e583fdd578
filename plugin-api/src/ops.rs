//! Every tensor operation, once. The list expands to the table's fields and to the methods of [`Tensor`] here, and
//! to the table's functions in the host, so that an operation missing on one side does not compile.
//!
//! Names and meanings are MLX's (`mlx.core` of Python), shapes broadcast as there, axes may be negative. An operation
//! enters the list when MLX has a kernel for it or the host may compute it better than its parts.

use crate::abi::{Flag, RawTensor, Slice, Text};
use crate::host;
use crate::tensor::{Dtype, Tensor};

/// How an argument crosses: its safe form, and its form in the table.
pub trait Arg {
    type Safe<'a>;
    type Raw: Copy;
    fn raw(value: Self::Safe<'_>) -> Self::Raw;
}

macro_rules! plain {
    ($($ty:ty)*) => { $(
        impl Arg for $ty {
            type Safe<'a> = $ty;
            type Raw = $ty;
            fn raw(value: $ty) -> $ty {
                value
            }
        }
    )* };
}
plain!(f32 f64 i32 u64);

impl Arg for bool {
    type Safe<'a> = bool;
    type Raw = Flag;
    fn raw(value: bool) -> Flag {
        value.into()
    }
}

impl Arg for Dtype {
    type Safe<'a> = Dtype;
    type Raw = u32;
    fn raw(value: Dtype) -> u32 {
        value as u32
    }
}

impl Arg for Tensor {
    type Safe<'a> = &'a Tensor;
    type Raw = *const RawTensor;
    fn raw(value: &Tensor) -> *const RawTensor {
        value.as_ptr()
    }
}

impl Arg for Option<Tensor> {
    type Safe<'a> = Option<&'a Tensor>;
    type Raw = *const RawTensor;
    fn raw(value: Option<&Tensor>) -> *const RawTensor {
        value.map_or(std::ptr::null(), Tensor::as_ptr)
    }
}

impl Arg for [Tensor] {
    type Safe<'a> = &'a [Tensor];
    type Raw = Slice<*const RawTensor>;
    fn raw(value: &[Tensor]) -> Self::Raw {
        Slice { ptr: value.as_ptr().cast(), len: value.len() }
    }
}

impl Arg for [i32] {
    type Safe<'a> = &'a [i32];
    type Raw = Slice<i32>;
    fn raw(value: &[i32]) -> Slice<i32> {
        Slice::of(value)
    }
}

impl Arg for str {
    type Safe<'a> = &'a str;
    type Raw = Text;
    fn raw(value: &str) -> Text {
        Text::text(value)
    }
}

/// Calls `$callback!` with the whole list: `methods` work on a tensor, `functions` make one. Both are as they were in 1.0;
/// methods that came later stand behind them, each under the feature of its minor version.
#[macro_export]
macro_rules! ops {
    ($callback:path) => {
        $callback! {
            methods {
                fn add(other: Tensor);
                fn subtract(other: Tensor);
                fn multiply(other: Tensor);
                fn divide(other: Tensor);
                fn power(other: Tensor);
                fn remainder(other: Tensor);
                fn maximum(other: Tensor);
                fn minimum(other: Tensor);
                /// The number takes the tensor's type.
                fn add_scalar(value: f32);
                /// The number takes the tensor's type.
                fn multiply_scalar(value: f32);
                fn clip(min: f32, max: f32);
                fn negative();
                fn abs();
                fn exp();
                fn log();
                fn sin();
                fn cos();
                fn tanh();
                fn sigmoid();
                fn erf();
                fn sqrt();
                fn rsqrt();
                fn square();
                fn reciprocal();
                fn sign();
                fn floor();
                fn ceil();
                fn round();
                fn is_finite();
                /// `x · sigmoid(x)`.
                fn silu();
                /// `silu(x) · gate`, the middle of a gated feed-forward network.
                fn silu_multiply(gate: Tensor);
                /// Exact: `x · Φ(x)`.
                fn gelu();
                fn equal(other: Tensor);
                fn not_equal(other: Tensor);
                fn less(other: Tensor);
                fn less_equal(other: Tensor);
                fn greater(other: Tensor);
                fn greater_equal(other: Tensor);
                fn logical_and(other: Tensor);
                fn logical_or(other: Tensor);
                fn logical_not();
                /// Where the tensor is true `a`, elsewhere `b`.
                fn select(a: Tensor, b: Tensor);
                /// All axes where `axes` is empty; so are the reductions below.
                fn sum(axes: [i32], keep_dims: bool);
                fn mean(axes: [i32], keep_dims: bool);
                fn variance(axes: [i32], keep_dims: bool);
                fn max(axes: [i32], keep_dims: bool);
                fn min(axes: [i32], keep_dims: bool);
                fn all(axes: [i32], keep_dims: bool);
                fn any(axes: [i32], keep_dims: bool);
                fn argmax(axis: i32, keep_dims: bool);
                fn argsort(axis: i32);
                fn cumsum(axis: i32);
                fn softmax(axis: i32);
                fn reshape(shape: [i32]);
                /// Reverses the axes where `axes` is empty.
                fn transpose(axes: [i32]);
                fn swap_axes(a: i32, b: i32);
                fn expand_dims(axes: [i32]);
                fn squeeze(axes: [i32]);
                fn broadcast_to(shape: [i32]);
                /// From `start` to before `stop` in steps of `stride`, one number an axis.
                fn slice(start: [i32], stop: [i32], stride: [i32]);
                /// Rows of `axis` by index (int32).
                fn take(indices: Tensor, axis: i32);
                fn repeat(count: i32, axis: i32);
                fn tile(counts: [i32]);
                /// `low` and `high` rows on the two sides of each axis, filled with `value`.
                fn pad(low: [i32], high: [i32], value: f32);
                /// With `a` put on at `start`, one number an axis.
                fn slice_update(a: Tensor, start: [i32]);
                fn as_dtype(dtype: Dtype);
                fn matmul(other: Tensor);
                /// `beta · x + alpha · a·b`.
                fn addmm(a: Tensor, b: Tensor, alpha: f32, beta: f32);
                /// `[n,h,w,c]` with weight `[out,kh,kw,c/groups]`; stride, padding and dilation are (h, w).
                fn conv2d(weight: Tensor, stride: [i32], padding: [i32], dilation: [i32], groups: i32);
                fn rms_norm(weight: Option<Tensor>, eps: f32);
                fn layer_norm(weight: Option<Tensor>, bias: Option<Tensor>, eps: f32);
                /// Over groups of neighbouring channels of `[n,…,c]`, statistics over all middle axes.
                fn group_norm(groups: i32, weight: Option<Tensor>, bias: Option<Tensor>, eps: f32);
                /// Rotary embedding of neighbouring pairs: `[…,t,h,d]` with `cos`, `sin` `[t,d/2]`;
                /// (a, b) becomes (a·cos − b·sin, a·sin + b·cos).
                fn rotate_pairs(cos: Tensor, sin: Tensor);
                /// Rotary embedding of halves (the GPT-NeoX order) of `[n,h,t,d]`, positions from 0.
                fn rope(base: f32);
                /// Queries `[n,h,t,d]`, keys and values `[n,kv,s,d]` with h a multiple of kv; `mask` is added to the
                /// scores and broadcasts to `[n,h,t,s]`.
                fn attention(keys: Tensor, values: Tensor, scale: f32, mask: Option<Tensor>);
                /// As `attention`; a query sees its own and earlier keys.
                fn causal_attention(keys: Tensor, values: Tensor, scale: f32);
                /// `[n,h,w,c]` to height and width `size`; mode `nearest`, `linear` or `cubic` as torch's
                /// `interpolate` with `align_corners=False`.
                fn interpolate(size: [i32], mode: str);
            }
            functions {
                fn full(shape: [i32], value: f32, dtype: Dtype);
                fn arange(start: f32, stop: f32, step: f32, dtype: Dtype);
                fn concatenate(tensors: [Tensor], axis: i32);
                fn stack(tensors: [Tensor], axis: i32);
                /// MLX's counter-based normal numbers, float32: the same on every machine.
                fn random_normal(shape: [i32], seed: u64);
                /// As `random_normal`, uniform in 0..1.
                fn random_uniform(shape: [i32], seed: u64);
            }
            later {
                /// Along `axis`, for each index the number that stands there: `indices` (int32) has as many axes as the
                /// tensor, and its sides there but for `axis`. With `argsort` it sorts.
                "v1_1" fn take_along_axis(indices: Tensor, axis: i32);
                /// `group_norm`, then `silu`, in one pass where the host can.
                "v1_2" fn group_norm_silu(groups: i32, weight: Option<Tensor>, bias: Option<Tensor>, eps: f32);
                /// `conv2d` without dilation and groups, plus `bias` `[out]`, plus `other` of the result's shape, in one pass
                /// where the host can.
                "v1_2" fn conv2d_add(
                    weight: Tensor, stride: [i32], padding: [i32], bias: Option<Tensor>, other: Option<Tensor>
                );
            }
        }
    };
}

macro_rules! define {
    (
        methods { $( $(#[$doc:meta])* fn $method:ident($($arg:ident: $ty:ty),*); )* }
        functions { $( $(#[$fdoc:meta])* fn $function:ident($($farg:ident: $fty:ty),*); )* }
        later { $( $(#[$ldoc:meta])* $feature:literal fn $later:ident($($larg:ident: $lty:ty),*); )* }
    ) => {
        /// The table of tensor operations. Each returns an owned tensor, which carries the error where there is one.
        #[repr(C)]
        #[derive(Debug)]
        pub struct Ops {
            pub size: usize,
            $( pub $method: unsafe extern "C" fn(*const RawTensor $(, <$ty as Arg>::Raw)*) -> *mut RawTensor, )*
            $( pub $function: unsafe extern "C" fn($(<$fty as Arg>::Raw),*) -> *mut RawTensor, )*
            $(
                #[cfg(feature = $feature)]
                pub $later: unsafe extern "C" fn(*const RawTensor $(, <$lty as Arg>::Raw)*) -> *mut RawTensor,
            )*
        }

        impl Tensor {
            $(
                $(#[$doc])*
                pub fn $method(&self $(, $arg: <$ty as Arg>::Safe<'_>)*) -> Tensor {
                    // SAFETY: the table is the host's; every argument is borrowed for the call.
                    unsafe {
                        Tensor::own(((*host().ops).$method)(self.as_ptr() $(, <$ty as Arg>::raw($arg))*))
                    }
                }
            )*
            $(
                $(#[$fdoc])*
                pub fn $function($($farg: <$fty as Arg>::Safe<'_>),*) -> Tensor {
                    // SAFETY: as above.
                    unsafe { Tensor::own(((*host().ops).$function)($(<$fty as Arg>::raw($farg)),*)) }
                }
            )*
            $(
                $(#[$ldoc])*
                #[cfg(feature = $feature)]
                pub fn $later(&self $(, $larg: <$lty as Arg>::Safe<'_>)*) -> Tensor {
                    // SAFETY: as above.
                    unsafe { Tensor::own(((*host().ops).$later)(self.as_ptr() $(, <$lty as Arg>::raw($larg))*)) }
                }
            )*
        }
    };
}
ops!(define);
