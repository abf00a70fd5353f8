//===- ImportTest.cpp - Hostile and unsupported tokenizers ----------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TextTest.h"

#include <cmath>

using namespace espalier;

namespace {

/// "ok", the reason why the kind is not supported, or the error.
std::string outcome(const Result<ImportedTokenizer> &imported) {
  if (!imported)
    return imported.error().message;
  if (!imported->supported()) {
    EXPECT_TRUE(imported->tables.empty());
    return imported->missing;
  }
  Result<text::Tokenizer> loaded = text::Tokenizer::load(imported->tables);
  return loaded ? "ok" : loaded.error().message;
}

/// The small tokenizer with `from` replaced by `to`.
std::string changed(const std::string &from, const std::string &to) {
  std::string text = smallTokenizer();
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
  return outcome(importTokenizerJson(parseJson(text), nullptr));
}

std::string configured(const std::string &config) {
  json::Value value = parseJson(config);
  return outcome(importTokenizerJson(parseJson(smallTokenizer()), &value));
}

GGUFTokenizer smallSentencePiece() {
  GGUFTokenizer gguf;
  gguf.model = "llama";
  gguf.tokens = {"<unk>", "<s>",     "<0x63>", "\u2581",  "a",
                 "b",     "\u2581a", "ab",     "\u2581ab"};
  gguf.types = {2, 3, 6, 1, 1, 1, 1, 1, 1};
  gguf.scores = {0, 0, 0, -6, -7, -8, -2, -1, -3};
  gguf.bos = 1;
  return gguf;
}

GGUFTokenizer smallGGUF() {
  GGUFTokenizer gguf;
  gguf.model = "gpt2";
  gguf.pre = "gpt-2";
  gguf.tokens = {"a", "b", "ab", "<s>", "</s>", "<u>"};
  gguf.types = {1, 1, 1, 3, 3, 4};
  gguf.merges = {"a b"};
  gguf.bos = 3;
  gguf.eos = 4;
  return gguf;
}

} // namespace

#define NOT_YET "tokenizer not supported yet: "

TEST(ImportJson, NotSupported) {
  EXPECT_EQ(changed("\"BPE\"", "\"WordPiece\""), NOT_YET "model \"WordPiece\"");
  EXPECT_EQ(changed("\"normalizer\": null",
                    R"("normalizer": {"type": "BertNormalizer"})"),
            NOT_YET "normaliser \"BertNormalizer\"");
  EXPECT_EQ(changed("\"normalizer\": null",
                    R"("normalizer": {"type": "Sequence", "normalizers": [
                       {"type": "NFC"}, {"type": "Replace", "content": "",
                        "pattern": {"Regex": "(a+)+$"}}]})"),
            NOT_YET "normaliser Replace of \"(a+)+$\"");
  EXPECT_EQ(changed("\"normalizer\": null",
                    R"("normalizer": {"type": "Prepend", "prepend": ")" +
                        std::string(65, 'a') + "\"}"),
            NOT_YET "normaliser step 0: its text is too long");
  EXPECT_EQ(changed(R"({"type": "ByteLevel", "add_prefix_space": false,
                      "use_regex": true})",
                    R"({"type": "Metaspace", "replacement": "_"})"),
            NOT_YET "ByteLevel as pre-tokenizer or as decoder only");
  EXPECT_EQ(changed(R"({"type": "ByteLevel", "add_prefix_space": false,
                      "use_regex": true})",
                    R"({"type": "Sequence", "pretokenizers": [
                        {"type": "Split", "pattern": {"Regex": "(a+)+$"},
                         "behavior": "Isolated", "invert": false},
                        {"type": "ByteLevel", "add_prefix_space": false,
                         "use_regex": false}]})"),
            NOT_YET "split expression \"(a+)+$\"");
  EXPECT_EQ(changed(R"({"type": "ByteLevel", "add_prefix_space": false,
                      "use_regex": true})",
                    R"({"type": "Sequence", "pretokenizers": [
                        {"type": "ByteLevel"}, {"type": "Punctuation"}]})"),
            NOT_YET "pre-tokenizer step 3: its expression does not work on "
                    "bytes");
  EXPECT_EQ(changed(R"("decoder": {"type": "ByteLevel"})",
                    R"("decoder": {"type": "WordPiece"})"),
            NOT_YET "decoder \"WordPiece\"");
  EXPECT_EQ(changed(R"("decoder": {"type": "ByteLevel"})",
                    R"("decoder": {"type": "Sequence", "decoders": [
                       {"type": "Fuse"}, {"type": "ByteFallback"}]})"),
            NOT_YET "decoder step 1: it is not known at this place");
  EXPECT_EQ(changed("\"TemplateProcessing\"", "\"BertProcessing\""),
            NOT_YET "post-processor \"BertProcessing\"");
  EXPECT_EQ(changed("\"unk_token\": null", "\"unk_token\": \"none\""),
            NOT_YET "an unknown token that is not in the vocabulary");
  EXPECT_EQ(changed("\"unk_token\": null", "\"byte_fallback\": true"),
            NOT_YET "ByteLevel with byte_fallback and a vocabulary that lacks "
                    "bytes");
  EXPECT_EQ(changed("\"unk_token\": null", "\"dropout\": 0.1"),
            NOT_YET "BPE with dropout");
  EXPECT_EQ(changed("\"content\": \"<s>\"",
                    "\"content\": \"" + std::string(1025, 'a') + "\""),
            NOT_YET "added token \"" + std::string(80, 'a') +
                "\"..., which is too long");
}

