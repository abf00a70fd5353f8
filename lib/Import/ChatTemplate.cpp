//===- ChatTemplate.cpp - How a model wants conversations -------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Import/ChatTemplate.h"

namespace espalier {

static const std::string *textOf(const json::Value *value) {
  if (value && value->asObject())
    value = value->find("content");
  return value ? value->asString() : nullptr;
}

static std::string templateOf(const json::Value &config) {
  const json::Value *value = config.find("chat_template");
  if (!value)
    return "";
  if (const std::string *text = value->asString())
    return *text;
  if (const json::Array *list = value->asArray())
    for (const json::Value &entry : *list) {
      const std::string *name = textOf(entry.find("name"));
      const std::string *text = textOf(entry.find("template"));
      if (name && *name == "default" && text)
        return *text;
    }
  return "";
}

ChatTemplate readChatTemplate(const std::string_view *jinja,
                              const json::Value *config,
                              const json::Value *specialTokens) {
  ChatTemplate chat;
  if (jinja)
    chat.source = *jinja;
  else if (config)
    chat.source = templateOf(*config);
  for (const char *name : {"bos_token", "eos_token", "unk_token", "sep_token",
                           "pad_token", "cls_token", "mask_token"}) {
    const std::string *text = config ? textOf(config->find(name)) : nullptr;
    bool isNull = config && config->find(name) && config->find(name)->isNull();
    if (!text && !isNull && specialTokens)
      text = textOf(specialTokens->find(name));
    if (text)
      chat.variables.emplace_back(name, *text);
  }
  return chat;
}

Result<ChatTemplate> readChatTemplate(const GgufFile &file) {
  ChatTemplate chat;
  if (file.find("tokenizer.chat_template")) {
    Result<std::string_view> text = file.getString("tokenizer.chat_template");
    if (!text)
      return text.takeError();
    chat.source = *text;
  }
  if (!file.find("tokenizer.ggml.tokens"))
    return chat;
  Result<std::vector<std::string_view>> tokens =
      file.getStrings("tokenizer.ggml.tokens");
  if (!tokens)
    return tokens.takeError();
  struct Named {
    const char *name, *key;
  };
  for (Named one : {Named{"bos_token", "tokenizer.ggml.bos_token_id"},
                    {"eos_token", "tokenizer.ggml.eos_token_id"},
                    {"unk_token", "tokenizer.ggml.unknown_token_id"},
                    {"sep_token", "tokenizer.ggml.seperator_token_id"},
                    {"pad_token", "tokenizer.ggml.padding_token_id"},
                    {"mask_token", "tokenizer.ggml.mask_token_id"}}) {
    if (!file.find(one.key))
      continue;
    Result<uint64_t> id = file.getUnsigned(one.key);
    if (id && *id < tokens->size())
      chat.variables.emplace_back(one.name, std::string((*tokens)[*id]));
  }
  return chat;
}

} // namespace espalier
