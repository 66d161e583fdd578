//! What each action does. The one place that changes the document and what is shown.

use std::path::PathBuf;
use std::sync::Arc;

use egui::{Context, Event};

use super::Action;
use super::action::ENTRIES;
use super::app::Editor;
use super::canvas;
use super::confirm::Confirm;
use super::dialog::Dialog;
use super::panels::{Report, Sidebar};
use super::rename::Rename;
use super::scene::Scene;
use super::settings::Settings;
use super::theme;
use crate::document::{Document, Edit, Mode, Recovered};
use crate::graph::Graph;
use crate::library;
use crate::plugins::{Decision, Store};
use crate::queue::{Order, Picture};

impl Editor {
    /// Does what was asked for; first asks where unsaved work would be lost.
    pub(super) fn carry_out(&mut self, ctx: &Context, action: Action) {
        let replaces = match &action {
            Action::New | Action::OpenTemplate(_) | Action::Restore(_) | Action::Recover(_) | Action::Quit => true,
            Action::OpenFile(path) => super::opening::holds_graph(path),
            _ => false,
        };
        if replaces && self.scene.document.is_changed() {
            self.confirm = Some(Confirm::new(self.scene.document.title(), action));
        } else {
            self.carry_out_now(ctx, action);
        }
    }

    pub(super) fn carry_out_now(&mut self, ctx: &Context, action: Action) {
        match action {
            Action::New => self.replace(Document::empty()),
            Action::Open => self.dialog = Some(Dialog::open(&self.scene.document.folder())),
            Action::OpenFile(path) => self.open(ctx, path),
            Action::OpenTemplate(path) => self.open_template(path),
            Action::Restore(graph) => {
                self.replace(Document::untitled(Graph::clone(&graph), Some(self.scene.document.folder())))
            }
            Action::Save => self.save(None),
            Action::SaveAs => self.dialog = Some(Dialog::save(&self.scene.document)),
            Action::SaveTo(path) => self.save(Some(path)),
            Action::Undo | Action::Redo => self.step_back(action == Action::Undo),
            Action::Cut => {
                self.copy(ctx);
                self.remove_selection();
            }
            Action::Copy => self.copy(ctx),
            Action::Paste | Action::PasteWithLinks => {
                self.paste_links = action == Action::PasteWithLinks;
                ctx.send_viewport_cmd(egui::ViewportCommand::RequestPaste);
            }
            Action::PasteText { text, links } => self.paste(ctx, text, links),
            Action::Duplicate => self.duplicate(),
            Action::SelectAll => self.scene.selection = self.scene.document.graph().nodes.keys().cloned().collect(),
            Action::Delete => self.remove_selection(),
            Action::Mute => self.toggle_mode(Mode::Muted),
            Action::Bypass => self.toggle_mode(Mode::Bypassed),
            Action::Collapse => self.toggle_collapse(),
            Action::Search => self.search(ctx),
            Action::Fit => self.canvas.fit(&self.scene, &[], 0.0),
            Action::FitSelection => {
                let chosen: Vec<String> = self.scene.selection.iter().cloned().collect();
                self.canvas.fit(&self.scene, &chosen, 0.0);
            }
            Action::ZoomReset => {
                if let Some(rect) = self.canvas.rect {
                    let factor = 1.0 / self.canvas.camera.zoom;
                    self.canvas.camera.zoom_at(rect, rect.center(), factor);
                }
            }
            Action::Run => self.run(false),
            Action::RunFirst => self.run(true),
            Action::Interrupt => self.queue.interrupt(),
            Action::Unqueue(id) => self.queue.remove(id),
            Action::ClearQueue => self.queue.clear(),
            Action::Refresh => {
                self.scene.files.refresh();
                self.checked.forget();
                self.toasts.note("The model folders were read again");
            }
            Action::Templates => self.gallery = !self.gallery,
            Action::Keys => self.keys = !self.keys,
            Action::Theme => {
                let is_dark = !theme::is_dark(ctx);
                ctx.set_theme(if is_dark { egui::Theme::Dark } else { egui::Theme::Light });
                let settings = Settings { is_dark: Some(is_dark), ..self.stored.settings() };
                self.keep(settings);
            }
            Action::TextLarger => ctx.set_zoom_factor((ctx.zoom_factor() + 0.1).min(2.5)),
            Action::TextSmaller => ctx.set_zoom_factor((ctx.zoom_factor() - 0.1).max(0.6)),
            Action::TextNormal => ctx.set_zoom_factor(1.0),
            Action::Sidebar => self.sidebar = if self.sidebar.is_some() { None } else { Some(Sidebar::default()) },
            Action::Problems => self.problems = !self.problems,
            Action::Quit => {
                self.may_close = true;
                self.recovery.finish();
                ctx.send_viewport_cmd(egui::ViewportCommand::Close);
            }
            Action::Jump(node) => {
                self.gallery = false;
                self.canvas.fit(&self.scene, std::slice::from_ref(&node), 0.0);
                self.scene.selection = [node].into();
            }
            Action::AddNode { kind, inputs } => {
                self.gallery = false;
                let at = canvas::middle(&self.canvas);
                if let Some(made) = self.edit(Edit::Add { kind, at, inputs }) {
                    self.scene.selection = made.into_iter().collect();
                }
            }
            Action::View(path) => match Picture::open(&path) {
                Some(picture) => self.viewer = Some(Arc::new(picture)),
                None => self.toasts.note(&format!("{} cannot be shown: it is gone, or no picture", path.display())),
            },
            Action::ViewNode(node) => self.viewer = self.scene.pictures.get(&node).cloned(),
            Action::ViewSaid { node, report } => self.report = Some(Report::new(node, report)),
            Action::ShowInFolder(path) => super::reveal::show(&path, &mut self.toasts),
            Action::StartRename(node) => self.rename = Some(Rename::new(node)),
            Action::Recover(left) => self.recover(*left),
            Action::Decide { file, sha256, decision } => self.decide(&file, &sha256, decision),
            Action::Edit(edit) => {
                self.edit(edit);
            }
        }
    }

