//! The files that graphs can name: models by what they are for, and input pictures.

use std::sync::Arc;

use egui::{Align2, Context, Frame, Margin, Rect, ScrollArea, Sense, TextStyle, Ui, pos2};
use egui_phosphor::regular as icon;
use plugin_api::{Folder, InputKind};

use super::{Action, card};
use crate::editor::files::{Files, has_facts};
use crate::editor::lora;
use crate::editor::theme::{GAP, SPACE, Theme};
use crate::editor::widgets::{give, paint};
use crate::graph::Input;
use crate::library::{Entry, Facts};
use crate::plugins::Catalog;

/// Files of one folder.
pub struct Group {
    pub title: &'static str,
    /// Where files for it are put, as people write it.
    pub place: &'static str,
    pub folder: Folder,
    pub files: Arc<[Entry]>,
    /// The one ending that all of them have: it says nothing and takes the room of the names. Empty where they have several.
    pub ending: String,
}

impl Group {
    /// What a model, a LoRA or an upscaler says of itself; none for pictures and latents.
    fn facts(&self, ctx: &Context, shelf: &dyn Files, entry: &Entry) -> Option<Facts> {
        if has_facts(&self.folder) { shelf.facts(ctx, &entry.path) } else { None }
    }

    /// Whether a search finds a file: by its name, or by what it says of itself.
    fn finds(&self, ctx: &Context, shelf: &dyn Files, query: &str, entry: &Entry) -> bool {
        if query.trim().is_empty() {
            return true;
        }
        let said = self.facts(ctx, shelf, entry).map_or(String::new(), |facts| lora::all_text(&facts));
        card::finds(query, &[&entry.name, &said])
    }
}

/// A file that is dragged out of the panel.
#[derive(Debug, Clone, PartialEq)]
pub struct Carried {
    pub folder: Folder,
    pub entry: Entry,
}

/// The memory that a model has to fit into.
#[derive(Debug, Clone, Copy, Default)]
pub struct Room {
    /// Bytes; none where the system does not tell.
    pub free: Option<u64>,
    /// On a GPU models run in bfloat16, on a CPU in float32.
    pub is_gpu: bool,
}

impl Room {
    /// "needs 24 GB", and whether that is more than is free. None for what is no model.
    fn needed(self, facts: &Facts) -> Option<(String, bool)> {
        let memory = lora::model(facts)?.memory;
        let bytes = if self.is_gpu { memory.bfloat16 } else { memory.float32 };
        let is_tight = self.free.is_some_and(|free| bytes > free);
        let free = self.free.filter(|_| is_tight).map(|free| format!(" of {} free", card::bytes(free)));
        (bytes > 0).then(|| (format!("needs {}{}", card::bytes(bytes), free.unwrap_or_default()), is_tight))
    }
}

/// What the library has, by group. Only files that some node takes, where nodes say so.
pub fn files(catalog: &Catalog, shelf: &dyn Files) -> Vec<Group> {
    let part = |name: &str| Folder::Models(name.to_owned());
    let groups = [
        ("Models", "models/", Folder::AnyModel),
        ("LoRA", "models/loras/", part("loras")),
        ("Upscale models", "models/upscale_models/", part("upscale_models")),
        ("VAE", "models/vae/", part("vae")),
        ("Text encoders", "models/text_encoders/", part("text_encoders")),
        ("Inputs", "the folder of the graph", Folder::Input),
    ];
    let group = |(title, place, folder): (&'static str, &'static str, Folder)| {
        let extensions = extensions(catalog, &folder);
        let files = shelf.list(&folder, &extensions);
        let ending = if let [one] = &extensions[..] { format!(".{one}") } else { String::new() };
        Group { title, place, folder, files, ending }
    };
    groups.map(group).into()
}

