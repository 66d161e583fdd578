"""Held-out scenes as the demo's autoencoder gives them, four times as large: bicubic, the upscaler, and as they would
have been drawn; a row for each scene. The file of weights is that of `train_upscaler.py`.

    python draw_upscaler.py --out ../../docs/pictures/upscaler.png
    python draw_upscaler.py --weft ../../target/release/weft --out ../../docs/pictures/upscaler.png
"""

import argparse
import subprocess
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import pictures
from rrdb import SCALE
from train_upscaler import bicubic, load
from upscaler_data import DemoModel, shrink, to_tensor

GAP = 8  # pixels, white
SHOWN = 272  # pixels of each picture, around its middle: one sees edges, not backgrounds


def scenes():
    """One held-out scene of each shape that shows something: corners, curves, thin arms."""
    wanted, found = ["star", "ring", "heart"], {}
    for scene in pictures.held_out_scenes(60, seed=5):
        thing = scene.things[0]
        if len(scene.things) == 1 and thing.position == "center" and thing.shape in wanted:
            found.setdefault(thing.shape, scene)
    return list(found.values())


def to_image(x):
    return (x.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()


def middle(image):
    start = (len(image) - SHOWN) // 2
    return image[start : start + SHOWN, start : start + SHOWN]


def with_weft(weft, small):
    """The upscaled picture that Weft makes of `small`, [3, H, W]."""
    folder = Path("runs/weft")
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(to_image(small)).save(folder / "small.png")
    graph = """Graph(format: 1, nodes: {
        "upscaler": (kind: "esrgan/LoadUpscaler", inputs: { "file": "demo_x4.safetensors" }),
        "image": (kind: "image-io/LoadImage", inputs: { "file": "small.png" }),
        "upscale": (kind: "esrgan/UpscaleImage", inputs: {
            "upscale_model": Link("upscaler.upscale_model"), "image": Link("image.image") }),
        "save": (kind: "image-io/SaveImage", inputs: { "image": Link("upscale.image"), "name": "large" }),
    })"""
    (folder / "upscale.ron").write_text(graph)
    command = [weft, "run", folder / "upscale.ron", "--models", "..", "-o", folder, "--device", "cpu", "--quiet"]
    written = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    return np.asarray(Image.open(written).convert("RGB"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("../demo"))
    parser.add_argument("--upscaler", type=Path, default=Path("../upscale_models/demo_x4.safetensors"))
    parser.add_argument("--weft", help="the program, to upscale with it instead of torch")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    demo, rng, rows = DemoModel(args.model), np.random.default_rng(5), []
    net = None if args.weft else load(args.upscaler)
    large = to_tensor([pictures.draw(scene, rng, SCALE) for scene in scenes()])
    for small, truth in zip(demo.decode(demo.encode(shrink(large))), large):
        with torch.no_grad():
            drawn = with_weft(args.weft, small) if args.weft else to_image(net(small[None])[0])
        rows.append([middle(image) for image in (to_image(bicubic(small[None])[0]), drawn, to_image(truth))])
    side = SHOWN + GAP
    sheet = Image.new("RGB", (3 * side - GAP, len(rows) * side - GAP), "white")
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            sheet.paste(Image.fromarray(image), (x * side, y * side))
    sheet.save(args.out, optimize=True)


if __name__ == "__main__":
    main()
