//! The client's side: starting the engine, talking to it, and saying what became of it.

use std::io::BufReader;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::protocol::{Event, Job, Request, receive, send};
use crate::error::{Code, Error, Result};
use crate::flags::PluginFlags;
use crate::graph::Plan;
use crate::plugins::{self, Catalog};
use crate::table::{Device, memory};
use crate::text;

/// How long a cancelled run may take to its next step before its engine is ended.
pub const GRACE: Duration = Duration::from_secs(5);
/// How long MLX or one plugin may take to start.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long an engine may live on that was asked to end, or that no longer talks.
const LAST: Duration = Duration::from_millis(500);

/// How the engine is to be started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// None: a GPU where there is one.
    pub device: Option<Device>,
    /// Which plugins are looked for beside Weft's own.
    pub plugins: PluginFlags,
    /// The binary to start; none is this program's own. Tests are another program.
    pub program: Option<PathBuf>,
    /// How long MLX or one plugin may take to start; none is a minute.
    pub patience: Option<Duration>,
}

/// A running engine.
#[derive(Debug)]
pub struct Engine {
    child: Child,
    requests: ChildStdin,
    events: Receiver<Event>,
    pub catalog: Catalog,
    pub device: Device,
    /// Plugins whose code runs in the node that is under way.
    at_work: Vec<String>,
}

impl Engine {
    /// Starts an engine and waits until its plugins are loaded.
    ///
    /// # Errors
    /// It cannot be started, or cannot work on the device that was asked for.
    pub fn start(options: &Options) -> Result<Self> {
        // The engine needs as much as this process, and where it cannot start it cannot say so.
        memory::check_address_space()?;
        let failed =
            |cause: &dyn std::fmt::Display| Error::new(Code::Internal, "the engine did not start").cause(cause);
        let program = options.program.clone().map_or_else(std::env::current_exe, Ok).map_err(|error| failed(&error))?;
        let mut command = Command::new(program);
        command.arg("engine").stdin(Stdio::piped()).stdout(Stdio::piped());
        // A Ctrl-C at the terminal is the client's, which asks the engine to stop after the step.
        command.process_group(0);
        if let Some(device) = options.device {
            command.arg("--device").arg(device.name());
        }
        for folder in &options.plugins.folders {
            command.arg("--plugins").arg(folder);
        }
        if options.plugins.no_third_party {
            command.arg("--no-third-party");
        }
        crate::allocator::tune(&mut command);
        let mut child = command.spawn().map_err(|error| failed(&error))?;
        let (Some(requests), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed(&"it has no pipes"));
        };
        let (to_client, events) = channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            while let Ok(Some(event)) = receive(&mut output) {
                if to_client.send(event).is_err() {
                    return;
                }
            }
        });
        let mut opening = None;
        loop {
            match events.recv_timeout(options.patience.unwrap_or(PATIENCE)) {
                Ok(Event::Opening { file }) => opening = Some(file),
                Ok(Event::Ready { catalog, device }) => {
                    return Ok(Self { child, requests, events, catalog, device, at_work: Vec::new() });
                }
                Ok(Event::Unusable(error)) if error.code == Code::Limit => return Err(error),
                Ok(Event::Unusable(error)) => return Err(Error { code: Code::Usage, ..error }),
                other => {
                    let is_late = matches!(other, Err(RecvTimeoutError::Timeout));
                    let cause = if is_late { "it did not come to an end".to_owned() } else { describe(&mut child) };
                    end(&mut child);
                    return Err(opening.map_or_else(|| failed(&cause), |file| died_opening(&file, &cause)));
                }
            }
        }
    }

    /// Hands over a job. Its events follow, the last one is [`Event::Finished`].
    pub fn run(&mut self, job: Job) {
        // An engine that is gone shows as the end of its events.
        drop(send(&mut self.requests, &Request::Run(job)));
    }

    /// Asks for a stop after the step that is under way.
    pub fn cancel(&mut self) {
        drop(send(&mut self.requests, &Request::Cancel));
    }

    /// Asks for [`Event::Left`], which is what nobody gave back.
    pub fn forget(&mut self) {
        drop(send(&mut self.requests, &Request::Forget));
    }

    /// Makes these nodes of a plan, and what depends on them, run again.
    pub fn forget_from(&mut self, plan: Plan, nodes: Vec<String>) {
        drop(send(&mut self.requests, &Request::ForgetFrom { plan, nodes }));
    }

    /// Whose code runs: "the plugin `a 1.0.0`, with code of `b 2.0.0`", the node's own first. None between two nodes.
    pub fn at_work(&self) -> Option<String> {
        let (own, others) = self.at_work.split_first()?;
        let with = if others.is_empty() { String::new() } else { format!(", with code of {}", text::list(others)) };
        Some(format!("the plugin `{own}`{with}"))
    }

    /// The next event, or none within `timeout`.
    ///
    /// # Errors
    /// The engine is gone; the error says how it ended.
    pub fn next(&mut self, timeout: Duration) -> Result<Option<Event>> {
        let end = Instant::now() + timeout;
        loop {
            match self.receive(end.saturating_duration_since(Instant::now()))? {
                // Kept for the end that may come. A plugin can cause any number of them.
                Some(Event::AtWork { plugins }) => self.at_work = plugins,
                event => return Ok(event),
            }
            if Instant::now() >= end {
                return Ok(None);
            }
        }
    }

    fn receive(&mut self, timeout: Duration) -> Result<Option<Event>> {
        let mut received = self.events.recv_timeout(timeout);
        // A process that a plugin started may hold the pipe open when the engine is gone.
        let is_silent = matches!(received, Err(RecvTimeoutError::Timeout));
        if is_silent && matches!(self.child.try_wait(), Ok(Some(_))) {
            received = self.events.recv_timeout(LAST).map_err(|_| RecvTimeoutError::Disconnected);
        }
        match received {
            Ok(event) => Ok(Some(event)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(self.died()),
        }
    }

    fn died(&mut self) -> Error {
        let how = describe(&mut self.child);
        let at_work = self.at_work().map_or_else(String::new, |plugins| format!("; at work was {plugins}"));
        Error::new(Code::Failed, "the engine ended in the middle of its work")
            .cause(format!("{how}{at_work}"))
            .help("if memory ran out, make the picture smaller or close other programs; else report it to the plugin's author")
    }

    /// Ends the engine: with SIGTERM, and with SIGKILL where that does not help at once.
    pub fn kill(&mut self) {
        end(&mut self.child);
    }

    /// Whether its process is there.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    pub fn process_id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.kill();
    }
}

