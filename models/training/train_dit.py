"""The transformer and the text encoder, trained together by flow matching.

All pictures have one size and all captions fit one block of 32 tokens, so a batch needs no masks:
`velocity` below is diffusers' forward pass for that case, on the same parameters, several times
faster. `--check` compares the two.
"""

import argparse
import copy
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, ZImageTransformer2DModel
from PIL import Image
from transformers import AutoTokenizer, Qwen3Config, Qwen3Model

import judge
import make_tokenizer
import pictures
from train_vae import LinearEncoder, to_tensor

CAPTION_TOKENS = 32
SHIFT = 3.0
DIM, HEADS, LAYERS, REFINERS = 192, 3, 6, 1
AXES = [16, 24, 24]
TEXT_DIM = 128
COMPILE = False  # set by main: training steps go through torch.compile, sampling does not


def new_models(vocabulary, pad):
    dit = ZImageTransformer2DModel(
        dim=DIM, n_layers=LAYERS, n_refiner_layers=REFINERS, n_heads=HEADS, n_kv_heads=HEADS,
        cap_feat_dim=TEXT_DIM, axes_dims=AXES, axes_lens=[1536, 256, 256],
    )
    text = Qwen3Model(Qwen3Config(
        vocab_size=vocabulary, hidden_size=TEXT_DIM, intermediate_size=384, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=2, head_dim=32, max_position_embeddings=4096,
        rms_norm_eps=1e-6, tie_word_embeddings=True, pad_token_id=pad,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
    ))
    for name, p in dit.named_parameters():
        if "adaLN_modulation" in name or "all_final_layer" in name:
            p.data.zero_()
        if "adaLN_modulation.0.bias" in name:  # gates a little open: tanh(0.3)
            p.data.view(4, -1)[[1, 3]] = 0.3
        if "pad_token" in name:
            torch.nn.init.normal_(p, std=0.02)
    torch.nn.init.normal_(text.embed_tokens.weight, std=0.5)
    return dit, text


def rope_tables(dit, grid):
    """cos and sin, [tokens, 1, head_dim / 2], of the image tokens and of the caption tokens."""
    rows, cols = torch.meshgrid(torch.arange(grid), torch.arange(grid), indexing="ij")
    image = torch.stack([torch.full_like(rows, CAPTION_TOKENS + 1), rows, cols], -1).view(-1, 3)
    text = torch.zeros(CAPTION_TOKENS, 3, dtype=torch.long)
    text[:, 0] = torch.arange(1, CAPTION_TOKENS + 1)
    tables = []
    for ids in (image, text):
        turn = dit.rope_embedder(ids).unsqueeze(1)
        tables.append((turn.real.contiguous(), turn.imag.contiguous()))
    return tables


def _rotate(x, cos, sin):
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(-2)


def _norm(x, weight, eps=1e-5):
    x = x.float()
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * weight


def _block_math(x, cos, sin, modulation, weights, heads):
    """One block as a function of plain tensors, so that one compiled version serves all blocks."""
    q, k, v, out, norm_q, norm_k, w1, w2, w3, before1, before2, after1, after2 = weights
    if modulation is None:
        scale1 = gate1 = scale2 = gate2 = 1.0
    else:
        scale1, gate1, scale2, gate2 = modulation.float().unsqueeze(1).chunk(4, -1)
        scale1, gate1, scale2, gate2 = 1 + scale1, gate1.tanh(), 1 + scale2, gate2.tanh()
    y = _norm(x, before1) * scale1
    q, k, v = F.linear(y, torch.cat([q, k, v])).unflatten(-1, (3, heads, -1)).unbind(2)
    q, k = (_rotate(_norm(a, n), cos, sin).to(v.dtype) for a, n in ((q, norm_q), (k, norm_k)))
    y = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2))
    x = x + gate1 * _norm(F.linear(y.transpose(1, 2).flatten(2), out), after1)
    y = _norm(x, before2) * scale2
    gate, up = F.linear(y, torch.cat([w1, w3])).chunk(2, -1)
    y = F.linear(F.silu(gate) * up, w2)
    return x + gate2 * _norm(y, after2)


_compiled = torch.compile(_block_math, dynamic=False)