TEST(ImportJson, Malformed) {
  EXPECT_EQ(changed("\"c\": 2", "\"c\": 1"),
            "tokenizer.json: tokens \"b\" and \"c\" have the same id 1");
  EXPECT_EQ(changed("\"c\": 2", "\"c\": -1"),
            "tokenizer.json: 'model.vocab.c': expected a non-negative integer, "
            "got type integer");
  EXPECT_EQ(changed("\"c\": 2", "\"c\": 2147483647"),
            "tokenizer.json: token \"c\": expected an id below 65560, got "
            "2147483647");
  EXPECT_EQ(changed("\"c\": 2", "\"c\": 18446744073709551615"),
            "tokenizer.json: token \"c\": expected an id below 65560, got "
            "18446744073709551615");
  EXPECT_EQ(changed("[\"ab\", \"c\"]", "[\"ab\", \"d\"]"),
            "tokenizer.json: merge 2 (\"ab\", \"d\"): \"d\" is not in the "
            "vocabulary");
  EXPECT_EQ(changed("[\"ab\", \"c\"]", "[\"c\", \"ab\"]"),
            "tokenizer.json: merge 2 (\"c\", \"ab\"): \"cab\" is not in the "
            "vocabulary");
  EXPECT_EQ(changed("[\"ab\", \"c\"]", "[\"a\", \"b\"]"),
            "tokenizer.json: merges 1 and 2 are the same");
  EXPECT_EQ(changed("[\"ab\", \"c\"]", "[\"<s>\", \"c\"]"),
            "tokenizer.json: merge 2 (\"<s>\", \"c\"): \"<s>\" is not in the "
            "vocabulary");
  EXPECT_EQ(changed("[\"ab\", \"c\"]", "[\"ab\"]"),
            "tokenizer.json: 'model.merges[2]': expected two tokens, as an "
            "array or with one space between, got type array");
  EXPECT_EQ(changed("[\"ab\", \"c\"]", "\"ab  c\""),
            "tokenizer.json: 'model.merges[2]': expected two tokens, as an "
            "array or with one space between, got type string");
  EXPECT_EQ(changed("\"ids\": [8]", "\"ids\": [12]"),
            "tokenizer.json: post-processor: no token has the id 12");
  EXPECT_EQ(changed("\"ids\": [8]", "\"ids\": [4294967304]"),
            "tokenizer.json: post-processor: no token has the id 4294967304");
  EXPECT_EQ(changed("\"id\": 8", "\"id\": 3"),
            "tokenizer.json: added token \"<s>\" and token \"ab\" have the "
            "same id 3");
  EXPECT_EQ(changed("\"id\": 8", "\"id\": 9"),
            "tokenizer.json: added token \"<|x|>\" and \"<s>\" have the same "
            "id 9");
  EXPECT_EQ(changed("\"content\": \"<s>\"", "\"content\": \"a\""),
            "tokenizer.json: added token \"a\" has the ids 0 and 8");
  EXPECT_EQ(changed("\"content\": \"<s>\"", "\"content\": \"\""),
            "tokenizer.json: added token 8 is empty");
  EXPECT_EQ(changed("\"vocab\": {", "\"vocab\": 3, \"v\": {"),
            "tokenizer.json: 'model.vocab': expected an object, got type "
            "integer");
  EXPECT_EQ(changed("\"merges\": [", "\"m\": ["),
            "tokenizer.json: 'model.merges': expected an array, got nothing");
  EXPECT_EQ(changed("\"ignore_merges\": false", "\"ignore_merges\": 1"),
            "tokenizer.json: 'ignore_merges': expected a boolean, got type "
            "integer");
  EXPECT_EQ(
      changed("\"add_prefix_space\": false", "\"add_prefix_space\": \"no\""),
      "tokenizer.json: 'add_prefix_space': expected a boolean, got type "
      "string");
  EXPECT_EQ(outcome(importTokenizerJson(parseJson("[]"), nullptr)),
            "tokenizer.json: expected an object, got type array");
}

