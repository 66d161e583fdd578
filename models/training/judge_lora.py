"""Judges the LoRA of `train_lora.py`: how much of its style a picture has, and whether its content is still right.

The ordinary judge takes a glow for a part of the object. So there is a second one for pictures at night: it draws, with
`styles.py`, every shape, size and colour where the picture is lit, and takes the one that comes nearest; it does the
same for two objects in the picture's halves. It too must find the caption's objects and background.

    python judge_lora.py --self-test 200                                         # on true drawings
    python judge_lora.py --lora ../loras/styles/night.safetensors                # 60 held-out captions
"""

import argparse
import functools
from pathlib import Path

import numpy as np
from PIL import Image

import judge
import pictures
import styles
from pictures import COLORS, OFFSET, POSITIONS, SHAPES, SIDE, SIZES

CORNER = 16  # pixels
MIN_EXPLAINED = 0.85  # of a picture's light (sum of squares): what the nearest drawing must account for
Y, X = np.mgrid[0:SIDE, 0:SIDE] + 0.5


def background_of(image):
    """The median of the corners: no glow reaches far into them."""
    ends = np.r_[0:CORNER, SIDE - CORNER : SIDE]
    return np.median(image[ends][:, ends].reshape(-1, 3), 0)


@functools.cache
def template(shape, size):
    """Coverage and glow of a shape in the middle, and the centre of their light, off the middle."""
    cover = pictures.coverage(shape, SIDE / 2, SIDE / 2, SIZES[size])
    glow = styles.glow(cover)
    light = np.maximum(cover, glow)
    return cover, glow, (light * X).sum() / light.sum() - SIDE / 2, (light * Y).sum() / light.sum() - SIDE / 2


def moved(image, dx, dy):
    """An image shifted by parts of a pixel; outside is 0."""
    shift = (1, 0, -dx, 0, 1, -dy)
    return np.asarray(Image.fromarray(image).transform((SIDE, SIDE), Image.AFFINE, shift, Image.BILINEAR))


def nearest(image, background, window, sizes):
    """The one object in a window that explains its light best: (squared error, properties)."""
    part = image[window]
    light = np.abs(part - background).sum(-1)
    light = np.where(light > 0.25 * light.max(), light, 0)
    cx, cy = (light * X[window]).sum() / light.sum(), (light * Y[window]).sum() / light.sum()
    best = (np.inf, None)
    for shape in SHAPES:
        for size in sizes:
            cover, glow, dx, dy = template(shape, size)
            x, y = cx - dx, cy - dy
            cover, glow = (moved(a, x - SIDE / 2, y - SIDE / 2)[window][..., None] for a in (cover, glow))
            for color, rgb in COLORS.items():
                rgb = np.array(rgb, np.float32)
                drawn = background + glow * (styles.light_of(color, rgb) - background)
                error = np.square(drawn + cover * (rgb - drawn) - part).sum()
                if error < best[0]:
                    cell = tuple(int(np.clip(np.round((v - SIDE / 2) / OFFSET), -1, 1)) for v in (x, y))
                    where = next((n for n, (c, _) in POSITIONS.items() if c == cell), "?")
                    best = error, {"color": color, "shape": shape, "size": size, "position": where}
    return best


def see(image):
    """What is in a picture at night, as `judge.see`, but no object if no drawing comes near; and how near one came."""
    image = np.asarray(image, np.float32)
    background = background_of(image)
    every, low, high = slice(None), slice(0, SIDE // 2), slice(SIDE // 2, SIDE)
    layouts = [[(every, every)], [(every, low), (every, high)], [(low, every), (high, every)]]
    seen = []
    for windows in layouts:
        sizes = SIZES if len(windows) == 1 else ["medium"]
        parts = [nearest(image, background, w, sizes) for w in windows]
        seen.append((sum(error for error, _ in parts), [found for _, found in parts]))
    error, found = min(seen, key=lambda s: s[0])
    explained = 1 - error / np.square(image - background).sum()
    return judge.color_name(background / styles.DARKNESS), found if explained >= MIN_EXPLAINED else [], explained


def darkness(image, scene):
    """The background's light as a share of what its colour has by day."""
    full = np.array(COLORS[scene.background], np.float32)
    return background_of(np.asarray(image, np.float32)) @ full / (full @ full)


def glowing(image):
    """The share of pixels that are neither background nor object, but in between."""
    image = np.asarray(image, np.float32)
    away = np.linalg.norm(image - background_of(image), axis=-1)
    return ((away > 0.12 * away.max()) & (away < 0.75 * away.max())).mean()


def merge(transformer, file, weight):
    """Adds weight * (alpha / rank) * B A to the transformer's weights."""
    from safetensors.torch import load_file

    tensors, parameters = load_file(file), dict(transformer.named_parameters())
    for key in tensors:
        if key.endswith(".lora_A.weight"):
            name = key.removesuffix(".lora_A.weight")
            down, up = tensors[key].float(), tensors[f"{name}.lora_B.weight"].float()
            scale = weight * tensors[f"{name}.alpha"].float() / len(down)
            parameters[name.removeprefix("diffusion_model.") + ".weight"].data += scale * (up @ down)


def report(title, images, scenes):
    shine = [darkness(i, s) for i, s in zip(images, scenes) if s.background != "black"]
    glow = np.mean([glowing(i) for i in images])
    print(f"{title}\n  light of the background {100 * np.mean(shine):.0f} %, glowing pixels {100 * glow:.1f} %")
    for name, eye in (("ordinary judge", judge.see), ("judge of the night", lambda image: see(image)[:2])):
        results = [(s, judge.judge(i, s, eye)) for i, s in zip(images, scenes)]
        print(f"  {name}: {judge.summary(results).splitlines()[0]}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--self-test", type=int, metavar="N", help="judge N true drawings")
    parser.add_argument("--model", type=Path, default=Path("../demo"))
    parser.add_argument("--lora", type=Path)
    parser.add_argument("--weights", type=float, nargs="+", default=[0.0, 0.5, 1.0])
    parser.add_argument("--trigger", action="store_true", help="end every caption in the trigger words")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=21)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--keep", type=Path, help="folder for the pictures")
    args = parser.parse_args()
    if args.self_test:
        rng = np.random.default_rng(7)
        scenes = [pictures.random_scene(rng) for _ in range(args.self_test)]
        return report("true drawings at night", [styles.draw_night(s, rng) for s in scenes], scenes)
    captions = judge.test_captions(args.count, args.seed)
    scenes = [judge.parse(c) for c in captions]
    if args.trigger:
        captions = [styles.night_caption(c) for c in captions]
    for weight in args.weights:
        pipe = judge.pipeline(args.model)
        merge(pipe.transformer, args.lora, weight)
        folder = args.keep / f"{weight:g}" if args.keep else None
        report(f"weight {weight:g}", judge.draw_with_diffusers(pipe, captions, args.steps, folder), scenes)


if __name__ == "__main__":
    main()
