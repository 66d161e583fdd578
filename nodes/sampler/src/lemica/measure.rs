use plugin_api::{Dtype, Model, Node, NodeSpec, Record, Result, Run, Tensor};
use weft_formats::lemica;

use super::hook::{Cache, Which};
use crate::latent;
use crate::levels::levels;
use crate::sample::Sample;

/// What repeating costs between any two steps of one sampling run: the edges of LeMiCa's graph.
pub struct MeasureLeMiCa;

impl Node for MeasureLeMiCa {
    fn spec() -> NodeSpec {
        let help = "Measures what it costs to repeat the main layers between any two steps. `weft calibrate` uses it.";
        let mut spec = NodeSpec::new("MeasureLeMiCa", "sampling", help).sink().hidden();
        spec.inputs = Sample::spec().inputs;
        spec
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let sigmas = levels(run, inputs)?;
        let steps = sigmas.len().saturating_sub(1);
        let (model, exact): (Model, Tensor) = (inputs.get("model")?, sampled(run, inputs, None)?);
        let mut rows = Vec::new();
        for (from, to) in lemica::edges(steps) {
            let computed = (0..steps).map(|step| step <= from || step >= to).collect();
            let cache = Cache { which: Which::These(computed), extrapolate: false };
            let result = sampled(run, inputs, Some(model.with_hook("blocks", cache)?))?;
            let error = (result - &exact).abs().mean(&[], false).as_dtype(Dtype::Float32).to_vec::<f32>()?[0];
            rows.push(vec![from.to_string(), to.to_string(), error.to_string()]);
        }
        let [_, _, height, width] = exact.dims::<4>("the latent")?;
        let sigmas: Vec<String> = sigmas.iter().map(f32::to_string).collect();
        let of_run = vec![sigmas.join(" "), (width * latent::SCALE).to_string(), (height * latent::SCALE).to_string()];
        run.report("run", &["sigmas", "width", "height"], &[of_run])?;
        run.report("edges", &["from", "to", "error"], &rows)?;
        Ok(Record::new())
    }
}

/// The latent that a run ends with.
fn sampled(run: &Run, inputs: &Record, model: Option<Model>) -> Result<Tensor> {
    let inputs = model.map_or_else(|| inputs.clone(), |model| inputs.with("model", model));
    Sample::run(run, &inputs)?.get::<Record>("latent")?.get("samples")
}
