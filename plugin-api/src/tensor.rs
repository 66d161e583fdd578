//! Tensors: lazy, immutable, cheap to clone, bound to the engine's thread.
//!
//! A tensor carries its error: an operation on a failed tensor is a failed tensor, and the error surfaces at
//! [`Tensor::shape`], [`Tensor::eval`], [`Tensor::to_vec`] or when a node returns it. So model code reads like maths.
//!
//! ```
//! use plugin_api::Tensor;
//!
//! let image = Tensor::from_slice(&[0.0f32, 0.5, 1.0, 1.0, 0.5, 0.0], &[1, 1, 2, 3]);
//! let negative = 1.0 - &image;
//! let grey = image.mean(&[-1], true);
//! assert_eq!(negative.to_vec::<f32>()?, [1.0, 0.5, 0.0, 0.0, 0.5, 1.0]);
//! assert_eq!(grey.shape()?, [1, 1, 2, 1]);
//! assert_eq!((&image - &grey).abs().max(&[], false).item::<f32>()?, 0.5);
//!
//! let wrong = image.reshape(&[5]) * 2.0;
//! assert!(wrong.eval().is_err());
//! # Ok::<(), plugin_api::Error>(())
//! ```

use std::ptr::NonNull;

use crate::abi::{RawTensor, Slice};
use crate::error::{Error, Result};
use crate::host;

/// The type of a tensor's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
#[cfg_attr(not(feature = "host"), non_exhaustive)]
pub enum Dtype {
    Bool = 0,
    Uint8 = 1,
    Uint32 = 2,
    Int32 = 3,
    Int64 = 4,
    Float16 = 5,
    Bfloat16 = 6,
    Float32 = 7,
}

impl Dtype {
    pub const ALL: [Self; 8] =
        [Self::Bool, Self::Uint8, Self::Uint32, Self::Int32, Self::Int64, Self::Float16, Self::Bfloat16, Self::Float32];

    /// None for a number that this version does not know.
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|dtype| *dtype as u32 == code)
    }

    /// Bytes a number.
    pub const fn size(self) -> usize {
        match self {
            Self::Bool | Self::Uint8 => 1,
            Self::Float16 | Self::Bfloat16 => 2,
            Self::Uint32 | Self::Int32 | Self::Float32 => 4,
            Self::Int64 => 8,
        }
    }
}

/// A Rust type whose slices go into and out of tensors.
pub trait Element: Copy + Default + 'static {
    const DTYPE: Dtype;
}
impl Element for f32 {
    const DTYPE: Dtype = Dtype::Float32;
}
impl Element for i32 {
    const DTYPE: Dtype = Dtype::Int32;
}
impl Element for u32 {
    const DTYPE: Dtype = Dtype::Uint32;
}
impl Element for u8 {
    const DTYPE: Dtype = Dtype::Uint8;
}

/// A tensor, or the error that took its place. The operations stand in [`crate::ops`].
#[derive(Debug)]
#[repr(transparent)]
pub struct Tensor(NonNull<RawTensor>);

impl Tensor {
    /// Copies `data`, row-major. Its length must be the product of `shape`.
    pub fn from_slice<T: Element>(data: &[T], shape: &[i32]) -> Self {
        let bytes = Slice { ptr: data.as_ptr().cast::<u8>(), len: std::mem::size_of_val(data) };
        // SAFETY: lent for the call; the host checks the length against the shape.
        unsafe { Self::own((host().tensor_new)(T::DTYPE as u32, Slice::of(shape), bytes)) }
    }

    /// Nothing but zeros.
    pub fn zeros(shape: &[i32], dtype: Dtype) -> Self {
        Self::full(shape, 0.0, dtype)
    }

    /// A tensor that is nothing but this error.
    pub fn failed(error: Error) -> Self {
        let raw = error.into_raw();
        // SAFETY: the error is ours, lent for the call and freed after it.
        unsafe {
            let tensor = Self::own((host().tensor_failed)(raw));
            (host().error_free)(raw);
            tensor
        }
    }

