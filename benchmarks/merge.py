"""What merging two large models takes: the peak of memory above the start, while the merge is written to a file.

    python merge.py --weft target/release/weft [--layers 4] [--dtype float16] [--rounds 3] [--folder DIR] [--layout mlx --precision 8]

Two transformers with the layers of the released model (dim 3840) and random weights are made on the fly, of 2.2 GB each with 4
layers in float16, and deleted again. "above the start" is the peak of the program and its engine together, less the peak of
the same program that merges two models of a few hundred kilobytes; page cache is not counted.
"""

import argparse
import json
import statistics
import struct
import tempfile
from pathlib import Path

import numpy as np
import torch
from diffusers import ZImageTransformer2DModel

from measure import measured
from programs import Link, graph

RELEASED = {
    "dim": 3840, "n_heads": 30, "n_kv_heads": 30, "axes_dims": [32, 48, 48], "axes_lens": [1536, 512, 512], "n_refiner_layers": 1,
    "cap_feat_dim": 2560,
}
TINY = {
    "dim": 40, "n_heads": 2, "n_kv_heads": 2, "axes_dims": [4, 10, 6], "axes_lens": [64, 64, 64], "n_refiner_layers": 1,
    "cap_feat_dim": 24, "n_layers": 1,
}
# The name in a safetensors header, and bits of which every random pattern is a finite number below 2.
TYPES = {"float16": ("F16", 0xBBFF), "bfloat16": ("BF16", 0xBFBF)}
NODES = ("WeightedSum", "AddDifference", "Ties")


def write_model(config, folder, seed, dtype):
    """A transformer's folder, written a tensor at a time."""
    folder.mkdir(parents=True)
    with torch.device("meta"):
        model = ZImageTransformer2DModel(**config)
    model.save_config(folder)
    shapes = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    name_of_type, mask = TYPES[dtype]
    header, end = {}, 0
    for name, shape in shapes.items():
        start, end = end, end + 2 * int(np.prod(shape))
        header[name] = {"dtype": name_of_type, "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    rng = np.random.default_rng(seed)
    with open(folder / "diffusion_pytorch_model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for shape in shapes.values():
            numbers = rng.integers(0, 2**16, int(np.prod(shape)), dtype=np.uint16)
            file.write((numbers & mask).tobytes())
    return end


def nodes_of(node, models, layout, precision):
    a, b, c = models
    loaders = {name: ("model-loader/LoadDiffusionModel", {"path": path}) for name, path in zip("abc", (a, b, c), strict=True)}
    inputs = {
        "WeightedSum": {"a": Link("a.model"), "b": Link("b.model"), "alpha": 0.3},
        "AddDifference": {"a": Link("a.model"), "b": Link("b.model"), "c": Link("c.model")},
        "Ties": {"base": Link("c.model"), "a": Link("a.model"), "b": Link("b.model")},
    }[node]
    used = {link.output.split(".")[0] for link in inputs.values() if isinstance(link, Link)}
    return {name: loader for name, loader in loaders.items() if name in used} | {
        "merge": (f"model-merge/{node}", inputs),
        "save": ("model-merge/SaveModel", {"model": Link("merge.model"), "name": node, "layout": layout, "precision": precision}),
    }


def run(args, folder, node, models):
    """Seconds and the peak in MB."""
    (folder / "graph.ron").write_text(graph(nodes_of(node, models, args.layout, args.precision)))
    with tempfile.TemporaryDirectory(dir=folder) as out:
        command = [args.weft, "run", folder / "graph.ron", "--models", folder / "models", "-o", out, "--device", args.device, "--quiet"]
        done = measured(command)
    return done.seconds, done.peak_mb


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--weft", type=Path, required=True)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--dtype", choices=TYPES, default="float16")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--nodes", nargs="+", choices=NODES, default=["WeightedSum"])
    parser.add_argument("--layout", default="diffusers", help="as SaveModel names it: diffusers, comfyui, mlx")
    parser.add_argument("--precision", default="float16", help="as SaveModel names it; with mlx also 8, 6 and 4")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--folder", type=Path, help="where the models are made: 4 GB and as much again for the result")
    args = parser.parse_args()
    args.weft = args.weft.resolve()
    with tempfile.TemporaryDirectory(dir=args.folder) as temporary:
        folder = Path(temporary)
        count = 3 if {"AddDifference", "Ties"} & set(args.nodes) else 2
        large, tiny = ([f"{kind}-{i}" for i in range(count)] + [None] * (3 - count) for kind in ("large", "tiny"))
        for seed in range(count):
            size = write_model(RELEASED | {"n_layers": args.layers}, folder / "models" / large[seed], seed, args.dtype)
            write_model(TINY, folder / "models" / tiny[seed], seed, args.dtype)
        print(f"{size / 1e9:.2f} GB each, {args.dtype}, medians of {args.rounds}")
        for node in args.nodes:
            rounds = [(run(args, folder, node, tiny)[1], *run(args, folder, node, large)) for _ in range(args.rounds)]
            start, seconds, peak = (statistics.median(column) for column in zip(*rounds, strict=True))
            print(f"{node}: peak {peak:.0f} MB, {peak - start:.0f} MB above the start ({start:.0f} MB); {seconds:.1f} s")


if __name__ == "__main__":
    main()
