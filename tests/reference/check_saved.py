"""Saves the committed models with a weft binary and reads the folders with diffusers: equal tensors, equal first picture.

    python check_saved.py WEFT [VARIANT…]      default: half plain wide sharded

Every model is saved as it is, in the type of its files, as a folder, as one whose weights are cut into small files, and as a file for
ComfyUI, and merged with a LoRA's worth of noise; the merge is compared with float64 rounded once to float16.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from diffusers import ZImagePipeline
from safetensors.torch import load_file, save_file

import weft
from make_single_file import PREFIXES
from make_single_file import check as check_parts
from weft import Link

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
TYPES = {torch.float16: "float16", torch.bfloat16: "bfloat16", torch.float32: "float32"}
PARTS = ("transformer", "text_encoder", "vae")
ALPHA = 0.3


def weights_of(folder):
    """The tensors of a part's files, whatever their number."""
    tensors = {}
    for file in sorted(folder.glob("*.safetensors")):
        tensors |= load_file(file)
    return tensors


def load(folder):
    """By diffusers, in the types of the files."""
    types = {part: next(iter(weights_of(folder / part).values())).dtype for part in PARTS}
    return ZImagePipeline.from_pretrained(folder, torch_dtype=types, local_files_only=True)


def save(binary, folder, models, node, precision, name, **more):
    nodes = {
        "model": ("model-loader/LoadModel", {"path": "model", "precision": precision}),
        "other": ("model-loader/LoadDiffusionModel", {"path": "other", "precision": precision}),
        "merge": ("model-merge/WeightedSum", {"a": Link("model.model"), "b": Link("other.model"), "alpha": ALPHA}),
        "save": ("model-merge/SaveModel", {
            "model": Link(f"{node}.model"), "text_encoder": Link("model.text_encoder"), "vae": Link("model.vae"),
            "name": name, "precision": precision, **more,
        }),
    }
    weft.run(binary, folder, nodes, models, options=["--device", "cpu"])
    return folder / "out" / name


def make_models(variant, folder):
    """A models folder: the variant, and a transformer like its own with other numbers."""
    folder.mkdir()
    (folder / "model").symlink_to(GOLDEN / variant / "model")
    other = folder / "other"
    other.mkdir()
    (other / "config.json").write_text((GOLDEN / variant / "model/transformer/config.json").read_text())
    torch.manual_seed(0)
    tensors = weights_of(GOLDEN / variant / "model/transformer")
    save_file({name: tensor + torch.randn(tensor.shape).mul(0.02).to(tensor.dtype) for name, tensor in tensors.items()},
              other / "diffusion_pytorch_model.safetensors", metadata={"format": "pt"})
    return folder


def compare_parts(source, saved):
    """How many tensors two pipelines have, and the names of those that differ."""
    names, different = 0, []
    for part in PARTS:
        ours, theirs = (getattr(pipe, part).state_dict() for pipe in (saved, source))
        names += len(theirs)
        different += [f"{part}.{name}" for name in sorted(ours.keys() ^ theirs.keys())]
        # A part of another type than the transformer is rounded to its type.
        same = {name: torch.equal(ours[name], theirs[name].to(ours[name].dtype)) for name in ours.keys() & theirs.keys()}
        different += [f"{part}.{name}" for name, is_same in same.items() if not is_same]
    return names, different


def check_single_file(file, saved):
    """diffusers' own conversion of ComfyUI's names gives the tensors of the saved folder."""
    tensors = load_file(file)
    parts = {part: {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
             for part, prefix in PREFIXES.items()}
    check_parts(saved, parts)


def compare_merge(models, saved):
    """How many values of the merge are not those of float64 rounded once to float16."""
    a, b = weights_of(models / "model/transformer"), weights_of(models / "other")
    off = total = 0
    for name, found in weights_of(saved / "transformer").items():
        # By numpy: torch goes from float64 to float16 by way of float32, and rounds twice.
        exact = (1 - ALPHA) * a[name].double().numpy() + ALPHA * b[name].double().numpy()
        off += int((found.numpy() != exact.astype(np.float16)).sum())
        total += found.numel()
    return off, total


def check(binary, variant):
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        models = make_models(variant, folder / "models")
        precision = TYPES[next(iter(weights_of(models / "model/transformer").values())).dtype]
        saved = save(binary, folder, models, "model", precision, "same")
        names, different = compare_parts(load(models / "model"), load(saved))
        # In files of 0.2 MB.
        cut = save(binary, folder, models, "model", precision, "cut", file_size=0.0002)
        files = len(list((cut / "transformer").glob("*.safetensors")))
        different += compare_parts(load(saved), load(cut))[1] if files > 1 else ["transformer in one file"]
        check_single_file(save(binary, folder, models, "model", precision, "single", layout="comfyui") / "single.safetensors", saved)
        merged = save(binary, folder, models, "merge", "float16", "merged")
        load(merged)
        off, total = compare_merge(models, merged)
        sources = json.loads((merged / "merge_info.json").read_text())["parts"]["transformer"]["history"]
        print(f"{variant}: {len(different)} of {names} tensors differ; {off} of {total} merged values; {len(sources)} sources told")
        return not different and off == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("weft", type=Path)
    parser.add_argument("variants", nargs="*", default=["half", "plain", "wide", "sharded"])
    args = parser.parse_args()
    torch.set_num_threads(1)
    good = [check(args.weft.resolve(), variant) for variant in args.variants]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
