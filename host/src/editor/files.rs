//! The files that widgets and panels show, and what models, LoRAs and upscalers say of themselves. That is read on a thread of its own:
//! a frame has no time for it.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use egui::Context;
use plugin_api::Folder;

use crate::library::{Entry, Facts, Library};

/// What is asked of files while a frame is drawn.
pub trait Files {
    /// Those of a folder with these extensions; all, where there are none.
    fn list(&self, folder: &Folder, extensions: &[String]) -> Arc<[Entry]>;

    /// The file that a value names.
    fn find(&self, folder: &Folder, extensions: &[String], name: &str) -> Option<Entry>;

    /// What a model, a LoRA or an upscaler says of itself. None while it is being read; `ctx` is drawn again when that is done.
    fn facts(&self, ctx: &Context, path: &Path) -> Option<Facts>;

    /// The same, waited for.
    fn facts_now(&self, path: &Path) -> Facts;
}

/// The library's files.
pub struct Shelf {
    library: Arc<Library>,
    thread: Option<Thread>,
    /// What was read, until it is read again.
    known: RefCell<HashMap<PathBuf, Facts>>,
    /// What was asked for since the last refresh.
    asked: RefCell<HashSet<PathBuf>>,
    /// What names mean, each with where it was looked for: a short one is compared with every file.
    found: RefCell<HashMap<String, Vec<Found>>>,
}

struct Found {
    folder: Folder,
    extensions: Vec<String>,
    entry: Option<Entry>,
}

/// Names that are kept. A prompt brings a new one with every letter that is typed into a tag.
const NAMES: usize = 1000;

struct Thread {
    orders: Sender<(PathBuf, Context)>,
    done: Receiver<(PathBuf, Facts)>,
}

impl Shelf {
    pub fn new(library: Library) -> Self {
        let library = Arc::new(library);
        let thread = Thread::start(Arc::clone(&library));
        Self { library, thread, known: RefCell::default(), asked: RefCell::default(), found: RefCell::default() }
    }

    pub fn library(&self) -> &Library {
        &self.library
    }

    /// Looks at folders and files again.
    pub fn refresh(&self) {
        self.library.refresh();
        self.asked.borrow_mut().clear();
        self.found.borrow_mut().clear();
    }
}

impl Files for Shelf {
    fn list(&self, folder: &Folder, extensions: &[String]) -> Arc<[Entry]> {
        self.library.files(folder, extensions)
    }

    fn find(&self, folder: &Folder, extensions: &[String], name: &str) -> Option<Entry> {
        let mut found = self.found.borrow_mut();
        let is_it = |found: &&Found| found.folder == *folder && found.extensions == extensions;
        if let Some(known) = found.get(name).and_then(|known| known.iter().find(is_it)) {
            return known.entry.clone();
        }
        if found.len() >= NAMES {
            found.clear();
        }
        let entry = self.library.find(folder, extensions, name);
        let place = Found { folder: folder.clone(), extensions: extensions.to_vec(), entry: entry.clone() };
        found.entry(name.to_owned()).or_default().push(place);
        entry
    }

    fn facts(&self, ctx: &Context, path: &Path) -> Option<Facts> {
        let thread = self.thread.as_ref()?;
        self.known.borrow_mut().extend(thread.done.try_iter());
        if !self.asked.borrow().contains(path) {
            self.asked.borrow_mut().insert(path.to_owned());
            // A thread that is gone leaves the facts away.
            let _ = thread.orders.send((path.to_owned(), ctx.clone()));
        }
        self.known.borrow().get(path).cloned()
    }

    fn facts_now(&self, path: &Path) -> Facts {
        self.library.facts(path)
    }
}

impl Thread {
    /// None where the system has no thread left.
    fn start(library: Arc<Library>) -> Option<Self> {
        let (orders, waiting) = channel::<(PathBuf, Context)>();
        let (finished, done) = channel();
        let work = move || {
            for (path, ctx) in waiting {
                // A reader that panics over a broken file costs that file's facts, nothing more.
                let Ok(facts) = catch_unwind(AssertUnwindSafe(|| library.facts(&path))) else { continue };
                if finished.send((path, facts)).is_err() {
                    return;
                }
                ctx.request_repaint();
            }
        };
        std::thread::Builder::new().name("facts".to_owned()).spawn(work).ok()?;
        Some(Self { orders, done })
    }
}

