"""The autoencoder: a linear encoder written into the weights, and a trained decoder.

GroupNorm subtracts the mean of a plain area, so an AutoencoderKL this small forgets absolute colour
and hardly learns. The way around it here:

* The encoder is the PCA of 8x8 patches, laid into the strided convolutions; every residual block is
  the identity. 16 numbers for 192 already keep the colour and the run of an edge. Each latent channel
  has mean 0 and standard deviation 1 over the captioned pictures, which is what a diffusion model
  wants, and since nothing of it is trained the transformer can start at once.
* Before a GroupNorm a signal c stands as (c, -c, K, -K) with a large constant K: the mean is 0, the
  variance is nearly the constant's, so the norm is a fixed scale. silu(c) - silu(-c) = c undoes the
  activation.
* The decoder starts as "the mean colour of every patch", kept by the same trick, and learns the edges. Its latents carry some noise, so that it forgives a transformer's small errors.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL

import pictures

LATENT = 16
WIDTHS = [32, 32, 64, 64]
GROUPS = 8
ENCODER_K, DECODER_K = 64.0, 16.0


def new_vae():
    return AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=LATENT, block_out_channels=WIDTHS,
        down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4,
        layers_per_block=1, norm_num_groups=GROUPS, sample_size=pictures.SIDE,
        use_quant_conv=False, use_post_quant_conv=False, force_upcast=False,
        scaling_factor=1.0, shift_factor=0.0,
    )


def captioned(count, rng):
    return [pictures.draw(pictures.training_scene(rng), rng) for _ in range(count)]


def batch(count, rng):
    """Half captioned pictures, half anything, [count, 3, SIDE, SIDE] in -1..1."""
    half = captioned(count // 2, rng) + [pictures.draw_anything(rng) for _ in range(count - count // 2)]
    return to_tensor(half)


def to_tensor(images):
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 127.5 - 1


def principal_components(vectors, keep):
    """Rows: the `keep` directions of most variance, most first."""
    _, directions = torch.linalg.eigh(vectors.T.double().cov())
    return directions.flip(1)[:, :keep].T.float()


def patches(x, size):
    """[N, C, H, W] to rows of C*size*size, in a convolution's order (c, y, x)."""
    return F.unfold(x, size, stride=size).transpose(1, 2).flatten(0, 1)


def silence_residuals(*nets):
    """Makes every residual block and attention the identity (their last layer becomes 0)."""
    for net in nets:
        for name, p in net.named_parameters():
            if ".conv2." in name or ".to_out.0." in name:
                p.data.zero_()


@torch.no_grad()
def lay_in_encoder(vae, rng):
    """Writes the PCA into the encoder."""
    enc = vae.encoder
    x = batch(600, rng)
    silence_residuals(enc)
    for conv in [enc.conv_in, enc.conv_out] + [b.downsamplers[0].conv for b in enc.down_blocks[:3]]:
        conv.weight.zero_()
        conv.bias.zero_()
    # Full size: the three colours. To 1/2: all 12 numbers of a 2x2 patch.
    enc.conv_in.weight[range(3), range(3), 1, 1] = 1
    half = enc.down_blocks[0].downsamplers[0].conv
    for c in range(3):
        for y in range(2):
            for k in range(2):
                half.weight[c * 4 + y * 2 + k, c, y, k] = 1
    # To 1/4: 48 numbers, of which the 32 that vary most stay.
    h = F.conv2d(F.pad(x, (0, 1, 0, 1)), half.weight[:12, :3], stride=2)
    quarter = enc.down_blocks[1].downsamplers[0].conv
    first = principal_components(patches(h, 2), WIDTHS[1])
    quarter.weight[:, :12, :2, :2] = first.view(-1, 12, 2, 2)
    h = F.conv2d(h, first.view(-1, 12, 2, 2), stride=2)
    # To 1/8: 128 numbers to the 16 latents, each scaled and shifted to std 1, mean 0.
    shortcut = enc.down_blocks[2].resnets[0].conv_shortcut
    shortcut.weight.zero_()
    shortcut.bias.zero_()
    shortcut.weight[range(WIDTHS[1]), range(WIDTHS[1]), 0, 0] = 1
    second = principal_components(patches(h, 2), LATENT)
    p = F.conv2d(to_tensor(captioned(2000, rng)), half.weight[:12, :3, :2, :2], stride=2)
    p = patches(F.conv2d(p, first.view(-1, 12, 2, 2), stride=2), 2) @ second.T
    std, mean = p.std(0), p.mean(0)
    second = (second / std[:, None]).view(LATENT, WIDTHS[1], 2, 2)
    last = enc.down_blocks[2].downsamplers[0].conv
    # Each of the 8 groups: two latents and their negatives, then the constants.
    for i in range(LATENT):
        plus = i // 2 * 8 + i % 2 * 2
        last.weight[plus, : WIDTHS[1], :2, :2] = second[i]
        last.weight[plus + 1, : WIDTHS[1], :2, :2] = -second[i]
        last.bias[plus], last.bias[plus + 1] = -mean[i] / std[i], mean[i] / std[i]
        enc.conv_out.weight[i, plus, 1, 1], enc.conv_out.weight[i, plus + 1, 1, 1] = 1, -1
    signs = torch.tensor([1.0, -1.0] * 2)
    for group in range(GROUPS):
        last.bias[group * 8 + 4 : group * 8 + 8] = ENCODER_K * signs
    enc.conv_norm_out.weight.fill_(math.sqrt(ENCODER_K**2 / 2 + 0.5))
    enc.conv_norm_out.bias.zero_()
    # The second half of conv_out is the log variance of the posterior: a standard deviation of 0.02.
    enc.conv_out.bias[LATENT:] = 2 * math.log(0.02)


