//! Libraries that are no plugins, plugins for another Weft, and nodes that end the process that runs them.

use std::env::consts::{ARCH, DLL_EXTENSION};
use std::process::Command;

use super::{Case, Place, assert_all};
use crate::program::trust;

/// A run of the one node of the plugin `broken`, with the folder of plugins named.
fn run_broken(at: &Place) -> Vec<String> {
    let mut arguments = at.run("Graph(format: 1, nodes: { \"n\": (kind: \"broken/Node\") })");
    arguments.extend(["--plugins".to_owned(), at.path("plugins")]);
    arguments
}

fn library() -> String {
    format!("plugins/libbroken.{DLL_EXTENSION}")
}

/// A run over a library of these bytes.
fn holding(at: &Place, bytes: &[u8]) -> Vec<String> {
    at.write(&library(), bytes);
    run_broken(at)
}

/// A run over `broken_plugin.c`, compiled with these definitions.
fn compiled(at: &Place, definitions: &[&str]) -> Vec<String> {
    compile(at, definitions);
    run_broken(at)
}

/// Puts the library into the folder of plugins.
pub fn compile(at: &Place, definitions: &[&str]) {
    let source = at.write("plugins/broken.c", include_str!("broken_plugin.c"));
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o", &at.path(&library()), &source]);
    compiler.args(definitions.iter().map(|definition| format!("-D{definition}")));
    let output = compiler.output().expect("a C compiler `cc`, which Rust links with as well");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    trust(at.path("plugins"));
}

/// The beginning of a library for a processor that this is not.
fn other_processor() -> Vec<u8> {
    const AARCH64: u8 = 183;
    const X86_64: u8 = 62;
    let machine = if ARCH == "x86_64" { AARCH64 } else { X86_64 };
    let head = [b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0", &[machine, 0, 1, 0, 0, 0][..]].concat();
    [head, vec![0; 4096]].concat()
}

#[test]
fn libraries_that_are_refused() {
    assert_all(&[
        Case {
            name: "not a library",
            arrange: |at| holding(at, b"hello, this is no library"),
            code: 5,
            says: &["no node `broken/Node`", "where: node `n`", "libbroken", "no library", "install the plugin again"],
        },
        Case { name: "empty", arrange: |at| holding(at, b""), code: 5, says: &["libbroken", "no library"] },
        Case {
            name: "for another processor",
            arrange: |at| holding(at, &other_processor()),
            code: 5,
            says: &["libbroken", "no library"],
        },
        Case {
            name: "without our symbol",
            arrange: |at| compiled(at, &["SYMBOL=other_plugin"]),
            code: 5,
            says: &["libbroken", "no Weft plugin", "no symbol `weft_plugin`"],
        },
        Case {
            name: "with another thing under our symbol",
            arrange: |at| compiled(at, &["MAGIC=1"]),
            code: 5,
            says: &["libbroken", "does not begin as Weft's"],
        },
        Case {
            name: "a wrong major version",
            arrange: |at| compiled(at, &["MAJOR=9"]),
            code: 5,
            says: &["libbroken", "needs the plugin interface 9.0", "update Weft"],
        },
        Case {
            name: "a newer minor version",
            arrange: |at| compiled(at, &["MINOR=700"]),
            code: 5,
            says: &["libbroken", "needs the plugin interface 1.700", "update Weft"],
        },
        Case {
            name: "one that does not start",
            arrange: |at| compiled(at, &["INIT=*out = NULL"]),
            code: 5,
            says: &["libbroken", "absent or too small"],
        },
        Case {
            name: "a description that is none",
            arrange: |at| compiled(at, &["SPEC=\"hello\""]),
            code: 5,
            says: &["libbroken", "description of a node"],
        },
        Case {
            name: "an id with a slash",
            arrange: |at| compiled(at, &["ID=\"a/b\""]),
            code: 5,
            says: &["libbroken", "its id `a/b` has a slash"],
        },
        Case {
            name: "an id that is taken",
            arrange: |at| compiled(at, &["ID=\"sampler\""]),
            code: 5,
            says: &["libbroken", "`sampler` is already loaded"],
        },
        Case {
            name: "a refused library that nothing needs",
            arrange: unneeded,
            code: 0,
            says: &["warning: the plugin", "libbroken"],
        },
        Case {
            name: "a refused library, and a slip of the pen",
            arrange: slip,
            code: 4,
            says: &["no node `sampler/Smaple`", "did you mean `sampler/Sample`"],
        },
    ]);
}

fn unneeded(at: &Place) -> Vec<String> {
    holding(at, b"hello");
    at.run_with(&["--plugins", &at.path("plugins")])
}

fn slip(at: &Place) -> Vec<String> {
    let arguments = unneeded(at);
    at.edit("graph.ron", |text| text.replace("sampler/Sample", "sampler/Smaple"));
    arguments
}

/// One field of what a library exports is garbage.
fn garbage(definitions: &'static [&'static str], says: &'static [&'static str]) -> (String, Option<String>) {
    let place = Place::new();
    let arguments = compiled(&place, definitions);
    (definitions.join(" "), super::fault_of(&place, &arguments, 5, &[says, &["libbroken", "help: "]].concat()))
}

