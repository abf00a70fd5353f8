"""Writes smollm2.json: what SmolLM2's tokenizer needs for the golden strings.

    smollm2.py SmolLM2-135M-Instruct.Q4_1.gguf ../goldens/smollm2/tokenizer_golden.json

Ids and the order of the merges are the file's own. A merge whose result occurs
in none of the strings cannot apply to them, and is left out, as is its token.
Needs the PyPI package gguf.
"""
import json
import sys

from gguf import GGUFReader

reader = GGUFReader(sys.argv[1])
field = lambda name: reader.fields["tokenizer.ggml." + name].contents()
tokens, types, merges = field("tokens"), field("token_type"), field("merges")

prints = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
others = [b for b in range(256) if b not in prints]
alphabet = {b: chr(b) for b in prints} | {b: chr(0x100 + i) for i, b in enumerate(others)}
texts = ["".join(alphabet[b] for b in g["text"].encode()) for g in json.load(open(sys.argv[2]))]

merges = [m for m in merges if any(m.replace(" ", "") in t for t in texts)]
kept = {i for i, (t, k) in enumerate(zip(tokens, types)) if k != 1 or len(t) == 1}
ids = {t: i for i, t in enumerate(tokens)}
kept |= {ids[part] for m in merges for part in [*m.split(" "), m.replace(" ", "")]}
out = {
    "size": len(tokens),
    "model": field("model"),
    "pre": field("pre"),
    "bos": field("bos_token_id"),
    "eos": field("eos_token_id"),
    "add_bos": field("add_bos_token"),
    "tokens": {str(i): tokens[i] for i in sorted(kept)},
    "control": [i for i in range(len(tokens)) if types[i] == 3],
    "merges": merges,
}
json.dump(out, open("smollm2.json", "w"), separators=(",", ":"))
