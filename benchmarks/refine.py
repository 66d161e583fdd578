"""Draws docs/pictures/refine.png: a picture, the same made larger, refined whole, and refined in tiles. Prints how close the last
two are.

    python benchmarks/refine.py [WEFT]       needs Pillow and numpy; WEFT: default target/release/weft
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parent.parent
SHOWN, GAP = 240, 12
# Inputs of graphs/hires.ron, in the order in which the picture shows them.
CASES = {
    "base": ["larger.scale=1.0", "refine.denoise=0.0"],
    "larger": ["refine.denoise=0.0"],
    "whole": ["refine.tile=off"],
    "tiles": [],
}


def draw(weft, out, name, inputs):
    command = [weft, "run", ROOT / "graphs/hires.ron", "-o", out, "--device", "cpu", "--quiet"]
    for value in [f"save.name={name}", *inputs]:
        command += ["--set", value]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    return Image.open(said.stdout.splitlines()[-1]).convert("RGB")


def psnr(a, b):
    """In decibels, of 8-bit pictures."""
    error = np.mean((np.asarray(a, float) - np.asarray(b, float)) ** 2)
    return 10 * np.log10(255**2 / error)


def main(weft):
    with tempfile.TemporaryDirectory() as out:
        pictures = {name: draw(weft, out, name, inputs) for name, inputs in CASES.items()}
    sheet = Image.new("RGB", (len(pictures) * (SHOWN + GAP) - GAP, SHOWN), "white")
    for index, picture in enumerate(pictures.values()):
        sheet.paste(picture.resize((SHOWN, SHOWN), Image.NEAREST), (index * (SHOWN + GAP), 0))
    sheet.save(ROOT / "docs/pictures/refine.png", optimize=True)
    print(f"in tiles against whole: {psnr(pictures['tiles'], pictures['whole']):.1f} dB")
    print(f"not refined against whole: {psnr(pictures['larger'], pictures['whole']):.1f} dB")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/release/weft")
