//! `weft run --cache`: what one process computed, the next one takes from the disk, to the same bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use crate::bad_input::{Place, copy};
use crate::models::sha256;
use crate::program::{Said, command, golden, run, text_to_image};
use crate::single_file::{all_in_one, config, place, save};

/// The usual graph and a model in a folder that the test may change, and a cache beside them.
pub struct Cached {
    pub at: Place,
    graph: String,
    runs: std::cell::Cell<u32>,
}

impl Cached {
    fn new(graph: &str) -> Self {
        let at = Place::new();
        at.own_model("plain");
        Self::of(at, graph)
    }

    fn of(at: Place, graph: &str) -> Self {
        let graph = at.write("graph.ron", graph);
        Self { at, graph, runs: 0.into() }
    }

    fn arguments(&self, more: &[&str]) -> Vec<String> {
        self.runs.set(self.runs.get() + 1);
        let (models, out) = (self.at.path("models"), self.at.path(&format!("out/{}", self.runs.get())));
        let own = ["run", &self.graph, "--models", &models, "-o", &out, "--device", "cpu", "--quiet", "--json"];
        own.iter().chain(more).map(|&argument| argument.to_owned()).collect()
    }

    fn said(&self, more: &[&str]) -> Said {
        let arguments = self.arguments(more);
        run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// A run with the cache.
    fn run(&self, more: &[&str]) -> Told {
        Told::of(&self.said(&[&["--cache", &self.at.path("cache")], more].concat()))
    }

    fn entries(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.at.path("cache")).expect("the cache").flatten();
        entries.map(|entry| entry.path()).collect()
    }
}

/// What a run tells of its nodes, and its picture.
#[derive(Debug, PartialEq)]
struct Told {
    how: BTreeMap<String, String>,
    /// What it notes of the cache.
    notes: Vec<String>,
    /// The SHA-256 of its bytes.
    picture: String,
}

impl Told {
    fn of(said: &Said) -> Self {
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        let json: Value = serde_json::from_str(&said.stdout).expect("JSON");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = |name: &str| json[name].as_array().expect("a list").clone();
        let how = list("nodes").iter().map(|node| (text(&node["node"]), text(&node["how"]))).collect();
        let notes =
            list("notes").iter().map(|note| text(&note["text"])).filter(|note| note.contains("cache")).collect();
        let picture = sha256(&std::fs::read(text(&list("files")[0]["path"])).expect("a picture"));
        Self { how, notes, picture }
    }

    /// The nodes of which this is told, in order.
    fn nodes(&self, how: &str) -> String {
        let nodes: Vec<&str> =
            self.how.iter().filter(|(_, told)| *told == how).map(|(node, _)| node.as_str()).collect();
        nodes.join(" ")
    }
}

#[test]
fn a_second_process_computes_only_what_changed() {
    let cached = Cached::new(&text_to_image());
    let without = Told::of(&cached.said(&[]));
    assert_eq!(without.nodes("computed"), "decode latent model prompt sample save");
    let first = cached.run(&[]);
    assert_eq!(first, without);
    let second = cached.run(&[]);
    assert_eq!((second.nodes("disk").as_str(), second.nodes("computed").as_str()), ("decode", "save"));
    assert_eq!(second.nodes("not_needed"), "latent model prompt sample");
    assert!(second.picture == without.picture, "the same bytes");
    let other_seed = cached.run(&["--set", "sample.seed=2"]);
    assert_eq!(
        (other_seed.nodes("disk").as_str(), other_seed.nodes("computed").as_str()),
        ("latent prompt", "decode model sample save")
    );
    let other_seed_without = Told::of(&cached.said(&["--set", "sample.seed=2"]));
    assert!(other_seed.picture == other_seed_without.picture && other_seed.picture != first.picture);
}

