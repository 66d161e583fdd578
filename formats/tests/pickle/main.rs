//! Files that torch saves, read as data.

mod build;
mod golden;
mod hostile;
mod random;
