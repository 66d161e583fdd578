//! What [`crate::export_plugin!`] expands to: the exported symbol and the entry points, which catch panics.

use std::any::Any;
use std::ffi::c_void;
use std::panic::AssertUnwindSafe;
use std::sync::OnceLock;

use crate::abi::{
    ArchitectureEntry, Entries, Flag, Host, NodeEntry, RawRun, RawSession, RawValue, RawWeights, Slice, Status, Text,
};
use crate::error::{Error, ErrorKind, Result};
use crate::host;
use crate::model::{Architecture, Session};
use crate::node::{Node, Run};
use crate::value::{Record, Value};
use crate::weights::Weights;

/// Runs `body` so that neither an error nor a panic crosses as anything but a status.
pub(crate) fn guard(what: &str, body: impl FnOnce() -> Result<()>) -> Status {
    let result = std::panic::catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        let message = panic_text(panic.as_ref());
        forget(panic);
        let whose = NAME.get().map_or_else(String::new, |name| format!(" `{name}`"));
        Err(Error::new(ErrorKind::Failed, format!("the code of the plugin{whose} for {what} broke off: {message}"))
            .help("report this to the plugin's author"))
    });
    match result {
        Ok(()) => std::ptr::null_mut(),
        Err(error) => error.into_raw(),
    }
}

/// Runs `body`, whose panic has nobody who could be told of it: none where it broke off.
fn quietly<T>(body: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(AssertUnwindSafe(body)).map_err(forget).ok()
}

/// Frees what `Box::into_raw` made. A panic in its drop ends here.
///
/// # Safety
/// `payload` is such a box of a `T`, and nobody uses it again.
pub(crate) unsafe extern "C" fn free_box<T>(payload: *mut c_void) {
    // SAFETY: the caller's word.
    quietly(|| drop(unsafe { Box::from_raw(payload.cast::<T>()) }));
}

/// A payload's own drop may panic too; forgetting it is the only answer that cannot.
fn forget(panic: Box<dyn Any + Send>) {
    std::mem::forget(panic);
}

/// Id and version of this plugin, for messages.
static NAME: OnceLock<&'static str> = OnceLock::new();

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no reason given".to_owned())
}

/// The table entry of a node kind. Leaks its description, once.
pub fn node_entry<N: Node>() -> NodeEntry {
    unsafe extern "C" fn run<N: Node>(
        _: *mut c_void,
        run: *const RawRun,
        inputs: *const RawValue,
        outputs: *mut *mut RawValue,
    ) -> Status {
        guard("this node", || {
            // SAFETY: run and inputs are lent for the call; the inputs get a handle of our own.
            unsafe {
                let inputs = Record(Value::own((host().value_clone)(inputs)));
                *outputs = Value::from(N::run(&Run::borrow(run), &inputs)?).into_raw();
            }
            Ok(())
        })
    }
    let spec = ron::to_string(&N::spec()).expect("a NodeSpec is plain data");
    NodeEntry {
        size: size_of::<NodeEntry>(),
        spec: Text::text(spec.leak()),
        payload: std::ptr::null_mut(),
        run: run::<N>,
    }
}

/// The table entry of an architecture.
pub fn architecture_entry<A: Architecture>() -> ArchitectureEntry {
    unsafe extern "C" fn detect<A: Architecture>(_: *mut c_void, weights: *const RawWeights) -> Flag {
        let detect = || {
            // SAFETY: lent for the call; a handle of our own is made.
            let weights = unsafe { Weights::borrow(weights) };
            A::detect(&weights).into()
        };
        quietly(detect).unwrap_or(0)
    }
    unsafe extern "C" fn build<A: Architecture>(
        _: *mut c_void,
        config: Text,
        weights: *const RawWeights,
        net: *mut *mut c_void,
    ) -> Status {
        guard(A::ID, || {
            // SAFETY: lent for the call.
            unsafe {
                let built = A::build(&config.to_text(), &Weights::borrow(weights))?;
                *net = Box::into_raw(Box::new(built)).cast();
            }
            Ok(())
        })
    }
    unsafe extern "C" fn call<A: Architecture>(
        net: *mut c_void,
        session: *const RawSession,
        method: Text,
        args: *const RawValue,
        out: *mut *mut RawValue,
    ) -> Status {
        guard(A::ID, || {
            // SAFETY: `net` is the box of `build`; the rest is lent for the call.
            unsafe {
                let args = Record(Value::own((host().value_clone)(args)));
                let net = &*net.cast::<A>();
                *out = net.call(&Session::borrow(session), &method.to_text(), &args)?.into_raw();
            }
            Ok(())
        })
    }
    ArchitectureEntry {
        size: size_of::<ArchitectureEntry>(),
        id: Text::text(A::ID),
        role: Text::text(A::ROLE.kind()),
        payload: std::ptr::null_mut(),
        detect: detect::<A>,
        build: build::<A>,
        call: call::<A>,
        free: free_box::<A>,
    }
}

