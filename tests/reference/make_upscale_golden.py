"""Writes tests/golden/units/upscale.safetensors: latents that torch's `interpolate` makes larger.

    python make_upscale_golden.py [OUT]      OUT: default ../golden/units/upscale.safetensors
"""

import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

SCALES = [1.25, 1.75, 2.0, 2.5, 3.25, 4.0]
MODES = {"nearest": {}, "linear": {"align_corners": False}, "cubic": {"align_corners": False}}
TORCH = {"nearest": "nearest", "linear": "bilinear", "cubic": "bicubic"}
# Enough of a latent to tell its axes apart.
PICTURE, CHANNELS = 1, [0, 7, 15]


def even(side, scale):
    """The even side next to the scaled one; halves go up."""
    return int(side * scale / 2 + 0.5) * 2


def main(out):
    torch.manual_seed(0)
    samples = torch.randn(2, 16, 4, 6)
    tensors = {"samples": samples}
    for name, options in MODES.items():
        for scale in SCALES:
            size = [even(side, scale) for side in samples.shape[2:]]
            larger = F.interpolate(samples, size=size, mode=TORCH[name], **options)
            tensors[f"{name}.{scale}"] = larger[PICTURE, CHANNELS].contiguous()
    save_file(tensors, out)


if __name__ == "__main__":
    default = Path(__file__).parent.parent / "golden/units/upscale.safetensors"
    main(sys.argv[1] if len(sys.argv) > 1 else default)
