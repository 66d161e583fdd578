//! The editor's engine: runs one after the other, watched from any thread. Restarts the engine when it died. No window
//! here.

mod check;
mod fold;
mod picture;
mod worker;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::engine;
use crate::engine::protocol::Table;
use crate::error::{Code, Error};
use crate::graph::{Graph, Roots};
use crate::plugins::Catalog;
use crate::table::Device;

/// The queue and the thread that works it off.
#[derive(Debug)]
pub struct Queue {
    shared: Arc<Shared>,
    /// Closed by the thread when it ends.
    ended: Receiver<()>,
}

pub type RunId = u64;

/// A run that is asked for.
#[derive(Debug, Clone)]
pub struct Order {
    /// What history calls it, e.g. the graph's name.
    pub title: String,
    /// As it was when it was ordered.
    pub graph: Arc<Graph>,
    pub roots: Roots,
    /// Folder for the pictures.
    pub output: PathBuf,
}

/// What can be seen of queue, engine and runs.
#[derive(Debug, Default)]
pub struct State {
    pub engine: EngineState,
    /// What the plugins bring; stays while the engine restarts. Empty before the first start.
    pub catalog: Arc<Catalog>,
    pub device: Option<Device>,
    pub waiting: Vec<(RunId, Order)>,
    pub current: Option<Current>,
    /// Newest last; the oldest are dropped beyond [`HISTORY`].
    pub history: Vec<Arc<Finished>>,
    /// What the last run left on each node, by name; the current one's while it goes on.
    pub nodes: HashMap<String, NodeState>,
    /// The last picture of each node that saves, shows or previews one.
    pub pictures: HashMap<String, Arc<Picture>>,
    /// What each node said when it last ran, in this run or, until it is reached, in the one before.
    pub said: HashMap<String, Said>,
}

/// What a node has said beside its outputs, in the order in which it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The first are dropped beyond [`NOTES`].
    pub notes: Vec<String>,
    /// The first are dropped beyond [`REPORTS`].
    pub reports: Vec<Arc<Table>>,
}

pub const NOTES: usize = 100;
pub const REPORTS: usize = 100;

pub const HISTORY: usize = 200;

#[derive(Debug, Clone, Default)]
pub enum EngineState {
    #[default]
    Starting,
    Ready,
    /// It did not start; the next order tries again.
    Failed(Error),
}

#[derive(Debug, Clone)]
pub struct Current {
    pub id: RunId,
    pub title: String,
    pub started: Instant,
    pub node: Option<String>,
    /// Steps of the running node.
    pub progress: Option<(u32, u32)>,
    /// Nodes that are done, and all that have to run.
    pub done: usize,
    pub total: usize,
    pub is_cancelling: bool,
}

#[derive(Debug, Clone)]
pub enum NodeState {
    Waiting,
    Loading {
        done: u64,
        total: u64,
    },
    Running {
        since: Instant,
        done: u32,
        total: u32,
    },
    Done {
        milliseconds: f64,
        cached: bool,
    },
    /// All of what is wrong with it, a failed check or a failed run.
    Failed(Vec<Error>),
    /// It did not run because it, or something that it needs, is muted, or of a plugin that is not there.
    Skipped(String),
}

/// Pixels, row by row, four bytes each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    pub rgba: Vec<u8>,
    /// The file that it was saved in.
    pub file: Option<PathBuf>,
    /// Seen while it was still being made.
    pub is_preview: bool,
}

#[derive(Debug, Clone)]
pub struct Finished {
    pub id: RunId,
    pub title: String,
    pub graph: Arc<Graph>,
    pub seconds: f64,
    /// Node and picture, in the order in which they were made.
    pub pictures: Vec<(String, Arc<Picture>)>,
    pub outcome: Outcome,
}

#[derive(Debug, Clone)]
pub enum Outcome {
    Done,
    Cancelled,
    /// Every error with the node that it belongs to, where there is one.
    Failed(Vec<(Option<String>, Error)>),
}

