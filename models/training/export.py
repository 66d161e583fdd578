"""Puts the trained parts together as a diffusers folder of a Z-Image model."""

import argparse
import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, ZImagePipeline, ZImageTransformer2DModel
from transformers import AutoTokenizer, Qwen3Model

from train_dit import SHIFT
from train_vae import LinearEncoder, captioned, to_tensor


def edit_json(file, **changes):
    content = json.loads(file.read_text())
    content.update(changes)
    file.write_text(json.dumps({k: v for k, v in content.items() if k != "_name_or_path"}, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vae", type=Path, default=Path("runs/vae/final"))
    parser.add_argument("--dit", type=Path, default=Path("runs/dit"))
    parser.add_argument("--out", type=Path, default=Path("../demo"))
    parser.add_argument("--bf16", action="store_true", help="half the size (the default is float32)")
    args = parser.parse_args()
    dtype = torch.bfloat16 if args.bf16 else torch.float32
    vae = AutoencoderKL.from_pretrained(args.vae)
    rng = np.random.default_rng(11)
    z = LinearEncoder(vae, rng)(to_tensor(captioned(1000, rng)))
    z = (z - vae.config.shift_factor) * vae.config.scaling_factor
    print(f"latents of captioned pictures, scaled: mean {z.mean():.4f}, std {z.std():.4f}, "
          f"std of the channels {z.std((0, 2, 3)).min():.3f} to {z.std((0, 2, 3)).max():.3f}")
    tokenizer = AutoTokenizer.from_pretrained(args.dit / "tokenizer")
    pipe = ZImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=SHIFT, use_dynamic_shifting=False),
        vae=vae.to(dtype),
        text_encoder=Qwen3Model.from_pretrained(args.dit / "text_encoder").to(dtype),
        tokenizer=tokenizer,
        transformer=ZImageTransformer2DModel.from_pretrained(args.dit / "transformer").to(dtype),
    )
    with tempfile.TemporaryDirectory(dir=args.out.parent if args.out.parent.exists() else None) as tmp:
        tmp = Path(tmp)
        pipe.save_pretrained(tmp)
        shutil.rmtree(tmp / "tokenizer")
        shutil.copytree(args.dit / "tokenizer", tmp / "tokenizer")
        # Readers other than the newest transformers look for rope_theta at the top level.
        theta = pipe.text_encoder.config.rope_parameters["rope_theta"]
        edit_json(tmp / "text_encoder/config.json", rope_theta=theta)
        for file in ["vae/config.json", "transformer/config.json"]:
            edit_json(tmp / file)
        for file in sorted(p for p in tmp.rglob("*") if p.is_file()):
            target = args.out / file.relative_to(tmp)
            target.parent.mkdir(parents=True, exist_ok=True)
            file.chmod(0o644)
            os.replace(file, target)  # one by one, each whole: a reader never sees half a file
    size = sum(p.stat().st_size for p in args.out.rglob("*") if p.is_file())
    print(f"{args.out}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
