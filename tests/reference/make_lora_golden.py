"""Writes tests/golden/lora: LoRA files of every layout and kind, and what they make of two of the golden models.

    python make_lora_golden.py [OUT]      default: ../golden/lora beside this script

See ../golden/README.md for the format. The models themselves are those of `make_golden.py`.
"""

import argparse
import shutil
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

import lora_math
import make_loras
import random_loras
import reference
from lora_layouts import LAYOUTS, MORE_LAYOUTS, Layout
from make_golden import write_rows
from random_loras import generator

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
LYCORIS = Layout("lycoris_", "down", alpha="tensor")
COMFYUI = Layout("diffusion_model.", "down", alpha="tensor")

# The same change in every layout. Every factor is a number of float8, so that every type of numbers holds the same.
SAME = {
    "plain": [
        "layers.0.attention.qkv", "layers.0.attention.to_out.0", "noise_refiner.0.attention.qkv", "context_refiner.0.feed_forward.w2",
        "layers.1.feed_forward.w1", "layers.1.adaLN_modulation.0", "cap_embedder.1", "all_x_embedder.2-1",
        "all_final_layer.2-1.linear", "all_final_layer.2-1.adaLN_modulation.1",
    ],
    "half": ["layers.0.attention.qkv", "context_refiner.1.attention.to_out.0", "all_final_layer.2-1.linear", "all_x_embedder.2-1"],
}
SAME_TYPES = ["float32", "bfloat16", "float16", "float64"]

# Each kind on a square matrix and on one that is not.
KINDS_ON = ["layers.1.attention.to_q", "noise_refiner.0.feed_forward.w1"]

TEXT_ON = ["layers.0.self_attn.q_proj", "layers.1.self_attn.o_proj", "layers.1.mlp.down_proj"]
# The last layer's output is never used, but its keys belong to the model.
LAST_TEXT = "layers.2.mlp.gate_proj"

# What changes the picture, and is written as diffusers reads it.
STYLE_ON = r"(layers|refiner)\.\d\.(attention|feed_forward)|cap_embedder"


class Variant:
    """A folder of files and cases for one golden model."""

    def __init__(self, name, out):
        self.name, self.out = name, out / name
        self.model = GOLDEN / name / "model"
        self.cases = []
        shutil.rmtree(self.out, ignore_errors=True)
        (self.out / "loras").mkdir(parents=True)
        self.expected = {}

    def weights(self, text=False):
        return lora_math.Model(self.model).part(text)

    def file(self, name):
        path = self.out / "loras" / f"{name}.safetensors"
        path.parent.mkdir(exist_ok=True)
        return path

    def write(self, name, layout, adapters, dtype="float32", text=(), metadata=()):
        random_loras.write(self.file(name), layout, adapters, dtype, text, metadata)

    def case(self, name, *loras):
        """Notes the files of a case with their weights. Cases that come to the same share what is expected."""
        model = lora_math.Model(self.model)
        for file, weight in loras:
            lora_math.apply(model, self.file(file), weight)
        path = self.out / f"{name}.effective.safetensors"
        make_loras.save_effective(model, path)
        same = self.expected.setdefault(path.read_bytes(), path.name)
        if same != path.name:
            path.unlink()
        rows = [{"file": f"{file}.safetensors", "weight": weight} for file, weight in loras]
        self.cases.append({"name": name, "loras": rows, "effective": same})

    def adapters(self, modules, kind="lora", rank=3, seed=1, text=False):
        return make_loras.adapters(self.weights(text), modules, kind, rank, seed)


def layouts(variant):
    made = {}
    for index, module in enumerate(SAME[variant.name]):
        factors = variant.adapters([module], rank=2 + index % 3)[module]
        rank = len(factors["down"])
        alpha = np.array(rank * [2.0, 0.5, 1.0][index % 3])
        made[module] = {name: float8(value) for name, value in factors.items()} | {"alpha": alpha}
    for index, (name, layout) in enumerate((LAYOUTS | MORE_LAYOUTS).items()):
        kept = made if layout.alpha != "none" else {module: without_alpha(factors) for module, factors in made.items()}
        variant.write(f"layouts/{name}", layout, kept, SAME_TYPES[index % 4])
        variant.case(f"layout-{name}", (f"layouts/{name}", 0.8))
    variant.write("layouts/float8", COMFYUI, made, "float8_e4m3")
    variant.case("layout-float8", ("layouts/float8", 0.8))


def float8(values):
    return torch.from_numpy(values).to(torch.float8_e4m3fn).double().numpy()


def without_alpha(factors):
    """The same change for a layout that has no alpha."""
    ratio = float(factors["alpha"]) / len(factors["down"])
    return {"down": factors["down"], "up": factors["up"] * ratio}


def kinds(variant):
    for index, kind in enumerate(kind for kind in random_loras.KINDS if kind != "lora"):
        variant.write(kind, LYCORIS, variant.adapters(KINDS_ON, kind, rank=2 + index % 3))
        variant.case(kind, (kind, [1.0, -0.65, 1.7][index % 3]))
    fused = ["layers.0.attention.qkv"]
    for kind in ("dora-row", "dora-column", "lokr-w2", "loha", "diff"):
        layout = Layout("diffusion_model.", "down", native=True, alpha="tensor")
        variant.write(f"{kind}-fused", layout, variant.adapters(fused, kind))
        variant.case(f"{kind}-fused", (f"{kind}-fused", 0.9))
    variant.write("dora-peft", MORE_LAYOUTS["metadata"], variant.adapters(KINDS_ON, "dora-row"))
    variant.case("dora-peft", ("dora-peft", 1.0))
    full(variant)
    stacks(variant)


