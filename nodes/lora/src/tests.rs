//! The nodes on the mock host, which changes weights at once, so that they can be read.

use plugin_api::testing::{self, TestRun};
use plugin_api::{Architecture, ErrorKind, Model, Node, Record, Result, Role, Session, Value, Weights};

use crate::apply_lora::ApplyLora;
use crate::lora_stack::LoraStack;
use crate::prompt_loras::PromptLoras;

struct Toy;

impl Architecture for Toy {
    const ID: &'static str = "toy";
    const ROLE: Role = Role::Model;

    fn detect(_: &Weights) -> bool {
        true
    }

    fn build(_: &str, _: &Weights) -> Result<Self> {
        Ok(Self)
    }

    fn call(&self, _: &Session, _: &str, _: &Record) -> Result<Value> {
        Ok(Value::null())
    }
}

const W: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];

/// A model with one matrix `block.linear.weight [2, 3]`.
fn model() -> Model {
    testing::architecture::<Toy>();
    testing::weights_file("toy", &[("block.linear.weight", &[2, 3], &W)]);
    Model::new("toy", "", &Weights::open("toy").unwrap()).unwrap()
}

/// A file of rank 1 whose ΔW is `scale · [[1, 0, 2], [3, 0, 6]]`.
fn rank_1(path: &str, scale: f32) {
    testing::weights_file(
        path,
        &[
            ("transformer.block.linear.lora_A.weight", &[1, 3], &[1.0, 0.0, 2.0]),
            ("transformer.block.linear.lora_B.weight", &[2, 1], &[1.0, 3.0]),
            ("transformer.block.linear.alpha", &[], &[scale]),
        ],
    );
    testing::weights_metadata(path, &[("trigger_words", "ink, brush")]);
}

fn weight(outputs: &Record) -> Vec<f32> {
    outputs.get::<Model>("model").unwrap().weights().tensor("block.linear.weight").to_vec().unwrap()
}

fn apply(run: &TestRun, inputs: &Record) -> Result<Record> {
    run.run::<ApplyLora>(&inputs.with("model", model()))
}

fn row(enabled: bool, file: &str, weight: f64) -> Value {
    Record::new().with("enabled", enabled).with("file", file).with("weight", weight).into()
}

#[test]
fn a_low_rank_change_is_added_in_every_mode() {
    let model = model();
    rank_1("/loras/ink.safetensors", 0.5);
    for mode in ["auto", "live", "merged"] {
        let inputs = Record::new().with("file", "/loras/ink.safetensors").with("weight", 2.0).with("mode", mode);
        let outputs = TestRun::new().run::<ApplyLora>(&inputs.with("model", model.clone())).unwrap();
        assert_eq!(weight(&outputs), [2.0, 2.0, 5.0, 7.0, 5.0, 12.0], "{mode}");
        assert_eq!(outputs.get::<String>("trigger_words").unwrap(), "ink, brush");
    }
}

#[test]
fn nothing_happens_where_it_is_off_or_has_no_weight() {
    for inputs in [
        Record::new().with("enabled", false).with("file", "/not/there.safetensors"),
        Record::new().with("weight", 0.0).with("file", "/not/there.safetensors"),
    ] {
        let outputs = apply(&TestRun::new(), &inputs).unwrap();
        assert_eq!(weight(&outputs), W);
        assert_eq!(outputs.get::<String>("trigger_words").unwrap(), "");
    }
}

#[test]
fn a_stack_goes_in_order_and_names_what_is_on() {
    let model = model();
    rank_1("/loras/styles/ink.safetensors", 1.0);
    rank_1("/loras/oil.safetensors", -1.0);
    let rows = [
        row(true, "/loras/styles/ink.safetensors", 0.8),
        row(false, "/loras/gone.safetensors", 1.0),
        row(true, "/loras/oil.safetensors", 0.8),
    ];
    let inputs = Record::new().with("rows", &rows[..]).with("model", model);
    let outputs = TestRun::new().run::<LoraStack>(&inputs).unwrap();
    for (now, was) in weight(&outputs).iter().zip(W) {
        assert!((now - was).abs() < 1e-6, "{now} {was}");
    }
    assert_eq!(outputs.get::<String>("tags").unwrap(), "<lora:ink:0.8> <lora:oil:0.8>");
    assert_eq!(outputs.get::<String>("trigger_words").unwrap(), "ink, brush", "each once");
}

#[test]
fn a_prompt_brings_its_own() {
    let model = model();
    rank_1("/loras/ink.safetensors", 1.0);
    let prompt = Record::new().with("text", "a fox").with("rows", &[row(true, "/loras/ink.safetensors", 1.0)][..]);
    let outputs =
        TestRun::new().run::<PromptLoras>(&Record::new().with("model", model).with("prompt", prompt)).unwrap();
    assert_eq!(weight(&outputs)[0], 2.0);
    assert_eq!(outputs.get::<String>("text").unwrap(), "a fox");
}

