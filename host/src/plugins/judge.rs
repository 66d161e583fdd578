//! Whether a library may be opened: only one whose bytes a person approved.

use std::path::Path;

use super::catalog::{Refused, Unopened};
use super::library::Library;
use super::trust::{Standing, Store};

/// The library in `file`, read once and approved in `store`; no store approves nothing.
///
/// # Errors
/// Why it is not to be opened.
pub fn approved(file: &Path, store: Option<&Store>) -> Result<Library, Box<Refused>> {
    let name = file.display().to_string();
    let refused = |reason| Box::new(Refused { file: name.clone(), reason, unopened: None });
    let library = Library::read(file).map_err(refused)?;
    let form = library.form().map_err(refused)?;
    let standing = store.map_or(Standing::Unknown, |store| store.standing(&name, &library.sha256));
    if standing == Standing::Trusted {
        return Ok(library);
    }
    let unopened = Unopened { sha256: library.sha256.clone(), bytes: library.size(), form, standing };
    let reason = if store.is_some() { reason(&unopened) } else { "the trust store cannot be used".to_owned() };
    Err(Box::new(Refused { file: name, reason, unopened: Some(unopened) }))
}

/// What keeps it closed.
fn reason(unopened: &Unopened) -> String {
    let why = match &unopened.standing {
        Standing::Denied(day) => format!("you denied it on {day}"),
        Standing::Changed(day) => format!("it has changed since you approved it on {day}"),
        Standing::Unknown | Standing::Trusted => "it is not approved".to_owned(),
    };
    format!("{why} (SHA-256 {}…)", short(&unopened.sha256))
}

/// As much of a SHA-256 as a person compares at a glance.
pub fn short(sha256: &str) -> &str {
    sha256.get(..12).unwrap_or(sha256)
}
