//! What stands around the canvas. Each panel reads and returns [`Action`]s; none changes anything itself.

mod card;
mod decode;
mod gallery;
mod history;
mod keys;
mod memory;
mod miniature;
mod models;
mod nodes;
mod problems;
mod report;
mod runs;
mod sidebar;
mod table;
mod textures;
mod viewer;

pub use card::bytes;
pub use gallery::gallery;
pub use keys::keys;
pub use memory::memory;
pub use models::{Carried, node_for};
pub use problems::problems;
pub use report::Report;
pub use sidebar::Sidebar;
pub use textures::Textures;
pub use viewer::viewer;

use super::Action;