/// The three parts of the model, each by a node of its own.
fn in_parts() -> String {
    let part =
        |id: &str, kind: &str| format!(r#""{id}": (kind: "model-loader/{kind}", inputs: {{ "path": "model" }}),"#);
    let parts = [("te", "LoadTextEncoder"), ("vae", "LoadVae"), ("model", "LoadDiffusionModel")]
        .map(|(id, kind)| part(id, kind));
    text_to_image()
        .replace(r#""model": (kind: "model-loader/LoadModel", inputs: { "path": "model" }),"#, &parts.concat())
        .replace("model.text_encoder", "te.text_encoder")
        .replace("model.vae", "vae.vae")
}

#[test]
fn the_text_encoder_is_not_opened_again() {
    let cached = Cached::new(&in_parts());
    cached.run(&[]);
    let second = cached.run(&["--set", "sample.seed=2"]);
    assert_eq!((second.nodes("disk").as_str(), second.nodes("not_needed").as_str()), ("latent prompt", "te"));
}

/// Of the same size, and written at the same time: so are files of two models of a kind, out of one archive.
#[test]
fn a_model_in_the_place_of_one_like_it_is_another() {
    let cached = Cached::new(&in_parts());
    cached.run(&[]);
    let weights = weights_below(Path::new(&cached.at.path("models/model/text_encoder")));
    assert!(!weights.is_empty());
    for path in weights {
        let before = path.metadata().expect("a file");
        std::fs::write(&path, vec![0; before.len() as usize]).expect("a file");
        let file = File::options().write(true).open(&path).expect("a file");
        file.set_modified(before.modified().expect("a time")).expect("the time is set");
    }
    let said = cached.said(&["--cache", &cached.at.path("cache")]);
    assert_eq!(said.code, Some(6), "zeros are no text encoder\n{}", said.stderr);
}

#[test]
fn what_is_read_beside_a_model_counts() {
    let model = golden("plain/model");
    let at = place(&model, "tokenizers/some");
    save(&at.path("models/checkpoints/all.safetensors"), &all_in_one(&model), Some(config(&model)));
    let cached = Cached::of(at, &text_to_image().replace(r#""path": "model""#, r#""path": "all.safetensors""#));
    let first = cached.run(&[]);
    assert_eq!(cached.run(&[]).nodes("disk"), "decode");
    cached.at.edit("models/tokenizers/some/tokenizer.json", |text| text + "\n");
    let other_tokenizer = cached.run(&[]);
    assert_eq!(other_tokenizer.nodes("disk"), "latent");
    assert_eq!(cached.run(&[]).nodes("disk"), "decode");
    cached.at.write("models/checkpoints/config.json", "{}");
    let configured = cached.run(&[]);
    assert_eq!(configured.nodes("disk"), "latent");
    assert!(first.picture == other_tokenizer.picture && first.picture == configured.picture, "they say the same");
}

fn weights_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    entries.filter(|path| path.extension().is_some_and(|ending| ending == "safetensors")).collect()
}

#[test]
fn what_is_damaged_is_computed_again() {
    let cached = Cached::new(&text_to_image());
    let first = cached.run(&[]);
    for entry in cached.entries() {
        let mut bytes = std::fs::read(&entry).expect("an entry");
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(&entry, bytes).expect("an entry");
    }
    let second = cached.run(&[]);
    assert_eq!((second.nodes("disk").as_str(), &second.picture), ("", &first.picture));
    assert!(second.notes.iter().any(|note| note.contains("damaged (its SHA-256 is another)")), "{:?}", second.notes);
    for entry in cached.entries() {
        std::fs::write(&entry, "cut").expect("an entry");
    }
    let third = cached.run(&[]);
    assert_eq!((third.nodes("disk").as_str(), &third.picture), ("", &first.picture));
    let fourth = cached.run(&[]);
    assert_eq!((fourth.nodes("disk").as_str(), fourth.notes.len()), ("decode", 0), "{:?}", fourth.notes);
}

#[test]
fn processes_share_a_folder() {
    let cached = Cached::new(&text_to_image());
    let started = (0..4).map(|_| {
        let arguments = cached.arguments(&["--cache", &cached.at.path("cache")]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
    });
    let started: Vec<_> = started.collect();
    let told: Vec<Told> =
        started.into_iter().map(|run| Told::of(&run.wait_with_output().expect("an end").into())).collect();
    assert!(told.iter().all(|told| told.notes.is_empty()), "{told:?}");
    assert!(told.windows(2).all(|two| two[0].picture == two[1].picture));
    assert_eq!(cached.run(&[]).nodes("disk"), "decode");
    assert_eq!(cached.entries().len(), 4, "a latent, a prompt, a sample and a picture: {:?}", cached.entries());
}

#[test]
fn the_folder_stays_within_its_limit() {
    let cached = Cached::new(&text_to_image());
    cached.run(&[]);
    let sizes: Vec<u64> = cached.entries().iter().map(|path| path.metadata().expect("an entry").len()).collect();
    let (all, largest) = (sizes.iter().sum::<u64>(), *sizes.iter().max().expect("entries"));
    let limit = all - 1;
    let mine = cached.at.write("cache/notes.txt", "mine");
    for seed in 2..5 {
        let told =
            cached.run(&["--cache-limit", &format!("{}", limit as f64 / 1e9), "--set", &format!("sample.seed={seed}")]);
        assert_eq!(told.notes, Vec::<String>::new());
        let entries =
            cached.entries().into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "safetensors"));
        let now: u64 = entries.map(|path| path.metadata().expect("an entry").len()).sum();
        assert!(now <= limit && now >= largest, "{now} of {limit}");
    }
    assert!(Path::new(&mine).exists());
    let said = cached.said(&["--cache", &cached.at.path("cache"), "--cache-limit", "much"]);
    assert_eq!(said.code, Some(2), "{}", said.stderr);
    assert!(said.stderr.contains("--cache-limit is \"much\", which is no number of gigabytes"), "{}", said.stderr);
}

fn with_lora() -> String {
    let lora = r#""lora": (kind: "lora/ApplyLora", inputs: { "model": Link("model.model"), "file": "style" }),"#;
    let graph = text_to_image().replace("        \"sample\":", &format!("        {lora}\n        \"sample\":"));
    graph.replace(r#""model": Link("model.model"), "positive""#, r#""model": Link("lora.model"), "positive""#)
}

#[test]
fn files_count_by_what_they_hold() {
    let cached = Cached::new(&with_lora());
    let lora = |name: &str| std::fs::read(golden("lora/plain/loras").join(name)).expect("a LoRA");
    cached.at.write("models/loras/style.safetensors", lora("style.safetensors"));
    let first = cached.run(&[]);
    // Another file under the same name.
    cached.at.write("models/loras/style.safetensors", lora("diff.safetensors"));
    let second = cached.run(&[]);
    assert_eq!(
        (second.nodes("disk").as_str(), second.nodes("computed").as_str()),
        ("latent prompt", "decode lora model sample save")
    );
    assert!(second.picture != first.picture);
    // The first one again, elsewhere, as on another machine, and written later.
    let elsewhere = Place::new();
    copy(Path::new(&cached.at.path("models")), Path::new(&elsewhere.path("my/models")));
    elsewhere.write("my/models/loras/style.safetensors", lora("style.safetensors"));
    std::fs::remove_dir_all(cached.at.path("models")).expect("a folder");
    std::fs::create_dir_all(cached.at.path("models")).expect("a folder");
    let third = cached.run(&["--models", &elsewhere.path("my/models")]);
    assert_eq!((third.nodes("disk").as_str(), third.nodes("computed").as_str()), ("decode", "save"));
    assert!(third.picture == first.picture);
}

#[test]
fn off_is_none() {
    let cached = Cached::new(&text_to_image());
    let run = |more: &[&str]| {
        let arguments = cached.arguments(more);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Told::of(&command(&arguments).env("WEFT_CACHE", cached.at.path("named")).output().expect("an end").into())
    };
    assert_eq!(run(&["--cache", "off"]).nodes("disk"), "");
    assert!(!Path::new(&cached.at.path("named")).exists());
    assert_eq!(run(&[]).nodes("disk"), "");
    assert_eq!(run(&[]).nodes("disk"), "decode");
    cached.at.write("file", "no folder");
    let said = cached.said(&["--cache", &cached.at.path("file")]);
    assert_eq!(said.code, Some(9), "{}", said.stderr);
    assert!(said.stderr.contains("cannot be used") && said.stderr.contains("--cache off"), "{}", said.stderr);
}
