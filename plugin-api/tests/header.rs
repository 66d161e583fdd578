//! `include/plugin_api.h` says what `abi.rs` says: every struct, field, offset, type and number, told to a C compiler as
//! assertions that are made from Rust's own types.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use plugin_api::layout::{Field, fields};
use plugin_api::{Dtype, ErrorKind, Tag, abi};

/// How C writes a type that Rust's `type_name` gives.
fn c_type(rust: &str) -> String {
    if let Some(inner) = rust.strip_prefix("core::option::Option<").and_then(|rest| rest.strip_suffix('>')) {
        return c_type(inner);
    }
    if let Some(function) = rust.strip_prefix("unsafe extern \"C\" fn(") {
        let end = closing(function);
        let arguments: Vec<String> = split(&function[..end]).into_iter().map(c_type).collect();
        let result = function[end + 1..].strip_prefix(" -> ").map_or_else(|| "void ".to_owned(), c_type);
        return format!(
            "{result} (*)({})",
            if arguments.is_empty() { "void".to_owned() } else { arguments.join(", ") }
        );
    }
    if let Some(target) = rust.strip_prefix("*mut ") {
        return format!("{} *", c_type(target));
    }
    if let Some(target) = rust.strip_prefix("*const ") {
        let target = c_type(target);
        return if target.ends_with('*') { format!("{target}const *") } else { format!("const {target} *") };
    }
    named(rust)
}

fn named(rust: &str) -> String {
    let name = match rust {
        "u8" => "uint8_t",
        "u32" => "uint32_t",
        "u64" => "uint64_t",
        "i32" => "int32_t",
        "i64" => "int64_t",
        "usize" => "size_t",
        "f32" => "float",
        "f64" => "double",
        "core::ffi::c_void" => "void",
        "plugin_api::abi::Slice<u8>" => "WeftBytes",
        "plugin_api::abi::Slice<i32>" => "WeftInts",
        "plugin_api::abi::Slice<*const plugin_api::abi::RawTensor>" => "WeftTensors",
        "plugin_api::abi::Slice<*const plugin_api::abi::RawValue>" => "WeftValues",
        "plugin_api::abi::Slice<plugin_api::abi::TensorView>" => "WeftTensorViews",
        "plugin_api::abi::Slice<plugin_api::abi::TensorRows>" => "WeftTensorRowsList",
        "plugin_api::abi::Slice<*const plugin_api::abi::NodeEntry>" => "WeftNodes",
        "plugin_api::abi::Slice<*const plugin_api::abi::ArchitectureEntry>" => "WeftArchitectures",
        _ => {
            let last = rust.rsplit("::").next().unwrap_or(rust);
            return format!("Weft{}", last.strip_prefix("Raw").unwrap_or(last));
        }
    };
    name.to_owned()
}

/// Where the bracket that was opened before `text` is closed.
fn closing(text: &str) -> usize {
    let mut depth = 0;
    let ends = |c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth < 0
    };
    text.find(ends).expect("a closing bracket")
}

/// Arguments at the commas that stand in no brackets.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let at_top = |c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    };
    text.split(at_top).map(str::trim).filter(|part| !part.is_empty()).collect()
}

#[test]
fn types_are_translated() {
    for (rust, c) in [
        ("*const *const plugin_api::abi::RawTensor", "const WeftTensor *const *"),
        ("*mut *const plugin_api::abi::Entries", "const WeftEntries * *"),
        ("unsafe extern \"C\" fn()", "void  (*)(void)"),
        (
            "unsafe extern \"C\" fn(*mut core::ffi::c_void, unsafe extern \"C\" fn(usize) -> u32, f32) -> *mut u8",
            "uint8_t * (*)(void *, uint32_t (*)(size_t), float)",
        ),
    ] {
        assert_eq!(c_type(rust), c);
    }
}

fn include() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("include")
}

/// Names that C keeps for itself have a `_` behind them.
fn c_field(name: &str) -> String {
    if matches!(name, "int" | "float") { format!("{name}_") } else { name.to_owned() }
}

