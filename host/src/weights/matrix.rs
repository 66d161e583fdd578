//! A tensor as [`super::Weights::linear`] keeps it: plain or packed, perhaps with low-rank changes beside it.

use std::rc::Rc;

use mlx_rs::error::Exception;
use mlx_rs::{Array, Dtype, ops};
use plugin_api::Result;

use super::patch::{Beside, Patch};
use crate::table::cpu;
use crate::table::mlx::mlx_error;

/// Numbers in a row that share a scale, where we choose.
const GROUP: i32 = 64;

#[derive(Debug, Clone)]
pub struct Matrix {
    numbers: Numbers,
    beside: Option<Beside>,
}

#[derive(Debug, Clone)]
enum Numbers {
    Plain(Array),
    /// Laid out for products on a CPU.
    Columns(Rc<cpu::Columns>),
    /// MLX's affine quantization: `scale · packed + bias`, a scale and a bias for every group. `dtype` is that of the
    /// numbers once they are unpacked.
    Packed {
        packed: Array,
        scales: Array,
        biases: Array,
        bits: i32,
        group: i32,
        dtype: Dtype,
    },
}

impl From<Array> for Matrix {
    fn from(array: Array) -> Self {
        Self { numbers: Numbers::Plain(array), beside: None }
    }
}

/// The packed numbers of a matrix, their scales and their biases, in groups of [`GROUP`].
///
/// # Errors
/// What is no matrix of whole groups, and bits that MLX does not have.
pub fn quantize(array: &Array, bits: i32) -> Result<[Array; 3]> {
    let (packed, scales, biases) = ops::quantize(array, GROUP, bits).map_err(mlx_error)?;
    mlx_rs::transforms::eval([&packed, &scales, &biases]).map_err(mlx_error)?;
    Ok([packed, scales, biases])
}

impl Matrix {
    /// Rounded to so many bits. What is no matrix of whole groups stays as it is.
    pub fn quantized(array: Array, bits: i32) -> Result<Self> {
        let fits = matches!(array.shape(), [_, columns] if columns % GROUP == 0);
        if !fits {
            return Ok(array.into());
        }
        Ok(Self::packed(quantize(&array, bits)?, bits, GROUP))
    }

    /// One that a file has packed. The type of its numbers is that of the scales.
    pub fn packed([packed, scales, biases]: [Array; 3], bits: i32, group: i32) -> Self {
        let dtype = scales.dtype();
        Self { numbers: Numbers::Packed { packed, scales, biases, bits, group, dtype }, beside: None }
    }

    /// With these low-rank changes beside it, in place of any others.
    pub fn beside(self, patches: &[Rc<Patch>]) -> Result<Self> {
        let dtype = match &self.numbers {
            Numbers::Plain(array) => array.dtype(),
            Numbers::Columns(_) => Dtype::Float32,
            Numbers::Packed { dtype, .. } => *dtype,
        };
        Ok(Self { beside: Beside::new(patches, dtype)?, ..self })
    }

    /// Laid out for products, where that is faster.
    pub fn for_products(self) -> Result<Self> {
        let Numbers::Plain(array) = &self.numbers else { return Ok(self) };
        Ok(match cpu::pack(|| Ok(array.clone()))? {
            Some(columns) => Self { numbers: Numbers::Columns(Rc::new(columns)), ..self },
            None => self,
        })
    }

    /// The numbers, without what is beside them.
    pub fn unpack(&self) -> Result<Array> {
        match &self.numbers {
            Numbers::Plain(array) => Ok(array.clone()),
            Numbers::Columns(columns) => columns.unpack(),
            Numbers::Packed { packed, scales, biases, bits, group, dtype } => {
                let array = ops::dequantize(packed, scales, biases, *group, *bits);
                array.and_then(|array| array.as_dtype(*dtype)).map_err(mlx_error)
            }
        }
    }

    /// `x · Wᵀ + b`, and what is beside W.
    pub fn linear(&self, x: &Array, bias: Option<&Array>) -> Result<Array> {
        let product = match &self.numbers {
            Numbers::Columns(columns) => cpu::linear(x, columns, bias)?,
            Numbers::Plain(weight) => plain(x, weight, bias).map_err(mlx_error)?,
            // MLX's CPU backend multiplies packed numbers one by one: laying them out for each product is a hundred times quicker.
            Numbers::Packed { .. } if let Some(columns) = cpu::pack(|| self.unpack())? => {
                cpu::linear(x, &columns, bias)?
            }
            Numbers::Packed { packed, scales, biases, bits, group, .. } => {
                let product = ops::quantized_matmul(x, packed, scales, biases, true, *group, *bits);
                let product = match bias {
                    Some(bias) => product.and_then(|product| ops::add(product, bias)),
                    None => product,
                };
                product.map_err(mlx_error)?
            }
        };
        match &self.beside {
            Some(beside) => beside.add(&product, x).map_err(mlx_error),
            None => Ok(product),
        }
    }
}

fn plain(x: &Array, weight: &Array, bias: Option<&Array>) -> std::result::Result<Array, Exception> {
    let weight = ops::transpose(weight)?;
    match bias {
        Some(bias) => ops::addmm(bias, x, weight, None, None),
        None => ops::matmul(x, weight),
    }
}
