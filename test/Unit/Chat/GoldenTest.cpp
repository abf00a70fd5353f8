//===- GoldenTest.cpp - What transformers and Jinja render ------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ChatTest.h"

#include "Text/Tokenizer.h"
#include "espalier/Import/Tokenizer.h"

#include <cstdlib>
#include <sys/stat.h>
#include <time.h>

using namespace espalier;

namespace {

struct Golden : testing::TestWithParam<const char *> {};

const std::string *tokenText(const json::Value &config, const char *key) {
  const json::Value *value = config.find(key);
  if (!value)
    return nullptr;
  if (value->asString())
    return value->asString();
  const json::Value *content = value->find("content");
  return content ? content->asString() : nullptr;
}

} // namespace

/// transformers' own renderings, and their ids.
TEST_P(Golden, RendersAndTokenizes) {
  std::string folder =
      std::string(ESPALIER_TEST_INPUTS "/goldens/") + GetParam();
  json::Value config = readJson(folder + "/tokenizer_config.json");
  std::string source;
  struct stat info;
  if (stat((folder + "/chat_template.jinja").c_str(), &info) == 0)
    source = readText(folder + "/chat_template.jinja");
  else
    source = *config.find("chat_template")->asString();

  json::Value tables = readJson(folder + "/tokenizer.json");
  Result<ImportedTokenizer> imported = importTokenizerJson(tables, &config);
  ASSERT_TRUE(bool(imported)) << imported.error().message;
  std::optional<text::Tokenizer> tokenizer;
  if (imported->supported()) {
    Result<text::Tokenizer> loaded = text::Tokenizer::load(imported->tables);
    ASSERT_TRUE(bool(loaded));
    tokenizer = *loaded;
  }

  json::Value golden = readJson(folder + "/chat_golden.json");
  ASSERT_FALSE(golden.asArray()->empty());
  for (const json::Value &entry : *golden.asArray()) {
    chat::Data variables = chat::Data::map();
    variables.add("messages", dataOf(*entry.find("messages")));
    variables.add("add_generation_prompt",
                  dataOf(*entry.find("add_generation_prompt")));
    for (const char *name :
         {"bos_token", "eos_token", "unk_token", "pad_token"})
      if (const std::string *text = tokenText(config, name))
        variables.add(name, chat::Data(*text));
    std::string text = rendered(source, variables);
    if (const json::Value *error = entry.find("error")) {
      EXPECT_EQ(text, "raised: " + *error->asString());
      continue;
    }
    EXPECT_EQ(text, *entry.find("rendered")->asString());
    if (!tokenizer)
      continue;
    std::vector<int32_t> ids;
    for (const json::Value &id : *entry.find("ids")->asArray())
      ids.push_back(int32_t(*id.asInteger()));
    Result<std::vector<int32_t>> encoded = tokenizer->encode(text, false);
    ASSERT_TRUE(bool(encoded));
    EXPECT_EQ(*encoded, ids);
  }
}

INSTANTIATE_TEST_SUITE_P(, Golden,
                         testing::Values("llama3-rope", "qwen2", "qwen3",
                                         "tokenizers/llama3",
                                         "tokenizers/qwen2", "gemma2",
                                         "tokenizers/gemma"),
                         [](const testing::TestParamInfo<const char *> &info) {
                           std::string name = info.param;
                           for (char &c : name)
                             c = isalnum(uint8_t(c)) ? c : '_';
                           return name;
                         });

/// Jinja's renderings of templates in the style of known families and of random
/// ones.
TEST(Jinja, Goldens) {
  setenv("TZ", "UTC", 1);
  tzset();
  std::string folder = ESPALIER_TEST_INPUTS "/chat/";
  json::Value golden = readJson(folder + "golden.json");
  ASSERT_GT(golden.asArray()->size(), 100u);
  for (const json::Value &entry : *golden.asArray()) {
    const json::Value *file = entry.find("file");
    std::string source = file ? readText(folder + *file->asString())
                              : *entry.find("template")->asString();
    const json::Value &variables = *entry.find("variables");
    SCOPED_TRACE(file ? *file->asString() : source);
    std::string text = rendered(source, dataOf(variables));
    if (const json::Value *expected = entry.find("text"))
      EXPECT_EQ(text, *expected->asString());
    else if (const json::Value *error = entry.find("error"))
      EXPECT_EQ(text, "raised: " + *error->asString());
    else
      EXPECT_TRUE(text.starts_with("error: ") || text.starts_with("refused: "))
          << text;
  }
}
