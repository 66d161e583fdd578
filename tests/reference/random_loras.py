"""LoRA files with random numbers, of every kind, in any layout. `lora_math.py` says what they mean."""

import json
import zlib

import numpy as np
import torch
from safetensors.torch import save_file

import lora_layouts

DTYPES = {
    "float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16, "float64": torch.float64,
    "float8_e4m3": torch.float8_e4m3fn,
}

# Ways to write a change of a matrix.
KINDS = [
    "lora", "lora-convolution", "dora-row", "dora-rows", "dora-column", "lokr-whole", "lokr-w1", "lokr-w2", "lokr-both",
    "lokr-core", "lokr-dora", "loha", "loha-core", "loha-dora", "diff",
]


def generator(seed, name):
    """Seeded by name, so that a new module leaves the others as they are."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def factors(rng, kind, weight, rank):
    """Random factors for a weight [outputs, inputs], and an alpha that is no multiple of the rank."""
    kind, _, variant = kind.partition("-")
    made = {"lora": lora, "dora": lora, "lokr": lokr, "loha": loha, "diff": diff}[kind](rng, variant, weight.shape, rank)
    if kind == "dora":
        made["magnitude"] = magnitude(rng, variant, weight)
    if variant == "dora":
        made["magnitude"] = magnitude(rng, "rows", weight)
    return made | ({} if kind == "diff" else {"alpha": np.array(rng.choice([0.75, 1.5, 3.0, 5.0]) * rank / 2)})


def draw(rng, *shape, size=1.0):
    """Numbers whose product with a vector of ones is about `size`."""
    return rng.standard_normal(shape) * size / np.sqrt(shape[-1])


def lora(rng, variant, shape, rank):
    made = {"down": draw(rng, rank, shape[1]), "up": draw(rng, shape[0], rank, size=0.5)}
    return {name: f[..., None, None] for name, f in made.items()} if variant == "convolution" else made


def magnitude(rng, variant, weight):
    """Lengths near those of the weight's own rows or columns, in the three shapes that are met."""
    lengths = np.linalg.norm(weight, axis=0 if variant == "column" else 1)
    lengths = lengths * (1 + 0.3 * rng.standard_normal(lengths.shape))
    return {"row": lengths, "rows": lengths[:, None], "column": lengths[None, :]}[variant]


def loha(rng, variant, shape, rank):
    core = variant == "core"
    made = {}
    for w in ("w1", "w2"):
        a, b = draw(rng, shape[0], rank), draw(rng, rank, shape[1], size=2.0)
        made |= {f"hada_{w}_a": a.T.copy() if core else a, f"hada_{w}_b": b}
        if core:
            made[f"hada_t{w[1]}"] = draw(rng, rank, rank)[..., None, None]
    return made


def lokr(rng, variant, shape, rank):
    sides = [rng.choice([d for d in range(1, 17) if side % d == 0]) for side in shape]
    rest = [side // d for side, d in zip(shape, sides)]
    product = {"w1": variant in ("w1", "both"), "w2": variant in ("w2", "both", "core", "dora")}
    made = {}
    for w, (outputs, inputs) in {"w1": sides, "w2": rest}.items():
        size = 1.0 if w == "w1" else 0.5
        if not product[w]:
            made[f"lokr_{w}"] = draw(rng, outputs, inputs, size=size)
            continue
        a, b = draw(rng, outputs, rank), draw(rng, rank, inputs, size=size)
        core = variant == "core" and w == "w2"
        made |= {f"lokr_{w}_a": a.T.copy() if core else a, f"lokr_{w}_b": b}
        if core:
            made["lokr_t2"] = draw(rng, rank, rank)
    return made


def diff(rng, _variant, shape, _rank):
    return {"diff": draw(rng, *shape, size=0.5)}


def vector(rng, shape):
    """A full change of a norm's weight or of a bias."""
    return rng.standard_normal(shape) * 0.1


def write(path, layout, adapters, dtype="float32", text_adapters=(), metadata=()):
    """Writes modules with their factors. Where the layout has no alpha, what a file says is the change without it."""
    tensors, config = {}, {}
    for text, table in ((False, dict(adapters)), (True, dict(text_adapters))):
        for module, given in table.items():
            for each in [module] if text or layout.native else lora_layouts.parts(module):
                made = dict(given) if each == module else rows_of(given, lora_layouts.parts(module).index(each))
                alpha = made.pop("alpha", None)
                if alpha is not None and layout.alpha == "tensor":
                    made["alpha"] = alpha
                elif alpha is not None and layout.alpha == "metadata":
                    note(config, layout, each, made, float(alpha), text)
                for factor, value in made.items():
                    stored = torch.tensor(value, dtype=DTYPES[dtype])
                    tensors[layout.key(each, factor, text)] = stored
    # One entry alone: the library writes several in any order, and a golden is written again to the same bytes.
    notes = {"lora_adapter_metadata": json.dumps(config)} if config else {"format": "pt"}
    save_file(tensors, path, metadata={**notes, **dict(metadata)})


def rows_of(given, index):
    """A third of the rows of a LoRA for q, k and v together: of `up` and of the lengths of rows; `down` is shared."""
    def third(factor, value):
        by_rows = factor == "up" or (factor == "magnitude" and value.shape[0] != 1) or factor in ("diff", "diff_b")
        return np.split(value, 3)[index] if by_rows else value

    if not set(given) <= {"down", "up", "magnitude", "alpha", "diff", "diff_b"}:
        raise ValueError("only plain products and full changes can be cut")
    return {factor: third(factor, value) for factor, value in given.items()}


def note(config, layout, module, made, alpha, text):
    """As diffusers notes it: the first module's rank and alpha for all, the others' by name."""
    part, rank = "text_encoder" if text else "transformer", len(made["down"])
    module = lora_layouts.native_name(module) if layout.native and not text else module
    config.setdefault(f"{part}.r", rank)
    config.setdefault(f"{part}.lora_alpha", alpha)
    config.setdefault(f"{part}.use_dora", "magnitude" in made)
    config.setdefault(f"{part}.rank_pattern", {})
    config.setdefault(f"{part}.alpha_pattern", {})
    config.setdefault(f"{part}.target_modules", []).append(module)
    if rank != config[f"{part}.r"]:
        config[f"{part}.rank_pattern"][module] = rank
    if alpha != config[f"{part}.lora_alpha"]:
        config[f"{part}.alpha_pattern"][module] = alpha
