"""Writes tests/golden: the committed variants with what diffusers makes of them, and small tables.

    python make_golden.py [OUT]      default: ../golden beside this script

See OUT/README.md for the format. Everything is made in float32 on the CPU, whatever the files' type.
"""

import argparse
import hashlib
import importlib.metadata
import json
import shutil
from pathlib import Path

import mlx.core as mx
import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from diffusers.pipelines.z_image.pipeline_z_image import get_default_z_image_sigmas
from safetensors.torch import save_file
from transformers import AutoTokenizer

import reference
from make_models import VARIANTS, make_model, write_json
from strings import STRINGS, as_prompt

FOX = "a red fox in the snow"
LONG = "a red circle, a green square and a blue triangle on the table; " * 30

CASES = {
    "plain": [
        {"name": "square", "prompt": FOX},
        {"name": "landscape", "prompt": FOX, "width": 208, "height": 112, "steps": 4, "seed": 7},
        {"name": "portrait-guided", "prompt": FOX, "negative": "blurry", "guidance": 4.0, "width": 96, "height": 160,
         "steps": 4, "seed": 11},
        {"name": "guided-empty-negative", "prompt": FOX, "negative": "", "guidance": 3.5, "steps": 4, "seed": 12},
        {"name": "pair", "prompt": "two dogs", "width": 80, "images": 2, "steps": 4, "seed": 21},
        {"name": "one-step", "prompt": FOX, "steps": 1, "seed": 3},
    ],
    "sharded": [
        {"name": "empty-prompt", "seed": 5},
        {"name": "unicode", "prompt": "  一只红色的狐狸 🦊👩‍🚀 cafe\u0301 ﬁ x̧̌\nnaïve\t12345", "steps": 4, "seed": 2**32 + 9},
        {"name": "unequal-guided", "prompt": "fox", "negative": FOX + ", large photo of the cat's house " * 3,
         "guidance": 2.0, "width": 80, "steps": 9, "seed": 1},
        {"name": "weak-guidance", "prompt": FOX, "guidance": 0.5, "steps": 2, "seed": 30},
    ],
    "half": [
        {"name": "truncated", "prompt": LONG, "steps": 4, "seed": 8},
        {"name": "image-to-image", "prompt": FOX, "width": 80, "height": 48, "denoise": 0.5, "image": True, "seed": 4},
        {"name": "image-to-image-odd", "prompt": FOX, "steps": 9, "denoise": 0.7, "image": True, "seed": 6,
         "negative": "dog", "guidance": 2.5},
        {"name": "control-tokens", "prompt": "a<|im_end|>\n<|im_start|>user\n<think>b</think>", "steps": 4, "seed": 9},
    ],
    "wide": [
        {"name": "shift-five", "prompt": FOX, "shift": 5.0, "steps": 8, "seed": 13},
        {"name": "no-pad-tokens", "prompt": None, "width": 128, "height": 64, "shift": 1.0, "steps": 4, "seed": 14},
        {"name": "one-token-over", "prompt": None, "width": 48, "height": 176, "steps": 3, "seed": 15},
    ],
}

# Caption lengths for the two cases whose prompt is None: a whole multiple of 32, and one more.
TOKENS = {"no-pad-tokens": 32, "one-token-over": 33}

# No multiple of 16, no multiple of 8, odd, and a plain one (width, height).
ENCODE = [(64, 48), (72, 40), (51, 37), (61, 96)]


def make_variant(name, folder):
    shutil.rmtree(folder, ignore_errors=True)
    make_model(VARIANTS[name], folder / "model")
    pipe = reference.load(folder / "model")
    cases = [make_case(pipe, {**reference.CASE, **case}, folder) for case in CASES[name]]
    encodes = {}
    for width, height in ENCODE:
        image = reference.picture(width, height, width)
        image.save(folder / f"encode-{width}x{height}.png")
        encodes[f"encode-{width}x{height}"] = reference.encode(pipe, image).contiguous()
    save_file(encodes, folder / "encode.safetensors")
    write_json(folder / "cases.json", {"model": "model", "cases": cases, "encode": {
        "file": "encode.safetensors", "images": {key: f"{key}.png" for key in encodes},
    }})


def make_case(pipe, case, folder):
    name = case["name"]
    if case["prompt"] is None:
        case["prompt"] = prompt_of(pipe.tokenizer, TOKENS[name])
    if case["image"]:
        case["image"] = f"{name}.input.png"
        reference.picture(case["width"], case["height"], case["seed"]).save(folder / case["image"])
    noise = reference.draw_noise(case)
    tensors, pictures = reference.generate(pipe, case, noise, folder)
    save_file({"samples": noise}, folder / f"{name}.noise.safetensors")
    if case["image"]:
        case["encoded"] = f"{name}.encoded.safetensors"
        save_file({"samples": tensors.pop("encoded")}, folder / case["encoded"])
    save_file(tensors, folder / f"{name}.safetensors")
    files = [f"{name}.png"] if len(pictures) == 1 else [f"{name}-{i}.png" for i in range(len(pictures))]
    for file, picture in zip(files, pictures):
        picture.save(folder / file, optimize=True)
    case["tokens"] = tensors["embeds"].shape[1]
    return case | {"noise": f"{name}.noise.safetensors", "tensors": f"{name}.safetensors", "pictures": files}


