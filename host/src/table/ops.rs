//! The table of tensor operations: one function of `imp` for every line of [`plugin_api::ops!`].

use mlx_rs::Array;
use plugin_api::abi::{Flag, RawTensor, Slice, Text};
use plugin_api::ops::{Arg, Ops};
use plugin_api::{Dtype, Result, Tensor};

use super::compute as imp;
use super::tensor::{Tensor as Handle, dtype_from};

/// How an argument arrives on this side.
trait HostArg<'a>: Arg {
    type Host;
    /// # Safety
    /// `raw` is lent for `'a`.
    unsafe fn host(raw: Self::Raw) -> Result<Self::Host>;
}

macro_rules! plain {
    ($($ty:ty)*) => { $(
        impl HostArg<'_> for $ty {
            type Host = $ty;
            unsafe fn host(raw: $ty) -> Result<$ty> {
                Ok(raw)
            }
        }
    )* };
}
plain!(f32 f64 i32 u64);

impl HostArg<'_> for bool {
    type Host = bool;
    unsafe fn host(raw: Flag) -> Result<bool> {
        Ok(raw != 0)
    }
}

impl HostArg<'_> for Dtype {
    type Host = Self;
    unsafe fn host(raw: u32) -> Result<Self> {
        dtype_from(raw)
    }
}

impl<'a> HostArg<'a> for Tensor {
    type Host = &'a Array;
    unsafe fn host(raw: *const RawTensor) -> Result<&'a Array> {
        // SAFETY: a live handle.
        unsafe { Handle::get(raw) }.array()
    }
}

impl<'a> HostArg<'a> for Option<Tensor> {
    type Host = Option<&'a Array>;
    unsafe fn host(raw: *const RawTensor) -> Result<Option<&'a Array>> {
        // SAFETY: null or a live handle.
        if raw.is_null() { Ok(None) } else { unsafe { Handle::get(raw) }.array().map(Some) }
    }
}

impl<'a> HostArg<'a> for [Tensor] {
    type Host = Vec<&'a Array>;
    unsafe fn host(raw: Slice<*const RawTensor>) -> Result<Vec<&'a Array>> {
        // SAFETY: live handles.
        unsafe { raw.get().iter().map(|raw| Handle::get(*raw).array()).collect() }
    }
}

impl<'a> HostArg<'a> for [i32] {
    type Host = &'a [i32];
    unsafe fn host(raw: Slice<i32>) -> Result<&'a [i32]> {
        // SAFETY: lent.
        Ok(unsafe { raw.get() })
    }
}

impl HostArg<'_> for str {
    type Host = String;
    unsafe fn host(raw: Text) -> Result<String> {
        // SAFETY: lent.
        Ok(unsafe { raw.to_text() })
    }
}

macro_rules! table {
    (
        methods { $( $(#[$doc:meta])* fn $method:ident($($arg:ident: $ty:ty),*); )* }
        functions { $( $(#[$fdoc:meta])* fn $function:ident($($farg:ident: $fty:ty),*); )* }
        later { $( $(#[$ldoc:meta])* $feature:literal fn $later:ident($($larg:ident: $lty:ty),*); )* }
    ) => {
        pub static OPS: Ops = Ops {
            size: size_of::<Ops>(),
            $( $method: {
                unsafe extern "C" fn call(x: *const RawTensor $(, $arg: <$ty as Arg>::Raw)*) -> *mut RawTensor {
                    // SAFETY: every argument is lent for the call.
                    Handle::run(|| unsafe {
                        imp::$method(Handle::get(x).array()? $(, <$ty as HostArg>::host($arg)?)*)
                    })
                }
                call
            }, )*
            $( $function: {
                unsafe extern "C" fn call($($farg: <$fty as Arg>::Raw),*) -> *mut RawTensor {
                    // SAFETY: as above.
                    Handle::run(|| unsafe { imp::$function($(<$fty as HostArg>::host($farg)?),*) })
                }
                call
            }, )*
            $(
                $later: {
                    unsafe extern "C" fn call(x: *const RawTensor $(, $larg: <$lty as Arg>::Raw)*) -> *mut RawTensor {
                        // SAFETY: every argument is lent for the call.
                        Handle::run(|| unsafe {
                            imp::$later(Handle::get(x).array()? $(, <$lty as HostArg>::host($larg)?)*)
                        })
                    }
                    call
                },
            )*
        };
    };
}
plugin_api::ops!(table);
