"""How LoRA files for Z-Image spell their keys: a prefix, a module in diffusers' or the model's native names, and a suffix.

Names are made here and never taken apart: `spellings` writes down every way to say each module of a model, and a reader
looks the keys of a file up among them.
"""

import re
from dataclasses import dataclass

DOTTED = [
    "diffusion_model.", "transformer.", "model.diffusion_model.", "base_model.model.", "base_model.model.transformer.", "",
]
UNDERSCORED = ["lora_unet_", "lora_unet__", "lycoris_", "lora_transformer_"]
TEXT_DOTTED = ["text_encoders.qwen3_4b.transformer.model.", "text_encoder.", "text_encoder.model."]
TEXT_UNDERSCORED = ["lora_te_", "lora_te_model_", "lora_te1_", "lora_te1_model_"]

# How the two factors of a LoRA and DoRA's magnitudes end.
STYLES = {
    "A": (".lora_A.weight", ".lora_B.weight", ".lora_magnitude_vector"),
    "default": (".lora_A.default.weight", ".lora_B.default.weight", ".lora_magnitude_vector.default.weight"),
    "bare": (".lora_A", ".lora_B", ".lora_magnitude_vector"),
    "down": (".lora_down.weight", ".lora_up.weight", ".dora_scale"),
    "dot": (".lora.down.weight", ".lora.up.weight", ".dora_scale"),
    "joined": ("_lora.down.weight", "_lora.up.weight", ".dora_scale"),
    "linear": (".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight", ".dora_scale"),
}

# Factors that have one name in every layout.
PLAIN = [
    "alpha", "diff", "diff_b", "lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2",
    "hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2",
]


@dataclass(frozen=True)
class Layout:
    prefix: str
    style: str = "A"
    native: bool = False      # the model's own names: q, k and v are one matrix
    alpha: str = "none"       # or "tensor", or "metadata"
    text_prefix: str = "lora_te_"

    def key(self, module, factor, text=False):
        """The key of a factor of a module (its diffusers name, or the native one of q, k and v together)."""
        prefix = self.text_prefix if text else self.prefix
        name = native_name(module) if self.native and not text else module
        if prefix in UNDERSCORED + TEXT_UNDERSCORED:
            name = name.replace(".", "_")
        return prefix + name + self.suffix(factor)

    def suffix(self, factor):
        down, up, magnitude = STYLES[self.style]
        return {"down": down, "up": up, "magnitude": magnitude}.get(factor, f".{factor}")


# The layouts that are met for plain LoRAs. DoRA, LoKr and LoHa come in several of them.
LAYOUTS = {
    "ai-toolkit": Layout("diffusion_model."),
    "ai-toolkit-alpha": Layout("diffusion_model.", alpha="tensor"),
    "peft": Layout("transformer."),
    "default": Layout("", "default"),
    "diffusion-model-default": Layout("diffusion_model.", "default"),
    "base-model": Layout("base_model.model."),
    "down-up": Layout("diffusion_model.", "down", alpha="tensor"),
    "kohya": Layout("lora_unet_", "down", alpha="tensor"),
    "kohya-two": Layout("lora_unet__", "down", alpha="tensor"),
    "native": Layout("diffusion_model.", native=True),
    "native-down-up": Layout("diffusion_model.", "down", native=True, alpha="tensor"),
    "kohya-native": Layout("lora_unet_", "down", native=True, alpha="tensor"),
    "lycoris": Layout("lycoris_", "down", alpha="tensor"),
    "lora-transformer": Layout("lora_transformer_", "down", alpha="tensor"),
    "bare": Layout(""),
}

# The other prefixes and suffixes, and alpha in the metadata.
MORE_LAYOUTS = {
    "checkpoint-prefix": Layout("model.diffusion_model.", "bare"),
    "peft-pipeline": Layout("base_model.model.transformer.", "default", alpha="tensor"),
    "metadata": Layout("transformer.", alpha="metadata"),
    "lora-dot": Layout("transformer.", "dot", alpha="tensor"),
    "joined": Layout("transformer.", "joined"),
    "linear-layer": Layout("transformer.", "linear", alpha="tensor"),
    "lycoris-native": Layout("lycoris_", "down", native=True),
}

FUSED = {"attention.to_q": "attention.qkv", "attention.to_k": "attention.qkv", "attention.to_v": "attention.qkv"}
RENAMED = {
    "attention.to_out.0": "attention.out", "attention.norm_q": "attention.q_norm", "attention.norm_k": "attention.k_norm",
    "all_x_embedder.2-1": "x_embedder", "all_final_layer.2-1": "final_layer",
}


def native_name(module):
    for ours, theirs in (FUSED | RENAMED).items():
        module = re.sub(rf"(^|(?<=\.)){re.escape(ours)}(?=\.|$)", theirs, module)
    return module


def parts(module):
    """The diffusers modules that stand for one: q, k and v for the three together, else itself."""
    stem, fused, rest = module.partition("attention.qkv")
    return [f"{stem}attention.to_{letter}" for letter in "qkv"] if fused and not rest else [module]


def modules(names):
    """The modules that tensors belong to, by these names: those with a weight, in diffusers' names."""
    return sorted({name.removesuffix(".weight") for name in names if name.endswith(".weight")})


def spellings(names, text=False):
    """Spelling -> the diffusers modules that it means together, for a model with these tensors."""
    table = {}

    def add(spelling, meaning):
        assert table.setdefault(spelling, meaning) == meaning, f"{spelling} means two things"

    for module in modules(names):
        for prefix in TEXT_DOTTED if text else DOTTED:
            add(prefix + module, [module])
        for prefix in TEXT_UNDERSCORED if text else UNDERSCORED:
            add(prefix + module.replace(".", "_"), [module])
        if text or (native := native_name(module)) == module:
            continue
        meaning = parts(native) if native.endswith("attention.qkv") else [module]
        for prefix in DOTTED:
            add(prefix + native, meaning)
        for prefix in UNDERSCORED:
            add(prefix + native.replace(".", "_"), meaning)
    return table


def suffixes():
    """Ending of a key -> factor, longest first."""
    table = {f".{factor}": factor for factor in PLAIN}
    for down, up, magnitude in STYLES.values():
        table |= {down: "down", up: "up", magnitude: "magnitude"}
    table[".lora_magnitude_vector.weight"] = "magnitude"
    return dict(sorted(table.items(), key=lambda item: -len(item[0])))
