//! A thousand runs in one engine: what it holds at the end is what it held after the tenth.

use weft::engine::Engine;
use weft::graph::Graph;

use crate::bad_input::Place;
use crate::engine::{follow, job, start};
use crate::faults::rounds;
use crate::program::text_to_image;

/// After how many runs everything that is kept for the next run is there.
const WARM: u32 = 10;

/// What a process holds.
#[derive(Debug, Clone, Copy)]
struct Held {
    kilobytes: u64,
    threads: u64,
    files: usize,
}

impl Held {
    /// None where the system has no `/proc`.
    fn by(process: u32) -> Option<Self> {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let number = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name))?;
            value.split_whitespace().next()?.parse::<u64>().ok()
        };
        let files = std::fs::read_dir(format!("/proc/{process}/fd")).ok()?.count();
        Some(Self { kilobytes: number("VmRSS:")?, threads: number("Threads:")?, files })
    }
}

/// The usual graph, anew from the sampler on. With another seed each time the engine would keep the outputs of the others as
/// well, for as long as there is memory.
fn draw(engine: &mut Engine, at: &Place, round: u32) {
    let out = at.path(&format!("out/{}", round % 2));
    drop(std::fs::remove_dir_all(&out));
    std::fs::create_dir_all(&out).expect("a folder");
    let graph = Graph::parse(&text_to_image(), "the test's graph").expect("a graph");
    let job = job(engine, &graph, out.as_ref());
    engine.forget_from(job.plan.clone(), vec!["sample".to_owned()]);
    engine.run(job);
    follow(engine).expect("the engine lives");
}

/// `WEFT_FAULT_ROUNDS=1000 cargo test -p weft-tests --test weft --locked -- --nocapture load::` tells the numbers of a thousand.
#[test]
fn an_engine_does_not_grow() {
    let (at, mut engine, mut warm) = (Place::new(), start(), None);
    let times = rounds(40).max(WARM + 1);
    for round in 1..=times {
        draw(&mut engine, &at, round);
        if round == WARM {
            warm = Held::by(engine.process_id());
        }
    }
    let Some((warm, last)) = warm.zip(Held::by(engine.process_id())) else {
        return eprintln!("not tested: there is no /proc here");
    };
    eprintln!("after {WARM} runs {warm:?}, after {times} {last:?}");
    assert_eq!((last.threads, last.files), (warm.threads, warm.files));
    let share = last.kilobytes as f64 / warm.kilobytes as f64;
    assert!(share < 1.02, "{:.1} % more memory than after {WARM} runs", (share - 1.0) * 100.0);
}
