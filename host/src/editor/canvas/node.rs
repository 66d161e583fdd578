//! The inside of a node: title, inputs, outputs, and below them its picture or what went wrong. The crate calls these
//! in that order and lays them out; the body is painted behind them at the end, when its size is known.

use std::sync::Arc;

use egui::layers::ShapeIdx;
use egui::{
    Align2, Color32, CornerRadius, FontId, Galley, Pos2, Rect, Response, Sense, Shape, Ui, WidgetInfo, WidgetType,
    pos2, vec2,
};
use egui_phosphor::regular as icon;
use plugin_api::{InputKind, InputSpec};

use super::{body, deprecated, said, view};
use crate::document::{Edit, Mode};
use crate::editor::panels::bytes;
use crate::editor::scene::{Port, Scene};
use crate::editor::theme::{self, Theme};
use crate::editor::widgets::{self, Change, Field};
use crate::editor::{Action, theme::NODE_WIDTH};
use crate::error::Error;
use crate::graph::Input;
use crate::queue::{NodeState, Picture};

/// Below this zoom a node is drawn without its values: nobody can read them.
pub const FAR: f32 = 0.4;

/// Names stand where they stand inside of the fields of values.
const INDENT: f32 = 9.0;

/// The node that is being drawn.
#[derive(Debug, Default)]
pub struct Drawing {
    body: Option<ShapeIdx>,
    left: f32,
    title_bottom: f32,
    rows: Vec<(Port, f32)>,
}

/// Where a node was drawn.
#[derive(Debug, Clone)]
pub struct Drawn {
    pub rect: Rect,
    pub ports: Vec<(Port, Pos2)>,
}

pub fn title(ui: &mut Ui, scene: &mut Scene, id: &str) {
    let theme = Theme::of(ui);
    let zoom = scene.frame.zoom;
    let left = ui.min_rect().left();
    let body = ui.painter().add(Shape::Noop);
    let width = NODE_WIDTH * zoom - (ui.cursor().left() - left) - view::title_rest(ui, zoom);
    let (_, rect) = ui.allocate_space(vec2(width, 26.0 * zoom));
    let rect = Rect::from_min_size(pos2(left, rect.top()), vec2(NODE_WIDTH * zoom, rect.height()));
    let spec = scene.spec(id);
    let is_known = spec.is_some();
    let kind = scene.node(id).map_or(String::new(), |node| node.kind.clone());
    let response = ui.interact(rect, ui.id().with((id, "title")), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Other, true, format!("node {id}")));
    let mut right = rect.right();
    if let Some((text, color)) = scene.states.get(id).and_then(|state| state_text(state, theme)) {
        let galley = elided(ui, &text, theme::SMALL * zoom, color, 90.0 * zoom);
        right -= galley.size().x;
        ui.painter().galley(pos2(right, rect.center().y - galley.size().y / 2.0), galley, color);
        right -= 8.0 * zoom;
    }
    if deprecated::words(scene, id).is_some() {
        let galley = elided(ui, deprecated::MARK, theme::BODY * zoom, theme.warning, 20.0 * zoom);
        right -= galley.size().x;
        ui.painter().galley(pos2(right, rect.center().y - galley.size().y / 2.0), galley, theme.warning);
        right -= 8.0 * zoom;
    }
    let color = if is_known { theme.text } else { theme.warning };
    let name = elided(ui, id, 15.5 * zoom, color, right - rect.left());
    let at = pos2(rect.left(), rect.center().y - name.size().y / 2.0);
    let next = at.x + name.size().x + 7.0 * zoom;
    ui.painter().galley(at, name, color);
    let short = kind.rsplit('/').next().unwrap_or(&kind);
    if right - next > 24.0 * zoom && !scene.frame.is_far() {
        let galley = elided(ui, short, theme::SMALL * zoom, theme.quiet, right - next);
        ui.painter().galley(pos2(next, rect.center().y - galley.size().y / 2.0 + 1.0 * zoom), galley, theme.quiet);
    }
    scene.frame.drawing =
        Drawing { body: Some(body), left, title_bottom: rect.bottom() + 2.0 * zoom, rows: Vec::new() };
    menu(&response, scene, id, &kind);
}

