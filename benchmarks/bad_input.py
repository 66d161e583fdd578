#!/usr/bin/env python3
"""Counts the rows of the tables of bad input by family, and measures time and memory of each.

    cargo build --workspace --locked && python benchmarks/bad_input.py [--profile dev] [--filter bad_input::]

The tests run as ever, one after the other, and each case once more under this file, which writes down how long it took and
how much memory the larger of its two processes, client and engine, had at most. Fails where a refusal took a second or 256 MB.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECONDS, MEGABYTES = 1.0, 256


def measure_one() -> None:
    family, name, code, *command = sys.argv[1:]
    begin = time.perf_counter()
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
    seconds = time.perf_counter() - begin
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Kilobytes, and bytes on a Mac.
    megabytes = used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    row = [family, code, f"{seconds:.3f}", f"{used.ru_utime + used.ru_stime:.3f}", f"{megabytes:.1f}", name]
    with open(os.environ["WEFT_CASES_FILE"], "a") as file:
        print("\t".join(row), file=file)


def run(rows: Path, profile: str, chosen: list) -> None:
    environment = {**os.environ, "WEFT_CASES": str(Path(__file__).resolve()), "WEFT_CASES_FILE": str(rows)}
    command = ["cargo", "test", "--quiet", "--locked", "--profile", profile, "-p", "weft-tests", "--test", "weft", "--",
               "--test-threads", "1", *chosen]
    if subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL).returncode != 0:
        raise SystemExit("a test failed: run it without this file")


def report(rows: list) -> bool:
    families = defaultdict(list)
    for family, code, *numbers, name in rows:
        families[family].append((int(code), *map(float, numbers), name))
    print(f"{'family':18} rows refused  slowest   of it CPU  largest")
    for family, cases in sorted(families.items()):
        refused = [case for case in cases if case[0] != 0]
        slowest, largest = max(refused, key=lambda case: case[1]), max(refused, key=lambda case: case[3])
        print(f"{family:18} {len(cases):4} {len(refused):7}  {slowest[1]:6.2f} s  {slowest[2]:6.2f} s  {largest[3]:6.0f} MB")
    print(f"{'all':18} {len(rows):4} {sum(row[1] != '0' for row in rows):7}")
    over = [row for row in rows if row[1] != "0" and (float(row[2]) >= SECONDS or float(row[4]) >= MEGABYTES)]
    for family, _, seconds, processor, megabytes, name in over:
        print(f"over the bound: {family}: {name}: {seconds} s ({processor} s CPU), {megabytes} MB")
    return not over


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="dev")
    parser.add_argument("--filter", nargs="*", default=["bad_input::"])
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows"
        run(rows, flags.profile, flags.filter)
        is_within = report([line.split("\t") for line in rows.read_text().splitlines()])
    raise SystemExit(0 if is_within else 1)


if __name__ == "__main__":
    measure_one() if "WEFT_CASES_FILE" in os.environ else main()
