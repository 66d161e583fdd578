//! A file in the system's own file browser.

use std::path::Path;
use std::process::{Command, Stdio};

use super::toasts::Toasts;

/// Opens the folder that `path` lies in.
pub fn show(path: &Path, toasts: &mut Toasts) {
    let folder = path.parent().unwrap_or(path);
    let mut command = if cfg!(target_os = "macos") {
        let mut command = Command::new("open");
        command.arg("-R").arg(path);
        command
    } else {
        let mut command = Command::new("xdg-open");
        command.arg(folder);
        command
    };
    match command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
        // Waited for elsewhere, so that no zombie stays.
        Ok(mut child) => drop(std::thread::spawn(move || child.wait())),
        Err(_) => toasts.note(&format!("The picture is {}", path.display())),
    }
}
