//! The nodes on the mock host, with an upscaler that repeats pixels.

use plugin_api::testing::{self, TestRun};
use plugin_api::{Architecture, Dtype, Error, ErrorKind, Model, Record, Result, Role, Session, Tensor, Value, Weights};

use crate::load_upscaler::LoadUpscaler;
use crate::upscale_image::UpscaleImage;

/// Every pixel four times.
struct Twice;

impl Architecture for Twice {
    const ID: &'static str = "twice";
    const ROLE: Role = Role::UpscaleModel;

    fn detect(weights: &Weights) -> bool {
        weights.contains("twice")
    }

    fn build(_: &str, _: &Weights) -> Result<Self> {
        Ok(Self)
    }

    fn call(&self, session: &Session, method: &str, args: &Record) -> Result<Value> {
        if method == "about" {
            // A pass of a tile of 64 × 64 needs 64 MiB.
            return Ok(Record::new().with("scale", 2).with("radius", 3).with("bytes", 1 << 14).into());
        }
        let (tile, tiles) = (args.get::<i64>("tile")? as usize, args.get::<i64>("tiles")? as usize);
        session.run().progress(tile + 1, tiles, None)?;
        Ok(args.get::<Tensor>("image")?.repeat(2, 1).repeat(2, 2).into())
    }
}

fn upscaler() -> Record {
    testing::architecture::<Twice>();
    testing::weights_file("twice", &[("twice", &[1], &[0.0])]);
    TestRun::new().run::<LoadUpscaler>(&Record::new().with("file", "twice")).unwrap()
}

/// Of one colour in each picture.
fn picture(count: i32, height: i32, width: i32) -> Tensor {
    let numbers: Vec<f32> = (0..count).map(|picture| 0.2 + 0.1 * picture as f32).collect();
    Tensor::from_slice(&numbers, &[count, 1, 1, 1]).broadcast_to(&[count, height, width, 3])
}

fn upscaled(run: &TestRun, image: &Tensor, more: impl Fn(Record) -> Record) -> Result<Record> {
    run.run::<UpscaleImage>(&more(upscaler().with("image", image)))
}

#[test]
fn a_constant_picture_of_any_size_stays_constant() {
    for (count, height, width) in [(1, 1, 1), (1, 7, 13), (2, 70, 130)] {
        for (scale, sides) in [(2.0, [2 * height, 2 * width]), (1.25, [(height * 5 + 2) / 4, (width * 5 + 2) / 4])] {
            let run = TestRun::new();
            let tiled = |inputs: Record| inputs.with("scale", scale).with("tile", 64).with("overlap", 8);
            let image = upscaled(&run, &picture(count, height, width), tiled).unwrap().get::<Tensor>("image").unwrap();
            assert_eq!(image.shape().unwrap(), [count, sides[0], sides[1], 3]);
            let off = (&image - image.narrow(1, 0, 1).narrow(2, 0, 1)).abs().max(&[], false).to_vec::<f32>().unwrap();
            assert!(off[0] < 1e-5, "{height} {width} {scale}: {off:?}");
        }
    }
}

#[test]
fn progress_is_told_of_every_tile_of_every_picture_and_a_run_can_be_stopped_there() {
    let tiled = |inputs: Record| inputs.with("scale", 2.0).with("tile", 64).with("overlap", 0);
    let run = TestRun::new();
    upscaled(&run, &picture(2, 10, 100), tiled).unwrap();
    assert_eq!(run.notes.take(), ["100×10 to 200×20 pixels in 2 tiles"]);
    assert_eq!(run.progress.take(), [(1, 4), (2, 4), (3, 4), (4, 4)]);
    let run = TestRun { cancel_at: Some(3), ..TestRun::new() };
    let error = upscaled(&run, &picture(2, 10, 100), tiled).unwrap_err();
    assert_eq!((error.kind, run.progress.take().len()), (ErrorKind::Cancelled, 3));
}

#[test]
fn a_mask_gets_the_size_of_the_picture() {
    let mask = Tensor::from_slice(&[0.0, 0.0, 1.0, 1.0], &[1, 2, 2]);
    let outputs = upscaled(&TestRun::new(), &picture(1, 6, 10), |inputs| inputs.with("mask", &mask)).unwrap();
    let mask: Tensor = outputs.get("mask").unwrap();
    assert_eq!(mask.shape().unwrap(), [1, 24, 40]);
    let mask: Vec<f32> = mask.to_vec().unwrap();
    assert!(mask[0].abs() < 0.01 && (mask[24 * 40 - 1] - 1.0).abs() < 0.01);
    assert!(mask.iter().all(|mask| (0.0..=1.0).contains(mask)));
    let outputs = upscaled(&TestRun::new(), &picture(1, 6, 10), |inputs| inputs).unwrap();
    assert!(outputs.find::<Tensor>("mask").unwrap().is_none());
}

#[test]
fn smaller_tiles_are_taken_where_memory_is_short() {
    let run = TestRun { free_memory: Some(120 << 20), ..TestRun::new() };
    upscaled(&run, &picture(1, 100, 100), |inputs| inputs.with("scale", 2.0)).unwrap();
    let notes = run.notes.take();
    assert!(notes[0].contains("tiles of 80×80") && notes[0].contains("GB"), "{notes:?}");
    assert_eq!(run.progress.take().len(), 4);
    let run = TestRun { free_memory: Some(1 << 20), ..TestRun::new() };
    let error = upscaled(&run, &picture(1, 100, 100), |inputs| inputs).unwrap_err();
    assert_eq!((error.kind, run.progress.take().len()), (ErrorKind::Limit, 0));
}

#[test]
fn inputs_that_make_no_sense_are_refused() {
    let refused = |image: &Tensor, tile: i64, overlap: i64| {
        let tiled = |inputs: Record| inputs.with("tile", tile).with("overlap", overlap);
        upscaled(&TestRun::new(), image, tiled).unwrap_err()
    };
    assert!(refused(&picture(1, 4, 4), 64, 64).message.contains("`overlap` is 64"));
    let gray = Tensor::zeros(&[1, 4, 4, 1], Dtype::Float32);
    assert!(refused(&gray, 64, 0).message.contains("[1, 4, 4, 1]"));
}

#[test]
fn a_file_of_something_else_is_named() {
    testing::architecture::<Twice>();
    let load = |name: &str, tensor: &str| -> Error {
        testing::weights_file(name, &[(tensor, &[1], &[0.0])]);
        TestRun::new().run::<LoadUpscaler>(&Record::new().with("file", name)).unwrap_err()
    };
    let error = load("span", "block_1.c1_r.sk.weight");
    assert_eq!(error.kind, ErrorKind::File);
    assert!(error.message.starts_with("span is a SPAN upscaler; Weft reads RRDB"), "{}", error.message);
    assert!(load("odd", "something").message.contains("no upscaler that Weft knows"));
}

#[test]
fn the_mock_s_model_is_an_upscaler() {
    assert_eq!(upscaler().get::<Model>("upscale_model").unwrap().role(), "UPSCALE_MODEL");
}
