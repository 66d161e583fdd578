//! A plugin for the tests of the host: a node that puts hooks around the points of a model.

use plugin_api::{
    Error, ErrorKind, Hook, InputKind, Model, Node, NodeSpec, Record, Result, Run, Tensor, export_plugin,
};

/// Puts a hook around a point of a model.
struct Around;

impl Node for Around {
    fn spec() -> NodeSpec {
        NodeSpec::new("Around", "test", "Puts a hook around a point.")
            .link("model", "MODEL", "")
            .param("point", InputKind::text("blocks"), "")
            .param("mode", InputKind::choice(&["pass", "skip", "twice", "panic"]), "")
            .output("model", "MODEL")
    }

    fn run(_run: &Run, inputs: &Record) -> Result<Record> {
        let hook = Watch { mode: inputs.get("mode")? };
        let hooked = inputs.get::<Model>("model")?.with_hook(&inputs.get::<String>("point")?, hook)?;
        Ok(Record::new().with("model", hooked))
    }
}

/// What `Around` was called once.
struct Before;

impl Node for Before {
    fn spec() -> NodeSpec {
        NodeSpec::new("Before", "test", "").link("value", "*", "").output("value", "*").deprecated("probe/Around")
    }

    fn run(_run: &Run, inputs: &Record) -> Result<Record> {
        Ok(inputs.clone())
    }
}

struct Watch {
    mode: String,
}

/// What one session of the hook remembers.
struct Seen {
    passes: usize,
    residual: Option<Tensor>,
}

impl Hook for Watch {
    type State = Seen;

    fn start(&self, _: &Run, info: &Record) -> Result<Seen> {
        info.get::<i64>("steps")?;
        Ok(Seen { passes: 0, residual: None })
    }

    fn around(
        &self,
        seen: &mut Seen,
        step: &Record,
        input: Tensor,
        next: &mut dyn FnMut(Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        // The count begins anew with each session, so it is the step that the sampler is at.
        if step.get::<i64>("step")? != seen.passes as i64 {
            return Err(Error::new(ErrorKind::Plugin, format!("pass {} at another step", seen.passes)));
        }
        seen.passes += 1;
        match (self.mode.as_str(), &seen.residual) {
            ("panic", _) => panic!("as the test asks"),
            ("skip", Some(residual)) => return Ok(input + residual),
            ("twice", _) => {
                let once = next(input)?;
                return next(once);
            }
            _ => {}
        }
        let output = next(input.clone())?;
        seen.residual = Some(&output - &input);
        Ok(output)
    }
}

export_plugin! { id: "probe", nodes: [Around, Before] }
