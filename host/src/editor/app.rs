//! The window's state and one frame of it: bars, panels and canvas are shown, and what they ask for is carried out.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use egui::{CentralPanel, Panel, Ui};

use super::approval::Approval;
use super::canvas::Canvas;
use super::confirm::Confirm;
use super::dialog::Dialog;
use super::identities::Identities;
use super::machine::Machine;
use super::palette::{Choice, Palette, Wire};
use super::panels::{self, Sidebar};
use super::recovery::Recovery;
use super::rename::Rename;
use super::scene::{Port, Scene};
use super::settings::{Settings, Stored};
use super::toasts::Toasts;
use super::{Action, Options, bars, checking, theme};
use crate::document::Edit;
use crate::foresee;
use crate::library::{self, Library, Template};
use crate::queue::{Picture, Queue, RunId};
use crate::table::Device;

/// A graph opens no smaller than this.
const LEGIBLE: f32 = 0.6;

/// The editor: everything that one window holds.
pub struct Editor {
    pub(super) options: Options,
    pub(super) scene: Scene,
    pub(super) canvas: Canvas,
    pub(super) queue: Queue,
    /// Whether the queue has changed since it was looked at.
    pub(super) news: Arc<AtomicBool>,
    /// The runs of the open graph: what they say belongs on its nodes.
    pub(super) runs: HashSet<RunId>,
    pub(super) templates: Vec<Template>,
    pub(super) gallery: bool,
    pub(super) sidebar: Option<Sidebar>,
    pub(super) stored: Stored,
    pub(super) palette: Option<Palette>,
    pub(super) keys: bool,
    pub(super) problems: bool,
    pub(super) viewer: Option<Arc<Picture>>,
    pub(super) report: Option<panels::Report>,
    pub(super) rename: Option<Rename>,
    pub(super) confirm: Option<Confirm>,
    pub(super) approval: Approval,
    pub(super) dialog: Option<Dialog>,
    pub(super) toasts: Toasts,
    pub(super) recovery: Recovery,
    pub(super) memory: super::memory::Memory,
    pub(super) machine: Machine,
    pub(super) checked: checking::Checked,
    pub(super) identities: Identities,
    pub(super) wants_fit: bool,
    pub(super) may_close: bool,
    /// The next paste keeps links to nodes outside of what is pasted.
    pub(super) paste_links: bool,
    /// What was asked for before a save had to come first.
    pub(super) after_save: Option<Action>,
    /// For the next frame.
    pub(super) pending: Vec<Action>,
    title: String,
}

impl Editor {
    /// Opens the window's contents: the graph that was asked for, or the gallery.
    pub fn new(ctx: &egui::Context, options: Options) -> Self {
        theme::install(ctx);
        let stored = Stored::open(options.settings.clone());
        let settings = stored.settings();
        let chosen = settings.is_dark.map(|is_dark| if is_dark { egui::Theme::Dark } else { egui::Theme::Light });
        ctx.set_theme(options.theme.or(chosen).map_or(egui::ThemePreference::System, Into::into));
        ctx.set_zoom_factor(settings.text);
        let news = Arc::new(AtomicBool::new(true));
        let wake = {
            let (ctx, news) = (ctx.clone(), Arc::clone(&news));
            move || {
                news.store(true, Ordering::Relaxed);
                // The graphics card that draws may be the one that samples: a few frames a second are enough.
                ctx.request_repaint_after(Duration::from_millis(100));
            }
        };
        let queue = Queue::start(options.engine.clone(), wake);
        let library = Library::new(options.roots(&PathBuf::from(".")));
        let mut editor = Self {
            scene: Scene::new(library),
            canvas: Canvas::default(),
            queue,
            news,
            runs: HashSet::new(),
            templates: options.templates.as_deref().map_or_else(library::templates, library::templates_in),
            gallery: options.graph.is_none(),
            sidebar: settings.sidebar.then(Sidebar::default),
            stored,
            palette: None,
            keys: false,
            problems: false,
            viewer: None,
            report: None,
            rename: None,
            confirm: None,
            approval: Approval::default(),
            dialog: None,
            toasts: Toasts::default(),
            recovery: Recovery::start(options.journal.clone()),
            memory: super::memory::Memory::default(),
            machine: Machine::new(&options),
            checked: checking::Checked::default(),
            identities: Identities::new(options.hashes.clone()),
            wants_fit: false,
            may_close: false,
            paste_links: false,
            after_save: None,
            pending: Vec::new(),
            title: String::new(),
            options,
        };
        if let Some(path) = editor.options.graph.clone() {
            editor.carry_out(ctx, Action::OpenFile(path));
        }
        editor
    }

    /// Does what a key or a menu would do.
    pub fn act(&mut self, ctx: &egui::Context, action: Action) {
        self.carry_out(ctx, action);
    }

    /// The open graph.
    pub fn document(&self) -> &crate::document::Document {
        &self.scene.document
    }