@torch.no_grad()
def lay_in_decoder(vae, rng):
    """Starts the decoder as the mean colour of each patch; the rest of the channels start random."""
    dec = vae.decoder
    silence_residuals(dec)
    # Least squares from a patch's latents to its mean colour.
    x = batch(200, rng)
    z = patches(vae.encode(x).latent_dist.mode(), 1)
    z = torch.cat([z, torch.ones(len(z), 1)], 1)
    to_color = torch.linalg.lstsq(z, patches(F.avg_pool2d(x, 8), 1)).solution
    base = torch.tensor([1.0, -1.0, 0.0, 0.0])
    for c in range(3):
        at = slice(4 * c, 4 * c + 4)
        dec.conv_in.weight[at].zero_()
        dec.conv_in.weight[at, :, 1, 1] = base[:, None] * to_color[:-1, c]
        dec.conv_in.bias[at] = base * to_color[-1, c]
    for name, module in dec.named_modules():
        if name.endswith(("upsamplers.0.conv", "conv_shortcut")):
            middle = module.weight.shape[-1] // 2
            module.weight[:12].zero_()
            module.weight[range(12), range(12), middle, middle] = 1
            module.bias[:12].zero_()
    # The constants enter only after the last upsampling: in front of an ordinary convolution such
    # large values would turn every small change of a weight into a large one.
    dec.up_blocks[2].upsamplers[0].conv.bias[:12] = DECODER_K * torch.tensor([0.0, 0.0, 1.0, -1.0] * 3)
    norms = [m for m in dec.up_blocks[3].modules() if isinstance(m, torch.nn.GroupNorm)]
    for norm in norms + [dec.conv_norm_out]:
        for c in range(3):  # give the colours back their size
            norm.weight[4 * c : 4 * c + 2] = DECODER_K / math.sqrt(2)
    dec.conv_out.weight.mul_(0.1)
    dec.conv_out.weight[:, :12].zero_()
    dec.conv_out.bias.zero_()
    for c in range(3):
        dec.conv_out.weight[c, 4 * c, 1, 1], dec.conv_out.weight[c, 4 * c + 1, 1, 1] = 1, -1


def psnr(a, b):
    return -10 * torch.log10(((a - b) / 2).square().mean((1, 2, 3))).mean().item()


@torch.no_grad()
def report(vae, x):
    out = torch.cat([vae.decode(vae.encode(part).latent_dist.mode()).sample for part in x.split(8)])
    return f"captioned {psnr(out[: len(x) // 2], x[: len(x) // 2]):.2f} dB, anything {psnr(out[len(x) // 2 :], x[len(x) // 2 :]):.2f} dB"


