"""Whether a step costs what its arithmetic says: seconds a step against the size of the picture, with a plot.

    python benchmarks/tokens.py --model models/small-float32 [--weft target/release/weft] [--sizes 256 … 1536] [--steps 3] [--rounds 2]
        [--plot docs/pictures/tokens.png]

A step of so many tokens takes a + b · (multiplications): a and b are fitted by least squares of the relative errors, and printed with
what each size is off. The picture shows the medians, the fit, and for comparison a line that grows with the tokens alone. The
first step, which also reads the weights, does not count.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lemica_flops import ROOT, Link, flops, graph, padded
from memory import run as run_weft

PROMPT = "a red fox in the snow"
SIDE, HEIGHT, EDGE = 960, 600, 80
INK, GREY, BLUE, RED = "#222222", "#bbbbbb", "#1f6feb", "#d1242f"


def seconds(args, size):
    """Median seconds of a step after the first, from every round."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "graph.ron"
        file.write_text(step_graph(args, size))
        models, dump = args.model.resolve().parent, ["--dump", f"sample.latent={folder}/latent.safetensors"]
        rounds = [run_weft(args.weft, file, models, [], dump)[0] for _ in range(args.rounds)]
    return statistics.median(step / 1e3 for said in rounds for step in said["step_milliseconds"][1:])


def step_graph(args, size):
    """A graph that samples and decodes nothing."""
    return graph({
        "model": ("model-loader/LoadModel", {"path": args.model.name}),
        "prompt": ("text-encode/EncodeText", {"text_encoder": Link("model.text_encoder"), "text": PROMPT}),
        "latent": ("sampler/EmptyLatent", {"width": size, "height": size}),
        "sample": ("sampler/Sample", {
            "model": Link("model.model"), "positive": Link("prompt.conditioning"),
            "latent": Link("latent.latent"), "steps": args.steps + 1,
        }),
    })


def fit(work, taken):
    """a and b of a + b · work, by least squares of the relative errors."""
    rows = np.array([[1 / t, w / t] for w, t in zip(work, taken)])
    return np.linalg.lstsq(rows, np.ones(len(taken)), rcond=None)[0]


def plot(file, sizes, tokens_of, taken, fitted):
    """Seconds over tokens: what was measured, what was fitted, and what tokens alone would give."""
    tokens = [tokens_of(size) for size in sizes]
    picture = Image.new("RGB", (SIDE, HEIGHT), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(16)
    most, high = max(tokens) * 1.05, max(taken) * 1.1

    def at(x, y):
        return EDGE + x / most * (SIDE - EDGE - 30), HEIGHT - EDGE - y / high * (HEIGHT - EDGE - 40)

    draw.line([at(0, high), at(0, 0), at(most, 0)], fill=INK, width=2)
    for size, count in zip(sizes, tokens):
        x, y = at(count, 0)
        draw.line([(x, y), (x, y + 6)], fill=INK)
        draw.text((x, y + 10), str(size), fill=INK, font=font, anchor="ma")
    for part in range(1, 5):
        value = high * part / 5
        draw.line([at(0, value), at(most, value)], fill="#eeeeee")
        draw.text((EDGE - 8, at(0, value)[1]), f"{value:.1f}", fill=INK, font=font, anchor="rm")
    line = [(tokens_of(side), fitted(side)) for side in range(min(sizes), max(sizes) + 1, 64)]
    alone = line[0][1] / line[0][0]
    draw.line([at(x, alone * x) for x, _ in line if alone * x < high], fill=GREY, width=2)
    draw.line([at(x, y) for x, y in line], fill=BLUE, width=3)
    for count, value in zip(tokens, taken):
        x, y = at(count, value)
        draw.ellipse([x - 5, y - 5, x + 5, y + 5], fill=RED)
    for line, (colour, text) in enumerate([(RED, "seconds a step, median"), (BLUE, "a + b · multiplications"), (GREY, "in proportion to the tokens")]):
        draw.text((EDGE + 24, 20 + 24 * line), text, fill=colour, font=font)
    draw.text(at(most, 0), "side of the picture, by its tokens", fill=INK, font=font, anchor="rd")
    file.parent.mkdir(parents=True, exist_ok=True)
    picture.save(file, optimize=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weft", default=ROOT / "target/release/weft")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--sizes", type=int, nargs="*", default=[256, 384, 512, 640, 768, 1024, 1280, 1536])
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--caption", type=int, default=32, help="tokens of the prompt, filled up to 32")
    parser.add_argument("--plot", type=Path, default=ROOT / "docs/pictures/tokens.png")
    args = parser.parse_args()

    def work(size):
        return sum(flops(args.model, size, size, args.caption))

    def tokens(size):
        return padded(size // 16 * (size // 16)) + padded(args.caption)

    taken = [seconds(args, size) for size in args.sizes]
    a, b = fit([work(size) for size in args.sizes], taken)

    print("| picture | tokens | giga-multiplications | s a step | fitted | off |")
    print("|---|---|---|---|---|---|")
    for size, value in zip(args.sizes, taken):
        count = tokens(size)
        expected = a + b * work(size)
        print(f"| {size}² | {count} | {work(size) / 1e9:.1f} | {value:.3f} | {expected:.3f} | {value / expected - 1:+.0%} |")
    print(f"\na = {a * 1e3:.1f} ms, b: {2e-9 / b:.0f} GFLOP/s")
    plot(args.plot, args.sizes, tokens, taken, lambda size: a + b * work(size))


if __name__ == "__main__":
    main()
