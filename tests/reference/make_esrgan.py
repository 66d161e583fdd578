"""Writes tests/golden/esrgan: small random RRDB upscalers in every layout, and what spandrel makes of pictures with them.

    python make_esrgan.py [OUT]      default: ../golden/esrgan beside this script

Needs torch, spandrel, safetensors, numpy and Pillow. Everything is computed in float32 on the CPU, whatever the files' type.
"""

import json
import re
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from spandrel import ModelLoader
from spandrel.architectures.__arch_helpers import block
from spandrel.architectures.ESRGAN import ESRGAN

# Names, factor of the layers, channels between and within the blocks; `unshuffle` divides the factor again.
NETWORKS = [
    {"name": "old-1x", "layout": "old", "scale": 1, "features": 8, "growth": 4, "blocks": 2},
    {"name": "old-2x", "layout": "old", "scale": 2, "features": 7, "growth": 5, "blocks": 3},
    {"name": "old-4x", "layout": "old", "scale": 4, "features": 8, "growth": 8, "blocks": 2},
    {"name": "old-8x", "layout": "old", "scale": 8, "features": 5, "growth": 4, "blocks": 1},
    {"name": "plus-4x", "layout": "old", "scale": 4, "features": 8, "growth": 6, "blocks": 1, "plus": True},
    {"name": "middle-2x", "layout": "middle", "scale": 2, "features": 6, "growth": 4, "blocks": 2},
    {"name": "middle-4x", "layout": "middle", "scale": 4, "features": 8, "growth": 4, "blocks": 2, "prefix": "module."},
    {"name": "new-4x", "layout": "new", "scale": 4, "features": 10, "growth": 16, "blocks": 1, "dtype": torch.float16},
    {"name": "new-8x", "layout": "new", "scale": 8, "features": 4, "growth": 3, "blocks": 2},
    {"name": "unshuffle-2x", "layout": "new", "scale": 4, "features": 8, "growth": 4, "blocks": 1, "unshuffle": 2,
     "prefix": "params_ema."},
    {"name": "unshuffle-1x", "layout": "new", "scale": 4, "features": 8, "growth": 4, "blocks": 1, "unshuffle": 4},
]
# Width and height: no side is a multiple of what networks like, and one has but one pixel.
PICTURES = {"picture": (18, 13), "odd": (7, 5), "dot": (1, 1)}
RESIZED = {"old-4x": [1.0, 1.25, 2.5, 3.75], "old-2x": [4.0], "old-1x": [1.75], "old-8x": [4.0, 2.5], "new-8x": [4.0]}


def pictures(out):
    """Waves and noise, as 8-bit PNG files; back in 0..1."""
    for index, (name, (width, height)) in enumerate(PICTURES.items()):
        generator = np.random.default_rng(index)
        y, x = np.mgrid[0:height, 0:width]
        waves = np.stack([np.sin(x / 3 + y / 5), np.cos(x / 4 - y / 2), np.sin(x * y / 20)], -1)
        numbers = 0.5 + 0.35 * waves + 0.1 * generator.standard_normal(waves.shape)
        image = Image.fromarray(np.uint8(np.clip(numbers, 0, 1) * 255 + 0.5))
        image.save(out / f"{name}.png")
        yield name, torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)[None].float() / 255


def network(spec, seed, sample):
    """A state dict in the old names, with an output that lies within 0..1 nearly everywhere."""
    torch.manual_seed(seed)
    factor = spec.get("unshuffle", 1)
    model = ESRGAN(in_nc=3 * factor**2, num_filters=spec["features"], num_blocks=spec["blocks"], scale=spec["scale"],
                   plus=spec.get("plus", False), shuffle_factor=factor if factor > 1 else None)
    with torch.no_grad():
        # As torch begins, the blocks would hardly count.
        for name, tensor in model.named_parameters():
            tensor *= 2 if ".RDB" in name else 1
        y, last = model(sample), list(model.model.children())[-1]
        spread = y.std((0, 2, 3)) * 6
        last.weight /= spread[:, None, None, None]
        last.bias.copy_((last.bias - y.mean((0, 2, 3))) / spread + 0.5)
    return {name: tensor.to(spec.get("dtype", torch.float32)).contiguous() for name, tensor in model.state_dict().items()}


def renamed(state, spec):
    """The old names in the layout of the network."""
    top = max(int(match[1]) for match in (re.match(r"model\.(\d+)\.weight", name) for name in state) if match)
    blocks = spec["blocks"]
    first, block_, body, up, high, last = {
        "middle": ("conv_first", r"RRDB_trunk.\1.RDB\2.conv\3", "trunk_conv", "upconv", "HRconv", "conv_last"),
        "new": ("conv_first", r"body.\1.rdb\2.conv\3", "conv_body", "conv_up", "conv_hr", "conv_last"),
    }[spec["layout"]]
    rules = [
        (r"model\.1\.sub\.(\d+)\.RDB(\d)\.conv(\d)\.0", block_),
        (rf"model\.1\.sub\.{blocks}\.", body + "."),
        (r"model\.0\.", first + "."),
        (rf"model\.{top}\.", last + "."),
        (rf"model\.{top - 2}\.", high + "."),
        (r"model\.(\d+)\.", lambda match: f"{up}{int(match[1]) // 3}."),
    ]
    rename = lambda name: next(new for old, to in rules if (new := re.sub("^" + old, to, name)) != name)
    return {rename(name): tensor for name, tensor in state.items()}


