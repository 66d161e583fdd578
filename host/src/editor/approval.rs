//! The question whether a library that nobody approved may be opened. Nothing of it has run when it is asked.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use egui::{Button, Context, Id, Label, Modal, RichText, Ui};

use super::Action;
use super::panels;
use super::theme::{self, Theme};
use crate::plugins::{Catalog, Decision, Refused, Standing, Unopened};
use crate::text::printable;

/// The libraries that are asked about, one after the other.
#[derive(Debug, Default)]
pub struct Approval {
    waiting: Vec<(String, Unopened)>,
    /// What was asked about already, by SHA-256: each is asked about once a session.
    asked: HashSet<String>,
    known: Option<Arc<Catalog>>,
    /// Something was approved, and is opened when the last question is answered.
    wants_restart: bool,
}

impl Approval {
    /// Takes up what a new catalogue tells of.
    pub fn look(&mut self, catalog: &Arc<Catalog>) {
        if self.known.as_ref().is_some_and(|known| Arc::ptr_eq(known, catalog)) {
            return;
        }
        self.known = Some(Arc::clone(catalog));
        // Without a store there is nowhere to write an answer.
        let news = catalog.refused.iter().filter(|refused| refused.is_news() && catalog.no_store.is_none());
        for Refused { file, unopened, .. } in news {
            if let Some(unopened) = unopened
                && self.asked.insert(unopened.sha256.clone())
            {
                self.waiting.push((file.clone(), unopened.clone()));
            }
        }
    }

    pub fn is_open(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Notes that something was approved.
    pub fn approved(&mut self) {
        self.wants_restart = true;
    }

    /// Whether the engine is to be started again now: once, behind the last question.
    pub fn takes_restart(&mut self) -> bool {
        !self.is_open() && std::mem::take(&mut self.wants_restart)
    }

    /// Asks about the first that waits. The decision is on the bytes that were shown, by their SHA-256.
    pub fn show(&mut self, ctx: &Context) -> Option<Action> {
        let (file, unopened) = self.waiting.first()?;
        let others = self.waiting.len() - 1;
        let mut answer = None;
        let modal = Modal::new(Id::new("approval")).show(ctx, |ui| {
            ui.set_width(520.0);
            facts(ui, file, unopened);
            ui.add_space(theme::SPACE);
            ui.horizontal(|ui| answer = buttons(ui, others));
        });
        let is_over = answer.is_some() || modal.should_close();
        let (file, unopened) = is_over.then(|| self.waiting.remove(0))?;
        answer.flatten().map(|decision| Action::Decide { file, sha256: unopened.sha256, decision })
    }
}

/// What is known of a library without opening it.
fn facts(ui: &mut Ui, file: &str, unopened: &Unopened) {
    let theme = Theme::of(ui);
    let changed = match &unopened.standing {
        Standing::Changed(day) => Some(day),
        _ => None,
    };
    let title = if changed.is_some() { "This plugin has changed. Open it?" } else { "Open this plugin?" };
    ui.label(RichText::new(title).size(theme::HEADING - 2.0));
    if let Some(day) = changed {
        let text = format!("You approved another file at this place on {day}.");
        ui.label(RichText::new(text).color(theme.warning));
    }
    ui.add_space(theme::SPACE);
    let path = Path::new(file);
    let part = |part: Option<&std::ffi::OsStr>| printable(&part.unwrap_or_default().to_string_lossy());
    let half = unopened.sha256.len() / 2;
    let (first, second) = unopened.sha256.split_at_checked(half).unwrap_or_default();
    egui::Grid::new("facts").num_columns(2).spacing([theme::SPACE * 2.0, 4.0]).show(ui, |ui| {
        for (name, value) in [
            ("File", RichText::new(part(path.file_name())).strong()),
            ("Where", RichText::new(part(path.parent().map(Path::as_os_str)))),
            ("What", RichText::new(format!("{}, {}", unopened.form, panels::bytes(unopened.bytes)))),
            ("SHA-256", RichText::new(format!("{first}\n{second}")).monospace()),
        ] {
            ui.label(RichText::new(name).color(theme.quiet));
            ui.add(Label::new(value).wrap());
            ui.end_row();
        }
    });
    ui.add_space(theme::SPACE);
    let rights = "Nothing of it has run yet. A plugin can do whatever you can do on this machine: trust it only if you \
                  trust who made it, and compare the SHA-256 with the one that they give.";
    ui.add(Label::new(RichText::new(rights).color(theme.quiet)).wrap());
}

/// None while nobody answered; no decision is "not now".
fn buttons(ui: &mut Ui, others: usize) -> Option<Option<Decision>> {
    let theme = Theme::of(ui);
    let mut answer = None;
    if ui.button("Trust").clicked() {
        answer = Some(Some(Decision::Trusted));
    }
    if ui.button("Never").on_hover_text("Does not ask about this file again").clicked() {
        answer = Some(Some(Decision::Denied));
    }
    let later = Button::new(RichText::new("Not now").color(theme.on_accent)).fill(theme.accent);
    let later = ui.add(later).on_hover_text("Asks again at the next start");
    if later.clicked() {
        answer = Some(None);
    }
    // What Enter does without a look must not let anything in.
    if ui.memory(|memory| memory.focused().is_none()) {
        later.request_focus();
    }
    if others > 0 {
        ui.label(RichText::new(format!("and {others} more")).color(theme.quiet));
    }
    answer
}

#[cfg(test)]
mod tests {
    use egui::Key;
    use egui_kittest::{Harness, kittest::Queryable};

