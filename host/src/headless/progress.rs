//! Progress on standard error: bars on a terminal, lines elsewhere.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use crate::engine::protocol::{self, Event};
use crate::text;

/// Shows events as they come.
pub struct Progress {
    how: How,
    kinds: HashMap<String, String>,
    started: Instant,
}

enum How {
    Quiet,
    Lines,
    Bar(ProgressBar),
}

impl Progress {
    /// `kinds` maps the nodes to their kinds.
    pub fn new(quiet: bool, kinds: HashMap<String, String>) -> Self {
        let how = match (quiet, std::io::stderr().is_terminal()) {
            (true, _) => How::Quiet,
            (false, false) => How::Lines,
            (false, true) => How::Bar(bar()),
        };
        Self { how, kinds, started: Instant::now() }
    }

    /// Shows one event.
    pub fn show(&self, event: &Event) {
        match event {
            Event::Foreseen { foreseen, memory } => {
                foreseen.told(*memory).iter().for_each(|told| self.line(told));
            }
            Event::Started { node } => self.begin(node),
            Event::Progress { node, done, total } => self.step(node, u64::from(*done), u64::from(*total)),
            Event::Loading { node, done, total } => self.load(node, *done, *total),
            Event::Note { node, text } => self.line(&format!("{node}: {text}")),
            Event::Done { node, milliseconds, how: protocol::How::Computed, .. } => self.end(node, *milliseconds),
            Event::Done { node, how: protocol::How::Disk, .. } => {
                self.line(&format!("{node}: from the cache on the disk"))
            }
            _ => {}
        }
    }

    /// A line that stays.
    pub fn line(&self, text: &str) {
        match &self.how {
            How::Quiet => {}
            How::Lines => {
                super::say(&format!("{:7.2} s  {}", self.started.elapsed().as_secs_f64(), text::printable(text)))
            }
            How::Bar(bar) => bar.println(text::printable(text)),
        }
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        if let How::Bar(bar) = &self.how {
            bar.finish_and_clear();
        }
    }

    fn begin(&self, node: &str) {
        if let How::Bar(bar) = &self.how {
            bar.set_length(0);
            bar.set_position(0);
            bar.set_message(format!("{node} ({})", self.kinds.get(node).map_or("", String::as_str)));
        }
    }

    fn step(&self, node: &str, done: u64, total: u64) {
        match &self.how {
            How::Bar(bar) => {
                bar.set_length(total);
                bar.set_position(done);
            }
            How::Lines => self.line(&format!("{node}: {done}/{total}")),
            How::Quiet => {}
        }
    }

    fn load(&self, node: &str, done: u64, total: u64) {
        if let How::Bar(bar) = &self.how {
            bar.set_length(total);
            bar.set_position(done);
            bar.set_message(format!("{node}: reading weights, {} of {} MB", done >> 20, total >> 20));
        }
    }

    fn end(&self, node: &str, milliseconds: f64) {
        if matches!(self.how, How::Bar(_)) || milliseconds >= 1000.0 {
            self.line(&format!("{node}: done in {:.2} s", milliseconds / 1e3));
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    // The template is a constant that the test below builds.
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(std::time::Duration::from_millis(100));
    bar
}

const TEMPLATE: &str = "{spinner} {msg} {wide_bar} {pos}/{len} {elapsed}";

#[cfg(test)]
mod tests {
    #[test]
    fn the_template_is_sound() {
        assert!(super::ProgressStyle::with_template(super::TEMPLATE).is_ok());
    }
}