def resized(y, size):
    """Pillow's LANCZOS on float numbers, `[1, 3, h, w]` to (height, width)."""
    channel = lambda numbers: np.asarray(Image.fromarray(numbers).resize(size[::-1], Image.LANCZOS))
    return torch.from_numpy(np.stack([channel(numbers) for numbers in y[0].numpy()]))[None].clamp(0, 1)


def channels_last(y):
    return y.permute(0, 2, 3, 1).contiguous()


def save_pth(folder, name, state):
    """Two of them as torch saves them: an archive with what training averaged beside what it did not, and a bare pickle."""
    if name == "new-8x":
        torch.save({"params": {name: tensor * 0.5 for name, tensor in state.items()}, "params_ema": state}, folder / f"{name}.pth")
    if name == "old-8x":
        # Its bytes hold addresses, so they differ from time to time.
        torch.save({"state_dict": state, "epoch": 3}, folder / f"{name}.pth", _use_new_zipfile_serialization=False)


def others():
    """Names and numbers of axes in the other networks that spandrel knows, of their first layers: by those files are told apart."""
    import importlib

    classes = ["SPAN", "Compact:SRVGGNetCompact", "SwinIR", "Swin2SR", "HAT", "DAT", "OmniSR", "PLKSR", "PLKSR:RealPLKSR", "ATD",
               "DRCT", "GRL", "SAFMN", "SAFMNBCIE", "RealCUGAN:UpCunet2x", "SCUNet", "CRAFT", "RGT", "MoSR", "MoESR", "RCAN", "DITN",
               "SeemoRe", "DCTLSA", "FDAT", "MMRealSR", "SwiftSRGAN", "NAFNet"]
    channels, windows, width = {"num_in_ch": 3, "num_out_ch": 3}, {"window_size": 8}, {"dim": 36}
    arguments = {"SPAN": channels, "MMRealSR": channels, "SwinIR": windows, "Swin2SR": windows, "SAFMN": width, "SAFMNBCIE": width}
    found = {}
    for entry in classes:
        module, _, name = entry.partition(":")
        library = importlib.import_module(f"spandrel.architectures.{module}")
        kind = getattr(library, name or module, None) or getattr(library, module)
        state = kind(**arguments.get(module, {})).state_dict()
        first = lambda key: "conv_du" in key or all(int(number) <= 1 for number in re.findall(r"\.(\d+)\.", key))
        found[name or module] = {key: tensor.ndim for key, tensor in state.items() if first(key)}
    return found


def main(out):
    (out / "models").mkdir(parents=True, exist_ok=True)
    inputs, cases = dict(pictures(out)), []
    plain_block = block.RRDB
    for seed, spec in enumerate(NETWORKS):
        # spandrel's class always asks for 32.
        block.RRDB = lambda growth=spec["growth"], **more: plain_block(**{**more, "gc": growth})
        old = network(spec, seed, inputs["picture"])
        state = old if spec["layout"] == "old" else renamed(old, spec)
        wide = {name: tensor.float() for name, tensor in state.items()}
        model = ModelLoader(device="cpu").load_from_state_dict(wide)
        expected = {name: model(x) for name, x in inputs.items()}
        prefix = spec.get("prefix", "")
        stored = {prefix + name: tensor for name, tensor in state.items()}
        if prefix == "params_ema.":
            stored |= {"params." + name: tensor * 0.5 for name, tensor in state.items()}
        save_file(stored, out / "models" / f"{spec['name']}.safetensors")
        save_pth(out / "models", spec["name"], state)
        tensors = {name: channels_last(y) for name, y in expected.items()}
        scales = RESIZED.get(spec["name"], [])
        for scale in scales:
            size = lambda x: [int(side * scale + 0.5) for side in x.shape[2:]]
            tensors |= {f"{name}@{scale}": channels_last(resized(expected[name], size(x))) for name, x in inputs.items()}
        save_file(tensors, out / f"{spec['name']}.safetensors")
        cases.append({"name": spec["name"], "scale": model.scale, "about": model.tags, "resized": scales})
        print(spec["name"], model.scale, model.tags, *[f"{float(y.mean()):.3f} {float(y.std()):.3f}" for y in expected.values()])
    (out / "others.json").write_text(json.dumps(others()) + "\n")
    (out / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "golden" / "esrgan")
