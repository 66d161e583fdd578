"""Sends Ctrl-C at random moments to a run that loads, encodes, merges, samples, decodes, upscales and saves with the models that
ship, and tells how soon it was acknowledged ("stopping after this step") and how soon the program had ended.

    python benchmarks/cancel.py [--weft target/release/weft] [--models models] [--rounds 100]

The last run is not cancelled and has to write the bytes that a first one wrote. Fails beyond 100 ms and 500 ms.
"""

import argparse
import os
import random
import re
import signal
import statistics
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ACKNOWLEDGED, STOPPED = 0.1, 0.5
GRAPH = re.search(r'EVERYTHING: &str = r#"(.*?)"#;', (ROOT / "tests/weft/cancel.rs").read_text(), re.S)[1]


def command(flags, graph: Path, out: Path) -> list:
    return [flags.weft, "run", graph, "--models", flags.models, "--input", ROOT / "tests/golden/plain", "-o", out,
            "--device", "cpu", "--set", f"sample.steps={flags.steps}"]


def files(folder: Path) -> dict:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def cancelled(arguments: list, after: float):
    """Seconds to the acknowledgement and to the end, and the node under way; none where the run was at its end before."""
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, bufsize=0)
    # Before the engine is there, a signal ends the program by itself.
    said = b""
    while b" s  " not in said:
        part = os.read(process.stderr.fileno(), 4096)
        assert part, f"it ended with {process.wait()}: {said.decode()}"
        said += part
    time.sleep(after)
    if process.poll() is not None:
        return None
    begin = time.perf_counter()
    process.send_signal(signal.SIGINT)
    acknowledged = None
    while part := os.read(process.stderr.fileno(), 4096):
        said += part
        if acknowledged is None and b"stopping after this step" in said:
            acknowledged = time.perf_counter() - begin
    code = process.wait()
    stopped = time.perf_counter() - begin
    if code == 0:
        return None
    assert code == 130 and acknowledged is not None, (code, said.decode())
    nodes = re.findall(rb" s  (\w+): (?!done)", said)
    return acknowledged, stopped, nodes[-1].decode() if nodes else "?"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weft", type=Path, default=ROOT / "target/release/weft")
    parser.add_argument("--models", type=Path, default=ROOT / "models")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    flags = parser.parse_args()
    random.seed(flags.seed)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        graph = folder / "graph.ron"
        graph.write_text(GRAPH)
        begin = time.perf_counter()
        subprocess.run(command(flags, graph, folder / "clean"), check=True, capture_output=True)
        span = time.perf_counter() - begin
        clean, times, nodes = files(folder / "clean"), [], Counter()
        while len(times) < flags.rounds:
            found = cancelled(command(flags, graph, folder / "cancelled"), random.uniform(0, span))
            if found:
                times.append(found[:2])
                nodes[found[2]] += 1
        subprocess.run(command(flags, graph, folder / "last"), check=True, capture_output=True)
        assert files(folder / "last") == clean, "other bytes after the cancelled runs"
        assert not list((folder / "cancelled").rglob(".weft-tmp-*")), "something is left"
    print(f"{len(times)} cancels, the last word of the program before each was of:", dict(nodes))
    for name, column in zip(("acknowledged", "stopped"), zip(*times)):
        milliseconds = sorted(1e3 * seconds for seconds in column)
        print(f"{name:13} median {statistics.median(milliseconds):6.0f} ms, most {milliseconds[-1]:6.0f} ms")
    late = [pair for pair in times if pair[0] > ACKNOWLEDGED or pair[1] > STOPPED]
    raise SystemExit(f"{len(late)} were late" if late else 0)


if __name__ == "__main__":
    main()
