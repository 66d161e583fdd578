"""Upscaling: Weft beside spandrel on torch, the same random network on the same picture, in turns.

    python esrgan.py --weft target/release/weft [--rounds 3] [--large]

64 features and 23 blocks, four times, from 128² and 256² pixels; whole processes and the upscaling alone. `--large`: from 1024² to
4096² by 32 features and 2 blocks with Weft's tiles of 512, by spandrel tile by tile in the way of ComfyUI.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from spandrel.architectures.ESRGAN import ESRGAN

from compare import measured
from weft import Link, graph

# Run by itself, so that its memory is its own. Blends tiles with linear weights on a canvas of the whole size.
SPANDREL = """
import sys, time, numpy, torch
from PIL import Image
from spandrel import ModelLoader
torch.set_num_threads(int(sys.argv[4]))
model = ModelLoader(device="cpu").load_from_file(sys.argv[1]).eval()
x = torch.from_numpy(numpy.array(Image.open(sys.argv[2]))).permute(2, 0, 1)[None].float() / 255
start, tile, overlap, (h, w) = time.perf_counter(), 512, 32, x.shape[2:]
places = lambda size: [0] if size <= tile else [*range(0, size - tile, tile - overlap), size - tile]
sum_, count = (torch.zeros(1, channels, h * 4, w * 4) for channels in (3, 1)) if h > tile else (None, None)
with torch.inference_mode():
    for top in places(h):
        for left in places(w):
            y = model(x[:, :, top:top + tile, left:left + tile])
            if sum_ is None:
                break
            sum_[:, :, top * 4:top * 4 + y.shape[2], left * 4:left * 4 + y.shape[3]] += y
            count[:, :, top * 4:top * 4 + y.shape[2], left * 4:left * 4 + y.shape[3]] += 1
    y = y if sum_ is None else sum_.div_(count)
print(time.perf_counter() - start)
Image.fromarray((y[0].permute(1, 2, 0).clamp(0, 1) * 255).round().byte().numpy()).save(sys.argv[3])
"""
ROWS = {"upscale s": 2, "process s": 2, "peak memory MB": 0}


def weft(args, folder, model, size):
    nodes = {
        "model": ("esrgan/LoadUpscaler", {"file": model.name}),
        "load": ("image-io/LoadImage", {"file": f"{size}.png"}),
        "large": ("esrgan/UpscaleImage", {"upscale_model": Link("model.upscale_model"), "image": Link("load.image")}),
        "save": ("image-io/SaveImage", {"image": Link("large.image"), "name": f"weft-{size}"}),
    }
    (folder / "graph.ron").write_text(graph(nodes))
    command = [args.weft, "run", folder / "graph.ron", "--models", folder / "models", "-o", folder,
               "--device", args.device, "--json", "--quiet"]
    out, seconds, peak = measured([str(part) for part in command])
    upscale = next(node["milliseconds"] for node in json.loads(out)["nodes"] if node["node"] == "large") / 1000
    return dict(zip(ROWS, (upscale, seconds, peak), strict=True))


def spandrel(args, folder, model, size):
    command = [sys.executable, "-c", SPANDREL, model, folder / f"{size}.png", folder / f"spandrel-{size}.png", args.threads]
    out, seconds, peak = measured([str(part) for part in command])
    return dict(zip(ROWS, (float(out), seconds, peak), strict=True))


def levels(folder, size):
    """How far the two pictures are apart at most, of 255."""
    pictures = [np.asarray(Image.open(folder / f"{name}-{size}.png")).astype(int) for name in ("weft", "spandrel")]
    return np.abs(pictures[0] - pictures[1]).max()


def compare(args, folder, features, blocks, size):
    model = folder / "models" / "upscale_models" / f"{features}-{blocks}.safetensors"
    model.parent.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    network = ESRGAN(num_filters=features, num_blocks=blocks, scale=4)
    with torch.no_grad():
        # Around the middle of the range and with some contrast.
        last = list(network.model.children())[-1]
        last.weight *= 8
        last.bias.fill_(0.5)
    save_file(network.state_dict(), model)
    picture = np.random.default_rng(0).integers(0, 255, (size // 8, size // 8, 3), dtype=np.uint8)
    Image.fromarray(picture).resize((size, size), Image.BICUBIC).save(folder / f"{size}.png")
    results = {weft: [], spandrel: []}
    for index in range(args.rounds):
        for program, runs in results.items():
            for old in folder.glob(f"{program.__name__}-{size}*"):
                old.unlink()
            runs.append(program(args, folder, model, size))
            print(index + 1, program.__name__, runs[-1], file=sys.stderr)
    print(f"\n{features} features, {blocks} blocks, {size}² → {size * 4}², median of {args.rounds}, "
          f"at most {levels(folder, size)} levels apart\n\n| | Weft | spandrel | Weft / spandrel |\n|---|---|---|---|")
    for name, digits in ROWS.items():
        ours, theirs = (statistics.median(run[name] for run in runs) for runs in results.values())
        # Of each round by itself: the machine drifts.
        ratio = statistics.median(a[name] / b[name] for a, b in zip(*results.values(), strict=True))
        print(f"| {name} | {ours:.{digits}f} | {theirs:.{digits}f} | {ratio:.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--weft", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of torch")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--large", action="store_true")
    args = parser.parse_args()
    args.weft = Path(os.path.abspath(args.weft))
    with tempfile.TemporaryDirectory() as temporary:
        for features, blocks, size in [(32, 2, 1024)] if args.large else [(64, 23, 128), (64, 23, 256)]:
            compare(args, Path(temporary), features, blocks, size)


if __name__ == "__main__":
    main()
