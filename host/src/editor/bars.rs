//! The bar above and the line below the canvas.

use egui::{
    Align, Align2, Button, Context, Frame, Id, LayerId, Layout, Margin, Order, Response, RichText, Stroke, Ui, vec2,
};
use egui_phosphor::regular as icon;

use super::action::{self, ENTRIES};
use super::app::Editor;
use super::theme::{self, Theme};
use super::{Action, panels};
use crate::queue::{EngineState, State};

/// The frame of bars.
pub fn frame(ui: &Ui) -> Frame {
    Frame::new().fill(Theme::of(ui).panel).inner_margin(Margin::symmetric(10, 6))
}

/// A button that is an icon, with its name for those who hover and those who do not see.
pub fn icon_button(ui: &mut Ui, icon: &str, name: &str) -> Response {
    let response =
        ui.add(Button::new(RichText::new(icon).size(17.0)).frame_when_inactive(false).min_size(vec2(28.0, 26.0)));
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Button, true, name));
    response.on_hover_text(name)
}

/// An icon for an action, with its keys on hover.
fn action_button(ui: &mut Ui, icon: &str, action: Action, is_enabled: bool, actions: &mut Vec<Action>) {
    let Some(entry) = action::find(&action) else { return };
    let keys = entry.keys.first().map_or(String::new(), |keys| format!("  {}", ui.ctx().format_shortcut(keys)));
    let response = ui.add_enabled_ui(is_enabled, |ui| icon_button(ui, icon, entry.label)).inner;
    if response.on_hover_text(keys).clicked() {
        actions.push(action);
    }
}

pub(super) fn top(editor: &mut Editor, ui: &mut Ui, actions: &mut Vec<Action>) {
    let theme = Theme::of(ui);
    ui.horizontal(|ui| {
        ui.label(RichText::new("weft").size(19.0).color(theme.accent).strong());
        ui.add_space(theme::GAP);
        for group in ["File", "Edit", "Node", "View", "Run"] {
            menu(ui, group, actions);
        }
        ui.separator();
        let (can_undo, can_redo) = (editor.scene.document.can_undo(), editor.scene.document.can_redo());
        action_button(ui, icon::ARROW_U_UP_LEFT, Action::Undo, can_undo, actions);
        action_button(ui, icon::ARROW_U_UP_RIGHT, Action::Redo, can_redo, actions);
        action_button(ui, icon::PLUS_CIRCLE, Action::Search, true, actions);
        action_button(ui, icon::CORNERS_OUT, Action::Fit, true, actions);
        if !editor.gallery {
            ui.separator();
            let star = if editor.scene.document.is_changed() { " •" } else { "" };
            let title = RichText::new(format!("{}{star}", editor.scene.document.title())).color(theme.quiet);
            let width = (ui.available_width() - 100.0).clamp(20.0, 300.0);
            ui.allocate_ui(vec2(width, theme::FIELD), |ui| ui.add(egui::Label::new(title).truncate()));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| run_side(editor, ui, actions));
    });
}

fn menu(ui: &mut Ui, group: &str, actions: &mut Vec<Action>) {
    let button = Button::new(RichText::new(group).color(Theme::of(ui).text)).frame_when_inactive(false);
    egui::containers::menu::MenuButton::from_button(button).ui(ui, |ui| {
        ui.set_min_width(210.0);
        for entry in ENTRIES.iter().filter(|entry| entry.group == group) {
            let keys = entry.keys.first().map_or(String::new(), |keys| ui.ctx().format_shortcut(keys));
            if ui.add(Button::new(entry.label).shortcut_text(keys).frame_when_inactive(false)).clicked() {
                actions.push(entry.action.clone());
                ui.close();
            }
        }
    });
}

/// The run button at the right end, and left of it how the run goes.
fn run_side(editor: &Editor, ui: &mut Ui, actions: &mut Vec<Action>) {
    let theme = Theme::of(ui);
    let state = editor.queue.state();
    let run = Button::new(RichText::new(format!("{}  Run", icon::PLAY)).color(theme.on_accent).strong())
        .fill(theme.accent)
        .min_size(vec2(84.0, 28.0));
    let run = ui.add_enabled(!editor.gallery, run);
    run.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Button, true, "Run"));
    let keys = action::find(&Action::Run).and_then(|entry| entry.keys.first());
    let keys = keys.map_or(String::new(), |keys| ui.ctx().format_shortcut(keys));
    if run.on_hover_text(format!("Puts the graph into the queue   {keys}")).clicked() {
        actions.push(Action::Run);
    }
    if let Some(current) = &state.current {
        let name = if current.is_cancelling { "Stop at once" } else { "Stop after this step" };
        if icon_button(ui, icon::STOP, name).clicked() {
            actions.push(Action::Interrupt);
        }
        let waiting =
            if state.waiting.is_empty() { String::new() } else { format!("   +{} waiting", state.waiting.len()) };
        let node = current.node.as_deref().unwrap_or("getting ready");
        let text = match current.progress {
            Some((done, total)) if total > 0 => format!("{node}  {done}/{total}{waiting}"),
            _ => format!("{node}{waiting}"),
        };
        let within = current.progress.map_or(0.0, |(done, total)| done as f32 / total.max(1) as f32);
        let part = (current.done as f32 + within) / current.total.max(1) as f32;
        ui.add(egui::ProgressBar::new(part.min(1.0)).desired_width(170.0).desired_height(8.0).fill(theme.accent));
        ui.label(RichText::new(text).size(theme::SMALL).color(theme.text));
    } else if ui.available_width() > 150.0 || matches!(state.engine, EngineState::Failed(_)) {
        ui.label(engine_text(&state, theme));
    }
}