def prompt_of(tokenizer, tokens):
    """A prompt that is this many tokens long, template included."""
    prompt = FOX
    while (length := len(tokenizer(as_prompt(prompt)).input_ids)) < tokens:
        prompt += " x"[-(tokens - length):]
    return prompt


def tokenizer_table(out):
    """Token ids of awkward strings, alone and as a prompt, for the tokenizers with and without tokenizer.json."""
    rows = []
    tokenizers = [AutoTokenizer.from_pretrained(out / name / "model" / "tokenizer") for name in ("plain", "sharded")]
    for text in STRINGS:
        ids = [(t(text).input_ids, t(chat(t, text)).input_ids) for t in tokenizers]
        assert ids[0] == ids[1] and chat(tokenizers[0], text) == as_prompt(text), text
        rows.append({"text": text, "ids": ids[0][0], "prompt_ids": ids[0][1]})
    return {"tokenizers": ["plain/model/tokenizer", "sharded/model/tokenizer"], "strings": rows}


def chat(tokenizer, text):
    return tokenizer.apply_chat_template(
        [{"role": "user", "content": text}], tokenize=False, add_generation_prompt=True, enable_thinking=True
    )


def sigma_tables():
    tables = []
    for shift in (3.0, 1.0, 5.0, 0.5):
        for steps in (1, 2, 3, 4, 7, 8, 9, 20, 25, 50):
            scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
            scheduler.set_timesteps(sigmas=get_default_z_image_sigmas(steps))
            tables.append({
                "steps": steps, "shift": shift, "sigmas": exact(scheduler.sigmas),
                # What the transformer is given, before its factor of t_scale.
                "timesteps": exact((1000 - scheduler.timesteps) / 1000),
            })
    starts = [
        {"steps": n, "denoise": d, "skipped": int(max(n - min(n * d, n), 0))}
        for n in (1, 4, 8, 9, 20) for d in (1.0, 0.9, 0.75, 0.7, 0.5, 0.3, 0.25, 0.1) if int(n - n * d) < n
    ]
    return {"tables": tables, "image_to_image": starts}


def random_normal():
    rows = []
    for seed in (0, 1, 42, 2**31, 2**32 - 1, 2**32, 2**63 + 5):
        for shape in ([16, 1, 8, 8], [16, 1, 14, 26], [16, 1, 5, 7]):
            key = mx.random.key(seed)
            values = np.array(mx.random.normal(shape, key=key))
            # A split hands out the generator's raw words, in the order in which a draw uses them.
            bits = np.array(mx.random.split(key, values.size // 2))
            rows.append({
                "seed": seed, "shape": shape, "key": np.array(key).tolist(), "first": exact(values.ravel()[:8]),
                "last": exact(values.ravel()[-4:]), "sum": float(values.astype(np.float64).sum()),
                "square_sum": float((values.astype(np.float64) ** 2).sum()),
                # Bits are the same on every device; normals may differ in the last place.
                "bits_sha256": hashlib.sha256(bits.astype("<u4").tobytes()).hexdigest(),
                "cpu_sha256": hashlib.sha256(values.astype("<f4").tobytes()).hexdigest(),
            })
    return {"draws": rows}


def write_rows(path, tables):
    """JSON with one row of a table to a line, so that a change shows as the rows that changed."""
    path.parent.mkdir(exist_ok=True)
    texts = []
    for name, rows in tables.items():
        lines = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in rows)
        texts.append(f'"{name}": [\n{lines}\n]')
    path.write_text("{\n" + ",\n".join(texts) + "\n}\n", encoding="utf-8")


def exact(values):
    """float32 values as the shortest decimals that read back to the same bits."""
    return [float(str(v)) for v in np.asarray(values, dtype=np.float32)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", nargs="?", type=Path, default=Path(__file__).resolve().parent.parent / "golden")
    out = parser.parse_args().out
    torch.set_num_threads(1)
    for name in VARIANTS:
        make_variant(name, out / name)
        print(name)
    units = out / "units"
    write_rows(units / "tokenizer.json", tokenizer_table(out))
    write_rows(units / "sigmas.json", sigma_tables())
    write_rows(units / "random_normal.json", random_normal())
    packages = ["diffusers", "transformers", "tokenizers", "torch", "safetensors", "numpy", "mlx", "pillow"]
    write_json(out / "versions.json", {p: importlib.metadata.version(p) for p in packages})


if __name__ == "__main__":
    main()
