//! Tests of the whole program: they run the binary, or drive its engine, on small models.

mod bad_input;
mod engine;
mod golden;
mod graphs;
mod layers;
mod plugin;
mod program;
mod units;
