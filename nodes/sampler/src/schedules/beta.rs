use crate::flow::{Flow, TRAINED};

/// Both parameters of the distribution: below 1 they crowd the steps at both ends.
const SHAPE: f64 = 0.6;

/// Trained times at evenly spread quantiles of a symmetric beta distribution (arXiv 2407.12173).
///
/// From about 100 steps on neighbours fall on the same trained time and stand once: fewer levels than steps.
pub fn beta(steps: usize, flow: Flow) -> Vec<f32> {
    let quantiles = (0..steps).map(|step| quantile(1.0 - step as f64 / steps as f64));
    let mut indices: Vec<usize> =
        quantiles.map(|time| (time * (TRAINED - 1) as f64).round_ties_even() as usize).collect();
    indices.dedup();
    indices.into_iter().map(|index| flow.trained_sigma(index)).collect()
}

/// The number below which the distribution puts `part` of its mass.
fn quantile(part: f64) -> f64 {
    // The middle counts to the upper half: half an index rounds up there.
    if part < 0.5 { lower_quantile(part) } else { 1.0 - lower_quantile(1.0 - part) }
}

/// For parts up to ½.
fn lower_quantile(part: f64) -> f64 {
    // Half of the mass lies below the middle, so that no gamma function is needed to measure all of it.
    let wanted = part * 2.0 * mass(0.5);
    let (mut low, mut high) = (0.0, 0.5);
    // As often as halving can change a float64 that is not tiny.
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        match mass(middle) < wanted {
            true => low = middle,
            false => high = middle,
        }
    }
    high
}

/// The incomplete beta function of `x` up to ½, by its power series: ∫ t^(a−1) (1−t)^(a−1) dt from 0 to x.
fn mass(x: f64) -> f64 {
    let (mut sum, mut term) = (0.0, 1.0);
    // Each term is less than half of the one before.
    for n in 0..60 {
        let n = f64::from(n);
        sum += term / (SHAPE + n);
        term *= x * (n + 1.0 - SHAPE) / (n + 1.0);
    }
    x.powf(SHAPE) * sum
}

#[cfg(test)]
mod tests {
    use crate::goldens;

    #[test]
    fn quantiles_are_scipys() {
        for row in goldens::schedules().beta_quantiles {
            let found = super::quantile(row.at);
            assert!((found - row.quantile).abs() < 1e-12, "{row:?}: {found}");
        }
    }
}
