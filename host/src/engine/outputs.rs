//! The contract of a node: every declared output, of the declared kind, in the shape of that kind, with finite numbers.

use plugin_api::{Error, ErrorKind, InputSpec, OutputSpec, Result};

use crate::plugins::NodeKind;
use crate::table::{Value, evaluate};

/// Computes what a node returned and holds it against what the node declares.
///
/// # Errors
/// What failed on the way, or a sentence that names the plugin, the output and the fault.
pub fn check(kind: &NodeKind, outputs: &Value) -> Result<()> {
    let declared = || kind.spec.outputs.iter();
    let found = declared().map(|output| declared_output(kind, outputs, output)).collect::<Result<Vec<_>>>()?;
    evaluate(outputs)?;
    declared().zip(&found).try_for_each(|(output, value)| check_tensors(kind, output, value))
}

/// The plugin broke the contract.
pub fn broken(kind: &NodeKind, what: &str) -> Error {
    Error::new(ErrorKind::Plugin, format!("the plugin `{}` {what}", kind.plugin_name()))
        .help("report this to its author")
}

fn declared_output(kind: &NodeKind, outputs: &Value, output: &OutputSpec) -> Result<Value> {
    let name = &output.name;
    let found = super::execute::entry(outputs, name)
        .ok_or_else(|| broken(kind, &format!("did not return the output `{name}`")))?;
    if found.is_of_kind(&output.kind) || passes_nothing(kind, output, &found) {
        return Ok(found);
    }
    let what = match &found {
        Value::Opaque(opaque) => format!("a value of its kind `{}`", opaque.kind),
        other => format!("{:?}", other.tag()),
    };
    Err(broken(kind, &format!("returned {what} as `{name}`, not {}", output.kind)))
}

/// Whether an output is empty because it passes on an optional link of its name that is not there.
fn passes_nothing(kind: &NodeKind, output: &OutputSpec, found: &Value) -> bool {
    let is_passed = |input: &InputSpec| input.name == output.name && !input.required && input.kind.link().is_some();
    matches!(found, Value::Null) && kind.spec.inputs.iter().any(is_passed)
}

fn check_tensors(kind: &NodeKind, output: &OutputSpec, found: &Value) -> Result<()> {
    if matches!(found, Value::Null) {
        return Ok(());
    }
    let (name, link) = (&output.name, &output.kind);
    if let Some(fault) = found.shape_fault(link)? {
        return Err(broken(kind, &format!("returned a wrong {link} as `{name}`: {fault}")));
    }
    match found.not_finite(link)? {
        None => Ok(()),
        Some(dtype) => {
            let what = format!("returned numbers that are not finite in `{name}` ({link}, {dtype:?})");
            let help =
                "a damaged model or input file gives such numbers: get it again; else report it to the plugin's author";
            Err(Error { kind: ErrorKind::Failed, ..broken(kind, &what).help(help) })
        }
    }
}
