"""What the scripts that draw one picture with another program share. Standard library only: each runs in its own environment."""

import argparse
import json
import time
from pathlib import Path

PROMPT = "a red fox in the snow"
START = time.perf_counter()


def arguments(doc):
    parser = argparse.ArgumentParser(description=doc.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--size", default="512x512")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--prompt", default=PROMPT)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    args.width, args.height = map(int, args.size.split("x"))
    return args


class Clock:
    """Adds up how long named parts take, and notes when each step ended."""

    def __init__(self, wait=lambda: None):
        # Waits for the device.
        self.wait, self.seconds, self.steps, self.loaded = wait, {}, [], 0.0

    def timed(self, name, function):
        """The same function, with its time taken."""
        def wrapper(*args, **kwargs):
            start = time.perf_counter()
            result = function(*args, **kwargs)
            self.wait(result)
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
            return result
        return wrapper

    def step(self):
        self.steps.append(time.perf_counter())

    def report(self, version, tokens, **more):
        """Prints what run.py reads. The first of `steps` is where they begin."""
        print(json.dumps({
            "version": version, "tokens": tokens, "load_s": self.loaded - START, "text_s": self.seconds.get("text"),
            "steps_s": [b - a for a, b in zip(self.steps, self.steps[1:])], "decode_s": self.seconds.get("decode"),
            "total_s": time.perf_counter() - START, **more,
        }))
