"""Writes goldens of other families as GGUF: the tensors of GOLDEN/model.safetensors under the names of that format.

    python gguf_families.py [FOLDER]      (default: ../Inputs/goldens)

gguf-qwen2 and gguf-qwen3 hold the weights of qwen2 and qwen3-odd, whose logits are theirs too. Needs gguf, safetensors,
torch, numpy (made with gguf 0.19).
"""
import json
import os
import sys

import gguf
import numpy as np
import torch
from safetensors.torch import load_file

root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", "Inputs", "goldens")
T = gguf.GGMLQuantizationType
LAYER = {"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
         "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
         "self_attn.k_norm": "attn_k_norm", "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate",
         "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
WHOLE = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def rename(name):
    stem, suffix = name.rsplit(".", 1)
    if stem in WHOLE:
        return f"{WHOLE[stem]}.{suffix}"
    _, _, layer, rest = stem.split(".", 3)
    return f"blk.{layer}.{LAYER[rest]}.{suffix}"


def write(golden):
    with open(os.path.join(root, golden, "config.json")) as f:
        c = json.load(f)
    family = c["model_type"]
    rope = c.get("rope_parameters") or c
    os.makedirs(os.path.join(root, f"gguf-{family}"), exist_ok=True)
    w = gguf.GGUFWriter(os.path.join(root, f"gguf-{family}", "model.gguf"), family)
    w.add_block_count(c["num_hidden_layers"])
    w.add_context_length(c["max_position_embeddings"])
    w.add_embedding_length(c["hidden_size"])
    w.add_feed_forward_length(c["intermediate_size"])
    w.add_head_count(c["num_attention_heads"])
    w.add_head_count_kv(c["num_key_value_heads"])
    w.add_layer_norm_rms_eps(c["rms_norm_eps"])
    w.add_rope_freq_base(rope["rope_theta"])
    if "head_dim" in c:
        w.add_key_length(c["head_dim"])
        w.add_value_length(c["head_dim"])
    for name, tensor in load_file(os.path.join(root, golden, "model.safetensors")).items():
        if tensor.dim() == 1:  # the format keeps vectors in float32
            w.add_tensor(rename(name), tensor.float().numpy())
        elif tensor.dtype == torch.bfloat16:
            bits = tensor.contiguous().view(torch.int16).numpy().view(np.uint8)
            w.add_tensor(rename(name), bits, raw_shape=bits.shape, raw_dtype=T.BF16)
        else:
            w.add_tensor(rename(name), tensor.numpy())
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


for golden in ("qwen2", "qwen3-odd"):
    write(golden)
