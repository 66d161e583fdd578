//! The engine: a child process of the same binary that alone holds MLX, plugins and models. Running out of memory in
//! MLX, a fault or an `exit` in a plugin ends that process; the client survives, names the node and goes on.

mod cache;
mod client;
mod disk;
mod dump;
mod execute;
pub mod fingerprint;
mod job;
mod needed;
mod outputs;
mod plain;
mod process;
pub mod protocol;
mod surroundings;

pub use client::{Engine, GRACE, Options};
pub use job::prepare_output;
pub use process::serve;
