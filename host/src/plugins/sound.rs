//! Whether what a library exports can be worked with: sizes, text, and descriptions that neither engine nor editor trip over.

use std::collections::BTreeSet;

use plugin_api::abi::{ArchitectureEntry, NodeEntry, Plugin, Slice, Text};
use plugin_api::{InputKind, InputSpec, NodeSpec};

use crate::limits::{ID_BYTES, PLUGIN_ENTRIES, TEXT_BYTES};

type Sound<T> = Result<T, String>;

/// Id and version of a plugin.
///
/// # Safety
/// The symbol begins as a [`Plugin`] does.
pub unsafe fn name(plugin: &Plugin) -> Sound<(String, String)> {
    if plugin.size < size_of::<Plugin>() {
        return Err("its symbol is there but smaller than Weft's".to_owned());
    }
    if !is_there(&plugin.init) {
        return Err("its symbol has no function `init`".to_owned());
    }
    // SAFETY: the caller's word; text is constant.
    let (id, version) = unsafe { (word(plugin.id, "its id")?, word(plugin.version, "its version")?) };
    if id.contains('/') {
        return Err(format!("its id `{id}` has a slash"));
    }
    Ok((id, version))
}

/// A list of the plugin's tables.
///
/// # Safety
/// It is one that a plugin's `init` gave.
pub unsafe fn list<T>(list: Slice<*const T>) -> Sound<&'static [*const T]> {
    if list.len > PLUGIN_ENTRIES || (list.ptr.is_null() && list.len > 0) || !list.ptr.is_aligned() {
        return Err(format!("its list of nodes or architectures is none: it says that it has {}", list.len));
    }
    // SAFETY: the caller's word.
    Ok(unsafe { list.get() })
}

/// The node that a text describes, where the description holds together.
///
/// # Errors
/// What is wrong with it, and with which node.
pub fn description(text: &str) -> Sound<NodeSpec> {
    let spec: NodeSpec = ron::from_str(text)
        .map_err(|error| format!("the description of a node cannot be read, at {}", error.span.start))?;
    self::spec(&spec).map_err(|why| unsound(&spec, &why))?;
    Ok(spec)
}

/// A node that `spec` describes and that has a function.
pub fn node(entry: &NodeEntry, spec: &NodeSpec) -> Sound<()> {
    if is_there(&entry.run) { Ok(()) } else { Err(unsound(spec, "it has no function")) }
}

fn unsound(spec: &NodeSpec, why: &str) -> String {
    format!("the description of its node `{}` is not sound: {why}", spec.name)
}

/// Id and role of an architecture.
///
/// # Safety
/// Its text is readable.
pub unsafe fn architecture(entry: &ArchitectureEntry) -> Sound<(String, String)> {
    // SAFETY: the caller's word.
    let (id, role) =
        unsafe { (word(entry.id, "the id of an architecture")?, word(entry.role, "the role of an architecture")?) };
    let is_whole = is_there(&entry.detect) && is_there(&entry.build) && is_there(&entry.call) && is_there(&entry.free);
    if is_whole { Ok((id, role)) } else { Err(format!("its architecture `{id}` lacks a function")) }
}

/// Whether a function pointer that came from outside is not null, which Rust takes for granted of one.
fn is_there<F: Copy>(function: &F) -> bool {
    const { assert!(size_of::<F>() == size_of::<usize>()) };
    // SAFETY: function pointers are as large as addresses.
    unsafe { std::ptr::from_ref(function).cast::<usize>().read() != 0 }
}

/// Text of no more than `most` bytes.
///
/// # Safety
/// The text is readable as long as it says.
pub unsafe fn text(text: Text, most: usize, what: &str) -> Sound<String> {
    if text.len > most {
        return Err(format!("{what} is {} bytes long, more than {most}", text.len));
    }
    if text.ptr.is_null() && text.len > 0 {
        return Err(format!("{what} says that it has {} bytes, and has none", text.len));
    }
    // SAFETY: the caller's word.
    String::from_utf8(unsafe { text.get() }.to_vec()).map_err(|_| format!("{what} is not UTF-8"))
}

/// A name: short, without spaces and control characters.
///
/// # Safety
/// As for [`text`].
pub unsafe fn word(name: Text, what: &str) -> Sound<String> {
    // SAFETY: the caller's word.
    let name = unsafe { text(name, ID_BYTES, what)? };
    if !is_word(&name) {
        return Err(format!("{what} `{name}` is empty, or has a space or a control character"));
    }
    Ok(name)
}

