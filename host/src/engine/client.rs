//! The client's side: starting the engine, talking to it, and saying what became of it.

use std::io::BufReader;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use super::protocol::{Event, Job, Request, receive, send};
use crate::error::{Code, Error, Result};
use crate::flags::PluginFlags;
use crate::plugins::{self, Catalog};
use crate::table::Device;
use crate::text;

/// How the engine is to be started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// None: a GPU where there is one.
    pub device: Option<Device>,
    /// Which plugins are looked for beside Weft's own.
    pub plugins: PluginFlags,
    /// The binary to start; none is this program's own. Tests are another program.
    pub program: Option<PathBuf>,
}

/// A running engine.
#[derive(Debug)]
pub struct Engine {
    child: Child,
    requests: ChildStdin,
    events: Receiver<Event>,
    pub catalog: Catalog,
    pub device: Device,
}

impl Engine {
    /// Starts an engine and waits until its plugins are loaded.
    ///
    /// # Errors
    /// It cannot be started, or cannot work on the device that was asked for.
    pub fn start(options: &Options) -> Result<Self> {
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
            match events.recv() {
                Ok(Event::Opening { file }) => opening = Some(file),
                Ok(Event::Ready { catalog, device }) => return Ok(Self { child, requests, events, catalog, device }),
                Ok(Event::Unusable(error)) => return Err(Error { code: Code::Usage, ..error }),
                _ => {
                    let cause = child.wait().map_or_else(|error| error.to_string(), describe);
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

    /// The next event, or none within `timeout`.
    ///
    /// # Errors
    /// The engine is gone; the error says how it ended.
    pub fn next(&mut self, timeout: Duration) -> Result<Option<Event>> {
        match self.events.recv_timeout(timeout) {
            Ok(event) => Ok(Some(event)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => {
                let cause = self.child.wait().map_or_else(|error| error.to_string(), describe);
                Err(Error::new(Code::Failed, "the engine ended in the middle of its work")
                    .cause(cause)
                    .help("if memory ran out, make the picture smaller or close other programs"))
            }
        }
    }

    /// Ends the engine at once.
    pub fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
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

/// How the process ended, in words.
fn describe(status: ExitStatus) -> String {
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
