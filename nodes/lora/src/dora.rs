//! DoRA (Liu et al. 2024): a change of direction, with a size of its own for every row or column.

use plugin_api::{Dtype, Result, Tensor, Weights};

/// `W + s · (m · (W + ΔW) / ‖W + ΔW‖ − W)`. The norm goes along the axis on which `magnitude` m has a 1.
pub fn changed(weight: &Tensor, sum: &Tensor, magnitude: &Tensor, norm: &Tensor, strength: f64) -> Tensor {
    let turned = magnitude.as_dtype(Dtype::Float32) * sum / norm;
    weight + (turned - weight) * strength as f32
}

/// Of every row: `[rows, 1]`.
pub fn row_norms(matrix: &Tensor) -> Tensor {
    matrix.square().sum(&[1], true).sqrt()
}

/// Of every column, over all of the matrices together: `[1, columns]`.
pub fn column_norms(matrices: impl Iterator<Item = Result<Tensor>>) -> Result<Tensor> {
    let mut sum: Option<Tensor> = None;
    for matrix in matrices {
        let squares = matrix?.square().sum(&[0], true);
        sum = Some(sum.map_or_else(|| squares.clone(), |sum| sum + &squares));
    }
    Ok(sum.map_or_else(|| Tensor::zeros(&[1, 1], Dtype::Float32), |sum| sum.sqrt()))
}

/// Some rows of a weight in float32.
pub fn rows_of(weights: &Weights, name: &str, first: usize, count: usize) -> Tensor {
    weights.tensor(name).as_dtype(Dtype::Float32).narrow(0, first as i32, (first + count) as i32)
}
