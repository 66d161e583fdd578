//! Autosave, and what an editor that was killed left behind.

use std::path::PathBuf;
use std::time::Instant;

use egui::{Panel, RichText, Ui};

use super::Action;
use super::theme::Theme;
use super::toasts::Toasts;
use crate::document::{Document, Journal, Recovered, recover};

/// The journal of this window, and those that were left.
#[derive(Default)]
pub struct Recovery {
    journal: Option<Journal>,
    left: Vec<Recovered>,
    /// What was restored and not saved since: it stays where it is until then.
    restored: Vec<Recovered>,
    has_failed: bool,
    /// Why there is no journal; told once.
    is_off: Option<std::io::Error>,
}

impl Recovery {
    /// `root` is where journals lie; none keeps none.
    pub fn start(root: Option<PathBuf>) -> Self {
        let Some(root) = root else { return Self::default() };
        let left = recover(&root);
        match Journal::start(root) {
            Ok(journal) => Self { journal: Some(journal), left, ..Self::default() },
            Err(error) => Self { left, is_off: Some(error), ..Self::default() },
        }
    }

    /// A bar while there is something to be had back. Whether it changed.
    pub fn show(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) -> bool {
        let Some(newest) = self.left.first() else { return false };
        let mut done = None;
        Panel::top("recovery").frame(super::bars::frame(ui)).show(ui, |ui| {
            let theme = Theme::of(ui);
            ui.horizontal_wrapped(|ui| {
                let name = newest.path.as_ref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy());
                let name = name.unwrap_or("a graph without a name".into());
                ui.label(
                    RichText::new(egui_phosphor::regular::CLOCK_COUNTER_CLOCKWISE).color(theme.warning).size(16.0),
                );
                ui.label(format!("Weft ended while {name} had changes that were not saved."));
                if ui.button("Restore").clicked() {
                    done = Some(true);
                }
                if ui.button("Discard").clicked() {
                    done = Some(false);
                }
            });
        });
        let Some(restore) = done else { return false };
        if !self.left.is_empty() {
            let left = self.left.remove(0);
            if restore {
                actions.push(Action::Recover(Box::new(left)));
            } else {
                discard(left);
            }
        }
        true
    }

    /// Writes the document to the journal when that is due.
    pub fn tick(&mut self, ctx: &egui::Context, document: &Document, toasts: &mut Toasts) {
        if let Some(error) = self.is_off.take() {
            toasts.note(&format!("Autosave does not work: {}", crate::error::io_cause(&error)));
        }
        let Some(journal) = &mut self.journal else { return };
        match journal.tick(document, Instant::now()) {
            Ok(Some(next)) => ctx.request_repaint_after(next),
            Ok(None) => self.has_failed = false,
            Err(error) if !std::mem::replace(&mut self.has_failed, true) => {
                toasts.note(&format!("Autosave does not work: {}", crate::error::io_cause(&error)));
            }
            Err(_) => {}
        }
    }

    /// Keeps what was restored until the graph is saved.
    pub fn restored(&mut self, left: Recovered) {
        self.restored.push(left);
    }

    /// What was saved need not be recovered.
    pub fn saved(&mut self) {
        if let Some(journal) = &mut self.journal {
            drop(journal.saved());
        }
        self.restored.drain(..).for_each(discard);
    }

    /// The editor ends as it should.
    pub fn finish(&mut self) {
        if let Some(journal) = self.journal.take() {
            drop(journal.finish());
        }
        self.restored.drain(..).for_each(discard);
    }
}

/// What cannot be removed is offered again at the next start.
fn discard(left: Recovered) {
    drop(left.discard());
}
