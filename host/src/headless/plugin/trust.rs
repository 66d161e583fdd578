//! `weft plugin trust` and `weft plugin deny`. Nothing of a library is executed before it is approved.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::error::{Code, Error, Result};
use crate::flags::PluginFiles;
use crate::headless::{Failure, Outcome, print};
use crate::plugins::{Decision, Library, Store, is_own, libraries};
use crate::text;

/// Writes the decision for every file, and for every library in a folder. What is wrong with one keeps none of the
/// others from it.
pub fn decide(flags: &PluginFiles, decision: Decision) -> Outcome {
    let (mut decided, mut errors) = (Vec::new(), Vec::new());
    for given in &flags.files {
        match files(given) {
            Ok(files) => {
                for file in files {
                    one(&file, decision).map_or_else(|error| errors.push(error), |done| decided.push(done));
                }
            }
            Err(error) => errors.push(error),
        }
    }
    if !flags.json {
        decided.iter().for_each(|(_, text)| print(text));
    } else if errors.is_empty() {
        print(&json!({ "libraries": decided.iter().map(|(json, _)| json).collect::<Vec<_>>() }).to_string());
    }
    if errors.is_empty() { Ok(()) } else { Err(Failure::from(errors)) }
}

/// A file itself, or the libraries of a folder but Weft's own.
fn files(given: &Path) -> Result<Vec<PathBuf>> {
    if !given.is_dir() {
        return Ok(vec![given.to_owned()]);
    }
    let files: Vec<PathBuf> = libraries(given).into_iter().filter(|file| !is_own(file)).collect();
    if files.is_empty() {
        let what = format!("there is no library in {}", given.display());
        let ending = std::env::consts::DLL_EXTENSION;
        return Err(Error::new(Code::Usage, what).help(format!("name a folder with .{ending} files, or such a file")));
    }
    Ok(files)
}

/// Decides on one library: as JSON, and in words.
fn one(file: &Path, decision: Decision) -> Result<(Value, String)> {
    let verb = if decision == Decision::Trusted { "approved" } else { "denied" };
    let fail = |code, why: String| Error::new(code, format!("{} was not {verb}", file.display())).cause(why);
    if is_own(file) {
        let help = "take it out of the folder of the program to be without it";
        return Err(fail(Code::Usage, "it comes with Weft and is trusted with it".to_owned()).help(help));
    }
    let help = "give the path of a library that was built for this machine";
    let library = Library::read(file).map_err(|why| fail(Code::Plugin, why).help(help))?;
    let form = library.form();
    if let (Decision::Trusted, Err(why)) = (decision, &form) {
        return Err(fail(Code::Plugin, why.clone()).help(help));
    }
    let path = library.file.display().to_string();
    Store::decide(&path, &library.sha256, decision)?;
    let form = form.unwrap_or_else(|_| "no library of this machine".to_owned());
    let (sha256, bytes) = (&library.sha256, library.size());
    let json = json!({ "file": path, "bytes": bytes, "sha256": sha256, "form": form, "decision": verb });
    let text = format!("{verb}: {path}\n  {form}, {bytes} bytes\n  SHA-256 {sha256}");
    Ok((json, text::printable(&text)))
}
