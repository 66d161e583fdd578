//! Each operation beside the one of MLX.

use mlx_rs::{fast, ops, random};

use super::*;

fn random(shape: &[i32], seed: u64) -> Array {
    let key = random::key(seed).unwrap();
    random::normal::<f32>(shape, None, 2.0, Some(&key)).unwrap()
}

/// The farthest that `a` is from `b`, relative to the largest number of `b`.
fn distance(a: &Array, b: &Array) -> f32 {
    assert_eq!(a.shape(), b.shape());
    let [a, b] = settled([a, b]).unwrap();
    let (a, b) = (numbers(&a).unwrap(), numbers(&b).unwrap());
    let largest = b.iter().fold(0f32, |largest, x| largest.max(x.abs()));
    a.iter().zip(b).fold(0f32, |farthest, (a, b)| farthest.max((a - b).abs())) / largest
}

fn mlx_silu(x: &Array) -> Array {
    ops::multiply(x, ops::sigmoid(x).unwrap()).unwrap()
}

#[test]
fn every_operation_is_mlx_s_within_rounding() {
    super::super::mlx::start(Some(super::super::Device::Cpu)).unwrap();
    let x = random(&[2, 7, 5, 48], 1);
    let other = random(&[2, 7, 5, 48], 2);
    let (weight, bias) = (random(&[48], 3), random(&[48], 4));
    assert!(distance(&silu(&x).unwrap().unwrap(), &mlx_silu(&x)) < 1e-6);
    let large = [20, 21].map(|seed| random(&[3, 300, 300], seed));
    let (row, number) = (random(&[1, 300], 22), Array::from_f32(0.2));
    for (a, b) in [(&large[0], &large[1]), (&large[0], &row), (&row, &large[0]), (&large[0], &number)] {
        let sum = arithmetic(Arithmetic::Add, a, b).unwrap().unwrap();
        assert_eq!(distance(&sum, &ops::add(a, b).unwrap()), 0.0);
        let product = arithmetic(Arithmetic::Multiply, a, b).unwrap().unwrap();
        assert_eq!(distance(&product, &ops::multiply(a, b).unwrap()), 0.0);
        let larger = arithmetic(Arithmetic::Maximum, a, b).unwrap().unwrap();
        assert_eq!(distance(&larger, &ops::maximum(a, b).unwrap()), 0.0);
    }
    let gated = ops::multiply(mlx_silu(&x), &other).unwrap();
    assert!(distance(&silu_multiply(&x, &other).unwrap().unwrap(), &gated) < 1e-6);
    let expected = ops::softmax_axis(&x, -1, true).unwrap();
    assert!(distance(&softmax(&x).unwrap().unwrap(), &expected) < 1e-6);
    let expected = fast::rms_norm(&x, Some(&weight), 1e-5).unwrap();
    assert!(distance(&rms_norm(&x, Some(&weight), 1e-5).unwrap().unwrap(), &expected) < 1e-6);

    let (cos, sin) = (random(&[7, 24], 5), random(&[7, 24], 6));
    let ours = rotate_pairs(&x, &cos, &sin).unwrap().unwrap();
    use_here(false);
    let expected = compute::rotate_pairs(&x, &cos, &sin).unwrap();
    assert!(distance(&ours, &expected) < 1e-6);
    let expected = compute::group_norm(&x, 6, Some(&weight), Some(&bias), 1e-6).unwrap();
    use_here(true);
    let norm = |silu| group_norm(&x, 6, &weight, &bias, 1e-6, silu).unwrap().unwrap();
    assert!(distance(&norm(false), &expected) < 2e-6);
    assert!(distance(&norm(true), &mlx_silu(&expected)) < 2e-6);

    for (size, kernel, stride, padding) in [
        ([9, 7, 5, 6], 3, 1, 1),
        ([9, 7, 5, 6], 1, 1, 0),
        ([9, 7, 5, 6], 3, 2, 0),
        ([9, 7, 5, 40], 5, 2, 3),
        ([9, 7, 40, 70], 4, 3, 2),
        // Large enough for Winograd's way.
        ([31, 41, 32, 64], 3, 1, 1),
        ([45, 25, 48, 32], 3, 1, 0),
        ([22, 117, 32, 32], 3, 1, 2),
    ] {
        let [height, width, channels, out] = size;
        let x = random(&[2, height, width, channels], 10);
        let weight = random(&[out, kernel, kernel, channels], 11);
        let (s, p) = ((stride, stride), (padding, padding));
        let expected = ops::conv2d(&x, &weight, s, p, None, None).unwrap();
        let [s, p] = [[stride as usize; 2], [padding as usize; 2]];
        let ours = conv2d(&x, &weight, s, p, [None; 2]).unwrap().unwrap();
        assert!(distance(&ours, &expected) < 4e-6, "{size:?} {kernel} {stride} {padding}");
        let (bias, other) = (random(&[out], 13), random(expected.shape(), 14));
        let expected = ops::add(ops::add(&expected, &bias).unwrap(), &other).unwrap();
        let ours = conv2d(&x, &weight, s, p, [Some(&bias), Some(&other)]).unwrap().unwrap();
        assert!(distance(&ours, &expected) < 4e-6, "{size:?} {kernel} {stride} {padding}, with sums");
    }

    let picture = random(&[2, 60, 90, 30], 15);
    let ours = double(&picture).unwrap().unwrap();
    use_here(false);
    let expected = compute::interpolate(&picture, &[120, 180], "nearest".to_owned()).unwrap();
    use_here(true);
    assert_eq!(distance(&ours, &expected), 0.0);

    for (axis, shapes) in [(3, [[2, 300, 300, 5], [2, 300, 300, 1]]), (-2, [[3, 40, 100, 16], [3, 40, 50, 16]])] {
        let parts = shapes.map(|shape| random(&shape, 12));
        let parts = parts.iter().collect::<Vec<_>>();
        let ours = concatenate(&parts, axis).unwrap().unwrap();
        assert_eq!(distance(&ours, &ops::concatenate(&parts, axis).unwrap()), 0.0);
    }

    let [q, k, v] = [7, 8, 9].map(|seed| random(&[1, 3, 130, 16], seed));
    let expected = fast::scaled_dot_product_attention(&q, &k, &v, 0.25, None, None).unwrap();
    assert!(distance(&attention(&q, &k, &v, 0.25, false).unwrap().unwrap(), &expected) < 2e-6);
}