/// Starts the library: keeps the host's table and hands over its own, which lives for ever.
///
/// # Safety
/// The host's table lives for ever, `out` is a valid target.
pub unsafe fn start(
    name: &'static str,
    host: *const Host,
    out: *mut *const Entries,
    nodes: &[fn() -> NodeEntry],
    architectures: &[fn() -> ArchitectureEntry],
) -> Status {
    // SAFETY: the caller's word.
    unsafe { crate::set_host(host) };
    NAME.get_or_init(|| name);
    // A panic is caught and becomes an error that the user sees: Rust need not print it as well.
    std::panic::set_hook(Box::new(|_| {}));
    guard("its start", || {
        let entries = Entries { size: size_of::<Entries>(), nodes: made(nodes), architectures: made(architectures) };
        // SAFETY: the caller's word.
        unsafe { out.write(Box::leak(Box::new(entries))) };
        Ok(())
    })
}

fn made<T>(makers: &[fn() -> T]) -> Slice<*const T> {
    let entry = |make: &fn() -> T| std::ptr::from_ref(Box::leak(Box::new(make())));
    Slice::of(makers.iter().map(entry).collect::<Vec<_>>().leak())
}

/// Whether a plugin may go by this id: letters, digits, `.`, `-` and `_`.
pub const fn is_id(id: &str) -> bool {
    let id = id.as_bytes();
    let mut index = 0;
    while index < id.len() {
        if !(id[index].is_ascii_alphanumeric() || matches!(id[index], b'.' | b'-' | b'_')) {
            return false;
        }
        index += 1;
    }
    !id.is_empty()
}

/// Makes a library a plugin. Its version is the package's. `nodes` or `architectures` may be left out.
///
/// The id stands before the slash in every graph that uses the plugin, so it stays for ever; take a name that nobody else
/// has, such as a domain of yours backwards.
///
/// ```
/// # use plugin_api::{Node, NodeSpec, Record, Result, Run, export_plugin};
/// struct Blur;
///
/// impl Node for Blur {
///     // …
/// #   fn spec() -> NodeSpec {
/// #       NodeSpec::new("Blur", "image", "Blurs a picture.")
/// #   }
/// #   fn run(_run: &Run, inputs: &Record) -> Result<Record> {
/// #       Ok(inputs.clone())
/// #   }
/// }
///
/// export_plugin! { id: "org.example.blur", nodes: [Blur] }
/// # fn main() {}
/// ```
///
/// ```compile_fail
/// plugin_api::export_plugin! { id: "my plugin/1" }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export_plugin {
    (
        id: $id:literal
        $(, nodes: [$($node:ty),* $(,)?])?
        $(, architectures: [$($architecture:ty),* $(,)?])?
        $(,)?
    ) => {
        #[cfg(panic = "abort")]
        compile_error!("a plugin must unwind: with panic = \"abort\" one panic would end the whole program");

        const _: () = assert!($crate::export::is_id($id), "a plugin's id is letters, digits, `.`, `-` and `_`");

        #[unsafe(no_mangle)]
        #[allow(non_upper_case_globals, reason = "the symbol's name is part of the ABI")]
        pub static weft_plugin: $crate::abi::Plugin = $crate::abi::Plugin {
            magic: $crate::abi::MAGIC,
            major: $crate::abi::MAJOR,
            needs_minor: $crate::abi::MINOR,
            size: size_of::<$crate::abi::Plugin>(),
            id: $crate::abi::Text::text($id),
            version: $crate::abi::Text::text(env!("CARGO_PKG_VERSION")),
            init: {
                unsafe extern "C" fn init(
                    host: *const $crate::abi::Host,
                    out: *mut *const $crate::abi::Entries,
                ) -> $crate::abi::Status {
                    // SAFETY: the host hands over its table, which lives for ever, and a valid target.
                    unsafe {
                        $crate::export::start(
                            concat!($id, " ", env!("CARGO_PKG_VERSION")),
                            host,
                            out,
                            &[$($($crate::export::node_entry::<$node>),*)?],
                            &[$($($crate::export::architecture_entry::<$architecture>),*)?],
                        )
                    }
                }
                init
            },
        };
    };
}
