//! What files of models and LoRAs say in their names, shapes and metadata. Pure: no file is opened here, and no number is
//! computed but where a conversion must, so that the host, its plugins and their tests share one understanding of the formats.

pub mod float;
pub mod gguf;
pub mod layout;
pub mod lemica;
pub mod lora;
pub mod memory;
pub mod pickle;
pub mod source;
mod tensor;
pub mod upscaler;

pub use tensor::{Dtype, Tensor};