def _block(block, x, table, temb=None):
    att, ffn = block.attention, block.feed_forward
    weights = [att.to_q.weight, att.to_k.weight, att.to_v.weight, att.to_out[0].weight,
               att.norm_q.weight, att.norm_k.weight, ffn.w1.weight, ffn.w2.weight, ffn.w3.weight,
               block.attention_norm1.weight, block.ffn_norm1.weight,
               block.attention_norm2.weight, block.ffn_norm2.weight]
    modulation = None if temb is None else block.adaLN_modulation[0](temb)
    run = _compiled if COMPILE and torch.is_grad_enabled() else _block_math
    return run(x, *table, modulation, weights, att.heads)


def velocity(dit, x, t, cap, cap_mask, tables):
    """The network's output for latents [B, C, H, W] at t = 1 - sigma: clean minus noise."""
    b, c, h, w = x.shape
    image_table, text_table = tables
    both = tuple(torch.cat(pair) for pair in zip(image_table, text_table))
    temb = dit.t_embedder(t * dit.t_scale)
    x = x.view(b, c, h // 2, 2, w // 2, 2).permute(0, 2, 4, 3, 5, 1).reshape(b, -1, 4 * c)
    x = dit.all_x_embedder["2-1"](x).float()
    for block in dit.noise_refiner:
        x = _block(block, x, image_table, temb)
    cap = dit.cap_embedder(cap).float()
    cap = torch.where(cap_mask.unsqueeze(-1), cap, dit.cap_pad_token)
    for block in dit.context_refiner:
        cap = _block(block, cap, text_table)
    n = x.shape[1]
    x = torch.cat([x, cap], 1)
    for block in dit.layers:
        x = _block(block, x, both, temb)
    x = dit.all_final_layer["2-1"](x[:, :n], temb).float()
    return x.view(b, h // 2, w // 2, 2, 2, c).permute(0, 5, 1, 3, 2, 4).reshape(b, c, h, w)


def _text_math(x, cos, sin, weights, heads, kv_heads):
    """One Qwen3 layer. Captions are padded at their end, so causal attention needs no other mask."""
    q, k, v, out, norm_q, norm_k, gate, up, down, before1, before2 = weights
    y = _norm(x, before1, 1e-6)
    q, k, v = (F.linear(y, w).unflatten(-1, (n, -1)).transpose(1, 2) for w, n in ((q, heads), (k, kv_heads), (v, kv_heads)))
    q, k = _norm(q, norm_q, 1e-6), _norm(k, norm_k, 1e-6)
    half = q.shape[-1] // 2
    q, k = ((a * cos + torch.cat([-a[..., half:], a[..., :half]], -1) * sin).to(v.dtype) for a in (q, k))
    k, v = (a.repeat_interleave(heads // kv_heads, 1) for a in (k, v))
    y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    x = x + F.linear(y.transpose(1, 2).flatten(2), out)
    y = _norm(x, before2, 1e-6)
    return x + F.linear(F.silu(F.linear(y, gate)) * F.linear(y, up), down)


_compiled_text = torch.compile(_text_math, dynamic=False)


def encode_text(text, ids):
    """Qwen3's hidden_states[-2]: the output of the last layer but one, without the final norm."""
    x = text.embed_tokens(ids)
    cos, sin = (a.detach() for a in text.rotary_emb(x, torch.arange(ids.shape[1])[None]))
    run = _compiled_text if COMPILE and torch.is_grad_enabled() else _text_math
    for layer in text.layers[:-1]:
        att, mlp = layer.self_attn, layer.mlp
        weights = [att.q_proj.weight, att.k_proj.weight, att.v_proj.weight, att.o_proj.weight,
                   att.q_norm.weight, att.k_norm.weight, mlp.gate_proj.weight, mlp.up_proj.weight,
                   mlp.down_proj.weight, layer.input_layernorm.weight, layer.post_attention_layernorm.weight]
        x = run(x, cos[0], sin[0], weights, text.config.num_attention_heads, text.config.num_key_value_heads)
    return x


def tokenize(tokenizer, captions):
    out = tokenizer([make_tokenizer.prompt(c) for c in captions], padding="max_length",
                    max_length=CAPTION_TOKENS, truncation=True, return_tensors="pt")
    return out.input_ids, out.attention_mask.bool()


class Pool:
    """A ring of latents and token ids; a few new pictures replace the oldest before every batch."""

    def __init__(self, size, vae, tokenizer, rng, hard, draw=pictures.draw, caption=pictures.caption):
        self.size, self.encoder, self.tokenizer, self.rng = size, LinearEncoder(vae, rng), tokenizer, rng
        self.shift, self.scale = vae.config.shift_factor, vae.config.scaling_factor
        self.draw, self.caption = draw, caption
        self.hard, self.latents, self.ids = hard, None, None
        self.at, self.filled = 0, 0

    def add(self, count):
        scenes = [pictures.training_scene(self.rng, self.hard) for _ in range(count)]
        z = self.encoder(to_tensor([self.draw(s, self.rng) for s in scenes]))
        z = (z - self.shift) * self.scale
        ids, _ = tokenize(self.tokenizer, [self.caption(s, self.rng) for s in scenes])
        if self.latents is None:
            self.latents = torch.empty(self.size, *z.shape[1:])
            self.ids = torch.empty(self.size, CAPTION_TOKENS, dtype=torch.long)
        where = (self.at + torch.arange(count)) % self.size
        self.latents[where], self.ids[where] = z, ids
        self.at = (self.at + count) % self.size
        self.filled = min(self.size, self.filled + count)

    def batch(self, count):
        pick = torch.randint(self.filled, (count,))
        return self.latents[pick], self.ids[pick]


class Muon(torch.optim.Optimizer):
    """Momentum whose update is made orthogonal by a Newton-Schulz iteration: for the matrices
    between hidden layers it needs about half the steps of Adam. Equal shapes go in one batch."""

    def __init__(self, params, lr, momentum=0.95, weight_decay=0.0):
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            shapes = {}
            for p in group["params"]:
                shapes.setdefault(p.shape, []).append(p)
            for shape, params in shapes.items():
                updates = []
                for p in params:
                    m = self.state[p].setdefault("momentum", torch.zeros_like(p))
                    m.lerp_(p.grad, 1 - group["momentum"])
                    updates.append(p.grad.lerp(m, group["momentum"]))
                u = orthogonal(torch.stack(updates)) * max(1, shape[0] / shape[1]) ** 0.5
                for p, d in zip(params, u):
                    p.mul_(1 - group["lr"] * group["weight_decay"]).add_(d.float(), alpha=-group["lr"])


def orthogonal(g, steps=5):
    a, b, c = 3.4445, -4.7750, 2.0315  # the quintic that pushes singular values towards 1 fastest
    x = g.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        s = x @ x.mT
        x = a * x + (b * s + c * (s @ s)) @ x
    return x.mT if tall else x


def sample_times(count):
    """Sigma, spread evenly over the batch: half of it as the sampler's steps lie, half logit-normal,
    both with the shift."""
    u = (torch.arange(count) + torch.rand(count)) / count
    u = u[torch.randperm(count)]
    half = count // 2
    u[:half] = torch.sigmoid(torch.randn(half))
    return SHIFT * u / (1 + (SHIFT - 1) * u)


def sigmas(steps):
    s = torch.linspace(1, 1 / steps, steps)
    return torch.cat([SHIFT * s / (1 + (SHIFT - 1) * s), torch.zeros(1)])


def loss_of(dit, text, tables, x, ids, mask):
    """The squared error of the velocity at random times, one number for each of the latents [B, C, H, W]."""
    noise, sigma = torch.randn_like(x), sample_times(len(x))
    with torch.autocast("cpu", torch.bfloat16):
        cap = encode_text(text, ids)
        s = sigma.view(-1, 1, 1, 1)
        v = velocity(dit, (1 - s) * x + s * noise, 1 - sigma, cap, mask, tables)
    return (v - (x - noise)).square().mean((1, 2, 3))


@torch.no_grad()
def sample(dit, text, tokenizer, vae, tables, captions, seed=0, steps=8):
    """Pictures as uint8 arrays: Euler steps without guidance, the same arithmetic as the pipeline's."""
    ids, mask = tokenize(tokenizer, captions)
    side = pictures.SIDE // 8
    x = torch.randn(len(captions), vae.config.latent_channels, side, side, generator=torch.Generator().manual_seed(seed))
    cap = encode_text(text, ids)
    s = sigmas(steps)
    for now, then in zip(s[:-1], s[1:]):
        v = torch.cat([velocity(dit, a, (1 - now).expand(len(a)), c, m, tables)
                       for a, c, m in zip(x.split(32), cap.split(32), mask.split(32))])
        x = x + (then - now) * -v
    x = x / vae.config.scaling_factor + vae.config.shift_factor
    out = torch.cat([vae.decode(part).sample for part in x.split(8)])
    return ((out.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()


def check(dit, text, tokenizer, tables):
    """The fast forward pass against diffusers' own, at batch 1 as the pipeline runs it."""
    captions = [pictures.caption(s) for s in pictures.held_out_scenes(3)]
    ids, mask = tokenize(tokenizer, captions)
    x = torch.randn(3, dit.in_channels, pictures.SIDE // 8, pictures.SIDE // 8)
    dit = copy.deepcopy(dit)
    with torch.no_grad():
        for p in dit.parameters():  # a fresh model gives 0: make every part count
            p.add_(torch.randn_like(p) * 0.05)
        cap = encode_text(text, ids)
        theirs = text(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states[-2]
        error = ((cap - theirs)[mask].norm() / theirs[mask].norm()).item()
        assert error < 1e-5, f"the fast text encoder differs by {error}"
        for sigma in (1.0, 0.5, 0.05):
            t = torch.full((3,), 1 - sigma)
            mine = velocity(dit, x, t, cap, mask, tables)
            for i in range(3):
                theirs = dit([x[i].unsqueeze(1)], t[i : i + 1], [cap[i][mask[i]]], return_dict=False)[0][0].squeeze(1)
                error = ((mine[i] - theirs).norm() / theirs.norm()).item()
                assert error < 1e-4, f"the fast forward pass differs by {error}"
    print("the fast forward passes equal those of diffusers and transformers", flush=True)


def grid_picture(images, columns=10):
    rows = [np.concatenate(images[i : i + columns], 1) for i in range(0, len(images) - columns + 1, columns)]
    return Image.fromarray(np.concatenate(rows, 0))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vae", type=Path, default=Path("runs/vae/vae"))
    parser.add_argument("--out", type=Path, default=Path("runs/dit"))
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--minutes", type=float, default=1e9, help="end the schedule by then, if sooner than --steps")
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--fresh", type=int, default=12, help="new pictures per step")
    parser.add_argument("--pool", type=int, default=24000)
    parser.add_argument("--lr", type=float, default=2e-3, help="of Adam, for vectors, embeddings, first and last layers")
    parser.add_argument("--muon-lr", type=float, default=0.02)
    parser.add_argument("--decay", type=float, default=0.5, help="share of the schedule in which the rate falls to 0")
    parser.add_argument("--every", type=float, default=8, help="minutes between two judged samples")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--hard", action="store_true", help="more small rings, stars and crosses: for a last round")
    parser.add_argument("--check", action="store_true", help="only compare the forward passes")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    rng = np.random.default_rng(3)
    if not (args.out / "tokenizer").exists():
        make_tokenizer.make(args.out / "tokenizer")
    tokenizer = AutoTokenizer.from_pretrained(args.out / "tokenizer")
    dit, text = new_models(len(tokenizer), tokenizer.pad_token_id)
    tables = rope_tables(dit, pictures.SIDE // 16)
    modules = torch.nn.ModuleDict({"dit": dit, "text": text})
    # The last layer and the final norm of the text encoder come after hidden_states[-2]: unused.
    unused = ("text.layers.2.", "text.norm.", "dit.x_pad_token")
    named = [(n, p) for n, p in modules.named_parameters() if not n.startswith(unused)]
    hidden = [p for n, p in named if p.ndim == 2 and any(k in n for k in (".attention.", ".feed_forward.", ".self_attn.", ".mlp.")) and "t_embedder" not in n]
    rest = [p for n, p in named if all(p is not h for h in hidden)]
    optimizers = [Muon(hidden, args.muon_lr, weight_decay=0.01), torch.optim.AdamW(rest, args.lr, betas=(0.9, 0.98), weight_decay=0)]
    rates = [args.muon_lr, args.lr]
    params = [p for _, p in named]
    mean = [p.detach().clone() for p in params]
    step, spent = 0, 0.0
    state_file = args.out / "state.pt"
    if state_file.exists():
        state = torch.load(state_file)
        modules.load_state_dict(state["modules"])
        step, spent, mean = state["step"], state["spent"], state["mean"]
        for o, s in zip(optimizers, state["optimizers"]):
            o.load_state_dict(s)
        rng = np.random.default_rng(3000 + step)
        torch.manual_seed(3000 + step)
        print("resumed at step", step, flush=True)
    check(dit, text, tokenizer, tables)
    if args.check:
        return
    pool = Pool(args.pool, AutoencoderKL.from_pretrained(args.vae), tokenizer, rng, args.hard)
    pool.add(1500)
    z = pool.latents[: pool.filled]
    print(f"latents: mean {z.mean():.3f}, std {z.std():.3f}; {sum(p.numel() for p in dit.parameters()) / 1e6:.2f} M + "
          f"{sum(p.numel() for p in text.parameters()) / 1e6:.2f} M parameters", flush=True)

    global COMPILE
    COMPILE = not args.no_compile
    pad = tokenizer.pad_token_id
    began = time.time() - spent
    last_save, last_look = time.time(), time.time()
    total = 0.0
    while True:
        progress = max(step / args.steps, (time.time() - began) / 60 / args.minutes)
        if progress >= 1:
            break
        factor = min(1, (step + 1) / 100, max(0.0, (1 - progress) / args.decay))
        for o, r in zip(optimizers, rates):
            o.param_groups[0]["lr"] = r * factor
        pool.add(args.fresh if pool.filled >= pool.size / 4 else 2 * args.fresh)
        x, ids = pool.batch(args.batch)
        loss = loss_of(dit, text, tables, x, ids, ids != pad).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(rest, 1.0)
        for o in optimizers:
            o.step()
        modules.zero_grad(set_to_none=True)
        step += 1
        torch._foreach_lerp_(mean, [p.detach() for p in params], 1 - min(0.99, step / (step + 30)))
        total += loss.item()
        if step % 50 == 0:
            print(f"step {step} loss {total / 50:.4f} {(time.time() - began) / 60:.2f} min rate {factor:.2f}", flush=True)
            total = 0.0
        done = step >= args.steps
        if time.time() - last_save > 180 or done:
            save(state_file, modules, optimizers, mean, step, time.time() - began)
            last_save = time.time()
        if time.time() - last_look > args.every * 60 or done:
            look(args, modules, params, mean, tokenizer, tables, step)
            last_look = time.time()
    save(state_file, modules, optimizers, mean, step, time.time() - began)
    look(args, modules, params, mean, tokenizer, tables, step)


def save(file, modules, optimizers, mean, step, spent):
    state = {"modules": modules.state_dict(), "optimizers": [o.state_dict() for o in optimizers],
             "mean": mean, "step": step, "spent": spent}
    torch.save(state, file.with_suffix(".tmp"))
    file.with_suffix(".tmp").rename(file)


def look(args, modules, params, mean, tokenizer, tables, step):
    """Saves the averaged weights, samples held-out captions with them and judges the pictures."""
    now = [p.detach().clone() for p in params]
    for p, m in zip(params, mean):
        p.data.copy_(m)
    modules["dit"].save_pretrained(args.out / "transformer")
    modules["text"].save_pretrained(args.out / "text_encoder")
    scenes = pictures.held_out_scenes(60, seed=100)  # other ones than the final judgement's
    vae = AutoencoderKL.from_pretrained(args.vae)
    images = sample(modules["dit"], modules["text"], tokenizer, vae, tables, [pictures.caption(s) for s in scenes])
    grid_picture(images).save(args.out / f"grid-{step:06d}.png")
    print(f"step {step}:", judge.summary(list(zip(scenes, [judge.judge(i, s) for i, s in zip(images, scenes)]))), flush=True)
    for p, n in zip(params, now):
        p.data.copy_(n)


if __name__ == "__main__":
    main()
