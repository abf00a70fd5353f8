//===- ChatTemplate.h - How a model wants conversations ---------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_IMPORT_CHATTEMPLATE_H
#define ESPALIER_IMPORT_CHATTEMPLATE_H

#include "espalier/Import/GGUF.h"
#include "espalier/Import/Tokenizer.h"
#include "espalier/Support/Json.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace espalier {

/// The template is not parsed here: it is text of the model's maker, like any.
struct ChatTemplate {
  /// Jinja source; empty: the model has none.
  std::string source;
  /// Texts that the template knows by name: bos_token, eos_token and the like.
  std::vector<std::pair<std::string, std::string>> variables;
};

/// From a model's folder: chat_template.jinja goes before the template in
/// tokenizer_config.json, which is a text or a list with one of the name
/// "default"; of the tokens, those of tokenizer_config.json go before those of
/// special_tokens_map.json. Null: there is no such file.
ChatTemplate readChatTemplate(const std::string_view *jinja,
                              const json::Value *config,
                              const json::Value *specialTokens);

/// From tokenizer.chat_template and the tokens that the metadata name.
Result<ChatTemplate> readChatTemplate(const GgufFile &file);

} // namespace espalier

#endif // ESPALIER_IMPORT_CHATTEMPLATE_H
