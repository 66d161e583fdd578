"""Whether LeMiCa saves the time that it should: the network's time against its share of the arithmetic.

    python lemica_flops.py --weft ../target/release/weft --model models/small-float32 [--rounds 5] [--size 512x512] [--steps 8]

A skipped step leaves out the main layers; embedders, noise refiners and the final layer run in each. What that share is
follows from the model's configuration. Measured are the steps after the first, which is computed in every mode and also
opens the network. The modes take turns inside each process; ratios are medians over the rounds.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "reference"))

from weft import Link, graph

MODES = ("off", "slow", "medium", "fast")
PROMPT = "a red fox in the snow"
# Image and caption are each filled up to a multiple of this many tokens; a patch is 2 x 2 of the latent's pixels.
MULTIPLE, PATCH, SCALE = 32, 2, 8


def padded(tokens):
    return -(-tokens // MULTIPLE) * MULTIPLE


def flops(model, width, height, caption_tokens):
    """Multiplications of a pass: (what always runs, the main layers). Norms and the like go along with their layers."""
    config = json.loads((model / "transformer" / "config.json").read_text())
    dim, patch_len = config["dim"], PATCH**2 * config["in_channels"]
    image = padded(width // (SCALE * PATCH) * (height // (SCALE * PATCH)))
    all_tokens = image + padded(caption_tokens)
    hidden = feed_forward_width(model)

    def layer(tokens):  # projections and feed-forward, then scores and their mix
        return tokens * (4 * dim**2 + 3 * dim * hidden) + 2 * tokens**2 * dim

    always = config["n_refiner_layers"] * layer(image) + 2 * image * dim * patch_len
    return always, config["n_layers"] * layer(all_tokens)


def feed_forward_width(model):
    name = "layers.0.feed_forward.w1.weight"
    for file in sorted((model / "transformer").glob("*.safetensors")):
        with safe_open(file, "pt") as weights:
            if name in weights.keys():
                return weights.get_slice(name).get_shape()[0]
    sys.exit(f"{model} has no {name}")


def run(args, seed):
    """One process: seconds of the steps after the first and how many of them are computed, by mode; the caption's tokens."""
    width, height = map(int, args.size.split("x"))
    nodes = {
        "model": ("model-loader/LoadModel", {"path": args.model.name, "precision": "float32"}),
        "prompt": ("text-encode/EncodeText", {"text_encoder": Link("model.text_encoder"), "text": PROMPT}),
        "latent": ("sampler/EmptyLatent", {"width": width, "height": height}),
    }
    for mode in MODES:
        nodes[f"cache-{mode}"] = ("sampler/LeMiCa", {"model": Link("model.model"), "mode": mode})
        nodes[mode] = ("sampler/Sample", {"model": Link(f"cache-{mode}.model"), "positive": Link("prompt.conditioning"),
                                          "latent": Link("latent.latent"), "steps": args.steps, "seed": seed})
        nodes[f"save-{mode}"] = ("sampler/SaveLatent", {"latent": Link(f"{mode}.latent"), "name": mode})
    with tempfile.TemporaryDirectory() as folder:
        path, dump = Path(folder) / "graph.ron", Path(folder) / "prompt.safetensors"
        path.write_text(graph(nodes))
        command = [args.weft, "run", path, "--models", args.model.parent, "-o", folder, "--device", args.device,
                   "--dump", f"prompt.conditioning={dump}", "--json", "--quiet"]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"weft ended with {done.returncode}:\n{done.stderr.strip()[-2000:]}")
        tokens = load_file(dump)["embeds"].shape[1]
    report = json.loads(done.stdout)
    # Progress comes from the samplers alone, in the order in which they ran.
    order = [node["node"] for node in report["nodes"] if node["node"] in MODES]
    steps = report["step_milliseconds"]
    seconds = {mode: sum(steps[i * args.steps + 1:(i + 1) * args.steps]) / 1000 for i, mode in enumerate(order)}
    notes = {note["node"]: note["text"] for note in report["notes"]}
    # "LeMiCa computes 5 of 8 steps: …", the first among them.
    computed = {mode: int(notes[mode].split()[2]) - 1 if mode in notes else args.steps - 1 for mode in MODES}
    return seconds, computed, tokens


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--weft", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="a folder of models.py")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", default="512x512")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    args.weft, args.model = args.weft.absolute(), args.model.absolute()
    rounds = []
    for i in range(args.rounds):
        seconds, computed, tokens = run(args, i)
        rounds.append(seconds)
        print(f"{i + 1}" + "".join(f"  {mode} {value:.3f}" for mode, value in seconds.items()), file=sys.stderr)
    always, layers = flops(args.model, *map(int, args.size.split("x")), tokens)
    print(f"{args.size}, {args.steps} steps, {args.device}, median of {args.rounds}; main layers "
          f"{100 * layers / (always + layers):.1f} % of a pass\n")
    print("| | layers computed after step 1 | seconds | of off, measured | of off, by arithmetic | measured / arithmetic |")
    print("|---|---|---|---|---|---|")
    for mode in MODES:
        predicted = (always + layers * computed[mode] / (args.steps - 1)) / (always + layers)
        measured = statistics.median(seconds[mode] / seconds["off"] for seconds in rounds)
        median = statistics.median(seconds[mode] for seconds in rounds)
        print(f"| {mode} | {computed[mode]} of {args.steps - 1} | {median:.3f} | {measured:.3f} | {predicted:.3f} | "
              f"{measured / predicted:.3f} |")


if __name__ == "__main__":
    main()
