//! `weft convert`: files in other layouts.

mod file;
mod lora;
mod model;

use super::Outcome;
use crate::flags::ConvertCommand;

pub fn convert(command: &ConvertCommand) -> Outcome {
    match command {
        ConvertCommand::Lora(flags) => lora::convert(flags),
        ConvertCommand::Model(flags) => model::convert(flags),
    }
}
