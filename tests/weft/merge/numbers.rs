//! Every node against the same formula in float64, both rounded once to float16.

use std::path::Path;

use weft::engine::Engine;
use weft::engine::protocol::{Dump, Job};
use weft::graph::{Graph, Link, Roots, check};

use super::{TRANSFORMER, Tensors, dumped, graph, library, rounded, stored};
use crate::bad_input::Place;
use crate::engine::{evaluated, follow, start};
use crate::lora::{doubles, goldens, relative};

/// Of the values, so many may be one step of float16 off.
const OFF: f64 = 1e-4;

/// `expected` gives a value by the tensor's name and its numbers in all `models`.
fn assert_equal(found: &Tensors, models: &[&Tensors], expected: impl Fn(&str, &[f64]) -> f64) {
    let (mut count, mut off) = (0, 0);
    assert_eq!(found.len(), models[0].len());
    for (name, numbers) in found {
        for (index, &number) in numbers.iter().enumerate() {
            let of_models: Vec<f64> = models.iter().map(|model| model[name][index]).collect();
            let expected = rounded(expected(name, &of_models));
            let step = (expected.abs() / 1024.0).max(2f64.powi(-24));
            assert!((rounded(number) - expected).abs() <= step, "{name}[{index}] is {number}, not {expected}");
            off += usize::from(rounded(number) != expected);
            count += 1;
        }
    }
    println!("{off} of {count} values are one step off");
    assert!(off as f64 <= OFF * count as f64, "{off} of {count} values are one step off");
}

fn all(place: &Place) -> [Tensors; 3] {
    [TRANSFORMER, "b", "c"].map(|path| stored(place, path))
}

#[test]
fn weighted_sums() {
    let place = library();
    let [a, b, _] = all(&place);
    for alpha in [0.0, 0.3, 0.5, 0.85, 1.0] {
        let node = format!(
            r#""m": (kind: "model-merge/WeightedSum", inputs: {{ "a": Link("a.model"), "b": Link("b.model"), "alpha": {alpha:?} }}),"#
        );
        let found = dumped(&place, &graph(&node), "m.model");
        assert_equal(&found, &[&a, &b], |_, x| (1.0 - alpha) * x[0] + alpha * x[1]);
    }
}

#[test]
fn rows_and_differences() {
    let place = library();
    let ([a, b, c], d) = (all(&place), stored(&place, "d"));
    let nodes = r#"
        "sum": (kind: "model-merge/WeightedSum", inputs: { "a": Link("a.model"), "b": Link("b.model"), "alpha": 0.3,
            "rows": [{ "path": "c", "weight": 0.2 }, { "path": "d", "enabled": false }, { "path": "d", "weight": 0.7 }] }),
        "m": (kind: "model-merge/AddDifference", inputs: { "a": Link("a.model"), "b": Link("b.model"), "c": Link("c.model"), "alpha": 1.3 }),"#;
    let found = dumped(&place, &graph(nodes), "sum.model");
    // In the nodes' order: shares such as 0.3 make sums that lie in the middle of two float16 but for float64's own rounding.
    let mix = |w: f64, (other, share): (f64, f64)| (1.0 - share) * w + share * other;
    let sum = |x: &[f64]| [(x[1], 0.3), (x[2], 0.2), (x[3], 0.7)].into_iter().fold(x[0], mix);
    assert_equal(&found, &[&a, &b, &c, &d], |_, x| sum(x));
    let found = dumped(&place, &graph(nodes), "m.model");
    assert_equal(&found, &[&a, &b, &c], |_, x| x[0] + 1.3 * (x[1] - x[2]));
}

#[test]
fn parts_of_the_network() {
    let place = library();
    let [a, b, _] = all(&place);
    let node = r#""m": (kind: "model-merge/BlockWeightedSum", inputs: { "a": Link("a.model"), "b": Link("b.model"),
        "layers": "0: 0.9", "embedders": 0.1, "noise_refiner": 0.3, "context_refiner": 0.6, "final": 0.0 }),"#;
    let found = dumped(&place, &graph(node), "m.model");
    let shares = [("layers.", 0.9), ("noise_refiner.", 0.3), ("context_refiner.", 0.6), ("all_final_layer.", 0.0)];
    assert!(shares.iter().all(|(start, _)| a.keys().any(|name| name.starts_with(start))));
    assert_equal(&found, &[&a, &b], |name, x| {
        let share = shares.iter().find(|(start, _)| name.starts_with(start)).map_or(0.1, |(_, share)| *share);
        (1.0 - share) * x[0] + share * x[1]
    });
}

