//! The stable door to Weft. A plugin depends on this crate alone, links no MLX, and is loaded at run time.
//!
//! Start with [`Node`] and [`export_plugin!`]; a network is an [`Architecture`], a step cache a [`Hook`].
//! What crosses the border, and by which rules, stands in [`abi`]; what stays as it is, in the README. Features `v1_N` turn on what
//! came after 1.0, and need a Weft that has it.

pub mod abi;
pub mod error;
#[doc(hidden)]
pub mod export;
mod folder;
pub mod layout;
pub mod model;
pub mod node;
mod opaque;
pub mod ops;
pub mod spec;
pub mod tensor;
#[cfg(feature = "testing")]
pub mod testing;
pub mod text;
pub mod tiles;
pub mod value;
pub mod weights;

use std::sync::atomic::{AtomicPtr, Ordering};

pub use error::{Error, ErrorKind, Result};
pub use folder::NewFolder;
pub use model::{Architecture, Hook, Model, Next, Role, Session};
pub use node::{Node, Run};
pub use opaque::{Opaque, Payload};
pub use spec::{Folder, InputKind, InputSpec, NodeSpec, OutputSpec};
pub use tensor::{Dtype, Element, Tensor};
pub use value::{FromValue, Record, Tag, Value};
pub use weights::{TensorInfo, View, Weights};

static HOST: AtomicPtr<abi::Host> = AtomicPtr::new(std::ptr::null_mut());

/// Called by the entry point that [`export_plugin!`] makes.
///
/// # Safety
/// `table` must live for ever.
#[doc(hidden)]
pub unsafe fn set_host(table: *const abi::Host) {
    HOST.store(table.cast_mut(), Ordering::Release);
}

/// The host's table: the mock host's where unit tests run and nothing else started the plugin.
///
/// # Panics
/// When used before the host started the plugin.
pub(crate) fn host() -> &'static abi::Host {
    let table = HOST.load(Ordering::Acquire);
    #[cfg(feature = "testing")]
    let table = if table.is_null() { &raw const testing::HOST } else { table.cast_const() };
    assert!(!table.is_null(), "a plugin can call its host only after the host started it");
    // SAFETY: not null, and it lives for ever by `set_host`.
    unsafe { &*table }
}
