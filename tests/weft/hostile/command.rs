//! Every fault through `weft run`: one message with plugin and node, the right exit code, and nothing half written.

use super::faults::{DEADLY, MADE_GOOD, OUTPUTS, PANICS};
use super::{Fault, folder_of};
use crate::bad_input::{Place, fault_of};

fn assert_all(faults: &[Fault]) {
    let plugins = folder_of("hostile");
    let failed: Vec<String> = faults
        .iter()
        .filter_map(|fault| {
            let place = Place::new();
            let folder = plugins.path().display().to_string();
            let arguments = [place.run(&fault.graph()), vec!["--plugins".to_owned(), folder]].concat();
            let problem = fault_of(&place, &arguments, fault.code, fault.says);
            let left = if fault.code == 0 { Vec::new() } else { place.written() };
            let problem = problem.or_else(|| (!left.is_empty()).then(|| format!("{left:?} is left")))?;
            Some(format!("{}: {}", fault.name(), shortened(&problem)))
        })
        .collect();
    assert!(failed.is_empty(), "{} of {} faults\n\n{}", failed.len(), faults.len(), failed.join("\n\n"));
}

/// Without the noise that a plugin made.
fn shortened(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("####")).collect::<Vec<_>>();
    lines.join("\n")
}

#[test]
fn panics() {
    assert_all(PANICS);
}

#[test]
fn outputs() {
    assert_all(OUTPUTS);
}

#[test]
fn what_is_made_good() {
    assert_all(MADE_GOOD);
}

#[test]
fn deaths() {
    assert_all(DEADLY);
}
