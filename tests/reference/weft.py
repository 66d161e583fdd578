"""Writes graph files and runs the `weft` binary on them."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file


@dataclass
class Link:
    """An input that takes another node's output."""
    output: str


def graph(nodes):
    """The text of a graph file. `nodes`: name -> (kind, inputs)."""
    lines = ["Graph(", "    format: 1,", "    nodes: {"]
    for name, (kind, inputs) in nodes.items():
        fields = ", ".join(f"{ron(k)}: {ron(v)}" for k, v in inputs.items())
        lines.append(f"        {ron(name)}: (kind: {ron(kind)}, inputs: {{ {fields} }}),")
    return "\n".join([*lines, "    },", ")", ""])


def ron(value):
    if isinstance(value, Link):
        return f"Link({ron(value.output)})"
    if isinstance(value, str):
        return '"' + "".join(ron_letter(c) for c in value) + '"'
    return json.dumps(value)


def ron_letter(c):
    if c in '"\\':
        return "\\" + c
    return c if c.isprintable() or c == " " else f"\\u{{{ord(c):x}}}"


def run(binary, folder, nodes, models, dumps=(), options=(), timeout=600):
    """Runs a graph in a folder. Returns the dumped tensors, by output and key, and the pictures saved, in order."""
    folder, out = Path(folder), Path(folder) / "out"
    out.mkdir(parents=True, exist_ok=True)
    (folder / "graph.ron").write_text(graph(nodes), encoding="utf-8")
    command = [binary, "run", folder / "graph.ron", "--models", models, "--input", folder, "-o", out, "--quiet", *options]
    files = {output: folder / f"{output}.safetensors" for output in dumps}
    for output, file in files.items():
        command += ["--dump", f"{output}={file}"]
    command = [str(part) for part in command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    if done.returncode != 0:
        raise RuntimeError(f"weft ended with {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    tensors = {output: load_file(file) for output, file in files.items()}
    return tensors, sorted(out.glob("*.png"), key=lambda file: (file.stat().st_mtime_ns, file.name))
