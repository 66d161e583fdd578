//! The editor as its user meets it, without a screen.

mod edits;
mod runs;
pub mod window;
