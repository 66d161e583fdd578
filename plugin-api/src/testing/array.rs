//! Arrays of the mock: float32 numbers and a shape. The type is carried along, the numbers stay float32.

use std::rc::Rc;

use crate::{Dtype, Error, Result};

#[derive(Debug, Clone)]
pub struct Array {
    pub shape: Vec<i32>,
    pub data: Rc<[f32]>,
    pub dtype: Dtype,
}

impl Array {
    pub fn new(shape: &[i32], data: Vec<f32>, dtype: Dtype) -> Result<Self> {
        let size: i64 = shape.iter().map(|&side| i64::from(side)).product();
        if size != data.len() as i64 || shape.iter().any(|&side| side < 0) {
            return Err(Error::invalid(format!("{} numbers do not make the shape {shape:?}", data.len())));
        }
        Ok(Self { shape: shape.to_vec(), data: data.into(), dtype })
    }

    /// One number an index, in row-major order.
    pub fn from_fn(shape: &[i32], dtype: Dtype, mut number: impl FnMut(&[usize]) -> f32) -> Self {
        let size = shape.iter().map(|&side| side as usize).product();
        let mut index = vec![0; shape.len()];
        let mut data = Vec::with_capacity(size);
        for _ in 0..size {
            data.push(number(&index));
            step(&mut index, shape);
        }
        Self { shape: shape.to_vec(), data: data.into(), dtype }
    }

    pub fn rank(&self) -> i32 {
        self.shape.len() as i32
    }

    /// The number at an index of a shape that this one broadcasts to.
    pub fn at(&self, index: &[usize]) -> f32 {
        let index = &index[index.len() - self.shape.len()..];
        let flat = self
            .shape
            .iter()
            .zip(index)
            .fold(0, |flat, (&side, &at)| flat * side as usize + if side == 1 { 0 } else { at });
        self.data[flat]
    }

    pub fn map(&self, f: impl Fn(f32) -> f32) -> Self {
        Self { data: self.data.iter().map(|&x| f(x)).collect(), ..self.clone() }
    }

    /// With broadcasting; the type of the first.
    pub fn zip(&self, other: &Self, f: impl Fn(f32, f32) -> f32) -> Result<Self> {
        let shape = broadcast(&self.shape, &other.shape)?;
        Ok(Self::from_fn(&shape, self.dtype, |index| f(self.at(index), other.at(index))))
    }

    pub fn of(mut self, dtype: Dtype) -> Self {
        self.dtype = dtype;
        self
    }

    pub fn axis(&self, axis: i32) -> Result<usize> {
        let found = if axis < 0 { axis + self.rank() } else { axis };
        let known = (0..self.rank()).contains(&found);
        known
            .then_some(found as usize)
            .ok_or_else(|| Error::invalid(format!("axis {axis} of the shape {:?}", self.shape)))
    }

    /// The axes named, all of them where none is.
    pub fn axes(&self, axes: &[i32]) -> Result<Vec<usize>> {
        if axes.is_empty() {
            return Ok((0..self.shape.len()).collect());
        }
        axes.iter().map(|&axis| self.axis(axis)).collect()
    }

    /// Every run of numbers along `axes` becomes one number.
    pub fn reduce(&self, axes: &[i32], keep: bool, f: impl Fn(&[f32]) -> f32) -> Result<Self> {
        let axes = self.axes(axes)?;
        let kept: Vec<i32> =
            self.shape.iter().enumerate().map(|(axis, &side)| if axes.contains(&axis) { 1 } else { side }).collect();
        let mut runs = vec![Vec::new(); kept.iter().map(|&side| side as usize).product()];
        let places = Self::from_fn(&kept, self.dtype, counter());
        Self::from_fn(&self.shape, self.dtype, |index| {
            runs[places.at(index) as usize].push(self.at(index));
            0.0
        });
        let left = |(axis, &side): (usize, &i32)| (keep || !axes.contains(&axis)).then_some(side);
        let shape: Vec<i32> = kept.iter().enumerate().filter_map(left).collect();
        Self::new(&shape, runs.iter().map(|run| f(run)).collect(), self.dtype)
    }

    /// Every run of numbers along one axis becomes a run of the same length.
    pub fn along(&self, axis: i32, f: impl Fn(&[f32]) -> Vec<f32>) -> Result<Self> {
        let axis = self.axis(axis)?;
        let mut order: Vec<usize> = (0..self.shape.len()).filter(|&other| other != axis).collect();
        order.push(axis);
        let moved = self.permuted(&order);
        let side = self.shape[axis].max(1) as usize;
        let data = moved.data.chunks(side).flat_map(f).collect();
        let back: Vec<usize> =
            (0..order.len()).map(|to| order.iter().position(|&from| from == to).unwrap_or(to)).collect();
        Ok(Self::new(&moved.shape, data, self.dtype)?.permuted(&back))
    }

    pub fn permuted(&self, order: &[usize]) -> Self {
        let shape: Vec<i32> = order.iter().map(|&axis| self.shape[axis]).collect();
        Self::from_fn(&shape, self.dtype, |index| {
            let mut from = vec![0; order.len()];
            order.iter().zip(index).for_each(|(&axis, &at)| from[axis] = at);
            self.at(&from)
        })
    }

    pub fn reshaped(&self, shape: &[i32]) -> Result<Self> {
        let known: i32 = shape.iter().filter(|&&side| side != -1).product();
        let rest = self.data.len() as i32 / known.max(1);
        let shape: Vec<i32> = shape.iter().map(|&side| if side == -1 { rest } else { side }).collect();
        Self::new(&shape, self.data.to_vec(), self.dtype)
    }
}

pub fn counter() -> impl FnMut(&[usize]) -> f32 {
    let mut next = -1.0;
    move |_| {
        next += 1.0;
        next
    }
}

pub fn broadcast(a: &[i32], b: &[i32]) -> Result<Vec<i32>> {
    let rank = a.len().max(b.len());
    let side = |shape: &[i32], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |axis| shape[axis]);
    (0..rank)
        .map(|axis| match (side(a, axis), side(b, axis)) {
            (a, b) if a == b || b == 1 => Ok(a),
            (1, b) => Ok(b),
            _ => Err(Error::invalid(format!("the shapes {a:?} and {b:?} do not broadcast"))),
        })
        .collect()
}

/// To the next index, the last axis first.
fn step(index: &mut [usize], shape: &[i32]) {
    for (at, &side) in index.iter_mut().zip(shape).rev() {
        *at += 1;
        if *at < side as usize {
            return;
        }
        *at = 0;
    }
}
