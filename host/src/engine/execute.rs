//! Runs a plan: one node after the other, each only where its output is wanted and not known yet.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use plugin_api::{Error, ErrorKind, Result};

use super::cache::{Cache, Told};
use super::disk::Disk;
use super::dump;
use super::fingerprint::{self, Fingerprint};
use super::needed::needed;
use super::outputs;
use super::protocol::{Event, How, Job};
use super::surroundings::Surroundings;
use crate::foresee::{self, LastUse, Machine};
use crate::graph::{Plan, Source, Step};
use crate::limits;
use crate::plugins::{NodeKind, Registry};
use crate::table::{
    Device, Events, Handles, Run, Value, active_memory, at_work, clear_spare_buffers, memory, take_peak_memory,
    take_refused, take_status,
};

/// What outlives a run.
pub struct Executor {
    pub registry: &'static Registry,
    pub device: Device,
    pub events: Events,
    pub cancelled: Arc<AtomicBool>,
    cache: Cache,
    surroundings: Surroundings,
    /// The text of the job's graph, one copy for all of its nodes.
    graph: Rc<str>,
}

/// What is known of the steps of a plan before it runs.
struct Known {
    outputs: Vec<Option<Value>>,
    /// Where they came from, or why there are none.
    how: Vec<How>,
    /// Whether the step has to run.
    needed: Vec<bool>,
}

impl Executor {
    pub fn new(
        registry: &'static Registry,
        device: Device,
        events: Events,
        cancelled: Arc<AtomicBool>,
        surroundings: Surroundings,
    ) -> Self {
        let (cache, graph) = (Cache::default(), "".into());
        Self { registry, device, events, cancelled, cache, surroundings, graph }
    }

    /// Runs a job to its end, and says so.
    pub fn run(&mut self, job: &Job) {
        self.cache.begin();
        self.graph = job.graph.as_str().into();
        let mut peak_bytes = take_peak_memory();
        if let Err((node, error)) = self.run_steps(job, &mut peak_bytes) {
            if !matches!(error.kind, ErrorKind::Cancelled | ErrorKind::Invalid | ErrorKind::File) {
                self.cache.clear();
            }
            if error.kind == ErrorKind::Cancelled {
                (self.events)(Event::Cancelled);
            } else {
                (self.events)(Event::Failed { node, error: error.into() });
            }
        }
        self.cache.end();
        (self.events)(Event::Finished { peak_bytes: peak_bytes.max(take_peak_memory()) });
    }

    /// Forgets every output, and tells what is left: handles that nobody gave back.
    pub fn forget(&mut self) {
        self.cache.clear();
        (self.events)(Event::Left { handles: Handles::now(), bytes: active_memory() });
    }

    /// Forgets what these nodes gave, and all that depends on it.
    pub fn forget_from(&mut self, plan: &Plan, nodes: &[String]) {
        let prints = self.prints(plan);
        let mut is_stale = vec![false; prints.len()];
        for (index, step) in plan.steps().iter().enumerate() {
            let takes_stale =
                |(_, source): &(String, Source)| matches!(source, Source::Step { step, .. } if is_stale[*step]);
            is_stale[index] = nodes.contains(&step.node) || step.inputs.iter().any(takes_stale);
            if is_stale[index] {
                self.cache.remove(&prints[index]);
            }
        }
    }

    /// `most` is the run's peak so far.
    fn run_steps(&mut self, job: &Job, most: &mut u64) -> std::result::Result<(), (String, Error)> {
        let steps = job.plan.steps();
        let prints = self.prints(&job.plan);
        let disk = job.cache.as_ref().map(|cache| Disk::new(cache, &job.plan, self.device));
        let Known { mut outputs, how, needed } = self.look_up(job, &prints, disk.as_ref());
        self.foresee(job, &needed)?;
        let last_use = if job.once { LastUse::of(&job.plan, |index| needed[index]) } else { LastUse::default() };
        for (index, step) in steps.iter().enumerate() {
            let done =
                |milliseconds, how, peak_bytes| Event::Done { node: step.node.clone(), milliseconds, how, peak_bytes };
            if !needed[index] {
                self.tell_again(step, &prints[index]);
                (self.events)(done(0.0, how[index], 0));
                continue;
            }
            let start = Instant::now();
            (self.events)(Event::Started { node: step.node.clone() });
            let plugin = self.registry.node(&step.kind).map_or("", NodeKind::plugin_name);
            let result = at_work::visit(plugin, || self.run_step(step, &prints[index], &outputs, job));
            let value = result.map_err(|error| (step.node.clone(), error))?;
            if let Some(disk) = &disk {
                self.keep(disk, index, step, &value, &prints[index]);
            }
            outputs[index] = Some(value);
            let peak_bytes = take_peak_memory();
            *most = peak_bytes.max(*most);
            (self.events)(done(start.elapsed().as_secs_f64() * 1e3, How::Computed, peak_bytes));
            release(&last_use, index, &outputs);
        }
        write_dumps(job, &outputs)
    }