    /// Writes the settings where they have changed.
    pub(super) fn keep(&mut self, settings: Settings) {
        if let Err(why) = self.stored.keep(settings) {
            self.toasts.note(&why);
        }
    }

    /// Keeps what was decided of a library. What was approved is opened by the engine that starts behind the last
    /// question.
    fn decide(&mut self, file: &str, sha256: &str, decision: Decision) {
        let Some(folder) = &self.options.trust else { return };
        match Store::decide_in(folder, file, sha256, decision) {
            Ok(()) if decision == Decision::Trusted => self.approval.approved(),
            Ok(()) => {}
            Err(error) => self.toasts.error(&error),
        }
    }

    /// What the keys ask for. Keys without Ctrl or Cmd belong to a text that is being edited.
    pub(super) fn keyboard(&mut self, ctx: &Context) -> Vec<Action> {
        let mut actions = Vec::new();
        let typing = ctx.text_edit_focused();
        let is_covered = self.approval.is_open()
            || self.palette.is_some()
            || self.confirm.is_some()
            || self.viewer.is_some()
            || self.rename.is_some();
        if is_covered {
            return actions;
        }
        // The clipboard's keys come as events of their own.
        if !typing {
            let links = std::mem::take(&mut self.paste_links);
            ctx.input_mut(|input| {
                let shift = input.modifiers.shift;
                input.events.retain(|event| {
                    match event {
                        Event::Copy => actions.push(Action::Copy),
                        Event::Cut => actions.push(Action::Cut),
                        Event::Paste(text) => {
                            actions.push(Action::PasteText { text: text.clone(), links: links || shift });
                        }
                        _ => return true,
                    }
                    false
                });
            });
        }
        // Ctrl+Z matches Ctrl+Shift+Z as well: the longer ones are asked first.
        for with_shift in [true, false] {
            for (entry, keys) in ENTRIES.iter().flat_map(|entry| entry.keys.iter().map(move |keys| (entry, keys))) {
                let belongs_to_text =
                    keys.modifiers.command_only() && is_of_texts(&entry.action) || !keys.modifiers.command;
                if keys.modifiers.shift != with_shift || is_of_clipboard(&entry.action) || (typing && belongs_to_text) {
                    continue;
                }
                if ctx.input_mut(|input| input.consume_shortcut(keys)) {
                    actions.push(entry.action.clone());
                }
            }
        }
        actions
    }

