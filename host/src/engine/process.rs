//! The engine's side: `weft engine`, started by a client, talking over its standard input and output.

use std::fs::File;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};

use super::execute::Executor;
use super::protocol::{Event, Job, Request, receive, send};
use crate::flags::PluginFlags;
use crate::limits;
use crate::plugins::load_all;
use crate::table::{self, Device, Events};

/// Serves one client until it goes away.
///
/// # Errors
/// The process has no usable standard output, or no thread can be started.
pub fn serve(device: Option<Device>, plugins: PluginFlags) -> io::Result<()> {
    let client = take_stdout()?;
    // Panics are caught and become errors with a message; the default hook would print them as well.
    std::panic::set_hook(Box::new(|_| {}));
    // A file that may not grow is a failed write with a message, not the end of the engine.
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default())?;
    let cancelled = Arc::new(AtomicBool::new(false));
    let (to_engine, jobs) = channel();
    let flag = Arc::clone(&cancelled);
    let engine = std::thread::Builder::new()
        .name("engine".to_owned())
        .stack_size(limits::ENGINE_STACK)
        .spawn(move || work(client, &jobs, device, &plugins, flag))?;
    let mut from_client = io::stdin().lock();
    while let Ok(Some(request)) = receive(&mut from_client) {
        match request {
            Request::Run(job) => {
                cancelled.store(false, Ordering::Relaxed);
                if to_engine.send(job).is_err() {
                    break;
                }
            }
            Request::Cancel => cancelled.store(true, Ordering::Relaxed),
        }
    }
    // The client is gone: whatever still runs is for nobody. MLX's own threads must not be waited for.
    drop(engine);
    std::process::exit(0)
}

/// Keeps the protocol's pipe for itself and turns standard output into standard error, so that a library that prints
/// does not speak into the protocol.
fn take_stdout() -> io::Result<File> {
    let client = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
    rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    Ok(File::from(client))
}

/// The one thread that touches MLX and plugins.
fn work(client: File, jobs: &Receiver<Job>, wanted: Option<Device>, plugins: &PluginFlags, cancelled: Arc<AtomicBool>) {
    let client = std::cell::RefCell::new(client);
    // A client that is gone is noticed by the reading side, which ends the process.
    let events: Events = Rc::new(move |event| drop(send(&mut *client.borrow_mut(), &event)));
    let device = match table::start(wanted) {
        Ok(device) => device,
        Err(error) => return events(Event::Unusable(error.into())),
    };
    let registry = load_all(plugins, &|file| events(Event::Opening { file: file.display().to_string() })).install();
    events(Event::Ready { catalog: registry.catalog(), device });
    let mut executor = Executor::new(registry, device, events, cancelled);
    for job in jobs {
        executor.run(&job);
    }
}
