//! What cannot be merged, and what is said of it.

use super::{graph, library, path_of, run_graph};
use crate::bad_input::Place;
use crate::program::{Said, golden};

fn said(place: &Place, nodes: &str) -> Said {
    run_graph(place, &graph(nodes), &["--dump", &format!("m.model={}", place.path("dump"))])
}

#[test]
fn a_model_of_another_size() {
    let place = library();
    place.edit("models/b/config.json", |text| text.replace("\"dim\": 40", "\"dim\": 48"));
    let node = r#""m": (kind: "model-merge/WeightedSum", inputs: { "a": Link("a.model"), "b": Link("b.model") }),"#;
    let said = said(&place, node);
    assert_eq!(said.code, Some(4), "{}", said.stderr);
    assert!(said.stderr.contains("`dim` 48 instead of 40") && said.stderr.contains("help: "), "{}", said.stderr);
}

#[test]
fn a_row_with_other_tensors() {
    let place = library();
    let plain = golden("plain").join("model").display().to_string();
    let node = format!(
        r#""m": (kind: "model-merge/WeightedSum", inputs: {{ "a": Link("a.model"), "b": Link("b.model"), "rows": [{{ "path": "{plain}" }}] }}),"#
    );
    let said = said(&place, &node);
    assert_eq!(said.code, Some(4), "{}", said.stderr);
    assert!(said.stderr.contains("cannot be merged"), "{}", said.stderr);
    place.write("models/d/config.json", "{}");
    std::fs::copy(
        golden("plain").join("model/transformer/diffusion_pytorch_model.safetensors"),
        place.path("models/d/diffusion_pytorch_model.safetensors"),
    )
    .expect("weights");
    let said = self::said(&place, &node.replace(&plain, "d"));
    assert_eq!(said.code, Some(6), "{}", said.stderr);
    assert!(said.stderr.contains("has other tensors") && said.stderr.contains(" more"), "{}", said.stderr);
}

#[test]
fn a_quantized_model_where_that_is_refused() {
    let place = library();
    let nodes = r#""packed": (kind: "model-loader/LoadDiffusionModel", inputs: { "path": "b", "quantize": "8" }),
        "m": (kind: "model-merge/WeightedSum", inputs: { "a": Link("a.model"), "b": Link("packed.model"), "quantized": "refuse" }),"#;
    let said = said(&place, nodes);
    assert_eq!(said.code, Some(4), "{}", said.stderr);
    assert!(said.stderr.contains("`b` is rounded to 8 bits"), "{}", said.stderr);
}

/// Also where the loader did not round it, but its file.
#[test]
fn a_packed_file_where_that_is_refused() {
    let place = library();
    let pack = r#""pack": (kind: "model-merge/SaveModel", inputs: { "model": Link("b.model"), "name": "packed", "layout": "mlx", "precision": "4" }),"#;
    let packed = path_of(run_graph(&place, &graph(pack), &[])).join("transformer").display().to_string();
    for row in [false, true] {
        let (b, rows) =
            if row { ("b", format!(r#", "rows": [{{ "path": "{packed}" }}]"#)) } else { ("packed", String::new()) };
        let nodes = format!(
            r#""packed": (kind: "model-loader/LoadDiffusionModel", inputs: {{ "path": "{packed}" }}),
            "m": (kind: "model-merge/WeightedSum", inputs: {{ "a": Link("a.model"), "b": Link("{b}.model"), "quantized": "refuse"{rows} }}),"#
        );
        let said = said(&place, &nodes);
        assert_eq!(said.code, Some(4), "{}", said.stderr);
        assert!(said.stderr.contains("is rounded in its file (MLX's packing)"), "{}", said.stderr);
        assert_eq!(self::said(&place, &nodes.replace("refuse", "widen")).code, Some(0));
    }
}
