//! The key map.

use egui::{
    Align2, Context, Frame, Id, Key, KeyboardShortcut, Margin, Modal, Modifiers, Rect, ScrollArea, Stroke, StrokeKind,
    TextStyle, Ui, Vec2, pos2, vec2,
};
use egui_phosphor::regular as icon;

use super::card;
use crate::editor::action::{ENTRIES, Entry};
use crate::editor::theme::{FIELD_RADIUS, GAP, SPACE, Theme};

const WIDTH: f32 = 680.0;
/// Below this one column has to do.
const COLUMN: f32 = 240.0;

/// Every key, by group, and what the mouse does, over everything else. Closes by Escape, its button or a click beside it.
pub fn keys(ctx: &Context, open: &mut bool) {
    if !*open {
        return;
    }
    let room = (ctx.content_rect().size() - Vec2::splat(SPACE * 6.0)).max(Vec2::splat(1.0));
    let is_escape = ctx.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape));
    let frame = Frame::window(&ctx.global_style()).inner_margin(SPACE as i8 * 2);
    let area = Modal::default_area(Id::new("keys")).default_size(room);
    let shown = Modal::new(Id::new("keys")).area(area).frame(frame).show(ctx, |ui| {
        ui.set_width(WIDTH.min(room.x));
        let is_closed = header(ui);
        let height = room.y - ui.min_rect().height() - SPACE * 2.0;
        // The scroll bar lies beside the caps, not over them.
        let scroll =
            ScrollArea::vertical().max_height(height).content_margin(Margin { right: SPACE as i8, ..Margin::ZERO });
        scroll.show(ui, |ui| columns(ui, &groups(ctx)));
        is_closed
    });
    *open = !is_escape && !shown.inner && !shown.should_close();
}

/// The title and the button that closes; true where that was clicked.
fn header(ui: &mut Ui) -> bool {
    let theme = Theme::of(ui);
    let (_, rect) = ui.allocate_space(vec2(ui.available_width(), card::row_height(ui)));
    let style = TextStyle::Heading;
    card::line(ui, rect.left_center(), Align2::LEFT_CENTER, "Keys", &style, theme.text, rect.width() * 0.7);
    let at = pos2(rect.right() - rect.height() / 2.0, rect.center().y);
    let is_closed = card::icon_button(ui, at, "close", icon::X, "Close").clicked();
    ui.add_space(SPACE);
    is_closed
}

/// The groups in two columns of about the same length, where there is room.
fn columns(ui: &mut Ui, groups: &[Group]) {
    if ui.available_width() < 2.0 * COLUMN {
        groups.iter().for_each(|group| show(ui, group));
        return;
    }
    let lines: usize = groups.iter().map(Group::rows).sum();
    let mut above = 0;
    let is_left = |group: &&Group| {
        above += group.rows();
        above <= lines.div_ceil(2) + 1
    };
    let (left, right): (Vec<_>, Vec<_>) = groups.iter().partition(is_left);
    ui.spacing_mut().item_spacing.x = SPACE * 3.0;
    ui.columns_const(|[first, second]| {
        left.into_iter().for_each(|group| show(first, group));
        right.into_iter().for_each(|group| show(second, group));
    });
}

struct Group {
    title: &'static str,
    /// What it does, and the caps that do it.
    lines: Vec<(&'static str, Vec<String>)>,
}

impl Group {
    fn rows(&self) -> usize {
        self.lines.len() + 2
    }
}

fn groups(ctx: &Context) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for Entry { label, group, keys, .. } in ENTRIES {
        let caps = keys.iter().map(|keys| caps_of(ctx, keys)).collect();
        match groups.iter_mut().find(|known| known.title == *group) {
            Some(known) => known.lines.push((label, caps)),
            None => groups.push(Group { title: group, lines: vec![(label, caps)] }),
        }
    }
    let cmd = ctx.format_modifiers(Modifiers::COMMAND);
    let mouse = [
        ("Zoom at the pointer", vec!["Wheel".to_owned()]),
        ("Move the canvas", vec!["Middle button".to_owned(), "Space + drag".to_owned()]),
        ("Add a node", vec!["Double click".to_owned()]),
        ("Nodes that fit", vec!["Drag a wire to the canvas".to_owned()]),
        ("Turn off all rows but one", vec![format!("{} + click", ctx.format_modifiers(Modifiers::ALT))]),
        ("Use a file", vec!["Drag it to a node".to_owned()]),
        ("Select more", vec![format!("{cmd} + click"), "Shift + click".to_owned()]),
    ];
    groups.push(Group { title: "Mouse", lines: mouse.into() });
    groups
}

