"""Weft beside other programs: the same models, pictures, steps and threads, in turns, in one run.

    python run.py --weft WEFT --models-folder DIR [--mflux PYTHON] [--sdcpp PYTHON] [--what picture,again,…] [--quick]

Prints Markdown tables of medians and of the ratios peer / Weft: above 1 Weft is faster or smaller. README.md explains them.
Only ratios of one run mean anything; leave the machine alone while it runs.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import traceback
from pathlib import Path

import engine
import programs
import upscale
from measure import Failed
from models import MODELS, ensure, fused
from programs import Job, Peer, Weft
from tables import Table, single_values

WHAT = ("picture", "again", "esrgan", "start", "overhead", "lemica")
MORE = ("esrgan-256", "esrgan-large")
PEERS = ("diffusers", "mflux", "sdcpp", "spandrel")
NAMES = {"sdcpp": "stable-diffusion.cpp", "spandrel": "spandrel"}
# Who computes in which type, by device. On a CPU MLX multiplies bfloat16 over thirty times slower than float32.
TYPES = {
    "cpu": {"diffusers": ("float32", "bfloat16"), "mflux": ("float32",), "sdcpp": ("float32",)},
    "gpu": {"diffusers": ("bfloat16",), "mflux": ("bfloat16",)},
}
# Far behind on a CPU, and measured less often (--slow-rounds, --slow-models).
SLOW = ("mflux", "sdcpp")
LEFT_OUT = "ComfyUI is left out: no package index has it as a package."


def names(allowed, *extra):
    def parse(text):
        found = text.split(",")
        if unknown := set(found) - {*allowed, *extra}:
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))} is none of {', '.join([*allowed, *extra])}")
        return found
    return parse


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    # Not resolved: a link is what makes a venv's python a venv's.
    path = lambda text: Path(os.path.abspath(os.path.expanduser(text)))
    parser.add_argument("--weft", type=path, required=True, help="the program, its plugins beside it")
    parser.add_argument("--models-folder", type=path, default=path("models"), help="models are made there where they are missing")
    parser.add_argument("--diffusers", type=path, default=path(sys.executable), help="the python that has diffusers and spandrel")
    parser.add_argument("--mflux", type=path, help="the python of mflux's environment; without it mflux is left out")
    parser.add_argument("--sdcpp", type=path, help="the python into which peers/sdcpp_install.py built stable-diffusion.cpp")
    parser.add_argument("--what", type=names(WHAT, *MORE), default=list(WHAT), metavar="LIST", help=", ".join([*WHAT, *MORE]))
    parser.add_argument("--peers", type=names(PEERS), default=list(PEERS), metavar="LIST", help=", ".join(PEERS))
    parser.add_argument("--models", type=names(MODELS), metavar="LIST", help=f"{', '.join(MODELS)}; small,medium, on a GPU released")
    parser.add_argument("--types", type=names(["float32", "bfloat16"]), metavar="LIST", help="float32,bfloat16; on a GPU bfloat16")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--slow-rounds", type=int, default=1, help=f"of those far behind on a CPU: {', '.join(SLOW)}")
    parser.add_argument("--slow-models", type=names(MODELS), metavar="LIST", help="with which models they draw; the first one")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--size", help="512x512; on a GPU 1024x1024")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="for every program")
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--preload", default=programs.openblas(), help="a library to load before MLX's own BLAS in mflux (Linux)")
    parser.add_argument("--timeout", type=float, default=1800, help="seconds for one process")
    parser.add_argument("--json", type=path, help="a file for all that was measured")
    parser.add_argument("--quick", action="store_true", help="one round, small, 256x256, 2 steps: to see that all of it works")
    return complete(parser.parse_args())


def complete(args):
    gpu = args.device == "gpu"
    args.models = args.models or (["small"] if args.quick else ["released"] if gpu else ["small", "medium"])
    args.types = args.types or (["bfloat16"] if gpu else ["float32", "bfloat16"])
    args.size = args.size or ("256x256" if args.quick else "1024x1024" if gpu else "512x512")
    if args.quick:
        args.rounds, args.steps = 1, 2
    # Nobody is that far behind on a GPU.
    args.slow_rounds = args.rounds if gpu else min(args.rounds, args.slow_rounds)
    args.slow_models = args.slow_models or (args.models if gpu else args.models[:1])
    return args


def equal_terms(count):
    """For this process and all that it starts: so many cores, as many threads, and no cache of Weft's but that of `again`."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
    # What the user keeps from run to run is no measure of a first one.
    os.environ.pop("WEFT_CACHE", None)
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ[f"{library}_NUM_THREADS"] = str(count)


