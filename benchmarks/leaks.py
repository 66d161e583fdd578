"""Runs every example in examples/ again and again in one engine, and fails where a handle or a byte of a tensor is left.

    cargo build --release --manifest-path examples/Cargo.toml
    python benchmarks/leaks.py [--runs 10000] [--profile release]

Nodes of Weft's own run again only where they take from a node of an example. Pictures are small and steps few: what is
counted does not depend on either.
"""

import argparse
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SMALL = ["latent.width=64", "latent.height=64", "sample.steps=2"]
# What makes a run of an example short.
SET = {"gray-scott": ["grow.width=64", "grow.height=64", "grow.steps=20"]}


def run(graph: Path, plugins: Path, runs: int, profile: str) -> bool:
    assignments = " ".join(SET.get(graph.parent.name, SMALL))
    variables = {"WEFT_LEAKS_GRAPH": graph, "WEFT_LEAKS_PLUGINS": plugins, "WEFT_LEAKS_RUNS": runs,
                 "WEFT_LEAKS_SET": assignments}
    command = ["cargo", "test", "--quiet", "--locked", "--profile", profile, "-p", "weft-tests", "--test", "weft", "--",
               "--ignored", "--nocapture", "hostile::leaks::many_runs"]
    environment = {**os.environ, **{name: str(value) for name, value in variables.items()}}
    return subprocess.run(command, cwd=ROOT, env=environment).returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--plugins", type=Path, default=ROOT / "examples/target/release")
    parser.add_argument("--profile", default="release")
    flags = parser.parse_args()
    graphs = sorted((ROOT / "examples").glob("*/graph.ron"))
    failed = [graph for graph in graphs if not run(graph, flags.plugins.resolve(), flags.runs, flags.profile)]
    if failed:
        raise SystemExit(f"something is left behind by: {', '.join(graph.parent.name for graph in failed)}")


if __name__ == "__main__":
    main()
