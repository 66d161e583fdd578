"""Compares a weft binary's token ids with transformers', for any tokenizer folder (Qwen's own is too large to commit).

    python check_tokenizer.py WEFT TOKENIZER [-n RANDOM_STRINGS] [--seed N]

The command line shows embeddings, not ids. So this makes a model whose text encoder has one layer, where the
conditioning is the embedding itself, and whose embedding of an id is the id. The template is Qwen3's, whatever
template the folder brings.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

import weft
from make_models import make_model, write_json
from strings import STRINGS, as_prompt
from weft import Link

LIMIT = 512
BATCH = 50
SHOWN = 20

# Where scripts, marks, joiners, controls and unassigned code points meet.
RANGES = [
    (0x20, 0x7E), (0x20, 0x7E), (0x00, 0x2F), (0xA0, 0x24F), (0x250, 0x36F), (0x370, 0x52F), (0x590, 0x6FF), (0x900, 0xDFF),
    (0xE00, 0xEFF), (0x1100, 0x11FF), (0x1E00, 0x1FFF), (0x2000, 0x206F), (0x2070, 0x23FF), (0x2600, 0x27BF), (0x2E80, 0x33FF),
    (0x4E00, 0x9FFF), (0xAC00, 0xD7AF), (0xF900, 0xFFFD), (0x1D100, 0x1D7FF), (0x1F000, 0x1FAFF), (0x20000, 0x2FA1F), (0xE0000, 0xE01EF),
]


def make_probe(tokenizer_folder, folder):
    text = {"hidden_size": 4, "num_hidden_layers": 1, "tie_word_embeddings": True}
    make_model({"text": text}, folder)
    shutil.rmtree(folder / "tokenizer")
    shutil.copytree(tokenizer_folder, folder / "tokenizer")
    weights = load_file(folder / "text_encoder" / "model.safetensors")
    ids = torch.arange(len(AutoTokenizer.from_pretrained(folder / "tokenizer")) + 8)
    # Two digits, so that half precision could hold them too.
    zero = torch.zeros_like(ids)
    weights["embed_tokens.weight"] = torch.stack([ids // 512, ids % 512, zero, zero], dim=1).float()
    save_file(weights, folder / "text_encoder" / "model.safetensors", metadata={"format": "pt"})
    config = folder / "text_encoder" / "config.json"
    write_json(config, json.loads(config.read_text()) | {"vocab_size": len(ids)})


def random_string(rng):
    if rng.random() < 0.3:
        return "".join(rng.choices(STRINGS, k=rng.randint(2, 5)))
    letters = []
    while len(letters) < rng.randint(1, 40):
        low, high = rng.choice(RANGES)
        letters += [chr(rng.randint(low, high)) for _ in range(rng.randint(1, 4))]
        letters += rng.choice([[], [], [" "], ["\n"], ["'"]])
    return "".join(letters)


def ids_of(binary, folder, texts):
    """Token ids of each text as weft's text encoder sees them."""
    nodes = {"model": ("model-loader/LoadModel", {"path": "probe", "precision": "float32"})}
    names = [f"t{i}" for i in range(len(texts))]
    for name, text in zip(names, texts):
        nodes[name] = ("text-encode/EncodeText", {"text_encoder": Link("model.text_encoder"), "text": text})
    dumped, _ = weft.run(binary, folder, nodes, folder, [f"{name}.conditioning" for name in names], ["--device", "cpu"])
    for name in names:
        embeds = dumped[f"{name}.conditioning"]["embeds"][0].round().int()
        yield (embeds[:, 0] * 512 + embeds[:, 1]).tolist()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weft", type=Path)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("-n", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    texts = STRINGS + ["".join(STRINGS)] + [random_string(rng) for _ in range(args.n)]
    tokenizer = AutoTokenizer.from_pretrained(args.tokenizer)
    wrong = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_probe(args.tokenizer, folder / "probe")
        for start in range(0, len(texts), BATCH):
            batch = texts[start:start + BATCH]
            for text, ids in zip(batch, ids_of(args.weft.resolve(), folder, batch)):
                expected = tokenizer(as_prompt(text)).input_ids[:LIMIT]
                if ids != expected:
                    wrong += 1
                    if wrong > SHOWN:
                        continue
                    at = next((i for i, (a, b) in enumerate(zip(ids, expected)) if a != b), min(len(ids), len(expected)))
                    print(f"{text!r}: from token {at}: {ids[at:at + 6]} instead of {expected[at:at + 6]}")
    print(f"{len(texts) - wrong} of {len(texts)} texts agree")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