namespace {

/// A unigram model with these members, its normaliser and its vocabulary.
std::string unigram(const std::string &members, const std::string &vocabulary,
                    const std::string &normalizer = "null") {
  return outcome(importTokenizerJson(
      parseJson(R"({"decoder": null, "pre_tokenizer": null, "normalizer": )" +
                normalizer + R"(, "model": {"type": "Unigram", )" + members +
                R"("vocab": )" + vocabulary + "}}"),
      nullptr));
}

std::string charsmap(const std::string &base64) {
  return unigram("\"unk_id\": 0, ", R"([["<unk>", 0]])",
                 R"({"type": "Precompiled", "precompiled_charsmap": ")" +
                     base64 + "\"}");
}

} // namespace

TEST(ImportJson, Unigram) {
  const std::string good = R"([["<unk>", 0], ["a", -1.5], ["a", -2]])";
  EXPECT_EQ(unigram("\"unk_id\": 0, ", good), "ok");
  EXPECT_EQ(unigram("", good), NOT_YET "a unigram model without unk_id");
  EXPECT_EQ(unigram("\"unk_id\": 3, ", good),
            "tokenizer.json: 'model.unk_id': expected the id of a token, got "
            "type integer");
  EXPECT_EQ(unigram("\"unk_id\": 0, ", "{}"),
            "tokenizer.json: 'model.vocab': expected an array, got type "
            "object");
  EXPECT_EQ(unigram("\"unk_id\": 0, ", R"([["<unk>", 0], ["a"]])"),
            "tokenizer.json: 'model.vocab[1]': expected a token and its score, "
            "got type array");
  EXPECT_EQ(unigram("\"unk_id\": 0, ", R"([["<unk>", 0], [")" +
                                           std::string(1025, 'a') + "\", 1]]"),
            NOT_YET "a unigram model with the token \"" + std::string(80, 'a') +
                "\"..., which is too long");
}

