"""Pairs for the upscaler: pictures as the demo model would give them, and the same drawn four times as large.

The small picture is the mean over 4x4 pixels of the large one, so that a pair fits exactly. Some go in as they are, the
others through the demo's autoencoder; of those, some with the transformer's own errors as well: their latents get noise
as in the middle of sampling, and the transformer takes the remaining steps from there.
"""

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, ZImageTransformer2DModel
from transformers import AutoTokenizer, Qwen3Model

import pictures
from rrdb import SCALE
from train_dit import encode_text, rope_tables, sigmas, tokenize, velocity
from train_vae import LinearEncoder


def to_tensor(images):
    """[H, W, 3] of uint8, many, to [N, 3, H, W] in 0..1."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255


def shrink(x):
    """The mean over SCALE x SCALE pixels, as eight bits hold it."""
    return torch.nn.functional.avg_pool2d(x, SCALE).mul(255).round() / 255


class DemoModel:
    """The parts of the demo model that give a picture its faults."""

    def __init__(self, folder):
        folder = Path(folder)
        self.vae = AutoencoderKL.from_pretrained(folder / "vae")
        self.dit = ZImageTransformer2DModel.from_pretrained(folder / "transformer")
        self.text = Qwen3Model.from_pretrained(folder / "text_encoder")
        self.tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer")
        self.linear = LinearEncoder(self.vae, np.random.default_rng(0))
        self.tables = rope_tables(self.dit, pictures.SIDE // 16)
        self.config = self.vae.config

    @torch.no_grad()
    def encode(self, x):
        return (self.linear(x * 2 - 1) - self.config.shift_factor) * self.config.scaling_factor

    @torch.no_grad()
    def decode(self, z):
        """To pictures of eight bits in 0..1."""
        x = self.vae.decode(z / self.config.scaling_factor + self.config.shift_factor).sample
        return (x / 2 + 0.5).clamp(0, 1).mul(255).round() / 255

    @torch.no_grad()
    def resample(self, z, captions, first):
        """Noise as before step `first` of 8, and the steps from there."""
        ids, mask = tokenize(self.tokenizer, captions)
        cap, s = encode_text(self.text, ids), sigmas(8)
        z = (1 - s[first]) * z + s[first] * torch.randn_like(z)
        for now, then in zip(s[first:-1], s[first + 1 :]):
            z = z - (then - now) * velocity(self.dit, z, (1 - now).expand(len(z)), cap, mask, self.tables)
        return z


def scene_pairs(demo, count, rng, resampled=0.5, clean=0.2):
    """`count` training scenes: small and large pictures. Shares: with the transformer's errors, without any."""
    scenes = [pictures.training_scene(rng) for _ in range(count)]
    large = to_tensor([pictures.draw(scene, rng, SCALE) for scene in scenes])
    small, kind = shrink(large), rng.random(count)
    errors, codec = np.flatnonzero(kind < resampled), np.flatnonzero(kind < 1 - clean)
    if len(codec):
        z = demo.encode(small)
        if len(errors):
            captions = [pictures.caption(scenes[i]) for i in errors]
            z[errors] = demo.resample(z[errors], captions, int(rng.choice([5, 6, 7], p=[0.3, 0.3, 0.4])))
        small[codec] = demo.decode(z[codec])
    return small, large


def any_pairs(demo, count, rng, clean=0.4):
    """`count` pictures of anything, so that every colour, edge and gradient works."""
    large = to_tensor([pictures.draw_anything(rng, SCALE) for _ in range(count)])
    small, codec = shrink(large), np.flatnonzero(rng.random(count) >= clean)
    if len(codec):
        small[codec] = demo.decode(demo.encode(small[codec]))
    return small, large


def held_out_pairs(demo, count):
    """`count` held-out scenes through the autoencoder: what the figures are measured on."""
    rng = np.random.default_rng(11)
    large = to_tensor([pictures.draw(scene, rng, SCALE) for scene in pictures.held_out_scenes(count, seed=11)])
    return demo.decode(demo.encode(shrink(large))), large


class Pool:
    """A ring of pairs in eight bits; a few new ones replace the oldest now and then."""

    def __init__(self, demo, size, rng):
        self.demo, self.size, self.rng, self.pairs, self.next = demo, size, rng, [], 0

    def add(self, count):
        parts = scene_pairs(self.demo, count - count // 3, self.rng), any_pairs(self.demo, count // 3, self.rng)
        for small, large in (pair for part in parts for pair in zip(*part)):
            pair = small.mul(255).round().byte(), large.mul(255).round().byte()
            if len(self.pairs) < self.size:
                self.pairs.append(pair)
            else:
                self.pairs[self.next] = pair
                self.next = (self.next + 1) % self.size

    def batch(self, count, side):
        """Crops of `side` small pixels, mostly with an edge in them: [N, 3, side, side] and SCALE times as large."""
        crops = []
        while len(crops) < count:
            small, large = self.pairs[self.rng.integers(len(self.pairs))]
            y, x = np.clip(self.rng.integers(-8, small.shape[-1] - side + 9, 2), 0, small.shape[-1] - side)
            crop = small[:, y : y + side, x : x + side]
            if crop.float().std((1, 2)).max() > 4 or self.rng.random() < 0.1:
                y, x, big = y * SCALE, x * SCALE, side * SCALE
                crops.append((crop, large[:, y : y + big, x : x + big]))
        return tuple(torch.stack(part).float() / 255 for part in zip(*crops))
