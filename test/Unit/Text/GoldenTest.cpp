//===- GoldenTest.cpp - Ids and text that others computed -----------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TextTest.h"

using namespace espalier;

namespace {

struct Case {
  const char *name;
  std::string folder; ///< "": the GGUF fixture
  std::string golden;
};

void PrintTo(const Case &c, std::ostream *) {}

class Golden : public testing::TestWithParam<Case> {};

} // namespace

TEST_P(Golden, Strings) {
  std::unique_ptr<LoadedTokenizer> loaded =
      GetParam().folder.empty() ? loadSmolLM2() : loadFolder(GetParam().folder);
  ASSERT_TRUE(loaded);
  const text::Tokenizer &tokenizer = loaded->tokenizer;
  json::Value golden = readJson(GetParam().golden);
  ASSERT_TRUE(golden.asArray());
  ASSERT_GT(golden.asArray()->size(), 30u);
  for (const json::Value &entry : *golden.asArray()) {
    const std::string &text = *entry.find("text")->asString();
    SCOPED_TRACE(json::quote(text));
    std::vector<int32_t> ids = idsOf(entry, "ids");
    std::vector<int32_t> special = idsOf(entry, "ids_special");
    EXPECT_EQ(encode(tokenizer, text, /*special=*/false), ids);
    EXPECT_EQ(encode(tokenizer, text, /*special=*/true), special);
    EXPECT_EQ(tokenizer.decode(special, /*keepSpecial=*/false),
              *entry.find("decoded")->asString());
    const json::Value *all = entry.find("decoded_all");
    if (all) {
      EXPECT_EQ(tokenizer.decode(special, /*keepSpecial=*/true),
                *all->asString());
    }
    for (bool keep : {false, true})
      EXPECT_EQ(streamed(tokenizer, special, keep),
                tokenizer.decode(special, keep));
  }
}

#define GOLDENS ESPALIER_TEST_INPUTS "/goldens/"
#define FOLDER(NAME) GOLDENS NAME, GOLDENS NAME "/tokenizer_golden.json"
INSTANTIATE_TEST_SUITE_P(
    , Golden,
    testing::Values(
        Case{"llama", FOLDER("llama")},
        Case{"llama_legacy_config", FOLDER("llama-legacy-config")},
        Case{"llama3_rope", FOLDER("llama3-rope")},
        Case{"qwen2", FOLDER("qwen2")},
        Case{"tokenizers_gemma", FOLDER("tokenizers/gemma")},
        Case{"tokenizers_gemma2_small", FOLDER("tokenizers/gemma2-small")},
        Case{"tokenizers_gpt2_small", FOLDER("tokenizers/gpt2-small")},
        Case{"tokenizers_llama2", FOLDER("tokenizers/llama2")},
        Case{"tokenizers_metaspace", FOLDER("tokenizers/metaspace")},
        Case{"tokenizers_qwen3_small", FOLDER("tokenizers/qwen3-small")},
        Case{"tokenizers_unigram", FOLDER("tokenizers/unigram")},
        Case{"tokenizers_gpt2", FOLDER("tokenizers/gpt2")},
        Case{"tokenizers_llama3", FOLDER("tokenizers/llama3")},
        Case{"tokenizers_qwen2", FOLDER("tokenizers/qwen2")},
        Case{"smollm2", "", GOLDENS "smollm2/tokenizer_golden.json"},
        Case{"stories", ESPALIER_MODELS "/stories-5.5m",
             ESPALIER_TEST_INPUTS "/tokenizer/stories_golden.json"},
        Case{"stories_draft", ESPALIER_MODELS "/stories-draft-0.9m",
             ESPALIER_TEST_INPUTS "/tokenizer/stories_golden.json"}),
    [](const testing::TestParamInfo<Case> &info) { return info.param.name; });
