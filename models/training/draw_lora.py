"""Draws a file of captions with diffusers at several weights of a LoRA, one row for each; line i has seed i.

    python draw_lora.py --out ../../docs/pictures/lora-demo.png
"""

import argparse
from pathlib import Path

from PIL import Image

import judge
import judge_lora
from pictures import SIDE

GAP = 4  # pixels, white


def montage(rows):
    sheet = Image.new("RGB", (len(rows[0]) * (SIDE + GAP) - GAP, len(rows) * (SIDE + GAP) - GAP), "white")
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            sheet.paste(Image.fromarray(image), (x * (SIDE + GAP), y * (SIDE + GAP)))
    return sheet


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("../demo"))
    parser.add_argument("--lora", type=Path, default=Path("../loras/styles/night.safetensors"))
    parser.add_argument("--captions", type=Path, default=Path("lora_captions.txt"))
    parser.add_argument("--weights", type=float, nargs="+", default=[0.0, 0.5, 1.0])
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    captions, rows = args.captions.read_text().splitlines(), []
    for weight in args.weights:
        pipe = judge.pipeline(args.model)
        judge_lora.merge(pipe.transformer, args.lora, weight)
        rows.append(judge.draw_with_diffusers(pipe, captions, steps=8))
    montage(rows).save(args.out, optimize=True)


if __name__ == "__main__":
    main()
