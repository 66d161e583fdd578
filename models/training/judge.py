"""The judge: says whether a picture shows what its caption asks for. Classical image processing only.

The background is the median colour; what differs from it falls into connected components; each
component gets the nearest colour name, the shape whose outline overlaps it best, a position and a
size. A picture passes if it shows exactly the caption's objects, each with its colour, shape and
position, on the right background.

    python judge.py --self-test 2000                                  # the judge on true drawings
    python judge.py --write-captions captions.txt                     # the 200 held-out captions
    python judge.py --model ../demo --keep pictures/                  # draw them with diffusers, judge
    python judge.py --pictures pictures/ --captions captions.txt      # judge a folder of PNGs: line i
                                                                      # is the caption of the i-th name
"""

import argparse
import re
import sys
from pathlib import Path

import numpy as np
from PIL import Image

import pictures
from pictures import COLORS, OFFSET, POSITIONS, SHAPES, SIDE, SIZES

DIFFERS = 36.0  # RGB distance from the background that makes a pixel foreground
MIN_PIXELS = 20  # smaller specks are no object
# Of a component with the outline of its shape (intersection over union). A small ring's band is five pixels wide, so
# one pixel more or less moves it far: at 0.75 rings were refused that anybody would call rings.
MIN_OVERLAP = 0.65
MAX_COLOR_DISTANCE = 60.0  # of a colour from the one that gives it its name
ASPECTS = ["count", "color", "shape", "position", "background", "size"]
NEEDED = ["count", "color", "shape", "position", "background"]


def color_name(rgb):
    distance = {name: np.linalg.norm(rgb - np.array(c)) for name, c in COLORS.items()}
    best = min(distance, key=distance.get)
    return best if distance[best] <= MAX_COLOR_DISTANCE else "?"


def components(mask):
    """Connected components (8 neighbours) of at least MIN_PIXELS, as masks."""
    label = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:  # every pixel takes the largest label around it until nothing changes
        padded = np.pad(label, 1)
        h, w = mask.shape
        around = [padded[y : y + h, x : x + w] for y in range(3) for x in range(3)]
        spread = np.where(mask, np.max(around, 0), 0)
        if (spread == label).all():
            break
        label = spread
    parts = [label == v for v in np.unique(label) if v]
    return [p for p in parts if p.sum() >= MIN_PIXELS]


def grown(mask, by=2):
    for _ in range(by):
        p = np.pad(mask, 1)
        mask = p[1:-1, 1:-1] | p[:-2, 1:-1] | p[2:, 1:-1] | p[1:-1, :-2] | p[1:-1, 2:]
    return mask


def _moments():
    """Area and centroid of every shape at radius 1, measured on a large drawing."""
    r, out = 60.0, {}
    y, x = np.mgrid[0:256, 0:256] + 0.5
    for shape in SHAPES:
        c = pictures.coverage(shape, 128, 128, r, side=256)
        area = c.sum()
        out[shape] = (area / r**2, ((c * x).sum() / area - 128) / r, ((c * y).sum() / area - 128) / r)
    return out


MOMENTS = _moments()


