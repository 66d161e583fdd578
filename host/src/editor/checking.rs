//! What is wrong with the graph as it stands, looked at when the user pauses.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::Context;
use plugin_api::{Folder, InputKind};

use super::files::Files;
use super::scene::Scene;
use crate::foresee::{self, Foreseen, Known, Machine};
use crate::graph::{Input, Plan, Roots, check_partly, missing_kinds};
use crate::plugins::Catalog;

/// What was looked at last, and since when it has changed.
#[derive(Default)]
pub struct Checked {
    known: Option<(u64, Arc<Catalog>)>,
    changed: Option<(u64, Instant)>,
    /// What a run of the whole graph is expected to need.
    pub foreseen: Foreseen,
    /// Headers of files that were read for that.
    headers: HashMap<PathBuf, Option<foresee::File>>,
    /// Plugins that are not those that the graph was made with, and whether they are told of already.
    others: Vec<String>,
    is_told: bool,
    /// These files.
    pub models: Vec<PathBuf>,
}

/// A pause in the user's edits.
const PAUSE: Duration = Duration::from_millis(250);

impl Checked {
    /// Looks again, whatever was known.
    pub fn forget(&mut self) {
        self.known = None;
        self.headers.clear();
    }

    /// What has not been told yet of the graph's plugins.
    pub fn news(&mut self) -> &[String] {
        if std::mem::replace(&mut self.is_told, true) { &[] } else { &self.others }
    }

    pub fn look(&mut self, ctx: &Context, scene: &mut Scene, roots: &Roots, machine: Machine) {
        let revision = scene.document.revision();
        let is_known =
            |(known, catalog): &(u64, Arc<Catalog>)| *known == revision && Arc::ptr_eq(catalog, &scene.catalog);
        if scene.catalog.plugins.is_empty() || self.known.as_ref().is_some_and(is_known) {
            return;
        }
        let since = match self.changed {
            Some((at, since)) if at == revision => since,
            _ => self.changed.insert((revision, Instant::now())).1,
        };
        let Some(left) = PAUSE.checked_sub(since.elapsed()) else {
            self.known = Some((revision, Arc::clone(&scene.catalog)));
            scene.missing = missing_kinds(scene.document.graph(), &scene.catalog);
            let others = scene.document.graph().other_plugins(&scene.catalog);
            self.is_told &= others == self.others;
            self.others = others;
            self.models = models(scene).into_iter().collect();
            self.foreseen = Foreseen::default();
            scene.problems = if scene.document.graph().nodes.is_empty() {
                Vec::new()
            } else {
                let partly = check_partly(scene.document.graph(), &scene.catalog, roots);
                partly.plan.iter().for_each(|plan| self.foresee(plan, &scene.catalog, machine));
                partly.errors
            };
            return;
        };
        ctx.request_repaint_after(left);
    }
}

impl Checked {
    fn foresee(&mut self, plan: &Plan, catalog: &Catalog, machine: Machine) {
        let outputs = |kind: &str| {
            let outputs = catalog.node(kind).map_or(&[][..], |spec| &spec.outputs);
            outputs.iter().map(|output| (output.name.clone(), output.kind.clone())).collect()
        };
        let mut file = |path: &Path| self.headers.entry(path.to_owned()).or_insert_with(|| foresee::read(path)).clone();
        self.foreseen = foresee::of(plan, |_| true, machine, &mut Known { outputs: &outputs, file: &mut file });
    }
}

/// Every model file that a node names.
fn models(scene: &Scene) -> BTreeSet<PathBuf> {
    let mut named = BTreeSet::new();
    for node in scene.document.graph().nodes.values() {
        let Some(spec) = scene.catalog.node(&node.kind) else { continue };
        for input in &spec.inputs {
            let (InputKind::File { folder, extensions, .. }, Some(Input::Value(text))) =
                (&input.kind, node.inputs.get(&input.name))
            else {
                continue;
            };
            let Ok(name) = ron::from_str::<String>(text) else { continue };
            if *folder != Folder::Input
                && let Some(entry) = scene.files.find(folder, extensions, &name)
            {
                named.insert(entry.path);
            }
        }
    }
    named
}
