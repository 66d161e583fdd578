//! `weft run`.

use std::cell::Cell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::caching::Caching;
use super::progress::Progress;
use super::{Failure, Outcome, SHOWN, hashing, open, print, say, warn_of_others, warn_of_refused};
use crate::engine::protocol::{Dump, Event, How, Job, Table};
use crate::engine::{Engine, GRACE};
use crate::error::{Code, Error, Result};
use crate::flags::RunFlags;
use crate::graph::{Graph, Link, Present, check_present, describe};
use crate::library::Hashes;
use crate::table::Device;
use crate::text;

/// How long a signal may wait to be seen.
const TICK: Duration = Duration::from_millis(50);

pub fn run(flags: &RunFlags) -> Outcome {
    let mut graph = open(&flags.graph)?;
    flags.common.check()?;
    for assignment in &flags.set {
        graph.set(assignment)?;
    }
    let dumps = flags.dump.iter().map(|dump| parse_dump(dump)).collect::<Result<Vec<_>>>()?;
    // Until the engine is there, a signal ends this process, and the engine with it.
    let mut engine = Engine::start(&flags.common.engine())?;
    let signals = Signals::install()?;
    warn_of_refused(&engine);
    let roots = flags.common.roots(&flags.graph)?;
    let hashes = Hashes::of_user();
    let caching = Caching::begin(&flags.cache, &engine.catalog, &hashes)?;
    hashing::find_files(&mut graph, &engine.catalog, &roots, &hashes);
    let wanted: Vec<Link> = dumps.iter().map(|(link, _)| link.clone()).collect();
    let warnings = warn_of_others(&graph, &engine);
    let Present { plan, skipped, missing } = check_present(&graph, &engine.catalog, &roots, &wanted)?;
    for (node, why) in skipped.iter().take(SHOWN) {
        say(&text::printable(&format!("warning: the node `{node}` does not run: {why}")));
    }
    // Only where it was asked for: the bytes of a picture do not depend on what happens to be known.
    if flags.hash {
        hashing::write_identities(&mut graph, &engine.catalog, &roots, &hashes);
    }
    let catalog = &engine.catalog;
    let contents = || hashing::contents(&graph, &plan, catalog, &roots, &hashes, &signals);
    let cache = caching.map(|caching| caching.with(contents()));
    let mut job = Job { cache, ..Job::prepare(plan, &graph, catalog, &roots, &flags.output)? };
    job.dumps = dumps.into_iter().map(|(link, file)| Dump { node: link.node, output: link.output, file }).collect();
    job.once = true;
    let mut watch = Watch::new(&graph, flags.quiet);
    engine.run(job);
    let result = watch.follow(&mut engine, &signals);
    watch.report(flags);
    let errors: Vec<Error> = result.err().into_iter().chain(missing).collect();
    let done = watch.to_json(engine.device, &warnings);
    if errors.is_empty() {
        flags.common.json.then(|| print(&done.to_string()));
        return Ok(());
    }
    Err(Failure { errors, done })
}

/// A table with each row as an object.
fn report_json(node: &str, table: &Table) -> Value {
    let cells = |row: &Vec<String>| -> Value {
        table.columns.iter().cloned().zip(row.iter().cloned().map(Value::from)).collect()
    };
    json!({ "node": node, "title": table.title, "rows": table.rows.iter().map(cells).collect::<Vec<_>>() })
}

/// `node.output=FILE`.
fn parse_dump(text: &str) -> Result<(Link, PathBuf)> {
    let parsed = text.split_once('=').and_then(|(link, file)| Some((Link::parse(link)?, PathBuf::from(file))));
    parsed.filter(|(_, file)| !file.as_os_str().is_empty()).ok_or_else(|| {
        Error::new(Code::Usage, format!("--dump {text} names no output or no file"))
            .help("write --dump node.output=FILE.safetensors")
    })
}

/// SIGINT and SIGTERM, seen between events.
pub(super) struct Signals {
    interrupt: Arc<AtomicBool>,
    terminate: Arc<AtomicBool>,
    /// Whether a run was asked to stop. It may have come to its end all the same.
    answered: Cell<bool>,
}

