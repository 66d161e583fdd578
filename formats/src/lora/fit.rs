//! Fits a file to a model: every key finds its target or a reason why not.

use super::{Adapter, Key, Metadata};
use crate::Tensor;

/// The names that a file's modules may mean.
#[derive(Debug, Clone)]
pub struct Targets {}

impl Targets {
    /// The tensors of loaded weights. Where there is no text encoder, keys for one are told apart from unknown ones.
    pub fn of(_model: &[Tensor], _text_encoder: Option<&[Tensor]>) -> Self {
        Self {}
    }

    /// Those of a Z-Image with as many layers as the file speaks of, split q, k and v; its sizes are not known.
    pub fn of_any_z_image(_file: &[Tensor]) -> Self {
        Self {}
    }
}

/// What a file does to a model.
#[derive(Debug, Clone)]
pub struct Fit {
    /// In the order of the file's names.
    pub adapters: Vec<Adapter>,
    /// Every key of the file, in order.
    pub keys: Vec<Key>,
}

impl Fit {
    /// One sentence on what is not applied, none where everything is: "12 of 240 keys fit nothing: …".
    pub fn problem(&self) -> Option<String> {
        None
    }
}

/// Fits a file to the targets.
pub fn fit(_file: &[Tensor], _metadata: &Metadata, _targets: &Targets) -> Fit {
    Fit { adapters: Vec::new(), keys: Vec::new() }
}