fn engine_text(state: &State, theme: &Theme) -> RichText {
    let (text, color) = match &state.engine {
        EngineState::Starting => ("starting the engine…".to_owned(), theme.quiet),
        EngineState::Ready => {
            (state.device.map_or(String::new(), |device| format!("ready on {}", device.name())), theme.quiet)
        }
        EngineState::Failed(error) => (error.what.clone(), theme.error),
    };
    RichText::new(text).size(theme::SMALL).color(color)
}

pub(super) fn status(editor: &mut Editor, ui: &mut Ui, actions: &mut Vec<Action>) {
    let theme = Theme::of(ui);
    ui.horizontal(|ui| {
        let count = editor.scene.problems.len();
        let (icon, text, color) = match count {
            _ if editor.gallery || editor.scene.document.graph().nodes.is_empty() => ("", String::new(), theme.quiet),
            0 => (icon::CHECK_CIRCLE, "ready to run".to_owned(), theme.good),
            1 => (icon::WARNING, "1 problem".to_owned(), theme.warning),
            count => (icon::WARNING, format!("{count} problems"), theme.warning),
        };
        if !text.is_empty() {
            let label = RichText::new(format!("{icon} {text}")).size(theme::SMALL).color(color);
            if ui.add(Button::new(label).frame_when_inactive(false)).clicked() && count > 0 {
                actions.push(Action::Problems);
            }
        }
        let nodes = editor.scene.document.graph().nodes.len();
        if !editor.gallery && nodes > 0 {
            let selected = match editor.scene.selection.len() {
                0 => String::new(),
                count => format!(", {count} selected"),
            };
            let nodes = if nodes == 1 { "1 node".to_owned() } else { format!("{nodes} nodes") };
            ui.label(RichText::new(format!("{nodes}{selected}")).size(theme::SMALL).color(theme.quiet));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if icon_button(ui, icon::QUESTION, "Keys").clicked() {
                actions.push(Action::Keys);
            }
            if icon_button(ui, if theme.is_dark { icon::SUN } else { icon::MOON }, "Dark or light").clicked() {
                actions.push(Action::Theme);
            }
            if icon_button(ui, icon::SIDEBAR_SIMPLE, "Side panel").clicked() {
                actions.push(Action::Sidebar);
            }
            if !editor.gallery {
                let zoom = format!("{:.0} %", editor.canvas.camera.zoom * 100.0);
                let button =
                    Button::new(RichText::new(zoom).size(theme::SMALL).color(theme.quiet)).frame_when_inactive(false);
                if ui.add(button).on_hover_text("Actual size").clicked() {
                    actions.push(Action::ZoomReset);
                }
            }
            let memory = &editor.memory;
            panels::memory(ui, memory.engine, memory.free, memory.total, editor.checked.foreseen.peak());
        });
    });
}

/// What an empty canvas says.
pub fn hint(ui: &Ui) {
    let theme = Theme::of(ui);
    let text = "Double-click to add a node, or drop a graph or a picture here";
    let font = egui::FontId::proportional(theme::HEADING);
    ui.painter().text(ui.max_rect().center(), Align2::CENTER_CENTER, text, font, theme.quiet);
}

/// The file that is dragged, beside the pointer.
pub fn carried(ctx: &Context, name: &str) {
    let Some(at) = ctx.pointer_latest_pos() else { return };
    let theme = if theme::is_dark(ctx) { &theme::DARK } else { &theme::LIGHT };
    let painter = ctx.layer_painter(LayerId::new(Order::Tooltip, Id::new("carried")));
    let name = name.rsplit('/').next().unwrap_or(name);
    let font = egui::FontId::proportional(theme::BODY);
    let galley = painter.layout_no_wrap(format!("{} {}", icon::CUBE, crate::text::printable(name)), font, theme.text);
    let rect = egui::Rect::from_min_size(at + vec2(14.0, 8.0), galley.size() + vec2(16.0, 8.0));
    painter.rect(rect, 6.0, theme.raised, Stroke::new(1.0, theme.accent), egui::StrokeKind::Inside);
    painter.galley(rect.min + vec2(8.0, 4.0), galley, theme.text);
}

/// While a file hangs over the window.
pub fn drop_hint(ctx: &Context) {
    let painter = ctx.layer_painter(LayerId::new(Order::Foreground, Id::new("drop")));
    let rect = ctx.content_rect();
    let theme = if theme::is_dark(ctx) { &theme::DARK } else { &theme::LIGHT };
    painter.rect_filled(rect, 0.0, theme.canvas.gamma_multiply(0.85));
    let inner = rect.shrink(24.0);
    painter.rect_stroke(inner, 12.0, Stroke::new(2.0, theme.accent), egui::StrokeKind::Inside);
    let font = egui::FontId::proportional(22.0);
    painter.text(inner.center(), Align2::CENTER_CENTER, "Drop it to open its graph", font, theme.text);
}