/// The page of files. A click adds the node that takes the file; a file can be dragged to a node or the canvas.
pub fn page(
    ui: &mut Ui,
    catalog: &Catalog,
    groups: &[Group],
    shelf: &dyn Files,
    room: Room,
    query: &mut String,
) -> Vec<Action> {
    let mut actions = Vec::new();
    ui.horizontal(|ui| {
        let width = ui.available_width() - card::row_height(ui) - GAP;
        ui.scope(|ui| {
            ui.set_max_width(width.max(1.0));
            card::search(ui, query, "Search files");
        });
        let at = pos2(ui.max_rect().right() - card::row_height(ui) / 2.0, ui.min_rect().center().y);
        if card::icon_button(ui, at, "refresh", icon::ARROWS_CLOCKWISE, "Look for new files").clicked() {
            actions.push(Action::Refresh);
        }
    });
    ScrollArea::vertical().id_salt("models").auto_shrink(false).show(ui, |ui| {
        let is_searching = !query.trim().is_empty();
        let mut is_empty = true;
        for group in groups {
            let finds = |entry: &&Entry| group.finds(ui.ctx(), shelf, query, entry);
            let found: Vec<&Entry> = group.files.iter().filter(finds).collect();
            if is_searching && found.is_empty() {
                continue;
            }
            is_empty = false;
            let title = format!("{} ({})", group.title, found.len());
            card::group(ui, &title, group.title, is_searching.then_some(true), |ui| {
                if found.is_empty() {
                    // Under the name, not under the triangle before it.
                    let indent = Margin { left: ui.spacing().indent as i8, ..Margin::ZERO };
                    let said = format!("Nothing yet. Files belong into {}.", group.place);
                    Frame::new().inner_margin(indent).show(ui, |ui| card::quiet(ui, &said));
                }
                // What has facts has a second line.
                let second = if has_facts(&group.folder) { card::height(ui, &TextStyle::Small) + 2.0 } else { 0.0 };
                let height = card::row_height(ui) + second;
                card::rows(ui, found.len(), height, |ui, index, rect| {
                    actions.extend(row(ui, rect, catalog, group, shelf, room, found[index]));
                });
            });
        }
        if is_searching && is_empty {
            card::nothing(ui, icon::MAGNIFYING_GLASS, "No file is found by these words.");
        }
        ui.add_space(SPACE);
    });
    actions
}

fn row(
    ui: &Ui,
    rect: Rect,
    catalog: &Catalog,
    group: &Group,
    shelf: &dyn Files,
    room: Room,
    entry: &Entry,
) -> Option<Action> {
    let theme = Theme::of(ui);
    let response = card::button(ui, rect, (group.title, &entry.path), &entry.name).interact(Sense::drag());
    let carried = Carried { folder: group.folder.clone(), entry: entry.clone() };
    card::row_background(ui, &response);
    let first = rect.with_max_y(rect.top() + card::row_height(ui));
    let size = if entry.bytes == 0 && entry.is_folder { String::new() } else { card::bytes(entry.bytes) };
    let right = pos2(rect.right() - GAP, first.center().y);
    let size = card::line(ui, right, Align2::RIGHT_CENTER, &size, &TextStyle::Small, theme.quiet, rect.width() * 0.4);
    let glyph = match (entry.is_folder, &group.folder) {
        (true, _) => icon::PACKAGE,
        (false, Folder::Input) => icon::IMAGE,
        (false, _) => icon::CUBE,
    };
    let at = pos2(rect.left() + SPACE, first.center().y);
    card::line(ui, at, Align2::CENTER_CENTER, glyph, &TextStyle::Body, theme.quiet, rect.width());
    let name = Rect::from_x_y_ranges(rect.left() + SPACE * 2.0..=size.left() - GAP, first.y_range());
    let short = entry.name.strip_suffix(group.ending.as_str()).unwrap_or(&entry.name);
    paint::path(ui, name, &crate::text::printable(short), theme.text);
    let facts = group.facts(ui.ctx(), shelf, entry);
    if let Some(facts) = &facts {
        let at = pos2(name.left(), rect.bottom() - GAP);
        let (said, color) = match (lora::problem(facts, &entry.path), room.needed(facts)) {
            (Some(problem), _) => (format!("{} {problem}", icon::WARNING), theme.warning),
            (None, Some((needs, true))) => (format!("{needs} · {}", lora::short(facts)), theme.warning),
            (None, Some((needs, false))) => (format!("{needs} · {}", lora::short(facts)), theme.quiet),
            (None, None) => (lora::short(facts), theme.quiet),
        };
        let width = rect.right() - GAP - at.x;
        card::line(ui, at, Align2::LEFT_BOTTOM, &said, &TextStyle::Small, color, width);
    }
    let is_clicked = response.clicked();
    // The catalogue is searched only for the row that it matters to.
    let node = (is_clicked || response.hovered()).then(|| node_for(catalog, shelf, &carried)).flatten();
    response.dnd_set_drag_payload(carried);
    response.on_hover_ui(|ui| {
        ui.set_max_width(380.0);
        ui.label(crate::text::printable(&entry.name));
        card::quiet(ui, &entry.path.display().to_string());
        if let Some(facts) = &facts {
            lora::about(ui, facts, &entry.path);
        }
        let does = match &node {
            Some((kind, _)) => format!("A click adds {kind}. Drag it to a node to use it there."),
            None => "No node takes this file".to_owned(),
        };
        card::quiet(ui, &does);
    });
    let (kind, inputs) = node.filter(|_| is_clicked)?;
    Some(Action::AddNode { kind, inputs })
}

