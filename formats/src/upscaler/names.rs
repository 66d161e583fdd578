//! The three ways in which programs name the layers of an RRDB network.

use crate::Tensor;

/// Who named the layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// The first ESRGAN: places in nested sequences, `model.1.sub.0.RDB1.conv1.0`.
    Old,
    /// Its revision, also BSRGAN and RealSR: `RRDB_trunk.0.RDB1.conv1`.
    Middle,
    /// BasicSR, so Real-ESRGAN: `body.0.rdb1.conv1`.
    New,
}

/// A convolution by its place. Blocks count from 0, what lies in them from 1, as in the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    First,
    Dense {
        block: usize,
        dense: usize,
        conv: usize,
    },
    /// ESRGAN+'s way around the second convolution of a dense block.
    Around {
        block: usize,
        dense: usize,
    },
    /// Behind all blocks.
    Body,
    /// Behind a doubling of height and width.
    Up(usize),
    HighResolution,
    Last,
}

impl Layout {
    pub const ALL: [Self; 3] = [Self::Old, Self::Middle, Self::New];

    /// As people call it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Old => "old names",
            Self::Middle => "middle names",
            Self::New => "new names",
        }
    }

    /// The name of a layer of a network with so many blocks and doublings; `.weight` and `.bias` follow.
    pub fn name(self, layer: Layer, blocks: usize, doublings: usize) -> String {
        match (self, layer) {
            (Self::Old, Layer::First) => "model.0".to_owned(),
            (_, Layer::First) => "conv_first".to_owned(),
            (Self::Old, Layer::Dense { block, dense, conv }) => format!("model.1.sub.{block}.RDB{dense}.conv{conv}.0"),
            (Self::Middle, Layer::Dense { block, dense, conv }) => format!("RRDB_trunk.{block}.RDB{dense}.conv{conv}"),
            (Self::New, Layer::Dense { block, dense, conv }) => format!("body.{block}.rdb{dense}.conv{conv}"),
            (Self::Old, Layer::Around { block, dense }) => format!("model.1.sub.{block}.RDB{dense}.conv1x1"),
            (Self::Middle, Layer::Around { block, dense }) => format!("RRDB_trunk.{block}.RDB{dense}.conv1x1"),
            (Self::New, Layer::Around { block, dense }) => format!("body.{block}.rdb{dense}.conv1x1"),
            (Self::Old, Layer::Body) => format!("model.1.sub.{blocks}"),
            (Self::Middle, Layer::Body) => "trunk_conv".to_owned(),
            (Self::New, Layer::Body) => "conv_body".to_owned(),
            // Three layers a doubling: nearest neighbour, convolution, activation.
            (Self::Old, Layer::Up(index)) => format!("model.{}", 3 * index),
            (Self::Middle, Layer::Up(index)) => format!("upconv{index}"),
            (Self::New, Layer::Up(index)) => format!("conv_up{index}"),
            (Self::Old, Layer::HighResolution) => format!("model.{}", 3 * doublings + 2),
            (Self::Middle, Layer::HighResolution) => "HRconv".to_owned(),
            (Self::New, Layer::HighResolution) => "conv_hr".to_owned(),
            (Self::Old, Layer::Last) => format!("model.{}", 3 * doublings + 4),
            (_, Layer::Last) => "conv_last".to_owned(),
        }
    }
}

/// The prefix and the layout of an RRDB network among the tensors. Of two the one that training averaged
/// (`params_ema.`), which is the better one.
pub fn find(tensors: &[Tensor]) -> Option<(&str, Layout)> {
    let found = tensors.iter().flat_map(|tensor| {
        Layout::ALL.into_iter().filter_map(|layout| {
            let first = layout.name(Layer::Dense { block: 0, dense: 1, conv: 1 }, 0, 0);
            let prefix = tensor.name.strip_suffix(".weight")?.strip_suffix(first.as_str())?;
            (prefix.is_empty() || prefix.ends_with('.')).then_some((prefix, layout))
        })
    });
    let found: Vec<_> = found.collect();
    found.iter().find(|(prefix, _)| prefix.contains("ema")).or(found.first()).copied()
}
