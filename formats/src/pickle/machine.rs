//! The opcodes of a pickle, each of which makes, moves or joins values. What would call a function makes the value that
//! torch's own function would stand for.

use std::collections::HashMap;

use super::global::{self, Global, plain};
use super::reader::Reader;
use super::value::{Heap, Id, Storage, Tensor, Value};
use super::{AXES, Result, TEXT, VALUES};
use crate::source::Refusal;

/// Parts of a tuple that stands for something.
const PARTS: usize = 8;

/// Reads one pickle, up to its end. Gives all its values and which of them it is.
///
/// # Errors
/// It asks for anything that is not data, or means nothing.
pub fn load(reader: &mut Reader<'_>) -> Result<(Heap, Id)> {
    let mut machine =
        Machine { reader, heap: Vec::new(), stack: Vec::new(), marks: Vec::new(), memo: HashMap::new(), copied: 0 };
    loop {
        match machine.reader.byte()? {
            b'.' => {
                let id = machine.pop()?;
                return Ok((machine.heap, id));
            }
            opcode => machine.step(opcode)?,
        }
    }
}

struct Machine<'a, 'b> {
    reader: &'a mut Reader<'b>,
    heap: Heap,
    stack: Vec<Id>,
    /// Where on the stack each open group begins.
    marks: Vec<usize>,
    memo: HashMap<usize, Id>,
    copied: usize,
}