/// The first node that takes such a file: its kind, and the values that name the file.
pub fn node_for(catalog: &Catalog, shelf: &dyn Files, file: &Carried) -> Option<(String, Vec<(String, Input)>)> {
    let nodes = catalog.offered();
    nodes.into_iter().find_map(|(kind, spec)| {
        let values = give::values(shelf, &spec.inputs, |_| None, &file.folder, &file.entry)?;
        let inputs = values.into_iter().filter_map(|(name, value)| Some((name, Input::Value(value?))));
        Some((kind, inputs.collect()))
    })
}

/// Every extension that nodes take from a folder; empty where one takes all, or none takes any.
fn extensions(catalog: &Catalog, of: &Folder) -> Vec<String> {
    let mut all = Vec::new();
    for (_, spec) in catalog.offered() {
        let columns = spec.inputs.iter().flat_map(|input| match &input.kind {
            InputKind::Rows { columns } => columns.as_slice(),
            _ => std::slice::from_ref(input),
        });
        for column in columns {
            match &column.kind {
                InputKind::File { folder, extensions, .. } if folder == of => {
                    if extensions.is_empty() {
                        return Vec::new();
                    }
                    all.extend(extensions.iter().cloned());
                }
                _ => {}
            }
        }
    }
    all.sort();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use egui_kittest::{Harness, kittest::Queryable};
    use plugin_api::{InputSpec, NodeSpec};

    use super::*;
    use crate::editor::files::fake::{Fake, facts};

    fn file(folder: Folder, extensions: &[&str]) -> InputKind {
        let extensions = extensions.iter().map(|&extension| extension.to_owned()).collect();
        InputKind::File { default: String::new(), folder, extensions }
    }

    fn loras() -> Folder {
        Folder::Models("loras".to_owned())
    }

    fn catalog() -> Catalog {
        let mut old = NodeSpec::new("OldLoad", "", "").param("path", file(Folder::AnyModel, &[]), "");
        old.deprecated = true;
        let load = NodeSpec::new("LoadModel", "", "").param("path", file(Folder::AnyModel, &["safetensors"]), "");
        let column =
            InputSpec { name: "file".to_owned(), kind: file(loras(), &[]), required: true, help: String::new() };
        let lora = NodeSpec::new("Lora", "", "").param("loras", InputKind::Rows { columns: vec![column] }, "");
        Catalog::of("core", vec![old, load, lora])
    }

    fn entries(names: &[&str]) -> Arc<[Entry]> {
        let entry = |name: &&str| Entry {
            name: (*name).to_owned(),
            path: format!("/models/{name}").into(),
            is_folder: !name.contains('.'),
            bytes: 3 << 30,
        };
        names.iter().map(entry).collect()
    }

    fn show(groups: Vec<Group>, query: &str) -> Harness<'static, (String, Vec<Action>)> {
        let (catalog, mut shelf) = (catalog(), Fake::default());
        let known = facts(&["sumi-e"], Some(0.8), None);
        shelf.facts.insert("/models/ink \"v2\".safetensors".into(), known);
        let draw = move |ui: &mut Ui, (query, actions): &mut (String, Vec<Action>)| {
            actions.extend(page(ui, &catalog, &groups, &shelf, Room::default(), query));
        };
        Harness::builder().with_size([280.0, 500.0]).build_ui_state(draw, (query.to_owned(), Vec::new()))
    }

    fn groups() -> Vec<Group> {
        let models = entries(&["demo", "fox.safetensors", "notes.txt"]);
        vec![
            Group { title: "Models", place: "models/", folder: Folder::AnyModel, files: models, ending: String::new() },
            Group {
                title: "LoRA",
                place: "models/loras/",
                folder: loras(),
                files: entries(&["ink \"v2\".safetensors"]),
                ending: ".safetensors".to_owned(),
            },
            Group {
                title: "VAE",
                place: "models/vae/",
                folder: Folder::Models("vae".into()),
                files: entries(&[]),
                ending: String::new(),
            },
        ]
    }

    #[test]
    fn a_click_adds_the_node_that_takes_the_file() {
        let mut harness = show(groups(), "");
        for name in ["demo", "ink \"v2\".safetensors", "notes.txt"] {
            harness.get_by_label(name).click();
            harness.run();
        }
        let add = |kind: &str, input: &str, value: Input| Action::AddNode {
            kind: kind.to_owned(),
            inputs: vec![(input.to_owned(), value)],
        };
        let rows = Input::Value(r#"[{"file": "ink \"v2\".safetensors"}]"#.to_owned());
        let wanted = [add("core/LoadModel", "path", Input::text("demo")), add("core/Lora", "loras", rows)];
        assert_eq!(harness.state().1, wanted);
    }

    #[test]
    fn loras_are_found_by_what_they_say() {
        let harness = show(groups(), "SUMI-E");
        harness.get_by_label("LoRA (1)");
        harness.get_by_label("ink \"v2\".safetensors");
    }

    #[test]
    fn upscalers_say_what_they_are_or_that_they_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("upscale_models/some.safetensors");
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        let said = |tensor: &str| {
            let header = format!(r#"{{"{tensor}": {{"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}}}"#);
            let bytes = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &[0; 4]].concat();
            std::fs::write(&path, bytes).unwrap();
            let roots =
                crate::graph::Roots { models: vec![folder.path().to_owned()], ..crate::graph::Roots::default() };
            lora::problem(&crate::library::Library::new(roots).facts(&path), &path).unwrap()
        };
        assert_eq!(said("before_RG.1.weight"), "this file is a DAT upscaler; Weft reads RRDB networks");
        assert_eq!(said("a.lora_A.weight"), "this file is a LoRA; Weft reads RRDB networks");
        let known = Arc::new(Ok(crate::library::FileFacts::Upscaler("RRDB, 4×".to_owned())));
        assert_eq!((lora::short(&known), lora::problem(&known, &path)), ("RRDB, 4×".to_owned(), None));
    }

    #[test]
    fn empty_groups_say_where_files_go() {
        let mut harness = show(groups(), "");
        harness.get_by_label("VAE (0)");
        harness.get_by_label("Nothing yet. Files belong into models/vae/.");
        harness.get_by_label("Look for new files").click();
        harness.run();
        assert_eq!(harness.state().1, [Action::Refresh]);
    }

    #[test]
    fn the_search_leaves_groups_away() {
        let harness = show(groups(), "FOX");
        harness.get_by_label("Models (1)");
        harness.get_by_label("fox.safetensors");
        assert!(harness.query_by_label_contains("LoRA").is_none());
        show(groups(), "xyzzy").get_by_label("No file is found by these words.");
    }

    #[test]
    fn extensions_are_those_that_nodes_take() {
        assert_eq!(extensions(&catalog(), &Folder::AnyModel), ["safetensors"]);
        assert!(extensions(&catalog(), &loras()).is_empty());
        assert!(extensions(&catalog(), &Folder::Input).is_empty());
    }
}
