"""Makes one golden checkpoint for each family of models, and some for what families share.

    python family_goldens.py [NAME...]      (default: all; into ../Inputs/goldens)

The dimensions are odd on purpose: a number of heads that is no power of two, one key/value head, a hidden size that
is no multiple of 16, an odd vocabulary, heads that are not hidden / heads wide, windows smaller than the prompt.

Needs torch, transformers, safetensors, numpy (made with transformers 5.23, torch 2.15).
"""
import json
import os
import sys

import torch
from transformers import AutoConfig, AutoModelForCausalLM

import reference

root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Inputs", "goldens")
PROMPT = 32


def older_spelling(config):
    """config.json as transformers before 5 wrote it."""
    rope = config.pop("rope_parameters", None)
    if rope:
        config["rope_theta"] = rope.pop("rope_theta")
        rope["type"] = rope.pop("rope_type")
        if "partial_rotary_factor" in rope:
            config["partial_rotary_factor"] = rope.pop("partial_rotary_factor")
        if rope["type"] != "default":
            config["rope_scaling"] = rope
    config["torch_dtype"] = config.pop("dtype")
    config["transformers_version"] = "4.46.3"


def make(name, model_type, seed, dtype="bfloat16", old=False, note=None, prepare=None, prompt=PROMPT, cls=None,
         drop=(), legacy={}, attention="eager", **figures):
    folder = os.path.join(root, name)
    os.makedirs(folder, exist_ok=True)
    common = dict(bos_token_id=1, eos_token_id=2, pad_token_id=None)
    config = AutoConfig.for_model(model_type, **{**common, **figures})
    make_model = cls or AutoModelForCausalLM
    made = make_model._from_config(config, attn_implementation="eager", dtype=torch.float32) if cls else None
    model = reference.random_model(config, seed, made).to(getattr(torch, dtype))
    model.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)
    path = os.path.join(folder, "config.json")
    with open(path) as f:
        written = json.load(f)
    if old:
        older_spelling(written)
    for key in drop:
        written.pop(key, None)
    for key, name in legacy.items():
        written[name] = written.pop(key)
    with open(path, "w") as f:
        json.dump(written, f, indent=2)
        f.write("\n")
    # What counts is what a reader of the files gets.
    again = make_model.from_pretrained(folder, attn_implementation=attention, dtype=torch.float32)
    if prepare:
        prepare(again)
    reference.write_golden(folder, again.eval(), seed, prompt, note=note)


def fixed_frequencies(context):
    """Rotates as a model does that is opened for `context` tokens, whatever the length of a call."""

    def prepare(model):
        from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
        rope = model.model.rotary_emb
        frequencies, factor = ROPE_INIT_FUNCTIONS[rope.rope_type](model.config, "cpu", seq_len=context)
        rope.inv_freq.copy_(frequencies)
        rope.attention_scaling = factor
        rope.rope_type = "default"  # of the module: no update at a call

    return prepare