/// Help on hover, what can be done with a right click, the name with a double click.
fn menu(response: &Response, scene: &mut Scene, id: &str, kind: &str) {
    if response.clicked() {
        scene.frame.clicked = Some(id.to_owned());
    }
    if response.double_clicked() {
        scene.frame.actions.push(Action::StartRename(id.to_owned()));
    }
    if response.secondary_clicked() && !scene.selection.contains(id) {
        scene.selection = [id.to_owned()].into();
    }
    let help = match scene.spec(id) {
        Some(spec) => format!("{kind}\n{}", spec.help),
        None => missing(kind),
    };
    let old = deprecated::words(scene, id).map_or(String::new(), |words| format!("\n\n{words}."));
    let replacement = deprecated::replacement(scene, id);
    let problems: Vec<&Error> =
        scene.problems.iter().filter(|(node, _)| node.as_deref() == Some(id)).map(|(_, error)| error).collect();
    let problems: String = problems.iter().map(|error| format!("\n\n{}: {}", error.what, error.cause)).collect();
    response.clone().on_hover_text(format!("{help}{old}{problems}"));
    let actions = &mut scene.frame.actions;
    response.context_menu(|ui| {
        ui.set_min_width(190.0);
        if let Some((label, action)) = &replacement
            && ui.add(egui::Button::new(label).frame_when_inactive(false)).clicked()
        {
            actions.push(action.clone());
            ui.close();
        }
        let mut item = |ui: &mut Ui, action: Action| {
            let label = crate::editor::action::find(&action).map_or("Rename…", |entry| entry.label);
            let keys = crate::editor::action::find(&action).and_then(|entry| entry.keys.first());
            let keys = keys.map_or(String::new(), |keys| ui.ctx().format_shortcut(keys));
            if ui.add(egui::Button::new(label).shortcut_text(keys).frame_when_inactive(false)).clicked() {
                actions.push(action);
                ui.close();
            }
        };
        item(ui, Action::StartRename(id.to_owned()));
        for action in [Action::Duplicate, Action::Collapse, Action::Bypass, Action::Mute, Action::Copy] {
            item(ui, action);
        }
        ui.separator();
        item(ui, Action::Delete);
    });
}

/// What to do about a node that no plugin brings; nothing for any other.
fn to_get(scene: &Scene, id: &str) -> String {
    let error = scene.node(id).and_then(|node| scene.missing.get(&node.kind));
    error.map_or(String::new(), |error| join(&error.cause, &error.help))
}

/// What is said where a node's plugin is not there.
fn missing(kind: &str) -> String {
    let plugin = kind.split('/').next().unwrap_or(kind);
    format!(
        "{kind}\nThe plugin `{plugin}` is not loaded. The node keeps its values and links; install the plugin to run it."
    )
}

/// Time or progress, for the end of the title.
fn state_text(state: &NodeState, theme: &Theme) -> Option<(String, Color32)> {
    Some(match state {
        NodeState::Waiting => (icon::HOURGLASS_SIMPLE.to_owned(), theme.quiet),
        NodeState::Loading { done, total } => (format!("{} of {}", bytes(*done), bytes(*total)), theme.accent),
        NodeState::Running { since, total: 0, .. } => (seconds(since.elapsed().as_secs_f64()), theme.accent),
        NodeState::Running { done, total, .. } => (format!("{done}/{total}"), theme.accent),
        NodeState::Done { cached: true, .. } => (format!("{} kept", icon::CHECK), theme.quiet),
        NodeState::Done { milliseconds, .. } => (seconds(milliseconds / 1e3), theme.good),
        NodeState::Failed(_) => (icon::WARNING_CIRCLE.to_owned(), theme.error),
        NodeState::Skipped(_) => ("skipped".to_owned(), theme.warning),
    })
}

