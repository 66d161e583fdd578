//! Tests of the whole program: they run the binary, or drive its engine, on small models.

mod any_size;
mod bad_input;
mod cache;
mod demo_upscaler;
mod editor;
mod engine;
mod esrgan;
mod examples;
mod frozen;
mod fuzzed;
mod golden;
mod graphs;
mod hostile;
mod layers;
mod lemica;
mod lora;
mod loras;
mod memory;
mod merge;
mod models;
mod picture;
mod plugin;
mod program;
mod queue;
#[cfg(target_os = "linux")]
mod screen;
mod single_file;
mod sweep;
mod tiled;
mod trust;
mod tutorial;
mod units;
mod upscale;
mod vae;