def fit(cover):
    """The shape whose outline, of the same area and centroid, overlaps a soft mask best."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] + 0.5
    area = cover.sum()
    cx, cy = (cover * x).sum() / area, (cover * y).sum() / area
    best = ("?", 0.0, cx, cy, 0.0)
    for shape, (unit, dx, dy) in MOMENTS.items():
        radius = np.sqrt(area / unit)
        at = cx - dx * radius, cy - dy * radius
        outline = pictures.coverage(shape, *at, radius)
        overlap = np.minimum(outline, cover).sum() / np.maximum(outline, cover).sum()
        if overlap > best[1]:
            best = (shape, overlap, *at, radius)
    return best


def see(image):
    """What is in a picture: (background name, [dict of an object's properties])."""
    image = np.asarray(image, np.float32)
    background = np.median(image.reshape(-1, 3), 0)
    away = image - background
    found = []
    for part in components(np.linalg.norm(away, axis=-1) > DIFFERS):
        # The object's own colour: the median of its inner pixels, away from the soft edge.
        inner = ~grown(~part, 1)
        color = np.median(image[inner if inner.sum() >= 8 else part], 0)
        span = color - background
        cover = np.clip(away @ span / max(span @ span, 1), 0, 1) * grown(part)
        shape, overlap, x, y, radius = fit(cover)
        cell = tuple(int(np.clip(np.round((v - SIDE / 2) / OFFSET), -1, 1)) for v in (x, y))
        found.append({
            "color": color_name(color),
            "shape": shape if overlap >= MIN_OVERLAP else "?",
            "position": next((n for n, (c, _) in POSITIONS.items() if c == cell), "?"),
            "size": min(SIZES, key=lambda s: abs(np.log(max(radius, 1) / SIZES[s]))),
            "overlap": float(overlap),
        })
    return color_name(background), found


def judge(image, scene, see=see):
    """Which aspects of a scene a picture has right, as a dict of booleans; `see` says what is in it."""
    background, found = see(image)
    result = {"background": background == scene.background, "count": len(found) == len(scene.things)}
    pairs = []
    for thing in scene.things:  # each object is looked for where it belongs, else anything still left
        here = [f for f in found if f["position"] == thing.position] or found
        pairs.append((thing, here[0] if here else None))
    for aspect in ("color", "shape", "position", "size"):
        result[aspect] = all(f is not None and f[aspect] == getattr(t, aspect) for t, f in pairs)
    result["pass"] = all(result[a] for a in NEEDED)
    return result


def parse(text):
    """The scene of a caption."""
    text = text.strip()
    background = "white"
    match = re.search(r" on an? (\w+) background$", text)
    if match:
        text, background = text[: match.start()], match[1]
    things = []
    for part in text.split(" and "):
        words = re.match(r"an? (?:(small|large) )?(\w+) (\w+)(?: (.*))?$", part)
        where = next((n for n, (_, phrase) in POSITIONS.items() if phrase == words[4]), "center")
        things.append(pictures.Thing(words[1] or "medium", words[2], words[3], where))
    order = list(POSITIONS)
    return pictures.Scene(tuple(sorted(things, key=lambda t: order.index(t.position))), background)


def summary(results):
    """One line for all, for one object and for two: the share that passes and each aspect's share."""
    def line(name, some):
        share = lambda key: 100 * sum(r[key] for r in some) / len(some)
        return f"{name} ({len(some)}): pass {share('pass'):.1f} %; " + ", ".join(f"{a} {share(a):.1f}" for a in ASPECTS)

    groups = {"all": results, "one object": [r for r in results if len(r[0].things) == 1],
              "two objects": [r for r in results if len(r[0].things) == 2]}
    return "\n  ".join(line(name, [r for _, r in some]) for name, some in groups.items() if some)


def test_captions(count, seed):
    rng = np.random.default_rng(seed + 1)
    return [pictures.caption(s, rng) for s in pictures.held_out_scenes(count, seed)]


def pipeline(model):
    import torch
    from diffusers import ZImagePipeline

    pipe = ZImagePipeline.from_pretrained(model, dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def draw_with_diffusers(pipe, captions, steps, folder=None):
    """One picture per caption; the initial noise of number i has seed i."""
    import torch

    images = []
    for i, text in enumerate(captions):
        image = pipe(text, height=SIDE, width=SIDE, num_inference_steps=steps, guidance_scale=0.0,
                     generator=torch.Generator().manual_seed(i)).images[0]
        images.append(np.asarray(image.convert("RGB")))
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            image.save(folder / f"{i:04d}.png")
    return images


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--self-test", type=int, metavar="N", help="judge N true drawings")
    parser.add_argument("--write-captions", type=Path, metavar="FILE")
    parser.add_argument("--model", type=Path, help="a diffusers folder")
    parser.add_argument("--keep", type=Path, help="folder for the pictures that --model draws")
    parser.add_argument("--pictures", type=Path, help="folder of PNGs")
    parser.add_argument("--captions", type=Path, help="their captions, one per line, in order of file name")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="another seed takes other held-out scenes")
    parser.add_argument("--steps", type=int, default=8)
    args = parser.parse_args()
    if args.write_captions:
        args.write_captions.write_text("\n".join(test_captions(args.count, args.seed)) + "\n")
        return 0
    if args.self_test:
        rng = np.random.default_rng(7)
        scenes = [pictures.random_scene(rng) for _ in range(args.self_test)]
        captions = [pictures.caption(s, rng) for s in scenes]
        assert [parse(c) for c in captions] == scenes
        images = [pictures.draw(s, rng) for s in scenes]
    elif args.model:
        captions = test_captions(args.count, args.seed)
        images = draw_with_diffusers(pipeline(args.model), captions, args.steps, args.keep)
    elif args.pictures and args.captions:
        captions = [c for c in args.captions.read_text().splitlines() if c.strip()]
        files = sorted(args.pictures.glob("*.png"))
        if len(files) != len(captions):
            sys.exit(f"{len(files)} pictures but {len(captions)} captions")
        images = [np.asarray(Image.open(f).convert("RGB")) for f in files]
    else:
        parser.error("give --self-test, --write-captions, --model, or --pictures with --captions")
    results = []
    for i, (image, text) in enumerate(zip(images, captions)):
        scene = parse(text)
        result = judge(image, scene)
        results.append((scene, result))
        if not result["pass"]:
            print(f"{i:04d} wrong {', '.join(a for a in NEEDED if not result[a])}: {text!r}; seen: {see(image)}")
    print(summary(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
