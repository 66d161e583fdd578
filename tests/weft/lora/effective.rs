//! W + ΔW of every layout and kind against float64, in both ways to apply a file.

use std::collections::BTreeSet;

use super::{Case, Tensors, WEIGHTS, cases, chain, chain_on, doubles, dumped, goldens, graph, relative};

const MODES: [&str; 3] = ["live", "merged", "auto"];
const PARTS: [(&str, &str); 2] = [("transformer", "model"), ("text_encoder", "text_encoder")];

fn check(variant: &str, is_wanted: fn(&Case) -> bool) {
    let cases: Vec<Case> = cases(variant).cases.into_iter().filter(is_wanted).collect();
    assert!(!cases.is_empty());
    let wrong: Vec<String> = cases.iter().flat_map(|case| faults(variant, case)).collect();
    assert!(wrong.is_empty(), "{variant}:\n{}", wrong.join("\n"));
}

fn faults(variant: &str, case: &Case) -> Vec<String> {
    let nodes: String = MODES.iter().map(|mode| chain(&case.loras, mode)).collect();
    let outputs: Vec<String> =
        ["model"].iter().chain(&MODES).flat_map(|node| PARTS.map(|(_, output)| format!("{node}.{output}"))).collect();
    let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
    let found = dumped(variant, &graph(&nodes), &outputs, None);
    let mut faults = Vec::new();
    for (part, output) in PARTS {
        let base = &found[&format!("model.{output}")];
        for mode in MODES {
            let more = compare(variant, case, part, base, &found[&format!("{mode}.{output}")]);
            faults.extend(more.into_iter().map(|fault| format!("{} {mode}: {fault}", case.name)));
        }
    }
    faults
}

/// What is wrong with the weights of a part.
fn compare(variant: &str, case: &Case, part: &str, base: &Tensors, found: &Tensors) -> Vec<String> {
    let expected = doubles(&goldens(variant).join(&case.effective));
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    assert!(base.keys().eq(found.keys()), "{}: other tensors than the base's", case.name);
    for (name, (shape, numbers)) in found {
        assert_eq!(shape, &base[name].0, "{}: {name}", case.name);
        let full = format!("{part}.{}", name.strip_prefix("model.").unwrap_or(name));
        match expected.get(&full) {
            Some(expected) => {
                let error = relative(numbers, expected);
                // Not `error > limit`: a NaN must fail too.
                if error.is_nan() || error > WEIGHTS {
                    faults.push(format!("{full} is {error:.1e} off, at most {WEIGHTS:.0e} is right"));
                }
                seen.insert(full);
            }
            None if bits(numbers) != bits(&base[name].1) => faults.push(format!("{full} changed, and should not")),
            None => {}
        }
    }
    let of_part = expected.keys().filter(|name| name.starts_with(part) && !seen.contains(*name));
    faults.extend(of_part.map(|name| format!("{name} is missing")));
    faults
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

fn is_layout(case: &Case) -> bool {
    case.name.starts_with("layout-")
}

#[test]
fn every_layout_comes_to_the_same_weights() {
    check("plain", is_layout);
}

#[test]
fn every_layout_fits_a_model_of_another_size_and_type() {
    check("half", is_layout);
}

#[test]
fn every_kind_and_order_comes_to_its_weights() {
    check("plain", |case| !is_layout(case));
}

/// A quantized model keeps what rounding made of its weights, and is changed by as much as a whole one.
#[test]
fn a_quantized_model_is_changed_as_much() {
    let case = cases("plain").cases.into_iter().find(|case| case.name == "layout-native").expect("a case");
    for bits in [8, 4] {
        MODES.iter().for_each(|mode| check_quantized(&case, bits, mode));
    }
}

fn check_quantized(case: &Case, bits: u32, mode: &str) {
    let packed = format!(
        r#""packed": (kind: "model-loader/LoadModel", inputs: {{ "path": "model", "precision": "float32", "quantize": "{bits}" }}),
        {}"#,
        chain_on("packed", &case.loras, mode)
    );
    let outputs = ["model.model", "packed.model", &format!("{mode}.model")];
    let found = dumped("plain", &graph(&packed), &outputs, None);
    let [whole, packed, changed] = outputs.map(|output| &found[output]);
    let mut rounded = 0;
    for (full, expected) in doubles(&goldens("plain").join(&case.effective)) {
        let name = full.strip_prefix("transformer.").expect("the model's");
        let (whole, packed) = (&whole[name].1, &packed[name].1);
        rounded += usize::from(whole != packed);
        let moved = whole.iter().zip(packed).zip(&expected);
        let moved: Vec<f64> = moved.map(|((w, p), e)| e - f64::from(*w) + f64::from(*p)).collect();
        let error = relative(&changed[name].1, &moved);
        assert!(error <= WEIGHTS, "{mode} at {bits} bits: {name} is {error:.1e} off");
    }
    assert!(rounded > 0, "nothing was quantized");
}

/// The layouts that are met for Z-Image: fifteen for plain LoRAs, then DoRA, LoKr and LoHa.
#[test]
fn no_layout_is_forgotten() {
    let names: BTreeSet<String> = cases("plain").cases.into_iter().map(|case| case.name).collect();
    for layout in [
        "ai-toolkit",
        "ai-toolkit-alpha",
        "peft",
        "default",
        "diffusion-model-default",
        "base-model",
        "down-up",
        "kohya",
        "kohya-two",
        "native",
        "native-down-up",
        "kohya-native",
        "lycoris",
        "lora-transformer",
        "bare",
    ] {
        assert!(names.contains(&format!("layout-{layout}")), "{layout}");
    }
    assert!(["dora-row", "lokr-w2", "loha"].iter().all(|kind| names.contains(*kind)));
}
