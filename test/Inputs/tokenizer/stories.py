"""Writes stories_golden.json: what the PyPI package tokenizers makes of the golden
strings with the tokenizer of the bundled models.

    stories.py ../../../tools/models/stories-5.5m/tokenizer.json ../goldens/tokenizers/llama3/tokenizer_golden.json

Made with tokenizers 0.23.3.
"""
import json
import sys

from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file(sys.argv[1])
out = []
for text in [g["text"] for g in json.load(open(sys.argv[2]))]:
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    special = tokenizer.encode(text).ids
    out.append({
        "text": text,
        "ids": ids,
        "ids_special": special,
        "decoded": tokenizer.decode(special),
        "decoded_all": tokenizer.decode(special, skip_special_tokens=False),
    })
json.dump(out, open("stories_golden.json", "w"), indent=0)