TEST(ImportJson, Charsmap) {
  EXPECT_EQ(charsmap(""), "ok");
  EXPECT_EQ(charsmap("CAAAAAAEAAABAQAAYQA="), "ok");
  for (const char *bad : {"CAAAAAAEAAABAQAAYQA", "!AAAAAAEAAABAQAAYQA=", "CAA=",
                          "/AAAAAAEAAABAQAAYQA=", "BwAAAAAEAAABAQAAYQA="})
    EXPECT_EQ(charsmap(bad),
              "tokenizer.json: 'precompiled_charsmap': expected Base64 of a "
              "double array with its size and text")
        << bad;
  // A result without its end, and one that is not UTF-8.
  for (const char *bad : {"CAAAAAAEAAABAQAAYWE=", "CAAAAAAEAAABAQAA/wA="})
    EXPECT_EQ(charsmap(bad), "tokenizer.json: the results of its precompiled "
                             "character map are no text")
        << bad;
}

TEST(ImportJson, Accepted) {
  EXPECT_EQ(changed("\"a\"", "\"a\""), "ok");
  EXPECT_EQ(changed("[\"ab\", \"c\"]", "\"ab c\""), "ok");
  EXPECT_EQ(changed("\"type\": \"BPE\", ", ""), "ok");
  EXPECT_EQ(changed(R"({"type": "ByteLevel", "add_prefix_space": false,
                      "use_regex": true})",
                    R"({"type": "Sequence", "pretokenizers": [
                        {"type": "Digits", "individual_digits": true},
                        {"type": "ByteLevel", "add_prefix_space": false,
                         "use_regex": true}]})"),
            "ok");
  // An id that is left out stands for nothing.
  EXPECT_EQ(changed("\"id\": 11", "\"id\": 13"), "ok");
}

TEST(ImportJson, Config) {
  EXPECT_EQ(configured("{}"), "ok");
  EXPECT_EQ(configured("[]"),
            "tokenizer_config.json: expected an object, got type array");
  EXPECT_EQ(configured(R"({"added_tokens_decoder": {"x": {"content": "y"}}})"),
            "tokenizer_config.json: 'added_tokens_decoder': expected ids with "
            "tokens, got \"x\"");
  EXPECT_EQ(configured(R"({"added_tokens_decoder":
                          {"99999999999999999999": {"content": "y"}}})"),
            "tokenizer_config.json: 'added_tokens_decoder': expected ids with "
            "tokens, got \"99999999999999999999\"");
  json::Value prefixed = parseJson(R"({"add_prefix_space": true})");
  auto spaced =
      loadTables(importTokenizerJson(parseJson(smallTokenizer()), &prefixed));
  ASSERT_TRUE(spaced);
  EXPECT_EQ(*spaced->tokenizer.encode("ab", false),
            (std::vector<int32_t>{6, 3}));

  json::Value config = parseJson(R"({
    "bos_token": "<s>", "eos_token": {"content": "abc"}, "pad_token": "none",
    "added_tokens_decoder": {"12": {"content": "<new>", "special": true}}})");
  Result<ImportedTokenizer> imported =
      importTokenizerJson(parseJson(smallTokenizer()), &config);
  ASSERT_TRUE(imported);
  EXPECT_EQ(imported->bos, 8);
  EXPECT_EQ(imported->eos, 4);
  EXPECT_EQ(imported->vocabulary, 13u);
  auto loaded = loadTables(std::move(imported));
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->tokenizer.bos(), 8);
  EXPECT_EQ(loaded->tokenizer.eos(), 4);
  Result<std::vector<int32_t>> ids =
      loaded->tokenizer.encode("a<new>abc", /*special=*/false);
  ASSERT_TRUE(ids);
  EXPECT_EQ(*ids, (std::vector<int32_t>{0, 12, 4}));
  EXPECT_TRUE(loaded->tokenizer.isSpecial(12));
  EXPECT_TRUE(loaded->tokenizer.isSpecial(4));
}

