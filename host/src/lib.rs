//! Weft: a node editor and headless runner for image models on Apple MLX.
//!
//! One direction: a [`graph`] file is checked against the [`plugins`]' catalogue, becomes a plan, goes as a job to the
//! [`engine`], and comes back as events. The command line ([`headless`]) is a client of that protocol and touches no
//! tensor; [`table`] and [`weights`] alone touch MLX.

pub mod allocator;
pub mod atomic;
#[cfg(feature = "editor")]
pub mod document;
#[cfg(feature = "editor")]
pub mod editor;
pub mod engine;
pub mod error;
pub mod flags;
pub mod foresee;
pub mod graph;
pub mod headless;
pub mod library;
pub mod limits;
pub mod new_folder;
pub mod output;
pub mod picture;
pub mod plugins;
#[cfg(feature = "editor")]
pub mod queue;
pub mod table;
pub mod text;
mod walk;
pub mod weights;
