//! The sizes of an RRDB network, read from the shapes of its weights.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{Layer, Layout};
use crate::{Dtype, Tensor};

/// Channels of a picture.
const RGB: usize = 3;
/// Dense blocks in a block, and convolutions in a dense block.
const DENSE: usize = 3;
const CONVS: usize = 5;
/// The largest factor that makes sense.
const MOST_SCALE: usize = 16;

/// An RRDB network: a convolution, residual blocks in residual blocks, doublings by nearest neighbour with a convolution
/// behind each, two more convolutions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rrdb {
    pub layout: Layout,
    /// What stands before every name.
    prefix: String,
    /// Channels between the blocks.
    pub features: usize,
    /// Channels that a convolution in a dense block adds.
    pub growth: usize,
    pub blocks: usize,
    pub doublings: usize,
    /// Pixels along each side that become one with more channels before anything else; 1 where they do not.
    pub unshuffle: usize,
    /// ESRGAN+: ways around some convolutions of the dense blocks.
    pub is_plus: bool,
}

/// A convolution of it: `name.weight` `[outputs, inputs, kernel, kernel]`, and `name.bias` `[outputs]` where it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conv {
    pub name: String,
    pub inputs: usize,
    pub outputs: usize,
    pub kernel: usize,
    pub has_bias: bool,
}

type Shapes<'a> = BTreeMap<&'a str, &'a [usize]>;

impl Rrdb {
    pub(super) fn read(tensors: &[Tensor], prefix: &str, layout: Layout) -> Result<Self, String> {
        let shapes: Shapes<'_> = tensors
            .iter()
            .filter_map(|tensor| Some((tensor.name.strip_prefix(prefix)?, tensor.shape.as_slice())))
            .collect();
        let doublings = doublings(&shapes, layout)?;
        let dense = Layer::Dense { block: 0, dense: 1, conv: 1 };
        let [first, growth] = [Layer::First, dense].map(|layer| format!("{}.weight", layout.name(layer, 0, 0)));
        let (features, channels) = sides(&shapes, &first)?;
        let mut rrdb = Self {
            layout,
            prefix: prefix.to_owned(),
            features,
            growth: sides(&shapes, &growth)?.0,
            blocks: 0,
            doublings,
            unshuffle: unshuffle(channels)?,
            is_plus: false,
        };
        let has = |layer| shapes.contains_key(format!("{}.weight", layout.name(layer, 0, 0)).as_str());
        rrdb.blocks = (0..).take_while(|&block| has(Layer::Dense { block, dense: 1, conv: 1 })).count();
        rrdb.is_plus = has(Layer::Around { block: 0, dense: 1 });
        rrdb.check(&shapes)?;
        let whole = tensors.iter().find(|tensor| tensor.name.starts_with(prefix) && tensor.dtype == Dtype::Other);
        match whole.filter(|tensor| !tensor.shape.is_empty()) {
            Some(tensor) => Err(format!("`{}` holds no floating-point numbers", tensor.name)),
            None => Ok(rrdb),
        }
    }

    /// How much larger its pictures are, along each side.
    pub fn scale(&self) -> usize {
        (1 << self.doublings) / self.unshuffle
    }

    /// How far, in pixels of the input, a pixel of the output is changed by what lies around it.
    pub fn radius(&self) -> usize {
        // One a convolution; those behind the doublings are together less than three.
        (DENSE * CONVS * self.blocks + 2 + 3) * self.unshuffle
    }

    /// In a few words: "RRDB, 4×, 23 blocks of 64 features, new names".
    pub fn about(&self) -> String {
        let Self { blocks, features, layout, .. } = self;
        let plus = if self.is_plus { "+" } else { "" };
        let unit = if *blocks == 1 { "block" } else { "blocks" };
        format!("RRDB{plus}, {}×, {blocks} {unit} of {features} features, {}", self.scale(), layout.title())
    }

    /// A convolution of it.
    pub fn conv(&self, layer: Layer) -> Conv {
        let Self { features, growth, .. } = *self;
        let (inputs, outputs) = match layer {
            Layer::First => (RGB * self.unshuffle * self.unshuffle, features),
            Layer::Dense { conv: CONVS, .. } => (features + (CONVS - 1) * growth, features),
            Layer::Dense { conv, .. } => (features + (conv - 1) * growth, growth),
            Layer::Around { .. } => (features, growth),
            Layer::Body | Layer::Up(_) | Layer::HighResolution => (features, features),
            Layer::Last => (features, RGB),
        };
        let is_around = matches!(layer, Layer::Around { .. });
        let name = format!("{}{}", self.prefix, self.layout.name(layer, self.blocks, self.doublings));
        Conv { name, inputs, outputs, kernel: if is_around { 1 } else { 3 }, has_bias: !is_around }
    }

