//! Single facts that everything else rests on, through the program's own nodes.

use crate::program::{golden, run_well, tensors};

/// A seed gives the same noise on every machine: MLX's counter-based generator, one key a picture.
#[test]
fn noise_is_mlx_counter_based_random_numbers() {
    let expected = tensors(&golden("plain").join("pair.noise.safetensors"));
    let (shape, expected) = &expected["samples"];
    let out = tempfile::tempdir().expect("a folder");
    let graph = out.path().join("noise.ron");
    // At denoise 1 the first latent is the noise; with σ₁ = 1 and no step taken nothing else is in it.
    let text = r#"Graph(format: 1, nodes: {
        "model": (kind: "model-loader/LoadModel", inputs: { "path": "model" }),
        "prompt": (kind: "text-encode/EncodeText", inputs: { "text_encoder": Link("model.text_encoder"), "text": "two dogs" }),
        "latent": (kind: "sampler/EmptyLatent", inputs: { "width": 80, "height": 64, "batch": 2 }),
        "noise": (kind: "sampler/LoadLatent", inputs: { "file": "pair.noise.safetensors" }),
        "drawn": (kind: "sampler/Sample", inputs: { "model": Link("model.model"), "positive": Link("prompt.conditioning"),
            "latent": Link("latent.latent"), "steps": 4, "seed": 21, "stop_after": 1 }),
        "given": (kind: "sampler/Sample", inputs: { "model": Link("model.model"), "positive": Link("prompt.conditioning"),
            "latent": Link("latent.latent"), "steps": 4, "seed": 0, "noise": Link("noise.latent"), "stop_after": 1 }),
    })"#;
    std::fs::write(&graph, text).expect("the graph");
    let folder = golden("plain").display().to_string();
    let file = |name: &str| out.path().join(name);
    let dumps = ["drawn", "given"].map(|name| format!("{name}.latent={}", file(name).display()));
    let graph = graph.display().to_string();
    run_well(&[
        "run", &graph, "--models", &folder, "--input", &folder, "--quiet", "--dump", &dumps[0], "--dump", &dumps[1],
        "--device", "cpu",
    ]);
    let (drawn, given) = (tensors(&file("drawn")), tensors(&file("given")));
    assert_eq!(&drawn["samples"].0, shape);
    assert_eq!(drawn["samples"], given["samples"], "seed 21 draws other noise than MLX");
    assert_ne!(&drawn["samples"].1, expected, "no step was taken");
}

/// Graph, models and inputs of the variant `plain`, on the CPU; gives the samples that each `Sample` made.
fn sampled(nodes: &str, ids: &[&str], input: &std::path::Path) -> Vec<Vec<f32>> {
    let out = tempfile::tempdir().expect("a folder");
    let graph = out.path().join("graph.ron");
    let text = format!(
        r#"Graph(format: 1, nodes: {{
            "model": (kind: "model-loader/LoadModel", inputs: {{ "path": "model" }}),
            "prompt": (kind: "text-encode/EncodeText", inputs: {{ "text_encoder": Link("model.text_encoder"), "text": "two dogs" }}),
            {nodes}
        }})"#
    );
    std::fs::write(&graph, text).expect("the graph");
    let (graph, folder) = (graph.display().to_string(), golden("plain").display().to_string());
    let input = input.display().to_string();
    let mut arguments = vec!["run", &graph, "--models", &folder, "--input", &folder, "--input", &input, "--quiet"];
    let dumps: Vec<String> = ids.iter().map(|id| format!("{id}.latent={}", out.path().join(id).display())).collect();
    arguments.extend(["--device", "cpu"]);
    arguments.extend(dumps.iter().flat_map(|dump| ["--dump", dump]));
    run_well(&arguments);
    ids.iter().map(|id| tensors(&out.path().join(id))["samples"].1.clone()).collect()
}

/// A `Sample` with these inputs beside the usual ones.
fn sample(id: &str, inputs: &str) -> String {
    format!(
        r#""{id}": (kind: "sampler/Sample", inputs: {{ "model": Link("model.model"), "positive": Link("prompt.conditioning"), {inputs} }}),"#
    )
}

