//! An editor without a screen, driven as its user would.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use egui::accesskit::Role;
use egui::{Event, Modifiers, PointerButton, Pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use weft::editor::{Action, Editor, Options};
use weft::graph::Roots;
use weft::queue::EngineState;

use crate::program::{root, weft};

/// Longer than anything here takes; only a hang meets it.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Window {
    pub harness: Harness<'static, Editor>,
    pub folder: tempfile::TempDir,
}

/// What an editor is started with: the demo model, an output folder of its own, no journal.
pub fn options(folder: &Path) -> Options {
    Options {
        output: folder.join("output"),
        engine: weft::engine::Options { program: Some(weft()), ..Default::default() },
        roots: Roots { models: vec![root().join("models")], ..Roots::default() },
        templates: Some(root().join("graphs")),
        ..Options::default()
    }
}

impl Window {
    pub fn open(graph: Option<&Path>) -> Self {
        Self::with(|options| options.graph = graph.map(Path::to_owned))
    }

    pub fn with(change: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut options = options(folder.path());
        change(&mut options);
        let harness = Harness::builder()
            .with_size(vec2(1600.0, 1000.0))
            .build_eframe(|context| Editor::new(&context.egui_ctx, options));
        let mut window = Self { harness, folder };
        window.until("the engine is ready", |editor| matches!(editor.queue().state().engine, EngineState::Ready));
        window.steps(4);
        window
    }

    /// A file with this text.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }

    pub fn editor(&self) -> &Editor {
        self.harness.state()
    }

    pub fn text(&self) -> String {
        self.editor().document().text()
    }

    pub fn steps(&mut self, count: usize) {
        self.harness.run_steps(count);
    }

    /// Draws frames until something is so.
    pub fn until(&mut self, what: &str, is_so: impl Fn(&Editor) -> bool) {
        let start = Instant::now();
        while !is_so(self.harness.state()) {
            assert!(start.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
            std::thread::sleep(Duration::from_millis(10));
            self.harness.step();
        }
        self.steps(2);
    }

    /// Waits until nothing runs and nothing waits.
    pub fn until_idle(&mut self) {
        self.steps(2);
        self.until("the queue is empty", |editor| {
            let state = editor.queue().state();
            state.current.is_none() && state.waiting.is_empty()
        });
    }

    pub fn act(&mut self, action: Action) {
        let context = self.harness.ctx.clone();
        self.harness.state_mut().act(&context, action);
        self.steps(3);
    }

    /// The middle of what has this label.
    pub fn at(&self, label: &str) -> Pos2 {
        self.harness.get_by_label(label).rect().center()
    }

    pub fn has(&self, label: &str) -> bool {
        self.harness.query_all_by_label(label).next().is_some()
    }

    pub fn has_text(&self, part: &str) -> bool {
        self.harness.query_all_by_label_contains(part).next().is_some()
    }

    pub fn click(&mut self, label: &str) {
        let at = self.at(label);
        self.press(at, PointerButton::Primary, true);
        self.press(at, PointerButton::Primary, false);
        self.steps(2);
    }

    pub fn press(&mut self, pos: Pos2, button: PointerButton, pressed: bool) {
        self.harness.event(Event::PointerMoved(pos));
        self.harness.event(Event::PointerButton { pos, button, pressed, modifiers: Modifiers::NONE });
        self.harness.step();
    }

    /// The left button, from one place to another, in some steps.
    pub fn drag(&mut self, from: Pos2, to: Pos2) {
        self.harness.event(Event::PointerMoved(from));
        self.harness.step();
        self.press(from, PointerButton::Primary, true);
        for part in 1..=4 {
            self.harness.event(Event::PointerMoved(from + (to - from) * (part as f32 / 4.0)));
            self.harness.step();
        }
        self.press(to, PointerButton::Primary, false);
        self.steps(2);
    }

    pub fn write(&mut self, text: &str) {
        self.harness.event(Event::Text(text.to_owned()));
        self.steps(2);
    }

    pub fn key(&mut self, modifiers: Modifiers, key: egui::Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.steps(2);
    }

    pub fn drop_file(&mut self, path: &Path) {
        let file = egui::DroppedFile { path: Some(path.to_owned()), ..Default::default() };
        self.harness.input_mut().dropped_files.push(file);
        self.harness.step();
        self.harness.input_mut().dropped_files.clear();
        self.steps(4);
    }

    /// What can be operated and has neither name nor value for those who do not see it.
    pub fn nameless(&self) -> Vec<String> {
        let operated = [
            Role::Button,
            Role::CheckBox,
            Role::ComboBox,
            Role::Link,
            Role::MultilineTextInput,
            Role::RadioButton,
            Role::Slider,
            Role::SpinButton,
            Role::TextInput,
        ];
        let mut found = Vec::new();
        for role in operated {
            for node in self.harness.query_all_by_role(role) {
                let node = node.accesskit_node();
                if node.label().is_none_or(|label| label.trim().is_empty()) {
                    found.push(format!("{role:?} at {:?}", node.bounding_box()));
                }
            }
        }
        found
    }
}
