//! Tests of the whole program: they run the binary, or drive its engine, on small models.

mod any_size;
mod bad_input;
mod cancel;
mod contained;
mod demo_upscaler;
mod editor;
mod engine;
mod esrgan;
mod examples;
mod faults;
mod frozen;
mod golden;
mod graphs;
mod hostile;
mod layers;
mod lemica;
mod load;
mod lora;
mod loras;
mod merge;
mod models;
mod numerics;
mod picture;
mod plugin;
mod program;
mod queue;
#[cfg(target_os = "linux")]
mod screen;
mod single_file;
mod tiled;
mod trust;
mod tutorial;
mod units;
mod upscale;
mod vae;
