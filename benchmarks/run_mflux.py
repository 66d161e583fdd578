"""Makes one picture with mflux 0.24 and says how long each part took, as JSON.

    python run_mflux.py MODEL PICTURE [--steps N] [--size WxH] [--seed N] [--prompt TEXT] [--decode MODE]

mflux builds Z-Image in its released size only, so this reads the sizes from the model's configs and passes them
to mflux's own classes; everything that runs afterwards is mflux's. Computes in float32: on a CPU MLX is thirty
times slower in bfloat16.
"""

import argparse
import dataclasses
import json
import os
import resource
import sys
import time
from pathlib import Path

START = time.perf_counter()
os.environ["HF_HUB_OFFLINE"] = "1"

import mlx.core as mx
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.z_image import z_image_initializer as initializer
from mflux.models.z_image.variants.z_image import ZImage
from mflux.models.z_image.weights.z_image_weight_definition import ZImageWeightDefinition


def fit_to(folder):
    """Makes mflux build the sizes of this folder, in float32."""
    ModelConfig.precision = mx.float32
    dit = json.loads((folder / "transformer" / "config.json").read_text())
    text = json.loads((folder / "text_encoder" / "config.json").read_text())
    dit_sizes = ["dim", "n_layers", "n_refiner_layers", "n_heads", "norm_eps", "qk_norm", "cap_feat_dim", "rope_theta",
                 "t_scale", "axes_dims", "axes_lens"]
    text_sizes = ["vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
                  "intermediate_size", "head_dim", "rope_theta", "rms_norm_eps"]

    def init_models(model):
        model.vae = initializer.VAE()
        model.vae.decode_mode = initializer.VAEBlockDecoder.LOW_MEMORY
        model.transformer = initializer.ZImageTransformer(**{key: dit[key] for key in dit_sizes})
        model.text_encoder = initializer.TextEncoder(**{key: text[key] for key in text_sizes})

    layers = {"transformer": dit["n_layers"], "text_encoder": text["num_hidden_layers"]}
    components = [
        dataclasses.replace(c, num_layers=layers.get(c.name, c.num_layers)) for c in ZImageWeightDefinition.get_components()
    ]
    initializer.ZImageInitializer._init_models = staticmethod(init_models)
    ZImageWeightDefinition.get_components = staticmethod(lambda: components)


class Clock:
    """Takes the time after each step."""

    def __init__(self):
        self.times = []

    def call_before_loop(self, **_):
        self.times.append(time.perf_counter())

    def call_in_loop(self, latents, **_):
        mx.eval(latents)
        self.times.append(time.perf_counter())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--size", default="512x512")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--prompt", default="a red fox in the snow")
    parser.add_argument("--decode", choices=["low_memory", "full_precision", "legacy"], default="low_memory",
                        help="mflux's own default is low_memory")
    args = parser.parse_args()
    width, height = map(int, args.size.split("x"))

    fit_to(args.model)
    model = ZImage(model_path=str(args.model), float32=True)
    model.vae.decode_mode = args.decode
    clock = Clock()
    model.callbacks.register(clock)
    loaded = time.perf_counter()
    image = model.generate_image(
        seed=args.seed, prompt=args.prompt, num_inference_steps=args.steps, width=width, height=height
    )
    decoded = time.perf_counter()
    image.save(path=args.picture, overwrite=True)
    end = time.perf_counter()
    # Kilobytes, but bytes on a Mac.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    print(json.dumps({
        "mlx": mx.__version__, "load_s": round(loaded - START, 3),
        "steps_s": [round(b - a, 3) for a, b in zip(clock.times, clock.times[1:])],
        "decode_s": round(decoded - clock.times[-1], 3), "total_s": round(end - START, 3), "peak_mb": round(peak),
        "matmul_gflops": round(matmul_gflops()),
    }))


def matmul_gflops(size=1024):
    """How fast MLX multiplies here, which tells whose BLAS it found."""
    a, b = mx.random.normal([size, size]), mx.random.normal([size, size])
    mx.eval(a, b)
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        mx.eval(a @ b)
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best / 1e9


if __name__ == "__main__":
    main()
