"""LoRA files with random numbers for a diffusers folder of any size.

    python make_loras.py MODEL OUT                        every layout and kind, on every module
    python make_loras.py MODEL OUT --layout kohya --rank 32 --modules 'layers\\.\\d+\\.attention'
    python make_loras.py MODEL OUT --effective            also OUT/NAME.effective: the changed weights in float64
"""

import argparse
import re
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

import lora_layouts
import lora_math
import random_loras
from lora_layouts import LAYOUTS, MORE_LAYOUTS, Layout


def linears(weights, native=False, pattern=""):
    """The modules with a matrix, in diffusers' names, or with q, k and v as one."""
    names = [m for m in lora_layouts.modules(weights.files) if len(weights.shape(f"{m}.weight")) == 2 and re.search(pattern, m)]
    if not native:
        return names
    fused = [re.sub(r"attention\.to_[qkv]$", "attention.qkv", name) for name in names]
    return sorted(set(fused))


def whole(weights, module):
    """The weight of a module; of q, k and v above each other."""
    return np.concatenate([weights[f"{part}.weight"] for part in lora_layouts.parts(module)])


def adapters(weights, modules, kind, rank, seed):
    return {
        module: random_loras.factors(random_loras.generator(seed, module), kind, whole(weights, module), rank)
        for module in modules
    }


def plans():
    """Name -> (layout, kind) of all files."""
    layouts = {name: (layout, "lora") for name, layout in (LAYOUTS | MORE_LAYOUTS).items()}
    lycoris = Layout("lycoris_", "down", alpha="tensor")
    return layouts | {kind: (lycoris, kind) for kind in random_loras.KINDS if kind != "lora"}


def save_effective(model, path):
    """Writes every weight that was changed, with its part before its name."""
    tensors = {
        f"{part}.{name}": torch.from_numpy(np.ascontiguousarray(value))
        for part in ("transformer", "text_encoder")
        for name, value in getattr(model, part).changed.items()
    }
    save_file(tensors, path)


def make(args, name, layout, kind):
    model = lora_math.Model(args.model)
    modules = linears(model.transformer, layout.native, args.modules)
    path = args.out / f"{name}.safetensors"
    random_loras.write(path, layout, adapters(model.transformer, modules, kind, args.rank, args.seed), args.dtype)
    if args.effective:
        lora_math.apply(model, path, args.weight)
        save_effective(model, args.out / f"{name}.effective")
    print(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--layout", choices=plans(), help="one alone")
    parser.add_argument("--modules", default="", metavar="REGEX", help="of diffusers' names")
    parser.add_argument("--rank", type=int, default=4)
    parser.add_argument("--dtype", choices=random_loras.DTYPES, default="float32")
    parser.add_argument("--weight", type=float, default=1.0, help="for --effective")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--effective", action="store_true")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for name, (layout, kind) in plans().items():
        if args.layout in (None, name):
            make(args, name, layout, kind)


if __name__ == "__main__":
    main()
