"""Large graphs: how long `weft check` reads and checks them, and how much memory the larger of its two processes takes.

    python benchmarks/load.py [--weft target/release/weft] [--rounds 9]

A chain of nodes, each taking from the one before it. Best of all rounds; "whole" is the program from its start to its end,
the engine's start included. Fails where checking 10 000 nodes takes 20 ms, or 100 000 nodes 1.5 s or 600 MB altogether.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def graph(count: int) -> str:
    node = '"n{}":(kind:"latent-upscale/UpscaleLatent",inputs:{{"latent":Link("n{}.latent"),"scale":2.0}}),\n'
    nodes = "".join(node.format(index, index - 1) for index in range(1, count - 1))
    return ('Graph(format:1,nodes:{\n"n0":(kind:"sampler/EmptyLatent",inputs:{"width":64,"height":64}),\n' + nodes +
            f'"save":(kind:"sampler/SaveLatent",inputs:{{"latent":Link("n{count - 2}.latent"),"name":"a"}}),\n}})\n')


def check(weft: Path, path: Path) -> tuple:
    begin = time.perf_counter()
    process = subprocess.Popen([weft, "check", path, "--json"], stdout=subprocess.PIPE)
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    whole = time.perf_counter() - begin
    assert status == 0
    times = json.loads(said)["milliseconds"]
    # Kilobytes, and bytes on a Mac.
    return times["read"], times["check"], whole * 1e3, used.ru_maxrss / (1e6 if os.uname().sysname == "Darwin" else 1e3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weft", type=Path, default=ROOT / "target/release/weft")
    parser.add_argument("--rounds", type=int, default=9)
    flags = parser.parse_args()
    best = {}
    with tempfile.TemporaryDirectory() as temporary:
        for count in (10_000, 100_000):
            path = Path(temporary) / f"{count}.ron"
            path.write_text(graph(count))
            rounds = [check(flags.weft, path) for _ in range(flags.rounds)]
            best[count] = tuple(min(column) for column in zip(*rounds))
            read, checked, whole, memory = best[count]
            print(f"{count:7} nodes: read in {read:.1f} ms, checked in {checked:.1f} ms, whole {whole:.0f} ms, {memory:.0f} MB")
    is_within = best[10_000][1] <= 20 and best[100_000][2] <= 1500 and best[100_000][3] <= 600
    raise SystemExit(0 if is_within else "beyond its bound")


if __name__ == "__main__":
    main()
