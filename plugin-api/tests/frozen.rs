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
fn every_field_that_was_released_is_as_it_was() {
    let now = listing();
    let now: Vec<&str> = now.lines().collect();
    let released =
        [include_str!("released/1.0.txt"), include_str!("released/1.1.txt"), include_str!("released/1.2.txt")];
    assert_eq!(released.map(|version| version.lines().count()), [209, 1, 2], "these files are never changed");
    for line in released.iter().flat_map(|version| version.lines()) {
        assert!(now.contains(&line), "this was released and is no longer so: {line}");
    }
}