#[test]
fn attention_to_nothing_is_left_to_mlx() {
    super::super::mlx::start(Some(super::super::Device::Cpu)).unwrap();
    let (queries, nothing) = (random(&[1, 2, 3, 4], 1), Array::from_slice::<f32>(&[], &[1, 0, 3, 4]));
    assert!(attention(&queries, &nothing, &nothing, 1.0, false).unwrap().is_none());
}

#[test]
fn attention_is_mlx_s_however_many_keys_and_heads() {
    super::super::mlx::start(Some(super::super::Device::Cpu)).unwrap();
    for (heads, key_heads, queries, keys, width, causal) in [
        (4, 2, 1, 1, 8, false),
        (4, 2, 5, 700, 20, false),
        (2, 1, 50, 50, 16, true),
        (6, 3, 333, 333, 24, true),
        (2, 2, 100, 2500, 130, false),
        (1, 1, 97, 1300, 512, true),
    ] {
        let scale = 0.5 / (width as f32).sqrt();
        let q = random(&[2, heads, queries, width], 1);
        let [k, v] = [2, 3].map(|seed| random(&[2, key_heads, keys, width], seed));
        let mask = causal.then_some(fast::ScaledDotProductAttentionMask::Causal);
        let expected = fast::scaled_dot_product_attention(&q, &k, &v, scale, mask, None).unwrap();
        let ours = attention(&q, &k, &v, scale, causal).unwrap().unwrap();
        let apart = distance(&ours, &expected);
        assert!(apart < 5e-6, "{apart}: {heads} {key_heads} {queries} {keys} {width}");
    }
}

