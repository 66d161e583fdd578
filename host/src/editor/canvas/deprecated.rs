//! Nodes that new graphs do without: what they say, and the step to the one that takes their place.

use egui::{CornerRadius, Sense, Ui, WidgetInfo, WidgetType, vec2};
use egui_phosphor::regular as icon;

use super::node::elided;
use crate::document::Edit;
use crate::editor::Action;
use crate::editor::scene::Scene;
use crate::editor::theme::{self, NODE_WIDTH, Theme};
use crate::plugins::instead;

/// In the title.
pub const MARK: &str = icon::CLOCK_COUNTER_CLOCKWISE;

/// What a deprecated node says of itself; nothing for any other.
pub fn words(scene: &Scene, id: &str) -> Option<String> {
    let spec = scene.spec(id).filter(|spec| spec.deprecated)?;
    Some(format!("It {}", instead(spec)))
}

/// The kind that takes its place, and the edit that puts it there, where a plugin brings it.
pub fn replacement(scene: &Scene, id: &str) -> Option<(String, Action)> {
    let spec = scene.spec(id).filter(|spec| spec.deprecated)?;
    let kind = spec.replaced_by.clone();
    scene.catalog.node(&kind)?;
    let edit = Edit::Replace { node: id.to_owned(), kind: kind.clone() };
    Some((format!("Replace by {kind}"), Action::Edit(edit)))
}

/// A button at the foot of the node.
pub fn button(ui: &mut Ui, scene: &mut Scene, id: &str) {
    let Some((label, action)) = replacement(scene, id) else { return };
    let theme = Theme::of(ui);
    let zoom = scene.frame.zoom;
    let (rect, response) = ui.allocate_exact_size(vec2(NODE_WIDTH * zoom, 22.0 * zoom), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, format!("replace {id}")));
    let strength = if response.hovered() { 0.25 } else { 0.13 };
    ui.painter().rect_filled(rect, CornerRadius::same((5.0 * zoom) as u8), theme.warning.gamma_multiply(strength));
    let galley = elided(ui, &label, theme::BODY * zoom, theme.warning, rect.width() - 16.0 * zoom);
    ui.painter().galley(rect.center() - galley.size() / 2.0, galley, theme.warning);
    let response = response.on_hover_text("Its name, values and links stay. Undo takes it back.");
    if response.clicked() {
        scene.frame.actions.push(action);
    }
}