def full(variant):
    """Full changes of norms and biases, in both kinds of names."""
    weights = variant.weights()
    rng = generator(4, "full")
    norms = {m: {"diff": random_loras.vector(rng, weights.shape(f"{m}.weight"))} for m in (
        "layers.0.attention.norm_q", "layers.0.attention_norm2", "cap_embedder.0")}
    biases = {m: {"diff_b": random_loras.vector(rng, weights.shape(f"{m}.bias"))} for m in (
        "t_embedder.mlp.0", "noise_refiner.0.adaLN_modulation.0", "all_final_layer.2-1.linear")}
    both = variant.adapters(["cap_embedder.1"])["cap_embedder.1"]
    both["diff_b"] = random_loras.vector(rng, weights.shape("cap_embedder.1.bias"))
    for name, layout in (("full", COMFYUI), ("full-native", LAYOUTS["kohya-native"])):
        variant.write(name, layout, norms | biases | {"cap_embedder.1": both})
        variant.case(name, (name, -0.8))


def stacks(variant):
    """Several files in an order: DoRA looks at the weight that it meets."""
    variant.case("lora-then-dora", ("loha", 0.7), ("lora-convolution", 1.2), ("dora-row", 0.9))
    variant.case("dora-then-lora", ("dora-row", 0.9), ("lora-convolution", 1.2), ("loha", 0.7))
    variant.case("fused", ("dora-row-fused", -0.4), ("loha-fused", 1.1), ("dora-column-fused", 0.3))
    variant.case("there-and-back", ("lokr-w2-fused", 0.6), ("diff", 2.0), ("lokr-w2-fused", -0.6), ("diff", -2.0))


def texts(variant):
    """LoRAs of the text encoder, alone and beside the model's."""
    made = variant.adapters([*TEXT_ON, LAST_TEXT], text=True)
    for name, prefix in (
        ("te", "lora_te_"), ("te-model", "lora_te_model_"), ("te1", "lora_te1_"),
        ("checkpoint", "text_encoders.qwen3_4b.transformer.model."), ("diffusers", "text_encoder."),
        ("diffusers-model", "text_encoder.model."),
    ):
        kohya = prefix.endswith("_")
        layout = Layout("lora_unet_" if kohya else "transformer.", "down" if kohya else "A", alpha="tensor", text_prefix=prefix)
        variant.write(f"text-{name}", layout, {}, text=made)
        variant.case(f"text-{name}", (f"text-{name}", 0.8))
    variant.write("both", LAYOUTS["kohya"], variant.adapters(KINDS_ON), text={LAST_TEXT: made[LAST_TEXT]})
    variant.case("both", ("both", 0.8))


def pictures(variant):
    """What diffusers draws with a LoRA: loaded by peft, and merged into the text encoder."""
    modules = make_loras.linears(variant.weights(), pattern=STYLE_ON)
    variant.write("style", LAYOUTS["peft"], variant.adapters(modules, rank=2, seed=9), "bfloat16")
    rows = [picture(variant, "style", "style", 0.8, lambda pipe: load_by_peft(pipe, variant.file("style"), 0.8))]
    if variant.name == "plain":
        rows.append(picture(variant, "text", "text-te", 1.5, lambda pipe: merge(pipe, variant, "text-te", 1.5)))
    return rows


def load_by_peft(pipe, file, weight):
    pipe.load_lora_weights(str(file), adapter_name="a")
    pipe.set_adapters(["a"], [weight])


def merge(pipe, variant, file, weight):
    """The float32 next to the text encoder's weights in float64."""
    model = lora_math.Model(variant.model)
    lora_math.apply(model, variant.file(file), weight)
    state = pipe.text_encoder.state_dict()
    for name, value in model.text_encoder.changed.items():
        key = next(key for key in state if key.removeprefix("model.") == name)
        state[key].copy_(torch.from_numpy(value))


def picture(variant, name, file, weight, prepare):
    case = {**reference.CASE, "prompt": "a red fox in the snow", "width": 80, "steps": 4, "seed": 17}
    pipe = reference.load(variant.model)
    noise = reference.draw_noise(case)
    before, _ = reference.generate(pipe, case, noise)
    prepare(pipe)
    after, _ = reference.generate(pipe, case, noise)
    distance = (after["final"] - before["final"]).norm() / before["final"].norm()
    assert distance > 0.02, f"{name} changes the latents by {distance:.1e} alone"
    save_file({"samples": noise}, variant.out / "noise.safetensors")
    save_file(after, variant.out / f"{name}.safetensors")
    kept = {key: case[key] for key in ("prompt", "width", "height", "steps", "shift")}
    return {"name": name, "loras": [{"file": f"{file}.safetensors", "weight": weight}], **kept, "noise": "noise.safetensors",
            "tensors": f"{name}.safetensors"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", nargs="?", type=Path, default=GOLDEN / "lora")
    out = parser.parse_args().out
    torch.set_num_threads(1)
    for name in SAME:
        variant = Variant(name, out)
        layouts(variant)
        if name == "plain":
            kinds(variant)
            texts(variant)
        write_rows(variant.out / "cases.json", {"pictures": pictures(variant), "cases": variant.cases})
        print(name)


if __name__ == "__main__":
    main()
