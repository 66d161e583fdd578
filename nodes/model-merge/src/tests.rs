//! The nodes on the mock host, which changes weights at once, so that they can be read.

use plugin_api::testing::{self, TestRun};
use plugin_api::{Architecture, ErrorKind, Model, Node, Record, Result, Role, Session, Value, Weights};

use crate::add_difference::AddDifference;
use crate::block_weighted_sum::BlockWeightedSum;
use crate::ties::Ties;
use crate::weighted_sum::WeightedSum;

macro_rules! toys {
    ($($name:ident $tensor:literal;)*) => { $(
        struct $name;

        impl Architecture for $name {
            const ID: &'static str = stringify!($name);
            const ROLE: Role = Role::Model;

            fn detect(weights: &Weights) -> bool {
                weights.contains($tensor)
            }

            fn build(_: &str, _: &Weights) -> Result<Self> {
                Ok(Self)
            }

            fn call(&self, _: &Session, _: &str, _: &Record) -> Result<Value> {
                Ok(Value::null())
            }
        }
    )* };
}
toys! {
    Toy "w";
    OtherToy "v";
}

/// A model whose matrix `w [1, n]` has these numbers.
fn model(name: &str, numbers: &[f32]) -> Model {
    of_tensors(name, "{}", &[("w", &[1, numbers.len() as i32], numbers)])
}

fn of_tensors(name: &str, config: &str, tensors: &[(&str, &[i32], &[f32])]) -> Model {
    testing::architecture::<Toy>();
    testing::weights_file(name, tensors);
    Model::new("Toy", config, &Weights::open(name).unwrap()).unwrap()
}

fn inputs(models: &[(&str, Model)]) -> Record {
    models.iter().fold(Record::new(), |inputs, (name, model)| inputs.with(name, model.clone()))
}

fn merged<N: Node>(inputs: &Record) -> Vec<f32> {
    tensor::<N>(inputs, "w")
}

fn tensor<N: Node>(inputs: &Record, name: &str) -> Vec<f32> {
    let outputs = TestRun::new().run::<N>(inputs).unwrap();
    outputs.get::<Model>("model").unwrap().weights().tensor(name).to_vec().unwrap()
}

fn row(enabled: bool, path: &str, weight: f64) -> Value {
    Record::new().with("enabled", enabled).with("path", path).with("weight", weight).into()
}

#[test]
fn a_weighted_sum_lies_between() {
    let models = inputs(&[("a", model("a", &[1.0, -2.0, 0.5])), ("b", model("b", &[3.0, 2.0, f32::INFINITY]))]);
    assert_eq!(merged::<WeightedSum>(&models), [2.0, 0.0, f32::INFINITY]);
    assert_eq!(merged::<WeightedSum>(&models.with("alpha", 0.25)), [1.5, -1.0, f32::INFINITY]);
    // Not 0 · ∞, which is no number.
    assert_eq!(merged::<WeightedSum>(&models.with("alpha", 0.0)), [1.0, -2.0, 0.5]);
    let turned = inputs(&[("b", model("a", &[1.0, -0.0])), ("a", model("b", &[f32::INFINITY, 2.0]))]);
    let all_of_b = merged::<WeightedSum>(&turned.with("alpha", 1.0));
    assert_eq!(all_of_b.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), [1.0f32.to_bits(), (-0.0f32).to_bits()]);
}

#[test]
fn rows_take_of_the_sum_so_far() {
    let models = inputs(&[("a", model("a", &[8.0])), ("b", model("b", &[16.0]))]);
    model("/c", &[0.0]);
    model("/d", &[1.0]);
    let rows = [row(true, "/c", 0.5), row(false, "/gone", 1.0), row(true, "/gone", 0.0), row(true, "/d", 0.25)];
    // (8 + 16) / 2 = 12; half of it 6; three quarters of that and a quarter.
    assert_eq!(merged::<WeightedSum>(&models.with("rows", &rows[..])), [4.75]);
}

#[test]
fn a_difference_is_added() {
    let models = [("a", model("a", &[1.0, 1.0])), ("b", model("b", &[5.0, 2.0])), ("c", model("c", &[3.0, 2.0]))];
    let models = inputs(&models);
    assert_eq!(merged::<AddDifference>(&models), [3.0, 1.0]);
    assert_eq!(merged::<AddDifference>(&models.with("alpha", 0.5)), [2.0, 1.0]);
    assert_eq!(merged::<AddDifference>(&models.with("alpha", 0.0)), [1.0, 1.0]);
}

