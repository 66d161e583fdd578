//! Tests of the whole program: they run the binary, or drive its engine, on small models.

mod engine;
mod golden;
mod layers;
mod program;
mod units;
