//===- Fixture.h - A fake model, opened -------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TEST_UNIT_RUNTIME_FIXTURE_H
#define ESPALIER_TEST_UNIT_RUNTIME_FIXTURE_H

#include "FakeModel.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

using Tokens = std::vector<int32_t>;

/// An open model and a session; what a test wants otherwise it sets before
/// open().
struct Opened {
  explicit Opened(uint32_t elementType = ESPALIER_F16)
      : fakeModel("fake", elementType),
        path(fake::writeFile("fake.safetensors", fakeModel.container)) {
    espalier_open_options_init(&options);
    options.weights = path.c_str();
    options.threads = 2;
  }
  ~Opened() {
    espalier_session_destroy(session);
    espalier_close(model);
  }

  espalier_status open() {
    if (espalier_status status =
            espalier_open(&fakeModel.descriptor, &options, &model))
      return status;
    return espalier_session_create(model, &session);
  }

  /// Steps and returns the logits of all rows.
  std::vector<float> step(const Tokens &tokens,
                          const Tokens *parents = nullptr) {
    std::vector<uint32_t> wanted(tokens.size());
    std::iota(wanted.begin(), wanted.end(), 0u);
    std::vector<float> logits(tokens.size() * fake::vocab);
    hidden.assign((fake::layers + 1) * tokens.size() * fake::hidden, -1.0f);
    espalier_step_request request = fake::requestFor(tokens);
    request.parents = parents ? parents->data() : nullptr;
    request.wanted_count = uint32_t(wanted.size());
    request.wanted = wanted.data();
    request.logits = logits.data();
    request.hidden = hidden.data();
    status = espalier_step(session, &request);
    return logits;
  }

  fake::Model fakeModel;
  std::string path;
  espalier_open_options options;
  espalier_model *model = nullptr;
  espalier_session *session = nullptr;
  espalier_status status = ESPALIER_OK;
  std::vector<float> hidden;
};

inline std::vector<float> rowOf(const std::vector<float> &logits, size_t row) {
  return {logits.begin() + ptrdiff_t(row * fake::vocab),
          logits.begin() + ptrdiff_t((row + 1) * fake::vocab)};
}

inline Tokens someTokens(uint32_t count, uint32_t seed = 0) {
  Tokens tokens;
  for (uint32_t i = 0; i < count; ++i)
    tokens.push_back(int32_t((i * 7 + i * i * 3 + seed) % fake::vocab));
  return tokens;
}

inline Tokens prefix(const Tokens &tokens, size_t count) {
  return {tokens.begin(), tokens.begin() + ptrdiff_t(count)};
}

#endif // ESPALIER_TEST_UNIT_RUNTIME_FIXTURE_H
