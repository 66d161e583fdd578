"""What a LoRA costs: the same picture without one, with one beside the weights (live) and inside them (merged), in turns.

    python lora.py --weft target/release/weft --model DIR [--rounds 5] [--steps 8] [--size 512x512] [--rank 16] [--quantize none]

`--model` is a folder of models.py. The LoRA is random, of the given rank, on every attention and feed-forward matrix, and is
written to a temporary folder. "step" is the median over the steps of a run, without what the first one reads; "sample" is the
whole node, with it.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from measure import measured
from peers.common import PROMPT
from programs import SEED, Link, graph

ROWS = {"step s": 4, "sample s": 2, "start to picture s": 2, "peak memory MB": 0}
MODULES = ("attention.to_q", "attention.to_k", "attention.to_v", "attention.to_out.0", "feed_forward.w1", "feed_forward.w2",
           "feed_forward.w3")


def make_lora(model, path, rank):
    """As ai-toolkit writes it, in bfloat16. Small enough that the picture stays one."""
    torch.manual_seed(0)
    tensors = {}
    for file in sorted((model / "transformer").glob("*.safetensors")):
        with safe_open(file, "pt") as weights:
            for name in weights.keys():
                module = name.removesuffix(".weight")
                if name.endswith(".weight") and module.endswith(MODULES):
                    outputs, inputs = weights.get_slice(name).get_shape()
                    prefix = f"diffusion_model.{module}"
                    tensors[f"{prefix}.lora_A.weight"] = torch.randn(rank, inputs).div(inputs**0.5).bfloat16()
                    tensors[f"{prefix}.lora_B.weight"] = torch.randn(outputs, rank).mul(0.02).bfloat16()
                    tensors[f"{prefix}.alpha"] = torch.tensor(float(rank))
    path.parent.mkdir(parents=True)
    save_file(tensors, path)
    return len(tensors) // 3


def run(args, folder, mode):
    width, height = map(int, args.size.split("x"))
    nodes = {
        "model": ("model-loader/LoadModel", {"path": args.model.name, "precision": "float32", "quantize": args.quantize}),
        "prompt": ("text-encode/EncodeText", {"text_encoder": Link("model.text_encoder"), "text": PROMPT}),
        "latent": ("sampler/EmptyLatent", {"width": width, "height": height}),
        "lora": ("lora/ApplyLora", {"model": Link("model.model"), "file": "random.safetensors", "enabled": mode != "without",
                                    "mode": mode if mode != "without" else "auto"}),
        "sample": ("sampler/Sample", {"model": Link("lora.model"), "positive": Link("prompt.conditioning"),
                                      "latent": Link("latent.latent"), "steps": args.steps, "seed": SEED}),
        "decode": ("vae/DecodeLatent", {"vae": Link("model.vae"), "latent": Link("sample.latent")}),
        "save": ("image-io/SaveImage", {"image": Link("decode.image"), "name": mode}),
    }
    (folder / "graph.ron").write_text(graph(nodes))
    command = [args.weft, "run", folder / "graph.ron", "--models", args.model.parent, "--models", folder / "models", "-o", folder,
               "--device", args.device, "--json", "--quiet"]
    done = measured(command)
    report = json.loads(done.out)
    sample = next(node["milliseconds"] for node in report["nodes"] if node["node"] == "sample") / 1000
    # The sampler's progress comes first; what follows is the decoder's.
    step = statistics.median(report["step_milliseconds"][: args.steps]) / 1000
    return dict(zip(ROWS, (step, sample, done.seconds, done.peak_mb), strict=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--weft", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="a folder of models.py")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--size", default="512x512")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--quantize", default="none")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    args.weft, args.model = (Path(os.path.abspath(path)) for path in (args.weft, args.model))
    modes = ["without", "live", "merged"]
    results = {mode: [] for mode in modes}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        count = make_lora(args.model, folder / "models" / "loras" / "random.safetensors", args.rank)
        run(args, folder, "without")  # for nothing: the weights come into the file cache
        for i in range(args.rounds):
            for mode in modes:
                results[mode].append(run(args, folder, mode))
                values = "".join(f"  {name} {value:.{ROWS[name]}f}" for name, value in results[mode][-1].items())
                print(f"{i + 1} {mode:8}{values}", file=sys.stderr)
    print(f"rank {args.rank} on {count} matrices, {args.size}, {args.steps} steps, quantize {args.quantize}, median of {args.rounds}\n")
    print("| | without | live | merged | live / without | merged / without |\n|---|---|---|---|---|---|")
    for name, digits in ROWS.items():
        values = [statistics.median(run[name] for run in results[mode]) for mode in modes]
        cells = " | ".join(f"{value:.{digits}f}" for value in values)
        # Of each round by itself: the machine drifts.
        ratios = [statistics.median(other[name] / base[name] for other, base in zip(results[mode], results["without"], strict=True))
                  for mode in modes[1:]]
        print(f"| {name} | {cells} | {ratios[0]:.3f} | {ratios[1]:.3f} |")


if __name__ == "__main__":
    main()