    /// What need not be computed: outputs in memory, and those of the disk that somebody wants.
    fn look_up(&mut self, job: &Job, prints: &[Fingerprint], disk: Option<&Disk<'_>>) -> Known {
        let steps = job.plan.steps();
        let mut outputs: Vec<Option<Value>> = prints.iter().map(|print| self.known(print, job)).collect();
        let mut how: Vec<How> =
            outputs.iter().map(|known| if known.is_some() { How::Memory } else { How::NotNeeded }).collect();
        let needed = needed(job, |index| {
            if let (None, Some(disk)) = (&outputs[index], disk)
                && let Some(found) = self.recall(disk, index, &steps[index], prints[index])
            {
                (outputs[index], how[index]) = (Some(found), How::Disk);
            }
            outputs[index].is_some()
        });
        Known { outputs, how, needed }
    }

    fn prints(&self, plan: &Plan) -> Vec<Fingerprint> {
        let code = |kind: &str| self.registry.node(kind).map_or("", |kind| kind.plugin.as_str());
        fingerprint::of_plan(plan, code, fingerprint::as_it_lies)
    }

    /// Tells what the run will need.
    ///
    /// # Errors
    /// It does not fit.
    fn foresee(&self, job: &Job, needed: &[bool]) -> std::result::Result<(), (String, Error)> {
        let outputs = |kind: &str| {
            let outputs = self.registry.node(kind).map_or(&[][..], |kind| &kind.spec.outputs);
            outputs.iter().map(|output| (output.name.clone(), output.kind.clone())).collect()
        };
        let memory = memory::of_engine();
        let machine = Machine { gpu: self.device == Device::Gpu, memory, once: job.once };
        let mut known = foresee::Known { outputs: &outputs, file: &mut foresee::read };
        let foreseen = foresee::of(&job.plan, |index| needed[index], machine, &mut known);
        let fits = foreseen.check(memory);
        (self.events)(Event::Foreseen { foreseen, memory });
        fits
    }

    /// What a node gave in an earlier run. One that wrote files into another folder has to write them again.
    fn known(&mut self, print: &Fingerprint, job: &Job) -> Option<Value> {
        let value = self.cache.get(print)?;
        let (files, _) = self.cache.seen(print);
        files.iter().all(|file| file.starts_with(&job.output)).then_some(value)
    }

    /// A node that need not run again still has its files and what it said, and they belong to this run too.
    fn tell_again(&self, step: &Step, print: &Fingerprint) {
        let node = || step.node.clone();
        let (files, told) = self.cache.seen(print);
        files.into_iter().for_each(|path| (self.events)(Event::Wrote { node: node(), path }));
        told.into_iter().for_each(|told| {
            (self.events)(match told {
                Told::Note(text) => Event::Note { node: node(), text },
                Told::Report(table) => Event::Report { node: node(), table },
                Told::Preview { width, height, rgb } => Event::Preview { node: node(), width, height, rgb },
            });
        });
    }

    fn run_step(&mut self, step: &Step, print: &Fingerprint, outputs: &[Option<Value>], job: &Job) -> Result<Value> {
        let missing = || Error::new(ErrorKind::Internal, format!("the kind `{}` is not loaded", step.kind));
        let kind = self.registry.node(&step.kind).ok_or_else(missing)?;
        let inputs = gather(kind, step, outputs)?;
        let (events, told) = watched(&self.events, kind.spec.sink);
        let run = Run {
            node: step.node.clone(),
            device: self.device,
            graph: Rc::clone(&self.graph),
            output: job.output.clone(),
            models: job.models.clone(),
            events,
            cancelled: Arc::clone(&self.cancelled),
            written: Vec::new().into(),
            told: None.into(),
        };
        let (before, is_plain) = (Handles::now(), !inputs.holds_code());
        let result = run.within(|| call(kind, &run, inputs));
        self.tidy(step, kind);
        let value = result?;
        if is_plain && !value.holds_code() {
            self.tell_of_leaks(step, kind, before);
        }
        outputs::check(kind, &value)?;
        self.cache.put(*print, value.clone(), run.written.take(), told.take());
        Ok(value)
    }
}

/// Outputs that outlive the process. Nodes that save or show something have to do so each time.
impl Executor {
    /// From here on this engine knows them too.
    fn recall(&mut self, disk: &Disk<'_>, index: usize, step: &Step, print: Fingerprint) -> Option<Value> {
        if self.registry.node(&step.kind)?.spec.sink {
            return None;
        }
        let found = disk.get(index).unwrap_or_else(|why| {
            self.note(step, why);
            None
        });
        let (value, told) = found?;
        self.cache.put(print, value.clone(), Vec::new(), told);
        Some(value)
    }

    fn keep(&self, disk: &Disk<'_>, index: usize, step: &Step, value: &Value, print: &Fingerprint) {
        let (written, told) = self.cache.seen(print);
        let is_sink = self.registry.node(&step.kind).is_none_or(|kind| kind.spec.sink);
        if !is_sink
            && written.is_empty()
            && let Err(why) = disk.put(index, value, told)
        {
            self.note(step, why);
        }
    }

