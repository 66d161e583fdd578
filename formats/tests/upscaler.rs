//! What upscaler files are, by their names and shapes.

use std::collections::BTreeMap;

use weft_formats::upscaler::{Layer, Layout, Refusal, Rrdb, read};
use weft_formats::{Dtype, Tensor};

fn tensor(name: &str, shape: &[usize]) -> Tensor {
    Tensor { name: name.to_owned(), dtype: Dtype::Float32, shape: shape.to_vec() }
}

/// Every tensor of a network in a layout, with this in front of the names.
fn network(layout: Layout, prefix: &str, [channels, doublings, blocks]: [usize; 3], is_plus: bool) -> Vec<Tensor> {
    const FEATURES: usize = 6;
    const GROWTH: usize = 2;
    let mut tensors = Vec::new();
    let mut conv = |layer: Layer, outputs: usize, inputs: usize| {
        let name = format!("{prefix}{}", layout.name(layer, blocks, doublings));
        let is_around = matches!(layer, Layer::Around { .. });
        let side = if is_around { 1 } else { 3 };
        tensors.push(tensor(&format!("{name}.weight"), &[outputs, inputs, side, side]));
        if !is_around {
            tensors.push(tensor(&format!("{name}.bias"), &[outputs]));
        }
    };
    conv(Layer::First, FEATURES, channels);
    for (block, dense) in (0..blocks).flat_map(|block| (1..=3).map(move |dense| (block, dense))) {
        for index in 1..=5 {
            let outputs = if index == 5 { FEATURES } else { GROWTH };
            conv(Layer::Dense { block, dense, conv: index }, outputs, FEATURES + GROWTH * (index - 1));
        }
        if is_plus {
            conv(Layer::Around { block, dense }, GROWTH, FEATURES);
        }
    }
    let ups = (1..=doublings).map(Layer::Up);
    ups.chain([Layer::Body, Layer::HighResolution]).for_each(|layer| conv(layer, FEATURES, FEATURES));
    conv(Layer::Last, 3, FEATURES);
    tensors
}

fn rrdb(tensors: &[Tensor]) -> Rrdb {
    read(tensors).unwrap_or_else(|refusal| panic!("{refusal}"))
}

#[test]
fn sizes_are_read_from_the_shapes() {
    for layout in Layout::ALL {
        for (doublings, blocks) in [(0, 1), (1, 3), (2, 23), (3, 2)] {
            for prefix in ["", "module.", "params_ema.", "model.params."] {
                let rrdb = rrdb(&network(layout, prefix, [3, doublings, blocks], false));
                let sizes = (rrdb.layout, rrdb.features, rrdb.growth, rrdb.blocks, rrdb.scale(), rrdb.unshuffle);
                assert_eq!(sizes, (layout, 6, 2, blocks, 1 << doublings, 1), "{prefix}");
                assert!(rrdb.conv(Layer::Last).name.starts_with(prefix));
            }
        }
        assert!(rrdb(&network(layout, "", [3, 2, 1], true)).is_plus);
    }
}

#[test]
fn unshuffled_pixels_divide_the_factor() {
    let scale = |channels, doublings| rrdb(&network(Layout::New, "", [channels, doublings, 1], false)).scale();
    assert_eq!((scale(12, 2), scale(48, 2), scale(12, 1), scale(48, 3)), (2, 1, 1, 2));
    assert!(matches!(read(&network(Layout::New, "", [48, 1, 1], false)), Err(Refusal::Broken(_))));
    assert!(matches!(read(&network(Layout::New, "", [4, 2, 1], false)), Err(Refusal::Broken(_))));
}

#[test]
fn of_two_networks_the_averaged_one_is_taken() {
    let mut tensors = network(Layout::New, "params.", [3, 2, 1], false);
    tensors.extend(network(Layout::New, "params_ema.", [3, 2, 2], false));
    assert_eq!(rrdb(&tensors).about(), "RRDB, 4×, 2 blocks of 6 features, new names");
}

#[test]
fn every_tensor_counts() {
    let whole = network(Layout::Middle, "", [3, 2, 2], false);
    for missing in 0..whole.len() {
        let mut tensors = whole.clone();
        let name = tensors.remove(missing).name;
        assert!(read(&tensors).is_err(), "without {name}");
        let mut tensors = whole.clone();
        tensors[missing].shape[0] += 1;
        assert!(read(&tensors).is_err(), "{name} in another shape");
        let mut tensors = whole.clone();
        tensors[missing].dtype = Dtype::Other;
        assert!(read(&tensors).is_err(), "{name} of whole numbers");
    }
}

#[test]
fn others_are_named() {
    let refused = |names: &[&str]| {
        let tensors: Vec<_> = names.iter().map(|name| tensor(name, &[8])).collect();
        read(&tensors).unwrap_err().to_string()
    };
    assert_eq!(refused(&["params_ema.block_1.c1_r.sk.weight"]), "a SPAN upscaler");
    assert_eq!(refused(&["before_RG.1.weight", "layers.0.blocks.0.gamma"]), "an RGT upscaler");
    assert_eq!(refused(&["before_RG.1.weight"]), "a DAT upscaler");
    let swin = "layers.0.residual_group.blocks.0.norm1.weight";
    assert_eq!(refused(&[swin]), "a SwinIR upscaler");
    assert_eq!(refused(&[swin, "patch_embed.proj.weight"]), "a Swin2SR upscaler");
    assert_eq!(refused(&[swin, "layers.0.residual_group.overlap_attn.qkv.weight"]), "a HAT upscaler");
    assert_eq!(refused(&["x.weight"]), "no upscaler that Weft knows");
    let compact = [tensor("body.0.weight", &[64, 3, 3, 3]), tensor("body.1.weight", &[64])];
    assert_eq!(read(&compact), Err(Refusal::Other("a Compact (SRVGGNet) upscaler")));
}

/// The names in spandrel's own classes, of their first layers.
#[test]
fn what_spandrel_knows_is_told_apart() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/esrgan/others.json");
    let text = std::fs::read_to_string(path).unwrap();
    let networks: BTreeMap<String, BTreeMap<String, usize>> = serde_json::from_str(&text).unwrap();
    assert!(networks.len() >= 28);
    let mut said = BTreeMap::new();
    for (class, names) in networks {
        let tensors: Vec<_> = names.iter().map(|(name, axes)| tensor(name, &vec![8; *axes])).collect();
        match read(&tensors) {
            Err(Refusal::Other(what)) => said.insert(class, what),
            other => panic!("{class}: {other:?}"),
        };
    }
    let word = |class: &str| said[class].split(' ').nth(1).unwrap();
    for class in [
        "SPAN",
        "SwinIR",
        "Swin2SR",
        "HAT",
        "DAT",
        "OmniSR",
        "RealPLKSR",
        "PLKSR",
        "ATD",
        "DRCT",
        "GRL",
        "SAFMN",
        "RCAN",
    ] {
        assert_eq!(word(class), class);
    }
    assert_eq!((word("SRVGGNetCompact"), word("MMRealSR")), ("Compact", "MM-RealSR"));
}
