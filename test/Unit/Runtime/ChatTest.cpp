//===- ChatTest.cpp - Conversations -----------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Fixture.h"

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <sys/wait.h>
#include <unistd.h>

namespace {

/// "s", "u" or "a", a space, the content, and the token that ends a text.
constexpr const char *form =
    "{% for m in messages %}{{ m.role[0] }} {{ m.content }}{{ eos_token }}"
    "{% endfor %}{% if add_generation_prompt %}a {% endif %}";

struct Conversation : Opened {
  explicit Conversation(const char *source = form, uint32_t context = 0) {
    fakeModel.addTokenizer();
    fakeModel.descriptor.chat_template = source;
    fakeModel.descriptor.chat_variable_count = 1;
    fakeModel.descriptor.chat_variables = &eosToken;
    options.context = context;
    EXPECT_EQ(open(), ESPALIER_OK) << espalier_last_error();
    status = espalier_chat_create(session, &chat);
    espalier_generate_options_init(&generate);
    generate.max_tokens = 5;
    // Letters that form no longer token: their ids are those of their text.
    for (int32_t id = 2; id < 26; ++id)
      biases.push_back({id, 1000.0f});
    generate.logit_bias = biases.data();
    generate.logit_bias_count = uint32_t(biases.size());
    timing.size = sizeof(timing);
  }
  ~Conversation() { espalier_chat_destroy(chat); }

  espalier_status add(const char *role, const char *content) {
    return espalier_chat_add(chat, role, content, strlen(content));
  }

  static int collect(void *user, int32_t token, const char *text,
                     size_t bytes) {
    auto &self = *static_cast<Conversation *>(user);
    self.answer.append(text, bytes);
    return token >= 0 && ++self.seen == self.stopAfter;
  }

  espalier_status ask(const char *content) {
    add("user", content);
    answer.clear();
    seen = 0;
    return status =
               espalier_chat_generate(chat, &generate, collect, this, &timing);
  }

  std::string rendered(bool withAnswer) {
    char *text = nullptr;
    size_t bytes = 0;
    EXPECT_EQ(espalier_chat_render(chat, withAnswer, &text, &bytes),
              ESPALIER_OK)
        << espalier_last_error();
    std::string copy(text ? text : "", bytes);
    espalier_free(text);
    return copy;
  }

  espalier_chat_variable eosToken = {"eos_token", "<end>"};
  espalier_chat *chat = nullptr;
  espalier_generate_options generate;
  std::vector<espalier_logit_bias> biases;
  espalier_timing timing = {};
  std::string answer;
  int seen = 0, stopAfter = 0;
};

} // namespace

TEST(Chat, RendersTheConversation) {
  Conversation c;
  ASSERT_EQ(c.status, ESPALIER_OK) << espalier_last_error();
  EXPECT_EQ(c.add("system", "be brief"), ESPALIER_OK);
  EXPECT_EQ(c.add("user", "abc"), ESPALIER_OK);
  EXPECT_EQ(espalier_chat_count(c.chat), 2u);
  EXPECT_EQ(c.rendered(false), "s be brief<end>u abc<end>");
  EXPECT_EQ(c.rendered(true), "s be brief<end>u abc<end>a ");
  EXPECT_EQ(espalier_chat_remove(c.chat, 1), ESPALIER_OK);
  EXPECT_EQ(c.rendered(false), "s be brief<end>");
  EXPECT_EQ(espalier_chat_remove(c.chat, 9), ESPALIER_OK);
  EXPECT_EQ(espalier_chat_count(c.chat), 0u);
  EXPECT_EQ(c.add("user", "\xff"), ESPALIER_ERROR_ARGUMENT);
  EXPECT_EQ(espalier_chat_add(nullptr, "user", "a", 1),
            ESPALIER_ERROR_ARGUMENT);
}

