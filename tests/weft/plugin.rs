//! Hooks of a third-party plugin in the real host.

use std::path::Path;

use crate::program::{golden, run, run_well, tensors, text_to_image, trust, weft};

/// A folder with nothing but the probe (tests/probe), which is approved.
pub fn plugins() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let name = format!("{}probe{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let built = weft().with_file_name(&name);
    std::fs::copy(&built, folder.path().join(name)).unwrap_or_else(|error| panic!("{}: {error}", built.display()));
    trust(folder.path());
    folder
}

/// The latent that the usual graph gives with these hooks around its model, innermost first.
fn latent(hooks: &[(&str, &str)]) -> Vec<f32> {
    let said = sample(hooks, |arguments, out| {
        let file = out.join("latent").display().to_string();
        let dump = format!("sample.latent={file}");
        run_well(&[arguments, &["--dump", &dump]].concat());
        tensors(Path::new(&file))["samples"].1.clone()
    });
    assert!(said.iter().all(|x| x.is_finite()));
    said
}

fn sample<T>(hooks: &[(&str, &str)], run: impl FnOnce(&[&str], &Path) -> T) -> T {
    let (plugins, out) = (plugins(), tempfile::tempdir().expect("a folder"));
    let mut nodes = String::new();
    let mut from = "model.model".to_owned();
    for (index, (point, mode)) in hooks.iter().enumerate() {
        nodes += &format!(
            r#""hook{index}": (kind: "probe/Around", inputs: {{ "model": Link("{from}"), "point": "{point}", "mode": "{mode}" }}),"#
        );
        from = format!("hook{index}.model");
    }
    let graph = text_to_image()
        .replace(r#""model": Link("model.model")"#, &format!(r#""model": Link("{from}")"#))
        .replace("nodes: {", &format!("nodes: {{ {nodes}"));
    let path = out.path().join("graph.ron");
    std::fs::write(&path, graph).expect("the graph");
    let at = |path: &Path| path.display().to_string();
    let (graph, models, plugins, pictures) = (at(&path), at(&golden("plain")), at(plugins.path()), at(out.path()));
    let arguments = ["run", &graph, "--models", &models, "--plugins", &plugins, "-o", &pictures, "--quiet"];
    run(&[&arguments[..], &["--device", "cpu"]].concat(), out.path())
}

#[test]
fn a_hook_that_only_watches_changes_no_bit() {
    let plain = latent(&[]);
    for point in ["predict", "blocks", "layers.0"] {
        assert_eq!(latent(&[(point, "pass")]), plain, "{point}");
    }
    assert_eq!(latent(&[("blocks", "pass"), ("blocks", "pass"), ("predict", "pass")]), plain);
}

#[test]
fn a_hook_can_skip_and_repeat() {
    let plain = latent(&[]);
    let skipped = latent(&[("blocks", "skip")]);
    assert_ne!(skipped, plain);
    assert_ne!(latent(&[("blocks", "twice")]), plain);
    // The outermost hook decides: inside a skipping one nothing is called any more.
    assert_eq!(latent(&[("layers.0", "pass"), ("blocks", "skip")]), skipped);
}

#[test]
fn a_panic_in_a_hook_is_an_error_at_the_node() {
    let said = sample(&[("blocks", "panic")], |arguments, _| run(arguments));
    assert_eq!(said.code, Some(8), "{}", said.stderr);
    assert!(said.stderr.contains("as the test asks") && said.stderr.contains("node `sample`"), "{}", said.stderr);
}

#[test]
fn a_deprecated_node_is_checked_and_names_what_takes_its_place() {
    let (plugins, folder) = (plugins(), tempfile::tempdir().expect("a folder"));
    let graph = folder.path().join("graph.ron");
    let text = r#"Graph(format: 1, nodes: {
        "latent": (kind: "sampler/EmptyLatent", inputs: {}),
        "old": (kind: "probe/Before", inputs: { "value": Link("latent.latent") }),
        "save": (kind: "sampler/SaveLatent", inputs: { "latent": Link("old.value"), "name": "x" }),
    })"#;
    std::fs::write(&graph, text).expect("the graph");
    let (graph, plugins) = (graph.display().to_string(), plugins.path().display().to_string());
    let said = run_well(&["check", &graph, "--plugins", &plugins]);
    let expected = "warning: node `old` (probe/Before) is deprecated: `probe/Around` takes its place";
    assert!(said.stderr.contains(expected), "{}", said.stderr);
    let offered = run_well(&["nodes", "--plugins", &plugins]).stdout;
    assert!(offered.contains("probe/Around") && !offered.contains("probe/Before"), "{offered}");
    let described = run_well(&["nodes", "probe/Before", "--plugins", &plugins]).stdout;
    assert!(described.contains("is deprecated: `probe/Around` takes its place"), "{described}");
}
