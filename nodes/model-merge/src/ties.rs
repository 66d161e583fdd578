use std::rc::Rc;

use plugin_api::{InputKind, Node, NodeSpec, Record, Result, Run, Tensor, Weights};

use crate::merge::{self, Merge};
use crate::numbers;
use crate::rows;
use crate::source::Source;

/// TIES (Yadav et al., "TIES-Merging: Resolving Interference When Merging Models", 2023) on differences to a base. Of each
/// model's τ = W − base only the largest `density` of a tensor's numbers stay (trim); of each number the sign with the
/// greater sum counts (elect); what has that sign is averaged (disjoint mean). The result is base + scale · mean.
pub struct Ties;

impl Node for Ties {
    fn spec() -> NodeSpec {
        let spec =
            NodeSpec::new("Ties", "merge", "Puts together what several models learned, where they agree (TIES).")
                .link("base", "MODEL", "What all of them were trained on from.")
                .link("a", "MODEL", "Trained on from the base.")
                .link("b", "MODEL", "Trained on from the base.")
                .param(
                    "density",
                    InputKind::float(0.2, (0.0, 1.0), 0.05),
                    "The part of each model's changes that counts.",
                )
                .param(
                    "scale",
                    InputKind::float(1.0, (0.0, 2.0), 0.05),
                    "How much of the common change is put on the base.",
                )
                .param("rows", rows::kind(InputKind::float(1.0, (0.0, 2.0), 0.05)), ROWS_HELP);
        merge::describe(spec)
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let mut others = vec![(Source::linked(inputs, "a")?, 1.0), (Source::linked(inputs, "b")?, 1.0)];
        others.extend(rows::active(inputs)?);
        let sources: Vec<Source> = others.iter().map(|(source, _)| source.clone()).collect();
        let mut merge = Merge::of(run, inputs, "base", &sources)?;
        let (density, scale): (f64, f64) = (inputs.get("density")?, inputs.get("scale")?);
        let told = merge::told("Ties", &others).with("density", density).with("scale", scale);
        let others: Rc<Vec<_>> = Rc::new(others.into_iter().map(|(source, share)| (source.weights, share)).collect());
        for info in merge.tensors().into_iter().filter(|_| density > 0.0 && scale > 0.0) {
            let others = Rc::clone(&others);
            merge.change(info, move |base, name| merged(base, name, &others, density, scale))?;
        }
        merge.finish(run, &told)
    }
}

fn merged(base: &Tensor, name: &str, others: &[(Weights, f64)], density: f64, scale: f64) -> Result<Tensor> {
    let tensors: Vec<Tensor> = others.iter().map(|(weights, _)| weights.exact(name)).collect();
    let from = tensors.iter().map(|tensor| threshold(tensor, base, density)).collect::<Result<Vec<f64>>>()?;
    let all = [vec![base.clone()], tensors].concat();
    numbers::by_piece(all, |pieces, out| {
        let (base, models) = (&pieces[0], &pieces[1..]);
        for (index, out) in out.iter_mut().enumerate() {
            let start = f64::from(base[index]);
            let changes = models.iter().zip(&from).zip(others).filter_map(|((model, from), (_, share))| {
                let change = f64::from(model[index]) - start;
                (change.abs() >= *from).then_some(change * share)
            });
            *out = start + scale * disjoint_mean(changes);
        }
    })
}

/// The mean of those numbers that have the sign of the sum of all.
fn disjoint_mean(changes: impl Iterator<Item = f64> + Clone) -> f64 {
    let sign = changes.clone().sum::<f64>();
    let (sum, count) =
        changes.filter(|change| change * sign > 0.0).fold((0.0, 0), |(sum, n), change| (sum + change, n + 1));
    if count == 0 { 0.0 } else { sum / f64::from(count) }
}

/// The smallest of the largest `density` of |tensor − base|; of equal ones all count.
fn threshold(tensor: &Tensor, base: &Tensor, density: f64) -> Result<f64> {
    let mut sizes: Vec<f64> = Vec::new();
    numbers::read(&[tensor.clone(), base.clone()], |pieces| {
        sizes.extend(pieces[0].iter().zip(&pieces[1]).map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs()));
    })?;
    let kept = (sizes.len() as f64 * density).round() as usize;
    if kept == 0 {
        return Ok(f64::INFINITY);
    }
    let place = sizes.len() - kept;
    Ok(*sizes.select_nth_unstable_by(place, f64::total_cmp).1)
}

const ROWS_HELP: &str = "More models that were trained on from the base; the weight is a factor of what each learned.";
