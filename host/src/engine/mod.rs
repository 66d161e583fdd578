//! The engine: a child process of the same binary that alone holds MLX, plugins and models. Running out of memory in
//! MLX, a fault or an `exit` in a plugin ends that process; the client survives, names the node and goes on.

mod blame;
mod cache;
mod client;
mod dump;
mod execute;
mod fingerprint;
mod job;
mod outputs;
mod process;
pub mod protocol;
mod surroundings;

pub use client::{Engine, GRACE, Options};
pub use process::serve;
