"""A last round for the decoder: the transformer's own errors.

A true picture's latents get noise as in the middle of sampling, and the transformer takes the remaining
steps from there. What comes out lies close to the truth but carries the transformer's typical errors,
and the true picture is known: the decoder learns to draw that. The encoder does not change.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, ZImageTransformer2DModel
from transformers import AutoTokenizer, Qwen3Model

import pictures
from train_dit import encode_text, rope_tables, sigmas, tokenize, velocity
from train_vae import LinearEncoder, batch, report, to_tensor


@torch.no_grad()
def almost_true(count, encode, dit, text, tokenizer, rng):
    """Pictures and the latents that the transformer reaches from noised true ones."""
    tables = rope_tables(dit, pictures.SIDE // 16)
    s = sigmas(8)
    images, latents = [], []
    while len(images) < count:
        scenes = [pictures.training_scene(rng) for _ in range(32)]
        x = to_tensor([pictures.draw(scene, rng) for scene in scenes])
        ids, mask = tokenize(tokenizer, [pictures.caption(scene, rng) for scene in scenes])
        cap = encode_text(text, ids)
        first = int(rng.choice([5, 6, 7], p=[0.5, 0.3, 0.2]))  # of the 8 steps
        z = encode(x)
        z = (1 - s[first]) * z + s[first] * torch.randn_like(z)
        for now, then in zip(s[first:-1], s[first + 1 :]):
            z = z - (then - now) * velocity(dit, z, (1 - now).expand(len(z)), cap, mask, tables)
        images.extend(x.mul(127.5).add(127.5).round().byte())
        latents.extend(z)
    return torch.stack(images), torch.stack(latents)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vae", type=Path, default=Path("runs/vae/vae"))
    parser.add_argument("--dit", type=Path, default=Path("runs/dit"))
    parser.add_argument("--out", type=Path, default=Path("runs/vae/final"))
    parser.add_argument("--pairs", type=int, default=1600)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--lr", type=float, default=6e-4)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=1e9, help="end the schedule by then, if sooner than --steps")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(5)
    rng = np.random.default_rng(5)
    began = time.time()
    vae = AutoencoderKL.from_pretrained(args.vae)
    assert vae.config.scaling_factor == 1 and vae.config.shift_factor == 0
    encode = LinearEncoder(vae, rng)
    images, latents = almost_true(
        args.pairs, encode, ZImageTransformer2DModel.from_pretrained(args.dit / "transformer"),
        Qwen3Model.from_pretrained(args.dit / "text_encoder"), AutoTokenizer.from_pretrained(args.dit / "tokenizer"), rng)
    print(f"{len(images)} pairs after {(time.time() - began) / 60:.1f} min", flush=True)
    test = batch(16, np.random.default_rng(2))
    vae.decoder.to(memory_format=torch.channels_last)
    params = list(vae.decoder.parameters())
    optimizer = torch.optim.AdamW(params, lr=args.lr, betas=(0.9, 0.98), weight_decay=0)
    step, total, quarter = 0, 0.0, args.batch // 4
    while (progress := max(step / args.steps, (time.time() - began) / 60 / args.minutes)) < 1:
        optimizer.param_groups[0]["lr"] = args.lr * min(1, (step + 1) / 50) * math.cos(progress * math.pi / 2) ** 2
        # A quarter true latents with a little noise, of captioned and of any pictures; the rest pairs.
        x = batch(quarter, rng)
        z = encode(x)
        z = z + torch.randn_like(z) * torch.rand(len(z), 1, 1, 1) * 0.1
        pick = torch.randint(len(images), (args.batch - quarter,))
        x = torch.cat([x, images[pick].float() / 127.5 - 1])
        z = torch.cat([z, latents[pick]])
        with torch.autocast("cpu", torch.bfloat16):
            out = vae.decode(z.to(memory_format=torch.channels_last)).sample.float()
        error = out - x
        loss = error.abs().mean() + 2 * error.square().mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 0.5)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step, total = step + 1, total + loss.item()
        if step % 25 == 0:
            print(f"step {step} loss {total / 25:.5f} {(time.time() - began) / 60:.1f} min", flush=True)
            total = 0.0
    vae.save_pretrained(args.out)
    print("done:", report(vae, test), flush=True)


if __name__ == "__main__":
    main()