/// A key by the sign that is printed on it, where it has one.
fn caps_of(ctx: &Context, keys: &KeyboardShortcut) -> String {
    let said = ctx.format_shortcut(keys);
    let sign = match keys.logical_key {
        Key::Questionmark => "?",
        Key::Plus => "+",
        Key::Equals => "=",
        Key::Minus => "-",
        _ => return said,
    };
    said.strip_suffix(keys.logical_key.name()).map_or(said.clone(), |modifiers| format!("{modifiers}{sign}"))
}

fn show(ui: &mut Ui, group: &Group) {
    let theme = Theme::of(ui);
    let title = ui.label(card::heading(ui, group.title));
    title.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Label, true, group.title));
    for (label, caps) in &group.lines {
        let row = card::height(ui, &TextStyle::Small) + GAP + 2.0;
        let (_, rect) = ui.allocate_space(vec2(ui.available_width(), row));
        let response = ui.interact(rect, ui.make_persistent_id((group.title, label)), egui::Sense::hover());
        let said = if caps.is_empty() { (*label).to_owned() } else { format!("{label}: {}", caps.join(", ")) };
        response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Label, true, &said));
        let at = rect.left_center();
        let width = rect.width() * 0.6;
        let label = card::line(ui, at, Align2::LEFT_CENTER, label, &TextStyle::Body, theme.text, width);
        let mut right = rect.right();
        for caps in caps.iter().rev() {
            let room = right - label.right() - GAP;
            right = cap(ui, pos2(right, rect.center().y), caps, room).left() - GAP;
        }
    }
    ui.add_space(SPACE);
}

/// A key cap that ends at `right`.
fn cap(ui: &Ui, right: egui::Pos2, said: &str, room: f32) -> Rect {
    let theme = Theme::of(ui);
    let galley = card::text(ui, said, &TextStyle::Small, theme.text, room - 2.0 * GAP, 1);
    let rect = Align2::RIGHT_CENTER.anchor_size(right, galley.size() + vec2(2.0 * GAP, GAP - 2.0));
    ui.painter().rect(rect, FIELD_RADIUS, theme.field, Stroke::new(1.0, theme.line), StrokeKind::Inside);
    ui.painter().galley(Align2::CENTER_CENTER.anchor_size(rect.center(), galley.size()).min, galley, theme.text);
    rect
}

#[cfg(test)]
mod tests {
    use egui_kittest::{Harness, kittest::Queryable};

    use super::*;

    fn show(size: [f32; 2]) -> Harness<'static, bool> {
        Harness::builder().with_size(size).build_ui_state(|ui, open| keys(ui.ctx(), open), true)
    }

    #[test]
    fn every_entry_is_there() {
        let harness = show([900.0, 900.0]);
        harness.get_by_label("Run first: Ctrl+Shift+Enter");
        harness.get_by_label("Keys: ?, F1");
        for entry in ENTRIES {
            assert!(harness.query_all_by_label_contains(entry.label).count() > 0, "{}", entry.label);
        }
        harness.get_by_label("Zoom at the pointer: Wheel");
    }

    #[test]
    fn escape_closes_it() {
        let mut harness = show([900.0, 600.0]);
        harness.key_press(Key::Escape);
        harness.run();
        assert!(!harness.state());
        let mut by_button = show([900.0, 600.0]);
        by_button.get_by_label("Close").click();
        by_button.run();
        assert!(!by_button.state());
        assert!(harness.query_by_label("Zoom at the pointer: Wheel").is_none());
    }

    #[test]
    fn it_fits_small_windows() {
        for size in [[60.0, 60.0], [400.0, 300.0], [900.0, 600.0]] {
            let mut harness = show(size);
            harness.run();
            for node in harness.query_all_by_label_contains("Run first") {
                assert!(node.rect().right() <= size[0].max(120.0), "{:?} in {size:?}", node.rect());
            }
        }
    }
}
