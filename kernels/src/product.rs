//! The innermost loop of a convolution: a product of two small matrices whose result stays in registers.

use std::sync::LazyLock;

/// A row of a packed matrix: as many columns as are computed together.
pub type Columns<const N: usize> = [f32; N];

/// What this processor's registers hold of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registers {
    /// 12 × 32 numbers in 24 of the 32 registers of AVX-512.
    #[cfg_attr(not(any(test, target_arch = "x86_64")), expect(dead_code, reason = "no other processor has them"))]
    Wide,
    /// 6 × 16 numbers in 12 of the 16 registers of AVX2, or 24 of the 32 of NEON.
    Narrow,
}

/// None where a product and a sum are no single instruction: MLX is faster there.
pub static REGISTERS: LazyLock<Option<Registers>> = LazyLock::new(|| {
    #[cfg(target_arch = "x86_64")]
    return if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") {
        Some(Registers::Wide)
    } else {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Registers::Narrow)
    };
    #[cfg(not(target_arch = "x86_64"))]
    return cfg!(target_arch = "aarch64").then_some(Registers::Narrow);
});

/// Whether convolutions are fast on this processor.
pub fn is_fast() -> bool {
    REGISTERS.is_some()
}

/// `a · b`. Row r of `a` are the `b.len()` numbers from `r · stride` on.
///
/// To be inlined where vector instructions are enabled; written for the compiler to keep the sums in registers.
#[inline(always)]
pub fn product<const R: usize, const N: usize>(a: &[f32], stride: usize, b: &[Columns<N>]) -> [Columns<N>; R] {
    let rows: [&[f32]; R] = std::array::from_fn(|row| &a[row * stride..][..b.len()]);
    let mut sums = [[0f32; N]; R];
    for (k, b) in b.iter().enumerate() {
        // By value: as a reference it would be loaded anew for every row.
        let b: Columns<N> = std::array::from_fn(|column| b[column]);
        for (row, sums) in rows.iter().zip(&mut sums) {
            for (sum, b) in sums.iter_mut().zip(b) {
                *sum = row[k].mul_add(b, *sum);
            }
        }
    }
    sums
}

/// `aᵀ · b`, both packed: what row k of `a` has for each row of the result, times row k of `b`.
#[inline(always)]
pub fn packed_product<const R: usize, const N: usize>(a: &[[f32; R]], b: &[Columns<N>]) -> [Columns<N>; R] {
    let mut sums = [[0f32; N]; R];
    for (a, b) in a.iter().zip(b) {
        let b: Columns<N> = std::array::from_fn(|column| b[column]);
        for (a, sums) in a.iter().zip(&mut sums) {
            for (sum, b) in sums.iter_mut().zip(b) {
                *sum = a.mul_add(b, *sum);
            }
        }
    }
    sums
}