#[test]
fn garbage_in_every_field() {
    const NODE: &str = "the description of its node";
    let cases = [
        garbage(&["SIZE=8"], &["smaller than Weft's"]),
        garbage(&["SIZE=0"], &["smaller than Weft's"]),
        garbage(&["INIT_FN=NULL"], &["no function `init`"]),
        garbage(&["ID=\"\""], &["its id ``", "is empty"]),
        garbage(&["ID=\"a b\""], &["its id `a b`", "a space"]),
        garbage(&["ID=control", "ID_LEN=6"], &["its id `", "a control character"]),
        garbage(&["ID=no_utf8", "ID_LEN=3"], &["its id is not UTF-8"]),
        garbage(&["ID_LEN=10485760"], &["its id is 10485760 bytes long", "256"]),
        garbage(&["ID=NULL", "ID_LEN=5"], &["its id says that it has 5 bytes, and has none"]),
        garbage(&["VERSION=\"1\\n2\""], &["its version", "a control character"]),
        garbage(&["ENTRIES_SIZE=8"], &["too small"]),
        garbage(&["NODES=nodes, 1000000000000"], &["it says that it has 1000000000000"]),
        garbage(&["NODES=NULL, 3"], &["it says that it has 3"]),
        garbage(&["NODES=null_nodes, 1"], &["absent or too small"]),
        garbage(&["NODES=nodes, 2"], &["two nodes named `Node`"]),
        garbage(&["ARCHITECTURES=NULL, 1"], &["it says that it has 1"]),
        garbage(&["NODE_SIZE=16"], &["too small"]),
        garbage(&["SPEC_LEN=(1UL << 40)"], &["the description of a node is 1099511627776 bytes long"]),
        garbage(&["SPEC=NULL", "SPEC_LEN=9"], &["the description of a node says that it has 9 bytes, and has none"]),
        garbage(&["SPEC=no_utf8", "SPEC_LEN=3"], &["the description of a node is not UTF-8"]),
        garbage(&["SPEC=\"(name:\\\"\\\",inputs:[],outputs:[])\""], &[NODE, "its name is empty"]),
        garbage(&["RUN_FN=NULL"], &[NODE, "`Node`", "it has no function"]),
        garbage(
            &["SPEC=\"(name:\\\"N\\\",inputs:[],outputs:[(name:\\\"a\\\",kind:\\\"\\\")])\""],
            &[NODE, "`a` has no kind"],
        ),
        garbage(
            &["SPEC=\"(name:\\\"N\\\",inputs:[(name:\\\"i\\\",kind:Int(default:1,range:(5,0)))],outputs:[])\""],
            &[NODE, "`i` has a default or a soft range outside of its range"],
        ),
    ];
    let failed: Vec<String> = cases.into_iter().filter_map(|(name, why)| Some(format!("{name}: {}", why?))).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[test]
fn nodes_that_break_their_word() {
    assert_all(&[
        Case {
            name: "a sound one",
            arrange: |at| compiled(at, &["SPEC=\"(name:\\\"Other\\\",inputs:[],outputs:[])\""]),
            code: 4,
            says: &["no node `broken/Node`", "did you mean `broken/Other`"],
        },
        Case {
            name: "no outputs",
            arrange: |at| compiled(at, &[]),
            code: 5,
            says: &["returned nothing", "node `n` (broken/Node)", "help: "],
        },
        Case {
            name: "a memory fault",
            arrange: |at| compiled(at, &["RUN=*(volatile int *)1 = 1"]),
            code: 8,
            says: &["the engine ended", "memory fault", "node `n` (broken/Node)", "help: "],
        },
        Case {
            name: "an abort",
            arrange: |at| compiled(at, &["RUN=abort()"]),
            code: 8,
            says: &["the engine ended", "aborted", "node `n` (broken/Node)"],
        },
        Case {
            name: "exit(0)",
            arrange: |at| compiled(at, &["RUN=exit(0)"]),
            code: 8,
            says: &["the engine ended", "exited by itself with the code 0", "node `n` (broken/Node)"],
        },
        Case {
            name: "_exit(0)",
            arrange: |at| compiled(at, &["RUN=_exit(0)"]),
            code: 8,
            says: &["the engine ended", "node `n` (broken/Node)"],
        },
        Case {
            name: "words on standard output",
            arrange: |at| compiled(at, &["RUN=if (write(1, \"hello\\n\", 6) == 6) exit(0)"]),
            code: 8,
            says: &["hello", "the engine ended", "node `n`"],
        },
        Case {
            name: "a stack that never ends",
            arrange: |at| {
                compiled(
                    at,
                    &[
                        "RUN=volatile char *p = alloca(1 << 30); for (long i = 0; i < 1 << 30; i += 4096) p[i] = 1",
                        "alloca=__builtin_alloca",
                    ],
                )
            },
            code: 8,
            says: &["the engine ended", "node `n` (broken/Node)"],
        },
    ]);
}
