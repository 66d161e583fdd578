//! The two names of a Z-Image's modules, diffusers' and the native repository's.

/// diffusers, native. q, k and v are apart in the one and a single matrix in the other: see [`QKV`].
const PAIRS: [(&str, &str); 5] = [
    ("attention.to_out.0", "attention.out"),
    ("attention.norm_q", "attention.q_norm"),
    ("attention.norm_k", "attention.k_norm"),
    ("all_x_embedder.2-1", "x_embedder"),
    ("all_final_layer.2-1", "final_layer"),
];

/// diffusers' names of the three parts of the native [`FUSED`], in the order of its rows.
pub(super) const QKV: [&str; 3] = ["attention.to_q", "attention.to_k", "attention.to_v"];

/// The native name of the matrix with the rows of q, k and v.
pub(super) const FUSED: &str = "attention.qkv";

/// The output projection: its inputs are q's rows.
pub(super) const OUT: &str = "attention.to_out.0";

/// A name as diffusers has it. Fused matrices keep theirs.
pub(super) fn diffusers(name: &str) -> String {
    PAIRS.iter().fold(name.to_owned(), |name, (diffusers, native)| respell(&name, native, diffusers))
}

/// A name as the native repository has it. q, k and v keep theirs.
pub(super) fn native(name: &str) -> String {
    PAIRS.iter().fold(name.to_owned(), |name, (diffusers, native)| respell(&name, diffusers, native))
}

/// All names of what has this one.
pub(super) fn aliases(name: &str) -> [String; 4] {
    let diffusers = diffusers(name);
    let short = respell(&diffusers, OUT, "attention.to_out");
    [name.to_owned(), native(name), diffusers, short]
}

/// Replaces a run of whole segments.
fn respell(name: &str, from: &str, to: &str) -> String {
    let found = name.match_indices(from).find(|(at, _)| {
        let (before, after) = (&name[..*at], &name[at + from.len()..]);
        (before.is_empty() || before.ends_with('.')) && (after.is_empty() || after.starts_with('.'))
    });
    match found {
        Some((at, _)) => format!("{}{to}{}", &name[..at], &name[at + from.len()..]),
        None => name.to_owned(),
    }
}
