//! What every field is made of: its plate, lines of text in it, small buttons.

use std::sync::Arc;

use egui::text::{LayoutJob, TextWrapping};
use egui::{
    Align, Color32, CornerRadius, FontId, Galley, Id, Rect, Response, Sense, Stroke, StrokeKind, TextStyle, Ui,
    WidgetInfo, WidgetType, pos2,
};

use crate::editor::theme::{FIELD_RADIUS, Theme};

/// Between the border of a field and what it holds, at zoom 1.
pub const PAD: f32 = 9.0;

/// The rounded ground of a field.
pub fn plate(ui: &Ui, rect: Rect, response: &Response, zoom: f32) {
    let theme = Theme::of(ui);
    let is_lit = response.hovered() || response.dragged();
    let line = if response.has_focus() { theme.accent } else { theme.line };
    let fill = if is_lit { theme.hovered } else { theme.field };
    ui.painter().rect(rect, radius(zoom), fill, Stroke::new(1.0, line), StrokeKind::Inside);
}

/// The border of the field that is typed into.
pub fn ring(ui: &Ui, rect: Rect, zoom: f32) {
    ui.painter().rect_stroke(rect, radius(zoom), Stroke::new(1.0, Theme::of(ui).accent), StrokeKind::Inside);
}

pub fn radius(zoom: f32) -> CornerRadius {
    CornerRadius::same((f32::from(FIELD_RADIUS) * zoom).round() as u8)
}

/// The colour of a value: the default steps back a little.
pub fn colour(ui: &Ui, is_default: bool) -> Color32 {
    let theme = Theme::of(ui);
    if is_default { theme.text.lerp_to_gamma(theme.quiet, 0.45) } else { theme.text }
}

fn font(ui: &Ui) -> FontId {
    TextStyle::Body.resolve(ui.style())
}

fn layout(ui: &Ui, text: &str, font: FontId, colour: Color32, width: f32) -> Arc<Galley> {
    let mut job = LayoutJob::simple_singleline(text.to_owned(), font, colour);
    job.wrap = TextWrapping::truncate_at_width(width.max(0.0));
    ui.painter().layout_job(job)
}

/// One line of text at the left or right of `rect`, in the middle of its height, cut at its width. Gives the width
/// that it took.
pub fn line(ui: &Ui, rect: Rect, text: &str, colour: Color32, align: Align) -> f32 {
    line_of(ui, rect, text, font(ui), colour, align)
}

/// The same, of another type.
pub fn line_of(ui: &Ui, rect: Rect, text: &str, font: FontId, colour: Color32, align: Align) -> f32 {
    let galley = layout(ui, text, font, colour, rect.width());
    let size = galley.size();
    let x = if align == Align::Max { rect.max.x - size.x } else { rect.min.x };
    ui.painter().galley(pos2(x, rect.center().y - size.y / 2.0), galley, colour);
    size.x
}

/// A file with its folder, which is quiet and gives way first. Of a long name beginning and end stay: what it is, and
/// which version.
pub fn path(ui: &Ui, rect: Rect, text: &str, colour: Color32) {
    let quiet = Theme::of(ui).quiet;
    let width = |text: &str| layout(ui, text, font(ui), colour, f32::INFINITY).size().x;
    let (folder, name) = text.rfind('/').map_or(("", text), |at| text.split_at(at + 1));
    let room = rect.width() - width(name);
    if room < 0.0 {
        line(ui, rect, &middle_cut(name, |cut| width(cut) <= rect.width()), colour, Align::Min);
        return;
    }
    let folder = if width(folder) <= room { folder.to_owned() } else { end_of(folder, |cut| width(cut) <= room) };
    let taken = line(ui, rect, &folder, quiet.gamma_multiply(0.8), Align::Min);
    line(ui, rect.with_min_x(rect.min.x + taken), name, colour, Align::Min);
}

/// The longest end with an ellipsis before it that fits; nothing where that would be no more than its slash.
fn end_of(text: &str, fits: impl Fn(&str) -> bool) -> String {
    let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let cut = |at: usize| format!("…{}", &text[at..]);
    let first = starts.partition_point(|&at| !fits(&cut(at)));
    starts.get(first).filter(|_| first + 3 < starts.len()).map_or(String::new(), |&at| cut(at))
}

/// The text with as much left out of its middle as has to be.
pub fn middle_cut(text: &str, fits: impl Fn(&str) -> bool) -> String {
    let chars: Vec<char> = text.chars().collect();
    let cut = |kept: usize| {
        let (first, last) = (kept.div_ceil(2), kept / 2);
        let end = &chars[chars.len() - last..];
        chars[..first].iter().chain(&['…']).chain(end).collect::<String>()
    };
    let kept: Vec<usize> = (0..chars.len()).collect();
    cut(kept.partition_point(|&kept| fits(&cut(kept))).saturating_sub(1))
}

/// A button of one icon, with its name for those who do not see it.
pub fn icon(ui: &Ui, rect: Rect, id: Id, icon: &str, colour: Color32, name: &str) -> Response {
    let response = ui.interact(rect, id, Sense::click());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, ui.is_enabled(), name));
    let theme = Theme::of(ui);
    if response.hovered() || response.has_focus() {
        let radius = CornerRadius::same((rect.height() * 0.2) as u8);
        ui.painter().rect_filled(rect.shrink(rect.height() * 0.06), radius, theme.hovered);
    }
    let colour = if response.hovered() { theme.text } else { colour };
    // By what is seen of it: the line that an icon stands on leaves more room above it than below.
    let size = (font(ui).size * 1.2).min(rect.height() * 0.9).min(rect.width());
    let galley = ui.painter().layout_no_wrap(icon.to_owned(), FontId::proportional(size), colour);
    let at = rect.center() - galley.mesh_bounds.center().to_vec2();
    ui.painter().galley(at, galley, colour);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_keep_both_ends() {
        let fits = |most: usize| move |text: &str| text.chars().count() <= most;
        assert_eq!(middle_cut("detailer_v2_00012", fits(9)), "deta…0012");
        assert_eq!(middle_cut("détail", fits(6)), "dét…il");
        assert_eq!(middle_cut("detail", fits(0)), "…");
        assert_eq!(end_of("people/styles/", fits(9)), "…/styles/");
        assert_eq!(end_of("styles/", fits(2)), "");
        assert_eq!(end_of("", fits(2)), "");
    }
}
