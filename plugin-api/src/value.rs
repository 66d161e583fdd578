//! What travels along links: numbers, text, tensors, records, lists, models and kinds of a plugin's own.

use std::ptr::NonNull;

use crate::abi::{RawValue, Slice, Text, ValueView};
use crate::error::{Error, Result};
use crate::host;
use crate::model::Model;
use crate::tensor::Tensor;

/// What a value holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
#[cfg_attr(not(feature = "host"), non_exhaustive)]
pub enum Tag {
    Null = 0,
    Bool = 1,
    Int = 2,
    Float = 3,
    Text = 4,
    Tensor = 5,
    List = 6,
    Record = 7,
    Model = 8,
    Opaque = 9,
}

impl Tag {
    pub const ALL: [Self; 10] = [
        Self::Null,
        Self::Bool,
        Self::Int,
        Self::Float,
        Self::Text,
        Self::Tensor,
        Self::List,
        Self::Record,
        Self::Model,
        Self::Opaque,
    ];

    /// What a newer host may add reads as opaque.
    pub fn from_code(code: u32) -> Self {
        Self::ALL.into_iter().find(|tag| *tag as u32 == code).unwrap_or(Self::Opaque)
    }
}

/// A handle on any value; cloning copies the handle.
#[derive(Debug)]
#[repr(transparent)]
pub struct Value(NonNull<RawValue>);

impl Value {
    /// What an output is that only passes on an optional link which is not there.
    pub fn null() -> Self {
        // SAFETY: no arguments.
        unsafe { Self::own((host().value_null)()) }
    }

    /// What it holds.
    pub fn tag(&self) -> Tag {
        Tag::from_code(self.view().tag)
    }

    /// Items of a list, entries of a record, else 0.
    pub fn len(&self) -> usize {
        self.view().len
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn view(&self) -> ValueView {
        let mut view = ValueView::default();
        // SAFETY: fills the view.
        unsafe { (host().value_view)(self.as_ptr(), &raw mut view) };
        view
    }

    pub(crate) unsafe fn own(raw: *mut RawValue) -> Self {
        Self(NonNull::new(raw).expect("the host returns a value"))
    }

    pub(crate) unsafe fn own_some(raw: *mut RawValue) -> Option<Self> {
        NonNull::new(raw).map(Self)
    }

    pub(crate) fn as_ptr(&self) -> *const RawValue {
        self.0.as_ptr()
    }

    pub(crate) fn into_raw(self) -> *mut RawValue {
        let raw = self.0.as_ptr();
        std::mem::forget(self);
        raw
    }
}

impl Clone for Value {
    fn clone(&self) -> Self {
        // SAFETY: another handle on the same value.
        unsafe { Self::own((host().value_clone)(self.as_ptr())) }
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: the handle is ours and not used again.
        unsafe { (host().value_free)(self.0.as_ptr()) }
    }
}

/// A Rust type that a value can be read as.
pub trait FromValue: Sized {
    /// For messages: "a number".
    const EXPECTED: &'static str;

    /// None where it holds something else.
    fn from_value(value: &Value) -> Option<Self>;
}

macro_rules! read {
    ($($ty:ty, $expected:literal, |$value:ident| $body:expr;)*) => { $(
        impl FromValue for $ty {
            const EXPECTED: &'static str = $expected;
            fn from_value($value: &Value) -> Option<Self> {
                $body
            }
        }
    )* };
}
read! {
    Value, "a value", |value| Some(value.clone());
    bool, "true or false", |value| (value.tag() == Tag::Bool).then(|| value.view().int != 0);
    i64, "a whole number", |value| (value.tag() == Tag::Int).then(|| value.view().int);
    i32, "a whole number of 32 bits", |value| i64::from_value(value)?.try_into().ok();
    u32, "a whole number from 0 of 32 bits", |value| i64::from_value(value)?.try_into().ok();
    u64, "a whole number from 0", |value| i64::from_value(value)?.try_into().ok();
    usize, "a whole number from 0", |value| i64::from_value(value)?.try_into().ok();
    f64, "a number", |value| match value.tag() {
        Tag::Int => Some(value.view().int as f64),
        Tag::Float => Some(value.view().float),
        _ => None,
    };
    f32, "a number", |value| f64::from_value(value).map(|number| number as f32);
    String, "text", |value| {
        // SAFETY: the text lives as long as the value and is copied at once.
        (value.tag() == Tag::Text).then(|| unsafe { value.view().text.to_text() })
    };
    Tensor, "a tensor", |value| {
        // SAFETY: the host returns an owned tensor for a value that is one.
        (value.tag() == Tag::Tensor).then(|| unsafe { Tensor::own((host().value_as_tensor)(value.as_ptr())) })
    };
    Record, "a record", |value| (value.tag() == Tag::Record).then(|| Record(value.clone()));
    Model, "a model", |value| (value.tag() == Tag::Model).then(|| Model(value.clone()));
}

impl<T: FromValue> FromValue for Vec<T> {
    const EXPECTED: &'static str = "a list";