    /// The runs.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// One frame.
    pub fn show(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        let mut actions = std::mem::take(&mut self.pending);
        self.look_at_queue();
        self.dropped_files(&ctx, &mut actions);
        if let Some(dialog) = &mut self.dialog
            && let Some(chosen) = dialog.poll(&ctx)
        {
            self.dialog = None;
            if chosen.is_none() {
                // What waited for the save is given up with it.
                self.after_save = None;
            }
            actions.extend(chosen);
        }
        actions.extend(self.keyboard(&ctx));
        Panel::top("bar").frame(bars::frame(ui)).show(ui, |ui| bars::top(self, ui, &mut actions));
        if self.recovery.show(ui, &mut actions) {
            ctx.request_repaint();
        }
        Panel::bottom("status").frame(bars::frame(ui)).show(ui, |ui| bars::status(self, ui, &mut actions));
        if self.problems && !self.scene.problems.is_empty() {
            Panel::bottom("problems").frame(bars::frame(ui)).max_size(180.0).show(ui, |ui| {
                actions.extend(panels::problems(ui, &self.scene.problems));
            });
        }
        if let Some(sidebar) = &mut self.sidebar {
            let scene = &mut self.scene;
            let state = self.queue.state();
            // Before the first look nothing is known.
            let free = Some(self.memory.free).filter(|free| *free > 0);
            Panel::left("side").resizable(true).default_size(230.0).size_range(200.0..=480.0).show(ui, |ui| {
                actions.extend(sidebar.show(ui, &scene.catalog, &scene.files, &state, &mut scene.textures, free));
            });
        }
        CentralPanel::no_frame().show(ui, |ui| {
            if self.gallery {
                actions.extend(panels::gallery(ui, &self.templates, &mut self.scene.textures));
            } else {
                self.show_canvas(ui, &mut actions);
            }
        });
        self.overlays(&ctx, &mut actions);
        for action in actions {
            self.carry_out(&ctx, action);
        }
        self.after(&ctx);
    }

    fn show_canvas(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        if self.canvas.arrange(&mut self.scene) | std::mem::take(&mut self.wants_fit) {
            self.canvas.rect = Some(ui.max_rect());
            self.canvas.fit(&self.scene, &[], LEGIBLE);
        }
        let asked = self.canvas.show(ui, &mut self.scene);
        actions.extend(asked.actions);
        if let Some((at, wire)) = asked.palette {
            self.palette = Some(Palette::new(at, wire));
        }
        if let Some((at, node, carried)) = asked.file {
            self.take_file(at, node, &carried);
        }
        if let Some(why) = asked.refusal {
            self.toasts.note(&why);
        }
        if asked.is_settled {
            self.scene.document.settle();
        }
        if self.scene.document.graph().nodes.is_empty() {
            bars::hint(ui);
        }
    }

    /// A file out of the side panel: a value of the node under it, or a node of its own.
    fn take_file(&mut self, at: egui::Pos2, node: Option<String>, carried: &panels::Carried) {
        let Some(rect) = self.canvas.rect else { return };
        let edit = match &node {
            Some(id) => self.scene.gives(id, carried),
            None => panels::node_for(&self.scene.catalog, &self.scene.files, carried).map(|(kind, inputs)| {
                let at = self.canvas.camera.to_graph(rect, at);
                Edit::Add { kind, at, inputs }
            }),
        };
        if edit.is_none() {
            self.toasts.note("No node takes this file");
        }
        if let Some(made) = edit.and_then(|edit| self.edit(edit)) {
            self.scene.selection = node.into_iter().chain(made).collect();
        }
    }

    /// What lies over everything: palette, key map, picture, questions, messages.
    fn overlays(&mut self, ctx: &egui::Context, actions: &mut Vec<Action>) {
        if let Some(mut palette) = self.palette.take() {
            match palette.show(ctx, &self.scene.catalog) {
                Choice::Open => self.palette = Some(palette),
                Choice::Closed => {}
                Choice::Add { kind, port } => self.add_from_palette(ctx, &palette, kind, port),
            }
        }
        if self.keys {
            panels::keys(ctx, &mut self.keys);
        }
        if let Some(report) = &mut self.report
            && !report.show(ctx, &self.scene.said)
        {
            self.report = None;
        }
        if let Some(picture) = &self.viewer
            && !panels::viewer(ctx, picture, &mut self.scene.textures)
        {
            self.viewer = None;
        }
        if let Some(rename) = &mut self.rename {
            match rename.show(ctx, &self.canvas, &self.scene) {
                super::rename::Answer::Open => {}
                super::rename::Answer::Closed => self.rename = None,
                super::rename::Answer::To(edit) => {
                    self.rename = None;
                    actions.push(Action::Edit(edit));
                }
            }
        }
        if let Some(confirm) = self.confirm.take() {
            match confirm.show(ctx) {
                super::confirm::Answer::Open(confirm) => self.confirm = Some(confirm),
                super::confirm::Answer::Cancel => {}
                super::confirm::Answer::Save(then) => self.save_then(ctx, then),
                super::confirm::Answer::Discard(then) => self.carry_out_now(ctx, then),
            }
        }
        actions.extend(self.approval.show(ctx));
        if let Some(carried) = egui::DragAndDrop::payload::<panels::Carried>(ctx) {
            bars::carried(ctx, &carried.entry.name);
        }
        self.toasts.show(ctx);
    }

