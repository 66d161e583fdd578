//! The real program in a real window, on a screen that only the test sees: Xvfb, drawn by the processor.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use weft::document::recover;

use crate::editor::window::Window;
use crate::program::{command, root};

/// Far more than anything here takes, on a slow machine as well: only a hang meets it.
const PATIENCE: Duration = Duration::from_secs(240);
/// An edit is in the journal so soon after it was made.
const AUTOSAVE: Duration = Duration::from_secs(10);
const SIZE: [u32; 2] = [1280, 800];

/// A screen without a monitor, as long as this value lives.
struct Screen {
    server: Child,
    display: String,
}

impl Screen {
    fn new() -> Self {
        let install = "install the packages xvfb and xdotool, or run `./setup test`, which does";
        // The server takes a number that is free and tells it when it is ready.
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1400x1000x24", "-nolisten", "tcp", "-noreset"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("Xvfb does not start ({error}): {install}"));
        let mut number = String::new();
        let said = BufReader::new(server.stdout.take().expect("it is piped")).read_line(&mut number);
        let screen = Self { server, display: format!(":{}", number.trim()) };
        assert!(said.is_ok() && screen.display.len() > 1, "Xvfb ended at once: {install}");
        screen
    }

    /// The editor on this screen: with the demo model, and with `folder` for all that it writes.
    fn edit(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = command(&["edit", "--theme", "dark", "--size", &format!("{}x{}", SIZE[0], SIZE[1])]);
        command.args(arguments).arg("-o").arg(folder.join("output")).current_dir(root());
        command.env("DISPLAY", &self.display).env("LIBGL_ALWAYS_SOFTWARE", "1").env("WINIT_X11_SCALE_FACTOR", "1");
        command.env("XDG_CONFIG_HOME", folder.join("config"));
        command.env("XDG_STATE_HOME", folder.join("state")).env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET");
        command
    }

    /// Moves the pointer and presses keys in the editor's window, as `xdotool` has it. Whether the window is there.
    fn press(&self, arguments: &[&str]) -> bool {
        // There is no window manager that would give it the keyboard.
        let window = ["search", "--onlyvisible", "--name", "Weft", "windowfocus"];
        let status = Command::new("xdotool")
            .args(window)
            .args(arguments)
            .env("DISPLAY", &self.display)
            .stderr(Stdio::null())
            .status();
        let status = status.unwrap_or_else(|error| match error.kind() {
            ErrorKind::NotFound => panic!("xdotool is missing: install the package xdotool, or run `./setup test`"),
            _ => panic!("xdotool: {error}"),
        });
        status.success()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        end(&mut self.server);
    }
}

fn end(process: &mut Child) {
    drop(process.kill());
    drop(process.wait());
}

/// An editor that is open, and is killed without a word where the test lets go of it.
struct Open {
    process: Child,
    said: PathBuf,
}

impl Open {
    fn start(command: &mut Command, folder: &Path) -> Self {
        let said = folder.join("stderr.txt");
        let process = command.stdin(Stdio::null()).stderr(File::create(&said).expect("a file")).spawn();
        Self { process: process.expect("the program starts"), said }
    }

    fn is_open(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap_or_default()
    }