fn seconds(seconds: f64) -> String {
    if seconds < 0.0995 { format!("{:.0} ms", seconds * 1e3) } else { format!("{seconds:.1} s") }
}

pub fn input(ui: &mut Ui, scene: &mut Scene, id: &str, name: &str) {
    let zoom = scene.frame.zoom;
    let width = NODE_WIDTH * zoom;
    let top = ui.max_rect().top();
    let port = Port { node: id.to_owned(), name: name.to_owned(), is_output: false };
    let spec = scene.spec(id).and_then(|spec| spec.inputs.iter().find(|input| input.name == name));
    let is_link = matches!(scene.node(id).and_then(|node| node.inputs.get(name)), Some(Input::Link(_)));
    let bottom = match spec {
        Some(spec) if !is_link && !matches!(spec.kind, InputKind::Link(_)) => {
            let value = match scene.node(id).and_then(|node| node.inputs.get(name)) {
                Some(Input::Value(text)) => Some(text.as_str()),
                _ => None,
            };
            let field = Field {
                node: id,
                spec,
                value,
                seed_mode: scene.document.seed_mode(id, name),
                last_seed: scene.last_seed(id, name),
                files: &scene.files,
                zoom,
            };
            let inner = ui.vertical(|ui| {
                ui.set_width(width);
                widgets::field(ui, &field)
            });
            if let Some(change) = inner.inner {
                let weight = weight(scene, id, spec, &change);
                scene.frame.actions.push(action(id, name, change, weight));
            }
            inner.response.rect.bottom()
        }
        _ => label(ui, scene, &port, width),
    };
    // Where the crate has the port.
    let middle = (top + bottom) / 2.0;
    scene.frame.drawing.rows.push((port, middle));
}

/// What picking another file does to the weight beside it.
fn weight(scene: &Scene, id: &str, file: &InputSpec, change: &Change) -> Option<Edit> {
    let Change::Value(after) = change else { return None };
    let weight = widgets::follow::weight_of(&scene.spec(id)?.inputs, file)?;
    let value = |name: &str| match scene.node(id)?.inputs.get(name)? {
        Input::Value(text) => Some(Ok(text.as_str())),
        Input::Link(_) => Some(Err(())),
    };
    let before = value(&file.name).and_then(Result::ok);
    // A weight that comes over a link is not ours.
    let now = value(&weight.name).transpose().ok()?;
    let next = widgets::follow::weight(&scene.files, file, (before, after.as_deref()), weight, now)?;
    Some(Edit::Set { node: id.to_owned(), input: weight.name.clone(), value: next })
}

/// The action for a change; `more` is done in the same step.
fn action(node: &str, input: &str, change: Change, more: Option<Edit>) -> Action {
    let (node, input) = (node.to_owned(), input.to_owned());
    match change {
        Change::Value(value) if more.is_some() => {
            let edits = std::iter::once(Edit::Set { node, input, value }).chain(more);
            Action::Edit(Edit::All(edits.collect()))
        }
        Change::Value(value) => Action::Edit(Edit::Set { node, input, value }),
        Change::Seed(mode) => Action::Edit(Edit::Seed { node, input, mode }),
        Change::Refresh => Action::Refresh,
    }
}

