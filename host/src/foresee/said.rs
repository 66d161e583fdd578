//! What people and programs are told of a run's memory.

use plugin_api::{Error, ErrorKind};
use serde_json::{Value, json};

use super::{Foreseen, Phase};

impl Foreseen {
    /// "needs about 2.10 GB at most (sampling at `sample`), 14.0 GB can be had". None where nothing takes any.
    pub fn told(&self, memory: u64) -> Option<String> {
        let Phase { node, work, bytes, .. } = self.peak()?;
        let how = if self.more { "at least" } else { "about" };
        let (bytes, memory) = (gigabytes(*bytes), gigabytes(memory));
        Some(format!("needs {how} {bytes} of memory at most ({} at `{node}`), {memory} can be had", work.name()))
    }

    /// As `--json` has it.
    pub fn to_json(&self, memory: u64) -> Value {
        let phase = |phase: &Phase| {
            json!({ "node": phase.node, "work": phase.work.name(), "height": phase.size[0], "width": phase.size[1],
                    "tile": phase.tile, "bytes": phase.bytes, "tensor_bytes": phase.tensors })
        };
        let phases: Vec<_> = self.phases.iter().map(phase).collect();
        let peak = self.peak();
        json!({ "bytes": peak.map(|peak| peak.bytes), "node": peak.map(|peak| &peak.node), "available_bytes": memory,
                "is_all": !self.more, "phases": phases })
    }

    /// That the run fits into so many bytes.
    ///
    /// # Errors
    /// The first node whose work does not, and why.
    pub fn check(&self, memory: u64) -> Result<(), (String, Error)> {
        match self.phases.iter().find(|phase| phase.bytes > memory) {
            Some(phase) => Err((phase.node.clone(), phase.too_large(memory))),
            None => Ok(()),
        }
    }
}

impl Phase {
    fn too_large(&self, memory: u64) -> Error {
        let Self { work, size: [height, width], tile, bytes, .. } = self;
        let how = tile.map_or_else(|| "at once".to_owned(), |side| format!("in tiles of {side}"));
        let what = if *width > 0 { format!(" {width}×{height} pixels {how}") } else { String::new() };
        let (bytes, memory) = (gigabytes(*bytes), gigabytes(memory));
        let what =
            format!("the run would need about {bytes} of memory here ({}{what}), but {memory} can be had", work.name());
        Error::new(ErrorKind::Limit, what).help(work.help(tile.is_some(), self.can_be_smaller))
    }
}

fn gigabytes(bytes: u64) -> String {
    let number = bytes as f64 / 1e9;
    if number < 10.0 { format!("{number:.2} GB") } else { format!("{number:.1} GB") }
}
