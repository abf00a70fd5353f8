"""Makes the goldens rope-linear and rope-yarn.

    python rope_goldens.py [FOLDER]      (default: ../Inputs/goldens)

Needs torch, transformers, safetensors, numpy (made with transformers 5.23, torch 2.15).
"""
import json
import os
import sys

import torch
from transformers import AutoConfig, AutoModelForCausalLM

import reference

root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", "Inputs", "goldens")


def older_spelling(path):
    """config.json as transformers before 5 wrote it."""
    with open(path) as f:
        config = json.load(f)
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    rope["type"] = rope.pop("rope_type")
    config["rope_scaling"] = rope
    config["torch_dtype"] = config.pop("dtype")
    config["transformers_version"] = "4.46.3"
    with open(path, "w") as f:
        json.dump(config, f, indent=2)
        f.write("\n")


def make(name, seed, dtype, old, note, **figures):
    folder = os.path.join(root, name)
    os.makedirs(folder, exist_ok=True)
    config = AutoConfig.for_model("llama", bos_token_id=1, eos_token_id=2, pad_token_id=None, **figures)
    model = reference.random_model(config, seed).to(dtype)
    model.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)
    if old:
        older_spelling(os.path.join(folder, "config.json"))
    # What counts is what a reader of the files gets.
    again = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32)
    reference.write_golden(folder, again.eval(), seed, 72, note=note)


COMMON = dict(vocab_size=280, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
              num_key_value_heads=2, rms_norm_eps=1e-5, tie_word_embeddings=False)

make("rope-linear", 201, torch.bfloat16, True,
     "rope_scaling with the key type; every projection has a bias",
     max_position_embeddings=256, attention_bias=True, mlp_bias=True,
     rope_parameters={"rope_theta": 10000.0, "rope_type": "linear", "factor": 4.0}, **COMMON)
make("rope-yarn", 202, torch.float32, False,
     "some frequencies kept, some stretched, some between; the attention factor follows from the scaling",
     max_position_embeddings=256,
     rope_parameters={"rope_theta": 10000.0, "rope_type": "yarn", "factor": 4.0, "beta_fast": 8.0, "beta_slow": 0.5,
                      "original_max_position_embeddings": 64}, **COMMON)
