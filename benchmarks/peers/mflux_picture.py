"""Makes one picture with mflux 0.24 and says how long each part took, as JSON.

    python mflux_picture.py MODEL PICTURE [--steps N] [--size WxH] [--dtype bfloat16] [--device gpu]

mflux builds Z-Image in its released size only, so this reads the sizes from the model's configs and passes them
to mflux's own classes; everything that runs afterwards is mflux's. The prompt is encoded padded to 512 tokens, of which
the real ones go on; the decoder works in strips, mflux's default.
"""

import dataclasses
import json
import os
import time

from common import Clock, arguments

os.environ["HF_HUB_OFFLINE"] = "1"

import mlx.core as mx
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.z_image import z_image_initializer as initializer
from mflux.models.z_image.model.z_image_text_encoder.prompt_encoder import PromptEncoder
from mflux.models.z_image.variants.z_image import ZImage
from mflux.models.z_image.weights.z_image_weight_definition import ZImageWeightDefinition


def fit_to(folder, dtype):
    """Makes mflux build the sizes of this folder, in `dtype`."""
    ModelConfig.precision = getattr(mx, dtype)
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


class Steps:
    """mflux's callbacks: the times at which steps end."""

    def __init__(self, clock):
        self.clock = clock

    def call_before_loop(self, **_):
        self.clock.step()

    def call_in_loop(self, latents, **_):
        mx.eval(latents)
        self.clock.step()


def main():
    args = arguments(__doc__)
    fit_to(args.model, args.dtype)
    clock, tokens = Clock(mx.eval), []
    model = ZImage(model_path=str(args.model), float32=args.dtype == "float32")
    encode = clock.timed("text", PromptEncoder.encode_prompt)

    def encode_prompt(**inputs):
        embeds = encode(**inputs)
        tokens.append(embeds.shape[0])
        return embeds

    PromptEncoder.encode_prompt = staticmethod(encode_prompt)
    model.callbacks.register(Steps(clock))
    clock.loaded = time.perf_counter()
    image = model.generate_image(
        seed=args.seed, prompt=args.prompt, num_inference_steps=args.steps, width=args.width, height=args.height
    )
    # MLX is lazy: what follows the last step is the decoder, however mflux divides it into calls.
    clock.seconds["decode"] = time.perf_counter() - clock.steps[-1]
    image.save(path=args.picture, overwrite=True)
    clock.report(f"0.24, MLX {mx.__version__}", tokens[0], device_mb=mx.get_peak_memory() / 2**20, matmul_gflops=matmul_gflops())


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
