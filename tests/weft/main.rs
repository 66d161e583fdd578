//! Tests of the whole program: they run the binary, or drive its engine, on small models.

mod bad_input;
mod editor;
mod engine;
mod esrgan;
mod golden;
mod graphs;
mod layers;
mod lemica;
mod lora;
mod loras;
mod merge;
mod models;
mod picture;
mod plugin;
mod program;
mod queue;
#[cfg(target_os = "linux")]
mod screen;
mod single_file;
mod units;
mod upscale;
mod vae;
