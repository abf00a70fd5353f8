//===- TwoModelsTest.cpp - Models side by side ----------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Two emitted libraries in one process, each with its own runtime inside, on
/// the team of one of them.
///
//===----------------------------------------------------------------------===//
#include "Running.h"
#include "espalier/model.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <thread>

using namespace espalier;
using namespace espalier::e2e;

namespace {

/// A library's functions, by the names that espalier/model.h gives them.
struct Library {
  explicit Library(const Config &config)
      : name("m_" + config.label()), config(config) {
    Result<std::string> path = compiled(config);
    if (path)
      image = dlopen(path->c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!image)
      ADD_FAILURE() << (path ? dlerror() : path.error().message);
  }
  ~Library() {
    if (image)
      dlclose(image);
  }
  template <typename F> F *function(const char *suffix) const {
    void *symbol = dlsym(image, (name + "_" + suffix).c_str());
    EXPECT_NE(symbol, nullptr) << name << "_" << suffix;
    return reinterpret_cast<F *>(symbol);
  }

  std::string name;
  Config config;
  void *image = nullptr;
};

/// Logits of each of the tokens, one step for each.
std::vector<float> decode(const Library &library, espalier_team *team,
                          const Tokens &tokens) {
  auto open = library.function<espalier_status(const espalier_open_options *,
                                               espalier_model **)>("open");
  auto close = library.function<decltype(espalier_close)>("close");
  auto create =
      library.function<decltype(espalier_session_create)>("session_create");
  auto destroy =
      library.function<decltype(espalier_session_destroy)>("session_destroy");
  auto step = library.function<decltype(espalier_step)>("step");
  auto error = library.function<decltype(espalier_last_error)>("last_error");
  espalier_open_options options = {};
  options.size = sizeof(options);
  options.team = team;
  espalier_model *model = nullptr;
  espalier_session *session = nullptr;
  if (open(&options, &model) != ESPALIER_OK ||
      create(model, &session) != ESPALIER_OK) {
    ADD_FAILURE() << error();
    return {};
  }
  auto descriptor =
      library.function<decltype(espalier_model_descriptor)>("model_descriptor");
  size_t vocab = descriptor(model)->card->vocab;
  std::vector<float> logits(tokens.size() * vocab);
  for (size_t i = 0; i < tokens.size(); ++i) {
    uint32_t zero = 0;
    espalier_step_request request = {};
    request.size = sizeof(request);
    request.count = 1;
    request.tokens = &tokens[i];
    request.wanted_count = 1;
    request.wanted = &zero;
    request.logits = &logits[i * vocab];
    EXPECT_EQ(step(session, &request), ESPALIER_OK) << error();
  }
  destroy(session);
  close(model);
  return logits;
}

TEST(TwoModelsTest, OneTeamTwoThreads) {
  Library a({"llama", "auto", "f16"}), b({"gguf-q4_1", "auto", "f16"});
  ASSERT_TRUE(a.image && b.image);
  Tokens tokens = Random(12).tokens(40, 400);
  std::vector<float> expectedA, expectedB;
  for (auto [library, expected] :
       {std::pair(&a, &expectedA), {&b, &expectedB}}) {
    Model alone = openConfig(library->config, 1);
    ASSERT_TRUE(alone);
    *expected = Sequence(alone.get()).chain(tokens).logits;
  }

  espalier_team *team = nullptr;
  ASSERT_EQ(a.function<decltype(espalier_team_create)>("team_create")(3, &team),
            ESPALIER_OK);
  EXPECT_TRUE(decode(a, team, tokens) == expectedA);
  EXPECT_TRUE(decode(b, team, tokens) == expectedB);
  // At the same time: steps take turns on the team.
  std::vector<float> gotB;
  std::thread other([&] { gotB = decode(b, team, tokens); });
  std::vector<float> gotA = decode(a, team, tokens);
  other.join();
  EXPECT_TRUE(gotA == expectedA);
  EXPECT_TRUE(gotB == expectedB);
  a.function<decltype(espalier_team_destroy)>("team_destroy")(team);
}

} // namespace
