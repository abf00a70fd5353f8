"""Makes the goldens qwen3_moe, qwen3_moe-stacked and olmoe: mixtures of experts.

    python expert_goldens.py [NAME...]      (default: all; into ../Inputs/goldens)

The dimensions are odd on purpose: experts whose width no vector divides, their number
and that of the chosen ones no powers of two, dense layers between sparse ones.

Needs torch, transformers, safetensors, numpy (made with transformers 5.23, torch 2.15).
"""
import json
import os
import sys

import torch
from transformers import AutoConfig, AutoModelForCausalLM

import reference

root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Inputs", "goldens")


def smallest_gap(model, ids):
    """Between the scores of a chosen and a rejected expert: below it nothing can flip."""
    gaps = []

    def look(module, args, out):
        scores = torch.nn.functional.linear(args[0].reshape(-1, args[0].shape[-1]), module.weight)
        best = scores.sort(descending=True).values
        gaps.append(float((best[:, module.top_k - 1] - best[:, module.top_k]).min()))

    hooks = [m.register_forward_hook(look) for m in model.modules() if type(m).__name__.endswith("TopKRouter")]
    with torch.no_grad():
        model(input_ids=torch.tensor([ids]), use_cache=False)
    for hook in hooks:
        hook.remove()
    return min(gaps)


def make(name, model_type, seed, dtype, note, stacked=False, drop=(), **figures):
    folder = os.path.join(root, name)
    os.makedirs(folder, exist_ok=True)
    config = AutoConfig.for_model(model_type, bos_token_id=1, eos_token_id=2, pad_token_id=None, **figures)
    config._experts_implementation = "eager"
    model = reference.random_model(config, seed).to(getattr(torch, dtype))
    model.save_pretrained(folder, save_original_format=not stacked)
    model.generation_config.save_pretrained(folder)
    path = os.path.join(folder, "config.json")
    with open(path) as f:
        written = json.load(f)
    for key in drop:
        written.pop(key, None)
    with open(path, "w") as f:
        json.dump(written, f, indent=2)
        f.write("\n")
    # What counts is what a reader of the files gets.
    again = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager",
                                                 experts_implementation="eager", dtype=torch.float32).eval()
    reference.write_golden(folder, again, seed, 32, note=note)
    path = os.path.join(folder, "golden.json")
    with open(path) as f:
        golden = json.load(f)
    golden["min_topk_gap"] = smallest_gap(again, golden["prompt_ids"] + golden["greedy_ids"])
    assert golden["min_topk_gap"] > 1e-3, golden["min_topk_gap"]
    with open(path, "w") as f:
        f.write("{\n" + ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in golden.items()) + "\n}\n")


QWEN = dict(vocab_size=203, hidden_size=44, intermediate_size=50, moe_intermediate_size=21, num_attention_heads=3,
            num_key_value_heads=1, head_dim=18, max_position_embeddings=128, num_experts=5, num_experts_per_tok=3,
            tie_word_embeddings=False)

TABLE = {
    "qwen3_moe": lambda n: make(
        n, "qwen3_moe", 401, "bfloat16", "layers 1 and 5 have experts, 3 is excepted; weights are renormalised",
        num_hidden_layers=6, decoder_sparse_step=2, mlp_only_layers=[3], norm_topk_prob=True, **QWEN),
    "qwen3_moe-stacked": lambda n: make(
        n, "qwen3_moe", 402, "float32", "one tensor for all experts; layer 0 is dense; weights are not renormalised",
        stacked=True, num_hidden_layers=2, mlp_only_layers=[0], norm_topk_prob=False, attention_bias=True, **QWEN),
    "olmoe": lambda n: make(
        n, "olmoe", 403, "float16", "queries and keys are normalised over all heads, weights are not renormalised",
        vocab_size=201, hidden_size=60, intermediate_size=27, num_hidden_layers=2, num_attention_heads=6,
        num_key_value_heads=2, max_position_embeddings=128, num_experts=7, num_experts_per_tok=2, clip_qkv=None),
}

for name in sys.argv[1:] or TABLE:
    TABLE[name](name)