    /// Another document in place of this one.
    pub(super) fn replace(&mut self, document: Document) {
        let roots = self.options.roots(&document.folder());
        let catalog = Arc::clone(&self.scene.catalog);
        self.scene = Scene::new(crate::library::Library::new(roots));
        self.scene.catalog = catalog;
        self.scene.document = document;
        // The one before was saved or given up: it need not be recovered.
        self.recovery.saved();
        self.runs.clear();
        self.report = None;
        self.checked.forget();
        self.gallery = false;
        self.wants_fit = true;
    }

    fn open(&mut self, ctx: &Context, path: PathBuf) {
        match super::opening::open(&path, &self.templates) {
            Ok(opened) => {
                self.replace(opened.document);
                if let Some(note) = opened.note {
                    self.toasts.note(&note);
                }
            }
            Err(error) => match super::opening::as_input(&path, &self.scene).filter(|_| !self.gallery) {
                Some(add) => {
                    self.carry_out_now(ctx, add);
                    self.toasts.note(&format!("{}: it is an input of the graph now", error.what));
                }
                None => self.toasts.error(&error),
            },
        }
    }

    /// What was left takes the place of the open graph, and is as unsaved as it was.
    fn recover(&mut self, left: Recovered) {
        match Document::recovered(&left.text, left.path.clone()) {
            Ok(document) => {
                self.replace(document);
                self.recovery.restored(left);
            }
            Err(error) => self.toasts.error(&error),
        }
    }

    /// A template opens as a new graph: saving asks for a name and leaves the template alone.
    fn open_template(&mut self, path: PathBuf) {
        match Graph::open(&path) {
            Ok(graph) => self.replace(Document::untitled(graph, path.parent().map(PathBuf::from))),
            Err(error) => self.toasts.error(&error),
        }
    }

    fn save(&mut self, to: Option<PathBuf>) {
        let Some(path) = to.or_else(|| self.scene.document.path().map(PathBuf::from)) else {
            self.dialog = Some(Dialog::save(&self.scene.document));
            return;
        };
        self.scene.document.name_plugins(&self.scene.catalog);
        self.write_identities();
        match self.scene.document.save(&path) {
            Ok(()) => {
                self.recovery.saved();
                self.toasts.note(&format!("Saved {}", path.display()));
                self.pending.extend(self.after_save.take());
            }
            Err(error) => {
                self.after_save = None;
                self.toasts.error(&error);
            }
        }
    }

    /// What is known of the model files goes into the file; nothing is hashed for it now.
    fn write_identities(&mut self) {
        let roots = self.options.roots(&self.scene.document.folder());
        let mut graph = self.scene.document.graph().clone();
        let hashes = self.identities.hashes();
        library::write_identities(&mut graph, &self.scene.catalog, &roots, |path| hashes.known(path));
        self.scene.document.set_identities(&graph.identities());
    }

    /// Saves, and when that is done goes on with what was asked for.
    pub(super) fn save_then(&mut self, ctx: &Context, then: Action) {
        self.after_save = Some(then);
        self.save(None);
        ctx.request_repaint();
    }

