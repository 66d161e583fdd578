"""Makes one picture larger with spandrel's network on torch and says how long it took, as JSON.

    python spandrel_upscale.py NETWORK PICTURE RESULT [--threads N] [--device gpu] [--tile 512]

Pictures larger than a tile are done tile by tile, blended on a canvas of the whole size, in the way of ComfyUI.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import spandrel
import torch
from PIL import Image

OVERLAP, SCALE = 32, 4


def places(size, tile):
    return [0] if size <= tile else [*range(0, size - tile, tile - OVERLAP), size - tile]


def upscale(model, x, tile):
    height, width = x.shape[2:]
    if max(height, width) <= tile:
        return model(x)
    total, count = (torch.zeros(1, channels, height * SCALE, width * SCALE, device=x.device) for channels in (3, 1))
    for top in places(height, tile):
        for left in places(width, tile):
            y = model(x[:, :, top:top + tile, left:left + tile])
            area = (..., slice(top * SCALE, top * SCALE + y.shape[2]), slice(left * SCALE, left * SCALE + y.shape[3]))
            total[area] += y
            count[area] += 1
    return total.div_(count)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("network", "picture", "result"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--tile", type=int, default=512)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    device = "cuda" if args.device == "gpu" else "cpu"
    model = spandrel.ModelLoader(device=device).load_from_file(args.network).eval()
    x = torch.from_numpy(np.array(Image.open(args.picture))).permute(2, 0, 1)[None].float().to(device) / 255
    start = time.perf_counter()
    with torch.inference_mode():
        y = upscale(model, x, args.tile).cpu()
    seconds = time.perf_counter() - start
    Image.fromarray((y[0].permute(1, 2, 0).clamp(0, 1) * 255).round().byte().numpy()).save(args.result)
    print(json.dumps({"version": f"{spandrel.__version__}, torch {torch.__version__}", "upscale_s": seconds}))


if __name__ == "__main__":
    main()
