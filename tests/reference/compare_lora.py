"""Compares what a weft binary makes of LoRA files with float64, and its pictures with diffusers.

    python compare_lora.py WEFT                  24 random models, layouts, kinds, types of numbers and weights
    python compare_lora.py WEFT -n 100 --seed 7  another hundred; `--only 7031` runs one of them again

Prints the worst relative L2 of a weight that the files change, applied beside it (`live`) and merged; how many weights
changed that should not; the worst of the files converted to each layout and on to the next, in float64 (`rounded` from
where the program says that it rounded factors to float32, because alpha / rank of q, k and v differ); and, for plain
LoRAs, final latents against diffusers with peft. Fails over the limits. With `--work DIR` models, files and dumps stay.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

import lora_layouts
import lora_math
import make_loras
import random_loras
import reference
import weft
from compare import cell, distance, random_spec
from lora_layouts import LAYOUTS, Layout
from make_models import make_model
from weft import Link

COLUMNS = ["live", "merged", "strays", "convert", "rounded", "final"]
LIMITS = {"live": 1e-6, "merged": 1e-6, "strays": 0, "convert": 1e-12, "rounded": 1e-7, "final": 3e-5}
TARGETS = ["diffusers", "comfyui", "kohya", "native"]
ANY_NAMES = [kind for kind in random_loras.KINDS if kind.startswith(("lora", "dora", "diff"))]


def random_layout(rng):
    prefix = rng.choice(lora_layouts.DOTTED + lora_layouts.UNDERSCORED)
    underscored = prefix in lora_layouts.UNDERSCORED
    style = rng.choice(["A", "down"] if underscored else [*lora_layouts.STYLES])
    alpha = rng.choice(["none", "tensor", "tensor"] + ["metadata"] * (not underscored))
    text = rng.choice(lora_layouts.TEXT_UNDERSCORED if underscored else lora_layouts.TEXT_DOTTED)
    return Layout(prefix, style, rng.random() < 0.35, alpha, text)


class Lora:
    """A random file for a model."""

    def __init__(self, rng, seed, model, path):
        self.path = path
        self.layout = rng.choice([random_layout(rng), rng.choice([*LAYOUTS.values()])])
        self.kind = rng.choice(random_loras.KINDS + ["lora"] * 4)
        if self.layout.alpha == "metadata" and not self.kind.startswith(("lora", "dora")):
            self.kind = "lora"
        self.dtype = rng.choice([*random_loras.DTYPES])
        self.weight = rng.choice([1.0, 0.8, round(rng.uniform(-1.5, 1.5), 2), round(rng.uniform(0.1, 1), 2)])
        fused = self.layout.native or (self.kind in ANY_NAMES and rng.random() < 0.3)
        self.adapters = self.draw(rng, seed, model.transformer, fused)
        self.text = self.draw(rng, seed, model.text_encoder, False) if rng.random() < 0.35 else {}
        random_loras.write(path, self.layout, self.adapters, self.dtype, self.text)

    def draw(self, rng, seed, weights, fused):
        modules = [m for m in make_loras.linears(weights, fused) if not m.startswith(("embed_tokens", "lm_head"))]
        if rng.random() < 0.7:
            modules = rng.sample(modules, rng.randint(1, len(modules)))
        ranks = [1, 2, 3, 4, 8, 16]
        made = {m: make_loras.adapters(weights, [m], self.kind, rng.choice(ranks), seed)[m] for m in modules}
        if self.kind == "diff":
            made |= self.vectors(seed, weights)
        return made

    def vectors(self, seed, weights):
        """Full changes of all norms and biases."""
        made = {}
        for name in weights.files:
            if len(weights.shape(name)) == 1:
                module, _, parameter = name.rpartition(".")
                rng = random_loras.generator(seed, name)
                made[module] = {"diff_b" if parameter == "bias" else "diff": random_loras.vector(rng, weights.shape(name))}
        return {module: factors for module, factors in made.items() if "diff" in factors or f"{module}.bias" in weights.files}

    def describe(self):
        layout = self.layout
        names = "native" if layout.native else "split"
        text = "+text" if self.text else ""
        return f"{self.kind}{text} {layout.prefix or '-'} {names} {layout.style} {layout.alpha} {self.dtype} {self.weight}"


def measure(args, folder, seed):
    rng = random.Random(seed)
    models = folder / "models"
    spec = random_spec(rng, seed, False)
    make_model(spec, models / "model")
    (models / "loras").mkdir(parents=True, exist_ok=True)
    model = lora_math.Model(models / "model")
    count = rng.choice([1, 1, 1, 2, 3])
    loras = [Lora(rng, seed + i, model, models / "loras" / f"{i}.safetensors") for i in range(count)]
    print(f"{seed}: " + "; ".join(lora.describe() for lora in loras))
    for lora in loras:
        lora_math.apply(model, lora.path, lora.weight)
    errors = effective(args, folder, model, loras)
    for lora in loras:
        for column, error in converted(args, folder, models / "model", lora).items():
            errors[column] = np.max([errors.get(column, 0.0), error])
    if all(lora.kind == "lora" and not lora.text for lora in loras):
        errors["final"] = final(args, folder, rng, loras)
    return errors


def chain(loras, mode):
    """Nodes that apply files one after the other, and the last one's name."""
    nodes, last = {}, "model"
    for index, lora in enumerate(loras):
        name = f"{mode}{index}"
        nodes[name] = ("lora/ApplyLora", {
            "model": Link(f"{last}.model"), "text_encoder": Link(f"{last}.text_encoder"), "file": lora.path.name,
            "weight": lora.weight, "mode": mode,
        })
        last = name
    return nodes, last


