"""The programs that are compared: how each is started, and what its report says. Seconds throughout."""

import glob
import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from measure import measured
from peers.common import PROMPT

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "reference"))

from weft import Link, graph

SEED = 42
# What is measured of a picture, and with how many digits it is printed.
ROWS = {
    "step s": 3, "text encoding s": 2, "VAE decode s": 2, "start to picture s": 2, "again, other seed s": 2,
    "again, last node only s": 2, "peak memory MB": 0, "peak, shared pages once MB": 0, "peak on the device MB": 0,
}


@dataclass
class Job:
    """One picture to draw."""
    model: Path
    dtype: str
    steps: int
    size: str
    folder: Path
    seed: int = SEED
    name: str = "picture"
    cache: Path | None = None


@dataclass
class Result:
    rows: dict
    version: str = ""
    tokens: int | None = None
    warnings: list = field(default_factory=list)


@dataclass
class Weft:
    binary: Path
    device: str
    timeout: float
    name: str = "Weft"

    def picture(self, job, dump=None):
        (job.folder / "graph.ron").write_text(graph(nodes_of(job)))
        options = ["--cache", job.cache] if job.cache else []
        options += ["--dump", f"prompt.conditioning={dump}"] if dump else []
        run = self.run(job.folder / "graph.ron", "--models", job.model.parent, "-o", job.folder, *options)
        report = json.loads(run.out)
        times = {node["node"]: node["milliseconds"] / 1000 for node in report["nodes"]}
        # The sampler's progress comes first; what follows is the decoder's.
        steps = [step / 1000 for step in report["step_milliseconds"][:job.steps]]
        memory = {"peak on the device MB": report["peak_tensor_bytes"] / 2**20} if self.device == "gpu" else {}
        return Result(rows(run, steps, times["prompt"], times["decode"]) | memory, self.version())

    def tokens(self, job):
        """How many tokens of the prompt go into the transformer."""
        from safetensors import safe_open

        dump = job.folder / "prompt.safetensors"
        result = self.picture(job, dump)
        with safe_open(dump, "np") as file:
            result.tokens = file.get_slice("embeds").get_shape()[1]
        return result

    def again(self, job):
        """What a second run takes, after a change of the seed and of the last node, with the nodes of the first one on disk."""
        if not self.has_cache():
            return {}
        job.cache = job.folder / "cache"
        self.picture(job)
        job.seed += 1
        seed = self.picture(job).rows["start to picture s"]
        job.name = "renamed"
        return {"again, other seed s": seed, "again, last node only s": self.picture(job).rows["start to picture s"]}

    def has_cache(self):
        return "--cache" in subprocess.run([self.binary, "run", "--help"], capture_output=True, text=True).stdout

    def run(self, path, *options):
        return measured([self.binary, "run", path, "--device", self.device, "--json", "--quiet", *options], timeout=self.timeout)

    def version(self):
        return subprocess.run([self.binary, "--version"], capture_output=True, text=True).stdout.split()[-1]


def nodes_of(job):
    width, height = map(int, job.size.split("x"))
    return {
        "model": ("model-loader/LoadModel", {"path": job.model.name, "precision": job.dtype}),
        "prompt": ("text-encode/EncodeText", {"text_encoder": Link("model.text_encoder"), "text": PROMPT}),
        "latent": ("sampler/EmptyLatent", {"width": width, "height": height}),
        "sample": ("sampler/Sample", {"model": Link("model.model"), "positive": Link("prompt.conditioning"),
                                      "latent": Link("latent.latent"), "steps": job.steps, "seed": job.seed}),
        "decode": ("vae/DecodeLatent", {"vae": Link("model.vae"), "latent": Link("sample.latent")}),
        "save": ("image-io/SaveImage", {"image": Link("decode.image"), "name": job.name}),
    }


@dataclass
class Peer:
    """A program in an environment of its own, driven by a script of peers/ that ends with a line of JSON."""
    name: str
    python: Path
    script: str
    device: str
    threads: int
    timeout: float
    preload: str = ""

    def picture(self, job):
        command = [self.python, HERE / "peers" / self.script, job.model, job.folder / f"{self.script}.png", "--steps", job.steps,
                   "--size", job.size, "--seed", job.seed, "--prompt", PROMPT, "--dtype", job.dtype, "--device", self.device,
                   "--threads", self.threads]
        env = os.environ | ({"LD_PRELOAD": self.preload} if self.preload else {})
        run = measured(command, env, self.timeout)
        report = json.loads(run.out.strip().splitlines()[-1])
        found = rows(run, report["steps_s"], report["text_s"], report["decode_s"])
        if report.get("device_mb") and self.device == "gpu":
            found["peak on the device MB"] = report["device_mb"]
        gflops = report.get("matmul_gflops", float("inf"))
        slow = [f"{self.name} multiplies at {gflops:.0f} GFLOP/s: is OpenBLAS in use?"] if gflops < 10 else []
        return Result(found, report["version"], report["tokens"], slow)

    tokens = picture

    def again(self, job):
        """A script keeps nothing: whatever changed, it starts anew."""
        return {}


def rows(run, steps, text, decode):
    """The first step also does what is done once, so it is no measure of a step. What was not measured is left out."""
    values = {
        "step s": statistics.median(steps[1:] or steps or [0.0]), "text encoding s": text, "VAE decode s": decode,
        "start to picture s": run.seconds, "peak memory MB": run.peak_mb, "peak, shared pages once MB": run.proportional_mb,
    }
    return {name: value for name, value in values.items() if value}


def openblas():
    """OpenBLAS, to be loaded before the BLAS that MLX's build for Linux links: thirty times faster there."""
    return next(iter(glob.glob("/usr/lib/*-linux-gnu/libopenblas.so.0")), "")
