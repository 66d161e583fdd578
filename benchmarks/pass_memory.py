"""What one pass through the demo model needs, by the size of the picture: peak memory of a run of one step on the CPU, without
decoding, less that of a run at 128×128.

    python benchmarks/pass_memory.py [WEFT] [SIDE ...]       WEFT: default target/release/weft; SIDE: 512 1024 1536 2048
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def peak(weft, folder, side):
    """Bytes of the largest process of a run."""
    values = ["sample.steps=1", "sample.tile=off", f"latent.width={side}", f"latent.height={side}"]
    command = [weft, "run", folder / "graph.ron", "--models", ROOT / "models", "--device", "cpu", "--quiet"]
    command += ["--dump", f"sample.latent={folder / 'latent.safetensors'}"]
    process = subprocess.Popen(command + [part for value in values for part in ("--set", value)])
    _, status, used = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"the run at {side} failed")
    return used.ru_maxrss * 1024


def main(weft, sides):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        lines = (ROOT / "graphs/text-to-image.ron").read_text().splitlines()
        kept = [line for line in lines if not line.strip().startswith(('"decode"', '"save"'))]
        (folder / "graph.ron").write_text("\n".join(kept))
        base = peak(weft, folder, 128)
        for side in sides:
            print(f"{side}×{side}: {(peak(weft, folder, side) - base) / 1e6:.0f} MB")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    weft = arguments.pop(0) if arguments and not arguments[0].isdigit() else ROOT / "target/release/weft"
    main(weft, [int(side) for side in arguments] or [512, 1024, 1536, 2048])
