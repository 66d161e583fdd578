//! Values of a plugin's own: a Rust type that travels along links of a kind of its own.

use std::any::Any;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::ops::Deref;

use crate::abi::{FreeFn, Text};
use crate::export::free_box;
use crate::host;
use crate::value::{FromValue, Value};

/// A Rust type that travels along links. Only the plugin that made a value looks into it; others pass it on. (What
/// other plugins are to read is a [`crate::Record`] or a [`crate::Tensor`], which may leave outputs of your own kinds too.)
///
/// ```
/// use plugin_api::{Opaque, Payload, Record};
///
/// struct Palette(Vec<[u8; 3]>);
///
/// impl Payload for Palette {
///     const KIND: &'static str = "org.example/PALETTE";
/// }
///
/// let outputs = Record::new().with("palette", Opaque::new(Palette(vec![[255, 0, 0]])));
/// let palette: Opaque<Palette> = outputs.get("palette")?;
/// assert_eq!(palette.0, [[255, 0, 0]]);
/// # Ok::<(), plugin_api::Error>(())
/// ```
pub trait Payload: 'static {
    /// The kind of its links: the plugin's id, a slash, a name in capitals.
    const KIND: &'static str;
}

/// A value that holds a `T`, shared by everyone who has the link.
pub struct Opaque<T> {
    value: Value,
    payload: PhantomData<T>,
}

/// What crosses is the address of one of these.
type Held = Box<dyn Any>;

impl<T: Payload> Opaque<T> {
    /// Moves `payload` into a value.
    pub fn new(payload: T) -> Self {
        let held: Held = Box::new(payload);
        let address = Box::into_raw(Box::new(held));
        // SAFETY: the host frees the payload once, through `free`.
        let value = unsafe { Value::own((host().value_opaque)(Text::text(T::KIND), address.cast(), free)) };
        Self { value, payload: PhantomData }
    }
}

/// Its address tells this library's payloads from those of others, whatever kind they say they are of, so there must be one
/// of it.
#[inline(never)]
unsafe extern "C" fn free(address: *mut c_void) {
    // SAFETY: the address of a `Held` of `Opaque::new`, freed once.
    unsafe { free_box::<Held>(address) }
}

fn payload<T: Payload>(value: &Value) -> Option<&T> {
    let view = value.view();
    let is_ours = view.free.is_some_and(|other| std::ptr::fn_addr_eq(other, free as FreeFn));
    // SAFETY: only `Opaque::new` makes values that this function frees; the value holds what it has as long as it is borrowed.
    is_ours.then(|| unsafe { &*view.payload.cast::<Held>() })?.downcast_ref()
}

impl<T: Payload> FromValue for Opaque<T> {
    const EXPECTED: &'static str = T::KIND;

    fn from_value(value: &Value) -> Option<Self> {
        payload::<T>(value).is_some().then(|| Self { value: value.clone(), payload: PhantomData })
    }
}

impl<T: Payload> Deref for Opaque<T> {
    type Target = T;

    fn deref(&self) -> &T {
        payload(&self.value).expect("it was looked at when this was made")
    }
}

impl<T> std::fmt::Debug for Opaque<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Opaque").field(&self.value).finish()
    }
}

impl<T> Clone for Opaque<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), payload: PhantomData }
    }
}

impl<T> From<Opaque<T>> for Value {
    fn from(opaque: Opaque<T>) -> Self {
        opaque.value
    }
}