TEST(ImportJson, LlamaClassTakesItsEndsFromTheConfig) {
  json::Value config = parseJson(R"({"tokenizer_class": "LlamaTokenizerFast",
    "bos_token": "<s>", "eos_token": "<|x|>",
    "add_bos_token": false, "add_eos_token": true})");
  auto loaded =
      loadTables(importTokenizerJson(parseJson(smallTokenizer()), &config));
  ASSERT_TRUE(loaded);
  Result<std::vector<int32_t>> ids = loaded->tokenizer.encode("a", true);
  ASSERT_TRUE(ids);
  EXPECT_EQ(*ids, (std::vector<int32_t>{0, 9}));
}

TEST(ImportGGUF, Kinds) {
  GGUFTokenizer gguf = smallGGUF();
  EXPECT_EQ(outcome(importTokenizerGGUF(gguf)), "ok");
  for (const char *pre : {"llama-bpe", "qwen2", "smollm"}) {
    gguf.pre = pre;
    EXPECT_EQ(outcome(importTokenizerGGUF(gguf)), "ok") << pre;
  }
  for (const char *pre : {"falcon", "deepseek-v3", "deepseek-coder", "bloom",
                          "gpt-4o", "tekken", "command-r", "stablelm2"}) {
    gguf.pre = pre;
    EXPECT_EQ(outcome(importTokenizerGGUF(gguf)), "ok") << pre;
  }
  gguf.pre = "default";
  EXPECT_EQ(outcome(importTokenizerGGUF(gguf)),
            NOT_YET "GGUF pre-tokenizer \"default\"");
  gguf.pre.reset();
  EXPECT_EQ(outcome(importTokenizerGGUF(gguf)),
            NOT_YET "GGUF tokenizer without tokenizer.ggml.pre");
  gguf.model = "bert";
  EXPECT_EQ(outcome(importTokenizerGGUF(gguf)),
            NOT_YET "GGUF tokenizer model \"bert\"");
}

TEST(ImportGGUF, AddedTokensThatAreNoText) {
  // Its bytes would match within a character.
  GGUFTokenizer gguf = smallGGUF();
  gguf.tokens.push_back("\xa9");
  gguf.types.push_back(3);
  EXPECT_EQ(outcome(importTokenizerGGUF(gguf)).find(NOT_YET "added token "), 0u)
      << outcome(importTokenizerGGUF(gguf));
  // Where the merges use it, a token may be any bytes.
  gguf.types.back() = 1;
  EXPECT_EQ(outcome(importTokenizerGGUF(gguf)), "ok");
}

TEST(ImportGGUF, SentencePiece) {
  auto loaded = loadTables(importTokenizerGGUF(smallSentencePiece()));
  ASSERT_TRUE(loaded);
  const text::Tokenizer &t = loaded->tokenizer;
  using Ids = std::vector<int32_t>;
  // The space in front; ab scores more than \u2581a.
  EXPECT_EQ(*t.encode("ab", true), (Ids{1, 8}));
  EXPECT_EQ(*t.encode("a b", false), (Ids{6, 3, 5}));
  // c is a byte, d unknown, two of them one; a byte does not end the wait.
  EXPECT_EQ(*t.encode("acdda", false), (Ids{6, 2, 0, 4}));
  EXPECT_EQ(*t.encode("a<s>b", false), (Ids{6, 1, 3, 5}));
  EXPECT_EQ(t.decode(Ids{1, 8, 6, 2}, false), "ab ac");
  EXPECT_EQ(t.bytesOf(2, false), "c");
  EXPECT_EQ(t.bytesOf(6, false), " a");
  EXPECT_EQ(t.bytesOf(1, false), "");
  EXPECT_EQ(t.bytesOf(1, true), "<s>");
  // Bytes wait for what follows them.
  text::StreamDecoder decoder(t);
  EXPECT_EQ(decoder.push(8), "ab");
  EXPECT_EQ(decoder.push(2), "");
  EXPECT_EQ(decoder.push(6), "c a");
  EXPECT_EQ(decoder.push(2), "");
  EXPECT_EQ(decoder.finish(), "c");
  GGUFTokenizer gguf = smallSentencePiece();
  gguf.addSpacePrefix = false;
  loaded = loadTables(importTokenizerGGUF(gguf));
  ASSERT_TRUE(loaded);
  EXPECT_EQ(*loaded->tokenizer.encode("ab", false), (Ids{7}));
  EXPECT_EQ(loaded->tokenizer.decode(Ids{8}, false), " ab");

  gguf = smallSentencePiece();
  gguf.scores.pop_back();
  EXPECT_EQ(outcome(importTokenizerGGUF(gguf)),
            "tokenizer.ggml.scores: expected 9 elements, one for each token, "
            "got 8");
  gguf.scores.push_back(NAN);
  EXPECT_EQ(outcome(importTokenizerGGUF(gguf)),
            "tokenizer.ggml.scores: token 8: expected a number, got NaN");
}

