"""The colours of the latents: a linear map from latent channels to red, green and blue, for the pictures that Weft
shows while it samples.

Least squares over drawn pictures: from their latents, as the transformer sees them, to what the decoder makes of these,
averaged over the pixels of each latent. Writes `latent_rgb` and `latent_rgb_bias` (-1 to 1, as the decoder's own
colours) into the transformer's config.json, which diffusers loads with a warning that it ignores them.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL

from train_vae import batch


@torch.no_grad()
def pairs(vae, count, rng):
    """Latents with a 1 behind the channels, and their colours: rows of 17 and of 3 numbers."""
    scale, latents, colors = 2 ** (len(vae.config.block_out_channels) - 1), [], []
    for _ in range(count // 20):
        z = vae.encode(batch(20, rng)).latent_dist.mean
        seen = F.avg_pool2d(vae.decode(z).sample.clamp(-1, 1), scale)
        z = (z - vae.config.shift_factor) * vae.config.scaling_factor
        latents.append(F.pad(z.permute(0, 2, 3, 1).flatten(0, 2), (0, 1), value=1.0))
        colors.append(seen.permute(0, 2, 3, 1).flatten(0, 2))
    return torch.cat(latents).double(), torch.cat(colors).double()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("../demo"))
    parser.add_argument("--count", type=int, default=400)
    args = parser.parse_args()
    vae = AutoencoderKL.from_pretrained(args.model / "vae")
    factors = torch.linalg.lstsq(*pairs(vae, args.count, np.random.default_rng(1))).solution.round(decimals=4)
    latents, colors = pairs(vae, args.count // 4, np.random.default_rng(2))
    wrong = (latents @ factors).clamp(-1, 1) - colors
    r2 = 1 - wrong.square().sum() / (colors - colors.mean(0)).square().sum()
    print(f"on {args.count // 4} other pictures: R² {r2:.4f}, PSNR {10 * torch.log10(4 / wrong.square().mean()):.1f} dB")
    file = args.model / "transformer/config.json"
    config = json.loads(file.read_text())
    *config["latent_rgb"], config["latent_rgb_bias"] = factors.tolist()
    file.write_text(json.dumps(config, indent=2) + "\n")


if __name__ == "__main__":
    main()
