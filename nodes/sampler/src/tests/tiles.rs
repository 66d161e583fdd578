//! Latents that go through the model in tiles.

use super::*;

/// 20 × 12 latent numbers, in tiles of 8 × 8 that overlap by a quarter: 3 by 2 of them.
fn large(batch: i64) -> Record {
    let size = Record::new().with("width", 160).with("height", 96).with("batch", batch);
    let latent: Record = TestRun::new().run::<EmptyLatent>(&size).unwrap().get("latent").unwrap();
    latent.with("samples", Tensor::random_normal(&[batch as i32, 16, 12, 20], 3))
}

const TILES: i64 = 6;

fn tiled(inputs: &Record) -> Record {
    inputs.with("tile", "64")
}

fn close(found: &[f32], expected: &[f32]) -> bool {
    found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4)
}

#[test]
fn a_model_that_sees_each_pixel_alone_sees_no_tiles() {
    let mask: Vec<f32> = (0..240).map(|index| (index % 20) as f32 / 19.0).collect();
    let mask = Tensor::from_slice(&mask, &[1, 12, 20]);
    let cases = [
        inputs().with("latent", large(1)),
        inputs().with("latent", large(2)).with("denoise", 0.5),
        inputs().with("latent", large(1).with("noise_mask", mask)).with("denoise", 0.7),
        inputs()
            .with("latent", large(1))
            .with("negative", prompt(0.5))
            .with("guidance", 2.0)
            .with("cfg_normalization", 1.0),
        inputs().with("latent", large(1)).with("sampler", "heun"),
        inputs().with("latent", large(1)).with("sampler", "dpmpp_2m_sde"),
    ];
    for (index, case) in cases.into_iter().enumerate() {
        assert!(close(&sample(&tiled(&case)).unwrap(), &sample(&case.with("tile", "off")).unwrap()), "case {index}");
    }
}

#[test]
fn every_pass_sees_every_tile_once() {
    let inputs = tiled(&inputs().with("latent", large(1)).with("sampler", "heun").with("steps", 2));
    let run = TestRun::new();
    run.run::<Sample>(&inputs.with("negative", prompt(0.5)).with("guidance", 1.0)).unwrap();
    let found: Vec<_> = CALLS.take().into_iter().map(|call| (call.step, call.pass.0, call.branch, call.tile)).collect();
    let mut expected = Vec::new();
    for (step, pass) in [(0, 0), (0, 1), (1, 0)] {
        for branch in ["positive", "negative"] {
            expected.extend((0..TILES).map(|tile| (step, pass, branch.to_owned(), tile)));
        }
    }
    assert_eq!(found, expected);
    assert_eq!(run.notes.take(), ["160×96 in 6 tiles of 64"]);
}

#[test]
fn progress_counts_steps_and_a_cancelled_run_ends_at_its_tile() {
    let inputs = tiled(&inputs().with("latent", large(1)).with("steps", 2));
    let run = TestRun::new();
    run.run::<Sample>(&inputs).unwrap();
    let mut steps = run.progress.take();
    steps.dedup();
    assert_eq!(steps, [(0, 2), (1, 2), (2, 2)]);
    CALLS.take();
    let run = TestRun { cancel_at: Some(1), ..TestRun::new() };
    assert_eq!(run.run::<Sample>(&inputs).unwrap_err().kind, ErrorKind::Cancelled);
    assert_eq!(CALLS.take().len() as i64, TILES);
    let run = TestRun { cancel_at: Some(0), ..TestRun::new() };
    assert_eq!(run.run::<Sample>(&inputs).unwrap_err().kind, ErrorKind::Cancelled);
    assert_eq!(CALLS.take(), []);
}

#[test]
fn one_tile_is_none() {
    let inputs = inputs().with("latent", large(1));
    let whole = sample(&inputs.with("tile", "off")).unwrap();
    for tile in ["auto", "160", "1024"] {
        CALLS.take();
        assert_eq!(sample(&inputs.with("tile", tile)).unwrap(), whole, "{tile}");
        assert_eq!(CALLS.take().len(), 8, "{tile}");
    }
    assert!(sample(&inputs.with("tile", "100")).unwrap_err().help.contains("multiple of 16"));
}

/// 2048 × 1024 pixels are 256 × 128 latent numbers.
#[test]
fn auto_makes_tiles_that_fit() {
    let wide = Record::new().with("samples", Tensor::random_normal(&[1, 16, 128, 256], 3));
    let inputs = inputs().with("latent", wide).with("steps", 1);
    let notes = |needs: Option<i64>, free: i64| {
        NEEDS.set(needs);
        let run = TestRun { free_memory: Some(free), ..TestRun::new() };
        run.run::<Sample>(&inputs).unwrap();
        (run.notes.take(), CALLS.take().len())
    };
    let whole = 128 * 256 * 100_000;
    assert_eq!(notes(Some(100_000), whole), (Vec::new(), 1));
    assert_eq!(notes(None, 0), (Vec::new(), 1), "who does not say is not asked");
    let why = "a whole pass would need about 3.3 GB of";
    let (said, passes) = notes(Some(100_000), whole - 1);
    assert_eq!((said, passes), (vec![format!("2048×1024 in 3 tiles of 1024: {why} 3.3 GB free")], 3));
    assert_eq!(notes(Some(100_000), whole * 3 / 10).0, [format!("2048×1024 in 8 tiles of 768: {why} 1.0 GB free")]);
    // Even the smallest may be too much, and are tried.
    assert!(notes(Some(100_000), 1).0[0].contains("tiles of 256: "));
}
