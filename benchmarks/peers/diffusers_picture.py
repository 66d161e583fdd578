"""Makes one picture with diffusers' Z-Image pipeline and says how long each part took, as JSON.

    python diffusers_picture.py MODEL PICTURE [--steps N] [--size WxH] [--dtype bfloat16] [--device gpu] [--threads N]

The pipeline is used as its documentation says; it encodes a prompt padded to 512 tokens, of which the real ones go on.
"""

import time

from common import Clock, arguments

import diffusers
import torch


def main():
    args = arguments(__doc__)
    torch.set_num_threads(args.threads)
    device = "cuda" if args.device == "gpu" else "cpu"
    pipe = diffusers.ZImagePipeline.from_pretrained(args.model, torch_dtype=getattr(torch, args.dtype)).to(device)
    pipe.set_progress_bar_config(disable=True)
    clock = Clock(lambda _: torch.cuda.synchronize() if device == "cuda" else None)
    clock.loaded = time.perf_counter()
    embeds, _ = clock.timed("text", pipe.encode_prompt)(args.prompt, device=device, do_classifier_free_guidance=False)
    pipe.vae.decode = clock.timed("decode", pipe.vae.decode)

    def after_step(pipe, step, timestep, tensors):
        clock.wait(None)
        clock.step()
        return tensors

    clock.step()
    image = pipe(
        prompt_embeds=embeds, num_inference_steps=args.steps, width=args.width, height=args.height, guidance_scale=0.0,
        generator=torch.Generator("cpu").manual_seed(args.seed), callback_on_step_end=after_step,
    ).images[0]
    image.save(args.picture)
    memory = torch.cuda.max_memory_allocated() / 2**20 if device == "cuda" else None
    clock.report(f"{diffusers.__version__}, torch {torch.__version__}", len(embeds[0]), device_mb=memory)


if __name__ == "__main__":
    main()