#[derive(serde::Deserialize)]
struct Masks {
    masks: Vec<Mask>,
}

#[derive(serde::Deserialize)]
struct Mask {
    from: [u32; 2],
    numbers: Vec<f32>,
}

/// A mask of any size counts as ComfyUI's: resized by torch's bilinear rule without smoothing.
#[test]
fn masks_are_resized_as_torch_does() {
    let text = std::fs::read(golden("units").join("samplers.json")).expect("the goldens");
    let mask = serde_json::from_slice::<Masks>(&text).expect("the goldens").masks.remove(0);
    let folder = tempfile::tempdir().expect("a folder");
    let [height, width] = mask.from;
    // A mask is 1 where a picture is transparent.
    let pixel = |x: u32, y: u32| image::Rgba([0, 0, 0, 255 - (37 * (y * width + x) % 256) as u8]);
    image::RgbaImage::from_fn(width, height, pixel).save(folder.path().join("mask.png")).expect("a picture");
    // In one step from pure noise the model's estimate is the result, and the mask has no part in it but the blend.
    let step = r#""steps": 1, "seed": 3, "latent""#;
    let nodes = format!(
        r#"
        "picture": (kind: "sampler/LoadLatent", inputs: {{ "file": "pair.noise.safetensors" }}),
        "mask": (kind: "image-io/LoadImage", inputs: {{ "file": "mask.png" }}),
        "masked": (kind: "sampler/SetNoiseMask", inputs: {{ "latent": Link("picture.latent"), "mask": Link("mask.mask") }}),
        {} {}"#,
        sample("free", &format!(r#"{step}: Link("picture.latent")"#)),
        sample("kept", &format!(r#"{step}: Link("masked.latent")"#)),
    );
    let made = sampled(&nodes, &["picture", "free", "kept"], folder.path());
    let (mut compared, size) = (0, mask.numbers.len());
    for (index, ((picture, free), kept)) in made[0].iter().zip(&made[1]).zip(&made[2]).enumerate() {
        if (free - picture).abs() > 0.5 {
            let (part, expected) = ((kept - picture) / (free - picture), mask.numbers[index % size]);
            assert!((part - expected).abs() < 1e-5, "number {index}: {part} instead of {expected}");
            compared += 1;
        }
    }
    assert!(compared > size, "{compared} numbers of {} say something", made[0].len());
}

/// Every sampler makes picture i of a batch as if it were alone, with `seed + i`.
#[test]
fn samplers_make_each_picture_of_a_batch_alone() {
    let names = ["euler", "euler_ancestral", "heun", "dpmpp_2m", "dpmpp_2m_sde", "res_multistep", "lcm"];
    let latent = |id: &str, batch: u32| {
        format!(r#""{id}": (kind: "sampler/EmptyLatent", inputs: {{ "width": 64, "height": 64, "batch": {batch} }}),"#)
    };
    let mut nodes = latent("one", 1) + &latent("two", 2);
    let ids: Vec<String> = names.iter().flat_map(|name| [format!("{name}-two"), format!("{name}-one")]).collect();
    for (id, name) in ids.iter().zip(names.iter().flat_map(|name| [name, name])) {
        let (latent, seed) = if id.ends_with("two") { ("two", 5) } else { ("one", 6) };
        let inputs = format!(r#""latent": Link("{latent}.latent"), "seed": {seed}, "sampler": "{name}", "steps": 4"#);
        nodes += &sample(id, &inputs);
    }
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let made = sampled(&nodes, &ids, &golden("plain"));
    for (name, pair) in names.iter().zip(made.chunks_exact(2)) {
        let second = &pair[0][pair[1].len()..];
        let error = crate::program::relative_l2(second, &pair[1]);
        assert!(error < 1e-5, "{name}: {error:.1e}");
    }
    let unlike = |a: &Vec<f32>, b: &Vec<f32>| crate::program::relative_l2(a, b) > 1e-3;
    for (index, picture) in made.iter().enumerate().skip(1).step_by(2) {
        assert!(made.iter().skip(1).step_by(2).take(index / 2).all(|other| unlike(picture, other)), "{}", ids[index]);
    }
}
