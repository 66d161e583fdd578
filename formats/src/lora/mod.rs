//! LoRA files: which of their keys change which tensor of a model, and how. Facts of the formats: the layouts in the
//! wild are a prefix, a body in diffusers' or the model's native names, dotted or underscored, and a suffix; all three are
//! rules here, and bodies are resolved against the model's own names.

mod adapter;
mod fit;
mod key;

use std::collections::BTreeMap;

pub use adapter::{Adapter, Alpha, Delta, Factor, Part, Target};
pub use fit::{Fit, Targets, fit};
pub use key::{Key, State};

/// The `__metadata__` of a safetensors file.
pub type Metadata = BTreeMap<String, String>;
