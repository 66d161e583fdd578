//! Hooks and changes of weights that panic wherever the host calls them.

use plugin_api::{Hook, InputKind, Model, Node, NodeSpec, Record, Result, Run, Tensor, Weights};

use crate::panics::{panic_with, payload};

fn spec(name: &str, places: &[&str]) -> NodeSpec {
    NodeSpec::new(name, "test", "Panics.")
        .link("model", "MODEL", "")
        .param("at", InputKind::choice(places), "")
        .param("payload", payload(), "")
        .output("model", "MODEL")
}

/// Where to panic, and with what.
struct Trap {
    at: &'static str,
    wanted: String,
    payload: String,
}

impl Trap {
    /// One that goes off at `at` if that is what the inputs want.
    fn new(at: &'static str, inputs: &Record) -> Result<Self> {
        Ok(Self { at, wanted: inputs.get("at")?, payload: inputs.get("payload")? })
    }

    fn spring(&self, at: &str) {
        if self.wanted == at {
            panic_with(&self.payload);
        }
    }

    fn again(&self, at: &'static str) -> Self {
        Self { at, wanted: self.wanted.clone(), payload: self.payload.clone() }
    }
}

impl Drop for Trap {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.spring(self.at);
        }
    }
}

/// A hook around the whole model.
pub struct Hooked;

impl Node for Hooked {
    fn spec() -> NodeSpec {
        spec("Hooked", &["start", "around", "finish", "free"])
    }

    fn run(_run: &Run, inputs: &Record) -> Result<Record> {
        let hook = TrapHook(Trap::new("free", inputs)?);
        Ok(Record::new().with("model", inputs.get::<Model>("model")?.with_hook("predict", hook)?))
    }
}

struct TrapHook(Trap);

impl Hook for TrapHook {
    type State = Trap;

    fn start(&self, _: &Run, _: &Record) -> Result<Trap> {
        self.0.spring("start");
        Ok(self.0.again("finish"))
    }

    fn around(
        &self,
        trap: &mut Trap,
        _: &Record,
        input: Tensor,
        next: &mut dyn FnMut(Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        trap.spring("around");
        next(input)
    }
}

/// A change of the model's first matrix.
pub struct Patched;

impl Node for Patched {
    fn spec() -> NodeSpec {
        spec("Patched", &["apply", "free", "shape"])
    }

    fn run(_run: &Run, inputs: &Record) -> Result<Record> {
        let model = inputs.get::<Model>("model")?;
        let trap = Trap::new("free", inputs)?;
        let weights = model.weights();
        let change = move |tensor: &Tensor| {
            trap.spring("apply");
            Ok(if trap.wanted == "shape" { tensor.reshape(&[-1]) } else { tensor.clone() })
        };
        let weights = weights.with_patch(&matrix(&weights), change)?;
        Ok(Record::new().with("model", model.with_weights(&weights)?))
    }
}

fn matrix(weights: &Weights) -> String {
    let found = weights.list().into_iter().find(|info| info.shape.len() == 2).map(|info| info.name);
    found.unwrap_or_default()
}
