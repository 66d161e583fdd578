"""Saves the committed models for MLX with a weft binary and reads the folders with MLX and with mflux's own loader.

    python check_mlx.py WEFT [VARIANT…]      default: demo plain half wide sharded; needs `pip install mflux==0.24.0`

Plain tensors are compared with those of the model's files, packed ones with what MLX's `quantize` makes of them, and what mflux
has of transformer and text encoder once it loaded the folder with the files, and its text encoder's result with the plain model's.
A folder that mflux saves of the demo model is read by the binary.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
from mflux.models.common.weights.loading.weight_applier import WeightApplier
from mflux.models.common.weights.loading.weight_loader import WeightLoader
from mflux.models.common.weights.saving.model_saver import ModelSaver
from mflux.models.z_image.model.z_image_text_encoder.text_encoder import TextEncoder
from mflux.models.z_image.model.z_image_transformer.transformer import ZImageTransformer
from mflux.models.z_image.weights.z_image_weight_definition import ZImageWeightDefinition
from mflux.models.z_image.weights.z_image_weight_mapping import ZImageWeightMapping
from mlx.utils import tree_flatten

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("transformer", "text_encoder", "vae")
PRECISIONS = ("float32", "bfloat16", "8", "6", "4")
GRAPH = """Graph(format: 1, nodes: {
    "model": (kind: "model-loader/LoadModel", inputs: { "path": "model", "precision": "float32" }),
    "save": (kind: "model-merge/SaveModel", inputs: { "model": Link("model.model"), "text_encoder": Link("model.text_encoder"),
        "vae": Link("model.vae"), "name": "saved", "layout": "mlx", "precision": "%s" }),
})"""
PICTURE = """Graph(format: 1, nodes: {
    "model": (kind: "model-loader/LoadModel", inputs: { "path": "%s", "precision": "float32", "quantize": "%s" }),
    "prompt": (kind: "text-encode/EncodeText", inputs: { "text_encoder": Link("model.text_encoder"), "text": "a red fox in snow" }),
    "latent": (kind: "sampler/EmptyLatent", inputs: { "width": 128, "height": 128 }),
    "sample": (kind: "sampler/Sample", inputs: { "model": Link("model.model"), "positive": Link("prompt.conditioning"),
        "latent": Link("latent.latent"), "steps": 4 }),
    "decode": (kind: "vae/DecodeLatent", inputs: { "vae": Link("model.vae"), "latent": Link("sample.latent") }),
    "save": (kind: "image-io/SaveImage", inputs: { "image": Link("decode.image"), "metadata": "none" }),
})"""


def save(binary, model, precision, folder):
    models = folder / "models"
    models.mkdir()
    (models / "model").symlink_to(model)
    return Path(run(binary, folder, GRAPH % precision))


def run(binary, folder, graph):
    """The path of what a graph saves."""
    (folder / "graph.ron").write_text(graph)
    command = [binary, "run", folder / "graph.ron", "--models", folder / "models", "-o", folder / "out", "--device", "cpu", "--quiet"]
    return subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def weights_of(folder):
    return {name: tensor for file in sorted(folder.glob("*.safetensors")) for name, tensor in mx.load(str(file)).items()}


def expected(part, tensors):
    """By mflux's own table: the names and shapes that it makes of diffusers' tensors. What it has no place for (a tied lm_head)
    keeps its name."""
    mapping = {}
    counts = {"block": 4, "layer": 64, "res": 3, "i": 2}
    for target in getattr(ZImageWeightMapping, f"get_{part}_mapping")():
        sources = target.from_pattern if isinstance(target.from_pattern, list) else [target.from_pattern]
        filled = [(target.to_pattern, source) for source in sources]
        for key, count in counts.items():
            filled = [(to.replace(f"{{{key}}}", str(n)), source.replace(f"{{{key}}}", str(n)))
                      for to, source in filled for n in range(count if f"{{{key}}}" in to else 1)]
        for to, source in filled:
            mapping.setdefault(source, (to, target.transform))
    made = {}
    for name, tensor in tensors.items():
        full = f"model.{name}" if part == "text_encoder" and not name.startswith("model.") else name
        to, transform = mapping.get(full, (None, None))
        if to is None:
            print(f"  {part}: mflux has no {name}")
            made[name] = tensor
            continue
        made[to] = transform(tensor) if transform else tensor
    return made


def same(a, b):
    return a.shape == b.shape and a.dtype == b.dtype and bool(mx.array_equal(a, b))


def compare(part, plain, saved, precision):
    """The names of the tensors that are not what MLX would write. `plain`: by mflux's names, as the model has them."""
    wrong, known = [], set()
    for name, tensor in plain.items():
        exact = tensor.astype(mx.float32)
        is_packed = precision.isdigit() and part != "vae" and name.endswith(".weight") and exact.ndim == 2 and exact.shape[1] % 64 == 0
        if is_packed:
            base = name.removesuffix("weight")
            names = [base + end for end in ("weight", "scales", "biases")]
            values = mx.quantize(exact, group_size=64, bits=int(precision))
        else:
            names, values = [name], [exact if precision.isdigit() else exact.astype(getattr(mx, precision))]
        known |= set(names)
        wrong += [n for n, value in zip(names, values) if n not in saved or not same(saved[n], value)]
    return wrong + sorted(saved.keys() - known)


