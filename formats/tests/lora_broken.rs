//! Files of LoRAs that are wrong, each in one way, and what is said of them.

mod common;

use common::{SIZES, plain, tensor};
use weft_formats::lora::State;

/// `(what is wrong, keys with shapes, the fate of each key, words of a reason)`
type Broken = (&'static str, &'static [(&'static str, &'static [usize], State)], &'static str);

const Q: [usize; 2] = [12, 12];

#[test]
fn each_broken_file_says_what_is_wrong_with_it() {
    use State::{Applied, IncompletePair, ShapeMismatch, Unknown};
    let table: [Broken; 22] = [
        ("half a pair", &[("to_q.lora_A.weight", &[2, 12], IncompletePair)], "up half"),
        ("the other half", &[("to_q.lora_up.weight", &[12, 2], IncompletePair)], "down half"),
        ("only a middle", &[("to_q.lora_mid.weight", &[2, 2], IncompletePair)], "two halves"),
        (
            "ranks",
            &[("to_q.lora_A.weight", &[2, 12], ShapeMismatch), ("to_q.lora_B.weight", &[12, 3], ShapeMismatch)],
            "[12, 3] and down [2, 12]",
        ),
        (
            "outputs",
            &[("to_q.lora_A.weight", &[2, 12], ShapeMismatch), ("to_q.lora_B.weight", &[13, 2], ShapeMismatch)],
            "[13, 12], `layers.0.attention.to_q.weight` is [12, 12]",
        ),
        (
            "inputs",
            &[("to_q.lora_A.weight", &[2, 11], ShapeMismatch), ("to_q.lora_B.weight", &[12, 2], ShapeMismatch)],
            "[12, 11]",
        ),
        (
            "a wide convolution",
            &[
                ("to_q.lora_A.weight", &[2, 12, 3, 3], ShapeMismatch),
                ("to_q.lora_B.weight", &[12, 2, 1, 1], ShapeMismatch),
            ],
            "no matrix",
        ),
        (
            "a vector",
            &[("to_q.lora_A.weight", &[12], ShapeMismatch), ("to_q.lora_B.weight", &[12, 1], ShapeMismatch)],
            "no matrix",
        ),
        (
            "no rank",
            &[("to_q.lora_A.weight", &[0, 12], ShapeMismatch), ("to_q.lora_B.weight", &[12, 0], ShapeMismatch)],
            "empty",
        ),
        (
            "empty alpha",
            &[
                ("to_q.alpha", &[0], ShapeMismatch),
                ("to_q.lora_A.weight", &[2, 12], ShapeMismatch),
                ("to_q.lora_B.weight", &[12, 2], ShapeMismatch),
            ],
            "not one number",
        ),
        (
            "alphas",
            &[
                ("to_q.alpha", &[1, 2], ShapeMismatch),
                ("to_q.lora_A.weight", &[2, 12], ShapeMismatch),
                ("to_q.lora_B.weight", &[12, 2], ShapeMismatch),
            ],
            "[1, 2], not one",
        ),
        ("alpha alone", &[("to_q.alpha", &[], IncompletePair)], "nothing beside it"),
        ("magnitude alone", &[("to_q.dora_scale", &[12, 1], IncompletePair)], "nothing beside it"),
        (
            "magnitude of another size",
            &[
                ("to_q.lora_A.weight", &[2, 12], ShapeMismatch),
                ("to_q.lora_B.weight", &[12, 2], ShapeMismatch),
                ("to_q.dora_scale", &[11, 1], ShapeMismatch),
            ],
            "dora_scale` is [11, 1]",
        ),
        (
            "LoKr without a factor",
            &[("to_q.lokr_w1", &[2, 2], IncompletePair), ("to_q.lokr_w2_a", &[6, 2], IncompletePair)],
            "factors is missing",
        ),
        (
            "LoKr of another size",
            &[("to_q.lokr_w1", &[2, 2], ShapeMismatch), ("to_q.lokr_w2", &[6, 5], ShapeMismatch)],
            "[12, 10]",
        ),
        (
            "LoHa without a factor",
            &[("to_q.hada_w1_a", &[12, 2], IncompletePair), ("to_q.hada_w1_b", &[2, 12], IncompletePair)],
            "factors is missing",
        ),
        (
            "LoHa of two sizes",
            &[
                ("to_q.hada_w1_a", &[12, 2], ShapeMismatch),
                ("to_q.hada_w1_b", &[2, 12], ShapeMismatch),
                ("to_q.hada_w2_a", &[12, 2], ShapeMismatch),
                ("to_q.hada_w2_b", &[2, 6], ShapeMismatch),
            ],
            "two products",
        ),
        (
            "two kinds",
            &[
                ("to_q.diff", &Q, Applied),
                ("to_q.lora_A.weight", &[2, 12], Unknown),
                ("to_q.lora_B.weight", &[12, 2], Unknown),
            ],
            "second change",
        ),
        (
            "a word twice",
            &[
                ("to_q.lora_A.weight", &[2, 12], Applied),
                ("to_q.lora_B.weight", &[12, 2], Applied),
                ("to_q.lora_down.weight", &[2, 12], Unknown),
            ],
            "says the same",
        ),
        (
            "a tensor twice",
            &[("out.diff", &Q, Applied), ("to_out.0.diff", &Q, Unknown)],
            "changes `layers.0.attention.to_out.0.weight` already",
        ),
        (
            "no such module and no suffix",
            &[("to_x.diff", &Q, Unknown), ("to_q.weight", &Q, Unknown), ("to_q.diff_b", &[12], Unknown)],
            "no tensor",
        ),
    ];
    for (what, keys, words) in table {
        let file: Vec<_> = keys
            .iter()
            .map(|(name, shape, _)| tensor(format!("diffusion_model.layers.0.attention.{name}"), shape))
            .collect();
        let fit = plain(&file, &SIZES[0].split());
        let expected: Vec<_> = keys.iter().map(|(.., state)| *state).collect();
        assert_eq!(fit.keys.iter().map(|key| key.state).collect::<Vec<_>>(), expected, "{what}");
        let whys: Vec<_> = fit.keys.iter().filter_map(|key| key.why.as_deref()).collect();
        assert!(whys.iter().any(|why| why.contains(words)), "{what}: {whys:?}");
        assert!(fit.keys.iter().all(|key| key.state.is_applied() == key.why.is_none()), "{what}");
        assert!(fit.problem().is_some(), "{what}");
    }
}