/// The row of an input that takes a link, or of a value that nothing is known of.
fn label(ui: &mut Ui, scene: &Scene, port: &Port, width: f32) -> f32 {
    let theme = Theme::of(ui);
    let zoom = scene.frame.zoom;
    let (rect, response) = ui.allocate_exact_size(vec2(width, 20.0 * zoom), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, format!("{}.{}", port.node, port.name)));
    let spec = scene.spec(&port.node).and_then(|spec| spec.inputs.iter().find(|input| input.name == port.name));
    let is_needed = spec.is_some_and(|spec| spec.required) && scene.link(&port.node, &port.name).is_none();
    let text = match scene.node(&port.node).and_then(|node| node.inputs.get(&port.name)) {
        Some(Input::Value(value)) => format!("{}  {value}", port.name),
        _ => port.name.clone(),
    };
    let color = if is_needed { theme.text } else { theme.quiet };
    let galley = elided(ui, &text, theme::BODY * zoom, color, width - 2.0 * INDENT * zoom);
    ui.painter().galley(pos2(rect.left() + INDENT * zoom, rect.center().y - galley.size().y / 2.0), galley, color);
    if let Some(spec) = spec {
        let kind = spec.kind.link().unwrap_or_default();
        response.on_hover_text(format!("{kind}\n{}", spec.help));
    }
    rect.bottom()
}

pub fn output(ui: &mut Ui, scene: &mut Scene, id: &str, name: &str) {
    let theme = Theme::of(ui);
    let zoom = scene.frame.zoom;
    let width = NODE_WIDTH * zoom;
    let port = Port { node: id.to_owned(), name: name.to_owned(), is_output: true };
    let (rect, response) = ui.allocate_exact_size(vec2(width, 20.0 * zoom), Sense::hover());
    let kind = scene.kind(&port).unwrap_or_default().to_owned();
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, format!("{id}.{name}")));
    let galley = elided(ui, name, theme::BODY * zoom, theme.quiet, width - 2.0 * INDENT * zoom);
    let at = pos2(rect.right() - INDENT * zoom - galley.size().x, rect.center().y - galley.size().y / 2.0);
    ui.painter().galley(at, galley, theme.quiet);
    response.on_hover_text(kind);
    scene.frame.drawing.rows.push((port, rect.center().y));
}

pub fn bottom(ui: &mut Ui, scene: &mut Scene, id: &str) {
    let theme = Theme::of(ui);
    let zoom = scene.frame.zoom;
    if scene.frame.is_far() {
        // As high as it is when it is near.
        let height = scene.frame.heights.get(id).map_or(0.0, |height| height * zoom);
        let rest = height - ui.min_rect().height() - 2.0 * view::margin(zoom).y - ui.spacing().item_spacing.y;
        ui.allocate_space(vec2(0.0, rest.max(0.0)));
    } else if !scene.document.is_collapsed(id) {
        // What was seen of the work is of no use when it is done.
        let is_running = matches!(scene.states.get(id), Some(NodeState::Running { .. }));
        let picture = scene.pictures.get(id).filter(|picture| is_running || !picture.is_preview);
        if let Some(picture) = picture.cloned() {
            picture_of(ui, scene, id, &picture);
        }
        let wrong: Vec<(String, String, Color32)> = match scene.states.get(id) {
            Some(NodeState::Failed(errors)) => {
                errors.iter().map(|error| (error.what.clone(), join(&error.cause, &error.help), theme.error)).collect()
            }
            Some(NodeState::Skipped(why)) => vec![(why.clone(), to_get(scene, id), theme.warning)],
            _ if scene.spec(id).is_none() => {
                vec![("This node's plugin is not loaded".to_owned(), to_get(scene, id), theme.warning)]
            }
            _ => Vec::new(),
        };
        for (what, more, color) in wrong {
            message(ui, zoom, &what, &more, color);
        }
        deprecated::button(ui, scene, id);
        said::show(ui, scene, id);
    }
    if !scene.frame.is_far() {
        ui.allocate_space(vec2(NODE_WIDTH * zoom, 3.0 * zoom));
    }
    let drawing = std::mem::take(&mut scene.frame.drawing);
    let content = ui.min_rect();
    let content =
        Rect::from_min_max(pos2(drawing.left, content.top()), pos2(drawing.left + NODE_WIDTH * zoom, content.bottom()));
    let rect = content.expand2(view::margin(zoom));
    let x = |port: &Port| if port.is_output { rect.right() } else { rect.left() };
    let ports = drawing.rows.iter().map(|(port, y)| (port.clone(), pos2(x(port), *y))).collect();
    if let Some(body) = drawing.body {
        ui.painter().set(body, Shape::Vec(body::shapes(scene, theme, id, rect, drawing.title_bottom)));
    }
    let veil = match scene.document.mode(id) {
        Mode::Active => Color32::TRANSPARENT,
        Mode::Muted => theme.canvas.gamma_multiply(0.6),
        Mode::Bypassed => theme.kind("MODEL").gamma_multiply(0.25),
    };
    if veil != Color32::TRANSPARENT {
        ui.painter().rect_filled(rect, body::corner(zoom), veil);
    }
    scene.frame.drawn.insert(id.to_owned(), Drawn { rect, ports });
}

