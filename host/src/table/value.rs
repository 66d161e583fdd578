//! Value handles: whatever travels along a link.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::rc::Rc;

use mlx_rs::Array;
use plugin_api::Tag;
use plugin_api::abi::{Flag, FreeFn, RawTensor, RawValue, Slice, Text, ValueView};

use super::at_work::{self, Plugin};
use super::live::{self, Kind};
use super::model::Model;
use super::tensor::Tensor;
use crate::graph::Param;

/// What a value handle points to. Cloning copies no data.
#[derive(Debug, Clone)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Rc<str>),
    Tensor(Tensor),
    List(Rc<[Value]>),
    Record(Rc<BTreeMap<String, Value>>),
    Model(Rc<Model>),
    Opaque(Rc<Opaque>),
}

/// A value of a plugin's own kind, freed by the plugin.
#[derive(Debug)]
pub struct Opaque {
    pub kind: String,
    payload: *mut c_void,
    free: FreeFn,
    plugin: Plugin,
}

impl Drop for Opaque {
    fn drop(&mut self) {
        // SAFETY: the plugin's own function, which catches; called once.
        at_work::visit(self.plugin, || unsafe { (self.free)(self.payload) });
    }
}

impl Value {
    pub fn record(entries: impl IntoIterator<Item = (String, Value)>) -> Self {
        Self::Record(Rc::new(entries.into_iter().collect()))
    }

    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// Every array in it, models' weights excepted.
    pub fn arrays(&self, found: &mut Vec<Array>) -> plugin_api::Result<()> {
        match self {
            Self::Tensor(tensor) => found.push(tensor.array()?.clone()),
            Self::List(values) => values.iter().try_for_each(|value| value.arrays(found))?,
            Self::Record(entries) => entries.values().try_for_each(|value| value.arrays(found))?,
            _ => {}
        }
        Ok(())
    }

    /// Calls `visit` with every model in it.
    pub fn models(&self, visit: &impl Fn(&Model)) {
        match self {
            Self::Model(model) => visit(model),
            Self::List(values) => values.iter().for_each(|value| value.models(visit)),
            Self::Record(entries) => entries.values().for_each(|value| value.models(visit)),
            _ => {}
        }
    }

    pub fn tag(&self) -> Tag {
        match self {
            Self::Null => Tag::Null,
            Self::Bool(_) => Tag::Bool,
            Self::Int(_) => Tag::Int,
            Self::Float(_) => Tag::Float,
            Self::Text(_) => Tag::Text,
            Self::Tensor(_) => Tag::Tensor,
            Self::List(_) => Tag::List,
            Self::Record(_) => Tag::Record,
            Self::Model(_) => Tag::Model,
            Self::Opaque(_) => Tag::Opaque,
        }
    }

    /// Whether this may leave an output of this link kind. Kinds that Weft does not know take anything but opaque values of
    /// another kind.
    pub fn is_of_kind(&self, kind: &str) -> bool {
        match kind {
            "BOOL" => self.tag() == Tag::Bool,
            "INT" => self.tag() == Tag::Int,
            "FLOAT" => matches!(self.tag(), Tag::Float | Tag::Int),
            "TEXT" => self.tag() == Tag::Text,
            "IMAGE" | "MASK" => self.tag() == Tag::Tensor,
            "LATENT" | "CONDITIONING" => self.tag() == Tag::Record,
            "MODEL" | "TEXT_ENCODER" | "VAE" | "UPSCALE_MODEL" => {
                matches!(self, Self::Model(model) if model.architecture.role == kind)
            }
            _ => match self {
                Self::Opaque(opaque) => kind == "*" || opaque.kind == kind,
                _ => true,
            },
        }
    }

    /// Whether a plugin's own code is in it, which may keep handles for as long as the value lives.
    pub fn holds_code(&self) -> bool {
        match self {
            Self::Model(_) | Self::Opaque(_) => true,
            Self::List(values) => values.iter().any(Self::holds_code),
            Self::Record(entries) => entries.values().any(Self::holds_code),
            _ => false,
        }
    }

    pub fn into_raw(self) -> *mut RawValue {
        live::made(Kind::Value);
        Box::into_raw(Box::new(self)).cast()
    }

    /// # Safety
    /// `raw` is a live handle of ours.
    pub unsafe fn get<'a>(raw: *const RawValue) -> &'a Self {
        // SAFETY: every value handle was made by `into_raw`.
        unsafe { &*raw.cast::<Self>() }
    }

    /// # Safety
    /// `raw` is a handle of ours that nobody uses again.
    pub unsafe fn take(raw: *mut RawValue) -> Self {
        live::gone(Kind::Value);
        // SAFETY: every value handle was made by `into_raw`.
        *unsafe { Box::from_raw(raw.cast::<Self>()) }
    }
}

impl From<&Param> for Value {
    fn from(param: &Param) -> Self {
        match param {
            Param::Bool(value) => Self::Bool(*value),
            Param::Int(value) => Self::Int(*value),
            Param::Float(value) => Self::Float(*value),
            Param::Text(value) => Self::text(value),
            Param::File(path) => Self::text(&path.to_string_lossy()),
            Param::Rows(rows) => {
                let row = |cells: &Vec<(String, Param)>| {
                    Self::record(cells.iter().map(|(name, cell)| (name.clone(), cell.into())))
                };
                Self::List(rows.iter().map(row).collect())
            }
            Param::Record(entries) => Self::record(entries.iter().map(|(name, value)| (name.clone(), value.into()))),
        }
    }
}

