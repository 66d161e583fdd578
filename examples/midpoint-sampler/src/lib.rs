//! A sampler: a node that walks from noise to a picture with a model that it knows nothing about.
//!
//! A model gives an estimate of the picture without noise for a picture with a share `sigma` of noise (`predict`). What
//! lies between the two is the direction to walk in. The midpoint method looks at the direction in the middle of each step.

use plugin_api::{Error, InputKind, Model, Node, NodeSpec, Record, Result, Run, Session, Tensor, Value, export_plugin};

/// Noise becomes a latent picture.
struct SampleMidpoint;

impl Node for SampleMidpoint {
    fn spec() -> NodeSpec {
        NodeSpec::new("SampleMidpoint", "sampling", "Samples by the midpoint method: two passes a step, few steps.")
            .link("model", "MODEL", "From a loader, a LoRA or a step cache.")
            .link("positive", "CONDITIONING", "What the picture shows.")
            .link("latent", "LATENT", "The size of the picture.")
            .param("seed", InputKind::seed(), "The same seed gives the same picture.")
            .param("steps", InputKind::int(4, (1, 1000)).soft(1, 50), "Each takes two passes through the model.")
            .param("shift", InputKind::float(3.0, (0.1, 100.0), 0.1), "More of the steps go to the noisy end.")
            .output("latent", "LATENT")
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let latent: Record = inputs.get("latent")?;
        let [pictures, channels, height, width] = latent.get::<Tensor>("samples")?.dims("the latent")?;
        if pictures != 1 {
            return Err(Error::invalid("this node samples one picture at a time").help("set EmptyLatent's batch to 1"));
        }
        let sigmas = sigmas(inputs.get("steps")?, inputs.get("shift")?);
        // One session is one walk: hooks, such as a step cache, remember what they need as long as it lives.
        let model: Model = inputs.get("model")?;
        let steps = sigmas.len() - 1;
        let session = model.open(run, &Record::new().with("steps", steps).with("sigmas", sigmas.clone()))?;
        let size = Record::new().with("height", height).with("width", width);
        let prompt = session.call("condition", &size.with("conditioning", inputs.get::<Record>("positive")?))?;
        let walk = Walk { session, prompt, steps };
        let mut x = Tensor::random_normal(&[1, channels, height, width], inputs.get("seed")?);
        for (step, pair) in sigmas.windows(2).enumerate() {
            x = walk.step(step, &x, pair[0], pair[1])?;
            // Computes x, moves the bar, and ends the run here where the user stops it.
            run.progress(step + 1, steps, Some(&x))?;
        }
        // Everything else that the latent holds is passed on.
        Ok(Record::new().with("latent", latent.with("samples", x)))
    }
}

struct Walk {
    session: Session,
    prompt: Value,
    steps: usize,
}

impl Walk {
    /// From the noise level `from` down to `to`.
    fn step(&self, step: usize, x: &Tensor, from: f32, to: f32) -> Result<Tensor> {
        let middle = (from + to) / 2.0;
        let half = x + self.direction((step, 0), x, from)? * (middle - from);
        Ok(x + self.direction((step, 1), &half, middle)? * (to - from))
    }

    /// How `x` changes with its noise level.
    fn direction(&self, (step, pass): (usize, usize), x: &Tensor, sigma: f32) -> Result<Tensor> {
        let about = Record::new().with("step", step).with("steps", self.steps).with("pass", pass).with("passes", 2);
        let args =
            about.with("x", x).with("sigma", sigma).with("conditioning", &self.prompt).with("branch", "positive");
        Ok((x - self.session.call_tensor("predict", &args)?) / sigma)
    }
}

/// From all noise (1) to none (0), so many steps apart.
fn sigmas(steps: usize, shift: f32) -> Vec<f32> {
    let level = |index: usize| 1.0 - index as f32 / steps as f32;
    (0..=steps).map(|index| shift * level(index) / (1.0 + (shift - 1.0) * level(index))).collect()
}

export_plugin! { id: "org.example.midpoint", nodes: [SampleMidpoint] }

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::testing::{self, TestRun};
    use plugin_api::{Architecture, Dtype, Role, Weights};

    /// A model whose picture is x0 = sigma / 2 everywhere: the walk has a solution in numbers.
    struct Half;

    impl Architecture for Half {
        const ID: &'static str = "half";
        const ROLE: Role = Role::Model;

        fn detect(_: &Weights) -> bool {
            true
        }

        fn build(_: &str, _: &Weights) -> Result<Self> {
            Ok(Self)
        }

        fn call(&self, _: &Session, method: &str, args: &Record) -> Result<Value> {
            match method {
                "condition" => args.get("conditioning"),
                _ => Ok((args.get::<Tensor>("x")? * 0.0 + args.get::<f32>("sigma")? / 2.0).into()),
            }
        }
    }

    /// dx/ds = (x − s/2)/s from x = 1 at s = 1 has the solution x = s·(1 − ln(s)/2), which is 0 at the end.
    #[test]
    fn a_walk_ends_where_it_should() {
        testing::architecture::<Half>();
        testing::weights_file("none", &[]);
        let model = Model::new("half", "", &Weights::open("none").unwrap()).unwrap();
        let latent = Record::new().with("samples", Tensor::zeros(&[1, 1, 2, 2], Dtype::Float32));
        let inputs = Record::new().with("model", model).with("positive", Record::new()).with("latent", latent);
        let run = TestRun::new();
        let outputs = run.run::<SampleMidpoint>(&inputs.with("steps", 32).with("seed", 3)).unwrap();
        let found: Vec<f32> =
            outputs.get::<Record>("latent").unwrap().get::<Tensor>("samples").unwrap().to_vec().unwrap();
        assert!(found.iter().all(|x| x.abs() < 0.05), "{found:?}");
        assert_eq!(run.progress.borrow().len(), 32);
        let stopped = TestRun { cancel_at: Some(2), ..TestRun::new() };
        assert!(stopped.run::<SampleMidpoint>(&inputs).is_err());
        assert_eq!(stopped.progress.borrow().len(), 2);
    }

    #[test]
    fn levels_go_from_noise_to_none() {
        assert_eq!(sigmas(2, 3.0), [1.0, 0.75, 0.0]);
        assert_eq!(sigmas(2, 1.0), [1.0, 0.5, 0.0]);
    }
}
