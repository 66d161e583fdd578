//! A long job: thousands of steps, with a progress bar, a picture of how far it is, and an end where the user stops it.
//!
//! Two substances spread over a plane and react with each other (Pearson 1993, "Complex Patterns in a Simple System").

use plugin_api::{Dtype, InputKind, Node, NodeSpec, Record, Result, Run, Tensor, export_plugin};

/// Draws patterns that grow like corals.
struct GrayScott;

/// So many steps are described before they are computed together. The more, the less often a run can be stopped.
const STEPS_AT_ONCE: usize = 8;
/// Steps between two pictures.
const STEPS_A_PREVIEW: usize = 128;

impl Node for GrayScott {
    fn spec() -> NodeSpec {
        let side = || InputKind::int(128, (16, 2048)).soft(64, 512).multiple(8);
        NodeSpec::new("GrayScott", "image", "Draws a pattern of two substances that react with each other.")
            .param("width", side(), "In pixels.")
            .param("height", side(), "In pixels.")
            .param("steps", InputKind::int(2000, (1, 1_000_000)).soft(1, 10_000), "How long it grows.")
            .param("feed", InputKind::float(0.037, (0.0, 0.1), 0.001), "How much of the first comes in a step.")
            .param("kill", InputKind::float(0.06, (0.0, 0.1), 0.001), "How much of the second goes away a step.")
            .param("seed", InputKind::seed(), "Where it begins to grow.")
            .output("image", "IMAGE")
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let steps: usize = inputs.get("steps")?;
        let reaction = Reaction { feed: inputs.get("feed")?, kill: inputs.get("kill")? };
        let mut plane = Plane::seeded(inputs.get("width")?, inputs.get("height")?, inputs.get("seed")?);
        for step in 1..=steps {
            plane = reaction.step(&plane)?;
            if step % STEPS_AT_ONCE == 0 || step == steps {
                // Computes what was described, moves the bar, and is an error where the user stopped the run: `?` ends
                // the node there, and nothing else is to be done.
                run.progress(step, steps, Some(&Tensor::stack(&[plane.a.clone(), plane.b.clone()], 0)))?;
            }
            if step % STEPS_A_PREVIEW == 0 {
                run.preview(&plane.picture().squeeze(&[0]))?;
            }
        }
        Ok(Record::new().with("image", plane.picture()))
    }
}

/// How much of each substance is where, `[1, height, width, 1]`.
struct Plane {
    a: Tensor,
    b: Tensor,
}

impl Plane {
    /// The first substance everywhere, the second in some squares of 8 × 8.
    fn seeded(width: i32, height: i32, seed: u64) -> Self {
        let places = Tensor::random_uniform(&[1, height / 8, width / 8, 1], seed);
        let one = Tensor::full(&[1], 1.0, Dtype::Float32);
        let squares = places.greater(&(&one * 0.9)).as_dtype(Dtype::Float32).repeat(8, 1).repeat(8, 2);
        Self { a: 1.0 - &squares * 0.5, b: squares * 0.25 }
    }

    /// From light to dark blue, `[1, height, width, 3]` in 0..1.
    fn picture(&self) -> Tensor {
        let b = (&self.b * 3.0).clip(0.0, 1.0);
        Tensor::concatenate(&[1.0 - &b, 1.0 - &b * 0.75, 1.0 - &b * 0.4], -1)
    }
}

struct Reaction {
    feed: f32,
    kill: f32,
}

impl Reaction {
    fn step(&self, Plane { a, b }: &Plane) -> Result<Plane> {
        let turned = a * b.square();
        let next_a = a + spread(a)? * 0.16 - &turned + (1.0 - a) * self.feed;
        let next_b = b + spread(b)? * 0.08 + turned - b * (self.feed + self.kill);
        Ok(Plane { a: next_a, b: next_b })
    }
}

/// What comes from the four neighbours and goes to them. The plane has no border: left follows on right.
fn spread(x: &Tensor) -> Result<Tensor> {
    let [_, height, width, _] = x.dims("the plane")?;
    let moved = |axis: i32, side: i32, by: i32| {
        let cut = by.rem_euclid(side);
        Tensor::concatenate(&[x.narrow(axis, cut, side), x.narrow(axis, 0, cut)], axis)
    };
    Ok(moved(1, height, 1) + moved(1, height, -1) + moved(2, width, 1) + moved(2, width, -1) - x * 4.0)
}

export_plugin! { id: "org.example.gray-scott", nodes: [GrayScott] }

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::ErrorKind;
    use plugin_api::testing::TestRun;

    fn inputs(steps: i32) -> Record {
        Record::new().with("width", 16).with("height", 16).with("steps", steps).with("seed", 5)
    }

    #[test]
    fn it_tells_how_far_it_is() {
        let run = TestRun::new();
        run.run::<GrayScott>(&inputs(130)).unwrap();
        assert_eq!(run.progress.borrow()[..2], [(8, 130), (16, 130)]);
        assert_eq!(run.progress.borrow().last(), Some(&(130, 130)));
        assert_eq!(*run.previews.borrow(), [[16, 16, 3]]);
    }

    #[test]
    fn it_ends_where_it_is_stopped() {
        let run = TestRun { cancel_at: Some(24), ..TestRun::new() };
        assert_eq!(run.run::<GrayScott>(&inputs(1000)).unwrap_err().kind, ErrorKind::Cancelled);
        assert_eq!(run.progress.borrow().len(), 3);
    }

    #[test]
    fn spreading_loses_nothing() {
        let x = Tensor::random_uniform(&[1, 4, 5, 1], 1);
        assert!(spread(&x).unwrap().sum(&[], false).item::<f32>().unwrap().abs() < 1e-5);
    }
}