def gemma3():
    from transformers import Gemma3ForConditionalGeneration
    text = dict(vocab_size=231, hidden_size=60, intermediate_size=88, num_hidden_layers=3, num_attention_heads=3,
                num_key_value_heads=1, head_dim=20, sliding_window=9, query_pre_attn_scalar=24,
                max_position_embeddings=192, bos_token_id=1, eos_token_id=2, pad_token_id=None,
                layer_types=["sliding_attention", "full_attention", "sliding_attention"],
                rope_parameters={"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
                                 "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}})
    vision = dict(model_type="siglip_vision_model", hidden_size=8, intermediate_size=8, num_hidden_layers=1,
                  num_attention_heads=1, image_size=14, patch_size=14)
    make("gemma3", "gemma3", 323, cls=Gemma3ForConditionalGeneration, text_config=text, vision_config=vision,
         mm_tokens_per_image=1, note="nested configuration, an image encoder that is left out, linear rope in one of "
         "the two ropes")


ODD = dict(vocab_size=211, hidden_size=60, intermediate_size=72, num_hidden_layers=2, num_attention_heads=3,
           num_key_value_heads=1, max_position_embeddings=128)
HEADS = dict(head_dim=22)
EVEN = ODD  # for families whose heads are hidden / heads wide

falcon = dict(vocab_size=211, hidden_size=60, num_hidden_layers=2, num_attention_heads=3, ffn_hidden_size=72,
              max_position_embeddings=128)


def neox(figures):
    """gpt_neox has no key/value heads of its own."""
    return {key: value for key, value in figures.items() if key != "num_key_value_heads"}


TABLE = {
    "llama-odd": lambda n: make(n, "llama", 301, "float32", rms_norm_eps=1e-5, **ODD, **HEADS),
    "llama-dynamic": lambda n: make(
        n, "llama", 302, prepare=fixed_frequencies(56), rms_norm_eps=1e-5,
        note="rope of type dynamic, opened for 56 tokens where the model was made for 24",
        **{**ODD, "max_position_embeddings": 24}, **HEADS,
        rope_parameters={"rope_type": "dynamic", "rope_theta": 1e4, "factor": 4.0}),
    "mistral": lambda n: make(n, "mistral", 303, "float16", sliding_window=11, rms_norm_eps=1e-5, **ODD, **HEADS),
    "qwen2-window": lambda n: make(n, "qwen2", 304, use_sliding_window=True, sliding_window=10, max_window_layers=1,
                                   old=True, drop=["layer_types"], **EVEN,
                                   note="the window is derived from max_window_layers"),
    "qwen3-odd": lambda n: make(n, "qwen3", 305, attention_bias=True, **ODD, **HEADS),
    "olmo2": lambda n: make(n, "olmo2", 306, **EVEN),
    "smollm3": lambda n: make(n, "smollm3", 307, old=True, drop=["layer_types"], no_rope_layer_interval=3,
                              use_sliding_window=True, sliding_window=13,
                              **{**EVEN, "num_hidden_layers": 3, "intermediate_size": 56}),
    "granite": lambda n: make(n, "granite", 308, embedding_multiplier=5.0, attention_multiplier=0.31,
                              residual_multiplier=0.6, logits_scaling=1.7, attention_bias=True, mlp_bias=True, **EVEN),
    "phi3-long": lambda n: make(
        n, "phi3", 309, old=True, prepare=fixed_frequencies(56), sliding_window=15, tie_word_embeddings=True,
        note="the long factors, half of each head rotated, a window; opened for 56 tokens where 24 are the limit of "
        "the short factors", original_max_position_embeddings=24, **{**EVEN, "hidden_size": 72},
        rope_parameters={"rope_type": "longrope", "rope_theta": 1e4, "partial_rotary_factor": 0.5,
                         "short_factor": [1.0, 1.1, 1.2, 1.3, 1.5, 1.6], "long_factor": [1.0, 1.5, 2.0, 3.0, 5.0, 8.0]}),
    "glm4": lambda n: make(n, "glm4", 310, head_dim=24, **ODD),
    "gemma": lambda n: make(n, "gemma", 311, old=True, hidden_act="gelu", **ODD, **HEADS),
    "gemma3-text": lambda n: make(
        n, "gemma3_text", 312, sliding_window=9, query_pre_attn_scalar=24, final_logit_softcapping=6.0,
        layer_types=["sliding_attention", "sliding_attention", "full_attention"],
        **{**ODD, "num_hidden_layers": 3}, **HEADS),
    "gemma3": lambda n: gemma3(),
    "starcoder2": lambda n: make(n, "starcoder2", 314, sliding_window=12, **EVEN),
    "cohere": lambda n: make(n, "cohere", 315, use_qk_norm=True, attention_bias=True, logit_scale=0.4,
                             **{**EVEN, "num_attention_heads": 6, "hidden_size": 84, "num_key_value_heads": 2}),
    "gpt_neox": lambda n: make(n, "gpt_neox", 331, old=True, prompt=24, note="older keys of the rotation",
                               rope_parameters={"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.5},
                               legacy={"partial_rotary_factor": "rotary_pct", "rope_theta": "rotary_emb_base"},
                               **neox(EVEN)),
    "gpt_neox-serial": lambda n: make(n, "gpt_neox", 332, "float16", prompt=24, use_parallel_residual=False,
                                      attention_bias=False, **neox({**EVEN, "hidden_size": 72})),
    "opt": lambda n: make(n, "opt", 333, "float16", prompt=24, vocab_size=211, hidden_size=60, ffn_dim=72,
                          num_hidden_layers=2, num_attention_heads=3, max_position_embeddings=128,
                          word_embed_proj_dim=60),
    "bloom": lambda n: make(n, "bloom", 334, prompt=24, vocab_size=211, hidden_size=60, n_layer=2, n_head=5),
    "falcon": lambda n: make(n, "falcon", 335, prompt=24, **falcon),
    "falcon-new": lambda n: make(n, "falcon", 346, "float16", prompt=24, new_decoder_architecture=True, num_kv_heads=2,
                                 **{**falcon, "hidden_size": 84, "num_attention_heads": 6}),
    "falcon-serial": lambda n: make(n, "falcon", 337, prompt=24, multi_query=False, parallel_attn=False, bias=True,
                                    **falcon),
    # The eager form of transformers 5.23 adds the slopes twice: to the mask, and to the scores.
    "falcon-alibi": lambda n: make(n, "falcon", 348, "float16", prompt=24, multi_query=False, parallel_attn=False,
                                   bias=True, alibi=True, attention="sdpa", **falcon),
    "phi": lambda n: make(n, "phi", 346, prompt=24, qk_layernorm=True, **EVEN),
    "stablelm": lambda n: make(n, "stablelm", 339, prompt=24, use_qkv_bias=True, **{**EVEN, "hidden_size": 72}),
    "stablelm-parallel": lambda n: make(n, "stablelm", 340, "float16", old=True, prompt=24, qk_layernorm=True,
                                        use_parallel_residual=True,
                                        **{**EVEN, "hidden_size": 48, "num_attention_heads": 6,
                                           "num_key_value_heads": 2}),
    "nemotron": lambda n: make(n, "nemotron", 341, prompt=24, attention_bias=True, mlp_bias=True, head_dim=24, **ODD),
}

for name in sys.argv[1:] or TABLE:
    TABLE[name](name)
