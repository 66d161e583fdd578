//! Changes of tensors that are carried out when a network takes the tensor: LoRAs, merges.

use std::ffi::c_void;
use std::rc::Rc;

use mlx_rs::{Array, Dtype, ops};
use plugin_api::abi::{PatchTable, RawTensor};
use plugin_api::{Error, ErrorKind, Result};

use super::Entry;
use crate::table::at_work::{self, Plugin};
use crate::table::mlx::mlx_error;
use crate::table::{Tensor, take_status};

/// One change. Those of a tensor stand in the order in which they were made.
#[derive(Debug)]
pub enum Patch {
    /// `W + scale · up · down`, which a product with W can have beside it.
    LowRank { down: Array, up: Array, scale: f64 },
    /// Anything else.
    Change(Change),
}

impl Patch {
    /// # Errors
    /// Factors that do not fit the tensor.
    pub fn check(&self, tensor: &Entry) -> Result<()> {
        let Self::LowRank { down, up, .. } = self else { return Ok(()) };
        match (tensor.shape.as_slice(), up.shape(), down.shape()) {
            ([outputs, inputs], [rows, rank], [same_rank, columns])
                if outputs == rows && inputs == columns && rank == same_rank =>
            {
                Ok(())
            }
            (shape, up, down) => {
                let name = &tensor.name;
                Err(Error::invalid(format!("factors {up:?} and {down:?} make no change of `{name}` {shape:?}")))
            }
        }
    }
}

/// The changes that have to be in the matrix, and the low-rank ones behind them, which can be beside it.
pub fn split(patches: &[Rc<Patch>]) -> (&[Rc<Patch>], &[Rc<Patch>]) {
    let last = patches.iter().rposition(|patch| matches!(**patch, Patch::Change(_)));
    patches.split_at(last.map_or(0, |last| last + 1))
}

/// A plugin's function of the tensor, freed by the plugin.
#[derive(Debug)]
pub struct Change {
    table: &'static PatchTable,
    payload: *mut c_void,
    plugin: Plugin,
}

impl Drop for Change {
    fn drop(&mut self) {
        // SAFETY: the plugin's own function; called once.
        at_work::visit(self.plugin, || unsafe { (self.table.free)(self.payload) });
    }
}

impl Change {
    pub fn new(table: &'static PatchTable, payload: *mut c_void) -> Self {
        Self { table, payload, plugin: at_work::running() }
    }

    fn apply(&self, name: &str, weight: Array) -> Result<Array> {
        let shape = weight.shape().to_vec();
        let weight = Tensor(Ok(weight)).into_raw();
        let mut out: *mut RawTensor = std::ptr::null_mut();
        // SAFETY: the payload belongs to the function; the tensor is lent and freed after the call; status and result are ours.
        let changed = unsafe {
            let status = at_work::enter(self.plugin, || (self.table.apply)(self.payload, weight, &raw mut out));
            drop(Tensor::take(weight));
            take_status(status)?;
            if out.is_null() {
                return Err(Error::new(ErrorKind::Plugin, format!("a change of `{name}` returned nothing")));
            }
            Tensor::take(out).0.map_err(|error| *error)?
        };
        if changed.shape() != shape {
            let what = format!("a change of `{name}` made {:?} of its shape {shape:?}", changed.shape());
            return Err(Error::new(ErrorKind::Plugin, what));
        }
        changed.as_dtype(Dtype::Float32).map_err(mlx_error)
    }
}

/// `weight`, float32, with all of `patches`, computed now.
pub fn changed(name: &str, mut weight: Array, patches: &[Rc<Patch>]) -> Result<Array> {
    for patch in patches {
        weight = match &**patch {
            Patch::LowRank { down, up, scale } => low_rank(&weight, down, up, *scale).map_err(mlx_error)?,
            Patch::Change(change) => change.apply(name, weight)?,
        };
        // One after the other, so that no more than one step's numbers are there at once.
        weight.eval().map_err(mlx_error)?;
    }
    Ok(weight)
}

fn low_rank(weight: &Array, down: &Array, up: &Array, scale: f64) -> mlx_rs::error::Result<Array> {
    let (down, up) = (down.as_dtype(Dtype::Float32)?, up.as_dtype(Dtype::Float32)?);
    ops::addmm(weight, scaled(&up, scale)?, &down, None, None)
}

fn scaled(up: &Array, scale: f64) -> mlx_rs::error::Result<Array> {
    ops::multiply(up, Array::from_f32(scale as f32))
}

/// All low-rank changes of a matrix as one, ready for products: `down` is `[in, R]`, `up` `[R, out]`, R the sum of all
/// ranks and the scales in `up`.
#[derive(Debug, Clone)]
pub struct Beside {
    down: Array,
    up: Array,
}

impl Beside {
    /// None where there are none. `dtype` is that of the product.
    pub fn new(patches: &[Rc<Patch>], dtype: Dtype) -> Result<Option<Self>> {
        let parts = patches.iter().filter_map(|patch| match &**patch {
            Patch::LowRank { down, up, scale } => Some((down, up, *scale)),
            Patch::Change(_) => None,
        });
        let (downs, ups): (Vec<_>, Vec<_>) = parts.map(|(down, up, scale)| (down, (up, scale))).unzip();
        if downs.is_empty() {
            return Ok(None);
        }
        Self::join(&downs, &ups, dtype).map(Some).map_err(mlx_error)
    }

    fn join(downs: &[&Array], ups: &[(&Array, f64)], dtype: Dtype) -> mlx_rs::error::Result<Self> {
        let ready = |array: &Array| ops::transpose(array)?.as_dtype(dtype)?.contiguous();
        let ups: Vec<Array> = ups
            .iter()
            .map(|(up, scale)| scaled(&up.as_dtype(Dtype::Float32)?, *scale))
            .collect::<mlx_rs::error::Result<_>>()?;
        let (down, up) = (ready(&ops::concatenate(downs, 0)?)?, ready(&ops::concatenate(&ups, 1)?)?);
        mlx_rs::transforms::eval([&down, &up])?;
        Ok(Self { down, up })
    }

    /// `product + x · down · up`.
    pub fn add(&self, product: &Array, x: &Array) -> mlx_rs::error::Result<Array> {
        ops::addmm(product, ops::matmul(x, &self.down)?, &self.up, None, None)
    }
}