def effective(args, folder, model, loras):
    nodes = {"model": ("model-loader/LoadModel", {"path": "model", "precision": "float32"})}
    ends = {}
    for mode in ("live", "merged"):
        more, ends[mode] = chain(loras, mode)
        nodes |= more
    outputs = [f"{end}.{output}" for end in ["model", *ends.values()] for output in ("model", "text_encoder")]
    dumped, _ = weft.run(args.weft, folder, nodes, folder / "models", outputs, ["--device", args.device])
    errors = {"strays": 0}
    for mode, end in ends.items():
        errors[mode] = 0.0
        for output, weights in (("model", model.transformer), ("text_encoder", model.text_encoder)):
            worst, strays = compare(dumped[f"{end}.{output}"], dumped[f"model.{output}"], weights)
            errors[mode], errors["strays"] = max(errors[mode], worst), errors["strays"] + strays
    return errors


def compare(found, base, weights):
    """The worst error of a changed weight, and how many others are no longer the base's bits."""
    plain = {name: name.removeprefix("model.") for name in base}
    errors = [
        float(np.linalg.norm(found[name].double().numpy() - weights.changed[short]) / np.linalg.norm(weights.changed[short]))
        for name, short in plain.items() if short in weights.changed
    ]
    if len(errors) != len(weights.changed) or set(found) != set(base):
        raise RuntimeError(f"{len(errors)} of {len(weights.changed)} changed weights are there")
    strays = sum(not torch.equal(found[name], base[name]) for name, short in plain.items() if short not in weights.changed)
    # max() passes over a not-a-number.
    return (np.max(errors) if errors else 0.0), strays


def converted(args, folder, path, lora):
    """Converts a file to each layout, and each of these to the next, and compares the weights in float64."""
    expected, errors = applied(path, lora.path), {"convert": 0.0, "rounded": 0.0}
    last, rounded = lora.path, set()
    for index, target in enumerate([*TARGETS, TARGETS[0]]):
        for way, source in (("once", lora.path), ("on", last)):
            out = folder / f"{lora.path.stem}-{index}-{target}-{way}.safetensors"
            if "rounded" in convert(args.weft, source, out, target) or source in rounded:
                rounded.add(out)
            column = "rounded" if out in rounded else "convert"
            errors[column] = np.max([errors[column], difference(applied(path, out), expected)])
        last = out
    return errors


def applied(path, file):
    model = lora_math.Model(path)
    lora_math.apply(model, file, 1.0)
    return model


def difference(found, expected):
    """The worst relative L2 of a weight that either of two models has changed."""
    worst = [0.0]
    for part in ("transformer", "text_encoder"):
        ours, theirs = getattr(found, part), getattr(expected, part)
        names = ours.changed.keys() | theirs.changed.keys()
        worst += [float(np.linalg.norm(ours[name] - theirs[name]) / np.linalg.norm(theirs[name])) for name in names]
    return np.max(worst)


