"""What Weft costs by itself: until the first node, for each node, and how much of the network's time LeMiCa leaves."""

import json
import os
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from peers.common import PROMPT
from programs import SEED, Link, graph

HERE = Path(__file__).resolve().parent
# Chains of nodes whose difference is the cost of a node.
SHORT, LONG = 100, 2100
STARTS = 11
# For which `fast` computes the main layers in 4.
LEMICA_STEPS = 8
LEMICA_ROUNDS = 3


@dataclass
class Trivial:
    """A graph of nodes that do nothing, and what is needed to run it."""
    weft: object
    folder: Path

    def prepare(self):
        """Compiles the plugin and approves it in a home of its own."""
        home, plugins = self.folder / "home", self.folder / "plugins"
        home.mkdir()
        plugins.mkdir()
        ending = "dylib" if os.uname().sysname == "Darwin" else "so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-I", HERE.parent / "plugin-api" / "include", "-o",
                        plugins / f"libtrivial_nodes.{ending}", HERE / "trivial_nodes.c"], check=True)
        self.env = {**os.environ, "HOME": str(home)}
        subprocess.run([self.weft.binary, "plugin", "trust", plugins], env=self.env, check=True, capture_output=True)
        return self

    def chain(self, length):
        """Milliseconds of a run of so many nodes, after its start."""
        nodes = {"n0": ("trivial/Start", {})}
        nodes |= {f"n{i}": ("trivial/Pass", {"value": Link(f"n{i - 1}.value")}) for i in range(1, length - 1)}
        nodes["end"] = ("trivial/End", {"value": Link(f"n{length - 2}.value")})
        path = self.folder / f"{length}.ron"
        path.write_text(graph(nodes))
        return json.loads(self.run(path, "--json").stdout)["milliseconds"]

    def first_node(self):
        """Milliseconds from the start of the process to the end of a whole run of two nodes, the last of which says so."""
        nodes = {"latent": ("sampler/EmptyLatent", {"width": 64, "height": 64}),
                 "save": ("sampler/SaveLatent", {"latent": Link("latent.latent"), "name": "first"})}
        path = self.folder / "first.ron"
        path.write_text(graph(nodes))
        start = time.perf_counter()
        with subprocess.Popen(self.command(path), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            process.stdout.read(1)
            seconds = time.perf_counter() - start
        if process.returncode != 0:
            raise subprocess.CalledProcessError(process.returncode, process.args)
        return seconds * 1e3

    def run(self, path, *options):
        command = self.command(path, "--plugins", self.folder / "plugins", *options)
        return subprocess.run(command, env=self.env, check=True, capture_output=True, text=True)

    def command(self, path, *options):
        command = [self.weft.binary, "run", path, "-o", self.folder, "--device", self.weft.device, "--quiet", *options]
        return [str(part) for part in command]


def start(weft, folder, quick):
    trivial = Trivial(weft, folder)
    values = [trivial.first_node() for _ in range(3 if quick else STARTS)]
    return {"start of `weft run` until two small nodes are done": (statistics.median(values[1:]), "ms", "< 150 to the first node")}


def overhead(weft, folder, quick):
    trivial = Trivial(weft, folder).prepare()
    pairs = [(trivial.chain(SHORT), trivial.chain(LONG)) for _ in range(2 if quick else 7)]
    cost = statistics.median((long - short) / (LONG - SHORT) * 1e3 for short, long in pairs)
    return {f"a node that does nothing, from chains of {SHORT} and {LONG}": (cost, "µs", "≤ 20")}


def lemica(weft, folder, model, dtype, size, quick):
    """The sampler without LeMiCa and with its `fast`, in turns in one process whose weights are in memory."""
    width, height = map(int, size.split("x"))
    nodes = {
        "model": ("model-loader/LoadModel", {"path": model.name, "precision": dtype}),
        "prompt": ("text-encode/EncodeText", {"text_encoder": Link("model.text_encoder"), "text": PROMPT}),
        "latent": ("sampler/EmptyLatent", {"width": width, "height": height}),
    }
    rounds = range(1 if quick else LEMICA_ROUNDS)
    samplers = [("warm", "off", 1, SEED)]
    samplers += [(f"{mode} {i}", mode, LEMICA_STEPS, SEED + i) for i in rounds for mode in ("off", "fast")]
    for name, mode, count, seed in samplers:
        nodes[f"{name} cache"] = ("sampler/LeMiCa", {"model": Link("model.model"), "mode": mode})
        nodes[name] = ("sampler/Sample", {"model": Link(f"{name} cache.model"), "positive": Link("prompt.conditioning"),
                                          "latent": Link("latent.latent"), "steps": count, "seed": seed})
        nodes[f"{name} save"] = ("sampler/SaveLatent", {"latent": Link(f"{name}.latent"), "name": name})
    path = folder / "lemica.ron"
    path.write_text(graph(nodes))
    report = json.loads(weft.run(path, "--models", model.parent, "-o", folder).out)
    times = {node["node"]: node["milliseconds"] for node in report["nodes"]}
    names = [name for name, *_ in samplers]
    order = [name for name in times if name in names]
    if order != names:
        raise RuntimeError(f"the engine ran the samplers in another order: {order}")
    ratio = statistics.median(times[f"off {i}"] / times[f"fast {i}"] for i in rounds)
    what = f"LeMiCa fast, {LEMICA_STEPS} steps, {model.name}, {size}: sampler without / with, {len(rounds)} in turns"
    return {what: (ratio, "", "≥ 1.8")}
