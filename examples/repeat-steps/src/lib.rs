//! A step cache: a node that puts a hook around the main layers of a model. On most steps these layers are not computed;
//! what they added to their input at the last computed step is added again. Any sampler and any model can be used with it.

use std::collections::HashMap;

use plugin_api::{Hook, InputKind, Model, Next, Node, NodeSpec, Record, Result, Run, Tensor, export_plugin};

/// Puts the hook around a model. The model that came in stays as it was.
struct RepeatSteps;

impl Node for RepeatSteps {
    fn spec() -> NodeSpec {
        NodeSpec::new("RepeatSteps", "sampling", "Faster sampling: computes the main layers on every nth step only.")
            .link("model", "MODEL", "From a loader or a LoRA.")
            .param("every", InputKind::int(2, (1, 100)).soft(1, 8), "1 computes every step.")
            .output("model", "MODEL")
    }

    fn run(_run: &Run, inputs: &Record) -> Result<Record> {
        let (model, every): (Model, usize) = (inputs.get("model")?, inputs.get("every")?);
        Ok(Record::new().with("model", model.with_hook("blocks", Repeat { every })?))
    }
}

/// The hook. It is the same for every run; what one run remembers is its state.
struct Repeat {
    every: usize,
}

/// Of one walk from noise to picture.
struct Memory {
    steps: usize,
    /// What the layers added, for each of the passes that a step may have.
    added: HashMap<Pass, Tensor>,
}

/// Prompt (`positive` or `negative`), number of the pass in its step, number of the tile.
type Pass = (String, usize, usize);

impl Repeat {
    /// The first and the last step always.
    fn computes(&self, step: usize, steps: usize) -> bool {
        step.is_multiple_of(self.every) || step + 1 >= steps
    }
}

impl Hook for Repeat {
    type State = Memory;

    /// A sampler begins a walk. `info` is what it tells of it.
    fn start(&self, run: &Run, info: &Record) -> Result<Memory> {
        let steps: usize = info.get("steps")?;
        let computed = (0..steps).filter(|&step| self.computes(step, steps)).count();
        run.note(&format!("RepeatSteps computes {computed} of {steps} steps"));
        Ok(Memory { steps, added: HashMap::new() })
    }

    /// One pass through the network has come to the main layers with `input`. `next` computes them.
    fn around(&self, memory: &mut Memory, step: &Record, input: Tensor, next: Next<'_>) -> Result<Tensor> {
        let number = |name| Ok::<usize, plugin_api::Error>(step.find(name)?.unwrap_or_default());
        let pass = (step.find("branch")?.unwrap_or_default(), number("pass")?, number("tile")?);
        let known = memory.added.get(&pass).filter(|added| added.shape() == input.shape());
        if let Some(added) = known.filter(|_| !self.computes(number("step").unwrap_or_default(), memory.steps)) {
            return Ok(input + added);
        }
        let output = next(input.clone())?;
        memory.added.insert(pass, &output - input);
        Ok(output)
    }
}

export_plugin! { id: "org.example.repeat-steps", nodes: [RepeatSteps] }

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::testing::{self, TestRun};
    use plugin_api::{Architecture, Dtype, Role, Session, Value, Weights};

    /// A model whose layers add the step's number to their input.
    struct AddStep;

    impl Architecture for AddStep {
        const ID: &'static str = "add-step";
        const ROLE: Role = Role::Model;

        fn detect(_: &Weights) -> bool {
            true
        }

        fn build(_: &str, _: &Weights) -> Result<Self> {
            Ok(Self)
        }

        fn call(&self, session: &Session, _: &str, args: &Record) -> Result<Value> {
            let step: f32 = args.get("step")?;
            Ok(session.around("blocks", &args.get("x")?, |x| Ok(x + step))?.into())
        }
    }

    /// What the layers added on each of the steps, as a sampler would see it.
    struct Walk;

    impl Node for Walk {
        fn spec() -> NodeSpec {
            NodeSpec::new("Walk", "", "").link("model", "MODEL", "").param("steps", InputKind::int(6, (1, 9)), "")
        }

        fn run(run: &Run, inputs: &Record) -> Result<Record> {
            let steps: usize = inputs.get("steps")?;
            let session = inputs.get::<Model>("model")?.open(run, &Record::new().with("steps", steps))?;
            let added = |step: usize| {
                let args = Record::new().with("x", Tensor::zeros(&[1], Dtype::Float32)).with("step", step);
                session.call_tensor("predict", &args)?.item::<f32>()
            };
            Ok(Record::new().with("added", (0..steps).map(added).collect::<Result<Vec<f32>>>()?))
        }
    }

    #[test]
    fn steps_between_repeat_what_was_added() {
        testing::architecture::<AddStep>();
        testing::weights_file("none", &[]);
        let model = Model::new("add-step", "", &Weights::open("none").unwrap()).unwrap();
        let run = TestRun::new();
        let inputs = Record::new().with("model", model);
        let hooked: Model = run.run::<RepeatSteps>(&inputs.with("every", 3)).unwrap().get("model").unwrap();
        let added = |model: Model| -> Vec<f32> {
            run.run::<Walk>(&Record::new().with("model", model)).unwrap().get("added").unwrap()
        };
        assert_eq!(added(hooked.clone()), [0., 0., 0., 3., 3., 5.]);
        assert_eq!(added(hooked), [0., 0., 0., 3., 3., 5.], "a second run begins anew");
        assert_eq!(added(inputs.get("model").unwrap()), [0., 1., 2., 3., 4., 5.], "without the node nothing changes");
        assert_eq!(run.notes.borrow()[0], "RepeatSteps computes 3 of 6 steps");
    }
}
