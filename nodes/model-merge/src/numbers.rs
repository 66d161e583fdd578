//! Arithmetic on whole tensors in float64, a piece at a time. Here rather than with tensor operations, whose float32 would
//! put a value in ten thousand on the wrong side of a float16 step.

use plugin_api::{Result, Tensor};

/// Numbers of one piece.
const PIECE: usize = 1 << 20;

/// A tensor in the shape of the first, of which `compute` fills piece after piece from the same pieces of all. Rounded as
/// [`to_odd`] does.
pub fn by_piece(tensors: Vec<Tensor>, compute: impl Fn(&[Vec<f32>], &mut [f64])) -> Result<Tensor> {
    let shape = tensors[0].shape()?;
    let mut result: Vec<f32> = Vec::with_capacity(count(&shape));
    let mut out = Vec::new();
    read(&tensors, |pieces| {
        out.clear();
        out.resize(pieces[0].len(), 0.0);
        compute(pieces, &mut out);
        result.extend(out.iter().copied().map(to_odd));
    })?;
    // Before the result is there a second time.
    drop(tensors);
    Ok(Tensor::from_slice(&result, &shape))
}

/// Calls `take` with the same piece of all tensors, which have one shape, piece after piece.
pub fn read(tensors: &[Tensor], mut take: impl FnMut(&[Vec<f32>])) -> Result<()> {
    let count = count(&tensors[0].shape()?);
    let flat: Vec<Tensor> = tensors.iter().map(|tensor| tensor.reshape(&[count as i32])).collect();
    for start in (0..count).step_by(PIECE) {
        let stop = count.min(start + PIECE);
        let piece = |tensor: &Tensor| tensor.narrow(0, start as i32, stop as i32).to_vec::<f32>();
        take(&flat.iter().map(piece).collect::<Result<Vec<_>>>()?);
    }
    Ok(())
}

fn count(shape: &[i32]) -> usize {
    shape.iter().map(|&side| side as usize).product()
}

/// The float32 next to `value`; of the two around it the one with an odd last bit. Rounding that to float16 or bfloat16
/// gives what rounding `value` itself would, which the nearest float32 does not where it falls on the middle of two
/// (Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums", 2008).
pub fn to_odd(value: f64) -> f32 {
    let near = value as f32;
    let is_odd = near.to_bits() & 1 == 1;
    if is_odd || near.is_nan() || f64::from(near) == value {
        return near;
    }
    if value > f64::from(near) { near.next_up() } else { near.next_down() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_float32_stays_and_all_else_gets_an_odd_last_bit() {
        for value in [0.0f32, -0.0, 1.0, -3.5, f32::MAX, f32::INFINITY, 1e-45] {
            assert_eq!(to_odd(f64::from(value)).to_bits(), value.to_bits());
        }
        assert!(to_odd(f64::NAN).is_nan());
        for value in [1.0 + 1e-12, 1.0 - 1e-12, 0.1, -0.1, 1e-60] {
            let odd = to_odd(value);
            assert_eq!(odd.to_bits() & 1, 1, "{value}");
            assert!(f64::from(odd.next_down()) < value && value < f64::from(odd.next_up()), "{value}");
        }
    }
}
