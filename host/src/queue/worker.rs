//! The thread that owns the engine and works off the orders.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::check::Runnable;
use super::fold::{Watch, bytes};
use super::{Current, EngineState, Finished, HISTORY, NodeState, Order, RunId, Shared, State, check};
use crate::engine::protocol::{Event, Job};
use crate::engine::{self, Engine, GRACE};
use crate::error::Error;
use crate::limits;
use crate::plugins::Catalog;

/// How long a wish of the user's, or what is seldom worth a redraw, may wait.
const TICK: Duration = Duration::from_millis(50);
/// How often an engine without work is looked after.
const LOOK: Duration = Duration::from_millis(500);
/// An engine that dies so often without a run in between is left alone until the next order.
const DEATHS: u32 = 3;

pub(super) struct Worker {
    shared: Arc<Shared>,
    options: engine::Options,
    engine: Option<Engine>,
    /// Of engines that had nothing to do, since the last run.
    deaths: u32,
    woke: Instant,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, options: engine::Options) -> Self {
        Self { shared, options, engine: None, deaths: 0, woke: Instant::now() }
    }

    /// Works until the queue is dropped, and takes the engine along then.
    pub(super) fn work(mut self) {
        // A failure is in the state; the next order tries again.
        drop(self.start());
        while let Some((id, order)) = self.next_order() {
            self.carry_out(id, order);
        }
    }

    /// Waits for an order and makes it the current one. None when the queue is closed.
    fn next_order(&mut self) -> Option<(RunId, Order)> {
        loop {
            if self.shared.wants_restart.swap(false, Ordering::Relaxed) {
                self.engine = None;
                drop(self.start());
            }
            let mut state = self.shared.lock();
            if self.is_closed() {
                return None;
            }
            if !state.waiting.is_empty() {
                let (id, order) = state.waiting.remove(0);
                begin(&mut state, id, &order);
                self.shared.interrupts.store(0, Ordering::Relaxed);
                self.shared.is_changed.store(true, Ordering::Relaxed);
                drop(state);
                self.wake(true);
                return Some((id, order));
            }
            if !self.shared.is_changed.load(Ordering::Relaxed) {
                // How it ended does not matter: everything is looked at again.
                drop(self.shared.news.wait_timeout(state, LOOK));
            } else {
                drop(state);
            }
            self.wake(true);
            self.look_after();
        }
    }

    fn carry_out(&mut self, id: RunId, order: Order) {
        let (outcome, pictures) = self.attempt(&order).end(&self.shared);
        self.shared.change(|state| {
            let seconds = state.current.take().map_or(0.0, |current| current.started.elapsed().as_secs_f64());
            let Order { title, graph, .. } = order;
            remember(state, Finished { id, title, graph, seconds, pictures, outcome });
            // Of nodes that did not get to their end there is nothing to tell.
            let is_over = |node: &NodeState| {
                !matches!(node, NodeState::Waiting | NodeState::Loading { .. } | NodeState::Running { .. })
            };
            state.nodes.retain(|_, node| is_over(node));
        });
        self.wake(true);
        let has_failed = matches!(self.shared.lock().engine, EngineState::Failed(_));
        if self.engine.is_none() && !has_failed && !self.is_closed() {
            drop(self.start());
        }
    }

    /// One run, from the check to its end, and how it went.
    fn attempt(&mut self, order: &Order) -> Watch {
        self.look_after();
        let started = if self.engine.is_some() { Ok(()) } else { self.start() };
        let catalog = Arc::clone(&self.shared.lock().catalog);
        let mut watch = Watch::new(&order.graph, &catalog);
        let job = started
            .map_err(|error| vec![(None, error)])
            .and_then(|()| check::plan(order, &catalog))
            .and_then(|runnable| self.announce(runnable, order, &catalog));
        match job {
            Ok(job) => self.run(&job, &mut watch),
            Err(errors) => watch.refuse(&self.shared, errors),
        }
        watch
    }

    /// The job for a plan, all of whose nodes wait from here on.
    fn announce(
        &mut self,
        runnable: Runnable,
        order: &Order,
        catalog: &Catalog,
    ) -> Result<Job, Vec<(Option<String>, Error)>> {
        let Runnable { plan, skipped } = runnable;
        let steps: Vec<String> = plan.steps().iter().map(|step| step.node.clone()).collect();
        let job = Job::prepare(plan, &order.graph, catalog, &order.roots, &order.output)
            .map_err(|error| vec![(None, error)])?;
        self.shared.change(|state| {
            if let Some(current) = &mut state.current {
                current.total = steps.len();
            }
            state.nodes.extend(skipped.into_iter().map(|(node, why)| (node, NodeState::Skipped(why))));
            state.nodes.extend(steps.into_iter().map(|node| (node, NodeState::Waiting)));
        });
        self.wake(true);
        Ok(job)
    }

    /// Hands the job to the engine; to another one where it turns out that the engine was dead before.
    fn run(&mut self, job: &Job, watch: &mut Watch) {
        let mut result = self.follow(job.clone(), watch);
        while let Err(error) = result {
            self.deaths += 1;
            if self.deaths >= DEATHS {
                return watch.engine_died(&self.shared, error);
            }
            result = self.start().and_then(|()| self.follow(job.clone(), watch));
        }
    }

    /// Follows the job to its end.
    ///
    /// # Errors
    /// The engine died before it took the job up.
    fn follow(&mut self, job: Job, watch: &mut Watch) -> Result<(), Error> {
        let Some(mut engine) = self.engine.take() else { return Ok(()) };
        engine.run(job);
        let mut result = Ok(());
        let mut is_begun = false;
        let mut cancelled: Option<Instant> = None;
        while !self.is_closed() {
            let asked = self.shared.interrupts.load(Ordering::Relaxed);
            if asked > 1 || cancelled.is_some_and(|at| at.elapsed() > GRACE) {
                watch.cancel();
                break;
            }
            if asked == 1 && cancelled.is_none() {
                engine.cancel();
                cancelled = Some(Instant::now());
            }
            let is_urgent = match engine.next(TICK) {
                Ok(Some(Event::Finished { .. })) => {
                    self.engine = Some(engine);
                    self.deaths = 0;
                    return result;
                }
                Ok(Some(event)) => {
                    is_begun = true;
                    watch.see(&self.shared, event)
                }
                Ok(None) => false,
                Err(error) if !is_begun => {
                    result = Err(error);
                    break;
                }
                Err(error) => {
                    watch.engine_died(&self.shared, error);
                    break;
                }
            };
            self.wake(is_urgent);
        }
        // Whatever is left of it ends here.
        drop(engine);
        self.no_engine(EngineState::Starting);
        result
    }

    /// Starts the engine, and says in the state how it went.
    fn start(&mut self) -> Result<(), Error> {
        self.no_engine(EngineState::Starting);
        self.wake(true);
        let started = Engine::start(&self.options);
        let result = self.shared.change(|state| {
            let mut engine = started.inspect_err(|error| state.engine = EngineState::Failed(error.clone()))?;
            state.engine = EngineState::Ready;
            state.catalog = Arc::new(std::mem::take(&mut engine.catalog));
            state.device = Some(engine.device);
            self.shared.process_id.store(engine.process_id(), Ordering::Relaxed);
            self.engine = Some(engine);
            Ok(())
        });
        self.wake(true);
        result
    }

    /// Replaces an engine that died while it had nothing to do.
    fn look_after(&mut self) {
        let Some(Err(error)) = self.engine.as_mut().map(|engine| engine.next(Duration::ZERO)) else { return };
        self.engine = None;
        self.deaths += 1;
        if self.deaths < DEATHS {
            drop(self.start());
        } else {
            self.no_engine(EngineState::Failed(error));
            self.wake(true);
        }
    }

    fn no_engine(&self, instead: EngineState) {
        self.shared.process_id.store(0, Ordering::Relaxed);
        self.shared.change(|state| state.engine = instead);
    }

    fn is_closed(&self) -> bool {
        self.shared.is_closed.load(Ordering::Relaxed)
    }

    /// Calls `wake` where something changed, but not too often where it is not urgent.
    fn wake(&mut self, is_urgent: bool) {
        let is_due = is_urgent || self.woke.elapsed() >= TICK;
        if is_due && self.shared.is_changed.swap(false, Ordering::Relaxed) {
            self.woke = Instant::now();
            (self.shared.wake)();
        }
    }
}

fn begin(state: &mut State, id: RunId, order: &Order) {
    state.current = Some(Current {
        id,
        title: order.title.clone(),
        started: Instant::now(),
        node: None,
        progress: None,
        done: 0,
        total: 0,
        is_cancelling: false,
    });
    state.nodes.clear();
    // Those of other graphs would stay for ever; a node that need not run again tells of its pictures again.
    state.pictures.retain(|node, _| order.graph.nodes.contains_key(node));
}

/// The newest stays, whatever its size.
fn remember(state: &mut State, finished: Finished) {
    let history = &mut state.history;
    history.push(Arc::new(finished));
    let mut size: usize = history.iter().map(|finished| bytes(&finished.pictures)).sum();
    while history.len() > HISTORY || (history.len() > 1 && size > limits::HISTORY_BYTES) {
        size -= bytes(&history.remove(0).pictures);
    }
}
