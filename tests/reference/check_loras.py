"""Compares the effective weights of `lora_math.py` with those of diffusers and peft, wherever these read a file.

    python check_loras.py [MODEL]      default: ../golden/plain/model

Prints the largest relative L2 of a tensor that diffusers changed, and fails over 1e-6. diffusers computes in float64 here.
It passes over keys that it does not know, so the number of tensors that it changed stands beside.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import peft
import torch

import lora_math
import make_loras
import random_loras
import reference
from lora_layouts import LAYOUTS, MORE_LAYOUTS

LIMIT = 1e-6
# Those that diffusers reads whole.
READ = [
    "ai-toolkit", "ai-toolkit-alpha", "peft", "default", "diffusion-model-default", "down-up", "kohya", "metadata", "dora-row",
]
MODULES = r"layers\.0\.attention|feed_forward\.w1|cap_embedder|2-1\.linear"


def pipeline_weights(model, file):
    """The transformer's weights after diffusers loaded and fused a file, or why it does not."""
    pipe = reference.load(model, torch.float64)
    try:
        pipe.load_lora_weights(str(file), adapter_name="a")
        pipe.fuse_lora(components=["transformer"], adapter_names=["a"])
    except Exception as error:  # whatever it is, it is diffusers' way to say no
        return type(error).__name__
    pipe.unload_lora_weights()
    return {name: value.double().numpy() for name, value in pipe.transformer.state_dict().items()}


def worst(found, expected):
    errors = [float(np.linalg.norm(found[name] - value) / np.linalg.norm(value)) for name, value in expected.items()]
    return np.max(errors, initial=0.0)


def check_pipeline(args, folder, name, layout, kind):
    model = lora_math.Model(args.model)
    modules = make_loras.linears(model.transformer, layout.native, MODULES)
    file = folder / f"{name}.safetensors"
    random_loras.write(file, layout, make_loras.adapters(model.transformer, modules, kind, 3, 5))
    lora_math.apply(model, file, 1.0)
    found = pipeline_weights(args.model, file)
    expected = model.transformer.changed
    if isinstance(found, str):
        return 0, len(expected), found
    touched = {k: value for k, value in expected.items() if not np.array_equal(found[k], model.transformer.base(k))}
    return worst(found, touched), len(expected), len(touched)


def check_module(kind):
    """ΔW of LoHa and LoKr as peft's own modules compute it; for DoRA, the merged weight."""
    rng = random_loras.generator(3, kind)
    weight = rng.standard_normal((24, 36))
    f = random_loras.factors(rng, kind, weight, 3)
    config = {"lora": peft.LoraConfig, "dora": peft.LoraConfig, "lokr": peft.LoKrConfig, "loha": peft.LoHaConfig}[kind[:4]]
    alpha = float(f.pop("alpha"))
    extra = {"lora_alpha": alpha, "use_dora": kind.startswith("dora")} if config is peft.LoraConfig else {"alpha": alpha}
    base = torch.nn.Sequential(torch.nn.Linear(36, 24, bias=False)).double()
    base[0].weight.data = torch.from_numpy(weight)
    layer = peft.get_peft_model(base, config(r=3, target_modules=["0"], **extra)).base_model.model[0]
    fill(layer, f)
    expected = lora_math.changed(weight, lora_math.Adapter(False, [], f, alpha), 1.0)
    layer.merge()
    return worst({"w": layer.get_base_layer().weight.numpy()}, {"w": expected})


def fill(layer, factors):
    """Gives a peft layer these factors, whatever sizes it chose for its own."""
    tensors = {name: torch.nn.Parameter(torch.from_numpy(np.ascontiguousarray(value))) for name, value in factors.items()}
    if "down" in tensors:
        layer.lora_A["default"].weight, layer.lora_B["default"].weight = tensors["down"], tensors["up"]
        if "magnitude" in tensors:
            layer.lora_magnitude_vector["default"].weight = tensors["magnitude"]
        return
    for name in dir(layer):
        if name.startswith(("lokr_", "hada_")) and "default" in getattr(layer, name, {}):
            del getattr(layer, name)["default"]
    for name, tensor in tensors.items():
        # peft's cores are those of convolutions.
        getattr(layer, name)["default"] = tensor.reshape(3, 3, 1, 1) if "_t" in name else tensor


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    golden = Path(__file__).resolve().parent.parent / "golden"
    parser.add_argument("model", nargs="?", type=Path, default=golden / "plain" / "model")
    args = parser.parse_args()
    failed = 0

    def row(what, name, error, wanted=1, changed=1):
        nonlocal failed
        over = not error <= LIMIT or (name in READ and changed != wanted)
        failed += over
        seen = f"{changed} of {wanted}" if isinstance(changed, int) else f"refused: {changed}"
        print(f"{what:11}{name:26}{error:9.1e}  {seen}{'  OVER' if over else ''}", flush=True)

    with tempfile.TemporaryDirectory() as temporary:
        for name, layout in (LAYOUTS | MORE_LAYOUTS).items():
            row("diffusers", name, *check_pipeline(args, Path(temporary), name, layout, "lora"))
        peft_names = MORE_LAYOUTS["metadata"]
        row("diffusers", "dora-row", *check_pipeline(args, Path(temporary), "dora-row", peft_names, "dora-row"))
    for kind in ("lora", "dora-row", "lokr-w1", "lokr-w2", "lokr-both", "lokr-core", "loha", "loha-core"):
        row("peft", kind, check_module(kind))
    print("all within the limit" if not failed else f"{failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
