//! What diffusers can read of a file.

use super::module::Module;
use crate::lora::Part;
use crate::lora::names;
use crate::lora::suffix::{Kind, Role};

/// Leaves alphas of LoKr out that are without effect, since diffusers reads no LoKr with an alpha beside it, and names
/// what it cannot read at all.
pub(super) fn diffusers(modules: &mut [Module]) -> Vec<String> {
    let idle = |module: &&mut Module| module.kind() == Some(Kind::Kronecker) && module.scale() == 1.0;
    let removed: Vec<_> =
        modules.iter_mut().filter(idle).filter_map(|module| module.tensors.remove(&Role::Alpha)).collect();
    let note = (!removed.is_empty()).then(|| "alphas of LoKr that change nothing are left out".to_owned());
    note.into_iter().chain(unread(modules)).collect()
}

fn unread(modules: &[Module]) -> Vec<String> {
    let any = |test: &dyn Fn(&Module) -> bool| modules.iter().any(test);
    let is = |kind: Kind| move |module: &Module| module.kind() == Some(kind);
    let fused = |module: &Module| module.place().is_some_and(|(_, at)| at == names::QKV.len());
    let low_rank = any(&is(Kind::LowRank));
    let magnitudes = |module: &Module| is(Kind::LowRank)(module) && module.has(Role::Magnitude);
    let plain = |module: &Module| is(Kind::LowRank)(module) && !module.has(Role::Magnitude);
    let limits = [
        (any(&is(Kind::Hadamard)), "no LoHa"),
        (any(&is(Kind::Full)) || any(&is(Kind::Bias)), "no full differences"),
        (any(&|module| is(Kind::Kronecker)(module) && module.has(Role::Alpha)), "no LoKr with an alpha"),
        (any(&is(Kind::Kronecker)) && low_rank, "no LoRA beside LoKr in one file"),
        (any(&|module| !module.by_rows()), "no DoRA by columns"),
        (any(&|module| !is(Kind::LowRank)(module) && module.has(Role::Magnitude)), "no magnitudes but of LoRA"),
        (any(&magnitudes) && any(&plain), "no DoRA beside plain LoRA in one file"),
        (any(&|module| module.has_core()), "no cores between factors"),
        (any(&fused), "no fused q, k and v"),
        (any(&|module| module.part == Part::TextEncoder), "no LoRA of Z-Image's text encoder"),
    ];
    limits
        .into_iter()
        .filter(|(found, _)| *found)
        .map(|(_, what)| format!("diffusers reads {what}; Weft does"))
        .collect()
}
