//! Everything that a key, a menu or a button can ask for, in one table: menus, the key map window and the keyboard all
//! read it.

use std::path::PathBuf;
use std::sync::Arc;

use egui::{Key, KeyboardShortcut, Modifiers};

use crate::document::{Edit, Recovered};
use crate::graph::Graph;
use crate::plugins::Decision;
use crate::queue::RunId;

/// What the user wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    New,
    Open,
    OpenFile(PathBuf),
    OpenTemplate(PathBuf),
    /// A graph of a picture or of an earlier run, in place of the open one.
    Restore(Arc<Graph>),
    Save,
    SaveAs,
    SaveTo(PathBuf),
    Undo,
    Redo,
    Cut,
    Copy,
    Paste,
    PasteWithLinks,
    PasteText {
        text: String,
        links: bool,
    },
    Duplicate,
    SelectAll,
    Delete,
    Mute,
    Bypass,
    Collapse,
    /// The palette, at the pointer.
    Search,
    Fit,
    FitSelection,
    ZoomReset,
    Run,
    RunFirst,
    Interrupt,
    Unqueue(RunId),
    ClearQueue,
    Refresh,
    Templates,
    Keys,
    Theme,
    TextLarger,
    TextSmaller,
    TextNormal,
    Sidebar,
    Problems,
    Quit,
    /// Shows a node and selects it.
    Jump(String),
    /// A node at the middle of the canvas.
    AddNode {
        kind: String,
        inputs: Vec<(String, crate::graph::Input)>,
    },
    /// Shows a picture large.
    View(PathBuf),
    /// The picture on a node, large.
    ViewNode(String),
    /// What a node said, in a window: one of its reports, or, where there is no number, its notes.
    ViewSaid {
        node: String,
        report: Option<usize>,
    },
    ShowInFolder(PathBuf),
    /// The name of a node becomes a field.
    StartRename(String),
    /// A graph that an editor which was killed left behind.
    Recover(Box<Recovered>),
    /// What the user says of a library.
    Decide {
        file: String,
        sha256: String,
        decision: Decision,
    },
    Edit(Edit),
}

/// An action with what menus call it and its keys; the first ones are shown.
pub struct Entry {
    pub action: Action,
    pub label: &'static str,
    pub group: &'static str,
    pub keys: &'static [KeyboardShortcut],
}

/// Cmd on a Mac, Ctrl elsewhere.
const CMD: Modifiers = Modifiers::COMMAND;
const CMD_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);
const NONE: Modifiers = Modifiers::NONE;

const fn key(modifiers: Modifiers, key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(modifiers, key)
}

/// Every action that has a name. Keys without Ctrl or Cmd work only while no text is being edited.
pub const ENTRIES: &[Entry] = &[
    entry(Action::New, "New", "File", &[key(CMD, Key::N)]),
    entry(Action::Open, "Open…", "File", &[key(CMD, Key::O)]),
    entry(Action::Save, "Save", "File", &[key(CMD, Key::S)]),
    entry(Action::SaveAs, "Save as…", "File", &[key(CMD_SHIFT, Key::S)]),
    entry(Action::Templates, "Templates", "File", &[key(CMD, Key::T)]),
    entry(Action::Quit, "Quit", "File", &[key(CMD, Key::Q)]),
    entry(Action::Undo, "Undo", "Edit", &[key(CMD, Key::Z)]),
    entry(Action::Redo, "Redo", "Edit", &[key(CMD_SHIFT, Key::Z), key(CMD, Key::Y)]),
    entry(Action::Cut, "Cut", "Edit", &[key(CMD, Key::X)]),
    entry(Action::Copy, "Copy", "Edit", &[key(CMD, Key::C)]),
    entry(Action::Paste, "Paste", "Edit", &[key(CMD, Key::V)]),
    entry(Action::PasteWithLinks, "Paste with links", "Edit", &[key(CMD_SHIFT, Key::V)]),
    entry(Action::Duplicate, "Duplicate", "Edit", &[key(CMD, Key::D)]),
    entry(Action::SelectAll, "Select all", "Edit", &[key(CMD, Key::A)]),
    entry(Action::Delete, "Delete", "Edit", &[key(NONE, Key::Delete), key(NONE, Key::Backspace)]),
    entry(Action::Search, "Add a node…", "Node", &[key(NONE, Key::Tab), key(Modifiers::SHIFT, Key::A)]),
    entry(Action::Bypass, "Bypass", "Node", &[key(CMD, Key::B)]),
    entry(Action::Mute, "Mute", "Node", &[key(CMD, Key::M)]),
    entry(Action::Collapse, "Collapse", "Node", &[key(NONE, Key::C)]),
    entry(Action::Fit, "Show all", "View", &[key(NONE, Key::F)]),
    entry(Action::FitSelection, "Show selection", "View", &[key(NONE, Key::Period)]),
    entry(Action::ZoomReset, "Actual size", "View", &[key(NONE, Key::Num1)]),
    entry(Action::Sidebar, "Side panel", "View", &[key(NONE, Key::N)]),
    entry(Action::Theme, "Dark or light", "View", &[]),
    entry(Action::TextLarger, "Larger text", "View", &[key(CMD, Key::Plus), key(CMD, Key::Equals)]),
    entry(Action::TextSmaller, "Smaller text", "View", &[key(CMD, Key::Minus)]),
    entry(Action::TextNormal, "Normal text", "View", &[key(CMD, Key::Num0)]),
    entry(Action::Keys, "Keys", "View", &[key(NONE, Key::Questionmark), key(NONE, Key::F1)]),
    entry(Action::Run, "Run", "Run", &[key(CMD, Key::Enter)]),
    entry(Action::RunFirst, "Run first", "Run", &[key(CMD_SHIFT, Key::Enter)]),
    entry(Action::Interrupt, "Stop", "Run", &[key(CMD.plus(Modifiers::ALT), Key::Enter)]),
    entry(Action::Refresh, "Refresh models", "Run", &[key(NONE, Key::R)]),
];

const fn entry(action: Action, label: &'static str, group: &'static str, keys: &'static [KeyboardShortcut]) -> Entry {
    Entry { action, label, group, keys }
}

/// The entry of an action.
pub fn find(action: &Action) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.action == *action)
}
