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

/// What is told, without what is told again.
fn told(inputs: &Record) -> Vec<(u32, u32)> {
    let run = TestRun::new();
    run.run::<Sample>(inputs).unwrap();
    CALLS.take();
    let mut told = run.progress.take();
    told.dedup();
    told
}

#[test]
fn progress_counts_tiles() {
    let inputs = tiled(&inputs().with("latent", large(1)).with("steps", 2));
    let all = |total: u32| (0..=total).map(|done| (done, total)).collect::<Vec<_>>();
    assert_eq!(told(&inputs), all(12), "2 steps of 6 tiles");
    assert_eq!(told(&inputs.with("stop_after", 1)), all(6));
    let guided = inputs.with("negative", prompt(0.5)).with("guidance", 1.0);
    assert_eq!(told(&guided), all(24), "of 2 prompts");
    // The last step has one pass of two, and counts for as much as the first.
    let ends_sooner = all(24).into_iter().filter(|(done, _)| !(18..24).contains(done));
    assert_eq!(told(&inputs.with("sampler", "heun")), ends_sooner.collect::<Vec<_>>());
}

#[test]
fn a_cancelled_run_ends_at_its_tile() {
    let inputs = tiled(&inputs().with("latent", large(1)).with("steps", 2));
    for tiles in [0, 1, 5, 6, 11] {
        let run = TestRun { cancel_at: Some(tiles), ..TestRun::new() };
        assert_eq!(run.run::<Sample>(&inputs).unwrap_err().kind, ErrorKind::Cancelled);
        assert_eq!(CALLS.take().len() as u32, tiles);
    }
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
    let why = "a whole pass would need about 3.28 GB of";
    let (said, passes) = notes(Some(100_000), whole - 1);
    assert_eq!((said, passes), (vec![format!("2048×1024 in 3 tiles of 1024: {why} 3.28 GB free")], 3));
    assert_eq!(notes(Some(100_000), whole * 3 / 10).0, [format!("2048×1024 in 8 tiles of 768: {why} 0.98 GB free")]);
}

#[test]
fn what_cannot_fit_is_refused_with_numbers() {
    let wide = Record::new().with("samples", Tensor::random_normal(&[1, 16, 128, 256], 3));
    let inputs = inputs().with("latent", wide).with("steps", 1);
    let refused = |tile: &str, free: i64| {
        NEEDS.set(Some(100_000));
        let run = TestRun { free_memory: Some(free), ..TestRun::new() };
        let error = run.run::<Sample>(&inputs.with("tile", tile)).unwrap_err();
        assert_eq!((error.kind, CALLS.take().len()), (ErrorKind::Limit, 0));
        format!("{} {}", error.message, error.help)
    };
    let (large, small) = ("2048×1024 in tiles of 768 needs about 0.92 GB", "close other programs");
    assert!(refused("768", 500_000_000).contains(large));
    let whole = refused("off", 3_000_000_000);
    assert!(
        whole.contains("at once needs about 3.28 GB") && whole.contains("3.00 GB") && whole.contains("auto"),
        "{whole}"
    );
    assert!(refused("auto", 100_000_000).contains("tiles of 256 needs about 0.10 GB besides"));
    assert!(refused("256", 100_000_000).contains(small) && refused("auto", 1).contains(small));
    assert!(!refused("512", 1).contains(small));
}