/// The second turn computes the new turn's tokens alone, and the one that ended
/// the answer.
TEST(Chat, ComputesNothingTwice) {
  Conversation c;
  ASSERT_EQ(c.ask("abc"), ESPALIER_OK) << espalier_last_error();
  // u, space, ab, c, end, a, space
  EXPECT_EQ(c.timing.prompt_tokens, 7u);
  EXPECT_EQ(c.timing.cached_tokens, 0u);
  EXPECT_EQ(c.timing.new_tokens, 5u);
  EXPECT_EQ(c.answer.size(), 5u);
  EXPECT_EQ(espalier_session_length(c.session), 7u + 4u);
  std::string first = c.answer;

  ASSERT_EQ(c.ask("xyz"), ESPALIER_OK) << espalier_last_error();
  // The answer's last token and its end; u, space, x, y, z, end; a, space.
  EXPECT_EQ(c.timing.cached_tokens, 7u + 4u);
  EXPECT_EQ(c.timing.prompt_tokens, 2u + 6u + 2u);
  EXPECT_EQ(c.rendered(false),
            "u abc<end>a " + first + "<end>u xyz<end>a " + c.answer + "<end>");

  // The same as without the cache.
  Conversation fresh;
  fresh.add("user", "abc");
  fresh.add("assistant", first.c_str());
  ASSERT_EQ(fresh.ask("xyz"), ESPALIER_OK);
  EXPECT_EQ(fresh.timing.cached_tokens, 0u);
  EXPECT_EQ(fresh.timing.prompt_tokens, 21u);
  EXPECT_EQ(fresh.answer, c.answer);

  // Another beginning is computed from where it differs.
  espalier_chat_remove(c.chat, 4);
  ASSERT_EQ(c.ask("abd"), ESPALIER_OK);
  EXPECT_EQ(c.timing.cached_tokens, 3u);
  EXPECT_EQ(c.timing.prompt_tokens, 4u);
  // Asked again, the last token is computed for its logits.
  std::string again = c.answer;
  espalier_chat_remove(c.chat, 2);
  ASSERT_EQ(c.ask("abd"), ESPALIER_OK);
  EXPECT_EQ(c.timing.cached_tokens, 6u);
  EXPECT_EQ(c.timing.prompt_tokens, 1u);
  EXPECT_EQ(c.answer, again);
}

TEST(Chat, SessionMayBeUsedBetween) {
  Conversation c;
  ASSERT_EQ(c.ask("abc"), ESPALIER_OK);
  ASSERT_EQ(espalier_session_truncate(c.session, 4), ESPALIER_OK);
  c.step({9, 9, 9});
  ASSERT_EQ(c.ask("d"), ESPALIER_OK) << espalier_last_error();
  EXPECT_EQ(c.timing.cached_tokens, 4u);
}

TEST(Chat, EndsAtTheTokenizersToken) {
  Conversation c;
  c.fakeModel.card.eos_count = 0; // the model itself names none
  c.biases.push_back({int32_t(fake::vocab) - 1, 2000.0f});
  c.generate.logit_bias = c.biases.data();
  c.generate.logit_bias_count = uint32_t(c.biases.size());
  ASSERT_EQ(c.ask("abc"), ESPALIER_OK);
  EXPECT_EQ(c.timing.finish, uint32_t(ESPALIER_FINISH_END));
  EXPECT_EQ(c.answer, "");
  EXPECT_EQ(espalier_chat_count(c.chat), 2u);
  c.generate.ignore_eos = 1;
  ASSERT_EQ(c.ask("abc"), ESPALIER_OK);
  EXPECT_EQ(c.timing.finish, uint32_t(ESPALIER_FINISH_LENGTH));
}

TEST(Chat, StoppedAnswerStays) {
  Conversation c;
  c.stopAfter = 2;
  EXPECT_EQ(c.ask("abc"), ESPALIER_CANCELLED);
  EXPECT_EQ(c.timing.finish, uint32_t(ESPALIER_FINISH_CANCELLED));
  EXPECT_EQ(c.answer.size(), 2u);
  EXPECT_EQ(c.rendered(false), "u abc<end>a " + c.answer + "<end>");
  c.stopAfter = 0;
  ASSERT_EQ(c.ask("x"), ESPALIER_OK);
  EXPECT_EQ(c.timing.cached_tokens, 7u + 1u);
}

