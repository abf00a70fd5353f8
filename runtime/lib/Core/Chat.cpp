//===- Chat.cpp - Conversations ---------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../Chat/Template.h"

#include "LastError.h"
#include "Session.h"
#include "espalier/Support/Utf8.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <new>

using namespace espalier;
using namespace espalier::runtime;

/// The C API's handle is the object itself.
struct espalier_chat {
  espalier_chat(espalier_session &session, chat::Template &&form)
      : session(session), form(std::move(form)) {}

  espalier_status render(bool answer, std::string &text) const;
  /// The tokens that the model answers to. Drops from the session what it holds
  /// beyond their beginning.
  espalier_status prepare(std::vector<int32_t> &tokens) const;

  struct Message {
    std::string role, content;
  };
  espalier_session &session;
  chat::Template form;
  std::vector<Message> messages;
  std::vector<std::pair<std::string, bool>> flags;
};

espalier_status espalier_chat::render(bool answer, std::string &text) const {
  const espalier_descriptor &descriptor = *session.model.descriptor;
  chat::Data list = chat::Data::list();
  for (const Message &message : messages) {
    chat::Data one = chat::Data::map();
    one.add("role", chat::Data(message.role));
    one.add("content", chat::Data(message.content));
    list.items.push_back(std::move(one));
  }
  chat::Data variables = chat::Data::map();
  for (uint32_t i = 0; i < descriptor.chat_variable_count; ++i)
    variables.add(descriptor.chat_variables[i].name,
                  chat::Data(std::string(descriptor.chat_variables[i].text)));
  // As transformers gives them.
  variables.add("tools", chat::Data());
  variables.add("documents", chat::Data());
  for (const auto &[name, value] : flags)
    variables.add(name, chat::Data(value));
  variables.add("messages", std::move(list));
  variables.add("add_generation_prompt", chat::Data(answer));
  chat::Failure failure;
  if (form.render(variables, int64_t(time(nullptr)), text, failure))
    return ESPALIER_OK;
  if (failure.raised)
    return fail(ESPALIER_ERROR_ARGUMENT,
                "the chat template refuses the conversation: " +
                    failure.message);
  return fail(ESPALIER_ERROR_UNSUPPORTED,
              "the chat template cannot be rendered: line " +
                  std::to_string(failure.line) + ": " + failure.message);
}

espalier_status espalier_chat::prepare(std::vector<int32_t> &tokens) const {
  std::string text;
  if (espalier_status status = render(true, text))
    return status;
  Result<std::vector<int32_t>> encoded =
      session.model.tokenizer->encode(text, /*special=*/false);
  if (!encoded)
    return fail(ESPALIER_ERROR_ARGUMENT, encoded.error().message);
  tokens = std::move(*encoded);
  if (tokens.empty())
    return fail(ESPALIER_ERROR_ARGUMENT,
                "the chat template makes no text of the conversation");
  if (tokens.size() > session.model.context)
    return failf(ESPALIER_ERROR_CONTEXT,
                 "the conversation has %zu tokens, and the context holds %u: "
                 "begin a new one%s%s",
                 tokens.size(), session.model.context,
                 session.model.mayGrow() ? ", or " : ": ",
                 session.model.contextAdvice());
  // The last token is always computed: its logits are not kept.
  size_t most = std::min(tokens.size() - 1, session.tokens.size());
  size_t common =
      size_t(std::mismatch(tokens.begin(), tokens.begin() + ptrdiff_t(most),
                           session.tokens.begin())
                 .first -
             tokens.begin());
  return espalier_session_truncate(&session, uint32_t(common));
}

namespace {

/// Collects the answer on its way to the application.
struct Answer {
  const espalier_generate_options *options;
  espalier_token_callback callback;
  void *user;
  std::string text;

  int take(const espalier_event &event) {
    text.append(event.text, event.bytes);
    if (options->event)
      return options->event(user, &event);
    return callback ? callback(user, event.token, event.text, event.bytes) : 0;
  }
};

} // namespace

extern "C" {
static int takeEvent(void *user, const espalier_event *event) {
  return static_cast<Answer *>(user)->take(*event);
}
}

//===--- API --------------------------------------------------------------===//

extern "C" espalier_status espalier_chat_create(espalier_session *session,
                                                espalier_chat **chat) {
  if (!session || !chat)
    return fail(ESPALIER_ERROR_ARGUMENT,
                "espalier_chat_create: session and chat may not be NULL");
  *chat = nullptr;
  const espalier_descriptor &descriptor = *session->model.descriptor;
  if (espalier_status status = session->model.requireTokenizer())
    return status;
  if (!descriptor.chat_template)
    return failf(ESPALIER_ERROR_UNSUPPORTED,
                 "model '%s' has no chat template: give it whole prompts",
                 descriptor.name);
  Result<chat::Template> form = chat::Template::parse(descriptor.chat_template);
  if (!form)
    return failf(ESPALIER_ERROR_UNSUPPORTED,
                 "the chat template of model '%s' cannot be used: %s",
                 descriptor.name, form.error().message.c_str());
  for (uint32_t i = 0; i < descriptor.chat_variable_count; ++i)
    if (!isValidUtf8(descriptor.chat_variables[i].text))
      return failf(ESPALIER_ERROR_FILE,
                   "model '%s': chat variable %u is not UTF-8", descriptor.name,
                   i);
  *chat = new (std::nothrow) espalier_chat(*session, std::move(*form));
  return *chat ? ESPALIER_OK
               : fail(ESPALIER_ERROR_MEMORY, "no memory for a chat");
}

