//! `weft convert`: files in other layouts.

mod file;
mod lora;

use super::Outcome;
use crate::flags::ConvertCommand;

pub fn convert(command: &ConvertCommand) -> Outcome {
    match command {
        ConvertCommand::Lora(flags) => lora::convert(flags),
    }
}
