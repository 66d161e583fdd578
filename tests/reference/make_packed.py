"""Writes tests/golden/packed: small files with packed numbers, and what the reference makes of them in float32.

    python make_packed.py [OUT]      default: ../golden/packed beside this script

The numbers of a GGUF file are random bits with scales in between, dequantized by the package `gguf`; float8 is widened and
scaled by torch; MLX's packing is undone by MLX.
"""

import argparse
import json
from pathlib import Path

import gguf
import mlx.core as mx
import numpy as np
import torch
from safetensors.torch import save_file

ROWS, COLUMNS = 3, 512
# Where the float16 numbers of a block lie.
HALVES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108],
          "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}


def blocks(name, random):
    numbers, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]]
    data = random.integers(0, 256, (ROWS * COLUMNS // numbers, size), dtype=np.uint8)
    for at in HALVES[name]:
        halves = (random.standard_normal(len(data)) * 0.02).astype(np.float16)
        # Numbers too small for a full mantissa are numbers, too.
        halves[:2] = np.array([6e-8, -3e-6], dtype=np.float16)
        data[:, at:at + 2] = halves.view(np.uint8).reshape(-1, 2)
    return data.reshape(ROWS, -1)


def make_gguf(out):
    random = np.random.default_rng(7)
    writer = gguf.GGUFWriter(out / "blocks.gguf", "test")
    writer.add_name("some name")
    writer.add_array("some.list", ["a", "b"])
    expected = {}
    for name in HALVES:
        kind = gguf.GGMLQuantizationType[name]
        data = blocks(name, random)
        writer.add_tensor(name, data, raw_dtype=kind)
        expected[name] = gguf.dequantize(data, kind)
    for name, kind in (("F32", np.float32), ("F16", np.float16)):
        data = random.standard_normal((ROWS, 5)).astype(kind)
        writer.add_tensor(name, data)
        expected[name] = data.astype(np.float32)
    data = gguf.quantize(random.standard_normal((ROWS, 8)).astype(np.float32), gguf.GGMLQuantizationType.BF16)
    writer.add_tensor("BF16", data, raw_dtype=gguf.GGMLQuantizationType.BF16)
    expected["BF16"] = gguf.dequantize(data, gguf.GGMLQuantizationType.BF16)
    data = blocks("Q4_K", random)
    writer.add_tensor("flattened", data, raw_dtype=gguf.GGMLQuantizationType.Q4_K)
    writer.add_array("comfy.gguf.orig_shape.flattened", [2, ROWS, COLUMNS // 2])
    expected["flattened"] = gguf.dequantize(data, gguf.GGMLQuantizationType.Q4_K).reshape(2, ROWS, COLUMNS // 2)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file({name: torch.from_numpy(np.ascontiguousarray(data)) for name, data in expected.items()},
              out / "blocks.safetensors")


def make_float8(out):
    # Every number there is but those that are none.
    e4m3 = torch.arange(256, dtype=torch.uint8).view(torch.float8_e4m3fn)
    e4m3 = e4m3[~e4m3.float().isnan()][:252].reshape(6, 42).contiguous()
    e5m2 = torch.arange(256, dtype=torch.uint8).view(torch.float8_e5m2)
    e5m2 = e5m2[e5m2.float().isfinite()].reshape(8, 31).contiguous()
    scale = torch.tensor(0.013671875 * 1.1)
    rows = torch.linspace(0.5, 1.7, 6).reshape(6, 1)
    marker = torch.frombuffer(bytearray(json.dumps({"format": "float8_e4m3fn"}).encode()), dtype=torch.uint8)
    file = {
        "plain.weight": e4m3, "wide.weight": e5m2,
        "old.weight": e4m3, "old.scale_weight": scale, "old.scale_input": torch.tensor(3.0), "old.bias": torch.ones(6),
        "new.weight": e4m3, "new.weight_scale": scale, "new.input_scale": torch.tensor(3.0), "new.comfy_quant": marker,
        "half.weight": e5m2, "half.weight_scale": torch.tensor([0.25], dtype=torch.float16),
        "rows.weight": e4m3, "rows.weight_scale": rows,
        "scaled_fp8": torch.zeros(2, dtype=torch.float8_e4m3fn),
    }
    expected = {
        "plain.weight": e4m3.float(), "wide.weight": e5m2.float(), "old.weight": e4m3.float() * scale,
        "old.bias": torch.ones(6), "new.weight": e4m3.float() * scale, "half.weight": e5m2.float() * 0.25,
        "rows.weight": e4m3.float() * rows,
    }
    save_file({name: tensor.clone() for name, tensor in file.items()}, out / "float8.safetensors")
    save_file(expected, out / "float8.expected.safetensors")


def make_affine(out):
    mx.random.seed(3)
    whole, file, expected = {}, {}, {}
    for bits in (3, 4, 6, 8):
        matrix = mx.random.normal((4, 128)).astype(mx.bfloat16)
        whole[f"bits{bits}.weight"] = matrix
        packed, scales, biases = mx.quantize(matrix, group_size=64, bits=bits)
        name = f"bits{bits}"
        file |= {f"{name}.weight": packed, f"{name}.scales": scales, f"{name}.biases": biases}
        expected[f"{name}.weight"] = mx.dequantize(packed, scales, biases, group_size=64, bits=bits).astype(mx.float32)
    file["plain.weight"] = expected["plain.weight"] = mx.ones((2, 2))
    mx.save_safetensors(str(out / "affine.safetensors"), file)
    mx.save_safetensors(str(out / "affine.whole.safetensors"), whole)
    mx.save_safetensors(str(out / "affine.expected.safetensors"), expected)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", nargs="?", type=Path, default=Path(__file__).parent.parent / "golden/packed")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    make_gguf(out)
    make_float8(out)
    make_affine(out)


if __name__ == "__main__":
    main()
