"""What plugins cost: a tensor operation through the table, and the start with 50 plugins.

    python benchmarks/plugin_overhead.py [--weft target/release/weft] [--plugins 50] [--rounds 15]

The plugins are one C file (tests/weft/bad_input/broken_plugin.c), compiled again with another id each time, and approved
in a home of their own. Start is `weft nodes`: engine, MLX, every library, the catalogue. Run it with nothing beside.
"""

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "tests/weft/bad_input/broken_plugin.c"


def compile_plugins(folder: Path, count: int) -> None:
    folder.mkdir()
    ending = "dylib" if os.uname().sysname == "Darwin" else "so"
    for index in range(count):
        library = folder / f"libmany{index}.{ending}"
        subprocess.run(["cc", "-shared", "-fPIC", f'-DID="many{index}"', "-o", library, SOURCE], check=True)


def start(weft: Path, home: Path, arguments: list) -> float:
    begin = time.perf_counter()
    said = subprocess.run([weft, "nodes", "--json", *arguments], check=True, capture_output=True,
                          env={**os.environ, "HOME": str(home)})
    seconds = time.perf_counter() - begin
    assert not said.stderr, said.stderr.decode()
    return seconds * 1e3


def measure_start(weft: Path, count: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        home, plugins = Path(temporary) / "home", Path(temporary) / "plugins"
        home.mkdir()
        compile_plugins(plugins, count)
        trust = subprocess.run([weft, "plugin", "trust", plugins], capture_output=True, text=True,
                               env={**os.environ, "HOME": str(home)})
        if trust.returncode not in (0, 2):
            raise SystemExit(trust.stderr)
        # In turns, so that a slower or faster moment of the machine meets both.
        pairs = [(start(weft, home, []), start(weft, home, ["--plugins", plugins])) for _ in range(rounds)]
    without, with_all = (statistics.median(times) for times in zip(*pairs))
    print(f"start, median of {rounds} rounds")
    print(f"without further plugins {without:8.1f} ms")
    print(f"with {count:3} more           {with_all:8.1f} ms")
    print(f"{count} plugins cost         {with_all - without:8.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weft", type=Path, default=ROOT / "target/release/weft")
    parser.add_argument("--plugins", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--profile", default="release", help="of the measurement of operations")
    flags = parser.parse_args()
    subprocess.run(["cargo", "run", "--quiet", "--locked", "--profile", flags.profile, "-p", "weft",
                    "--example", "table_overhead"], check=True, cwd=ROOT)
    measure_start(flags.weft, flags.plugins, flags.rounds)


if __name__ == "__main__":
    main()
