//! The system's dialogs for opening and saving, which run beside the window; where the system has none, a field for the path.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::{Duration, Instant};

use egui::{Id, Key, Modal, RichText, TextEdit};
use rfd::{AsyncFileDialog, FileHandle};

use super::Action;
use super::theme::{self, Theme};
use crate::document::Document;

/// An open dialog.
pub struct Dialog {
    shown: Shown,
    title: &'static str,
    /// What the field begins with.
    path: PathBuf,
    then: fn(PathBuf) -> Action,
}

enum Shown {
    System { answer: Pin<Box<dyn Future<Output = Option<FileHandle>>>>, since: Instant },
    Field { text: String, is_new: bool },
}

/// No one closes a dialog faster than this: then there was none.
const AT_ONCE: Duration = Duration::from_millis(250);

impl Dialog {
    pub fn open(folder: &Path) -> Self {
        let dialog = AsyncFileDialog::new()
            .set_title("Open a graph or a picture")
            .set_directory(folder)
            .add_filter("Graphs and pictures", &["ron", "png", "jpg", "jpeg", "webp"]);
        let shown = Shown::System { answer: Box::pin(dialog.pick_file()), since: Instant::now() };
        Self { shown, title: "Open a graph or a picture", path: folder.to_owned(), then: Action::OpenFile }
    }

    pub fn save(document: &Document) -> Self {
        let name = document.path().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_else(|| format!("{}.ron", document.title()));
        let dialog = AsyncFileDialog::new()
            .set_title("Save the graph")
            .set_directory(document.folder())
            .set_file_name(&name)
            .add_filter("Graph", &["ron"]);
        let shown = Shown::System { answer: Box::pin(dialog.save_file()), since: Instant::now() };
        let then =
            |path: PathBuf| Action::SaveTo(if path.extension().is_none() { path.with_extension("ron") } else { path });
        Self { shown, title: "Save the graph", path: document.folder().join(name), then }
    }

    /// None while it is open; then what was chosen, if anything was.
    pub fn poll(&mut self, ctx: &egui::Context) -> Option<Option<Action>> {
        match &mut self.shown {
            Shown::System { answer, since } => {
                match answer.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())) {
                    Poll::Ready(None) if since.elapsed() < AT_ONCE => {
                        self.shown = Shown::Field { text: self.path.display().to_string(), is_new: true };
                        None
                    }
                    Poll::Ready(chosen) => Some(chosen.map(|file| (self.then)(file.path().to_owned()))),
                    Poll::Pending => {
                        ctx.request_repaint_after(Duration::from_millis(50));
                        None
                    }
                }
            }
            Shown::Field { text, is_new } => {
                let chosen = field(ctx, self.title, text, is_new)?;
                Some(chosen.map(|path| (self.then)(path)))
            }
        }
    }
}

/// None while the field is open.
fn field(ctx: &egui::Context, title: &str, text: &mut String, is_new: &mut bool) -> Option<Option<PathBuf>> {
    let mut answer = None;
    let modal = Modal::new(Id::new("path")).show(ctx, |ui| {
        let theme = Theme::of(ui);
        ui.set_width(460.0);
        ui.label(RichText::new(title).size(theme::HEADING - 2.0));
        let edit = ui.add(TextEdit::singleline(text).desired_width(f32::INFINITY));
        edit.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::TextEdit, true, "path"));
        if std::mem::take(is_new) {
            edit.request_focus();
        }
        let is_entered = edit.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let missing = "This system has no file dialog (xdg-desktop-portal or zenity), so the path is typed.";
        ui.label(RichText::new(missing).size(theme::SMALL).color(theme.quiet));
        ui.horizontal(|ui| {
            if (ui.button("OK").clicked() || is_entered) && !text.trim().is_empty() {
                answer = Some(Some(PathBuf::from(text.trim())));
            }
            if ui.button("Cancel").clicked() {
                answer = Some(None);
            }
        });
    });
    if modal.should_close() && answer.is_none() { Some(None) } else { answer }
}
