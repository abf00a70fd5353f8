# Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small tokenizer.json of every kind that the importer knows: the vocabularies of
a few goldens with the normalisers, pre-tokenizers, decoders and added tokens of
published files, and with some that no published file has but the format allows.
Used by tokenizer_goldens.py and by test/Fuzz/tokenizers_differential.py."""

import base64
import copy
import json
import os
import struct
import tempfile

MARK = "\u2581"
CONTRACTION = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
BEFORE = r"[^\r\n\p{L}\p{N}]?"
TAIL = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = (CONTRACTION + r"|" + BEFORE + r"\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*" + TAIL)
QWEN2 = LLAMA3.replace("{1,3}", "")
QWEN35 = (CONTRACTION + r"|" + BEFORE + r"[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*" + TAIL)


def o200k(after, numbers):
    return (BEFORE + UPPER + "*" + LOWER + "+" + after + "|" + BEFORE + UPPER + "+" + LOWER + "*" + after
            + "|" + numbers + r"| ?[^\s\p{L}\p{N}]+[\r\n/]*" + TAIL)


O200K = o200k(CONTRACTION + "?", r"\p{N}{1,3}")
TEKKEN = o200k("", r"\p{N}")
DEEPSEEK3 = (r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
             r"""| ?[\p{P}\p{S}]+[\r\n]*""" + TAIL)
BLOOM = " ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+"


def byte_level(prefix=False, regex=True):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


def split(regex, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": behavior, "invert": invert}


def literal(text, behavior, invert=False):
    return {"type": "Split", "pattern": {"String": text}, "behavior": behavior, "invert": invert}


def digits(individual):
    return {"type": "Digits", "individual_digits": individual}


def pre(*steps):
    return {"type": "Sequence", "pretokenizers": list(steps)} if len(steps) != 1 else steps[0]


def norm(*steps):
    return {"type": "Sequence", "normalizers": list(steps)} if len(steps) != 1 else steps[0]


def dec(*steps):
    return {"type": "Sequence", "decoders": list(steps)} if len(steps) != 1 else steps[0]


def metaspace(scheme, splits=True):
    return {"type": "Metaspace", "replacement": MARK, "prepend_scheme": scheme, "split": splits}


def replace(text, content):
    return {"type": "Replace", "pattern": {"String": text}, "content": content}


def n(name, **more):
    return {"type": name, **more}


SPACES = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
LLAMA_DECODER = dec(replace(MARK, " "), n("ByteFallback"), n("Fuse"), n("Strip", content=" ", start=1, stop=0))

# The pre-tokenizers of byte-level families.
BYTES = {
    "command-r": ("NFC", pre(digits(True), byte_level())),
    "bloom": (None, pre(split(BLOOM), byte_level(regex=False))),
    "falcon": (None, pre({"type": "Punctuation", "behavior": "Contiguous"}, byte_level(), digits(False),
                         split("[0-9][0-9][0-9]"))),
    "falcon3": (None, pre({"type": "Punctuation", "behavior": "Isolated"}, byte_level(), digits(True))),
    "falcon-h1": (None, pre({"type": "Punctuation", "behavior": "MergedWithPrevious"}, split(TEKKEN),
                            byte_level(regex=False), digits(True))),
    "o200k": (None, pre(split(O200K), byte_level(regex=False))),
    "tekken": (None, pre(split(TEKKEN), byte_level(regex=False))),
    "llama3": (None, pre(split(LLAMA3), byte_level(regex=False))),
    "stablelm2": ("NFC", pre(split(QWEN2, "Removed", True), byte_level(regex=False))),
    "qwen35": ("NFC", pre(split(QWEN35), byte_level(regex=False))),
    "deepseek3": (None, pre(split(r"\p{N}{1,3}"), split("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"),
                            split(DEEPSEEK3), byte_level(regex=False))),
    "deepseek-coder": (None, pre(split(r"[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"),
                                 split("[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"), digits(True),
                                 byte_level(regex=False))),
    "prefix-space": ("NFKC", pre(byte_level(prefix=True))),
    "whitespace": (None, pre(n("Whitespace"), byte_level(regex=False))),
    "no-split": ("NFD", pre(byte_level(regex=False))),
}


def token(id, content, **flags):
    every = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    return {"id": id, "content": content, **every, **flags}


def more_added(model, first):
    """Added tokens with every flag, and runs of spaces as gpt_neox and phi have them."""
    kinds = [("<|user|>", dict(rstrip=True, special=True)), ("<mask>", dict(lstrip=True, special=True)),
             ("<both>", dict(lstrip=True, rstrip=True)), ("word", dict(single_word=True)),
             ("Norm", dict(normalized=True)), ("e\u0301e", dict(normalized=True, special=True)),
             ("  ", dict(normalized=True)), ("    ", dict(normalized=True)), ("\n\n", dict(rstrip=True)),
             ("lone", dict(single_word=True, lstrip=True, normalized=True)), ("a b", dict(normalized=True))]
    return [token(first + i, text, **flags) for i, (text, flags) in enumerate(kinds)]


def no_spaces(v):
    """Leaves out the added tokens whose normal form would be empty, or that of another."""
    kept = [t for t in v["added_tokens"] if not t["content"].isspace()]
    for i, t in enumerate(kept):
        t["id"] = min(t["id"], v["added_tokens"][i]["id"])
    v["added_tokens"] = kept


def read_fields(data):
    """The fields of a protocol buffer: (number, value)."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(data):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        elif key & 7 == 5:
            at += 4
            yield key >> 3, struct.unpack("<f", data[at - 4:at])[0]
        elif key & 7 == 1:
            at += 8
            yield key >> 3, data[at - 8:at]
        else:
            size = varint()
            at += size
            yield key >> 3, data[at - size:at]