impl Signals {
    pub fn install() -> Result<Self> {
        let signals = Self { interrupt: Arc::default(), terminate: Arc::default(), answered: Cell::default() };
        let failed = |error| Error::new(Code::Internal, "signals cannot be caught").cause(error);
        signal_hook::flag::register(SIGINT, Arc::clone(&signals.interrupt)).map_err(failed)?;
        signal_hook::flag::register(SIGTERM, Arc::clone(&signals.terminate)).map_err(failed)?;
        Ok(signals)
    }

    /// Whether one came.
    pub fn seen(&self) -> bool {
        self.answered.get() || self.interrupt.load(Ordering::Relaxed) || self.terminate.load(Ordering::Relaxed)
    }

    /// That the next run of `what` may begin.
    ///
    /// # Errors
    /// A signal came, also one that stopped no run because that was at its end.
    pub fn check(&self, what: &str) -> Result<()> {
        match (self.terminate.load(Ordering::Relaxed), self.seen()) {
            (true, _) => Err(Error::new(Code::Terminated, format!("{what} was ended by SIGTERM"))),
            (_, true) => Err(Error::new(Code::Interrupted, format!("{what} was stopped"))),
            _ => Ok(()),
        }
    }
}

/// What is known of a run so far.
pub(super) struct Watch {
    progress: Progress,
    kinds: HashMap<String, String>,
    running: Option<String>,
    /// Node, milliseconds, where its outputs came from, and the most bytes that tensors took meanwhile.
    times: Vec<(String, f64, How, u64)>,
    written: Vec<(String, PathBuf)>,
    /// Notes and tables of nodes, as `--json` gives them.
    notes: Vec<Value>,
    pub reports: Vec<Value>,
    steps: Vec<f64>,
    last_step: Instant,
    started: Instant,
    peak_bytes: u64,
    /// What was foreseen.
    memory: Value,
}

impl Watch {
    /// `quiet` shows no progress.
    pub fn new(graph: &Graph, quiet: bool) -> Self {
        let kinds: HashMap<String, String> =
            graph.nodes.iter().map(|(id, node)| (id.clone(), node.kind.clone())).collect();
        Self {
            progress: Progress::new(quiet, kinds.clone()),
            kinds,
            running: None,
            times: Vec::new(),
            written: Vec::new(),
            notes: Vec::new(),
            reports: Vec::new(),
            steps: Vec::new(),
            last_step: Instant::now(),
            started: Instant::now(),
            peak_bytes: 0,
            memory: Value::Null,
        }
    }

    /// Follows the run to its end. The first Ctrl-C stops it after the step, the second at once.
    pub fn follow(&mut self, engine: &mut Engine, signals: &Signals) -> Result<()> {
        let mut result = Ok(());
        let mut stopping: Option<Instant> = None;
        loop {
            if signals.terminate.load(Ordering::Relaxed) {
                engine.kill();
                return Err(Error::new(Code::Terminated, "the run was ended by SIGTERM"));
            }
            if signals.interrupt.swap(false, Ordering::Relaxed) {
                if stopping.is_some() {
                    engine.kill();
                    return Err(Error::new(Code::Interrupted, "the run was stopped at once"));
                }
                stopping = Some(Instant::now());
                signals.answered.set(true);
                engine.cancel();
                self.progress.line("stopping after this step; Ctrl-C again stops at once");
            }
            if stopping.is_some_and(|asked| asked.elapsed() > GRACE) {
                engine.kill();
                return Err(self.never_stopped(engine.at_work()));
            }
            let Some(event) = engine.next(TICK).map_err(|error| self.engine_died(error))? else { continue };
            self.progress.show(&event);
            match event {
                Event::Failed { node, error } => result = Err(self.at_node(&node, error)),
                Event::Cancelled => result = Err(Error::new(Code::Interrupted, "the run was stopped")),
                Event::Finished { peak_bytes } => {
                    self.peak_bytes = peak_bytes;
                    self.progress.clear();
                    return result;
                }
                other => self.note(other),
            }
        }
    }

