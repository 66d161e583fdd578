//! Eight processes that write pictures under one name.

use std::process::{Child, Stdio};

use super::rounds;
use crate::bad_input::Place;
use crate::program::command;

const PROCESSES: usize = 8;

/// Pictures of different bytes, each saved under the same name.
fn many(at: &Place, count: u32) -> Vec<String> {
    let mut nodes = String::new();
    for index in 0..count {
        at.write(&format!("{index}.png"), encoded(index));
        nodes += &format!(
            r#""load{index}": (kind: "image-io/LoadImage", inputs: {{ "file": "{index}.png" }}),
               "save{index}": (kind: "image-io/SaveImage", inputs: {{ "image": Link("load{index}.image"), "name": "fox", "metadata": "none" }}),"#
        );
    }
    at.run(&format!("Graph(format: 1, nodes: {{ {nodes} }})"))
}

fn pixels(index: u32) -> image::RgbImage {
    image::RgbImage::from_fn(16, 16, |x, y| image::Rgb([(index % 256) as u8, (index / 256) as u8, (x * y) as u8]))
}

fn encoded(index: u32) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    pixels(index).write_to(&mut file, image::ImageFormat::Png).expect("a picture");
    file.into_inner()
}

#[test]
fn each_keeps_all_that_it_wrote() {
    let (at, count) = (Place::new(), rounds(20).min(1000));
    let arguments = many(&at, count);
    let mut command = command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let runs: Vec<Child> = (0..PROCESSES).map(|_| command.spawn().expect("it starts")).collect();
    runs.into_iter().for_each(|mut run| assert!(run.wait().expect("an end").success()));
    let written = at.written();
    assert_eq!(written.len(), PROCESSES * count as usize);
    let mut found = vec![0; count as usize];
    for name in &written {
        let picture = image::open(at.path(&format!("out/{name}"))).unwrap_or_else(|error| panic!("{name}: {error}"));
        let index = (0..count).find(|&index| pixels(index) == picture.to_rgb8());
        found[index.unwrap_or_else(|| panic!("{name} is no picture of these")) as usize] += 1;
    }
    assert!(found.iter().all(|&times| times == PROCESSES), "{found:?}");
    eprintln!("{PROCESSES} processes wrote {} pictures under one name, all of them intact", written.len());
}
