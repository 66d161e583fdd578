//! A picture, large.

use std::path::Path;
use std::sync::Arc;

use egui::{
    Align2, Area, Color32, Context, Id, Image, Key, LayerId, Modifiers, Order, Pos2, Rect, Sense, TextStyle, Ui, Vec2,
    WidgetInfo, WidgetType, pos2, vec2,
};
use egui_phosphor::regular as icon;

use super::{Textures, card};
use crate::editor::theme::{DARK, SPACE};
use crate::queue::Picture;

/// From this scale on pixels are shown as squares.
const SHARP: f32 = 3.0;
/// Points of a pixel, at most.
const LARGEST: f32 = 32.0;

/// How a picture lies in the window.
#[derive(Debug, Clone, Copy, PartialEq)]
struct View {
    /// Points of a pixel; none fits the window.
    scale: Option<f32>,
    /// Of the picture's middle from that of the room.
    offset: Vec2,
}

const FIT: View = View { scale: None, offset: Vec2::ZERO };

/// A picture, large, over everything; the wheel enlarges it. False when it was closed by a click beside it, its button
/// or Escape.
pub fn viewer(ctx: &Context, picture: &Arc<Picture>, textures: &mut Textures) -> bool {
    let id = Id::new("viewer");
    let screen = ctx.content_rect();
    let layer = LayerId::new(Order::Foreground, id);
    ctx.memory_mut(|memory| memory.set_modal_layer(layer));
    let key = id.with(Arc::as_ptr(picture).addr());
    let view = ctx.data(|data| data.get_temp(key)).unwrap_or(FIT);
    let is_escape = ctx.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape));
    let area = Area::new(id).order(Order::Foreground).fixed_pos(screen.min).constrain(false).fade_in(false);
    let shown = area.show(ctx, |ui| show(ui, screen, picture, textures, view)).inner;
    let is_open = shown.is_some() && !is_escape;
    ctx.data_mut(|data| {
        if let Some(view) = shown.filter(|_| is_open) {
            data.insert_temp(key, view);
        } else {
            data.remove::<View>(key);
        }
    });
    is_open
}

/// None where it was closed.
fn show(ui: &mut Ui, screen: Rect, picture: &Arc<Picture>, textures: &mut Textures, view: View) -> Option<View> {
    let theme = &DARK;
    let outside = ui.allocate_rect(screen, Sense::click());
    outside.widget_info(|| WidgetInfo::labeled(WidgetType::Other, true, "beside the picture"));
    ui.painter().rect_filled(screen, 0, Color32::from_black_alpha(0xd8));
    let foot = card::height(ui, &TextStyle::Body) + SPACE * 2.0;
    let room = Rect::from_min_max(screen.min, screen.max - vec2(0.0, foot)).shrink(SPACE * 2.0);
    let size = vec2(picture.width.max(1) as f32, picture.height.max(1) as f32);
    let fit = (room.size() / size).min_elem().clamp(1e-4, 8.0);
    let mut view = view;
    let mut place = place(room, size, fit, view);
    // Not over what lies under the picture: the button and the line with its name.
    let response = ui.interact(place.intersect(screen), ui.id().with("picture"), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Image, true, name(picture)));
    view.offset += response.drag_delta();
    let (wheel, pointer) = ui.input(|input| {
        let wheel = (input.smooth_scroll_delta().y / 240.0).exp() * input.zoom_delta();
        (wheel, input.pointer.hover_pos())
    });
    if wheel != 1.0 {
        let pointer = pointer.unwrap_or(room.center());
        view = zoomed(view, room, fit, wheel, pointer);
    }
    if response.double_clicked() {
        view = FIT;
    }
    place = self::place(room, size, fit, view);
    let scale = place.width() / size.x;
    let texture = if scale >= SHARP { textures.pixels(ui.ctx(), picture) } else { textures.picture(ui.ctx(), picture) };
    Image::from_texture(&texture).fit_to_exact_size(place.size()).paint_at(ui, place);

    let bottom = pos2(screen.center().x, screen.bottom() - foot / 2.0);
    let strip = Rect::from_min_max(pos2(screen.left(), screen.bottom() - foot), screen.max);
    ui.painter().rect_filled(strip, 0, Color32::from_black_alpha(0xa0));
    let said = format!("{} × {}   {}", picture.width, picture.height, name(picture));
    let width = screen.width() - SPACE * 2.0;
    card::line(ui, bottom, Align2::CENTER_CENTER, said.trim_end(), &TextStyle::Body, theme.text, width);
    let close = Rect::from_center_size(screen.right_top() + vec2(-SPACE * 2.0, SPACE * 2.0), Vec2::splat(SPACE * 2.5));
    let button = card::button(ui, close, "close", "Close");
    let fill = if button.hovered() || button.has_focus() { theme.hovered } else { Color32::from_black_alpha(0xa0) };
    ui.painter().circle_filled(close.center(), close.width() / 2.0, fill);
    let style = TextStyle::Body;
    card::line(ui, close.center(), Align2::CENTER_CENTER, icon::X, &style, theme.text, close.width());
    (!outside.clicked() && !button.clicked()).then_some(view)
}

