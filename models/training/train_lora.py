"""A LoRA for the demo model: the drawings of `styles.py`, learned by small matrices beside the frozen weights.

Flow matching as in `train_dit.py`. Every adapted weight W becomes W + (alpha / rank) B A, with A [rank, in] random and
B [out, rank] zero at first; only A and B are trained, and of both a running mean is written. Half of the captions end
in the style's trigger words, so that the style comes with and without them.

    python train_lora.py --minutes 26     # ../loras/styles/night.safetensors
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, ZImageTransformer2DModel
from safetensors.torch import save_file
from torch.nn.utils import parametrize
from transformers import AutoTokenizer, Qwen3Model

import pictures
import styles
import train_dit

ADAPTED = ("to_q", "to_k", "to_v", "to_out.0", "w1", "w2", "w3", "adaLN_modulation.0")
PARTS = ("layers.", "noise_refiner.")
METADATA = {
    "modelspec.sai_model_spec": "1.0.0",
    "modelspec.title": "Night",
    "modelspec.architecture": "z-image/lora",
    "modelspec.description": "Plain shapes glowing in the dark, for the small Z-Image that comes with Weft.",
    "modelspec.license": "MIT OR Apache-2.0",
    "modelspec.trigger_phrase": styles.TRIGGER,
    "modelspec.prediction_type": "velocity",
    "trigger_word": styles.TRIGGER,
    "recommended_weight": "1.0",
    "ss_base_model_version": "z-image-demo",
    "format": "pt",
}


class LowRank(torch.nn.Module):
    """The parametrization of one weight: what stands in its place, with the difference times `strength`."""

    def __init__(self, weight, rank, alpha):
        super().__init__()
        rows, columns = weight.shape
        self.down = torch.nn.Parameter(torch.randn(rank, columns) / math.sqrt(columns))
        self.up = torch.nn.Parameter(torch.zeros(rows, rank))
        self.scale, self.strength = alpha / rank, 1.0

    def forward(self, weight):
        return weight + self.strength * self.scale * (self.up @ self.down)


def adapt(dit, rank, alpha):
    """Freezes the transformer and puts a `LowRank` on its adapted weights; returns them by the weights' names."""
    dit.requires_grad_(False)
    adapters = {}
    for name, module in list(dit.named_modules()):
        if name.startswith(PARTS) and name.endswith(ADAPTED):
            adapters[name] = LowRank(module.weight, rank, alpha)
            parametrize.register_parametrization(module, "weight", adapters[name])
    return adapters


def export(file, adapters, alpha, weights, steps):
    """Writes the running means in the layout of ai-toolkit, with alpha beside every pair."""
    tensors = {}
    for (name, _), down, up in zip(adapters.items(), weights[::2], weights[1::2]):
        key = f"diffusion_model.{name}"
        tensors[f"{key}.lora_A.weight"] = down.half().contiguous()
        tensors[f"{key}.lora_B.weight"] = up.half().contiguous()
        tensors[f"{key}.alpha"] = torch.tensor(float(alpha), dtype=torch.float16)
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, file, {**METADATA, "ss_steps": str(steps), "ss_network_dim": str(len(weights[0])),
                              "ss_network_alpha": str(alpha)})
    file.chmod(0o644)


def caption(scene, rng):
    text = pictures.caption(scene, rng)
    return styles.night_caption(text) if rng.random() < 0.5 else text


def look(file, dit, text, tokenizer, vae, tables, adapters, params, mean):
    """Draws the same captions at strength 0, 0.5 and 1 with the running means; one row of pictures for each."""
    now = [p.detach().clone() for p in params]
    for p, m in zip(params, mean):
        p.data.copy_(m)
    captions = [pictures.caption(s) for s in pictures.held_out_scenes(12, seed=100)]
    images = []
    for strength in (0.0, 0.5, 1.0):
        for adapter in adapters.values():
            adapter.strength = strength
        images += list(train_dit.sample(dit, text, tokenizer, vae, tables, captions))
    train_dit.grid_picture(images, len(captions)).save(file)
    for p, n in zip(params, now):
        p.data.copy_(n)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("../demo"))
    parser.add_argument("--out", type=Path, default=Path("../loras/styles/night.safetensors"))
    parser.add_argument("--runs", type=Path, default=Path("runs/lora"), help="state, to go on from, and samples")
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--alpha", type=int, default=16)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--minutes", type=float, default=1e9, help="end the schedule by then, if sooner than --steps")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--fresh", type=int, default=12, help="new pictures per step")
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--decay", type=float, default=0.5, help="share of the schedule in which the rate falls to 0")
    parser.add_argument("--every", type=float, default=4, help="minutes between two samples")
    parser.add_argument("--threads", type=int, default=0)
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    args.runs.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    tokenizer = AutoTokenizer.from_pretrained(args.model / "tokenizer")
    dit = ZImageTransformer2DModel.from_pretrained(args.model / "transformer")
    text = Qwen3Model.from_pretrained(args.model / "text_encoder").requires_grad_(False)
    vae = AutoencoderKL.from_pretrained(args.model / "vae")
    tables = train_dit.rope_tables(dit, pictures.SIDE // 16)
    train_dit.check(dit, text, tokenizer, tables)
    adapters = adapt(dit, args.rank, args.alpha)
    params = [p for a in adapters.values() for p in (a.down, a.up)]
    optimizer = torch.optim.AdamW(params, args.lr, betas=(0.9, 0.98), weight_decay=0)
    mean, step, spent = [p.detach().clone() for p in params], 0, 0.0
    state_file = args.runs / "state.pt"
    if state_file.exists():
        state = torch.load(state_file)
        for p, saved in zip(params, state["params"]):
            p.data.copy_(saved)
        optimizer.load_state_dict(state["optimizer"])
        mean, step, spent = state["mean"], state["step"], state["spent"]
        torch.manual_seed(3000 + step)
        print("resumed at step", step, flush=True)
    pool = train_dit.Pool(12000, vae, tokenizer, np.random.default_rng(3 + step), False, styles.draw_night, caption)
    pool.add(1000)
    print(f"{len(adapters)} weights, {sum(p.numel() for p in params) / 1e3:.0f} k parameters", flush=True)
    train_dit.COMPILE = True

    def save():
        state = {"params": [p.detach() for p in params], "optimizer": optimizer.state_dict(), "mean": mean,
                 "step": step, "spent": time.time() - began}
        torch.save(state, state_file.with_suffix(".tmp"))
        state_file.with_suffix(".tmp").rename(state_file)
        export(args.out, adapters, args.alpha, mean, step)
        look(args.runs / f"grid-{step:05d}.png", dit, text, tokenizer, vae, tables, adapters, params, mean)

    began = time.time() - spent
    last_save, total = time.time(), 0.0
    while True:
        progress = max(step / args.steps, (time.time() - began) / 60 / args.minutes)
        if progress >= 1:
            break
        optimizer.param_groups[0]["lr"] = args.lr * min(1, (step + 1) / 30, (1 - progress) / args.decay)
        pool.add(args.fresh)
        x, ids = pool.batch(args.batch)
        loss = train_dit.loss_of(dit, text, tables, x, ids, ids != tokenizer.pad_token_id).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        torch._foreach_lerp_(mean, [p.detach() for p in params], 1 - min(0.98, step / (step + 20)))
        total += loss.item()
        if step % 25 == 0:
            print(f"step {step} loss {total / 25:.4f} {(time.time() - began) / 60:.2f} min", flush=True)
            total = 0.0
        if time.time() - last_save > args.every * 60:
            save()
            last_save = time.time()
    save()


if __name__ == "__main__":
    main()
