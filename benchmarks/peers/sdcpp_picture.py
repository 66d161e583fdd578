"""Makes one picture with stable-diffusion.cpp and says how long each part took, as JSON.

    python sdcpp_picture.py MODEL PICTURE [--steps N] [--size WxH] [--threads N]

Needs the package as sdcpp_install.py builds it: the sizes are read from the model's configs and handed over in the environment.
It wants q, k and v in one matrix: models.py writes such a file to .fused/ beside the model. The package has Qwen's own vocabulary, so the prompt has other tokens, filled up to 32 like everyone's.
"""

import contextlib
import io
import json
import os
import re
import time

from common import Clock, arguments

import stable_diffusion_cpp
from stable_diffusion_cpp import StableDiffusion

# How the library's log says what a part took, in seconds or milliseconds.
SAID = {
    "text": r"get_learned_condition completed, taking ([\d.]+)\s?(m?s)",
    "sampling": r"sampling completed, taking ([\d.]+)\s?(m?s)",
    "decode": r"decode_first_stage completed, taking ([\d.]+)\s?(m?s)",
}


def take_sizes(model):
    dit = json.loads((model / "transformer" / "config.json").read_text())
    text = json.loads((model / "text_encoder" / "config.json").read_text())
    os.environ |= {name: str(value) for name, value in {
        "BENCH_DIM": dit["dim"], "BENCH_LAYERS": dit["n_layers"], "BENCH_REFINERS": dit["n_refiner_layers"],
        "BENCH_HEADS": dit["n_heads"], "BENCH_CAPTION_DIM": dit["cap_feat_dim"], "BENCH_TEXT_HEADS": text["num_attention_heads"],
        "BENCH_TEXT_KV_HEADS": text["num_key_value_heads"],
        "BENCH_TEXT_LAYERS": text["num_hidden_layers"], "BENCH_VOCABULARY": text["vocab_size"],
    }.items()}


def file_of(folder):
    return str(next(folder.glob("*.safetensors")))


def main():
    args = arguments(__doc__)
    take_sizes(args.model)
    clock, log = Clock(), io.StringIO()
    with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        model = StableDiffusion(
            diffusion_model_path=str(args.model.parent / ".fused" / f"{args.model.name}.safetensors"), llm_path=file_of(args.model / "text_encoder"),
            vae_path=file_of(args.model / "vae"), n_threads=args.threads, vae_decode_only=True, verbose=True,
        )
        clock.loaded = time.perf_counter()
        image = model.generate_image(
            prompt=args.prompt, width=args.width, height=args.height, sample_steps=args.steps, cfg_scale=1.0, seed=args.seed,
            sample_method="euler", progress_callback=lambda step, steps, seconds: steps == args.steps and clock.step(),
        )[0]
    image.save(args.picture)
    for name, pattern in SAID.items():
        if found := re.search(pattern, log.getvalue()):
            clock.seconds[name] = float(found[1]) / (1000 if found[2] == "ms" else 1)
    clock.report(stable_diffusion_cpp.__version__, None)


if __name__ == "__main__":
    main()
