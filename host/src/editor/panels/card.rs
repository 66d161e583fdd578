//! What the panels are made of: text that stays in its place, rows and cards that can be clicked, pictures that fill
//! a rectangle.

use std::sync::Arc;

use egui::text::{LayoutJob, TextWrapping};
use egui::{
    Align2, CollapsingHeader, Color32, CornerRadius, Galley, Image, Pos2, Rect, Response, RichText, Sense, Stroke,
    StrokeKind, TextEdit, TextStyle, TextureHandle, Ui, Vec2, WidgetInfo, WidgetType, pos2, vec2,
};
use egui_phosphor::regular as icon;

use crate::editor::theme::{FIELD, FIELD_RADIUS, GAP, RADIUS, SPACE, Theme};
use crate::text::printable;

/// Text of at most `rows` rows, none wider than `width`; what does not fit ends with an ellipsis.
pub fn text(ui: &Ui, text: &str, style: &TextStyle, color: Color32, width: f32, rows: usize) -> Arc<Galley> {
    let mut job = LayoutJob::simple(printable(text), style.resolve(ui.style()), color, width.max(1.0));
    job.wrap =
        TextWrapping { max_rows: rows, break_anywhere: rows == 1, ..TextWrapping::wrap_at_width(width.max(1.0)) };
    ui.painter().layout_job(job)
}

/// One line of text, with `at` being that corner or edge of it. Gives the rectangle that it fills.
pub fn line(ui: &Ui, at: Pos2, align: Align2, said: &str, style: &TextStyle, color: Color32, width: f32) -> Rect {
    let galley = text(ui, said, style, color, width, 1);
    let rect = align.anchor_size(at, galley.size());
    ui.painter().galley(rect.min, galley, color);
    rect
}

/// Height of a row of this type.
pub fn height(ui: &Ui, style: &TextStyle) -> f32 {
    ui.text_style_height(style)
}

/// Height of a row with an action in a list.
pub fn row_height(ui: &Ui) -> f32 {
    FIELD.max(height(ui, &TextStyle::Body) + GAP)
}

/// Makes a rectangle a button with a name for those who cannot see it.
pub fn button(ui: &Ui, rect: Rect, salt: impl egui::AsIdSalt, name: &str) -> Response {
    let response = ui.interact(rect, ui.make_persistent_id(salt), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, ui.is_enabled(), printable(name)));
    response.on_hover_cursor(egui::CursorIcon::PointingHand)
}

/// The background of a row in a list, where the pointer or the keyboard is at it.
pub fn row_background(ui: &Ui, response: &Response) {
    let theme = Theme::of(ui);
    if response.hovered() || response.is_pointer_button_down_on() {
        ui.painter().rect_filled(response.rect, FIELD_RADIUS, theme.hovered);
    }
    focus(ui, response, FIELD_RADIUS);
}

/// The background of a card.
pub fn card(ui: &Ui, rect: Rect, response: Option<&Response>) {
    let theme = Theme::of(ui);
    let is_hovered = response.is_some_and(Response::hovered);
    let line = if is_hovered { theme.quiet.gamma_multiply(0.6) } else { theme.line };
    ui.painter().rect(rect, RADIUS, theme.raised, Stroke::new(1.0, line), StrokeKind::Inside);
    if let Some(response) = response {
        focus(ui, response, RADIUS);
    }
}

fn focus(ui: &Ui, response: &Response, radius: u8) {
    if response.has_focus() {
        let stroke = Stroke::new(2.0, Theme::of(ui).accent);
        ui.painter().rect_stroke(response.rect, radius, stroke, StrokeKind::Inside);
    }
}

/// A small button that is an icon.
pub fn icon_button(ui: &Ui, center: Pos2, salt: impl egui::AsIdSalt, glyph: &str, name: &str) -> Response {
    let rect = Rect::from_center_size(center, Vec2::splat(row_height(ui)));
    let response = button(ui, rect, salt, name);
    row_background(ui, &response);
    let theme = Theme::of(ui);
    let color = if response.hovered() { theme.text } else { theme.quiet };
    line(ui, center, Align2::CENTER_CENTER, glyph, &TextStyle::Body, color, rect.width());
    response.on_hover_text(name)
}

/// The button that one should see first.
pub fn accent_button(ui: &mut Ui, said: &str) -> Response {
    let theme = Theme::of(ui);
    let text = RichText::new(said).color(theme.on_accent);
    ui.add(egui::Button::new(text).fill(theme.accent).stroke(Stroke::NONE).min_size(vec2(0.0, FIELD)))
}

/// Small text for what need not be read.
pub fn quiet(ui: &mut Ui, said: &str) -> Response {
    let text = RichText::new(printable(said)).color(Theme::of(ui).quiet).text_style(TextStyle::Small);
    ui.add(egui::Label::new(text).wrap().selectable(false))
}

/// The name of a group of rows: small, in capitals and apart, so that it is no row itself.
pub fn heading(ui: &Ui, said: &str) -> RichText {
    let text = printable(&said.to_uppercase());
    RichText::new(text).color(Theme::of(ui).quiet).text_style(TextStyle::Small).extra_letter_spacing(0.8)
}

