"""What transformers computes from a checkpoint, in float64: the truth of goldens.

The checkpoint's tensors are exact; everything after them is evaluated in float64,
places where the modelling code asks for float32 included (rotary frequencies stay
the float32 values that they are everywhere).
"""
import json
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

torch.set_num_threads(1)
STEPS = 24


class Everything64(TorchFunctionMode):
    """Turns each request for float32 into one for float64."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        wider = lambda v: torch.float64 if v is torch.float32 else v
        args = tuple(wider(a) for a in args)
        kwargs = {k: wider(v) for k, v in (kwargs or {}).items()}
        if func is torch.Tensor.float:
            return args[0].double()
        return func(*args, **kwargs)


def layers_of(model):
    """The decoder layers, whatever the family calls them."""
    for path in ("model.layers", "model.language_model.layers", "model.decoder.layers", "transformer.h",
                 "gpt_neox.layers"):
        at = model
        for name in path.split("."):
            at = getattr(at, name, None)
        if at is not None:
            return at
    raise ValueError(f"{type(model).__name__}: where are the layers?")


def run64(model, ids):
    """Logits [rows, vocabulary] and hidden states [layers + 1, rows, hidden]."""
    states = []
    layers = layers_of(model)
    first = lambda out: out[0] if isinstance(out, tuple) else out
    hooks = [layers[0].register_forward_pre_hook(
        lambda m, args, kwargs: states.append(args[0] if args else kwargs["hidden_states"]),
        with_kwargs=True)]
    hooks += [l.register_forward_hook(lambda m, i, out: states.append(first(out))) for l in layers]
    with torch.no_grad(), Everything64():
        logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]
    for hook in hooks:
        hook.remove()
    assert logits.dtype == torch.float64
    return logits.numpy(), np.stack([s[0].numpy() for s in states])


def random_model(config, seed, model=None):
    """Weights of a size that makes the logits differ and every part matter."""
    from transformers import AutoModelForCausalLM
    torch.manual_seed(seed)
    if model is None:
        model = AutoModelForCausalLM.from_config(config, attn_implementation="eager", dtype=torch.float32)
    # Where a norm's tensor holds the weight less one, it is made around zero.
    centre = 0 if "gemma" in config.model_type else 1
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=generator)
            if "norm" in name or ".ln_" in name or "layernorm" in name:
                p.copy_((0 if name.endswith("bias") else centre) + 0.2 * noise)
            elif p.dim() == 1:
                p.copy_(0.3 * noise)
            elif "embed" in name: # scaled by the root of the hidden size in gemma
                p.copy_((0.3 if centre else 0.05) * noise)
            else:
                p.copy_(1.3 * noise / p.shape[1] ** 0.5)
    return model.eval()


def write_golden(folder, model, seed, prompt_length, usable_vocabulary=None, note=None):
    """golden.json, logits.npy and hidden.npy of a float32 model."""
    import copy
    vocabulary = model.config.get_text_config().vocab_size
    model64 = copy.deepcopy(model).double()
    rng = np.random.default_rng(seed)
    best = None
    # Of some prompts the one whose greedy choices are the clearest.
    for _ in range(8):
        prompt = rng.integers(3, usable_vocabulary or vocabulary, prompt_length).tolist()
        ids, margins, top = list(prompt), [], []
        for _ in range(STEPS):
            last = run64(model64, ids)[0][-1]
            order = np.argsort(-last, kind="stable")
            margins.append(float(last[order[0]] - last[order[1]]))
            top.append([[int(i), round(float(last[i]), 5)] for i in order[:5]])
            ids.append(int(order[0]))
        greedy = ids[prompt_length:]
        score = (min(len(set(greedy)), 8), min(margins))
        if best is None or score > best[0]:
            best = (score, prompt, greedy, margins, top)
    _, prompt, greedy, margins, top = best
    logits, hidden = run64(model64, prompt)
    spread = {}
    for name in ("float32", "bfloat16", "float16"):
        with torch.no_grad():
            got = copy.deepcopy(model).to(getattr(torch, name))(
                input_ids=torch.tensor([prompt]), use_cache=False).logits[0]
        spread[name] = float(np.abs(got.double().numpy() - logits).max())
    largest = float(np.abs(logits).max())
    golden = {
        "model_type": model.config.model_type,
        "prompt_ids": prompt,
        "greedy_ids": greedy,
        "greedy_margins": [round(m, 6) for m in margins],
        "greedy_top5": top,
        "max_abs_logit": largest,
        "std_logit": float(logits.std()),
        "vocab_size": vocabulary,
        "precision": "float64",
        "spread_of_lower_precision": spread,
        "suggested_tol": float(f"{max(3e-5, 10 * spread['float32'] / largest):.1e}"),
        "min_topk_gap": None,
    }
    if note:
        golden["note"] = note
    with open(os.path.join(folder, "golden.json"), "w") as f:
        f.write("{\n" + ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in golden.items()) + "\n}\n")
    np.save(os.path.join(folder, "logits.npy"), logits.astype(np.float32))
    np.save(os.path.join(folder, "hidden.npy"), hidden.astype(np.float32))
    print(f"{os.path.basename(folder):16s} largest logit {largest:6.2f}, least margin {min(margins):.4f}, "
          f"{len(set(greedy))} distinct, float32 spread {spread['float32'] / largest:.1e}", flush=True)
