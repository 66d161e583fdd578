//! Which tiles a node will choose: the same rules as in the plugins, with what will be free then.

/// What `sampler/Sample` tries, in pixels.
pub const SAMPLE: [u64; 5] = [1024, 768, 512, 384, 256];
/// What the nodes of `vae` try.
pub const VAE: [u64; 8] = [2048, 1536, 1024, 768, 512, 384, 256, 128];
/// Beyond so many pixels they tile whatever there is.
pub const VAE_WHOLE: u64 = 2048 * 2048;
/// The smallest of `esrgan/UpscaleImage`.
const UPSCALE: u64 = 64;

/// What a node will do: the side of its tiles, if there are some, and what a pass takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    pub side: Option<u64>,
    pub bytes: u64,
    /// Whether another value of its param would take less.
    pub can_be_smaller: bool,
}

/// By the param `tile`: off, auto, or a side. `needs` gives the bytes with tiles of a side, or at once.
pub fn by_text(tile: &str, sides: &[u64], budget: u64, needs: impl Fn(Option<u64>) -> u64) -> Choice {
    let smallest = sides.last().copied();
    let side = match tile.trim() {
        "off" => None,
        "auto" if needs(None) <= budget => None,
        "auto" => sides.iter().copied().find(|side| needs(Some(*side)) <= budget).or(smallest),
        // What is no side, the node will tell.
        number => number.parse().ok().filter(|side| *side > 0).or(smallest),
    };
    let bytes = needs(side);
    Choice { side, bytes, can_be_smaller: side != smallest && bytes > needs(smallest) }
}

/// Of `asked` pixels, or of fewer where these do not fit.
pub fn up_to(asked: u64, budget: u64, needs: impl Fn(u64) -> u64) -> Choice {
    let smaller = (UPSCALE / 16..asked.div_ceil(16)).rev().map(|sixteenths| sixteenths * 16);
    let side = std::iter::once(asked).chain(smaller).find(|side| needs(*side) <= budget).unwrap_or(UPSCALE);
    Choice { side: Some(side), bytes: needs(side), can_be_smaller: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_takes_the_largest_that_fits() {
        let needs = |side: Option<u64>| side.unwrap_or(2000) * 10;
        let chosen = |tile, budget| by_text(tile, &[1000, 500, 100], budget, needs).side;
        assert_eq!((chosen("auto", 20_000), chosen("auto", 5_001), chosen("auto", 0)), (None, Some(500), Some(100)));
        assert_eq!((chosen("off", 0), chosen("300", 0)), (None, Some(300)));
        assert_eq!((chosen("large", 0), chosen("0", 0)), (Some(100), Some(100)));
        assert!(by_text("off", &[1000], 0, needs).can_be_smaller && !by_text("auto", &[1000], 0, needs).can_be_smaller);
    }

    #[test]
    fn an_upscaler_s_tiles_shrink() {
        let side = |budget| up_to(512, budget, |side| side * side).side;
        assert_eq!((side(1 << 20), side(90_001), side(0)), (Some(512), Some(288), Some(64)));
    }
}
