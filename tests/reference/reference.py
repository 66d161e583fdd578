"""Runs diffusers' Z-Image pipelines so that every number on the way can be compared.

A case is a dict: prompt, negative (None: none given), guidance, width, height, steps, seed, images,
shift, and for image to image `image` (a file) with `denoise`.
"""

import copy
import logging
import warnings
from unittest.mock import patch

import diffusers
import mlx.core as mx
import numpy as np
import torch
import transformers
from diffusers import ZImageImg2ImgPipeline, ZImagePipeline
from diffusers.pipelines.z_image import pipeline_z_image_img2img as img2img
from PIL import Image

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
transformers.utils.logging.disable_progress_bar()
diffusers.utils.logging.disable_progress_bar()
torch.set_grad_enabled(False)

CASE = {
    "prompt": "", "negative": None, "guidance": 0.0, "width": 64, "height": 64, "steps": 8, "seed": 0,
    "images": 1, "shift": 3.0, "image": None, "denoise": 1.0,
}


def load(folder, dtype=torch.float32):
    pipe = ZImagePipeline.from_pretrained(folder, torch_dtype=dtype)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def draw_noise(case):
    """The noise that a seed means: MLX's own, picture i of a batch with key(seed + i)."""
    shape = [16, 1, case["height"] // 8, case["width"] // 8]
    pictures = [mx.random.normal(shape, key=mx.random.key(case["seed"] + i)) for i in range(case["images"])]
    return torch.from_numpy(np.stack([np.array(p)[:, 0] for p in pictures]))


def generate(pipe, case, noise, folder=None):
    """Tensors by name (`embeds`, `negative_embeds`, `encoded`, `step1`, `final`) and the pictures."""
    pipe.scheduler.set_shift(case["shift"])
    steps = []

    def keep(_pipe, _i, _t, tensors):
        steps.append(tensors["latents"].clone())
        return {}

    embeds, negative = pipe.encode_prompt(
        case["prompt"], negative_prompt=case["negative"], do_classifier_free_guidance=case["guidance"] > 0
    )
    arguments = {
        "prompt": case["prompt"], "negative_prompt": case["negative"], "guidance_scale": case["guidance"],
        "width": case["width"], "height": case["height"], "num_inference_steps": case["steps"],
        "num_images_per_prompt": case["images"], "output_type": "latent", "callback_on_step_end": keep,
    }
    result = {"embeds": embeds[0][None]}
    if negative:
        result["negative_embeds"] = negative[0][None]
    if case["image"]:
        image = Image.open(folder / case["image"])
        mean = encoder_mean(pipe.vae, image)
        result["encoded"] = scaled(pipe.vae, mean)
        # diffusers draws the image's latents from the encoder's distribution; Weft takes its mean.
        with (
            patch.object(img2img, "retrieve_latents", lambda *_, **__: mean.to(pipe.dtype)),
            patch.object(img2img, "randn_tensor", lambda *_, **__: noise.to(pipe.dtype)),
        ):
            other = ZImageImg2ImgPipeline(**pipe.components)
            other.set_progress_bar_config(disable=True)
            final = other(**arguments, image=image, strength=case["denoise"]).images
    else:
        final = pipe(**arguments, latents=noise.clone()).images
    result |= {"step1": steps[0], "final": final}
    return {name: t.float().contiguous() for name, t in result.items()}, decode(pipe, final)


def decode(pipe, latents):
    vae = pipe.vae
    decoded = vae.decode(latents.to(vae.dtype) / vae.config.scaling_factor + vae.config.shift_factor, return_dict=False)[0]
    return pipe.image_processor.postprocess(decoded, output_type="pil")


def encode(pipe, image):
    """The scaled mean of the encoder's distribution."""
    return scaled(pipe.vae, encoder_mean(pipe.vae, image))


def encoder_mean(vae, image):
    """In float64: on flat areas torch's float32 group norm is off by 1e-5, which is no reference."""
    pixels = torch.from_numpy(np.array(image, dtype=np.float32) / 255).permute(2, 0, 1)[None] * 2 - 1
    return copy.deepcopy(vae).double().encode(pixels.double()).latent_dist.mode().float()


def scaled(vae, mean):
    return (mean - vae.config.shift_factor) * vae.config.scaling_factor


def picture(width, height, seed):
    """A picture to encode: soft blobs with hard edges between them, nothing symmetric."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    pixels = np.empty((height, width, 3))
    for channel in range(3):
        a, b, c, d = rng.uniform(0.03, 0.2, 4)
        pixels[..., channel] = np.sin(a * x + b * y + channel) + np.sign(np.sin(c * x - d * y)) * 0.5
    return Image.fromarray(((pixels + 1.5) / 3 * 255).round().astype(np.uint8))
