"""Makes the goldens gguf-f32, -f16, -bf16, -q8_0, -q4_0, -q4_1 and -mixed: one small
llama in each type, written with the package gguf, and what transformers computes
from the weights that such a file holds. And gguf-yarn and gguf-rope-freqs: scaled
rotations as this format says them, by keys, and (llama3's) by a tensor of factors.

    python gguf_goldens.py [FOLDER [NAME...]]      (default: ../Inputs/goldens, all)

Needs torch, transformers, gguf, numpy (made with transformers 5.23, torch 2.15,
gguf 0.19). The tokenizer is that of the golden qwen2.
"""
import copy
import json
import os
import sys

import gguf
import numpy as np
import torch
from gguf.quants import dequantize, quantize
from transformers import AutoConfig

import reference

here = os.path.dirname(os.path.abspath(__file__))
goldens = os.path.join(here, "..", "Inputs", "goldens")
root = sys.argv[1] if len(sys.argv) > 1 else goldens
ONLY = sys.argv[2:]
T = gguf.GGMLQuantizationType

with open(os.path.join(goldens, "qwen2", "tokenizer.json")) as f:
    TOKENIZER = json.load(f)
TOKENS = len(TOKENIZER["model"]["vocab"]) + len(
    {a["content"] for a in TOKENIZER["added_tokens"]} - set(TOKENIZER["model"]["vocab"]))

CONFIG = AutoConfig.for_model(
    "llama", vocab_size=TOKENS + 5, hidden_size=64, intermediate_size=192, num_hidden_layers=2,
    num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256, rms_norm_eps=1e-5,
    tie_word_embeddings=False, bos_token_id=None, eos_token_id=None, pad_token_id=None,
    rope_parameters={"rope_theta": 10000.0, "rope_type": "default"})


def interleave(w, heads):
    """Rows as the format holds them: pairs (j, j + dim/2) become neighbours."""
    return w.reshape(heads, 2, w.shape[0] // heads // 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def untangle(w, heads):
    return w.reshape(heads, w.shape[0] // heads // 2, 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


NAMES = {"model.embed_tokens.weight": "token_embd", "model.norm.weight": "output_norm", "lm_head.weight": "output"}
for i in range(CONFIG.num_hidden_layers):
    for theirs, ours in (("input_layernorm", "attn_norm"), ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"),
                         ("self_attn.v_proj", "attn_v"), ("self_attn.o_proj", "attn_output"),
                         ("post_attention_layernorm", "ffn_norm"), ("mlp.gate_proj", "ffn_gate"),
                         ("mlp.up_proj", "ffn_up"), ("mlp.down_proj", "ffn_down")):
        NAMES[f"model.layers.{i}.{theirs}.weight"] = f"blk.{i}.{ours}"
HEADS = {"attn_q": CONFIG.num_attention_heads, "attn_k": CONFIG.num_key_value_heads}


def add_tokenizer(w):
    table = {i: t for t, i in TOKENIZER["model"]["vocab"].items()}
    special = {a["id"]: a["content"] for a in TOKENIZER["added_tokens"]}
    table.update(special)
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("qwen2")
    w.add_token_list([table[i] for i in range(TOKENS)] + [f"[PAD{i}]" for i in range(5)])
    w.add_token_types([3 if i in special else 1 for i in range(TOKENS)] + [5] * 5)
    merges = TOKENIZER["model"]["merges"]
    w.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    w.add_eos_token_id(next(i for i, t in special.items() if t == "<|im_end|>"))
    w.add_bos_token_id(next(i for i, t in special.items() if t == "<|endoftext|>"))
    w.add_add_bos_token(False)


def add_rope(w, rope):
    """The keys of the format; gives the tensor of factors, if there is one."""
    if rope["rope_type"] == "yarn":
        w.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        w.add_rope_scaling_factor(rope["factor"])
        w.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
        w.add_float32("llama.rope.scaling.yarn_beta_fast", rope["beta_fast"])
        w.add_float32("llama.rope.scaling.yarn_beta_slow", rope["beta_slow"])
    if rope["rope_type"] != "llama3":
        return None
    # What converters write of llama3: plain frequency / factor is the scaled one.
    dim = CONFIG.hidden_size // CONFIG.num_attention_heads
    plain = rope["rope_theta"] ** -(np.arange(0, dim, 2) / dim)
    wave = 2 * np.pi / plain
    old, factor = rope["original_max_position_embeddings"], rope["factor"]
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    smooth = (old / wave - low) / (high - low)
    factors = np.where(wave > old / low, factor,
                       np.where(wave < old / high, 1.0, 1 / ((1 - smooth) / factor + smooth)))
    return factors.astype(np.float32)


def make(name, type_of, tied, note, rope=None):
    if ONLY and name not in ONLY:
        return
    folder = os.path.join(root, "gguf-" + name)
    os.makedirs(folder, exist_ok=True)
    config = copy.deepcopy(CONFIG)
    config.tie_word_embeddings = tied
    if rope:
        config.rope_parameters = rope
    model = reference.random_model(config, 301)
    w = gguf.GGUFWriter(os.path.join(folder, "model.gguf"), "llama")
    w.add_name("espalier golden " + name)
    w.add_context_length(config.max_position_embeddings)
    w.add_embedding_length(config.hidden_size)
    w.add_block_count(config.num_hidden_layers)
    w.add_feed_forward_length(config.intermediate_size)
    w.add_head_count(config.num_attention_heads)
    w.add_head_count_kv(config.num_key_value_heads)
    w.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    w.add_rope_freq_base(10000.0)
    w.add_layer_norm_rms_eps(config.rms_norm_eps)
    w.add_vocab_size(config.vocab_size)
    add_tokenizer(w)
    factors = add_rope(w, config.rope_parameters)
    if factors is not None:
        w.add_tensor("rope_freqs.weight", factors, raw_dtype=T.F32)
    with torch.no_grad():
        for theirs, p in model.named_parameters():
            ours = NAMES[theirs]
            values = p.numpy()
            heads = HEADS.get(ours.split(".")[-1])
            stored = interleave(values, heads) if heads else values
            kind = T.F32 if p.dim() == 1 else type_of(ours)
            data = quantize(np.ascontiguousarray(stored), kind)
            w.add_tensor(ours + ".weight", data, raw_dtype=kind)
            meant = dequantize(data, kind).reshape(values.shape)
            p.copy_(torch.from_numpy(untangle(meant, heads) if heads else meant))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    reference.write_golden(folder, model, 302, 40, usable_vocabulary=TOKENS, note=note)


for name in ("f32", "f16", "bf16", "q8_0", "q4_0", "q4_1"):
    kind = T[name.upper()]
    make(name, lambda tensor, kind=kind: kind, False, "every matrix in this type")
# Layers of two kinds, as quantisers make them, and a tied output.
make("mixed", lambda tensor: T.Q8_0 if tensor == "token_embd" or tensor in ("blk.0.ffn_down", "blk.0.attn_v") else T.Q4_1,
     True, "q4_1 with a q8_0 embedding, tied; layer 0 has q8_0 values and down projection")
make("yarn", lambda tensor: T.Q8_0, True, "rotations scaled by yarn, told by keys; q8_0, tied",
     {"rope_theta": 10000.0, "rope_type": "yarn", "factor": 4.0, "beta_fast": 8.0, "beta_slow": 0.5,
      "original_max_position_embeddings": 64})
make("rope-freqs", lambda tensor: T.Q8_0, True, "rotations scaled as llama3, told by rope_freqs.weight; q8_0, tied",
     {"rope_theta": 10000.0, "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
      "original_max_position_embeddings": 64})
