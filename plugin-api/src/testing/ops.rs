//! The table of tensor operations: one function of [`super::compute`] for every line of [`crate::ops!`].

use super::array::Array;
use super::compute;
use super::values::{cell, made};
use crate::abi::RawTensor;
use crate::ops::{Arg, Ops};
use crate::{Dtype, Error, Result, Tensor};

/// How an argument arrives on this side.
trait MockArg: Arg {
    type Mock<'a>;
    /// # Safety
    /// `raw` is lent for `'a`.
    unsafe fn mock<'a>(raw: Self::Raw) -> Result<Self::Mock<'a>>;
}

macro_rules! arguments {
    ($($ty:ty => $mock:ty, |$raw:ident| $body:expr;)*) => { $(
        impl MockArg for $ty {
            type Mock<'a> = $mock;
            unsafe fn mock<'a>($raw: Self::Raw) -> Result<Self::Mock<'a>> {
                // SAFETY: lent for `'a`.
                #[allow(unused_unsafe, reason = "plain numbers need none")]
                unsafe { $body }
            }
        }
    )* };
}
arguments! {
    f32 => f32, |raw| Ok(raw);
    f64 => f64, |raw| Ok(raw);
    i32 => i32, |raw| Ok(raw);
    u64 => u64, |raw| Ok(raw);
    bool => bool, |raw| Ok(raw != 0);
    Dtype => Dtype, |raw| Dtype::from_code(raw).ok_or_else(|| Error::invalid(format!("the unknown type {raw}")));
    Tensor => &'a Array, |raw| cell(raw).as_ref().map_err(Clone::clone);
    Option<Tensor> => Option<&'a Array>, |raw| match raw.is_null() {
        true => Ok(None),
        false => cell(raw).as_ref().map(Some).map_err(Clone::clone),
    };
    [Tensor] => Vec<&'a Array>, |raw| raw.get().iter().map(|raw| cell(*raw).as_ref().map_err(Clone::clone)).collect();
    [i32] => &'a [i32], |raw| Ok(raw.get());
    str => String, |raw| Ok(raw.to_text());
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
                    made(|| unsafe {
                        compute::$method(<Tensor as MockArg>::mock(x)? $(, <$ty as MockArg>::mock($arg)?)*)
                    })
                }
                call
            }, )*
            $( $function: {
                unsafe extern "C" fn call($($farg: <$fty as Arg>::Raw),*) -> *mut RawTensor {
                    // SAFETY: as above.
                    made(|| unsafe { compute::$function($(<$fty as MockArg>::mock($farg)?),*) })
                }
                call
            }, )*
            $(
                #[cfg(feature = $feature)]
                $later: {
                    unsafe extern "C" fn call(x: *const RawTensor $(, $larg: <$lty as Arg>::Raw)*) -> *mut RawTensor {
                        // SAFETY: every argument is lent for the call.
                        made(|| unsafe {
                            compute::$later(<Tensor as MockArg>::mock(x)? $(, <$lty as MockArg>::mock($larg)?)*)
                        })
                    }
                    call
                },
            )*
        };
    };
}
crate::ops!(table);