/// A group of rows under its name, which folds it. `open` says where it is not the user's to say.
pub fn group(ui: &mut Ui, said: &str, salt: &str, open: Option<bool>, rows: impl FnOnce(&mut Ui)) {
    ui.add_space(GAP);
    let header = CollapsingHeader::new(heading(ui, said)).id_salt(salt).default_open(true).open(open);
    let shown = header.show_unindented(ui, rows);
    shown.header_response.widget_info(|| WidgetInfo::labeled(WidgetType::CollapsingHeader, true, printable(said)));
}

/// Says what to do where there is nothing to show.
pub fn nothing(ui: &mut Ui, glyph: &str, said: &str) {
    let theme = Theme::of(ui);
    ui.add_space(SPACE * 2.0);
    ui.vertical_centered(|ui| {
        ui.add(egui::Label::new(RichText::new(glyph).heading().color(theme.quiet)).selectable(false));
        ui.add(egui::Label::new(RichText::new(said).color(theme.quiet)).wrap().selectable(false));
    });
}

/// The line that searches a list.
pub fn search(ui: &mut Ui, query: &mut String, hint: &'static str) -> Response {
    let theme = Theme::of(ui);
    let glyph = RichText::new(icon::MAGNIFYING_GLASS).color(theme.quiet);
    let edit = TextEdit::singleline(query).hint_text(hint).prefix(glyph).desired_width(f32::INFINITY);
    let response = ui.add(edit.margin(egui::Margin::symmetric(GAP as i8, 4)));
    let said = query.clone();
    response.widget_info(|| WidgetInfo {
        label: Some(hint.to_owned()),
        ..WidgetInfo::text_edit(true, said.clone(), said.clone(), hint)
    });
    response
}

/// Whether every word of the query stands in one of the texts, whatever the case.
pub fn finds(query: &str, texts: &[&str]) -> bool {
    if query.trim().is_empty() {
        return true;
    }
    let query = query.to_lowercase();
    let texts: Vec<String> = texts.iter().map(|text| text.to_lowercase()).collect();
    query.split_whitespace().all(|word| texts.iter().any(|text| text.contains(word)))
}

/// Room for `count` rows; only those in sight are drawn.
pub fn rows(ui: &mut Ui, count: usize, height: f32, mut row: impl FnMut(&mut Ui, usize, Rect)) {
    let width = ui.available_width();
    let (_, all) = ui.allocate_space(vec2(width, height * count as f32));
    let clip = ui.clip_rect();
    let index = |y: f32| (((y - all.top()) / height).max(0.0) as usize).min(count);
    for index in index(clip.top())..(index(clip.bottom()) + 1).min(count) {
        row(ui, index, Rect::from_min_size(pos2(all.left(), all.top() + height * index as f32), vec2(width, height)));
    }
}

/// Fills a rectangle with the middle of a picture; what is too much on two sides is cut.
pub fn cover(ui: &Ui, rect: Rect, texture: &TextureHandle, radius: CornerRadius) {
    let (picture, place) = (texture.size_vec2(), rect.size());
    let scale = (place.x / picture.x).max(place.y / picture.y);
    let shown = place / (picture * scale);
    let uv = Rect::from_center_size(pos2(0.5, 0.5), shown);
    Image::from_texture(texture).uv(uv).corner_radius(radius).paint_at(ui, rect);
}

/// Where a picture is missing, or not read yet.
pub fn no_picture(ui: &Ui, rect: Rect, radius: CornerRadius) {
    let theme = Theme::of(ui);
    ui.painter().rect_filled(rect, radius, theme.field);
    line(ui, rect.center(), Align2::CENTER_CENTER, icon::IMAGE, &TextStyle::Heading, theme.quiet, rect.width());
}

/// A size as people and shops say it: a KB has 1000 bytes.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 || value >= 9.95 {
        format!("{value:.0} {}", UNITS[unit])
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        let cases = [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1_200_000_000, "1.2 GB"),
            (18_000_000_000, "18 GB"),
            (u64::MAX, "18446744 TB"),
        ];
        for (size, said) in cases {
            assert_eq!(bytes(size), said);
        }
    }

    #[test]
    fn every_word_is_looked_for() {
        assert!(finds("load MODEL", &["LoadModel", "loaders"]));
        assert!(finds("", &[]));
        assert!(!finds("load vae", &["LoadModel"]));
    }

    #[test]
    fn only_rows_in_sight_are_drawn() {
        let ctx = egui::Context::default();
        let mut drawn = 0;
        let input = egui::RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, vec2(300.0, 200.0))),
            ..Default::default()
        };
        let _ = ctx.run_ui(input, |ui| {
            drawn = 0;
            egui::ScrollArea::vertical().show(ui, |ui| rows(ui, 100_000, 20.0, |_, _, _| drawn += 1));
        });
        assert!((9..=12).contains(&drawn), "{drawn} rows");
    }
}
