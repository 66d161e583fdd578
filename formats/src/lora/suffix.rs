//! The ends of a file's keys: `….lora_A.weight` is the down half of `…`.

/// What a key holds of its module's adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Down,
    Up,
    Mid,
    KronW1,
    KronW1A,
    KronW1B,
    KronW2,
    KronW2A,
    KronW2B,
    KronT2,
    HadaW1A,
    HadaW1B,
    HadaW2A,
    HadaW2B,
    HadaT1,
    HadaT2,
    Diff,
    DiffBias,
    Alpha,
    Magnitude,
}

/// A way to write a change. A module has one of its weight and, beside it, perhaps one of its bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    LowRank,
    Kronecker,
    Hadamard,
    Full,
    Bias,
}

impl Role {
    /// The kind it is a piece of; alpha and magnitude go with any.
    pub(super) const fn kind(self) -> Option<Kind> {
        match self {
            Self::Down | Self::Up | Self::Mid => Some(Kind::LowRank),
            Self::KronW1 | Self::KronW1A | Self::KronW1B => Some(Kind::Kronecker),
            Self::KronW2 | Self::KronW2A | Self::KronW2B | Self::KronT2 => Some(Kind::Kronecker),
            Self::HadaW1A | Self::HadaW1B | Self::HadaT1 => Some(Kind::Hadamard),
            Self::HadaW2A | Self::HadaW2B | Self::HadaT2 => Some(Kind::Hadamard),
            Self::Diff => Some(Kind::Full),
            Self::DiffBias => Some(Kind::Bias),
            Self::Alpha | Self::Magnitude => None,
        }
    }
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::LowRank => "LoRA",
            Self::Kronecker => "LoKr",
            Self::Hadamard => "LoHa",
            Self::Full => "full difference",
            Self::Bias => "difference of the bias",
        }
    }
}

/// Suffixes without the `.weight` that may follow each.
const RULES: [(&str, Role); 31] = [
    (".lora_A", Role::Down),
    (".lora_B", Role::Up),
    (".lora_down", Role::Down),
    (".lora_up", Role::Up),
    (".lora_mid", Role::Mid),
    (".lora.down", Role::Down),
    (".lora.up", Role::Up),
    ("_lora.down", Role::Down),
    ("_lora.up", Role::Up),
    (".lora_linear_layer.down", Role::Down),
    (".lora_linear_layer.up", Role::Up),
    (".lora_magnitude_vector", Role::Magnitude),
    (".dora_scale", Role::Magnitude),
    (".alpha", Role::Alpha),
    (".lokr_w1", Role::KronW1),
    (".lokr_w1_a", Role::KronW1A),
    (".lokr_w1_b", Role::KronW1B),
    (".lokr_w2", Role::KronW2),
    (".lokr_w2_a", Role::KronW2A),
    (".lokr_w2_b", Role::KronW2B),
    (".lokr_t2", Role::KronT2),
    (".hada_w1_a", Role::HadaW1A),
    (".hada_w1_b", Role::HadaW1B),
    (".hada_w2_a", Role::HadaW2A),
    (".hada_w2_b", Role::HadaW2B),
    (".hada_t1", Role::HadaT1),
    (".hada_t2", Role::HadaT2),
    (".diff", Role::Diff),
    (".diff_b", Role::DiffBias),
    // LyCORIS writes the differences of norms so.
    (".w_norm", Role::Diff),
    (".b_norm", Role::DiffBias),
];

/// Splits a key into its module and what it holds of it, none where it is no key of an adapter.
pub(super) fn split(key: &str) -> Option<(&str, Role)> {
    let bare = key.strip_suffix(".weight").unwrap_or(key);
    rule(bare).or_else(|| named(bare)).filter(|(module, _)| !module.is_empty())
}

fn rule(key: &str) -> Option<(&str, Role)> {
    RULES.iter().find_map(|&(suffix, role)| Some((key.strip_suffix(suffix)?, role)))
}

/// PEFT writes the name of the adapter behind the parameter: `….lora_A.default.weight`.
fn named(key: &str) -> Option<(&str, Role)> {
    let (head, adapter) = key.rsplit_once('.')?;
    // A bias of a factor (PEFT's `lora_bias`) is another thing, and nothing here applies it.
    rule(head).filter(|(_, role)| adapter != "bias" && matches!(role, Role::Down | Role::Up | Role::Magnitude))
}
