"""Writes tests/golden/units/samplers.json and schedules.json: what ComfyUI's samplers and schedules make of a toy
denoiser, and what diffusers' Z-Image pipeline makes of its guidance.

    python make_samplers.py COMFYUI [OUT]      COMFYUI: a folder of its source; OUT: default ../golden/units

ComfyUI's code runs as it lies there; what it imports and the samplers do not use (weights, patches, Brownian trees) is
replaced by empty modules. The goldens came from its commit a125cd84b054. Walks run in float64, tables in float32 as there.
Noise of stochastic samplers is given, so that the numbers compare without anybody's generator.
"""

import argparse
import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import scipy.stats
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, ZImagePipeline

STUBS = [
    "torchsde", "comfy.model_management", "comfy.sampler_helpers", "comfy.model_patcher", "comfy.patcher_extension",
    "comfy.hooks", "comfy.context_windows", "comfy.utils", "comfy.extra_samplers", "comfy.memory_management",
    "comfy.ldm.modules.diffusionmodules.util",
]
SAMPLERS = ["euler", "euler_ancestral", "heun", "dpmpp_2m", "dpmpp_2m_sde", "res_multistep", "lcm"]
STOCHASTIC = {"euler_ancestral", "dpmpp_2m_sde", "lcm"}
SCHEDULES = ["simple", "sgm_uniform", "beta", "karras", "exponential"]
SHAPE = (1, 1, 2, 3)
MASK = [0.0, 0.25, 1.0, 0.5, 1.0, 0.0]
TOY = {"a": 1.2, "b": 0.9, "c": -0.7, "d": 0.15}


def toy(x, sigma, d=TOY["d"]):
    """A denoised estimate that bends with x and sigma."""
    return TOY["a"] * torch.tanh(TOY["b"] * x + TOY["c"] * sigma) + d


def waves(count, phase):
    """Numbers that every language makes alike, of about a normal's size."""
    return torch.tensor([1.3 * math.sin(1.7 * i + phase) for i in range(count)], dtype=torch.float64)


class Model:
    """What ComfyUI's samplers see of a model: a flow with shift, and the toy."""

    def __init__(self, comfy, shift):
        class Sampling(comfy.model_sampling.ModelSamplingDiscreteFlow, comfy.model_sampling.CONST):
            pass

        config = SimpleNamespace(sampling_settings={"shift": shift, "multiplier": 1.0})
        self.model_sampling = Sampling(config)
        self.inner_model = self.model_patcher = self
        self.load_device, self.model_options = "cpu", {}

    def get_model_object(self, name):
        return getattr(self, name)

    def scale_latent_inpaint(self, sigma, noise, latent_image, **_):
        return self.model_sampling.noise_scaling(sigma.reshape(-1, 1, 1, 1), noise, latent_image)

    def __call__(self, x, sigma, **_):
        return toy(x, sigma.reshape(-1, 1, 1, 1))


def load(folder):
    sys.path.insert(0, str(folder))
    for name in STUBS:
        sys.modules[name] = MagicMock()
    import comfy.k_diffusion.sampling
    import comfy.model_sampling
    import comfy.samplers

    comfy.k_diffusion.sampling.trange = lambda count, **_: range(count)
    return comfy


def levels(comfy, model, schedule, steps, denoise):
    return comfy.samplers.KSampler(model, steps, "cpu", "euler", schedule, denoise).sigmas


def walk(comfy, row, mask=None):
    """The row with the noise levels that it walked through and where it came to."""
    model = Model(comfy, row["shift"])
    sigmas = levels(comfy, model, row["schedule"], row["steps"], row["denoise"])
    calls = iter(range(len(sigmas)))
    # Step i takes the numbers of phase i + 1; the start is phase 0, the picture below it phase -1.
    fresh = {"noise_sampler": lambda *_: waves(6, next(calls) + 1).reshape(SHAPE)}
    sampler = comfy.samplers.ksampler(row["sampler"], fresh if row["sampler"] in STOCHASTIC else {})
    start, picture = waves(6, 0).reshape(SHAPE), waves(6, -1).reshape(SHAPE)
    mask = None if mask is None else torch.tensor(mask, dtype=torch.float64).reshape(SHAPE)
    result = sampler.sample(model, sigmas.double(), {}, None, start, picture, mask)
    return row | {"sigmas": exact(sigmas), "result": [float(x) for x in result.ravel()]}


def walks(comfy):
    runs = [("simple", steps, 3.0, 1.0) for steps in (1, 2, 3, 8, 20)]
    runs += [(schedule, 8, 3.0, 1.0) for schedule in SCHEDULES[1:]]
    runs += [("simple", 4, 1.0, 1.0), ("karras", 5, 6.0, 0.6), ("beta", 3, 3.0, 0.3)]
    names = ("sampler", "schedule", "steps", "shift", "denoise")
    return [walk(comfy, dict(zip(names, (sampler, *run)))) for sampler in SAMPLERS for run in runs]


def masked(comfy):
    rows = [(sampler, "simple", 8, 3.0, denoise) for sampler in SAMPLERS for denoise in (1.0, 0.5)]
    names = ("sampler", "schedule", "steps", "shift", "denoise")
    return [walk(comfy, dict(zip(names, row)), MASK) for row in rows]