fn screaming(name: impl std::fmt::Debug) -> String {
    format!("{name:?}").to_uppercase()
}

/// What the header must say, as C.
fn assertions() -> String {
    let mut c = "#include \"plugin_api.h\"\n".to_owned();
    let mut tables = BTreeMap::<&str, usize>::new();
    for Field { table, name, offset, ty } in fields() {
        let (field, ty) = (c_field(name), c_type(ty));
        let _ =
            writeln!(c, "_Static_assert(offsetof(Weft{table}, {field}) == {offset}, \"where {table}.{name} lies\");");
        let same = format!("__builtin_types_compatible_p(__typeof__(((Weft{table} *)0)->{field}), {ty})");
        let _ =
            writeln!(c, "_Static_assert({same}, \"the type of {table}.{name}, which is {}\");", ty.replace('"', ""));
        *tables.entry(table).or_default() += 1;
    }
    for (table, size) in plugin_api::layout::SIZES {
        assert!(tables.contains_key(table), "{table}");
        let _ = writeln!(c, "_Static_assert(sizeof(Weft{table}) == {size}, \"the size of {table}\");");
    }
    let numbers = Dtype::ALL.map(|dtype| (format!("WEFT_{}", screaming(dtype)), dtype as u32)).into_iter();
    let numbers = numbers.chain(Tag::ALL.map(|tag| (format!("WEFT_TAG_{}", screaming(tag)), tag as u32)));
    let numbers = numbers.chain(ErrorKind::ALL.map(|kind| (format!("WEFT_{}", screaming(kind)), kind as u32)));
    let versions = [("WEFT_MAJOR".to_owned(), abi::MAJOR), ("WEFT_MINOR".to_owned(), abi::MINOR)];
    for (name, number) in numbers.chain(versions) {
        let _ = writeln!(c, "_Static_assert({name} == {number}, \"{name}\");");
    }
    let _ = writeln!(c, "_Static_assert(WEFT_MAGIC == {:#x}, \"WEFT_MAGIC\");", abi::MAGIC);
    c
}

/// Compiles without making anything; what the compiler says where it fails.
fn compile(compiler: &str, arguments: &[&str], source: &str, ending: &str) -> Result<(), String> {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("header.{ending}"));
    std::fs::write(&file, source).expect("a file in Cargo's folder for tests");
    let mut command = Command::new(compiler);
    command.args(["-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-I"]).arg(include()).args(arguments).arg(&file);
    let output = command.output().expect("a C compiler `cc`, which Rust links with as well");
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

#[test]
fn the_header_says_what_rust_says() {
    let source = assertions();
    assert!(source.contains("WeftOps, random_uniform") && source.contains("WEFT_CANCELLED == 130"));
    if let Err(said) = compile("cc", &["-std=c11"], &source, "c") {
        panic!("{said}");
    }
    // The compiler does look: one wrong number, and one wrong type.
    let wrong = source.replacen("offsetof(WeftHost, error_view) == 40", "offsetof(WeftHost, error_view) == 48", 1);
    assert!(compile("cc", &["-std=c11"], &wrong, "wrong.c").unwrap_err().contains("where Host.error_view lies"));
    let wrong = source.replacen("void  (*)(const WeftRun *, WeftBytes)", "void  (*)(WeftRun *, WeftBytes)", 1);
    assert!(compile("cc", &["-std=c11"], &wrong, "wrong.c").unwrap_err().contains("the type of Host.run_note"));
}

#[test]
fn the_header_is_c_and_c_plus_plus_alike() {
    let source = "#include \"plugin_api.h\"\nint main(void) { return weft_text(\"\").len != 0; }\n";
    compile("cc", &["-std=c11", "-pedantic"], source, "plain.c").expect("C");
    compile("cc", &["-x", "c++", "-std=c++11", "-pedantic"], source, "plain.cpp").expect("C++");
}
