#!/usr/bin/env python3
# Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares `espalier tokenize --json` with the `tokenizers` package on random
strings: ids with and without special tokens, and decoding of those ids and of
random ones. Needs tokenizers, and sentencepiece for the character map.

  tokenizers_differential.py --espalier build/bin/espalier --count 1000000
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import unicodedata

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "Generators"))
import tokenizer_variants  # noqa: E402

# Runs of these meet in the expressions; others are any character that is assigned.
LIKELY = [chr(c) for c in (
    0x20, 0x20, 0x20, 0x20, 0xa, 0xa, 0xd, 0x9, 0xb, 0xc, 0x1c, 0x61, 0x5a, 0x73, 0x53, 0x74, 0x44, 0x30, 0x37,
    0x27, 0x27, 0x21, 0x2d, 0x2e, 0x2f, 0x28, 0x7c, 0, 0x7f, 0x85, 0xa0, 0xaa, 0xb2, 0xbc, 0xe9, 0xc9, 0x130, 0x17f,
    0x1c5, 0x2b0, 0x301, 0x323, 0x660, 0x966, 0x915, 0x94d, 0x93f, 0xe33, 0x1680, 0x180e, 0x2000, 0x200a, 0x200b,
    0x200d, 0x2028, 0x2029, 0x202f, 0x205f, 0x2167, 0x212a, 0x24b6, 0x2581, 0x2581, 0x2026, 0x3000, 0x3002, 0x3007,
    0x3042, 0x4e2d, 0x6587, 0xac00, 0x1100, 0x1161, 0xfb01, 0xfdfa, 0xfe0f, 0xfeff, 0xff0c, 0xff11, 0xff21, 0xfffd,
    0x10107, 0x1d7d8, 0x1f468, 0x1f600, 0x1f1e9, 0xe0001, 0x20000, 0x10ffff)]
STRINGS = ["'s", "'T", "'re", "'VE", "'m", "'Ll", "'d", "'\u017f", "\r\n", "  ", "'l", "'r", " '", "\n ", "    ",
           "e\u0301", "\u1100\u1161\u11a8", "<0x41>", "<0x0A>", "100", "1234567", "HELLO", "McDonald", "caf\u00e9"]


def any_character(rng):
    while True:
        c = rng.randrange(0x110000) if rng.random() < .3 else rng.randrange(0x3000)
        # What was assigned after the reference's tables were made is not compared.
        if not 0xd800 <= c < 0xe000 and unicodedata.category(chr(c)) != "Cn" and c not in NEWER:
            return chr(c)


NEWER = set()


def find_newer():
    """The package's tables of normal forms, marks and punctuation are of an older Unicode
    than ours."""
    from tokenizers import normalizers, pre_tokenizers
    punctuation = pre_tokenizers.Punctuation()
    forms = [(name, getattr(normalizers, name)()) for name in ("NFC", "NFD", "NFKC", "NFKD")]
    accents = normalizers.StripAccents()
    for c in range(0x110000):
        character = chr(c)
        category = unicodedata.category(character)
        if 0xd800 <= c < 0xe000 or category == "Cn":
            continue
        text = "a" + character
        if (any(unicodedata.normalize(name, text) != form.normalize_str(text) for name, form in forms)
                or (accents.normalize_str(text) == "a") != category.startswith("M")
                or category[0] == "P" and len(punctuation.pre_tokenize_str(text)) == 1):
            NEWER.add(c)


def text_of(rng, words):
    parts = []
    for _ in range(rng.choice((1, 2, 3, 5, 8, 13, 21))):
        kind = rng.randrange(10)
        if kind < 3:
            parts.append(rng.choice(LIKELY))
        elif kind < 4:
            parts.append(rng.choice(LIKELY) * rng.randrange(1, 12))
        elif kind < 5:
            parts.append(rng.choice(STRINGS))
        elif kind < 6:
            parts.append(any_character(rng))
        elif kind < 7:
            parts.append(" ")
        else:
            parts.append(rng.choice(words))
    return "".join(parts)


