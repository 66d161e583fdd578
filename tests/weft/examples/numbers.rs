//! What the examples make, against the same worked out in plain loops.

use std::collections::BTreeSet;

use super::made;
use crate::program::{relative_l2, root, run_well, tensors};

/// The weights of a Gaussian around each place of an axis, cut off after three radii.
fn blurred_along(x: &[f32], stride: usize, side: usize, radius: f64) -> Vec<f32> {
    let weight = |a: usize, b: usize| {
        let distance = a.abs_diff(b) as f64;
        if distance > (3.0 * radius).ceil() { 0.0 } else { (-0.5 * (distance / radius).powi(2)).exp() }
    };
    let mean = |index: usize| {
        let at = index / stride % side;
        let sum: f64 = (0..side).map(|other| weight(at, other)).sum();
        let number = |other: usize| f64::from(x[index - at * stride + other * stride]);
        ((0..side).map(|other| weight(at, other) * number(other)).sum::<f64>() / sum) as f32
    };
    (0..x.len()).map(mean).collect()
}

#[test]
fn blur_is_a_gaussian() {
    let made = made("blur", &[], &["decode.image", "blur.image"]);
    let [(shape, before), (_, after)] = &made.dumped[..] else { panic!("two outputs") };
    assert_eq!(shape[..], [1, 128, 128, 3]);
    let expected = blurred_along(&blurred_along(before, 128 * 3, 128, 3.0), 3, 128, 3.0);
    assert!(relative_l2(after, &expected) < 1e-6, "{}", relative_l2(after, &expected));
    assert!(relative_l2(after, before) > 0.02);
    let picture = made.picture("blurred.png");
    let furthest = picture.iter().zip(after).map(|(&byte, x)| (f32::from(byte) - x * 255.0).abs()).fold(0.0, f32::max);
    assert!(furthest <= 1.0, "{furthest}");
}

#[test]
fn espcn_runs_under_the_nodes_of_weft() {
    let models = root().join("examples/espcn/models").display().to_string();
    let made = made("espcn", &["--models", &models], &["decode.image", "upscale.image"]);
    let [(_, small), (shape, large)] = &made.dumped[..] else { panic!("two outputs") };
    assert_eq!(shape[..], [1, 256, 256, 3]);
    // Two neighbours an axis, 3/4 and 1/4 of them; the border goes on beyond the border.
    let near = |at: usize| {
        let next = if at.is_multiple_of(2) { (at / 2).saturating_sub(1) } else { (at / 2 + 1).min(127) };
        [(at / 2, 0.75), (next, 0.25)]
    };
    let pixel = |index: usize| -> f32 {
        let (row, column, channel) = (index / (256 * 3), index / 3 % 256, index % 3);
        let part = |(y, a): (usize, f32)| {
            near(column).map(|(x, b)| a * b * small[(y * 128 + x) * 3 + channel]).iter().sum::<f32>()
        };
        near(row).map(part).iter().sum()
    };
    let expected: Vec<f32> = (0..large.len()).map(pixel).collect();
    assert!(relative_l2(large, &expected) < 1e-6, "{}", relative_l2(large, &expected));
    assert_eq!(made.picture("large.png").dimensions(), (256, 256));
}

#[test]
fn each_pixel_gets_the_nearest_colour() {
    let made = made("palette", &["--json"], &["decode.image", "paint.image"]);
    let [(_, before), (_, after)] = &made.dumped[..] else { panic!("two outputs") };
    let (before, after) = (before.as_chunks::<3>().0, after.as_chunks::<3>().0);
    let colours: BTreeSet<[u32; 3]> = after.iter().map(|colour| colour.map(f32::to_bits)).collect();
    assert_eq!(colours.len(), 6);
    let distance = |a: [f32; 3], b: [f32; 3]| a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
    for (pixel, painted) in before.iter().zip(after) {
        let least = colours.iter().map(|colour| distance(*pixel, colour.map(f32::from_bits))).fold(f32::MAX, f32::min);
        assert!(distance(*pixel, *painted) <= least + 1e-6, "{pixel:?} became {painted:?}");
    }
    assert_eq!(made.said.stdout.matches("\"#").count(), 6, "the report on the node: {}", made.said.stdout);
}