TEST(Chat, FullContext) {
  Conversation c(form, 16);
  c.generate.max_tokens = 0;
  EXPECT_EQ(c.ask("abc"), ESPALIER_ERROR_CONTEXT);
  EXPECT_STREQ(espalier_last_error(),
               "the context of 16 tokens is full, and the answer is cut: begin "
               "a new conversation, or open the model with a larger context");
  EXPECT_EQ(c.timing.finish, uint32_t(ESPALIER_FINISH_CONTEXT));
  EXPECT_EQ(espalier_chat_count(c.chat), 2u);
  EXPECT_EQ(c.ask("d"), ESPALIER_ERROR_CONTEXT);
  EXPECT_STREQ(espalier_last_error(),
               "the conversation has 24 tokens, and the context holds 16: "
               "begin a new one, or open the model with a larger context");
  EXPECT_EQ(espalier_chat_count(c.chat), 3u);
  espalier_chat_remove(c.chat, 3);
  c.generate.max_tokens = 2;
  EXPECT_EQ(c.ask("d"), ESPALIER_OK);
}

TEST(Chat, WhatHasNoChat) {
  Conversation none(nullptr);
  EXPECT_EQ(none.status, ESPALIER_ERROR_UNSUPPORTED);
  Conversation bad("a\n{% include 'x' %}");
  EXPECT_EQ(bad.status, ESPALIER_ERROR_UNSUPPORTED);
  EXPECT_STREQ(espalier_last_error(),
               "the chat template of model 'fake' cannot be used: line 2: "
               "block 'include' is not supported");
  Opened m;
  ASSERT_EQ(m.open(), ESPALIER_OK);
  espalier_chat *chat;
  EXPECT_EQ(espalier_chat_create(m.session, &chat), ESPALIER_ERROR_UNSUPPORTED);
  EXPECT_EQ(chat, nullptr);
}

TEST(Chat, TemplateRefuses) {
  Conversation c("{{ raise_exception('no ' ~ messages[0].role) }}");
  ASSERT_EQ(c.status, ESPALIER_OK);
  EXPECT_EQ(c.ask("a"), ESPALIER_ERROR_ARGUMENT);
  EXPECT_STREQ(espalier_last_error(),
               "the chat template refuses the conversation: no user");
  Conversation broken("\n{{ 1 + messages }}");
  EXPECT_EQ(broken.ask("a"), ESPALIER_ERROR_UNSUPPORTED);
  EXPECT_STREQ(espalier_last_error(), "the chat template cannot be rendered: "
                                      "line 2: '+' is not for int and list");
  Conversation empty("{% if false %}{% endif %}");
  EXPECT_EQ(empty.ask("a"), ESPALIER_ERROR_ARGUMENT);
}

TEST(Chat, Variables) {
  Conversation c("{{ tools is none }}{{ documents is none }}{{ think is "
                 "defined }}{{ bos_token is defined }}{{ eos_token }}");
  EXPECT_EQ(c.rendered(true), "TrueTrueFalseFalse<end>");
  EXPECT_EQ(espalier_chat_set_flag(c.chat, "messages", 1),
            ESPALIER_ERROR_ARGUMENT);
  EXPECT_EQ(espalier_chat_set_flag(c.chat, "think", 0), ESPALIER_OK);
  EXPECT_EQ(espalier_chat_set_flag(c.chat, "think", 1), ESPALIER_OK);
  EXPECT_EQ(c.rendered(true), "TrueTrueTrueFalse<end>");
}

//===--- The program ------------------------------------------------------===//

