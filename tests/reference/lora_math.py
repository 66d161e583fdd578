"""What LoRA files make of a model's weights, in float64, from the numbers as they are stored.

q, k and v that a file holds as one matrix are changed as one, of the three weights put together, and cut again.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open

import lora_layouts


class Weights:
    """Tensors of a part of a model by name, read from its files when asked for."""

    def __init__(self, folder):
        self.files = {}
        self.changed = {}
        for path in sorted(Path(folder).glob("*.safetensors")):
            with safe_open(path, "pt") as file:
                # The text encoder of a language model says `model.` first.
                self.files |= {name.removeprefix("model."): (path, name) for name in file.keys()}

    def __getitem__(self, name):
        return self.changed[name] if name in self.changed else self.base(name)

    def base(self, name):
        path, stored = self.files[name]
        with safe_open(path, "pt") as file:
            return float64(file.get_tensor(stored))

    def shape(self, name):
        path, stored = self.files[name]
        with safe_open(path, "pt") as file:
            return tuple(file.get_slice(stored).get_shape())


class Model:
    """The transformer and the text encoder of a diffusers folder."""

    def __init__(self, folder):
        self.transformer = Weights(Path(folder) / "transformer")
        self.text_encoder = Weights(Path(folder) / "text_encoder")

    def part(self, text):
        return self.text_encoder if text else self.transformer


@dataclass
class Adapter:
    """A module of a file: its tensors by factor."""
    text: bool
    modules: list
    factors: dict
    alpha: float | None = None


def float64(tensor):
    return tensor.to(torch.float64).numpy()


def apply(model, file, strength):
    """Changes the weights of a model by a file. Later files change what earlier ones left."""
    for adapter in read(file, model):
        weights = model.part(adapter.text)
        if "diff_b" in adapter.factors:
            change(weights, names(adapter, "bias"), lambda b, f=adapter.factors: b + strength * f["diff_b"].reshape(b.shape))
        if set(adapter.factors) - {"diff_b"}:
            change(weights, names(adapter, "weight"), lambda w, a=adapter: changed(w, a, strength))


def names(adapter, parameter):
    return [f"{module}.{parameter}" for module in adapter.modules]


def change(weights, tensors, how):
    """Changes several tensors as one, above each other."""
    before = [weights[name] for name in tensors]
    after = how(np.concatenate(before))
    ends = np.cumsum([len(tensor) for tensor in before])[:-1]
    weights.changed |= dict(zip(tensors, np.split(after, ends)))


def changed(weight, adapter, strength):
    factors = adapter.factors
    if "diff" in factors:
        return weight + strength * factors["diff"].reshape(weight.shape)
    change = scale(adapter) * delta(factors).reshape(weight.shape)
    if "magnitude" not in factors:
        return weight + strength * change
    # DoRA: the direction of the changed weight, with learnt lengths of its rows or, from [1, inputs], of its columns.
    magnitude = factors["magnitude"]
    columns = magnitude.ndim == 2 and magnitude.shape[0] == 1 and len(weight) != 1
    direction = weight + change
    length = np.linalg.norm(direction, axis=0 if columns else 1, keepdims=True)
    target = magnitude.reshape(length.shape) * direction / length
    return weight + strength * (target - weight)


def delta(f):
    """ΔW before its scale."""
    if "down" in f:
        return matrix(f["up"]) @ matrix(f["down"])
    if "hada_w1_a" in f:
        first = product(f["hada_w1_a"], f["hada_w1_b"], f.get("hada_t1"))
        return first * product(f["hada_w2_a"], f["hada_w2_b"], f.get("hada_t2"))
    whole = [
        f[w] if w in f else product(f[f"{w}_a"], f[f"{w}_b"], f.get(f"{w[:-2]}t{w[-1]}"))
        for w in ("lokr_w1", "lokr_w2")
    ]
    return np.kron(*whole)


def product(a, b, core):
    return a @ b if core is None else matrix(a).T @ matrix(core) @ matrix(b)


def matrix(tensor):
    """A convolution of 1 × 1 is a matrix."""
    return tensor.reshape(tensor.shape[:2])


def scale(adapter):
    """alpha / rank; 1 without an alpha, and for a Kronecker product of two whole matrices."""
    f = adapter.factors
    rank = next((len(f[name]) for name in ("down", "hada_w1_b", "lokr_w2_b", "lokr_w1_b") if name in f), None)
    return 1.0 if rank is None or adapter.alpha is None else adapter.alpha / rank


def read(file, model):
    """The adapters of a file. A key that means nothing is an error."""
    tables = {text: lora_layouts.spellings(model.part(text).files, text) for text in (False, True)}
    endings = lora_layouts.suffixes()
    adapters = {}
    with safe_open(file, "pt") as opened:
        metadata = opened.metadata() or {}
        for key in opened.keys():
            spelled, factor = split(key, endings)
            text = spelled not in tables[False]
            if text and spelled not in tables[True]:
                raise ValueError(f"{file}: {key} means nothing")
            adapter = adapters.setdefault(spelled, Adapter(text, tables[text][spelled], {}))
            adapter.factors[factor] = float64(opened.get_tensor(key))
    for spelled, adapter in adapters.items():
        tensor = adapter.factors.pop("alpha", None)
        adapter.alpha = metadata_alpha(spelled, adapter.text, metadata) if tensor is None else tensor.item()
    return list(adapters.values())


def split(key, endings):
    for ending, factor in endings.items():
        if key.endswith(ending):
            return key.removesuffix(ending), factor
    raise ValueError(f"{key} has no ending that is known")


def metadata_alpha(spelled, text, metadata):
    """What diffusers notes beside the tensors: an alpha for all, and others for modules whose names end with a pattern."""
    config = json.loads(metadata.get("lora_adapter_metadata", "{}"))
    part = "text_encoder" if text else "transformer"
    patterns = config.get(f"{part}.alpha_pattern") or {}
    found = [alpha for name, alpha in patterns.items() if f".{spelled}".endswith(f".{name}")]
    return found[0] if found else config.get(f"{part}.lora_alpha")