fn join(cause: &str, help: &str) -> String {
    [cause, help].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}

/// What went wrong, as a card in the node.
fn message(ui: &mut Ui, zoom: f32, what: &str, more: &str, color: Color32) {
    let theme = Theme::of(ui);
    let width = NODE_WIDTH * zoom;
    let pad = 8.0 * zoom;
    let layout = |text: &str, size: f32, color: Color32| {
        ui.painter().layout(text.to_owned(), FontId::proportional(size * zoom), color, width - 2.0 * pad)
    };
    let what = layout(what, theme::BODY, color);
    let more = layout(more, theme::SMALL, theme.text);
    let height = what.size().y + if more.is_empty() { 0.0 } else { more.size().y + 3.0 * zoom } + 2.0 * pad;
    let (rect, response) = ui.allocate_exact_size(vec2(width, height), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, what.text()));
    ui.painter().rect_filled(rect, CornerRadius::same((5.0 * zoom) as u8), color.gamma_multiply(0.13));
    let at = rect.min + vec2(pad, pad);
    let below = at + vec2(0.0, what.size().y + 3.0 * zoom);
    ui.painter().galley(at, what, color);
    ui.painter().galley(below, more, theme.text);
}

fn picture_of(ui: &mut Ui, scene: &mut Scene, id: &str, picture: &Arc<Picture>) {
    let theme = Theme::of(ui);
    let zoom = scene.frame.zoom;
    let width = NODE_WIDTH * zoom;
    let (across, down) = (picture.width.max(1) as f32, picture.height.max(1) as f32);
    let size = vec2(width, (width * down / across).min(width * 1.6));
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Image, true, format!("picture of {id}")));
    let scale = (rect.width() / across).min(rect.height() / down);
    let shown = Rect::from_center_size(rect.center(), vec2(across, down) * scale);
    let texture = scene.textures.picture(ui.ctx(), picture);
    egui::Image::from_texture((texture.id(), shown.size()))
        .corner_radius(CornerRadius::same((5.0 * zoom) as u8))
        .paint_at(ui, shown);
    let caption = match &picture.file {
        _ if picture.is_preview => "preview".to_owned(),
        Some(file) => {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            format!("{} × {}   {name}", picture.width, picture.height)
        }
        None => format!("{} × {}", picture.width, picture.height),
    };
    let (line, below) = ui.allocate_exact_size(vec2(width, 15.0 * zoom), Sense::hover());
    below.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, &caption));
    let galley = elided(ui, &caption, theme::SMALL * zoom, theme.quiet, width);
    ui.painter().galley(Align2::LEFT_CENTER.anchor_size(line.left_center(), galley.size()).min, galley, theme.quiet);
    if response.on_hover_text("Click to see it large").clicked() {
        scene.frame.actions.push(Action::ViewNode(id.to_owned()));
    }
}

/// One line of text, with an ellipsis where it is longer than `width`.
pub fn elided(ui: &Ui, text: &str, size: f32, color: Color32, width: f32) -> Arc<Galley> {
    let mut job = egui::text::LayoutJob::simple_singleline(text.to_owned(), FontId::proportional(size), color);
    job.wrap = egui::text::TextWrapping::truncate_at_width(width.max(1.0));
    ui.painter().layout_job(job)
}
