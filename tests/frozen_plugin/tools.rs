//! Handles that free themselves, and errors. NEVER CHANGED.

use std::sync::atomic::{AtomicPtr, Ordering};

use crate::abi_1_0::*;

pub static HOST: AtomicPtr<Host> = AtomicPtr::new(std::ptr::null_mut());

pub fn host() -> &'static Host {
    unsafe { &*HOST.load(Ordering::Relaxed) }
}

pub fn ops() -> &'static Ops {
    unsafe { &*host().ops }
}

pub type Answer<T> = Result<T, Status>;

pub fn error(what: &str) -> Status {
    let message = format!("{what}: not as it was in 1.0");
    unsafe { (host().error_new)(8, Text::text(&message), Text::text("mend the host")) }
}

/// Fails with this name where `fine` is false.
pub fn ensure(fine: bool, what: &str) -> Answer<()> {
    if fine {
        Ok(())
    } else {
        Err(error(what))
    }
}

/// An error that the host returned is passed on.
pub fn passed(status: Status) -> Answer<()> {
    if status.is_null() {
        Ok(())
    } else {
        Err(status)
    }
}

pub fn string(text: Text) -> String {
    String::from_utf8(unsafe { text.get() }.to_vec()).unwrap_or_default()
}

macro_rules! handle {
    ($name:ident $raw:ident $clone:ident $free:ident) => {
        pub struct $name(pub *mut $raw);

        impl Clone for $name {
            fn clone(&self) -> Self {
                Self(unsafe { (host().$clone)(self.0) })
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                unsafe { (host().$free)(self.0) }
            }
        }

        impl $name {
            /// The handle, for whoever owns it from here on.
            #[allow(dead_code)]
            pub fn give(self) -> *mut $raw {
                let raw = self.0;
                std::mem::forget(self);
                raw
            }
        }
    };
}
handle!(Tensor RawTensor tensor_clone tensor_free);
handle!(Value RawValue value_clone value_free);
handle!(Weights RawWeights weights_clone weights_free);

pub fn tensor(numbers: &[f32], shape: &[i32]) -> Tensor {
    let data = Slice { ptr: numbers.as_ptr().cast(), len: numbers.len() * 4 };
    Tensor(unsafe { (host().tensor_new)(7, Slice::of(shape), data) })
}

pub fn shape(tensor: &Tensor) -> Answer<Vec<i32>> {
    let mut shape = Slice::of(&[]);
    passed(unsafe { (host().tensor_shape)(tensor.0, &mut shape) })?;
    Ok(unsafe { shape.get() }.to_vec())
}

/// All numbers, as float32.
pub fn numbers(tensor: &Tensor) -> Answer<Vec<f32>> {
    let count: i32 = shape(tensor)?.iter().product();
    let mut numbers = vec![0f32; count as usize];
    passed(unsafe { (host().tensor_read)(tensor.0, 7, numbers.as_mut_ptr().cast(), numbers.len() * 4) })?;
    Ok(numbers)
}

/// Fails where the tensor holds other numbers.
pub fn holds(what: &str, tensor: &Tensor, expected: &[f32]) -> Answer<()> {
    let found = numbers(tensor)?;
    let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-4 * (1.0 + b.abs());
    ensure(found.len() == expected.len() && found.iter().zip(expected).all(near), &format!("{what}: {found:?}"))
}

pub fn text_value(text: &str) -> Value {
    Value(unsafe { (host().value_text)(Text::text(text)) })
}

pub fn tensor_value(tensor: &Tensor) -> Value {
    Value(unsafe { (host().value_tensor)(tensor.0) })
}

pub fn list(values: &[&Value]) -> Value {
    let raw: Vec<*const RawValue> = values.iter().map(|value| value.0.cast_const()).collect();
    Value(unsafe { (host().value_list)(Slice::of(&raw)) })
}

pub fn record(entries: &[(&str, &Value)]) -> Value {
    let empty = Value(unsafe { (host().value_record)() });
    entries
        .iter()
        .fold(empty, |record, (key, value)| Value(unsafe { (host().record_with)(record.0, Text::text(key), value.0) }))
}

/// An entry that must be there.
pub fn entry(record: *const RawValue, key: &str) -> Answer<Value> {
    let value = unsafe { (host().record_get)(record, Text::text(key)) };
    ensure(!value.is_null(), &format!("the entry {key}"))?;
    Ok(Value(value))
}

/// The tensor under a key of a record.
pub fn entry_tensor(record: *const RawValue, key: &str) -> Answer<Tensor> {
    let tensor = unsafe { (host().value_as_tensor)(entry(record, key)?.0) };
    ensure(!tensor.is_null(), &format!("the tensor {key}"))?;
    Ok(Tensor(tensor))
}

pub fn view(value: &Value) -> ValueView {
    let mut view = std::mem::MaybeUninit::uninit();
    unsafe {
        (host().value_view)(value.0, view.as_mut_ptr());
        view.assume_init()
    }
}
