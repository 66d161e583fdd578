//! The table of faults.

use super::{Fault, Where};

const ID: &str = "hostile 0.1.0";
const AT: &str = "node `bad` (hostile/";

const fn alone(node: &'static str, inputs: &'static str, code: i32, says: &'static [&'static str]) -> Fault {
    Fault { node, inputs, place: Where::Alone, code, says }
}

const fn at_model(node: &'static str, inputs: &'static str, code: i32, says: &'static [&'static str]) -> Fault {
    Fault { node, inputs, place: Where::AtModel, code, says }
}

const fn hooked(node: &'static str, inputs: &'static str, code: i32, says: &'static [&'static str]) -> Fault {
    Fault { node, inputs, place: Where::BeforeSampler, code, says }
}

/// Panics wherever the host calls a plugin, with every payload somewhere.
pub const PANICS: &[Fault] = &[
    alone("Panic", r#""what": "text""#, 8, &[ID, AT, "broke off: as the test asks: text"]),
    alone("Panic", r#""what": "literal""#, 8, &[ID, AT, "broke off: as the test asks"]),
    alone("Panic", r#""what": "anything""#, 8, &[ID, AT, "no reason given"]),
    alone("Panic", r#""what": "dropping""#, 8, &[ID, AT, "no reason given"]),
    alone("Folder", r#""what": "fill""#, 8, &[ID, AT, "filling a folder", "as the test asks"]),
    alone("Folder", r#""what": "fill", "payload": "dropping""#, 8, &[ID, AT]),
    alone("Folder", r#""what": "tensor""#, 8, &[ID, AT, "a tensor of a file"]),
    alone("Folder", r#""what": "tensor", "payload": "dropping""#, 8, &[ID, AT]),
    // A drop has nobody to tell: the memory is lost and nothing else.
    alone("Owned", r#""what": "text""#, 0, &[]),
    alone("Owned", r#""what": "dropping""#, 0, &[]),
    at_model("Networked", r#""at": "nothing""#, 0, &[]),
    at_model("Networked", r#""at": "detect""#, 0, &[]),
    at_model("Networked", r#""at": "detect", "payload": "dropping""#, 0, &[]),
    at_model("Networked", r#""at": "build""#, 8, &[ID, AT, "hostile/network", "as the test asks"]),
    at_model("Networked", r#""at": "build", "payload": "dropping""#, 8, &[ID, AT]),
    at_model("Networked", r#""at": "call", "payload": "anything""#, 8, &[ID, AT, "hostile/network"]),
    at_model("Networked", r#""at": "free""#, 0, &[]),
    at_model("Networked", r#""at": "free", "payload": "dropping""#, 0, &[]),
    hooked("Hooked", r#""at": "start""#, 8, &[ID, "node `sample`", "a hook's start", "as the test asks"]),
    hooked("Hooked", r#""at": "start", "payload": "dropping""#, 8, &[ID, "node `sample`"]),
    hooked("Hooked", r#""at": "around", "payload": "literal""#, 8, &[ID, "node `sample`", "a hook broke off"]),
    hooked("Hooked", r#""at": "around", "payload": "dropping""#, 8, &[ID, "node `sample`"]),
    hooked("Hooked", r#""at": "finish", "payload": "dropping""#, 0, &[]),
    hooked("Hooked", r#""at": "free", "payload": "dropping""#, 0, &[]),
    hooked("Patched", r#""at": "apply""#, 8, &[ID, "node `sample`", "a change of a weight", "as the test asks"]),
    hooked("Patched", r#""at": "apply", "payload": "dropping""#, 8, &[ID, "node `sample`"]),
    hooked("Patched", r#""at": "free", "payload": "dropping""#, 0, &[]),
];

/// Outputs that are not what the node declares.
pub const OUTPUTS: &[Fault] = &[
    alone("Image", r#""what": "sound""#, 0, &[]),
    alone("Image", r#""what": "extra""#, 0, &[]),
    alone("Image", r#""what": "missing""#, 5, &[ID, AT, "did not return the output `image`"]),
    alone("Image", r#""what": "text""#, 5, &[ID, AT, "returned Text as `image`, not IMAGE"]),
    alone("Image", r#""what": "null""#, 5, &[ID, AT, "returned Null as `image`, not IMAGE"]),
    alone("Image", r#""what": "list""#, 5, &[ID, AT, "returned List"]),
    alone("Image", r#""what": "opaque""#, 5, &[ID, AT, "a value of its kind `hostile/OTHER` as `image`"]),
    alone("Image", r#""what": "failed""#, 8, &[AT, "it failed on the way"]),
    alone("Image", r#""what": "shapes that do not fit""#, 8, &[AT, "broadcast"]),
    alone("Image", r#""what": "two axes""#, 5, &[ID, AT, "[64, 64]", "[pictures, height, width, 3]"]),
    alone("Image", r#""what": "four colours""#, 5, &[ID, AT, "[1, 2, 2, 4]"]),
    alone("Image", r#""what": "no pixels""#, 5, &[ID, AT, "[1, 0, 2, 3]"]),
    alone("Image", r#""what": "NaN""#, 8, &[ID, AT, "not finite", "Float32"]),
    alone("Image", r#""what": "infinity""#, 8, &[ID, AT, "not finite"]),
    alone("Image", r#""what": "huge""#, 0, &[]),
    alone("Mask", r#""what": "two axes""#, 5, &[ID, AT, "[pictures, height, width]"]),
    alone("Mask", r#""what": "NaN""#, 8, &[ID, AT, "not finite"]),
    alone("Latent", r#""what": "sound""#, 0, &[]),
    alone("Latent", r#""what": "no samples""#, 5, &[ID, AT, "`samples` is missing"]),
    alone("Latent", r#""what": "three axes""#, 5, &[ID, AT, "`samples` has the shape [16, 8, 8]"]),
    alone("Latent", r#""what": "samples of text""#, 5, &[ID, AT, "`samples` is Text, not a tensor"]),
    alone("Latent", r#""what": "a wrong mask""#, 5, &[ID, AT, "`noise_mask` has the shape [8]"]),
    alone("Latent", r#""what": "a tensor""#, 5, &[ID, AT, "returned Tensor as `latent`, not LATENT"]),
    alone("Latent", r#""what": "NaN""#, 8, &[ID, AT, "not finite"]),
    alone("Conditioning", r#""what": "sound""#, 0, &[]),
    alone("Conditioning", r#""what": "no embeds""#, 5, &[ID, AT, "`embeds` is missing"]),
    alone("Conditioning", r#""what": "two axes""#, 5, &[ID, AT, "[texts, tokens, width]"]),
    alone("Conditioning", r#""what": "infinity""#, 8, &[ID, AT, "not finite"]),
    alone("Own", r#""what": "sound""#, 0, &[]),
    alone(
        "Own",
        r#""what": "opaque""#,
        5,
        &[ID, AT, "a value of its kind `hostile/OTHER` as `own`, not hostile/THING"],
    ),
    hooked("Patched", r#""at": "shape""#, 5, &["node `sample`", "a change of `", "of its shape"]),
];

/// What Weft makes good or refuses, and the run goes on.
pub const MADE_GOOD: &[Fault] = &[
    alone("Keep", r#""what": "tensors""#, 0, &[ID, "did not give back 3 tensors"]),
    alone("Keep", r#""what": "values""#, 0, &[ID, "did not give back 1 value:"]),
    alone("Keep", r#""what": "inputs""#, 0, &[ID, "did not give back 1 value:"]),
    alone("Keep", r#""what": "run""#, 0, &[]),
    alone("Threads", r#""what": "outlive""#, 0, &[]),
    alone("Threads", r#""what": "tensor""#, 5, &[AT, "a thread of the plugin's own called Weft"]),
    alone("Threads", r#""what": "weights""#, 5, &[AT, "a thread of the plugin's own called Weft"]),
    alone("Threads", r#""what": "values""#, 8, &[AT, "the thread broke off", ID, "which was refused"]),
    alone("Threads", r#""what": "free""#, 0, &[ID, "which was refused", "did not give back 1 value:"]),
    alone("Threads", r#""what": "kept""#, 5, &[AT, "the run of a node that is over"]),
    alone("Threads", r#""what": "late""#, 0, &[]),
    alone("World", r#""what": "folder""#, 0, &[ID, "put it back: the working folder"]),
    alone("World", r#""what": "gone folder""#, 0, &[ID, "put it back: the working folder"]),
    alone("World", r#""what": "locale""#, 0, &[ID, "put it back: the locale"]),
    alone("World", r#""what": "streams""#, 0, &[ID, "put it back: standard streams"]),
    alone("World", r#""what": "signals""#, 0, &[]),
    alone("World", r#""what": "stdin""#, 0, &[]),
    alone("Noise", r#""what": "out""#, 0, &[]),
    alone("Noise", r#""what": "error""#, 0, &[]),
];

/// What ends the engine, and nothing but the engine.
pub const DEADLY: &[Fault] = &[
    alone("Die", r#""what": "fault""#, 8, &[ID, AT, "memory fault"]),
    alone("Die", r#""what": "abort""#, 8, &[ID, AT, "it aborted"]),
    alone("Die", r#""what": "exit""#, 8, &[ID, AT, "exited by itself with the code 0"]),
    alone("Die", r#""what": "overflow""#, 8, &[ID, AT, "the engine ended"]),
    alone("Die", r#""what": "double panic""#, 8, &[ID, AT, "it aborted"]),
    alone("Die", r#""what": "crossing panic""#, 8, &[ID, AT, "it aborted"]),
    alone("Die", r#""what": "kill""#, 8, &[ID, AT, "signal 9"]),
    alone("World", r#""what": "pipes""#, 8, &[ID, AT, "the engine ended"]),
];
