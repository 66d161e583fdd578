//! The question before unsaved work would be lost.

use egui::{Button, Context, Id, Modal, RichText};

use super::Action;
use super::theme::{self, Theme};

/// An open question.
pub struct Confirm {
    title: String,
    /// What was asked for.
    then: Action,
}

pub enum Answer {
    Open(Confirm),
    Cancel,
    Save(Action),
    Discard(Action),
}

impl Confirm {
    pub fn new(title: String, then: Action) -> Self {
        Self { title, then }
    }

    pub fn show(self, ctx: &Context) -> Answer {
        let mut answer = None;
        let modal = Modal::new(Id::new("unsaved")).show(ctx, |ui| {
            let theme = Theme::of(ui);
            ui.set_width(340.0);
            ui.label(RichText::new(format!("Save the changes to {}?", self.title)).size(theme::HEADING - 2.0));
            ui.label(RichText::new("What is not saved is lost.").color(theme.quiet));
            ui.add_space(theme::SPACE);
            ui.horizontal(|ui| {
                let save = Button::new(RichText::new("Save").color(theme.on_accent)).fill(theme.accent);
                let save = ui.add(save);
                if save.clicked() {
                    answer = Some(true);
                }
                // Enter saves, and Tab goes on from there.
                if ui.memory(|memory| memory.focused().is_none()) {
                    save.request_focus();
                }
                if ui.button("Do not save").clicked() {
                    answer = Some(false);
                }
                if ui.button("Cancel").clicked() {
                    ui.close();
                }
            });
        });
        match answer {
            Some(true) => Answer::Save(self.then),
            Some(false) => Answer::Discard(self.then),
            None if modal.should_close() => Answer::Cancel,
            None => Answer::Open(self),
        }
    }
}
