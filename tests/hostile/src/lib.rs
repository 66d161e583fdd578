//! A plugin for the tests that does, on demand, everything that a plugin should not do. Each node has a param `what`.

mod deadly;
mod die;
mod hooks;
mod leak;
mod network;
mod panics;
mod threads;
mod world;
mod wrong;

use plugin_api::{Error, InputKind, NodeSpec, Payload, Record, Result, export_plugin};

/// A sink with a choice of faults.
fn node(name: &str, faults: &[&str]) -> NodeSpec {
    NodeSpec::new(name, "test", "Goes wrong.").param("what", InputKind::choice(faults), "Which fault.").sink()
}

/// A value of the plugin's own kind.
struct Thing<T>(#[allow(dead_code, reason = "held to be dropped")] T);

impl<T: 'static> Payload for Thing<T> {
    const KIND: &'static str = "hostile/THING";
}

fn what(inputs: &Record) -> Result<String> {
    inputs.get("what")
}

fn unknown<T>(what: &str) -> Result<T> {
    Err(Error::invalid(format!("no fault `{what}`")))
}

export_plugin! {
    id: "hostile",
    nodes: [
        die::Die,
        die::Endless,
        hooks::Hooked,
        hooks::Patched,
        leak::Keep,
        leak::Sound,
        network::Networked,
        panics::Folder,
        panics::Owned,
        panics::Panic,
        threads::Threads,
        world::Noise,
        world::World,
        wrong::Conditioning,
        wrong::Image,
        wrong::Latent,
        wrong::Mask,
        wrong::Own,
    ],
    architectures: [deadly::Deadly, network::Network]
}