def convert(binary, file, out, layout):
    """Returns what was said of it."""
    command = [binary, "convert", "lora", file, out, "--layout", layout]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"convert to {layout} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout + done.stderr


def final(args, folder, rng, loras):
    """The worst relative L2 of final latents, live and merged."""
    width, seed = 64 + 16 * rng.randrange(4), rng.getrandbits(32)
    case = {**reference.CASE, "prompt": "a red fox in the snow", "width": width, "steps": 4, "seed": seed}
    noise = reference.draw_noise(case)
    pipe = reference.load(folder / "models" / "model", torch.float32)
    for lora in loras:
        name = f"a{lora.path.stem}"
        pipe.load_lora_weights(str(as_diffusers_reads(lora, folder)), adapter_name=name)
    pipe.set_adapters([f"a{lora.path.stem}" for lora in loras], [lora.weight for lora in loras])
    expected, _ = reference.generate(pipe, case, noise)
    save_file({"samples": noise}, folder / "noise.safetensors")
    nodes = {
        "model": ("model-loader/LoadModel", {"path": "model", "precision": "float32"}),
        "prompt": ("text-encode/EncodeText", {"text_encoder": Link("model.text_encoder"), "text": case["prompt"]}),
        "noise": ("sampler/LoadLatent", {"file": "noise.safetensors"}),
        "latent": ("sampler/EmptyLatent", {"width": case["width"], "height": case["height"]}),
    }
    for mode in ("live", "merged"):
        more, end = chain(loras, mode)
        nodes |= more | {f"{mode}": ("sampler/Sample", {
            "model": Link(f"{end}.model"), "positive": Link("prompt.conditioning"), "latent": Link("latent.latent"),
            "noise": Link("noise.latent"), "steps": case["steps"],
        })}
    options = ["--device", args.device, "--input", str(folder)]
    dumped, _ = weft.run(args.weft, folder, nodes, folder / "models", ["live.latent", "merged.latent"], options)
    return max(distance(dumped[f"{mode}.latent"]["samples"], expected["final"]) for mode in ("live", "merged"))


def as_diffusers_reads(lora, folder):
    """The same numbers in a layout that diffusers reads, in float32, because it would round them again with their alpha."""
    file = folder / f"{lora.path.stem}-peft.safetensors"
    # An alpha in the metadata is not rounded.
    kept = () if lora.layout.alpha == "tensor" else ("alpha",)
    adapters = {
        module: {name: value if name in kept else stored(value, lora) for name, value in factors.items()}
        for module, factors in lora.adapters.items()
    }
    layout = LAYOUTS["ai-toolkit"] if lora.layout.alpha == "none" else LAYOUTS["ai-toolkit-alpha"]
    random_loras.write(file, layout, adapters)
    return file


def stored(value, lora):
    return torch.tensor(value, dtype=random_loras.DTYPES[lora.dtype]).double().numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weft", type=Path)
    parser.add_argument("-n", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, metavar="SEED")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    args.weft = args.weft.resolve()
    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(sweep(args, (args.work or Path(temporary)).resolve()))


def sweep(args, work):
    failed = 0
    print(" " * 8 + "".join(f"{name:>10}" for name in COLUMNS))
    for seed in [args.only] if args.only is not None else [args.seed * 1000 + i for i in range(args.n)]:
        try:
            errors = measure(args, work / str(seed), seed)
        except Exception as error:  # a crash of either program is a failed row, and the sweep goes on
            failed += 1
            print(f"{seed:8}  {type(error).__name__}: {error}")
            if not isinstance(error, RuntimeError):
                traceback.print_exc()
            continue
        # One not-a-number must fail as well, so ask what is within the limit.
        over = [key for key, value in errors.items() if not value <= LIMITS[key]]
        failed += bool(over)
        cells = "".join(f"{cell(errors.get(key)):>10}" for key in COLUMNS)
        print(f"{seed:8}{cells}{'  OVER: ' + ', '.join(over) if over else ''}", flush=True)
    print(f"{'limits':8}" + "".join(f"{cell(LIMITS[key]):>10}" for key in COLUMNS))
    print("all within the limits" if not failed else f"{failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    main()
