//! What [`crate::export_plugin!`] expands to: the exported symbol and the entry points, which catch panics.

use std::any::Any;
use std::ffi::c_void;
use std::panic::AssertUnwindSafe;

use crate::abi::{ArchitectureEntry, NodeEntry, RawRun, RawSession, RawValue, RawWeights, Slice, Status, Text};
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
        // A payload's own drop may panic too; forgetting it is the only answer that cannot.
        std::mem::forget(panic);
        Err(Error::new(ErrorKind::Failed, format!("the plugin's code for {what} broke off: {message}"))
            .help("report this to the plugin's author"))
    });
    match result {
        Ok(()) => std::ptr::null_mut(),
        Err(error) => error.into_raw(),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no reason given".to_owned())
}

/// Turns off the message that Rust prints at a panic: it is caught and becomes an error that the user sees.
pub fn silence_panics() {
    std::panic::set_hook(Box::new(|_| {}));
}

/// The table entry of a node kind. Leaks its description, once.
pub fn node_entry<N: Node>() -> NodeEntry {
    unsafe extern "C" fn run<N: Node>(
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
    NodeEntry { spec: Text::text(Box::leak(spec.into_boxed_str())), run: run::<N> }
}

/// The table entry of an architecture.
pub fn architecture_entry<A: Architecture>() -> ArchitectureEntry {
    unsafe extern "C" fn detect<A: Architecture>(weights: *const RawWeights) -> bool {
        let detect = || {
            // SAFETY: lent for the call; a handle of our own is made.
            let weights = unsafe { Weights::borrow(weights) };
            A::detect(&weights)
        };
        std::panic::catch_unwind(detect).unwrap_or(false)
    }
    unsafe extern "C" fn build<A: Architecture>(
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
    unsafe extern "C" fn free<A: Architecture>(net: *mut c_void) {
        // SAFETY: the box of `build`, freed once. A panicking drop must not cross.
        let dropped = std::panic::catch_unwind(|| drop(unsafe { Box::from_raw(net.cast::<A>()) }));
        drop(dropped);
    }
    ArchitectureEntry {
        id: Text::text(A::ID),
        role: Text::text(A::ROLE.kind()),
        detect: detect::<A>,
        build: build::<A>,
        call: call::<A>,
        free: free::<A>,
    }
}

/// The library's table, leaked: it lives for ever.
pub fn entries(nodes: Vec<NodeEntry>, architectures: Vec<ArchitectureEntry>) -> *const crate::abi::Entries {
    Box::leak(Box::new(crate::abi::Entries {
        size: size_of::<crate::abi::Entries>(),
        nodes: Slice::of(nodes.leak()),
        architectures: Slice::of(architectures.leak()),
    }))
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
                unsafe extern "C" fn init(host: *const $crate::abi::Host) -> *const $crate::abi::Entries {
                    // SAFETY: the host hands over its table, which lives for ever.
                    unsafe { $crate::set_host(host) };
                    $crate::export::silence_panics();
                    ::std::panic::catch_unwind(|| {
                        $crate::export::entries(
                            vec![$($($crate::export::node_entry::<$node>()),*)?],
                            vec![$($($crate::export::architecture_entry::<$architecture>()),*)?],
                        )
                    })
                    .unwrap_or(::std::ptr::null())
                }
                init
            },
        };
    };
}
