"""The 4x upscaler that comes with Weft: an RRDB network of a quarter of a million weights, for the demo's pictures.

It starts as bilinear enlarging (`rrdb.py`) and learns to draw what `pictures.py` would have drawn on a canvas four times as large, from pictures with the faults of the
demo model (see `upscaler_data.py`). The error is the absolute difference, plus that of the slopes between neighbouring
pixels, which keeps edges sharp. Of the weights a running mean is written, in float16.

    python train_upscaler.py --minutes 55     # ../upscale_models/demo_x4.safetensors: needs nothing but ../demo
    python train_upscaler.py --report         # the figures of what is there
"""

import argparse
import copy
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from rrdb import SCALE, Rrdb
from upscaler_data import DemoModel, Pool, held_out_pairs

METADATA = {
    "modelspec.sai_model_spec": "1.0.0",
    "modelspec.title": "Demo x4",
    "modelspec.architecture": "esrgan",
    "modelspec.description": "Draws the plain shapes of the demo model four times as large.",
    "modelspec.license": "MIT OR Apache-2.0",
    "format": "pt",
}


def slopes(x):
    return x[..., 1:] - x[..., :-1], x[..., 1:, :] - x[..., :-1, :]


def loss_of(out, truth, edge):
    difference = sum((a - b).abs().mean() for a, b in zip(slopes(out), slopes(truth)))
    return (out - truth).abs().mean() + edge * difference


def psnr(a, b):
    """dB of each picture in 0..1."""
    return -10 * torch.log10((a - b).square().mean((1, 2, 3)))


def ssim(a, b):
    """Structural similarity of each picture (Wang et al. 2004): Gaussian window of 11 pixels, sigma 1.5, mean over colours."""
    at = torch.arange(11) - 5.0
    line = torch.exp(-at.square() / (2 * 1.5**2))
    window = (line[:, None] * line / line.sum() ** 2).expand(3, 1, 11, 11)
    mean = lambda x: F.conv2d(x, window, groups=3)  # noqa: E731
    ma, mb = mean(a), mean(b)
    va, vb, cov = mean(a * a) - ma * ma, mean(b * b) - mb * mb, mean(a * b) - ma * mb
    c1, c2 = 0.01**2, 0.03**2
    return ((2 * ma * mb + c1) * (2 * cov + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2))).mean((1, 2, 3))


def bicubic(x):
    return F.interpolate(x, scale_factor=SCALE, mode="bicubic").clamp(0, 1)


@torch.no_grad()
def report(net, pairs):
    """PSNR and SSIM against the large drawing, of the network and of bicubic enlarging, on the same small pictures."""
    lines = []
    for name, enlarge in (("network", lambda x: net(x).clamp(0, 1)), ("bicubic", bicubic)):
        scores = [(psnr(enlarge(s), l), ssim(enlarge(s), l)) for s, l in zip(pairs[0].split(4), pairs[1].split(4))]
        db, similar = (torch.cat(part).mean().item() for part in zip(*scores))
        lines.append(f"{name} {db:.2f} dB, SSIM {similar:.4f}")
    return "; ".join(lines)


def export(file, net, step):
    file.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: p.detach().half().contiguous() for name, p in net.state_dict().items()}
    save_file(tensors, file, {**METADATA, "steps": str(step)})
    file.chmod(0o644)


def load(file):
    net = Rrdb()
    net.load_state_dict({name: p.float() for name, p in load_file(file).items()})
    return net


class Training:
    """The network, its running mean and the optimizer, which are saved and gone on from together."""

    def __init__(self, args):
        self.args, self.net, self.step, self.spent = args, Rrdb().to(memory_format=torch.channels_last), 0, 0.0
        self.mean = copy.deepcopy(self.net).requires_grad_(False)
        self.optimizer = torch.optim.Adam(self.net.parameters(), args.lr, betas=(0.9, 0.99))
        self.file = args.runs / "state.pt"
        if self.file.exists():
            state = torch.load(self.file)
            for part in ("net", "mean", "optimizer"):
                getattr(self, part).load_state_dict(state[part])
            self.step, self.spent = state["step"], state["spent"]
            print("resumed at step", self.step, flush=True)
        self.began = time.time() - self.spent

    def minutes(self):
        return (time.time() - self.began) / 60

    def progress(self):
        return max(self.step / self.args.steps, self.minutes() / self.args.minutes)

    def learn(self, small, large):
        rate = self.args.lr * min(1, (self.step + 1) / 50) * (0.01 + 0.99 * math.cos(self.progress() * math.pi / 2) ** 2)
        self.optimizer.param_groups[0]["lr"] = rate
        with torch.autocast("cpu", torch.bfloat16):
            out = self.net(small.to(memory_format=torch.channels_last))
        loss = loss_of(out.float(), large, self.args.edge)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 0.5)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        share = 1 - min(0.998, self.step / (self.step + 20))
        torch._foreach_lerp_(list(self.mean.parameters()), [p.detach() for p in self.net.parameters()], share)
        return loss.item()

    def save(self):
        parts = {part: getattr(self, part).state_dict() for part in ("net", "mean", "optimizer")}
        torch.save({**parts, "step": self.step, "spent": time.time() - self.began}, self.file.with_suffix(".tmp"))
        self.file.with_suffix(".tmp").rename(self.file)
        export(self.args.out, self.mean, self.step)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("../demo"))
    parser.add_argument("--out", type=Path, default=Path("../upscale_models/demo_x4.safetensors"))
    parser.add_argument("--runs", type=Path, default=Path("runs/upscaler"), help="state, to go on from")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--minutes", type=float, default=1e9, help="end the schedule by then, if sooner than --steps")
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--side", type=int, default=24, help="of a crop, in small pixels")
    parser.add_argument("--pool", type=int, default=1200, help="pairs that are held, 0.8 MB each")
    parser.add_argument("--fresh", type=int, default=3, help="new pairs for every 8 steps")
    parser.add_argument("--lr", type=float, default=6e-4)
    parser.add_argument("--edge", type=float, default=0.5, help="weight of the slopes' error")
    parser.add_argument("--every", type=float, default=5, help="minutes between two saves")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--report", action="store_true", help="only measure --out, on 200 held-out scenes")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    demo = DemoModel(args.model)
    if args.report:
        print(report(load(args.out), held_out_pairs(demo, 200)))
        return
    args.runs.mkdir(parents=True, exist_ok=True)
    test, training = held_out_pairs(demo, 2), Training(args)
    pool = Pool(demo, args.pool, np.random.default_rng(training.step))
    pool.add(24)
    print(f"{sum(p.numel() for p in training.net.parameters()) / 1e3:.0f} k parameters", flush=True)
    saved, total = time.time(), 0.0
    while training.progress() < 1:
        if training.step % 8 == 0:
            pool.add(args.fresh)
        total += training.learn(*pool.batch(args.batch, args.side))
        if training.step % 20 == 0:
            print(f"step {training.step} loss {total / 20:.5f} {training.minutes():.1f} min", flush=True)
            total = 0.0
        if time.time() - saved > args.every * 60:
            training.save()
            print("saved:", report(training.mean, test), flush=True)
            saved = time.time()
    training.save()
    print("done:", report(training.mean, test), flush=True)


if __name__ == "__main__":
    main()
