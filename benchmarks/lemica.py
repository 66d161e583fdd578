"""What LeMiCa costs in quality and saves in time, on the demo model.

    python lemica.py --weft ../target/release/weft [--pictures 100] [--schedule demo-8]

Each prompt is drawn without LeMiCa and in every mode, in turns: as published (`compute_last` off), as the node does by
itself, by a calibration, and by it with `extrapolate`. PSNR and SSIM are of the saved pictures against the one without. "right" is how many of them
models/training/judge.py takes for what the prompt says. Seconds are medians: of the sampler, and of all that a picture
needs once the weights are in memory (prompt, sampler, decoder, file).

The prompts are scenes that the model was not trained on, and none of them is in the calibration's list.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path += [str(ROOT / "tests" / "reference"), str(ROOT / "models" / "training")]

import judge
from weft import Link, graph

MODES = ("slow", "medium", "fast")
# A process draws so many prompts: it keeps what it made.
AT_ONCE = 10
PROMPTS_SEED = 21
# Calibrations count from 0.
FIRST_SEED = 1000


def variants(schedule):
    """The LeMiCa nodes, by what is compared."""
    found = {"off": {"mode": "off"}}
    for mode in MODES:
        found[f"{mode} published"] = {"mode": mode, "compute_last": False}
        found[f"{mode} default"] = {"mode": mode}
        found[f"{mode} calibrated"] = {"mode": mode, "schedule": f"{schedule}.json"}
        found[f"{mode} extrapolated"] = {"mode": mode, "schedule": f"{schedule}.json", "extrapolate": True}
    return found


def prompts(count, schedule):
    calibrated_on = (ROOT / "models" / "schedules" / f"{schedule}.txt").read_text().splitlines()
    captions = [text for text in judge.test_captions(count + len(calibrated_on), PROMPTS_SEED) if text not in calibrated_on]
    return captions[:count]


def nodes_of(texts, first, found, steps):
    """A graph of so many prompts, each in every variant. The first picture is for nothing: it reads the weights."""
    nodes = {"model": ("model-loader/LoadModel", {"path": "demo"}),
             "latent": ("sampler/EmptyLatent", {"width": 128, "height": 128})}
    for name, inputs in found.items():
        nodes[f"cache {name}"] = ("sampler/LeMiCa", {"model": Link("model.model"), **inputs})
    jobs = [("warm", 0, texts[0], "off")]
    jobs += [(f"{first + i:03}", FIRST_SEED + first + i, text, name) for i, text in enumerate(texts) for name in found]
    for number, seed, text, name in jobs:
        at = f"{number} {name}"
        nodes[f"prompt {number}"] = ("text-encode/EncodeText", {"text_encoder": Link("model.text_encoder"), "text": text})
        nodes[f"sample {at}"] = ("sampler/Sample", {
            "model": Link(f"cache {name}.model"), "positive": Link(f"prompt {number}.conditioning"),
            "latent": Link("latent.latent"), "steps": steps, "seed": seed})
        nodes[f"decode {at}"] = ("vae/DecodeLatent", {"vae": Link("model.vae"), "latent": Link(f"sample {at}.latent")})
        nodes[f"save {at}"] = ("image-io/SaveImage", {"image": Link(f"decode {at}.image"), "name": at.replace(" ", "-")})
    return nodes


def draw(args, texts, first, found):
    """Runs one process: each variant's pictures `[prompts, h, w, 3]`, and each one's milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.ron"
        path.write_text(graph(nodes_of(texts, first, found, args.steps)))
        command = [args.weft, "run", path, "--models", ROOT / "models", "-o", folder, "--device", args.device, "--json", "--quiet"]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"weft ended with {done.returncode}:\n{done.stderr.strip()[-2000:]}{done.stdout.strip()[-2000:]}")
        report = json.loads(done.stdout)
        files = {file["node"]: file["path"] for file in report["files"]}
        times = {node["node"]: node["milliseconds"] for node in report["nodes"]}
        results = {}
        for name in found:
            at = [f"{first + i:03}" for i in range(len(texts))]
            pictures = [np.asarray(Image.open(files[f"save {n} {name}"]).convert("RGB")) for n in at]
            sample = [times[f"sample {n} {name}"] for n in at]
            whole = [times[f"prompt {n}"] + sum(times[f"{node} {n} {name}"] for node in ("sample", "decode", "save")) for n in at]
            results[name] = (pictures, sample, whole)
        return results, {note["node"]: note["text"] for note in report["notes"]}


