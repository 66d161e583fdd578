//! Which nodes of a plan have to run.

use super::protocol::Job;
use crate::graph::Source;

/// Whether each step has to run: its output is wanted and not known. Wanted is what a sink or a dump needs. `is_known` is
/// asked of wanted steps alone, each after those that take from it: what nobody wants is not read from the disk.
pub fn needed(job: &Job, mut is_known: impl FnMut(usize) -> bool) -> Vec<bool> {
    let steps = job.plan.steps();
    let mut taken = vec![false; steps.len()];
    let mut wanted = vec![false; steps.len()];
    for source in steps.iter().flat_map(|step| &step.inputs) {
        if let (_, Source::Step { step, .. }) = source {
            taken[*step] = true;
        }
    }
    let mut needed = vec![false; steps.len()];
    for (index, step) in steps.iter().enumerate().rev() {
        let dumped = job.dumps.iter().any(|dump| dump.node == step.node);
        needed[index] = (wanted[index] || dumped || !taken[index]) && !is_known(index);
        for (_, source) in step.inputs.iter().filter(|_| needed[index]) {
            if let Source::Step { step, .. } = source {
                wanted[*step] = true;
            }
        }
    }
    needed
}
