//! The commands without a window.

mod caching;
mod calibrate;
mod convert;
mod hashing;
mod loras;
mod models;
mod nodes;
mod plugin;
mod progress;
mod run;
mod sweep;

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::engine::{self, Engine};
use crate::error::{Code, Error};
use crate::flags::{Command, Common, DeviceFlag, Flags, PluginFlags, RunFlags};
use crate::graph::{Graph, check, describe};
use crate::library::Hashes;
use crate::picture;
use crate::plugins::{Refused, instead};
use crate::text;

/// Carries out one command.
pub fn main(flags: Flags) -> ExitCode {
    let (json, result) = match flags.command {
        Command::Run(flags) => (flags.common.json, run_or_sweep(&flags)),
        #[cfg(feature = "editor")]
        Command::Edit(flags) => (flags.common.json, edit(flags)),
        Command::Check { graph, common } => (common.json, check_graph(&graph, &common)),
        Command::Nodes { kind, common } => (common.json, nodes::nodes(kind.as_deref(), &common)),
        Command::Calibrate(flags) => (flags.common.json, calibrate::calibrate(&flags)),
        Command::Models(flags) => (flags.json, models::models(&flags)),
        Command::Loras(flags) => (flags.json, loras::loras(&flags)),
        Command::Convert(command) => (command.json(), convert::convert(&command)),
        Command::Plugin(command) => (command.json(), plugin::plugin(&command)),
        Command::Info { picture, json } => (json, info(&picture, json)),
        Command::Engine { device, plugins } => (false, serve(device, plugins)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(failure, json),
    }
}

fn run_or_sweep(flags: &RunFlags) -> Outcome {
    match &flags.sweep {
        Some(table) => sweep::sweep(flags, table),
        None => run::run(flags),
    }
}

/// Errors that are printed; a person reads no more at once.
const SHOWN: usize = 50;

type Outcome = Result<(), Failure>;

/// Why a command failed, and what it can tell all the same.
struct Failure {
    errors: Vec<Error>,
    /// Fields of its JSON beside the errors: what was done until then.
    done: serde_json::Value,
}

impl From<Vec<Error>> for Failure {
    fn from(errors: Vec<Error>) -> Self {
        Self { errors, done: json!({}) }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        vec![error].into()
    }
}

#[cfg(feature = "editor")]
fn edit(flags: crate::flags::EditFlags) -> Outcome {
    flags.common.check()?;
    crate::allocator::begin_again();
    Ok(crate::editor::run(flags.try_into()?)?)
}

fn serve(device: Option<DeviceFlag>, plugins: PluginFlags) -> Outcome {
    let failed = |error| Error::new(Code::Internal, "the engine cannot work").cause(error);
    Ok(engine::serve(device.and_then(DeviceFlag::device), plugins).map_err(failed)?)
}

/// Prints errors for people, or as JSON, and gives the exit code of the first.
fn report(failure: Failure, json: bool) -> ExitCode {
    let errors: Vec<Error> = failure.errors.into_iter().map(Error::with_help).collect();
    if json {
        let mut object = failure.done;
        object["errors"] = errors.iter().map(Error::to_json).collect();
        print(&object.to_string());
    }
    for error in errors.iter().take(SHOWN) {
        say(&format!("error: {error}"));
    }
    if errors.len() > SHOWN {
        say(&format!("… and {} errors more", errors.len() - SHOWN));
    }
    ExitCode::from(errors.first().map_or(Code::Internal, |error| error.code) as u8)
}

/// A line on standard output. One that is closed (`weft … | head`) is no reason to fail.
fn print(line: &str) {
    drop(writeln!(std::io::stdout(), "{line}"));
}

/// A line on standard error, which may be closed as well.
fn say(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}

/// A graph from its file or from the picture that it made.
fn open(path: &std::path::Path) -> crate::error::Result<Graph> {
    if picture::is_picture(path) {
        return Graph::parse(&picture::graph_of(path)?, &format!("the graph in {}", path.display()));
    }
    Graph::open(path)
}

fn check_graph(path: &std::path::Path, common: &Common) -> Outcome {
    let start = Instant::now();
    let mut graph = open(path)?;
    let read = start.elapsed();
    common.check()?;
    let engine = Engine::start(&common.engine())?;
    warn_of_refused(&engine);
    let warnings = warn_of_others(&graph, &engine);
    let roots = common.roots(path)?;
    hashing::find_files(&mut graph, &engine.catalog, &roots, &Hashes::of_user());
    let start = Instant::now();
    let plan = check(&graph, &engine.catalog, &roots, &[])?;
    let checked = start.elapsed();
    let unused = graph.nodes.len() - plan.steps().len();
    if common.json {
        let (nodes, to_run) = (graph.nodes.len(), plan.steps().len());
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        let times = json!({ "read": milliseconds(read), "check": milliseconds(checked) });
        let report = json!({ "nodes": nodes, "to_run": to_run, "warnings": warnings, "milliseconds": times });
        print(&report.to_string());
    } else {
        let unused = if unused > 0 { format!(", {unused} of them not needed") } else { String::new() };
        print(&format!("{} is right: {} nodes{unused}", path.display(), graph.nodes.len()));
    }
    Ok(())
}

/// Libraries that were not loaded. A store that cannot be used is one message, however many it keeps closed.
fn warn_of_refused(engine: &Engine) {
    if let Some(error) = &engine.catalog.no_store {
        say(&format!("warning: no plugin but Weft's own is opened: {error}"));
    }
    let told = engine.catalog.no_store.is_some();
    for refused in engine.catalog.refused.iter().filter(|refused| refused.is_news()) {
        if refused.unopened.is_none() || !told {
            let help = refused.unopened.as_ref().map(|_| format!("; {}", refused.help())).unwrap_or_default();
            let Refused { file, reason, .. } = refused;
            say(&text::printable(&format!("warning: the plugin {file} was not loaded: {reason}{help}")));
        }
    }
}

/// What loads, and what comes out may be another thing: plugins in another version than the graph was made with, and nodes
/// that new graphs should not have.
fn warn_of_others(graph: &Graph, engine: &Engine) -> Vec<String> {
    let deprecated = graph.nodes.iter().filter_map(|(id, node)| {
        let spec = engine.catalog.node(&node.kind).filter(|spec| spec.deprecated)?;
        Some(format!("{} {}", describe(id, &node.kind), instead(spec)))
    });
    let warnings: Vec<String> = graph.other_plugins(&engine.catalog).into_iter().chain(deprecated).collect();
    warnings.iter().for_each(|warning| say(&text::printable(&format!("warning: {warning}"))));
    warnings
}

fn info(path: &std::path::Path, json: bool) -> Outcome {
    let text = picture::graph_of(path)?;
    if json {
        print(&json!({ "graph": text }).to_string());
    } else {
        print(text.trim_end());
    }
    Ok(())
}