    /// A node where the palette stood, linked to the wire that opened it.
    fn add_from_palette(&mut self, ctx: &egui::Context, palette: &Palette, kind: String, port: Option<String>) {
        let Some(rect) = self.canvas.rect else { return };
        let at = self.canvas.camera.to_graph(rect, palette.at);
        let inputs = match (&palette.wire, &port) {
            (Some(Wire::From { link, .. }), Some(port)) => {
                vec![(port.clone(), crate::graph::Input::Link(link.clone()))]
            }
            _ => Vec::new(),
        };
        self.gallery = false;
        let Some(made) = self.edit(Edit::Add { kind, at, inputs }) else { return };
        if let (Some(Wire::Into { node, input, .. }), Some(output), Some(new)) = (&palette.wire, port, made.first()) {
            let from = Port { node: new.clone(), name: output, is_output: true };
            let to = Port { node: node.clone(), name: input.clone(), is_output: false };
            self.edit(super::canvas::connect(&from, &to));
        }
        self.scene.selection = made.into_iter().collect();
        ctx.request_repaint();
    }

    /// Carries out one edit. What went wrong is shown.
    pub(super) fn edit(&mut self, edit: Edit) -> Option<Vec<String>> {
        match self.scene.document.edit(edit) {
            Ok(made) => Some(made),
            Err(error) => {
                self.toasts.error(&error);
                None
            }
        }
    }

    fn dropped_files(&mut self, ctx: &egui::Context, actions: &mut Vec<Action>) {
        let (dropped, hovered) =
            ctx.input(|input| (input.raw.dropped_files.clone(), !input.raw.hovered_files.is_empty()));
        actions.extend(dropped.into_iter().filter_map(|file| file.path).map(Action::OpenFile));
        if hovered {
            bars::drop_hint(ctx);
        }
    }

    /// Takes over what the runs of this graph say.
    fn look_at_queue(&mut self) {
        if !self.news.swap(false, Ordering::Relaxed) {
            return;
        }
        let state = self.queue.state();
        self.scene.catalog = Arc::clone(&state.catalog);
        self.approval.look(&self.scene.catalog);
        let last = state.current.as_ref().map(|run| run.id).or_else(|| state.history.last().map(|run| run.id));
        if last.is_some_and(|id| self.runs.contains(&id)) {
            self.scene.states.clone_from(&state.nodes);
            self.scene.pictures.clone_from(&state.pictures);
            self.scene.said.clone_from(&state.said);
        }
    }

    /// What happens beside the frame: check, autosave, title, machine.
    fn after(&mut self, ctx: &egui::Context) {
        let roots = self.options.roots(&self.scene.document.folder());
        self.memory.look(ctx, self.queue.process_id());
        let machine = foresee::Machine {
            gpu: self.queue.state().device == Some(Device::Gpu),
            memory: self.memory.free.saturating_add(self.memory.engine.unwrap_or(0)),
            once: false,
        };
        self.checked.look(ctx, &mut self.scene, &roots, machine);
        self.checked.news().iter().for_each(|other| self.toasts.note(other));
        self.recovery.tick(ctx, &self.scene.document, &mut self.toasts);
        if self.approval.takes_restart() {
            self.queue.restart();
        }
        let settings = Settings {
            is_dark: self.stored.settings().is_dark,
            text: ctx.zoom_factor(),
            sidebar: self.sidebar.is_some(),
        };
        self.keep(settings);
        self.scene.textures.clean();
        let star = if self.scene.document.is_changed() { "• " } else { "" };
        let title =
            if self.gallery { "Weft".to_owned() } else { format!("{star}{} — Weft", self.scene.document.title()) };
        if title != self.title {
            ctx.send_viewport_cmd(egui::ViewportCommand::Title(title.clone()));
            self.title = title;
        }
        if ctx.input(|input| input.viewport().close_requested()) && !self.may_close {
            ctx.send_viewport_cmd(egui::ViewportCommand::CancelClose);
            self.carry_out(ctx, Action::Quit);
        }
        let is_busy = {
            let state = self.queue.state();
            state.current.is_some()
                || !state.waiting.is_empty()
                || matches!(state.engine, crate::queue::EngineState::Starting)
        };
        if is_busy {
            ctx.request_repaint_after(Duration::from_millis(100));
        }
        let found = self.identities.look(ctx, &self.scene, &roots, &self.checked.models, is_busy);
        if let Some((edit, notes)) = found {
            self.scene.document.settle();
            self.edit(edit);
            notes.iter().for_each(|note| self.toasts.note(note));
        }
        if let Some(action) = self.machine.next(ctx, Instant::now(), is_busy) {
            // There is nobody who could be asked.
            self.carry_out_now(ctx, action);
        }
    }
}

impl eframe::App for Editor {
    fn ui(&mut self, ui: &mut Ui, _: &mut eframe::Frame) {
        self.show(ui);
    }
}