    /// None where one item is of another type.
    fn from_value(value: &Value) -> Option<Self> {
        // SAFETY: an owned value, or null past the end.
        let item = |index| unsafe { Value::own_some((host().list_get)(value.as_ptr(), index)) };
        let items = (0..value.len()).map_while(item);
        (value.tag() == Tag::List).then(|| items.map(|item| T::from_value(&item)).collect())?
    }
}

macro_rules! write_value {
    ($($ty:ty, |$value:ident| $call:expr;)*) => { $(
        impl From<$ty> for Value {
            fn from($value: $ty) -> Self {
                // SAFETY: arguments are borrowed for the call, the result is owned.
                unsafe { Self::own($call) }
            }
        }
    )* };
}
write_value! {
    bool, |value| (host().value_bool)(value.into());
    i64, |value| (host().value_int)(value);
    i32, |value| (host().value_int)(value.into());
    u32, |value| (host().value_int)(value.into());
    usize, |value| (host().value_int)(i64::try_from(value).unwrap_or(i64::MAX));
    f64, |value| (host().value_float)(value);
    f32, |value| (host().value_float)(value.into());
    &str, |value| (host().value_text)(Text::text(value));
    String, |value| (host().value_text)(Text::text(&value));
    Tensor, |value| (host().value_tensor)(value.as_ptr());
    &Tensor, |value| (host().value_tensor)(value.as_ptr());
    &Value, |value| (host().value_clone)(value.as_ptr());
    Record, |value| value.0.into_raw();
    &Record, |value| (host().value_clone)(value.0.as_ptr());
    Model, |value| value.0.into_raw();
    &Model, |value| (host().value_clone)(value.0.as_ptr());
    &[Value], |value| (host().value_list)(Slice { ptr: value.as_ptr().cast(), len: value.len() });
}

/// None is null.
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or_else(Self::null, Into::into)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        items.into_iter().map(Into::into).collect::<Vec<Self>>().as_slice().into()
    }
}

/// Text to value, copy on write. Keys that you do not know are passed on by [`Record::with`].
#[derive(Debug, Clone)]
pub struct Record(pub(crate) Value);

impl Record {
    /// An empty one.
    pub fn new() -> Self {
        // SAFETY: no arguments.
        Self(unsafe { Value::own((host().value_record)()) })
    }

    /// A copy with one entry set.
    #[must_use]
    pub fn with(&self, key: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        // SAFETY: lent for the call; a record in, a record out.
        Self(unsafe { Value::own((host().record_with)(self.0.as_ptr(), Text::text(key), value.as_ptr())) })
    }

    /// The entry, or none where it is absent or null.
    ///
    /// # Errors
    /// An entry of another type, named with the key.
    pub fn find<T: FromValue>(&self, key: &str) -> Result<Option<T>> {
        // SAFETY: an owned value or null.
        let value = unsafe { Value::own_some((host().record_get)(self.0.as_ptr(), Text::text(key))) };
        match value {
            None => Ok(None),
            Some(value) if value.tag() == Tag::Null => Ok(None),
            Some(value) => T::from_value(&value).map(Some).ok_or_else(|| {
                let found = format!("{:?}", value.tag()).to_lowercase();
                Error::invalid(format!("`{key}` is {found}, but {} is needed", T::EXPECTED))
            }),
        }
    }

    /// The entry.
    ///
    /// # Errors
    /// No such entry, or one of another type.
    pub fn get<T: FromValue>(&self, key: &str) -> Result<T> {
        self.find(key)?.ok_or_else(|| Error::invalid(format!("`{key}` is missing: {} is needed", T::EXPECTED)))
    }

    /// In order.
    pub fn keys(&self) -> Vec<String> {
        // SAFETY: each key is copied while the record is alive.
        (0..self.0.len()).map(|index| unsafe { (host().record_key)(self.0.as_ptr(), index).to_text() }).collect()
    }
}

impl Default for Record {
    fn default() -> Self {
        Self::new()
    }
}