TEST(ImportGGUF, Ends) {
  GGUFTokenizer gguf = smallGGUF();
  auto encoded = [&] {
    auto loaded = loadTables(importTokenizerGGUF(gguf));
    if (!loaded)
      return std::vector<int32_t>();
    return *loaded->tokenizer.encode("ab<u>", /*special=*/true);
  };
  EXPECT_EQ(encoded(), (std::vector<int32_t>{2, 5}));
  gguf.addBos = true;
  gguf.addEos = true;
  EXPECT_EQ(encoded(), (std::vector<int32_t>{3, 2, 5, 4}));
  gguf.addBos.reset();
  gguf.addEos.reset();
  gguf.pre = "llama-bpe"; // adds a beginning unless told otherwise
  EXPECT_EQ(encoded(), (std::vector<int32_t>{3, 2, 5}));
}

TEST(ImportGGUF, Malformed) {
  auto with = [](auto change) {
    GGUFTokenizer gguf = smallGGUF();
    change(gguf);
    return outcome(importTokenizerGGUF(gguf));
  };
  EXPECT_EQ(with([](GGUFTokenizer &g) { g.types.pop_back(); }),
            "tokenizer.ggml.token_type: expected 6 elements, one for each "
            "token, got 5");
  EXPECT_EQ(with([](GGUFTokenizer &g) { g.types[2] = 7; }),
            "tokenizer.ggml.token_type: token 2: expected 1 to 6, got 7");
  EXPECT_EQ(with([](GGUFTokenizer &g) { g.merges[0] = "ab"; }),
            "tokenizer.ggml.merges: merge 0: expected two tokens with one "
            "space between, got \"ab\"");
  EXPECT_EQ(with([](GGUFTokenizer &g) { g.merges[0] = "b a"; }),
            "tokenizer.ggml: merge 0 (\"b\", \"a\"): \"ba\" is not in the "
            "vocabulary");
  EXPECT_EQ(with([](GGUFTokenizer &g) { g.tokens[1] = "a"; }),
            "tokenizer.ggml: token \"a\" appears twice");
  EXPECT_EQ(with([](GGUFTokenizer &g) { g.bos = 6; }),
            "tokenizer.ggml: beginning of text: no token has the id 6");
  EXPECT_EQ(with([](GGUFTokenizer &g) { g.eos = 0xffffffff; }),
            "tokenizer.ggml: end of text: no token has the id 4294967295");
  EXPECT_EQ(with([](GGUFTokenizer &g) {
              g.bos.reset();
              g.addBos = true;
            }),
            "tokenizer.ggml.add_bos_token: there is no "
            "tokenizer.ggml.bos_token_id");
  EXPECT_EQ(with([](GGUFTokenizer &g) {
              g.tokens.clear();
              g.types.clear();
            }),
            "tokenizer.ggml: merge 0 (\"a\", \"b\"): \"a\" is not in the "
            "vocabulary");
}
