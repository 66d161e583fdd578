//! An architecture that ends the process where and how its weights ask: a tensor `hostile.build.abort`.

use plugin_api::{Architecture, Record, Result, Role, Session, Value, Weights};

use crate::die::die;

pub struct Deadly(Weights);

/// What the weights ask for, behind `hostile.`.
fn asked(weights: &Weights) -> Option<String> {
    weights.list().iter().find_map(|info| Some(info.name.strip_prefix("hostile.")?.to_owned()))
}

/// Ends the process if that is asked for here.
fn pass(weights: &Weights, place: &str) -> Result<()> {
    match asked(weights).as_deref().and_then(|asked| asked.strip_prefix(place)?.strip_prefix('.')) {
        Some(how) => die(how),
        None => Ok(()),
    }
}

impl Architecture for Deadly {
    const ID: &'static str = "hostile/deadly";
    const ROLE: Role = Role::UpscaleModel;

    fn detect(weights: &Weights) -> bool {
        pass(weights, "detect").is_ok() && asked(weights).is_some()
    }

    fn build(_: &str, weights: &Weights) -> Result<Self> {
        pass(weights, "build")?;
        Ok(Self(weights.clone()))
    }

    fn call(&self, _: &Session, _: &str, _: &Record) -> Result<Value> {
        pass(&self.0, "call")?;
        Ok(Record::new().with("scale", 2.0).into())
    }
}
