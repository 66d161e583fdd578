//! What a frame of the editor costs, without a screen: layout, painting and tessellation, on the processor alone.
//!
//!     cargo run --release -p weft --example frame_time
//!
//! Graphs are copies of graphs/text-to-image.ron side by side. The engine is not waited for beyond its catalogue.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use egui::{Context, Pos2, RawInput, Rect, vec2};
use weft::editor::{Action, Editor, Options};
use weft::graph::Roots;
use weft::queue::EngineState;

const SCREEN: egui::Vec2 = vec2(1920.0, 1080.0);
const FRAMES: usize = 400;

fn main() {
    // As `weft edit` does.
    weft::allocator::begin_again();
    let folder = std::env::temp_dir().join(format!("weft-frame-time-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the graphs");
    println!("nodes    what is seen              median ms    95 % ms");
    for (nodes, whole) in [(6, true), (240, true), (240, false), (1000, false), (1000, true), (10_000, false)] {
        measure(&graph(&folder, nodes), nodes, whole);
    }
    for nodes in [1000, 10_000] {
        let path = graph(&folder, nodes);
        let best = (0..5).map(|_| opening(&path)).min().unwrap_or_default();
        println!("{nodes:>5}    opening to first frame    {:>9.1}", milliseconds(best));
    }
    drop(std::fs::remove_dir_all(&folder));
}

/// A graph of about this many nodes, in a grid.
fn graph(folder: &std::path::Path, nodes: usize) -> PathBuf {
    const KINDS: [(&str, &str, &str); 6] = [
        ("model", "model-loader/LoadModel", r#""path": "demo""#),
        ("prompt", "text-encode/EncodeText", r#""text_encoder": Link("model#.text_encoder"), "text": "a red star""#),
        ("latent", "sampler/EmptyLatent", r#""width": 128, "height": 128"#),
        (
            "sample",
            "sampler/Sample",
            r#""model": Link("model#.model"), "positive": Link("prompt#.conditioning"), "latent": Link("latent#.latent")"#,
        ),
        ("decode", "vae/DecodeLatent", r#""vae": Link("model#.vae"), "latent": Link("sample#.latent")"#),
        ("save", "image-io/SaveImage", r#""image": Link("decode#.image")"#),
    ];
    let (mut text, mut places) = (String::new(), String::new());
    let columns = (nodes as f64 / 6.0).sqrt().ceil() as usize;
    for index in 0..nodes {
        let (copy, part) = (index / 6, index % 6);
        let (name, kind, inputs) = KINDS[part];
        let inputs = inputs.replace('#', &copy.to_string());
        text += &format!("        \"{name}{copy}\": (kind: \"{kind}\", inputs: {{ {inputs} }}),\n");
        let (x, y) =
            ((copy % columns) * 1400 + (part / 2) * 330 + part % 2 * 330, (copy / columns) * 560 + part % 2 * 250);
        places += &format!("        \"{name}{copy}\": ({x}, {y}),\n");
    }
    let path = folder.join(format!("{nodes}.ron"));
    let text = format!("Graph(\n    format: 1,\n    nodes: {{\n{text}    }},\n    editor: {{\n{places}    }},\n)\n");
    std::fs::write(&path, text).expect("a graph");
    path
}

fn options(graph: Option<PathBuf>) -> Options {
    let target = std::env::current_exe().expect("a path");
    let program = target.parent().and_then(|examples| examples.parent()).expect("target/<profile>").join("weft");
    assert!(program.exists(), "{} is missing: cargo build --release --workspace", program.display());
    Options {
        graph,
        output: std::env::temp_dir(),
        engine: weft::engine::Options { program: Some(program), ..Default::default() },
        roots: Roots { models: vec![PathBuf::from("models")], ..Roots::default() },
        ..Options::default()
    }
}

/// One frame, down to triangles.
fn frame(context: &Context, editor: &mut Editor, events: Vec<egui::Event>) -> Duration {
    let input = RawInput { screen_rect: Some(Rect::from_min_size(Pos2::ZERO, SCREEN)), events, ..RawInput::default() };
    let start = Instant::now();
    let output = context.run_ui(input, |ui| editor.show(ui));
    let triangles = context.tessellate(output.shapes, output.pixels_per_point);
    let took = start.elapsed();
    assert!(!triangles.is_empty());
    took
}

fn ready(context: &Context, editor: &mut Editor) {
    while !matches!(editor.queue().state().engine, EngineState::Ready) {
        std::thread::sleep(Duration::from_millis(5));
    }
    for _ in 0..5 {
        frame(context, editor, Vec::new());
    }
}

fn measure(path: &std::path::Path, nodes: usize, whole: bool) {
    let context = Context::default();
    let mut editor = Editor::new(&context, options(Some(path.to_owned())));
    ready(&context, &mut editor);
    editor.act(&context, if whole { Action::Fit } else { Action::ZoomReset });
    // The check that follows an opening is over.
    std::thread::sleep(Duration::from_millis(300));
    ready(&context, &mut editor);
    let mut times: Vec<Duration> = (0..FRAMES)
        .map(|index| {
            // The pointer moves, as it does when somebody works.
            let at = Pos2::new(600.0 + index as f32, 500.0);
            frame(&context, &mut editor, vec![egui::Event::PointerMoved(at)])
        })
        .collect();
    times.sort();
    let seen = if whole { "all of it" } else { "a screenful at 100 %" };
    println!(
        "{nodes:>5}    {seen:<24}  {:>9.2}  {:>9.2}",
        milliseconds(times[FRAMES / 2]),
        milliseconds(times[FRAMES * 95 / 100])
    );
}

/// From the command to the first frame with the file's nodes in it. The engine starts beside it.
fn opening(path: &std::path::Path) -> Duration {
    let context = Context::default();
    let mut editor = Editor::new(&context, options(None));
    ready(&context, &mut editor);
    let start = Instant::now();
    editor.act(&context, Action::OpenFile(path.to_owned()));
    frame(&context, &mut editor, Vec::new());
    start.elapsed()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
