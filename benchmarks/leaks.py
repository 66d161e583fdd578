"""Runs every example in examples/ again and again in one engine, and fails where a handle or a byte of a tensor is left.

    cargo build --release --locked --manifest-path examples/Cargo.toml
    python benchmarks/leaks.py [--runs 10000] [--profile release] [EXAMPLE...]

An example's own nodes and what takes from them run again, everything else once. Pictures are small and steps few, but
every line of the example runs each time; nodes of Weft's own behind it are left out where they are all that takes time.
"""

import argparse
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The smallest model and picture.
LATENT = ["model.path=model", "latent.width=64", "latent.height=64"]
# For each example: which nodes run again, which are left out, and what makes a run short.
EXAMPLES = {
    "blur": (["blur"], [], [*LATENT, "sample.steps=2"]),
    # The architecture has no node of its own: it is asked for by the loader, and called by the upscaling node.
    "espcn": (["upscaler", "upscale"], ["save"], [*LATENT, "sample.steps=2"]),
    # A picture is shown after 128 steps.
    "gray-scott": (["grow"], ["save"], ["grow.width=16", "grow.height=16", "grow.steps=128"]),
    "midpoint-sampler": (["sample"], ["decode", "save"], [*LATENT, "sample.steps=1"]),
    "palette": (["pick", "paint"], [], [*LATENT, "sample.steps=2"]),
    # Of three steps the second one is not computed.
    "repeat-steps": (["repeat", "sample"], ["decode", "save"], [*LATENT, "sample.steps=3"]),
}


def run(example: str, flags: argparse.Namespace) -> bool:
    again, without, assignments = map(" ".join, EXAMPLES[example])
    variables = {"GRAPH": ROOT / "examples" / example / "graph.ron", "PLUGINS": flags.plugins.resolve(), "AGAIN": again,
                 "WITHOUT": without, "SET": assignments, "RUNS": flags.runs}
    command = ["cargo", "test", "--quiet", "--locked", "--profile", flags.profile, "-p", "weft-tests", "--test", "weft",
               "--", "--ignored", "--nocapture", "hostile::leaks::many_runs"]
    environment = {**os.environ, **{f"WEFT_LEAKS_{name}": str(value) for name, value in variables.items()}}
    return subprocess.run(command, cwd=ROOT, env=environment).returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("examples", nargs="*", default=EXAMPLES, metavar="EXAMPLE")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--plugins", type=Path, default=ROOT / "examples/target/release")
    parser.add_argument("--profile", default="release")
    flags = parser.parse_args()
    failed = [example for example in flags.examples if not run(example, flags)]
    if failed:
        raise SystemExit(f"something is left behind by: {', '.join(failed)}")


if __name__ == "__main__":
    main()