/// Where the second substance is after one step tells where it began; from there on the formula is followed here.
#[test]
fn a_pattern_grows_by_the_formula() {
    const SIDE: usize = 64;
    let grown = |steps: &str| {
        let (steps, more) = (format!("grow.steps={steps}"), ["--set", "grow.width=64", "--set", "grow.height=64"]);
        made("gray-scott", &[&more[..], &["--set", &steps]].concat(), &["grow.image"]).dumped.remove(0).1
    };
    let red = |image: &[f32], row: usize, column: usize| image[(row * SIDE + column) * 3];
    let first = grown("1");
    let square = |index: usize| red(&first, index / SIDE / 8 * 8 + 4, index % SIDE / 8 * 8 + 4) < 0.5;
    let squares: Vec<bool> = (0..SIDE * SIDE).map(square).collect();
    assert!(squares.contains(&true) && squares.contains(&false));
    let begin = |outside, inside| squares.iter().map(|&is| if is { inside } else { outside }).collect();
    let mut plane: [Vec<f64>; 2] = [begin(1.0, 0.5), begin(0.0, 0.25)];
    let spread = |x: &[f64], at: usize| {
        let (row, column) = (at / SIDE, at % SIDE);
        let near = [(row + 1, column), (row + SIDE - 1, column), (row, column + 1), (row, column + SIDE - 1)];
        near.iter().map(|(row, column)| x[row % SIDE * SIDE + column % SIDE]).sum::<f64>() - 4.0 * x[at]
    };
    for _ in 0..200 {
        let step = |at: usize| {
            let (a, b) = (plane[0][at], plane[1][at]);
            let turned = a * b * b;
            let next_a = a + 0.16 * spread(&plane[0], at) - turned + 0.037 * (1.0 - a);
            (next_a, b + 0.08 * spread(&plane[1], at) + turned - (0.037 + 0.06) * b)
        };
        let (a, b) = (0..SIDE * SIDE).map(step).unzip();
        plane = [a, b];
    }
    let expected: Vec<f32> = plane[1].iter().map(|b| (1.0 - (3.0 * b).clamp(0.0, 1.0)) as f32).collect();
    let later = grown("200");
    let found: Vec<f32> = later.iter().step_by(3).copied().collect();
    assert!(relative_l2(&found, &expected) < 1e-4, "{}", relative_l2(&found, &expected));
}

/// The latent that graphs/text-to-image.ron gives, which the examples' graphs are like.
fn by_weft(more: &[&str]) -> Vec<f32> {
    let out = tempfile::tempdir().expect("a folder");
    let (graph, file) = (root().join("graphs/text-to-image.ron"), out.path().join("latent").display().to_string());
    let (graph, out, dump) =
        (graph.display().to_string(), out.path().display().to_string(), format!("--dump=sample.latent={file}"));
    run_well(&[&["run", &graph, "--device", "cpu", "-o", &out, &dump], more].concat());
    tensors(file.as_ref()).remove("samples").expect("samples").1
}

fn latent(example: &str, more: &[&str]) -> Vec<f32> {
    made(example, more, &["sample.latent"]).dumped.remove(0).1
}

/// Both walk to the same picture; the midpoint method comes nearer in as many passes through the model.
#[test]
fn the_midpoint_method_converges() {
    let exact = by_weft(&["--set", "sample.steps=200"]);
    let [coarse, fine] = ["4", "24"]
        .map(|steps| relative_l2(&latent("midpoint-sampler", &["--set", &format!("sample.steps={steps}")]), &exact));
    let euler = relative_l2(&by_weft(&["--set", "sample.steps=8"]), &exact);
    assert!(fine < coarse / 2.0 && coarse < euler / 2.0 && euler < 0.1, "{fine} {coarse} {euler}");
}

#[test]
fn steps_are_repeated_and_told() {
    let plain = by_weft(&[]);
    assert_eq!(latent("repeat-steps", &["--set", "repeat.every=1"]), plain, "every step computed changes no bit");
    let made = made("repeat-steps", &[], &["sample.latent"]);
    assert!(made.said.stderr.contains("RepeatSteps computes 5 of 8 steps"), "{}", made.said.stderr);
    let away = relative_l2(&made.dumped[0].1, &plain);
    assert!(away > 1e-4 && away < 0.3, "{away}");
}
