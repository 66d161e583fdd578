//! What pictures are made of.

use super::*;
use crate::noise::Noise;
use crate::samplers;

#[test]
fn a_picture_does_not_depend_on_its_batch() {
    for sampler in samplers::names() {
        let inputs = inputs().with("sampler", sampler);
        let batch = sample(&inputs.with("latent", latent(3))).unwrap();
        let single = sample(&inputs.with("seed", 7)).unwrap();
        assert_eq!(batch.len(), 3 * single.len());
        assert_eq!(batch[2 * single.len()..], single, "{sampler}");
    }
}

#[test]
fn noise_may_be_given() {
    let given = Tensor::random_normal(&[1, 16, 2, 4], 99);
    let drawn = given.to_vec().unwrap();
    let inputs = inputs().with("noise", Record::new().with("samples", given));
    let sigmas = schedules::sigmas("simple", 8, Flow { shift: 3.0 }).unwrap();
    assert_eq!(sample(&inputs).unwrap(), walk(drawn.clone(), &sigmas, 1.0));
    let twice = sample(&inputs.with("latent", latent(2))).unwrap();
    assert_eq!(twice, walk([drawn.clone(), drawn].concat(), &sigmas, 1.0));
    let other = Record::new().with("samples", Tensor::zeros(&[1, 16, 4, 4], Dtype::Float32));
    assert!(sample(&inputs.with("noise", other)).unwrap_err().message.contains("noise"));
}

/// Step k puts on the same noise in every run of a seed, and no two steps or pictures the same.
#[test]
fn noise_of_steps_is_the_seeds() {
    let lcm = inputs().with("sampler", "lcm").with("shift", 1.0);
    let after_one = |inputs: &Record, steps: i64| {
        let samples = sample(&inputs.with("steps", steps).with("stop_after", 1)).unwrap();
        // next · noise + (1 − next) · estimate, with the estimate x/2 + 1.
        let (next, first) = (1.0 - 1.0 / steps as f32, drawn(5));
        let noise = |(x, first): (&f32, &f32)| (x - (1.0 - next) * (first * 0.5 + 1.0)) / next;
        samples.iter().zip(&first).map(noise).collect::<Vec<f32>>()
    };
    let (four, eight) = (after_one(&lcm, 4), after_one(&lcm, 8));
    assert!(four.iter().zip(&eight).all(|(a, b)| (a - b).abs() < 1e-5));
    assert!(four.iter().zip(drawn(5)).any(|(a, b)| (a - b).abs() > 0.1));
    assert_ne!(sample(&lcm), sample(&lcm.with("seed", 6)));
    // Noise that is given takes the place of the first draw alone.
    let given = Record::new().with("samples", Tensor::from_slice(&drawn(5), &[1, 16, 2, 4]));
    assert_eq!(sample(&lcm.with("noise", given.clone())), sample(&lcm));
    assert_ne!(sample(&lcm.with("noise", given).with("seed", 6)), sample(&lcm));
}

#[test]
fn no_noise_is_drawn_twice() {
    let inputs = Record::new().with("seed", 5).with("variation_strength", 0.0);
    let noise = Noise::new(&inputs, [3, 16, 2, 2]).unwrap();
    let draws = [noise.initial().clone(), noise.of_step(0), noise.of_step(1), noise.of_step(999)];
    let pictures: Vec<Vec<f32>> = draws
        .iter()
        .flat_map(|draw| draw.to_vec::<f32>().unwrap().chunks(64).map(<[f32]>::to_vec).collect::<Vec<_>>())
        .collect();
    assert_eq!(pictures.len(), 12);
    for (index, picture) in pictures.iter().enumerate() {
        assert!(!pictures[..index].contains(picture), "draw {index}");
    }
}

#[test]
fn variations_turn_towards_another_seed() {
    let vary = |strength: f64| inputs().with("variation_seed", 90).with("variation_strength", strength);
    assert_eq!(sample(&vary(0.0)), sample(&inputs()));
    assert_eq!(sample(&vary(1.0)), sample(&inputs().with("seed", 90)));
    // Between two random vectors there is an arc, on which noise stays as strong as it is.
    let strength = |numbers: Vec<f32>| numbers.iter().map(|x| f64::from(x * x)).sum::<f64>().sqrt();
    let noise = |variation: f64| {
        let inputs = Record::new().with("seed", 5).with("variation_seed", 90).with("variation_strength", variation);
        strength(Noise::new(&inputs, [1, 16, 8, 8]).unwrap().initial().to_vec().unwrap())
    };
    let (least, most) = (noise(0.0).min(noise(1.0)), noise(0.0).max(noise(1.0)));
    assert!((least..=most).contains(&noise(0.5)), "{least} {} {most}", noise(0.5));
}

/// A batch of variations shares the seed: picture i is the single one of variation_seed + i.
#[test]
fn a_batch_of_variations_has_one_seed() {
    for sampler in ["euler", "euler_ancestral"] {
        let vary =
            |seed: i64| inputs().with("sampler", sampler).with("variation_seed", seed).with("variation_strength", 0.3);
        let batch = sample(&vary(90).with("latent", latent(3))).unwrap();
        let single = sample(&vary(92)).unwrap();
        assert_eq!(batch[2 * single.len()..], single, "{sampler}");
    }
}
