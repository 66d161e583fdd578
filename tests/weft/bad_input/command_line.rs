//! Wrong use of the command line.

use super::{Case, Place, assert_all};

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[test]
fn flags_and_their_values() {
    assert_all(&[
        Case { name: "no such command", arrange: |_| words(&["frobnicate"]), code: 2, says: &["frobnicate"] },
        Case { name: "no graph", arrange: |_| words(&["run"]), code: 2, says: &["<GRAPH>"] },
        Case { name: "no such flag", arrange: |at| at.run_with(&["--bogus"]), code: 2, says: &["'--bogus'"] },
        Case {
            name: "no such device",
            arrange: |at| at.run_with(&["--device", "tpu"]),
            code: 2,
            says: &["'tpu'", "--device", "auto, gpu, cpu"],
        },
        Case {
            name: "--set without =",
            arrange: |at| at.run_with(&["--set", "sample.steps"]),
            code: 2,
            says: &["--set sample.steps has no `=`", "--set node.input=value"],
        },
        Case {
            name: "--set without a dot",
            arrange: |at| at.run_with(&["--set", "steps=4"]),
            code: 2,
            says: &["`steps` has no dot", "--set node.input=value"],
        },
        Case {
            name: "--set of no node",
            arrange: |at| at.run_with(&["--set", "smaple.steps=4"]),
            code: 2,
            says: &["no node `smaple`", "did you mean `sample`?"],
        },
        Case {
            name: "--set of no input",
            arrange: |at| at.run_with(&["--set", "sample.stpes=4"]),
            code: 4,
            says: &["no input `stpes`", "node `sample`", "`steps`"],
        },
        Case {
            name: "--set to a wrong value",
            arrange: |at| at.run_with(&["--set", "sample.steps=many"]),
            code: 4,
            says: &["many", "node `sample`", "input `steps`", "a whole number from 0"],
        },
        Case {
            name: "--set to a broken link",
            arrange: |at| at.run_with(&["--set", "decode.vae=Link(\"x\")"]),
            code: 4,
            says: &["node `decode`", "input `vae`", "a link of the kind VAE"],
        },
        Case {
            name: "--dump without a file",
            arrange: |at| at.run_with(&["--dump", "sample.latent"]),
            code: 2,
            says: &["--dump sample.latent", "node.output=FILE"],
        },
        Case {
            name: "--dump of no node",
            arrange: |at| at.run_with(&["--dump", "smaple.latent=x"]),
            code: 2,
            says: &["`smaple`", "where: --dump", "did you mean `sample`"],
        },
        Case {
            name: "--dump of no output",
            arrange: |at| at.run_with(&["--dump", "sample.image=x"]),
            code: 2,
            says: &["no output `image`", "where: --dump", "`latent`"],
        },
        Case {
            name: "--dump of no tensor",
            arrange: |at| at.run_with(&["--dump", &format!("save.path={}", at.path("x"))]),
            code: 2,
            says: &["`path` is TEXT, which holds no tensor", "where: --dump", "IMAGE"],
        },
        Case {
            name: "--models that is not there",
            arrange: |at| at.run_with(&["--models", &at.path("none")]),
            code: 2,
            says: &["no folder", "none", "where: --models"],
        },
        Case {
            name: "--input that is not there",
            arrange: |at| at.run_with(&["--input", &at.path("none")]),
            code: 2,
            says: &["no folder", "none", "where: --input"],
        },
        Case {
            name: "--plugins that is not there",
            arrange: |at| at.run_with(&["--plugins", &at.path("none")]),
            code: 2,
            says: &["no folder", "none", "where: --plugins"],
        },
        Case {
            name: "no such node",
            arrange: |_| words(&["nodes", "sampler/Smaple"]),
            code: 2,
            says: &["no node `sampler/Smaple`", "did you mean `sampler/Sample`"],
        },
        Case {
            name: "a node without its plugin",
            arrange: |_| words(&["nodes", "Sample"]),
            code: 2,
            says: &["no node `Sample`", "did you mean `sampler/Sample`"],
        },
    ]);
}

fn info(at: &Place, bytes: &[u8]) -> Vec<String> {
    vec!["info".to_owned(), at.write("picture.png", bytes)]
}

#[test]
fn pictures_without_a_graph() {
    assert_all(&[
        Case {
            name: "no file",
            arrange: |at| vec!["info".into(), at.path("none.png")],
            code: 3,
            says: &["none.png cannot be read", "no such file", "WebP picture"],
        },
        Case {
            name: "not a picture",
            arrange: |at| info(at, b"<html></html>"),
            code: 3,
            says: &["picture.png is not a PNG, JPEG or WebP", "files that Weft writes"],
        },
        Case { name: "empty", arrange: |at| info(at, b""), code: 3, says: &["picture.png is not a PNG"] },
        Case {
            name: "half a picture",
            arrange: |at| info(at, &super::image::golden_picture()[..60]),
            code: 3,
            says: &["picture.png is a broken PNG", "help: "],
        },
        Case {
            name: "a picture of another program",
            arrange: |at| info(at, &super::image::golden_picture()),
            code: 3,
            says: &["picture.png holds no graph", "not made by Weft"],
        },
        Case {
            name: "a JPEG of another program",
            arrange: |at| info(at, super::image::CMYK),
            code: 3,
            says: &["picture.png holds no graph", "help: "],
        },
        Case {
            name: "half a JPEG",
            arrange: |at| info(at, &super::image::CMYK[..100]),
            code: 3,
            says: &["picture.png is a broken JPEG", "it ends in the middle"],
        },
        Case {
            name: "a WebP that is cut",
            arrange: |at| info(at, b"RIFF\xff\xff\xff\x7fWEBPEXIF\xff\xff\xff\x7f"),
            code: 3,
            says: &["picture.png is a broken WebP", "it ends in the middle"],
        },
        Case {
            name: "a picture of another program, to run",
            arrange: |at| vec!["run".into(), at.write("p.png", super::image::golden_picture())],
            code: 3,
            says: &["p.png holds no graph"],
        },
        Case {
            name: "a text that unpacks to 64 MiB",
            arrange: |at| info(at, &super::image::text_bomb()),
            code: 3,
            says: &["picture.png holds no graph that can be read", "8 MiB"],
        },
        Case {
            name: "a broken graph in a picture",
            arrange: |at| vec!["run".into(), at.write("p.png", super::image::with_text(b"hello"))],
            code: 3,
            says: &["the graph in", "p.png", ":1:1"],
        },
    ]);
}
