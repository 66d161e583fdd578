//! `weft plugin list | trust | deny`, and what is opened.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{Home, loaded};
use crate::program::text_to_image;

fn refused(home: &Home) -> serde_json::Value {
    home.list()["not_loaded"][0].clone()
}

#[test]
fn nothing_runs_before_it_is_approved() {
    let home = Home::new();
    let library = home.compile("1.0.0");
    let said = home.with_plugins(&["nodes"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let command = format!("weft plugin trust '{}'", library.display());
    for part in ["libbroken", "it is not approved", "SHA-256", &command] {
        assert!(said.stderr.contains(part), "no word of `{part}`: {}", said.stderr);
    }
    assert_eq!(refused(&home)["standing"], "unknown");
    let path = library.display().to_string();
    let said = home.run(&["plugin", "trust", &path]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    for part in ["approved: ", &path, "library for ", " bytes", "SHA-256 "] {
        assert!(said.stdout.contains(part), "no word of `{part}`: {}", said.stdout);
    }
    assert!(!home.was_opened(), "it was opened without approval");
    let list = home.list();
    let plugin = loaded(&list).expect("it is loaded");
    assert_eq!((plugin["file"].as_str(), plugin["nodes"][0].as_str()), (Some(&*path), Some("broken/Node")));
    let sha256 = plugin["sha256"].as_str().expect("a hash");
    assert!(sha256.len() == 64 && said.stdout.contains(sha256), "{}", said.stdout);
    assert!(home.was_opened());
    assert!(home.with_plugins(&["nodes"]).stdout.contains("broken/Node"));
    assert!(home.was_opened());
    // The copy that was opened is gone.
    let left = fs::read_dir(home.path(".cache/weft/plugins")).into_iter().flatten().count();
    assert_eq!(left, 0);

    assert!(home.with_plugins(&["nodes", "--no-third-party"]).stderr.is_empty());
    assert!(!home.was_opened());

    let changed = [fs::read(&library).expect("it"), b"another".to_vec()].concat();
    fs::write(&library, changed).expect("it is written");
    let said = home.with_plugins(&["nodes"]);
    assert!(said.stderr.contains("it has changed since you approved it on 20"), "{}", said.stderr);
    assert_eq!(refused(&home)["standing"], "changed");

    assert_eq!(home.run(&["plugin", "deny", &path]).code, Some(0));
    let said = home.with_plugins(&["nodes"]);
    assert!(!said.stderr.contains("libbroken"), "what was denied is told unasked: {}", said.stderr);
    assert_eq!(refused(&home)["standing"], "denied");
    assert!(!home.was_opened());

    // A folder, in the words that people see.
    let said = home.run(&["plugin", "trust", "plugins"]);
    assert!(said.stdout.starts_with(&format!("approved: {path}")), "{}", said.stdout);
    let said = home.with_plugins(&["plugin", "list"]);
    assert!(said.stdout.contains("broken ") && said.stdout.contains("comes with Weft"), "{}", said.stdout);
    assert!(home.was_opened());
}

#[test]
fn the_users_own_folder_is_looked_into() {
    let home = Home::new();
    let library = home.compile("1.0.0");
    let folder = home.list()["folders"][0].as_str().expect("a path").to_owned();
    fs::create_dir_all(&folder).expect("a folder");
    fs::copy(&library, format!("{folder}/{}", library.file_name().expect("a name").display())).expect("a copy");
    // Approval is of the bytes: it holds wherever they lie.
    home.run(&["plugin", "trust", "plugins"]);
    assert!(home.run(&["nodes"]).stdout.contains("broken/Node"));
    assert!(home.was_opened());
}

#[test]
fn a_store_that_others_can_write_opens_nothing() {
    let home = Home::new();
    home.compile("1.0.0");
    home.run(&["plugin", "trust", "plugins"]);
    let store = home.store();
    assert!(home.was_opened());
    assert_eq!(store.metadata().expect("it").permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&store).expect("text");
    for (what, mode, says) in [("", 0o620, "others can write it"), ("hello", 0o600, "at 1:1")] {
        fs::write(&store, if what.is_empty() { &text } else { what }).expect("it is written");
        fs::set_permissions(&store, fs::Permissions::from_mode(mode)).expect("it is ours");
        let said = home.with_plugins(&["nodes"]);
        assert_eq!(said.code, Some(0));
        assert!(said.stderr.contains(says) && said.stderr.contains("trust.ron"), "{}", said.stderr);
        assert_eq!(said.stderr.matches("warning").count(), 1, "one message: {}", said.stderr);
        let said = home.run(&["plugin", "trust", "plugins"]);
        assert_eq!(said.code, Some(5), "{}", said.stderr);
        assert!(!home.was_opened());
    }
}

#[test]
fn what_is_no_library_is_not_approved() {
    let home = Home::new();
    let junk = home.path(&format!("plugins/libjunk.{}", std::env::consts::DLL_EXTENSION));
    fs::write(&junk, "hello").expect("a file");
    for (path, code, says) in [
        (home.text("plugins"), 5, "it is no library that this machine can load"),
        (home.text("nothing.so"), 5, "cannot be read"),
        (home.text(""), 2, "there is no library in"),
    ] {
        let said = home.run(&["plugin", "trust", &path, "--json"]);
        assert_eq!(said.code, Some(code), "{}", said.stderr);
        assert!(said.stderr.contains(says) && said.stdout.contains("\"errors\""), "{}{}", said.stdout, said.stderr);
    }
    assert!(!home.store().exists());
}

#[test]
fn no_graph_writes_where_the_store_lies() {
    let home = Home::new();
    home.compile("1.0.0");
    home.run(&["plugin", "trust", "plugins"]);
    let settings = home.store().parent().expect("a folder").to_owned();
    let below = settings.strip_prefix(home.path("")).expect("in the home").display().to_string();
    let models = crate::program::golden("plain").display().to_string();
    let graph = |name: &str| {
        fs::write(home.path("graph.ron"), text_to_image().replace("\"fox\"", &format!("\"{name}\""))).expect("a graph");
    };
    let run = |out: &str| home.run(&["run", "graph.ron", "--models", &models, "-o", out, "--device", "cpu"]);
    graph(&format!("{below}/fox"));
    let said = run(&home.text(""));
    assert_eq!(said.code, Some(9), "{}", said.stderr);
    assert!(said.stderr.contains("is no place for outputs") && said.stderr.contains("node `save`"), "{}", said.stderr);
    graph("fox");
    let said = run(&settings.display().to_string());
    assert_eq!(said.code, Some(9), "{}", said.stderr);
    assert_eq!(fs::read_dir(&settings).expect("a folder").count(), 1, "the store alone");
}