extern "C" void espalier_chat_destroy(espalier_chat *chat) { delete chat; }

extern "C" espalier_status espalier_chat_add(espalier_chat *chat,
                                             const char *role,
                                             const char *content,
                                             size_t bytes) {
  if (!chat || !role || (!content && bytes != 0))
    return fail(ESPALIER_ERROR_ARGUMENT,
                "espalier_chat_add: an argument is NULL");
  std::string_view text(content ? content : "", bytes);
  if (!isValidUtf8(role) || !isValidUtf8(text))
    return fail(ESPALIER_ERROR_ARGUMENT,
                "espalier_chat_add: the message is not UTF-8");
  chat->messages.push_back({role, std::string(text)});
  return ESPALIER_OK;
}

extern "C" espalier_status espalier_chat_remove(espalier_chat *chat,
                                                uint32_t count) {
  if (!chat)
    return fail(ESPALIER_ERROR_ARGUMENT, "espalier_chat_remove: chat is NULL");
  size_t left = chat->messages.size();
  chat->messages.resize(left - std::min<size_t>(left, count));
  return ESPALIER_OK;
}

extern "C" uint32_t espalier_chat_count(const espalier_chat *chat) {
  return uint32_t(chat->messages.size());
}

extern "C" espalier_status espalier_chat_set_flag(espalier_chat *chat,
                                                  const char *name, int value) {
  if (!chat || !name)
    return fail(ESPALIER_ERROR_ARGUMENT,
                "espalier_chat_set_flag: chat and name may not be NULL");
  for (std::string_view own : {"messages", "add_generation_prompt"})
    if (own == name)
      return fail(ESPALIER_ERROR_ARGUMENT,
                  "espalier_chat_set_flag: '" + std::string(own) +
                      "' is made from the conversation; it cannot be set");
  for (auto &[known, flag] : chat->flags)
    if (known == name) {
      flag = value != 0;
      return ESPALIER_OK;
    }
  chat->flags.emplace_back(name, value != 0);
  return ESPALIER_OK;
}

extern "C" espalier_status espalier_chat_render(const espalier_chat *chat,
                                                int answer, char **text,
                                                size_t *bytes) {
  if (!chat || !text)
    return fail(ESPALIER_ERROR_ARGUMENT,
                "espalier_chat_render: chat and text may not be NULL");
  *text = nullptr;
  std::string made;
  if (espalier_status status = chat->render(answer != 0, made))
    return status;
  *text = static_cast<char *>(malloc(made.size() + 1));
  if (!*text)
    return fail(ESPALIER_ERROR_MEMORY, "no memory for the text");
  memcpy(*text, made.c_str(), made.size() + 1);
  if (bytes)
    *bytes = made.size();
  return ESPALIER_OK;
}

extern "C" espalier_status espalier_chat_generate(
    espalier_chat *chat, const espalier_generate_options *given,
    espalier_token_callback callback, void *user, espalier_timing *timing) {
  if (!chat)
    return fail(ESPALIER_ERROR_ARGUMENT,
                "espalier_chat_generate: chat is NULL");
  espalier_generate_options options;
  espalier_generate_options_init(&options);
  if (given) {
    if (espalier_status status = checkStructSize(given->size, sizeof(options),
                                                 "espalier_generate_options"))
      return status;
    options = *given;
    if (!options.end_tokens && options.end_token_count != 0)
      return fail(ESPALIER_ERROR_ARGUMENT, "end_tokens: expected a list");
  }
  if (timing)
    if (espalier_status status =
            checkStructSize(timing->size, sizeof(*timing), "espalier_timing"))
      return status;
  std::vector<int32_t> tokens;
  if (espalier_status status = chat->prepare(tokens))
    return status;
  espalier_session &session = chat->session;
  // Some models name the token that ends an answer in their tokenizer alone.
  std::vector<int32_t> ends(options.end_tokens,
                            options.end_tokens + options.end_token_count);
  if (std::optional<int32_t> eos = session.model.tokenizer->eos();
      eos && !options.ignore_eos)
    ends.push_back(*eos);
  espalier_generate_options passed = options;
  passed.end_tokens = ends.data();
  passed.end_token_count = uint32_t(ends.size());
  passed.event = takeEvent;
  Answer answer{&options, callback, user, {}};
  espalier_timing own = {};
  own.size = sizeof(own);
  uint32_t reused = session.length();
  espalier_status status = espalier_generate(&session, tokens.data() + reused,
                                             tokens.size() - reused, &passed,
                                             nullptr, &answer, &own);
  if (timing)
    *timing = own;
  if (status != ESPALIER_OK && status != ESPALIER_CANCELLED)
    return status;
  if (status == ESPALIER_OK || own.new_tokens != 0)
    chat->messages.push_back({"assistant", std::move(answer.text)});
  if (own.finish == ESPALIER_FINISH_CONTEXT)
    return failf(ESPALIER_ERROR_CONTEXT,
                 "the context of %u tokens is full, and the answer is cut: "
                 "begin a new conversation%s%s",
                 session.model.context,
                 session.model.mayGrow() ? ", or " : ": ",
                 session.model.contextAdvice());
  return status;
}