namespace {

struct Finished {
  int status;
  std::string out, err;
};

/// `environment` may end in a program that runs the program. `writer` writes
/// the input, in place of a file.
Finished runChat(const std::string &arguments, const std::string &input,
                 const char *environment = "", const char *writer = nullptr) {
  char path[PATH_MAX] = {};
  if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
    abort();
  std::string program(path);
  program = program.substr(0, program.rfind('/') + 1) + "espalier-fake-main";
  static const std::string weights = fake::writeFile(
      "fake_main.safetensors", fake::Model("fake_main").container);
  std::string folder = fake::freshFolder();
  std::string lines = fake::writeFile(
      "input", std::vector<uint8_t>(input.begin(), input.end()));
  std::string bias;
  for (int id = 2; id < 26; ++id)
    bias += " --logit-bias " + std::to_string(id) + "+1000";
  std::string from = writer ? std::string(writer) + " | " : "";
  std::string command =
      from +
      "FAKE_CHAT='{% for m in messages %}{{ m.role[0] }} {{ m.content }}<end>"
      "{% endfor %}a ' " +
      environment + " " + program + " --chat -n 5" + bias + " --weights " +
      weights + " " + arguments + (writer ? "" : " <" + lines) + " >" + folder +
      "out 2>" + folder + "err";
  int status = system(command.c_str());
  auto text = [&](const char *name) {
    std::vector<uint8_t> bytes = fake::readFile(folder + name);
    return std::string(bytes.begin(), bytes.end());
  };
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text("out"),
          text("err")};
}

size_t linesOf(const std::string &text) {
  return size_t(std::count(text.begin(), text.end(), '\n'));
}

} // namespace

TEST(ChatProgram, LinesAreTurns) {
  Finished run = runChat("--system 'be brief'", "abc\n\nxyz\r\n");
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(linesOf(run.out), 2u) << run.out;
  EXPECT_EQ(run.out.size(), 12u);
  // The system message: s, space, b, e, space, b, r, i, e, f, end.
  EXPECT_NE(run.err.find("prompt: 18 tokens in"), std::string::npos) << run.err;
  EXPECT_NE(run.err.find("prompt: 32 tokens (22 of them reused)"),
            std::string::npos)
      << run.err;
  // One turn, the same answer; the last line needs no newline.
  EXPECT_EQ(runChat("--system 'be brief' -p abc", "").out,
            run.out.substr(0, 6));
  EXPECT_EQ(runChat("--system 'be brief'", "abc\nxyz").out, run.out);
  EXPECT_EQ(runChat("--system 'be brief' -p -", "abc").out,
            run.out.substr(0, 6));
}

TEST(ChatProgram, Clear) {
  Finished run = runChat("", "abc\n/clear\nabc\n");
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.out.substr(0, 6), run.out.substr(6));
  EXPECT_NE(run.err.find("prompt: 7 tokens (6 of them reused)"),
            std::string::npos)
      << run.err;
}

TEST(ChatProgram, GoesOnBehindAnError) {
  Finished run = runChat("-c 16", "abcdefghijklmnop\nabc\n");
  EXPECT_EQ(run.status, 1);
  EXPECT_EQ(linesOf(run.out), 1u);
  EXPECT_NE(run.err.find("error: the conversation has 20 tokens, and the "
                         "context holds 16"),
            std::string::npos)
      << run.err;
}

TEST(ChatProgram, Interrupts) {
  // Ctrl-C stops the answer; the conversation goes on.
  Finished run = runChat("", "abc\n",
                         "FAKE_MILLISECONDS=100 timeout --preserve-status "
                         "--foreground -s INT 0.35");
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(linesOf(run.out), 1u);
  EXPECT_LT(run.out.size(), 6u) << run.out;
  // Between answers it ends the conversation.
  run = runChat("", "", "timeout --preserve-status --foreground -s INT 1",
                "(echo abc; sleep 3; echo xyz)");
  EXPECT_EQ(run.status, 130) << run.err;
  EXPECT_EQ(linesOf(run.out), 1u);
  EXPECT_EQ(run.out.size(), 6u);
}

TEST(ChatProgram, Refusals) {
  EXPECT_EQ(runChat("-p abc", "", "FAKE_CHAT=").status, 1);
  Finished run = runChat("-p abc", "", "FAKE_CHAT='{% include 1 %}'");
  EXPECT_EQ(run.status, 1);
  EXPECT_NE(run.err.find("error: the chat template of model 'fake_main' cannot "
                         "be used: line 1: block 'include' is not supported"),
            std::string::npos)
      << run.err;
}
