//! From the dicts that training code saves to one list of names.

use std::collections::BTreeMap;

use super::value::{Heap, Id, Tensor, Value};
use super::{DEPTH, Result, TEXT, VALUES};
use crate::source::Refusal;

/// Keys around the weights proper, the ones to prefer first.
const WRAPPERS: [&str; 6] = ["params_ema", "params-ema", "params", "state_dict", "model", "net"];

/// Every tensor by its name, those of dicts in dicts with the names joined by dots.
pub fn tensors(heap: &Heap, root: Id) -> Result<BTreeMap<String, Tensor>> {
    let mut walk = Walk { heap, found: BTreeMap::new(), steps: 0 };
    walk.dict(unwrapped(heap, root), "", 0)?;
    match walk.found.is_empty() {
        true => Err(Refusal { what: "holds no tensors".to_owned(), help: "use a file with a model's weights" }),
        false => Ok(without_module(walk.found)),
    }
}

/// The dict below the wrappers.
fn unwrapped(heap: &Heap, mut root: Id) -> Id {
    for _ in 0..DEPTH {
        let Some(Value::Dict(pairs)) = heap.get(root as usize) else { break };
        if pairs.iter().any(|(_, value)| matches!(heap.get(*value as usize), Some(Value::Tensor(_)))) {
            break;
        }
        let inside = |wrapper: &str| {
            let wraps = |(key, value): &&(Id, Id)| {
                matches!(heap.get(*key as usize), Some(Value::Text(text)) if text == wrapper)
                    && matches!(heap.get(*value as usize), Some(Value::Dict(_)))
            };
            pairs.iter().rev().find(wraps).map(|(_, value)| *value)
        };
        match WRAPPERS.iter().find_map(|wrapper| inside(wrapper)) {
            Some(inner) => root = inner,
            None => break,
        }
    }
    root
}

struct Walk<'a> {
    heap: &'a Heap,
    found: BTreeMap<String, Tensor>,
    /// One dict can stand in many places: the walk is bounded, not the file alone.
    steps: usize,
}

impl Walk<'_> {
    fn dict(&mut self, id: Id, prefix: &str, depth: usize) -> Result<()> {
        let Some(Value::Dict(pairs)) = self.heap.get(id as usize) else { return Ok(()) };
        for (key, value) in pairs {
            self.steps += 1;
            if depth > DEPTH || self.steps > VALUES {
                return Err(Refusal::damaged("its dicts lie too deep in each other"));
            }
            let name = match self.heap.get(*key as usize) {
                Some(Value::Text(text)) => format!("{prefix}{text}"),
                Some(Value::Int(number)) => format!("{prefix}{number}"),
                _ => continue,
            };
            if name.len() > TEXT {
                return Err(Refusal::damaged("a name in it is too long"));
            }
            match self.heap.get(*value as usize) {
                Some(Value::Tensor(tensor)) => drop(self.found.insert(name, tensor.clone())),
                Some(Value::Dict(_)) => self.dict(*value, &format!("{name}."), depth + 1)?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Without the `module.` that training on several devices puts before every name.
fn without_module(found: BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
    if !found.keys().all(|name| name.starts_with("module.")) {
        return found;
    }
    found.into_iter().map(|(name, tensor)| (name["module.".len()..].to_owned(), tensor)).collect()
}