#[test]
fn every_part_gets_its_share() {
    let names = ["w", "noise_refiner.0.w", "context_refiner.0.w", "layers.0.w", "layers.1.w", "all_final_layer.2-1.w"];
    let all = |numbers: &'static [f32; 1]| names.map(|name| (name, &[1][..], &numbers[..]));
    let models = inputs(&[("a", of_tensors("a", "", &all(&[0.0]))), ("b", of_tensors("b", "", &all(&[1.0])))]);
    let shares = models
        .with("embedders", 0.125)
        .with("noise_refiner", 0.25)
        .with("context_refiner", 0.375)
        .with("layers", "1: 0.75")
        .with("final", 1.0);
    let found: Vec<f32> = names.iter().flat_map(|name| tensor::<BlockWeightedSum>(&shares, name)).collect();
    assert_eq!(found, [0.125, 0.25, 0.375, 0.0, 0.75, 1.0]);
    let error = TestRun::new().run::<BlockWeightedSum>(&shares.with("layers", "1-2: 0.5")).unwrap_err();
    assert!(error.message.contains("has 0 to 1"), "{error}");
}

#[test]
fn ties_keep_what_models_agree_on() {
    let models = inputs(&[
        ("base", model("base", &[1.0, 1.0, 1.0, 1.0, 1.0])),
        // Changes 4, -3, 2, 0.5, 0 and 2, 4, 1, -5, 0.
        ("a", model("a", &[5.0, -2.0, 3.0, 1.5, 1.0])),
        ("b", model("b", &[3.0, 5.0, 2.0, -4.0, 1.0])),
    ]);
    // All count: mean of 4 and 2; 4 alone wins; mean of 2 and 1; -5 wins.
    assert_eq!(merged::<Ties>(&models.with("density", 1.0)), [4.0, 5.0, 2.5, -4.0, 1.0]);
    // Of a 4 and -3, of b 4 and -5 are left.
    assert_eq!(merged::<Ties>(&models.with("density", 0.4)), [5.0, 5.0, 1.0, -4.0, 1.0]);
    assert_eq!(merged::<Ties>(&models.with("density", 0.4).with("scale", 0.5)), [3.0, 3.0, 1.0, -1.5, 1.0]);
    assert_eq!(merged::<Ties>(&models.with("density", 0.0)), [1.0; 5]);
    model("/d", &[1.0, -9.0, 1.0, 1.0, 1.0]);
    // Now -3 and -10 outweigh 4.
    let with_a_row = models.with("density", 1.0).with("rows", &[row(true, "/d", 1.0)][..]);
    assert_eq!(merged::<Ties>(&with_a_row), [4.0, -5.5, 2.5, -4.0, 1.0]);
}