    fn step_back(&mut self, undo: bool) {
        let document = &mut self.scene.document;
        let has_changed = if undo { document.undo() } else { document.redo() };
        if has_changed {
            let nodes = &document.graph().nodes;
            self.scene.selection.retain(|id| nodes.contains_key(id));
        }
    }

    fn selected(&self) -> Vec<String> {
        self.scene.selection.iter().cloned().collect()
    }

    fn copy(&self, ctx: &Context) {
        let selected = self.selected();
        if !selected.is_empty() {
            ctx.copy_text(self.scene.document.copy(&selected));
        }
    }

    fn paste(&mut self, ctx: &Context, text: String, links: bool) {
        let pointer = ctx.pointer_hover_pos().zip(self.canvas.rect).filter(|(at, rect)| rect.contains(*at));
        let at = pointer.map(|(at, rect)| self.canvas.camera.to_graph(rect, at));
        self.gallery = false;
        if let Some(made) = self.edit(Edit::Paste { text, at, links }) {
            self.scene.selection = made.into_iter().collect();
        }
    }

    fn duplicate(&mut self) {
        let selected = self.selected();
        if selected.is_empty() {
            return;
        }
        let text = self.scene.document.copy(&selected);
        if let Some(made) = self.edit(Edit::Paste { text, at: None, links: true }) {
            self.scene.selection = made.into_iter().collect();
        }
    }

    fn remove_selection(&mut self) {
        let selected = self.selected();
        if !selected.is_empty() {
            self.edit(Edit::Remove(selected));
            self.scene.selection.clear();
        }
    }

    /// All of the selection to `mode`, or back where all of it is there.
    fn toggle_mode(&mut self, mode: Mode) {
        let nodes = self.selected();
        let all = nodes.iter().all(|id| self.scene.document.mode(id) == mode);
        let mode = if all { Mode::Active } else { mode };
        if !nodes.is_empty() {
            self.edit(Edit::Mode { nodes, mode });
        }
    }

    fn toggle_collapse(&mut self) {
        let nodes = self.selected();
        let collapsed = !nodes.iter().all(|id| self.scene.document.is_collapsed(id));
        if !nodes.is_empty() {
            self.edit(Edit::Collapse { nodes, collapsed });
        }
    }

    fn search(&mut self, ctx: &Context) {
        let rect = self.canvas.rect.unwrap_or(ctx.content_rect());
        let at = ctx.pointer_hover_pos().filter(|at| rect.contains(*at)).unwrap_or(rect.center());
        self.gallery = false;
        self.palette = Some(super::palette::Palette::new(at, None));
    }

    /// Seeds are drawn first, so that what is shown is what runs.
    fn run(&mut self, first: bool) {
        if self.scene.document.graph().nodes.is_empty() {
            self.toasts.note("There is nothing to run yet: add nodes, or open a template");
            return;
        }
        self.gallery = false;
        self.scene.document.settle();
        self.scene.document.draw_seeds();
        self.scene.document.settle();
        self.scene.remember_seeds();
        // The text that a save would write: so the picture carries the same graph as that of `weft run`.
        let graph = match Graph::parse(&self.scene.document.text(), &self.scene.document.title()) {
            Ok(graph) => graph,
            Err(error) => return self.toasts.error(&error),
        };
        let roots = self.options.roots(&self.scene.document.folder());
        let order = Order {
            title: self.scene.document.title(),
            graph: Arc::new(graph),
            roots,
            output: self.options.output.clone(),
        };
        let id = self.queue.push(order, first);
        self.runs.insert(id);
    }
}

/// The clipboard's keys come as events.
fn is_of_clipboard(action: &Action) -> bool {
    matches!(action, Action::Cut | Action::Copy | Action::Paste | Action::PasteWithLinks)
}

/// A text that is being edited has an undo of its own.
fn is_of_texts(action: &Action) -> bool {
    matches!(action, Action::Undo | Action::Redo | Action::SelectAll)
}
