//! The exponential function, for loops that the compiler turns into vector code.

/// Added to a number below 2²², it rounds that to a whole one, which then stands in the last bits.
const ROUND: f32 = 12_582_912.0;

/// eˣ to about one unit in the last place, from -87 to 88 (farther out, as there): x = n·ln 2 + r, a polynomial for eʳ (Cephes'
/// coefficients), 2ⁿ by its bits.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    let rounded = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = rounded - ROUND;
    let r = n.mul_add(2.121_944_4e-4, n.mul_add(-0.693_359_4, x));
    let p = 1.987_569_1e-4f32.mul_add(r, 1.398_199_9e-3);
    let p = p.mul_add(r, 8.333_452e-3).mul_add(r, 4.166_579_6e-2).mul_add(r, 1.666_666_5e-1).mul_add(r, 0.5);
    let e = (p * r).mul_add(r, r) + 1.0;
    // Where x is no number, e is none, whatever the bits of `rounded` are.
    if e.is_nan() { e } else { f32::from_bits(e.to_bits().wrapping_add(rounded.to_bits() << 23)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_right_to_two_units_in_the_last_place() {
        for step in -8700..8800 {
            let x = step as f32 / 100.0;
            let right = f64::from(x).exp();
            assert!((f64::from(exp(x)) - right).abs() <= right * 2.4e-7, "exp({x})");
        }
        assert!(exp(f32::NAN).is_nan());
    }
}
