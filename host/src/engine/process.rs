//! The engine's side: `weft engine`, started by a client, talking over its standard input and output.

use std::fs::File;
use std::io::{self, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};

use super::execute::Executor;
use super::protocol::{Event, Request, receive, send};
use super::surroundings::Surroundings;
use crate::flags::PluginFlags;
use crate::limits;
use crate::plugins::load_all;
use crate::table::{self, Device, Events};

/// Serves one client until it goes away.
///
/// # Errors
/// The process has no usable standard output, or no thread can be started.
pub fn serve(device: Option<Device>, plugins: PluginFlags) -> io::Result<()> {
    let (mut from_client, client) = (take_stdin()?, take_stdout()?);
    // Panics are caught and become errors with a message; the default hook would print them as well.
    std::panic::set_hook(Box::new(|_| {}));
    // A file that may not grow is a failed write with a message, not the end of the engine.
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default())?;
    let cancelled = Arc::new(AtomicBool::new(false));
    let (to_engine, requests) = channel();
    let flag = Arc::clone(&cancelled);
    let engine =
        std::thread::Builder::new().name("engine".to_owned()).stack_size(limits::ENGINE_STACK).spawn(move || {
            // A bug of Weft's: the client would wait for ever for a process that does nothing.
            let work = AssertUnwindSafe(|| work(client, &requests, device, &plugins, flag));
            if let Err(panic) = catch_unwind(work) {
                std::mem::forget(panic);
                std::process::abort();
            }
        })?;
    while let Ok(Some(request)) = receive(&mut from_client) {
        match request {
            Request::Cancel => cancelled.store(true, Ordering::Relaxed),
            Request::Run(job) => {
                cancelled.store(false, Ordering::Relaxed);
                drop(to_engine.send(Request::Run(job)));
            }
            other => drop(to_engine.send(other)),
        }
    }
    // The client is gone: whatever still runs is for nobody.
    drop(engine);
    end_at_once();
    Ok(())
}

/// Ends this process without waiting for anything: an ordinary exit would run what libraries want done at the end, and
/// could wait for a thread of MLX's or a plugin that never comes back.
fn end_at_once() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
}

/// Keeps the requests' pipe for itself: a library that reads standard input, or closes it, does not take part.
fn take_stdin() -> io::Result<BufReader<File>> {
    let requests = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(BufReader::new(File::from(requests)))
}

/// Keeps the protocol's pipe for itself and turns standard output into standard error, so that a library that prints
/// does not speak into the protocol.
fn take_stdout() -> io::Result<File> {
    let client = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
    rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    Ok(File::from(client))
}

/// The one thread that touches MLX and plugins.
fn work(
    client: File,
    requests: &Receiver<Request>,
    wanted: Option<Device>,
    plugins: &PluginFlags,
    cancelled: Arc<AtomicBool>,
) {
    let client = std::cell::RefCell::new(client);
    // This thread takes its share of what is computed over all cores, instead of sleeping meanwhile. Where that is not to be
    // had it sleeps.
    let _ = rayon::ThreadPoolBuilder::new().use_current_thread().build_global();
    // A client that is gone is noticed by the reading side, which ends the process.
    let events: Events = Rc::new(move |event| drop(send(&mut *client.borrow_mut(), &event)));
    let device = match table::start(wanted) {
        Ok(device) => device,
        Err(error) => return events(Event::Unusable(error.into())),
    };
    let surroundings = Surroundings::now();
    let registry = load_all(plugins, &|file| events(Event::Opening { file: file.display().to_string() })).install();
    if let Err(error) = table::memory::check_address_space() {
        return events(Event::Unusable(error));
    }
    events(Event::Ready { catalog: registry.catalog(), device });
    table::at_work::tell(Rc::clone(&events));
    // A start is not a node: what it changed is put back without a word.
    drop(surroundings.restore());
    let mut executor = Executor::new(registry, device, events, cancelled, surroundings);
    for request in requests {
        match request {
            Request::Run(job) => executor.run(&job),
            Request::Forget => executor.forget(),
            Request::ForgetFrom { plan, nodes } => executor.forget_from(&plan, &nodes),
            Request::Cancel => {}
        }
    }
}
