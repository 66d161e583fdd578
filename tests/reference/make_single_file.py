"""Writes ComfyUI's single files of a diffusers folder, by names of our own reading, and checks them with diffusers' reader.

    python make_single_file.py MODEL OUT      all.safetensors, and diffusion_models/, text_encoders/, vae/ in OUT
    python make_single_file.py --names        writes ../golden/units/comfyui.json: names and shapes of ../golden/plain/model
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from diffusers.loaders.single_file_utils import (convert_ldm_vae_checkpoint,
                                                 convert_z_image_transformer_checkpoint_to_diffusers)
from safetensors.torch import load_file, save_file

HERE = Path(__file__).parent
PREFIXES = {"transformer": "model.diffusion_model.", "text_encoder": "text_encoders.qwen3_4b.transformer.", "vae": "vae."}
FOLDERS = {"transformer": "diffusion_models", "text_encoder": "text_encoders", "vae": "vae"}


def tensors(folder):
    return {name: tensor for file in sorted(folder.glob("*.safetensors")) for name, tensor in load_file(file).items()}


def transformer(ours):
    theirs = {}
    for name, tensor in ours.items():
        if ".to_k." in name or ".to_v." in name:
            continue
        if ".to_q." in name:
            tensor = torch.cat([ours[name.replace(".to_q.", part)] for part in (".to_q.", ".to_k.", ".to_v.")])
            name = name.replace(".to_q.", ".qkv.")
        for here, there in ((".to_out.0.", ".out."), (".norm_q.", ".q_norm."), (".norm_k.", ".k_norm."),
                            ("all_x_embedder.2-1.", "x_embedder."), ("all_final_layer.2-1.", "final_layer.")):
            name = name.replace(here, there)
        theirs[name] = tensor
    return theirs


def vae(ours):
    levels = 1 + max(int(name.split(".")[2]) for name in ours if name.startswith("decoder.up_blocks."))
    theirs = {}
    for name, tensor in ours.items():
        words = name.split(".")
        if words[1:2] == ["up_blocks"]:
            words[1:3] = ["up", str(levels - 1 - int(words[2]))]
        name = ".".join(words)
        for here, there in (("down_blocks.", "down."), ("mid_block.resnets.0.", "mid.block_1."),
                            ("mid_block.resnets.1.", "mid.block_2."), ("mid_block.attentions.0.", "mid.attn_1."),
                            (".resnets.", ".block."), ("downsamplers.0.", "downsample."), ("upsamplers.0.", "upsample."),
                            ("conv_shortcut", "nin_shortcut"), ("conv_norm_out", "norm_out")):
            name = name.replace(here, there)
        if ".attn_1." in name:
            for here, there in (("group_norm", "norm"), ("to_q", "q"), ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out")):
                name = name.replace(f".attn_1.{here}.", f".attn_1.{there}.")
            tensor = tensor[:, :, None, None] if tensor.dim() == 2 else tensor
        theirs[name] = tensor
    return theirs


def text_encoder(ours):
    return {name if name.startswith("model.") else f"model.{name}": tensor for name, tensor in ours.items()}


def convert(model):
    makers = {"transformer": transformer, "text_encoder": text_encoder, "vae": vae}
    return {part: make(tensors(model / part)) for part, make in makers.items()}


def check(model, parts):
    """diffusers' own reader gives the folder's tensors back."""
    config = json.loads((model / "vae/config.json").read_text())
    readers = {"transformer": convert_z_image_transformer_checkpoint_to_diffusers,
               "vae": lambda checkpoint: convert_ldm_vae_checkpoint(checkpoint, config)}
    for part, reader in readers.items():
        back = reader({name: tensor.clone() for name, tensor in parts[part].items()})
        expected = tensors(model / part)
        if set(back) != set(expected):
            sys.exit(f"{part}: {sorted(set(back) ^ set(expected))[:8]}")
        wrong = [name for name in expected if not torch.equal(back[name], expected[name])]
        if wrong:
            sys.exit(f"{part}: {wrong[:8]}")
        print(f"{part}: diffusers reads all {len(expected)} tensors back")


def configs(model):
    return json.dumps({part: json.loads((model / part / "config.json").read_text()) for part in PREFIXES})


def write(parts, config, out):
    metadata = {"config": config, "format": "pt"}
    whole = {PREFIXES[part] + name: tensor.contiguous() for part, named in parts.items() for name, tensor in named.items()}
    out.mkdir(parents=True, exist_ok=True)
    save_file(whole, out / "all.safetensors", metadata=metadata)
    for part, named in parts.items():
        (out / FOLDERS[part]).mkdir(exist_ok=True)
        named = {name: tensor.contiguous() for name, tensor in named.items()}
        save_file(named, out / FOLDERS[part] / f"{part}.safetensors", metadata=metadata)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", nargs="?", type=Path, default=HERE.parent / "golden/plain/model")
    parser.add_argument("out", nargs="?", type=Path)
    parser.add_argument("--names", action="store_true")
    flags = parser.parse_args()
    parts = convert(flags.model)
    check(flags.model, parts)
    if flags.names:
        names = {part: {name: list(tensor.shape) for name, tensor in sorted(named.items())} for part, named in parts.items()}
        text = ",\n".join(f'  "{part}": {json.dumps(named)}' for part, named in names.items())
        (HERE.parent / "golden/units/comfyui.json").write_text("{\n" + text + "\n}\n")
    if flags.out:
        write(parts, configs(flags.model), flags.out)


if __name__ == "__main__":
    main()