    /// All layers, in the order in which they work.
    fn layers(&self) -> Vec<Layer> {
        let places = || (0..self.blocks).flat_map(|block| (1..=DENSE).map(move |dense| (block, dense)));
        let dense =
            places().flat_map(|(block, dense)| (1..=CONVS).map(move |conv| Layer::Dense { block, dense, conv }));
        let around = places().filter(|_| self.is_plus).map(|(block, dense)| Layer::Around { block, dense });
        let ends = [Layer::HighResolution, Layer::Last];
        let ups = (1..=self.doublings).map(Layer::Up);
        [Layer::First].into_iter().chain(dense).chain(around).chain([Layer::Body]).chain(ups).chain(ends).collect()
    }

    /// Every tensor must be there in its shape, and no other: what is not computed would be missing from the picture.
    fn check(&self, shapes: &Shapes<'_>) -> Result<(), String> {
        let most = MOST_SCALE * self.unshuffle;
        if self.doublings > 8 || 1 << self.doublings > most || 1 << self.doublings < self.unshuffle {
            let (doublings, unshuffle) = (self.doublings, self.unshuffle);
            return Err(format!("it doubles the size {doublings} times and divides it by {unshuffle} before"));
        }
        let mut known = BTreeSet::new();
        for conv in self.layers().into_iter().map(|layer| self.conv(layer)) {
            for (name, shape) in conv.tensors() {
                let name = name[self.prefix.len()..].to_owned();
                match shapes.get(name.as_str()) {
                    None => return Err(format!("the tensor `{name}` is missing")),
                    Some(found) if *found != shape => {
                        return Err(format!("`{name}` has the shape {found:?} instead of {shape:?}"));
                    }
                    Some(_) => known.insert(name),
                };
            }
        }
        match shapes.iter().find(|(name, shape)| !shape.is_empty() && !known.contains(**name)) {
            Some((name, _)) => Err(format!("the tensor `{name}` belongs to no such network")),
            None => Ok(()),
        }
    }
}

impl Conv {
    /// Names and shapes of its tensors.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let weight = (format!("{}.weight", self.name), vec![self.outputs, self.inputs, self.kernel, self.kernel]);
        let bias = self.has_bias.then(|| (format!("{}.bias", self.name), vec![self.outputs]));
        [weight].into_iter().chain(bias).collect()
    }
}

/// The first two sides of a convolution's weight: outputs and inputs.
fn sides(shapes: &Shapes<'_>, name: &str) -> Result<(usize, usize), String> {
    match shapes.get(name) {
        Some([outputs, inputs, _, _]) if *outputs > 0 && *inputs > 0 => Ok((*outputs, *inputs)),
        Some(shape) => Err(format!("`{name}` has the shape {shape:?}, which is no convolution's")),
        None => Err(format!("the tensor `{name}` is missing")),
    }
}

fn unshuffle(channels: usize) -> Result<usize, String> {
    let factor = [1, 2, 4].into_iter().find(|factor| RGB * factor * factor == channels);
    factor.ok_or_else(|| format!("it takes {channels} channels, but Weft's pictures have three"))
}

fn doublings(shapes: &Shapes<'_>, layout: Layout) -> Result<usize, String> {
    let number = |name: &str, before: &str| name.strip_prefix(before)?.strip_suffix(".weight")?.parse::<usize>().ok();
    let most = |before: &str| shapes.keys().filter_map(|name| number(name, before)).max();
    match layout {
        Layout::Middle => Ok(most("upconv").unwrap_or(0)),
        Layout::New => Ok(most("conv_up").unwrap_or(0)),
        // The last layer's number: see `Layout::name`.
        Layout::Old => match most("model.") {
            Some(last) if last >= 4 && (last - 4).is_multiple_of(3) => Ok((last - 4) / 3),
            last => Err(format!("its last layer is the one of number {}", last.unwrap_or(0))),
        },
    }
}
