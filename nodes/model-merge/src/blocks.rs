//! Which part of a network a tensor belongs to, and texts that give numbers to layers.

use plugin_api::{Error, Result};

/// Parts that get a share of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// What turns patches, text and time into the layers' width: everything that is none of the others.
    Embedders,
    NoiseRefiner,
    ContextRefiner,
    Layer(usize),
    Final,
}

impl Block {
    /// By a tensor's name in diffusers.
    pub fn of(name: &str) -> Self {
        let mut parts = name.split('.');
        match (parts.next().unwrap_or_default(), parts.next().and_then(|part| part.parse().ok())) {
            ("layers", Some(number)) => Self::Layer(number),
            ("noise_refiner", _) => Self::NoiseRefiner,
            ("context_refiner", _) => Self::ContextRefiner,
            (first, _) if first.ends_with("final_layer") => Self::Final,
            _ => Self::Embedders,
        }
    }
}

/// A number for each of `count` layers: one for all (`0.5`), or ranges (`0-9: 0.3, 10: 0.7`); layers that none names get 0.
///
/// # Errors
/// A part that is neither, a layer that is not there or named twice, a number outside 0 to 1.
pub fn layers(text: &str, count: usize) -> Result<Vec<f64>> {
    let bad = |part: &str, why: String| {
        Error::invalid(format!("`{}` in `layers` {why}", part.trim()))
            .help("write one number for all layers, such as 0.5, or ranges, such as 0-9: 0.3, 10-19: 0.7")
    };
    if let Ok(share) = text.trim().parse::<f64>() {
        let is_share = (0.0..=1.0).contains(&share);
        return is_share.then(|| vec![share; count]).ok_or_else(|| bad(text, "is not between 0 and 1".to_owned()));
    }
    let mut shares: Vec<Option<f64>> = vec![None; count];
    for part in text.split(',').filter(|part| !part.trim().is_empty()) {
        let (first, last, share) = range(part).ok_or_else(|| bad(part, "is no range with a number".to_owned()))?;
        if !(0.0..=1.0).contains(&share) {
            return Err(bad(part, "has a share that is not between 0 and 1".to_owned()));
        }
        if first > last || last >= count {
            let last_there = count.saturating_sub(1);
            return Err(bad(part, format!("names layers that are not there: the model has 0 to {last_there}")));
        }
        if shares[first..=last].iter().any(Option::is_some) {
            return Err(bad(part, "names a layer a second time".to_owned()));
        }
        shares[first..=last].fill(Some(share));
    }
    Ok(shares.into_iter().map(Option::unwrap_or_default).collect())
}

/// `3-5: 0.7` or `3: 0.7`.
fn range(part: &str) -> Option<(usize, usize, f64)> {
    let (layers, share) = part.split_once(':')?;
    let number = |text: &str| text.trim().parse().ok();
    let (first, last) = layers.split_once('-').unwrap_or((layers, layers));
    Some((number(first)?, number(last)?, share.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_belong_to_their_parts() {
        for (name, block) in [
            ("layers.12.attention.to_q.weight", Block::Layer(12)),
            ("noise_refiner.0.ffn.w1.weight", Block::NoiseRefiner),
            ("context_refiner.1.ffn.w1.weight", Block::ContextRefiner),
            ("all_final_layer.2-1.linear.weight", Block::Final),
            ("all_x_embedder.2-1.weight", Block::Embedders),
            ("t_embedder.mlp.0.weight", Block::Embedders),
            ("x_pad_token", Block::Embedders),
        ] {
            assert_eq!(Block::of(name), block, "{name}");
        }
    }

    #[test]
    fn layers_get_their_numbers() {
        assert_eq!(layers(" 0.5 ", 3).unwrap(), [0.5; 3]);
        assert_eq!(layers("0-1:0.3, 3: 1", 4).unwrap(), [0.3, 0.3, 0.0, 1.0]);
        assert_eq!(layers("", 2).unwrap(), [0.0; 2]);
        for (text, says) in [
            ("1.5", "not between"),
            ("0: -1", "not between"),
            ("0-9", "is no range"),
            ("x: 1", "is no range"),
            ("2-1: 1", "has 0 to 3"),
            ("3-4: 1", "has 0 to 3"),
            ("0-2: 1, 2: 0.5", "second time"),
            ("0: NaN", "not between"),
        ] {
            let said = layers(text, 4).unwrap_err().message;
            assert!(said.contains(says), "{text}: {said}");
        }
    }
}
