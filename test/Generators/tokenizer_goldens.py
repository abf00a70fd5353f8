# Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes test/Inputs/tokenizer/variants: small tokenizers of every kind with what the
`tokenizers` package makes of some strings, and sentencepiece.json: the model of a
SentencePiece BPE as a GGUF file holds it with what sentencepiece makes of them.

    python tokenizer_goldens.py

Needs tokenizers (made with 0.23.3) and sentencepiece (0.2.1).
"""
import glob
import json
import os
import tempfile

import tokenizers

import tokenizer_variants

HERE = os.path.dirname(os.path.abspath(__file__))
INPUTS = os.path.join(HERE, "..", "Inputs")
FOLDER = os.path.join(INPUTS, "tokenizer", "variants")

STRINGS = [
    "", " ", "  ", "\n", " \n\n \t x", "Hello, world! It's 12345 days, don't WE'LL see?", "  two  spaces   three ",
    "a b  word words sword lone alone  lone", "x <mask>y", "x  <mask>  y<|user|>  \n z", " <both> <both>  q",
    "<|user|>    <|user|>\t", "\n\n\n a\n\n  \n\nb", "norm Norm NORM e\u0301e \u00e9e", "<s>text</s> <unk><s> x",
    "caf\u00e9 cafe\u0301 na\u00efve \u212b \ufb01n \u2460 \uff21\uff22 \u0130stanbul", "\u4e2d\u6587 \u3042\u3044 \uac00\ub098 1\u4e2d2",
    "\U0001f600\U0001f468\u200d\U0001f469 e\u0301\u0323\u0315", "\u0645\u0631\u062d\u0628\u0627\u060c \u0939\u093f\u0928\u094d\u0926\u0940\u0964",
    "HTTPServer McDonald camelCase ABC\u0301D \u01c5x", "f(x)=a[1]/b; // \u00bc \u00b2 100 1000 10\u00bd000",
    "\u2581\u2581 \u2581a", "<0x41> <0x0A>", "aaaaaaaaaaaaaaaa aaa", "'s 'S 're'VE'\u017f ''ll", "a\u00a0b\u3000c\u2028d\u200be",
    "\x00\x01\x1f\x7f\u0085", "...!? ,,(|) .\u3002\u2026x", "the the  then\r\n\r\nthat", " \u0301 \u0301a \u0301\u0301A1",
    "\u0915\u094d\u0937 \u0e33 \u1100\u1161\u11a8", "9" * 7 + " " + "8" * 3, "tail space "]
IDS = [[5, 6, 300, 7], [259, 3, 260, 261], [2, 300, 1, 20, 399, 13], [13, 10, 231, 187, 176, 40], [231, 187], []]

# What SentencePiece is to map: a few of the things that nmt_nfkc does.
RULES = [("\ufb01", "fi"), ("\uff21", "A"), ("\uff22", "B"), ("\u3000", " "), ("\u00a0", " "), ("\u200b", ""),
         ("e\u0301", "\u00e9"), ("\u2460", "1"), ("\u2026", "..."), ("\n", " "), ("\t", " ")]


def corpus():
    texts = [open(path).read() for path in sorted(glob.glob(os.path.join(HERE, "..", "..", "docs", "*.md")))]
    return "\n".join(texts) + "\n" + "\n".join(STRINGS[5:])


def small_charsmap():
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as rules:
        for before, after in RULES:
            codes = [" ".join("%X" % ord(c) for c in text) for text in (before, after)]
            rules.write("\t".join(codes) + "\n")
        rules.flush()
        return tokenizer_variants.sentencepiece_model(corpus(), vocab_size=200, model_type="unigram",
                                                      normalization_rule_tsv=rules.name)[2]


def write_variant(name, content):
    reference = tokenizers.Tokenizer.from_str(json.dumps(content))
    cases = []
    for text in STRINGS:
        ids = reference.encode(text, add_special_tokens=False).ids
        special = reference.encode(text).ids
        cases.append({"text": text, "ids": ids, "ids_special": special,
                      "decoded": reference.decode(special), "decoded_all": reference.decode(
                          special, skip_special_tokens=False)})
    decoding = [{"ids": ids, "decoded": reference.decode(ids)} for ids in IDS]
    with open(os.path.join(FOLDER, name + ".json"), "w") as file:
        json.dump({"tokenizer": content, "cases": cases, "decoding": decoding}, file, separators=(",", ":"))
        file.write("\n")


def write_sentencepiece():
    import sentencepiece
    model, pieces, _ = tokenizer_variants.sentencepiece_model(
        corpus(), vocab_size=700, model_type="bpe", byte_fallback=True, character_coverage=0.999,
        normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=True,
        user_defined_symbols=["<user>"])
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    texts = [text for text in STRINGS if "<" not in text and "\x00" not in text]
    cases = [{"text": text, "ids": processor.encode(text)} for text in texts]
    # SentencePiece's types are those of GGUF.
    with open(os.path.join(INPUTS, "tokenizer", "sentencepiece.json"), "w") as file:
        json.dump({"tokens": [p[0] for p in pieces], "scores": [p[1] for p in pieces],
                   "types": [p[2] for p in pieces], "cases": cases}, file, separators=(",", ":"))
        file.write("\n")


def main():
    os.makedirs(FOLDER, exist_ok=True)
    for name, content in tokenizer_variants.variants(os.path.join(INPUTS, "goldens"), True, small_charsmap()).items():
        write_variant(name, content)
    write_sentencepiece()


main()