#[test]
fn what_does_not_fit_is_told_and_refused() {
    let model = model();
    let up_and_down = |name: &'static str| [format!("{name}.lora_B.weight"), format!("{name}.lora_A.weight")];
    let (fits, other) = (up_and_down("block.linear"), up_and_down("block.other"));
    let tensors: [(&str, &[i32], &[f32]); 4] = [
        (&fits[0], &[2, 1], &[1.0, 1.0]),
        (&fits[1], &[1, 3], &[1.0, 1.0, 1.0]),
        (&other[0], &[2, 1], &[1.0, 1.0]),
        (&other[1], &[1, 3], &[1.0, 1.0, 1.0]),
    ];
    testing::weights_file("/loras/half.safetensors", &tensors);
    let inputs = Record::new().with("model", model).with("file", "/loras/half.safetensors");
    let run = TestRun::new();
    let error = run.run::<ApplyLora>(&inputs).unwrap_err();
    assert_eq!(error.kind, ErrorKind::File);
    assert!(error.message.contains("fits only in part") && error.message.contains("block.other"), "{}", error.message);
    assert!(error.help.contains("allow_partial"), "{}", error.help);
    let table = run.reports.borrow()[0].clone();
    assert_eq!(table.columns, ["key", "state", "target", "why"]);
    let states: Vec<&str> = table.rows.iter().map(|row| row[1].as_str()).collect();
    assert_eq!(states, ["applied", "applied", "unknown", "unknown"]);

    let outputs = TestRun::new().run::<ApplyLora>(&inputs.with("allow_partial", true)).unwrap();
    assert_eq!(weight(&outputs), [2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);

    testing::weights_file("/loras/none.safetensors", &tensors[2..]);
    let inputs = inputs.with("file", "/loras/none.safetensors").with("allow_partial", true);
    let error = TestRun::new().run::<ApplyLora>(&inputs).unwrap_err();
    assert!(error.message.contains("changes nothing in this model"), "{}", error.message);
}

#[test]
fn numbers_that_are_none_and_giant_ranks_are_refused() {
    let model = model();
    let refused = |down: &[f32], rank: i32| {
        let up = vec![1.0; 2 * rank as usize];
        testing::weights_file(
            "/loras/bad.safetensors",
            &[("block.linear.lora_A", &[rank, 3], down), ("block.linear.lora_B", &[2, rank], &up)],
        );
        let inputs = Record::new().with("model", model.clone()).with("file", "/loras/bad.safetensors");
        TestRun::new().run::<ApplyLora>(&inputs).unwrap_err()
    };
    let error = refused(&[1.0, f32::NAN, 0.0], 1);
    assert_eq!(error.kind, ErrorKind::File);
    assert!(error.message.contains("`block.linear.lora_A`") && error.message.contains("NaN"), "{}", error.message);
    let error = refused(&vec![1.0; 5000 * 3], 5000);
    assert_eq!(error.kind, ErrorKind::Limit);
    assert!(error.message.contains("5000"), "{}", error.message);
}

#[test]
fn the_text_encoder_s_part_needs_one() {
    let model = model();
    testing::weights_file("encoder", &[("layers.0.self_attn.q_proj.weight", &[2, 3], &W)]);
    let encoder = Model::new("toy", "", &Weights::open("encoder").unwrap()).unwrap();
    let name = |half: &str| format!("lora_te_layers_0_self_attn_q_proj.lora_{half}.weight");
    testing::weights_file(
        "/loras/words.safetensors",
        &[(&name("down"), &[1, 3], &[1.0, 1.0, 1.0]), (&name("up"), &[2, 1], &[1.0, 1.0])],
    );
    let inputs = Record::new().with("model", model).with("file", "/loras/words.safetensors");
    let error = TestRun::new().run::<ApplyLora>(&inputs).unwrap_err();
    assert!(error.message.contains("text encoder") || error.help.contains("text encoder"), "{error:?}");
    let outputs = TestRun::new().run::<ApplyLora>(&inputs.with("text_encoder", encoder)).unwrap();
    let changed = outputs.get::<Model>("text_encoder").unwrap().weights();
    assert_eq!(changed.tensor("layers.0.self_attn.q_proj.weight").to_vec::<f32>().unwrap()[0], 2.0);
    assert_eq!(weight(&outputs), W);
}

#[test]
fn factors_may_have_axes_of_one_behind_them() {
    let model = model();
    let tensors: [(&str, &[i32], &[f32]); 2] =
        [("block.linear.lora_A", &[1, 3, 1], &[1.0, 1.0, 1.0]), ("block.linear.lora_B", &[2, 1, 1, 1], &[1.0, 1.0])];
    testing::weights_file("/loras/axes.safetensors", &tensors);
    for mode in ["live", "merged"] {
        let inputs =
            Record::new().with("model", model.clone()).with("file", "/loras/axes.safetensors").with("mode", mode);
        assert_eq!(
            weight(&TestRun::new().run::<ApplyLora>(&inputs).unwrap()),
            [2.0, 3.0, 4.0, 5.0, 6.0, 7.0],
            "{mode}"
        );
    }
}

#[test]
fn every_param_has_help() {
    for spec in [ApplyLora::spec(), LoraStack::spec(), PromptLoras::spec()] {
        assert!(spec.inputs.iter().all(|input| !input.help.is_empty()), "{}", spec.name);
    }
}