class Benchmark:
    def __init__(self, args, folder):
        self.args, self.folder, self.data = args, folder, {"tables": [], "alone": {}}
        self.weft = Weft(args.weft, args.device, args.timeout)
        self.failed = False

    def programs(self, size, dtype):
        """Name on the command line -> program, Weft first."""
        wanted = {"Weft": self.weft}
        for name in self.args.peers:
            python = getattr(self.args, name, None)
            too_slow = name in SLOW and size not in self.args.slow_models
            if python and not too_slow and dtype in TYPES[self.args.device].get(name, ()):
                wanted[name] = self.peer(name, python, f"{name}_picture.py")
        return wanted

    def peer(self, name, python, script):
        args = self.args
        preload = args.preload if name == "mflux" and args.device == "cpu" else ""
        return Peer(NAMES.get(name, name), python, script, args.device, args.threads, args.timeout, preload)

    def pictures(self, size, dtype):
        args = self.args
        model = ensure(args.models_folder, size, dtype)
        table = Table(f"{size}, {dtype}, {args.size}, {args.steps} steps, {args.device}", programs.ROWS)
        running = self.warm(table, self.programs(size, dtype), model, dtype)
        for i in range(args.rounds):
            for name, program in list(running.items()):
                if name in SLOW and i >= args.slow_rounds:
                    table.add(program.name, None)
                    continue
                if result := self.attempt(table, program, lambda: self.round(program, self.job(model, dtype), i)):
                    table.add(program.name, result)
                    self.say(f"{size} {dtype} {i + 1}/{args.rounds} {program.name}", result)
                else:
                    del running[name]
        self.show(table)

    def round(self, program, job, i):
        found = program.picture(job).rows
        # It takes three runs more, and says the same of every model.
        if "again" in self.args.what and i == 0 and job.model.name.startswith(self.args.models[0]):
            again = program.again(job) if program is self.weft else dict.fromkeys(list(programs.ROWS)[4:6], found["start to picture s"])
            found |= again
        return found

    def warm(self, table, wanted, model, dtype):
        """Once for nothing: files come into the cache, MLX keeps what it compiles. Also what is needed to compare at all."""
        args, running, tokens = self.args, {}, {}
        if "sdcpp" in wanted:
            fused(model)
        for name, program in wanted.items():
            job = self.job(model, dtype, steps=1, size="128x128")
            if not (result := self.attempt(table, program, lambda: program.tokens(job))):
                continue
            running[name], tokens[program.name] = program, result.tokens
            table.notes += [f"{program.name} {result.version}", *result.warnings]
        if len({count for count in tokens.values() if count}) > 1:
            raise SystemExit(f"the prompt has not the same number of tokens everywhere, so nothing can be compared: {tokens}")
        table.notes.append(f"tokens of the prompt: {next(filter(None, tokens.values()), 'not known')}; threads: {args.threads}")
        return running

    def job(self, model, dtype, **other):
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        return Job(**{"model": model, "dtype": dtype, "steps": self.args.steps, "size": self.args.size, "folder": folder, **other})

    def upscaling(self, what):
        case = upscale.Upscale(*upscale.CASES[what], Path(tempfile.mkdtemp(dir=self.folder))).prepare()
        table = Table(case.title(), upscale.ROWS)
        spandrel = self.peer("spandrel", self.args.diffusers, "spandrel_upscale.py")
        runs = [(self.weft, case.weft)] + [(spandrel, case.spandrel)] * ("spandrel" in self.args.peers)
        for _ in range(self.args.rounds):
            for program, run in runs:
                if result := self.attempt(table, program, lambda: run(program)):
                    table.add(program.name, result.rows)
                    self.say(case.title() + " " + program.name, result.rows)
        if len(table.rounds) == 2:
            table.notes.append(f"at most {case.levels()} levels apart")
        self.show(table)

    def alone(self, what):
        args, folder = self.args, Path(tempfile.mkdtemp(dir=self.folder))
        try:
            if what == "lemica":
                size, dtype = "released" if args.device == "gpu" else "deep", args.types[0]
                model = ensure(args.models_folder, size, dtype)
                found = engine.lemica(self.weft, folder, model, dtype, "128x128" if args.quick else args.size, args.quick)
            else:
                found = {"start": engine.start, "overhead": engine.overhead}[what](self.weft, folder, args.quick)
            self.data["alone"] |= found
            self.say(what, {name: number for name, (number, _, _) in found.items()})
        except Exception as error:
            self.failed = True
            self.data["alone"][f"{what} failed: {error}"] = (float("nan"), "", "")
            traceback.print_exc()

    def attempt(self, table, program, action):
        """The result, or nothing and the reason in the table: what goes wrong with one program stops no other."""
        try:
            return action()
        except Failed as error:
            why = str(error)
        except Exception:
            why = traceback.format_exc()
        self.failed = True
        table.fail(program.name, why)
        print(f"! {program.name} failed: {why}", file=sys.stderr)
        return None

    def show(self, table):
        self.data["tables"].append(table.data())
        print(table.markdown(), flush=True)

    @staticmethod
    def say(what, values):
        print(what + "".join(f"  {name} {value:.2f}" for name, value in values.items()), file=sys.stderr)

    def run(self):
        args = self.args
        self.data["settings"] = {name: str(value) for name, value in vars(args).items()}
        self.data["machine"] = f"{platform.platform()}, {args.threads} threads"
        print(f"{self.data['machine']}, medians of {args.rounds} rounds (of {args.slow_rounds}: {', '.join(SLOW)}). {LEFT_OUT}\n")
        for name in ("mflux", "sdcpp"):
            if name in args.peers and not getattr(args, name):
                print(f"{NAMES.get(name, name)} is left out: --{name} was not given.\n")
        for what in ("start", "overhead"):
            if what in args.what:
                self.alone(what)
        if "picture" in args.what or "again" in args.what:
            for size in args.models:
                for dtype in args.types:
                    self.pictures(size, dtype)
        for what in upscale.CASES:
            if what in args.what:
                self.upscaling(what)
        if "lemica" in args.what:
            self.alone("lemica")
        if self.data["alone"]:
            print(single_values(self.data["alone"]))
        if args.json:
            args.json.write_text(json.dumps(self.data, indent=1))


def main():
    args = arguments()
    equal_terms(args.threads)
    with tempfile.TemporaryDirectory() as temporary:
        benchmark = Benchmark(args, Path(temporary))
        benchmark.run()
    sys.exit(1 if benchmark.failed else 0)


if __name__ == "__main__":
    main()
