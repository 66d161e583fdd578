//! What was released never changes: each field of a released version is still there, where it was and of the type that it had.

use plugin_api::layout::{Field, fields};

/// One line a field.
fn listing() -> String {
    let line = |Field { table, name, offset, ty }: Field| {
        format!("{table}.{name} {offset} {}\n", ty.replace("plugin_api::abi::", "").replace("plugin_api::ops::", ""))
    };
    fields().into_iter().map(line).collect()
}

#[test]
fn every_field_of_1_0_is_as_it_was() {
    let now = listing();
    let now: Vec<&str> = now.lines().collect();
    let then = include_str!("released/1.0.txt");
    assert!(then.lines().count() > 200);
    for line in then.lines() {
        assert!(now.contains(&line), "this was released and is no longer so: {line}");
    }
}

#[test]
fn every_field_of_1_1_is_as_it_was() {
    let now = listing();
    for line in include_str!("released/1.1.txt").lines() {
        assert!(now.lines().any(|field| field == line), "this was released and is no longer so: {line}");
    }
}
