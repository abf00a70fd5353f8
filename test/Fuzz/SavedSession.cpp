//===- SavedSession.cpp - Fuzz target of saved sessions -------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The first byte tells what the rest is: bytes as they are; or edits of a good
/// session, four bytes of position and four of value each; with bit 1, size and
/// hash are put right, since no fuzzer would guess them. What is refused must
/// leave the session as it was; what is taken must be usable.
///
//===----------------------------------------------------------------------===//
#include "Unit/Runtime/FakeModel.h"
#include "Unit/Runtime/SavedBytes.h"

#include <algorithm>
#include <cstring>

using namespace espalier;
using namespace espalier::runtime;

namespace {

struct Fuzzed {
  fake::Model definition;
  std::string path = fake::writeFile("fake.safetensors", definition.container);
  espalier_model *model = nullptr;
  espalier_session *session = nullptr;
  std::vector<uint8_t> good;
  std::vector<int32_t> held = {1, 2, 3};

  Fuzzed() {
    espalier_open_options options;
    espalier_open_options_init(&options);
    options.weights = path.c_str();
    options.threads = 1;
    options.context = 100;
    std::vector<int32_t> tokens(20, 5);
    if (espalier_open(&definition.descriptor, &options, &model) ||
        espalier_session_create(model, &session) || !step(tokens))
      __builtin_trap();
    good = fake::savedBytes(session);
    if (good.empty())
      __builtin_trap();
    reset();
  }

  bool step(const std::vector<int32_t> &tokens) {
    espalier_step_request request = fake::requestFor(tokens);
    return espalier_step(session, &request) == ESPALIER_OK;
  }
  void reset() {
    if (espalier_session_truncate(session, 0) || !step(held))
      __builtin_trap();
  }
};

void repair(std::vector<uint8_t> &bytes) {
  SessionHeader header;
  if (bytes.size() < sizeof(header))
    return;
  memcpy(&header, bytes.data(), sizeof(header));
  header.bytes = bytes.size();
  memcpy(bytes.data(), &header, sizeof(header));
  fake::rehash(bytes);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static Fuzzed fuzzed;
  if (size == 0)
    return 0;
  std::vector<uint8_t> bytes;
  if (data[0] % 2 == 0) {
    bytes.assign(data + 1, data + size);
  } else {
    bytes = fuzzed.good;
    for (size_t i = 1; i + 8 <= size; i += 8) {
      uint32_t position = 0;
      memcpy(&position, data + i, 4);
      position = position % uint32_t(bytes.size() / 4) * 4;
      memcpy(bytes.data() + position, data + i + 4, 4);
    }
  }
  if (data[0] & 2)
    repair(bytes);
  espalier_status status = espalier_session_restore_bytes(
      fuzzed.session, bytes.data(), bytes.size());
  uint32_t length = espalier_session_length(fuzzed.session);
  const int32_t *tokens = espalier_session_tokens(fuzzed.session);
  if (status != ESPALIER_OK) {
    if (!std::equal(tokens, tokens + length, fuzzed.held.begin(),
                    fuzzed.held.end()) ||
        !*espalier_last_error())
      __builtin_trap();
    return 0;
  }
  for (uint32_t i = 0; i < length; ++i)
    if (tokens[i] < 0 || uint32_t(tokens[i]) >= fake::vocab)
      __builtin_trap();
  if (length < espalier_model_context(fuzzed.model) && !fuzzed.step({7}))
    __builtin_trap();
  fuzzed.reset();
  return 0;
}
