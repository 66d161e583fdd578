use plugin_api::testing::{self, TestRun};
use plugin_api::{
    Architecture, FromValue, Model, Node, NodeSpec, Record, Result, Role, Run, Session, Tensor, Value, Weights,
};

use super::LeMiCa;
use super::plan::{Budget, Mode, computed};

fn indices(plan: &[bool]) -> Vec<usize> {
    plan.iter().enumerate().filter_map(|(index, computed)| computed.then_some(index)).collect()
}

#[test]
fn published_tables_and_their_last_step() {
    let of = |mode, steps, last| indices(&computed(Budget::Mode(mode), steps, last));
    assert_eq!(of(Mode::Slow, 8, false), [0, 1, 2, 3, 5, 7]);
    assert_eq!(of(Mode::Medium, 8, false), [0, 1, 2, 4, 6]);
    assert_eq!(of(Mode::Fast, 8, false), [0, 1, 2, 5]);
    // The first of them ends with the last step as it is.
    assert_eq!(of(Mode::Slow, 8, true), [0, 1, 2, 3, 5, 7]);
    assert_eq!(of(Mode::Medium, 8, true), [0, 1, 3, 5, 7]);
    assert_eq!(of(Mode::Fast, 8, true), [0, 1, 4, 7]);
    assert_eq!(of(Mode::Slow, 9, true), [0, 1, 2, 3, 5, 7, 8]);
    assert_eq!(of(Mode::Fast, 9, true), [0, 1, 2, 5, 8]);
}

#[test]
fn every_length_has_a_plan_of_its_own() {
    for steps in 1..=60 {
        for last in [true, false] {
            let budgets =
                (1..=steps + 1).map(Budget::Steps).chain([Mode::Slow, Mode::Medium, Mode::Fast].map(Budget::Mode));
            for budget in budgets {
                let plan = computed(budget, steps, last);
                assert_eq!((plan.len(), indices(&plan).len()), (steps, budget.of(steps)), "{budget:?} of {steps}");
                assert!(plan[0]);
                assert!(!last || plan[steps - 1] || budget.of(steps) == 1, "{budget:?} of {steps}");
            }
        }
        assert!(computed(Budget::Steps(steps), steps, true).iter().all(|step| *step));
    }
    assert_eq!(indices(&computed(Budget::Mode(Mode::Fast), 20, true)).len(), 10);
}

/// Its layers add what the arguments say under `adds`.
struct Adder;

impl Architecture for Adder {
    const ID: &'static str = "adder";
    const ROLE: Role = Role::Model;

    fn detect(_: &Weights) -> bool {
        true
    }

    fn build(_: &str, _: &Weights) -> Result<Self> {
        Ok(Self)
    }

    fn call(&self, session: &Session, _: &str, args: &Record) -> Result<Value> {
        let (x, adds): (Tensor, f32) = (args.get("x")?, args.get("adds")?);
        Ok(session.around("blocks", &x, |x| Ok(x + adds))?.into())
    }
}

fn model(inputs: &Record) -> Result<Model> {
    testing::architecture::<Adder>();
    testing::weights_file("adder", &[]);
    let model = Model::new("adder", "", &Weights::open("adder")?)?;
    TestRun::new().run::<LeMiCa>(&inputs.with("model", model))?.get("model")
}

/// Walks through a model whose layers add the step's number + 1, and gives what they seem to add at each step.
struct Walk;

impl Node for Walk {
    fn spec() -> NodeSpec {
        NodeSpec::new("Walk", "", "")
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let (model, steps): (Model, Vec<Value>) = (inputs.get("model")?, inputs.get("steps")?);
        let session = model.open(run, &Record::new().with("steps", steps.len() as i64).with("sigmas", &[][..]))?;
        let added = |(step, args): (usize, &Value)| -> Result<Value> {
            let x = Tensor::from_slice(&[step as f32 * 10.0], &[1]);
            let args = Record::new().with("args", args.clone()).get::<Record>("args")?;
            let args = args.with("x", &x).with("step", step as i64).with("adds", (step + 1) as f32);
            Ok((session.call_tensor("predict", &args)? - x).to_vec::<f32>()?[0].into())
        };
        let added: Vec<Value> = steps.iter().enumerate().map(added).collect::<Result<_>>()?;
        Ok(Record::new().with("added", added.as_slice()))
    }
}

fn trace(model: &Model, steps: i64, args: &dyn Fn(i64) -> Record) -> Vec<f64> {
    let steps: Vec<Value> = (0..steps).map(|step| args(step).into()).collect();
    let inputs = Record::new().with("model", model.clone()).with("steps", steps.as_slice());
    let added: Vec<Value> = TestRun::new().run::<Walk>(&inputs).unwrap().get("added").unwrap();
    added.iter().map(|value| f64::from_value(value).unwrap()).collect()
}

#[test]
fn skipped_steps_repeat_what_the_last_computed_one_added() {
    let plain = |_| Record::new();
    let medium = model(&Record::new().with("compute_last", false)).unwrap();
    assert_eq!(trace(&medium, 8, &plain), [1., 2., 3., 3., 5., 5., 7., 7.]);
    assert_eq!(trace(&medium, 8, &plain), [1., 2., 3., 3., 5., 5., 7., 7.], "a second run begins anew");
    let off = model(&Record::new().with("mode", "off")).unwrap();
    assert_eq!(trace(&off, 4, &plain), [1., 2., 3., 4.]);
    let all = model(&Record::new().with("mode", "budget").with("budget", 4)).unwrap();
    assert_eq!(trace(&all, 4, &plain), [1., 2., 3., 4.]);
    let error = model(&Record::new().with("mode", "budget")).unwrap_err();
    assert!(error.message.contains("needs a budget"), "{}", error.message);
}

/// What these layers add grows by 1 a step, so that a line through two computed steps meets the others.
#[test]
fn extrapolated_steps_follow_the_last_two_computed_ones() {
    let plain = |_| Record::new();
    let published = Record::new().with("compute_last", false).with("extrapolate", true);
    let medium = model(&published).unwrap();
    assert_eq!(trace(&medium, 8, &plain), [1., 2., 3., 4., 5., 6., 7., 8.]);
    let one = model(&published.with("mode", "budget").with("budget", 1)).unwrap();
    assert_eq!(trace(&one, 4, &plain), [1., 1., 1., 1.], "one step has no trend");
    assert_eq!(trace(&medium, 3, &plain), [1., 1., 3.], "a second run begins anew");
}

#[test]
fn prompts_passes_tiles_and_sizes_are_told_apart() {
    let one = model(&Record::new().with("mode", "budget").with("budget", 1)).unwrap();
    for name in ["pass", "tile"] {
        let by_turns = |step: i64| Record::new().with(name, step % 2);
        assert_eq!(trace(&one, 4, &by_turns), [1., 2., 1., 2.], "{name}");
    }
    let branch = |step: i64| Record::new().with("branch", if step % 2 == 0 { "positive" } else { "negative" });
    assert_eq!(trace(&one, 4, &branch), [1., 2., 1., 2.]);
}