def tables(comfy):
    rows = [(s, n, shift, 1.0) for s in SCHEDULES for shift in (3.0, 1.0, 0.5, 6.0) for n in (1, 2, 3, 8, 9, 20)]
    rows += [(s, n, 3.0, d) for s in SCHEDULES for n in (1, 4, 8, 9) for d in (0.9, 0.75, 0.6, 0.5, 0.3, 0.1)]
    rows += [("beta", n, 3.0, 1.0) for n in (50, 150)]
    names = ("schedule", "steps", "shift", "denoise")
    table = lambda s, n, shift, d: exact(levels(comfy, Model(comfy, shift), s, n, d))
    return [dict(zip(names, row)) | {"sigmas": table(*row)} for row in rows]


def long_tables(comfy):
    """Of many steps only the count, every 100th level and the sum."""
    rows = []
    for schedule in SCHEDULES:
        sigmas = levels(comfy, Model(comfy, 3.0), schedule, 1000, 1.0)
        rows.append({"schedule": schedule, "steps": 1000, "shift": 3.0, "count": len(sigmas),
                     "every_100th": exact(sigmas[::100]), "sum": float(sigmas.double().sum())})
    return rows


def beta_quantiles():
    at = [1e-6, 1e-4, 0.001, 0.01, 0.05, 0.1, 0.2, 1 / 3, 0.45, 0.5, 0.55, 0.7, 0.875, 0.95, 0.999, 1 - 1e-6, 1.0]
    return [{"at": u, "quantile": float(scipy.stats.beta.ppf(u, 0.6, 0.6))} for u in at]


class Guided(torch.nn.Module):
    """A transformer for diffusers' pipeline: the toy's velocity; a prompt is the number that its embedding holds."""

    in_channels, dtype, device = 16, torch.float32, torch.device("cpu")

    def forward(self, x, timestep, prompts, **_):
        sigmas = 1 - timestep
        estimates = [toy(x, sigma, float(p[0, 0])) for x, sigma, p in zip(x, sigmas, prompts)]
        return ([(x0 - x) / sigma for x0, x, sigma in zip(estimates, x, sigmas)],)


def guided(guidance, normalization, truncation):
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    pipe = ZImagePipeline(scheduler, vae=None, text_encoder=None, tokenizer=None, transformer=Guided())
    pipe.set_progress_bar_config(disable=True)
    start = torch.stack([waves(64, 0), waves(64, 5) * 0.5]).float().reshape(2, 16, 2, 2)
    prompt = lambda number: [torch.full((1, 1), number)] * 2
    result = pipe(
        prompt_embeds=prompt(0.5), negative_prompt_embeds=prompt(-1.0), latents=start, height=16, width=16,
        num_inference_steps=6, guidance_scale=guidance, cfg_normalization=normalization, cfg_truncation=truncation,
        output_type="latent",
    ).images
    return {"positive": 0.5, "negative": -1.0, "steps": 6, "guidance": guidance, "cfg_normalization": normalization,
            "cfg_truncation": truncation, "first": exact(result[0].ravel()[:6]), "last": exact(result[1].ravel()[-6:])}


def guidances():
    # 1 - sigma of the six steps is 0, 0.0625, 0.142857, 0.25, 0.4, 0.625.
    rows = [(4.0, 0.0, 1.0), (4.0, 1.0, 1.0), (4.0, 0.5, 1.0), (2.0, 1.2, 1.0), (4.0, 0.0, 0.25), (4.0, 0.0, 0.3),
            (4.0, 1.0, 0.1), (4.0, 0.0, 0.0)]
    return [guided(*row) for row in rows]


def resized_mask():
    """A mask whose pixel i of all is (37 i mod 256) / 255, at a latent's size: what ComfyUI calls torch for."""
    mask = torch.tensor([37 * i % 256 / 255 for i in range(9 * 13)], dtype=torch.float32).reshape(1, 1, 9, 13)
    resized = torch.nn.functional.interpolate(mask, size=(8, 10), mode="bilinear")
    return {"from": [9, 13], "to": [8, 10], "numbers": exact(resized.ravel())}


def exact(values):
    """float32 values as the shortest decimals that read back to the same bits."""
    return [float(str(value)) for value in np.asarray(values, dtype=np.float32)]


def write_rows(path, parts):
    """JSON with one row of a part to a line."""
    rows = lambda part: ",\n".join("  " + json.dumps(row) for row in part)
    text = ",\n".join(f'"{name}": [\n{rows(part)}\n]' for name, part in parts.items())
    path.write_text("{\n" + text + "\n}\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("comfyui", type=Path)
    default = Path(__file__).resolve().parent.parent / "golden" / "units"
    parser.add_argument("out", nargs="?", type=Path, default=default)
    options = parser.parse_args()
    torch.set_num_threads(1)
    comfy = load(options.comfyui)
    write_rows(options.out / "samplers.json", {
        "walks": walks(comfy), "masked": masked(comfy), "guided": guidances(), "masks": [resized_mask()],
    })
    write_rows(options.out / "schedules.json", {
        "tables": tables(comfy), "long": long_tables(comfy), "beta_quantiles": beta_quantiles(),
    })


if __name__ == "__main__":
    main()