def sizes(model):
    transformer, text = (json.loads((model / part / "config.json").read_text()) for part in PARTS[:2])
    keys = ("in_channels", "dim", "n_layers", "n_refiner_layers", "n_heads", "norm_eps", "qk_norm", "cap_feat_dim", "rope_theta",
            "t_scale", "axes_dims", "axes_lens")
    theta = text.get("rope_theta") or text["rope_parameters"]["rope_theta"]
    keys_of_text = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
                    "intermediate_size", "head_dim", "rms_norm_eps")
    return {key: transformer[key] for key in keys}, {key: text[key] for key in keys_of_text} | {"rope_theta": theta}


def by_mflux(model, folder):
    """Transformer and text encoder of mflux with the folder's weights, and to how many bits they are packed."""
    of_transformer, of_text = sizes(model)
    models = {"transformer": ZImageTransformer(**of_transformer), "text_encoder": TextEncoder(**of_text)}
    weights = WeightLoader.load(ZImageWeightDefinition, str(folder))
    bits = WeightApplier.apply_and_quantize(weights, models, None, ZImageWeightDefinition)
    return models, bits


def check_mflux(model, folder, saved, precision):
    models, bits = by_mflux(model, folder)
    wrong = [] if bits == (int(precision) if precision.isdigit() else None) else [f"{bits} bits"]
    for part, network in models.items():
        # Tables that it computes are no weights.
        held = {name: value for name, value in tree_flatten(network.parameters()) if "rope" not in name and "rotary" not in name}
        wrong += [f"{part}.{name}" for name, value in held.items() if name not in saved[part] or not same(saved[part][name], value)]
    tokens = mx.array([[5, 7, 11, 13, 17, 19, 23, 29]])
    return wrong, models["text_encoder"](tokens).astype(mx.float32)


def check(binary, name, model):
    plain = {part: expected(part, weights_of(model / part)) for part in PARTS}
    good, first = True, None
    for precision in PRECISIONS:
        with tempfile.TemporaryDirectory() as folder:
            folder = save(binary, model, precision, Path(folder))
            saved = {part: weights_of(folder / part) for part in PARTS}
            wrong = [f"{part}.{name}" for part in PARTS for name in compare(part, plain[part], saved[part], precision)]
            held, result = check_mflux(model, folder, saved, precision)
            first = result if first is None else first
            off = float(mx.linalg.norm(result - first) / mx.linalg.norm(first))
            count = sum(map(len, saved.values()))
            print(f"{name} {precision}: {len(wrong)} of {count} tensors differ, {len(held)} in mflux; its text encoder is {off:.1e} off")
            for what in (wrong + held)[:8]:
                print(f"  {what}")
            good = good and not wrong and not held
    return good


def check_back(binary, model):
    """A folder that mflux saves draws in Weft what the model draws that Weft packs when it reads it."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        # mflux has no VAE of other sizes, so that part stays as Weft saved it.
        saved = save(binary, model, "float32", folder)
        models, _ = by_mflux(model, saved)
        for part, network in models.items():
            nn.quantize(network, bits=8, class_predicate=ZImageWeightDefinition.quantization_predicate)
            shutil.rmtree(saved / part)
            ModelSaver._save_weights(str(saved), 8, network, part)
        pictures = [run(binary, folder, PICTURE % arguments) for arguments in ((saved, "none"), ("model", "8"))]
        equal = Path(pictures[0]).read_bytes() == Path(pictures[1]).read_bytes()
        print(f"mflux's own folder: {'the same picture' if equal else 'another picture'}")
        return equal


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("weft", type=Path)
    parser.add_argument("variants", nargs="*", default=["demo", "plain", "half", "wide", "sharded"])
    args = parser.parse_args()
    folders = {name: ROOT / ("models/demo" if name == "demo" else f"tests/golden/{name}/model") for name in args.variants}
    good = [check(args.weft.resolve(), name, folder) for name, folder in folders.items()]
    sys.exit(0 if all([*good, check_back(args.weft.resolve(), ROOT / "models/demo")]) else 1)


if __name__ == "__main__":
    main()