fn died_opening(file: &str, cause: &str) -> Error {
    let is_own = plugins::beside_executable().iter().any(|own| own.as_os_str() == file);
    let deny = || format!("`weft plugin deny {}` keeps it closed; report it to its author", text::quoted(file));
    Error::new(Code::Plugin, format!("the plugin {file} ended the engine while it was opened"))
        .cause(cause)
        .help(if is_own { "install Weft again, as it came".to_owned() } else { deny() })
}

fn end(child: &mut Child) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw)
        && matches!(child.try_wait(), Ok(None))
    {
        let _ = kill_process(pid, Signal::TERM);
        if ended_within(child, LAST).is_some() {
            return;
        }
    }
    drop(child.kill());
    drop(child.wait());
}

fn ended_within(child: &mut Child, time: Duration) -> Option<ExitStatus> {
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(None) if start.elapsed() < time => std::thread::sleep(Duration::from_millis(1)),
            ended => return ended.ok().flatten(),
        }
    }
}

/// How an engine that no longer talks ended, in words. One that lives on is ended.
fn describe(child: &mut Child) -> String {
    let Some(status) = ended_within(child, GRACE) else {
        end(child);
        return "it no longer talks: its pipe is closed or spoilt".to_owned();
    };
    let name = |signal| match signal {
        4 => " (illegal instruction)",
        6 => " (it aborted)",
        7 | 10 => " (bus error)",
        9 => " (killed, by somebody or because memory ran out)",
        11 => " (a memory fault: a bug in a plugin, or memory ran out)",
        15 => " (it was asked to end)",
        _ => "",
    };
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("it was ended by signal {signal}{}", name(signal)),
        (None, Some(code)) => format!("it exited by itself with the code {code}; a plugin may have called exit"),
        (None, None) => "it ended for an unknown reason".to_owned(),
    }
}
