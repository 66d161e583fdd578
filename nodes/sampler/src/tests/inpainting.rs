//! Masks: what they keep and what they leave free.

use super::*;
use crate::samplers;
use crate::set_noise_mask::SetNoiseMask;

/// A picture `[2, 16, 2, 4]` with a mask on it.
fn masked(mask: &[f32], masks: i32) -> Record {
    let picture = Record::new().with("samples", Tensor::random_normal(&[2, 16, 2, 4], 1)).with("kept", 7);
    let inputs = Record::new().with("latent", picture).with("mask", Tensor::from_slice(mask, &[masks, 2, 4]));
    TestRun::new().run::<SetNoiseMask>(&inputs).unwrap().get("latent").unwrap()
}

fn numbers(latent: &Record) -> Vec<f32> {
    latent.get::<Tensor>("samples").unwrap().to_vec().unwrap()
}

const HALF: [f32; 8] = [1.0, 1.0, 0.0, 0.0, 1.0, 0.5, 0.0, 0.0];

#[test]
fn where_the_mask_is_0_the_picture_stays_bit_for_bit() {
    let latent = masked(&HALF, 1);
    let before = numbers(&latent);
    for sampler in samplers::names() {
        for denoise in [1.0, 0.6] {
            let inputs = inputs().with("latent", latent.clone()).with("sampler", sampler).with("denoise", denoise);
            let after = sample(&inputs).unwrap();
            for (index, (before, after)) in before.iter().zip(&after).enumerate() {
                assert_eq!(before == after, HALF[index % 8] == 0.0, "{sampler}, number {index}");
            }
        }
    }
}

#[test]
fn a_mask_of_ones_is_none() {
    let latent = masked(&[1.0; 8], 1);
    let bare = Record::new().with("samples", latent.get::<Tensor>("samples").unwrap());
    for denoise in [1.0, 0.5] {
        let inputs = inputs().with("denoise", denoise);
        assert_eq!(sample(&inputs.with("latent", latent.clone())), sample(&inputs.with("latent", bare.clone())));
    }
}

#[test]
fn a_mask_of_zeros_gives_the_picture_back() {
    let latent = masked(&[0.0; 8], 1);
    assert_eq!(sample(&inputs().with("latent", latent.clone())).unwrap(), numbers(&latent));
}

/// One mask for all pictures, or one for each.
#[test]
fn masks_are_repeated_over_the_batch() {
    let twice = [HALF, HALF].concat();
    let run = |latent: Record| sample(&inputs().with("latent", latent)).unwrap();
    assert_eq!(run(masked(&HALF, 1)), run(masked(&twice, 2)));
    let latent = masked(&[[0.0; 8], [1.0; 8]].concat(), 2);
    let (before, after) = (numbers(&latent), run(latent));
    assert_eq!(before[..128], after[..128]);
    assert!(before[128..].iter().zip(&after[128..]).all(|(a, b)| a != b));
}

/// What the model sees of the part that stays is the picture with the step's noise, whatever the sampler made of it.
#[test]
fn stopping_early_leaves_the_noise_in() {
    let latent = masked(&HALF, 1);
    let stopped = sample(&inputs().with("latent", latent.clone()).with("stop_after", 2)).unwrap();
    assert!(numbers(&latent).iter().zip(&stopped).all(|(a, b)| a != b));
}

#[test]
fn the_mask_and_other_keys_are_passed_on() {
    let outputs = TestRun::new().run::<Sample>(&inputs().with("latent", masked(&HALF, 1))).unwrap();
    let latent: Record = outputs.get("latent").unwrap();
    assert_eq!(latent.get::<i64>("kept"), Ok(7));
    assert_eq!(latent.get::<Tensor>("noise_mask").unwrap().shape(), Ok(vec![1, 2, 4]));
}

#[test]
fn a_mask_of_another_kind_is_refused() {
    inputs();
    let mask = Tensor::zeros(&[2, 4], Dtype::Float32);
    let inputs = Record::new().with("latent", latent(1)).with("mask", mask);
    let error = TestRun::new().run::<SetNoiseMask>(&inputs).unwrap_err();
    assert!(error.kind == ErrorKind::Invalid && error.message.contains("mask"), "{error}");
}
