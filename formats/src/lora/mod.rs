//! LoRA files: which of their keys change which tensor of a model, and how. Facts of the formats: the layouts in the
//! wild are a prefix, a body in diffusers' or the model's native names, dotted or underscored, and a suffix; all three are
//! rules here, and bodies are resolved against the model's own names.

mod about;
mod adapter;
mod convert;
mod delta;
mod family;
mod fit;
mod group;
mod index;
mod key;
mod names;
mod peft;
mod prefix;
mod report;
mod resolve;
mod suffix;
mod summary;
mod targets;

use std::collections::BTreeMap;

pub use about::{About, about};
pub use adapter::{Adapter, Alpha, Delta, Factor, Part, Target};
pub use convert::{ConvertError, Converted, Layout, convert};
pub use family::family;
pub use fit::{Fit, fit};
pub use key::{Key, State};
pub use summary::{Summary, TargetGroup, summary};
pub use targets::Targets;

/// The `__metadata__` of a safetensors file.
pub type Metadata = BTreeMap<String, String>;
