//! Messages that come up at the lower edge: notes go by themselves, errors stay until they are closed.

use std::time::{Duration, Instant};

use egui::{Align2, Area, Context, Frame, Id, Order, RichText, Stroke, vec2};
use egui_phosphor::regular as icon;

use super::theme::{self, Theme};
use crate::error::Error;

#[derive(Default)]
pub struct Toasts {
    shown: Vec<Toast>,
    next: u64,
}

struct Toast {
    id: u64,
    what: String,
    more: String,
    /// None stays.
    until: Option<Instant>,
}

const NOTE: Duration = Duration::from_secs(5);
/// More than this hide the graph.
const MOST: usize = 4;

impl Toasts {
    pub fn note(&mut self, what: &str) {
        self.push(what.to_owned(), String::new(), Some(Instant::now() + NOTE));
    }

    pub fn error(&mut self, error: &Error) {
        let error = error.clone().with_help();
        let more: Vec<&str> = [&error.place, &error.cause, &error.help]
            .into_iter()
            .map(String::as_str)
            .filter(|text| !text.is_empty())
            .collect();
        self.push(error.what.clone(), more.join("\n"), None);
    }

    fn push(&mut self, what: String, more: String, until: Option<Instant>) {
        self.shown.retain(|toast| toast.what != what);
        self.shown.push(Toast { id: self.next, what, more, until });
        self.next += 1;
        let surplus = self.shown.len().saturating_sub(MOST);
        self.shown.drain(..surplus);
    }

    pub fn show(&mut self, ctx: &Context) {
        let now = Instant::now();
        self.shown.retain(|toast| toast.until.is_none_or(|until| until > now));
        if let Some(next) = self.shown.iter().filter_map(|toast| toast.until).min() {
            ctx.request_repaint_after(next - now);
        }
        let mut closed = None;
        let mut offset = -46.0;
        for toast in self.shown.iter().rev() {
            let area = Area::new(Id::new(("toast", toast.id)))
                .order(Order::Foreground)
                .anchor(Align2::CENTER_BOTTOM, vec2(0.0, offset))
                .show(ctx, |ui| {
                    let theme = Theme::of(ui);
                    let is_error = toast.until.is_none();
                    let color = if is_error { theme.error } else { theme.line };
                    Frame::popup(ui.style()).fill(theme.raised).stroke(Stroke::new(1.0, color)).inner_margin(10).show(
                        ui,
                        |ui| {
                            ui.set_max_width(520.0);
                            ui.horizontal(|ui| {
                                if is_error {
                                    ui.label(RichText::new(icon::WARNING_CIRCLE).color(theme.error).size(18.0));
                                }
                                ui.vertical(|ui| {
                                    ui.set_max_width(440.0);
                                    ui.label(&toast.what);
                                    if !toast.more.is_empty() {
                                        ui.label(RichText::new(&toast.more).size(theme::SMALL).color(theme.quiet));
                                    }
                                });
                                if is_error && super::bars::icon_button(ui, icon::X, "Close the message").clicked() {
                                    closed = Some(toast.id);
                                }
                            });
                        },
                    );
                });
            offset -= area.response.rect.height() + 8.0;
        }
        self.shown.retain(|toast| Some(toast.id) != closed);
    }
}