#[test]
fn models_that_do_not_fit_are_told_apart() {
    let refused = |a: Model, b: Model| TestRun::new().run::<WeightedSum>(&inputs(&[("a", a), ("b", b)])).unwrap_err();
    let a = || model("a", &[1.0]);
    testing::architecture::<OtherToy>();
    testing::weights_file("v", &[("v", &[1], &[1.0])]);
    let other = Model::new("OtherToy", "", &Weights::open("v").unwrap()).unwrap();
    let error = refused(a(), other);
    assert!(error.kind == ErrorKind::Invalid && error.message.contains("another architecture (OtherToy)"), "{error}");

    let with = |config: &str| of_tensors("c", config, &[("w", &[1, 1], &[1.0])]);
    let error = refused(with(r#"{"dim": 40, "_by": 1, "eps": 1}"#), with(r#"{"dim": 48, "_by": 2, "more": 3}"#));
    assert!(error.message.contains("`dim` 48 instead of 40"), "{error}");

    let more = of_tensors(
        "more",
        "{}",
        &[
            ("w", &[2, 1], &[1.0, 1.0]),
            ("p", &[1], &[1.0]),
            ("q", &[1], &[1.0]),
            ("r", &[1], &[1.0]),
            ("s", &[1], &[1.0]),
        ],
    );
    let error = refused(a(), more.clone());
    assert_eq!(error.kind, ErrorKind::File);
    assert!(error.message.contains("`w` is [2, 1] instead of [1, 1], `p` is too many"), "{error}");
    assert!(error.message.ends_with("and 1 more"), "{error}");
    assert!(refused(more, a()).message.contains("`p` is missing"));
}

#[test]
fn a_file_that_is_no_model_is_named() {
    let models = inputs(&[("a", model("a", &[8.0])), ("b", model("b", &[16.0]))]);
    testing::weights_file("/lora", &[("lora_A", &[1], &[1.0])]);
    let error = TestRun::new().run::<WeightedSum>(&models.with("rows", &[row(true, "/lora", 0.5)][..])).unwrap_err();
    assert!(error.kind == ErrorKind::File && error.message.contains("/lora is no diffusion model"), "{error}");
}

#[test]
fn the_node_says_what_it_did_and_what_it_takes() {
    let run = TestRun { free_memory: Some(3_000_000_000), ..TestRun::new() };
    run.run::<WeightedSum>(&inputs(&[("a", model("a", &[1.0; 100])), ("b", model("b", &[2.0; 100]))])).unwrap();
    assert_eq!(*run.notes.borrow(), ["1 of 1 tensors are merged; in use they take 0.0 MB of memory, 3.00 GB are free"]);
}

#[test]
fn every_param_has_help() {
    for spec in [WeightedSum::spec(), AddDifference::spec(), BlockWeightedSum::spec(), Ties::spec()] {
        assert!(spec.inputs.iter().all(|input| !input.help.is_empty()), "{}", spec.name);
    }
}

mod saving {
    use plugin_api::Dtype;
    use plugin_api::testing::SavedTensor;

    use super::*;
    use crate::save_model::SaveModel;

    const CONFIG: &str = r#"{"_class_name": "Toy2DModel", "dim": 40}"#;

    fn save(run: &TestRun, inputs: &Record) -> Result<Record> {
        run.run::<SaveModel>(&inputs.with("name", "mix"))
    }

    fn file(run: &TestRun, path: &str) -> serde_json::Value {
        let written = run.written.borrow();
        let (_, _, bytes) = written.iter().find(|(name, _, _)| name == path).expect("it is written");
        serde_json::from_slice(bytes).expect("JSON")
    }

    #[test]
    fn a_part_alone_is_a_folder_too() {
        let run = TestRun::new();
        let model = of_tensors("m", CONFIG, &[("w", &[1, 2], &[1.0, 2.0])]);
        let outputs = save(&run, &inputs(&[("model", model)])).unwrap();
        assert_eq!(outputs.get::<String>("path").unwrap(), "mix");
        let expected = SavedTensor {
            file: "transformer/diffusion_pytorch_model.safetensors".to_owned(),
            name: "w".to_owned(),
            dtype: Some(Dtype::Float16),
            shape: vec![1, 2],
            numbers: vec![1.0, 2.0],
        };
        assert_eq!(*run.saved.borrow(), [expected]);
        let index = file(&run, "model_index.json");
        assert_eq!(index["transformer"], serde_json::json!(["diffusers", "Toy2DModel"]));
        assert_eq!(index["vae"], serde_json::json!([null, null]));
        assert_eq!(file(&run, "transformer/config.json")["dim"], 40);
        assert_eq!(file(&run, "scheduler/scheduler_config.json")["shift"], 3.0);
        assert_eq!(file(&run, "merge_info.json")["precision"], "float16");
        assert_eq!(run.reports.borrow()[0].rows, [["transformer", "1", "0.0 MB"]]);
    }

    #[test]
    fn what_float16_does_not_have_is_refused() {
        let model = |number| inputs(&[("model", of_tensors("m", CONFIG, &[("w", &[1, 2], &[1.0, number])]))]);
        let error = save(&TestRun::new(), &model(-70000.0)).unwrap_err();
        assert!(error.kind == ErrorKind::Invalid && error.message.contains("`w` has the number 70000"), "{error}");
        assert!(save(&TestRun::new(), &model(70000.0).with("precision", "bfloat16")).is_ok());
        assert!(save(&TestRun::new(), &model(f32::NEG_INFINITY)).is_ok(), "infinite before already");
    }

    #[test]
    fn it_can_be_stopped() {
        let run = TestRun { cancel_at: Some(0), ..TestRun::new() };
        let model = of_tensors("m", CONFIG, &[("w", &[1, 2], &[1.0, 2.0])]);
        assert_eq!(save(&run, &inputs(&[("model", model)])).unwrap_err().kind, ErrorKind::Cancelled);
    }

    #[test]
    fn a_configuration_that_is_no_json_is_named() {
        let error = save(&TestRun::new(), &inputs(&[("model", of_tensors("m", "x", &[]))])).unwrap_err();
        assert!(error.message.contains("configuration of the transformer"), "{error}");
    }

    #[test]
    fn every_param_has_help() {
        assert!(SaveModel::spec().inputs.iter().all(|input| !input.help.is_empty()));
    }
}
