//! What the values of a file of weights stand for: storages, tensors, and the few calls that make them.

use super::global::Global;
use super::machine::{Machine, object};
use super::value::{Id, Storage, Tensor, Value};
use super::{AXES, Result, TEXT};
use crate::source::Refusal;

impl Machine<'_, '_> {
    /// `("storage", type, key, device, count)`, in old files followed by `(key of the view, offset, count)` or None.
    pub(super) fn persistent(&mut self) -> Result<()> {
        let bad = || Refusal::damaged("it refers to something that is no storage");
        let parts = self.pop_tuple()?.ok_or_else(bad)?;
        let part = |index: usize| parts.get(index).map_or(&Value::Nothing, |id| self.value(*id));
        let (Value::Text(tag), Value::Global(Global::Storage(number)), Value::Text(key)) = (part(0), part(1), part(2))
        else {
            return Err(bad());
        };
        if tag != "storage" || key.len() > TEXT {
            return Err(bad());
        }
        let count = self.size(part(4))?;
        let (offset, count) = match part(5) {
            Value::Tuple(view) if view.len() == 3 => (self.size(self.value(view[1]))?, self.size(self.value(view[2]))?),
            _ => (0, count),
        };
        let storage = Storage { number: *number, key: key.clone(), offset: offset as u64, count: count as u64 };
        self.push(Value::Storage(storage))
    }

    pub(super) fn reduce(&mut self) -> Result<()> {
        let (arguments, function) = (self.pop_tuple()?, self.pop()?);
        let (Some(arguments), Value::Global(function)) = (arguments, self.value(function)) else {
            return Err(Refusal::damaged("its pickle calls what is no function"));
        };
        let first = arguments.first().map_or(&Value::Nothing, |id| self.value(*id));
        let made = match (function, first) {
            (Global::OrderedDict, Value::Nothing) => Value::Dict(Vec::new()),
            (Global::OrderedDict, Value::List(items)) => Value::Dict(self.items(items)?),
            (Global::Size, Value::Tuple(sides)) if sides.len() <= AXES => Value::Tuple(sides.clone()),
            (Global::RebuildParameter, Value::Tensor(tensor)) => Value::Tensor(tensor.clone()),
            (Global::RebuildTensor, Value::Storage(storage)) => {
                Value::Tensor(self.tensor(storage.clone(), &arguments)?)
            }
            _ => return Err(object("REDUCE")),
        };
        if let Value::Dict(pairs) = &made {
            // One list may stand in for a million: what is copied is counted.
            self.copied += pairs.len();
        }
        self.push(made)
    }

    /// The pairs of a list of pairs.
    fn items(&self, items: &[Id]) -> Result<Vec<(Id, Id)>> {
        let pair = |id: &Id| match self.value(*id) {
            Value::Tuple(pair) | Value::List(pair) if pair.len() == 2 => Ok((pair[0], pair[1])),
            _ => Err(Refusal::damaged("a dict in it is made of something else than pairs")),
        };
        items.iter().map(pair).collect()
    }

    /// `(storage, offset, shape, strides, requires_grad, hooks)`.
    fn tensor(&self, storage: Storage, arguments: &[Id]) -> Result<Tensor> {
        let part = |index: usize| arguments.get(index).map_or(&Value::Nothing, |id| self.value(*id));
        let offset = self.size(part(1))? as u64;
        let (shape, strides) = (self.sizes(part(2))?, self.sizes(part(3))?);
        if shape.len() != strides.len() {
            return Err(Refusal::damaged("a tensor in it has no proper shape"));
        }
        Ok(Tensor { storage, offset, shape, strides })
    }

    fn sizes(&self, value: &Value) -> Result<Vec<usize>> {
        match value {
            Value::Tuple(parts) | Value::List(parts) if parts.len() <= AXES => {
                parts.iter().map(|id| self.size(self.value(*id))).collect()
            }
            _ => Err(Refusal::damaged("a tensor in it has no proper shape")),
        }
    }

    fn size(&self, value: &Value) -> Result<usize> {
        let size = if let Value::Int(number) = value { usize::try_from(*number).ok() } else { None };
        size.ok_or_else(|| Refusal::damaged("a size in it is no whole number"))
    }

    /// What objects get beside their items. An OrderedDict's is `_metadata`, which torch keeps there; nothing else has any.
    pub(super) fn build(&mut self) -> Result<()> {
        self.pop()?;
        let target = self.top()?;
        if matches!(self.value(target), Value::Dict(_)) { Ok(()) } else { Err(object("BUILD")) }
    }
}
