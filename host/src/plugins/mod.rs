//! Plugins: finding and loading libraries (engine only), and the catalogue of what they bring (everyone).

mod catalog;
mod load;
mod registry;
mod sound;

pub use catalog::{Catalog, PluginInfo, Refused};
pub use load::{beside_executable, load_all};
pub use registry::{Architecture, NodeKind, Registry};
