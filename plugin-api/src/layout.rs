//! Where every field of the ABI lies and how large every table is, asserted at compile time: what was released never moves.
//! A minor version adds fields behind the others, under its feature, and a size to the list of its table.

use std::mem::offset_of;

use crate::abi::{
    ArchitectureEntry, Entries, ErrorView, HookTable, Host, MINOR, ModelView, NodeEntry, PatchTable, Plugin,
    TensorRows, TensorView, ValueView,
};
use crate::ops::Ops;

macro_rules! sizes {
    ($($table:ident $size:expr,)*) => {
        $( const _: () = assert!(size_of::<$table>() == $size, concat!("the size of ", stringify!($table))); )*

        /// Every table with its size in this build.
        #[cfg(feature = "host")]
        pub const SIZES: &[(&str, usize)] = &[$( (stringify!($table), $size) ),*];
    };
}

macro_rules! offsets {
    ($($(#[$since:meta])* $table:ident { $($field:ident $offset:literal,)* })*) => {
        $( $(#[$since])* const _: () = {
            $( assert!(offset_of!($table, $field) == $offset, concat!(stringify!($table), ".", stringify!($field))); )*
        }; )*

        /// Every field of this build, for the tests that hold the header for C and the released versions against it.
        #[cfg(feature = "host")]
        pub fn fields() -> Vec<Field> {
            let mut fields = Vec::new();
            $( $(#[$since])* {
                $( fields.push(Field {
                    table: stringify!($table),
                    name: stringify!($field),
                    offset: $offset,
                    ty: type_of(|table: &$table| &table.$field),
                }); )*
            } )*
            fields
        }
    };
}

/// A field of a table.
#[cfg(feature = "host")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub table: &'static str,
    pub name: &'static str,
    pub offset: usize,
    /// As Rust writes it, with full paths.
    pub ty: &'static str,
}

#[cfg(feature = "host")]
fn type_of<T, F>(_: fn(&T) -> &F) -> &'static str {
    std::any::type_name::<F>()
}

const _: () = assert!(size_of::<usize>() == 8 && cfg!(target_endian = "little"), "64 bits, little-endian");

sizes! {
    Plugin 64, Entries 40, NodeEntry 40, ArchitectureEntry 80, HookTable 40, PatchTable 24, ErrorView 40,
    ValueView 64, TensorView 56, TensorRows 56, ModelView 48, Host 584, Ops [672, 680, 696][MINOR as usize],
}

offsets! {
    Plugin {
        magic 0, major 8, needs_minor 12, size 16, id 24, version 40, init 56,
    }
    Entries {
        size 0, nodes 8, architectures 24,
    }
    NodeEntry {
        size 0, spec 8, payload 24, run 32,
    }
    ArchitectureEntry {
        size 0, id 8, role 24, payload 40, detect 48, build 56, call 64, free 72,
    }
    HookTable {
        size 0, start 8, around 16, finish 24, free 32,
    }
    PatchTable {
        size 0, apply 8, free 16,
    }
    ErrorView {
        kind 0, message 8, help 24,
    }
    ValueView {
        tag 0, int 8, float 16, text 24, len 40, payload 48, free 56,
    }
    TensorView {
        name 0, dtype 16, shape 24, stored 40,
    }
    TensorRows {
        name 0, of 16, first_row 32, shape 40,
    }
    ModelView {
        role 0, architecture 16, config 32,
    }
    Host {
        size 0, major 8, minor 12, ops 16, extension 24, error_new 32, error_view 40, error_free 48, tensor_new 56,
        tensor_failed 64, tensor_clone 72, tensor_free 80, tensor_shape 88, tensor_dtype 96, tensor_eval 104,
        tensor_read 112, tensor_quantize 120, value_null 128, value_bool 136, value_int 144, value_float 152,
        value_text 160, value_tensor 168, value_list 176, value_record 184, value_opaque 192, value_clone 200,
        value_free 208, value_view 216, value_as_tensor 224, list_get 232, record_get 240, record_key 248,
        record_with 256, weights_open 264, weights_clone 272, weights_free 280, weights_len 288, weights_at 296,
        weights_find 304, weights_tensor 312, weights_exact 320, weights_linear 328, weights_select 336,
        weights_views 344, weights_transpose 352, weights_cast 360, weights_quantize 368, weights_bits 376,
        weights_metadata 384, weights_with_low_rank 392, weights_with_patch 400, weights_history 408,
        weights_with_history 416, model_new 424, model_view 432, model_weights 440, model_with_weights 448,
        model_with_hook 456, architecture_detect 464, session_open 472, session_free 480, session_call 488,
        session_around 496, session_run 504, run_progress 512, run_preview 520, run_note 528, run_report 536,
        run_info 544, run_write 552, run_write_folder 560, folder_write 568, folder_write_tensors 576,
    }
    Ops {
        size 0, add 8, subtract 16, multiply 24, divide 32, power 40, remainder 48, maximum 56, minimum 64,
        add_scalar 72, multiply_scalar 80, clip 88, negative 96, abs 104, exp 112, log 120, sin 128, cos 136, tanh 144,
        sigmoid 152, erf 160, sqrt 168, rsqrt 176, square 184, reciprocal 192, sign 200, floor 208, ceil 216,
        round 224, is_finite 232, silu 240, silu_multiply 248, gelu 256, equal 264, not_equal 272, less 280,
        less_equal 288, greater 296, greater_equal 304, logical_and 312, logical_or 320, logical_not 328, select 336,
        sum 344, mean 352, variance 360, max 368, min 376, all 384, any 392, argmax 400, argsort 408, cumsum 416,
        softmax 424, reshape 432, transpose 440, swap_axes 448, expand_dims 456, squeeze 464, broadcast_to 472,
        slice 480, take 488, repeat 496, tile 504, pad 512, slice_update 520, as_dtype 528, matmul 536, addmm 544,
        conv2d 552, rms_norm 560, layer_norm 568, group_norm 576, rotate_pairs 584, rope 592, attention 600,
        causal_attention 608, interpolate 616, full 624, arange 632, concatenate 640, stack 648, random_normal 656,
        random_uniform 664,
    }
    #[cfg(feature = "v1_1")]
    Ops {
        take_along_axis 672,
    }
    #[cfg(feature = "v1_2")]
    Ops {
        group_norm_silu 680, conv2d_add 688,
    }
}