#[test]
fn ties() {
    let place = library();
    let [base, a, b] = all(&place);
    let node = r#""m": (kind: "model-merge/Ties", inputs: { "base": Link("a.model"), "a": Link("b.model"), "b": Link("c.model"),
        "density": 0.3, "scale": 0.9 }),"#;
    let found = dumped(&place, &graph(node), "m.model");
    let least = |model: &Tensors| -> std::collections::BTreeMap<String, f64> {
        let of = |name: &String, numbers: &Vec<f64>| {
            let mut sizes: Vec<f64> = numbers.iter().zip(&base[name]).map(|(x, base)| (x - base).abs()).collect();
            sizes.sort_by(f64::total_cmp);
            let kept = (0.3 * sizes.len() as f64).round() as usize;
            if kept == 0 { f64::INFINITY } else { sizes[sizes.len() - kept] }
        };
        model.iter().map(|(name, numbers)| (name.clone(), of(name, numbers))).collect()
    };
    let least = [least(&a), least(&b)];
    assert_equal(&found, &[&base, &a, &b], |name, x| {
        let kept = |index: usize| {
            let change = x[index + 1] - x[0];
            if change.abs() < least[index][name] { 0.0 } else { change }
        };
        let (one, other) = (kept(0), kept(1));
        let sign = one + other;
        let agreeing: Vec<f64> = [one, other].into_iter().filter(|change| change * sign > 0.0).collect();
        x[0] + 0.9 * agreeing.iter().sum::<f64>() / agreeing.len().max(1) as f64
    });
}

/// The type that a model runs in rounds the result, never what goes into it.
#[test]
fn the_type_that_a_model_runs_in_takes_nothing_away() {
    let place = library();
    let [a, b, _] = all(&place);
    let node = r#""m": (kind: "model-merge/WeightedSum", inputs: { "a": Link("a.model"), "b": Link("b.model"), "alpha": 0.3 }),"#;
    let coarse = graph(node).replace(r#""precision": "float16""#, r#""precision": "bfloat16""#);
    assert_equal(&dumped(&place, &coarse, "m.model"), &[&a, &b], |_, x| 0.7 * x[0] + 0.3 * x[1]);
}

#[test]
fn a_lora_is_merged_with_its_model() {
    let place = library();
    let [_, b, _] = all(&place);
    let nodes = r#"
        "lora": (kind: "lora/ApplyLora", inputs: { "model": Link("a.model"), "file": "layouts/peft", "weight": 0.8, "allow_partial": true }),
        "m": (kind: "model-merge/WeightedSum", inputs: { "a": Link("lora.model"), "b": Link("b.model"), "alpha": 0.3 }),"#;
    let found = dumped(&place, &graph(nodes), "m.model");
    for (full, with_lora) in doubles(&goldens("half").join("layout-ai-toolkit.effective.safetensors")) {
        let Some(name) = full.strip_prefix("transformer.") else { continue };
        let expected: Vec<f64> = with_lora.iter().zip(&b[name]).map(|(a, b)| 0.7 * a + 0.3 * b).collect();
        let single: Vec<f32> = found[name].iter().map(|&x| x as f32).collect();
        let error = relative(&single, &expected);
        assert!(error < 1e-6, "{name} is {error:.1e} off");
    }
}

#[test]
fn a_quantized_model_goes_in_as_it_is() {
    let place = library();
    let [_, b, _] = all(&place);
    let nodes = r#""packed": (kind: "model-loader/LoadDiffusionModel", inputs: { "path": "model/transformer", "precision": "float32", "quantize": "8" }),
        "m": (kind: "model-merge/WeightedSum", inputs: { "a": Link("packed.model"), "b": Link("b.model"), "alpha": 0.3 }),"#;
    let packed = dumped(&place, &graph(nodes), "packed.model");
    let found = dumped(&place, &graph(nodes), "m.model");
    assert_equal(&found, &[&packed, &b], |_, x| 0.7 * x[0] + 0.3 * x[1]);
}

#[test]
fn another_share_makes_the_merge_again_and_nothing_else() {
    let place = library();
    let node = r#""m": (kind: "model-merge/WeightedSum", inputs: { "a": Link("a.model"), "b": Link("b.model") }),"#;
    let mut graph = Graph::parse(&graph(node), "g").expect("a graph");
    let mut engine = start();
    let mut run = |graph: &Graph| again(&mut engine, graph, &place);
    assert_eq!(run(&graph), ["a", "b", "m"]);
    assert_eq!(run(&graph), Vec::<String>::new());
    graph.set("m.alpha=0.25").expect("an input");
    assert_eq!(run(&graph), ["m"]);
}

fn again(engine: &mut Engine, graph: &Graph, place: &Place) -> Vec<String> {
    let roots = Roots { models: vec![place.path("models").into()], ..Roots::default() };
    let plan =
        check(graph, &engine.catalog, &roots, &[Link::parse("m.model").expect("a link")]).expect("the graph is right");
    let (output, file) = (Path::new(&place.path("out")).to_owned(), place.path("dump").into());
    let dumps = vec![Dump { node: "m".to_owned(), output: "model".to_owned(), file }];
    engine.run(Job { plan, graph: graph.to_ron(), output, dumps, models: Vec::new(), cache: None, once: false });
    evaluated(&follow(engine).expect("the engine lives"))
}
