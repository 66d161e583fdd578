"""Small Z-Image models with random weights, as diffusers folders.

    python make_models.py OUT [NAME...]      the named variants (all by default) below OUT
    python make_models.py --list

The weights are noise, but scaled so that every layer matters: norms near one but not one, pad tokens
and adaLN biases away from zero, gates open, pictures that use the whole range. A wrong axis order or a
forgotten bias then shows in the first step. The same name and seed give the same files.
"""

import argparse
import json
import math
import zlib
from collections import Counter
from pathlib import Path

import torch
from diffusers import AutoencoderKL, ZImageTransformer2DModel
from safetensors.torch import save_file
from transformers import Qwen2Tokenizer, Qwen3Config, Qwen3ForCausalLM

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

# What a spec leaves out.
DEFAULTS = {
    "seed": 0,
    "dit": {
        "dim": 24, "n_heads": 2, "axes_dims": [4, 4, 4], "axes_lens": [1024, 64, 64], "n_layers": 2,
        "n_refiner_layers": 1, "norm_eps": 1e-5, "qk_norm": True, "rope_theta": 256.0, "t_scale": 1000.0,
    },
    "text": {
        "hidden_size": 40, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
        "head_dim": 16, "intermediate_size": 56, "rms_norm_eps": 1e-6, "rope_theta": 1e6,
        "tie_word_embeddings": True, "attention_bias": False,
    },
    "vae": {
        "block_out_channels": [4, 8, 8, 8], "layers_per_block": 1, "norm_num_groups": 4,
        "scaling_factor": 0.3611, "shift_factor": 0.1159, "use_quant_conv": False,
        "use_post_quant_conv": False, "mid_block_add_attention": True,
    },
    "shift": 3.0,
    "dtype": "float32",       # one for all parts, or a dict by part
    "shard_bytes": None,      # None: one file a part
    "text_prefix": False,     # True: keys as Qwen3ForCausalLM saves them
    "old_config": True,       # True: `rope_theta` and `torch_dtype` at the top, as transformers 4 wrote them
    "tokenizer_json": True,
}

