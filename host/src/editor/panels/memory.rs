//! The memory line.

use egui::{Align2, Rect, Response, Sense, Stroke, TextStyle, Ui, WidgetInfo, WidgetType, pos2, vec2};

use super::card;
use crate::editor::theme::{GAP, Theme};
use crate::foresee::Phase;

const BAR: f32 = 72.0;

/// A small bar and "engine 1.2 GB · free 18 GB". All numbers are bytes; `peak` is the work for which the graph will need most.
pub fn memory(ui: &mut Ui, used_by_engine: Option<u64>, free: u64, total: u64, peak: Option<&Phase>) -> Response {
    let theme = Theme::of(ui);
    let predicted = peak.map(|peak| peak.bytes);
    let is_tight = predicted.is_some_and(|predicted| predicted > free.saturating_add(used_by_engine.unwrap_or(0)));
    let said = said(used_by_engine, free, predicted);
    let galley = card::text(ui, &said, &TextStyle::Small, theme.quiet, ui.available_width() - BAR - GAP, 1);
    let size = vec2(BAR + GAP + galley.size().x, galley.size().y.max(8.0));
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let bar = Rect::from_min_size(pos2(rect.left(), rect.center().y - 3.0), vec2(BAR, 6.0));
    let share = |bytes: u64| BAR * (bytes as f32 / total.max(1) as f32).clamp(0.0, 1.0);
    let engine = share(used_by_engine.unwrap_or(0));
    let taken = share(total.saturating_sub(free)).max(engine);
    let until = |x: f32| Rect::from_min_max(bar.min, pos2(bar.left() + x, bar.bottom()));
    ui.painter().rect_filled(bar, 3, theme.line);
    ui.painter().rect_filled(until(taken), 3, theme.quiet);
    ui.painter().rect_filled(until(engine), 3, if is_tight { theme.warning } else { theme.accent });
    if let Some(predicted) = predicted {
        let color = if is_tight { theme.warning } else { theme.text };
        let x = bar.left() + share(predicted);
        ui.painter().vline(x, bar.expand(2.0).y_range(), Stroke::new(2.0, color));
    }
    let text = Align2::LEFT_CENTER.anchor_size(pos2(bar.right() + GAP, rect.center().y), galley.size());
    ui.painter().galley_with_override_text_color(text.min, galley, if is_tight { theme.warning } else { theme.quiet });
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, &said));
    response.on_hover_text(hover(used_by_engine, free, total, peak))
}

fn said(used_by_engine: Option<u64>, free: u64, predicted: Option<u64>) -> String {
    let mut parts = Vec::new();
    parts.extend(used_by_engine.map(|used| format!("engine {}", card::bytes(used))));
    parts.extend(predicted.map(|predicted| format!("needs {}", card::bytes(predicted))));
    parts.push(format!("free {}", card::bytes(free)));
    parts.join(" · ")
}

fn hover(used_by_engine: Option<u64>, free: u64, total: u64, peak: Option<&Phase>) -> String {
    let mut lines = Vec::new();
    lines.extend(used_by_engine.map(|used| format!("The engine, with its models: {}", card::bytes(used))));
    lines.extend(peak.map(|Phase { node, work, bytes, .. }| {
        format!("This graph is expected to need: {}, when {} at {node}", card::bytes(*bytes), work.name())
    }));
    lines.push(format!("Free: {} of {}", card::bytes(free), card::bytes(total)));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use egui_kittest::{Harness, kittest::Queryable};

    use super::*;
    use crate::foresee::Work;

    #[test]
    fn it_says_the_numbers() {
        let harness = Harness::new_ui(|ui| {
            memory(ui, Some(1_240_000_000), 18_000_000_000, 32_000_000_000, None);
        });
        harness.get_by_label("engine 1.2 GB · free 18 GB");
        let peak = Phase { bytes: 3_000_000_000, ..Phase::of("draw", Work::Sample) };
        assert!(hover(None, 0, 0, Some(&peak)).contains("3.0 GB, when sampling at draw"));
        assert_eq!(said(None, 2_000_000_000, Some(3_000_000_000)), "needs 3.0 GB · free 2.0 GB");
    }

    #[test]
    fn odd_numbers_do_no_harm() {
        Harness::new_ui(|ui| {
            for (used, free, total, bytes) in
                [(None, 0, 0, None), (Some(u64::MAX), u64::MAX, 1, Some(u64::MAX)), (Some(9), 5, 3, Some(0))]
            {
                let peak = bytes.map(|bytes| Phase { bytes, ..Phase::of("sample", Work::Sample) });
                memory(ui, used, free, total, peak.as_ref());
            }
        });
    }
}
