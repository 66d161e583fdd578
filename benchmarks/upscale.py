"""Upscaling: Weft and spandrel on torch, the same random ESRGAN on the same picture."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from measure import measured
from PIL import Image
from programs import HERE, Link, Result, graph

ROWS = {"upscaling s": 2, "start to picture s": 2, "peak memory MB": 0, "peak, shared pages once MB": 0}
# Features, blocks and side of the picture.
CASES = {"esrgan": (64, 23, 128), "esrgan-256": (64, 23, 256), "esrgan-large": (32, 2, 1024)}


@dataclass
class Upscale:
    features: int
    blocks: int
    side: int
    folder: Path

    def title(self):
        return f"ESRGAN, {self.features} features, {self.blocks} blocks, {self.side}² → {self.side * 4}², float32"

    def prepare(self):
        """Writes the network and the picture."""
        import torch
        from safetensors.torch import save_file
        from spandrel.architectures.ESRGAN import ESRGAN

        torch.manual_seed(0)
        network = ESRGAN(num_filters=self.features, num_blocks=self.blocks, scale=4)
        with torch.no_grad():
            # Around the middle of the range and with some contrast.
            last = list(network.model.children())[-1]
            last.weight *= 8
            last.bias.fill_(0.5)
        self.network().parent.mkdir(parents=True, exist_ok=True)
        save_file(network.state_dict(), self.network())
        picture = np.random.default_rng(0).integers(0, 255, (self.side // 8, self.side // 8, 3), dtype=np.uint8)
        Image.fromarray(picture).resize((self.side, self.side), Image.BICUBIC).save(self.folder / f"{self.side}.png")
        return self

    def network(self):
        return self.folder / "models" / "upscale_models" / f"{self.features}-{self.blocks}.safetensors"

    def weft(self, weft):
        nodes = {
            "model": ("esrgan/LoadUpscaler", {"file": self.network().name}),
            "load": ("image-io/LoadImage", {"file": f"{self.side}.png"}),
            "large": ("esrgan/UpscaleImage", {"upscale_model": Link("model.upscale_model"), "image": Link("load.image")}),
            "save": ("image-io/SaveImage", {"image": Link("large.image"), "name": "weft"}),
        }
        (self.folder / "weft.png").unlink(missing_ok=True)
        (self.folder / "graph.ron").write_text(graph(nodes))
        run = weft.run(self.folder / "graph.ron", "--models", self.folder / "models", "-o", self.folder)
        times = {node["node"]: node["milliseconds"] / 1000 for node in json.loads(run.out)["nodes"]}
        return Result(rows(run, times["large"]), weft.version())

    def spandrel(self, peer):
        command = [peer.python, HERE / "peers" / peer.script, self.network(), self.folder / f"{self.side}.png",
                   self.folder / "spandrel.png", "--threads", peer.threads, "--device", peer.device]
        run = measured(command, timeout=peer.timeout)
        report = json.loads(run.out.strip().splitlines()[-1])
        return Result(rows(run, report["upscale_s"]), report["version"])

    def levels(self):
        """How far the two pictures are apart at most, of 255."""
        pictures = [np.asarray(Image.open(self.folder / f"{name}.png")).astype(int) for name in ("weft", "spandrel")]
        return int(np.abs(pictures[0] - pictures[1]).max())


def rows(run, upscaling):
    values = (upscaling, run.seconds, run.peak_mb, run.proportional_mb)
    return {name: value for name, value in zip(ROWS, values, strict=True) if value}