impl Machine<'_, '_> {
    fn step(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            0x80 => drop(self.reader.byte()?),  // PROTO
            0x95 => drop(self.reader.take(8)?), // FRAME
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.group()?),
            b'2' => self.stack.push(self.top()?),
            b'N' | 0x88 | 0x89 => self.push(Value::Nothing)?,
            b'G' => self.skip(8)?,
            b'C' | 0x8e | b'B' | 0x96 => self.bytes(opcode)?,
            b'K' => self.number(1, false)?,
            b'M' => self.number(2, false)?,
            b'J' => self.number(4, true)?,
            0x8a => self.long()?,
            b'X' => self.text(4)?,
            0x8c => self.text(1)?,
            0x8d => self.text(8)?,
            b'T' => self.text(4)?,
            b'U' => self.text(1)?,
            b')' => self.push(Value::Tuple(Vec::new()))?,
            b']' => self.push(Value::List(Vec::new()))?,
            b'}' => self.push(Value::Dict(Vec::new()))?,
            0x85..=0x87 => self.short_tuple(usize::from(opcode - 0x84))?,
            b't' => self.join(Value::Tuple)?,
            b'l' => self.join(Value::List)?,
            b'd' => self.dict()?,
            b'a' | b'e' => self.append(opcode == b'e')?,
            b's' | b'u' => self.set_items(opcode == b'u')?,
            b'q' | b'r' | 0x94 => self.remember(opcode)?,
            b'h' => self.recall(1)?,
            b'j' => self.recall(4)?,
            b'c' => self.global_lines()?,
            0x93 => self.global_texts()?,
            b'Q' => self.persistent()?,
            b'R' => self.reduce()?,
            b'b' => self.build()?,
            other => return Err(self.refuse(other)),
        }
        Ok(())
    }

    /// Opcodes that only make objects, and those that are none.
    fn refuse(&mut self, opcode: u8) -> Refusal {
        let what = match opcode {
            b'i' => match (self.reader.line(), self.reader.line()) {
                (Ok(module), Ok(name)) => return global::find(&module, &name).err().unwrap_or_else(|| object("INST")),
                _ => "INST",
            },
            b'o' => "OBJ",
            0x81 => "NEWOBJ",
            0x92 => "NEWOBJ_EX",
            0x82..=0x84 => "EXT",
            b'P' => "PERSID",
            _ => return Refusal::damaged(format!("its pickle has the opcode {opcode}, which no file of weights has")),
        };
        object(what)
    }

    fn push(&mut self, value: Value) -> Result<()> {
        if self.heap.len() + self.copied >= VALUES {
            let what = format!("makes more than {VALUES} values");
            return Err(Refusal { what, help: "use a file with nothing but the model's weights" });
        }
        self.stack.push(self.heap.len() as Id);
        self.heap.push(value);
        Ok(())
    }

    /// The top of the stack, which has to belong to the innermost open group.
    fn pop(&mut self) -> Result<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(Refusal::damaged("its pickle takes more than it made"));
        }
        self.stack.pop().ok_or_else(|| Refusal::damaged("its pickle takes more than it made"))
    }

    fn top(&self) -> Result<Id> {
        self.stack.last().copied().ok_or_else(|| Refusal::damaged("its pickle takes more than it made"))
    }

    /// Everything since the last mark.
    fn group(&mut self) -> Result<Vec<Id>> {
        let start = self.marks.pop().ok_or_else(|| Refusal::damaged("its pickle ends a group that never began"))?;
        Ok(self.stack.split_off(start.min(self.stack.len())))
    }

    fn value(&self, id: Id) -> &Value {
        self.heap.get(id as usize).unwrap_or(&Value::Nothing)
    }

    /// A tuple of a few parts off the stack.
    fn pop_tuple(&mut self) -> Result<Option<Vec<Id>>> {
        let id = self.pop()?;
        Ok(match self.value(id) {
            Value::Tuple(parts) if parts.len() <= PARTS => Some(parts.clone()),
            _ => None,
        })
    }

    fn skip(&mut self, length: usize) -> Result<()> {
        self.reader.take(length)?;
        self.push(Value::Nothing)
    }

    fn bytes(&mut self, opcode: u8) -> Result<()> {
        let width = match opcode {
            b'C' => 1,
            b'B' => 4,
            _ => 8,
        };
        let length = self.reader.length(width)?;
        self.skip(length)
    }

    fn number(&mut self, bytes: usize, signed: bool) -> Result<()> {
        let number = if signed { self.reader.signed(bytes)? } else { self.reader.length(bytes)? as i128 };
        self.push(Value::Int(number))
    }

    fn long(&mut self) -> Result<()> {
        let bytes = usize::from(self.reader.byte()?);
        self.number(bytes, true)
    }

    fn text(&mut self, width: usize) -> Result<()> {
        let length = self.reader.length(width)?;
        let text = self.reader.text(length)?;
        self.push(Value::Text(text))
    }

    fn short_tuple(&mut self, length: usize) -> Result<()> {
        let mut parts = (0..length).map(|_| self.pop()).collect::<Result<Vec<_>>>()?;
        parts.reverse();
        self.push(Value::Tuple(parts))
    }

    fn join(&mut self, make: fn(Vec<Id>) -> Value) -> Result<()> {
        let parts = self.group()?;
        self.push(make(parts))
    }

    fn dict(&mut self) -> Result<()> {
        let pairs = pairs(&self.group()?)?;
        self.push(Value::Dict(pairs))
    }

    fn append(&mut self, many: bool) -> Result<()> {
        let added = if many { self.group()? } else { vec![self.pop()?] };
        let target = self.top()?;
        match self.heap.get_mut(target as usize) {
            Some(Value::List(list)) => list.extend(added),
            _ => return Err(Refusal::damaged("its pickle appends to what is no list")),
        }
        Ok(())
    }

    fn set_items(&mut self, many: bool) -> Result<()> {
        let added = if many {
            self.group()?
        } else {
            let value = self.pop()?;
            vec![self.pop()?, value]
        };
        let added = pairs(&added)?;
        let target = self.top()?;
        match self.heap.get_mut(target as usize) {
            Some(Value::Dict(dict)) => dict.extend(added),
            _ => return Err(Refusal::damaged("its pickle sets an item of what is no dict")),
        }
        Ok(())
    }

    fn remember(&mut self, opcode: u8) -> Result<()> {
        let place = match opcode {
            b'q' => self.reader.length(1)?,
            b'r' => self.reader.length(4)?,
            _ => self.memo.len(),
        };
        let id = self.top()?;
        self.memo.insert(place, id);
        Ok(())
    }

    fn recall(&mut self, width: usize) -> Result<()> {
        let place = self.reader.length(width)?;
        let id = self.memo.get(&place).copied();
        self.stack.push(id.ok_or_else(|| Refusal::damaged("its pickle recalls what it never made"))?);
        match self.stack.len() > VALUES {
            true => Err(Refusal::damaged("its pickle has no end")),
            false => Ok(()),
        }
    }

    fn global_lines(&mut self) -> Result<()> {
        let (module, name) = (self.reader.line()?, self.reader.line()?);
        self.push(Value::Global(global::find(&module, &name)?))
    }

    fn global_texts(&mut self) -> Result<()> {
        let (name, module) = (self.pop()?, self.pop()?);
        let (Value::Text(module), Value::Text(name)) = (self.value(module), self.value(name)) else {
            return Err(Refusal::damaged("its pickle names an object by something else than text"));
        };
        let global = global::find(module, name)?;
        self.push(Value::Global(global))
    }

    /// `("storage", type, key, device, count)`, in old files followed by `(key of the view, offset, count)` or None.
    fn persistent(&mut self) -> Result<()> {
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

    fn reduce(&mut self) -> Result<()> {
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
    fn build(&mut self) -> Result<()> {
        self.pop()?;
        let target = self.top()?;
        if matches!(self.value(target), Value::Dict(_)) { Ok(()) } else { Err(object("BUILD")) }
    }
}

fn pairs(ids: &[Id]) -> Result<Vec<(Id, Id)>> {
    let (pairs, rest) = ids.as_chunks::<2>();
    match rest {
        [] => Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect()),
        _ => Err(Refusal::damaged("a key in it has no value")),
    }
}

fn object(opcode: &str) -> Refusal {
    Refusal {
        what: format!("makes objects ({}), which is not data: it is not read", plain(opcode)),
        help: "use a .safetensors file of the model, or a .pth file with nothing but its weights",
    }
}
