"""Weft beside mflux: the same model, size and steps, in turns, in one run.

    python compare.py --weft target/release/weft --mflux VENV/bin/python --model DIR [--rounds 3] [--steps 9] [--size 512x512]

Seconds drift on a shared machine, so only the ratios of one run mean anything. See README.md for the set-up.
"""

import argparse
import glob
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "reference"))
PROMPT = "a red fox in the snow"
SEED = 42

# What is measured, in the order of the table, and how it is printed.
ROWS = {
    "prompt and steps s": 2, "step s": 3, "VAE decode s": 2, "start to picture s": 2, "peak memory MB": 0,
}


def measured(command, env=None):
    """Runs a program: its standard output, seconds, and the most memory that it and its children held together."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = psutil.Popen(command, stdout=out, stderr=err, env=env)
        peak = 0
        while process.poll() is None:
            peak = max(peak, resident(process))
            time.sleep(0.01)
        seconds = time.perf_counter() - start
        out.seek(0)
        err.seek(0)
        if process.returncode != 0:
            sys.exit(f"{command[0]} ended with {process.returncode}:\n{err.read()[-3000:]}")
        return out.read(), seconds, peak / 2**20


def resident(process):
    total = 0
    try:
        for member in [process, *process.children(recursive=True)]:
            total += member.memory_info().rss
    except psutil.Error:
        pass  # one of them has just ended
    return total


def run_mflux(args, folder):
    env = os.environ | ({"LD_PRELOAD": args.preload} if args.preload else {})
    command = [args.mflux, HERE / "run_mflux.py", args.model, folder / "mflux.png", "--steps", args.steps, "--size", args.size,
               "--seed", SEED, "--prompt", PROMPT, "--decode", args.decode]
    out, seconds, peak = measured([str(part) for part in command], env)
    report = json.loads(out.strip().splitlines()[-1])
    if report["matmul_gflops"] < 10:
        print(f"! mflux multiplies at {report['matmul_gflops']} GFLOP/s: is OpenBLAS in use?", file=sys.stderr)
    # mflux encodes the prompt in its first step, so that one is no measure of a step.
    steps = report["steps_s"]
    return row(sum(steps), statistics.median(steps[1:] or steps), report["decode_s"], seconds, max(peak, report["peak_mb"]))


def run_weft(args, folder):
    from weft import Link, graph

    width, height = map(int, args.size.split("x"))
    nodes = {
        "model": ("model-loader/LoadModel", {"path": args.model.name, "precision": "float32"}),
        "prompt": ("text-encode/EncodeText", {"text_encoder": Link("model.text_encoder"), "text": PROMPT}),
        "latent": ("sampler/EmptyLatent", {"width": width, "height": height}),
        "sample": ("sampler/Sample", {"model": Link("model.model"), "positive": Link("prompt.conditioning"),
                                      "latent": Link("latent.latent"), "steps": args.steps, "seed": SEED}),
        "decode": ("vae/DecodeLatent", {"vae": Link("model.vae"), "latent": Link("sample.latent")}),
        "save": ("image-io/SaveImage", {"image": Link("decode.image"), "name": "weft"}),
    }
    (folder / "weft.ron").write_text(graph(nodes))
    command = [args.weft, "run", folder / "weft.ron", "--models", args.model.parent, "-o", folder, "--device", args.device,
               "--time", "--json", "--quiet"]
    out, seconds, peak = measured([str(part) for part in command])
    report = json.loads(out)
    times = {node["node"]: node["milliseconds"] / 1000 for node in report["nodes"]}
    # `step_milliseconds` holds every node's progress; the sampler's mean, first step included, is the stricter figure.
    return row(times["prompt"] + times["sample"], times["sample"] / args.steps, times["decode"], seconds, peak)


def row(*values):
    return dict(zip(ROWS, values, strict=True))


def table(results):
    lines = [f"| | {' | '.join(results)} | {' / '.join(reversed(results))} |", f"|---|{'---|' * (len(results) + 1)}"]
    for name, digits in ROWS.items():
        values = [statistics.median(run[name] for run in runs) for runs in results.values()]
        cells = [f"{value:.{digits}f}" for value in values]
        lines.append(f"| {name} | {' | '.join(cells)} | {values[1] / values[0]:.2f} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weft", type=Path, required=True)
    parser.add_argument("--mflux", type=Path, required=True, help="the python of mflux's environment")
    parser.add_argument("--model", type=Path, required=True, help="a folder of make_small.py")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=9)
    parser.add_argument("--size", default="512x512")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--decode", default="low_memory", help="mflux's way to decode; its own default is low_memory")
    parser.add_argument("--preload", default=next(iter(glob.glob("/usr/lib/*-linux-gnu/libopenblas.so.0")), ""),
                        help="a library to load before MLX's own BLAS (Linux)")
    args = parser.parse_args()
    # Not resolved: a link is what makes a venv's python a venv's.
    args.weft, args.mflux, args.model = (Path(os.path.abspath(path)) for path in (args.weft, args.mflux, args.model))
    results = {"mflux": [], "Weft": []}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        # Once for nothing: MLX keeps what it compiles for a CPU, and the weights come into the file cache.
        run_mflux(argparse.Namespace(**{**vars(args), "steps": 1}), folder)
        for i in range(args.rounds):
            for name, run in [("mflux", run_mflux), ("Weft", run_weft)]:
                results[name].append(run(args, folder))
                values = "".join(f"  {k} {v:.{ROWS[k]}f}" for k, v in results[name][-1].items())
                print(f"{i + 1} {name:6}{values}", file=sys.stderr)
    print(f"{args.size}, {args.steps} steps, median of {args.rounds}\n\n{table(results)}")


if __name__ == "__main__":
    main()
