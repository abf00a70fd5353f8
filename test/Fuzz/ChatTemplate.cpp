//===- ChatTemplate.cpp - Fuzz target of chat templates -------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The input is a template, which is rendered with a small conversation under
/// small limits. A text that comes out is UTF-8, and the same a second time.
/// The input itself decides whether the limits are wider and whether there is a
/// second time: both cost what many executions do.
///
//===----------------------------------------------------------------------===//
#include "Chat/Template.h"
#include "espalier/Support/Utf8.h"

using namespace espalier;

static chat::Data textData(const char *text) {
  return chat::Data(std::string(text));
}

static chat::Data conversation() {
  chat::Data variables = chat::Data::map(), messages = chat::Data::list();
  for (auto [role, content] :
       {std::pair("system", "Be brief."), std::pair("user", " 1 + 1?\n"),
        std::pair("assistant", "<think>\nhm\n</think>\n\nTwo \u00e9\u00df"),
        std::pair("tool", "{\"a\": 1}"), std::pair("user", "Why, \"so\"?")}) {
    chat::Data message = chat::Data::map();
    message.add("role", textData(role));
    message.add("content", textData(content));
    messages.items.push_back(std::move(message));
  }
  chat::Data call = chat::Data::map();
  call.add("name", textData("f"));
  call.add("arguments", chat::Data::map());
  call.add("number", chat::Data(1.5));
  call.add("count", chat::Data(int64_t(3)));
  call.add("none", chat::Data());
  chat::Data calls = chat::Data::list();
  calls.items.push_back(std::move(call));
  messages.items[2].add("tool_calls", calls);
  variables.add("messages", std::move(messages));
  variables.add("tools", std::move(calls));
  variables.add("add_generation_prompt", chat::Data(true));
  variables.add("bos_token", textData("<s>"));
  variables.add("eos_token", textData("</s>"));
  return variables;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Result<chat::Template> form =
      chat::Template::parse({reinterpret_cast<const char *>(data), size});
  if (!form)
    return 0;
  static const chat::Data variables = conversation();
  uint32_t sum = 0;
  for (size_t i = 0; i < size; ++i)
    sum = sum * 31 + data[i];
  bool wide = sum % 61 == 0;
  chat::Limits limits;
  limits.steps = wide ? 200'000 : 3'000;
  limits.memory = wide ? 8 << 20 : 256 << 10;
  limits.output = wide ? 1 << 20 : 64 << 10;
  std::string text, again;
  chat::Failure failure, second;
  bool good = form->render(variables, 1700000000, text, failure, limits);
  if (sum % 7 == 0) {
    bool same = form->render(variables, 1700000000, again, second, limits);
    if (good != same || text != again || failure.message != second.message)
      __builtin_trap();
  }
  if (good && (!isValidUtf8(text) || text.size() > limits.output))
    __builtin_trap();
  return 0;
}