/// How long a dropped queue waits for its thread. Only an engine that just starts takes longer than an instant; it
/// ends by itself when it finds its client gone.
const FAREWELL: Duration = Duration::from_secs(2);

/// What the thread and those who watch it have in common. The numbers beside the state change under its lock, so that
/// what is asked of one run never meets the next.
struct Shared {
    state: Mutex<State>,
    /// Something for the thread to look at.
    news: Condvar,
    wake: Box<dyn Fn() + Send + Sync>,
    next_id: AtomicU64,
    /// 0 while there is no engine.
    process_id: AtomicU32,
    /// How often the current run was asked to stop.
    interrupts: AtomicU32,
    is_closed: AtomicBool,
    /// Another engine is wanted before the next run.
    wants_restart: AtomicBool,
    /// The state changed since `wake` was last called.
    is_changed: AtomicBool,
}

impl Shared {
    fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            state: Mutex::default(),
            news: Condvar::new(),
            wake: Box::new(wake),
            next_id: AtomicU64::new(1),
            process_id: AtomicU32::new(0),
            interrupts: AtomicU32::new(0),
            is_closed: AtomicBool::new(false),
            wants_restart: AtomicBool::new(false),
            is_changed: AtomicBool::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is whole by itself, so what a panic leaves behind can still be read.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state; `wake` follows soon.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let result = change(&mut state);
        self.is_changed.store(true, Ordering::Relaxed);
        self.news.notify_all();
        result
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Queue {
    /// Starts the engine on a thread of its own. `wake` is called after every change of [`State`], from that thread.
    pub fn start(options: engine::Options, wake: impl Fn() + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared::new(wake));
        let (ends, ended) = channel();
        let worker = worker::Worker::new(Arc::clone(&shared), options);
        let work = move || {
            worker.work();
            drop(ends);
        };
        if let Err(error) = std::thread::Builder::new().name("queue".to_owned()).spawn(work) {
            let error = Error::new(Code::Internal, "the queue has no thread").cause(error);
            shared.lock().engine = EngineState::Failed(error);
        }
        Self { shared, ended }
    }

    /// Everything that can be seen, locked: read and let go, for the run waits meanwhile.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock()
    }

    /// Adds a run at the end, or before all others. It is checked when its turn comes.
    pub fn push(&self, order: Order, front: bool) -> RunId {
        let id = self.shared.next_id.fetch_add(1, Ordering::Relaxed);
        self.shared.change(|state| {
            let place = if front { 0 } else { state.waiting.len() };
            state.waiting.insert(place, (id, order));
        });
        id
    }

    /// Takes a waiting run back.
    pub fn remove(&self, id: RunId) {
        self.shared.change(|state| state.waiting.retain(|(waiting, _)| *waiting != id));
    }

    /// Takes all waiting runs back. The current one goes on.
    pub fn clear(&self) {
        self.shared.change(|state| state.waiting.clear());
    }

    /// Stops the current run after its step. A second call while it still stops ends the engine, and so does a step
    /// that takes longer than five seconds.
    pub fn interrupt(&self) {
        self.shared.change(|state| {
            if let Some(current) = &mut state.current {
                current.is_cancelling = true;
                self.shared.interrupts.fetch_add(1, Ordering::Relaxed);
            }
        });
    }

    /// Starts another engine, with the plugins that may be opened now. A run that is under way comes to its end first.
    pub fn restart(&self) {
        self.shared.change(|_| self.shared.wants_restart.store(true, Ordering::Relaxed));
    }

    /// The engine's process, for tests and for the memory line.
    pub fn process_id(&self) -> Option<u32> {
        Some(self.shared.process_id.load(Ordering::Relaxed)).filter(|id| *id != 0)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.shared.change(|_| self.shared.is_closed.store(true, Ordering::Relaxed));
        // Nothing is ever sent: this returns when the thread lets go of the other end.
        let _ = self.ended.recv_timeout(FAREWELL);
    }
}
