//! The noise that a picture is made of, and what stochastic samplers put on it on the way.
//!
//! All of it is drawn from a picture's seed by MLX's counter-based generator, so that it depends neither on the batch nor
//! on the number of steps, nor on the device. The noise of step k is drawn from another seed: the (k + 1)-th number of
//! SplitMix64 that begins at the picture's.

use plugin_api::{Error, Record, Result, Tensor};

use crate::latent;

/// Every draw of a run.
pub struct Noise {
    shape: [i32; 4],
    /// One for each picture.
    seeds: Vec<u64>,
    initial: Tensor,
}

impl Noise {
    /// Picture i is drawn from `seed + i`. With a variation all pictures share the seed, and picture i is led towards the
    /// noise of `variation_seed + i`. Noise that is given stands for the seed's at the beginning, but not on the way.
    pub fn new(inputs: &Record, shape: [i32; 4]) -> Result<Self> {
        let strength: f64 = inputs.get("variation_strength")?;
        let seeds = seeds(inputs.get("seed")?, if strength > 0.0 { 0 } else { 1 }, shape);
        let initial = match inputs.find::<Record>("noise")? {
            Some(noise) => given(&noise, shape)?,
            None => drawn(shape, &seeds),
        };
        let initial = if strength > 0.0 {
            let other = drawn(shape, &self::seeds(inputs.get("variation_seed")?, 1, shape));
            between(&initial, &other, strength)?
        } else {
            initial
        };
        Ok(Self { shape, seeds, initial })
    }

    /// What a run begins with.
    pub fn initial(&self) -> &Tensor {
        &self.initial
    }

    /// What a stochastic sampler puts on at the end of a step.
    pub fn of_step(&self, step: usize) -> Tensor {
        let seeds: Vec<u64> = self.seeds.iter().map(|&seed| split_mix(seed, step as u64)).collect();
        drawn(self.shape, &seeds)
    }
}

fn seeds(first: u64, stride: u64, [count, ..]: [i32; 4]) -> Vec<u64> {
    (0..count as u64).map(|index| first.wrapping_add(stride * index)).collect()
}

/// A picture from each seed.
fn drawn([_, channels, height, width]: [i32; 4], seeds: &[u64]) -> Tensor {
    // The axis of one frame does not change the numbers; the shape is the one that the reference programs draw.
    let draw =
        |&seed: &u64| Tensor::random_normal(&[channels, 1, height, width], seed).reshape(&[channels, height, width]);
    Tensor::stack(&seeds.iter().map(draw).collect::<Vec<_>>(), 0)
}

/// Given as a latent of the same size: as many pictures, or one for all.
fn given(noise: &Record, shape: [i32; 4]) -> Result<Tensor> {
    let (samples, found) = latent::samples(noise, "the noise")?;
    match found {
        _ if found == shape => Ok(samples),
        [1, sides @ ..] if sides == shape[1..] => Ok(samples.broadcast_to(&shape)),
        _ => Err(Error::invalid(format!("the noise has the shape {found:?}, but the latent {shape:?}"))
            .help("make the noise for the same width, height and batch, or for a batch of 1")),
    }
}

/// `part` of the way from `a` to `b` on the arc between them (slerp), for each picture: a mean of two would have less
/// noise in it.
fn between(a: &Tensor, b: &Tensor, part: f64) -> Result<Tensor> {
    let product = |a: &Tensor, b: &Tensor| (a * b).sum(&[1, 2, 3], false).to_vec::<f32>();
    let (ab, aa, bb) = (product(a, b)?, product(a, a)?, product(b, b)?);
    let weights = |index: usize| {
        let cosine = f64::from(ab[index]) / (f64::from(aa[index]) * f64::from(bb[index])).sqrt();
        arc_weights(cosine, part)
    };
    let weights: Vec<[f32; 2]> = (0..ab.len()).map(weights).collect();
    let column = |of: usize| {
        let numbers: Vec<f32> = weights.iter().map(|pair| pair[of]).collect();
        Tensor::from_slice(&numbers, &[numbers.len() as i32, 1, 1, 1])
    };
    Ok(a * column(0) + b * column(1))
}

/// Of two vectors with this cosine between them. Nearly parallel ones have no arc.
fn arc_weights(cosine: f64, part: f64) -> [f32; 2] {
    if cosine.is_nan() || cosine.abs() > 0.9995 {
        return [(1.0 - part) as f32, part as f32];
    }
    let angle = cosine.acos();
    [1.0 - part, part].map(|part| ((part * angle).sin() / angle.sin()) as f32)
}

/// The number of this index that the generator SplitMix64 gives after beginning with `state`.
fn split_mix(state: u64, index: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(index + 1));
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The generator's published first numbers for the seed 1234567.
    #[test]
    fn split_mix_is_the_published_one() {
        let expected = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!([0, 1, 2].map(|index| split_mix(1_234_567, index)), expected);
    }

    #[test]
    fn weights_on_the_arc() {
        let right_angle = arc_weights(0.0, 0.5);
        assert!(right_angle.iter().all(|weight| (weight - 0.5_f32.sqrt()).abs() < 1e-7));
        assert_eq!(arc_weights(0.3, 0.0), [1.0, 0.0]);
        assert_eq!(arc_weights(0.3, 1.0), [0.0, 1.0]);
        assert_eq!(arc_weights(1.0, 0.25), [0.75, 0.25]);
        // Unit vectors at 60°: what lies between them is a unit vector.
        let [a, b] = arc_weights(0.5, 0.3);
        assert!((a * a + b * b + a * b - 1.0).abs() < 1e-6);
    }
}