def sentencepiece_model(corpus, **options):
    """A trained model: its bytes, pieces (text, score, type) and character map."""
    import sentencepiece
    with tempfile.TemporaryDirectory() as folder:
        text = os.path.join(folder, "corpus.txt")
        with open(text, "w") as file:
            file.write(corpus)
        sentencepiece.SentencePieceTrainer.train(input=text, model_prefix=os.path.join(folder, "m"),
                                                 minloglevel=2, **options)
        model = open(os.path.join(folder, "m.model"), "rb").read()
    pieces, charsmap = [], b""
    for number, value in read_fields(model):
        if number == 1:
            fields = dict(read_fields(value))
            pieces.append((fields[1].decode(), fields.get(2, 0.0), fields.get(3, 1)))
        if number == 3:
            charsmap = dict(read_fields(value)).get(2, b"")
    return model, pieces, charsmap


def shrink_unigram(model, count):
    model["vocab"] = model["vocab"][:count]


def variants(goldens, small, charsmap):
    """Names and contents of tokenizer.json; `small` for those to be kept in the tree,
    `charsmap` SentencePiece's nmt_nfkc map or nothing."""
    read = lambda *path: json.load(open(os.path.join(goldens, *path, "tokenizer.json")))
    result = {}
    base = read("tokenizers", "gpt2-small" if small else "gpt2")
    first = 1 + max([*base["model"]["vocab"].values(), *(t["id"] for t in base["added_tokens"])])
    for name, (form, steps) in BYTES.items():
        v = copy.deepcopy(base)
        v["normalizer"] = n(form) if form else None
        v["pre_tokenizer"] = steps
        v["decoder"] = byte_level()
        v["model"]["ignore_merges"] = name in ("llama3", "tekken")
        if name in ("llama3", "falcon", "no-split", "command-r", "prefix-space"):
            v["added_tokens"] += more_added(v["model"], first)
        result["bytes-" + name] = v

    base = read("llama") if small else read("tokenizers", "llama2")
    first = 1 + max(base["model"]["vocab"].values())

    def sp(name, normalizer, pre_tokenizer, decoder, added=False, **model):
        v = copy.deepcopy(base)
        v["normalizer"], v["pre_tokenizer"], v["decoder"] = normalizer, pre_tokenizer, decoder
        for key, value in model.items():
            v["model"][key] = value
        if added:
            v["added_tokens"] += more_added(v["model"], first)
        result["sp-" + name] = v
        return v
    prepend = norm(n("Prepend", prepend=MARK), replace(" ", MARK))
    sp("added", prepend, None, LLAMA_DECODER, added=True)
    v = sp("normalized-specials", prepend, None, LLAMA_DECODER)
    for t in v["added_tokens"]:
        t["normalized"] = True
    sp("no-fallback", prepend, None, LLAMA_DECODER, byte_fallback=False)
    sp("no-fuse", prepend, None, LLAMA_DECODER, byte_fallback=False, fuse_unk=False)
    v = sp("few-bytes", prepend, None, LLAMA_DECODER)
    for byte in (0xe4, 0xf0, 0xc3, 0x0a):
        del v["model"]["vocab"]["<0x%02X>" % byte]
    sp("no-unknown", prepend, None, LLAMA_DECODER, byte_fallback=False, unk_token=None)
    for scheme in ("always", "first", "never"):
        for splits in (False, True):
            sp("metaspace-%s%s" % (scheme, "-split" if splits else ""), None, metaspace(scheme, splits),
               metaspace(scheme, splits), added=scheme != "always")
    v = sp("first-normalized", norm(n("Strip", strip_left=True, strip_right=False), SPACES),
           metaspace("first", False), LLAMA_DECODER, added=True)
    no_spaces(v)
    sp("gemma", replace(" ", MARK), literal(" ", "MergedWithPrevious"),
       dec(replace(MARK, " "), n("ByteFallback"), n("Fuse")), added=True)
    sp("literal-next", None, pre(literal("e", "MergedWithNext"), literal("th", "MergedWithPrevious"),
                                 literal(" ", "Contiguous")), dec(n("ByteFallback"), metaspace("first")))
    sp("ignore-merges", prepend, None, LLAMA_DECODER, ignore_merges=True)
    v = sp("lower", norm(n("NFKC"), n("Lowercase"), n("Strip", strip_left=True, strip_right=True),
                     n("Prepend", prepend=MARK), replace(" ", MARK)), None,
       dec(n("ByteFallback"), n("Strip", content=MARK, start=2, stop=0)), added=True)
    no_spaces(v)
    sp("accents", norm(n("Nmt"), n("NFKD"), n("StripAccents"), replace("  ", "_"), replace(" ", MARK)),
       pre(n("Punctuation", behavior="MergedWithNext"), digits(False)), None)

    base = read("tokenizers", "unigram")
    if small:
        shrink_unigram(base["model"], 400)
    first = len(base["model"]["vocab"])

    def uni(name, normalizer, pre_tokenizer, decoder, added=False, fallback=False):
        v = copy.deepcopy(base)
        v["normalizer"], v["pre_tokenizer"], v["decoder"] = normalizer, pre_tokenizer, decoder
        size = first
        if fallback:
            v["model"]["byte_fallback"] = True
            v["model"]["vocab"] += [["<0x%02X>" % byte, -20.0] for byte in range(256)]
            size += 256
        if added:
            v["added_tokens"] += more_added(v["model"], size)
        result["unigram-" + name] = v
        return v
    uni("fallback", None, metaspace("always"), dec(n("ByteFallback"), metaspace("always")), fallback=True)
    uni("first", None, metaspace("first", False), metaspace("first", False), added=True)
    uni("never", n("NFKC"), metaspace("never", False), metaspace("never"), added=True)
    uni("white-space", n("Lowercase"), pre(n("WhitespaceSplit"), metaspace("always")), metaspace("always"))
    v = uni("odd-scores", None, None, None)
    v["model"]["vocab"] += [["\u4e2d\u6587", -30.0], ["aa", 3.5], ["a", 1.0], ["<0x41>", -1.0]]
    if charsmap:
        precompiled = n("Precompiled", precompiled_charsmap=base64.b64encode(charsmap).decode())
        no_spaces(uni("charsmap", norm(precompiled, SPACES), metaspace("always"), metaspace("always"), added=True))
        sp("charsmap-first", precompiled, metaspace("first", False), LLAMA_DECODER, added=True)
    return result