    fn note(&self, step: &Step, text: String) {
        (self.events)(Event::Note { node: step.node.clone(), text });
    }
}

/// What a node does that Weft can make good, and its author should know.
impl Executor {
    fn tidy(&self, step: &Step, kind: &NodeKind) {
        if let Some(what) = self.surroundings.restore() {
            self.warn(step, kind, &format!("changed what belongs to the whole engine, and Weft put it back: {what}"));
        }
        if take_refused() {
            self.warn(step, kind, "or one that ran before it called Weft from a thread of its own, which was refused");
        }
    }

    /// Only for a node that neither takes nor gives a model or a value of a plugin's own: their code may keep handles.
    fn tell_of_leaks(&self, step: &Step, kind: &NodeKind, before: Handles) {
        if let Some(left) = Handles::now().since(before) {
            self.warn(step, kind, &format!("did not give back {left}: their memory is lost until the engine ends"));
        }
    }

    fn warn(&self, step: &Step, kind: &NodeKind, what: &str) {
        self.note(step, format!("the plugin `{}` {what}", kind.plugin_name()));
    }
}

/// Passes events on and keeps what the node says. Only a sink's last picture is a result; other pictures are work on the
/// way.
fn watched(events: &Events, is_sink: bool) -> (Events, Rc<RefCell<Vec<Told>>>) {
    let told: Rc<RefCell<Vec<Told>>> = Rc::default();
    let (to, kept) = (Rc::clone(events), Rc::clone(&told));
    let watch: Events = Rc::new(move |event| {
        let mut kept = kept.borrow_mut();
        match &event {
            Event::Note { .. } | Event::Report { .. } if kept.len() >= limits::TOLD => {}
            Event::Note { text, .. } => kept.push(Told::Note(text.clone())),
            Event::Report { table, .. } => kept.push(Told::Report(table.clone())),
            Event::Preview { width, height, rgb, .. } if is_sink => {
                kept.retain(|told| !matches!(told, Told::Preview { .. }));
                kept.push(Told::Preview { width: *width, height: *height, rgb: rgb.clone() });
            }
            _ => {}
        }
        to(event);
    });
    (watch, told)
}

/// Writes the outputs that somebody wants as files.
fn write_dumps(job: &Job, outputs: &[Option<Value>]) -> std::result::Result<(), (String, Error)> {
    for dump in &job.dumps {
        let step = job.plan.steps().iter().position(|step| step.node == dump.node);
        let value = step.and_then(|step| entry(outputs[step].as_ref()?, &dump.output));
        let written = match value {
            Some(value) => dump::write(&value, &dump.output, &dump.file),
            None => Err(Error::invalid("there is no such output to dump")),
        };
        written.map_err(|error| (dump.node.clone(), error))?;
    }
    Ok(())
}

/// Gives back what the models hold that nobody takes once step number `done` is done.
fn release(last_use: &LastUse, done: usize, outputs: &[Option<Value>]) {
    let model = |(step, output): (usize, &str)| match entry(outputs[step].as_ref()?, output)? {
        Value::Model(model) => Some(model),
        _ => None,
    };
    for no_longer in last_use.after(done).filter_map(model) {
        no_longer.release_but_for(last_use.beyond(done).filter_map(model));
        clear_spare_buffers();
    }
}

fn gather(kind: &NodeKind, step: &Step, outputs: &[Option<Value>]) -> Result<Value> {
    let mut inputs = BTreeMap::new();
    for (name, source) in &step.inputs {
        let value = match source {
            Source::Param(param) => Value::from(param),
            Source::Step { step, output } => {
                outputs[*step].as_ref().and_then(|value| entry(value, output)).ok_or_else(|| {
                    Error::new(ErrorKind::Internal, format!("the output `{output}` for `{name}` is not there"))
                })?
            }
        };
        if matches!(value, Value::Null) {
            if !kind.spec.inputs.iter().any(|input| input.name == *name && input.required) {
                continue;
            }
            let what = format!("what is linked to `{name}` is empty: its node passes on an input that has no link");
            return Err(Error::invalid(what).help("link that node's input of the same name as well"));
        }
        inputs.insert(name.clone(), value);
    }
    Ok(Value::Record(Rc::new(inputs)))
}

pub(super) fn entry(outputs: &Value, name: &str) -> Option<Value> {
    match outputs {
        Value::Record(entries) => entries.get(name).cloned(),
        _ => None,
    }
}

fn call(kind: &NodeKind, run: &Run, inputs: Value) -> Result<Value> {
    let inputs = inputs.into_raw();
    let mut returned = std::ptr::null_mut();
    // SAFETY: run and inputs are lent for the call, the inputs freed after it; outputs and status are ours.
    unsafe {
        let status = (kind.entry.run)(kind.entry.payload, run.as_raw(), inputs, &raw mut returned);
        drop(Value::take(inputs));
        take_status(status)?;
        if returned.is_null() {
            return Err(outputs::broken(kind, "returned nothing"));
        }
        Ok(Value::take(returned))
    }
}
