//! The crates of others: docs/dependencies.md has a reason for each, and no lock file lags behind its manifests.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde::Deserialize;

use crate::program::root;

const WORKSPACES: [&str; 5] = [".", "examples", "fuzz", "mlx-linux/bindings", "tests/other_rust"];

/// What `cargo metadata` says.
#[derive(Deserialize)]
struct Workspace {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// "dev" or "build", none for what the package itself needs.
    kind: Option<String>,
    optional: bool,
    /// There for a package of this repository.
    path: Option<String>,
}

/// The packages of all workspaces.
fn packages() -> Vec<Package> {
    WORKSPACES.iter().flat_map(|folder| members(folder)).collect()
}

/// The packages of one workspace. It reads the manifests alone, no lock file and no registry.
fn members(folder: &str) -> Vec<Package> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--offline", "--format-version=1", "--manifest-path"]);
    let output = cargo.arg(root().join(folder).join("Cargo.toml")).output().expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice::<Workspace>(&output.stdout).expect("JSON").packages
}

/// Who asks for a crate.
#[derive(Debug, Default, PartialEq)]
struct Users {
    in_weft: BTreeSet<String>,
    in_tests: BTreeSet<String>,
}

fn asked() -> BTreeMap<String, Users> {
    let mut asked: BTreeMap<String, Users> = BTreeMap::new();
    for package in packages() {
        for dependency in package.dependencies.into_iter().filter(|dependency| dependency.path.is_none()) {
            let users = asked.entry(dependency.name).or_default();
            let is_test = dependency.kind.as_deref() == Some("dev");
            let set = if is_test { &mut users.in_tests } else { &mut users.in_weft };
            set.insert(package.name.clone());
        }
    }
    asked.values_mut().for_each(|users| users.in_tests.retain(|user| !users.in_weft.contains(user)));
    asked
}

/// The rows of the table in the documentation.
fn told() -> BTreeMap<String, Users> {
    let text = std::fs::read_to_string(root().join("docs/dependencies.md")).expect("the page");
    let set = |cell: &str| cell.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, in_weft, in_tests, why] = cells[..] else { panic!("no row of four: {line}") };
        assert!(!why.is_empty(), "{name} has no reason");
        (name.trim_matches('`').to_owned(), Users { in_weft: set(in_weft), in_tests: set(in_tests) })
    };
    text.lines().filter(|line| line.starts_with("| `")).map(row).collect()
}

#[test]
fn each_has_its_reason() {
    let (asked, told) = (asked(), told());
    for (name, users) in &asked {
        assert_eq!(told.get(name), Some(users), "docs/dependencies.md on `{name}`");
    }
    assert!(told.keys().all(|name| asked.contains_key(name)), "docs/dependencies.md names what nobody asks for");
}

/// The packages of this repository in a lock file, with the names of what they depend on.
fn locked(folder: &str) -> BTreeMap<String, BTreeSet<String>> {
    let text = std::fs::read_to_string(root().join(folder).join("Cargo.lock")).expect("a lock file");
    let own = text.split("[[package]]").skip(1).filter(|block| !block.contains("\nsource = "));
    let package = |block: &str| {
        let name = block.lines().find_map(|line| line.strip_prefix("name = ")).expect("a name");
        // A version stands behind a name that several crates have.
        let dependency = |line: &str| Some(line.strip_prefix(" \"")?.split(['"', ' ']).next()?.to_owned());
        (name.trim_matches('"').to_owned(), block.lines().filter_map(dependency).collect())
    };
    own.map(package).collect()
}

/// Whoever builds with --locked finds out; nobody builds the fuzzer every day.
#[test]
fn lock_files_follow_their_manifests() {
    let packages = packages();
    for folder in WORKSPACES {
        let locked = locked(folder);
        for package in packages.iter().filter(|package| locked.contains_key(&package.name)) {
            // What is optional is there where somebody asks for it.
            let needed = package.dependencies.iter().filter(|of| !of.optional && of.kind.as_deref() != Some("dev"));
            for dependency in needed {
                let is_locked = locked[&package.name].contains(&dependency.name);
                assert!(is_locked, "{folder}/Cargo.lock: {} without {}", package.name, dependency.name);
            }
        }
    }
}
