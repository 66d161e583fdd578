//! LeMiCa (lexicographic minimax path caching, arXiv 2511.00090): on some steps the main layers of the network are not
//! computed; what they added to the sequence at the last computed step is added again.

mod hook;
pub mod measure;
mod plan;
#[cfg(test)]
mod tests;

use plugin_api::{Error, Folder, InputKind, Model, Node, NodeSpec, Record, Result, Run};

use hook::{Cache, Which};
use plan::{Budget, Mode};

/// Makes a model skip its main layers on some steps.
pub struct LeMiCa;

impl Node for LeMiCa {
    fn spec() -> NodeSpec {
        let help = "Faster sampling: on some steps the main layers are not computed but repeat what they did before.";
        let file = InputKind::file(Folder::models("schedules")).extensions(&["json"]);
        NodeSpec::new("LeMiCa", "sampling", help)
            .link("model", "MODEL", "From a loader or a LoRA.")
            .param("mode", InputKind::choice(&Mode::names()).preset("medium"), MODE_HELP)
            .param("budget", InputKind::int(0, (0, 1000)).soft(0, 50), BUDGET_HELP)
            .param("compute_last", InputKind::bool(true), LAST_HELP)
            .param(
                "schedule",
                file,
                "A file that `weft calibrate` made for this model; it knows better which steps count.",
            )
            .param("extrapolate", InputKind::bool(false), EXTRAPOLATE_HELP)
            .output("model", "MODEL")
    }

    fn run(_run: &Run, inputs: &Record) -> Result<Record> {
        let model: Model = inputs.get("model")?;
        let (mode, budget): (String, i64) = (inputs.get("mode")?, inputs.get("budget")?);
        let mode = Mode::named(&mode)?;
        let budget = match (mode, budget) {
            (Mode::Off, _) => return Ok(Record::new().with("model", model)),
            (Mode::Budget, 0) => {
                return Err(Error::invalid("the mode `budget` needs a budget: how many steps are computed")
                    .help("set `budget` to 1 or more, or choose another mode"));
            }
            (mode, 0) => Budget::Mode(mode),
            (_, steps) => Budget::Steps(steps as usize),
        };
        let (compute_last, file) = (inputs.get("compute_last")?, inputs.find("schedule")?);
        let extrapolate = inputs.get("extrapolate")?;
        let cache = Cache { which: Which::Planned { budget, compute_last, file }, extrapolate };
        Ok(Record::new().with("model", model.with_hook("blocks", cache)?))
    }
}

const MODE_HELP: &str = "How many of 8 steps are computed: slow 6, medium 5, fast 4, and as many of any other number of steps in \
    proportion. off: all of them. budget: as many as `budget` says.";
const BUDGET_HELP: &str = "Steps that are computed; 0 leaves it to `mode`.";
const LAST_HELP: &str = "Always compute the last step, which draws the finest detail. Off, 8 steps are those that the authors \
    published.";
const EXTRAPOLATE_HELP: &str = "Skipped steps follow the trend of the last two computed ones instead of repeating the last. Best with \
    the last step computed.";
