//! The nodes on the mock host.

use plugin_api::testing::TestRun;
use plugin_api::{Dtype, ErrorKind, Record, Tensor};

use crate::decode::decode;
use crate::preview_image::PreviewImage;
use crate::save_image::SaveImage;

/// Two pictures, no two numbers of which are the same.
fn image() -> Record {
    let numbers: Vec<f32> = (0..2 * 4 * 5 * 3).map(|number| number as f32 / 255.0).collect();
    Record::new().with("image", Tensor::from_slice(&numbers, &[2, 4, 5, 3]))
}

#[test]
fn each_picture_is_a_file() {
    let run = TestRun { graph: "Graph(nodes: {})".to_owned(), ..TestRun::new() };
    let outputs = run.run::<SaveImage>(&image().with("name", "a/b")).unwrap();
    assert_eq!(outputs.get::<String>("path").unwrap(), "a/b.png\na/b.png");
    let written = run.written.take();
    let second = decode(&written[1].2).unwrap();
    assert_eq!((second.width, second.height, second.rgb[0]), (5, 4, 60.0 / 255.0));
    assert!(written[0].2.windows(4).any(|name| name == b"weft"));
}

#[test]
fn a_mask_becomes_transparency_and_is_read_again() {
    let mask: Vec<f32> = (0..20).map(|pixel| pixel as f32 / 19.0).collect();
    let inputs = image().with("mask", Tensor::from_slice(&mask, &[1, 4, 5]));
    for format in ["png", "webp"] {
        let run = TestRun::new();
        run.run::<SaveImage>(&inputs.with("format", format)).unwrap();
        let second = decode(&run.written.take()[1].2).unwrap();
        assert_eq!(second.rgb[3..6], [63.0 / 255.0, 64.0 / 255.0, 65.0 / 255.0], "{format}");
        assert!(
            second.mask.iter().zip(&mask).all(|(a, b)| (a - b).abs() < 0.51 / 255.0),
            "{format}: {:?}",
            second.mask
        );
    }
    let run = TestRun::new();
    run.run::<SaveImage>(&inputs.with("format", "jpeg")).unwrap();
    assert!(run.notes.take()[0].contains("no transparency"));
    assert!(decode(&run.written.take()[0].2).unwrap().mask.iter().all(|mask| *mask == 0.0));
    let small = image().with("mask", Tensor::zeros(&[1, 4, 4], Dtype::Float32));
    assert!(TestRun::new().run::<SaveImage>(&small).unwrap_err().message.contains("1 masks of 4×4"));
}

#[test]
fn the_same_graph_gives_the_same_bytes() {
    for format in ["png", "jpeg", "webp"] {
        let save = || {
            let run = TestRun { graph: "Graph(nodes: {})".to_owned(), ..TestRun::new() };
            run.run::<SaveImage>(&image().with("format", format)).unwrap();
            run.written.take()
        };
        assert_eq!(save(), save());
    }
}

#[test]
fn a_graph_too_large_is_noted() {
    for (format, length, notes) in [("jpeg", 60_000, 0), ("jpeg", 70_000, 2), ("png", 9 << 20, 2)] {
        let run = TestRun { graph: "x".repeat(length), ..TestRun::new() };
        run.run::<SaveImage>(&image().with("format", format)).unwrap();
        assert_eq!(run.notes.take().len(), notes, "{format}, {length}");
        assert_eq!(run.written.take().len(), 2);
    }
}

#[test]
fn nothing_is_written_of_a_broken_picture() {
    for broken in [Tensor::zeros(&[1, 4, 5, 3], Dtype::Float32), Tensor::full(&[1, 4, 5, 3], f32::NAN, Dtype::Float32)]
    {
        let run = TestRun::new();
        let error = run.run::<SaveImage>(&Record::new().with("image", broken)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Failed);
        assert_eq!(run.written.take(), []);
    }
    let gray = Record::new().with("image", Tensor::zeros(&[1, 4, 5, 1], Dtype::Float32));
    assert_eq!(TestRun::new().run::<SaveImage>(&gray).unwrap_err().kind, ErrorKind::Invalid);
}

#[test]
fn the_first_picture_is_shown() {
    let run = TestRun::new();
    run.run::<PreviewImage>(&image()).unwrap();
    assert_eq!(run.previews.take(), [[4, 5, 3]]);
}
