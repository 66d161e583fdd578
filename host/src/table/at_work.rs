//! Whose code is at work: should the engine die, its client names the plugin of the node, and every other one whose code
//! had a part in it.

use std::cell::{Cell, OnceCell, RefCell};

use super::run::Events;
use crate::engine::protocol::Event;

/// A plugin by its id and version; empty where no plugin's code runs.
pub type Plugin = &'static str;

thread_local! {
    static EVENTS: OnceCell<Events> = const { OnceCell::new() };
    static RUNNING: Cell<Plugin> = const { Cell::new("") };
    /// As the client knows it. The first one is the node's.
    static AT_WORK: RefCell<Vec<Plugin>> = const { RefCell::new(Vec::new()) };
}

/// From here on the client is told.
pub fn tell(events: Events) {
    EVENTS.with(|cell| drop(cell.set(events)));
}

/// The plugin whose code called Weft: the hooks and values that it hands over are its own.
pub fn running() -> Plugin {
    RUNNING.get()
}

/// Runs code of `plugin` and takes the name back after it, together with those of all that it called.
pub fn visit<T>(plugin: Plugin, code: impl FnOnce() -> T) -> T {
    let before = AT_WORK.with_borrow(Vec::len);
    let result = enter(plugin, code);
    change(|at_work| at_work.truncate(before));
    result
}

/// Runs code of `plugin` that makes tensors. MLX computes them later, so the name stays for as long as the node runs.
pub fn enter<T>(plugin: Plugin, code: impl FnOnce() -> T) -> T {
    let caller = RUNNING.replace(plugin);
    change(|at_work| {
        if !plugin.is_empty() && !at_work.contains(&plugin) {
            at_work.push(plugin);
        }
    });
    let result = code();
    RUNNING.set(caller);
    result
}

/// Told at once, because nothing can be told afterwards; not at all where all stays as it is, which is the case in every
/// step but the first.
fn change(change: impl FnOnce(&mut Vec<Plugin>)) {
    let told = AT_WORK.with_borrow_mut(|at_work| {
        let before = at_work.len();
        change(at_work);
        (at_work.len() != before).then(|| at_work.iter().map(|&plugin| plugin.to_owned()).collect())
    });
    if let Some(plugins) = told
        && let Some(tell) = EVENTS.with(|cell| cell.get().cloned())
    {
        tell(Event::AtWork { plugins });
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[test]
    fn names_stay_until_what_called_them_is_over() {
        let told: Rc<RefCell<Vec<Vec<String>>>> = Rc::default();
        let keep = Rc::clone(&told);
        tell(Rc::new(move |event| {
            let Event::AtWork { plugins } = event else { panic!("{event:?}") };
            keep.borrow_mut().push(plugins);
        }));
        visit("node", || {
            visit("detect", || assert_eq!(running(), "detect"));
            for _step in 0..3 {
                enter("call", || enter("hook", || enter("node", || assert_eq!(running(), "node"))));
            }
            enter("", || assert_eq!(running(), ""));
            assert_eq!(running(), "node");
        });
        assert_eq!(running(), "");
        let expected: [&[&str]; 6] =
            [&["node"], &["node", "detect"], &["node"], &["node", "call"], &["node", "call", "hook"], &[]];
        assert_eq!(*told.borrow(), expected);
    }
}
