//! What a node said when it last ran, below its ports: a line for each report and one for its notes. A click shows all of it.

use egui::{Align2, Rect, Sense, Ui, WidgetInfo, WidgetType, vec2};
use egui_phosphor::regular as icon;

use super::node::elided;
use crate::editor::Action;
use crate::editor::scene::Scene;
use crate::editor::theme::{self, GAP, NODE_WIDTH, Theme};
use crate::text::printable;

/// Reports that have a line each; of more, the last stands for all.
const MOST: usize = 3;

/// A line and what it leads to.
struct Line {
    glyph: &'static str,
    text: String,
    /// At the right: how much there is.
    count: String,
    /// The whole of what may be cut.
    hover: String,
    report: Option<usize>,
}

pub fn show(ui: &mut Ui, scene: &mut Scene, id: &str) {
    for line in lines(scene, id) {
        if draw(ui, scene.frame.zoom, &line) {
            scene.frame.actions.push(Action::ViewSaid { node: id.to_owned(), report: line.report });
        }
    }
}

fn lines(scene: &Scene, id: &str) -> Vec<Line> {
    let Some(said) = scene.said.get(id) else { return Vec::new() };
    let report = |(index, table): (usize, &std::sync::Arc<crate::engine::protocol::Table>)| {
        let count = match table.rows.len() {
            1 => "1 row".to_owned(),
            count => format!("{count} rows"),
        };
        let hover = format!("{}\nClick to see the table: {count}", table.title);
        Line { glyph: icon::TABLE, text: table.title.clone(), count, hover, report: Some(index) }
    };
    let mut lines: Vec<Line> = said.reports.iter().enumerate().map(report).collect();
    if lines.len() > MOST {
        let hover = lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n");
        let (count, last) = (format!("1 of {}", lines.len()), lines.pop());
        lines = last.map(|last| Line { count, hover, ..last }).into_iter().collect();
    }
    // A note that says what a report's title says is that line already.
    let notes: Vec<&String> =
        said.notes.iter().filter(|note| said.reports.iter().all(|table| table.title != **note)).collect();
    if let Some(last) = notes.last() {
        let count = if notes.len() > 1 { format!("1 of {}", notes.len()) } else { String::new() };
        let first = notes.len().saturating_sub(12);
        let hover = notes[first..].iter().map(|note| note.as_str()).collect::<Vec<_>>().join("\n");
        lines.push(Line { glyph: icon::INFO, text: (*last).clone(), count, hover, report: None });
    }
    lines
}

/// True where it was clicked.
fn draw(ui: &mut Ui, zoom: f32, line: &Line) -> bool {
    let theme = Theme::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(NODE_WIDTH, 18.0) * zoom, Sense::click());
    let text = printable(&line.text);
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, &text));
    let color = if response.hovered() || response.has_focus() { theme.text } else { theme.quiet };
    let size = theme::SMALL * zoom;
    let inner = rect.shrink2(vec2(9.0 * zoom, 0.0));
    let put = |text: &str, align: Align2, rect: Rect| {
        let galley = elided(ui, text, size, color, rect.width());
        let place = align.align_size_within_rect(galley.size(), rect);
        ui.painter().galley(place.min, galley, color);
        place
    };
    let glyph = put(line.glyph, Align2::LEFT_CENTER, inner);
    let count = put(&line.count, Align2::RIGHT_CENTER, inner.with_min_x(inner.center().x));
    let room = Rect::from_x_y_ranges(glyph.right() + GAP * zoom..=count.left() - GAP * zoom, rect.y_range());
    put(&text, Align2::LEFT_CENTER, room);
    response.on_hover_cursor(egui::CursorIcon::PointingHand).on_hover_text(printable(&line.hover)).clicked()
}
