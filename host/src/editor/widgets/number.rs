//! A number: drag it, step it with the arrows at its ends, or click and type.

use egui::accesskit::Action;
use egui::text::{CCursor, CCursorRange};
use egui::text_edit::TextEditState;
use egui::{
    Align, CursorIcon, Frame, Id, Key, Margin, Modifiers, PointerButton, Pos2, Rect, Response, Sense, Shape, TextEdit,
    Ui, UiBuilder, WidgetInfo, WidgetType, pos2, vec2,
};

use super::scale::{Number, Scale};
use super::value::Odd;
use super::{Cell, Change, paint};
use crate::editor::theme::{GAP, Theme};

/// Where a drag began, and how far the pointer has gone since, in points at zoom 1.
#[derive(Debug, Clone, Copy)]
struct Drag {
    start: Number,
    gone: f64,
}

/// The field, with its label inside where `labelled`.
pub fn put(ui: &mut Ui, rect: Rect, cell: &Cell<'_>, labelled: bool) -> Option<Change> {
    let scale = Scale::of(&cell.spec.kind)?;
    let read = scale.read(cell.value);
    let now = read.as_ref().copied().unwrap_or(scale.default());
    let shown = read.as_ref().map_or_else(
        |odd| odd.text.clone(),
        |number| {
            if labelled { number.shown() } else { number.aligned(&scale) }
        },
    );
    let id = cell.id();
    let is_typing = ui.is_enabled()
        && ui.memory_mut(|memory| {
            memory.interested_in_focus(id, ui.layer_id());
            memory.has_focus(id)
        });
    let (response, next) = if is_typing {
        let (response, text) = type_in(ui, rect, cell, &shown, labelled);
        let steps = keys(ui, id);
        let stepped = (steps != 0.0).then(|| scale.stepped(now, steps, false));
        if stepped.is_some() {
            ui.data_mut(|data| data.remove::<String>(id));
        }
        (response, stepped.or_else(|| text.and_then(|text| scale.typed(&text))))
    } else {
        // Typing ended elsewhere: by a click, or by Escape, which takes the focus before this frame.
        let left = ui.data_mut(|data| data.remove_temp::<String>(id));
        let is_escaped = ui.input(|input| input.key_pressed(Key::Escape));
        let typed = left.filter(|text| *text != shown && !is_escaped).and_then(|text| scale.typed(&text));
        let (response, next) = drag(ui, rect, cell, &scale, now);
        draw(ui, rect, cell, &scale, &read, &shown, labelled, &response);
        (response, typed.or(next))
    };
    response.widget_info(|| WidgetInfo::labeled(WidgetType::DragValue, ui.is_enabled(), &cell.name));
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_value(shown.clone());
        node.set_numeric_value(now.as_f64());
        node.add_action(Action::Increment);
        node.add_action(Action::Decrement);
    });
    let menu = cell.finish(&response, read.as_ref().err());
    let next = next.filter(|next| read.as_ref() != Ok(next)).map(|next| Change::Value(Some(next.ron())));
    next.or(menu)
}

/// Steps that the keyboard or a screen reader asks for.
fn keys(ui: &Ui, id: Id) -> f64 {
    let arrows = ui.input_mut(|input| {
        input.count_and_consume_key(Modifiers::NONE, Key::ArrowUp) as f64
            - input.count_and_consume_key(Modifiers::NONE, Key::ArrowDown) as f64
    });
    arrows + reader(ui, id)
}

/// The text field while a number is typed; gives the text when that is over and it is another one.
fn type_in(ui: &mut Ui, rect: Rect, cell: &Cell<'_>, shown: &str, labelled: bool) -> (Response, Option<String>) {
    let id = cell.id();
    let kept = ui.data_mut(|data| data.remove_temp::<String>(id));
    let is_new = kept.is_none();
    let mut text = kept.unwrap_or_else(|| shown.to_owned());
    let mut child = ui.new_child(UiBuilder::new().max_rect(rect));
    child.set_clip_rect(rect.intersect(ui.clip_rect()));
    paint::plate(ui, rect, &ui.interact(rect, id.with("plate"), Sense::hover()), cell.zoom);
    paint::ring(ui, rect, cell.zoom);
    if labelled {
        // What is typed may cover it, when it is long.
        let inner = rect.shrink2(vec2(paint::PAD * cell.zoom, 0.0));
        paint::line(ui, inner.with_max_x(inner.center().x), &cell.spec.name, Theme::of(ui).quiet, Align::Min);
    }
    let margin = Margin::symmetric((paint::PAD * cell.zoom) as i8, 0);
    let edit = TextEdit::singleline(&mut text)
        .id(id)
        .frame(Frame::new().inner_margin(margin))
        .margin(margin)
        .desired_width(rect.width())
        .min_size(rect.size())
        .horizontal_align(Align::Max)
        .vertical_align(Align::Center);
    let response = child.put(rect, edit);
    if is_new {
        let mut state = TextEditState::load(ui.ctx(), id).unwrap_or_default();
        state.cursor.set_char_range(Some(CCursorRange::two(CCursor::default(), CCursor::new(text.chars().count()))));
        state.store(ui.ctx(), id);
    }
    if response.lost_focus() {
        return (response, (text != shown).then_some(text));
    }
    ui.data_mut(|data| data.insert_temp(id, text));
    (response, None)
}

