//! Engines that are ended by any signal at any moment: the run fails with the way it ended, and the next one is as ever.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use weft::engine::protocol::Event;
use weft::error::Code;
use weft::graph::Graph;

use super::{moment, rounds};
use crate::bad_input::Place;
use crate::engine::{follow, job, start};
use crate::program::{send, text_to_image};

/// Those that end a process by default; STOP would only hold it.
const SIGNALS: [Signal; 17] = [
    Signal::KILL,
    Signal::SEGV,
    Signal::ABORT,
    Signal::BUS,
    Signal::ILL,
    Signal::FPE,
    Signal::TERM,
    Signal::INT,
    Signal::HUP,
    Signal::QUIT,
    Signal::TRAP,
    Signal::SYS,
    Signal::ALARM,
    Signal::VTALARM,
    Signal::PROF,
    Signal::USR1,
    Signal::XCPU,
];

/// A run into this folder that gets the signal after a while; how it ended, and how long it took.
fn run_into(folder: &Path, fault: Option<(Signal, Duration)>) -> (Result<Vec<Event>, weft::error::Error>, Duration) {
    std::fs::create_dir_all(folder).expect("a folder");
    let mut engine = start();
    let graph = Graph::parse(&text_to_image(), "the test's graph").expect("a graph");
    let (job, process, begin) = (job(&engine, &graph, folder), engine.process_id(), Instant::now());
    engine.run(job);
    let sender = fault.map(|(signal, after)| {
        std::thread::spawn(move || {
            std::thread::sleep(after);
            send(process, signal);
        })
    });
    let result = follow(&mut engine);
    let span = begin.elapsed();
    // Before the engine goes: its number may be another's then.
    sender.into_iter().for_each(|sender| sender.join().expect("it sends"));
    (result, span)
}

#[test]
fn any_signal_at_any_moment() {
    let at = Place::new();
    let mut span = Duration::MAX;
    for clean in 0..3 {
        let (result, took) = run_into(Path::new(&at.path(&format!("out/clean {clean}"))), None);
        result.expect("a whole run");
        span = span.min(took);
    }
    let whole = std::fs::read(at.path("out/clean 0/fox.png")).expect("a picture");
    let (mut died, times) = (0, rounds(SIGNALS.len() as u32));
    for (round, signal) in (0..times).zip(SIGNALS.iter().cycle()) {
        let folder = at.path(&format!("out/{round}"));
        match run_into(Path::new(&folder), Some((*signal, moment(span.mul_f64(0.9))))) {
            // It came too late: this run was the quickest so far.
            (Ok(_), took) => span = span.min(took),
            (Err(error), _) => {
                died += 1;
                assert_eq!(error.code, Code::Failed, "{error}");
                assert!(error.cause.contains(&format!("signal {}", signal.as_raw())), "{signal:?}: {error}");
                assert!(!error.help.is_empty(), "{error}");
            }
        }
        let picture = std::fs::read(Path::new(&folder).join("fox.png"));
        assert!(picture.is_err() || picture.is_ok_and(|bytes| bytes == whole), "{signal:?}: half a picture");
    }
    eprintln!("{times} engines were sent a signal, {died} of them before the run's end");
    assert!(died > 0, "no engine died");
    let folder = at.path("out/last");
    run_into(Path::new(&folder), None).0.expect("the next run is as ever");
    assert_eq!(std::fs::read(Path::new(&folder).join("fox.png")).expect("a picture"), whole);
}
