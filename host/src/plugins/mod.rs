//! Plugins: finding, judging and loading libraries (engine only), and the catalogue of what they bring (everyone).

mod catalog;
mod date;
mod find;
mod form;
mod judge;
mod library;
mod load;
mod registry;
mod sound;
mod trust;

pub use catalog::{Catalog, PluginInfo, Refused, Unopened, instead};
pub use find::{beside_executable, is_own, libraries, user_folder};
pub use form::form;
pub use judge::short;
pub use library::Library;
pub use load::load_all;
pub use registry::{Architecture, NodeKind, Registry};
pub use sound::description;
pub use trust::{Decision, Standing, Store, folder as trust_folder, is_sha256};
