//! The values that a step was given in the graph.

use std::path::Path;

use crate::graph::{Param, Source, Step};

/// Both sides, rounded up to a multiple.
pub fn scaled(pixels: [u64; 2], scale: f64, multiple: u64) -> [u64; 2] {
    pixels.map(|side| ((side as f64 * scale).round() as u64).div_ceil(multiple).saturating_mul(multiple))
}

fn param<'a>(step: &'a Step, name: &str) -> Option<&'a Param> {
    step.inputs.iter().find(|(input, _)| input == name).and_then(|(_, source)| match source {
        Source::Param(param) => Some(param),
        Source::Step { .. } => None,
    })
}

pub fn text<'a>(step: &'a Step, name: &str) -> Option<&'a str> {
    match param(step, name)? {
        Param::Text(text) => Some(text),
        _ => None,
    }
}

pub fn int(step: &Step, name: &str) -> Option<u64> {
    match param(step, name)? {
        Param::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}

pub fn float(step: &Step, name: &str) -> Option<f64> {
    match param(step, name)? {
        Param::Float(number) => Some(*number),
        Param::Int(number) => Some(*number as f64),
        _ => None,
    }
}

/// Every file that it is given, also those in lists.
pub fn files(step: &Step) -> Vec<&Path> {
    fn of(param: &Param) -> Vec<&Path> {
        match param {
            Param::File(path) => vec![path],
            Param::Rows(rows) => rows.iter().flatten().flat_map(|(_, cell)| of(cell)).collect(),
            Param::Record(entries) => entries.iter().flat_map(|(_, entry)| of(entry)).collect(),
            _ => Vec::new(),
        }
    }
    let params = step.inputs.iter().filter_map(|(_, source)| match source {
        Source::Param(param) => Some(param),
        Source::Step { .. } => None,
    });
    params.flat_map(of).collect()
}
