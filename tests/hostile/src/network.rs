//! An architecture that panics wherever the host calls it.

use std::cell::RefCell;

use plugin_api::{
    Architecture, InputKind, Model, Node, NodeSpec, Record, Result, Role, Run, Session, Tag, Value, Weights,
};

use crate::panics::{panic_with, payload};

thread_local! {
    /// Where to panic and with what: `detect` is told nothing else.
    static TRAP: RefCell<(String, String)> = const { RefCell::new((String::new(), String::new())) };
}

fn spring(at: &str) {
    let (wanted, payload) = TRAP.with_borrow(Clone::clone);
    if wanted == at {
        panic_with(&payload);
    }
}

/// Uses the architecture from its recognition to its end.
pub struct Networked;

impl Node for Networked {
    fn spec() -> NodeSpec {
        NodeSpec::new("Networked", "test", "Panics.")
            .link("model", "MODEL", "")
            .param("at", InputKind::choice(&["detect", "build", "call", "free", "nothing"]), "")
            .param("payload", payload(), "")
            .output("found", "TEXT")
            .sink()
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let weights = inputs.get::<Model>("model")?.weights();
        TRAP.set((inputs.get("at")?, inputs.get("payload")?));
        let found = Model::detect(Role::UpscaleModel, &weights).unwrap_or_default();
        let model = Model::new(Network::ID, "", &weights)?;
        let session = model.open(run, &Record::new())?;
        let answer = session.call("about", &Record::new())?;
        drop(session);
        drop(model);
        TRAP.set(Default::default());
        let found = if answer.tag() == Tag::Null { "nothing".to_owned() } else { found };
        Ok(Record::new().with("found", found))
    }
}

pub struct Network;

impl Architecture for Network {
    const ID: &'static str = "hostile/network";
    const ROLE: Role = Role::UpscaleModel;

    fn detect(_: &Weights) -> bool {
        spring("detect");
        false
    }

    fn build(_: &str, _: &Weights) -> Result<Self> {
        spring("build");
        Ok(Self)
    }

    fn call(&self, _: &Session, _: &str, _: &Record) -> Result<Value> {
        spring("call");
        Ok(Record::new().with("scale", 2.0).into())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        spring("free");
    }
}