    /// What was written, in order.
    pub fn written(&self) -> impl DoubleEndedIterator<Item = &PathBuf> {
        self.written.iter().map(|(_, path)| path)
    }

    pub fn notes(&self) -> &[Value] {
        &self.notes
    }

    fn note(&mut self, event: Event) {
        match event {
            Event::Foreseen { foreseen, memory } => self.memory = foreseen.to_json(memory),
            Event::Started { node } => {
                self.running = Some(node);
                self.last_step = Instant::now();
            }
            // Before the first step.
            Event::Progress { done: 0, .. } => {}
            Event::Progress { .. } => {
                self.steps.push(self.last_step.elapsed().as_secs_f64() * 1e3);
                self.last_step = Instant::now();
            }
            Event::Loading { .. } => self.last_step = Instant::now(),
            Event::Done { node, milliseconds, how, peak_bytes } => {
                self.running = None;
                self.times.push((node, milliseconds, how, peak_bytes));
            }
            Event::Wrote { node, path } => self.written.push((node, path)),
            Event::Note { node, text } => self.notes.push(json!({ "node": node, "text": text })),
            Event::Report { node, table } => self.reports.push(report_json(&node, &table)),
            _ => {}
        }
    }

    fn never_stopped(&self, at_work: Option<String>) -> Error {
        let whose = at_work.map_or_else(String::new, |plugins| format!(" of {plugins},"));
        let what = format!("the run was stopped: after {} s the node{whose} still had not asked", GRACE.as_secs());
        self.engine_died(Error::new(Code::Interrupted, what).help("report this to the plugin's author"))
    }

    fn engine_died(&self, error: Error) -> Error {
        self.progress.clear();
        match &self.running {
            Some(node) => self.at_node(node, error),
            None => error,
        }
    }

    fn at_node(&self, node: &str, error: Error) -> Error {
        error.place(describe(node, self.kinds.get(node).map_or("?", String::as_str)))
    }

    /// Paths on standard output, times on standard error.
    fn report(&self, flags: &RunFlags) {
        if !flags.common.json {
            self.written.iter().for_each(|(_, path)| print(&path.display().to_string()));
        }
        if flags.time {
            self.report_times();
        }
    }

    /// What every node took, on standard error.
    pub fn report_times(&self) {
        for (node, milliseconds, how, bytes) in &self.times {
            let kind = self.kinds.get(node).map_or("", String::as_str);
            match how {
                How::Computed => {
                    say(&format!("{milliseconds:10.1} ms  {:>8.1} MB  {node} ({kind})", *bytes as f64 / 1e6))
                }
                How::Disk => say(&format!("   from disk                {node} ({kind})")),
                How::Memory | How::NotNeeded => {}
            }
        }
        let total = self.started.elapsed().as_secs_f64() * 1e3;
        say(&format!("{total:10.1} ms  from start to end"));
    }

    /// Everything that is known of the run.
    pub fn to_json(&self, device: Device, warnings: &[String]) -> Value {
        let node = |(node, milliseconds, how, bytes): &(String, f64, How, u64)| {
            json!({ "node": node, "kind": self.kinds.get(node), "milliseconds": milliseconds,
                    "cached": how.is_cached(), "how": how, "peak_tensor_bytes": bytes })
        };
        let file = |(node, path): &(String, PathBuf)| json!({ "node": node, "path": path });
        let nodes: Vec<_> = self.times.iter().map(node).collect();
        let files: Vec<_> = self.written.iter().map(file).collect();
        json!({ "device": device.name(), "files": files, "nodes": nodes, "notes": self.notes,
                "reports": self.reports, "warnings": warnings, "step_milliseconds": self.steps,
                "milliseconds": self.started.elapsed().as_secs_f64() * 1e3, "peak_tensor_bytes": self.peak_bytes, "memory": self.memory })
    }
}
