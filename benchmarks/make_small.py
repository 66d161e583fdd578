"""The model that the benchmarks run on: a small Z-Image transformer with random weights, and the full Flux VAE.

    python make_small.py OUT [--dtype float32|bfloat16|float16]

62.6 M parameters in the transformer (dim 768, 4 layers, 2 + 2 refiners), 83.8 M in the VAE, next to nothing in the
text encoder. What a step costs depends on shapes alone, so random weights will do.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "reference"))

from make_models import make_model

SMALL = {
    "dit": {
        "dim": 768, "n_heads": 6, "axes_dims": [32, 48, 48], "axes_lens": [1536, 512, 512], "n_layers": 4,
        "n_refiner_layers": 2,
    },
    "text": {
        "hidden_size": 512, "num_hidden_layers": 4, "num_attention_heads": 8, "num_key_value_heads": 2,
        "head_dim": 64, "intermediate_size": 1536,
    },
    "vae": {"block_out_channels": [128, 256, 512, 512], "layers_per_block": 2, "norm_num_groups": 32},
    "text_prefix": True,  # mflux reads no other
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--dtype", default="float32")
    args = parser.parse_args()
    make_model({**SMALL, "dtype": args.dtype}, args.out)


if __name__ == "__main__":
    main()
