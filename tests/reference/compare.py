"""Compares a weft binary with diffusers, number by number.

    python compare.py WEFT                  24 random models, float32
    python compare.py WEFT --bf16           bfloat16 weights; diffusers computes in bfloat16
    python compare.py WEFT --golden         the committed goldens, without running diffusers
    python compare.py WEFT -n 100 --seed 7  another hundred; `--only 7031` runs one of them again

Prints relative L2 errors and fails over the limits. The columns: prompt embeddings (the worse of positive and
negative), the encoded input picture, latents after step 1, final latents, and the pictures' largest difference
in levels. With `--work DIR` graphs, models and dumps stay there.
"""

import argparse
import json
import random
import sys
import tempfile
import traceback
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import reference
import weft
from make_models import make_model
from strings import STRINGS
from weft import Link

GOLDEN = Path(__file__).resolve().parent.parent / "golden"

COLUMNS = ["embeds", "encoded", "step1", "final", "levels"]
LIMITS = {
    "float32": {"embeds": 5e-6, "encoded": 2e-5, "step1": 1e-6, "final": 3e-5, "levels": 1},
    # Pictures of two bfloat16 programs have no common last levels.
    "bfloat16": {"embeds": 2e-2, "encoded": 2e-2, "step1": 5e-3, "final": 4e-2, "levels": 255},
}