# The committed ones.
VARIANTS = {
    # Everything in its most ordinary form.
    "plain": {"seed": 1},
    # Sharded bfloat16, text encoder with the `model.` prefix, no tokenizer.json.
    "sharded": {
        "seed": 2,
        "dit": {"dim": 32, "n_heads": 4, "axes_dims": [4, 2, 2], "n_layers": 3},
        "text": {"hidden_size": 32, "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 8},
        "vae": {"block_out_channels": [6, 6, 12, 12], "norm_num_groups": 3},
        "dtype": "bfloat16", "shard_bytes": 250_000, "text_prefix": True, "tokenizer_json": False,
    },
    # float16, one kv head, an lm_head of its own, the new config style, more refiners than layers.
    "half": {
        "seed": 3,
        "dit": {"dim": 40, "n_heads": 2, "axes_dims": [4, 10, 6], "n_layers": 1, "n_refiner_layers": 2},
        "text": {"hidden_size": 24, "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 12,
                 "num_hidden_layers": 4, "rope_theta": 10000.0, "tie_word_embeddings": False},
        "vae": {"block_out_channels": [4, 4, 8, 8], "layers_per_block": 2, "norm_num_groups": 2,
                "scaling_factor": 0.62, "shift_factor": -0.21},
        "dtype": "float16", "text_prefix": True, "old_config": False,
    },
    # A float32 VAE beside a bfloat16 transformer, other constants, multi-head text encoder, shift 5.
    "wide": {
        "seed": 4,
        "dit": {"dim": 48, "n_heads": 2, "axes_dims": [8, 6, 10], "n_layers": 1, "norm_eps": 1e-6,
                "rope_theta": 500.0, "t_scale": 700.0},
        "text": {"hidden_size": 48, "num_attention_heads": 3, "num_key_value_heads": 3, "head_dim": 16,
                 "rms_norm_eps": 1e-5},
        "vae": {"block_out_channels": [8, 8, 8, 8], "norm_num_groups": 8},
        "shift": 5.0,
        "dtype": {"transformer": "bfloat16", "text_encoder": "bfloat16", "vae": "float32"},
        "old_config": False,
    },
}


def complete(spec):
    """A spec with every field: nested tables are merged, the rest replaced."""
    full = {}
    for key, value in DEFAULTS.items():
        given = spec.get(key, value)
        full[key] = {**value, **given} if isinstance(value, dict) else given
    return full


def make_model(spec, folder):
    """Writes the diffusers folder of a spec."""
    spec, folder = complete(spec), Path(folder)
    tokens = write_tokenizer(folder / "tokenizer", spec["tokenizer_json"])
    write_json(folder / "model_index.json", {
        "_class_name": "ZImagePipeline",
        "_diffusers_version": "0.42.1",
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        "text_encoder": ["transformers", "Qwen3Model"],
        "tokenizer": ["transformers", "Qwen2Tokenizer"],
        "transformer": ["diffusers", "ZImageTransformer2DModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    })
    write_json(folder / "scheduler" / "scheduler_config.json", {
        "_class_name": "FlowMatchEulerDiscreteScheduler",
        "num_train_timesteps": 1000,
        "shift": spec["shift"],
        "use_dynamic_shifting": False,
    })
    write_transformer(spec, folder / "transformer")
    # The released model leaves room behind the last token as well.
    write_text_encoder(spec, folder / "text_encoder", vocab_size=-(-tokens // 16) * 16)
    write_vae(spec, folder / "vae")


def write_transformer(spec, folder):
    dit = spec["dit"]
    model = ZImageTransformer2DModel(**dit, n_kv_heads=dit["n_heads"], cap_feat_dim=spec["text"]["hidden_size"])
    randomize(model, spec["seed"], {"adaLN_modulation.0.bias": 0.4, "adaLN_modulation.1.bias": 0.4, "pad_token": 0.8})
    model.save_config(folder)
    write_weights(folder, "diffusion_pytorch_model", model.state_dict(), dtype_of(spec, "transformer"), spec["shard_bytes"])


def write_text_encoder(spec, folder, vocab_size):
    text = dict(spec["text"])
    theta = text.pop("rope_theta")
    config = Qwen3Config(
        vocab_size=vocab_size, rope_parameters={"rope_theta": theta, "rope_type": "default"},
        max_position_embeddings=2048, **text,
    )
    model = Qwen3ForCausalLM(config)
    randomize(model, spec["seed"], {"embed_tokens.weight": 1.0})
    weights = model.state_dict()
    if not spec["text_prefix"]:
        weights = {k.removeprefix("model."): v for k, v in weights.items() if k.startswith("model.")}
    elif text["tie_word_embeddings"]:
        weights.pop("lm_head.weight", None)
    dtype = dtype_of(spec, "text_encoder")
    values = {
        "architectures": ["Qwen3ForCausalLM" if spec["text_prefix"] else "Qwen3Model"],
        "model_type": "qwen3", "hidden_act": "silu", "vocab_size": vocab_size,
        "max_position_embeddings": 2048, "use_sliding_window": False, **text,
    }
    if spec["old_config"]:
        values |= {"rope_theta": theta, "rope_scaling": None, "torch_dtype": dtype}
    else:
        values |= {"rope_parameters": {"rope_theta": theta, "rope_type": "default"}, "dtype": dtype}
    write_json(folder / "config.json", values)
    write_weights(folder, "model", weights, dtype, spec["shard_bytes"])


def write_vae(spec, folder):
    vae = spec["vae"]
    blocks = len(vae["block_out_channels"])
    model = AutoencoderKL(
        **vae, latent_channels=16, force_upcast=True,
        down_block_types=["DownEncoderBlock2D"] * blocks, up_block_types=["UpDecoderBlock2D"] * blocks,
    )
    # The encoder's gain spreads the latents, the decoder's keeps most pixels off the two ends.
    randomize(model, spec["seed"], {"encoder.conv_out.weight": 3.0, "decoder.conv_out.weight": 0.8})
    model.save_config(folder)
    write_weights(folder, "diffusion_pytorch_model", model.state_dict(), dtype_of(spec, "vae"), spec["shard_bytes"])


def randomize(model, seed, scales):
    """Fills every parameter. `scales` gives the size of those whose name ends with a key."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            # Seeded by name, so that a new layer leaves the others as they are.
            noise = torch.randn(value.shape, generator=torch.Generator().manual_seed(zlib.crc32(name.encode()) + seed))
            scale = next((s for end, s in scales.items() if name.endswith(end)), None)
            if name.endswith(("pad_token", "embed_tokens.weight")):
                value.copy_(noise * scale)
            elif name.endswith("bias"):
                value.copy_(noise * (0.1 if scale is None else scale))
            elif value.ndim == 1:
                value.copy_(1 + 0.15 * noise)
            else:
                value.copy_(noise * (1.0 if scale is None else scale) / math.sqrt(value[0].numel()))


def dtype_of(spec, part):
    return spec["dtype"][part] if isinstance(spec["dtype"], dict) else spec["dtype"]


def write_weights(folder, stem, tensors, dtype, shard_bytes):
    """One safetensors file, or shards with the index that diffusers and transformers write."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: t.detach().to(DTYPES[dtype]).contiguous() for name, t in tensors.items()}
    shards, size = [{}], 0
    for name, tensor in tensors.items():
        size += tensor.nbytes
        if shard_bytes and shards[-1] and size > shard_bytes:
            shards.append({})
            size = tensor.nbytes
        shards[-1][name] = tensor
    if len(shards) == 1:
        save_file(shards[0], folder / f"{stem}.safetensors", metadata={"format": "pt"})
        return
    files = [f"{stem}-{i + 1:05}-of-{len(shards):05}.safetensors" for i in range(len(shards))]
    for file, shard in zip(files, shards):
        save_file(shard, folder / file, metadata={"format": "pt"})
    write_json(folder / f"{stem}.safetensors.index.json", {
        "metadata": {"total_size": sum(t.nbytes for t in tensors.values())},
        "weight_map": {name: file for file, shard in zip(files, shards) for name in shard},
    })


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


# What the merges are learnt from: enough for merges across letters, spaces, bytes of one character.
CORPUS = """a red fox in the snow, a photo of a blue circle and a green square on the table
the quick brown fox jumps over the lazy dog; the red circle, the red square, the small red triangle
user assistant system user assistant a large photo of the cat's house, it's the dog's
一只红色的狐狸在雪地里 一只红色的猫 红色的圆 雪 日本語の文章 café naïve über 😀😀 🎨🎨 12 123 1234
\n\n  \n    return    x
"""

# The added tokens of Qwen3 that a prompt can hold; those marked False are plain words to the library.
ADDED = {
    "<|endoftext|>": True, "<|im_start|>": True, "<|im_end|>": True, "<|vision_pad|>": True,
    "<tool_call>": False, "</tool_call>": False, "<think>": False, "</think>": False,
}

# Qwen3's template as far as one user turn goes.
CHAT_TEMPLATE = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}"
    "{{- '<|im_start|>assistant\\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}"
    "{{- '<think>\\n\\n</think>\\n\\n' }}"
    "{%- endif %}"
    "{%- endif %}"
)


def write_tokenizer(folder, with_json, merges=220):
    """A byte-level BPE tokenizer in Qwen2's format. Returns the number of token ids."""
    folder.mkdir(parents=True, exist_ok=True)
    letters = byte_letters()
    words = [[letters[b] for b in word.encode()] for word in split_words(CORPUS)]
    pairs = learn_merges(words, merges)
    vocab = {letter: i for i, letter in enumerate(sorted(letters.values()))}
    for left, right in pairs:
        vocab.setdefault(left + right, len(vocab))
    added = {str(len(vocab) + i): token for i, token in enumerate(ADDED)}
    write_json(folder / "vocab.json", vocab)
    lines = ["#version: 0.2"] + [f"{left} {right}" for left, right in pairs]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_json(folder / "tokenizer_config.json", {
        "add_bos_token": False, "add_prefix_space": False,
        "added_tokens_decoder": {
            i: {"content": t, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": ADDED[t]}
            for i, t in added.items()
        },
        "bos_token": None, "chat_template": CHAT_TEMPLATE, "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>", "errors": "replace", "model_max_length": 131072,
        "pad_token": "<|endoftext|>", "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer", "unk_token": None,
    })
    if with_json:
        Qwen2Tokenizer.from_pretrained(folder).backend_tokenizer.save(str(folder / "tokenizer.json"))
    return len(vocab) + len(added)


def byte_letters():
    """The letter that stands for each byte, as GPT-2 and Qwen write them: printable bytes stand for themselves."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [b for b in range(256) if b not in printable]
    return {b: chr(b) for b in printable} | {b: chr(256 + i) for i, b in enumerate(rest)}


def split_words(text):
    """Words with the space before them: coarser than Qwen's own rule, which is all that learning needs."""
    word = ""
    for c in text:
        if c.isspace() and word.strip():
            yield word
            word = ""
        word += c
    yield word


def learn_merges(words, count):
    pairs = []
    while len(pairs) < count:
        counts = Counter(pair for word in words for pair in zip(word, word[1:]))
        # The most frequent, and the smallest of equals, so that every machine learns the same.
        (left, right), times = min(counts.items(), key=lambda item: (-item[1], item[0]))
        if times < 2:
            break
        pairs.append((left, right))
        words = [merge(word, left, right) for word in words]
    return pairs


def merge(word, left, right):
    merged = []
    for letter in word:
        if merged and merged[-1] == left and letter == right:
            merged[-1] = left + right
        else:
            merged.append(letter)
    return merged


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", nargs="?", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    if args.list or args.out is None:
        print("\n".join(VARIANTS))
        return
    for name in args.names or VARIANTS:
        make_model(VARIANTS[name], args.out / name)
        print(args.out / name)


if __name__ == "__main__":
    main()