    /// Waits until it closes by itself.
    fn assert_closes_well(&mut self) {
        let start = Instant::now();
        while self.is_open() {
            assert!(start.elapsed() < PATIENCE, "still open after {PATIENCE:?}: {}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
        let code = self.process.wait().expect("it has ended").code();
        assert_eq!(code, Some(0), "{}", self.said());
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// The editor's own picture of its window, taken once it has nothing more to do.
fn screenshot(screen: &Screen, arguments: &[&str]) -> (tempfile::TempDir, image::RgbImage) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("window.png");
    let mut command = screen.edit(folder.path(), arguments);
    command.arg("--screenshot").arg(&path).args(["--exit-after", "1"]);
    let mut editor = Open::start(&mut command, folder.path());
    editor.assert_closes_well();
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("no picture of the window ({error}): {}", editor.said()));
    let picture = image::load_from_memory_with_format(&bytes, image::ImageFormat::Png).expect("a PNG").to_rgb8();
    assert_eq!([picture.width(), picture.height()], SIZE);
    (folder, picture)
}

/// How many pixels have which colour.
fn colours(picture: &image::RgbImage) -> HashMap<[u8; 3], usize> {
    let mut counts = HashMap::new();
    picture.pixels().for_each(|pixel| *counts.entry(pixel.0).or_default() += 1);
    counts
}

/// A window with text, lines and pictures in it has far more colours than a blank one or one that is half drawn.
fn assert_drawn(picture: &image::RgbImage) {
    let count = colours(picture).len();
    assert!(count > 300, "only {count} colours");
}

/// `graphs/text-to-image.ron` runs in the window, its picture is saved and is seen.
#[test]
fn a_graph_runs_and_is_seen() {
    let screen = Screen::new();
    let (folder, window) = screenshot(&screen, &["graphs/text-to-image.ron", "--run"]);
    assert_drawn(&window);
    let saved = image::open(folder.path().join("output/star.png")).expect("the picture was saved").to_rgb8();
    // The colour that most of the saved picture has is in the window as well, and nothing else there has it.
    let background = colours(&saved).into_iter().max_by_key(|(_, count)| *count).expect("pixels").0;
    let is_close = |pixel: &&image::Rgb<u8>| pixel.0.iter().zip(background).all(|(one, other)| one.abs_diff(other) < 8);
    let seen = window.pixels().filter(is_close).count();
    assert!(seen > 1000, "{seen} pixels of the window have the picture's {background:?}");

    let (_folder, gallery) = screenshot(&screen, &[]);
    assert_drawn(&gallery);
    let differing = window.pixels().zip(gallery.pixels()).filter(|(one, other)| one != other).count();
    assert!(differing > 100_000, "the gallery looks like the graph: {differing} pixels differ");
}

/// The window opens and closes; that its picture has no place to go is said with the exit code of output.
#[test]
fn a_picture_of_the_window_that_cannot_be_written_is_an_error() {
    let screen = Screen::new();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("nowhere/window.png");
    let mut command = screen.edit(folder.path(), &["--exit-after", "0.2", "--screenshot", &path.to_string_lossy()]);
    let mut editor = Open::start(&mut command, folder.path());
    let start = Instant::now();
    while editor.is_open() {
        assert!(start.elapsed() < PATIENCE, "still open after {PATIENCE:?}: {}", editor.said());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(editor.process.wait().expect("it has ended").code(), Some(9), "{}", editor.said());
    assert!(editor.said().contains("window.png, was not written"), "{}", editor.said());
}

/// Whether a version with this word lies in the journal.
fn is_written(journal: &Path, word: &str) -> bool {
    let files = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    files(journal).flat_map(|session| files(&session).collect::<Vec<_>>()).any(|file| {
        file.extension().is_some_and(|ending| ending == "ron")
            && fs::read_to_string(file).is_ok_and(|text| text.contains(word))
    })
}

/// The editor is killed in the middle of an edit. The edits before it come back, and the user's own file is as it was.
#[test]
fn an_editor_that_is_killed_gives_its_work_back() {
    const NODE: &str = "image-io/LoadImage";
    let screen = Screen::new();
    let folder = tempfile::tempdir().expect("a folder");
    let graph = folder.path().join("mine.ron");
    let before = fs::read(root().join("graphs/text-to-image.ron")).expect("a template");
    fs::write(&graph, &before).expect("a file");
    let journal = folder.path().join("state/weft/journal");

    let mut editor = Open::start(&mut screen.edit(folder.path(), &[&graph.to_string_lossy()]), folder.path());
    let start = Instant::now();
    while !is_written(&journal, NODE) {
        assert!(start.elapsed() < PATIENCE && editor.is_open(), "no node was added: {}", editor.said());
        // Before the editor knows its nodes, the palette is empty and Return adds none.
        if !screen.press(&[
            "mousemove",
            "700",
            "600",
            "key",
            "Escape",
            "Tab",
            "sleep",
            "1",
            "type",
            "--delay",
            "30",
            "LoadImage",
        ]) {
            std::thread::sleep(Duration::from_millis(100));
            continue;
        }
        screen.press(&["key", "Return"]);
        let typed = Instant::now();
        while typed.elapsed() < AUTOSAVE && !is_written(&journal, NODE) {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    assert_eq!(recover(&journal), [], "its process lives");
    screen.press(&["key", "Tab", "sleep", "1", "type", "Save"]);
    editor.process.kill().expect("SIGKILL");
    editor.process.wait().expect("an end");

    let left = recover(&journal);
    let [left] = left.as_slice() else { panic!("one version of one session: {left:?}") };
    assert!(left.text.contains(NODE), "{}", left.text);
    assert_eq!(left.path.as_deref(), Some(graph.as_path()));
    assert_eq!(fs::read(&graph).expect("it is there"), before);

    let mut again = Window::with(|options| options.journal = Some(journal));
    assert!(again.has_text("Weft ended while mine.ron had changes that were not saved."));
    again.click("Restore");
    assert_eq!(again.text(), left.text);
    assert!(!again.has("Restore"));
    assert_eq!(fs::read(&graph).expect("it is there"), before);
}
