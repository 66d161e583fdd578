//! Every seed, everything that fuzzing found and what it has gathered, through the targets: what was mended stays mended.
//! And some thousand changes of the seeds, the same every time, where there is no libFuzzer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use crate::program::root;

#[path = "../../fuzz/targets/mod.rs"]
mod targets;

use targets::TARGETS;

/// The files below `folder`, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    found.sort();
    let inside = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    found.into_iter().flat_map(inside).collect()
}

fn inputs(folder: &str) -> Vec<(String, Vec<u8>)> {
    let name = |path: &PathBuf| path.strip_prefix(root()).expect("below it").display().to_string();
    let read = |path: PathBuf| (name(&path), std::fs::read(&path).expect("an input"));
    files(&root().join("fuzz").join(folder)).into_iter().map(read).collect()
}

/// Whether the target keeps its promises.
fn holds(target: fn(&[u8]), bytes: &[u8]) -> bool {
    catch_unwind(AssertUnwindSafe(|| target(bytes))).is_ok()
}

#[test]
fn stored_inputs_break_nothing() {
    let inputs = [inputs("seeds"), inputs("found")].concat();
    let broken = |(name, target): &(&str, fn(&[u8]))| {
        let by = inputs.iter().filter(|(_, bytes)| !holds(*target, bytes)).map(|(input, _)| input.as_str());
        by.map(|input| format!("{name}: {input}")).collect::<Vec<_>>()
    };
    let failed: Vec<String> = TARGETS.iter().flat_map(broken).collect();
    assert!(inputs.len() > 100 && failed.is_empty(), "{} inputs\n{}", inputs.len(), failed.join("\n"));
}

/// Numbers that depend on the seed alone (Marsaglia 2003, "Xorshift RNGs").
struct Chance(u64);

impl Chance {
    fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % count.max(1) as u64) as usize
    }

    /// Some bytes changed, cut out, said twice, or taken from another input.
    fn changed(&mut self, bytes: &[u8], other: &[u8]) -> Vec<u8> {
        const ODD: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, b'"', b'(', b'{'];
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let end = (at + 1 + self.below(16)).min(bytes.len());
            match (self.below(6), at < bytes.len()) {
                (0, true) => bytes[at] ^= 1 << self.below(8),
                (1, true) => bytes[at] = ODD[self.below(ODD.len())],
                (2, true) => drop(bytes.drain(at..end)),
                (3, true) => bytes.extend_from_within(at..end),
                (4, true) => bytes.truncate(at),
                _ => {
                    let from = self.below(other.len() + 1);
                    let piece = other[from..(from + self.below(24)).min(other.len())].to_vec();
                    drop(bytes.splice(at..at, piece));
                }
            }
        }
        bytes
    }
}

/// What reaches code that the seeds do not, as libFuzzer chose it; each through the target that it was gathered for.
#[test]
fn the_corpus_breaks_nothing() {
    let mut failed = Vec::new();
    for (name, target) in TARGETS {
        let inputs = inputs(&format!("corpus/{name}"));
        assert!(!inputs.is_empty(), "{name} has no corpus");
        failed.extend(inputs.into_iter().filter(|(_, bytes)| !holds(*target, bytes)).map(|(input, _)| input));
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// WEFT_FUZZ_ROUNDS changes of every seed, 50 where it says nothing; an input that breaks a promise is written beside.
#[test]
fn changed_seeds_break_nothing() {
    let rounds = std::env::var("WEFT_FUZZ_ROUNDS").map_or(50, |rounds| rounds.parse().expect("a number"));
    let mut failed = Vec::new();
    for (name, target) in TARGETS {
        let seeds = inputs(&format!("seeds/{name}"));
        let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
        for (round, (seed, bytes)) in (0..rounds).flat_map(|round| seeds.iter().map(move |seed| (round, seed))) {
            let other = &seeds[chance.below(seeds.len())].1;
            let changed = chance.changed(bytes, other);
            if !holds(*target, &changed) {
                let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}-{round}"));
                std::fs::write(&file, changed).expect("a file");
                failed.push(format!("{seed} changed: {}", file.display()));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