/// A new value for the plugin; a thread of its own gets null's, and nothing that it named is touched.
pub fn give(make: impl FnOnce() -> Value) -> *mut RawValue {
    if live::is_ours() { make() } else { Value::Null }.into_raw()
}

/// A value for the plugin, or a null pointer where there is none or a thread of its own asks.
fn give_some(find: impl FnOnce() -> Option<Value>) -> *mut RawValue {
    if !live::is_ours() {
        return std::ptr::null_mut();
    }
    find().map_or(std::ptr::null_mut(), Value::into_raw)
}

pub unsafe extern "C" fn null() -> *mut RawValue {
    give(|| Value::Null)
}

pub unsafe extern "C" fn bool(value: Flag) -> *mut RawValue {
    give(|| Value::Bool(value != 0))
}

pub unsafe extern "C" fn int(value: i64) -> *mut RawValue {
    give(|| Value::Int(value))
}

pub unsafe extern "C" fn float(value: f64) -> *mut RawValue {
    give(|| Value::Float(value))
}

pub unsafe extern "C" fn text(value: Text) -> *mut RawValue {
    // SAFETY: lent for the call.
    give(|| Value::text(&unsafe { value.to_text() }))
}

pub unsafe extern "C" fn tensor(value: *const RawTensor) -> *mut RawValue {
    // SAFETY: a live handle.
    give(|| Value::Tensor(unsafe { Tensor::get(value) }.clone()))
}

pub unsafe extern "C" fn list(values: Slice<*const RawValue>) -> *mut RawValue {
    // SAFETY: live handles.
    give(|| Value::List(unsafe { values.get().iter().map(|raw| Value::get(*raw).clone()).collect() }))
}

pub unsafe extern "C" fn record() -> *mut RawValue {
    give(|| Value::record([]))
}

pub unsafe extern "C" fn opaque(kind: Text, payload: *mut c_void, free: FreeFn) -> *mut RawValue {
    give(|| {
        // SAFETY: lent for the call.
        let kind = unsafe { kind.to_text() };
        Value::Opaque(Rc::new(Opaque { kind, payload, free, plugin: at_work::running() }))
    })
}

pub unsafe extern "C" fn clone(value: *const RawValue) -> *mut RawValue {
    // SAFETY: a live handle.
    give(|| unsafe { Value::get(value) }.clone())
}

pub unsafe extern "C" fn free(value: *mut RawValue) {
    if !value.is_null() && live::is_ours() {
        // SAFETY: a handle of ours, freed once.
        drop(unsafe { Value::take(value) });
    }
}

pub unsafe extern "C" fn view(value: *const RawValue, out: *mut ValueView) {
    // SAFETY: a live handle, whose text and payload live as long; on another thread not even that is looked at.
    let value = if live::is_ours() { unsafe { Value::get(value) } } else { &Value::Null };
    let mut view = ValueView { tag: value.tag() as u32, ..ValueView::default() };
    match value {
        Value::Null | Value::Tensor(_) => {}
        Value::Bool(value) => view.int = i64::from(*value),
        Value::Int(value) => view.int = *value,
        Value::Float(value) => view.float = *value,
        Value::Text(value) => view.text = Text::text(value),
        Value::List(values) => view.len = values.len(),
        Value::Record(entries) => view.len = entries.len(),
        Value::Model(model) => view.text = Text::text(&model.architecture.role),
        Value::Opaque(opaque) => {
            view.text = Text::text(&opaque.kind);
            view.payload = opaque.payload;
            view.free = Some(opaque.free);
        }
    }
    // SAFETY: a valid target.
    unsafe { out.write(view) };
}

pub unsafe extern "C" fn as_tensor(value: *const RawValue) -> *mut RawTensor {
    if !live::is_ours() {
        return std::ptr::null_mut();
    }
    // SAFETY: a live handle.
    match unsafe { Value::get(value) } {
        Value::Tensor(tensor) => tensor.clone().into_raw(),
        _ => std::ptr::null_mut(),
    }
}

pub unsafe extern "C" fn list_get(list: *const RawValue, index: usize) -> *mut RawValue {
    // SAFETY: a live handle.
    give_some(|| match unsafe { Value::get(list) } {
        Value::List(values) => values.get(index).cloned(),
        _ => None,
    })
}

pub unsafe extern "C" fn record_get(record: *const RawValue, key: Text) -> *mut RawValue {
    // SAFETY: a live handle, lent text.
    give_some(|| match unsafe { (Value::get(record), key.to_text()) } {
        (Value::Record(entries), key) => entries.get(&key).cloned(),
        _ => None,
    })
}

pub unsafe extern "C" fn record_key(record: *const RawValue, index: usize) -> Text {
    if !live::is_ours() {
        return Text::text("");
    }
    // SAFETY: a live handle; the key lives in it.
    match unsafe { Value::get(record) } {
        Value::Record(entries) => entries.keys().nth(index).map_or(Text::text(""), |key| Text::text(key)),
        _ => Text::text(""),
    }
}

pub unsafe extern "C" fn record_with(record: *const RawValue, key: Text, value: *const RawValue) -> *mut RawValue {
    give_some(|| {
        // SAFETY: live handles, lent text.
        let (record, key, value) = unsafe { (Value::get(record), key.to_text(), Value::get(value).clone()) };
        let Value::Record(entries) = record else { return None };
        let mut entries = BTreeMap::clone(entries);
        entries.insert(key, value);
        Some(Value::Record(Rc::new(entries)))
    })
}
