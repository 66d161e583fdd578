"""The models that the benchmarks run on: Z-Image transformers with random weights, and the full Flux VAE.

    python models.py OUT [--sizes small,medium] [--types float32,bfloat16]       makes OUT/small-float32, …

What a step costs depends on shapes alone, so random weights will do. Folders that are there already stay.
"""

import argparse
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "reference"))

import torch
from make_models import make_model
from safetensors.torch import load_file, save_file

VAE = {"block_out_channels": [128, 256, 512, 512], "layers_per_block": 2, "norm_num_groups": 32}
# Heads as wide as Qwen3's, for stable-diffusion.cpp knows no others.
SMALL_TEXT = {
    "hidden_size": 512, "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 128,
    "intermediate_size": 1536,
}
RELEASED_TEXT = {
    "hidden_size": 2560, "num_hidden_layers": 36, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128,
    "intermediate_size": 9728,
}


def sizes(dim, layers, text):
    # mflux reads no text encoder without the prefix.
    dit = {
        "dim": dim, "n_heads": dim // 128, "axes_dims": [32, 48, 48], "axes_lens": [1536, 512, 512], "n_layers": layers,
        "n_refiner_layers": 2,
    }
    return {"dit": dit, "text": text, "vae": VAE, "text_prefix": True}


# Parameters of the transformer: 62.6 M; 418 M; 240 M, as many layers as the released one, for LeMiCa, whose saving depends on their
# share; and 6.15 G, the released widths and depths (with a small vocabulary).
MODELS = {
    "small": sizes(768, 4, SMALL_TEXT), "medium": sizes(1536, 10, SMALL_TEXT), "deep": sizes(768, 30, SMALL_TEXT),
    "released": sizes(3840, 30, RELEASED_TEXT),
}


def ensure(folder, size, dtype):
    """The folder of a model, made where it is missing."""
    model = Path(folder) / f"{size}-{dtype}"
    if not model.exists():
        print(f"making {model}", file=sys.stderr)
        unfinished = model.with_name(f".{model.name}")
        shutil.rmtree(unfinished, ignore_errors=True)
        make_model({**MODELS[size], "dtype": dtype}, unfinished)
        unfinished.rename(model)
    return model


def fused(model):
    """The transformer with the matrices of q, k and v in one, as stable-diffusion.cpp reads them in float32; made where it is missing."""
    path = model.parent / ".fused" / f"{model.name}.safetensors"
    if not path.exists():
        tensors = {}
        for file in sorted((model / "transformer").glob("*.safetensors")):
            tensors |= load_file(file)
        for name in [name for name in tensors if name.endswith(".to_q.weight")]:
            parts = [tensors.pop(name.replace("to_q", part)) for part in ("to_q", "to_k", "to_v")]
            tensors[name.replace("to_q", "qkv")] = torch.cat(parts)
        path.parent.mkdir(exist_ok=True)
        save_file(tensors, path)
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--sizes", default="small,medium")
    parser.add_argument("--types", default="float32,bfloat16")
    args = parser.parse_args()
    for size in args.sizes.split(","):
        for dtype in args.types.split(","):
            ensure(args.out, size, dtype)


if __name__ == "__main__":
    main()