    use super::*;

    fn refused(name: &str, digit: char, standing: Standing) -> Refused {
        let (sha256, form) = (digit.to_string().repeat(64), "ELF library for x86_64".to_owned());
        let unopened = Some(Unopened { sha256, bytes: 412_000, form, standing });
        Refused { file: format!("/home/a/plugins/{name}"), reason: String::new(), unopened }
    }

    type Held = (Approval, Vec<Action>);

    fn show(refused: Vec<Refused>) -> Harness<'static, Held> {
        let mut approval = Approval::default();
        approval.look(&Arc::new(Catalog { refused, ..Catalog::default() }));
        let draw = |ui: &mut Ui, (approval, actions): &mut Held| actions.extend(approval.show(ui.ctx()));
        Harness::builder().with_size([700.0, 500.0]).build_ui_state(draw, (approval, Vec::new()))
    }

    fn decide(name: &str, digit: char, decision: Decision) -> Action {
        Action::Decide { file: format!("/home/a/plugins/{name}"), sha256: digit.to_string().repeat(64), decision }
    }

    #[test]
    fn each_is_asked_about_with_all_that_is_known() {
        let changed = Standing::Changed("2026-11-23".to_owned());
        let mut harness = show(vec![refused("liba.so", 'a', Standing::Unknown), refused("libb.so", 'b', changed)]);
        for text in ["Open this plugin?", "liba.so", "/home/a/plugins", "and 1 more"] {
            harness.get_by_label(text);
        }
        harness.get_by_label_contains("ELF library for x86_64, 412 KB");
        harness.get_by_label_contains(&"a".repeat(32));
        harness.get_by_label("Trust").click();
        harness.run();
        harness.get_by_label("This plugin has changed. Open it?");
        harness.get_by_label_contains("on 2026-11-23");
        harness.get_by_label("Never").click();
        harness.run();
        let decided = [decide("liba.so", 'a', Decision::Trusted), decide("libb.so", 'b', Decision::Denied)];
        assert_eq!(harness.state().1, decided);
        assert!(!harness.state().0.is_open());
    }

    #[test]
    fn enter_and_escape_let_nothing_in() {
        for key in [Key::Enter, Key::Escape] {
            let mut harness = show(vec![refused("liba.so", 'a', Standing::Unknown)]);
            harness.run();
            harness.key_press(key);
            harness.run();
            assert!(!harness.state().0.is_open() && harness.state().1.is_empty(), "{key:?}");
        }
    }

    #[test]
    fn nobody_is_asked_twice_or_about_what_was_denied() {
        let mut approval = Approval::default();
        let catalog = |refused| Arc::new(Catalog { refused, ..Catalog::default() });
        approval.look(&catalog(vec![refused("liba.so", 'a', Standing::Denied(String::new()))]));
        assert!(!approval.is_open());
        approval.look(&catalog(vec![refused("libb.so", 'b', Standing::Unknown)]));
        assert!(approval.is_open());
        approval.approved();
        assert!(!approval.takes_restart(), "not before the last answer");
        approval.waiting.clear();
        assert!(approval.takes_restart() && !approval.takes_restart());
        approval.look(&catalog(vec![refused("libb.so", 'b', Standing::Unknown)]));
        assert!(!approval.is_open(), "asked once a session");
    }
}