/// The field while it is not typed into: drags, clicks on the arrows, clicks that start typing.
fn drag(ui: &Ui, rect: Rect, cell: &Cell<'_>, scale: &Scale, now: Number) -> (Response, Option<Number>) {
    let id = cell.id();
    let response = ui.interact(rect, id, Sense::click_and_drag()).on_hover_cursor(CursorIcon::ResizeHorizontal);
    if response.drag_started_by(PointerButton::Primary) {
        ui.data_mut(|data| data.insert_temp(id, Drag { start: now, gone: 0.0 }));
    }
    if response.dragged_by(PointerButton::Primary) {
        let mut drag = ui.data(|data| data.get_temp::<Drag>(id)).unwrap_or(Drag { start: now, gone: 0.0 });
        let fine = ui.input(|input| input.modifiers.shift);
        drag.gone += f64::from(response.drag_delta().x / cell.zoom) * if fine { 0.1 } else { 1.0 };
        ui.data_mut(|data| data.insert_temp(id, drag));
        return (response, Some(scale.stepped(drag.start, drag.gone / scale.points_per_step(), fine)));
    }
    if response.clicked() {
        let fine = ui.input(|input| input.modifiers.shift);
        let step = |steps| Some(scale.stepped(now, steps, fine));
        let by = if fine && matches!(now, Number::Float(_)) { 0.1 } else { 1.0 };
        match response.interact_pointer_pos().map(|at| end(rect, cell.zoom, at)) {
            Some(End::Left) => return (response, step(-by)),
            Some(End::Right) => return (response, step(by)),
            _ => response.request_focus(),
        }
    }
    let steps = reader(ui, id);
    (response, (steps != 0.0).then(|| scale.stepped(now, steps, false)))
}

/// Steps that a screen reader asks for.
fn reader(ui: &Ui, id: Id) -> f64 {
    ui.input(|input| {
        input.num_accesskit_action_requests(id, Action::Increment) as f64
            - input.num_accesskit_action_requests(id, Action::Decrement) as f64
    })
}

enum End {
    Left,
    Middle,
    Right,
}

fn end(rect: Rect, zoom: f32, at: Pos2) -> End {
    let width = (14.0 * zoom).min(rect.width() / 4.0);
    if at.x < rect.min.x + width {
        End::Left
    } else if at.x > rect.max.x - width {
        End::Right
    } else {
        End::Middle
    }
}

#[expect(clippy::too_many_arguments, reason = "what is drawn, each of it once")]
fn draw(
    ui: &Ui,
    rect: Rect,
    cell: &Cell<'_>,
    scale: &Scale,
    read: &Result<Number, Odd>,
    shown: &str,
    labelled: bool,
    response: &Response,
) {
    let theme = Theme::of(ui);
    let zoom = cell.zoom;
    paint::plate(ui, rect, response, zoom);
    if let Some(share) = read.as_ref().ok().and_then(|number| scale.share(*number)) {
        let inner = rect.shrink2(vec2(5.0 * zoom, 0.0));
        let size = vec2(inner.width() * share, 1.5 * zoom);
        let fill = Rect::from_min_size(pos2(inner.min.x, inner.max.y - size.y - 1.0), size);
        ui.painter().rect_filled(
            fill,
            zoom,
            theme.accent.gamma_multiply(if response.hovered() || response.dragged() { 1.0 } else { 0.6 }),
        );
    }
    let pad = if labelled { paint::PAD } else { GAP };
    let inner = rect.shrink2(vec2(pad * zoom, 0.0));
    let colour = match read {
        Ok(number) => paint::colour(ui, *number == scale.default()),
        Err(_) => theme.error,
    };
    let width = paint::line(ui, inner, shown, colour, Align::Max);
    if labelled {
        let rest = inner.with_max_x((inner.max.x - width - GAP * zoom).max(inner.min.x));
        paint::line(ui, rest, &cell.spec.name, theme.quiet, Align::Min);
    }
    if response.hovered() && !response.dragged() {
        for (x, side) in [(rect.min.x + 4.5 * zoom, -1.0), (rect.max.x - 4.5 * zoom, 1.0)] {
            let tip = pos2(x + side * 1.8 * zoom, rect.center().y);
            let base = x - side * 1.8 * zoom;
            let points = vec![tip, pos2(base, tip.y - 3.2 * zoom), pos2(base, tip.y + 3.2 * zoom)];
            ui.painter().add(Shape::convex_polygon(points, theme.quiet, egui::Stroke::NONE));
        }
    }
}