    /// Its sides, outermost first.
    ///
    /// # Errors
    /// The error that the tensor carries.
    pub fn shape(&self) -> Result<Vec<i32>> {
        let mut shape = Slice::of(&[]);
        // SAFETY: the shape lives as long as the tensor and is copied at once.
        unsafe {
            Error::check((host().tensor_shape)(self.as_ptr(), &raw mut shape))?;
            Ok(shape.get().to_vec())
        }
    }

    /// The shape of a tensor of exactly `N` axes; `what` names it in the error.
    ///
    /// # Errors
    /// The error that the tensor carries, or another number of axes.
    pub fn dims<const N: usize>(&self, what: &str) -> Result<[i32; N]> {
        let shape = self.shape()?;
        shape
            .as_slice()
            .try_into()
            .map_err(|_| Error::invalid(format!("{what} has the shape {shape:?}, but {N} axes are needed")))
    }

    /// The type of its numbers.
    ///
    /// # Errors
    /// The error that the tensor carries.
    pub fn dtype(&self) -> Result<Dtype> {
        let mut code = 0;
        // SAFETY: writes one number.
        unsafe { Error::check((host().tensor_dtype)(self.as_ptr(), &raw mut code))? };
        Dtype::from_code(code).ok_or_else(|| Error::invalid(format!("tensor of the unknown type {code}")))
    }

    /// Computes now what was only described so far. Seldom needed: see [`crate::Run::progress`].
    ///
    /// # Errors
    /// Whatever failed on the way to this tensor.
    pub fn eval(&self) -> Result<()> {
        // SAFETY: lent for the call.
        unsafe { Error::check((host().tensor_eval)(Slice::of(&[self.as_ptr()]))) }
    }

    /// All numbers, row-major, converted to `T`.
    ///
    /// # Errors
    /// Whatever failed on the way to this tensor.
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>> {
        let len = self.shape()?.iter().map(|&n| n as usize).product();
        let mut data = vec![T::default(); len];
        let bytes = std::mem::size_of_val(data.as_slice());
        // SAFETY: the target has exactly this many bytes and any bit pattern of these types is valid.
        unsafe { Error::check((host().tensor_read)(self.as_ptr(), T::DTYPE as u32, data.as_mut_ptr().cast(), bytes))? };
        Ok(data)
    }

    /// MLX's affine quantization of a matrix, in groups of 64 numbers of a row: the numbers packed as uint32, and for each
    /// group a scale and a bias in the matrix's type.
    ///
    /// # Errors
    /// Whatever failed on the way to this tensor, one that is no matrix of whole groups, other bits than 2, 3, 4, 5, 6 or 8.
    pub fn quantize(&self, bits: u32) -> Result<[Self; 3]> {
        let mut out = [std::ptr::null_mut(); 3];
        // SAFETY: lent for the call; the three are set where the status is null, and ours.
        unsafe {
            Error::check((host().tensor_quantize)(self.as_ptr(), bits, out.as_mut_ptr()))?;
            Ok(out.map(|raw| Self::own(raw)))
        }
    }

    /// The number of a tensor that has one, converted to `T`.
    ///
    /// # Errors
    /// Whatever failed on the way to this tensor, and another count of numbers.
    pub fn item<T: Element>(&self) -> Result<T> {
        match *self.to_vec()? {
            [number] => Ok(number),
            _ => Err(Error::invalid(format!("one number is needed, not a tensor of the shape {:?}", self.shape()?))),
        }
    }