def words_of(tokenizer):
    """Texts of tokens, as they stand in text: of added tokens more often."""
    alphabet = {}
    spare = 0x100
    for byte in range(256):
        shown = 0x21 <= byte <= 0x7e or 0xa1 <= byte <= 0xac or 0xae <= byte
        alphabet[chr(byte) if shown else chr(spare)] = byte
        spare += not shown
    vocab = tokenizer["model"]["vocab"]
    words = []
    is_bytes = "ByteLevel" in json.dumps(tokenizer["pre_tokenizer"])
    for word in vocab if isinstance(vocab, dict) else [entry[0] for entry in vocab]:
        if is_bytes and all(c in alphabet for c in word):
            word = bytes(alphabet[c] for c in word).decode("utf-8", "ignore")
        words.append(word.replace(tokenizer_variants.MARK, " "))
    added = [token["content"] for token in tokenizer["added_tokens"]]
    return [w for w in words if w] + added * (1 + len(words) // (6 * len(added) + 1))


def run(command, folder, options, items):
    result = subprocess.run([*command, folder, "--json", *options], input=json.dumps(items).encode(),
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if result.returncode != 0:
        raise SystemExit("%s %s: %s" % (folder, options, result.stderr.decode()))
    return json.loads(result.stdout)


class Comparison:
    def __init__(self, name, limit):
        self.name, self.limit, self.found = name, limit, 0

    def differ(self, what, item, ours, theirs):
        self.found += 1
        if self.found <= self.limit:
            print("%s: %s of %s\n  ours   %s\n  theirs %s" % (self.name, what, json.dumps(item), json.dumps(ours),
                                                             json.dumps(theirs)), flush=True)


def compare(name, content, command, count, seed, limit, folder):
    import tokenizers
    path = os.path.join(folder, name)
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, "tokenizer.json"), "w") as file:
        json.dump(content, file)
    reference = tokenizers.Tokenizer.from_file(os.path.join(path, "tokenizer.json"))
    rng = random.Random("%s %d" % (name, seed))
    words = words_of(content)
    size = reference.get_vocab_size(with_added_tokens=True) + 2
    comparison = Comparison(name, limit)
    while count > 0:
        texts = [text_of(rng, words) for _ in range(min(count, 20000))]
        count -= len(texts)
        plain = run(command, path, ["--no-special"], texts)
        special = run(command, path, [], texts)
        expected = [e.ids for e in reference.encode_batch(texts, add_special_tokens=False)]
        around = [e.ids for e in reference.encode_batch(texts)]
        for text, ours, theirs, ours_special, theirs_special in zip(texts, plain, expected, special, around):
            if ours != theirs:
                comparison.differ("ids", text, ours, theirs)
            elif ours_special != theirs_special:
                comparison.differ("ids with special tokens", text, ours_special, theirs_special)
        ids = [around[i] if i % 2 else [rng.randrange(size) for _ in range(rng.randrange(12))]
               for i in range(len(around))]
        for options, skip in (([], True), (["--keep-special"], False)):
            for list_, ours in zip(ids, run(command, path, ["--decode", *options], ids)):
                theirs = reference.decode(list_, skip_special_tokens=skip)
                if ours != theirs:
                    comparison.differ("decoding%s" % "".join(options), list_, ours, theirs)
    return comparison.found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--espalier", default="build/bin/espalier")
    parser.add_argument("--goldens", default=os.path.join(HERE, "..", "Inputs", "goldens"))
    parser.add_argument("--count", type=int, default=1000000, help="strings over all tokenizers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="tokenizers whose name holds this")
    parser.add_argument("--show", type=int, default=3, help="differences of each tokenizer that are printed")
    arguments = parser.parse_args()
    find_newer()
    print("%d characters are left out" % len(NEWER))
    charsmap = b""
    try:
        corpus = "\n".join(open(__file__).read().split("\n") * 20)
        charsmap = tokenizer_variants.sentencepiece_model(
            corpus, vocab_size=150, model_type="unigram", hard_vocab_limit=False)[2]
    except ImportError:
        print("no sentencepiece: no character map")
    cases = tokenizer_variants.variants(arguments.goldens, False, charsmap)
    for folder, _, files in sorted(os.walk(arguments.goldens)):
        if "tokenizer_golden.json" in files and "tokenizer.json" in files:
            cases["golden-" + os.path.relpath(folder, arguments.goldens).replace("/", "-")] = json.load(
                open(os.path.join(folder, "tokenizer.json")))
    cases = {name: case for name, case in cases.items() if arguments.only in name}
    each = -(-arguments.count // len(cases))
    found = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, content in cases.items():
            differences = compare(name, content, [arguments.espalier, "tokenize"], each, arguments.seed,
                                  arguments.show, folder)
            found += differences
            print("%s: %d strings, %d differences" % (name, each, differences), flush=True)
    print("%d tokenizers, %d strings, %d differences" % (len(cases), each * len(cases), found))
    return found > 0


if __name__ == "__main__":
    sys.exit(main())