fn is_word(name: &str) -> bool {
    !name.is_empty() && name.len() <= ID_BYTES && !name.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// A description that holds together.
fn spec(spec: &NodeSpec) -> Sound<()> {
    if !is_word(&spec.name) || spec.name.contains('/') {
        return Err("its name is empty, too long, or has a space, a slash or a control character".to_owned());
    }
    if spec.outputs.len() > PLUGIN_ENTRIES || spec.inputs.len() > PLUGIN_ENTRIES {
        return Err(format!("it has more than {PLUGIN_ENTRIES} inputs or outputs"));
    }
    names(spec.outputs.iter().map(|output| &output.name), "outputs")?;
    if let Some(output) = spec.outputs.iter().find(|output| !is_word(&output.kind)) {
        return Err(format!("the output `{}` has no kind", output.name));
    }
    inputs(&spec.inputs, true)
}

fn inputs(inputs: &[InputSpec], may_have_rows: bool) -> Sound<()> {
    names(inputs.iter().map(|input| &input.name), "inputs")?;
    inputs.iter().try_for_each(|input| {
        kind(&input.kind, may_have_rows).map_err(|why| format!("the input `{}` {why}", input.name))
    })
}

fn names<'a>(names: impl Iterator<Item = &'a String>, what: &str) -> Sound<()> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !is_word(name) {
            return Err(format!("a name among its {what} is empty, too long, or has a space or a control character"));
        }
        if !seen.insert(name) {
            return Err(format!("two of its {what} are named `{name}`"));
        }
    }
    Ok(())
}

fn kind(kind: &InputKind, may_have_rows: bool) -> Sound<()> {
    let fault = |fault: &str| Err(fault.to_owned());
    match kind {
        InputKind::Link(kind) if !is_word(kind) => fault("has no kind"),
        InputKind::Int { default, range, soft, multiple } => {
            if *multiple < 1 {
                return fault("is a multiple of a number below 1");
            }
            range_of(*default, *range, *soft)
        }
        InputKind::Float { default, range, soft, step } => {
            let step = step.unwrap_or(1.0);
            if !step.is_finite() || step <= 0.0 || !range.0.is_finite() || !range.1.is_finite() {
                return fault("has a range or a step that is no finite number");
            }
            range_of(*default, *range, *soft)
        }
        InputKind::Seed { default } if *default < 0 => fault("has a default below 0"),
        InputKind::Choice { default, options } if !options.contains(default) || options.len() > PLUGIN_ENTRIES => {
            fault("has a default that is none of its choices, or too many of them")
        }
        InputKind::Text { default, .. } | InputKind::Prompt { default, .. } if default.len() > TEXT_BYTES => {
            fault("has a default that is too long")
        }
        InputKind::Rows { .. } if !may_have_rows => fault("has rows within rows"),
        InputKind::Rows { columns } => inputs(columns, false),
        _ => Ok(()),
    }
}

/// Holds for none of its numbers being NaN, too.
fn range_of<T: PartialOrd + Copy>(default: T, range: (T, T), soft: Option<(T, T)>) -> Sound<()> {
    let is_within = |part: (T, T)| range.0 <= part.0 && part.0 <= part.1 && part.1 <= range.1;
    if is_within(range) && is_within((default, default)) && soft.is_none_or(is_within) {
        return Ok(());
    }
    Err("has a default or a soft range outside of its range, or a range that ends before it begins".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(input: InputKind) -> Option<String> {
        spec(&NodeSpec::new("Node", "", "").param("x", input, "")).err()
    }

    #[test]
    fn descriptions_that_hold_together() {
        let sound = [
            InputKind::int(1, (0, 2)),
            InputKind::float(0.5, (0.0, 1.0), 0.1),
            InputKind::choice(&["a", "b"]),
            InputKind::text(""),
            InputKind::Seed { default: 0 },
        ];
        for input in sound {
            assert_eq!(fault(input.clone()), None, "{input:?}");
        }
    }

    #[test]
    fn descriptions_that_do_not() {
        let rows = |columns| InputKind::Rows { columns };
        let column = |name: &str, kind| InputSpec { name: name.to_owned(), kind, required: false, help: String::new() };
        let unsound = [
            InputKind::int(1, (2, 0)),
            InputKind::int(5, (0, 2)),
            InputKind::Int { default: 1, range: (0, 2), soft: Some((0, 9)), multiple: 1 },
            InputKind::Int { default: 1, range: (0, 2), soft: None, multiple: 0 },
            InputKind::float(f64::NAN, (0.0, 1.0), 0.1),
            InputKind::float(0.0, (0.0, f64::INFINITY), 0.1),
            InputKind::float(0.0, (0.0, 1.0), 0.0),
            InputKind::Choice { default: "c".to_owned(), options: vec!["a".to_owned()] },
            InputKind::choice(&[]),
            InputKind::Link(String::new()),
            InputKind::Seed { default: -1 },
            rows(vec![column("a", rows(Vec::new()))]),
            rows(vec![column("a", InputKind::text("")), column("a", InputKind::text(""))]),
        ];
        for input in unsound {
            assert!(fault(input.clone()).is_some(), "{input:?}");
        }
        for name in ["", "a b", "a/b", "a\nb", "\u{7}"] {
            assert!(spec(&NodeSpec::new(name, "", "")).is_err(), "{name:?}");
        }
        let twice = NodeSpec::new("Node", "", "").output("a", "INT").output("a", "INT");
        assert_eq!(spec(&twice).err().as_deref(), Some("two of its outputs are named `a`"));
    }
}
