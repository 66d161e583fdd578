"""Builds stable-diffusion.cpp's Python package so that it takes the sizes of the benchmark's models.

    VENV/bin/python peers/sdcpp_install.py [--version 0.4.7] [--jobs 2]

The package builds Z-Image in its released size only: dimensions, layers and heads are constants in its source. This gets the
source package, has the constants read from the environment (`SIZES` below; sdcpp_picture.py fills it), and installs it into the
Python that runs this. Nothing that computes is changed. Needs a C++ compiler; cmake is a package too.
"""

import argparse
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "stable-diffusion-cpp-python"
SOURCE = "vendor/stable-diffusion.cpp/src"
HELPER = """#ifndef BENCH_SIZE
#define BENCH_SIZE
#include <cstdlib>
static inline int64_t bench_size(const char* name, int64_t released) {
    const char* given = std::getenv(name);
    return given ? std::atoll(given) : released;
}
#endif
"""
# File: [(what stands there, what takes its place)]
SIZES = {
    "z_image.hpp": [
        ("hidden_size        = 3840;", 'hidden_size        = bench_size("BENCH_DIM", 3840);'),
        ("num_layers         = 30;", 'num_layers         = bench_size("BENCH_LAYERS", 30);'),
        ("num_refiner_layers = 2;", 'num_refiner_layers = bench_size("BENCH_REFINERS", 2);'),
        ("num_heads          = 30;", 'num_heads          = bench_size("BENCH_HEADS", 30);'),
        ("num_kv_heads       = 30;", 'num_kv_heads       = bench_size("BENCH_HEADS", 30);'),
        ("cap_feat_dim       = 2560;", 'cap_feat_dim       = bench_size("BENCH_CAPTION_DIM", 2560);'),
        ("(MIN(z_image_params.hidden_size, 1024), 256, 256)", "(1024, 256, MIN(z_image_params.hidden_size, 256))"),
    ],
    "llm.hpp": [
        ("bool have_vision_weight = false;",
         'if (arch == LLMArch::QWEN3) {\n                params.num_heads    = bench_size("BENCH_TEXT_HEADS", 32);\n'
         '                params.num_kv_heads = bench_size("BENCH_TEXT_KV_HEADS", 8);\n            }\n            bool have_vision_weight = false;'),
    ],
    # The layer before the last, and tokens within a small vocabulary (the package carries Qwen's own).
    "conditioner.hpp": [
        ("out_layers                       = {35};  // -2", 'out_layers = {(int)bench_size("BENCH_TEXT_LAYERS", 36) - 1};'),
        ("        std::vector<float> mask;\n        tokenizer->pad_tokens(tokens, &weights, &mask, min_length, max_length);",
         '        for (int& token : tokens) {\n            token %= bench_size("BENCH_VOCABULARY", 1 << 30);\n        }\n'
         "        std::vector<float> mask;\n        tokenizer->pad_tokens(tokens, &weights, &mask, min_length, max_length);"),
    ],
}


def pip(*arguments):
    subprocess.run([sys.executable, "-m", "pip", *arguments], check=True)


def unpack(folder, version):
    pip("download", "--quiet", "--no-deps", "--no-binary", PACKAGE, "--dest", folder, f"{PACKAGE}=={version}")
    archive = next(folder.glob("*.tar.gz"))
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def take_sizes(source):
    for name, replacements in SIZES.items():
        path = source / SOURCE / name
        text = path.read_text()
        for old, new in replacements:
            if text.count(old) == 0:
                sys.exit(f"{name} has no \"{old.splitlines()[0]}\": sdcpp_install.py was written for another version")
            text = text.replace(old, new)
        path.write_text(re.sub(r"\n#include", "\n" + HELPER + "#include", text, count=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--version", default="0.4.7")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    args = parser.parse_args()
    os.environ["CMAKE_BUILD_PARALLEL_LEVEL"] = str(args.jobs)
    with tempfile.TemporaryDirectory() as temporary:
        source = unpack(Path(temporary), args.version)
        take_sizes(source)
        pip("install", "--quiet", source)


if __name__ == "__main__":
    main()