fn name(picture: &Picture) -> String {
    let file = picture.file.as_deref().and_then(Path::file_name);
    file.map_or("not saved".to_owned(), |name| name.to_string_lossy().into_owned())
}

fn place(room: Rect, size: Vec2, fit: f32, view: View) -> Rect {
    Rect::from_center_size(room.center() + view.offset, size * view.scale.unwrap_or(fit))
}

/// Enlarged by a factor, so that what lies under the pointer stays there.
fn zoomed(view: View, room: Rect, fit: f32, factor: f32, pointer: Pos2) -> View {
    let scale = view.scale.unwrap_or(fit);
    let next = (scale * factor).clamp(fit.min(1.0) * 0.5, LARGEST.max(fit));
    let from = room.center() + view.offset - pointer;
    View { scale: Some(next), offset: pointer + from * (next / scale) - room.center() }
}

#[cfg(test)]
mod tests {
    use egui_kittest::{Harness, kittest::Queryable};

    use super::*;

    fn show(size: [f32; 2], width: u32, height: u32) -> Harness<'static, bool> {
        let rgba = vec![120; (width * height * 4) as usize];
        let picture = Arc::new(Picture { width, height, rgba, file: Some("out/fox.png".into()), is_preview: false });
        let mut textures = Textures::default();
        let draw = move |ui: &mut Ui, open: &mut bool| *open = *open && viewer(ui.ctx(), &picture, &mut textures);
        Harness::builder().with_size(size).build_ui_state(draw, true)
    }

    #[test]
    fn a_click_beside_it_escape_and_the_button_close_it() {
        let mut harness = show([800.0, 600.0], 64, 64);
        harness.get_by_label("fox.png").click();
        harness.run();
        assert!(harness.state());
        harness.get_by_label("Close").click();
        harness.run();
        assert!(!harness.state());

        let mut harness = show([800.0, 600.0], 64, 64);
        harness.key_press(Key::Escape);
        harness.run();
        assert!(!harness.state());

        let mut harness = show([800.0, 600.0], 10, 500);
        let at = pos2(20.0, 300.0);
        harness.hover_at(at);
        harness.drag_at(at);
        harness.drop_at(at);
        harness.run();
        assert!(!harness.state());
    }

    #[test]
    fn it_fits_any_window() {
        for (size, width, height) in [([800.0, 600.0], 2000, 100), ([50.0, 50.0], 300, 300), ([900.0, 600.0], 1, 1)] {
            let harness = show(size, width, height);
            let picture = harness.get_by_label("fox.png").rect();
            assert!(picture.right() <= size[0] + 1.0 && picture.bottom() <= size[1] + 1.0, "{picture:?}");
        }
        show([800.0, 600.0], 0, 0);
    }

    #[test]
    fn zooming_keeps_what_is_under_the_pointer() {
        let room = Rect::from_min_size(Pos2::ZERO, vec2(800.0, 600.0));
        let (size, pointer) = (vec2(100.0, 100.0), pos2(300.0, 200.0));
        let before = place(room, size, 4.0, FIT);
        let after = place(room, size, 4.0, zoomed(FIT, room, 4.0, 1.5, pointer));
        let share = |rect: Rect| (pointer - rect.min) / rect.size();
        assert!((share(before) - share(after)).length() < 1e-4);
        assert_eq!(after.width(), before.width() * 1.5);
    }
}