def random_spec(rng, seed, bf16):
    axes = [rng.randrange(2, 14, 2) for _ in range(3)]
    heads = rng.randint(1, 6)
    kv_heads = rng.choice([1, 1, 2, 3])
    groups = rng.choice([1, 2, 3, 4, 8])
    part_dtypes = ["bfloat16"] if bf16 else ["float32", "float32", "bfloat16", "float16"]
    return {
        "seed": seed,
        "dit": {
            "dim": heads * sum(axes), "n_heads": heads, "axes_dims": axes, "n_layers": rng.randint(1, 4),
            "n_refiner_layers": rng.randint(1, 2), "norm_eps": rng.choice([1e-5, 1e-6, 1e-3]),
            "qk_norm": rng.random() < 0.9, "rope_theta": rng.choice([256.0, 256.0, 100.0, 10000.0]),
            "t_scale": rng.choice([1000.0, 1000.0, 300.0]),
        },
        "text": {
            "hidden_size": rng.randrange(8, 100, 4), "num_hidden_layers": rng.randint(1, 5),
            "num_key_value_heads": kv_heads, "num_attention_heads": kv_heads * rng.choice([1, 2, 3, 4, 8]),
            "head_dim": rng.randrange(4, 36, 2), "intermediate_size": rng.randrange(8, 130),
            "rms_norm_eps": rng.choice([1e-6, 1e-5]), "rope_theta": rng.choice([1e6, 1e4]),
            "tie_word_embeddings": rng.random() < 0.5, "attention_bias": rng.random() < 0.1,
        },
        "vae": {
            "block_out_channels": [groups * rng.randint(1, 24 // groups) for _ in range(4)],
            "layers_per_block": rng.randint(1, 3), "norm_num_groups": groups,
            "scaling_factor": rng.uniform(0.2, 1.2), "shift_factor": rng.uniform(-0.3, 0.3),
            "use_quant_conv": rng.random() < 0.15, "use_post_quant_conv": rng.random() < 0.15,
            "mid_block_add_attention": rng.random() < 0.85,
        },
        "dtype": {part: rng.choice(part_dtypes) for part in ("transformer", "text_encoder", "vae")},
        "shard_bytes": rng.choice([None, None, 400_000]), "text_prefix": rng.random() < 0.5,
        "old_config": rng.random() < 0.5, "tokenizer_json": rng.random() < 0.5,
    }


def random_case(rng, bf16):
    guided = rng.random() < 0.4
    # In bfloat16 diffusers rounds the noised picture as well, which alone is 4e-3.
    from_image = rng.random() < 0.2 and not bf16
    return {
        **reference.CASE, "prompt": random_text(rng), "width": rng.randrange(32, 260, 16), "height": rng.randrange(32, 260, 16),
        # One big step, with a strong pull or in bfloat16, would measure rounding, not Weft.
        "steps": rng.choice([4, 8, 9] if guided or bf16 or from_image else [1, 2, 4, 8, 9, 20]),
        "guidance": round(rng.uniform(0.5, 5), 2) if guided else 0.0,
        "negative": rng.choice([None, "", random_text(rng)]) if guided else None,
        "seed": rng.getrandbits(32), "images": 1 if from_image else rng.choice([1, 1, 1, 2]),
        "shift": rng.choice([3.0, 3.0, 6.0] if bf16 else [3.0, 3.0, 1.0, 6.0]), "image": "input.png" if from_image else None,
        "denoise": rng.choice([1.0, 0.8, 0.5, 0.3]) if from_image else 1.0,
    }


def random_text(rng):
    return rng.choice(["", " ", "\n"]).join(rng.choices(STRINGS, k=rng.choice([0, 1, 1, 3, 8, 60])))


def random_item(seed, bf16, folder):
    """A random model and case, and what diffusers makes of them."""
    rng = random.Random(seed)
    spec, case = random_spec(rng, seed, bf16), random_case(rng, bf16)
    make_model(spec, folder / "models" / "model")
    folder.joinpath("spec.json").write_text(json.dumps({"spec": spec, "case": case}, indent=1, ensure_ascii=False))
    if case["image"]:
        reference.picture(case["width"], case["height"], seed).save(folder / case["image"])
    noise = reference.draw_noise(case)
    pipe = reference.load(folder / "models" / "model", torch.bfloat16 if bf16 else torch.float32)
    tensors, pictures = reference.generate(pipe, case, noise, folder)
    save_file({"samples": noise}, folder / "noise.safetensors")
    if case["image"]:
        case["encoded"] = "encoded.safetensors"
        save_file({"samples": tensors["encoded"]}, folder / case["encoded"])
    return case, tensors, pictures


def golden_items():
    for path in sorted(GOLDEN.glob("*/cases.json")):
        table = json.loads(path.read_text(encoding="utf-8"))
        for case in table["cases"]:
            case["model"] = table["model"]
            yield f"{path.parent.name}/{case['name']}", path.parent, case


def nodes_of(case, model, noise, precision):
    guided = case["guidance"] > 0
    sample = {
        "model": Link("model.model"), "positive": Link("prompt.conditioning"), "latent": Link("latent.latent"),
        "noise": Link("noise.latent"), "seed": case["seed"], "steps": case["steps"], "guidance": case["guidance"],
        "shift": case["shift"], "denoise": case["denoise"],
    }
    nodes = {
        "model": ("model-loader/LoadModel", {"path": model, "precision": precision}),
        "prompt": ("text-encode/EncodeText", {"text_encoder": Link("model.text_encoder"), "text": case["prompt"]}),
        "noise": ("sampler/LoadLatent", {"file": noise}),
    }
    if guided:
        negative = {"text_encoder": Link("model.text_encoder"), "text": case["negative"] or ""}
        nodes["negative"] = ("text-encode/EncodeText", negative)
        sample["negative"] = Link("negative.conditioning")
    if case["image"]:
        nodes["image"] = ("image-io/LoadImage", {"file": case["image"]})
        nodes["encode"] = ("vae/EncodeImage", {"vae": Link("model.vae"), "image": Link("image.image")})
        # Sampling starts from diffusers' latents, so that the encoder's rounding is measured once.
        nodes["latent"] = ("sampler/LoadLatent", {"file": case["encoded"]})
    else:
        size = {"width": case["width"], "height": case["height"], "batch": case["images"]}
        nodes["latent"] = ("sampler/EmptyLatent", size)
    return nodes | {
        "sample": ("sampler/Sample", sample),
        "step1": ("sampler/Sample", sample | {"stop_after": 1}),
        "decode": ("vae/DecodeLatent", {"vae": Link("model.vae"), "latent": Link("sample.latent")}),
        "save": ("image-io/SaveImage", {"image": Link("decode.image"), "name": "picture"}),
    }


def measure(binary, case, expected, pictures, folder, models, noise, precision, options, model="model"):
    nodes = nodes_of(case, model, noise, precision)
    dumps = ["prompt.conditioning", "sample.latent", "step1.latent"]
    dumps += ["negative.conditioning"] * ("negative" in nodes) + ["encode.latent"] * ("encode" in nodes)
    dumped, files = weft.run(binary, folder, nodes, models, dumps, options)
    errors = {
        "embeds": distance(dumped["prompt.conditioning"]["embeds"], expected["embeds"]),
        "step1": distance(dumped["step1.latent"]["samples"], expected["step1"]),
        "final": distance(dumped["sample.latent"]["samples"], expected["final"]),
    }
    if "negative_embeds" in expected:
        other = distance(dumped["negative.conditioning"]["embeds"], expected["negative_embeds"])
        errors["embeds"] = max(errors["embeds"], other)
    if "encoded" in expected:
        errors["encoded"] = distance(dumped["encode.latent"]["samples"], expected["encoded"])
    if len(files) != len(pictures):
        raise RuntimeError(f"{len(files)} pictures instead of {len(pictures)}")
    errors["levels"] = max(levels(Image.open(file), picture) for file, picture in zip(files, pictures))
    return errors


def distance(a, b):
    """Relative L2."""
    if a.shape != b.shape:
        raise RuntimeError(f"shape {list(a.shape)} instead of {list(b.shape)}")
    return ((a.double() - b.double()).norm() / b.double().norm()).item()


def levels(a, b):
    a, b = (np.asarray(picture.convert("RGB"), dtype=int) for picture in (a, b))
    if a.shape != b.shape:
        raise RuntimeError(f"picture {a.shape} instead of {b.shape}")
    return int(abs(a - b).max())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weft", type=Path)
    parser.add_argument("-n", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, metavar="SEED")
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--golden", action="store_true")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    args.weft = args.weft.resolve()
    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(compare(args, (args.work or Path(temporary)).resolve()))


def compare(args, work):
    limits = LIMITS["bfloat16" if args.bf16 else "float32"]
    options = ["--device", args.device]
    failed = 0
    print(f"{'case':34}" + "".join(f"{name:>10}" for name in COLUMNS))
    for name, job in jobs(args, work, options):
        try:
            errors = job()
        except Exception as error:  # a crash of either program is a failed row, and the sweep goes on
            failed += 1
            print(f"{name:34}  {type(error).__name__}: {error}")
            if not isinstance(error, RuntimeError):
                traceback.print_exc()
            continue
        # One not-a-number must fail as well, so ask what is within the limit.
        over = [key for key, value in errors.items() if not value <= limits[key]]
        failed += bool(over)
        cells = "".join(f"{cell(errors.get(key)):>10}" for key in COLUMNS)
        print(f"{name:34}{cells}{'  OVER: ' + ', '.join(over) if over else ''}", flush=True)
    print(f"{'limits':34}" + "".join(f"{cell(limits[key]):>10}" for key in COLUMNS))
    print("all within the limits" if not failed else f"{failed} failed")
    return 1 if failed else 0


def jobs(args, work, options):
    if args.golden:
        for name, variant, case in golden_items():
            yield name, lambda: golden_job(args, work / name, variant, case, options)
        return
    seeds = [args.only] if args.only is not None else [args.seed * 1000 + i for i in range(args.n)]
    for seed in seeds:
        yield str(seed), lambda: random_job(args, work / str(seed), seed, options)


def golden_job(args, folder, variant, case, options):
    expected = load_file(variant / case["tensors"])
    if case["image"]:
        expected["encoded"] = load_file(variant / case["encoded"])["samples"]
    pictures = [Image.open(variant / file) for file in case["pictures"]]
    options = [*options, "--input", str(variant)]
    return measure(args.weft, case, expected, pictures, folder, variant, case["noise"], "float32", options, case["model"])


def random_job(args, folder, seed, options):
    case, expected, pictures = random_item(seed, args.bf16, folder)
    precision = "auto" if args.bf16 else "float32"
    return measure(args.weft, case, expected, pictures, folder, folder / "models", "noise.safetensors", precision, options)


def cell(value):
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.1e}"


if __name__ == "__main__":
    main()
