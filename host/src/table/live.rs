//! The thread that the table belongs to, and the handles that are out. Handles count references without locks, so a call
//! from another thread is refused before it touches one.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

/// What handles are made for.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Tensor,
    Value,
    Weights,
    Session,
    Error,
}

/// How many handles of each kind are out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handles {
    pub tensors: i64,
    pub values: i64,
    pub weights: i64,
    pub sessions: i64,
    pub errors: i64,
}

thread_local! {
    static IS_OURS: Cell<bool> = const { Cell::new(false) };
    static COUNTS: [Cell<i64>; 5] = const { [const { Cell::new(0) }; 5] };
}

/// Whether a call from another thread was refused.
static REFUSED: AtomicBool = AtomicBool::new(false);

/// The table is for the calling thread from here on.
pub fn belongs_here() {
    IS_OURS.set(true);
}

/// Whether the table may be used on this thread. Remembers where not.
pub fn is_ours() -> bool {
    let ours = IS_OURS.get();
    if !ours {
        REFUSED.store(true, Ordering::Relaxed);
    }
    ours
}

/// Whether a call from another thread was refused since the last time that this was asked.
pub fn take_refused() -> bool {
    REFUSED.swap(false, Ordering::Relaxed)
}

pub(super) fn made(kind: Kind) {
    COUNTS.with(|counts| counts[kind as usize].update(|count| count + 1));
}

pub(super) fn gone(kind: Kind) {
    COUNTS.with(|counts| counts[kind as usize].update(|count| count - 1));
}

impl Handles {
    /// Those of this thread.
    pub fn now() -> Self {
        let [tensors, values, weights, sessions, errors] =
            COUNTS.with(|counts| std::array::from_fn(|index| counts[index].get()));
        Self { tensors, values, weights, sessions, errors }
    }

    /// What came since `before`, in words; none where nothing did.
    pub fn since(self, before: Self) -> Option<String> {
        let of = |now: i64, before: i64, one: &str, many: &str| match now - before {
            1 => Some(format!("1 {one}")),
            count @ 2.. => Some(format!("{count} {many}")),
            _ => None,
        };
        let parts = [
            of(self.tensors, before.tensors, "tensor", "tensors"),
            of(self.values, before.values, "value", "values"),
            of(self.weights, before.weights, "set of weights", "sets of weights"),
            of(self.sessions, before.sessions, "session", "sessions"),
            of(self.errors, before.errors, "error", "errors"),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_told_in_words() {
        let now = Handles { tensors: 3, values: 1, ..Handles::default() };
        assert_eq!(now.since(Handles::default()).as_deref(), Some("3 tensors, 1 value"));
        assert_eq!(now.since(now), None);
    }

    #[test]
    fn another_thread_is_refused_and_remembered() {
        belongs_here();
        let thread = std::thread::spawn(|| {
            // SAFETY: no handle is asked for or given; null is nothing to free.
            unsafe { super::super::value::free(super::super::value::int(1)) }
        });
        assert!(thread.join().is_ok() && is_ours());
        assert!(take_refused());
    }
}