/// Whether files of this folder have facts.
pub fn has_facts(folder: &Folder) -> bool {
    const FOLDERS: [&str; 6] = ["loras", "upscale_models", "checkpoints", "diffusion_models", "text_encoders", "vae"];
    match folder {
        Folder::AnyModel => true,
        Folder::Models(name) => FOLDERS.contains(&name.as_str()),
        Folder::Input => false,
    }
}

/// Whether files of this folder are LoRAs.
pub fn is_lora(folder: &Folder) -> bool {
    matches!(folder, Folder::Models(name) if name == "loras")
}

#[cfg(test)]
pub mod fake {
    use super::*;
    use crate::error::{Code, Error};
    use crate::library::lora::{About, Summary};
    use crate::library::{FileFacts, LoraFacts};

    /// Files without a disk.
    #[derive(Clone, Default)]
    pub struct Fake {
        pub entries: Vec<Entry>,
        pub facts: HashMap<PathBuf, Facts>,
    }

    impl Fake {
        pub fn of(names: &[&str]) -> Self {
            let entry =
                |name: &&str| Entry { name: (*name).into(), path: name.into(), is_folder: false, bytes: 1_234_567 };
            Self { entries: names.iter().map(entry).collect(), facts: HashMap::new() }
        }
    }

    impl Files for Fake {
        fn list(&self, _: &Folder, _: &[String]) -> Arc<[Entry]> {
            self.entries.clone().into()
        }

        fn find(&self, _: &Folder, _: &[String], name: &str) -> Option<Entry> {
            self.entries.iter().find(|entry| entry.name == name).cloned()
        }

        fn facts(&self, _: &Context, path: &Path) -> Option<Facts> {
            self.facts.get(path).cloned()
        }

        fn facts_now(&self, path: &Path) -> Facts {
            let none = || Arc::new(Err(Error::new(Code::File, "there is no such file")));
            self.facts.get(path).cloned().unwrap_or_else(none)
        }
    }

    /// Those of a LoRA of rank 16.
    pub fn facts(words: &[&str], weight: Option<f64>, problem: Option<&str>) -> Facts {
        let summary = Summary {
            kinds: vec!["LoRA"],
            layout: String::new(),
            ranks: vec![16],
            alphas: Vec::new(),
            alpha_tensors: Vec::new(),
            targets: Vec::new(),
            layers: 30,
            dtypes: Vec::new(),
            parameters: 1,
        };
        let trigger_words = words.iter().map(|&word| word.to_owned()).collect();
        let about = About { title: Some("A title".to_owned()), trigger_words, weight, base_model: None };
        let lora = LoraFacts { about, summary, alphas: Vec::new(), problem: problem.map(str::to_owned) };
        Arc::new(Ok(FileFacts::Lora(Box::new(lora))))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::graph::Roots;

    #[test]
    fn names_are_looked_for_once() {
        let root = tempfile::tempdir().unwrap();
        let loras = root.path().join("loras");
        std::fs::create_dir(&loras).unwrap();
        let shelf = Shelf::new(Library::new(Roots { models: vec![root.path().to_owned()], ..Roots::default() }));
        let find = |folder: &str| shelf.find(&Folder::Models(folder.to_owned()), &["safetensors".to_owned()], "ink");
        assert_eq!(find("loras"), None);
        std::fs::write(loras.join("ink.safetensors"), "").unwrap();
        assert_eq!(find("loras"), None, "until the folder is looked at again");
        shelf.refresh();
        assert_eq!(find("vae"), None);
        assert_eq!(find("loras").map(|entry| entry.name).as_deref(), Some("ink.safetensors"));
        for index in 0..=NAMES {
            shelf.find(&Folder::Input, &[], &index.to_string());
        }
        assert!(shelf.found.borrow().len() <= NAMES);
    }

    #[test]
    fn facts_come_later_and_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("broken.safetensors");
        std::fs::write(&path, "no tensors").unwrap();
        let shelf = Shelf::new(Library::new(Roots::default()));
        let ctx = Context::default();
        let start = Instant::now();
        let facts = loop {
            if let Some(facts) = shelf.facts(&ctx, &path) {
                break facts;
            }
            assert!(start.elapsed() < Duration::from_secs(60), "never read");
            std::thread::sleep(Duration::from_millis(1));
        };
        assert!(facts.is_err());
        shelf.refresh();
        assert!(shelf.facts(&ctx, &path).is_some_and(|kept| Arc::ptr_eq(&kept, &facts)), "until it is read again");
        assert!(Arc::ptr_eq(&shelf.facts_now(&path), &facts));
    }
}