    /// Rows `start..stop` of one axis.
    pub fn narrow(&self, axis: i32, start: i32, stop: i32) -> Self {
        let shape = match self.shape() {
            Ok(shape) => shape,
            Err(error) => return Self::failed(error),
        };
        let rank = shape.len() as i32;
        let axis = if axis < 0 { axis + rank } else { axis };
        if !(0..rank).contains(&axis) {
            return Self::failed(Error::invalid(format!("axis {axis} of a tensor of the shape {shape:?}")));
        }
        let mut from = vec![0; shape.len()];
        let mut to = shape;
        from[axis as usize] = start;
        to[axis as usize] = stop;
        self.slice(&from, &to, &vec![1; from.len()])
    }

    pub(crate) unsafe fn own(raw: *mut RawTensor) -> Self {
        Self(NonNull::new(raw).expect("the host returns a tensor, failed or not"))
    }

    pub(crate) fn as_ptr(&self) -> *const RawTensor {
        self.0.as_ptr()
    }

    pub(crate) fn into_raw(self) -> *mut RawTensor {
        let raw = self.0.as_ptr();
        std::mem::forget(self);
        raw
    }
}

impl Clone for Tensor {
    fn clone(&self) -> Self {
        // SAFETY: another handle on the same tensor.
        unsafe { Self::own((host().tensor_clone)(self.as_ptr())) }
    }
}

impl Drop for Tensor {
    fn drop(&mut self) {
        // SAFETY: the handle is ours and not used again.
        unsafe { (host().tensor_free)(self.0.as_ptr()) }
    }
}

macro_rules! operator {
    ($($trait:ident $name:ident $op:ident;)*) => { $(
        impl std::ops::$trait<&Tensor> for &Tensor {
            type Output = Tensor;
            fn $name(self, other: &Tensor) -> Tensor {
                Tensor::$op(&self, other)
            }
        }
        impl std::ops::$trait<Tensor> for &Tensor {
            type Output = Tensor;
            fn $name(self, other: Tensor) -> Tensor {
                Tensor::$op(&self, &other)
            }
        }
        impl std::ops::$trait<&Tensor> for Tensor {
            type Output = Tensor;
            fn $name(self, other: &Tensor) -> Tensor {
                Tensor::$op(&self, other)
            }
        }
        impl std::ops::$trait<Tensor> for Tensor {
            type Output = Tensor;
            fn $name(self, other: Tensor) -> Tensor {
                Tensor::$op(&self, &other)
            }
        }
    )* };
}
operator! {
    Add add add;
    Sub sub subtract;
    Mul mul multiply;
    Div div divide;
}

/// With numbers, which take the tensor's type.
macro_rules! number_operator {
    ($($trait:ident $name:ident |$x:ident, $value:ident| $with:expr, $from:expr;)*) => { $(
        impl std::ops::$trait<f32> for &Tensor {
            type Output = Tensor;
            fn $name(self, $value: f32) -> Tensor {
                let $x = self;
                $with
            }
        }
        impl std::ops::$trait<f32> for Tensor {
            type Output = Tensor;
            fn $name(self, $value: f32) -> Tensor {
                let $x = &self;
                $with
            }
        }
        impl std::ops::$trait<&Tensor> for f32 {
            type Output = Tensor;
            fn $name(self, $x: &Tensor) -> Tensor {
                let $value = self;
                $from
            }
        }
        impl std::ops::$trait<Tensor> for f32 {
            type Output = Tensor;
            fn $name(self, x: Tensor) -> Tensor {
                let ($x, $value) = (&x, self);
                $from
            }
        }
    )* };
}
number_operator! {
    Add add |x, value| x.add_scalar(value), x.add_scalar(value);
    Sub sub |x, value| x.add_scalar(-value), x.negative().add_scalar(value);
    Mul mul |x, value| x.multiply_scalar(value), x.multiply_scalar(value);
    Div div |x, value| x.multiply_scalar(value.recip()), x.reciprocal().multiply_scalar(value);
}

impl std::ops::Neg for &Tensor {
    type Output = Tensor;
    fn neg(self) -> Tensor {
        self.negative()
    }
}

impl std::ops::Neg for Tensor {
    type Output = Tensor;
    fn neg(self) -> Tensor {
        self.negative()
    }
}