class LinearEncoder:
    """The VAE's encoder as one matrix, found by probing it: it is linear (see above), and a
    matrix is a hundred times cheaper. Gives latents as the VAE does, unscaled."""

    @torch.no_grad()
    def __init__(self, vae, rng):
        def probe(count):
            x = to_tensor([pictures.draw_anything(rng) for _ in range(count)])
            z = torch.cat([vae.encode(part).latent_dist.mode() for part in x.split(8)])
            return self._rows(x).double(), patches(z, 1).double()

        rows, latents = probe(48)
        self.matrix = torch.linalg.lstsq(rows, latents).solution.float()
        rows, latents = probe(16)
        error = ((rows.float() @ self.matrix - latents).norm() / latents.norm()).item()
        assert error < 0.01, f"the encoder is not linear: {error}"

    def _rows(self, x):
        rows = patches(x, 8)
        return torch.cat([rows, torch.ones(len(rows), 1)], 1)

    def __call__(self, x):
        side = x.shape[-1] // 8
        return (self._rows(x) @ self.matrix).view(len(x), side, side, -1).permute(0, 3, 1, 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/vae"))
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--noise", type=float, default=0.12, help="largest noise on a training latent")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=1e9, help="end the schedule by then, if sooner than --steps")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    rng = np.random.default_rng(1)
    test = batch(64, np.random.default_rng(2))
    state_file = args.out / "state.pt"
    vae = new_vae()
    if (args.out / "start/config.json").exists():
        vae = AutoencoderKL.from_pretrained(args.out / "start")
    else:
        lay_in_encoder(vae, rng)
        lay_in_decoder(vae, rng)
        vae.save_pretrained(args.out / "start")  # from here on the encoder is final
        print("start:", report(vae, test), flush=True)
    vae.encoder.requires_grad_(False)
    encode = LinearEncoder(vae, rng)
    vae.decoder.to(memory_format=torch.channels_last)
    params = list(vae.decoder.parameters())
    mean = [p.detach().clone() for p in params]  # moving average of the weights: what is saved
    optimizer = torch.optim.AdamW(params, lr=args.lr, betas=(0.9, 0.98), weight_decay=0)
    step, spent = 0, 0.0
    if state_file.exists():
        state = torch.load(state_file)
        step, spent, mean = state["step"], state["spent"], state["mean"]
        vae.decoder.load_state_dict(state["decoder"])
        optimizer.load_state_dict(state["optimizer"])
        rng = np.random.default_rng(1000 + step)
    began, last_save = time.time() - spent, time.time()
    total = 0.0
    while True:
        progress = max(step / args.steps, (time.time() - began) / 60 / args.minutes)
        if progress >= 1:
            break
        optimizer.param_groups[0]["lr"] = args.lr * min(1, (step + 1) / 100) * (0.02 + 0.98 * math.cos(progress * math.pi / 2) ** 2)
        x = batch(args.batch, rng)
        with torch.no_grad():
            z = encode(x)
            z += torch.randn_like(z) * (torch.rand(len(z), 1, 1, 1) * 2 - 1).clamp(min=0) * args.noise
        with torch.autocast("cpu", torch.bfloat16):
            out = vae.decode(z.to(memory_format=torch.channels_last)).sample.float()
        error = out - x
        loss = error.abs().mean() + 2 * error.square().mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 0.5)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        torch._foreach_lerp_(mean, [p.detach() for p in params], 1 - min(0.998, step / (step + 20)))
        total += loss.item()
        if step % 50 == 0:
            print(f"step {step} loss {total / 50:.5f} {(time.time() - began) / 60:.1f} min", flush=True)
            total = 0.0
        if time.time() - last_save > 150:
            save(args.out, vae, params, mean, optimizer, step, time.time() - began)
            print("saved:", report(AutoencoderKL.from_pretrained(args.out / "vae"), test), flush=True)
            last_save = time.time()
    save(args.out, vae, params, mean, optimizer, step, time.time() - began)
    print("done:", report(AutoencoderKL.from_pretrained(args.out / "vae"), test), flush=True)


def save(out, vae, params, mean, optimizer, step, spent):
    state = {"step": step, "spent": spent, "mean": mean, "decoder": vae.decoder.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(state, out / "state.tmp")
    (out / "state.tmp").rename(out / "state.pt")
    now = [p.detach().clone() for p in params]
    for p, m in zip(params, mean):
        p.data.copy_(m)
    vae.save_pretrained(out / "vae")
    for p, n in zip(params, now):
        p.data.copy_(n)


if __name__ == "__main__":
    main()
