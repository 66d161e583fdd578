"""Writes tests/golden/pth: small files as torch saves them, and the same tensors as safetensors.

    python make_pth.py [OUT]      default: ../golden/pth beside this script

Files in the old format name storages by their addresses, so that they are others each time.
"""

import argparse
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import save_file


def numbers(shape, seed, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def weights(seed, dtype=torch.float32):
    return OrderedDict([
        ("conv.weight", numbers((4, 3, 3, 3), seed, dtype)),
        ("conv.bias", numbers((4,), seed + 1, dtype)),
        ("norm.num_batches_tracked", torch.tensor(7)),
    ])


def module():
    """What state_dict() gives: an OrderedDict with `_metadata` beside its items."""
    torch.manual_seed(5)
    layers = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 1), torch.nn.BatchNorm2d(3))
    return layers.state_dict()


def views():
    """Several tensors of one storage."""
    row = numbers((60,), 9)
    table = row.view(6, 10)
    return {
        "whole": table,
        "transposed": table.t(),
        "rows": table[2:4],
        "columns": table[:, 3:7],
        "every_other": row[1::2],
        "permuted": row.view(3, 4, 5).permute(2, 0, 1),
        "one_column": table[:, 4:5],
        "number": row[17],
        "empty": row[:0],
        "channels_last": numbers((2, 3, 4, 5), 10).to(memory_format=torch.channels_last),
    }


def types():
    dtypes = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16,
              torch.int8, torch.uint8, torch.bool]
    return {str(dtype).removeprefix("torch."): (numbers((5,), 11) * 9).abs().to(dtype) for dtype in dtypes}


def cases():
    """name: (what is saved, what its tensors are)."""
    flat = weights(1)
    training = {"epoch": 3, "state_dict": flat, "optimizer": {"state": {}, "param_groups": [{"lr": 1e-4}]}, "best": 0.5,
                "name": "fox 🦊"}
    return {
        "flat": (flat, flat),
        "params": ({"params": flat}, flat),
        "params_ema": ({"params": weights(20), "params_ema": flat}, flat),
        "state_dict": (training, flat),
        "model": ({"model": {"params": flat}}, flat),
        "parallel": ({"state_dict": OrderedDict(("module." + name, tensor) for name, tensor in flat.items())}, flat),
        "nested": ({"a": {"b": flat["conv.bias"]}, "c": flat["conv.weight"]},
                   {"a.b": flat["conv.bias"], "c": flat["conv.weight"]}),
        "half": (weights(2, torch.float16), None),
        "bfloat16": (weights(3, torch.bfloat16), None),
        "parameters": ({name: torch.nn.Parameter(tensor, requires_grad=False) for name, tensor in flat.items()}, flat),
        "module": (module(), None),
        "views": (views(), None),
        "types": (types(), None),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", nargs="?", type=Path, default=Path(__file__).parent.parent / "golden/pth")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name, (saved, expected) in cases().items():
        tensors = saved if expected is None else expected
        save_file({key: tensor.detach().contiguous().clone() for key, tensor in tensors.items()},
                  out / f"{name}.safetensors")
        torch.save(saved, out / f"{name}.zip.pth")
        torch.save(saved, out / f"{name}.legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(weights(1), out / "flat.zip4.pth", pickle_protocol=4)
    torch.save(weights(1), out / "flat.legacy4.pth", pickle_protocol=4, _use_new_zipfile_serialization=False)


if __name__ == "__main__":
    main()