fn packed(weight: &Array) -> Columns {
    pack(|| Ok(weight.clone())).unwrap().unwrap()
}

#[test]
fn a_packed_matrix_multiplies_as_mlx_does_and_comes_back_as_it_was() {
    super::super::mlx::start(Some(super::super::Device::Cpu)).unwrap();
    for (rows, inputs, outputs) in [(1, 1, 1), (3, 700, 50), (9, 64, 96), (250, 2100, 130), (1000, 48, 7)] {
        let (x, weight, bias) = (random(&[2, rows, inputs], 1), random(&[outputs, inputs], 2), random(&[outputs], 3));
        let packed = packed(&weight);
        assert_eq!(distance(&packed.unpack().unwrap(), &weight), 0.0);
        let product = ops::matmul(&x, ops::transpose(&weight).unwrap()).unwrap();
        assert!(distance(&linear(&x, &packed, None).unwrap(), &product) < 2e-6, "{rows} {inputs} {outputs}");
        let expected = ops::add(&product, &bias).unwrap();
        assert!(distance(&linear(&x, &packed, Some(&bias)).unwrap(), &expected) < 2e-6);
    }
    // bfloat16 takes half the memory and rounds its inputs; float32 that is bfloat16 does not.
    let (x, weight) = (random(&[1, 77, 333], 1), random(&[50, 333], 2));
    let half = |x: &Array| x.as_dtype(MlxDtype::Bfloat16).unwrap();
    let product =
        |x: &Array, weight: &Array| ops::matmul(wide(x).unwrap(), ops::transpose(wide(weight).unwrap()).unwrap());
    let rounded = packed(&half(&weight));
    let expected = product(&half(&x), &half(&weight)).unwrap();
    assert!(distance(&linear(&x, &rounded, None).unwrap(), &expected) < 2e-6);
    assert!(distance(&expected, &product(&x, &half(&weight)).unwrap()) > 1e-4, "no rounding at all");
    let exact = packed(&wide(&half(&weight)).unwrap());
    let plain = linear(&x, &exact, None).unwrap();
    assert!(distance(&plain, &product(&x, &half(&weight)).unwrap()) < 2e-6);
    assert_eq!(distance(&wide(&half(&weight)).unwrap(), &exact.unpack().unwrap()), 0.0);

    assert!(linear(&random(&[2, 5], 1), &packed(&random(&[4, 6], 2)), None).is_err());
}

#[test]
fn a_flat_picture_keeps_its_digits() {
    super::super::mlx::start(Some(super::super::Device::Cpu)).unwrap();
    // Mean 1000, spread 0.01: a sum of squares in float32 would leave nothing of the variance.
    let x =
        ops::add(ops::multiply(random(&[1, 64, 64, 8], 1), Array::from_f32(0.005)).unwrap(), Array::from_f32(1000.0));
    let (one, zero) = (ops::ones::<f32>(&[8]).unwrap(), ops::zeros::<f32>(&[8]).unwrap());
    let [normed] = settled([&group_norm(&x.unwrap(), 2, &one, &zero, 1e-6, false).unwrap().unwrap()]).unwrap();
    let square_mean = numbers(&normed).unwrap().iter().map(|x| f64::from(x * x)).sum::<f64>() / normed.size() as f64;
    // eps is 1 % of the variance 1e-4.
    assert!((square_mean - 0.99).abs() < 0.01, "{square_mean}");
}

#[test]
fn a_stride_of_three_numbers_is_an_error_everywhere() {
    let (x, weight) = (random(&[1, 4, 4, 2], 1), random(&[3, 1, 1, 2], 2));
    for on_cpu in [true, false] {
        super::super::mlx::start(Some(super::super::Device::Cpu)).unwrap();
        use_here(on_cpu);
        assert!(compute::conv2d_add(&x, &weight, &[1; 2], &[0; 2], None, None).is_ok());
        assert!(compute::conv2d_add(&x, &weight, &[1; 3], &[0; 2], None, None).is_err());
    }
}