def psnr(a, b):
    """In dB. Equal pictures count as 78 dB, a difference of 1 in a thousandth of the numbers."""
    error = np.mean((a.astype(float) - b.astype(float)) ** 2)
    return 10 * np.log10(255**2 / max(error, 1e-3))


def blurred(x, taps=np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)):
    """By a gaussian of 11 taps and σ 1.5, without the border: `[h, w, c]` → `[h - 10, w - 10, c]`."""
    taps = taps / taps.sum()
    for axis in (0, 1):
        x = np.lib.stride_tricks.sliding_window_view(x, len(taps), axis) @ taps
    return x


def ssim(a, b):
    """Wang et al. 2004, over the three channels."""
    a, b = a.astype(float), b.astype(float)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_a, mean_b = blurred(a), blurred(b)
    var_a, var_b = blurred(a * a) - mean_a**2, blurred(b * b) - mean_b**2
    covariance = blurred(a * b) - mean_a * mean_b
    return np.mean((2 * mean_a * mean_b + c1) * (2 * covariance + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)))


def table(found, results, texts, steps):
    """Markdown, and each variant's PSNR and SSIM of every picture."""
    exact, scores = results["off"][0], {}
    print("| | steps computed | PSNR dB | SSIM | right | sample s | picture s |\n|---|---|---|---|---|---|---|")
    for name in found:
        pictures, sample, whole = results[name]
        scores[name] = [np.array([measure(a, b) for a, b in zip(exact, pictures, strict=True)]) for measure in (psnr, ssim)]
        right = sum(judge.judge(picture, judge.parse(text))["pass"] for picture, text in zip(pictures, texts, strict=True))
        quality = "| " if name == "off" else f"{scores[name][0].mean():.2f} | {scores[name][1].mean():.4f}"
        seconds = " | ".join(f"{statistics.median(times) / 1000:.3f}" for times in (sample, whole))
        print(f"| {name} | {steps[name]} | {quality} | {right} | {seconds} |")
    return scores


def compare(scores):
    """Each way beside the published one at the same number of steps, picture by picture, with the mean's standard error."""
    for mode in MODES:
        for way in ("default", "calibrated", "extrapolated"):
            psnrs, ssims = (scores[f"{mode} {way}"][i] - scores[f"{mode} published"][i] for i in (0, 1))
            error = psnrs.std(ddof=1) / len(psnrs) ** 0.5 if len(psnrs) > 1 else 0.0
            print(f"{mode}: {way} - published: PSNR {psnrs.mean():+.2f} ± {error:.2f} dB, SSIM {ssims.mean():+.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--weft", type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--schedule", default="demo-8", help="a file of models/schedules, beside its list of prompts")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    args.weft = args.weft.absolute()
    texts, found = prompts(args.pictures, args.schedule), variants(args.schedule)
    results, steps = {name: ([], [], []) for name in found}, {"off": "all"}
    for first in range(0, len(texts), AT_ONCE):
        drawn, notes = draw(args, texts[first:first + AT_ONCE], first, found)
        for name, lists in drawn.items():
            for kept, new in zip(results[name], lists, strict=True):
                kept += new
            note = notes.get(f"sample {first:03} {name}")
            steps.setdefault(name, (note or "").split(": ")[-1])
        print(f"{first + len(drawn['off'][0])} of {len(texts)}", file=sys.stderr)
    print(f"{len(texts)} prompts, {args.steps} steps, {args.device}\n")
    scores = table(found, results, texts, steps)
    print()
    compare(scores)


if __name__ == "__main__":
    main()
