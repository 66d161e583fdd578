"""The memory that Weft foresees for a run beside what the run then takes, for a table of runs on the CPU.

    python benchmarks/memory.py [--weft target/release/weft] [--model DIR] [--sizes 256 512 768] [--precisions auto]

Foreseen is `memory.bytes` of `weft run --json`; taken is the engine's peak of resident memory (VmHWM of Linux), read until it
ends. "tensors" compares the same without the process around them: MLX's own peak. Ends with 1 where a run is more than 15 % off.
The small model of Weft is measured too, by every example graph. --model is a folder of `models.py`, one picture a size.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ["text-to-image", "hires", "image-to-image", "lora", "esrgan", "guidance", "pipeline"]
ALLOWED = 0.15


def field(process_id, name):
    """Bytes of one line of /proc/ID/status."""
    for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return 0


def engine_of(process_id):
    for task in Path(f"/proc/{process_id}/task").iterdir():
        for child in (task / "children").read_text().split():
            return int(child)
    return None


def watch(process, peak):
    """Keeps the engine's peak in `peak` until the process ends."""
    engine = None
    while process.poll() is None:
        try:
            engine = engine or engine_of(process.pid)
            peak[0] = max(peak[0], field(engine, "VmHWM") if engine else 0)
        except (FileNotFoundError, ProcessLookupError):
            engine = None
        time.sleep(0.005)


def run(weft, graph, models, values, more=()):
    """What `--json` says, and the engine's peak in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        command = [weft, "run", graph, "--models", models, "--device", "cpu", "--json", "--quiet", "-o", folder, *more]
        command += [part for value in values for part in ("--set", value)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        peak = [0]
        watcher = threading.Thread(target=watch, args=(process, peak))
        watcher.start()
        out, err = process.communicate()
        watcher.join()
        if process.returncode != 0:
            sys.exit(f"{' '.join(map(str, command))} ended with {process.returncode}:\n{err[-2000:]}")
        return json.loads(out), peak[0]


def row(name, said, peak):
    """Prints a line of the table; whether the run was foreseen within what is allowed."""
    memory = said["memory"]
    foreseen, tensors = memory["bytes"], max(phase["tensor_bytes"] for phase in memory["phases"])
    taken = {node["node"]: node["peak_tensor_bytes"] for node in said["nodes"]}
    at = max(taken, key=taken.get)
    off, off_tensors = foreseen / peak - 1, tensors / said["peak_tensor_bytes"] - 1
    fits = abs(off) <= ALLOWED
    print(f"| {name} | {memory['node']} | {at} | {tensors / 1e6:.0f} | {said['peak_tensor_bytes'] / 1e6:.0f} | {off_tensors:+.0%} "
          f"| {foreseen / 1e6:.0f} | {peak / 1e6:.0f} | {off:+.0%}{'' if fits else ' **too far**'} |", flush=True)
    return fits


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weft", default=ROOT / "target/release/weft")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--sizes", type=int, nargs="*", default=[256, 512, 768])
    parser.add_argument("--precisions", nargs="*", default=["auto"])
    parser.add_argument("--examples", nargs="*", default=EXAMPLES)
    args = parser.parse_args()
    print("| run | most: foreseen | most: taken | tensors MB foreseen | taken | off | process MB foreseen | taken | off |")
    print("|---|---|---|---|---|---|---|---|---|")
    fits = [row(f"`graphs/{name}.ron`", *run(args.weft, ROOT / f"graphs/{name}.ron", ROOT / "models", [])) for name in args.examples]
    text_to_image = ROOT / "graphs/text-to-image.ron"
    for precision in args.precisions if args.model else []:
        for size in args.sizes:
            values = [f"model.path={args.model.name}", f"model.precision={precision}", "sample.steps=1"]
            values += [f"latent.width={size}", f"latent.height={size}"]
            said = run(args.weft, text_to_image, args.model.resolve().parent, values)
            fits.append(row(f"`{args.model.name}`, {precision}, {size}²", *said))
    sys.exit(0 if all(fits) else 1)


if __name__ == "__main__":
    main()
